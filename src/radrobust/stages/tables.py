"""Stage tables: everything that the pages show, as CSV and Parquet for whoever reads on."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from radrobust.core import paths
from radrobust.core.files import replacing
from radrobust.core.params import Params
from radrobust.core.tables.published import OF_SYSTEMS, PUBLISHED
from radrobust.core.tables.schema import Table

README = "README.txt"
WIDTH = 100

PREAMBLE = """\
Tables of a radrobust study, each as NAME.csv and, with the types of its columns, as NAME.parquet.
A field that is empty in a CSV, or NaN, is undefined. Lists are written as JSON in a CSV.

Nothing in them is derived from a patient's identifier, name or birth date. A patient is a running
number. A sample is named by its path, or by a number where the path held one of these. Which number
stands for whom is known only where the radiographs are kept. Not looked at: labels and subgroups,
which are published as the owner of the radiographs wrote them, and what the images themselves show.
"""


def tables(params: Params) -> None:
    """Write `results/tables`: the samples, what was said of each, where maps look, every figure.

    Raises
    ------
    InputError
        A stage before has not been run.
    """
    with replacing(paths.TABLES) as folder:
        folder.mkdir()
        for table in PUBLISHED:
            rows = table.read_all(params.systems) if table in OF_SYSTEMS else table.read()
            rows.to_parquet(folder / f"{table.name}.parquet", index=False)
            _flat(rows).to_csv(folder / f"{table.name}.csv", index=False)
        (folder / README).write_text(readme(PUBLISHED), encoding="utf-8")
    print(f"{len(PUBLISHED)} tables in {paths.TABLES}")


def readme(declared: Sequence[Table]) -> str:
    """Tell in plain text what the rows and columns of tables are."""
    return "\n\n".join([PREAMBLE, *map(_described, declared)]) + "\n"


def _described(table: Table) -> str:
    columns = [(column.name, f"{column.meaning} ({column.dtype})") for column in table.columns]
    if table.more:
        columns.append((f"{table.more}NAME", "of the subgroup NAME; empty where nothing is said"))
    width = max(len(name) for name, _ in columns) + 2
    lines = [table.name, "=" * len(table.name), *textwrap.wrap(f"One row: {table.row}.", WIDTH)]
    for name, meaning in columns:
        first = f"  {name.ljust(width)}"
        lines += textwrap.wrap(
            meaning, WIDTH, initial_indent=first, subsequent_indent=" " * len(first)
        )
    return "\n".join(lines)


def _flat(table: pd.DataFrame) -> pd.DataFrame:
    """Write lists as JSON, which a CSV has no other way to hold."""
    nested = [
        name
        for name in table
        if table[name].map(lambda value: isinstance(value, list | np.ndarray)).any()
    ]
    return table.assign(**{str(name): table[name].map(_json) for name in nested})


def _json(value: Any) -> str:
    return json.dumps(value, default=lambda array: array.tolist())
