"""Radiographs of one's own: one folder a class, and, as far as there are any, masks and a table.

What a folder holds is told in `docs/folder.md`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from radrobust.core.errors import InputError
from radrobust.core.params import choose
from radrobust.data import pseudonyms
from radrobust.data.datasets.film_table import UNKNOWN, Entry, Places, normal, read_table
from radrobust.data.datasets.listing import counted, sorted_by_id
from radrobust.data.datasets.registry import Box, Dataset, Published, Radiograph, register
from radrobust.data.decode.dicom import person_of
from radrobust.data.decode.grey import DICOM_SUFFIXES, decode, is_dicom, read_mask
from radrobust.data.decode.outlines import Outlines, draw_outlines, read_coco
from radrobust.data.identity import Person, telling

if TYPE_CHECKING:
    from radrobust.core.params import Params

MASKS = "masks"
OUTLINES = "annotations.json"
TABLE = "films.csv"
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp", ".webp")
SUFFIXES = (*IMAGE_SUFFIXES, *DICOM_SUFFIXES)
LAYOUT = f"one folder holds the films of one class; {MASKS}/, {OUTLINES} and {TABLE} may be there"

Thing = TypeVar("Thing")

NUMBERED = "its path held the patient's identifier, name or birth date"
"""What is noted of a film that has a number in the place of its path."""

MAX_REGIONS = 100
"""Pieces of a mask beyond which they are noise, or one finding in crumbs: one box around all."""


# --- What a film is ---------------------------------------------------------------------------


@dataclass(frozen=True)
class FolderFilm:
    """One file and what lies beside it.

    Attributes
    ----------
    path : Path
        The image or DICOM file.
    sample_id : str
        Its place in the folder, without suffix, of letters, digits and ``_-.``; where that would
        tell who it is, its class and a number.
    label : int
        1 in the folder of the finding, 0 in the other.
    mask : Path or None
        Image file of the finding's place.
    outlines : Outlines or None
        The finding's place as polygons and boxes; the mask comes first.
    faults : tuple of str
        Disagreements between folder, table and masks, and `NUMBERED`.
    patient : str
        A number for whom the table names, or else the DICOM header; empty if nobody is.
    official : str
        The table's split: train, val or test; empty if it says nothing.
    subgroups : dict of str to str
        Every further column of the table.
    """

    path: Path
    sample_id: str
    label: int
    mask: Path | None = None
    outlines: Outlines | None = None
    faults: tuple[str, ...] = ()
    patient: str = ""
    official: str = ""
    subgroups: dict[str, str] = field(default_factory=dict)

    def read(self) -> Radiograph:
        """Decode the film and its mask, which lies in the film's upright frame."""
        try:
            picture = decode(self.path)
        except InputError as error:
            raise InputError("; ".join((str(error), *self.faults))) from None
        mask, boxes, faults = self._place(picture.image.shape)
        faults = (*self.faults, *picture.faults, *faults)
        return picture.of(self, mask, boxes, faults)

    def _place(
        self, shape: tuple[int, ...]
    ) -> tuple[NDArray[np.bool_] | None, tuple[Box, ...], tuple[str, ...]]:
        if self.mask is None:
            return draw_outlines(self.outlines, shape)
        try:
            mask = read_mask(self.mask)
        except InputError as error:
            return None, (), (f"mask left out: {str(error).replace(str(self.mask), 'it')}",)
        if mask.shape != shape:
            (height, width), (rows, columns) = shape, mask.shape
            fault = f"mask left out: it has {columns}×{rows} pixels, the film {width}×{height}"
            return None, (), (fault,)
        if not mask.any():
            return None, (), ("mask left out: it is empty",) if self.label else ()
        boxes, faults = boxes_of(mask)
        return mask, boxes, faults


