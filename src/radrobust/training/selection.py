"""What is decided on validation images: the best epoch, and the threshold of a decision."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radrobust.core.seeds import derive_seed
from radrobust.evaluation.metrics import auroc
from radrobust.systems.logits import finite, margins_of
from radrobust.training.inner import InnerAttack
from radrobust.training.inputs import Inputs

FloatArray = NDArray[np.float64]
BATCH = 128


@torch.no_grad()
def margins(network: nn.Module, inputs: Inputs, device: torch.device) -> FloatArray:
    """Return logit 1 minus logit 0 of every row as it is, in float32 and eval mode.

    Raises
    ------
    InputError
        A logit is not finite.
    """
    network.eval()
    found = []
    for rows in _batches(len(inputs.labels)):
        logits = network(inputs.as_they_are(rows).to(device))
        found.append(_margins(finite(logits, inputs.sample_ids[rows], "clean validation")))
    return np.concatenate(found)


def attacked_margins(
    network: nn.Module, inputs: Inputs, attack: InnerAttack, seed: int, device: torch.device
) -> FloatArray:
    """Return the margins after a short attack on the labels, in float32 and eval mode.

    Parameters
    ----------
    network : nn.Module
        A classifier.
    inputs : Inputs
        Images.
    attack : InnerAttack
        From a random start.
    seed : int
        Of the starts; the same in every epoch, so that epochs are compared and not starts.
    device : torch.device
        Where the network is.

    Raises
    ------
    InputError
        A logit is not finite.
    """
    generator = torch.Generator().manual_seed(derive_seed(seed, "validation"))
    labels = inputs.labels.to(device)
    found = []
    for rows in _batches(len(labels)):
        images = inputs.as_they_are(rows).to(device)
        start = attack.uniform_start(images, generator)
        perturbed, _ = attack.away_from_labels(network, images, labels[rows], start)
        network.eval()
        with torch.no_grad():
            logits = network(perturbed)
        found.append(_margins(finite(logits, inputs.sample_ids[rows], "attacked validation")))
    return np.concatenate(found)


def score(
    labels: NDArray[np.integer], found: FloatArray, metric: Literal["auroc", "balanced_accuracy"]
) -> float:
    """Score margins against labels; the metric does not depend on how common the finding is."""
    if metric == "auroc":
        return float(auroc(labels, found))
    positive = found > 0
    return float(positive[labels == 1].mean() + (~positive)[labels == 0].mean()) / 2


def choose_threshold(
    labels: NDArray[np.integer], found: FloatArray, least_sensitivity: float | None
) -> float:
    """Choose the margin above which an image is called positive.

    Parameters
    ----------
    labels : array
        N integers of 0 or 1, of validation images.
    found : array
        N margins.
    least_sensitivity : float or None
        None for the threshold with the highest Youden index, sensitivity + specificity - 1
        (Youden 1950); else the one with the highest specificity of those with at least this
        sensitivity.

    Returns
    -------
    float
        Halfway between two neighbouring margins, so that it favours neither. Of equals the one
        with the higher sensitivity.
    """
    margins = np.unique(found)
    beyond = margins[[0, -1]] + [-1e-3, 1e-3]
    candidates = np.concatenate([beyond[:1], (margins[1:] + margins[:-1]) / 2, beyond[1:]])
    positive = found > candidates[:, None]
    sensitivity = positive[:, labels == 1].mean(axis=1)
    specificity = 1 - positive[:, labels == 0].mean(axis=1)
    if least_sensitivity is None:
        gain = sensitivity + specificity
    else:
        gain = np.where(sensitivity >= least_sensitivity - 1e-9, specificity, -np.inf)
    # Candidates rise, so the first of equals has the highest sensitivity.
    return float(candidates[np.flatnonzero(gain >= gain.max() - 1e-12)[0]])


def _margins(logits: Tensor) -> FloatArray:
    return margins_of(logits).double().cpu().numpy()


def _batches(count: int) -> list[slice]:
    return [slice(first, first + BATCH) for first in range(0, count, BATCH)]
