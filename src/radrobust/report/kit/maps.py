"""Maps against the finding and under attack, as several pages show them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from html import escape

from matplotlib.axes import Axes

from radrobust.report.kit import charts, html, marks
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import Study, View, keyed
from radrobust.report.kit.text import (
    COVERAGES,
    DASH,
    Row,
    between,
    correlation,
    explainer_title,
    interval,
    number,
    plural,
)

HEADLINE = "coverage_5"
METRICS = {
    **{f"coverage_{percent}": f"{percent} %" for percent in COVERAGES},
    "pointing": "Pointing",
    "mass": "Mass",
    "auprc": "AUPRC",
}
SURVIVAL = {
    "overlap_10": (
        "Strongest tenth",
        "Of the strongest tenth of pixels, per cent that the clean and the attacked map share. "
        "Chance: 10.0",
    ),
    "spearman": (
        "Rank correlation",
        "Rank correlation of the clean and the attacked map, by strength (Spearman). Chance: 0",
    ),
    "ssim": (
        "Structural similarity",
        "Structural similarity of the clean and the attacked map (SSIM), 1 for the same map",
    ),
}
OUTCOMES = {"misclassified": "misclassified", "robust": "robust"}

Write = Callable[[float], str]


# --- Against the finding ----------------------------------------------------------------------


def nothing_marked(study: Study) -> Html:
    """Say that maps cannot be compared with the finding."""
    return Html(
        f"<p>No test radiograph has its {escape(study.finding)} marked, so no map is compared with "
        "it: tables and figures of this part are left out.</p>"
    )


def covered(study: Study, system: str) -> Row:
    """Return how much of the finding the strongest 5 % of the first method's maps cover."""
    return study.localised(system, study.params.explain.methods[0], HEADLINE)


def covered_cell(row: Row, reach: float) -> str:
    """Return a cell with a coverage, its interval and its mark; `reach` has the full tint."""
    mark = marks.CHANCE.get(marks.beside_chance(row))
    shown, ends = number(row["value"], "share"), interval(row, "share")
    return marks.marked_cell(shown, ends, mark, abs(lead(row)) / reach)


def lead(row: Row) -> float:
    """Return by how much a value is above chance."""
    return row["value"] - row["chance"]


def numbers(
    study: Study,
    rows: Iterable[tuple[str, str, str, list[str]]],
    first: list[str],
    metrics: Iterable[str],
    view: View,
    caption: str,
) -> str:
    """Return a table of measures of maps against the finding, with a row for chance.

    Parameters
    ----------
    study : Study
        The study.
    rows : iterable
        Of each row the system, the explainer, the image, and its leading cells.
    first : list of str
        Titles of the leading columns.
    metrics : iterable of str
        One a column, coverages first.
    view : View
        The answers and the region; the image is that of the row.
    caption : str
        Plain text.
    """
    metrics, body, known = list(metrics), [], []
    for system, method, image, leading in rows:
        found = [
            study.localised(system, method, metric, view._replace(image=image))
            for metric in metrics
        ]
        known.append([row["chance"] for row in found])
        cells = (_numeral(row, metric) for row, metric in zip(found, metrics, strict=True))
        body.append([*leading, *cells])
    chance = [
        cell(_span(values, metric), style="number")
        for values, metric in zip(zip(*known, strict=True), metrics, strict=True)
    ]
    body.append([cell("Chance", "row", style="system"), cell(""), *chance])
    covers = sum(metric.startswith("coverage") for metric in metrics)
    groups = [cell("", style="system"), cell("")]
    groups += [cell(f"Of the {study.finding}, among the strongest", "colgroup", span=covers,
                    style="number"), cell("", span=len(metrics) - covers)]  # fmt: skip
    head = html.heads([first[0], first[1]], [METRICS[metric] for metric in metrics])
    more = f" Per cent, but for AUPRC. {marks.signs(marks.CHANCE)}. {DASH}: no such radiograph."
    return f'<div class="dense">{html.table([groups, head], body, caption + more)}</div>'


def _numeral(row: Row, metric: str) -> str:
    """Return a cell with a value, its interval, and the sign of its side."""
    mark = marks.CHANCE.get(marks.beside_chance(row))
    shown = number(row["value"], metric) + (f" {mark.sign}" if mark else "")
    style = f"number {mark.tint}" if mark else "number"
    return cell(shown, style=style, small=interval(row, metric))


def _span(values: Iterable[float], metric: str) -> str:
    """Write the least and the most of some values: radiographs may differ by system."""
    known = [value for value in values if not math.isnan(value)]
    ends = [number(choose(known), metric) for choose in (min, max)] if known else [DASH]
    return DASH.join(dict.fromkeys(ends))


