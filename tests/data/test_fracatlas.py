from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.test_supervisely import pack_for_supervisely

from radrobust.core.errors import InputError
from radrobust.data.datasets import fracatlas
from radrobust.data.datasets.fracatlas import FracAtlasFilm, read_folder
from radrobust.data.decode.grey import decode
from radrobust.data.decode.outlines import fill_polygon

Outline = Callable[[int, float, float, float], dict[str, Any]]


def by_name(folder: Path) -> dict[str, FracAtlasFilm]:
    return {film.sample_id: film for film in read_folder(folder)}


def edit_coco(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / fracatlas.OUTLINES
    coco = json.loads(path.read_text())
    change(coco)
    path.write_text(json.dumps(coco))


def edit_table(folder: Path, change: Callable[[list[list[str]]], object]) -> None:
    path = folder / fracatlas.TABLE
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    change(rows)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


# --- A drawn folder ------------------------------------------------------------------------


def test_films_are_listed_by_name_and_the_folder_is_the_label(drawn: Path) -> None:
    films = read_folder(drawn)
    assert [film.sample_id for film in films] == [f"IMG{n:07d}" for n in range(28)]
    assert [film.label for film in films] == [0] * 14 + [1] * 14
    assert {film.faults for film in films} == {()}
    assert films[0].outlines is None and films[0].read().mask is None
    assert films[0].read().file_bytes == films[0].path.stat().st_size > 0
    assert {film.patient for film in films} == {""}


def test_the_mask_is_where_the_finding_is(drawn: Path) -> None:
    film = read_folder(drawn)[-1].read()
    assert film.mask is not None
    np.testing.assert_array_equal(film.mask[8:18, 12:22], True)
    assert film.mask.sum() == 100
    assert film.boxes == ((12.0, 8.0, 22.0, 18.0),)
    assert film.image[film.mask].min() > 200


def test_outlines_are_scaled_by_the_size_that_they_declare(
    drawn: Path, square_outline: Outline
) -> None:
    def double(coco: dict[str, Any]) -> None:
        for image in coco["images"]:
            image.update(width=80, height=96)
        for part in coco["annotations"]:
            part.update(square_outline(part["image_id"], 24, 16, 20))

    edit_coco(drawn, double)
    film = read_folder(drawn)[-1].read()
    assert film.mask is not None and film.mask[8:18, 12:22].all() and film.mask.sum() == 100
    assert film.boxes == ((12.0, 8.0, 22.0, 18.0),)
    assert film.note == ""


def test_outlines_of_another_shape_are_left_out_and_noted(drawn: Path) -> None:
    edit_coco(drawn, lambda coco: coco["images"][-1].update(width=48, height=40))
    film = read_folder(drawn)[-1].read()
    assert film.mask is None and film.boxes == () and film.label == 1
    assert film.note == "outlines left out: drawn on 48×40 pixels, the film has 40×48"


@pytest.mark.parametrize(
    ("x", "y", "side", "expected"),
    [
        (35, 40, 20, (slice(40, 48), slice(35, 40))),  # cut off at the edge
        (20.1, 20.1, 0.2, (slice(20, 21), slice(20, 21))),  # between pixel centres
        (90, 90, 5, (slice(47, 48), slice(39, 40))),  # outside: the nearest pixel
        (-9, -9, 4, (slice(0, 1), slice(0, 1))),
    ],
)
def test_outlines_at_the_edge_of_sense_leave_a_pixel(
    drawn: Path,
    square_outline: Outline,
    x: float,
    y: float,
    side: float,
    expected: tuple[slice, slice],
) -> None:
    edit_coco(drawn, lambda coco: coco["annotations"][-1].update(square_outline(27, x, y, side)))
    film = read_folder(drawn)[-1].read()
    mask = np.zeros((48, 40), dtype=bool)
    mask[expected] = True
    np.testing.assert_array_equal(film.mask, mask)
    assert all(0 <= x0 <= x1 <= 40 and 0 <= y0 <= y1 <= 48 for x0, y0, x1, y1 in film.boxes)


def test_a_box_without_a_polygon_is_filled(drawn: Path) -> None:
    edit_coco(drawn, lambda coco: coco["annotations"][-1].update(segmentation=[]))
    film = read_folder(drawn)[-1].read()
    assert film.mask is not None and film.mask[8:18, 12:22].all() and film.mask.sum() == 100


def test_disagreements_are_noted(drawn: Path) -> None:
    def change(rows: list[list[str]]) -> None:
        rows[1][-1] = "1"
        rows[-1][-1] = "0"
        del rows[2]

    edit_table(drawn, change)
    edit_coco(drawn, lambda coco: coco["annotations"][0].update(image_id=15))
    notes = {film.sample_id: film.read().note for film in read_folder(drawn)}
    assert {name: note for name, note in notes.items() if note} == {
        "IMG0000000": "dataset.csv says 1 for a film in Non_fractured",
        "IMG0000001": "no row in dataset.csv",
        "IMG0000014": "fracture not outlined",
        "IMG0000027": "dataset.csv says 0 for a film in Fractured",
    }
    assert by_name(drawn)["IMG0000001"].subgroups == {"region": "unknown", "hardware": "unknown"}


@pytest.mark.parametrize(
    ("flags", "region"),
    [
        ({"leg": "1", "hand": "0"}, "leg"),
        ({"leg": "1"}, "mixed"),
        ({"mixed": "1"}, "mixed"),
        ({"hand": "0"}, "unknown"),
    ],
)
def test_regions(drawn: Path, flags: dict[str, str], region: str) -> None:
    def change(rows: list[list[str]]) -> None:
        for column, value in flags.items():
            rows[1][rows[0].index(column)] = value
        rows[1][rows[0].index("hardware")] = "1"

    edit_table(drawn, change)
    assert by_name(drawn)["IMG0000000"].subgroups == {"region": region, "hardware": "yes"}


def test_hidden_companions_are_no_films(drawn: Path) -> None:
    (drawn / fracatlas.FOLDERS[0] / "._IMG0000000.jpg").write_bytes(b"Mac OS X")
    assert len(read_folder(drawn)) == 28


def remove(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).rename(folder / "elsewhere")


def write(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def coco_with(**changes: object) -> Callable[[Path], None]:
    return lambda folder: edit_coco(folder, lambda coco: coco["annotations"][0].update(changes))


def column_with(value: str) -> Callable[[Path], None]:
    return lambda folder: edit_table(folder, lambda rows: rows[3].__setitem__(-1, value))


def empty_fractured(folder: Path) -> None:
    for path in (folder / fracatlas.FOLDERS[1]).iterdir():
        path.unlink()


def same_name_twice(folder: Path) -> None:
    film = next((folder / fracatlas.FOLDERS[0]).iterdir())
    (folder / fracatlas.FOLDERS[1] / film.name).write_bytes(film.read_bytes())


BROKEN: list[tuple[Callable[[Path], object], str]] = [
    (remove("images/Fractured"), "lacks images/Fractured/; a FracAtlas folder holds"),
    (remove("images"), "lacks images/Non_fractured/; a FracAtlas folder holds"),
    (remove(fracatlas.TABLE), r"lacks dataset\.csv; a FracAtlas folder holds"),
    (remove("Annotations"), "lacks Annotations/COCO JSON/COCO_fracture_masks.json; a FracAtlas"),
    (empty_fractured, r"Fractured holds no \.jpg files"),
    (same_name_twice, "names must differ"),
    (write(fracatlas.TABLE, b"image_id,hand\n"), r"dataset\.csv lacks column leg"),
    (write(fracatlas.TABLE, b""), "lacks column image_id"),
    (write(fracatlas.TABLE, b"\xff\xfe\x00"), "is not a CSV table"),
    (column_with("yes"), "fractured of IMG0000002.jpg is 'yes', not 0 or 1"),
    (lambda folder: edit_table(folder, lambda rows: rows[3].pop()), "is None, not 0 or 1"),
    (lambda folder: edit_table(folder, lambda rows: rows.append(rows[1])), "more than one row"),
    (write(fracatlas.OUTLINES, b'{"images": ['), "is not a COCO file of polygons: Invalid JSON"),
    (write(fracatlas.OUTLINES, b"\xff"), "is not a COCO file of polygons"),
    (write(fracatlas.OUTLINES, b"[" * 100_000), "is not a COCO file of polygons"),
    (write(fracatlas.OUTLINES, b"[]"), "is not a COCO file of polygons"),
    (write(fracatlas.OUTLINES, b"{}"), "images: Field required"),
    (coco_with(segmentation={"counts": "a", "size": [1, 1]}), "annotations.0.segmentation"),
    (coco_with(segmentation=[[1, 2, 3, 4]]), "annotations.0.segmentation.0"),
    (coco_with(segmentation=[[1, 2, 3, 4, 5, 6, 7]]), "annotations.0 has an x without a y"),
    (coco_with(bbox=[1, 2, 3]), "annotations.0.bbox"),
    (coco_with(bbox=[1, 2, 3, float("nan")]), "is not a COCO file of polygons"),
    (coco_with(image_id=999), "annotations.0 is of image 999"),
]


@pytest.mark.parametrize(("damage", "message"), BROKEN)
def test_a_broken_folder_is_told_of_in_one_line(
    drawn: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(drawn)
    with pytest.raises(InputError, match=message) as caught:
        read_folder(drawn)
    assert "\n" not in str(caught.value) and str(drawn) in str(caught.value)


def test_a_missing_folder_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere is not a folder; a FracAtlas folder holds"):
        read_folder(tmp_path / "nowhere")


# --- The authors' splits -----------------------------------------------------------------------


def write_splits(folder: Path, **names: list[str]) -> None:
    for split, films in names.items():
        path = folder / fracatlas.SPLITS[split]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("image_id\n" + "".join(f"{film}.jpg\n" for film in films))


def test_films_know_the_split_that_the_authors_put_them_in(drawn: Path) -> None:
    assert {film.official for film in read_folder(drawn)} == {""}
    assert "official" not in fracatlas.describe(drawn)
    train = [f"IMG{n:07d}" for n in range(14, 24)]
    write_splits(drawn, train=train, val=["IMG0000024"], test=["IMG0000025", "IMG0009999"])
    films = by_name(drawn)
    assert [films[name].official for name in train] == ["train"] * 10
    assert films["IMG0000024"].official == "val" and films["IMG0000025"].official == "test"
    assert films["IMG0000026"].official == films["IMG0000000"].official == ""
    assert fracatlas.describe(drawn).endswith("; official split: 10 train, 1 val, 1 test")


def test_a_film_in_two_splits_is_refused(drawn: Path) -> None:
    write_splits(drawn, train=["IMG0000014", "IMG0000014"], test=["IMG0000014"])
    with pytest.raises(InputError, match=r"test\.csv lists IMG0000014\.jpg, as does train\.csv"):
        read_folder(drawn)


def test_a_split_without_its_column_is_refused(drawn: Path) -> None:
    write_splits(drawn, val=[])
    (drawn / fracatlas.SPLITS["val"]).write_text("film\nIMG0000014.jpg\n")
    with pytest.raises(InputError, match=r"valid\.csv lacks column image_id"):
        read_folder(drawn)


# --- As Supervisely packs it -------------------------------------------------------------------


@pytest.mark.parametrize("place", ["ann", "img"])
def test_both_layouts_give_the_same_films(drawn: Path, tmp_path: Path, place: str) -> None:
    test = [f"IMG{n:07d}" for n in range(14, 18)]
    train = [f"IMG{n:07d}" for n in range(19, 28)]
    write_splits(drawn, train=train, val=["IMG0000018"], test=test)
    packed = pack_for_supervisely(drawn, tmp_path / "packed", place)
    for one, other in zip(read_folder(drawn), read_folder(packed), strict=True):
        assert (one.sample_id, one.label) == (other.sample_id, other.label)
        assert (one.official, one.patient) == (other.official, other.patient)
        published, repacked = one.read(), other.read()
        np.testing.assert_array_equal(published.image, repacked.image)
        assert (published.mask is None) == (repacked.mask is None)
        if published.mask is not None:
            np.testing.assert_array_equal(published.mask, repacked.mask)
            np.testing.assert_allclose(published.boxes, repacked.boxes, atol=0.5)
        assert published.note == repacked.note == ""
        unknown = {"region": "unknown", "hardware": "unknown"}
        assert other.subgroups == (one.subgroups if one.label else unknown)
    assert "28 films (14 no fracture, 14 fracture), 14 with" in fracatlas.describe(packed)
    assert fracatlas.describe(packed).endswith("official split: 9 train, 1 val, 4 test")


def test_published_tables_beside_a_packed_folder_tell_all(drawn: Path, tmp_path: Path) -> None:
    edit_coco(drawn, lambda coco: coco["annotations"][0]["segmentation"][0].__setitem__(0, 12.75))
    packed = pack_for_supervisely(drawn, tmp_path / "packed")
    (packed / fracatlas.OUTLINES).parent.mkdir(parents=True)
    for name in (fracatlas.TABLE, fracatlas.OUTLINES):
        (packed / name).write_bytes((drawn / name).read_bytes())
    for one, other in zip(read_folder(drawn), read_folder(packed), strict=True):
        assert (one.subgroups, one.outlines) == (other.subgroups, other.outlines)


def test_disagreements_of_a_packed_film_are_noted(drawn: Path, tmp_path: Path) -> None:
    edit_table(drawn, lambda rows: rows[-1].__setitem__(-1, "0"))
    packed = pack_for_supervisely(drawn, tmp_path / "packed")
    (packed / "train" / "ann" / "IMG0000014.jpg.json").unlink()
    outlined = (packed / "train" / "ann" / "IMG0000015.jpg.json").read_bytes()
    (packed / fracatlas.PACKED / "ann" / "IMG0000000.jpg.json").write_bytes(outlined)
    notes = {film.sample_id: film.read().note for film in read_folder(packed)}
    assert {name: note for name, note in notes.items() if note} == {
        "IMG0000000": "its annotation says 1 for a film in not fractured; "
        "fracture outlined on a film in not fractured",
        "IMG0000014": "fracture not outlined",
        "IMG0000027": "its annotation says 0 for a film in train",
    }


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove(fracatlas.PACKED), "lacks not fractured/img/; a FracAtlas folder holds"),
        (remove("train"), "lacks train/img/, val/img/, test/img/; a FracAtlas folder holds"),
        (write("train/ann/IMG0000014.jpg.json", b"{"), "is not an annotation of Supervisely"),
    ],
)
def test_a_broken_packed_folder_is_told_of_in_one_line(
    drawn: Path, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    packed = pack_for_supervisely(drawn, tmp_path / "packed")
    damage(packed)
    with pytest.raises(InputError, match=message) as caught:
        read_folder(packed)
    assert "\n" not in str(caught.value) and str(packed) in str(caught.value)


def test_a_film_in_two_folders_of_a_packed_folder_is_refused(drawn: Path, tmp_path: Path) -> None:
    packed = pack_for_supervisely(drawn, tmp_path / "packed")
    (packed / "test" / "img").mkdir(parents=True)
    content = (packed / "train" / "img" / "IMG0000014.jpg").read_bytes()
    (packed / "test" / "img" / "IMG0000014.jpg").write_bytes(content)
    with pytest.raises(InputError, match=r"names must differ"):
        read_folder(packed)


# --- Polygons --------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(st.floats(-20, 40, width=16), st.floats(-20, 40, width=16)),
        min_size=3,
        max_size=8,
    )
)
def test_a_polygon_is_the_same_whichever_way_round_and_lies_in_its_box(
    corners: list[tuple[float, float]],
) -> None:
    one, other = np.zeros((24, 20), dtype=bool), np.zeros((24, 20), dtype=bool)
    fill_polygon(one, np.array(corners))
    fill_polygon(other, np.array(corners[::-1]))
    np.testing.assert_array_equal(one, other)
    (x0, y0), (x1, y1) = np.min(corners, axis=0), np.max(corners, axis=0)
    rows, columns = np.nonzero(one)
    assert np.all((columns + 0.5 >= x0) & (columns + 0.5 <= x1))
    assert np.all((rows + 0.5 >= y0) & (rows + 0.5 <= y1))


