from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from radrobust.data.datasets.folder import read_folder
from radrobust.data.decode.framing import Frame

SIZES = st.sampled_from([16, 32, 64, 104, 224])
SIDES = st.integers(1, 400)


@pytest.mark.parametrize("size", [16, 48, 64, 200, 512])
@pytest.mark.parametrize("shape", [(90, 120), (120, 90), (100, 100), (128, 33), (454, 373)])
def test_image_mask_and_box_of_a_square_agree(size: int, shape: tuple[int, int]) -> None:
    height, width = shape
    top, left, side = height // 4, width // 3, min(shape) // 2
    mask = np.zeros(shape, dtype=bool)
    mask[top : top + side, left : left + side] = True
    frame = Frame(width, height, size)

    image = frame.fit_image(mask.astype(np.uint8) * 255)
    fitted = frame.fit_mask(mask)
    (x0, y0, x1, y1) = frame.fit_boxes([(left, top, left + side, top + side)])[0]

    rows, columns = np.nonzero(fitted)
    assert abs(columns.min() - x0) <= 0.51 and abs(columns.max() + 1 - x1) <= 0.51
    assert abs(rows.min() - y0) <= 0.51 and abs(rows.max() + 1 - y1) <= 0.51
    assert np.mean((image >= 128) != fitted) < 0.01
    assert fitted.sum() == pytest.approx((x1 - x0) * (y1 - y0), rel=0.25)


@given(SIDES, SIDES, SIZES)
def test_films_are_centred_and_fill_the_square_one_way(width: int, height: int, size: int) -> None:
    square = Frame(width, height, size).fit_image(np.full((height, width), 200, dtype=np.uint8))
    assert square.shape == (size, size) and set(np.unique(square)) <= {0, 200}
    rows, columns = np.nonzero(square)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == size
    for filled in (rows, columns):
        assert abs(filled.min() - (size - 1 - filled.max())) <= 1
    shorter = min(np.ptp(rows), np.ptp(columns)) + 1
    exact = size * min(width, height) / max(width, height)
    assert shorter == 1 or abs(shorter - exact) <= 0.5


@given(st.integers(2, 200), st.integers(2, 200), SIZES, st.data())
def test_no_finding_is_lost_or_moves(
    width: int, height: int, size: int, data: st.DataObject
) -> None:
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    mask = np.zeros((height, width), dtype=bool)
    mask[y, x] = True
    frame = Frame(width, height, size)
    x0, y0, x1, y1 = frame.fit_boxes([(x, y, x + 1, y + 1)])[0]
    assert 0 <= x0 < x1 <= size + 1e-9 and 0 <= y0 < y1 <= size + 1e-9
    rows, columns = np.nonzero(frame.fit_mask(mask))
    assert len(rows)
    assert x0 - 1 <= columns.min() and columns.max() <= x1
    assert y0 - 1 <= rows.min() and rows.max() <= y1


@given(st.integers(1, 5), st.integers(1, 6), st.integers(1, 6))
def test_shrinking_by_a_whole_factor_is_the_mean(factor: int, columns: int, rows: int) -> None:
    size = 8 * max(columns, rows)
    rng = np.random.default_rng(columns)
    image = rng.integers(0, 256, (8 * rows * factor, 8 * columns * factor), dtype=np.uint8)
    frame = Frame(image.shape[1], image.shape[0], size)
    blocks = image.reshape(8 * rows, factor, 8 * columns, factor).mean(axis=(1, 3))
    (left, top), (width, height) = frame.corner, frame.inner
    inner = frame.fit_image(image)[top : top + height, left : left + width]
    assert np.abs(inner - blocks).max() <= 0.501


def test_half_a_pixel_is_enough_for_a_mask_and_less_is_not() -> None:
    mask = np.zeros((8, 8), dtype=bool)
    mask[0, 0:3] = mask[1, 0] = True
    expected = np.zeros((4, 4), dtype=bool)
    expected[0, 0] = True
    np.testing.assert_array_equal(Frame(8, 8, 4).fit_mask(mask), expected)
    mask[1, 2] = True
    expected[0, 1] = True
    np.testing.assert_array_equal(Frame(8, 8, 4).fit_mask(mask), expected)


