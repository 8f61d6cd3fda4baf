"""Stage read: from a dataset to `results/films`, once for all ways of splitting it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.files import replacing
from radrobust.core.params import Params
from radrobust.core.seeds import derive_seed
from radrobust.core.tables import data as tables
from radrobust.data import samples
from radrobust.data.datasets.registry import Dataset, Film, get_dataset, locate
from radrobust.data.reading import read_films


def read(params: Params) -> None:
    """Decode a study's films and fit them into square frames.

    Writes the folder ``results/films``. A film that cannot be read is left out and listed. A run
    that is killed goes on where it was.

    Raises
    ------
    InputError
        The dataset is unknown or is not here, or no film of one of the classes can be read.
    """
    dataset = get_dataset(params.dataset.name)
    place = locate(dataset)
    dataset = dataset.of(params, place)
    films = choose(dataset.films(params, place), params)
    unfinished = paths.RESUME / "films"
    read_films(films, params.dataset.image_size, unfinished)
    table, unreadable = (
        pd.read_parquet(unfinished / one.path.name) for one in (tables.FILMS, tables.UNREADABLE)
    )
    _check(dataset, table, unreadable)
    _write_dataset(dataset, unfinished / samples.DATASET)
    with replacing(paths.FILMS) as draft:
        unfinished.rename(draft)
    size = params.dataset.image_size
    print(
        f"{dataset.title}: {len(table)} films of {size}×{size} pixels, "
        f"{table['truncated'].sum()} from truncated files, {len(unreadable)} unreadable and left "
        "out"
    )


def choose(films: Sequence[Film], params: Params) -> Sequence[Film]:
    """Return the films that a study is of: all, or as many without the finding as are asked for.

    Those that stay are drawn by a hash of the seed and their names.
    """
    if params.dataset.balance == "none":
        return films
    absent = sorted(
        (film.sample_id for film in films if film.label == 0),
        key=lambda name: derive_seed(params.seed, "undersample", name),
    )
    left_out = set(absent[params.dataset.negatives :])
    return [film for film in films if film.sample_id not in left_out]


def _check(dataset: Dataset, table: pd.DataFrame, unreadable: pd.DataFrame) -> None:
    for label, name in enumerate(dataset.classes):
        if not (table["label"] == label).any():
            failed = unreadable[unreadable["label"] == label]
            found = "there is none"
            if len(failed):
                found = f"the first, {failed['sample_id'].iloc[0]}: {failed['fault'].iloc[0]}"
            raise InputError(
                f"{dataset.name}: no film of class {name!r} can be read; both classes are needed "
                f"({found})"
            )


def _write_dataset(dataset: Dataset, path: Path) -> None:
    fields = ("name", "title", "classes", "licence", "source", "citation", "finding")
    facts = {field: getattr(dataset, field) for field in fields}
    path.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
