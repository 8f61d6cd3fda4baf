"""From an attack to a table: every test film at every budget of the curve."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radrobust.attacks.pgd import Outcome, Pgd, pgd, without_attack
from radrobust.params import Attack
from radrobust.progress import progress
from radrobust.seeds import derive_seed
from radrobust.systems.films import Films


def pgd_at(budget: Fraction, params: Attack) -> Pgd:
    """Return the attack at one point of the curve: the step is scaled with the budget.

    At `params.eps` it is exactly the attack that `params` describes.
    """
    step = params.step * budget / params.eps
    return Pgd(float(budget), float(step), params.steps)


def random_starts(sample_ids: Sequence[str], side: int, seed: int) -> Tensor:
    """Draw each film's start from (seed, sample_id), so that no batch or order changes it.

    Returns
    -------
    Tensor
        N×1×side×side, uniform in [-1, 1].
    """
    starts = torch.empty(len(sample_ids), 1, side, side)
    for row, sample_id in enumerate(sample_ids):
        generator = torch.Generator().manual_seed(derive_seed(seed, "start", sample_id))
        starts[row].uniform_(-1, 1, generator=generator)
    return starts


def attack_curve(
    classifier: nn.Module, films: Films, params: Attack, seed: int, threshold: float
) -> pd.DataFrame:
    """Attack every film at every budget.

    What breaks at a smaller budget is broken at every larger one, by the same image: the curve
    falls or stays, by construction. Only films still standing are attacked at the next budget.
    An attacker aims at the decision that is made: the threshold that was chosen on validation films
    is attacked on its own, at the headline budget.

    Parameters
    ----------
    classifier : nn.Module
        In eval mode.
    films : Films
        Test films, on the classifier's device.
    params : Attack
        The section `attack` of the study.
    seed : int
        Of the random starts.
    threshold : float
        Difference of the logits above which the threshold's decision is positive.

    Returns
    -------
    DataFrame
        One row a film, decision and budget, clean first: `sample_id`, `label`, `decision` (argmax
        or threshold), `attack`, `eps`, `logit_0`, `logit_1`, `probability`, `predicted`, `broken`,
        `iteration`, `linf`. Logits are the network's own, whatever the decision.
    """
    tables = []
    with progress(len(films), "film", "pgd") as bar:
        done = standing = 0
        for first in range(0, len(films), params.batch_size):
            batch = films[first : first + params.batch_size]
            table = _attack_batch(classifier, batch, params.budgets, params, seed)
            tables += [table, _attack_threshold(classifier, batch, params, seed, threshold)]
            done += len(batch)
            standing += int((~table.loc[table["eps"] == float(params.eps), "broken"]).sum())
            bar.update(len(batch))
            bar.set_postfix(robust_accuracy=f"{standing / done:.3f}", refresh=False)
    return pd.concat(tables, ignore_index=True)


class _Shifted(nn.Module):
    """A classifier whose argmax is its decision at a threshold."""

    def __init__(self, classifier: nn.Module, threshold: float) -> None:
        super().__init__()
        self.classifier = classifier
        self.threshold = threshold

    def forward(self, images: Tensor) -> Tensor:
        absent, present = self.classifier(images).unbind(dim=1)
        return torch.stack([absent, present - self.threshold], dim=1)


def _attack_threshold(
    classifier: nn.Module, films: Films, params: Attack, seed: int, threshold: float
) -> pd.DataFrame:
    table = _attack_batch(_Shifted(classifier, threshold), films, [params.eps], params, seed)
    own = table[["logit_0", "logit_1"]].to_numpy() + np.array([0, threshold], dtype=np.float32)
    return table.assign(
        decision="threshold",
        logit_1=own[:, 1],
        probability=torch.from_numpy(own).softmax(dim=1)[:, 1].numpy(),
    )


def _attack_batch(
    classifier: nn.Module, films: Films, budgets: Sequence[Fraction], params: Attack, seed: int
) -> pd.DataFrame:
    starts = torch.zeros_like(films.pixels)
    if params.random_start:
        side = films.pixels.shape[-1]
        starts = random_starts(films.sample_ids, side, seed).to(films.pixels.device)
    outcome = without_attack(classifier, films.pixels, films.labels)
    tables = [_table(films, outcome, "none", 0.0)]
    for budget in budgets:
        attack = pgd_at(budget, params)
        rows = torch.nonzero(~outcome.broken).flatten()
        found = pgd(classifier, films.pixels[rows], films.labels[rows], starts[rows], attack)
        outcome.images[rows] = found.images
        outcome.logits[rows] = found.logits
        outcome.iteration[rows] = found.iteration
        tables.append(_table(films, outcome, "pgd-linf", attack.eps))
    return pd.concat(tables, ignore_index=True)


def _table(films: Films, outcome: Outcome, attack: str, eps: float) -> pd.DataFrame:
    logits = outcome.logits.float()
    distance = (outcome.images - films.pixels).abs().amax(dim=(1, 2, 3))
    return pd.DataFrame(
        {
            "sample_id": list(films.sample_ids),
            "label": _array(films.labels, np.int8),
            "decision": "argmax",
            "attack": attack,
            "eps": eps,
            "logit_0": _array(logits[:, 0], np.float32),
            "logit_1": _array(logits[:, 1], np.float32),
            "probability": _array(logits.softmax(dim=1)[:, 1], np.float32),
            "predicted": _array(logits.argmax(dim=1), np.int8),
            "broken": _array(outcome.broken, np.bool_),
            "iteration": _array(outcome.iteration, np.int16),
            "linf": _array(distance, np.float32),
        }
    )


def _array(tensor: Tensor, dtype: type) -> NDArray[np.generic]:
    array: NDArray[np.generic] = tensor.cpu().numpy().astype(dtype)
    return array
