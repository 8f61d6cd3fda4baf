"""Means over films, and how sure they are: many columns at once, by one product of matrices."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from radrobust.core.params import Params
from radrobust.evaluation.intervals import FloatArray, resample_weights
from radrobust.evaluation.metrics import share


class Mean(NamedTuple):
    """A mean, its interval, and of how many films; NaN where undefined."""

    value: float
    low: float
    high: float
    n: int


def means(table: pd.DataFrame, params: Params) -> dict[str, Mean]:
    """Take the mean of each column.

    Parameters
    ----------
    table : DataFrame
        Numbers, one row a film; NaN where a film has none, which leaves it out of that column.
    params : Params
        Whose `evaluate` and `seed` say how to resample.

    Returns
    -------
    dict
        From each column to its mean. The interval is the percentile bootstrap's over films; one
        film alone has none, as it cannot show how films differ.
    """
    values = table.to_numpy(np.float64)
    present = ~np.isnan(values)
    alike: dict[bytes, list[int]] = {}
    for column in range(values.shape[1]):
        alike.setdefault(present[:, column].tobytes(), []).append(column)
    found: dict[int, Mean] = {}
    for columns in alike.values():
        kept = values[np.ix_(present[:, columns[0]], columns)]
        found |= dict(zip(columns, _means(kept, params), strict=True))
    return {str(name): found[column] for column, name in enumerate(table.columns)}


def proportion(values: pd.Series[float], params: Params) -> Mean:
    """Take the share of ones among zeros and ones, with Wilson's interval; NaN is left out."""
    known = values.dropna()
    return Mean(*share(int(known.sum()), len(known), params.evaluate.level), len(known))


def _means(values: FloatArray, params: Params) -> list[Mean]:
    """Return the mean of each of K columns of N×K numbers, none of them NaN."""
    n = len(values)
    if n == 0:
        return [Mean(np.nan, np.nan, np.nan, 0)] * values.shape[1]
    centres = values.mean(axis=0).tolist()
    if n == 1:
        return [Mean(centre, np.nan, np.nan, 1) for centre in centres]
    drawn = _weights(n, params.evaluate.bootstrap, params.seed) @ values / n
    reach = params.evaluate.level / 2
    ends = np.quantile(drawn, [0.5 - reach, 0.5 + reach], axis=0).T.tolist()
    return [Mean(centre, low, high, n) for centre, (low, high) in zip(centres, ends, strict=True)]


@lru_cache(maxsize=8)
def _weights(n: int, resamples: int, seed: int) -> FloatArray:
    """Return R×N resamples of one stratum; the same number of films is resampled the same way."""
    weights = resample_weights(np.zeros(n, np.int8), resamples, seed)
    weights.setflags(write=False)
    return weights
