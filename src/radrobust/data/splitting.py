"""Splitting a study's films into train, val and test."""

from __future__ import annotations

import hashlib
from collections import Counter

import pandas as pd

from radrobust.errors import InputError

SPLITS = ("train", "val", "test")


def split(table: pd.DataFrame, val: float, test: float, seed: int) -> pd.Series[str]:
    """Assign every film to train, val or test, stratified by class.

    Films of one group stay together, even where they are labelled differently. Groups are ranked
    by a hash of the seed and their name and fill test, then val, with ``round(share * n)`` films
    of each class; a group that does not fit is passed over. The order of rows has no influence.

    Parameters
    ----------
    table : DataFrame
        One row a film; columns ``group`` (str) and ``label`` (0 or 1).
    val, test : float
        Shares of each class, 0 to 1; the rest trains.
    seed : int
        Another seed, another split.

    Returns
    -------
    Series of str
        ``train``, ``val`` or ``test``, indexed as `table`.

    Raises
    ------
    InputError
        A split would be without films of one of the classes.
    """
    sizes = Counter(int(label) for label in table["label"])
    room = {
        name: {label: round(share * sizes[label]) for label in (0, 1)}
        for name, share in (("test", test), ("val", val))
    }
    units: dict[str, Counter[int]] = {}
    for group, label in zip(table["group"], table["label"], strict=True):
        units.setdefault(str(group), Counter())[int(label)] += 1
    chosen = {}
    for group in sorted(units, key=lambda group: _rank(seed, group)):
        chosen[group] = "train"
        for name, left in room.items():
            if all(count <= left[label] for label, count in units[group].items()):
                for label, count in units[group].items():
                    left[label] -= count
                chosen[group] = name
                break
    splits = table["group"].map(chosen).astype(str).rename("split")
    _check(splits, table["label"], sizes, {"val": val, "test": test})
    return splits


def _rank(seed: int, group: str) -> bytes:
    return hashlib.sha256(f"{seed} {group}".encode()).digest()


def _check(
    splits: pd.Series[str],
    labels: pd.Series[int],
    sizes: Counter[int],
    shares: dict[str, float],
) -> None:
    filled = set(zip(splits, labels, strict=True))
    for name in SPLITS:
        for label in (0, 1):
            if (name, label) not in filled:
                share = shares.get(name, 1 - sum(shares.values()))
                raise InputError(
                    f"split: {name}, {share:.3g} of {sizes[label]} films with label {label}, is "
                    "left without any; raise its share or add films of that class"
                )
