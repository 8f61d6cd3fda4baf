"""Fetching files over a network that breaks off, and knowing that they are the right ones."""

from __future__ import annotations

import contextlib
import hashlib
import html
import http.client
import json
import re
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from email.utils import parsedate
from pathlib import Path

import requests
import urllib3
from filelock import FileLock, Timeout

from radrobust.core.errors import InputError
from radrobust.core.files import replacing
from radrobust.core.progress import progress

# Seconds before each further attempt; the last that brings no further byte is the end of it.
PAUSES = (1.0, 3.0, 10.0, 30.0, 60.0)
TIMEOUTS = (15.0, 60.0)  # seconds to connect, and without a byte
BLOCK = 1 << 18
TITLE_WITHIN = 1 << 16
DIGEST_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")


class _Interrupted(Exception):
    """An attempt ended before the file did, for a reason that may pass."""


@dataclass(frozen=True)
class _Note:
    """What is known of the file that a part was taken from.

    `validator` is what tells that file from its later versions; without one it cannot be known
    that two parts are of one file, and they are never joined.
    """

    url: str
    validator: str | None
    total: int | None


def fetch(url: str, target: Path, check: Callable[[Path], None]) -> Path:
    """Bring a file from the web to `target`, unless it is there already.

    What has arrived stays beside `target` with the suffix ``.part`` when the connection breaks or
    the process is killed, and the next call goes on from there if the server's file is still the
    same one. Of several processes that want one target the first fetches it; the others wait.

    Parameters
    ----------
    url : str
        An http or https address.
    target : Path
        Where the file is to stand; nothing but a whole and checked file ever does.
    check : callable
        Is given the path of the whole file before it is moved into place, and raises `InputError`
        if its content is not what it should be; then the file is deleted.

    Returns
    -------
    Path
        `target`.
    """
    if target.exists():
        return target
    if not url.lower().startswith(("http://", "https://")):
        raise InputError(f"{url} cannot be fetched; an address must start with http:// or https://")
    with _alone(target):
        if not target.exists():
            part = _beside(target, ".part")
            with _storing(target):
                _download(url, part)
            _check(part, check)
            with _storing(target):
                part.replace(target)
                _note_of(part).unlink(missing_ok=True)
    return target


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def md5(path: Path) -> str:
    """Return the MD5 of a file, in 32 hexadecimal digits: no proof against forgery."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
    return digest.hexdigest()


def read_digests(path: Path) -> dict[str, str]:
    """Read a file in the format of the ``sha256sum`` program.

    Parameters
    ----------
    path : Path
        Of lines ``<64 hexadecimal digits>  <name>``, empty lines and lines that start with ``#``.

    Returns
    -------
    dict of str to str
        The SHA-256 of each name; empty if the file does not exist.
    """
    try:
        lines = path.read_bytes().decode(errors="replace").split("\n")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; it must be a file") from None
    digests: dict[str, str] = {}
    for number, line in enumerate((line.rstrip("\r") for line in lines), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = DIGEST_LINE.fullmatch(line)
        if not found:
            raise InputError(
                f"{path}, line {number} is not a digest; it must be the 64 hexadecimal digits of "
                "a SHA-256, two spaces and a name"
            )
        digest, name = found[1].lower(), found[2]
        if digests.setdefault(name, digest) != digest:
            raise InputError(
                f"{path}, line {number} gives {name} another SHA-256 than a line above it; "
                "delete the wrong one of the two"
            )
    return digests


def check_against(digests: Mapping[str, str], ledger: Path, name: str, path: Path) -> None:
    """See that a file is the one that is known by its name; trust it if none is known.

    Parameters
    ----------
    digests : mapping of str to str
        The SHA-256 of each name that is pinned in the program.
    ledger : Path
        File in the format of `read_digests` with the SHA-256 of each name that was trusted when
        it was first met. A name that is in neither is recorded here, which is said on standard
        error.
    name : str
        What the file is known by.
    path : Path
        The file.
    """
    found = sha256(path)
    if name in digests:
        _compare(digests[name], found, name, path, "the SHA-256 in the program")
        return
    expected = read_digests(ledger).get(name) or _record(ledger, name, found)
    remedy = f", or take its line out of {ledger} if it was meant to change"
    _compare(expected, found, name, path, f"the SHA-256 in {ledger}", remedy)


def _compare(
    expected: str, found: str, name: str, path: Path, source: str, remedy: str = ""
) -> None:
    if found != expected.lower():
        raise InputError(
            f"{path} is not the right {name}: {source} is {expected}, that of the file is {found}; "
            f"delete the file and run again{remedy}"
        )


def _record(ledger: Path, name: str, digest: str) -> str:
    """Record a digest unless another process just did; return what is recorded."""
    with _alone(ledger):
        recorded = read_digests(ledger)
        if name in recorded:
            return recorded[name]
        with _storing(ledger), replacing(ledger) as draft:
            # As bytes, so that the lines of others stay as they are whatever is in them.
            above = ledger.read_bytes() if ledger.exists() else b""
            if above and not above.endswith(b"\n"):
                above += b"\n"
            draft.write_bytes(above + f"{digest}  {name}\n".encode())
    print(
        f"first use of {name}: its SHA-256 {digest} was recorded in {ledger}; it is trusted from "
        "now on but was never compared with anything",
        file=sys.stderr,
    )
    return digest


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _note_of(part: Path) -> Path:
    return _beside(part, ".json")


@contextlib.contextmanager
def _storing(path: Path) -> Iterator[None]:
    """Say in one line why a file cannot be written."""
    try:
        yield
    except OSError as error:
        reason = _one_line(error.strerror or str(error))
        raise InputError(
            f"{path} cannot be written: {reason}; see that its folder can be written to and has "
            "room, and run again"
        ) from None


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process at a time have a path; say so where another has to wait."""
    with _storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(_beside(path, ".lock"))
        try:
            held = lock.acquire(blocking=False)
        except Timeout:
            print(f"waiting for another process, which is writing {path}", file=sys.stderr)
            held = lock.acquire()
    with held:
        yield


