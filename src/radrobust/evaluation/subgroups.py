"""Does a system do worse for some films than for others?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radrobust.evaluation.intervals import resample_weights
from radrobust.evaluation.metrics import estimate
from radrobust.evaluation.results import Results

PREFIX = "subgroup_"
METRICS = ("balanced_accuracy", "sensitivity", "specificity", "auroc")
COLUMNS = {
    "system": "str",
    "eps": "float64",
    "subgroup": "str",
    "member": "str",
    "n": "int64",
    "findings": "int64",
    "metric": "str",
    "value": "float64",
    "low": "float64",
    "high": "float64",
}
"""Columns and their types, which a table without rows has too."""


class Member(NamedTuple):
    """Films that share an attribute, by their rows among the test films."""

    subgroup: str
    member: str
    rows: NDArray[np.intp]


def by_subgroup(results: Results) -> pd.DataFrame:
    """Compute metrics for the films of each subgroup by themselves, clean and attacked.

    Parameters
    ----------
    results : Results
        Of a study; the columns ``subgroup_*`` of its samples say which there are.

    Returns
    -------
    DataFrame
        `system`, `eps` (0 and the headline budget), `subgroup`, `member`, `n` (films), `findings`
        (those with label 1), `metric` (see `METRICS`), `value`, `low`, `high` as in `estimate`;
        NaN where films of a class are missing. Empty where samples name no subgroup.
    """
    evaluate, seed = results.params.evaluate, results.params.seed
    slices = {
        (system, eps): results.answers(system, eps)
        for system in results.params.systems
        for eps in (0.0, results.eps)
    }
    rows = []
    for subgroup, member, films in _members(results.test):
        labels = results.test["label"].to_numpy()[films]
        weights = resample_weights(labels, evaluate.bootstrap, seed)
        about = subgroup, member, len(films), int(labels.sum())
        rows += [
            (*of, *about, metric, *found)
            for of, answers in slices.items()
            for metric, found in estimate(
                answers.of(films), weights, evaluate.level, METRICS
            ).items()
        ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def _members(test: pd.DataFrame) -> Iterator[Member]:
    """Yield every subgroup's members by name; films of which nothing is said are in none."""
    for column in test.columns[test.columns.str.startswith(PREFIX)]:
        for member in sorted(set(test[column]) - {""}):
            rows = np.flatnonzero(test[column] == member)
            yield Member(column.removeprefix(PREFIX), member, rows)
