"""Annotations in the format of Supervisely: one JSON a film, in whole pixels.

A point of a polygon or a corner of a rectangle is a pixel, named by its column and row, so its
centre lies half a pixel further right and down than those numbers. Where a coordinate isn't a
whole number, the object was drawn between pixels and is taken as it is.
"""

from __future__ import annotations

import base64
import binascii
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from radrobust.core.errors import InputError
from radrobust.data.datasets.registry import Box
from radrobust.data.decode.outlines import Instance, Outlines

MAX_BITMAP = 64 * 2**20
"""Bytes that a bitmap may unpack to, as PNG."""

NEAR = 1.0
"""Pixels by which a shape may stand out of the rectangle that was drawn around it."""

Polygon = tuple[float, ...]


@dataclass(frozen=True)
class Annotation:
    """What the JSON of one film says.

    Attributes
    ----------
    tags : frozenset of str
        Of the whole film.
    outlines : Outlines or None
        None where nothing is drawn.
    """

    tags: frozenset[str]
    outlines: Outlines | None


@dataclass(frozen=True)
class _Shape:
    """One outlined object, number `number` of the file."""

    number: int
    polygons: tuple[Polygon, ...]
    box: Box


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class _Size(_Part):
    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]


class _Tag(_Part):
    name: str


class _Points(_Part):
    exterior: list[tuple[float, float]]
    interior: list[list[tuple[float, float]]] = []


class _Bitmap(_Part):
    data: str
    origin: tuple[int, int]


class _Object(_Part):
    classTitle: str = ""
    geometryType: str
    points: _Points | None = None
    bitmap: _Bitmap | None = None


class _File(_Part):
    size: _Size
    tags: list[_Tag | str] = []
    objects: list[_Object] = []


def read_annotation(path: Path, title: str) -> Annotation:
    """Read the tags of one film and its objects of the class `title`.

    Polygons (with holes), rectangles and bitmaps are understood, other shapes have no area and are
    passed over. A rectangle around shapes makes them one finding and is its box; one around nothing
    is a finding by itself.

    Raises
    ------
    InputError
        It is no such file.
    """
    try:
        file = _File.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = f"{place}: {first['msg']}" if place else first["msg"]
        raise InputError(f"{path} is not an annotation of Supervisely: {reason}") from None
    shapes: list[_Shape] = []
    rectangles: list[_Shape] = []
    for number, thing in enumerate(file.objects):
        if thing.classTitle != title:
            continue
        try:
            shape = _shape(number, thing, file.size)
        except _ERRORS as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{path}: objects.{number} cannot be drawn: {reason}") from None
        if shape:
            (shapes if shape.polygons else rectangles).append(shape)
    instances = _instances(shapes, rectangles)
    outlines = Outlines(file.size.width, file.size.height, instances) if instances else None
    return Annotation(frozenset(_name(tag) for tag in file.tags), outlines)


def _name(tag: _Tag | str) -> str:
    return tag if isinstance(tag, str) else tag.name


# What base64, zlib and Pillow raise on bitmaps that are none.
_ERRORS = (ValueError, binascii.Error, zlib.error, OSError, SyntaxError)


def _shape(number: int, thing: _Object, size: _Size) -> _Shape | None:
    """Outline an object; a rectangle has a box alone."""
    if thing.geometryType == "bitmap" and thing.bitmap:
        return _bitmap(number, thing.bitmap, size)
    if thing.geometryType not in ("polygon", "rectangle") or not thing.points:
        return None
    rings = _in_pixels([thing.points.exterior, *thing.points.interior])
    if thing.geometryType == "rectangle":
        return _Shape(number, (), _bounds(rings[0])) if len(rings[0]) == 2 else None
    if len(rings[0]) < 3:
        return None
    return _Shape(number, (_with_holes(rings),), _bounds(rings[0]))


