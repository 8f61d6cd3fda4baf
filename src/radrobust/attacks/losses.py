"""What an attack raises: one number an image, larger the nearer it is to being misclassified.

On two classes the gradient of the cross-entropy is that of the margin but for a positive factor,
the probability of the wrong class, so the signed steps of both are the same; only, that factor is
zero in float32 where a classifier is very sure, and an attack on the cross-entropy then stands
still and reports robustness that is not there. So the margin is the default.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from radrobust.systems.logits import logit_of

Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""From N×K logits, N labels and, if the attack has targets, N targets, to N losses."""


def margin(logits: Tensor, labels: Tensor, targets: Tensor | None = None) -> Tensor:
    """Logit of the target, or of the best wrong class, minus that of the label; positive: wrong.

    Carlini & Wagner 2017, arXiv:1608.04644, their f6 without the rectifier.
    """
    own = logit_of(logits, labels)
    if targets is not None:
        return logit_of(logits, targets) - own
    return logits.scatter(1, labels.unsqueeze(1), -torch.inf).amax(dim=1) - own


def cross_entropy(logits: Tensor, labels: Tensor, targets: Tensor | None = None) -> Tensor:
    """Cross-entropy with the label, or the negative of that with the target; Madry et al. 2018."""
    if targets is not None:
        return -F.cross_entropy(logits, targets, reduction="none")
    return F.cross_entropy(logits, labels, reduction="none")


def dlr(logits: Tensor, labels: Tensor, targets: Tensor | None = None) -> Tensor:
    """Difference of logits ratio: the margin over a spread, blind to the scale of the logits.

    Croce & Hein 2020, arXiv:2003.01690, equations 6 and, with targets, 7.

    Raises
    ------
    ValueError
        There are too few classes for the spread: three are needed, four with targets.
    """
    needed = 3 if targets is None else 4
    if logits.shape[1] < needed:
        raise ValueError(f"the loss dlr needs {needed} classes, not {logits.shape[1]}")
    ranked = logits.sort(dim=1, descending=True).values
    low = ranked[:, 2] if targets is None else (ranked[:, 2] + ranked[:, 3]) / 2
    return margin(logits, labels, targets) / (ranked[:, 0] - low).clamp(min=1e-12)


LOSSES: dict[str, Loss] = {"margin": margin, "ce": cross_entropy, "dlr": dlr}
