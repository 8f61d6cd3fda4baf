"""What is decided on validation films: the best epoch, and the threshold of a decision."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, roc_auc_score, roc_curve
from torch import Tensor, nn

from radrobust.seeds import derive_seed
from radrobust.training.inner import away_from_labels, uniform_start
from radrobust.training.inputs import Inputs
from radrobust.training.objectives import Context

FloatArray = NDArray[np.float64]
BATCH = 128


@torch.no_grad()
def margins(network: nn.Module, inputs: Inputs, device: torch.device) -> FloatArray:
    """Return logit 1 minus logit 0 of every row as it is, in float32 and eval mode."""
    network.eval()
    found = [
        _margin(network(inputs.as_they_are(rows).to(device)))
        for rows in _batches(len(inputs.labels))
    ]
    return np.concatenate(found)


def attacked_margins(
    network: nn.Module, inputs: Inputs, eps: float, steps: int, seed: int, device: torch.device
) -> FloatArray:
    """Return the margins after a short PGD against the labels, in float32 and eval mode.

    Parameters
    ----------
    network : nn.Module
        A classifier.
    inputs : Inputs
        Films.
    eps : float
        Budget, L-inf, in pixels of [0, 1].
    steps : int
        Gradient steps of 2 eps / steps each, from a random start.
    seed : int
        Of the starts; the same in every epoch, so that epochs are compared and not starts.
    device : torch.device
        Where the network is.
    """
    generator = torch.Generator().manual_seed(derive_seed(seed, "validation"))
    context = Context(torch.ones(2), eps, steps, generator)
    labels = torch.from_numpy(np.asarray(inputs.labels, dtype=np.int64)).to(device)
    found = []
    for rows in _batches(len(labels)):
        images = inputs.as_they_are(rows).to(device)
        start = uniform_start(images, context)
        perturbed, _ = away_from_labels(network, images, labels[rows], start, context)
        network.eval()
        with torch.no_grad():
            found.append(_margin(network(perturbed)))
    return np.concatenate(found)


def score(
    labels: NDArray[np.int8], found: FloatArray, metric: Literal["auroc", "balanced_accuracy"]
) -> float:
    """Score margins against labels; the metric does not depend on how common the finding is."""
    if metric == "auroc":
        return float(roc_auc_score(labels, found))
    return float(balanced_accuracy_score(labels, found > 0))


def choose_threshold(
    labels: NDArray[np.int8], found: FloatArray, least_sensitivity: float | None
) -> float:
    """Choose the margin above which a film is called positive.

    Parameters
    ----------
    labels : array
        N integers of 0 or 1, of validation films.
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
    false_alarms, hits, thresholds = roc_curve(labels, found, drop_intermediate=False)
    if least_sensitivity is None:
        gain = hits - false_alarms
    else:
        gain = np.where(hits >= least_sensitivity - 1e-9, -false_alarms, -np.inf)
    best = int(np.flatnonzero(gain >= gain.max() - 1e-12)[-1])
    # A film is positive where its margin is at least thresholds[best]; the first one is infinite.
    below = found[found < thresholds[best]]
    if not len(below) or best == 0:
        nearest = found.min() if best else found.max()
        return float(nearest - 1e-3 if best else nearest + 1e-3)
    return float((thresholds[best] + below.max()) / 2)


def _margin(logits: Tensor) -> FloatArray:
    return (logits[:, 1] - logits[:, 0]).double().cpu().numpy()


def _batches(count: int) -> list[slice]:
    return [slice(first, first + BATCH) for first in range(0, count, BATCH)]