def _in_pixels(rings: list[list[tuple[float, float]]]) -> list[NDArray[np.float64]]:
    whole = all(float(value).is_integer() for ring in rings for point in ring for value in point)
    return [np.reshape(ring, (-1, 2)) + (0.5 if whole else 0.0) for ring in rings]


def _bounds(corners: NDArray[np.float64]) -> Box:
    (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return x0, y0, x1, y1


def _with_holes(rings: Sequence[NDArray[np.float64]]) -> Polygon:
    """Cut holes by walking to each and back on the same line, which the even-odd rule undoes."""
    outside = rings[0]
    path = [outside, outside[:1]] if len(rings) > 1 else [outside]
    for hole in rings[1:]:
        if len(hole) >= 3:
            path += [hole, hole[:1], outside[:1]]
    return tuple(np.concatenate(path).ravel().tolist())


def _bitmap(number: int, bitmap: _Bitmap, size: _Size) -> _Shape | None:
    """Outline a bitmap: one rectangle a run of pixels, which is exact at the film's own size."""
    rows, starts, ends = _runs(_pixels(bitmap.data, size))
    if not len(rows):
        return None
    left, top = bitmap.origin
    x0, x1, y0 = starts + left, ends + left, rows + top
    corners = np.stack([x0, y0, x1, y0, x1, y0 + 1, x0, y0 + 1], axis=1).astype(float)
    polygons = tuple(tuple(run) for run in corners.tolist())
    return _Shape(number, polygons, _bounds(corners.reshape(-1, 2)))


def _pixels(data: str, size: _Size) -> NDArray[np.bool_]:
    unpacker = zlib.decompressobj()
    png = unpacker.decompress(base64.b64decode(data, validate=True), MAX_BITMAP)
    if unpacker.unconsumed_tail:
        raise ValueError(f"its bitmap unpacks to more than {MAX_BITMAP >> 20} MiB")
    picture = Image.open(io.BytesIO(png), formats=["PNG"])
    if picture.width > size.width or picture.height > size.height:  # before it is unpacked
        raise ValueError(
            f"its bitmap of {picture.width}×{picture.height} pixels is larger than the film's "
            f"{size.width}×{size.height}"
        )
    transparent = "transparency" in picture.info or picture.mode in ("LA", "RGBA")
    band = picture.convert("RGBA").getchannel("A") if transparent else picture.convert("L")
    return np.asarray(band) > 0


def _runs(pixels: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Row, first column and column after the last of each run of True in H×W pixels."""
    edges = np.diff(np.pad(pixels, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    return rows, starts, np.nonzero(edges == -1)[1]


def _instances(shapes: list[_Shape], rectangles: list[_Shape]) -> tuple[Instance, ...]:
    """Join each rectangle with the shapes in it, in the order of the file."""
    found: list[tuple[int, Instance]] = []
    left = list(shapes)
    # The smallest first, so that of two rectangles around each other each gets what is its own.
    for rectangle in sorted(rectangles, key=_area):
        within = [shape for shape in left if _holds(rectangle.box, shape.box)]
        left = [shape for shape in left if not _holds(rectangle.box, shape.box)]
        polygons = tuple(polygon for shape in within for polygon in shape.polygons)
        number = min([rectangle.number, *(shape.number for shape in within)])
        found.append((number, Instance(polygons, rectangle.box)))
    found += [(shape.number, Instance(shape.polygons, shape.box)) for shape in left]
    return tuple(instance for _, instance in sorted(found, key=lambda pair: pair[0]))


def _area(shape: _Shape) -> float:
    x0, y0, x1, y1 = shape.box
    return (x1 - x0) * (y1 - y0)


def _holds(outer: Box, inner: Box) -> bool:
    (x0, y0, x1, y1), (left, top, right, bottom) = outer, inner
    return x0 - NEAR <= left and y0 - NEAR <= top and right <= x1 + NEAR and bottom <= y1 + NEAR
