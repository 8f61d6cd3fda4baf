"""Does a system do worse for some films than for others?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radrobust.core.tables import data, figures
from radrobust.evaluation.intervals import resample_weights
from radrobust.evaluation.metrics import estimate
from radrobust.evaluation.results import Results

PREFIX = data.SAMPLES.more
METRICS = ("balanced_accuracy", "sensitivity", "specificity", "auroc")


class Member(NamedTuple):
    """Samples that share an attribute, by their rows among the test samples."""

    subgroup: str
    member: str
    rows: NDArray[np.intp]


def by_subgroup(results: Results) -> pd.DataFrame:
    """Compute metrics for the samples of each subgroup by themselves, under each condition.

    Parameters
    ----------
    results : Results
        Of a study; the columns ``subgroup_*`` of its samples say which there are.

    Returns
    -------
    DataFrame
        `figures.SUBGROUPS`, of `METRICS`; NaN where samples of a class are missing. Empty where
        samples name no subgroup.
    """
    evaluate, seed = results.params.evaluate, results.params.seed
    slices = {
        (system, condition.key): results.answers(system, condition)
        for system in results.params.systems
        for condition in results.conditions
    }
    rows = []
    for subgroup, member, places in _members(results.test):
        labels = results.test["label"].to_numpy()[places]
        weights = resample_weights(labels, evaluate.bootstrap, seed)
        about = subgroup, member, len(places), int(labels.sum())
        rows += [
            (*of, *about, metric, *found)
            for of, answers in slices.items()
            for metric, found in estimate(
                answers.of(places), weights, evaluate.level, METRICS
            ).items()
        ]
    return figures.SUBGROUPS.of_rows(rows)


def _members(test: pd.DataFrame) -> Iterator[Member]:
    """Yield every subgroup's members by name; samples of which nothing is said are in none."""
    for column in test.columns[test.columns.str.startswith(PREFIX)]:
        for member in sorted(set(test[column]) - {""}):
            rows = np.flatnonzero(test[column] == member)
            yield Member(column.removeprefix(PREFIX), member, rows)
