"""What an attack leaves of a heat map."""

from __future__ import annotations

import math

import pandas as pd

from radrobust.core.tables import explanations, figures
from radrobust.evaluation.means import means
from radrobust.evaluation.results import Results

ANSWERS = ("all", "misclassified", "robust")
CHANCE = {"spearman": 0.0, "ssim": math.nan, "overlap_10": 0.1}
"""What two maps that have nothing to do with each other score; for SSIM it depends on the maps."""


def survival(results: Results) -> pd.DataFrame:
    """Hold the maps of clean images against those of the same samples under the headline attack.

    Parameters
    ----------
    results : Results
        Of a study.

    Returns
    -------
    DataFrame
        `figures.SURVIVED`: means over samples with the interval of `means`. Samples that were
        misclassified before the attack are left as they are, and left out.
    """
    rows: list[tuple[object, ...]] = []
    for system in results.params.systems:
        for explainer in results.params.explain.methods:
            table = results.of_maps(explanations.SURVIVAL, system, explainer)
            for answers in ANSWERS:
                found = means(_choose(table, answers)[list(CHANCE)], results.params)
                rows += [
                    (system, explainer, answers, metric, *mean[:3], CHANCE[metric], mean.n)
                    for metric, mean in found.items()
                ]
    return figures.SURVIVED.of_rows(rows)


def _choose(table: pd.DataFrame, answers: str) -> pd.DataFrame:
    changed = table[table["changed"]]
    if answers == "all":
        return changed
    return changed[changed["misclassified"] == (answers == "misclassified")]
