"""What the audit of the films found: faults, films that are alike, and shortcuts to the label."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from radrobust.core.seeds import derive_seed
from radrobust.evaluation.probes import MOST_FILMS, WARNING
from radrobust.report.kit import charts, html
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html, Markdown, prose
from radrobust.report.kit.study import Study
from radrobust.report.kit.tables import sortable
from radrobust.report.kit.text import DASH, WORD_JOINER, Row, number, plural
from radrobust.report.pages.data import gallery
from radrobust.report.pages.data.groups import SPLIT_TITLES, near_duplicates

CHANCE = 0.5
MOST_FAULTS = 8
"""Films of each kind of fault that are listed by name."""

PROBES = {
    "file_size": "file size",
    "image_size": "width and height",
    "pixel_format": "pixel format",
    "mean_grey": "mean grey",
    "border": "burnt-in border",
    "thumbnail": "thumbnail of 12×12 pixels",
}
"""What each probe sees, in the order in which they are shown."""

KINDS = {
    "unreadable": ("Cannot be read", "Left out of everything."),
    "truncated": (
        "File ends early",
        "Read as far as it goes; what is missing is black or grey.",
    ),
    "burned_in": (
        "Text burnt into the image, as its DICOM header says",
        "Kept, and shown below; look whether it names anybody before you publish anything.",
    ),
    "label": (
        "Sources disagree about the label",
        "The folder that the file lies in decides.",
    ),
    "both_ways": (
        "Shows the same as a film with the other label",
        "Both labels stay; on one picture no system can get both right.",
    ),
    "same_picture": (
        "Shows the same picture as another film, pixel by pixel",
        "Kept, always in one part of the split.",
    ),
    "near_duplicate": (
        "Shows nearly the same picture as another film",
        "Kept, always in one part of the split.",
    ),
    "mirrored": ("Mirror image of another film", "Kept, always in one part of the split."),
    "border": ("Border of one grey along an edge", "Kept; see how often each class has one."),
    "tiny": ("Very small", "Kept, enlarged."),
    "numbered": (
        "Path held the patient's identifier, name or birth date",
        "A number stands in its place in all results.",
    ),
    "note": ("Another note", "Kept; see the note."),
}
"""What each kind of fault is called, and what was done about it."""


# --- Shortcuts --------------------------------------------------------------------------------


def warnings(study: Study) -> list[str]:
    """Write a sentence about each probe that is over `WARNING`: none where none is.

    Plain text; what a probe is, the data page says.
    """
    return [
        f"From the {PROBES[str(row['probe'])]} alone, {_pairs(row)} of pairs of films are told "
        f"apart: a network may have learnt what that shows, instead of the {study.finding}."
        for row in _rows(study)
        if row["auroc"] > WARNING
    ]


def probes(study: Study) -> Html:
    """How well each probe tells the label, against guessing and against what is a warning."""
    rows = [row for row in _rows(study)[::-1] if row["auroc"] == row["auroc"]]
    if not rows:
        return Html("<p>There are too few films of one class to ask.</p>")
    with charts.canvas(0.28 * len(rows) + 0.9) as (figure, (ax,)):
        for place, row in enumerate(rows):
            _interval(ax, place, row)
        for line, style in ((CHANCE, ":"), (WARNING, "--")):
            ax.axvline(line, color=charts.REFERENCE, ls=style, lw=1)
        ax.set_yticks(range(len(rows)), [_capital(PROBES[str(row["probe"])]) for row in rows])
        ax.set_ylim(-0.6, len(rows) - 0.4)
        ax.set_xlim(min(0.4, *(row["low"] for row in rows if row["low"] == row["low"])) - 0.02, 1)
        ax.set_xlabel("AUROC of the label")
        ax.grid(axis="y", visible=False)
        said = "; ".join(f"{PROBES[str(row['probe'])]} {_area(row)}" for row in rows[::-1])
        return charts.shown(
            figure,
            alt=f"How well the label is told by what is no {study.finding}, AUROC: {said}.",
            caption=f"AUROC of models that see nothing of a film but what is named, with 95 % "
            f"intervals. Dotted: guessing. Dashed: {WARNING}, beyond which it is a warning. Each "
            f"film is judged by a model that has seen neither it nor any film like it{_of(study)}.",
        )


def probe_sentences(study: Study) -> Markdown:
    """Say of each probe how many pairs of films it tells apart, and what follows."""
    return prose("\n".join(f"- {_sentence(study, row)}" for row in _rows(study)))


def _sentence(study: Study, row: Row) -> str:
    what = PROBES[str(row["probe"])]
    if row["auroc"] != row["auroc"]:
        return f"The {what} could not be asked: there are too few films of one class."
    if row["low"] != row["low"]:
        return f"From the {what} alone, a model says the same of all films: it tells nothing."
    opening = f"From the {what} alone, {_pairs(row)} of pairs are told apart: "
    if row["auroc"] > WARNING:
        return f"{opening}**a warning**. What a network learns here may not be the {study.finding}."
    if row["low"] > CHANCE:
        return f"{opening}more than by guessing, so that there is something to be learnt from it."
    return f"{opening}not clearly more than by guessing."


def _rows(study: Study) -> list[Row]:
    table = study.probes.set_index("probe").loc[list(PROBES)].reset_index()
    rows: list[Row] = table.to_dict("records")  # type: ignore[assignment]
    return rows


def _pairs(row: Row) -> str:
    value, low, high = (f"{100 * row[name]:.0f}" for name in ("auroc", "low", "high"))
    dash = f"{WORD_JOINER}{DASH}{WORD_JOINER}"
    return f"{value} %" + (f" ({low}{dash}{high})" if low != "nan" else "")


def _area(row: Row) -> str:
    return " ".join(
        [number(row["auroc"], "auroc")]
        + [f"({number(row['low'], 'auroc')} to {number(row['high'], 'auroc')})"]
        * (row["low"] == row["low"])
    )


def _of(study: Study) -> str:
    films = int(study.probes["films"].max())
    if films < MOST_FILMS or films == len(study.samples.table):
        return ""
    return f"; {films:,} films drawn by a hash stand for all"


def _interval(ax: Axes, place: int, row: Row) -> None:
    warned = row["auroc"] > WARNING
    colour = charts.COLOURS[1] if warned else charts.COLOURS[0]
    if row["low"] == row["low"]:
        ax.plot([row["low"], row["high"]], [place, place], color=colour, lw=1.4)
    ax.plot(row["auroc"], place, "D" if warned else "o", color=colour, markersize=5)


# --- Faults -----------------------------------------------------------------------------------


def counted(study: Study) -> Html:
    """How many films have each kind of fault, and what was done about them."""
    films = study.faults.drop_duplicates(["sample_id", "kind"])["kind"].value_counts()
    head = [
        [cell("What was found", "col"), cell("Films", "col", style="number"),
         cell("What was done", "col")]
    ]  # fmt: skip
    body = [
        [cell(title, "row"), cell(f"{films.get(kind, 0):,}", style="number"), cell(done)]
        for kind, (title, done) in KINDS.items()
    ]
    unmarked = f"Labelled with the {study.finding}, but its place is not marked"
    body.append(
        [cell(unmarked, "row"), cell(f"{study.notes['unmarked']:,}", style="number"),
         cell("Kept; maps are not held against it.")]
    )  # fmt: skip
    caption = "Films by what was found of them. A film may be in several rows."
    return Html(sortable(html.table(head, body, caption)))


def listed(study: Study) -> Html:
    """Films by name, what was found of each, and what was done about it."""
    if study.faults.empty:
        return Html("<p>Nothing was found wrong with any film.</p>")
    split = study.samples.table.set_index("sample_id")["split"].map(SPLIT_TITLES)
    head = [[cell(title, "col") for title in ("Film", "Part", "Found", "Done")]]
    body = []
    for kind in KINDS:
        of_kind = study.faults[study.faults["kind"] == kind]
        order = [derive_seed(study.params.seed, kind, name) for name in of_kind["sample_id"]]
        chosen = of_kind.assign(order=order).sort_values("order").head(MOST_FAULTS)
        for name, fault, done in chosen[["sample_id", "fault", "done"]].itertuples(index=False):
            part = str(split.get(name, "left out"))
            body.append([cell(name, "row"), cell(part), cell(fault), cell(done)])
    caption = (
        f"Films by name; of each kind {MOST_FAULTS} at most, drawn by a hash. All "
        f"{plural(len(study.faults), 'row')} are in audit-faults.csv, on the page Methods."
    )
    return Html(sortable(html.table(head, body, caption)))


def near(study: Study) -> Html:
    """Films that show nearly the same, side by side."""
    pairs = near_duplicates(study)
    if not pairs:
        return Html("<p>No two films show nearly the same picture.</p>")
    notes = [
        f"correlation {pair.correlation:.3f}" + (", the second one mirrored" * pair.mirrored)
        for pair in pairs
    ]
    groups = [[pair.one, pair.other] for pair in pairs]
    return gallery.alike(study, groups, "show nearly the same", notes)


def formats(study: Study) -> Html:
    """How many films of each class have each pixel format, and how many have a border."""
    table = study.samples.table
    rows = {f"Pixel format {mode}": table["mode"] == mode for mode in sorted(set(table["mode"]))}
    rows["With a burnt-in border"] = table["border"] > 0
    head = [[cell("Films", "col"), *(cell(name, "col", style="number") for name in study.classes)]]
    body = [
        [cell(title, "row"), *(_share(chosen[table["label"] == label]) for label in (0, 1))]
        for title, chosen in rows.items()
    ]
    caption = (
        "Films of each class by how their file holds them, and those with a border of one grey "
        "along an edge. Where the shares differ, the classes may come from different machines."
    )
    return Html(html.table(head, body, caption))


def summary(study: Study) -> Markdown:
    """Say in words what the audit found and what it means."""
    films = study.faults.drop_duplicates(["sample_id", "kind"])["kind"].value_counts()
    again = [films.get(kind, 0) for kind in ("same_picture", "near_duplicate", "mirrored")]
    unreadable, truncated = (int(films.get(kind, 0)) for kind in ("unreadable", "truncated"))
    text = (
        f"{plural(unreadable, 'file')} could not be read, "
        f"{plural(truncated, 'file ends', 'files end')} early. Of the films, {again[0]:,} show, "
        f"pixel by pixel, what another one shows, {again[1]:,} nearly the same as another one, "
        f"{again[2]:,} its mirror image; "
    )
    both = int(films.get("both_ways", 0))
    if both:
        text += (
            f"**{plural(both, 'film')} of them {'is' if both == 1 else 'are'} labelled otherwise "
            "than one that shows the same**; where they are one picture, no system can get both "
            "right."
        )
    else:
        text += "none of them is labelled otherwise than one that shows the same."
    burned_in, numbered = (int(films.get(kind, 0)) for kind in ("burned_in", "numbered"))
    if burned_in:
        text += (
            f" **{plural(burned_in, 'DICOM file says', 'DICOM files say')} that text is burnt into "
            "the image**: see below whether it names anybody."
        )
    if numbered:
        text += (
            f" {plural(numbered, 'path')} held the patient's identifier, name or birth date and "
            f"{'was' if numbered == 1 else 'were'} numbered."
        )
    return prose(text)


def _share(chosen: pd.Series[bool]) -> str:
    share = f"{number(float(chosen.mean()), 'share')} %" if len(chosen) else DASH
    return cell(f"{int(chosen.sum()):,}", style="number", small=share)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
