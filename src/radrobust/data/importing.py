"""Bringing a dataset to its place under `data/`: from a folder, a ZIP archive or its record."""

from __future__ import annotations

import lzma
import os
import shutil
import stat
import struct
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePath, PurePosixPath

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.files import replacing
from radrobust.data.datasets.registry import Published, datasets, get_dataset
from radrobust.data.records import fetch_archive

MAX_BYTES = 20 * 2**30
"""Unpacked size beyond which an archive is refused: sixty times FracAtlas."""

MAX_FILES = 200_000
"""Members beyond which an archive is refused."""

_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OverflowError,
    RuntimeError,  # and NotImplementedError: a way of packing that zipfile doesn't know
    ValueError,  # and UnicodeDecodeError
)
"""What zipfile raises on archives that are broken, or made to break it."""


def import_dataset(
    name: str, source: Path | None, cache: Path, target_root: Path = paths.DATA
) -> str:
    """Copy the files of a dataset's layout to ``<target_root>/<name>`` and check them.

    Parameters
    ----------
    name : str
        The dataset.
    source : Path or None
        A folder, or a ZIP archive of one, with or without one folder around it. Files that don't
        belong to the layout stay behind. None: the archive that the dataset's record names, which
        is fetched unless the cache has it.
    cache : Path
        Folder for what is fetched.
    target_root : Path
        Where datasets are kept. What is there under `name` is replaced once the new one has been
        found good, and left alone otherwise.

    Returns
    -------
    str
        What was found and what to run next, for people.

    Raises
    ------
    InputError
        The dataset is unknown or not one to import; the source is missing, is no folder or
        archive, lacks a part of the layout, or holds what an honest archive doesn't; it cannot be
        fetched.
    """
    published = get_dataset(name).published
    if published is None:
        importable = ", ".join(key for key, dataset in datasets().items() if dataset.published)
        raise InputError(f"{name} is drawn, not imported; to be imported: {importable}")
    target = target_root / name
    if target.is_symlink():
        raise InputError(f"{target} is a link; remove it to have {name} imported in its place")
    if source is None:
        source = _fetch(name, published, cache)
    try:
        found = _bring(published, source, target)
    except OSError as error:
        raise InputError(f"{source} cannot be imported: {error.strerror or error}") from None
    return (
        f"{target}: {found}\n"
        f"next: dvc exp run -S dataset.name={name}\n"
        f"for a team: dvc add {target_root}, git commit {target_root}.dvc, "
        f"dvc push {target_root}.dvc (see docs/data.md)"
    )


def _fetch(name: str, published: Published, cache: Path) -> Path:
    if published.record:
        try:
            return fetch_archive(published, cache / "datasets" / name)
        except InputError as error:
            raise InputError(f"{error}; its page is {published.by_hand}") from None
    place = f"download it from {published.by_hand}" if published.by_hand else "it is yours to give"
    raise InputError(
        f"{name} cannot be fetched: {place}, then run `radrobust data {name} --from FOLDER_OR_ZIP`"
    )


def _bring(published: Published, source: Path, target: Path) -> str:
    if source.is_dir():
        folder = _within(source, published.files)
        published.describe(folder)
        with replacing(target) as draft:
            draft.mkdir()
            for file in _layout_files(folder, published.files):
                _copy(file, draft / file.relative_to(folder))
            return _finish(published, draft, folder, target)
    if not source.exists():
        raise InputError(f"{source} does not exist; give a folder or a ZIP archive")
    if not zipfile.is_zipfile(source):
        raise InputError(f"{source} is neither a folder nor a whole ZIP archive; fetch it again")
    try:
        with zipfile.ZipFile(source) as archive:
            members = _members(archive, published.files)
            with replacing(target) as draft:
                draft.mkdir()
                _unpack(archive, members, draft)
                return _finish(published, draft, source, target)
    except _DAMAGE as error:
        raise InputError(f"{source} is a damaged ZIP archive ({error}); fetch it again") from None


def _within(source: Path, patterns: Sequence[str]) -> Path:
    """Return the folder that holds the layout: the source, or the only folder in it."""
    folders = [path for path in source.iterdir() if path.is_dir() and path.name != "__MACOSX"]
    if len(folders) == 1 and not any(_layout_files(source, patterns)):
        return folders[0]
    return source


