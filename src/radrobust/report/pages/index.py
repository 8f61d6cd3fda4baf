"""Page *Overview*: the question, the answer, one row a system, and the study in a picture."""

from __future__ import annotations

from html import escape

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from radrobust.report.kit import budgets, charts, html, maps, marks, patients, shortcuts, verdicts
from radrobust.report.kit.curves import always_negative
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html, Markdown, prose
from radrobust.report.kit.study import ALWAYS_NEGATIVE, CLEAN, REFERENCES, Study
from radrobust.report.kit.tables import checked_cell, estimates, sortable, system_cell
from radrobust.report.kit.text import (
    AS_DECIMAL,
    DASH,
    METRIC_TITLES,
    explainer_title,
    listing,
    number,
    plural,
    quoted,
    unit,
)

CHANCE = 0.5  # of AUROC and of balanced accuracy
DRAWN = ("auroc", "balanced_accuracy")
COLUMNS = {
    "auroc": METRIC_TITLES["auroc"],
    "balanced_accuracy": "Balanced acc.",
    "sensitivity": METRIC_TITLES["sensitivity"],
}
NBSP = "\u00a0"
AT_THRESHOLD = ("sensitivity",)
"""Metrics of the decision at the chosen threshold."""


def question(study: Study) -> Markdown:
    """Ask the question of the study in a sentence."""
    if len(study.systems) > 1:
        whom = f"{plural(len(study.systems), 'system')} on the same"
        right, look = "are they right, are they", "do they look"
    else:
        whom = f"{study.name(study.systems[0])} on"
        right, look = "is it right, is it", "does it look"
    return prose(
        f"Asked of {whom} {study.test_set}: {right} still right with "
        f"{budgets.changed(study.params.attack, study.eps)}, and {look} at the {study.finding}?"
    )


def answer(study: Study) -> Markdown:
    """Answer in three sentences: who leads, whether the maps hit, and why not to deploy it."""
    return prose("\n".join(f"- {said}" for said in (_leads(study), _looks(study), _why_not(study))))


def warning(study: Study) -> Html:
    """Warn where the label is predicted without looking at the finding; else show nothing."""
    found = shortcuts.warnings(study)
    if not found:
        return Html("")
    more = f" The same holds for {plural(len(found) - 1, 'other thing')}." if found[1:] else ""
    return Html(
        '<div class="aloud compact"><b>A shortcut to the label.</b> '
        f"{escape((found[0] + more).replace(' %', NBSP + '%'))} "
        'See <a href="data.html">Data</a>.</div>'
    )


def table(study: Study) -> Html:
    """One row a system, clean and attacked, then the references; sorted by a click."""
    groups = [cell("", style="system")]
    groups += [cell(_in_per_cent(metric, title), "colgroup", span=2, style="whole group")
               for metric, title in COLUMNS.items()]  # fmt: skip
    groups += [cell("Covered, %", "colgroup", style="whole group")]
    head = [cell("System", "col", style="system")]
    head += [_named(title, image) for title in COLUMNS.values() for image in ("clean", "attacked")]
    head += [_named(f"{study.finding.capitalize()} covered", f"by {_method(study)}")]
    reach = 1.0
    if study.marked:
        leads = [maps.lead(maps.covered(study, system)) for system in study.systems]
        reach = marks.furthest(leads)
    body = [
        [checked_cell(study, system), *_numbers(study, system), _covered(study, system, reach)]
        for system in study.systems
    ]
    body += [_reference(study, system) for system in REFERENCES]
    content = html.table([groups, head], body, _caption(study))
    return Html(f'<div class="overview">{sortable(content)}</div>')


def clean_against_attacked(study: Study) -> Html:
    """AUROC and balanced accuracy of every system, clean and attacked."""
    names = charts.of_each(study)
    with charts.canvas(rows=0.66 * len(names) + 1.9, panels=2) as (canvas, axes):
        for ax, metric in zip(axes, DRAWN, strict=True):
            for row, system in enumerate(study.systems):
                _dumbbell(ax, study, system, metric, row)
            ax.axvline(always_negative(study, metric), color=charts.REFERENCE, ls="--", lw=1)
            ax.set_title(METRIC_TITLES[metric])
            ax.set_xlim(-0.02, 1.02)
            ax.set_ylim(len(names) - 0.5, -0.75)
            ax.grid(axis="y", visible=False)
            if unit(metric):
                ax.xaxis.set_major_formatter(PercentFormatter(1))
            ax.set_yticks(range(len(names)), names)
        _explain_marks(canvas, study)
        return charts.shown(
            canvas,
            alt="AUROC and balanced accuracy of every system, clean and attacked: the numbers of "
            "the table above.",
            caption=f"Filled: clean radiographs. Hollow: "
            f"{budgets.changed(study.params.attack, study.eps)}. Bars: {study.level} confidence "
            f"intervals. Dashed: always “{study.classes[0]}”.",
        )


