"""Is one system better than another? On the same films, so that what they share cancels out."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import bdtr

from radrobust.core.conditions import Condition
from radrobust.core.tables import figures
from radrobust.evaluation.intervals import FloatArray, percentiles, resampled
from radrobust.evaluation.metrics import STATISTICS, Answers
from radrobust.evaluation.results import Results

COMPARED = ("balanced_accuracy", "auroc")


class Discordance(NamedTuple):
    """How many films only one of two systems is right about."""

    only_first: int
    only_second: int


def mcnemar(counts: Discordance) -> float:
    """Test whether two systems are right equally often; exact, two-sided.

    Were they, each film that they disagree about would fall to either as a coin does (McNemar
    1947, Psychometrika 12:153).

    Parameters
    ----------
    counts : Discordance
        Films that only one of them is right about.

    Returns
    -------
    float
        p in (0, 1]; 1 where they disagree about nothing.

    Examples
    --------
    >>> mcnemar(Discordance(0, 5))
    0.0625
    """
    return min(1.0, 2 * float(bdtr(min(counts), sum(counts), 0.5)))


def holm(p: FloatArray) -> FloatArray:
    """Adjust p values so that one below a level is wrong no more often than that, in any of m.

    Holm 1979, Scand. J. Stat. 6:65: the smallest is multiplied by m, the next by m - 1, …, none
    falls below one before it.

    Parameters
    ----------
    p : array
        m values in [0, 1].

    Returns
    -------
    array
        m adjusted values in [0, 1], in the same order.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).round(9).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    steps = p[order] * np.arange(len(p), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def compare(results: Results, weights: FloatArray) -> pd.DataFrame:
    """Compare each pair of systems, under each condition.

    Parameters
    ----------
    results : Results
        Of a study.
    weights : array
        R×N, from `resample_weights`: the same resamples for both of a pair.

    Returns
    -------
    DataFrame
        `figures.COMPARISONS`. An interval has no width where no resample tells the two apart.
    """
    rows = [row for one in results.conditions for row in _compare(one, results, weights)]
    return figures.COMPARISONS.of_rows(rows)


def _compare(
    condition: Condition, results: Results, weights: FloatArray
) -> list[tuple[object, ...]]:
    level = results.params.evaluate.level
    answers = {system: results.answers(system, condition) for system in results.params.systems}
    values = {
        (system, metric): _value_and_resamples(metric, answers[system], weights)
        for system in answers
        for metric in COMPARED
    }
    pairs = list(combinations(answers, 2))
    discordances = [_discordance(answers[first], answers[second]) for first, second in pairs]
    p = np.array([mcnemar(counts) for counts in discordances])
    rows: list[tuple[object, ...]] = []
    for (first, second), counts, *tested in zip(pairs, discordances, p, holm(p), strict=True):
        for metric in COMPARED:
            difference = values[first, metric] - values[second, metric]
            ends = percentiles(difference[1:], level)
            pair = condition.key, first, second, metric
            rows.append((*pair, difference[0], *ends, *counts, *tested))
    return rows


def _value_and_resamples(metric: str, answers: Answers, weights: FloatArray) -> FloatArray:
    """Return R+1 values: of the films themselves, then of each resample."""
    statistic = STATISTICS[metric]
    drawn = resampled(lambda some: statistic(answers, some), weights)
    return np.concatenate([[statistic(answers, None)], drawn])


def _discordance(first: Answers, second: Answers) -> Discordance:
    right: list[NDArray[np.bool_]] = [some.predicted == some.labels for some in (first, second)]
    return Discordance(int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum()))
