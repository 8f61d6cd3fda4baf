"""What is read off a classifier's answer."""

from __future__ import annotations

from torch import Tensor


def logit_of(logits: Tensor, classes: Tensor) -> Tensor:
    """Return each row's logit (N×K) of its class (N): N."""
    return logits.gather(1, classes.unsqueeze(1)).squeeze(1)


def probability_of(logits: Tensor, classes: Tensor) -> Tensor:
    """Return each row's probability (of N×K logits) of its class (N): N."""
    return logit_of(logits.softmax(dim=1), classes)


def margins_of(logits: Tensor) -> Tensor:
    """Return by how much each row of N×2 speaks for the finding, logit 1 minus logit 0: N."""
    absent, present = logits.float().unbind(dim=1)
    return present - absent
