"""Radiographs by split, class and subgroup, and their source."""

from __future__ import annotations

import math
from typing import NamedTuple

import pandas as pd

from radrobust.report.kit import html, patients
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html, Markdown, prose
from radrobust.report.kit.study import Study
from radrobust.report.kit.text import DASH, SPLIT_TITLES, number, plural

PREFIX = "subgroup_"
ALL = ""
"""In the place of a split: all of them."""


class Subgroup(NamedTuple):
    """Radiographs that the dataset tells apart, such as those of a hand.

    Attributes
    ----------
    kind, member : str
        Such as ``region`` and ``hand``.
    counts : dict
        From split, or `ALL`, and label to the number of radiographs.
    known : dict
        Likewise, of the radiographs of which the dataset knows that kind.
    """

    kind: str
    member: str
    counts: dict[tuple[str, int], int]
    known: dict[tuple[str, int], int]

    def share(self, split: str, label: int) -> float:
        """Return the share among known radiographs of a class; NaN where there are none."""
        known = self.known[split, label]
        return self.counts[split, label] / known if known else math.nan


def composition(study: Study) -> Markdown:
    """Say of how many radiographs, pixels and patients the dataset is made."""
    total = int(study.counts["count"].sum())
    present = int(study.counts.loc[study.counts["label"] == 1, "count"].sum())
    size = study.params.dataset.image_size
    return prose(
        f"**{study.dataset['title']}**: {plural(total, 'radiograph')}, {present:,} of them with a "
        f"{study.finding}, padded to a square without stretching and shown to the networks at "
        f"{size}×{size} pixels. {_whose(study)}"
    )


def counts(study: Study) -> Html:
    """Radiographs by split and class."""
    titles = (*study.classes, "All", f"With {study.finding}")
    splits = {title: (split,) for split, title in SPLIT_TITLES.items()}
    body = []
    for title, chosen in {**splits, "All": tuple(SPLIT_TITLES)}.items():
        absent, present = (sum(study.count(split, label) for split in chosen) for label in (0, 1))
        numbers = [f"{absent:,}", f"{present:,}", f"{absent + present:,}", _share(present, absent)]
        body.append([cell(title, "row"), *(cell(text, style="number") for text in numbers)])
    return Html(
        html.table([html.heads(["Split"], titles)], body, "Radiographs by split and class.")
    )


def by_subgroup(study: Study) -> Html:
    """Radiographs of each subgroup, by split and class."""
    found = subgroups(study)
    if not found:
        return Html("")
    groups = [cell("", style="system")]
    groups += [cell(name, "colgroup", span=2, style="whole group")
               for name in (*SPLIT_TITLES.values(), "All")]  # fmt: skip
    head = html.heads(["Subgroup"], [name for _ in SPLIT_TITLES for name in study.classes])
    head += [cell(name, "col", style="number") for name in ("number", f"with {study.finding}")]
    body = [
        _subgroup_row(one, first=not place or found[place - 1].kind != one.kind)
        for place, one in enumerate(found)
    ]
    caption = (
        "Radiographs by subgroup, split and class, and of each subgroup those with a "
        f"{study.finding}. Radiographs of which the dataset says nothing are in no subgroup."
    )
    return Html(f'<div class="counted">{html.table([groups, head], body, caption)}</div>')


def citation(study: Study) -> Html:
    """Licence, source and citation of the dataset."""
    titles = {"citation": "Citation", "source": "Source", "licence": "Licence"}
    body = [[cell(title, "row"), cell(str(study.dataset[key]))] for key, title in titles.items()]
    return Html(html.table([], body, "The source of the radiographs."))


def subgroups(study: Study) -> list[Subgroup]:
    """List the subgroups, kind by kind, in the order of the table and then of the alphabet."""
    table = study.samples.table
    found = []
    for column in table.columns[table.columns.str.startswith(PREFIX)]:
        known = table[table[column] != ""]
        kind = str(column).removeprefix(PREFIX).replace("_", " ")
        found += [
            Subgroup(kind, str(member), _counts(known[known[column] == member]), _counts(known))
            for member in sorted(known[column].unique())
        ]
    return found


def _whose(study: Study) -> str:
    """Say whose radiographs these are, as far as it is known."""
    if study.is_phantom:
        return (
            "They are **drawn by a program**, not taken of anybody: the place of each "
            f"{study.finding} is known exactly."
        )
    found = patients.everywhere(study)
    if found.unknown == found.samples:
        return "Their patients are not known."
    some = f"; {patients.unknown(found)}" if found.unknown else ""
    return f"They are of {plural(found.patients, 'patient')}{some}."


def _counts(samples: pd.DataFrame) -> dict[tuple[str, int], int]:
    return {
        (split, label): int(
            ((samples["label"] == label) & ((samples["split"] == split) | (split == ALL))).sum()
        )
        for split in (*SPLIT_TITLES, ALL)
        for label in (0, 1)
    }


def _subgroup_row(one: Subgroup, first: bool) -> list[str]:
    absent, present = (one.counts[ALL, label] for label in (0, 1))
    shown = [f"{one.counts[split, label]:,}" for split in SPLIT_TITLES for label in (0, 1)]
    shown += [f"{absent + present:,}", _share(present, absent)]
    style = "system first" if first else "system"
    named = cell(f"{one.kind}: {one.member}", "row", style=style)
    return [named, *(cell(text, style="number") for text in shown)]


def _share(present: int, absent: int) -> str:
    everything = present + absent
    return f"{number(present / everything, 'share')} %" if everything else DASH
