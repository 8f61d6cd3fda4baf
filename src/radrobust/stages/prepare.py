"""Stage prepare: which films stay together, and which train, validate and test."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.files import replacing
from radrobust.core.params import Params
from radrobust.core.tables import data as tables
from radrobust.data.splitting import SPLITS, group, read_splits, split


def prepare(params: Params) -> None:
    """Split a study's films.

    Writes the folder ``results/samples``. Digests of pictures stay behind: they have told which
    films are copies, and would tell anybody whether a film that he has is among these.

    Raises
    ------
    InputError
        The films have not been read or audited, `split.source` cannot be used, or there are too
        few films to be split.
    """
    table = tables.FILMS.read().drop(columns="picture")
    table["group"] = group(table, tables.PAIRS.read())
    fixed = fixed_splits(table, params.split.source)
    splits = split(table, params.split.val, params.split.test, params.seed, fixed)
    table["split"] = splits
    with replacing(paths.SAMPLES) as folder:
        folder.mkdir()
        tables.SAMPLES.write(table, folder)
    print(_summary(table))


def fixed_splits(table: pd.DataFrame, source: str) -> dict[str, str]:
    """Return the split of each film for which it is not to be drawn.

    Parameters
    ----------
    table : DataFrame
        One row a film; columns ``sample_id`` and ``official``.
    source : str
        As `split.source` in `params.yaml`.

    Raises
    ------
    InputError
        There is no official split, or none of the films that the CSV file names is here.
    """
    if source == "drawn":
        return {}
    if source == "official":
        known = table[table["official"] != ""]
        if known.empty:
            raise InputError(
                "split.source is official, but the dataset has no split of its own; set it to drawn"
            )
        return dict(zip(known["sample_id"], known["official"], strict=True))
    file = paths.SPLITS / source
    splits = read_splits(file)
    absent = sorted(splits.keys() - set(table["sample_id"]))
    if len(absent) == len(splits):
        one = table["sample_id"].iloc[0]
        raise InputError(f"{file} names no film of this study; one of them is {one}")
    if absent:
        print(f"{file}: {len(absent)} of {len(splits)} names are of no film here ({absent[0]}, …)")
    return splits


def _summary(table: pd.DataFrame) -> str:
    def classes(name: str) -> str:
        counts = Counter(table.loc[table["split"] == name, "label"])
        return f"{name} {counts[1]} with the finding, {counts[0]} without"

    sizes = table["group"].value_counts()
    together = f"{(sizes > 1).sum()} groups of films that stay together"
    return f"{len(table)} films, {together}: {'; '.join(map(classes, SPLITS))}"
