"""What could spoil a study, found before anything is split or trained."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radrobust.data.duplicates import near_duplicates

KINDS = (
    "unreadable",
    "truncated",
    "burned_in",
    "label",
    "both_ways",
    "same_picture",
    "near_duplicate",
    "mirrored",
    "border",
    "tiny",
    "numbered",
    "note",
)
"""Of faults, in the order in which they are told."""

TINY = 64
"""Pixels of the shorter side below which a film is hardly one."""

NEARLY = {"near_duplicate": "nearly the same as", "mirrored": "mirror image of"}

TOGETHER = "kept, in one split with it"
KEPT = "kept"
UNSEEN = "kept; whether the text names anybody has not been checked"
NUMBERED = "a number stands in place of the path in all results"

_DISAGREES = re.compile(r"says .+ for a film in |outlined on a film in ")
_TRUNCATED = re.compile(r"^truncated file")
_BURNED_IN = re.compile(r"BurnedInAnnotation")
_NUMBERED = re.compile(r"its path held [^;]*$")
_NAMED = 3


class Fault(NamedTuple):
    """Something about one film that a reader of the study should know.

    Attributes
    ----------
    sample_id : str
        The film.
    kind : str
        One of `KINDS`.
    fault, done : str
        What was found and what was done about it, in words.
    """

    sample_id: str
    kind: str
    fault: str
    done: str


# --- Pairs ------------------------------------------------------------------------------------


def find_pairs(films: pd.DataFrame, thumbnails: NDArray[np.uint8]) -> pd.DataFrame:
    """Pair films that show the same, pixel by pixel or nearly.

    Parameters
    ----------
    films : DataFrame
        One row a film; columns `sample_id`, `picture` and `truncated`.
    thumbnails : array
        N×48×48, in the same order.

    Returns
    -------
    DataFrame
        `one` and `other`, names; `picture`, whether they agree pixel by pixel; `correlation` of
        the thumbnails; `mirrored`. Each film is paired with the next one of the same picture; for
        what is nearly the same, the first film of a picture stands for all.
    """
    names = films["sample_id"].to_numpy(str)
    places = pd.Series(np.arange(len(films)))
    before = places.groupby(films["picture"].to_numpy()).shift()
    again = np.flatnonzero(before.notna())
    one = before.iloc[again].to_numpy(np.intp)
    same = pd.DataFrame(
        {
            "one": names[one],
            "other": names[again],
            "picture": True,
            "correlation": np.float32(1),
            "mirrored": False,
        }
    )
    first = np.flatnonzero(before.isna())
    near = near_duplicates(thumbnails[first], films["truncated"].to_numpy(bool)[first])
    near["one"], near["other"] = (names[first[near[side]]] for side in ("one", "other"))
    near.insert(2, "picture", False)
    return pd.concat([same, near], ignore_index=True).sort_values(
        ["one", "other"], ignore_index=True
    )


# --- Faults -----------------------------------------------------------------------------------


def find_faults(
    films: pd.DataFrame, unreadable: pd.DataFrame, pairs: pd.DataFrame, classes: Sequence[str]
) -> pd.DataFrame:
    """List what is wrong with films, and what was done about it.

    Parameters
    ----------
    films, unreadable : DataFrame
        As stage read writes them.
    pairs : DataFrame
        From `find_pairs`.
    classes : sequence of str
        Names of labels 0 and 1.

    Returns
    -------
    DataFrame
        A `Fault` a row, in the order of `KINDS` and then of names.
    """
    found = [
        *_unreadable(unreadable),
        *_of_each_film(films),
        *_alike(films, pairs, classes),
    ]
    table = pd.DataFrame(found, columns=list(Fault._fields), dtype=str)
    order = table["kind"].map(KINDS.index)
    return table.iloc[np.lexsort((table["sample_id"], order))].reset_index(drop=True)


def _unreadable(table: pd.DataFrame) -> Iterator[Fault]:
    for name, fault in zip(table["sample_id"], table["fault"], strict=True):
        if numbered := _NUMBERED.search(fault):
            yield Fault(name, "numbered", numbered[0], NUMBERED)
        yield Fault(name, "unreadable", _NUMBERED.sub("", fault).removesuffix("; "), "left out")


def _of_each_film(films: pd.DataFrame) -> Iterator[Fault]:
    columns = ["sample_id", "width", "height", "truncated", "border", "note"]
    for name, width, height, truncated, border, note in films[columns].itertuples(index=False):
        parts = [part for part in str(note).split("; ") if part]
        if truncated:
            yield Fault(name, "truncated", "the file ends early", "kept, read as far as it goes")
        for part in parts:
            if _DISAGREES.search(part):
                yield Fault(name, "label", part, "kept; the folder decides")
            elif _BURNED_IN.search(part):
                yield Fault(name, "burned_in", part, UNSEEN)
            elif _NUMBERED.match(part):
                yield Fault(name, "numbered", part, NUMBERED)
            elif not _TRUNCATED.search(part):
                yield Fault(name, "note", part, KEPT)
        if border > 0 and not truncated:  # else it may be what is missing
            share = f"border of one grey along {100 * border:.0f} % of the film's edges"
            yield Fault(name, "border", share, KEPT)
        if min(width, height) < TINY:
            yield Fault(name, "tiny", f"{width}×{height} pixels", KEPT)


def _alike(films: pd.DataFrame, pairs: pd.DataFrame, classes: Sequence[str]) -> Iterator[Fault]:
    """Yield what there is to say of films that show the same as others."""
    label = dict(zip(films["sample_id"], films["label"], strict=True))
    picture = dict(zip(films["sample_id"], films["picture"], strict=True))
    shown_by: dict[str, list[str]] = {}
    for name in picture:
        shown_by.setdefault(picture[name], []).append(name)
    alike = {name: [shown_by[picture[name]]] for name in picture}  # itself among them

    for name, (same,) in alike.items():
        if len(same) > 1:
            fault = f"same picture as {_others(name, same)}, pixel by pixel"
            yield Fault(name, "same_picture", fault, TOGETHER)
    for kind, how in NEARLY.items():
        rows = pairs[~pairs["picture"] & (pairs["mirrored"] == (kind == "mirrored"))]
        for name, other, correlation in _closest(rows):
            for first in shown_by[picture[name]]:
                fault = f"{how} {other} (correlation {correlation:.3f})"
                yield Fault(first, kind, fault, TOGETHER)
        for one, other in rows[["one", "other"]].itertuples(index=False):
            for name in shown_by[picture[one]]:
                alike[name].append(shown_by[picture[other]])
            for name in shown_by[picture[other]]:
                alike[name].append(shown_by[picture[one]])
    for name, groups in alike.items():
        against = [other for same in groups for other in same if label[other] != label[name]]
        if against:
            fault = (
                f"labelled {classes[label[name]]}; {_others(name, against)}, which shows the same, "
                f"is labelled {classes[1 - label[name]]}"
            )
            yield Fault(name, "both_ways", fault, f"{TOGETHER}; neither label was changed")


def _closest(rows: pd.DataFrame) -> Iterator[tuple[str, str, float]]:
    """Yield, of each film in a pair, the one that it is most like."""
    there = rows[["one", "other", "correlation"]]
    both = pd.concat([there, there.rename(columns={"one": "other", "other": "one"})])
    both = both.sort_values(["one", "correlation"], ascending=[True, False], kind="stable")
    yield from both.drop_duplicates("one")[list(there)].itertuples(index=False, name=None)


def _others(name: str, names: Sequence[str]) -> str:
    first = [other for other in names[: _NAMED + 1] if other != name][:_NAMED]
    more = len(names) - (name in names) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")
