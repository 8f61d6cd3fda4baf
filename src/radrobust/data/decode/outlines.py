"""Findings outlined by polygons: COCO files of them, and drawing them on a film."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from radrobust.core.errors import InputError
from radrobust.data.datasets.registry import Box

ASPECT_TOLERANCE = 0.02
"""By how much two width-to-height ratios may differ: rounding at halving stays far below it."""


@dataclass(frozen=True)
class Instance:
    """One outlined fracture, in pixels of the size that the annotations declare.

    Attributes
    ----------
    polygons : tuple of tuple of float
        Each ``(x0, y0, x1, y1, ...)``.
    box : Box
        Around them.
    """

    polygons: tuple[tuple[float, ...], ...]
    box: Box


@dataclass(frozen=True)
class Outlines:
    """The fractures of one film and the width and height, in pixels, that they are drawn in."""

    width: int
    height: int
    instances: tuple[Instance, ...]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


# Far beyond any film: what is larger is no coordinate, and squares of it overflow.
_Coordinate = Annotated[float, Field(ge=-1e6, le=1e6)]
_Length = Annotated[float, Field(ge=0, le=1e6)]
_Side = Annotated[int, Field(ge=1, le=1_000_000)]


class _CocoImage(_Part):
    id: int
    file_name: str
    width: _Side
    height: _Side


class _CocoAnnotation(_Part):
    image_id: int
    segmentation: list[Annotated[list[_Coordinate], Field(min_length=6)]] = []
    bbox: tuple[_Coordinate, _Coordinate, _Length, _Length]  # x, y, width, height


class _Coco(_Part):
    images: list[_CocoImage]
    annotations: list[_CocoAnnotation]


def read_coco(path: Path) -> dict[str, Outlines]:
    """Return the outlined findings of a COCO file by file name.

    An annotation without polygons is a box. Whatever its category, it is a finding.

    Raises
    ------
    InputError
        The file cannot be read or is no COCO file of polygons; two images have one name.
    """
    try:
        coco = _Coco.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = f"{place}: {first['msg']}" if place else first["msg"]
        raise InputError(f"{path} is not a COCO file of polygons: {reason}") from None
    names = {image.id for image in coco.images}
    for kind, values in (
        ("id", [image.id for image in coco.images]),
        ("file_name", [image.file_name for image in coco.images]),
    ):
        value, times = Counter(values).most_common(1)[0] if values else ("", 0)
        if times > 1:
            raise InputError(f"{path} has {times} images of {kind} {value!r}; keep one of them")
    instances: dict[int, list[Instance]] = defaultdict(list)
    for number, annotation in enumerate(coco.annotations):
        if annotation.image_id not in names:
            raise InputError(
                f"{path}: annotations.{number} is of image {annotation.image_id}, "
                "which is not among its images"
            )
        if any(len(polygon) % 2 for polygon in annotation.segmentation):
            raise InputError(f"{path}: annotations.{number} has an x without a y")
        x, y, width, height = annotation.bbox
        polygons = tuple(tuple(polygon) for polygon in annotation.segmentation)
        instances[annotation.image_id].append(Instance(polygons, (x, y, x + width, y + height)))
    return {
        image.file_name: Outlines(image.width, image.height, tuple(instances[image.id]))
        for image in coco.images
        if image.id in instances
    }


def draw_outlines(
    outlines: Outlines | None, shape: tuple[int, ...]
) -> tuple[NDArray[np.bool_] | None, tuple[Box, ...], tuple[str, ...]]:
    """Mask, boxes and faults of a film of `shape` (H, W), whatever size its outlines declare.

    What reaches out of the film is cut off; of what lies outside altogether the nearest pixel is
    marked.
    """
    if outlines is None:
        return None, (), ()
    height, width = shape
    x, y = width / outlines.width, height / outlines.height
    if abs(x / y - 1) > ASPECT_TOLERANCE:
        fault = (
            f"outlines left out: drawn on {outlines.width}×{outlines.height} pixels, "
            f"the film has {width}×{height}"
        )
        return None, (), (fault,)
    mask = np.zeros((height, width), dtype=np.bool_)
    boxes = []
    for instance in outlines.instances:
        box = _clip(np.multiply(instance.box, (x, y, x, y)), width, height)
        before = np.count_nonzero(mask)
        for polygon in instance.polygons:
            corners = np.reshape(polygon, (-1, 2)) * (x, y)
            fill_polygon(mask, corners)
        if np.count_nonzero(mask) == before:
            _fill_box(mask, box)
        boxes.append(box)
    return mask, tuple(boxes), ()


def _clip(box: NDArray[np.float64], width: int, height: int) -> Box:
    x0, y0, x1, y1 = np.clip(box, 0, (width, height, width, height)).tolist()
    return x0, y0, x1, y1


def fill_polygon(mask: NDArray[np.bool_], corners: NDArray[np.float64]) -> None:
    """Set the pixels of `mask` whose centres lie in a polygon; what is outside is cut off.

    Parameters
    ----------
    mask : ndarray of bool, H×W
        Changed in place.
    corners : ndarray of float, K×2
        x and y in pixels; the first pixel's centre is (0.5, 0.5). A polygon that crosses itself
        is filled by the even-odd rule.

    Examples
    --------
    >>> mask = np.zeros((3, 4), dtype=bool)
    >>> fill_polygon(mask, np.array([[1.0, 1.0], [3.0, 1.0], [3.0, 9.0], [1.0, 9.0]]))
    >>> mask.astype(int)
    array([[0, 0, 0, 0],
           [0, 1, 1, 0],
           [0, 1, 1, 0]])
    """
    # Pillow's own polygons take in every pixel that their edge touches: half a pixel too wide on
    # each side, which is much for a hairline fracture.
    height, width = mask.shape
    left, top = np.floor(np.clip(corners.min(axis=0), 0, (width, height))).astype(int)
    right, bottom = np.ceil(np.clip(corners.max(axis=0), 0, (width, height))).astype(int)
    x = np.arange(left, right) + 0.5
    y = np.arange(top, bottom)[:, np.newaxis] + 0.5
    inside = np.zeros((bottom - top, right - left), dtype=np.bool_)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        # Rows whose centre the edge crosses; the rest need no look.
        low, high = sorted((y0, y1))
        rows = slice(*np.clip(np.ceil(np.array((low, high)) - 0.5) - top, 0, len(y)).astype(int))
        if rows.start < rows.stop:
            inside[rows] ^= x < x0 + (y[rows] - y0) * (x1 - x0) / (y1 - y0)
    mask[top:bottom, left:right] |= inside


def _fill_box(mask: NDArray[np.bool_], box: Box) -> None:
    """Set the pixels that a clipped box touches, at least the one nearest to it."""
    height, width = mask.shape
    left, top = min(int(box[0]), width - 1), min(int(box[1]), height - 1)
    right, bottom = max(left + 1, int(np.ceil(box[2]))), max(top + 1, int(np.ceil(box[3])))
    mask[top:bottom, left:right] = True
