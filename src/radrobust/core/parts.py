"""Finished parts of long work, each written whole, so that a killed run goes on after the last."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from radrobust.core.files import replacing

_TABLE = "table.parquet"
_WORKERS = "workers"


@dataclass(frozen=True)
class Part:
    """What one unit of work ends in.

    Attributes
    ----------
    table : DataFrame
        Its rows.
    arrays : mapping of str to ndarray
        What belongs to the unit and is too large for a table's cell.
    """

    table: pd.DataFrame
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write it to a folder that is not there yet."""
        with replacing(folder) as draft:
            draft.mkdir()
            self.table.to_parquet(draft / _TABLE, index=False)
            for name, array in self.arrays.items():
                np.save(draft / f"{name}.npy", array, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Part:
        """Read it from a folder."""
        files = sorted(folder.glob("*.npy"))
        arrays = {file.stem: np.load(file, allow_pickle=False) for file in files}
        return cls(pd.read_parquet(folder / _TABLE), arrays)

    @classmethod
    def together(cls, parts: list[Part]) -> Part:
        """Put parts of like columns and arrays one below the other."""
        tables = [part.table for part in parts]
        arrays = {
            name: np.concatenate([part.arrays[name] for part in parts]) for name in parts[0].arrays
        }
        return cls(pd.concat(tables, ignore_index=True), arrays)


class Parts:
    """The parts of one piece of work, kept until all of them are there.

    Several workers may be at the same work: a part is claimed before it is made, and whoever comes
    second waits and takes what the first has made. A worker that is killed leaves its claim to the
    others.

    Parameters
    ----------
    folder : Path
        Where the parts of this work and of its like are kept.
    *work : object
        All that the parts depend on, printable or bytes: the program's version, weights, images,
        parameters. Parts of other work are never read.
    """

    def __init__(self, folder: Path, *work: object) -> None:
        digest = hashlib.sha256()
        for part in work:
            digest.update(part if isinstance(part, bytes) else repr(part).encode())
            digest.update(b"\x1f")
        self._all = folder
        self._folder = folder / digest.hexdigest()[:16]

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Be a worker within the block; when it ends well, leave nothing that nobody works on.

        That are these parts, unless another worker still needs them, and those of other versions
        of the work.
        """
        workers = self._folder / _WORKERS
        self._all.parent.mkdir(parents=True, exist_ok=True)
        # One comes or goes at a time: whoever clears up must not meet somebody who has just begun.
        door = FileLock(self._all.with_suffix(".lock"))
        with contextlib.ExitStack() as working:
            with door:
                workers.mkdir(parents=True, exist_ok=True)
                working.enter_context(FileLock(workers / _own_name()))
            yield
        with door:
            for folder in self._all.glob("*"):
                if not _worked_on(folder):
                    shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):  # somebody is still at work
                self._all.rmdir()

    def get(self, name: str, make: Callable[[], Part]) -> Part:
        """Return the part of that name; make it if it is not there yet.

        Parameters
        ----------
        name : str
            Of the part, unique in this work.
        make : callable
            Computes the part.
        """
        folder = self._folder / hashlib.sha256(name.encode()).hexdigest()[:16]
        if not folder.is_dir():
            self._folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder.with_suffix(".claim")):
                if not folder.is_dir():
                    make().save(folder)
        return Part.load(folder)


def _own_name() -> str:
    return f"{uuid.uuid4().hex}.lock"


def _worked_on(folder: Path) -> bool:
    """Tell whether a living worker is at the parts in a folder."""
    for file in folder.glob(f"{_WORKERS}/*.lock"):
        try:
            FileLock(file).acquire(timeout=0).lock.release()
        except Timeout:
            return True
    return False
