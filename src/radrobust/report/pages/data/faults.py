"""Faults of the radiographs, and shortcuts to the label, as the audit found them."""

from __future__ import annotations

import pandas as pd

from radrobust.core.seeds import derive_seed
from radrobust.evaluation.probes import WARNING
from radrobust.report.kit import html, shortcuts
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import Study
from radrobust.report.kit.tables import sortable
from radrobust.report.kit.text import DASH, SPLIT_TITLES, Row, number, plural

CHANCE = 0.5
MOST_FAULTS = 8
"""Radiographs of each kind of fault that are listed by name."""

KINDS = {
    "unreadable": ("Cannot be read", "Left out of everything."),
    "truncated": (
        "File ends early",
        "Read as far as it goes; the missing part is black or grey.",
    ),
    "burned_in": (
        "Text burnt into the image, as its DICOM header says",
        "Kept, and shown below; look whether it names anybody before you publish anything.",
    ),
    "label": (
        "Sources disagree about the label",
        "The folder that the file is in decides.",
    ),
    "both_ways": (
        "Same image as a radiograph with the other label",
        "Both labels stay; no system can get both right.",
    ),
    "same_picture": (
        "Same image as another radiograph, pixel by pixel",
        "Kept, always in one part of the split.",
    ),
    "near_duplicate": (
        "Nearly the same image as another radiograph",
        "Kept, always in one part of the split.",
    ),
    "mirrored": ("Mirror image of another radiograph", "Kept, always in one part of the split."),
    "border": ("Border of one grey along an edge", "Kept; see how often each class has one."),
    "tiny": ("Very small", "Kept, enlarged."),
    "numbered": (
        "Path held the patient's identifier, name or birth date",
        "A number takes its place in all results.",
    ),
    "note": ("Another note", "Kept; see the note."),
}
"""The title of each kind of fault, and its treatment."""


def probes(study: Study) -> Html:
    """The share of pairs that each probe tells apart, and a verdict on it."""
    head = html.heads(["The model sees", "Verdict"], ["Pairs told apart"])
    body = [
        [
            cell(shortcuts.PROBES[str(row["probe"])], "row"),
            cell(_verdict(row)),
            cell(shortcuts.pairs(row) if row["auroc"] == row["auroc"] else DASH, style="number"),
        ]
        for row in shortcuts.found(study)
    ]
    caption = (
        "Of the pairs of a radiograph of either class, those that each model tells apart. Guessing "
        f"has 50 %; more than {100 * WARNING:.0f} % is a warning."
    )
    return Html(html.table([head], body, caption))


def counted(study: Study) -> Html:
    """How many radiographs have each kind of fault, and its treatment."""
    samples = study.faults.drop_duplicates(["sample_id", "kind"])["kind"].value_counts()
    head = html.heads(["Fault", "Treatment"], ["Radiographs"])
    body = [
        [cell(title, "row"), cell(done), cell(f"{samples.get(kind, 0):,}", style="number")]
        for kind, (title, done) in KINDS.items()
    ]
    unmarked = f"Labelled with the {study.finding}, but its place is not marked"
    body.append(
        [
            cell(unmarked, "row"),
            cell("Kept; maps are not compared with it."),
            cell(f"{study.notes['unmarked']:,}", style="number"),
        ]
    )
    caption = "Radiographs by fault. A radiograph may be in several rows."
    return Html(sortable(html.table([head], body, caption)))


def listed(study: Study) -> Html:
    """Radiographs by name, the fault of each, and its treatment."""
    if study.faults.empty:
        return Html("<p>No radiograph has a fault.</p>")
    split = study.samples.table.set_index("sample_id")["split"].map(SPLIT_TITLES)
    head = html.heads(["Radiograph", "Split", "Fault", "Treatment"])
    body = []
    for kind in KINDS:
        of_kind = study.faults[study.faults["kind"] == kind]
        order = [derive_seed(study.params.seed, kind, name) for name in of_kind["sample_id"]]
        chosen = of_kind.assign(order=order).sort_values("order").head(MOST_FAULTS)
        for name, fault, done in chosen[["sample_id", "fault", "done"]].itertuples(index=False):
            part = str(split.get(name, "left out"))
            body.append([cell(name, "row"), cell(part), cell(fault), cell(done)])
    caption = (
        f"Radiographs by name; of each kind {MOST_FAULTS} at most, drawn by a hash. All "
        f"{plural(len(study.faults), 'row')} are in audit-faults.csv, on the page Methods."
    )
    return Html(sortable(html.table([head], body, caption)))


def formats(study: Study) -> Html:
    """How many radiographs of each class have each pixel format, and how many have a border."""
    table = study.samples.table
    rows = {f"Pixel format {mode}": table["mode"] == mode for mode in sorted(set(table["mode"]))}
    rows["With a burnt-in border"] = table["border"] > 0
    head = html.heads(["Radiographs"], study.classes)
    body = [
        [cell(title, "row"), *(_share(chosen[table["label"] == label]) for label in (0, 1))]
        for title, chosen in rows.items()
    ]
    caption = (
        "Radiographs of each class by the format of their file, and those with a border of one "
        "grey along an edge. Where the shares differ, the classes may come from different machines."
    )
    return Html(html.table([head], body, caption))


def _verdict(row: Row) -> str:
    if row["auroc"] != row["auroc"]:
        return "too few radiographs of one class"
    if row["low"] != row["low"]:
        return "same answer to all: tells nothing"
    if row["auroc"] > WARNING:
        return "⚠ warning"
    return "more than guessing" if row["low"] > CHANCE else "not clearly more than guessing"


def _share(chosen: pd.Series[bool]) -> str:
    share = f"{number(float(chosen.mean()), 'share')} %" if len(chosen) else DASH
    return cell(f"{int(chosen.sum()):,}", style="number", small=share)