def boxes_of(mask: NDArray[np.bool_]) -> tuple[tuple[Box, ...], tuple[str, ...]]:
    """Boxes around the pieces of a mask, which touch nowhere, not even at corners, and faults.

    Examples
    --------
    >>> boxes_of(np.array([[True, False, False, True], [False, True, False, True]]))
    (((0.0, 0.0, 2.0, 2.0), (3.0, 0.0, 4.0, 2.0)), ())
    """
    pieces, count = ndimage.label(mask, np.ones((3, 3), dtype=int))
    faults: tuple[str, ...] = ()
    if count > MAX_REGIONS:
        faults = (f"one box around the {count} pieces of the mask",)
        pieces = mask.astype(int)
    boxes = tuple(
        (float(x.start), float(y.start), float(x.stop), float(y.stop))
        for y, x in ndimage.find_objects(pieces)
    )
    return boxes, faults


# --- Reading a folder -------------------------------------------------------------------------


@dataclass(frozen=True)
class _Folder:
    """Everything that a folder holds.

    Attributes
    ----------
    films : dict of PurePosixPath to FolderFilm
        By their place. They are named by it and have no patient yet.
    persons : dict of PurePosixPath to Person
        Whom they show.
    strangers : tuple of str
        What belongs to films that are not here, such as ``2 rows of films.csv``.
    """

    films: dict[PurePosixPath, FolderFilm]
    persons: dict[PurePosixPath, Person]
    strangers: tuple[str, ...]

    def patients(self) -> set[str]:
        """Return the identifiers of all patients that are known."""
        return {person.patient for person in self.persons.values()} - {""}

    def telling(self) -> set[str]:
        """Return the places that tell whom they show, spelled as `normal` does."""
        return telling({normal(place): person for place, person in self.persons.items()})


def read_folder(folder: Path, finding: str) -> list[FolderFilm]:
    """List the films of a folder, sorted by `sample_id`, without decoding them.

    Patients, and paths that tell who somebody is, become numbers, which are kept in the folder.

    Parameters
    ----------
    folder : Path
        One folder a class, and what may lie beside them.
    finding : str
        The folder whose films are label 1.

    Raises
    ------
    InputError
        There are not two classes, none is called `finding`, one has no films, or two films would
        have one `sample_id`; a table is broken, or what it says fits several films; the numbers
        cannot be read or written.
    """
    found = _read(folder, finding)
    given = pseudonyms.give_numbers(folder, found.patients(), found.telling())
    of_patients, of_films = given.of_patients(), given.of_films()
    films = []
    for place, film in found.films.items():
        patient = str(of_patients.get(found.persons[place].patient, ""))
        film = replace(film, patient=patient)
        if number := of_films.get(normal(place)):
            # With zeros, so that films that are added come behind the others in the alphabet.
            name = _sample_id(PurePosixPath(place.parts[0], f"numbered-{number:06}"))
            film = replace(film, sample_id=name, faults=(*film.faults, NUMBERED))
        films.append(film)
    return sorted_by_id(films, folder)


MARKUP = re.compile(r"[`$*\[\]{}<>|\\~^@\x00-\x1f]")
"""Signs that a renderer of sentences takes for more than themselves."""


def classes_of(folder: Path, finding: str) -> tuple[str, str]:
    """Return the names of label 0 and label 1.

    Raises
    ------
    InputError
        There are not two classes, or none is called `finding`.
    """
    names = _class_names(folder)
    finding = choose("folder.finding: class", finding, names)
    return names[1 - names.index(finding)], finding


