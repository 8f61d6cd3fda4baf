"""Supervisely's format: written as its converter of FracAtlas writes it, and as others might."""

from __future__ import annotations

import base64
import csv
import io
import json
import shutil
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from radrobust.core.errors import InputError
from radrobust.data.datasets import fracatlas
from radrobust.data.datasets.supervisely import read_annotation
from radrobust.data.decode.outlines import Outlines, draw_outlines


def polygon(*exterior: tuple[float, float], interior: Any = ()) -> dict[str, Any]:
    points = {"exterior": exterior, "interior": interior}
    return {"classTitle": "fractured", "geometryType": "polygon", "points": points}


def rectangle(left: float, top: float, right: float, bottom: float) -> dict[str, Any]:
    corners = polygon((left, top), (right, bottom))
    return corners | {"geometryType": "rectangle"}


def bitmap(pixels: NDArray[np.bool_], x: int, y: int, mode: str = "palette") -> dict[str, Any]:
    """Pack pixels as a PNG: one-bit palette with a transparent entry, as Supervisely does it."""
    picture, options = Image.fromarray(pixels.astype(np.uint8)), {}
    if mode == "palette":
        picture.putpalette([0, 0, 0, 255, 255, 255])
        options = {"transparency": 0, "bits": 1}
    elif mode == "RGBA":
        alpha = Image.fromarray(pixels.astype(np.uint8) * 255)
        picture = Image.merge("RGBA", [Image.new("L", alpha.size, 255)] * 3 + [alpha])
    file = io.BytesIO()
    picture.save(file, "PNG", **options)
    data = base64.b64encode(zlib.compress(file.getvalue())).decode()
    what = {"bitmap": {"data": data, "origin": [x, y]}}
    return {"classTitle": "fractured", "geometryType": "bitmap"} | what


def annotation(*objects: Any, width: int = 40, height: int = 48, tags: Any = ()) -> dict[str, Any]:
    size = {"width": width, "height": height}
    return {"description": "", "size": size, "tags": list(tags), "objects": list(objects)}


def outlines_of(folder: Path, *objects: Any, **options: Any) -> Outlines | None:
    path = folder / "film.jpg.json"
    path.write_text(json.dumps(annotation(*objects, **options)))
    return read_annotation(path, "fractured").outlines


def mask_of(folder: Path, *objects: Any, **options: Any) -> NDArray[np.bool_]:
    outlines = outlines_of(folder, *objects, **options)
    assert outlines is not None
    mask, _, faults = draw_outlines(outlines, (outlines.height, outlines.width))
    assert mask is not None and not faults
    return mask


def pack_for_supervisely(published: Path, packed: Path, place: str = "ann") -> Path:
    """Pack FracAtlas as Supervisely's converter does: whole pixels, tags of the fractured alone.

    A polygon and a rectangle a fracture; films without one have an annotation that says nothing.
    """
    with (published / fracatlas.TABLE).open(newline="") as file:
        rows = {row["image_id"]: row for row in csv.DictReader(file)}
    coco = json.loads((published / fracatlas.OUTLINES).read_text())
    images = {image["id"]: image for image in coco["images"]}
    objects: dict[str, list[Any]] = {image["file_name"]: [] for image in coco["images"]}
    for part in coco["annotations"]:
        corners = np.reshape(part["segmentation"][0], (-1, 2)).astype(int).tolist()
        x, y, width, height = part["bbox"]
        around = rectangle(int(x), int(y), int(x + width), int(y + height))
        objects[images[part["image_id"]]["file_name"]] += [polygon(*corners), around]
    sizes = {image["file_name"]: (image["width"], image["height"]) for image in coco["images"]}
    splits = fracatlas._read_splits(published)
    for label, name in enumerate(fracatlas.FOLDERS):
        for film in sorted((published / name).glob("*.jpg")):
            folder = packed / (splits.get(film.name, "train") if label else fracatlas.PACKED)
            (folder / "img").mkdir(parents=True, exist_ok=True)
            (folder / place).mkdir(exist_ok=True)
            shutil.copy(film, folder / "img" / film.name)
            tags = [{"name": key} for key, value in rows[film.name].items() if value == "1"]
            width, height = sizes.get(film.name, (1, 1))
            content = annotation(
                *objects.get(film.name, []), width=width, height=height, tags=tags if label else ()
            )
            (folder / place / f"{film.name}.json").write_text(json.dumps(content))
    (packed / "meta.json").write_text("{}")
    return packed


# --- Shapes ----------------------------------------------------------------------------------


def test_a_polygon_in_whole_pixels_covers_what_it_was_drawn_on(tmp_path: Path) -> None:
    square = polygon((12, 8), (22, 8), (22, 18), (12, 18))
    outlines = outlines_of(tmp_path, square, rectangle(12, 8, 22, 18))
    assert outlines is not None and len(outlines.instances) == 1
    mask = mask_of(tmp_path, square)
    assert mask[8:18, 12:22].all() and mask.sum() == 100


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0, 30)), min_size=3, max_size=9))
def test_coordinates_cut_to_whole_pixels_are_out_by_half_a_pixel_at_most(
    tmp_path_factory: pytest.TempPathFactory, corners: list[tuple[float, float]]
) -> None:
    cut = np.array(corners).astype(int).tolist()
    outlines = outlines_of(tmp_path_factory.getbasetemp(), polygon(*cut))
    assert outlines is not None
    read = np.reshape(outlines.instances[0].polygons[0], (-1, 2))
    assert np.abs(read - corners).max() <= 0.5


