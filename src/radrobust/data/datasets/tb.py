"""TB_Chest_Radiography_Database: chest radiographs with and without tuberculosis.

References
----------
Rahman et al., Reliable Tuberculosis Detection Using Chest X-Ray With Deep Learning, Segmentation
and Visualization, IEEE Access 8:191586-191601, 2020, doi:10.1109/ACCESS.2020.3031384.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from radrobust.core.errors import InputError
from radrobust.data.datasets.listing import counted, image_files, sorted_by_id
from radrobust.data.datasets.registry import Dataset, Published, Radiograph, register
from radrobust.data.decode.grey import decode

if TYPE_CHECKING:
    from radrobust.core.params import Params

CLASSES = ("normal", "tuberculosis")
FOLDERS = ("Normal", "Tuberculosis")
"""Where the films of label 0 and of label 1 lie."""

SHEETS = tuple(f"{folder}.metadata.xlsx" for folder in FOLDERS)
"""Where each film was taken from; may be missing."""

COLUMNS = ("FILE NAME", "URL")
LAYOUT = f"a TB_Chest_Radiography_Database folder holds {FOLDERS[0]}/ and {FOLDERS[1]}/ with PNGs"
KAGGLE = "https://www.kaggle.com/datasets/tawsifurrahman/tuberculosis-tb-chest-xray-dataset"

MAX_SHEET = 100 * 2**20
"""Bytes that a spreadsheet may unpack to: a few hundred times those that are published."""


@dataclass(frozen=True)
class TbFilm:
    """One file of the database.

    Attributes
    ----------
    path : Path
        The image file.
    label : int
        1 in ``Tuberculosis``, 0 in ``Normal``.
    subgroups : dict of str to str
        ``source``, the host that it was taken from, if any film's is known.
    patient, official : str
        Empty: the database tells nothing of patients and has no splits.
    """

    path: Path
    label: int
    subgroups: dict[str, str]
    patient: str = ""
    official: str = ""

    @property
    def sample_id(self) -> str:
        """The file's stem, such as ``Tuberculosis-1``."""
        return self.path.stem

    def read(self) -> Radiograph:
        """Decode the film. Nothing is known of where a finding lies."""
        picture = decode(self.path)
        return picture.of(self, faults=picture.faults)


def read_folder(folder: Path) -> list[TbFilm]:
    """List the films of the database, sorted by `sample_id`, without decoding them.

    Raises
    ------
    InputError
        A class is missing, or a spreadsheet is broken.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; {LAYOUT}")
    files = [_films_of(folder, name) for name in FOLDERS]
    sources = [_read_sources(folder / name) for name in SHEETS]
    known = any(sources)
    found = [
        TbFilm(
            path, label, {"source": sources[label].get(_key(path.name), "unknown")} if known else {}
        )
        for label, paths in enumerate(files)
        for path in paths
    ]
    return sorted_by_id(found, folder)


def _films_of(folder: Path, name: str) -> list[Path]:
    if not (folder / name).is_dir():
        raise InputError(f"{folder} lacks {name}/; {LAYOUT}")
    paths = image_files(folder / name, ".png")
    if not paths:
        raise InputError(f"{folder / name} holds no .png files; {LAYOUT}")
    return paths


def _key(name: str) -> str:
    """Return what a file's name and its row have in common: rows lack the suffix, or shout."""
    return name.strip().lower().removesuffix(".png")


def _read_sources(path: Path) -> dict[str, str]:
    """Return the host of each film that a spreadsheet names; empty if there is no spreadsheet."""
    if not path.is_file():
        return {}
    import pandas as pd

    try:
        with zipfile.ZipFile(path) as parts:
            if sum(part.file_size for part in parts.infolist()) > MAX_SHEET:
                raise InputError(f"{path} unpacks to more than {MAX_SHEET >> 20} MiB; delete it")
        sheet = pd.read_excel(path, dtype=str, engine="openpyxl")
    except InputError:
        raise
    except Exception as error:  # openpyxl lets through whatever its parts raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{path} is not a spreadsheet: {reason}; fetch it again, or delete it to do without"
        ) from None
    missing = [column for column in COLUMNS if column not in sheet.columns]
    if missing:
        raise InputError(f"{path} lacks column {missing[0]}; it needs {', '.join(COLUMNS)}")
    rows = sheet.loc[:, list(COLUMNS)].dropna()
    return {_key(name): _host(url) for name, url in rows.itertuples(index=False)}


def _host(url: str) -> str:
    """Return whose site an address is on, such as ``kaggle.com``."""
    url = url.strip()
    try:
        host = urlsplit(url if "//" in url else f"//{url}").hostname or ""
    except ValueError:
        host = ""
    return host.removeprefix("www.") if "." in host else "unknown"


def describe(folder: Path) -> str:
    """Check a folder and tell how many films of each class and source it holds.

    Raises
    ------
    InputError
        As `read_folder`.
    """
    films = read_folder(folder)
    sources = Counter(film.subgroups["source"] for film in films if film.subgroups)
    told = ", ".join(f"{count} from {source}" for source, count in sources.most_common())
    return f"{counted(films, CLASSES)}, " + (told or "of unknown source: no spreadsheets here")


def films(_params: Params, folder: Path) -> list[TbFilm]:
    """List the films of a study."""
    return read_folder(folder)


register(
    Dataset(
        name="tb",
        title="TB Chest Radiography Database",
        classes=CLASSES,
        finding="tuberculosis",
        licence="that of the collections it was put together from, named on its Kaggle page",
        citation=(
            "Rahman et al., Reliable Tuberculosis Detection Using Chest X-Ray With Deep Learning, "
            "Segmentation and Visualization, IEEE Access 8:191586-191601, 2020, "
            "doi:10.1109/ACCESS.2020.3031384"
        ),
        source="Kaggle, tawsifurrahman/tuberculosis-tb-chest-xray-dataset",
        films=films,
        published=Published(
            files=(*(f"{folder}/*.png" for folder in FOLDERS), *SHEETS),
            describe=describe,
            by_hand=f"{KAGGLE} (with a Kaggle account)",
        ),
    )
)
