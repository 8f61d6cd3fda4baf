"""Fetching a dataset's archive by what its repository says of it: address, size and MD5."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radrobust.core.downloads import fetch, md5
from radrobust.core.errors import InputError
from radrobust.data.datasets.registry import Published

LISTING = "record.json"
"""What the repository answered, kept beside the archive that it describes."""


@dataclass(frozen=True)
class _Entry:
    """One file of a record.

    Attributes
    ----------
    address : str
        Where it is downloaded from.
    size : int
        In bytes.
    md5 : str
        32 hexadecimal digits.
    """

    address: str
    size: int
    md5: str


def fetch_archive(published: Published, folder: Path) -> Path:
    """Bring a published dataset's archive to a folder, unless it is there already and whole.

    Parameters
    ----------
    published : Published
        One that has a `record`: JSON of the form of figshare's articles, ``{"files": [{"name",
        "size", "computed_md5", "supplied_md5", "download_url"}, ...]}``.
    folder : Path
        Keeps the archive, what was said of it, and a download that broke off, to be gone on with.

    Returns
    -------
    Path
        The archive, whose size and MD5 are those of the record.

    Raises
    ------
    InputError
        The record or the archive can't be fetched, the record doesn't list it, or what came isn't
        what is listed; then it has been deleted.
    """
    listing, archive = folder / LISTING, folder / published.archive
    if not archive.exists():
        _forget(listing)  # the authors may have published another version

    def check(path: Path) -> None:
        _check(path, entry, published)

    def check_listing(path: Path) -> None:
        _entry(path, published)

    fetch(published.record, listing, check_listing)
    entry = _entry(listing, published)
    if archive.exists():
        # Checked when it came; a disk may have lost a part of it since, or somebody changed it.
        try:
            check(archive)
        except InputError:
            _forget(archive)
            raise
    return fetch(entry.address, archive, check)


def _forget(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be deleted: {error.strerror}; delete it") from None


def _entry(listing: Path, published: Published) -> _Entry:
    """Find the archive in the repository's answer."""
    try:
        files = json.loads(listing.read_bytes())["files"]
        listed = {file["name"]: file for file in files}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(
            f"{published.record} answers with something other than a list of files; {_instead()}"
        ) from None
    if published.archive not in listed:
        names = ", ".join(repr(name) for name in listed) or "no file"
        raise InputError(
            f"{published.record} lists {names}, but not {published.archive}; {_instead()}"
        )
    return _checked(listed[published.archive], published)


def _checked(file: dict[str, Any], published: Published) -> _Entry:
    address, size = file.get("download_url"), file.get("size")
    # What the repository computed is of the bytes that it serves; the other is the authors' word.
    digest = file.get("computed_md5") or file.get("supplied_md5")
    if isinstance(address, str) and isinstance(size, int) and isinstance(digest, str):
        return _Entry(address, size, digest.strip().lower())
    raise InputError(
        f"{published.record} lists {published.archive} without its address, size or MD5; "
        f"{_instead()}"
    )


def _check(path: Path, entry: _Entry, published: Published) -> None:
    size = path.stat().st_size
    found = f"{size} bytes" if size != entry.size else f"MD5 {md5(path)}"
    right = f"{entry.size} bytes" if size != entry.size else f"MD5 {entry.md5}"
    if found != right:
        name = path.name.removesuffix(".part")
        raise InputError(
            f"{path.with_name(name)} has {found}, but {published.record} lists {right}; it was "
            "deleted: run again to fetch it anew"
        )


def _instead() -> str:
    return "download it in a browser and give it with --from"