def coverage_of_systems(study: Study, method: str) -> Html:
    """Coverage by one method, a panel a system."""
    pairs = dict(zip(charts.of_each(study), [(key, method) for key in study.systems], strict=True))
    return _coverage(study, pairs, explainer_title(method))


def coverage_of_methods(study: Study, system: str) -> Html:
    """Coverage on one system, a panel a method."""
    pairs = {explainer_title(name): (system, name) for name in study.params.explain.methods}
    return _coverage(study, pairs, study.name(system))


def _coverage(study: Study, pairs: dict[str, tuple[str, str]], whose: str) -> Html:
    """Draw coverage against the share of pixels taken, a panel for each pair."""
    x = "Share of the radiograph's pixels taken, strongest first"
    y = f"Of the {study.finding}, among them"
    with charts.panels(list(pairs), 1.25, x, y) as (figure, axes):
        for ax, (system, method) in zip(axes, pairs.values(), strict=True):
            _draw_coverage(ax, study, system, method)
        charts.in_per_cent(axes[0])
        charts.explain_lines(figure, {**charts.LINES, "chance": charts.DOTTED})
        return charts.shown(
            figure,
            alt=f"Coverage of the {study.finding} against the share of pixels taken, {whose}: the "
            "numbers of the table below. Chance: as much as is taken.",
            caption=f"{whose}: how much of the {study.finding}'s outline is among the strongest "
            f"pixels, on clean and attacked radiographs, with the {study.level} band of clean "
            "ones. Above the dotted line: more than chance."
            f"{charts.others_in_grey(study, 'the other systems, clean')}",
        )


def _draw_coverage(ax: Axes, study: Study, system: str, method: str) -> None:
    """Draw coverage by one method on one system, the others in grey behind it."""
    taken = [0.0, *(percent / 100 for percent in COVERAGES), 1.0]
    for other in study.systems:
        if other != system:
            ax.plot(taken, _covers(study, other, method, "clean"), color=charts.BEHIND, lw=0.7)
    ax.plot([0, 1], [0, 1], color=charts.REFERENCE, ls=charts.DOTTED, lw=1)
    own = charts.colour(system)
    low, high = (_covers(study, system, method, "clean", end) for end in ("low", "high"))
    ax.fill_between(taken, low, high, color=own, alpha=0.2, lw=0)
    for image, line in charts.LINES.items():
        ax.plot(taken, _covers(study, system, method, image), color=own, ls=line, lw=1.4)


def _covers(
    study: Study, system: str, method: str, image: str, column: str = "value"
) -> list[float]:
    """The curve, or an end of its interval, from no pixels, which hold none, to all of them."""
    rows = [
        study.localised(system, method, f"coverage_{percent}", View(image)) for percent in COVERAGES
    ]
    return [0.0, *(row[column] for row in rows), 1.0]


# --- Under attack -----------------------------------------------------------------------------


def survival(study: Study) -> Html:
    """How alike clean and attacked maps are, a tab a measure."""
    panes = {title: _survived(study, metric) for metric, (title, _) in SURVIVAL.items()}
    return html.tabs("survival", panes)


def _survived(study: Study, metric: str) -> str:
    table = study.survival[study.survival["metric"] == metric]
    rows = keyed(table, "system", "explainer", "answers")
    write = _per_cent if metric == "overlap_10" else correlation

    def one(system: str, method: str, outcome: str) -> str:
        row = rows[system, method, outcome]
        mark = marks.CHANCE.get(marks.beside_chance(row))
        return marks.marked_cell(write(row["value"]), ends(row, write), mark, abs(row["value"]))

    def count(system: str, outcome: str) -> str:
        n = rows[system, study.params.explain.methods[0], outcome]["n"]
        return plural(int(n), "radiograph")

    marked = "" if table["chance"].isna().all() else f" {marks.signs(marks.CHANCE)}."
    caption = (
        f"{SURVIVAL[metric][1]}; mean over the radiographs that the attack changed, in small print "
        f"the {study.level} interval.{marked} {DASH}: no such radiograph."
    )
    return marks.by_method(study, OUTCOMES, one, caption, count).source


def ends(row: Row, write: Write, low: str = "low", high: str = "high") -> str:
    """Write the ends of an interval, or nothing where there is none."""
    if math.isnan(row[low]) or math.isnan(row[high]):
        return ""
    return between(write(row[low]), write(row[high]))


def _per_cent(share: float) -> str:
    return number(share, "share")
