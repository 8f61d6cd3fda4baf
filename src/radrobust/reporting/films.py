"""The films of a study, counted: parts that the dataset tells apart, and groups of like films."""

from __future__ import annotations

import math
from typing import NamedTuple

import pandas as pd

from radrobust.reporting.study import Study
from radrobust.seeds import derive_seed

SPLIT_TITLES = {"train": "Training", "val": "Validation", "test": "Test"}
PREFIX = "subgroup_"
ALL = ""
"""In the place of a split: all of them."""


class Part(NamedTuple):
    """A part of the films that the dataset tells apart, such as those of a hand.

    Attributes
    ----------
    kind, member : str
        Such as ``region`` and ``hand``.
    counts : dict
        From split, or `ALL`, and label to the number of films.
    known : dict
        Likewise, of the films of which the dataset says anything of that kind.
    """

    kind: str
    member: str
    counts: dict[tuple[str, int], int]
    known: dict[tuple[str, int], int]

    def share(self, split: str, label: int) -> float:
        """Return the part's share of the known films of a class; NaN where there are none."""
        known = self.known[split, label]
        return self.counts[split, label] / known if known else math.nan


def parts(study: Study) -> list[Part]:
    """List the parts, kind by kind, in the order of the table and then of the alphabet."""
    table = study.samples.table
    found = []
    for column in table.columns[table.columns.str.startswith(PREFIX)]:
        known = table[table[column] != ""]
        kind = str(column).removeprefix(PREFIX).replace("_", " ")
        found += [
            Part(kind, str(member), _counts(known[known[column] == member]), _counts(known))
            for member in sorted(known[column].unique())
        ]
    return found


def same_pictures(study: Study) -> list[list[str]]:
    """Return groups of two films or more that show the same picture, in the order of a hash."""
    table = study.samples.table
    groups = table.groupby("group", sort=False)["sample_id"].agg(list)
    alike = groups[[len(names) > 1 for names in groups]]
    order = [derive_seed(study.params.seed, "same picture", group) for group in alike.index]
    return [names for _, names in sorted(zip(order, alike, strict=True))]


def _counts(films: pd.DataFrame) -> dict[tuple[str, int], int]:
    return {
        (split, label): int(
            ((films["label"] == label) & ((films["split"] == split) | (split == ALL))).sum()
        )
        for split in (*SPLIT_TITLES, ALL)
        for label in (0, 1)
    }
