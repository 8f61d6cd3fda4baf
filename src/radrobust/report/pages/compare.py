"""Page *Compare*: experiments side by side, and the differences between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.report.kit import charts, html
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import REFERENCES, keyed
from radrobust.report.kit.tables import LOWER_IS_BETTER
from radrobust.report.kit.text import (
    DASH,
    METRIC_TITLES,
    Row,
    explainer_title,
    interval,
    listing,
    number,
    plural,
    signed,
    unit,
)
from radrobust.systems.bibliography import bibliography, by_year

FOLDER = paths.RESULTS / "compare"
WORKSPACE = "workspace"
MOST_ROWS = 20  # in sight; the others unfold
MAP_METRICS = {
    "coverage_5": "Coverage at the strongest 5 %",
    "pointing": "Pointing game",
    "mass": "Mass",
    "auprc": "AUPRC of the map",
}
DRAWN = "balanced_accuracy"


@dataclass(frozen=True)
class Compared:
    """The tables of `results/compare`; see `radrobust.stages.compare.tabulate`.

    Attributes
    ----------
    root : Path
        The folder that holds `results`.
    """

    root: Path = Path()

    @cached_property
    def revisions(self) -> pd.DataFrame:
        """`revision`, `commit`, `attacked`, `level`, `same_samples`; the first comes first."""
        return self._read("revisions")

    @cached_property
    def params(self) -> pd.DataFrame:
        """`key`, `revision`, `value`, of keys whose values differ."""
        return self._read("params")

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """`system`, `image`, `metric`, `revision`, `value`, …, `difference`, `apart`."""
        table = self._read("metrics")
        return table[~table["system"].isin(REFERENCES)]

    @cached_property
    def maps(self) -> pd.DataFrame:
        """`system`, `image`, `explainer`, `metric`, `revision`, `value`, …"""
        table = self._read("maps")
        return table[table["metric"].isin(MAP_METRICS)]

    @property
    def names(self) -> list[str]:
        """Of the revisions; the first is the one that the others are compared with."""
        return self.revisions["revision"].tolist()

    @property
    def systems(self) -> list[str]:
        """Keys of all that any revision has measured, in the order of the catalogue."""
        found = set(self.metrics["system"])
        return [system for system in by_year() if system in found]

    def _read(self, name: str) -> pd.DataFrame:
        path = FOLDER / f"{name}.parquet"
        if not (self.root / path).is_file():
            raise InputError(f"{path} is not here; run `radrobust compare REV` first")
        return pd.read_parquet(self.root / path)


def revisions(compared: Compared) -> Html:
    """The revisions that are compared, with their commits and budgets."""
    head = html.heads(["Revision", "Commit", "Attacked", "Radiographs"], [])
    body = []
    for place, row in enumerate(compared.revisions.itertuples()):
        radiographs = "as the first" if row.same_samples else "not those of the first"
        body.append(
            [
                cell(str(row.revision), "row", style="system"),
                cell(str(row.commit)[:9] or "as it was when these tables were written"),
                cell(str(row.attacked)),
                cell(radiographs if place else "the first"),
            ]
        )
    return Html(html.table([head], body, "The revisions; the others are compared with the first."))


def cautions(compared: Compared) -> Html:
    """Say aloud why the revisions are less comparable than they look."""
    said = _cautions(compared)
    return Html("".join(f'<div class="aloud" role="note">{escape(text)}</div>' for text in said))


def params(compared: Compared) -> Html:
    """Every parameter whose value is not the same everywhere."""
    if compared.params.empty:
        return Html("<p>No parameter differs.</p>")
    head = html.heads(["Parameter", *compared.names])
    values = compared.params.pivot(index="key", columns="revision", values="value")
    body = [
        [cell(str(key), "row", style="code")]
        + [cell(str(values.loc[key, name]) or DASH) for name in compared.names]
        for key in compared.params["key"].unique()
    ]
    caption = f"Parameters that differ; all others are equal. {DASH}: there was no such parameter."
    return Html(html.table([head], body, caption))


def summary(compared: Compared) -> Html:
    """Count the figures that differ from the first revision's, and those clearly apart."""
    head = [cell("Revision", "col", style="system")]
    titles = ("Figures", "Different", "Intervals apart")
    head += [cell(title, "col", style="number") for title in titles]
    head += [cell("Largest difference", "col"), cell("Not measured", "col")]
    body = []
    for name in compared.names[1:]:
        rows = _against(compared.metrics, name)
        moved = rows[rows["difference"].abs() > 0]
        counts = (len(rows), len(moved), int(moved["apart"].sum()))
        largest = _largest(moved) if len(moved) else DASH
        body.append(
            [cell(name, "row", style="system")]
            + [cell(f"{count:,}", style="number") for count in counts]
            + [cell(largest), cell(_missing(compared, name) or DASH)]
        )
    caption = f"Against {compared.names[0]}. Not measured: systems that other revisions have."
    return Html(html.table([head], body, caption))


