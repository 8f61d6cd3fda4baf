"""Finished parts of long work, each written whole, so that a killed run goes on after the last."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from radrobust.core.files import replacing


class Shards:
    """Tables kept until all of them are there.

    Parameters
    ----------
    folder : Path
        Where to keep them. What lies there and belongs to other work is removed.
    work : sequence of object
        All that the tables depend on, printable or bytes.
    """

    def __init__(self, folder: Path, *work: object) -> None:
        digest = hashlib.sha256()
        for part in work:
            digest.update(part if isinstance(part, bytes) else repr(part).encode())
            digest.update(b"\x1f")
        self._folder = folder / digest.hexdigest()[:16]
        self._parent = folder
        for other in folder.glob("*"):
            if other != self._folder:
                shutil.rmtree(other)

    def table(self, name: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """Return the table of that name; make it if it is not there yet.

        Parameters
        ----------
        name : str
            Of the part, unique in this work.
        make : callable
            Computes the table.
        """
        name = hashlib.sha256(name.encode()).hexdigest()[:16]
        file = self._folder / f"{name}.parquet"
        if file.is_file():
            return pd.read_parquet(file)
        table = make()
        with replacing(file) as draft:
            table.to_parquet(draft, index=False)
        return table

    def discard(self) -> None:
        """Remove all tables, once the whole is written elsewhere."""
        shutil.rmtree(self._parent, ignore_errors=True)
