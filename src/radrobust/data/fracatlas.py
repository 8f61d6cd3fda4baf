"""FracAtlas: radiographs of limbs with fractures outlined, in the layout of the published archive.

References
----------
Abedeen et al., FracAtlas: A Dataset for Fracture Classification, Localization and Segmentation of
Musculoskeletal Radiographs, Scientific Data 10:521, 2023, doi:10.1038/s41597-023-02432-4.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from radrobust.data.dataset import Box, Dataset, Published, Radiograph, register
from radrobust.data.reading import decode
from radrobust.errors import InputError

if TYPE_CHECKING:
    from radrobust.params import Params

CLASSES = ("no fracture", "fracture")
FOLDERS = ("images/Non_fractured", "images/Fractured")
"""Where the films of label 0 and of label 1 lie."""

TABLE = "dataset.csv"
OUTLINES = "Annotations/COCO JSON/COCO_fracture_masks.json"
LAYOUT = f"a FracAtlas folder holds {FOLDERS[1]}/, {FOLDERS[0]}/, {TABLE} and {OUTLINES}"

REGIONS = ("hand", "leg", "hip", "shoulder")
COLUMNS = ("image_id", *REGIONS, "mixed", "hardware", "fractured")

ASPECT_TOLERANCE = 0.02
"""By how much two width-to-height ratios may differ: rounding at halving stays far below it."""


# --- What a film is ---------------------------------------------------------------------------


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


@dataclass(frozen=True)
class FracAtlasFilm:
    """One file of FracAtlas and what the tables beside it say.

    Attributes
    ----------
    path : Path
        The image file.
    label : int
        1 in ``Fractured``, 0 in ``Non_fractured``: the folder decides.
    subgroups : dict of str to str
        ``region`` and ``hardware``.
    outlines : Outlines or None
        None where the film is not annotated.
    faults : tuple of str
        Disagreements between folder, table and annotations.
    """

    path: Path
    label: int
    subgroups: dict[str, str]
    outlines: Outlines | None
    faults: tuple[str, ...]

    @property
    def sample_id(self) -> str:
        """The file's stem, such as ``IMG0003298``."""
        return self.path.stem

    def read(self) -> Radiograph:
        """Decode the film and draw its mask.

        The annotations were drawn on films turned as their EXIF orientation says, which is how
        `decode` gives them.
        """
        picture = decode(self.path)
        mask, boxes, faults = _place(self.outlines, picture.image.shape)
        return Radiograph(
            image=picture.image,
            mask=mask,
            boxes=boxes,
            label=self.label,
            subgroups=self.subgroups,
            mode=picture.mode,
            truncated=picture.truncated,
            note="; ".join((*self.faults, *picture.faults, *faults)),
        )


def _place(
    outlines: Outlines | None, shape: tuple[int, ...]
) -> tuple[NDArray[np.bool_] | None, tuple[Box, ...], tuple[str, ...]]:
    """Mask, boxes and faults of a film of `shape` (H, W), whatever size its outlines declare."""
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
        if y0 != y1:
            crosses = (y0 <= y) != (y1 <= y)
            inside ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    mask[top:bottom, left:right] |= inside


def _fill_box(mask: NDArray[np.bool_], box: Box) -> None:
    """Set the pixels that a clipped box touches, at least the one nearest to it."""
    height, width = mask.shape
    left, top = min(int(box[0]), width - 1), min(int(box[1]), height - 1)
    right, bottom = max(left + 1, int(np.ceil(box[2]))), max(top + 1, int(np.ceil(box[3])))
    mask[top:bottom, left:right] = True


# --- Reading a folder -------------------------------------------------------------------------


def read_folder(folder: Path) -> list[FracAtlasFilm]:
    """List the films of a FracAtlas folder, sorted by `sample_id`, without decoding them.

    Raises
    ------
    InputError
        A part of the layout is missing, or one of the tables is broken.
    """
    _check_layout(folder)
    table = _read_table(folder / TABLE)
    outlines = _read_outlines(folder / OUTLINES)
    films = [
        _film(path, label, table.get(path.name), outlines.get(path.name))
        for label, name in enumerate(FOLDERS)
        for path in _image_files(folder / name)
    ]
    films.sort(key=lambda film: film.sample_id)
    for one, other in pairwise(films):
        if one.sample_id == other.sample_id:
            places = f"{one.path.relative_to(folder)} and {other.path.relative_to(folder)}"
            raise InputError(f"{folder} holds {places}; names must differ, so keep one of them")
    return films


