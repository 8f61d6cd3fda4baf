"""What maps are asked besides the finding: do they last, add up, and say what the network does?"""

from __future__ import annotations

import math
from collections.abc import Callable

from radrobust.report.kit import html
from radrobust.report.kit import marks as matrix
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import IMAGES, Study, keyed
from radrobust.report.kit.tables import system_cell
from radrobust.report.kit.text import (
    DASH,
    Row,
    between,
    correlation,
    explainer_title,
    number,
    plural,
    power,
    signed,
)
from radrobust.report.pages.interpretability import charts as map_figures

SURVIVAL = {
    "overlap_10": "Strongest tenth",
    "spearman": "Rank correlation",
    "ssim": "Structural similarity",
}
SURVIVAL_IN_WORDS = {
    "overlap_10": "Of the strongest tenth of pixels, per cent that the maps before and after the "
    "attack share. Chance: 10.0",
    "spearman": "Rank correlation of the maps before and after the attack, by strength (Spearman). "
    "Chance: 0",
    "ssim": "Structural similarity of the maps before and after the attack (SSIM), 1 for the same "
    "map",
}
STANDING = {"broken": "broken", "standing": "stood"}
TASKS = {"deletion": "taken away", "insertion": "put back"}
STRAYS = {"infidelity": "infidelity", "max_sensitivity": "max-sensitivity"}

Write = Callable[[float], str]


def survival(study: Study) -> Html:
    """How alike clean and attacked maps are, a tab a measure; films that fell and that stood."""
    return html.tabs(
        "survival", {title: _survived(study, metric) for metric, title in SURVIVAL.items()}
    )


def convergence(study: Study) -> Html:
    """Do the maps that promise to add up do so?"""
    table = study.convergence
    if table.empty:
        return Html("<p>None of the methods promises a sum.</p>")
    groups = [cell("", style="system"), cell("")]
    groups += [
        cell(f"{image.capitalize()} films", "colgroup", span=2, style="number") for image in IMAGES
    ]
    head = [cell("System", "col", style="system"), cell("Method", "col")]
    titles = ("Do not add up", "Most off") * len(IMAGES)
    head += [cell(title, "col", style="number") for title in titles]
    rows = keyed(table, "system", "explainer", "image", "metric")
    body = []
    for system in study.systems:
        for place, method in enumerate(table["explainer"].drop_duplicates()):
            cells = [
                part
                for image in IMAGES
                for part in _converged(
                    *(
                        rows[system, method, image, f"delta_{name}"]
                        for name in ("exceeds", "largest")
                    )
                )
            ]
            first = system_cell(study, system, repeated=place > 0)
            body.append([first, cell(explainer_title(str(method))), *cells])
    caption = (
        "Maps whose sum is off the change in output that it should equal by more than a "
        "thousandth of that change (by more than 0.0001 where the change is under 0.1). Most off: "
        "as a share of that change, or of 0.1 where it is smaller."
    )
    return Html(f'<div class="after-3">{html.table([groups, head], body, caption)}</div>')


def faithfulness(study: Study) -> Html:
    """By how much each method does better than noise at taking pixels away and putting back."""
    rows = keyed(study.faithfulness, "system", "explainer", "metric")
    reach = matrix.furthest([row["gain"] for row in rows.values()])

    def one(system: str, method: str, task: str) -> str:
        row = rows[system, method, task]
        mark = matrix.NOISE.get(matrix.side(row["gain_low"], row["gain_high"], 0.0))
        small = _ends(row, _bare_points, "gain_low", "gain_high")
        return matrix.marked_cell(_points(row["gain"]), small, mark, abs(row["gain"]) / reach)

    caption = (
        f"By how many points the answer's mean probability is lower than with a map of noise while "
        f"pixels are taken away, and higher while they are put back, first those that speak most "
        f"for it; {_asked(study)}. {matrix.signs(matrix.NOISE)}."
    )
    return matrix.table(study, TASKS, one, caption)


