"""How often a system is right, in every sense that matters, with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

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
    "auprc",
    "balanced_accuracy",
    "sensitivity",
    "specificity",
    "accuracy",
    "precision",
    "f1",
    "brier",
    "ece",
)

BINS = 10
"""Of the expected calibration error, equally wide."""


@dataclass(frozen=True)
class Answers:
    """What one system answers to N films at one budget.

    Attributes
    ----------
    labels, predicted : array
        N, 1 where there is, or is said to be, a finding, else 0.
    margins : array
        N, logit 1 less logit 0; higher speaks for a finding. It orders films as the probability
        does, but never rounds to a tie at 0 or 1.
    """

    labels: NDArray[np.integer]
    predicted: NDArray[np.integer]
    margins: NDArray[np.floating]

    @property
    def probabilities(self) -> FloatArray:
        """N, of a finding: the softmax of two logits is the logistic function of the margin."""
        return np.asarray(expit(self.margins), np.float64)

    def of(self, rows: NDArray[np.integer]) -> Answers:
        """Return the answers to some of the films."""
        return Answers(self.labels[rows], self.predicted[rows], self.margins[rows])


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
    """Return the answers of whoever is certain that no film has a finding."""
    return Answers(labels, np.zeros_like(labels), np.full(len(labels), -np.inf))


def always_positive(labels: NDArray[np.integer]) -> Answers:
    """Return the answers of whoever is certain that each film has a finding."""
    return Answers(labels, np.ones_like(labels), np.full(len(labels), np.inf))


def confusion(answers: Answers, weights: FloatArray | None = None) -> Counts:
    """Count the four kinds of answers.

    Parameters
    ----------
    answers : Answers
        Of N films.
    weights : array, optional
        ...×N; how often each film counts. Once, if not given.
    """
    weights = _weights(len(answers.labels), weights)
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


def balanced_accuracy(counts: Counts) -> FloatArray:
    """Mean of sensitivity and specificity; NaN where a class is missing."""
    sensitivity = _ratio(counts.tp, counts.tp + counts.fn)
    return (sensitivity + _ratio(counts.tn, counts.tn + counts.fp)) / 2


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
    present, absent = _by_class(labels, scores, weights)
    higher, at_least = (present.above(absent.scores, tied) for tied in (False, True))
    wins = (absent.weights * (higher + at_least)).sum(axis=-1) / 2
    return _ratio(wins, present.weights.sum(axis=-1) * absent.weights.sum(axis=-1))


def auprc(
    labels: NDArray[np.integer], scores: NDArray[np.floating], weights: FloatArray | None = None
) -> FloatArray:
    """Area under the precision-recall curve as average precision, without interpolation.

    The mean, over films with a finding, of the precision where each is just found: of the films
    that score as high or higher, the share that has a finding (scikit-learn's definition; Boyd et
    al. 2013, ECML PKDD, compare it with others).

    Parameters
    ----------
    labels, scores : array
        N.
    weights : array, optional
        ...×N; how often each film counts. Once, if not given.

    Returns
    -------
    array
        In (0, 1], for scores that know nothing the share of films with a finding; NaN where no
        film has one.
    """
    present, absent = _by_class(labels, scores, weights)
    true, false = (side.above(present.scores, tied=True) for side in (present, absent))
    # A film that a resample lacks is just found nowhere, and weighs nothing.
    precision = true / np.where(present.weights > 0, true + false, 1)
    return _ratio((present.weights * precision).sum(axis=-1), present.weights.sum(axis=-1))


def brier(answers: Answers, weights: FloatArray | None = None) -> FloatArray:
    """Mean squared difference of the probability of a finding and the label.

    Brier 1950, Mon. Weather Rev. 78:1, in its form for two classes: in [0, 1], 0 is best, 0.25
    what an unvarying one half scores.

    Parameters
    ----------
    answers : Answers
        Of N films.
    weights : array, optional
        ...×N; how often each film counts. Once, if not given.
    """
    weights = _weights(len(answers.labels), weights)
    return _ratio(weights @ (answers.probabilities - answers.labels) ** 2, weights.sum(axis=-1))


def ece(answers: Answers, weights: FloatArray | None = None) -> FloatArray:
    """Expected calibration error of the probability of a finding, over ten equally wide bins.

    Naeini et al. 2015 (AAAI): the mean, over films, of the distance in a film's bin between the
    mean probability and the share that has a finding; bins are [0, 0.1), …, [0.9, 1]. Guo et al.
    2017 (arXiv:1706.04599) bin by confidence in the class predicted instead, which with two
    classes folds the lower bins onto the upper ones.

    Parameters
    ----------
    answers : Answers
        Of N films.
    weights : array, optional
        ...×N; how often each film counts. Once, if not given.

    Returns
    -------
    array
        In [0, 1], 0 is best. Chance alone keeps it above 0, and resampling adds chance: its
        bootstrap interval leans upwards.
    """
    weights = _weights(len(answers.labels), weights)
    probabilities = answers.probabilities
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    gaps = (probabilities - answers.labels)[:, None] * np.eye(BINS)[bins]
    return _ratio(np.abs(weights @ gaps).sum(axis=-1), weights.sum(axis=-1))


STATISTICS: dict[str, Callable[[Answers, FloatArray | None], FloatArray]] = {
    "auroc": lambda answers, weights: auroc(answers.labels, answers.margins, weights),
    "auprc": lambda answers, weights: auprc(answers.labels, answers.margins, weights),
    "balanced_accuracy": lambda answers, weights: balanced_accuracy(confusion(answers, weights)),
    "f1": lambda answers, weights: f1(confusion(answers, weights)),
    "brier": brier,
    "ece": ece,
}
"""Metrics that can be resampled: of N answers and, where given, ...×N weights."""


def estimate(
    answers: Answers, weights: FloatArray, level: float, metrics: Sequence[str] = METRICS
) -> dict[str, Estimate]:
    """Compute metrics with their intervals.

    Parameters
    ----------
    answers : Answers
        Of N films.
    weights : array
        R×N, from `resample_weights`, for metrics without a closed form.
    level : float
        Coverage of the intervals, in (0, 1).
    metrics : sequence of str
        Some of `METRICS`.

    Returns
    -------
    dict
        From each of `metrics` to its estimate. Shares have Wilson's interval, balanced accuracy
        has Newcombe's, the others have the bootstrap's.
    """
    closed = _closed_form(answers, level)
    return {
        metric: closed[metric] if metric in closed else _open_form(metric, answers, weights, level)
        for metric in metrics
    }


def share(successes: int, n: int, level: float) -> Estimate:
    """Estimate a share, with Wilson's interval."""
    return Estimate(successes / n if n else math.nan, *wilson(successes, n, level))


