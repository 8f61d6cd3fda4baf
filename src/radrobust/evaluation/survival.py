"""What an attack leaves of a heat map."""

from __future__ import annotations

import math

import pandas as pd

from radrobust.evaluation.means import means
from radrobust.evaluation.results import Results

FILMS = ("all", "broken", "standing")
CHANCE = {"spearman": 0.0, "ssim": math.nan, "overlap_10": 0.1}
"""What two maps that have nothing to do with each other score; for SSIM it depends on the maps."""


def survival(results: Results) -> pd.DataFrame:
    """Hold the maps of clean films against those of the same films under the headline attack.

    Parameters
    ----------
    results : Results
        Of a study.

    Returns
    -------
    DataFrame
        `system`, `explainer`, `films` (all, broken or standing), `metric`, `value`, `low`, `high`,
        `chance`, `n`: means over films with the interval of `means`. Films that were wrong before
        the attack are left as they are, and left out.
    """
    rows = []
    for system in results.params.systems:
        for explainer in results.params.explain.methods:
            table = results.of_maps("survival", system, explainer)
            for films in FILMS:
                found = means(_choose(table, films)[list(CHANCE)], results.params)
                rows += [
                    (system, explainer, films, metric, *mean[:3], CHANCE[metric], mean.n)
                    for metric, mean in found.items()
                ]
    columns = ["system", "explainer", "films", "metric", "value", "low", "high", "chance", "n"]
    return pd.DataFrame(rows, columns=columns)


def _choose(table: pd.DataFrame, films: str) -> pd.DataFrame:
    changed = table[table["changed"]]
    if films == "all":
        return changed
    return changed[changed["broken"] == (films == "broken")]
