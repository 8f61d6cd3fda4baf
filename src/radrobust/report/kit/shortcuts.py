"""Shortcuts to the label: how well it is predicted without looking at the finding."""

from __future__ import annotations

from radrobust.evaluation.probes import WARNING
from radrobust.report.kit.study import Study
from radrobust.report.kit.text import DASH, WORD_JOINER, Row

PROBES = {
    "file_size": "file size",
    "image_size": "width and height",
    "pixel_format": "pixel format",
    "mean_grey": "mean grey",
    "border": "burnt-in border",
    "thumbnail": "thumbnail of 12×12 pixels",
}
"""The input of each probe, in the order in which they are shown."""


def found(study: Study) -> list[Row]:
    """Return the rows of the table `probes` in the order of `PROBES`."""
    table = study.probes.set_index("probe").loc[list(PROBES)].reset_index()
    rows: list[Row] = table.to_dict("records")  # type: ignore[assignment]
    return rows


def warnings(study: Study) -> list[str]:
    """Write a sentence, plain text, about each probe that is over `WARNING`."""
    return [
        f"From the {PROBES[str(row['probe'])]} alone, a model tells {pairs(row)} of pairs of "
        f"radiographs apart: a network may have learnt that, instead of the {study.finding}."
        for row in found(study)
        if row["auroc"] > WARNING
    ]


def pairs(row: Row) -> str:
    """Write the share of pairs that a probe tells apart, with its interval."""
    value, low, high = (f"{100 * row[name]:.0f}" for name in ("auroc", "low", "high"))
    dash = f"{WORD_JOINER}{DASH}{WORD_JOINER}"
    return f"{value} %" + (f" ({low}{dash}{high})" if low != "nan" else "")
