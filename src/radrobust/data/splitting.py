"""Splitting a study's films into train, val and test, so that nothing leaks and nothing moves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from radrobust.core.errors import InputError
from radrobust.core.seeds import derive_seed

SPLITS = ("train", "val", "test")
"""Where a film may be; a group whose films were put apart goes to the first of theirs, so that
nothing that was learnt from is tested."""


def group(table: pd.DataFrame, pairs: pd.DataFrame) -> pd.Series[str]:
    """Say which films must stay together.

    They are those of one patient, those that show the same picture, and those that are nearly
    the same; and, one through the other, all that hang together so.

    Parameters
    ----------
    table : DataFrame
        One row a film; columns ``sample_id`` and ``patient`` (empty where it is not known).
    pairs : DataFrame
        Two films a row that must stay together: columns ``one`` and ``other``, names of films.

    Returns
    -------
    Series of str
        The name of each film's group, indexed as `table`: the first in the alphabet of the names
        of its films.
    """
    names = table["sample_id"].astype(str)
    position = pd.Series(range(len(names)), index=names)
    known = table["patient"].to_numpy()
    order = np.argsort(known, kind="stable")
    same = (known[order[1:]] == known[order[:-1]]) & (known[order[1:]] != "")
    ends = (
        np.concatenate([position[pairs["one"]], order[:-1][same]]),
        np.concatenate([position[pairs["other"]], order[1:][same]]),
    )
    graph = coo_array((np.ones(len(ends[0])), ends), shape=(len(names), len(names)))
    _, member = connected_components(graph, directed=False)
    return names.groupby(member).transform("min").rename("group")


def split(
    table: pd.DataFrame, val: float, test: float, seed: int, fixed: Mapping[str, str]
) -> pd.Series[str]:
    """Assign every film to train, val or test.

    A hash of the seed and a group's name is a number from 0 to 1: under `test` its films are for
    testing, under ``test + val`` for validation, above for training. Each class, and each subgroup,
    is so divided in the same shares up to the luck of the draw; and where a film falls depends on
    no film outside its group, so that adding films moves none of another group. (Shares that are
    met exactly would move some: a rule that gives a film the same place whatever films are added
    can look at nothing but that film.) A film that joins a group moves it where it comes first in
    it, since the group has its name then.

    Parameters
    ----------
    table : DataFrame
        One row a film; columns ``sample_id``, ``group`` and ``label`` (0 or 1).
    val, test : float
        Expected shares of each class, 0 to 1; the rest trains.
    seed : int
        Another seed, another split.
    fixed : mapping of str to str
        The split of films, by name, that somebody else has decided. A group goes where its
        films were put; where they were put apart, all train, or else all validate.

    Returns
    -------
    Series of str
        ``train``, ``val`` or ``test``, indexed as `table`.

    Raises
    ------
    InputError
        A split would be without films of one of the classes.
    """
    names = table["group"].astype(str)
    places = {name: _place(derive_seed(seed, "split", name) / 2**63, val, test) for name in names}
    decided = table["sample_id"].map(fixed).dropna()
    for name, found in decided.groupby(names[decided.index]):
        places[str(name)] = min(found, key=SPLITS.index)
    splits = names.map(places).astype(str).rename("split")
    _check(splits, table["label"])
    return splits


def _place(draw: float, val: float, test: float) -> str:
    if draw < test:
        return "test"
    return "val" if draw < test + val else "train"


def _check(splits: pd.Series[str], labels: pd.Series[int]) -> None:
    filled = set(zip(splits, labels, strict=True))
    for name in SPLITS:
        for label in (0, 1):
            if (name, label) not in filled:
                raise InputError(
                    f"split: of {(labels == label).sum()} films with label {label} none is in "
                    f"{name}; raise its share, add films of that class or take another seed"
                )


def read_splits(file: Path) -> dict[str, str]:
    """Read a split that somebody else has decided.

    Parameters
    ----------
    file : Path
        A CSV table with columns ``sample_id`` and ``split`` (train, val or test).

    Returns
    -------
    dict of str to str
        The split of each film that is named.

    Raises
    ------
    InputError
        The file is missing, is no such table, or puts a film in two splits.
    """
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(
            f"{file} is not here; split.source is drawn, official, or the name of a CSV file in "
            f"{file.parent}"
        ) from None
    except (ValueError, OSError) as error:  # what pandas raises on broken tables are ValueErrors
        raise InputError(f"{file} is not a CSV table: {' '.join(str(error).split())}") from None
    for column in ("sample_id", "split"):
        if column not in table:
            raise InputError(f"{file} lacks column {column}; it needs sample_id and split")
    splits: dict[str, str] = {}
    for line, (name, place) in enumerate(zip(table["sample_id"], table["split"], strict=True), 2):
        if place not in SPLITS:
            raise InputError(f"{file}, line {line}: split is {place!r}, not train, val or test")
        if splits.setdefault(name, place) != place:
            raise InputError(
                f"{file}, line {line}: {name} is in {splits[name]} too; a film has one split"
            )
    return splits
