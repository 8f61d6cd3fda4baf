"""Charts of the radiographs: shortcuts, sizes, subgroups by class and split, and findings."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from radrobust.evaluation.probes import MOST_FILMS, WARNING
from radrobust.report.kit import charts, shortcuts
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import Study
from radrobust.report.kit.text import SPLIT_TITLES, Row, number, plural
from radrobust.report.pages.data.counts import Subgroup, subgroups

PRESENT = charts.COLOURS[1]
MARKS: tuple[dict[str, Any], ...] = (  # a ring that is seen around the other mark
    {"color": charts.COLOURS[0], "marker": "o", "markersize": 7, "markerfacecolor": "none"},
    {"color": PRESENT, "marker": "s", "markersize": 3},
)
"""How the classes are marked where both are in one panel."""

COLOURS_OF_COUNTS = "cividis_r"  # from light to dark for every eye
CELLS = 24  # squares across a panel
BINS = 24
FloatArray = NDArray[np.float64]

TICKS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)
STRONGEST = 0.05
"""Share of the radiograph that coverage is measured at."""

CHANCE = 0.5  # of AUROC


def probes(study: Study) -> Html:
    """How well each probe predicts the label, against guessing and against the warning."""
    rows = [row for row in shortcuts.found(study)[::-1] if row["auroc"] == row["auroc"]]
    if not rows:
        return Html("<p>There are too few radiographs of one class to ask.</p>")
    names = [shortcuts.PROBES[str(row["probe"])] for row in rows]
    with charts.canvas(0.28 * len(rows) + 0.9) as (figure, (ax,)):
        for place, row in enumerate(rows):
            _interval(ax, place, row)
        for line, style in ((CHANCE, ":"), (WARNING, "--")):
            ax.axvline(line, color=charts.REFERENCE, ls=style, lw=1)
        ax.set_yticks(range(len(rows)), [f"{name[0].upper()}{name[1:]}" for name in names])
        ax.set_ylim(-0.6, len(rows) - 0.4)
        ax.set_xlim(min(0.4, *(row["low"] for row in rows if row["low"] == row["low"])) - 0.02, 1)
        ax.set_xlabel("AUROC of the label")
        ax.grid(axis="y", visible=False)
        count = int(study.probes["films"].max())
        drawn = MOST_FILMS <= count != len(study.samples.table)
        of = f"; {count:,} radiographs, drawn by a hash, were used" if drawn else ""
        return charts.shown(
            figure,
            alt=f"How well the label is predicted without the {study.finding}: the shares of the "
            "table below.",
            caption="AUROC of models that see nothing of a radiograph but one thing, with 95 % "
            f"intervals. Dotted: guessing. Dashed: {WARNING}, the limit of a warning. Each "
            "radiograph is judged by a model that has seen neither it nor any radiograph like it"
            f"{of}.",
        )


def sizes(study: Study) -> Html:
    """Width and height of the radiographs before they are scaled, a panel a class."""
    table = study.samples.table
    classes = [table[table["label"] == label] for label in (0, 1)]
    edges = np.linspace(0, 1.05 * float(table[["width", "height"]].to_numpy().max()), CELLS + 1)
    counts = [np.histogram2d(one["width"], one["height"], (edges, edges))[0] for one in classes]
    colours = mpl.cm.ScalarMappable(
        mpl.colors.LogNorm(1, max(2, np.max(counts))), COLOURS_OF_COUNTS
    )
    with charts.canvas(2.8, 2, 2) as (figure, axes):
        for ax, cells, name in zip(axes, counts, study.classes, strict=True):
            _squares(ax, cells, edges, colours)
            ax.set_title(name, loc="left", fontsize=7.5)
            ax.set_xlabel("Width, pixels")
        axes[0].set_ylabel("Height, pixels")
        bar = figure.colorbar(colours, ax=axes, location="bottom", aspect=40, format="{x:.0f}")
        bar.set_label("Radiographs")
        said = "; ".join(
            f"{name}: {_span(samples, 'width')} wide, {_span(samples, 'height')} high"
            for name, samples in zip(study.classes, classes, strict=True)
        )
        kinds = len(table[["width", "height"]].drop_duplicates())
        return charts.shown(
            figure,
            alt=f"Width against height of radiographs. {said} (least, median, most, in pixels).",
            caption="Width and height of the radiographs before they are padded and scaled; "
            f"{plural(kinds, 'size')} in all. The darker, the more radiographs. On the dashed line "
            "a radiograph is square. Where the classes differ here, a network may tell them apart "
            f"without looking at the {study.finding}.",
        )


def compositions(study: Study) -> Html:
    """The share of each subgroup in each class and split."""
    found = subgroups(study)
    if not found:
        return Html("<p>The dataset names no subgroups of its radiographs.</p>")
    rows = _rows(found)
    with charts.canvas(0.19 * rows[-1] + 1.3, len(SPLIT_TITLES), len(SPLIT_TITLES)) as (
        figure,
        axes,
    ):
        for ax, (split, title) in zip(axes, SPLIT_TITLES.items(), strict=True):
            _dots(ax, found, rows, split)
            ax.set_title(title, fontsize=8)
        axes[0].set_ylim(rows[-1] + 0.8, -0.8)
        axes[0].set_xlim(-0.05, 1.05)
        axes[0].xaxis.set_major_formatter(PercentFormatter(1))
        axes[0].set_yticks(rows, [f"{one.kind}: {one.member}" for one in found], fontsize=7)
        marks = [
            mpl.lines.Line2D([], [], ls="", label=name, **mark)
            for mark, name in zip(MARKS, study.classes, strict=True)
        ]
        figure.legend(handles=marks, loc="outside lower center", ncols=2)
        return charts.shown(
            figure,
            alt="Share of radiographs by subgroup, class and split: from the table below.",
            caption="Of the radiographs of one class in one split, the share in each subgroup. "
            "Where both marks of a row are far apart, the subgroup tells something of the label "
            f"without the {study.finding}. The numbers are in the table below.",
        )


def finding_sizes(study: Study) -> Html:
    """How large the marked findings are, as a share of their radiograph."""
    shares = _finding_shares(study)
    if not len(shares):
        return Html(f"<p>No radiograph has its {study.finding} marked.</p>")
    with charts.canvas(2.3) as (figure, (ax,)):
        edges = np.geomspace(0.98 * shares.min(), 1.02 * shares.max(), BINS + 1)
        ax.hist(shares, list(edges), color=PRESENT, edgecolor="white", linewidth=0.4)
        ax.set_xscale("log")
        ticks = [tick for tick in TICKS if edges[0] <= tick <= edges[-1]]
        ax.set_xticks(ticks, [f"{100 * tick:g}%" for tick in ticks])
        ax.set_xticks([], minor=True)
        ax.axvline(STRONGEST, color=charts.REFERENCE, ls="--", lw=1)
        ax.set(xlabel="Share of the radiograph", ylabel="Radiographs")
        least, middle, most = (
            number(float(value), "share") for value in np.quantile(shares, (0, 0.5, 1))
        )
        larger = int((shares > STRONGEST).sum())
        beyond = (
            f" On {plural(larger, 'radiograph')} it is larger, and no map reaches 100 % there."
            if larger
            else ""
        )
        return charts.shown(
            figure,
            alt=f"Size of the {study.finding}: from {least} % of the radiograph to {most} %, half "
            f"of them up to {middle} %.",
            caption=f"How much of its radiograph the marked {study.finding} takes up, on "
            f"{plural(len(shares), 'radiograph')}: from {least} % to {most} %, half of them up to "
            f"{middle} %. Dashed: 5 % of the radiograph, at which coverage is measured.{beyond}",
        )


def _squares(
    ax: Axes, counts: FloatArray, edges: FloatArray, colours: mpl.cm.ScalarMappable
) -> None:
    """Draw a square wherever there are radiographs, each as a shape of its own."""
    side = edges[1] - edges[0]
    for column, row in np.argwhere(counts > 0):
        colour = colours.to_rgba(counts[column, row])
        ax.add_patch(Rectangle((edges[column], edges[row]), side, side, color=colour, lw=0))
    ax.plot(edges[[0, -1]], edges[[0, -1]], color=charts.REFERENCE, ls="--", lw=0.8)
    ax.set(xlim=edges[[0, -1]], ylim=edges[[0, -1]], aspect="equal")


def _span(samples: pd.DataFrame, side: str) -> str:
    least, middle, most = np.quantile(samples[side], (0, 0.5, 1))
    return f"{least:.0f}, {middle:.0f}, {most:.0f}"


def _rows(found: list[Subgroup]) -> list[float]:
    """Place subgroups below each other, with a gap where another kind begins."""
    rows, place = [], 0.0
    for before, one in zip([found[0], *found], found, strict=False):
        place += 0.6 * (before.kind != one.kind)
        rows.append(place)
        place += 1
    return rows


def _dots(ax: Axes, found: list[Subgroup], rows: list[float], split: str) -> None:
    for row, one in zip(rows, found, strict=True):
        shares = [one.share(split, label) for label in (0, 1)]
        ax.plot(shares, [row, row], color=charts.BEHIND, lw=1.5, zorder=1)
        for label, share in enumerate(shares):
            ax.plot(share, row, **MARKS[label])
    ax.tick_params(axis="x", labelsize=7)
    ax.set_xticks([0, 0.5, 1])


def _finding_shares(study: Study) -> FloatArray:
    """Share of the radiograph, without the padding, of each finding that is marked."""
    table = study.samples.table
    marked = table[table["mask_area"] > 0]
    size = study.samples.images.shape[-1]
    x0, y0, x1, y1 = np.stack(marked["extent"].to_list()).T if len(marked) else np.zeros((4, 0))
    pixels = marked["mask_area"].to_numpy(float) * size**2
    shares: FloatArray = pixels / ((x1 - x0) * (y1 - y0))
    return shares


def _interval(ax: Axes, place: int, row: Row) -> None:
    warned = row["auroc"] > WARNING
    colour = charts.COLOURS[1] if warned else charts.COLOURS[0]
    if row["low"] == row["low"]:
        ax.plot([row["low"], row["high"]], [place, place], color=colour, lw=1.4)
    ax.plot(row["auroc"], place, "D" if warned else "o", color=colour, markersize=5)
