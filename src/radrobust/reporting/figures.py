"""Charts of the pages, as SVG in HTML, in one style and with one colour a system."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from radrobust.params import budget_text
from radrobust.reporting import html
from radrobust.reporting.shown import Html
from radrobust.reporting.study import ALWAYS_NEGATIVE, Study
from radrobust.reporting.text import AS_DECIMAL, METRIC_TITLES, grey_levels, number, unit
from radrobust.systems.catalogue import SYSTEMS

# Okabe and Ito's colours without yellow and black, then two of Tol's: told apart by colour-blind
# readers, and by their markers in grey.
COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#332288", "#882255",
)  # fmt: skip
MARKERS = "osD^vPX*"
REFERENCE = "#595959"

# Small, so that the letters are still read when a telephone shows it at half its size.
WIDTH = 4.0

STYLE: Any = {
    "font.size": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "figure.facecolor": "white",
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "legend.frameon": False,
    "svg.hashsalt": "radrobust",
}


def colour(system: str) -> str:
    """Return a system's colour, the same in every chart of every study."""
    return COLOURS[list(SYSTEMS).index(system) % len(COLOURS)]


def clean_against_attacked(study: Study) -> Html:
    """AUROC and balanced accuracy of every system, clean and attacked."""
    metrics = ("auroc", "balanced_accuracy")
    with _canvas(rows=0.72 * len(study.systems) + 2.0, panels=2) as (canvas, axes):
        for ax, metric in zip(axes, metrics, strict=True):
            for row, system in enumerate(study.systems):
                _dumbbell(ax, study, system, metric, row)
            _draw_reference(ax, study, metric)
            ax.set_title(METRIC_TITLES[metric])
            ax.set_xlim(-0.02, 1.02)
            ax.set_ylim(len(study.systems) - 0.5, -0.75)
            ax.grid(axis="y", visible=False)
            if unit(metric):
                ax.xaxis.set_major_formatter(PercentFormatter(1))
            ax.set_yticks(
                range(len(study.systems)), [study.title(system) for system in study.systems]
            )
        _explain_marks(canvas, study)
        said = "; ".join(
            f"{study.title(system)}: " + ", ".join(_goes(study, system, name) for name in metrics)
            for system in study.systems
        )
        return _shown(
            canvas,
            alt=f"AUROC and balanced accuracy, clean and attacked. {said}.",
            caption=f"Filled: clean films. Hollow: every pixel changed by up to "
            f"{grey_levels(study.eps)}. Bars: {_level(study)} confidence intervals. Dashed: "
            f"calling every film “{study.classes[0]}”.",
        )


def curve(study: Study, metric: str) -> Html:
    """One metric of every system against the attack's budget."""
    with _canvas(rows=3.0) as (canvas, axes):
        ax = axes[0]
        for system in study.systems:
            points = _points(study, system, metric)
            levels = points["eps"] * 255
            style: Any = {"color": colour(system), "marker": _marker(system)}
            ax.plot(levels, points["value"], label=study.title(system), markersize=4.5, **style)
            ax.fill_between(
                levels, points["low"], points["high"], color=colour(system), alpha=0.15, lw=0
            )
        reference = float(study.metric(ALWAYS_NEGATIVE, 0.0, metric)["value"])
        ax.axhline(reference, color=REFERENCE, ls="--", lw=1, label=study.title(ALWAYS_NEGATIVE))
        budgets = _points(study, study.systems[0], metric)["eps"]
        ax.set_xticks(budgets * 255, [budget_text(eps) for eps in budgets])
        ax.set_xlabel("Most that a pixel may be changed (0: clean)")
        ax.set_ylabel(METRIC_TITLES[metric])
        ax.set_ylim(-0.02, 1.02)
        if unit(metric):
            ax.yaxis.set_major_formatter(PercentFormatter(1))
        columns = 1 + (len(study.systems) > 1)
        canvas.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=columns)
        said = "; ".join(_course(study, system, metric) for system in study.systems)
        return _shown(
            canvas,
            alt=f"{METRIC_TITLES[metric]} against the attack's budget. {said}. "
            f"{study.title(ALWAYS_NEGATIVE)}: {number(reference, metric)}{unit(metric)} always.",
            caption=f"{METRIC_TITLES[metric]} against the attack's budget, with "
            f"{_level(study)} confidence bands.",
        )