def _class_names(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; {LAYOUT}")
    names = sorted(
        path.name
        for path in folder.iterdir()
        if path.is_dir() and not path.name.startswith((".", "__")) and path.name != MASKS
    )
    if len(names) != 2:
        found = f"{len(names)} ({', '.join(names)})" if names else "none"
        raise InputError(f"{folder} must hold two folders of films, not {found}; {LAYOUT}")
    for name in names:
        if sign := MARKUP.search(name):
            raise InputError(
                f"the name of the folder {name!r} in {folder} holds {sign[0]!r}, and every page "
                "says it in sentences; name it by letters, digits, spaces and - _ . , + ( )"
            )
    return names


def _read(folder: Path, finding: str) -> _Folder:
    labels = {
        PurePosixPath(path.relative_to(folder).as_posix()): label
        for label, name in enumerate(classes_of(folder, finding))
        for path in _films_in(folder / name)
    }
    known = Places({place: place for place in labels})
    masks = _match(_masks(folder), Places({_bare(place): place for place in labels}))
    outlines = _match(_outlines(folder), known)
    table = read_table(folder / TABLE) if (folder / TABLE).exists() else None
    rows = table.rows if table is not None else ()
    entries = _match(_Beside(str(folder / TABLE), [(row.file, row) for row in rows]), known)
    unknown = dict.fromkeys(table.subgroups if table is not None else (), UNKNOWN)
    films, persons = {}, {}
    for place, label in labels.items():
        entry = entries.of.get(place)
        film = FolderFilm(
            path=folder / place,
            sample_id=_sample_id(place),
            label=label,
            mask=masks.of.get(place),
            outlines=outlines.of.get(place),
            official=entry.split if entry is not None else "",
            subgroups=entry.subgroups if entry is not None else unknown,
        )
        faults = list(_mark_faults(film, any_marked=bool(masks.of or outlines.of)))
        if table is not None:
            faults += _table_faults(entry, place.parts[0])
        films[place] = replace(film, faults=tuple(faults))
        persons[place] = _person(film.path, entry)
    beside = {
        f"masks in {MASKS}/": masks.absent,
        f"images in {OUTLINES}": outlines.absent,
        f"rows of {TABLE}": entries.absent,
    }
    strangers = tuple(f"{absent} {what}" for what, absent in beside.items() if absent)
    sorted_by_id(list(films.values()), folder)  # which refuses two of one name
    return _Folder(films, persons, strangers)


def _person(path: Path, entry: Entry | None) -> Person:
    """Return what the film itself says of whom it shows, and before it the table."""
    # Of image files, which can't say, not even the first bytes are read.
    person = Person() if path.suffix.lower() in IMAGE_SUFFIXES else person_of(path)
    named = (entry.patient,) if entry is not None and entry.patient else ()
    return replace(person, identifiers=(*named, *person.identifiers))


def _films_in(folder: Path) -> list[Path]:
    films = [path for path in _files(folder) if _is_film(path)]
    if not films:
        raise InputError(f"{folder} holds no films; they may be PNG, JPEG, TIFF or DICOM files")
    return films


def _files(folder: Path) -> Iterator[Path]:
    """List the files below a folder, hidden ones and those in hidden folders left out."""

    def fail(error: OSError) -> None:
        raise InputError(f"{error.filename} cannot be read: {error.strerror}")

    for place, folders, names in os.walk(folder, onerror=fail):
        here = Path(place)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            if (here / name).is_symlink():
                raise InputError(
                    f"{here / name} is a link to a folder, which may lead in circles; put the "
                    "files themselves there"
                )
        yield from (here / name for name in sorted(names) if not name.startswith("."))


def _is_film(path: Path) -> bool:
    if path.suffix.lower() in SUFFIXES:
        return True
    # Scanners name files by numbers with dots in them, and give them no suffix.
    return path.name != "DICOMDIR" and path.is_file() and is_dicom(path)


def _bare(place: PurePosixPath) -> PurePosixPath:
    return place.with_suffix("") if place.suffix.lower() in SUFFIXES else place


def _sample_id(place: PurePosixPath) -> str:
    return re.sub(r"[^\w.-]+", "_", normal(_bare(place)).replace("/", "-"))


# --- What lies beside the films -----------------------------------------------------------------


@dataclass(frozen=True)
class _Beside(Generic[Thing]):
    """Things that name films, and where they are from."""

    where: str
    named: list[tuple[str, Thing]]


@dataclass(frozen=True)
class _Matched(Generic[Thing]):
    """Things by the film that they are of, and the number of those whose film is not here."""

    of: dict[PurePosixPath, Thing]
    absent: int


def _match(beside: _Beside[Thing], known: Places) -> _Matched[Thing]:
    of: dict[PurePosixPath, Thing] = {}
    absent = 0
    for name, thing in beside.named:
        place = known.find(name, beside.where)
        if place is None:
            absent += 1
        elif place in of:
            raise InputError(f"{beside.where} names {place} more than once; keep one of them")
        else:
            of[place] = thing
    return _Matched(of, absent)


def _masks(folder: Path) -> _Beside[Path]:
    masks = list(_files(folder / MASKS)) if (folder / MASKS).is_dir() else []
    for path in masks:
        if path.suffix.lower() != ".png":
            raise InputError(f"{path} is no mask; masks are PNG files, which keep every pixel")
    names = [path.relative_to(folder / MASKS).with_suffix("").as_posix() for path in masks]
    return _Beside(str(folder / MASKS), list(zip(names, masks, strict=True)))


def _outlines(folder: Path) -> _Beside[Outlines]:
    path = folder / OUTLINES
    return _Beside(str(path), list(read_coco(path).items()) if path.exists() else [])


def _mark_faults(film: FolderFilm, any_marked: bool) -> Iterator[str]:
    if any_marked and film.label == 1 and film.mask is None and film.outlines is None:
        yield "finding not outlined"
    if film.label == 0 and film.outlines is not None:
        yield "finding outlined on a film without it"
    if film.mask is not None and film.outlines is not None:
        yield f"has a mask and is in {OUTLINES}: the mask is taken"


def _table_faults(entry: Entry | None, folder: str) -> Iterator[str]:
    if entry is None:
        yield f"no row in {TABLE}"
    elif entry.label and normal(entry.label) != normal(folder):
        yield f"{TABLE} says {entry.label!r} for a film in {folder}"


# --- The dataset --------------------------------------------------------------------------------


def describe(folder: Path) -> str:
    """Check a folder and tell how many films of each class it holds.

    Raises
    ------
    InputError
        As `read_folder`.
    """
    names = _class_names(folder)
    found = _read(folder, names[1])
    films = list(found.films.values())
    marked = sum(film.mask is not None or film.outlines is not None for film in films)
    faulty = sum(bool(film.faults) for film in films)
    patients, telling = len(found.patients()), len(found.telling())
    return (
        f"{counted(films, names)}, "
        f"{marked} with a mask or outlines, {faulty} on which folder, {TABLE} and masks disagree; "
        f"{patients} patients known"
        + f"; {telling} paths tell who it is and become numbers in all results" * bool(telling)
        + "".join(f"; {stranger} of films that are not here" for stranger in found.strangers)
        + f"; folder.finding is to be {names[0]} or {names[1]}"
    )


def complete(folder: Path, former: Path) -> None:
    """Number patients and paths of a folder that was imported.

    What was numbered in the folder that it replaces keeps its number, unless numbers came along.
    """
    pseudonyms.keep_numbers(former, folder)
    read_folder(folder, _class_names(folder)[1])


def films(params: Params, folder: Path) -> list[FolderFilm]:
    """List the films of a study."""
    return read_folder(folder, params.folder.finding)


def adapt(dataset: Dataset, params: Params, folder: Path) -> Dataset:
    """Return the dataset with the names of its folders."""
    absent, present = classes_of(folder, params.folder.finding)
    return replace(
        dataset,
        title=f"Own radiographs: {present} or {absent}",
        classes=(absent, present),
        finding=present,
    )


register(
    Dataset(
        name="folder",
        title="Own radiographs",
        classes=("absent", "present"),
        finding="finding",
        licence="whatever their owner says",
        citation="none: films of one's own",
        source="a folder of one's own, see docs/folder.md",
        films=films,
        published=Published(
            files=("*/**/*", TABLE, OUTLINES, pseudonyms.FILE), describe=describe, complete=complete
        ),
        adapt=adapt,
    )
)
