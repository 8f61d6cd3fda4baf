"""FracAtlas: radiographs of limbs with fractures outlined, as published or as Supervisely packs it.

References
----------
Abedeen et al., FracAtlas: A Dataset for Fracture Classification, Localization and Segmentation of
Musculoskeletal Radiographs, Scientific Data 10:521, 2023, doi:10.1038/s41597-023-02432-4.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from radrobust.core.errors import InputError
from radrobust.data.datasets.listing import counted, image_files, sorted_by_id
from radrobust.data.datasets.registry import Dataset, Published, Radiograph, register
from radrobust.data.datasets.supervisely import Annotation, read_annotation
from radrobust.data.decode.grey import decode
from radrobust.data.decode.outlines import Outlines, draw_outlines, read_coco

if TYPE_CHECKING:
    from radrobust.core.params import Params

CLASSES = ("no fracture", "fracture")
FOLDERS = ("images/Non_fractured", "images/Fractured")
"""Where the films of label 0 and of label 1 lie."""

TABLE = "dataset.csv"
OUTLINES = "Annotations/COCO JSON/COCO_fracture_masks.json"
SPLITS = {
    "train": "Utilities/Fracture Split/train.csv",
    "val": "Utilities/Fracture Split/valid.csv",
    "test": "Utilities/Fracture Split/test.csv",
}
"""Where the authors list the fractured films of each of their splits; may be missing."""

PACKED = "not fractured"
"""Where Supervisely puts the films of label 0; those of label 1 are in a folder a split."""

LAYOUT = (
    f"a FracAtlas folder holds {FOLDERS[1]}/, {FOLDERS[0]}/, {TABLE} and {OUTLINES}, or, as "
    f"Supervisely packs it, train/img/, val/img/, test/img/ and {PACKED}/img/"
)

REGIONS = ("hand", "leg", "hip", "shoulder")
COLUMNS = ("image_id", *REGIONS, "mixed", "hardware", "fractured")


# --- What a film is ---------------------------------------------------------------------------


@dataclass(frozen=True)
class FracAtlasFilm:
    """One file of FracAtlas and what the tables beside it say.

    Attributes
    ----------
    path : Path
        The image file.
    label : int
        1 in ``Fractured`` or a split, 0 in ``Non_fractured`` or ``not fractured``: the folder
        decides.
    subgroups : dict of str to str
        ``region`` and ``hardware``.
    outlines : Outlines or None
        None where the film is not annotated.
    faults : tuple of str
        Disagreements between folder, table and annotations.
    official : str
        The authors' split: train, val or test; empty for films that are in none.
    patient : str
        Empty: FracAtlas tells nothing of patients.
    """

    path: Path
    label: int
    subgroups: dict[str, str]
    outlines: Outlines | None
    faults: tuple[str, ...]
    official: str = ""
    patient: str = ""

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
        mask, boxes, faults = draw_outlines(self.outlines, picture.image.shape)
        faults = (*self.faults, *picture.faults, *faults)
        return picture.of(self, mask, boxes, faults)


# --- Reading a folder -------------------------------------------------------------------------


def read_folder(folder: Path) -> list[FracAtlasFilm]:
    """List the films of a FracAtlas folder, sorted by `sample_id`, without decoding them.

    Both layouts give the same films with the same labels and splits. Supervisely's knows less: it
    has the outlines in whole pixels, and nothing of the films without a fracture. Where the
    published table and outlines lie beside its folders, they are taken instead.

    Raises
    ------
    InputError
        A part of the layout is missing, or one of the tables is broken.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; {LAYOUT}")
    packed = not (folder / "images").is_dir() and any(
        (folder / part / "img").is_dir() for part in (*SPLITS, PACKED)
    )
    return sorted_by_id(list(_packed(folder) if packed else _published(folder)), folder)


def _published(folder: Path) -> Iterator[FracAtlasFilm]:
    """List the films of the published layout."""
    for name in FOLDERS:
        _need_films(folder, [name])
    for name in (TABLE, OUTLINES):
        if not (folder / name).is_file():
            raise InputError(f"{folder} lacks {name}; {LAYOUT}")
    table = _read_table(folder / TABLE)
    outlines = read_coco(folder / OUTLINES)
    splits = _read_splits(folder)
    for label, name in enumerate(FOLDERS):
        for path in image_files(folder / name, ".jpg"):
            row, drawn = table.get(path.name), outlines.get(path.name)
            faults = [] if row else [f"no row in {TABLE}"]
            if row and row["fractured"] != str(label):
                faults.append(f"{TABLE} says {row['fractured']} for a film in {path.parent.name}")
            faults += _misplaced(label, path.parent.name, drawn)
            official = splits.get(path.name, "")
            yield FracAtlasFilm(path, label, _subgroups(row), drawn, tuple(faults), official)


