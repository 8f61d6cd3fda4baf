"""Films of the data page: a fair choice of both classes, and films that are alike."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd

from radrobust.core.seeds import derive_seed
from radrobust.report.kit import html
from radrobust.report.kit import links as case_links
from radrobust.report.kit.page_names import CASES
from radrobust.report.kit.pictures import enlarge_film, img, outline
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import Study
from radrobust.report.kit.text import listing, plural
from radrobust.report.pages.data import groups as films
from radrobust.report.pages.data.groups import SPLIT_TITLES

EXAMPLES = 4
MOST_GROUPS, MOST_ALIKE = 6, 4
MOST_BURNED_IN = 24
TEST = "test"


def examples(study: Study) -> Html:
    """Films of both classes, drawn by a hash of the seed and their name."""
    table = study.samples.table.assign(position=np.arange(len(study.samples.table)))
    names = table["sample_id"]
    order = [derive_seed(study.params.seed, "examples", name) for name in names]
    table = table.assign(order=order).sort_values("order")
    shown = []
    for label, title in reversed(list(enumerate(study.classes))):
        chosen = table[table["label"] == label].head(EXAMPLES)
        cards = [
            _example(study, int(position), str(name), title)
            for position, name in zip(chosen["position"], chosen["sample_id"], strict=True)
        ]
        shown.append(f'<h3>{escape(title)}</h3><div class="films">{"".join(cards)}</div>')
    said = (
        f'<p>A click on a film of the test part opens it in the <a href="{CASES}.html">'
        "case browser</a>.</p>"
    )
    return Html(said + "".join(shown))


def same_pictures(study: Study) -> Html:
    """Films that show the same picture pixel by pixel, side by side."""
    groups = films.same_pictures(study)
    if not groups:
        return Html("<p>No two films show the same picture, pixel by pixel.</p>")
    return alike(study, groups, "show the same picture, pixel by pixel")


def burned_in(study: Study) -> Html:
    """Films whose DICOM header says that there is text in the image, as large as they are shown."""
    names = study.faults.loc[study.faults["kind"] == "burned_in", "sample_id"].tolist()
    if not names:
        return Html("<p>No DICOM header says so of any film.</p>")
    order = sorted(names, key=lambda name: derive_seed(study.params.seed, "burned in", name))
    more = f"{_first(len(order), MOST_BURNED_IN)}; audit-faults.csv, on the page Methods, names all"
    cards = _cards(study, _by_name(study).loc[order[:MOST_BURNED_IN]])
    return Html(f"<p>{plural(len(order), 'film')}. Shown {more}.</p>{cards}")


def alike(
    study: Study, groups: list[list[str]], how: str, notes: Sequence[str] | None = None
) -> Html:
    """Films that have something in common, side by side with their labels and splits.

    Parameters
    ----------
    study : Study
        The study.
    groups : list of list of str
        Names of the films of each group; the first groups are shown.
    how : str
        What the films of a group do, for the sentence above them: ``show the same picture``.
    notes : sequence of str, optional
        What else there is to say of each group, plain text.
    """
    found = _by_name(study)
    tables = [found.loc[names] for names in groups]
    counted = {
        "have different labels": sum(table["label"].nunique() > 1 for table in tables),
        "lie in different splits": sum(table["split"].nunique() > 1 for table in tables),
    }
    said = listing([f"{count or 'none'} {what}" for what, count in counted.items()])
    opening = (
        f"<p>{plural(len(groups), 'group')} of films, {sum(map(len, groups)):,} films in all, "
        f"{escape(how)}. Of the groups {said}. Shown {_first(len(groups), MOST_GROUPS)}.</p>"
    )
    more = notes or [""] * len(tables)
    shown = list(zip(tables, more, strict=True))[:MOST_GROUPS]
    return Html(opening + "".join(_group(study, table, note) for table, note in shown))


def _by_name(study: Study) -> pd.DataFrame:
    """Return the table of films by their names, with a column `position` in the arrays."""
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
    notes += [f"{plural(more, 'more film')} not shown"] if more > 0 else []
    said = f'<p class="noted">{escape("; ".join(notes))}</p>' if notes else ""
    return f'<div class="group">{said}{_cards(study, table.head(MOST_ALIKE))}</div>'


def _cards(study: Study, table: pd.DataFrame) -> str:
    cards = "".join(_card(study, str(name), row) for name, row in table.iterrows())
    return f'<div class="films alike">{cards}</div>'


def _card(study: Study, name: str, row: pd.Series[int]) -> str:
    title, split = study.classes[int(row["label"])], SPLIT_TITLES[str(row["split"])]
    film = enlarge_film(study.samples.images[int(row["position"])])
    picture = img(film, f"Film {name}: {title}, {split.lower()}")
    if split == SPLIT_TITLES[TEST]:
        picture = case_links.link(case_links.address(name, study.systems[0]), picture)
    return html.figure(picture, f"{title} · {split} · {name}", style="film")


def _example(study: Study, position: int, name: str, title: str) -> str:
    film, mask = study.samples.images[position], study.samples.masks[position]
    pictures = img(enlarge_film(film), f"Film {name}: {title}")
    if mask.any():
        outlined = outline(enlarge_film(film), mask)
        pictures += img(outlined, f"The same film, the {study.finding} outlined")
    if study.samples.table["split"].iloc[position] == TEST:
        pictures = case_links.link(case_links.address(name, study.systems[0]), pictures)
    return html.figure(f'<div class="pair">{pictures}</div>', name, style="film")
