"""Marks of the side of a reference on which an interval lies, in cells and in whole tables."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from typing import NamedTuple

from radrobust.report.kit import html
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import Study
from radrobust.report.kit.tables import sortable, system_cell
from radrobust.report.kit.text import Row, explainer_title

FAINTEST = 0.25  # of a tint that is to be seen at all

CellOf = Callable[[str, str, str], str]
"""From a system, an explainer and a row's kind to its cell."""


class Mark(NamedTuple):
    """A sign, a tint and words for the side on which an interval lies.

    Attributes
    ----------
    sign : str
        One character.
    tint : str
        ``good``, ``even`` or ``bad``.
    words : str
        For the caption and for screen readers.
    """

    sign: str
    tint: str
    words: str


Marks = dict[str, Mark]
"""By side, as `side` tells it."""

CHANCE: Marks = {
    "above": Mark("▲", "good", "above chance"),
    "around": Mark("≈", "even", "not told from chance"),
    "below": Mark("▼", "bad", "below chance"),
}
NOISE: Marks = {
    "above": Mark("▲", "good", "better than noise"),
    "around": Mark("≈", "even", "not told from noise"),
    "below": Mark("▼", "bad", "worse than noise"),
}
LIMIT: Marks = {
    "below": Mark("▼", "good", "below the limit"),
    "around": Mark("≈", "even", "not told from the limit"),
    "above": Mark("▲", "bad", "above the limit"),
}


def side(low: float, high: float, against: float) -> str:
    """Tell where an interval lies: ``above``, ``around``, ``below``, or nothing if undefined.

    Examples
    --------
    >>> side(0.06, 0.2, 0.05), side(0.05, 0.2, 0.05), side(0.01, 0.04, 0.05)
    ('above', 'around', 'below')
    >>> side(math.nan, math.nan, 0.05)
    ''
    """
    if math.isnan(low) or math.isnan(high) or math.isnan(against):
        return ""
    return "above" if low > against else "below" if high < against else "around"


def beside_chance(row: Row) -> str:
    """Return the side of a row that has `low`, `high` and `chance`."""
    return side(row["low"], row["high"], row["chance"])


def furthest(distances: list[float]) -> float:
    """Return the largest distance, of which tints are a share; 1 where there is none.

    Examples
    --------
    >>> furthest([0.1, -0.3, math.nan]), furthest([math.nan]), furthest([0.0])
    (0.3, 1.0, 1.0)
    """
    known = [abs(distance) for distance in distances if not math.isnan(distance)]
    return max(known, default=1.0) or 1.0


def signs(marks: Marks) -> str:
    """Explain the signs in a caption."""
    return ", ".join(f"{mark.sign} {mark.words}" for mark in marks.values())


def marked_cell(shown: str, small: str, mark: Mark | None, share: float = 1.0) -> str:
    """Return a cell with a sign, a tint and words for the side of its interval.

    Parameters
    ----------
    shown, small : str
        Plain text, and such in small print.
    mark : Mark, optional
        None where there is nothing to lie above or below.
    share : float
        Strength of the tint, in [0, 1].
    """
    if mark is None:
        return cell(shown, style="number", small=small)
    sign = (
        f'<span aria-hidden="true">{mark.sign}</span>'
        f'<span class="visually-hidden"> {mark.words}</span>'
    )
    below = f"<br><small>{escape(small)}</small>" if small else ""
    tint = f"--share:{max(FAINTEST, min(1.0, share)):.2f}"
    return (
        f'<td class="number tinted {mark.tint}" style="{tint}">{escape(shown)} {sign}{below}</td>'
    )


def by_method(
    study: Study,
    kinds: dict[str, str],
    cell_of: CellOf,
    caption: str,
    small: Callable[[str, str], str] = lambda system, kind: "",
) -> Html:
    """Return a table with a column a method, and for each system a row a kind.

    One with a row a system can be sorted.

    Parameters
    ----------
    study : Study
        The study.
    kinds : dict of str to str
        From each kind of row to its title; one kind needs no title.
    cell_of : callable
        Returns the cells.
    caption : str
        Plain text.
    small : callable
        From a system and a kind to small print under the kind's title.
    """
    several = len(kinds) > 1
    methods = study.params.explain.methods
    head = [cell("System", "col", style="system")]
    head += [cell("", "col")] if several else []
    head += [cell(explainer_title(method), "col", style="number") for method in methods]
    body = []
    for system in study.systems:
        for place, (kind, title) in enumerate(kinds.items()):
            row = [system_cell(study, system, repeated=place > 0)]
            row += [cell(title, small=small(system, kind))] if several else []
            body.append([*row, *(cell_of(system, method, kind) for method in methods)])
    shown = html.table([head], body, caption)
    return Html(f'<div class="methods">{shown if several else sortable(shown)}</div>')
