"""Archives that are fetched by their record, from a server on this machine that misbehaves."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.test_downloads import Answer, Site, serving

from radrobust.core import downloads
from radrobust.core.errors import InputError
from radrobust.data.datasets import registry
from radrobust.data.datasets.fracatlas import read_folder
from radrobust.data.datasets.registry import get_dataset
from radrobust.data.importing import import_dataset

PAGE = {"Content-Type": "text/html"}


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server that stands for the repository; FracAtlas's record is on it."""
    monkeypatch.setattr(downloads, "PAUSES", (0.001,) * 4)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as site:
        real = get_dataset("fracatlas")
        assert real.published is not None
        published = dataclasses.replace(real.published, record=f"{site.url}?record")
        replaced = dataclasses.replace(real, published=published)
        monkeypatch.setitem(registry._REGISTRY, "fracatlas", replaced)
        yield site


@pytest.fixture
def body(drawn: Path, tmp_path: Path) -> bytes:
    """The archive as it is published."""
    path = tmp_path / "published.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for film in sorted(drawn.rglob("*")):
            file.write(film, f"FracAtlas/{film.relative_to(drawn)}")
    return path.read_bytes()


def listed(site: Site, body: bytes, **changes: Any) -> Answer:
    digest = hashlib.md5(body).hexdigest()
    file = {"name": "FracAtlas.zip", "size": len(body), "download_url": site.url}
    file |= {"computed_md5": digest, "supplied_md5": digest} | changes
    other = {"name": "readme.txt", "size": 1, "download_url": "", "computed_md5": ""}
    return Answer(json.dumps({"id": 22363012, "files": [other, file]}).encode())


def fetch_into(folder: Path) -> str:
    return import_dataset("fracatlas", None, folder / "cache", folder / "data")


def told(folder: Path, *words: str) -> None:
    """See that it ends in one line with the words, and that nothing was written to `data`."""
    with pytest.raises(InputError) as caught:
        fetch_into(folder)
    message = str(caught.value)
    assert "\n" not in message and message.isprintable()
    for word in words:
        assert word in message
    assert not (folder / "data").exists() or not any((folder / "data").iterdir())


def kept(folder: Path) -> list[str]:
    place = folder / "cache" / "datasets" / "fracatlas"
    return sorted(path.name for path in place.iterdir() if path.suffix != ".lock")


def test_an_archive_is_fetched_checked_and_imported_once(
    site: Site, body: bytes, tmp_path: Path
) -> None:
    site.answers = [listed(site, body), Answer(body)]
    said = fetch_into(tmp_path)
    assert "28 films (14 no fracture, 14 fracture)" in said
    assert "next: dvc exp run -S dataset.name=fracatlas" in said and "dvc push" in said
    assert len(read_folder(tmp_path / "data" / "fracatlas")) == 28
    assert kept(tmp_path) == ["FracAtlas.zip", "record.json"]
    assert fetch_into(tmp_path) == said
    assert len(site.asked) == 2


def test_answers_that_may_pass_are_waited_out_and_a_broken_download_goes_on(
    site: Site, body: bytes, tmp_path: Path
) -> None:
    wait = Answer(b"wait", PAGE, status=202)
    site.answers = [wait, listed(site, body), wait, wait, Answer(body, breaks_after=3000)]
    site.answers += [Answer(body)]
    assert "28 films" in fetch_into(tmp_path)
    assert site.ranges == [None] * 5 + ["bytes=3000-"]