def _layout_files(folder: Path, patterns: Sequence[str]) -> Iterator[Path]:
    """List the files of a layout, each once, sorted within its pattern."""
    seen: set[Path] = set()
    for pattern in patterns:
        for file in sorted(folder.glob(pattern)):
            if file in seen or _is_hidden(file) or file.is_dir():
                continue
            if not file.is_file():
                raise InputError(f"{file} is no file, or a link that leads nowhere; remove it")
            seen.add(file)
            yield file


def _finish(published: Published, draft: Path, source: Path, target: Path) -> str:
    """Check and complete a draft; a complaint names the source, since the draft is to vanish."""
    try:
        found = published.describe(draft)
        if published.complete is not None:
            published.complete(draft, target)
        return found
    except InputError as error:
        raise InputError(str(error).replace(str(draft), str(source))) from None


def _copy(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)
    times = file.stat()
    os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))


def _members(archive: zipfile.ZipFile, patterns: Sequence[str]) -> dict[str, zipfile.ZipInfo]:
    """Members of the layout by their place in it, once every member has been found honest."""
    infos = archive.infolist()
    if len(infos) > MAX_FILES:
        raise InputError(f"{archive.filename} holds {len(infos)} files; {MAX_FILES} are allowed")
    for info in infos:
        _check_member(info, archive)
    files = _by_place(infos, archive)
    top = _single_top_folder(files)
    members: dict[str, zipfile.ZipInfo] = {}
    for pattern in (pattern.split("/") for pattern in patterns):
        for name, info in files.items():
            place = name.removeprefix(top)
            if _matches(place.split("/"), pattern) and not _is_hidden(PurePosixPath(place)):
                members[place] = info
    # Checked before anything is written; checked again while writing, since headers may lie.
    if sum(info.file_size for info in members.values()) > MAX_BYTES:
        raise InputError(f"{archive.filename} unpacks to more than {_gigabytes()}")
    return members


def _check_member(info: zipfile.ZipInfo, archive: zipfile.ZipFile) -> None:
    name = info.orig_filename
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts or any(sign in name for sign in "\\:\0"):
        raise InputError(f"{archive.filename} holds {name!r}, which leads out of its folder")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise InputError(f"{archive.filename} holds {name!r}, a link or device; files are allowed")
    if info.flag_bits & 1:
        raise InputError(f"{archive.filename} is encrypted; unpack it and give the folder")


def _single_top_folder(names: Iterable[str]) -> str:
    tops = {name.split("/", 1)[0] if "/" in name else "" for name in names}
    tops.discard("__MACOSX")
    return f"{tops.pop()}/" if len(tops) == 1 and "" not in tops else ""


def _by_place(
    infos: Sequence[zipfile.ZipInfo], archive: zipfile.ZipFile
) -> dict[str, zipfile.ZipInfo]:
    """Return the files of an archive by where they are to lie, which must differ."""
    files: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        place = str(PurePosixPath(info.filename))
        if place in files and not info.is_dir():
            raise InputError(f"{archive.filename} holds {place!r} twice; pack it anew")
        if not info.is_dir():
            files[place] = info
    return files


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Tell whether a path matches a pattern, both in parts, as `Path.glob` would."""
    # PurePath.match compares from the right, and knows no `**` before Python 3.13.
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_matches(parts[first:], pattern[1:]) for first in range(len(parts)))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def _is_hidden(path: PurePath) -> bool:
    return path.name.startswith(".")


def _unpack(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], folder: Path) -> None:
    left = MAX_BYTES
    for name, info in members.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(info) as packed, target.open("xb") as file:
            while block := packed.read(2**20):
                left -= len(block)
                if left < 0:
                    raise InputError(f"{archive.filename} unpacks to more than {_gigabytes()}")
                file.write(block)
        written = time.mktime((*info.date_time, 0, 0, -1))
        os.utime(target, (written, written))


def _gigabytes() -> str:
    return f"{MAX_BYTES / 2**30:.0f} GiB"
