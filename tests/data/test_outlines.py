from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radrobust.core.errors import InputError
from radrobust.data.decode.outlines import draw_outlines, fill_polygon, read_coco

COORDINATES = st.one_of(st.integers(-20, 60), st.floats(-20, 60, width=32)).map(float)


def coco(folder: Path, *annotations: dict[str, Any], size: tuple[int, int] = (40, 30)) -> Path:
    image = {"id": 7, "file_name": "a.png", "width": size[0], "height": size[1]}
    path = folder / "annotations.json"
    path.write_text(
        json.dumps(
            {
                "images": [image],
                "annotations": [{"image_id": 7, "segmentation": []} | part for part in annotations],
            }
        )
    )
    return path


@given(st.lists(st.tuples(COORDINATES, COORDINATES), min_size=3, max_size=9))
def test_a_polygon_holds_the_pixels_whose_centres_it_holds(
    corners: list[tuple[float, float]],
) -> None:
    mask = np.zeros((30, 40), dtype=bool)
    fill_polygon(mask, np.array(corners))
    x, y = np.meshgrid(np.arange(40) + 0.5, np.arange(30) + 0.5)
    expected = np.zeros_like(mask)
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if y0 != y1:
            crosses = (y0 <= y) != (y1 <= y)
            expected ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    np.testing.assert_array_equal(mask, expected)


def test_a_polygon_that_reaches_out_of_the_film_is_cut_off(tmp_path: Path) -> None:
    square = [-50, -50, 10, -50, 10, 8, -50, 8]
    path = coco(tmp_path, {"segmentation": [square], "bbox": [-50, -50, 60, 58]})
    mask, boxes, faults = draw_outlines(read_coco(path)["a.png"], (30, 40))
    expected = np.zeros((30, 40), dtype=bool)
    expected[:8, :10] = True
    assert mask is not None and boxes == ((0, 0, 10, 8),) and not faults
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize("scale", [0.5, 1, 3])
def test_an_annotation_without_polygons_is_a_box(tmp_path: Path, scale: float) -> None:
    outlines = read_coco(coco(tmp_path, {"bbox": [4, 6, 10, 8]}))["a.png"]
    mask, boxes, _ = draw_outlines(outlines, (int(30 * scale), int(40 * scale)))
    assert mask is not None
    assert boxes == (tuple(scale * side for side in (4, 6, 14, 14)),)
    rows, columns = np.nonzero(mask)
    assert len(rows) == 10 * 8 * scale**2
    assert (columns.min(), rows.min()) == (4 * scale, 6 * scale)


def test_outlines_of_another_shape_are_left_out_and_noted(tmp_path: Path) -> None:
    outlines = read_coco(coco(tmp_path, {"bbox": [4, 6, 10, 8]}))["a.png"]
    mask, boxes, faults = draw_outlines(outlines, (40, 30))
    assert mask is None and boxes == () and "drawn on 40×30 pixels" in faults[0]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "not a COCO file"),
        ("[]", "not a COCO file"),
        ('{"images": []}', "annotations: Field required"),
        (
            '{"images": [], "annotations": [{"image_id": 1, "bbox": [0, 0, 1, 1]}]}',
            "is of image 1, which is not among its images",
        ),
        (
            '{"images": [], "annotations": [{"image_id": 1, "bbox": [0, 0, 1e300, 1]}]}',
            "less than or equal to 1000000",
        ),
        (
            '{"images": [], "annotations": [{"image_id": 1, "bbox": [0, 0, -1, 1]}]}',
            "greater than or equal to 0",
        ),
        (
            '{"images": [], "annotations": [{"image_id": 1, "bbox": [0, 0, 1, 1], '
            '"segmentation": {"counts": "abc", "size": [3, 3]}}]}',
            "segmentation: Input should be a valid array",
        ),
        (
            '{"images": [{"id": 1, "file_name": "a", "width": 1, "height": 1}, '
            '{"id": 2, "file_name": "a", "width": 1, "height": 1}], "annotations": []}',
            "2 images of file_name 'a'; keep one of them",
        ),
    ],
)
def test_what_is_no_coco_file_of_outlines_is_told_in_one_line(
    tmp_path: Path, content: str, reason: str
) -> None:
    path = tmp_path / "annotations.json"
    path.write_text(content)
    with pytest.raises(InputError, match=reason) as caught:
        read_coco(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
