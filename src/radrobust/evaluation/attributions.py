"""What is asked of heat maps: do they hit the finding, and do they add up."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radrobust.core.params import Params
from radrobust.core.tables import figures
from radrobust.core.tables.explanations import ATTRIBUTIONS, PERCENTS, REGIONS
from radrobust.evaluation.means import means, proportion
from radrobust.evaluation.results import IMAGES, Results

ANSWERS = ("all", "right", "wrong")
COVERAGES = {f"coverage_{percent}": percent / 100 for percent in PERCENTS}
"""What a map that knows nothing covers of the finding."""

MEASURES = (*COVERAGES, "pointing", "mass", "auprc")

TOLERANCE = 1e-3
SMALLEST_CHANGE = 0.1
"""Of the output; where it changes less, a map need not add up to a thousandth of it."""

BoolArray = NDArray[np.bool_]


def localisation(results: Results) -> pd.DataFrame:
    """Summarise where the maps of samples whose finding is marked look.

    Parameters
    ----------
    results : Results
        Of a study.

    Returns
    -------
    DataFrame
        `figures.LOCALISATION`. Means over samples with the interval of `means`; ``pointing`` is a
        share, with Wilson's. Chance is a percentage's own share of the region, else the region's
        mean share of the radiograph.
    """
    return figures.LOCALISATION.of_rows(
        (system, explainer, image, *row)
        for system in results.params.systems
        for explainer in results.params.explain.methods
        for image in IMAGES
        for row in _localise(
            results.of_maps(ATTRIBUTIONS, system, explainer, image=image),
            results.params,
        )
    )


def _localise(table: pd.DataFrame, params: Params) -> list[tuple[object, ...]]:
    right = table["right"].to_numpy(bool)
    chosen = {"all": np.ones_like(right), "right": right, "wrong": ~right}
    # The area is there for chance. Films without a mark are NaN, which leaves them out.
    named = [(region, metric) for region in REGIONS for metric in (*MEASURES, "area")]
    measured = table[[f"{region}_{metric}" for region, metric in named]]
    rows: list[tuple[object, ...]] = []
    for answers in ANSWERS:
        some = measured[chosen[answers]]
        found = dict(zip(named, means(some, params).values(), strict=True))
        for region in REGIONS:
            found[region, "pointing"] = proportion(some[f"{region}_pointing"], params)
            for metric in MEASURES:
                mean = found[region, metric]
                chance = COVERAGES.get(metric, found[region, "area"].value)
                rows.append((answers, region, metric, *mean[:3], chance, mean.n))
    return rows


def convergence(results: Results) -> pd.DataFrame:
    """Tell of the methods that promise maps that add up whether they do.

    Parameters
    ----------
    results : Results
        Of a study.

    Returns
    -------
    DataFrame
        `figures.CONVERGENCE`, of every sample that is explained: ``delta_exceeds``, the share of
        maps that do not (Wilson), and ``delta_largest``, the most that `relative_delta` is. No row
        where a sum is not promised.
    """
    rows: list[tuple[object, ...]] = []
    for system in results.params.systems:
        for explainer in results.params.explain.methods:
            for image in IMAGES:
                table = results.of_maps(ATTRIBUTIONS, system, explainer, image=image)
                if not promises_sum(table):
                    continue
                of, n = (system, explainer, image), len(table)
                off = proportion(pd.Series(exceeds_tolerance(table)), results.params)
                rows.append((*of, "delta_exceeds", *off))
                largest = float(relative_delta(table).max())
                rows.append((*of, "delta_largest", largest, np.nan, np.nan, n))
    return figures.CONVERGENCE.of_rows(rows)


def promises_sum(table: pd.DataFrame) -> bool:
    """Tell whether the explainer of these maps promises that they add up."""
    return bool(table["delta"].notna().any())


def relative_delta(table: pd.DataFrame) -> NDArray[np.float64]:
    """Return by how much each map misses the change in output that it distributes.

    Parameters
    ----------
    table : DataFrame
        One row a map, with `delta`, the sum over the map less the change in output, and
        `output_difference`, the change: f(film) - f(baseline).

    Returns
    -------
    array
        The magnitude of delta as a share of that of the change, or of `SMALLEST_CHANGE` where the
        change is smaller. NaN where the sum is.
    """
    change = table["output_difference"].to_numpy(np.float64)
    delta = table["delta"].to_numpy(np.float64)
    missed: NDArray[np.float64] = np.abs(delta) / np.maximum(np.abs(change), SMALLEST_CHANGE)
    return missed


def exceeds_tolerance(table: pd.DataFrame) -> BoolArray:
    """Tell which maps do not add up: those with a `relative_delta` over `TOLERANCE`, or of NaN."""
    fits: BoolArray = relative_delta(table) <= TOLERANCE
    return ~fits