def test_a_disc_has_the_area_of_a_disc() -> None:
    angles = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    mask = np.zeros((100, 100), dtype=bool)
    fill_polygon(mask, 50 + 40 * np.stack([np.cos(angles), np.sin(angles)], axis=1))
    assert mask.sum() == pytest.approx(np.pi * 40**2, rel=0.005)


# --- The real films --------------------------------------------------------------------------


def test_real_films_are_read_with_their_faults(real_part: Path, chosen: Any) -> None:
    films = by_name(real_part)
    assert films[chosen.mislabelled].label == 1
    assert films[chosen.mislabelled].read().note == "dataset.csv says 0 for a film in Fractured"
    for name in chosen.truncated:
        film = films[name].read()
        assert film.truncated and film.note == "truncated file, read as far as it goes"
    assert not films[chosen.halved].read().truncated


def test_every_real_outline_gives_a_mask_within_its_boxes(real_part: Path) -> None:
    outlined = [film for film in read_folder(real_part) if film.outlines is not None]
    assert len(outlined) > 20
    for film in outlined:
        assert film.outlines is not None
        radiograph = film.read()
        assert radiograph.mask is not None, radiograph.note
        assert len(radiograph.boxes) == len(film.outlines.instances)
        inside = np.zeros_like(radiograph.mask)
        for x0, y0, x1, y1 in radiograph.boxes:
            inside[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = True
        assert radiograph.mask.any() and not (radiograph.mask & ~inside).any()


def test_a_halved_real_film_has_its_outline_halved(real_part: Path, chosen: Any) -> None:
    film = by_name(real_part)[chosen.halved]
    assert film.outlines is not None
    radiograph = film.read()
    declared = np.array([instance.box for instance in film.outlines.instances])
    assert radiograph.image.shape == (film.outlines.height // 2, film.outlines.width // 2)
    np.testing.assert_allclose(radiograph.boxes, declared / 2)


def test_real_outlines_lie_on_the_film_as_exif_turns_it(real_part: Path, chosen: Any) -> None:
    # Outlines lie on bone, which is brighter than what they'd lie on if the film were turned on.
    for name in chosen.turned:
        radiograph = by_name(real_part)[name].read()
        assert radiograph.mask is not None and "EXIF orientation" in radiograph.note
        turned_on = radiograph.image[::-1, ::-1]
        upright, upside_down = radiograph.image[radiograph.mask], turned_on[radiograph.mask]
        assert upright.mean() > 1.2 * upside_down.mean()


def test_all_real_films_are_described(real: Path) -> None:
    found = fracatlas.describe(real)
    assert "(2864 no fracture, 617 fracture), 617 with outlines, 1 on which" in found
    assert "official split: 495 train, 70 val, 52 test" in found


def test_real_films_are_the_same_in_both_layouts(real_part: Path, tmp_path: Path) -> None:
    packed = by_name(pack_for_supervisely(real_part, tmp_path / "packed"))
    published = by_name(real_part)
    assert published.keys() == packed.keys()
    overlaps = []
    for name, film in published.items():
        assert film.label == packed[name].label
        if film.outlines is not None:
            one, other = film.read(), packed[name].read()
            assert one.mask is not None and other.mask is not None
            overlaps.append((one.mask & other.mask).sum() / (one.mask | other.mask).sum())
            np.testing.assert_allclose(one.boxes, other.boxes, atol=0.51)
    # Supervisely's package keeps whole pixels alone, so an edge may be out by half of one.
    assert len(overlaps) > 20 and np.median(overlaps) > 0.95 and min(overlaps) > 0.8


def test_the_faults_of_a_file_and_of_its_place_are_both_noted(drawn: Path) -> None:
    path = sorted((drawn / fracatlas.FOLDERS[1]).iterdir())[-1]
    path.write_bytes(path.read_bytes()[:-60])
    edit_coco(drawn, lambda coco: coco["annotations"].pop())
    film = read_folder(drawn)[-1].read()
    assert film.note == "fracture not outlined; truncated file, read as far as it goes"
    assert film.truncated and decode(path).truncated