def faithfulness_curves(study: Study) -> Html:
    """The mean curves behind `faithfulness`, a tab a method."""
    panes = {
        explainer_title(method): map_figures.faithfulness(study, method).source
        for method in study.params.explain.methods
    }
    return html.tabs("faithful", panes)


def strays(study: Study) -> Html:
    """How far maps stray from what the network does, and from themselves."""
    rows = keyed(study.faithfulness, "system", "explainer", "metric")

    def one(system: str, method: str, metric: str) -> str:
        row = rows[system, method, metric]
        return cell(_short(row["value"]), style="number", small=_ends(row, _short))

    caption = (
        f"Infidelity: mean squared error of what the map foretells, on its best scale, of the fall "
        f"of the logit when a square of the film is taken away; 0 is perfect, 1 is what a map has "
        f"that says nothing. Max-sensitivity: the most that the map changes, as a "
        f"share of itself, when pixels change by a few grey levels at random. Lower is better; "
        f"{_asked(study)}."
    )
    return matrix.table(study, STRAYS, one, caption)


def randomisation(study: Study) -> Html:
    """What is left of the maps when the weights of the whole network are shuffled."""
    table = study.randomisation
    last = keyed(table[table["depth"] == table["depth"].max()], "system", "explainer")
    limit = float(table["limit"].iloc[0])

    def one(system: str, method: str, kind: str) -> str:
        row = last[system, method]
        mark = matrix.LIMIT.get(matrix.side(row["low"], row["high"], limit))
        shown, share = correlation(row["value"]), abs(row["value"] - limit) / limit
        return matrix.marked_cell(shown, _ends(row, correlation), mark, share)

    caption = (
        f"Mean rank correlation, by strength, of the finished network's map with that of the "
        f"network whose weights are all shuffled. Limit: {limit:g}; {_asked(study)}. "
        f"{matrix.signs(matrix.LIMIT)}."
    )
    return matrix.table(study, {"": ""}, one, caption)


def _survived(study: Study, metric: str) -> str:
    table = study.survival[study.survival["metric"] == metric]
    rows = keyed(table, "system", "explainer", "films")
    write = _per_cent if metric == "overlap_10" else correlation

    def one(system: str, method: str, films: str) -> str:
        row = rows[system, method, films]
        mark = matrix.CHANCE.get(matrix.side(row["low"], row["high"], row["chance"]))
        return matrix.marked_cell(write(row["value"]), _ends(row, write), mark, abs(row["value"]))

    def count(system: str, films: str) -> str:
        return plural(int(rows[system, study.params.explain.methods[0], films]["n"]), "film")

    marked = "" if table["chance"].isna().all() else f" {matrix.signs(matrix.CHANCE)}."
    caption = (
        f"{SURVIVAL_IN_WORDS[metric]}; of films that the attack changed, mean, in small print the "
        f"{study.level} interval.{marked} {DASH}: no such film."
    )
    return matrix.table(study, STANDING, one, caption, count).source


def _converged(exceeds: Row, largest: Row) -> list[str]:
    off = round(exceeds["value"] * exceeds["n"])
    shown = f"{off:,} of {int(exceeds['n']):,}", power(largest["value"])
    return [cell(text, style="number") for text in shown]


def _ends(row: Row, write: Write, low: str = "low", high: str = "high") -> str:
    if math.isnan(row[low]) or math.isnan(row[high]):
        return ""
    return between(write(row[low]), write(row[high]))


def _points(gain: float) -> str:
    return signed(gain, "share")


def _bare_points(gain: float) -> str:
    return _points(gain).removeprefix("+")


def _per_cent(share: float) -> str:
    return number(share, "share")


def _short(value: float) -> str:
    return DASH if math.isnan(value) else f"{value:.2g}"


def _asked(study: Study) -> str:
    """Of how many films, and with which interval."""
    films = plural(int(study.faithfulness["n"].max()), "film")
    return f"mean over {films} with a {study.finding}, in small print the {study.level} interval"
