"""`films.csv`: what is known of films beyond their pixels, and finding films by their names."""

from __future__ import annotations

import csv
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from radrobust.core.errors import InputError

FILE = "file"
PATIENT = "patient"
LABEL = "label"
SPLIT = "split"
SPLITS = ("train", "val", "test")
UNKNOWN = "unknown"
"""A subgroup of films of which the table says nothing."""


@dataclass(frozen=True)
class Entry:
    """One row.

    Attributes
    ----------
    file : str
        The film, as the table names it.
    patient, label, split : str
        Empty where the table says nothing.
    subgroups : dict of str to str
        Every other column, `UNKNOWN` where a cell is empty.
    """

    file: str
    patient: str
    label: str
    split: str
    subgroups: dict[str, str]


@dataclass(frozen=True)
class FilmTable:
    """A whole table: its rows, and the names of its columns of subgroups."""

    rows: tuple[Entry, ...]
    subgroups: tuple[str, ...]


def read_table(path: Path) -> FilmTable:
    """Read a table of films, with commas or, as some spreadsheets have it, semicolons.

    Raises
    ------
    InputError
        It is no CSV table, lacks the column ``file``, has a column twice or without a name, a row
        of more cells than columns, or a split that is none of `SPLITS`.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        head = text.split("\n", 1)[0]
        delimiter = ";" if head.count(";") > head.count(",") else ","
        lines = list(csv.reader(text.splitlines(keepends=True), delimiter=delimiter))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a CSV table in UTF-8: {error}") from None
    columns = [cell.strip() for cell in lines[0]] if lines else []
    _check_columns(columns, path)
    others = tuple(name for name in columns if name not in (FILE, PATIENT, LABEL, SPLIT))
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in line):
            continue
        if len(line) > len(columns):
            raise InputError(f"{path}: row {number} has more cells than there are columns")
        padded = [*line, *[""] * (len(columns) - len(line))]
        cells = [cell.strip() for cell in padded]
        rows.append(_entry(dict(zip(columns, cells, strict=True))))
        _check_row(rows[-1], number, path)
    return FilmTable(tuple(rows), others)


def _check_columns(columns: list[str], path: Path) -> None:
    if FILE not in columns:
        raise InputError(
            f"{path} lacks column {FILE}; it needs {FILE} and may have {PATIENT}, {LABEL}, {SPLIT} "
            "and columns of subgroups"
        )
    if "" in columns:
        raise InputError(f"{path}: column {columns.index('') + 1} has no name")
    for name in columns:
        if columns.count(name) > 1:
            raise InputError(f"{path} has more than one column {name}; keep one of them")


def _entry(row: dict[str, str]) -> Entry:
    file, patient, label, split = (row.pop(name, "") for name in (FILE, PATIENT, LABEL, SPLIT))
    subgroups = {name: cell or UNKNOWN for name, cell in row.items()}
    return Entry(file, patient, label, split.lower(), subgroups)


def _check_row(entry: Entry, number: int, path: Path) -> None:
    if not entry.file:
        raise InputError(f"{path}: row {number} names no {FILE}")
    if entry.split not in ("", *SPLITS):
        raise InputError(
            f"{path}: {SPLIT} of {entry.file} is {entry.split!r}, not {', '.join(SPLITS)} or empty"
        )


class Places:
    """Films by their place in a folder, or by their name alone where one has it.

    Parameters
    ----------
    films : mapping of PurePosixPath to PurePosixPath
        What a film may be called, relative to the folder, and its place.
    """

    def __init__(self, films: Mapping[PurePosixPath, PurePosixPath]) -> None:
        self._by_place: dict[str, PurePosixPath] = {}
        self._by_name: dict[str, list[PurePosixPath]] = defaultdict(list)
        for called, place in films.items():
            self._by_place[normal(called)] = place
            self._by_name[normal(called.name)].append(place)

    def find(self, text: str, where: str) -> PurePosixPath | None:
        """Return the place that a text names; None if no film is there.

        Raises
        ------
        InputError
            The text is a bare name, which several films have; `where` says whose text it is.
        """
        name = normal(text.replace("\\", "/"))
        if name in self._by_place:
            return self._by_place[name]
        found = self._by_name.get(name, [])
        if len(found) > 1:
            one, other = sorted(found)[:2]
            raise InputError(
                f"{where} names {text}, which {one} and {other} are called; give the path"
            )
        return found[0] if found else None


def normal(place: str | PurePosixPath) -> str:
    """Spell a path in one way: some systems part letters from their accents, some do not.

    What is not UTF-8, as on old disks, is taken for Latin-1.
    """
    text = str(PurePosixPath(place))
    if any("\udc80" <= sign <= "\udcff" for sign in text):  # how Python keeps other bytes
        text = text.encode(errors="surrogateescape").decode("latin-1")
    return unicodedata.normalize("NFC", text)