# --- The answer -------------------------------------------------------------------------------


def _leads(study: Study) -> str:
    """Who leads on clean radiographs, and who under attack."""
    clean, attacked = (
        _lead(study, metric, condition)
        for metric, condition in zip(DRAWN, study.conditions.values(), strict=True)
    )
    leader, left = study.leaders(CLEAN, "auroc"), ""
    if len(leader) == 1 and leader != study.leaders(study.attacked, "balanced_accuracy"):
        row = study.metric(leader[0], study.attacked, "balanced_accuracy")
        left = f"; {study.title(leader[0])} then has {number(float(row['value']), 'share')} %"
    return f"**On clean radiographs {clean}; **attacked, {attacked}{left}."


def _lead(study: Study, metric: str, condition: str) -> str:
    """Say who leads by a metric, and whether that is surely better than guessing; ends bold."""
    leaders = study.leaders(condition, metric)
    blind = not any(study.metric(key, condition, metric)["low"] > CHANCE for key in study.systems)
    guessing = f"where guessing has {number(CHANCE, metric)}{unit(metric)}"
    title = METRIC_TITLES[metric] if metric in AS_DECIMAL else METRIC_TITLES[metric].lower()
    article = "an" if metric == "auroc" else "a"
    value = f"{title} of {_shared(study, leaders, condition, metric)}"
    who = study.names(leaders)
    if len(study.systems) == 1:
        verb = "is not surely better than guessing" if blind else "is better than guessing"
        return f"{who} {verb}**, with {article} {value}, {guessing}"
    if blind:
        have = "have" if leaders[1:] else "has"
        return (
            f"none is surely better than guessing**: {who} {have} the highest {value}, {guessing}"
        )
    verb = "share the lead" if leaders[1:] else "leads"
    return f"{who} {verb}**, with {article} {value}, {guessing}"


def _looks(study: Study) -> str:
    """Whether the maps of the one that leads under attack beat chance."""
    name = study.name(_attacked_leader(study))
    if not study.marked:
        return (
            f"**Whether {name} looks at the {study.finding} is not known**: no test radiograph has "
            "it marked."
        )
    row = maps.covered(study, _attacked_leader(study))
    said = {
        "above": f"**The maps of {name} cover the {study.finding} better than chance**",
        "around": f"**The maps of {name} do not surely cover the {study.finding} better than "
        "chance**",
        "below": f"**The maps of {name} cover the {study.finding} worse than chance**",
        "": f"**Whether the maps of {name} cover the {study.finding} better than chance cannot be "
        "told from so few radiographs**",
    }[marks.beside_chance(row)]
    return (
        f"{said}: the strongest 5 % of a radiograph by {_method(study)} hold "
        f"{quoted(row, 'share')} of it, those of a random map {number(row['chance'], 'share')} %."
    )


def _why_not(study: Study) -> str:
    """Why nobody should deploy even the one that leads under attack."""
    leader = _attacked_leader(study)
    found = [_whose(study), *_attacked(study, leader), verdicts.caution(study, leader)]
    reasons = "; ".join(reason for reason in found if reason)
    if len(study.systems) == 1:
        return f"**We would not deploy it**: {reasons}."
    return f"**We would deploy none of them**, not even {study.name(leader)}: {reasons}."


def _whose(study: Study) -> str:
    """Why the radiographs say too little of other patients."""
    if study.is_phantom:
        return "these radiographs were drawn by a program, and say nothing about patients"
    if study.params.model.evaluation_alone:
        return "it was trained elsewhere, on radiographs that are not known here, perhaps on these"
    if unknown := patients.unknown(patients.everywhere(study)):
        return f"{unknown}, so that it may have met patients of the test set"
    count = plural(patients.in_test(study).patients, "patient")
    return f"it was tried on radiographs of {count}, all from one dataset"


