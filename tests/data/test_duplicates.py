from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from radrobust.data.datasets.phantom import draw
from radrobust.data.decode.grey import decode
from radrobust.data.duplicates import near_duplicates

Picture = NDArray[np.uint8]
FILMS = 40


def shrunk(image: Picture) -> Picture:
    return np.asarray(Image.fromarray(image).resize((48, 48), Image.Resampling.BOX))


def saved(image: Picture, quality: int) -> Picture:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def resized(image: Picture, across: float, down: float) -> Picture:
    height, width = image.shape
    return np.asarray(Image.fromarray(image).resize((round(across * width), round(down * height))))


def toned(image: Picture, gain: float, shift: float) -> Picture:
    return np.rint(gain * image.astype(float) + shift).clip(0, 255).astype(np.uint8)


def cut(image: Picture, share: float) -> Picture:
    rows, columns = (max(1, round(share * side)) for side in image.shape)
    return image[rows:-rows, columns:-columns]


COPIES: dict[str, Callable[[Picture], Picture]] = {
    "jpeg 30": lambda image: saved(image, 30),
    "jpeg 60": lambda image: saved(image, 60),
    "jpeg 90": lambda image: saved(image, 90),
    "halved": lambda image: resized(image, 0.5, 0.5),
    "doubled": lambda image: resized(image, 2, 2),
    "stretched": lambda image: resized(image, 0.7, 0.85),
    "darker": lambda image: toned(image, 0.8, 0),
    "brighter": lambda image: toned(image, 1.2, 0),
    "less contrast": lambda image: toned(image, 0.7, 30),
    "cut": lambda image: cut(image, 0.01),
    "all at once": lambda image: saved(toned(resized(cut(image, 0.01), 0.8, 0.8), 0.9, 10), 50),
}


@pytest.fixture(scope="module")
def phantoms() -> list[Picture]:
    return [draw(11, index).image for index in range(FILMS)]


def pairs_of(table: pd.DataFrame) -> set[tuple[int, int]]:
    return set(zip(table["one"], table["other"], strict=True))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("how", COPIES)
def test_copies_of_phantoms_are_found_and_nothing_else(
    phantoms: list[Picture], how: str, mirrored: bool
) -> None:
    copies = [COPIES[how](image) for image in phantoms]
    copies = [copy[:, ::-1].copy() for copy in copies] if mirrored else copies
    found = near_duplicates(np.stack([shrunk(image) for image in (*phantoms, *copies)]))
    assert pairs_of(found) == {(place, place + FILMS) for place in range(FILMS)}
    assert (found["mirrored"] == mirrored).all()
    assert found["correlation"].between(0.98, 1.0001).all()


def test_most_copies_are_found_that_were_cut_by_two_per_cent(phantoms: list[Picture]) -> None:
    copies = [cut(image, 0.02) for image in phantoms]
    found = near_duplicates(np.stack([shrunk(image) for image in (*phantoms, *copies)]))
    wanted = {(place, place + FILMS) for place in range(FILMS)}
    assert pairs_of(found) <= wanted and len(found) >= 0.9 * FILMS


def test_no_two_of_the_shipped_studys_phantoms_are_alike() -> None:
    films = [shrunk(draw(11, index, 0.4).image) for index in range(1200)]
    assert near_duplicates(np.stack(films)).empty


def test_a_film_that_ends_early_is_found_by_its_upper_half(phantoms: list[Picture]) -> None:
    films = np.stack([shrunk(image) for image in phantoms])
    broken = films.copy()
    broken[:, 30:] = 128
    both = np.concatenate([films, broken[:, :, ::-1]])
    truncated = np.arange(2 * FILMS) >= FILMS
    assert near_duplicates(both).empty
    found = near_duplicates(both, truncated)
    assert pairs_of(found) >= {(place, place + FILMS) for place in range(FILMS)}
    # Half a bone may be as good as another's: hardly ever more is found.
    assert len(found) <= FILMS + 2 and found["mirrored"].sum() >= FILMS


def test_blank_films_are_like_nothing(phantoms: list[Picture]) -> None:
    blank = [np.full((48, 48), grey, np.uint8) for grey in (0, 0, 128, 255)]
    films = np.stack([*blank, shrunk(phantoms[0])])
    assert near_duplicates(films).empty
    assert near_duplicates(films, np.ones(5, bool)).empty
    assert near_duplicates(films[:1]).empty


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(12)), st.sets(st.integers(0, 11)))
def test_the_order_of_films_has_no_influence(
    phantoms: list[Picture], order: list[int], truncated: set[int]
) -> None:
    seen = [shrunk(image) for image in phantoms[:6]]
    films = np.stack([*seen, *(toned(film, 0.9, 5) for film in seen[:3]), *seen[3:]])
    early = np.isin(np.arange(12), list(truncated))

    def found(rows: NDArray[np.intp]) -> set[frozenset[int]]:
        table = near_duplicates(films[rows], early[rows])
        return {frozenset(rows[list(pair)].tolist()) for pair in pairs_of(table)}

    assert (
        found(np.array(order))
        == found(np.arange(12))
        >= {frozenset((place, place + 6)) for place in range(6)}
    )


@pytest.mark.parametrize("how", COPIES)
def test_copies_of_real_films_are_found(real: Path, how: str) -> None:
    files = sorted(real.glob("images/*/*.jpg"))[::60]
    films = [decode(file).image for file in files]
    copies = [COPIES[how](film) for film in films]
    found = pairs_of(near_duplicates(np.stack([shrunk(film) for film in (*films, *copies)])))
    missed = {(place, place + len(films)) for place in range(len(films))} - found
    assert len(missed) <= 0.03 * len(films)
