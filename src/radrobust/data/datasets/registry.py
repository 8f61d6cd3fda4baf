"""What a dataset is, what a film is, and the registry of both kinds of dataset: drawn and imported.

To add a dataset, add one module to this package that ends in ``register(Dataset(...))``.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

import radrobust.data.datasets
from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.params import choose

if TYPE_CHECKING:
    from radrobust.core.params import Params

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels; x runs to the right, y down, and the first pixel spans 0 to 1."""


@dataclass(frozen=True)
class Radiograph:
    """One film, decoded.

    Attributes
    ----------
    image : ndarray of uint8, H×W
        Grey values, 0 to 255.
    mask : ndarray of bool, H×W, or None
        True on the finding; None where nothing is known of its place.
    boxes : tuple of Box
        One a finding, in pixels of `image`.
    label : int
        1 for the finding, 0 for its absence.
    subgroups : dict of str to str
        Attributes by which results may be broken down; the same keys for each film of a dataset.
    mode : str
        Pillow's name of the file's pixel format, such as ``L`` or ``RGB``.
    truncated : bool
        The file ends early; what is missing is black or grey.
    note : str
        Faults found, in words; empty if there are none.
    file_bytes : int
        Size of the file; 0 for a film that is drawn.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_] | None
    boxes: tuple[Box, ...]
    label: int
    subgroups: dict[str, str]
    mode: str
    truncated: bool
    note: str
    file_bytes: int = 0


class Film(Protocol):
    """One radiograph before decoding: small, and picklable, so that any process can read it."""

    @property
    def sample_id(self) -> str:
        """Stable name, derived from the film and not from its place in a list."""

    @property
    def label(self) -> int:
        """1 for the finding, 0 for its absence."""

    @property
    def patient(self) -> str:
        """Whose film it is, as a number that tells nothing of the person; empty if not known."""

    @property
    def official(self) -> str:
        """Where the dataset's authors put it: train, val or test; empty if nowhere."""

    @property
    def path(self) -> Path | None:
        """Its file; None if it is drawn."""

    def read(self) -> Radiograph:
        """Decode or draw the film.

        Raises
        ------
        InputError
            It cannot be read.
        """


@dataclass(frozen=True)
class Published:
    """How a dataset that has to be imported is laid out, and where it comes from.

    Attributes
    ----------
    files : tuple of str
        Patterns of the files that make it up, relative to its folder, as `Path.glob` reads them.
        What matches none of them stays behind at import. Some may match nothing: `describe` knows
        what is needed.
    describe : callable
        Check a folder in that layout without decoding films, and tell in words what it holds.
        Raises InputError where something is missing or unusable.
    record : str
        Address of the JSON in which its repository lists the dataset's files; empty where nobody
        can fetch it without an account.
    archive : str
        Name of the file in that list that holds it all.
    by_hand : str
        Where people find it, in words.
    complete : callable or None
        Do what is left to do in a folder that was just filled, given it and the one that it
        replaces, which need not exist. None where that is nothing.
    """

    files: tuple[str, ...]
    describe: Callable[[Path], str]
    record: str = ""
    archive: str = ""
    by_hand: str = ""
    complete: Callable[[Path, Path], None] | None = None


@dataclass(frozen=True)
class Dataset:
    """A dataset and what a reader needs to be told of it.

    Attributes
    ----------
    name : str
        As in ``dataset.name`` of `params.yaml`.
    title : str
        For people.
    classes : tuple of str
        Names of label 0 (absent) and label 1 (present).
    finding : str
        What label 1 shows, such as ``fracture``.
    licence, citation, source : str
        On which terms, by whom and from where.
    films : callable
        List the films of a study, given its parameters and the dataset's place, sorted by
        `sample_id`. Decodes nothing.
    published : Published or None
        The layout to import; None for films that the project draws itself.
    adapt : callable or None
        Return the dataset as one study sees it, given its parameters and the dataset's place: for
        a dataset whose classes are not known before. None for all others.
    """

    name: str
    title: str
    classes: tuple[str, str]
    finding: str
    licence: str
    citation: str
    source: str
    films: Callable[[Params, Path], Sequence[Film]]
    published: Published | None = None
    adapt: Callable[[Dataset, Params, Path], Dataset] | None = None

    def of(self, params: Params, place: Path) -> Dataset:
        """Return the dataset with the classes that it has in a study.

        Raises
        ------
        InputError
            The study names a class that is not there.
        """
        return self.adapt(self, params, place) if self.adapt else self


_REGISTRY: dict[str, Dataset] = {}


def register(dataset: Dataset) -> None:
    """Make a dataset known under its name."""
    _REGISTRY[dataset.name] = dataset


def datasets() -> dict[str, Dataset]:
    """Return every dataset by name, in alphabetical order."""
    for module in pkgutil.iter_modules(
        radrobust.data.datasets.__path__, "radrobust.data.datasets."
    ):
        importlib.import_module(module.name)
    return dict(sorted(_REGISTRY.items()))


def get_dataset(name: str) -> Dataset:
    """Return the dataset called `name`.

    Raises
    ------
    InputError
        There is none; the message lists those that exist.
    """
    known = datasets()
    return known[choose("dataset.name: dataset", name, list(known))]


def locate(dataset: Dataset) -> Path:
    """Return what a dataset is read from, which DVC watches too.

    Raises
    ------
    InputError
        It has to be imported and has not been; the message says how.
    """
    place = paths.SOURCES / dataset.name
    if dataset.published is not None and not place.exists():
        fetched = "; without --from it is fetched" if dataset.published.record else ""
        raise InputError(
            f"{paths.DATA / dataset.name} is not here; "
            f"run `radrobust data {dataset.name} --from FOLDER_OR_ZIP` first{fetched}"
        )
    return place
