"""From a film to a square frame: decoding, fitting, and doing so for thousands of films at once."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from radrobust.data.dataset import Box, Film
from radrobust.errors import InputError
from radrobust.progress import progress

CHUNK = 32
"""Films handed to a process at a time: enough to hide the handing over, few enough to share out."""

Pixel = TypeVar("Pixel", bound=np.generic)

_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Picture:
    """What an image file holds.

    Attributes
    ----------
    image : ndarray of uint8, H×W
        Grey values, 0 to 255, turned as the file's EXIF orientation says.
    mode : str
        Pillow's name of the pixel format in the file.
    truncated : bool
        The file is damaged or ends early.
    faults : tuple of str
        What had to be put right, in words.
    """

    image: NDArray[np.uint8]
    mode: str
    truncated: bool
    faults: tuple[str, ...]


def decode(path: Path) -> Picture:
    """Read an image file as grey values; a truncated one as far as it goes.

    Colours become luma (ITU-R 601-2), 16-bit values are divided by 257.

    Raises
    ------
    InputError
        The file cannot be opened, or is no image.
    """
    try:
        picture, truncated = _load(path.read_bytes())
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} cannot be read as an image: {reason}") from None
    orientation = picture.getexif().get(_ORIENTATION_TAG, 1)
    turn = _TURNS.get(orientation)
    upright = picture if turn is None else picture.transpose(turn)
    image = _grey(upright, path)
    faults = []
    if truncated:
        faults.append("truncated file, read as far as it goes")
    if turn is not None:
        faults.append(f"turned as its EXIF orientation {orientation} says")
    return Picture(image, picture.mode, truncated, tuple(faults))


def _load(content: bytes) -> tuple[Image.Image, bool]:
    """Decode strictly, then leniently; say whether leniency was needed."""
    picture = Image.open(io.BytesIO(content))
    try:
        picture.load()
    except OSError:
        with _lenient():
            picture = Image.open(io.BytesIO(content))
            picture.load()
        return picture, True
    return picture, False


@contextmanager
def _lenient() -> Iterator[None]:
    """Let Pillow accept truncated files, here and nowhere else."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _grey(picture: Image.Image, path: Path) -> NDArray[np.uint8]:
    if picture.mode == "F":
        raise InputError(f"{path} holds real numbers, whose range is unknown; save 8 or 16 bits")
    if picture.mode.startswith("I"):
        deep = np.asarray(picture.convert("I")).clip(0, 65535)
        return np.rint(deep / 257).astype(np.uint8)
    return np.asarray(picture.convert("L"))


