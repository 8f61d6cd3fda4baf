"""Maps against the network: do they add up, name its reasons, and depend on its weights?"""

from __future__ import annotations

import math

from radrobust.report.kit import html, marks
from radrobust.report.kit.html import cell
from radrobust.report.kit.maps import ends
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import IMAGES, Study, keyed
from radrobust.report.kit.tables import system_cell
from radrobust.report.kit.text import (
    DASH,
    correlation,
    explainer_title,
    plural,
    power,
    signed,
)
from radrobust.report.pages.interpretability import charts

TASKS = {"deletion": "taken away", "insertion": "put back"}
STRAYS = {"infidelity": "infidelity", "max_sensitivity": "max-sensitivity"}


def convergence(study: Study) -> Html:
    """Do the maps that promise to add up do so?"""
    table = study.convergence
    if table.empty:
        return Html("<p>None of the methods promises a sum.</p>")
    groups = [cell("", style="system"), cell("")]
    groups += [cell(image.capitalize(), "colgroup", span=2, style="number") for image in IMAGES]
    head = [cell("System", "col", style="system"), cell("Method", "col")]
    titles = ("Do not add up", "Most off") * len(IMAGES)
    head += [cell(title, "col", style="number") for title in titles]
    rows = keyed(table, "system", "explainer", "image", "metric")
    body = []
    for system in study.systems:
        for place, method in enumerate(table["explainer"].drop_duplicates()):
            row = [system_cell(study, system, repeated=place > 0)]
            row.append(cell(explainer_title(str(method))))
            for image in IMAGES:
                exceeds, largest = (
                    rows[system, method, image, f"delta_{name}"] for name in ("exceeds", "largest")
                )
                off = round(exceeds["value"] * exceeds["n"])
                row.append(cell(f"{off:,} of {int(exceeds['n']):,}", style="number"))
                row.append(cell(power(largest["value"]), style="number"))
            body.append(row)
    caption = (
        "Maps whose sum differs from the change in output that it should equal by more than a "
        "thousandth of that change (by more than 0.0001 where the change is under 0.1). Most off: "
        "as a share of that change, or of 0.1 where it is smaller."
    )
    return Html(f'<div class="after-3">{html.table([groups, head], body, caption)}</div>')


def faithfulness(study: Study) -> Html:
    """By how much each method does better than noise at taking pixels away and putting back."""
    rows = keyed(study.faithfulness, "system", "explainer", "metric")
    reach = marks.furthest([row["gain"] for row in rows.values()])

    def one(system: str, method: str, task: str) -> str:
        row = rows[system, method, task]
        mark = marks.NOISE.get(marks.side(row["gain_low"], row["gain_high"], 0.0))
        small = ends(row, _bare_points, "gain_low", "gain_high")
        return marks.marked_cell(_points(row["gain"]), small, mark, abs(row["gain"]) / reach)

    caption = (
        f"By how many points the answer's mean probability is lower than with a map of noise while "
        f"pixels are taken away, and higher while they are put back, first those that speak most "
        f"for it; {_asked(study)}. {marks.signs(marks.NOISE)}."
    )
    return marks.by_method(study, TASKS, one, caption)


def faithfulness_curves(study: Study) -> Html:
    """The mean curves behind `faithfulness`, a tab a method."""
    panes = {
        explainer_title(method): charts.faithfulness(study, method).source
        for method in study.params.explain.methods
    }
    return html.tabs("faithful", panes)


def strays(study: Study) -> Html:
    """How far maps stray from the network, and from themselves."""
    rows = keyed(study.faithfulness, "system", "explainer", "metric")

    def one(system: str, method: str, metric: str) -> str:
        row = rows[system, method, metric]
        return cell(_short(row["value"]), style="number", small=ends(row, _short))

    caption = (
        f"Infidelity: mean squared error of the map, on its best scale, in predicting the fall of "
        f"the logit when a square of the radiograph is taken away; 0 is perfect, an empty map has "
        f"1. Max-sensitivity: the largest change of the map, as a share of itself, when pixels "
        f"change by a few grey levels at random. Lower is better; {_asked(study)}."
    )
    return marks.by_method(study, STRAYS, one, caption)


def randomisation(study: Study) -> Html:
    """How alike maps remain when the weights of the whole network are shuffled."""
    table = study.randomisation
    last = keyed(table[table["depth"] == table["depth"].max()], "system", "explainer")
    limit = float(table["limit"].iloc[0])

    def one(system: str, method: str, kind: str) -> str:
        row = last[system, method]
        mark = marks.LIMIT.get(marks.side(row["low"], row["high"], limit))
        shown, share = correlation(row["value"]), abs(row["value"] - limit) / limit
        return marks.marked_cell(shown, ends(row, correlation), mark, share)

    caption = (
        f"Mean rank correlation, by strength, of the finished network's map with that of the "
        f"network whose weights are all shuffled. Limit: {limit:g}; {_asked(study)}. "
        f"{marks.signs(marks.LIMIT)}."
    )
    return marks.by_method(study, {"": ""}, one, caption)


def _points(gain: float) -> str:
    return signed(gain, "share")


def _bare_points(gain: float) -> str:
    return _points(gain).removeprefix("+")


def _short(value: float) -> str:
    return DASH if math.isnan(value) else f"{value:.2g}"


def _asked(study: Study) -> str:
    """Of how many radiographs a figure is, and with which interval."""
    count = plural(int(study.faithfulness["n"].max()), "radiograph")
    return f"mean over {count} with a {study.finding}, in small print the {study.level} interval"
