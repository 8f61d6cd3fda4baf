"""From films to arrays of square frames, thousands at once, in parallel and in bounded memory."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from radrobust.core import program
from radrobust.core.files import replacing
from radrobust.core.progress import progress
from radrobust.core.tables import data as tables
from radrobust.data import samples
from radrobust.data.datasets.registry import Film
from radrobust.data.fitting import Row, Unreadable, fit

CHUNK = 32
"""Films handed to a process at a time: enough to hide the handing over, few enough to share out."""

AHEAD = 8
"""Chunks that are handed out for each process before the first of them is asked for."""

PART = 1024
"""Films after which what was read is kept for good: a run that is killed loses no more."""

Outcome = Row | Unreadable
_Task = tuple[Sequence[Film], int, int, Path]


def read_films(films: Sequence[Film], size: int, folder: Path, workers: int | None = None) -> None:
    """Decode films in parallel, fit them into square frames and write these to files.

    Pixels go from the processes that decode them straight to the files, so that memory holds a
    few films however many there are. What has been read is kept in `folder` when a run is killed,
    and the next one goes on from there if films and size are the same; else it begins anew.

    Parameters
    ----------
    films : sequence of Film
        In the order that they shall have.
    size : int
        Side of the frames in pixels, S.
    folder : Path
        Where to write ``images.npy`` (N×S×S, uint8), ``masks.npy`` (N×S×S, bool, False where
        nothing is known), ``thumbnails.npy`` (N×48×48, uint8: the film stretched over the whole
        square, the same for every size), ``films.parquet`` (a `Row` a film) and
        ``unreadable.parquet`` (an `Unreadable` a film that is left out of all others).
    workers : int, optional
        Processes; as many as there are processors by default. The result does not depend on it.
    """
    journal = _Journal(folder, _work(films, size), len(films), size)
    outcomes = _outcomes(films, journal.done, size, folder, workers or os.cpu_count() or 1)
    with progress(len(films), "film", "films", initial=journal.done) as bar:
        for outcome in outcomes:
            journal.add(outcome)
            bar.update()
    journal.finish()


def _work(films: Sequence[Film], size: int) -> str:
    """Return a digest of size and films, their files included as far as the file system tells.

    And of the program that reads them, and of when the machine was started: pixels that it had not
    yet written to the disk when it went down are lost, and nobody would notice.
    """
    readers = sorted({type(film).__module__ for film in films})
    about = size, psutil.boot_time(), program.version(__name__, *readers)
    digest = hashlib.sha256(repr(about).encode())
    for film in films:
        digest.update(repr(film).encode())
        if film.path is not None and film.path.exists():
            found = film.path.stat()
            digest.update(f" {found.st_size} {found.st_mtime_ns}".encode())
    return digest.hexdigest()


def _create_arrays(folder: Path, count: int, size: int) -> None:
    """Create files of zeros, which take no room on the disk until something is written."""
    small = samples.THUMBNAIL
    open_memmap(folder / samples.IMAGES, "w+", np.uint8, (count, size, size))
    open_memmap(folder / samples.MASKS, "w+", np.bool_, (count, size, size))
    open_memmap(folder / samples.THUMBNAILS, "w+", np.uint8, (count, small, small))


def _open_arrays(folder: Path) -> list[NDArray[Any]]:
    names = (samples.IMAGES, samples.MASKS, samples.THUMBNAILS)
    return [open_memmap(folder / name, "r+") for name in names]


# --- What is kept ----------------------------------------------------------------------------


class _Journal:
    """What has been read so far, in parts, of which each was written whole."""

    def __init__(self, folder: Path, work: str, count: int, size: int) -> None:
        self._folder = folder
        stamp = folder / "work"
        if not stamp.is_file() or stamp.read_text() != work:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _create_arrays(folder, count, size)
            with replacing(stamp) as draft:
                draft.write_text(work)
        for leftover in folder.glob(".*"):  # of a part that a killed run was writing
            shutil.rmtree(leftover)
        self._parts = sorted(folder.glob("part-*.parquet"))
        self.done = sum(len(pd.read_parquet(part, columns=["fault"])) for part in self._parts)
        self._new: list[Outcome] = []

    def add(self, outcome: Outcome) -> None:
        self._new.append(outcome)
        if len(self._new) == PART:
            self._keep()

    def _keep(self) -> None:
        part = self._folder / f"part-{len(self._parts):06d}.parquet"
        with replacing(part) as draft:
            _tabulate(self._new).to_parquet(draft, index=False)
        self._parts.append(part)
        self._new = []

    def finish(self) -> None:
        """Put the parts together and take out what could not be read."""
        self._keep()
        parts = [pd.read_parquet(part) for part in self._parts]
        table = pd.concat([part for part in parts if len(part)], ignore_index=True)
        failed = table["fault"] != ""
        subgroups = [name for name in table if str(name).startswith(tables.FILMS.more)]
        unreadable = table.loc[failed, tables.UNREADABLE.names]
        good = table.loc[~failed].reindex(columns=[*tables.FILMS.names, *subgroups])
        tables.UNREADABLE.write(unreadable.astype(tables.UNREADABLE.dtypes), self._folder)
        tables.FILMS.write(good, self._folder)
        if failed.any():
            _take_out(self._folder, np.flatnonzero(~failed))
        for leftover in (*self._parts, self._folder / "work"):
            leftover.unlink()


def _tabulate(outcomes: Iterable[Outcome]) -> pd.DataFrame:
    """Rows of both kinds; the column ``fault`` is empty for films that were read."""
    records = [
        outcome._asdict() if isinstance(outcome, Unreadable) else _record(outcome) | {"fault": ""}
        for outcome in outcomes
    ]
    return pd.DataFrame(records, columns=None if records else tables.UNREADABLE.names)


def _record(row: Row) -> dict[str, object]:
    record = asdict(row)
    subgroups: dict[str, str] = record.pop("subgroups")
    return record | {f"subgroup_{name}": value for name, value in subgroups.items()}


def _take_out(folder: Path, kept: NDArray[np.intp]) -> None:
    """Leave in the arrays nothing but the films in these places."""
    for name in (samples.IMAGES, samples.MASKS, samples.THUMBNAILS):
        array = open_memmap(folder / name, "r")
        with replacing(folder / name) as draft:
            rest = open_memmap(draft, "w+", array.dtype, (len(kept), *array.shape[1:]))
            for start in range(0, len(kept), CHUNK):
                rest[start : start + CHUNK] = array[kept[start : start + CHUNK]]
            del rest


# --- Processes -------------------------------------------------------------------------------


def _outcomes(
    films: Sequence[Film], start: int, size: int, folder: Path, workers: int
) -> Iterator[Outcome]:
    """Begin to read, and return what comes of each film, in order; few take no further process."""
    tasks = deque(
        (films[place : place + CHUNK], place, size, folder)
        for place in range(start, len(films), CHUNK)
    )
    workers = min(workers, len(tasks))
    if workers <= 1:
        return (outcome for task in tasks for outcome in _read_chunk(*task))
    pool = ProcessPoolExecutor(workers, _context())
    ahead = [tasks.popleft() for _ in range(min(AHEAD * workers, len(tasks)))]
    # Processes are started here, before there is a progress bar and with it a thread.
    return _collect(pool, deque(pool.submit(_read_chunk, *task) for task in ahead), tasks)


def _collect(
    pool: ProcessPoolExecutor, waiting: deque[Future[list[Outcome]]], tasks: deque[_Task]
) -> Iterator[Outcome]:
    """Yield what processes have read, and hand out a further task for each that is done."""
    with pool:
        try:
            while waiting:
                yield from waiting.popleft().result()
                if tasks:
                    waiting.append(pool.submit(_read_chunk, *tasks.popleft()))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _context() -> BaseContext:
    """Fork where that is safe: a fresh interpreter takes as long to start as 500 films to read."""
    alone = sys.platform == "linux" and threading.active_count() == 1
    return multiprocessing.get_context("fork" if alone else "spawn")


def _read_chunk(films: Sequence[Film], start: int, size: int, folder: Path) -> list[Outcome]:
    """Read films and write their pixels to the arrays in `folder`, from place `start` on."""
    images, masks, thumbnails = _open_arrays(folder)
    outcomes: list[Outcome] = []
    for place, film in enumerate(films, start):
        found = fit(film, size)
        if isinstance(found, Unreadable):
            outcomes.append(found)
            continue
        images[place], thumbnails[place] = found.image, found.thumbnail
        if found.mask is not None:
            masks[place] = found.mask
        outcomes.append(found.row)
    return outcomes
