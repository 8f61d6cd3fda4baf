"""What a table declares: where it lies, what a row is, and what each of its columns means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radrobust.core.errors import InputError


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes
    ----------
    name : str
        As in the file.
    dtype : str
        As pandas names it; ``object`` for lists.
    meaning : str
        What a value is, with its unit and range.
    optional : bool
        Whether a value may be missing or undefined: NaN.
    """

    name: str
    dtype: str
    meaning: str
    optional: bool = False


@dataclass(frozen=True, eq=False)  # one is itself alone, and can be a key
class Table:
    """One table.

    Attributes
    ----------
    name : str
        What it is called in downloads.
    path : Path
        Its file, relative to the study's folder; ``{system}`` stands for a system's key.
    row : str
        What a row is of.
    columns : tuple of Column
        In their order.
    key : tuple of str
        Columns whose values no two rows have in common.
    more : str
        Prefix of further columns of text that a table may have, such as ``subgroup_``; or empty.
    """

    name: str
    path: Path
    row: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    more: str = ""

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [column.name for column in self.columns]

    @property
    def dtypes(self) -> dict[str, str]:
        """From the columns' names to their types."""
        return {column.name: column.dtype for column in self.columns}

    def of_rows(self, rows: Iterable[Sequence[object]]) -> pd.DataFrame:
        """Return a table of rows whose values are in the order of the columns; of none too."""
        table = pd.DataFrame(list(rows), columns=self.names)
        return table.astype(self.dtypes)

    def checked(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table, its columns in order and of their types, if it is as declared.

        Raises
        ------
        ValueError
            A column is missing or unknown, a value is missing or not finite that may not be, or a
            key is there twice; the message names the table, the column and the row.
        """
        more = [name for name in table if self.more and str(name).startswith(self.more)]
        unlike = set(table) ^ {*self.names, *more}
        if unlike:
            names = ", ".join(sorted(map(str, unlike)))
            raise ValueError(f"{self.name}: columns that are missing or not declared: {names}")
        for column in self.columns:
            wrong = _undefined(table[column.name])
            if wrong.any() and not column.optional:
                row = table[wrong].iloc[0]
                value = row[column.name]
                raise ValueError(f"{self.name}: {column.name} is {value} of {self._named(row)}")
        if self.key and table.duplicated(list(self.key)).any():
            row = table[table.duplicated(list(self.key))].iloc[0]
            raise ValueError(f"{self.name}: {self._named(row)} is there twice")
        return table[[*self.names, *more]].astype(self.dtypes | dict.fromkeys(more, "str"))

    def write(self, table: pd.DataFrame, folder: Path) -> None:
        """Write a table, if it is as declared, to its file in a folder that is being made."""
        self.checked(table).to_parquet(folder / self.path.name, index=False)

    def file(self, system: str = "") -> Path:
        """Return its file, relative to the study's folder."""
        return Path(str(self.path).format(system=system))

    def read(self, root: Path = Path(), system: str = "") -> pd.DataFrame:
        """Read it.

        Raises
        ------
        InputError
            Nothing has written it yet.
        """
        file = self.file(system)
        if not (root / file).is_file():
            raise InputError(f"{file} is not here; run `dvc repro` first")
        return pd.read_parquet(root / file)

    def read_all(self, systems: Sequence[str], root: Path = Path()) -> pd.DataFrame:
        """Read those of several systems, one below the other."""
        return pd.concat([self.read(root, system) for system in systems], ignore_index=True)

    def _named(self, row: pd.Series[Any]) -> str:
        return ", ".join(f"{name} {row[name]}" for name in self.key)


def _undefined(values: pd.Series[Any]) -> NDArray[np.bool_]:
    """Tell which values are missing, or are no finite numbers."""
    if pd.api.types.is_float_dtype(values.dtype):
        return np.asarray(~np.isfinite(values.to_numpy()))
    return np.asarray(values.isna())


SYSTEM = Column("system", "str", "key of the system, as `radrobust systems` lists them")
SAMPLE = Column("sample_id", "str", "name of the sample")
LABEL = Column("label", "int8", "1 with the finding, 0 without")
"""Columns that many tables have."""
