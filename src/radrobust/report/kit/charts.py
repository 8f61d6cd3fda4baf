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

from radrobust.report.kit import html
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import Study
from radrobust.systems.catalogue import SYSTEMS

# Okabe and Ito's colours without yellow and black, then two of Tol's: told apart by colour-blind
# readers, and by their markers in grey.
COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#332288", "#882255",
)  # fmt: skip
MARKERS = "osD^vPX*"
REFERENCE = "#595959"
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
    return COLOURS[list(SYSTEMS).index(system) % len(COLOURS)]


def marker(system: str) -> str:
    """Return a system's marker, the same in every chart of every study."""
    return MARKERS[list(SYSTEMS).index(system) % len(MARKERS)]


def two_lines(study: Study, system: str) -> str:
    """Return a system's name for an axis or the head of a panel."""
    return f"{study.title(system)}\n{study.label(system)}"


@contextmanager
def of_systems(study: Study, height: float) -> Iterator[tuple[Figure, list[Axes]]]:
    """A panel a system, each `height` inches, in two columns with common axes under its name."""
    titles = [two_lines(study, system) for system in study.systems]
    with panels(titles, height) as (figure, axes):
        yield figure, axes


@contextmanager
def panels(titles: list[str], height: float) -> Iterator[tuple[Figure, list[Axes]]]:
    """A panel a title, each `height` inches, in two columns with common axes; one is wider."""
    columns = min(2, len(titles))
    lines = -(-len(titles) // columns)
    height = height if lines > 1 else 2 * height
    with canvas((height + 0.35) * lines + 0.4, len(titles), columns) as (figure, axes):
        for ax, title in zip(axes, titles, strict=True):
            ax.set_title(title, loc="left", fontsize=7.5)
        for lowest in axes[-columns:]:
            lowest.tick_params(labelbottom=True)
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


def shown(figure: Figure, alt: str, caption: str) -> Html:
    """Return a figure as a page shows it; `alt` says in words what is drawn."""
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    chart = html.drawing(_light(file.getvalue()), alt)
    return Html(html.figure(chart, caption, style="chart"))


def _light(svg: str) -> str:
    """Leave out of an SVG what nobody sees: a page with many charts must stay light to load."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="(?!m|p)[^"]*"', "", svg)
    svg = re.sub(r"(\d\d\.\d\d)\d+", r"\1", svg)  # hundredths of a point
    return re.sub(r"\s*\n\s*", " ", svg)
