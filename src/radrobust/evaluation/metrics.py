"""How often a system is right, in every sense that matters, with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from radrobust.evaluation.intervals import (
    NO_INTERVAL,
    FloatArray,
    Interval,
    bootstrap,
    mean_of_shares,
    wilson,
)

METRICS = (
    "auroc",
    "balanced_accuracy",
    "sensitivity",
    "specificity",
    "accuracy",
    "precision",
    "f1",
)


@dataclass(frozen=True)
class Answers:
    """What one system answers to N films at one budget.

    Attributes
    ----------
    labels, predicted : array
        N, 1 where there is, or is said to be, a finding, else 0.
    scores : array
        N; higher speaks for a finding.
    """

    labels: NDArray[np.integer]
    predicted: NDArray[np.integer]
    scores: NDArray[np.floating]


class Counts(NamedTuple):
    """A confusion matrix; each a number, or an array over resamples."""

    tp: FloatArray
    fn: FloatArray
    fp: FloatArray
    tn: FloatArray


class Estimate(NamedTuple):
    """A value and its interval; NaN where undefined."""

    value: float
    low: float
    high: float


def always_negative(labels: NDArray[np.integer]) -> Answers:
    """Return the answers of whoever calls every film free of findings; no attack changes them."""
    return Answers(labels, np.zeros_like(labels), np.zeros(len(labels)))


def confusion(answers: Answers, weights: FloatArray | None = None) -> Counts:
    """Count the four kinds of answers.

    Parameters
    ----------
    answers : Answers
        Of N films.
    weights : array, optional
        ...×N; how often each film counts. Once, if not given.
    """
    weights = np.ones(len(answers.labels)) if weights is None else weights
    finding, said = answers.labels == 1, answers.predicted == 1
    return Counts(
        tp=weights @ (finding & said).astype(float),
        fn=weights @ (finding & ~said).astype(float),
        fp=weights @ (~finding & said).astype(float),
        tn=weights @ (~finding & ~said).astype(float),
    )


def f1(counts: Counts) -> FloatArray:
    """Harmonic mean of precision and sensitivity; NaN where nothing is there nor said to be."""
    return _ratio(2 * counts.tp, 2 * counts.tp + counts.fp + counts.fn)


def auroc(
    labels: NDArray[np.integer], scores: NDArray[np.floating], weights: FloatArray | None = None
) -> FloatArray:
    """Area under the ROC curve: how often a film with a finding outscores one without; ties half.

    Parameters
    ----------
    labels, scores : array
        N.
    weights : array, optional
        ...×N; how often each film counts. Once, if not given.

    Returns
    -------
    array
        In [0, 1]; NaN where a class is missing.
    """
    weights = np.ones(len(labels)) if weights is None else weights
    with_finding, without = labels == 1, labels != 1
    difference = scores[with_finding][:, None] - scores[without][None, :]
    outscores = 0.5 * (1 + np.sign(difference))
    first, second = weights[..., with_finding], weights[..., without]
    wins = ((first @ outscores) * second).sum(axis=-1)
    return _ratio(wins, first.sum(axis=-1) * second.sum(axis=-1))


def estimate(answers: Answers, weights: FloatArray, level: float) -> dict[str, Estimate]:
    """Compute every metric in `METRICS`.

    Parameters
    ----------
    answers : Answers
        Of N films.
    weights : array
        R×N, from `resample_weights`, for metrics without a closed form.
    level : float
        Coverage of the intervals, in (0, 1).

    Returns
    -------
    dict
        From each of `METRICS` to its estimate. Shares have Wilson's interval, balanced accuracy
        has Newcombe's, F1 and AUROC have the bootstrap's.
    """
    tp, fn, fp, tn = (round(float(count)) for count in confusion(answers))
    shares = {
        "sensitivity": (tp, tp + fn),
        "specificity": (tn, tn + fp),
        "accuracy": (tp + tn, tp + fn + fp + tn),
        "precision": (tp, tp + fp),
    }
    found = {name: share(*counts, level) for name, counts in shares.items()}
    found["balanced_accuracy"] = Estimate(
        (found["sensitivity"].value + found["specificity"].value) / 2,
        *mean_of_shares(shares["sensitivity"], shares["specificity"], level),
    )
    found["f1"] = Estimate(
        float(f1(confusion(answers))),
        *bootstrap(lambda drawn: f1(confusion(answers, drawn)), weights, level),
    )
    found["auroc"] = _estimate_auroc(answers, weights, level)
    return {name: found[name] for name in METRICS}


def share(successes: int, n: int, level: float) -> Estimate:
    """Estimate a share, with Wilson's interval."""
    return Estimate(successes / n if n else math.nan, *wilson(successes, n, level))


def _estimate_auroc(answers: Answers, weights: FloatArray, level: float) -> Estimate:
    value = float(auroc(answers.labels, answers.scores))
    if value in (0.0, 1.0):
        interval = _interval_of_separated(answers.labels, value, level)
    elif np.ptp(answers.scores) == 0:
        interval = NO_INTERVAL
    else:
        interval = bootstrap(
            lambda drawn: auroc(answers.labels, answers.scores, drawn), weights, level
        )
    return Estimate(value, *interval)


def _interval_of_separated(labels: NDArray[np.integer], value: float, level: float) -> Interval:
    """Where the classes separate no resample differs: let the smaller class say how unsure."""
    smaller = int(min((labels == 1).sum(), (labels != 1).sum()))
    return wilson(round(value * smaller), smaller, level)


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)
