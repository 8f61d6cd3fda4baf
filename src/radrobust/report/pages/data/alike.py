"""Radiographs side by side: examples of both classes, and those with something in common."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np
import pandas as pd

from radrobust.core.seeds import derive_seed
from radrobust.report.kit import html, links
from radrobust.report.kit.pictures import enlarge_image, img, outline
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import Study
from radrobust.report.kit.text import SPLIT_TITLES, listing, plural

EXAMPLES = 4
MOST_GROUPS, MOST_ALIKE = 6, 4
MOST_BURNED_IN = 24


class Pair(NamedTuple):
    """Two samples with nearly the same image.

    Attributes
    ----------
    one, other : str
        Their names.
    correlation : float
        Of their thumbnails, one laid over the other.
    mirrored : bool
        Whether the other is a mirror image.
    """

    one: str
    other: str
    correlation: float
    mirrored: bool


def examples(study: Study) -> Html:
    """Radiographs of both classes, drawn by a hash of the seed and their name."""
    table = _by_name(study)
    order = [derive_seed(study.params.seed, "examples", str(name)) for name in table.index]
    table = table.assign(order=order).sort_values("order")
    shown = []
    for label, title in reversed(list(enumerate(study.classes))):
        chosen = table[table["label"] == label].head(EXAMPLES)
        cards = "".join(_example(study, str(name), row) for name, row in chosen.iterrows())
        shown.append(f'<h3>{escape(title)}</h3><div class="films">{cards}</div>')
    return Html("".join(shown))


def same(study: Study) -> Html:
    """Radiographs with the same image pixel by pixel, side by side."""
    groups = same_groups(study)
    if not groups:
        return Html("<p>No two radiographs have the same image, pixel by pixel.</p>")
    return alike(study, groups, "have the same image, pixel by pixel")


def near(study: Study) -> Html:
    """Radiographs with nearly the same image, side by side."""
    pairs = near_pairs(study)
    if not pairs:
        return Html("<p>No two radiographs have nearly the same image.</p>")
    notes = [
        f"correlation {pair.correlation:.3f}" + (", the second one mirrored" * pair.mirrored)
        for pair in pairs
    ]
    groups = [[pair.one, pair.other] for pair in pairs]
    return alike(study, groups, "have nearly the same image", notes)


def burned_in(study: Study) -> Html:
    """Radiographs whose DICOM header declares text in the image, as large as they are shown."""
    names = study.faults.loc[study.faults["kind"] == "burned_in", "sample_id"].tolist()
    if not names:
        return Html("<p>No DICOM header says so of any radiograph.</p>")
    order = sorted(names, key=lambda name: derive_seed(study.params.seed, "burned in", name))
    more = f"{_first(len(order), MOST_BURNED_IN)}; audit-faults.csv, on the page Methods, names all"
    cards = _cards(study, _by_name(study).loc[order[:MOST_BURNED_IN]])
    said = plural(len(order), "DICOM file says", "DICOM files say")
    warned = f"<b>{said} that text is burnt into the image</b>: look whether it names anybody."
    return Html(f"<p>{warned} Shown {more}.</p>{cards}")


def alike(
    study: Study, groups: list[list[str]], how: str, notes: Sequence[str] | None = None
) -> Html:
    """Samples that have something in common, side by side with their labels and splits.

    Parameters
    ----------
    study : Study
        The study.
    groups : list of list of str
        Names of the samples of each group; the first groups are shown.
    how : str
        The common trait, as in ``have the same image``.
    notes : sequence of str, optional
        More about each group, plain text.
    """
    found = _by_name(study)
    tables = [found.loc[names] for names in groups]
    counted = {
        "have different labels": sum(table["label"].nunique() > 1 for table in tables),
        "are in different splits": sum(table["split"].nunique() > 1 for table in tables),
    }
    said = listing([f"{count or 'none'} {what}" for what, count in counted.items()])
    opening = (
        f"<p>{plural(len(groups), 'group')} of radiographs, {sum(map(len, groups)):,} radiographs "
        f"in all, {escape(how)}. Of the groups {said}. Shown {_first(len(groups), MOST_GROUPS)}."
        "</p>"
    )
    more = notes or [""] * len(tables)
    shown = list(zip(tables, more, strict=True))[:MOST_GROUPS]
    return Html(opening + "".join(_group(study, table, note) for table, note in shown))


def same_groups(study: Study) -> list[list[str]]:
    """Return groups of two samples or more with the same image, in the order of a hash."""
    groups: dict[str, list[str]] = {}
    for one, other in study.pairs.loc[study.pairs["picture"], ["one", "other"]].to_numpy(str):
        # A row pairs a sample with the next one of its image, and rows are in the samples' order.
        group = groups.setdefault(one, [one])
        group.append(other)
        groups[other] = group
    found = [names for first, names in groups.items() if names[0] == first]
    return sorted(found, key=lambda names: derive_seed(study.params.seed, "same", names[0]))


def near_pairs(study: Study) -> list[Pair]:
    """Return pairs of samples with nearly the same image, in the order of a hash."""
    table = study.pairs[~study.pairs["picture"]]
    columns = table[["one", "other", "correlation", "mirrored"]].itertuples(index=False)
    pairs = [Pair(*row) for row in columns]
    return sorted(pairs, key=lambda pair: derive_seed(study.params.seed, pair.one, pair.other))


def _by_name(study: Study) -> pd.DataFrame:
    """Return the table of samples by their names, with a column `position` in the arrays."""
    rows = study.samples.table.reset_index(drop=True).reset_index(names="position")
    return rows.set_index("sample_id")


def _first(count: int, most: int) -> str:
    return "are all" if count <= most else f"are the first {most} by a hash"


def _group(study: Study, table: pd.DataFrame, note: str) -> str:
    notes = [note] if note else []
    notes += [
        said
        for column, said in {"label": "labels differ", "split": "splits differ"}.items()
        if table[column].nunique() > 1
    ]
    more = len(table) - MOST_ALIKE
    notes += [f"{plural(more, 'more radiograph')} not shown"] if more > 0 else []
    said = f'<p class="noted">{escape("; ".join(notes))}</p>' if notes else ""
    return f'<div class="group">{said}{_cards(study, table.head(MOST_ALIKE))}</div>'


def _cards(study: Study, table: pd.DataFrame) -> str:
    cards = "".join(_card(study, str(name), row) for name, row in table.iterrows())
    return f'<div class="films alike">{cards}</div>'


def _card(study: Study, name: str, row: pd.Series[int]) -> str:
    title, split = study.classes[int(row["label"])], SPLIT_TITLES[str(row["split"])]
    shown = enlarge_image(study.samples.images[int(row["position"])])
    picture = img(shown, f"Radiograph {name}: {title}, {split.lower()}")
    caption = f"{title} · {split} · {name}"
    return html.figure(_linked(study, name, row, picture), caption, style="film")


def _example(study: Study, name: str, row: pd.Series[int]) -> str:
    title = study.classes[int(row["label"])]
    position = int(row["position"])
    shown, mask = enlarge_image(study.samples.images[position]), study.samples.masks[position]
    pictures = img(shown, f"Radiograph {name}: {title}")
    if np.any(mask):
        outlined = outline(shown, mask)
        pictures += img(outlined, f"The same radiograph, the {study.finding} outlined")
    pair = f'<div class="pair">{_linked(study, name, row, pictures)}</div>'
    return html.figure(pair, name, style="film")


def _linked(study: Study, name: str, row: pd.Series[int], pictures: str) -> str:
    """Let pictures of a test radiograph lead to the case browser."""
    if str(row["split"]) != "test":
        return pictures
    return links.to_case(links.case(name, study.systems[0]), pictures)
