"""Charts of maps: deletion and insertion, and maps while weights are shuffled."""

from __future__ import annotations

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from radrobust.report.kit import charts
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import Study
from radrobust.report.kit.text import explainer_title

CURVES = {"deletion": "-", "insertion": (0, (3, 1.5))}
NOISE = "random"


def faithfulness(study: Study, method: str) -> Html:
    """Mean probability of the answer while pixels are taken away or put back, against noise."""
    x, y = "Share of pixels taken away, or put back", "Probability of the answer"
    with charts.panels(charts.of_each(study), 1.3, x, y) as (figure, axes):
        for ax, system in zip(axes, study.systems, strict=True):
            colours = {NOISE: charts.REFERENCE, method: charts.colour(system)}
            for explainer, colour in colours.items():
                for curve, line in CURVES.items():
                    points = _curve(study, system, explainer, curve)
                    ax.plot(points.index, points, color=colour, ls=line, lw=1.4)
        charts.in_per_cent(axes[0])
        lines = {"taken away": CURVES["deletion"], "put back": CURVES["insertion"]}
        charts.explain_lines(figure, lines)
        title = explainer_title(method)
        return charts.shown(
            figure,
            alt=f"Probability of the answer while pixels go, or come back, by {title}. The table "
            "above has the gain of each curve over noise.",
            caption=f"{title}: mean probability of the answer while the radiograph's pixels are "
            "replaced by those of the baseline, or put back into it, first those that speak most "
            "for the answer. Grey: in the order of a map of noise. With a faithful map it falls "
            "faster than with noise when pixels go, and rises faster when they come back.",
        )


def randomisation(study: Study) -> Html:
    """How alike maps remain while weights are shuffled, from the head down, a panel a method."""
    methods = study.params.explain.methods
    parts = study.randomisation.drop_duplicates("depth").sort_values("depth")["part"].tolist()
    titles = [explainer_title(method) for method in methods]
    x, y = "Parts of the network shuffled", "Rank correlation with the map before"
    with charts.panels(titles, 1.2, x, y) as (figure, axes):
        for ax, method in zip(axes, methods, strict=True):
            for system in study.systems:
                left = [1.0, *_shuffled(study, system, method)]
                ax.plot(left, color=charts.colour(system), marker=charts.marker(system),
                        markersize=3, lw=1)  # fmt: skip
            ax.axhline(study.randomisation["limit"].iloc[0], color=charts.REFERENCE, ls="--", lw=1)
            ax.set_xticks(range(len(parts) + 1), [str(place) for place in range(len(parts) + 1)])
        axes[0].set_ylim(top=1.08)
        _name_systems(figure, study)
        counted = "; ".join(f"{place}: {'' if place == 1 else 'and '}{part}"
                            for place, part in enumerate(parts, 1))  # fmt: skip
        return charts.shown(
            figure,
            alt="Rank correlation of maps while weights are shuffled. The table above has its end.",
            caption=f"Mean rank correlation with the map of the finished network, by strength, "
            f"while its weights are shuffled from the top down. 0: nothing is shuffled, so 1 by "
            f"definition; {counted}. Dashed: the limit.",
        )


def _curve(study: Study, system: str, explainer: str, curve: str) -> pd.Series[float]:
    table = study.faithfulness_curves
    chosen = (table["system"] == system) & (table["explainer"] == explainer)
    return (
        table[chosen & (table["curve"] == curve)].sort_values("share").set_index("share")["value"]
    )


def _shuffled(study: Study, system: str, method: str) -> list[float]:
    table = study.randomisation
    rows = table[(table["system"] == system) & (table["explainer"] == method)]
    return [float(value) for value in rows.sort_values("depth")["value"]]


def _name_systems(figure: Figure, study: Study) -> None:
    marks = [
        mpl.lines.Line2D([], [], color=charts.colour(system), marker=charts.marker(system),
                         markersize=4, lw=1, label=study.title(system))
        for system in study.systems
    ]  # fmt: skip
    columns = min(2, len(marks))
    figure.legend(handles=marks, loc="outside upper center", ncols=columns, fontsize=7.5)
