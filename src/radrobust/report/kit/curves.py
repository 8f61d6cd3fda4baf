"""Charts of answers under attack: metrics against the budget, and steps to misclassification."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from radrobust.report.kit import budgets, charts
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import ALWAYS_NEGATIVE, CLEAN, Study, under
from radrobust.report.kit.text import METRIC_TITLES, number, unit


def of_systems(study: Study, metric: str) -> Html:
    """One metric against the attack's budget, a panel a system, the others in grey behind it."""
    pairs = dict(zip(charts.of_each(study), [(key, metric) for key in study.systems], strict=True))
    reference = f"{number(always_negative(study, metric), metric)}{unit(metric)}"
    title = METRIC_TITLES[metric]
    caption = f"{title} against the attack's budget. Dashed: always “{study.classes[0]}”, "
    return _against_budget(study, pairs, title, f"{caption}{reference}.")


def of_metrics(study: Study, system: str, metrics: tuple[str, ...]) -> Html:
    """Metrics of one system against the attack's budget, a panel a metric."""
    pairs = {METRIC_TITLES[metric]: (system, metric) for metric in metrics}
    caption = f"{study.name(system)} against the attack's budget. Dashed: always "
    return _against_budget(study, pairs, "", f"{caption}“{study.classes[0]}”.")


def first_misclassified(study: Study) -> Html:
    """Radiographs by the step of the attack at which they are first misclassified."""
    titles, steps = charts.of_each(study), "Gradient steps taken when first misclassified"
    with charts.panels(titles, 1.0, steps, "Radiographs") as (canvas, axes):
        said = []
        for ax, system in zip(axes, study.systems, strict=True):
            counts = _by_step(study, system)
            _draw_steps(ax, counts, charts.colour(system))
            said.append(
                f"{study.name(system)}: {counts[0]} before any step, {counts[-1]} of "
                f"{sum(counts)} never"
            )
        axes[0].margins(y=0.25)
        return charts.shown(
            canvas,
            alt="Radiographs by the step at which they are first misclassified, at "
            f"{budgets.short(study.params.attack, study.eps)}. {'; '.join(said)}.",
            caption="Radiographs by the step at which they are first misclassified, with "
            f"{budgets.changed(study.params.attack, study.eps)}. 0: misclassified before any step, "
            "clean or at the random start. A radiograph that is misclassified at a smaller budget "
            "is counted at the step at which it was there. Hollow: robust, still classified "
            "correctly after all steps. Numbers are written at the first bar and the last two.",
        )


def always_negative(study: Study, metric: str) -> float:
    """Return the value of a metric for always saying that there is no finding."""
    return float(study.metric(ALWAYS_NEGATIVE, CLEAN, metric)["value"])


def _against_budget(study: Study, pairs: dict[str, tuple[str, str]], y: str, caption: str) -> Html:
    """Draw a panel for each pair of a system and a metric, by its title."""
    x = budgets.axis(study.params.attack)
    with charts.panels(list(pairs), 1.2, x, y) as (canvas, axes):
        for ax, (system, metric) in zip(axes, pairs.values(), strict=True):
            _draw_curve(ax, study, system, metric)
        if unit(next(iter(pairs.values()))[1]):
            axes[0].yaxis.set_major_formatter(PercentFormatter(1))
        said = "; ".join(_course(study, system, metric) for system, metric in pairs.values())
        return charts.shown(
            canvas,
            alt=f"{caption} {said}.",
            caption=f"{caption} Bands: {study.level} confidence intervals."
            f"{charts.others_in_grey(study)}",
        )


def _draw_curve(ax: Axes, study: Study, system: str, metric: str) -> None:
    """Draw one metric of one system against the budget, the others in grey behind it."""
    for other in study.systems:
        if other != system:
            points = study.against_budget(other, metric)
            ax.plot(_levels(study, points), points["value"], color=charts.BEHIND, lw=0.8)
    points = study.against_budget(system, metric)
    levels, own = _levels(study, points), charts.colour(system)
    ax.fill_between(levels, points["low"], points["high"], color=own, alpha=0.2, lw=0)
    ax.axhline(always_negative(study, metric), color=charts.REFERENCE, ls="--", lw=1)
    ax.plot(levels, points["value"], color=own, marker=charts.marker(system), markersize=4)
    ax.set_xticks(levels, [f"{level:.3g}" for level in levels], fontsize=8)
    ax.set_ylim(-0.04, 1.04)


def _levels(study: Study, points: pd.DataFrame) -> list[float]:
    return [budgets.level(study.params.attack, float(level)) for level in points["level"]]


def _course(study: Study, system: str, metric: str) -> str:
    """Write the numbers of a curve."""
    attack, points = study.params.attack, study.against_budget(system, metric)
    said = [
        f"{number(float(value), metric)}{unit(metric)} at {budgets.bare(attack, float(level))}"
        for level, value in zip(points["level"], points["value"], strict=True)
    ]
    return f"{study.name(system)}, {METRIC_TITLES[metric]}: {', '.join(said)}"


def _by_step(study: Study, system: str) -> list[int]:
    """Radiographs by the step at which they are misclassified, from 0; robust ones come last."""
    attack = study.params.attack
    steps = [*range(attack.restarts * attack.steps + 1), -1]
    table = under(study.iterations, system, study.attacked).set_index("iteration")
    return [int(count) for count in np.nan_to_num(table["count"].reindex(steps))]


def _draw_steps(ax: Axes, counts: list[int], own: str) -> None:
    steps = len(counts) - 2
    never = steps + max(3, round(0.4 * steps))
    bars = ax.bar([*range(steps + 1), never], counts, color=own, width=0.8)
    bars[-1].set(facecolor="white", edgecolor=own, linewidth=1.2)
    numbered = {0, steps, steps + 1}
    texts = [str(count) if place in numbered else "" for place, count in enumerate(counts)]
    ax.bar_label(bars, texts, fontsize=7)
    ax.set_xticks([0, steps, never], ["0", str(steps), "never"], fontsize=8)
    ax.grid(axis="x", visible=False)
