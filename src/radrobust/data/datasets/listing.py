"""Listing the films of a folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Protocol, TypeVar

from radrobust.core.errors import InputError


class FilmFile(Protocol):
    """A film that is a file."""

    @property
    def sample_id(self) -> str:
        """Stable name."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def label(self) -> int:
        """1 for the finding, 0 for its absence."""

    @property
    def subgroups(self) -> dict[str, str]:
        """Attributes by which results may be broken down."""


AnyFilm = TypeVar("AnyFilm", bound=FilmFile)


def image_files(folder: Path, suffix: str) -> list[Path]:
    """Return the files of a folder with a suffix such as ``.jpg``, without hidden ones."""
    # Archives made on some systems are strewn with hidden companions such as ._IMG0000001.jpg.
    files = (path for path in folder.glob(f"*{suffix}") if not path.name.startswith("."))
    return [path for path in files if path.is_file()]


def sorted_by_id(films: Sequence[AnyFilm], folder: Path) -> list[AnyFilm]:
    """Sort films by `sample_id`.

    Raises
    ------
    InputError
        Two have the same; the message names both, relative to `folder`.
    """
    ordered = sorted(films, key=lambda film: film.sample_id)
    for one, other in pairwise(ordered):
        if one.sample_id == other.sample_id:
            places = f"{one.path.relative_to(folder)} and {other.path.relative_to(folder)}"
            raise InputError(f"{folder} holds {places}; names must differ, so keep one of them")
    return ordered


def counted(films: Sequence[FilmFile], classes: Sequence[str]) -> str:
    """Say how many films there are, and of which class, as in ``9 films (7 normal, 2 ill)``."""
    labels = Counter(film.label for film in films)
    counts = ", ".join(f"{labels[label]} {name}" for label, name in enumerate(classes))
    return f"{len(films)} films ({counts})"
