"""The numbers that stand in results for patients, and for paths that tell who somebody is.

They say nothing: a key that never leaves the dataset's folder orders whom they are given to.
"""

from __future__ import annotations

import hmac
import secrets
import shutil
from collections.abc import Set
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from radrobust.core.errors import InputError
from radrobust.core.files import replacing

FILE = "numbers.json"
"""In the dataset's folder under `data/`, of which nothing is published."""


class Numbers(BaseModel):
    """What `FILE` holds.

    Attributes
    ----------
    key : str
        Drawn once.
    patients : dict of int to str
        Identifiers by number.
    films : dict of int to str
        Paths in the dataset's folder by number.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = Field(default_factory=lambda: secrets.token_hex(32), min_length=32)
    patients: dict[int, str] = {}
    films: dict[int, str] = {}

    def of_patients(self) -> dict[str, int]:
        """Return the number of each patient."""
        return {patient: number for number, patient in self.patients.items()}

    def of_films(self) -> dict[str, int]:
        """Return the number of each path."""
        return {path: number for number, path in self.films.items()}


def give_numbers(folder: Path, patients: Set[str], films: Set[str]) -> Numbers:
    """Return numbers for patients and paths, and keep them in the folder.

    Whoever has a number keeps it as long as he is there; others get the next ones, in an order
    that hangs on the key. Where there was never anything to number nothing is written.

    Raises
    ------
    InputError
        `FILE` cannot be read or written.
    """
    file = folder / FILE
    known = _read(file) if file.exists() else Numbers()
    given = Numbers(
        key=known.key,
        patients=_extended(known.patients, patients, known.key),
        films=_extended(known.films, films, known.key),
    )
    if given != known:
        _write(file, given)
    return given


def keep_numbers(former: Path, folder: Path) -> None:
    """Take numbers over from a folder to the one that replaces it, unless that has its own.

    Raises
    ------
    InputError
        `FILE` of the former folder cannot be read.
    """
    file = folder / FILE
    if not file.exists() and (former / FILE).exists():
        _read(former / FILE)
        shutil.copyfile(former / FILE, file)
    if file.exists():
        file.chmod(0o600)


def _extended(known: dict[int, str], wanted: Set[str], key: str) -> dict[int, str]:
    kept = {number: text for number, text in known.items() if text in wanted}
    new = sorted(
        wanted - set(kept.values()),
        key=lambda text: hmac.digest(key.encode(), text.encode(), "sha256"),
    )
    return kept | dict(enumerate(new, max(kept, default=0) + 1))


def _read(file: Path) -> Numbers:
    try:
        return Numbers.model_validate_json(file.read_bytes())
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from None
    except ValueError:  # what it says of people is quoted in no message
        raise InputError(
            f"{file} is not as it was written; bring back a copy of it, or delete it to have all "
            "patients and paths numbered anew"
        ) from None


def _write(file: Path, numbers: Numbers) -> None:
    try:
        with replacing(file) as draft:
            draft.touch(mode=0o600)
            draft.write_text(numbers.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{file} cannot be written: {error.strerror}; it keeps the numbers of patients"
        ) from None
