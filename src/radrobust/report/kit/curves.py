"""Charts of answers: clean against attacked, against the budget, and when films fall."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from radrobust.report.kit import budgets, charts
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import ALWAYS_NEGATIVE, Study
from radrobust.report.kit.text import AS_DECIMAL, METRIC_TITLES, number, unit


def clean_against_attacked(study: Study) -> Html:
    """AUROC and balanced accuracy of every system, clean and attacked."""
    metrics = ("auroc", "balanced_accuracy")
    names = [charts.two_lines(study, system) for system in study.systems]
    with charts.canvas(rows=0.66 * len(names) + 1.9, panels=2) as (canvas, axes):
        for ax, metric in zip(axes, metrics, strict=True):
            for row, system in enumerate(study.systems):
                _dumbbell(ax, study, system, metric, row)
            ax.axvline(_reference(study, metric), color=charts.REFERENCE, ls="--", lw=1)
            ax.set_title(METRIC_TITLES[metric])
            ax.set_xlim(-0.02, 1.02)
            ax.set_ylim(len(names) - 0.5, -0.75)
            ax.grid(axis="y", visible=False)
            if unit(metric):
                ax.xaxis.set_major_formatter(PercentFormatter(1))
            ax.set_yticks(range(len(names)), names)
        _explain_marks(canvas, study)
        said = "; ".join(
            f"{study.name(system)}: " + ", ".join(_goes(study, system, name) for name in metrics)
            for system in study.systems
        )
        return charts.shown(
            canvas,
            alt=f"AUROC and balanced accuracy, clean and attacked. {said}.",
            caption=f"Filled: clean films. Hollow: "
            f"{budgets.changed(study.params.attack, study.eps)}. Bars: {study.level} confidence "
            f"intervals. Dashed: "
            f"calling every film “{study.classes[0]}”.",
        )


def curve(study: Study, metric: str) -> Html:
    """One metric against the attack's budget, a panel a system, the others in grey behind it."""
    with charts.of_systems(study, height=1.15) as (canvas, axes):
        for ax, system in zip(axes, study.systems, strict=True):
            draw_curve(ax, study, system, metric)
        if unit(metric):
            axes[0].yaxis.set_major_formatter(PercentFormatter(1))
        canvas.supxlabel(budgets.axis(study.params.attack), fontsize=8.5)
        canvas.supylabel(METRIC_TITLES[metric], fontsize=8.5)
        said = "; ".join(course(study, system, metric) for system in study.systems)
        reference = f"{number(_reference(study, metric), metric)}{unit(metric)}"
        behind = " Grey: the other systems." if len(study.systems) > 1 else ""
        return charts.shown(
            canvas,
            alt=f"{METRIC_TITLES[metric]} against the attack's budget. {said}. "
            f"{study.title(ALWAYS_NEGATIVE)}: {reference} always.",
            caption=f"{METRIC_TITLES[metric]} against the attack's budget, with "
            f"{study.level} confidence bands. Dashed: calling every film "
            f"“{study.classes[0]}”, {reference} always.{behind}",
        )


def falls(study: Study) -> Html:
    """At which iteration of the attack films are first misclassified, at the study's budget."""
    with charts.of_systems(study, height=1.0) as (canvas, axes):
        said = []
        for ax, system in zip(axes, study.systems, strict=True):
            counts = _fallen(study, system)
            _draw_falls(ax, counts, charts.colour(system))
            said.append(
                f"{study.name(system)}: {counts[0]} before any step, {counts[-1]} of "
                f"{sum(counts)} never"
            )
        axes[0].margins(y=0.25)
        canvas.supxlabel("Gradient steps taken when first misclassified", fontsize=8.5)
        canvas.supylabel("Films", fontsize=8.5)
        return charts.shown(
            canvas,
            alt=f"When films fall at {_budget(study, study.eps)}. {'; '.join(said)}.",
            caption=f"When films fall, {budgets.changed(study.params.attack, study.eps)}. 0: wrong "
            "before any step, "
            "on the clean film or at the random start. A film that falls at a smaller budget is "
            "counted at the step at which it fell there. Hollow: still right after all steps. "
            "Numbers are written at the first bar and the last two.",
        )


