"""Intervals: in closed form where there is one, else by a bootstrap stratified by class."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

FloatArray = NDArray[np.float64]
Statistic = Callable[[FloatArray], FloatArray]


class Interval(NamedTuple):
    """Both ends, in the unit of the statistic; NaN where there is no interval."""

    low: float
    high: float


NO_INTERVAL = Interval(math.nan, math.nan)

_AT_ONCE = 256
"""Resamples that a statistic is given together: what it builds for them stays in the cache."""


def wilson(successes: int, n: int, level: float) -> Interval:
    """Wilson's score interval for a share; Wilson 1927, JASA 22:209.

    Parameters
    ----------
    successes, n : int
        `successes` of `n` trials.
    level : float
        Coverage, in (0, 1).

    Returns
    -------
    Interval
        In [0, 1]; NaN where `n` is 0.

    Examples
    --------
    >>> low, high = wilson(8, 10, 0.95)
    >>> round(low, 4), round(high, 4)
    (0.4902, 0.9433)
    """
    if n == 0:
        return NO_INTERVAL
    z = float(ndtri(0.5 + level / 2))
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low = 0.0 if successes == 0 else centre - reach
    high = 1.0 if successes == n else centre + reach
    return Interval(low, high)


def mean_of_shares(first: tuple[int, int], second: tuple[int, int], level: float) -> Interval:
    """Interval of the mean of two independent shares, such as balanced accuracy.

    Newcombe's square-and-add of two Wilson intervals (Newcombe 1998, Stat. Med. 17:873). A
    bootstrap would give no width at all where both shares are 0, as under a strong attack.

    Parameters
    ----------
    first, second : tuple of int
        Successes and trials.
    level : float
        Coverage, in (0, 1).

    Returns
    -------
    Interval
        In [0, 1]; NaN where there are no trials.
    """
    if not first[1] or not second[1]:
        return NO_INTERVAL
    shares = first[0] / first[1], second[0] / second[1]
    ends = wilson(*first, level), wilson(*second, level)
    below = math.hypot(shares[0] - ends[0].low, shares[1] - ends[1].low)
    above = math.hypot(ends[0].high - shares[0], ends[1].high - shares[1])
    mean = sum(shares) / 2
    return Interval(mean - below / 2, mean + above / 2)


def resample_weights(labels: NDArray[np.integer], resamples: int, seed: int) -> FloatArray:
    """Draw bootstrap resamples, as many from each class as it has.

    Parameters
    ----------
    labels : array
        N classes.
    resamples : int
        How many, R.
    seed : int
        The same seed and labels give the same resamples, so that systems are compared on the same.

    Returns
    -------
    array
        R×N: how often each resample holds each row.
    """
    rng = np.random.default_rng(seed)
    weights = np.zeros((resamples, len(labels)))
    for stratum in np.unique(labels):
        rows = np.flatnonzero(labels == stratum)
        drawn = rng.integers(len(rows), size=(resamples, len(rows)))
        drawn += len(rows) * np.arange(resamples)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=resamples * len(rows))
        weights[:, rows] = counts.reshape(resamples, len(rows))
    return weights


def resampled(statistic: Statistic, weights: FloatArray) -> FloatArray:
    """Return the statistic of each resample, computed for some resamples at a time.

    Parameters
    ----------
    statistic : callable
        Takes r×N weights, returns r values.
    weights : array
        R×N, from `resample_weights`.

    Returns
    -------
    array
        R.
    """
    starts = range(0, len(weights), _AT_ONCE)
    return np.concatenate([statistic(weights[start : start + _AT_ONCE]) for start in starts])


def percentiles(values: FloatArray, level: float) -> Interval:
    """Return the percentile interval of a bootstrap; Efron 1979, Ann. Stat. 7:1.

    Parameters
    ----------
    values : array
        R, one a resample, from `resampled`.
    level : float
        Coverage, in (0, 1).

    Returns
    -------
    Interval
        Resamples in which the statistic is undefined are left out; NaN where that leaves none.
    """
    values = values[~np.isnan(values)]
    if len(values) == 0:
        return NO_INTERVAL
    low, high = np.quantile(values, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(float(low), float(high))


def bootstrap(statistic: Statistic, weights: FloatArray, level: float) -> Interval:
    """Return the `percentiles` of a statistic that is `resampled`."""
    return percentiles(resampled(statistic, weights), level)
