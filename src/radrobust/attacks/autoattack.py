"""AutoAttack's parts (Croce & Hein 2020, arXiv:2003.01690), as its authors' code runs them.

Its standard version cannot run on two classes: the difference of logits ratio is made of three
logits, and its targeted attacks ask for nine targets. What remains on two classes are APGD on the
cross-entropy, FAB and Square; and, in the place of the attacks on the ratio, APGD on the margin.
For that the same code is handed the logits times a small factor: where they are small the
cross-entropy is linear in their difference.

The code draws random numbers for a whole batch at a time, so that which images it breaks depends on
how they are batched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from pyautoattack.autopgd_base import APGDAttack
from pyautoattack.fab_pt import FABAttack_PT
from pyautoattack.square import SquareAttack
from torch import Tensor, nn

from radrobust.attacks.pgd import Outcome, Pgd, judge
from radrobust.core.params import budget_text
from radrobust.core.seeds import derive_seed
from radrobust.systems.images import Images

_NORMS = {"linf": "Linf", "l2": "L2"}
_SMALL = 1e-3

Part = Callable[[nn.Module, Images, Pgd, int], Outcome]
"""From a classifier, images, the ball of an attack and a seed to what came of it."""


def parts(iterations: int, queries: int) -> dict[str, Part]:
    """Return the parts by name: ``apgd_ce``, ``apgd_margin``, ``fab`` and ``square``.

    Each attacks images in the ball of the attack that it is given, in pixels, from one start, and
    is believed in what float32 says of those that it returns. How many steps it took to break one
    is not told: `iteration` is 0 where it did.

    Parameters
    ----------
    iterations : int
        Steps of APGD and FAB; AutoAttack's own number is 100.
    queries : int
        Of Square, which asks for answers alone; AutoAttack's own number is 5000.
    """

    def apgd(classifier: nn.Module, images: Images, attack: Pgd, seed: int) -> Outcome:
        common = _common(attack, images)
        return _run(APGDAttack(classifier, n_iter=iterations, **common), classifier, images, seed)

    def apgd_margin(classifier: nn.Module, images: Images, attack: Pgd, seed: int) -> Outcome:
        small = APGDAttack(_Scaled(classifier), n_iter=iterations, **_common(attack, images))
        return _run(small, classifier, images, seed)

    def fab(classifier: nn.Module, images: Images, attack: Pgd, seed: int) -> Outcome:
        common = _common(attack, images)
        return _run(FABAttack_PT(classifier, n_iter=iterations, **common), classifier, images, seed)

    def square(classifier: nn.Module, images: Images, attack: Pgd, seed: int) -> Outcome:
        # As AutoAttack sets it up: the squares shrink as if there were 10,000 queries.
        common = _common(attack, images) | {"resc_schedule": False}
        attacker = SquareAttack(classifier, n_queries=queries, **common)
        return _run(attacker, classifier, images, seed)

    return {"apgd_ce": apgd, "apgd_margin": apgd_margin, "fab": fab, "square": square}


class _Scaled(nn.Module):
    """A classifier whose logits are so small that the cross-entropy of them is the margin."""

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.classifier(images)
        return _SMALL * logits


def _common(attack: Pgd, images: Images) -> dict[str, Any]:
    return {"norm": _NORMS[attack.norm], "eps": attack.eps, "device": images.pixels.device}


def _run(attacker: Any, classifier: nn.Module, images: Images, seed: int) -> Outcome:
    attacker.seed = derive_seed(seed, *images.sample_ids)
    with torch.random.fork_rng():
        pixels = attacker.perturb(images.pixels.clone(), images.labels)
    condition = f"{type(attacker).__name__} {attacker.norm} {budget_text(attacker.eps)}"
    return judge(classifier, images, pixels.detach(), condition)