def small_multiples(compared: Compared) -> Html:
    """Clean and attacked balanced accuracy of every revision, a panel a system."""
    told = [bibliography(key) for key in compared.systems]
    titles = [f"{one.title}\n{one.label}" for one in told]
    with charts.panels(titles, height=0.28 + 0.16 * len(compared.names)) as (figure, axes):
        for ax, system in zip(axes, compared.systems, strict=True):
            rows = compared.metrics[
                (compared.metrics["system"] == system) & (compared.metrics["metric"] == DRAWN)
            ]
            _draw(ax, rows, compared.names, charts.colour(system))
        figure.supxlabel("Balanced accuracy, %", fontsize=8.5)
        return charts.shown(
            figure,
            alt="Balanced accuracy by system and revision: from the table below.",
            caption="Balanced accuracy with its interval, the revisions one below the other. "
            "Hollow circle: clean. Filled square: attacked, each at the revision's own budget. "
            "Dashed: always the same answer.",
        )


def metrics(compared: Compared) -> Html:
    """Every figure, the largest differences first; a tab a revision."""
    return _tabs("moved", compared, compared.metrics)


def maps(compared: Compared) -> Html:
    """Measures of the maps, the largest differences first; a tab a revision."""
    if compared.maps.empty:
        return Html("<p>No finding is marked, so that no map can be compared with it.</p>")
    return _tabs("maps-moved", compared, compared.maps)


def _tabs(name: str, compared: Compared, table: pd.DataFrame) -> Html:
    first, *others = compared.names
    panes = {
        f"{other} against {first}": _moves(table, first, other, _level(compared))
        for other in others
    }
    return html.tabs(name, panes)


def _moves(table: pd.DataFrame, first: str, other: str, level: str) -> str:
    rows = _against(table, other)
    keys = [key for key in ("system", "image", "explainer", "metric") if key in table]
    start = keyed(table[table["revision"] == first], *keys)
    order = rows["difference"].abs().sort_values(ascending=False, kind="stable").index
    head = html.heads(["System", "Figure"], ["Difference", first, other])
    body = [_move(row, start[key]) for key, row in keyed(rows.loc[order], *keys).items()]
    caption = (
        f"{other} less {first}, largest difference first; under each figure its {level} interval. "
        f"◆ apart: the two intervals have no point in common. Nothing here was tested, and "
        f"intervals that overlap do not show that nothing differs."
    )
    shown = html.table([head], body[:MOST_ROWS], caption)
    if rest := body[MOST_ROWS:]:
        more = html.table([head], rest, f"{other} less {first}, continued.")
        shown += html.details(f"{plural(len(rest), 'smaller difference')}", "", more)
    return f'<div class="moves">{shown}</div>'