def _packed(folder: Path) -> Iterator[FracAtlasFilm]:
    """List the films of Supervisely's layout: tags and outlines lie beside each film."""
    _need_films(folder, [f"{PACKED}/img"])
    _need_films(folder, [f"{split}/img" for split in SPLITS])
    table = _read_table(folder / TABLE) if (folder / TABLE).is_file() else {}
    outlines = read_coco(folder / OUTLINES) if (folder / OUTLINES).is_file() else {}
    for part in (PACKED, *SPLITS):
        label, official = int(part != PACKED), part if part in SPLITS else ""
        for path in image_files(folder / part / "img", ".jpg"):
            annotation = _annotation(path)
            row = table.get(path.name) or _row(annotation.tags)
            drawn = outlines.get(path.name) or annotation.outlines
            faults = _misplaced(label, part, drawn)
            if row and row["fractured"] != str(label):
                teller = TABLE if path.name in table else "its annotation"
                faults.insert(0, f"{teller} says {row['fractured']} for a film in {part}")
            yield FracAtlasFilm(path, label, _subgroups(row), drawn, tuple(faults), official)


def _annotation(film: Path) -> Annotation:
    """Read what lies in `ann` beside the film's folder, or beside the film itself."""
    name = f"{film.name}.json"
    for place in (film.parents[1] / "ann" / name, film.with_name(name)):
        if place.is_file():
            return read_annotation(place, "fractured")
    return Annotation(frozenset(), None)


def _row(tags: frozenset[str]) -> dict[str, str] | None:
    """Return the row of dataset.csv that a film's tags were made of; None if it has none."""
    return {column: str(int(column in tags)) for column in COLUMNS[1:]} if tags else None


def _need_films(folder: Path, names: Sequence[str]) -> None:
    """See that at least one of several folders is there and holds films."""
    there = [name for name in names if (folder / name).is_dir()]
    if not there:
        raise InputError(f"{folder} lacks {'/, '.join(names)}/; {LAYOUT}")
    if not any(image_files(folder / name, ".jpg") for name in there):
        raise InputError(f"{folder / there[0]} holds no .jpg files; {LAYOUT}")


def _misplaced(label: int, folder: str, outlines: Outlines | None) -> list[str]:
    """Say where outlines are missing, or are where none should be."""
    if label == 1 and outlines is None:
        return ["fracture not outlined"]
    if label == 0 and outlines is not None:
        return [f"fracture outlined on a film in {folder}"]
    return []


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
    table: dict[str, dict[str, str]] = {}
    for row in _rows(path, COLUMNS):
        name = row["image_id"]
        for column in COLUMNS[1:]:
            if row[column] not in ("0", "1"):
                raise InputError(f"{path}: {column} of {name} is {row[column]!r}, not 0 or 1")
        if name in table:
            raise InputError(f"{path} has more than one row for {name}; keep one of them")
        table[name] = row
    return table


def _read_splits(folder: Path) -> dict[str, str]:
    """Return the authors' split of each film that they list, by file name."""
    splits: dict[str, str] = {}
    for split, name in SPLITS.items():
        path = folder / name
        for row in _rows(path, ("image_id",)) if path.is_file() else ():
            film = row["image_id"]
            if splits.setdefault(film, split) != split:
                other = folder / SPLITS[splits[film]]
                raise InputError(f"{path} lists {film}, as does {other.name}; keep one of the two")
    return splits


def _rows(path: Path, columns: Iterable[str]) -> list[dict[str, str]]:
    """Read a CSV table that has certain columns."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [column for column in columns if column not in (reader.fieldnames or ())]
            if missing:
                raise InputError(f"{path} lacks column {missing[0]}; it needs {', '.join(columns)}")
            return list(reader)
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a CSV table: {error}") from None


def describe(folder: Path) -> str:
    """Check a FracAtlas folder and tell how many films of each class it holds.

    Raises
    ------
    InputError
        As `read_folder`.
    """
    films = read_folder(folder)
    outlined = sum(film.outlines is not None for film in films)
    faulty = sum(bool(film.faults) for film in films)
    found = (
        f"{counted(films, CLASSES)}, {outlined} with outlines, "
        f"{faulty} on which folder, table and outlines disagree"
    )
    official = Counter(film.official for film in films if film.official)
    if official:
        found += "; official split: " + ", ".join(f"{official[split]} {split}" for split in SPLITS)
    table = _read_table(folder / TABLE) if (folder / TABLE).is_file() else {}
    absent = len(table.keys() - {film.path.name for film in films})
    return found + (f"; {absent} films that {TABLE} names are not here" if absent else "")


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
            files=(
                *(f"{folder}/*.jpg" for folder in FOLDERS),
                *(TABLE, OUTLINES, *SPLITS.values()),
                *(f"{part}/img/*.jpg" for part in (*SPLITS, PACKED)),
                *(f"{part}/img/*.jpg.json" for part in (*SPLITS, PACKED)),
                *(f"{part}/ann/*.jpg.json" for part in (*SPLITS, PACKED)),
            ),
            describe=describe,
            record="https://api.figshare.com/v2/articles/22363012",
            archive="FracAtlas.zip",
            by_hand="https://figshare.com/articles/dataset/The_dataset/22363012",
        ),
    )
)
