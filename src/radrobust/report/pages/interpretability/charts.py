"""Charts of maps: coverage, deletion and insertion, and what redrawing the weights leaves."""

from __future__ import annotations

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, PercentFormatter

from radrobust.report.kit import charts
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import IMAGES, Study, View
from radrobust.report.kit.text import COVERAGES, correlation, explainer_title, number

LINES = {"clean": "-", "attacked": (0, (3, 1.5))}
CURVES = {"deletion": "-", "insertion": (0, (3, 1.5))}
NOISE = "random"


def coverage(study: Study, method: str) -> Html:
    """Coverage against the share of pixels taken, a panel a system, the others in grey."""
    with charts.of_systems(study, height=1.3) as (figure, axes):
        for ax, system in zip(axes, study.systems, strict=True):
            draw_coverage(ax, study, system, method)
        in_per_cent(axes[0])
        figure.supxlabel("Share of the film's pixels taken, strongest first", fontsize=8.5)
        figure.supylabel(f"Of the {study.finding}, among them", fontsize=8.5)
        explain_lines(figure, {**LINES, "chance": (0, (1, 1.5))})
        title = explainer_title(method)
        said = "; ".join(
            f"{study.name(system)}: {covered(study, system, method)}" for system in study.systems
        )
        behind = " Grey: the other systems, clean." if len(study.systems) > 1 else ""
        return charts.shown(
            figure,
            alt=f"Coverage of the {study.finding} by {title}. {said}. Chance: as much as is taken.",
            caption=f"{title}: how much of the {study.finding}'s outline lies among the strongest "
            f"pixels, on clean and attacked films, with the {study.level} band of clean ones. "
            f"Above the dotted line: more than chance.{behind}",
        )


def faithfulness(study: Study, method: str) -> Html:
    """Mean probability of the answer while pixels are taken away or put back, against noise."""
    with charts.of_systems(study, height=1.3) as (figure, axes):
        said = []
        for ax, system in zip(axes, study.systems, strict=True):
            for explainer, colour in {
                NOISE: charts.REFERENCE,
                method: charts.colour(system),
            }.items():
                for curve, line in CURVES.items():
                    points = _curve(study, system, explainer, curve)
                    ax.plot(points.index, points, color=colour, ls=line, lw=1.4)
            said.append(f"{study.name(system)}: {_halves(study, system, method)}")
        in_per_cent(axes[0])
        figure.supxlabel("Share of pixels taken away, or put back", fontsize=8.5)
        figure.supylabel("Probability of the answer", fontsize=8.5)
        explain_lines(figure, {"taken away": CURVES["deletion"], "put back": CURVES["insertion"]})
        title = explainer_title(method)
        return charts.shown(
            figure,
            alt=f"Probability of the answer while pixels go, or come back, by {title}. "
            f"{'; '.join(said)}.",
            caption=f"{title}: mean probability of the answer while the film's pixels are replaced "
            "by those of the baseline, or put back into it, first those that speak most for the "
            "answer. Grey: in the order of a map of noise. With a faithful map it falls faster "
            "than with noise when pixels go, and rises faster when they come back.",
        )


def randomisation(study: Study) -> Html:
    """What is left of a map while weights are shuffled, from the head down, a panel a method."""
    methods = study.params.explain.methods
    parts = study.randomisation.drop_duplicates("depth").sort_values("depth")["part"].tolist()
    with charts.panels([explainer_title(method) for method in methods], 1.2) as (figure, axes):
        said = []
        for ax, method in zip(axes, methods, strict=True):
            for system in study.systems:
                left = [1.0, *_redrawn(study, system, method)]
                ax.plot(left, color=charts.colour(system), marker=charts.marker(system),
                        markersize=3, lw=1)  # fmt: skip
                said.append(f"{explainer_title(method)}, {study.title(system)}: "
                            f"{', '.join(correlation(value) for value in left[1:])}")  # fmt: skip
            ax.axhline(study.randomisation["limit"].iloc[0], color=charts.REFERENCE, ls="--", lw=1)
            ax.set_xticks(range(len(parts) + 1), [str(place) for place in range(len(parts) + 1)])
        axes[0].set_ylim(top=1.08)
        figure.supxlabel("Parts of the network shuffled", fontsize=8.5)
        figure.supylabel("Rank correlation with the map before", fontsize=8.5)
        _name_systems(figure, study)
        counted = "; ".join(f"{place}: {'' if place == 1 else 'and '}{part}"
                            for place, part in enumerate(parts, 1))  # fmt: skip
        return charts.shown(
            figure,
            alt=f"Rank correlation of maps while weights are shuffled. {'; '.join(said)}.",
            caption=f"Mean rank correlation with the map of the finished network, by strength, "
            f"while its weights are shuffled from the top down. 0: nothing is shuffled, so 1 by "
            f"definition; {counted}. Dashed: the limit.",
        )