def test_fractions_are_taken_as_they_are(tmp_path: Path) -> None:
    outlines = outlines_of(tmp_path, polygon((1.25, 2), (9, 2), (9, 7)))
    assert outlines is not None
    assert outlines.instances[0].polygons == ((1.25, 2, 9, 2, 9, 7),)


def test_holes_are_left_out(tmp_path: Path) -> None:
    holes = [[(10, 10), (20, 10), (20, 20), (10, 20)], [(2, 2), (4, 2), (4, 4), (2, 4)], [(1, 1)]]
    mask = mask_of(tmp_path, polygon((0, 0), (30, 0), (30, 30), (0, 30), interior=holes))
    assert mask.sum() == 30 * 30 - 10 * 10 - 2 * 2
    assert not mask[10:20, 10:20].any() and not mask[2:4, 2:4].any() and mask[0, 0]


@given(st.integers(0, 2**30), st.integers(-3, 30), st.integers(-3, 30))
def test_a_bitmap_is_its_pixels(tmp_path_factory: Any, seed: int, x: int, y: int) -> None:
    pixels = np.random.default_rng(seed).random((7, 9)) < 0.5
    pixels[3, 4] = True
    expected = np.zeros((80, 80), dtype=bool)
    expected[20 + y : 27 + y, 20 + x : 29 + x] = pixels
    for mode in ("palette", "L", "RGBA"):
        folder = tmp_path_factory.getbasetemp()
        drawn = mask_of(folder, bitmap(pixels, x + 20, y + 20, mode), width=80, height=80)
        np.testing.assert_array_equal(drawn, expected)


def test_a_rectangle_alone_is_filled_to_its_last_pixel(tmp_path: Path) -> None:
    mask = mask_of(tmp_path, rectangle(3, 4, 10, 12))
    assert mask[4:13, 3:11].all() and mask.sum() == 9 * 8


def test_each_rectangle_is_the_box_of_what_it_is_around(tmp_path: Path) -> None:
    inner = polygon((10, 10), (14, 10), (14, 14))
    outer = polygon((2, 2), (30, 2), (30, 40))
    alone = polygon((33, 1), (36, 1), (36, 5))
    objects = [outer, rectangle(2, 2, 30, 40), inner, rectangle(10, 10, 14, 14), alone]
    outlines = outlines_of(tmp_path, *objects)
    assert outlines is not None
    assert [instance.box for instance in outlines.instances] == [
        (2.5, 2.5, 30.5, 40.5),
        (10.5, 10.5, 14.5, 14.5),
        (33.5, 1.5, 36.5, 5.5),
    ]
    assert [len(instance.polygons) for instance in outlines.instances] == [1, 1, 1]


def test_what_has_no_area_or_another_class_is_passed_over(tmp_path: Path) -> None:
    line = polygon((1, 1), (5, 5)) | {"geometryType": "line"}
    screw = polygon((1, 1), (5, 5), (1, 5)) | {"classTitle": "screw"}
    empty = bitmap(np.zeros((3, 3), dtype=bool), 0, 0)
    nothing = {"classTitle": "fractured", "geometryType": "polygon"}
    objects = [line, screw, empty, nothing, polygon(), polygon((1, 1)), rectangle(1, 1, 1, 1)]
    outlines = outlines_of(tmp_path, *objects)
    assert outlines is not None and len(outlines.instances) == 1  # a rectangle of one pixel


def test_tags_are_names_or_things_with_names(tmp_path: Path) -> None:
    path = tmp_path / "film.jpg.json"
    path.write_text(json.dumps(annotation(tags=[{"name": "hand", "value": None}, "hip"])))
    assert read_annotation(path, "fractured").tags == {"hand", "hip"}


def png_of(side: int) -> str:
    file = io.BytesIO()
    Image.new("L", (side, side)).save(file, "PNG")
    return base64.b64encode(zlib.compress(file.getvalue())).decode()


def with_bitmap(data: str) -> str:
    bad = {"bitmap": {"data": data, "origin": [0, 0]}}
    return json.dumps(annotation({"classTitle": "fractured", "geometryType": "bitmap"} | bad))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not an annotation of Supervisely"),
        ("[" * 100_000, "is not an annotation of Supervisely"),
        ("[]", "is not an annotation of Supervisely"),
        ("{}", "size: Field required"),
        (json.dumps(annotation(width=0)), "size.width"),
        (json.dumps(annotation(polygon((1, float("nan"))))), "is not an annotation"),
        (json.dumps(annotation(polygon((1, 2, 3)))), "objects.0.points.exterior.0"),
        (with_bitmap("no base64"), "objects.0 cannot be drawn"),
        (with_bitmap(base64.b64encode(b"no zlib").decode()), "objects.0 cannot be drawn"),
        (with_bitmap(base64.b64encode(zlib.compress(b"no PNG")).decode()), "objects.0 cannot be"),
        (with_bitmap(png_of(5000)), "5000×5000 pixels is larger than the film's 40×48"),
        (
            with_bitmap(base64.b64encode(zlib.compress(bytes(2**26 + 1))).decode()),
            "unpacks to more than 64 MiB",
        ),
    ],
)
def test_a_broken_annotation_is_told_of_in_one_line(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "film.jpg.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        read_annotation(path, "fractured")
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
