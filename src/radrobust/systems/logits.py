"""What is read off a classifier's answer."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from radrobust.core.errors import InputError


def finite(logits: Tensor, sample_ids: Sequence[str], condition: str) -> Tensor:
    """Return N×K logits if every one of them is a number.

    Where one is not, no comparison with it means anything: a sample would be called robust, or an
    epoch the best, for no reason.

    Parameters
    ----------
    logits : Tensor
        N×K.
    sample_ids : sequence of str
        N, whose images were asked about.
    condition : str
        What was done to these, such as ``clean``.

    Raises
    ------
    InputError
        A logit is infinite or not a number; the message names the first such sample.
    """
    numbers = logits.isfinite().all(dim=1)
    if numbers.all():
        return logits
    row = int(numbers.int().argmin())
    values = ", ".join(f"{value:.4g}" for value in logits[row].tolist())
    raise InputError(
        f"the logits of {sample_ids[row]} are {values} under the condition {condition}; train the "
        "system with a lower finetune.lr, or start it from other weights"
    )


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