def _check_layout(folder: Path) -> None:
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; {LAYOUT}")
    for name in FOLDERS:
        if not (folder / name).is_dir():
            raise InputError(f"{folder} lacks {name}/; {LAYOUT}")
        if not _image_files(folder / name):
            raise InputError(f"{folder / name} holds no .jpg files; {LAYOUT}")
    for name in (TABLE, OUTLINES):
        if not (folder / name).is_file():
            raise InputError(f"{folder} lacks {name}; {LAYOUT}")


def _image_files(folder: Path) -> list[Path]:
    # Archives made on some systems are strewn with hidden companions such as ._IMG0000001.jpg.
    files = (path for path in folder.glob("*.jpg") if not path.name.startswith("."))
    return [path for path in files if path.is_file()]


def _film(
    path: Path, label: int, row: dict[str, str] | None, outlines: Outlines | None
) -> FracAtlasFilm:
    faults = []
    if row is None:
        faults.append(f"no row in {TABLE}")
    elif row["fractured"] != str(label):
        faults.append(f"{TABLE} says {row['fractured']} for a film in {path.parent.name}")
    if label == 1 and outlines is None:
        faults.append("fracture not outlined")
    if label == 0 and outlines is not None:
        faults.append(f"fracture outlined on a film in {path.parent.name}")
    return FracAtlasFilm(path, label, _subgroups(row), outlines, tuple(faults))


def _subgroups(row: dict[str, str] | None) -> dict[str, str]:
    if row is None:
        return {"region": "unknown", "hardware": "unknown"}
    regions = [region for region in REGIONS if row[region] == "1"]
    if row["mixed"] == "1" or len(regions) > 1:
        regions = ["mixed"]
    return {
        "region": regions[0] if regions else "unknown",
        "hardware": "yes" if row["hardware"] == "1" else "no",
    }


def _read_table(path: Path) -> dict[str, dict[str, str]]:
    """Rows of dataset.csv by file name."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise InputError(f"{path} lacks column {missing[0]}; it needs {', '.join(COLUMNS)}")
            rows = list(reader)
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a CSV table: {error}") from None
    table: dict[str, dict[str, str]] = {}
    for row in rows:
        name = row["image_id"]
        for column in COLUMNS[1:]:
            if row[column] not in ("0", "1"):
                raise InputError(f"{path}: {column} of {name} is {row[column]!r}, not 0 or 1")
        if name in table:
            raise InputError(f"{path} has more than one row for {name}; keep one of them")
        table[name] = row
    return table


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class _CocoImage(_Part):
    id: int
    file_name: str
    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]


class _CocoAnnotation(_Part):
    image_id: int
    segmentation: list[Annotated[list[float], Field(min_length=6)]]
    bbox: tuple[float, float, float, float]  # x, y, width, height


class _Coco(_Part):
    images: list[_CocoImage]
    annotations: list[_CocoAnnotation]


def _read_outlines(path: Path) -> dict[str, Outlines]:
    """Outlined fractures by file name."""
    try:
        coco = _Coco.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = f"{place}: {first['msg']}" if place else first["msg"]
        raise InputError(f"{path} is not a COCO file of polygons: {reason}") from None
    names = {image.id for image in coco.images}
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


def describe(folder: Path) -> str:
    """Check a FracAtlas folder and tell how many films of each class it holds.

    Raises
    ------
    InputError
        As `read_folder`.
    """
    films = read_folder(folder)
    labels = Counter(film.label for film in films)
    counts = ", ".join(f"{labels[label]} {CLASSES[label]}" for label in (0, 1))
    outlined = sum(film.outlines is not None for film in films)
    faulty = sum(bool(film.faults) for film in films)
    absent = len(_read_table(folder / TABLE).keys() - {film.path.name for film in films})
    return (
        f"{len(films)} films ({counts}), {outlined} with outlines, "
        f"{faulty} on which folder, table and outlines disagree"
        + (f"; {absent} films that {TABLE} names are not here" if absent else "")
    )


def films(_params: Params, folder: Path) -> list[FracAtlasFilm]:
    """List the films of a study."""
    return read_folder(folder)


register(
    Dataset(
        name="fracatlas",
        title="FracAtlas",
        classes=CLASSES,
        finding="fracture",
        licence="CC BY 4.0",
        citation=(
            "Abedeen et al., FracAtlas: A Dataset for Fracture Classification, Localization and "
            "Segmentation of Musculoskeletal Radiographs, Scientific Data 10:521, 2023, "
            "doi:10.1038/s41597-023-02432-4"
        ),
        source="figshare, article 22363012, doi:10.6084/m9.figshare.22363012",
        films=films,
        published=Published(
            files=(*(f"{folder}/*.jpg" for folder in FOLDERS), TABLE, OUTLINES),
            describe=describe,
        ),
    )
)
