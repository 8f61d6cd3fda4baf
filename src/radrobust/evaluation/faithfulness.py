"""Do heat maps tell of the network? Asked by changing the film, and by redrawing the network."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from radrobust.core.tables import explanations, figures
from radrobust.evaluation.means import Mean, means
from radrobust.evaluation.results import RANDOM, Results

BETTER = {"deletion": -1, "insertion": 1}
"""Areas under curves that a map of noise has as well, and whether a larger one is better."""

OTHERS = ("infidelity", "max_sensitivity")
REDRAWN = 0.5
"""Rank correlation under which a map counts as another one."""

NOTHING = Mean(math.nan, math.nan, math.nan, 0)


def faithfulness(results: Results) -> pd.DataFrame:
    """Summarise whether what the maps call important is what the network goes by.

    Parameters
    ----------
    results : Results
        Of a study.

    Returns
    -------
    DataFrame
        `figures.FAITHFUL`, `RANDOM` last: means over samples with the intervals of `means`.
        ``deletion`` and ``insertion`` are areas under curves (Petsiuk et al. 2018,
        arXiv:1806.07421), in [0, 1]; their gain is over the map of noise of the same sample, and
        positive where the map is better. Of noise there is no gain, nor ``infidelity`` and
        ``max_sensitivity`` (Yeh et al. 2019, arXiv:1901.09392), for both of which smaller is
        better.
    """
    rows: list[tuple[object, ...]] = []
    for system in results.params.systems:
        noise = results.of_maps(explanations.FAITHFULNESS, system, RANDOM)
        for explainer in [*results.params.explain.methods, RANDOM]:
            table = results.of_maps(explanations.FAITHFULNESS, system, explainer)
            metrics = BETTER if explainer == RANDOM else (*BETTER, *OTHERS)
            found = means(table[list(metrics)], results.params)
            gains = {} if explainer == RANDOM else means(_gains(table, noise), results.params)
            rows += [
                (system, explainer, metric, *mean, *gains.get(metric, NOTHING)[:3])
                for metric, mean in found.items()
            ]
    return figures.FAITHFUL.of_rows(rows)


def _gains(table: pd.DataFrame, noise: pd.DataFrame) -> pd.DataFrame:
    """Return by how much each film's map is better than noise."""
    return pd.DataFrame(
        {
            metric: sign * (table[metric].astype(np.float64) - noise[metric].astype(np.float64))
            for metric, sign in BETTER.items()
        }
    )


def faithfulness_curves(results: Results) -> pd.DataFrame:
    """Average the curves whose areas `faithfulness` gives.

    Parameters
    ----------
    results : Results
        Of a study.

    Returns
    -------
    DataFrame
        `figures.FAITHFUL_CURVES`, `RANDOM` last.
    """
    rows: list[tuple[object, ...]] = []
    for system in results.params.systems:
        for explainer in [*results.params.explain.methods, RANDOM]:
            table = results.of_maps(explanations.FAITHFULNESS, system, explainer)
            for curve in BETTER:
                values = np.stack(table[f"{curve}_curve"].to_list()).astype(np.float64)
                shares = np.linspace(0, 1, values.shape[1])
                rows += [
                    (system, explainer, curve, *point)
                    for point in zip(shares, values.mean(axis=0), strict=True)
                ]
    return figures.FAITHFUL_CURVES.of_rows(rows)


def randomisation(results: Results) -> pd.DataFrame:
    """Summarise what is left of the maps as more and more of the network is redrawn.

    A map that stays the same does not tell of what the network has learnt (Adebayo et al. 2018,
    arXiv:1810.03292).

    Parameters
    ----------
    results : Results
        Of a study.

    Returns
    -------
    DataFrame
        `figures.REDRAWN`. Maps that are constant have no rank correlation and are left out.
    """
    rows: list[tuple[object, ...]] = []
    for system in results.params.systems:
        for explainer in results.params.explain.methods:
            for depth in results.depths(system):
                table = results.of_maps(explanations.RANDOMISATION, system, explainer, depth=depth)
                mean = means(table[["spearman"]], results.params)["spearman"]
                rows.append((system, explainer, depth, table["part"].iloc[0], *mean, REDRAWN))
    return figures.REDRAWN.of_rows(rows)
