"""The films of a study, counted: parts that the dataset tells apart, and groups of like films."""

from __future__ import annotations

import math
from typing import NamedTuple

import pandas as pd

from radrobust.core.seeds import derive_seed
from radrobust.report.kit.study import Study

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


class Pair(NamedTuple):
    """Two films that show nearly the same.

    Attributes
    ----------
    one, other : str
        Their names.
    correlation : float
        Of their thumbnails, one laid over the other.
    mirrored : bool
        Whether the other shows it in a mirror.
    """

    one: str
    other: str
    correlation: float
    mirrored: bool


class Whose(NamedTuple):
    """Of whom films are.

    Attributes
    ----------
    films, unknown : int
        All of them, and those of which it is not known whose they are.
    patients : int
        Whom the others are of.
    """

    films: int
    unknown: int
    patients: int


def whose(films: pd.DataFrame) -> Whose:
    """Count the patients of some films; the column `patient` is empty where it is not known."""
    patients = films["patient"]
    known = patients.notna() & (patients.astype(str) != "")
    return Whose(len(films), int((~known).sum()), int(patients[known].nunique()))


def test_table(study: Study) -> pd.DataFrame:
    """Return the rows of the test films."""
    return study.samples.table.iloc[study.samples.rows("test")]


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
    groups: dict[str, list[str]] = {}
    for one, other in study.pairs.loc[study.pairs["picture"], ["one", "other"]].to_numpy(str):
        # A row pairs a film with the next one of its picture, and rows are in the films' order.
        group = groups.setdefault(one, [one])
        group.append(other)
        groups[other] = group
    alike = [names for first, names in groups.items() if names[0] == first]
    return sorted(alike, key=lambda names: derive_seed(study.params.seed, "same", names[0]))


def near_duplicates(study: Study) -> list[Pair]:
    """Return pairs of films that show nearly the same picture, in the order of a hash."""
    table = study.pairs[~study.pairs["picture"]]
    columns = table[["one", "other", "correlation", "mirrored"]].itertuples(index=False)
    pairs = [Pair(*row) for row in columns]
    return sorted(pairs, key=lambda pair: derive_seed(study.params.seed, pair.one, pair.other))


def _counts(films: pd.DataFrame) -> dict[tuple[str, int], int]:
    return {
        (split, label): int(
            ((films["label"] == label) & ((films["split"] == split) | (split == ALL))).sum()
        )
        for split in (*SPLIT_TITLES, ALL)
        for label in (0, 1)
    }
