"""Stage prepare: from a dataset to `results/samples`."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.lib.format import open_memmap

from radrobust import paths, samples
from radrobust.data.dataset import Dataset, get_dataset, locate
from radrobust.data.reading import Row, read_films
from radrobust.data.splitting import SPLITS, split
from radrobust.files import replacing
from radrobust.params import Params

COLUMNS = {
    "sample_id": "str",
    "label": "int8",
    "split": "str",
    "group": "str",
    "width": "int32",
    "height": "int32",
    "mode": "str",
    "truncated": "bool",
    "film": "object",  # [x0, y0, x1, y1]
    "regions": "int16",
    "boxes": "object",  # lists of [x0, y0, x1, y1]
    "mask_area": "float32",
    "note": "str",
}
"""Columns of samples.parquet and their types; one ``subgroup_*`` column an attribute follows."""


def prepare(params: Params) -> None:
    """Decode a study's films, fit them into square frames and split them.

    Writes the folder ``results/samples``.

    Raises
    ------
    InputError
        The dataset is unknown, is not here, has a film that cannot be read, or is too small to
        be split.
    """
    dataset = get_dataset(params.dataset.name)
    films = dataset.films(params, locate(dataset))
    size = params.dataset.image_size
    with replacing(paths.SAMPLES) as folder:
        folder.mkdir()
        shape = len(films), size, size
        images = open_memmap(folder / samples.IMAGES, mode="w+", dtype=np.uint8, shape=shape)
        masks = open_memmap(folder / samples.MASKS, mode="w+", dtype=np.bool_, shape=shape)
        table = _tabulate(read_films(films, images, masks))
        del images, masks  # written out and closed before the folder moves
        table["split"] = split(table, params.split.val, params.split.test, params.seed)
        _write_table(table, folder / samples.TABLE)
        _write_dataset(dataset, folder / samples.DATASET)
    print(_summary(dataset, table, size))


def _tabulate(rows: list[Row]) -> pd.DataFrame:
    """Rows as a table without splits; a picture that was labelled both ways is noted."""
    table = pd.DataFrame([_record(row) for row in rows])
    both_ways = table.groupby("group")["label"].transform("nunique") > 1
    for index, sample_id, group in table.loc[both_ways, ["sample_id", "group"]].itertuples():
        twins = table.loc[(table["group"] == group) & (table["sample_id"] != sample_id)]
        fault = f"same picture as {', '.join(twins['sample_id'])}, labelled both ways"
        table.loc[index, "note"] = "; ".join(filter(None, (table.loc[index, "note"], fault)))
    return table


def _record(row: Row) -> dict[str, object]:
    record = asdict(row)
    subgroups: dict[str, str] = record.pop("subgroups")
    record["regions"] = len(row.boxes)
    return record | {f"subgroup_{name}": value for name, value in subgroups.items()}


def _write_table(table: pd.DataFrame, path: Path) -> None:
    subgroups = [column for column in table if str(column).startswith("subgroup_")]
    types = COLUMNS | dict.fromkeys(subgroups, "str")
    table[list(types)].astype(types).to_parquet(path, index=False)


def _write_dataset(dataset: Dataset, path: Path) -> None:
    fields = ("name", "title", "classes", "licence", "source", "citation", "finding")
    facts = {field: getattr(dataset, field) for field in fields}
    path.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _summary(dataset: Dataset, table: pd.DataFrame, size: int) -> str:
    def classes(labels: pd.Series[int]) -> str:
        counts = Counter(labels)
        return ", ".join(f"{counts[label]} {name}" for label, name in enumerate(dataset.classes))

    repeated = int((table["group"].value_counts() > 1).sum())
    splits = "; ".join(
        f"{name} {classes(table.loc[table['split'] == name, 'label'])}" for name in SPLITS
    )
    return (
        f"{dataset.title}: {len(table)} films of {size}×{size} pixels, "
        f"{table['truncated'].sum()} from truncated files, {repeated} pictures more than once, "
        f"{(table['note'] != '').sum()} films with a note\n{splits}"
    )