def _closed_form(answers: Answers, level: float) -> dict[str, Estimate]:
    tp, fn, fp, tn = (round(float(count)) for count in confusion(answers))
    shares = {
        "sensitivity": (tp, tp + fn),
        "specificity": (tn, tn + fp),
        "accuracy": (tp + tn, tp + fn + fp + tn),
        "precision": (tp, tp + fp),
    }
    found = {name: share(*counts, level) for name, counts in shares.items()}
    mean = (found["sensitivity"].value + found["specificity"].value) / 2
    interval = mean_of_shares(shares["sensitivity"], shares["specificity"], level)
    return found | {"balanced_accuracy": Estimate(mean, *interval)}


def _open_form(metric: str, answers: Answers, weights: FloatArray, level: float) -> Estimate:
    statistic = STATISTICS[metric]
    value = float(statistic(answers, None))
    interval = _where_no_resample_differs(answers, level).get(metric)
    if interval is None:
        interval = bootstrap(lambda drawn: statistic(answers, drawn), weights, level)
    return Estimate(value, *interval)


def _where_no_resample_differs(answers: Answers, level: float) -> dict[str, Interval]:
    """Return the intervals of metrics of the order where the bootstrap would give no width."""
    present, absent = (answers.margins[answers.labels == label] for label in (1, 0))
    smaller = min(len(present), len(absent))
    if smaller == 0 or (answers.margins == answers.margins[0]).all():
        return {"auroc": NO_INTERVAL, "auprc": NO_INTERVAL}
    # Where the classes are apart, let the smaller one say how unsure that is.
    if present.min() > absent.max():
        return dict.fromkeys(("auroc", "auprc"), wilson(smaller, smaller, level))
    if present.max() < absent.min():
        return {"auroc": wilson(0, smaller, level), "auprc": NO_INTERVAL}
    return {}


@dataclass(frozen=True)
class _Class:
    """The films of one class, by rising score: n scores, and ...×n weights."""

    scores: NDArray[np.floating]
    weights: FloatArray

    @cached_property
    def below(self) -> FloatArray:
        """Weight of the first 0 to n films, ...×(n+1)."""
        sums = np.zeros((*self.weights.shape[:-1], len(self.scores) + 1))
        np.cumsum(self.weights, axis=-1, out=sums[..., 1:])
        return sums

    def above(self, thresholds: NDArray[np.floating], tied: bool) -> FloatArray:
        """Return the weight of films that score more than, or `tied` with, each of m thresholds.

        Returns
        -------
        array
            ...×m
        """
        first = np.searchsorted(self.scores, thresholds, side="left" if tied else "right")
        return self.below[..., -1:] - self.below.take(first, axis=-1)


def _by_class(
    labels: NDArray[np.integer], scores: NDArray[np.floating], weights: FloatArray | None
) -> tuple[_Class, _Class]:
    """Return the films with a finding and those without."""
    weights = _weights(len(labels), weights)
    order = np.argsort(scores, kind="stable")
    rows = order[labels[order] == 1], order[labels[order] != 1]
    present, absent = (_Class(scores[some], weights.take(some, axis=-1)) for some in rows)
    return present, absent


def _weights(n: int, weights: FloatArray | None) -> FloatArray:
    return np.ones(n) if weights is None else weights


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)
