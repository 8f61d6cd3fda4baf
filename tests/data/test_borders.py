from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from radrobust.data.datasets.phantom import draw
from radrobust.data.decode.borders import burnt_in

EDGES = {
    "top": np.s_[:6],
    "bottom": np.s_[-6:],
    "left": np.s_[:, :6],
    "right": np.s_[:, -6:],
}


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 60, (height, width), dtype=np.uint8)


def saved(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


@given(st.sets(st.sampled_from(sorted(EDGES))), st.integers(0, 255))
def test_each_flat_edge_counts_with_its_length(edges: set[str], grey: int) -> None:
    film = noise(150, 300)
    for edge in edges:
        film[EDGES[edge]] = grey
    lengths = {"top": 300, "bottom": 300, "left": 150, "right": 150}
    assert burnt_in(film) == pytest.approx(sum(lengths[edge] for edge in edges) / 900)


def test_an_edge_that_is_flat_over_most_of_its_length_is_none() -> None:
    film = noise(150, 300)
    film[:6, :290] = 255
    assert burnt_in(film) == 0


@pytest.mark.parametrize("quality", [50, 75, 95])
def test_a_frame_is_found_after_it_was_saved_as_jpeg(quality: int) -> None:
    film = np.full((454, 373), 200, np.uint8)
    film[16:-16, 16:-16] = noise(422, 341)
    assert burnt_in(saved(film, quality)) == 1


def limb(grey_of_air: int) -> NDArray[np.uint8]:
    """A round limb in air that is saturated, as windowing leaves it."""
    rows, columns = np.mgrid[-1:1:200j, -1:1:160j]
    inside = (rows / 0.9) ** 2 + (columns / 0.8) ** 2 < 1
    return np.where(inside, noise(200, 160) + np.uint8(90), grey_of_air).astype(np.uint8)


@pytest.mark.parametrize("grey", [0, 255])
def test_air_is_no_border_however_flat(grey: int) -> None:
    assert burnt_in(limb(grey)) == 0
    framed = limb(grey)
    framed[:10] = 255 - grey
    assert burnt_in(framed) == pytest.approx(160 / 720)


def test_noisy_air_is_no_border() -> None:
    assert burnt_in(np.random.default_rng(0).integers(0, 12, (454, 373), dtype=np.uint8)) == 0


def test_the_phantoms_shutters_are_borders_and_its_air_is_none() -> None:
    found = [burnt_in(draw(11, index).image) for index in range(40)]
    assert 0 in found and max(found) == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 2), (3, 900), (40, 40)])
def test_films_of_one_grey_have_no_border(shape: tuple[int, int]) -> None:
    assert burnt_in(np.full(shape, 9, np.uint8)) == 0