def draw_coverage(ax: Axes, study: Study, system: str, method: str) -> None:
    """Draw coverage by one method on one system, the others in grey behind it."""
    taken = [0.0, *(percent / 100 for percent in COVERAGES), 1.0]
    for other in study.systems:
        if other != system:
            ax.plot(taken, _covers(study, other, method, "clean"), color=charts.BEHIND, lw=0.7)
    ax.plot([0, 1], [0, 1], color=charts.REFERENCE, ls=(0, (1, 1.5)), lw=1)
    own = charts.colour(system)
    low, high = (_covers(study, system, method, "clean", end) for end in ("low", "high"))
    ax.fill_between(taken, low, high, color=own, alpha=0.2, lw=0)
    for image, line in LINES.items():
        ax.plot(taken, _covers(study, system, method, image), color=own, ls=line, lw=1.4)


def in_per_cent(ax: Axes) -> None:
    """Take both axes, which all panels have in common, from 0 to 1."""
    for axis, limit in ((ax.xaxis, ax.set_xlim), (ax.yaxis, ax.set_ylim)):
        limit(-0.02, 1.02)
        axis.set_major_locator(FixedLocator([0, 0.5, 1]))
        axis.set_major_formatter(PercentFormatter(1))


def _covers(
    study: Study, system: str, method: str, image: str, column: str = "value"
) -> list[float]:
    """The curve, or an end of its interval, from no pixels, which hold none, to all of them."""
    rows = [
        study.localised(system, method, f"coverage_{percent}", View(image)) for percent in COVERAGES
    ]
    return [0.0, *(row[column] for row in rows), 1.0]


def covered(study: Study, system: str, method: str) -> str:
    """Say in words what `draw_coverage` draws."""
    parts = []
    for image in IMAGES:
        few, half = (
            number(study.localised(system, method, metric, View(image))["value"], metric)
            for metric in ("coverage_5", "coverage_50")
        )
        parts.append(f"{image} {few} % of it in the top 5 %, {half} % in the top half")
    return "; ".join(parts)


def _curve(study: Study, system: str, explainer: str, curve: str) -> pd.Series[float]:
    table = study.faithfulness_curves
    chosen = (table["system"] == system) & (table["explainer"] == explainer)
    return (
        table[chosen & (table["curve"] == curve)].sort_values("share").set_index("share")["value"]
    )


def _halves(study: Study, system: str, method: str) -> str:
    """The probability half way, with the method's order and with that of noise."""
    shown = []
    for curve, said in {"deletion": "half taken away", "insertion": "half put back"}.items():
        own, noise = (
            number(float(_curve(study, system, name, curve)[0.5]), "share")
            for name in (method, NOISE)
        )
        shown.append(f"{own} % with {said}, {noise} % by noise")
    return "; ".join(shown)


def _redrawn(study: Study, system: str, method: str) -> list[float]:
    table = study.randomisation
    rows = table[(table["system"] == system) & (table["explainer"] == method)]
    return [float(value) for value in rows.sort_values("depth")["value"]]


def explain_lines(figure: Figure, lines: dict[str, object]) -> None:
    """Name kinds of lines above a figure."""
    marks = [
        mpl.lines.Line2D([], [], color="#333333", ls=line, lw=1.2, label=label)
        for label, line in lines.items()
    ]
    figure.legend(handles=marks, loc="outside upper center", ncols=len(marks), fontsize=8)


def _name_systems(figure: Figure, study: Study) -> None:
    marks = [
        mpl.lines.Line2D([], [], color=charts.colour(system), marker=charts.marker(system),
                         markersize=4, lw=1, label=study.title(system))
        for system in study.systems
    ]  # fmt: skip
    columns = min(2, len(marks))
    figure.legend(handles=marks, loc="outside upper center", ncols=columns, fontsize=7.5)