def _move(row: Row, start: Row) -> list[str]:
    told, metric = bibliography(str(row["system"])), str(row["metric"])
    apart = bool(row["apart"])
    values = [
        cell(f"{number(float(one['value']), metric)}{unit(metric)}", style="number",
             small=interval(one, metric))
        for one in (start, row)
    ]  # fmt: skip
    return [
        cell(told.title, "row", style="system", small=told.label),
        cell(_title(metric), small=_about(row)),
        cell(_moved(float(row["difference"]), metric), style=f"number{' beyond' if apart else ''}",
             small="◆ apart" if apart else "overlap"),
        *values,
    ]  # fmt: skip


def _about(row: Row) -> str:
    """The images and the method of a figure, and whether less is better."""
    said = [str(row["image"])]
    if "explainer" in row:
        said.insert(0, explainer_title(str(row["explainer"])))
    if str(row["metric"]) in LOWER_IS_BETTER:
        said.append("lower is better")
    return ", ".join(said)


def _against(table: pd.DataFrame, other: str) -> pd.DataFrame:
    """Return the rows of a revision that the first has too."""
    return table[(table["revision"] == other) & table["difference"].notna()]


def _cautions(compared: Compared) -> list[str]:
    table = compared.revisions
    first = compared.names[0]
    said = []
    if strangers := table.loc[~table["same_samples"], "revision"].tolist():
        said.append(
            f"Not the same radiographs: {listing(strangers)} and {first} differ in the dataset, "
            "the seed or the split, or their radiographs were not read alike. A difference may "
            "come from the radiographs alone."
        )
    if table["attacked"].nunique() > 1:
        budgets = [f"{row.revision} {row.attacked}" for row in table.itertuples()]
        said.append(
            f"Budgets differ: {listing(budgets)}. Attacked figures differ for that reason alone."
        )
    changed = set(compared.params["key"]) & {"attack.norm", "attack.space"}
    if changed:
        said.append(f"Budgets have another unit: {listing(sorted(changed))} changed.")
    if table["level"].nunique() > 1:
        said.append("The intervals are not of the same level, so that their widths say little.")
    return said


def _missing(compared: Compared, revision: str) -> str:
    """Name the systems that a revision did not measure."""
    rows = compared.metrics[compared.metrics["revision"] == revision]
    missing = [key for key in compared.systems if key not in set(rows["system"])]
    return listing([_name(key) for key in missing]) if missing else ""


def _largest(moved: pd.DataFrame) -> str:
    row = moved.iloc[int(moved["difference"].abs().to_numpy().argmax())]
    metric = str(row["metric"])
    return (
        f"{_name(str(row['system']))}, {_title(metric)}, {row['image']}, "
        f"{_moved(float(row['difference']), metric)}"
    )


def _draw(ax: Axes, rows: pd.DataFrame, names: list[str], colour: str) -> None:
    for films, shift, marker, face in (("clean", -0.15, "o", "white"),
                                       ("attacked", 0.15, "s", colour)):  # fmt: skip
        chosen = rows[rows["image"] == films].set_index("revision").reindex(names)
        places = [place + shift for place in range(len(names))]
        ax.hlines(places, 100 * chosen["low"], 100 * chosen["high"], color=colour, lw=1)
        ax.plot(100 * chosen["value"], places, marker, color=colour, mfc=face, markersize=4)
    ax.axvline(50, color=charts.REFERENCE, ls="--", lw=0.8)
    ax.set_xlim(-4, 104)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_yticks(range(len(names)), [_short(name) for name in names], fontsize=7)


def _moved(difference: float, metric: str) -> str:
    return f"{signed(difference, metric)}{' points' if unit(metric) else ''}"


def _title(metric: str) -> str:
    """Name a figure."""
    return METRIC_TITLES.get(metric) or MAP_METRICS[metric]


def _name(system: str) -> str:
    entry = bibliography(system)
    return f"{entry.title} ({entry.label})" if entry.label else entry.title


def _short(name: str) -> str:
    return name if len(name) <= 12 else f"{name[:11]}…"


def _level(compared: Compared) -> str:
    levels = compared.revisions["level"].unique()
    return listing([f"{100 * level:g} %" for level in levels])
