"""Maps held against the finding: the table at a glance, and everything that was measured."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from radrobust.report.kit import html
from radrobust.report.kit import marks as matrix
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import IMAGES, Study, View
from radrobust.report.kit.tables import system_cell
from radrobust.report.kit.text import (
    COVERAGES,
    DASH,
    Row,
    explainer_title,
    interval,
    number,
    plural,
)
from radrobust.report.pages.interpretability import charts as map_figures

HEADLINE = "coverage_5"
METRICS = {
    **{f"coverage_{percent}": f"{percent} %" for percent in COVERAGES},
    "pointing": "Pointing",
    "mass": "Mass",
    "auprc": "AUPRC",
}
REGIONS = {"mask": "Outline", "box": "Box around it"}
ANSWERS = {
    "all": "all films",
    "right": "films answered rightly",
    "wrong": "films answered wrongly",
}


def at_a_glance(study: Study) -> Html:
    """Coverage at the top 5 % of every method on every system, clean, against chance."""
    if not study.marked:
        return nothing_marked(study)
    reach = matrix.furthest(
        [
            _lead(study.localised(system, method, HEADLINE))
            for system in study.systems
            for method in study.params.explain.methods
        ]
    )

    def one(system: str, method: str, kind: str) -> str:
        row = study.localised(system, method, HEADLINE)
        shown = number(row["value"], HEADLINE)
        return matrix.marked_cell(
            shown, interval(row, HEADLINE), _mark(row), abs(_lead(row)) / reach
        )

    caption = (
        f"Of the {study.finding}'s pixels, per cent that are among the film's strongest 5 %; "
        f"clean films, mean over {plural(study.marked, 'test film')}, in small print the "
        f"{study.level} interval. Chance: 5.0. {matrix.signs(matrix.CHANCE)}; the stronger the "
        f"tint, the further from it."
    )
    return matrix.table(study, {"": ""}, one, caption)


def by_method(study: Study) -> Html:
    """Everything that was measured: coverage as a figure, then every number; a tab a method."""
    if not study.marked:
        return Html("")
    panes = {
        explainer_title(method): _pane(study, method) for method in study.params.explain.methods
    }
    return html.tabs("localised", panes)


def nothing_marked(study: Study) -> Html:
    """Say that maps cannot be held against anything."""
    return Html(
        f"<p>No test film has its {escape(study.finding)} marked, so the maps are held against "
        "nothing: tables and figures of this part are left out.</p>"
    )


def _pane(study: Study, method: str) -> str:
    views = {
        f"{title}, {said}": (answers, region)
        for region, title in REGIONS.items()
        for answers, said in ANSWERS.items()
    }
    first, *others = views
    folded = "".join(
        html.details(title, "", _numbers(study, method, *views[title])) for title in others
    )
    figure = map_figures.coverage(study, method).source
    return f"{figure}{_numbers(study, method, *views[first])}{folded}"


def _numbers(study: Study, method: str, answers: str, region: str) -> str:
    """Every metric, clean and attacked, of some films and one region."""
    groups = [cell("", style="system"), cell("")]
    groups += [cell(f"Of the {study.finding}, among the strongest", "colgroup", span=len(COVERAGES),
                    style="number"), cell("", span=3)]  # fmt: skip
    head = [cell("System", "col", style="system"), cell("Films", "col")]
    head += [cell(title, "col", style="number") for title in METRICS.values()]
    body = []
    for system in study.systems:
        for image in IMAGES:
            view = View(image, answers, region)
            rows = {name: study.localised(system, method, name, view) for name in METRICS}
            first = system_cell(study, system, repeated=image != IMAGES[0])
            films = cell(image, small=plural(int(rows[HEADLINE]["n"]), "film"))
            body.append([first, films, *(numeral(row, name) for name, row in rows.items())])
    body.append(chance(study, method, answers, region))
    caption = (
        f"{explainer_title(method)}, {REGIONS[region].lower()}, {ANSWERS[answers]}: per cent, but "
        f"for AUPRC. {matrix.signs(matrix.CHANCE)}. {DASH}: no such film."
    )
    return f'<div class="dense">{html.table([groups, head], body, caption)}</div>'


def numeral(row: Row, metric: str) -> str:
    """Return a cell with a value, its interval, and a sign of where that lies beside chance."""
    mark = _mark(row)
    shown = number(row["value"], metric) + (f" {mark.sign}" if mark else "")
    style = f"number {mark.tint}" if mark else "number"
    return cell(shown, style=style, small=interval(row, metric))


def _lead(row: Row) -> float:
    return row["value"] - row["chance"]


def _mark(row: Row) -> matrix.Mark | None:
    return matrix.CHANCE.get(matrix.side(row["low"], row["high"], row["chance"]))


def chance(
    study: Study, method: str, answers: str, region: str, metrics: Iterable[str] = METRICS
) -> list[str]:
    """Return the row of a map that knows nothing; where films differ by system, least to most."""
    cells = []
    for metric in metrics:
        found = [
            study.localised(system, method, metric, View(image, answers, region))["chance"]
            for system in study.systems
            for image in IMAGES
        ]
        ends = [number(choose(known), metric) if (known := [x for x in found if x == x]) else DASH
                for choose in (min, max)]  # fmt: skip
        shown = DASH.join(dict.fromkeys(ends))
        cells.append(cell(shown, style="number"))
    return [cell("Chance", "row", style="system"), cell(""), *cells]