@dataclass(frozen=True)
class Frame:
    """How a film lies in a square: as large as fits, never stretched, centred on black.

    One affine map carries image, mask and boxes: x becomes ``left + x * inner_width / width``,
    and y alike. The inner size is a whole number of pixels, so the two factors may differ by
    less than a pixel over the film.

    Attributes
    ----------
    width, height : int
        Of the film, in pixels.
    size : int
        Side of the square, in pixels.
    """

    width: int
    height: int
    size: int

    @property
    def inner(self) -> tuple[int, int]:
        """Width and height of the film within the square, in pixels."""
        scale = self.size / max(self.width, self.height)
        return max(1, round(self.width * scale)), max(1, round(self.height * scale))

    @property
    def corner(self) -> tuple[int, int]:
        """Left and top edge of the film within the square, in pixels."""
        width, height = self.inner
        return (self.size - width) // 2, (self.size - height) // 2

    @property
    def area(self) -> list[int]:
        """``[x0, y0, x1, y1]`` of the film within the square, in pixels."""
        (left, top), (width, height) = self.corner, self.inner
        return [left, top, left + width, top + height]

    def fit_image(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Carry an H×W image into the square.

        Shrinking takes the mean of the area that a pixel covers: it can't alias, doesn't ring at
        the edge of a bone or a plate as Lanczos does, and is what the masks' coverage is
        measured by. Enlarging is bilinear, since that mean would show as blocks.
        """
        if max(self.width, self.height) > self.size:
            return self._pad(np.rint(self._area_mean(image)).astype(np.uint8))
        enlarged = Image.fromarray(image).resize(self.inner, Image.Resampling.BILINEAR)
        return self._pad(np.asarray(enlarged))

    def fit_mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Carry an H×W mask into the square.

        A pixel belongs to the result if the mask covers half of it or more. If there is none,
        the most covered pixels do: a small finding stays where it is instead of vanishing.
        """
        if not mask.any():
            return np.zeros((self.size, self.size), dtype=np.bool_)
        coverage = self._area_mean(mask)
        return self._pad(coverage >= min(0.5, float(coverage.max())) - 1e-9)

    def fit_boxes(self, boxes: Sequence[Box]) -> list[list[float]]:
        """Carry boxes into the square, as lists ``[x0, y0, x1, y1]`` in its pixels."""
        (left, top), (width, height) = self.corner, self.inner
        x, y = width / self.width, height / self.height
        return [
            [left + x0 * x, top + y0 * y, left + x1 * x, top + y1 * y] for x0, y0, x1, y1 in boxes
        ]

    def _area_mean(self, film: NDArray[np.generic]) -> NDArray[np.float64]:
        # Pillow's BOX filter counts whole source pixels only, which moves edges by up to half of
        # one; with exact shares image, mask and box stay together at every size.
        width, height = self.inner
        return _mean_of_rows(_mean_of_rows(film, height).T, width).T

    def _pad(self, inner: NDArray[Pixel]) -> NDArray[Pixel]:
        (left, top), (width, height) = self.corner, self.inner
        square = np.zeros((self.size, self.size), dtype=inner.dtype)
        square[top : top + height, left : left + width] = inner
        return square


def _mean_of_rows(image: NDArray[np.generic], count: int) -> NDArray[np.float64]:
    """Cut an image into `count` bands of equal height, parts of rows included; the mean of each."""
    height = len(image)
    sums = np.zeros((height + 1, image.shape[1]))
    np.cumsum(image, axis=0, dtype=np.float64, out=sums[1:])
    edges = np.linspace(0, height, count + 1)
    above = np.minimum(edges.astype(int), height - 1)
    part = (edges - above)[:, np.newaxis]
    sums_to_edges = sums[above] * (1 - part) + sums[above + 1] * part
    means: NDArray[np.float64] = np.diff(sums_to_edges, axis=0) * (count / height)
    return means


@dataclass(frozen=True)
class Row:
    """What `samples.parquet` says of one film, all but its split.

    Attributes
    ----------
    sample_id, label, mode, truncated, note, subgroups
        As in `Radiograph`.
    group : str
        SHA-256 of the decoded picture: equal for films that show the same pixels, whatever their
        files differ in.
    width, height : int
        Of the film as read, in pixels.
    film : list of int
        ``[x0, y0, x1, y1]``, where the film lies in the square frame; around it is padding.
    boxes : list of list of float
        ``[x0, y0, x1, y1]`` in pixels of the square frame.
    mask_area : float
        Share of the square frame that the mask covers, 0 to 1.
    """

    sample_id: str
    label: int
    group: str
    width: int
    height: int
    mode: str
    truncated: bool
    film: list[int]
    boxes: list[list[float]]
    mask_area: float
    note: str
    subgroups: dict[str, str]


def read_films(
    films: Sequence[Film],
    images: NDArray[np.uint8],
    masks: NDArray[np.bool_],
    workers: int | None = None,
) -> list[Row]:
    """Decode films in parallel and fit them into square frames.

    Parameters
    ----------
    films : sequence of Film
        N films.
    images : ndarray of uint8, N×S×S
        Filled with the films' grey values, 0 to 255; may be memory-mapped.
    masks : ndarray of bool, N×S×S
        Filled with the findings' masks; False where nothing is known.
    workers : int, optional
        Processes; as many as there are processors by default. The result does not depend on it.

    Returns
    -------
    list of Row
        In the order of `films`, as are the arrays.

    Raises
    ------
    InputError
        A film cannot be read.
    """
    size = images.shape[-1]
    rows: list[Row] = []
    with progress(len(films), "film", "films") as bar:
        for row, image, mask in _each(films, size, workers or os.cpu_count() or 1):
            images[len(rows)], masks[len(rows)] = image, mask
            rows.append(row)
            bar.update()
    return rows


_Fitted = tuple[Row, NDArray[np.uint8], NDArray[np.bool_]]


def _each(films: Sequence[Film], size: int, workers: int) -> Iterator[_Fitted]:
    """Yield each film, fitted, in order; few films are not worth starting a process for."""
    chunks = [films[start : start + CHUNK] for start in range(0, len(films), CHUNK)]
    if min(workers, len(chunks)) <= 1:
        for film in films:
            yield _read_film(film, size)
        return
    # Spawned, not forked: the same on every platform, and safe whatever threads are running.
    with ProcessPoolExecutor(
        min(workers, len(chunks)), multiprocessing.get_context("spawn")
    ) as pool:
        try:
            for fitted in pool.map(_read_chunk, chunks, [size] * len(chunks)):
                yield from fitted
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _read_chunk(films: Sequence[Film], size: int) -> list[_Fitted]:
    return [_read_film(film, size) for film in films]


def _read_film(film: Film, size: int) -> _Fitted:
    radiograph = film.read()
    height, width = radiograph.image.shape
    frame = Frame(width, height, size)
    mask = np.zeros((size, size), dtype=np.bool_)
    if radiograph.mask is not None:
        mask = frame.fit_mask(radiograph.mask)
    row = Row(
        sample_id=film.sample_id,
        label=radiograph.label,
        group=_fingerprint(radiograph.image),
        width=width,
        height=height,
        mode=radiograph.mode,
        truncated=radiograph.truncated,
        film=frame.area,
        boxes=frame.fit_boxes(radiograph.boxes),
        mask_area=float(mask.mean()),
        note=radiograph.note,
        subgroups=radiograph.subgroups,
    )
    return row, frame.fit_image(radiograph.image), mask


def _fingerprint(image: NDArray[np.uint8]) -> str:
    return hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()
