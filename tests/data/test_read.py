"""Many films at once: the stage read, and what it does when it is stopped or meets bad films."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.params import Params
from radrobust.core.tables import data as tables
from radrobust.data import reading, samples
from radrobust.data.datasets.fracatlas import FOLDERS, FracAtlasFilm, read_folder
from radrobust.data.datasets.phantom_dataset import PhantomFilm
from radrobust.data.datasets.registry import Film
from radrobust.data.importing import import_dataset
from radrobust.data.reading import read_films
from radrobust.stages.read import choose, read

Build = Callable[..., Params]
FRACATLAS = {"name": "fracatlas", "image_size": 32}
TABLES = (tables.FILMS, tables.UNREADABLE)
FILES = {
    samples.IMAGES,
    samples.MASKS,
    samples.THUMBNAILS,
    *(table.path.name for table in TABLES),
}


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few films be enough for two processes and for more than one part."""
    monkeypatch.setattr(reading, "CHUNK", 4)
    monkeypatch.setattr(reading, "PART", 6)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty study as working directory."""
    folder = tmp_path / "study"
    (folder / "sources").mkdir(parents=True)
    (folder / "sources" / "fracatlas").symlink_to("../data/fracatlas")
    monkeypatch.chdir(folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def films_in(folder: Path) -> pd.DataFrame:
    """What is said of the films that were read; both tables are as they are declared."""
    films, unreadable = (pd.read_parquet(folder / table.path.name) for table in TABLES)
    pd.testing.assert_frame_equal(films, tables.FILMS.checked(films))
    pd.testing.assert_frame_equal(unreadable, tables.UNREADABLE.checked(unreadable))
    return films


# --- Reading films ------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_chunks")
def test_films_are_the_same_whatever_the_number_of_processes(drawn: Path, tmp_path: Path) -> None:
    films = read_folder(drawn)
    read_films(films, 16, tmp_path / "one", 1)
    read_films(films, 16, tmp_path / "two", 2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert contents(tmp_path / "one").keys() == FILES
    table = films_in(tmp_path / "one")
    assert table["sample_id"].tolist() == [film.sample_id for film in films]
    assert not table.isna().any().any()
    assert (table["regions"] == table["boxes"].map(len)).all()
    assert (table["file_bytes"] == [film.path.stat().st_size for film in films]).all()
    masks = np.load(tmp_path / "one" / samples.MASKS)
    assert masks.any(axis=(1, 2)).tolist() == [film.label == 1 for film in films]
    images = np.load(tmp_path / "one" / samples.IMAGES, mmap_mode="r")
    assert images.shape == (28, 16, 16) and images.dtype == np.uint8
    thumbnails = np.load(tmp_path / "one" / samples.THUMBNAILS)
    assert thumbnails.shape == (28, samples.THUMBNAIL, samples.THUMBNAIL)
    means = [np.asarray(Image.open(film.path).convert("L")).mean() for film in films]
    np.testing.assert_allclose(table["mean_grey"], means, atol=1)
    np.testing.assert_allclose(thumbnails.mean(axis=(1, 2)), means, atol=3)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("bad", [[0], [27], [0, 1, 2, 3, 4, 5, 6, 7], [3, 9, 20]])
def test_films_that_cannot_be_read_are_left_out_and_listed(
    drawn: Path, tmp_path: Path, workers: int, bad: list[int]
) -> None:
    films = read_folder(drawn)
    read_films(films, 16, tmp_path / "whole", 1)
    for index in bad:
        films[index].path.write_bytes(b"no picture")
    read_films(films, 16, tmp_path / "rest", workers)
    unreadable = pd.read_parquet(tmp_path / "rest" / tables.UNREADABLE.path.name)
    assert unreadable["sample_id"].tolist() == [films[index].sample_id for index in bad]
    assert unreadable["label"].tolist() == [films[index].label for index in bad]
    assert unreadable["fault"].str.startswith("the file cannot be read as an image").all()
    good = [index for index in range(28) if index not in bad]
    for name in (samples.IMAGES, samples.MASKS, samples.THUMBNAILS):
        whole, rest = np.load(tmp_path / "whole" / name), np.load(tmp_path / "rest" / name)
        np.testing.assert_array_equal(rest, whole[good])
    expected = films_in(tmp_path / "whole").iloc[good].reset_index(drop=True)
    pd.testing.assert_frame_equal(films_in(tmp_path / "rest"), expected)


def test_equal_pixels_are_one_picture_whatever_the_files_differ_in(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    grey = Image.fromarray(rng.integers(0, 256, (12, 20), dtype=np.uint8))
    films = []
    for name, picture in (
        ("grey.png", grey),
        ("colour.png", grey.convert("RGB")),
        ("wide.png", Image.fromarray(np.asarray(grey).reshape(6, 40))),
    ):
        picture.save(tmp_path / name)
        films.append(FracAtlasFilm(tmp_path / name, 0, {}, None, ()))
    read_films(films, 16, tmp_path / "read", 1)
    same, as_well, other = films_in(tmp_path / "read")["picture"]
    assert same == as_well != other


# --- Stopped and gone on with --------------------------------------------------------------------


class Stopped(Exception):
    """What a test ends a run with."""


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("stop", [1, 6, 7, 17])
def test_a_stopped_run_goes_on_to_the_same_files(
    drawn: Path, tmp_path: Path, stop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    films = read_folder(drawn)
    films[2].path.write_bytes(b"no picture")
    read_films(films, 16, tmp_path / "whole", 1)
    read_count, plain = [0], reading.fit

    def stopping(film: Film, size: int) -> Any:
        read_count[0] += 1
        if read_count[0] == stop:
            raise Stopped
        return plain(film, size)

    monkeypatch.setattr(reading, "fit", stopping)
    with pytest.raises(Stopped):
        read_films(films, 16, tmp_path / "stopped", 1)
    first = read_count[0]
    read_films(films, 16, tmp_path / "stopped", 1)
    # What was not yet a whole part of six, of whole chunks of four, is read again, nothing else.
    assert read_count[0] - first == 28 - (stop - 1) // 4 * 4 // 6 * 6
    assert contents(tmp_path / "stopped") == contents(tmp_path / "whole")


@pytest.mark.usefixtures("small_chunks")
def test_what_was_begun_with_other_films_is_not_gone_on_with(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films = read_folder(drawn)
    plain = reading.fit

    def stopping(film: Film, size: int) -> Any:
        if film.sample_id == "IMG0000020":
            raise Stopped
        return plain(film, size)

    monkeypatch.setattr(reading, "fit", stopping)
    with pytest.raises(Stopped):
        read_films(films, 16, tmp_path / "read", 1)
    monkeypatch.setattr(reading, "fit", plain)
    Image.fromarray(np.full((48, 40), 7, np.uint8)).save(films[0].path)
    read_films(films, 16, tmp_path / "read", 1)
    read_films(films, 16, tmp_path / "anew", 1)
    assert contents(tmp_path / "read") == contents(tmp_path / "anew")


@pytest.mark.slow
def test_a_killed_process_loses_one_part(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from radrobust.data import reading\n"
        "from radrobust.data.datasets.phantom_dataset import PhantomFilm\n"
        "reading.PART = 16\n"
        "films = [PhantomFilm(5, n, 0.4) for n in range(160)]\n"
        "if __name__ == '__main__': reading.read_films(films, 32, Path(sys.argv[1]), 2)\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    folder = tmp_path / "killed"
    running = subprocess.Popen([sys.executable, script, folder], start_new_session=True)
    while running.poll() is None and len(list(folder.glob("part-*"))) < 3:
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    kept = len(list(folder.glob("part-*")))
    assert 3 <= kept < 10
    subprocess.run([sys.executable, script, folder], check=True)
    films = [PhantomFilm(5, index, 0.4) for index in range(160)]
    read_films(films, 32, tmp_path / "whole", 1)
    assert contents(folder) == contents(tmp_path / "whole")


# --- The stage ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("study")
def test_the_phantom_is_read_with_nothing_run_first(
    params: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    read(params())
    assert contents(paths.FILMS).keys() == FILES | {samples.DATASET}
    assert [path.name for path in paths.RESULTS.iterdir() if any(path.iterdir())] == ["films"]
    assert "24 films of 32×32 pixels, 0 from truncated files, 0 unreadable" in (
        capsys.readouterr().out
    )


@pytest.mark.usefixtures("study")
def test_a_class_without_readable_films_is_told_of_and_leaves_what_was_there(
    params: Build, drawn: Path
) -> None:
    read(params())
    before = contents(paths.FILMS)
    import_dataset("fracatlas", drawn, Path("cache"))
    for file in (paths.DATA / "fracatlas" / FOLDERS[1]).glob("*.jpg"):
        file.write_bytes(b"no picture")
    message = r"no film of class 'fracture' can be read; both .* \(the first, IMG0000014: the fi"
    with pytest.raises(InputError, match=message):
        read(params(dataset=FRACATLAS))
    assert contents(paths.FILMS) == before


@pytest.mark.usefixtures("study")
def test_a_dataset_that_is_not_here_is_told_of(params: Build) -> None:
    with pytest.raises(InputError, match=r"data/fracatlas is not here; run `radrobust data frac"):
        read(params(dataset=FRACATLAS))
    with pytest.raises(InputError, match=r"dataset\.name: dataset 'phantm' does not exist; did"):
        read(params(dataset={"name": "phantm", "image_size": 32}))
    assert not paths.RESULTS.exists()


# --- Fewer films without the finding --------------------------------------------------------------


def test_undersampling_keeps_every_finding_and_so_many_others(params: Build) -> None:
    films = [PhantomFilm(1, index, 0.3) for index in range(200)]
    absent = [film for film in films if film.label == 0]
    asked = {"name": "phantom", "image_size": 32, "balance": "undersample", "negatives": 50}
    kept = choose(films, params(dataset=asked))
    assert [film for film in kept if film.label == 1] == [f for f in films if f.label == 1]
    assert sum(film.label == 0 for film in kept) == 50 < len(absent)
    more = choose(films, params(dataset=asked | {"negatives": 60}))
    assert {film.sample_id for film in kept} < {film.sample_id for film in more}
    assert choose(films, params(dataset=asked | {"negatives": 500})) == films
    assert choose(films, params()) == films
    assert choose(films, params(seed=21, dataset=asked)) != kept


def test_a_film_is_labelled_as_it_is_drawn() -> None:
    films = [PhantomFilm(1, index, 0.3) for index in range(12)]
    assert [film.label for film in films] == [film.read().label for film in films]


def test_what_lay_in_the_folder_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "read").mkdir()
    (tmp_path / "read" / "images.npy").write_bytes(b"of something else")
    read_films([PhantomFilm(1, 0, 0.3)], 16, tmp_path / "read", 1)
    assert len(np.load(tmp_path / "read" / samples.IMAGES)) == 1
