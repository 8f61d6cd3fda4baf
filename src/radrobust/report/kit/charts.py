"""The frame of every chart: SVG in HTML, in one style, with one colour and marker a system."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, PercentFormatter

from radrobust.report.kit import html
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import Study
from radrobust.systems.bibliography import by_year

# Okabe and Ito's colours without yellow and black, then two of Tol's: told apart by colour-blind
# readers, and by their markers in grey.
COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#332288", "#882255",
)  # fmt: skip
MARKERS = "osD^vPX*"
REFERENCE = "#595959"
LINES: dict[str, Any] = {"clean": "-", "attacked": (0, (3, 1.5))}
DOTTED = (0, (1, 1.5))
BEHIND = "#c8c8c8"  # the other systems, where one is looked at

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
    "svg.fonttype": "none",  # letters as text: half as many bytes as their outlines
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "sans-serif"],
}


def colour(system: str) -> str:
    """Return a system's colour, the same in every chart of every study."""
    return COLOURS[by_year().index(system) % len(COLOURS)]


def marker(system: str) -> str:
    """Return a system's marker, the same in every chart of every study."""
    return MARKERS[by_year().index(system) % len(MARKERS)]


def two_lines(study: Study, system: str) -> str:
    """Return a system's name for an axis or the head of a panel."""
    return f"{study.title(system)}\n{study.label(system)}"


def of_each(study: Study) -> list[str]:
    """Return the heads of panels of which each is of one system."""
    return [two_lines(study, system) for system in study.systems]


@contextmanager
def panels(
    titles: list[str], height: float, x: str = "", y: str = ""
) -> Iterator[tuple[Figure, list[Axes]]]:
    """A panel a title, each `height` inches, in two columns with common axes; one is wider.

    `x` and `y` name the axes.
    """
    columns = min(2, len(titles))
    lines = -(-len(titles) // columns)
    height = height if lines > 1 else 2 * height
    with canvas((height + 0.35) * lines + 0.4, len(titles), columns) as (figure, axes):
        for ax, title in zip(axes, titles, strict=True):
            ax.set_title(title, loc="left", fontsize=7.5)
        for lowest in axes[-columns:]:
            lowest.tick_params(labelbottom=True)
        for write, name in ((figure.supxlabel, x), (figure.supylabel, y)):
            if name:
                write(name, fontsize=8.5)
        yield figure, axes


@contextmanager
def canvas(rows: float, panels: int = 1, columns: int = 1) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure `rows` inches high, with `panels` in `columns`; columns have common axes."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, rows), layout="constrained")
        lines = -(-panels // columns)
        common = columns > 1
        axes = figure.subplots(lines, columns, squeeze=False, sharex=common, sharey=common).ravel()
        for unused in axes[panels:]:
            unused.remove()
        yield figure, list(axes[:panels])


def in_per_cent(ax: Axes) -> None:
    """Take both axes, which all panels have in common, from 0 to 1."""
    for axis, limit in ((ax.xaxis, ax.set_xlim), (ax.yaxis, ax.set_ylim)):
        limit(-0.02, 1.02)
        axis.set_major_locator(FixedLocator([0, 0.5, 1]))
        axis.set_major_formatter(PercentFormatter(1))


def explain_lines(figure: Figure, lines: dict[str, Any]) -> None:
    """Name kinds of lines above a figure."""
    marks = [
        mpl.lines.Line2D([], [], color="#333333", ls=line, lw=1.2, label=label)
        for label, line in lines.items()
    ]
    figure.legend(handles=marks, loc="outside upper center", ncols=len(marks), fontsize=8)


def others_in_grey(study: Study, others: str = "the other systems") -> str:
    """Explain in a caption the curves behind those of a system, where there are any."""
    return f" Grey: {others}." if len(study.systems) > 1 else ""


def shown(figure: Figure, alt: str, caption: str) -> Html:
    """Return a figure as a page shows it; `alt` says the same in words."""
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    chart = html.drawing(_light(file.getvalue()), alt)
    return Html(html.figure(chart, caption, style="chart"))


def _light(svg: str) -> str:
    """Leave unseen parts out of an SVG: a page with many charts must stay light to load."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="(?!m|p)[^"]*"', "", svg)
    svg = re.sub(r"(\d\d\.\d\d)\d+", r"\1", svg)  # hundredths of a point
    return re.sub(r"\s*\n\s*", " ", svg)
