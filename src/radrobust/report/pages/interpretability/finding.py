"""Maps against the finding: the table at a glance, and every measure."""

from __future__ import annotations

from radrobust.report.kit import html, maps, marks
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import IMAGES, Study, View
from radrobust.report.kit.tables import system_cell
from radrobust.report.kit.text import explainer_title, plural

REGIONS = {"mask": "Outline", "box": "Box around it"}
ANSWERS = {
    "all": "all radiographs",
    "right": "correctly classified radiographs",
    "wrong": "misclassified radiographs",
}


def at_a_glance(study: Study) -> Html:
    """Coverage at the top 5 % of every method on every system, clean, against chance."""
    if not study.marked:
        return maps.nothing_marked(study)
    rows = {
        (system, method): study.localised(system, method, maps.HEADLINE)
        for system in study.systems
        for method in study.params.explain.methods
    }
    reach = marks.furthest([maps.lead(row) for row in rows.values()])
    caption = (
        f"Of the {study.finding}'s pixels, per cent that are among the radiograph's strongest 5 %; "
        f"clean, mean over {plural(study.marked, 'test radiograph')}, in small print the "
        f"{study.level} interval. Chance: 5.0. {marks.signs(marks.CHANCE)}; the stronger the "
        f"tint, the further from it."
    )
    return marks.by_method(
        study,
        {"": ""},
        lambda system, method, kind: maps.covered_cell(rows[system, method], reach),
        caption,
    )


def by_method(study: Study) -> Html:
    """Every measure: coverage as a figure, then every number; a tab a method."""
    if not study.marked:
        return Html("")
    panes = {
        explainer_title(method): _pane(study, method) for method in study.params.explain.methods
    }
    return html.tabs("localised", panes)


def _pane(study: Study, method: str) -> str:
    views = {
        f"{title}, {said}": View(answers=answers, region=region)
        for region, title in REGIONS.items()
        for answers, said in ANSWERS.items()
    }
    first, *others = (
        (title, _numbers(study, method, view, title)) for title, view in views.items()
    )
    folded = "".join(html.details(title, "", shown) for title, shown in others)
    return f"{maps.coverage_of_systems(study, method).source}{first[1]}{folded}"


def _numbers(study: Study, method: str, view: View, title: str) -> str:
    """Every measure, clean and attacked, of some radiographs and one region."""
    rows = []
    for system in study.systems:
        for image in IMAGES:
            n = study.localised(system, method, maps.HEADLINE, view._replace(image=image))["n"]
            first = system_cell(study, system, repeated=image != IMAGES[0])
            count = cell(image, small=plural(int(n), "radiograph"))
            rows.append((system, method, image, [first, count]))
    titles = ["System", "Image"]
    caption = f"{explainer_title(method)}, {title[0].lower()}{title[1:]}."
    return maps.numbers(study, rows, titles, maps.METRICS, view, caption)