def test_a_server_that_answers_202_for_ever(site: Site, body: bytes, tmp_path: Path) -> None:
    site.answers = [listed(site, body), Answer(b"", PAGE, status=202)]
    page = "its page is https://figshare.com/articles/dataset/The_dataset/22363012"
    told(tmp_path, "HTTP 202", "running again", "by hand and give its path", page)
    assert kept(tmp_path) == ["record.json"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"computed_md5": "0" * 32}, ["has MD5", f"lists MD5 {'0' * 32}"]),
        ({"size": 17}, ["bytes, but", "lists 17 bytes"]),
    ],
)
def test_an_archive_that_is_not_the_one_listed_is_deleted(
    site: Site, body: bytes, tmp_path: Path, changes: dict[str, Any], words: list[str]
) -> None:
    site.answers = [listed(site, body, **changes), Answer(body)]
    told(tmp_path, *words, "FracAtlas.zip has", "it was deleted: run again")
    assert kept(tmp_path) == ["record.json"]
    site.answers = [listed(site, body), Answer(body)]  # the record is asked again
    assert "28 films" in fetch_into(tmp_path)


def test_what_the_authors_said_counts_where_the_repository_says_nothing(
    site: Site, body: bytes, tmp_path: Path
) -> None:
    site.answers = [listed(site, body, computed_md5=""), Answer(body)]
    assert "28 films" in fetch_into(tmp_path)


def test_an_archive_that_was_changed_in_the_cache_is_deleted(
    site: Site, body: bytes, tmp_path: Path
) -> None:
    site.answers = [listed(site, body), Answer(body)]
    fetch_into(tmp_path)
    before = read_folder(tmp_path / "data" / "fracatlas")
    (tmp_path / "cache" / "datasets" / "fracatlas" / "FracAtlas.zip").write_bytes(body[:-1])
    with pytest.raises(InputError, match=r"FracAtlas\.zip has .* bytes, but .* it was deleted"):
        fetch_into(tmp_path)
    assert read_folder(tmp_path / "data" / "fracatlas") == before
    site.answers = [listed(site, body), Answer(body)]
    assert "28 films" in fetch_into(tmp_path)
    assert len(site.asked) == 4


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(b"", status=404), ["HTTP 404", "address is still right"]),
        (Answer(b"<title>Sign in</title>", PAGE), ["web page titled 'Sign in'"]),
        (Answer(b"<html>"), ["something other than a list of files", "--from"]),
        (Answer(b"[]"), ["something other than a list of files"]),
        (Answer(b"{}"), ["something other than a list of files"]),
        (Answer(b'{"files": ["a"]}'), ["something other than a list of files"]),
        (Answer(b'{"files": [{"name": []}]}'), ["something other than a list of files"]),
        (Answer(b"[" * 100_000), ["something other than a list of files"]),
        (Answer(b'{"files": []}'), ["lists no file, but not FracAtlas.zip", "--from"]),
        (Answer(b'{"files": [{"name": "a\\n\\u001b"}]}'), ["lists 'a\\n\\x1b', but not"]),
        (Answer(b'{"files": [{"name": "FracAtlas.zip"}]}'), ["without its address, size or MD5"]),
    ],
)
def test_a_record_that_is_no_use_is_told_of_and_not_kept(
    site: Site, tmp_path: Path, answer: Answer, words: list[str]
) -> None:
    site.answers = [answer]
    told(tmp_path, f"{site.url}?record", *words)
    assert kept(tmp_path) == []


Maker = Callable[[Site, bytes], list[Answer]]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda site, body: [listed(site, body), Answer(b"<title>No</title>", PAGE)],
            ["answers with a web page titled 'No' in place of the file"],
        ),
        (lambda site, body: [listed(site, body), Answer(b"<html>")], ["has 6 bytes, but"]),
        (lambda site, body: [listed(site, body, download_url="ftp://host/f")], ["must start with"]),
        (lambda site, body: [listed(site, b"no"), Answer(b"no")], ["nor a whole ZIP archive"]),
        (lambda site, body: [listed(site, body, computed_md5=3)], ["without its address"]),
    ],
)
def test_an_archive_that_cannot_be_had_is_told_of(
    site: Site, body: bytes, tmp_path: Path, make: Maker, words: list[str]
) -> None:
    site.answers = make(site, body)
    told(tmp_path, *words)


def test_a_cache_that_cannot_be_written_to(site: Site, body: bytes, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    told(tmp_path, "cannot be")
    assert not site.asked