def _check(part: Path, check: Callable[[Path], None]) -> None:
    try:
        check(part)
    except InputError:
        _discard(part)
        raise


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _note_of(part).unlink(missing_ok=True)


def _read_note(url: str, part: Path) -> _Note | None:
    """Return what is known of a part, if there is one and it was taken from this address."""
    try:
        note = _Note(**json.loads(_note_of(part).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return note if note.url == url and part.exists() else None


def _usable(part: Path, note: _Note | None) -> int:
    """Return how many bytes of a part can be gone on from."""
    return part.stat().st_size if note and note.validator else 0


def _download(url: str, part: Path) -> None:
    """Make attempts until the part is the whole file, or too many in a row brought nothing."""
    furthest, failures = _usable(part, _read_note(url, part)), 0
    while reason := _attempt(url, part):
        usable = _usable(part, _read_note(url, part))
        # Only what is new resets the count: a server that breaks off at the same byte each time
        # and cannot go on from it would otherwise be asked for ever.
        if usable > furthest:
            furthest, failures = usable, 0
        if failures == len(PAUSES):
            raise InputError(_farewell(url, part, reason))
        pause = PAUSES[failures]
        print(f"{url}: {reason}; trying again in {pause:g} s", file=sys.stderr)
        time.sleep(pause)
        failures += 1


def _farewell(url: str, part: Path, reason: str) -> str:
    note = _read_note(url, part)
    usable = _usable(part, note)
    total = "an unknown number of" if note is None or note.total is None else note.total
    if usable:
        outlook = f"in {part}; running again goes on from there"
    else:
        outlook = (
            "here to go on from; running again starts from the beginning, or download it by hand "
            "and give its path"
        )
    return f"{url} was not fetched whole ({reason}): {usable} of {total} bytes are {outlook}"


def _attempt(url: str, part: Path) -> str | None:
    """Ask once for what is missing and append it; return why it ended too early, if it did."""
    note = _read_note(url, part)
    start = _usable(part, note)
    if note and start and start == note.total:
        return None  # a run was killed between the last byte and the end of the check
    headers = {"Accept-Encoding": "identity"}
    if note and note.validator and start:
        headers |= {"Range": f"bytes={start}-", "If-Range": note.validator}
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUTS) as answer:
            _refuse(url, answer, start)
            if answer.status_code == 200:
                start, note = 0, _note_from(url, answer)
                # In this order a part never stands beside the note of another.
                part.unlink(missing_ok=True)
            else:
                note = _continued(part, note, answer, start)
            with replacing(_note_of(part)) as draft:
                draft.write_text(json.dumps(asdict(note)), encoding="utf-8")
            _append(answer, part, start, note.total)
    except _Interrupted as error:
        return str(error)
    except (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
        urllib3.exceptions.HTTPError,
    ) as error:
        return _innermost(error)
    except requests.RequestException as error:
        raise InputError(
            f"{url} cannot be fetched: {_innermost(error)}; see whether the address is right"
        ) from None
    return None


def _refuse(url: str, answer: requests.Response, start: int) -> None:
    """Raise unless the answer is the file or a part of it."""
    status = answer.status_code
    told = _one_line(f"HTTP {status} {answer.reason or ''}")
    if status in (202, 429) or status >= 500:
        raise _Interrupted(f"the server answers with {told}")
    if status not in (200, 206) and not (status == 416 and start):
        raise InputError(
            f"{url} answers with {told}; see whether the address is still right, or download it "
            "by hand and give its path"
        )
    if status != 416 and answer.headers.get("Content-Type", "").lower().startswith("text/html"):
        raise InputError(
            f"{url} answers with a web page{_title(answer)} in place of the file; open it in a "
            "browser, download the file by hand and give its path"
        )


def _title(answer: requests.Response) -> str:
    page = next(answer.iter_content(TITLE_WITHIN), b"").decode(errors="replace")
    found = re.search(r"<title[^>]*>(.*?)</title", page, re.IGNORECASE | re.DOTALL)
    title = _one_line(html.unescape(found[1])) if found else ""
    return f" titled {textwrap.shorten(title, 80, placeholder=' …')!r}" if title else ""


def _note_from(url: str, answer: requests.Response) -> _Note:
    """Read from the head of a whole answer what tells this file from its later versions."""
    headers = answer.headers
    validator = None
    modified, answered = parsedate(headers.get("Last-Modified")), parsedate(headers.get("Date"))
    if headers.get("ETag", "").startswith('"'):  # a weak one, W/"…", can stand for other bytes
        validator = headers["ETag"]
    elif modified and answered and modified < answered:
        # A file that is younger than a second can change once more under the same date.
        validator = headers["Last-Modified"]
    return _Note(url, validator, answer.raw.length_remaining)


def _continued(part: Path, note: _Note | None, answer: requests.Response, start: int) -> _Note:
    """See that an answer goes on where the part ends, in the same file; drop the part if not."""
    found = re.fullmatch(
        r"bytes ([0-9]+)-[0-9]+/([0-9]+|\*)", answer.headers.get("Content-Range", "")
    )
    if note and note.validator and found and answer.status_code == 206:
        total = note.total if found[2] == "*" else int(found[2])
        name = "ETag" if note.validator.startswith('"') else "Last-Modified"
        # Some servers ignore If-Range and answer with a part of whatever the file is by now.
        same = answer.headers.get(name, note.validator) == note.validator
        if int(found[1]) == start and same and note.total in (None, total):
            return _Note(note.url, note.validator, total)
    _discard(part)
    raise _Interrupted(
        f"the server's answer does not continue the {start} bytes that were here, so they are "
        "dropped"
    )


def _append(answer: requests.Response, part: Path, start: int, total: int | None) -> None:
    size = start
    name = part.name.removesuffix(".part")
    with part.open("ab") as file, progress(total, "B", name, start) as bar:
        # `read1` hands on what has come, so that little is lost when the connection breaks, and
        # the bytes are not decoded: they are counted, resumed and stored as the server sent them.
        while block := answer.raw.read1(BLOCK, decode_content=False):
            file.write(block)
            size += len(block)
            bar.update(len(block))
    if total is not None and size != total:
        raise _Interrupted(f"the answer ended after {size} of {total} bytes")


def _innermost(error: BaseException) -> str:
    """Return the cause at the root; those around it repeat the address and the ids of objects."""
    if isinstance(error, http.client.IncompleteRead):
        return "the connection ended before the file did"
    within = error.__cause__ or next(
        (part for part in error.args if isinstance(part, BaseException)), None
    )
    return _innermost(within) if within else _one_line(str(error) or type(error).__name__)


def _one_line(text: str) -> str:
    """Join what may be several lines, without what could steer a terminal."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