def falls(study: Study) -> Html:
    """At which iteration of the attack films are first misclassified, at the study's budget."""
    steps = study.params.attack.steps
    with _canvas(1.15 * len(study.systems) + 0.7, panels=len(study.systems)) as (canvas, axes):
        said = []
        for ax, system in zip(axes, study.systems, strict=True):
            table = study.falls[study.falls["system"] == system]
            table = table[np.isclose(table["eps"], study.eps, rtol=0, atol=1e-9)]
            counts = table.set_index("iteration")["count"].reindex([*range(steps + 1), -1])
            shown = counts.fillna(0).astype(int)
            bars = ax.bar([*range(steps + 1), steps + 2], shown, color=colour(system), width=0.8)
            bars[-1].set(facecolor="white", edgecolor=colour(system), linewidth=1.2)
            ax.bar_label(bars, [str(count) if count else "" for count in shown], fontsize=7)
            ax.set_title(study.title(system), loc="left")
            ax.set_xticks([*range(steps + 1), steps + 2], [*map(str, range(steps + 1)), "never"])
            ax.set_ylabel("Films")
            ax.margins(y=0.2)
            ax.grid(axis="x", visible=False)
            said.append(
                f"{study.title(system)}: {shown[0]} before any step, {shown[-1]} of "
                f"{shown.sum()} never"
            )
        axes[-1].set_xlabel("Gradient steps taken when the film was first misclassified")
        return _shown(
            canvas,
            alt=f"When films fall at {budget_text(study.eps)}. {'; '.join(said)}.",
            caption=f"When films fall, up to {grey_levels(study.eps)}. 0: wrong before any step, "
            "on the clean film or at the random start. A film that falls at a smaller budget is "
            "counted at the step at which it fell there. Hollow: still right after all steps.",
        )


def _dumbbell(ax: Axes, study: Study, system: str, metric: str, row: int) -> None:
    for eps, offset, filled in ((0.0, -0.13, True), (study.eps, 0.13, False)):
        value, low, high = study.metric(system, eps, metric)
        error = [[max(0, value - low)], [max(0, high - value)]]
        ax.errorbar(
            value,
            row + offset,
            xerr=None if np.isnan(low) else error,
            color=colour(system),
            marker=_marker(system),
            markerfacecolor=colour(system) if filled else "white",
            markersize=5.5,
            capsize=2,
            lw=1.2,
        )


def _draw_reference(ax: Axes, study: Study, metric: str) -> None:
    reference = float(study.metric(ALWAYS_NEGATIVE, 0.0, metric)["value"])
    ax.axvline(reference, color=REFERENCE, ls="--", lw=1)


def _explain_marks(canvas: Figure, study: Study) -> None:
    marks = [
        mpl.lines.Line2D([], [], color="#333333", marker="o", ls="", label="clean"),
        mpl.lines.Line2D(
            [], [], color="#333333", marker="o", ls="", markerfacecolor="white",
            label=f"attacked, {budget_text(study.eps)}",
        ),
        mpl.lines.Line2D(
            [], [], color=REFERENCE, ls="--", lw=1, label=study.title(ALWAYS_NEGATIVE)
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


def _course(study: Study, system: str, metric: str) -> str:
    points = _points(study, system, metric)
    said = [
        f"{number(float(value), metric)}{unit(metric)} at {budget_text(float(eps))}"
        for eps, value in zip(points["eps"], points["value"], strict=True)
    ]
    return f"{study.title(system)}: {', '.join(said)}"


def _points(study: Study, system: str, metric: str) -> pd.DataFrame:
    table = study.metrics
    rows = table[(table["system"] == system) & (table["metric"] == metric)]
    return rows.sort_values("eps")


def _marker(system: str) -> str:
    return MARKERS[list(SYSTEMS).index(system) % len(MARKERS)]


def _level(study: Study) -> str:
    return f"{100 * study.params.evaluate.level:g} %"


@contextmanager
def _canvas(rows: float, panels: int = 1) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure `rows` inches high, with `panels` below each other."""
    with mpl.rc_context(STYLE):
        canvas = Figure(figsize=(WIDTH, rows), layout="constrained")
        axes = canvas.subplots(panels, squeeze=False)
        yield canvas, list(axes.ravel())


def _shown(canvas: Figure, alt: str, caption: str) -> Html:
    file = io.BytesIO()
    canvas.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    chart = html.image(file.getvalue(), "image/svg+xml", alt)
    return Html(html.figure(chart, caption, style="chart"))
