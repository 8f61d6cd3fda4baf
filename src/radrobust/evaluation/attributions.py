"""What is asked of heat maps: do they hit the finding, and do they add up."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radrobust.evaluation.intervals import bootstrap, resample_weights
from radrobust.evaluation.metrics import share
from radrobust.params import Evaluate

COVERAGES = {"coverage_5": 0.05, "coverage_25": 0.25, "coverage_50": 0.5}

RELATIVE_TOLERANCE = 1e-3
ABSOLUTE_TOLERANCE = 1e-4


def exceeds_tolerance(
    delta: NDArray[np.floating], output_difference: NDArray[np.floating]
) -> NDArray[np.bool_]:
    """Tell which maps do not add up to the change in output that they distribute.

    Parameters
    ----------
    delta : array
        Convergence delta: sum over the map less the change in output.
    output_difference : array
        f(film) - f(baseline).

    Returns
    -------
    array of bool
        More than a thousandth off; where the change is under 0.1, more than 0.0001.
    """
    allowed = np.maximum(RELATIVE_TOLERANCE * np.abs(output_difference), ABSOLUTE_TOLERANCE)
    exceeds: NDArray[np.bool_] = np.abs(delta) > allowed
    return exceeds


def summarise_attributions(table: pd.DataFrame, params: Evaluate, seed: int) -> pd.DataFrame:
    """Summarise one system's maps by one explainer.

    Parameters
    ----------
    table : DataFrame
        One row an image, of one system and explainer.
    params : Evaluate
        Level and number of resamples.
    seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        `metric`, `value`, `low`, `high`, `chance`, `n`. Coverage: mean, bootstrap over images.
        `pointing`: share, Wilson. `delta_exceeds`: share of maps that do not add up, Wilson;
        absent where the method promises no sum. Chance is what a map that knows nothing scores.
    """
    rows: list[dict[str, object]] = []
    marked = table[table["coverage_5"].notna()]
    weights = resample_weights(np.zeros(len(marked), np.int8), params.bootstrap, seed)
    for metric, chance in COVERAGES.items():
        values = marked[metric].to_numpy(np.float64)
        rows.append(_mean_row(metric, values, weights, params.level) | {"chance": chance})
    hits = marked["pointing"].astype(bool)
    pointing = share(int(hits.sum()), len(marked), params.level)
    chance = float(marked["mask_area"].mean())
    rows.append(_row("pointing", pointing, len(marked)) | {"chance": chance})
    summing = table[table["delta"].notna()]
    if len(summing):
        off = exceeds_tolerance(
            summing["delta"].to_numpy(), summing["output_difference"].to_numpy()
        )
        rows.append(
            _row("delta_exceeds", share(int(off.sum()), len(off), params.level), len(off))
            | {"chance": np.nan}
        )
    return pd.DataFrame(rows)


def _mean_row(
    metric: str, values: NDArray[np.float64], weights: NDArray[np.float64], level: float
) -> dict[str, object]:
    if len(values) == 0:
        return _row(metric, (np.nan, np.nan, np.nan), 0)
    interval = bootstrap(lambda drawn: drawn @ values / len(values), weights, level)
    return _row(metric, (float(values.mean()), *interval), len(values))


def _row(metric: str, estimate: tuple[float, float, float], n: int) -> dict[str, object]:
    value, low, high = estimate
    return {"metric": metric, "value": value, "low": low, "high": high, "n": n}