def _attacked(study: Study, system: str) -> list[str]:
    """The answers of a system under attack: at its threshold, and against two references."""
    finds, spares = (
        study.metric(system, study.at_threshold["attacked"], metric)
        for metric in ("sensitivity", "specificity")
    )
    said = [
        f"attacked, it finds {quoted(finds, 'share')} of the radiographs with a {study.finding} at "
        f"its chosen threshold and is right about {number(float(spares['value']), 'share')} % of "
        "the others"
    ]
    poor = []
    accuracy = study.metric(system, study.attacked, "balanced_accuracy")
    if not accuracy["low"] > CHANCE:
        worse = accuracy["high"] < CHANCE
        poor.append("is worse than guessing" if worse else "cannot be told from guessing")
    always = float(study.metric(ALWAYS_NEGATIVE, study.attacked, "accuracy")["value"])
    if not study.metric(system, study.attacked, "accuracy")["low"] > always:
        poor.append(f"is not surely right more often than always “{study.classes[0]}”")
    return [*said, f"without that threshold it {listing(poor)}"] if poor else said


def _attacked_leader(study: Study) -> str:
    return study.leaders(study.attacked, "balanced_accuracy")[0]


def _shared(study: Study, leaders: list[str], condition: str, metric: str) -> str:
    """Write the value that leaders have in common, with its interval if they share that too."""
    rows = [study.metric(key, condition, metric) for key in leaders]
    said = {quoted(row, metric) for row in rows}
    return said.pop() if len(said) == 1 else f"{number(rows[0]['value'], metric)}{unit(metric)}"


def _method(study: Study) -> str:
    """Name the first method within a sentence: a word that is no name loses its capital."""
    title = explainer_title(study.params.explain.methods[0])
    return title.lower() if title[1:].islower() else title


# --- The table --------------------------------------------------------------------------------


def _named(group: str, title: str) -> str:
    """Head a column; only screen readers are told its group again."""
    said = f'<span class="visually-hidden">{escape(group)}, </span>{escape(title)}'
    return f'<th scope="col" class="number">{said}</th>'


def _in_per_cent(metric: str, title: str) -> str:
    return f"{title}, %" if unit(metric) else title


def _numbers(study: Study, system: str) -> list[str]:
    cells = []
    for metric in COLUMNS:
        asked = study.at_threshold if metric in AT_THRESHOLD else study.conditions
        for condition in asked.values():
            cells += estimates(study, system, condition, [metric])
    return cells


def _covered(study: Study, system: str, reach: float) -> str:
    if not study.marked:
        return cell(DASH, style="number")
    return maps.covered_cell(maps.covered(study, system), reach)


def _reference(study: Study, system: str) -> list[str]:
    """A reference gives every radiograph the same answer, attacked or not, and has no maps."""
    return [
        system_cell(study, system),
        *(one for name in COLUMNS for one in estimates(study, system, CLEAN, [name]) * 2),
        cell(DASH, style="number"),
    ]


def _caption(study: Study) -> str:
    covered = (
        f"Covered: of the {study.finding}'s pixels, those among the strongest 5 % of a clean "
        f"radiograph by {_method(study)}, the first of the study's methods, not chosen by its "
        f"figure; chance has 5.0. {marks.signs(marks.CHANCE)}."
        if study.marked
        else f"No test radiograph has its {study.finding} marked, so that no map could be checked."
    )
    return (
        f"{study.test_set}, clean and attacked at "
        f"{budgets.short(study.params.attack, study.eps)}; in small print the {study.level} "
        f"interval. Sensitivity is that at the threshold chosen on validation radiographs. "
        f"{covered}"
    )


# --- The picture ------------------------------------------------------------------------------


def _dumbbell(ax: Axes, study: Study, system: str, metric: str, row: int) -> None:
    for condition, offset, filled in ((CLEAN, -0.13, True), (study.attacked, 0.13, False)):
        found = study.metric(system, condition, metric)
        value, low, high = (found[end] for end in ("value", "low", "high"))
        error = [[max(0, value - low)], [max(0, high - value)]]
        ax.errorbar(
            value,
            row + offset,
            xerr=None if np.isnan(low) else error,
            color=charts.colour(system),
            marker=charts.marker(system),
            markerfacecolor=charts.colour(system) if filled else "white",
            markersize=5.5,
            capsize=2,
            lw=1.2,
        )


def _explain_marks(canvas: Figure, study: Study) -> None:
    attacked = f"attacked, {budgets.short(study.params.attack, study.eps)}"
    marks = [
        mpl.lines.Line2D([], [], color="#333333", marker="o", ls="", mfc=face, label=label)
        for label, face in {"clean": "#333333", attacked: "white"}.items()
    ]
    marks.append(
        mpl.lines.Line2D(
            [], [], color=charts.REFERENCE, ls="--", lw=1, label=study.title(ALWAYS_NEGATIVE)
        )
    )
    canvas.legend(handles=marks, loc="outside lower center", ncols=2)
