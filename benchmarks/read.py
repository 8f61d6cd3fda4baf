"""Reading thousands of films: ours in parallel, against a plain loop; and the memory that it takes.

    python benchmarks/read.py ../shared/FracAtlas
    python benchmarks/read.py --memory 100000

The loop is one process of Pillow's: open, to grey, shrink, pad, keep. It looks for no fault, draws
no mask and makes no digest or thumbnail, all of which ours does. Rounds alternate, after one that
is not counted (so that the files are in the system's memory for both).

For memory small films are drawn beforehand, many files by links, and read in a process of its own;
what is printed is the most that it and its workers held at once. Pages of files that the system
keeps for itself are no part of it: nothing is mapped while films are read.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
import psutil
from PIL import Image, ImageFile
from tqdm import tqdm

from radrobust.data.datasets.fracatlas import FracAtlasFilm, read_folder
from radrobust.data.reading import read_films

SIDE = 224
tqdm.monitor_interval = (
    0  # a bar's thread outlives it, and keeps the next round from forking as the
)
# command does, which reads once


def plain(films: Sequence[FracAtlasFilm]) -> np.ndarray:
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    images = np.zeros((len(films), SIDE, SIDE), np.uint8)
    for index, film in enumerate(films):
        picture = Image.open(film.path).convert("L")
        scale = SIDE / max(picture.size)
        width, height = (max(1, round(side * scale)) for side in picture.size)
        small = picture.resize((width, height), Image.Resampling.BOX)
        left, top = (SIDE - width) // 2, (SIDE - height) // 2
        images[index, top : top + height, left : left + width] = small
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    return images


def speed(folder: Path, rounds: int) -> None:
    films = read_folder(folder)
    times: dict[str, list[float]] = {"plain": [], "ours": []}
    with tempfile.TemporaryDirectory() as workroom:
        for number in range(rounds + 1):
            started = time.perf_counter()
            images = plain(films)
            between = time.perf_counter()
            read_films(films, SIDE, Path(workroom) / f"{number}")
            ended = time.perf_counter()
            if number:
                times["plain"].append(between - started)
                times["ours"].append(ended - between)
        ours = np.load(Path(workroom) / "1" / "images.npy")
    apart = np.abs(images.astype(int) - ours[: len(images)]).mean()
    ratios = [one / other for one, other in zip(times["plain"], times["ours"], strict=True)]
    print(
        f"{len(films)} films, {SIDE} px, {os.cpu_count()} cores, medians of {rounds} rounds: plain "
        f"loop {median(times['plain']):.1f} s, ours {median(times['ours']):.1f} s, "
        f"ratio {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}); grey values differ "
        f"by {apart:.2f} of 255 in the mean"
    )


def _read(paths: list[Path], folder: Path) -> None:
    read_films([FracAtlasFilm(path, 0, {}, None, ()) for path in paths], SIDE, folder)


def memory(count: int) -> None:
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as workroom:
        root = Path(workroom)
        for index in range(100):
            film = rng.integers(0, 256, (454, 373), dtype=np.uint8)
            Image.fromarray(film).resize((373, 454)).save(root / f"drawn-{index}.jpg")
        paths = [root / f"film-{index:06d}.jpg" for index in range(count)]
        for index, path in enumerate(paths):
            path.hardlink_to(root / f"drawn-{index % 100}.jpg")
        reading = multiprocessing.get_context("spawn").Process(
            target=_read, args=(paths, root / "read")
        )
        started = time.perf_counter()
        reading.start()
        most, done = [0], threading.Event()

        def watch() -> None:
            while not done.wait(0.2):
                family = [process := psutil.Process(reading.pid), *process.children(recursive=True)]
                most[0] = max(most[0], sum(_own(member) for member in family))

        watcher = threading.Thread(target=watch)
        watcher.start()
        reading.join()
        done.set()
        watcher.join()
    seconds = time.perf_counter() - started
    print(
        f"{count} films, {SIDE} px: {most[0] / 2**30:.2f} GiB at the most, in "
        f"{1 + (os.cpu_count() or 1)} processes together; {count / seconds:.0f} films a second"
    )


def _own(process: psutil.Process) -> int:
    """Memory that is a process's own; what is shared with others is counted in one of them."""
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", help="FracAtlas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int, metavar="FILMS")
    given = parser.parse_args()
    if given.folder:
        speed(given.folder, given.rounds)
    if given.memory:
        memory(given.memory)
