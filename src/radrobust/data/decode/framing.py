"""How a film lies in the square that networks see: one transformation of image, mask and boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import sparse

from radrobust.data.datasets.registry import Box

Pixel = TypeVar("Pixel", bound=np.generic)


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
            means = area_mean(image, self.inner, "float32")  # exact to a thousandth of a grey level
            return self._pad(np.rint(means).astype(np.uint8))
        enlarged = Image.fromarray(image).resize(self.inner, Image.Resampling.BILINEAR)
        return self._pad(np.asarray(enlarged))

    def fit_mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Carry an H×W mask into the square.

        A pixel belongs to the result if the mask covers half of it or more. If there is none,
        the most covered pixels do: a small finding stays where it is instead of vanishing.
        """
        if not mask.any():
            return np.zeros((self.size, self.size), dtype=np.bool_)
        coverage = area_mean(mask, self.inner)
        return self._pad(coverage >= min(0.5, float(coverage.max())) - 1e-9)

    def fit_boxes(self, boxes: Sequence[Box]) -> list[list[float]]:
        """Carry boxes into the square, as lists ``[x0, y0, x1, y1]`` in its pixels."""
        (left, top), (width, height) = self.corner, self.inner
        x, y = width / self.width, height / self.height
        return [
            [left + x0 * x, top + y0 * y, left + x1 * x, top + y1 * y] for x0, y0, x1, y1 in boxes
        ]

    def _pad(self, inner: NDArray[Pixel]) -> NDArray[Pixel]:
        (left, top), (width, height) = self.corner, self.inner
        square = np.zeros((self.size, self.size), dtype=inner.dtype)
        square[top : top + height, left : left + width] = inner
        return square


def area_mean(
    film: NDArray[np.generic], size: tuple[int, int], kind: str = "float64"
) -> NDArray[np.floating]:
    """Shrink or enlarge an H×W film to width and height `size`: the mean of what a pixel covers.

    Pillow's BOX filter counts whole source pixels only, which moves edges by up to half of one;
    with exact shares image, mask and box stay together at every size.
    """
    width, height = size
    rows = _bands(len(film), height, kind) @ film.astype(kind, copy=False)
    means: NDArray[np.floating] = (_bands(film.shape[1], width, kind) @ rows.T).T
    return means


@lru_cache(maxsize=64)
def _bands(length: int, count: int, kind: str) -> sparse.csr_array:
    """Return the count×length matrix that takes the mean of `count` bands of equal length.

    A row that lies in two bands counts in each by its share.
    """
    edges = np.linspace(0, length, count + 1)
    first = np.minimum(edges[:-1].astype(int), length - 1)
    after = np.maximum(np.ceil(edges[1:] - 1e-9).astype(int), first + 1)
    sizes = after - first
    bands = np.repeat(np.arange(count), sizes)
    starts = np.concatenate(([0], np.cumsum(sizes)))
    rows = np.arange(starts[-1]) - starts[bands] + first[bands]
    shares = np.minimum(rows + 1, edges[bands + 1]) - np.maximum(rows, edges[bands])
    weights = (shares * (count / length)).astype(kind)
    return sparse.csr_array((weights, rows, starts), shape=(count, length))
