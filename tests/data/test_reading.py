from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFile

from radrobust.data import reading
from radrobust.data.dataset import Film
from radrobust.data.fracatlas import FracAtlasFilm, read_folder
from radrobust.data.reading import Frame, Row, decode, read_films
from radrobust.errors import InputError

SIZES = st.sampled_from([16, 32, 64, 104, 224])
SIDES = st.integers(1, 400)


def saved(path: Path, picture: Image.Image, **options: Any) -> Path:
    picture.save(path, **options)
    return path


# --- Fitting --------------------------------------------------------------------------------


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


# --- Decoding -------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA", "1", "I;16", "I"])
def test_every_pixel_format_becomes_grey(tmp_path: Path, mode: str) -> None:
    ramp = np.tile(np.linspace(0, 255, 16).astype(np.uint8), (8, 1))
    if mode.startswith("I"):
        deep = ramp.astype(np.uint16 if mode == "I;16" else np.int32) * 257
        path = saved(tmp_path / "film.tif", Image.fromarray(deep))
    else:
        path = saved(tmp_path / "film.png", Image.fromarray(ramp).convert(mode))
    picture = decode(path)
    expected = ramp if mode != "1" else np.asarray(Image.open(path).convert("L"))
    assert picture.mode == mode and picture.image.dtype == np.uint8
    np.testing.assert_allclose(picture.image, expected, atol=1)
    assert picture.faults == () and not picture.truncated


@pytest.mark.parametrize("orientation", range(1, 9))
def test_films_are_turned_as_exif_says(tmp_path: Path, orientation: int) -> None:
    rng = np.random.default_rng(orientation)
    upright = Image.fromarray(rng.integers(0, 256, (12, 20), dtype=np.uint8))
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = upright if undo is None else upright.transpose(undo)
    picture = decode(saved(tmp_path / "film.png", stored, exif=exif))
    np.testing.assert_array_equal(picture.image, np.asarray(upright))
    assert bool(picture.faults) == (orientation > 1)


def jpeg() -> tuple[bytes, NDArray[np.uint8]]:
    rng = np.random.default_rng(5)
    image = rng.integers(0, 256, (64, 64), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG")
    return file.getvalue(), np.asarray(Image.open(file))


def test_a_truncated_film_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    content, image = jpeg()
    (tmp_path / "film.jpg").write_bytes(content[: len(content) * 2 // 3])
    picture = decode(tmp_path / "film.jpg")
    assert picture.truncated and "truncated" in picture.faults[0]
    np.testing.assert_array_equal(picture.image[:24], image[:24])
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.parametrize("content", [b"", b"no picture", b"\xff\xd8\xff\xe0", jpeg()[0][:20]])
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "film.jpg"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"film\.jpg cannot be read") as caught:
        decode(path)
    assert "\n" not in str(caught.value)
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_a_missing_film_and_one_of_real_numbers_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        decode(tmp_path / "film.jpg")
    path = saved(tmp_path / "film.tif", Image.fromarray(np.zeros((4, 4), dtype=np.float32)))
    with pytest.raises(InputError, match="real numbers"):
        decode(path)


# --- Many films -----------------------------------------------------------------------------


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few films be enough for two processes."""
    monkeypatch.setattr(reading, "CHUNK", 8)


def read_all(films: Sequence[Film], workers: int) -> tuple[list[Row], NDArray[Any], NDArray[Any]]:
    images = np.zeros((len(films), 16, 16), dtype=np.uint8)
    masks = np.ones((len(films), 16, 16), dtype=bool)
    return read_films(films, images, masks, workers), images, masks


@pytest.mark.usefixtures("small_chunks")
def test_films_are_the_same_whatever_the_number_of_processes(drawn: Path) -> None:
    films = read_folder(drawn)
    rows, images, masks = read_all(films, 1)
    assert [row.sample_id for row in rows] == [film.sample_id for film in films]
    assert masks.any(axis=(1, 2)).tolist() == [film.label == 1 for film in films]
    others = read_all(films, 2)
    assert others[0] == rows
    np.testing.assert_array_equal(others[1], images)
    np.testing.assert_array_equal(others[2], masks)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("workers", [1, 2])
def test_an_unreadable_film_ends_the_reading_in_one_line(drawn: Path, workers: int) -> None:
    films = read_folder(drawn)
    films[-1].path.write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"IMG0000027\.jpg cannot be read as an image"):
        read_all(films, workers)


def test_equal_pixels_make_a_group_whatever_the_files_differ_in(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    grey = Image.fromarray(rng.integers(0, 256, (12, 20), dtype=np.uint8))
    films = [
        FracAtlasFilm(saved(tmp_path / name, picture), 0, {}, None, ())
        for name, picture in (
            ("grey.png", grey),
            ("colour.png", grey.convert("RGB")),
            ("wide.png", Image.fromarray(np.asarray(grey).reshape(6, 40))),
        )
    ]
    same, as_well, other = (row.group for row in read_all(films, 1)[0])
    assert same == as_well != other