def draw_curve(ax: Axes, study: Study, system: str, metric: str) -> None:
    """Draw one metric of one system against the budget, the others in grey behind it."""
    for other in study.systems:
        if other != system:
            points = _points(study, other, metric)
            ax.plot(_levels(study, points), points["value"], color=charts.BEHIND, lw=0.8)
    points = _points(study, system, metric)
    levels, own = _levels(study, points), charts.colour(system)
    ax.fill_between(levels, points["low"], points["high"], color=own, alpha=0.2, lw=0)
    ax.axhline(_reference(study, metric), color=charts.REFERENCE, ls="--", lw=1)
    ax.plot(levels, points["value"], color=own, marker=charts.marker(system), markersize=4)
    ax.set_xticks(levels, [f"{level:.3g}" for level in levels], fontsize=8)
    ax.set_ylim(-0.04, 1.04)


def _levels(study: Study, points: pd.DataFrame) -> list[float]:
    return [budgets.level(study.params.attack, float(eps)) for eps in points["eps"]]


def _fallen(study: Study, system: str) -> list[int]:
    """Number of films by the step at which they fell, from 0; those that never did come last."""
    table = study.falls[study.falls["system"] == system]
    table = table[np.isclose(table["eps"], study.eps, rtol=0, atol=1e-9)]
    attack = study.params.attack
    steps = [*range(attack.restarts * attack.steps + 1), -1]
    counts = table.set_index("iteration")["count"].reindex(steps)
    return [int(count) for count in counts.fillna(0)]


def _draw_falls(ax: Axes, counts: list[int], own: str) -> None:
    steps = len(counts) - 2
    never = steps + max(3, round(0.4 * steps))
    bars = ax.bar([*range(steps + 1), never], counts, color=own, width=0.8)
    bars[-1].set(facecolor="white", edgecolor=own, linewidth=1.2)
    numbered = {0, steps, steps + 1}
    texts = [str(count) if place in numbered else "" for place, count in enumerate(counts)]
    ax.bar_label(bars, texts, fontsize=7)
    ax.set_xticks([0, steps, never], ["0", str(steps), "never"], fontsize=8)
    ax.grid(axis="x", visible=False)


def _dumbbell(ax: Axes, study: Study, system: str, metric: str, row: int) -> None:
    for eps, offset, filled in ((0.0, -0.13, True), (study.eps, 0.13, False)):
        found = study.metric(system, eps, metric)
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


def _reference(study: Study, metric: str) -> float:
    return float(study.metric(ALWAYS_NEGATIVE, 0.0, metric)["value"])


def _explain_marks(canvas: Figure, study: Study) -> None:
    marks = [
        mpl.lines.Line2D([], [], color="#333333", marker="o", ls="", label="clean"),
        mpl.lines.Line2D(
            [], [], color="#333333", marker="o", ls="", markerfacecolor="white",
            label=f"attacked, {_budget(study, study.eps)}",
        ),
        mpl.lines.Line2D(
            [], [], color=charts.REFERENCE, ls="--", lw=1, label=study.title(ALWAYS_NEGATIVE)
        ),
    ]  # fmt: skip
    canvas.legend(handles=marks, loc="outside lower center", ncols=2)


def _goes(study: Study, system: str, metric: str) -> str:
    clean, attacked = (
        number(float(study.metric(system, eps, metric)["value"]), metric) + unit(metric)
        for eps in (0.0, study.eps)
    )
    title = METRIC_TITLES[metric] if metric in AS_DECIMAL else METRIC_TITLES[metric].lower()
    return f"{title} from {clean} to {attacked}"


def course(study: Study, system: str, metric: str) -> str:
    """Say in words what `draw_curve` draws."""
    attack, points = study.params.attack, _points(study, system, metric)
    said = [
        f"{number(float(value), metric)}{unit(metric)} at {budgets.bare(attack, float(eps))}"
        for eps, value in zip(points["eps"], points["value"], strict=True)
    ]
    return f"{study.name(system)}: {', '.join(said)}"


def _points(study: Study, system: str, metric: str) -> pd.DataFrame:
    return study.against_budget(system, metric)


def _budget(study: Study, eps: float) -> str:
    return budgets.short(study.params.attack, eps)