def test_an_empty_mask_stays_empty() -> None:
    assert not Frame(30, 50, 16).fit_mask(np.zeros((50, 30), dtype=bool)).any()


def exact_mean(image: NDArray[np.generic], count: int) -> NDArray[np.float64]:
    """The mean of `count` bands of rows, from the integral over rows."""
    integral = np.vstack([np.zeros(image.shape[1]), np.cumsum(image, axis=0, dtype=np.float64)])
    edges = np.linspace(0, len(image), count + 1)
    at_edges = [np.interp(edges, np.arange(len(image) + 1), column) for column in integral.T]
    return np.diff(np.array(at_edges).T, axis=0) * (count / len(image))


@given(SIDES, SIDES, SIZES, st.integers(0, 9))
def test_shrinking_is_the_mean_of_the_area(width: int, height: int, size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width), dtype=np.uint8)
    mask = rng.random((height, width)) < rng.random()
    frame = Frame(width, height, size)
    x0, y0, x1, y1 = frame.area

    def mean(values: NDArray[np.generic]) -> NDArray[np.float64]:
        return exact_mean(exact_mean(values, y1 - y0).T, x1 - x0).T

    if max(width, height) > size:
        inner = frame.fit_image(image)[y0:y1, x0:x1].astype(float)
        assert np.abs(inner - mean(image)).max() <= 0.501
    coverage = mean(mask)
    expected = coverage >= min(0.5, coverage.max()) - 1e-9 if mask.any() else coverage > 1
    np.testing.assert_array_equal(frame.fit_mask(mask)[y0:y1, x0:x1], expected)


UNDO = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a film is stored that an orientation turns upright."""


@pytest.mark.parametrize("size", [24, 64, 97, 256])
@pytest.mark.parametrize("marked", ["mask", "turned mask", "polygon", "box"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_brightness_mask_and_box_of_a_turned_film_coincide(
    tmp_path: Path, orientation: int, marked: str, size: int
) -> None:
    width, height, left, top, right, bottom = 101, 67, 20, 10, 61, 38
    upright = np.zeros((height, width), dtype=np.uint8)
    upright[top:bottom, left:right] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation

    def save(path: Path, turned: bool) -> None:
        path.parent.mkdir(exist_ok=True)
        picture = Image.fromarray(upright)
        undo = UNDO[orientation] if turned else None
        stored = picture if undo is None else picture.transpose(undo)
        stored.save(path, exif=exif if turned else Image.Exif())

    save(tmp_path / "fracture" / "a.png", turned=True)
    save(tmp_path / "normal" / "b.png", turned=False)
    if "mask" in marked:
        save(tmp_path / "masks" / "a.png", turned=marked == "turned mask")
    else:
        corners = [left, top, right, top, right, bottom, left, bottom]
        annotation = {
            "image_id": 1,
            "segmentation": [corners] if marked == "polygon" else [],
            "bbox": [left, top, right - left, bottom - top],
        }
        image = {"id": 1, "file_name": "a.png", "width": width, "height": height}
        coco = {"images": [image], "annotations": [annotation]}
        (tmp_path / "annotations.json").write_text(json.dumps(coco))

    film = read_folder(tmp_path, "fracture")[0].read()
    assert film.mask is not None and film.boxes == ((left, top, right, bottom),)
    np.testing.assert_array_equal(film.mask, film.image == 255)
    frame = Frame(width, height, size)
    bright, mask = frame.fit_image(film.image) >= 128, frame.fit_mask(film.mask)
    assert np.mean(bright != mask) < 0.01
    rows, columns = np.nonzero(mask)
    around = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert np.abs(np.subtract(around, frame.fit_boxes(film.boxes)[0])).max() <= 0.51
