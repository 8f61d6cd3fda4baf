"""Downloads from a server on this machine that misbehaves as told; only the pauses are not real."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.server
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radrobust.core import downloads
from radrobust.core.downloads import check_against, fetch, read_digests, sha256
from radrobust.core.errors import InputError
from radrobust.core.progress import progress

BODY = random.Random(0).randbytes(200_000)
OTHER = random.Random(1).randbytes(200_000)
OLD = "Mon, 05 Jan 2026 10:00:00 GMT"
SCRIPT = """
import sys
from pathlib import Path
from radrobust.core.downloads import fetch
from radrobust.core.errors import InputError
try:
    fetch(sys.argv[1], Path(sys.argv[2]), lambda path: None)
except InputError as error:
    sys.exit(f"told: {error}")
"""


@dataclass
class Answer:
    """What the server does with one request."""

    body: bytes = BODY
    headers: dict[str, str] = field(default_factory=lambda: {"ETag": '"one"'})
    status: int | None = None
    breaks_after: int | None = None
    resets: bool = False
    knows_ranges: bool = True
    knows_if_range: bool = True
    chunked: bool = False
    offers_gzip: bool = False
    pause: float = 0.0
    wait_for: threading.Event | None = None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def do_GET(self):
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.server.asked.append(dict(self.headers))
        status, headers, body = self.work_out(answer)
        self.send_response(status)
        for name, value in (headers | answer.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.send(answer, body)

    def work_out(self, answer):
        body, headers = answer.body, {}
        if answer.offers_gzip and "gzip" in self.headers.get("Accept-Encoding", "gzip"):
            body, headers = gzip.compress(body), {"Content-Encoding": "gzip"}
        status, start = answer.status or 200, self.start(answer)
        if start is not None and answer.status is None:
            status = 206 if start < len(body) else 416
            span = f"{start}-{len(body) - 1}" if status == 206 else "*"
            headers["Content-Range"] = f"bytes {span}/{len(body)}"
            body = body[start:]
        if answer.chunked:
            return status, headers | {"Transfer-Encoding": "chunked"}, body
        return status, headers | {"Content-Length": str(len(body))}, body

    def start(self, answer):
        """Where the part that is asked for starts, if a part may be answered."""
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        known = (None, answer.headers.get("ETag"), answer.headers.get("Last-Modified"))
        if not wanted or not answer.knows_ranges:
            return None
        if answer.knows_if_range and self.headers.get("If-Range") not in known:
            return None
        return int(wanted[1])

    def send(self, answer, body):
        stop = len(body) if answer.breaks_after is None else answer.breaks_after
        sent = body[:stop]
        for first in range(0, len(sent), 10_000):
            block = sent[first : first + 10_000]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(block), block) if answer.chunked else block)
            time.sleep(answer.pause)
        if answer.wait_for:
            answer.wait_for.wait(20)
        self.wfile.write(body[stop:] if answer.wait_for else b"")
        if answer.breaks_after is None and answer.chunked:
            self.wfile.write(b"0\r\n\r\n")
        if answer.resets:
            linger = struct.pack("ii", 1, 0)  # an end by RST, not by FIN
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            os.close(self.connection.detach())
        self.close_connection = True

    def log_message(self, *words):
        pass


class Site(http.server.ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/films.zip"
        self.answers = [Answer()]
        self.asked = []

    @property
    def ranges(self):
        return [headers.get("Range") for headers in self.asked]

    def handle_error(self, request, client_address):
        pass  # clients are killed here


@contextlib.contextmanager
def serving() -> Iterator[Site]:
    with Site() as site:
        thread = threading.Thread(target=site.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield site
        finally:
            site.shutdown()
            thread.join()


@pytest.fixture
def site():
    with serving() as site:
        yield site


@pytest.fixture
def job(site, tmp_path):
    """Arguments of `fetch`."""
    return {"url": site.url, "target": tmp_path / "films.zip", "check": accept}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(downloads, "PAUSES", (0.001,) * 6)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def accept(path):
    pass


def refuse(path):
    raise InputError(f"{path} is not a zip")


def told(*words, call=fetch, **arguments):
    """See that the call ends with a message of one line that contains the words."""
    with pytest.raises(InputError) as caught:
        call(**arguments)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    for word in words:
        assert str(word) in message
    return message


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def start_fetching(url, target):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, url, os.fspath(target)], stderr=subprocess.PIPE, text=True
    )


def wait_until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_file_is_fetched_checked_and_moved_into_place(site, tmp_path, capsys):
    target = tmp_path / "deep" / "films.zip"
    seen = []

    def check(path):
        assert not target.exists()
        seen.append(path.read_bytes())

    assert fetch(site.url, target, check) == target
    assert target.read_bytes() == BODY
    assert seen == [BODY]
    assert names(target.parent) == ["films.zip"]
    assert site.asked[0]["Accept-Encoding"] == "identity"
    bar = capsys.readouterr().err
    assert "films.zip" in bar and "195k/195k" in bar and "B/s" in bar


def test_an_empty_file_is_a_file(site, job):
    site.answers = [Answer(b"")]
    assert fetch(**job).read_bytes() == b""


def test_what_is_there_is_not_fetched(site, job):
    job["target"].write_text("mine")
    assert fetch(**job) == job["target"]
    assert job["target"].read_text() == "mine"
    assert not site.asked


@pytest.mark.parametrize("url", ["ftp://host/films.zip", "file:///films.zip", "films.zip"])
def test_other_addresses_are_refused(url, job):
    told(url, "http://", "https://", **job | {"url": url})


@pytest.mark.parametrize("url", ["http://", "http://[", "https://user@:x/"])
def test_an_address_that_is_none_is_refused_at_once(url, capsys, job):
    told(url, "cannot be fetched", **job | {"url": url})
    assert "trying again" not in capsys.readouterr().err


def test_a_redirect_to_another_scheme_is_refused(site, job):
    site.answers = [Answer(status=302, headers={"Location": "ftp://host/films.zip"})]
    told(site.url, "ftp", **job)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_broken_download_goes_on_where_it_broke_off(site, tmp_path, chunked, capsys, job):
    site.answers = [Answer(breaks_after=70_001, chunked=chunked), Answer()]
    assert fetch(**job).read_bytes() == BODY
    assert site.ranges == [None, "bytes=70001-"]
    assert site.asked[1]["If-Range"] == '"one"'
    assert names(tmp_path) == ["films.zip"]
    assert "ended before the file did; trying again" in capsys.readouterr().err


def test_a_connection_that_is_reset(site, job):
    site.answers = [Answer(breaks_after=70_000, resets=True), Answer()]
    assert fetch(**job).read_bytes() == BODY
    assert len(site.asked) == 2


def test_an_attempt_that_brings_something_resets_the_count(site, job):
    site.answers = [Answer(breaks_after=15_000)]
    assert fetch(**job).read_bytes() == BODY
    assert len(site.asked) == 14


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_download_that_breaks_for_ever_is_kept_for_the_next_run(
    site, tmp_path, knows_ranges, job
):
    again = Answer(breaks_after=0 if knows_ranges else 1000, knows_ranges=knows_ranges)
    site.answers = [Answer(breaks_after=1000), again]
    words = ("1000 of 200000 bytes", "films.zip.part", "running again goes on from there")
    told(site.url, *words, **job)
    assert len(site.asked) == 7
    assert names(tmp_path) == ["films.zip.part", "films.zip.part.json"]
    site.answers = [Answer()]
    assert fetch(**job).read_bytes() == BODY
    assert site.ranges[-1] == "bytes=1000-"
    assert names(tmp_path) == ["films.zip"]


def test_a_part_that_came_without_a_validator_is_not_promised_to_be_gone_on_with(site, job):
    site.answers = [Answer(headers={}, breaks_after=1000)]
    told("0 of 200000 bytes", "starts from the beginning", **job)
    assert site.ranges == [None] * 7


def test_a_server_that_is_not_there(tmp_path):
    with serving() as site:
        job = {"url": site.url, "target": tmp_path / "films.zip", "check": accept}
    told(site.url, "Connection refused", "0 of an unknown number of bytes", **job)
    assert names(tmp_path) == []


def test_silence_is_taken_for_a_break(site, monkeypatch, capsys, job):
    monkeypatch.setattr(downloads, "TIMEOUTS", (5, 0.5))
    silence = threading.Event()
    site.answers = [Answer(breaks_after=50_000, wait_for=silence), Answer()]
    assert fetch(**job).read_bytes() == BODY
    silence.set()
    assert site.ranges == [None, "bytes=50000-"]
    assert "timed out" in capsys.readouterr().err


@pytest.mark.parametrize("status", [202, 429, 500, 503])
def test_an_answer_that_may_pass_is_waited_out(site, status, job):
    page = {"Content-Type": "text/html"}
    site.answers = [Answer(b"wait", status=status, headers=page)] * 2 + [Answer()]
    assert fetch(**job).read_bytes() == BODY
    assert len(site.asked) == 3


def test_a_server_that_is_busy_for_ever(site, job):
    site.answers = [Answer(b"", status=503)]
    told(site.url, "503", "0 of an unknown number of bytes", "running again", **job)
    assert len(site.asked) == 7


@pytest.mark.parametrize("status", [401, 403, 404, 410, 416])
def test_a_refusal_is_told_at_once(site, tmp_path, status, job):
    site.answers = [Answer(b"<title>Oh no</title>", status=status)]
    told(site.url, f"HTTP {status}", "address is still right", "by hand and give its path", **job)
    assert len(site.asked) == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize("redirected", [False, True])
def test_a_web_page_is_not_the_file(site, tmp_path, redirected, job):
    text = "<HTML><Title lang=en>\n Quota&nbsp;exceeded &amp; \x1b[31mred" + " more" * 50
    page = Answer((text + "</Title>").encode(), {"Content-Type": "text/html; charset=utf-8"})
    site.answers = [Answer(b"", {"Location": "/page"}, status=302)] * redirected + [page]
    message = told(site.url, "web page", "Quota exceeded & [31mred more", "…", "by hand", **job)
    assert len(message) < 350 and "\x1b" not in message
    assert len(site.asked) == 1 + redirected
    assert names(tmp_path) == []


def test_a_web_page_without_a_title_does_not_cost_the_part_that_is_here(site, job):
    page = Answer(b"<p>Virus scan?", {"Content-Type": "text/html"})
    site.answers = [Answer(breaks_after=1000), page]
    told("answers with a web page in place", **job)
    site.answers = [Answer()]
    assert fetch(**job).read_bytes() == BODY
    assert site.ranges[-1] == "bytes=1000-"


def test_a_server_that_ignores_ranges(site, job):
    site.answers = [Answer(breaks_after=1000), Answer(knows_ranges=False)]
    assert fetch(**job).read_bytes() == BODY
    assert site.ranges == [None, "bytes=1000-"]


@pytest.mark.parametrize(
    "span", ["bytes 0-199999/200000", "bytes 1001-199999/200000", "bytes 1000-9/9", "nonsense"]
)
def test_an_answer_that_does_not_continue_the_part(site, span, job):
    headers = {"ETag": '"one"', "Content-Range": span}
    site.answers = [Answer(breaks_after=1000), Answer(headers=headers), Answer()]
    assert fetch(**job).read_bytes() == BODY
    assert site.ranges == [None, "bytes=1000-", None]


def test_a_part_nobody_asked_for_is_not_taken_for_the_file(site, job):
    site.answers = [Answer(BODY[:9], {"Content-Range": "bytes 0-8/200000"}, 206), Answer()]
    assert fetch(**job).read_bytes() == BODY


def test_a_part_of_unknown_total_is_continued(site, job):
    headers = {"ETag": '"one"', "Content-Range": "bytes 1000-199999/*"}
    site.answers = [Answer(breaks_after=1000), Answer(headers=headers)]
    assert fetch(**job).read_bytes() == BODY
    assert site.ranges == [None, "bytes=1000-"]


def test_an_answer_of_less_than_was_asked_for_is_continued(site, job):
    headers = {"ETag": '"one"', "Content-Range": "bytes 1000-1999/200000"}
    less = Answer(BODY[1000:2000], headers, status=206)
    site.answers = [Answer(breaks_after=1000), less, Answer()]
    assert fetch(**job).read_bytes() == BODY
    assert site.ranges == [None, "bytes=1000-", "bytes=2000-"]


@pytest.mark.parametrize("extra", [0, 7])
def test_a_part_as_long_as_the_file_or_longer(site, extra, job):
    shorter = Answer(BODY[: 1000 - extra])
    site.answers = [Answer(breaks_after=1000, chunked=True), shorter]
    assert fetch(**job).read_bytes() == shorter.body
    assert site.ranges == [None, "bytes=1000-", None]


def test_a_file_that_changed_is_fetched_anew(site, job):
    site.answers = [Answer(breaks_after=1000), Answer(OTHER, {"ETag": '"two"'})]
    assert fetch(**job).read_bytes() == OTHER
    assert site.ranges == [None, "bytes=1000-"]


def test_a_file_that_changed_under_a_server_that_ignores_if_range(site, job):
    changed = Answer(OTHER, {"ETag": '"two"'}, knows_if_range=False)
    site.answers = [Answer(breaks_after=1000), changed]
    assert fetch(**job).read_bytes() == OTHER
    assert site.ranges == [None, "bytes=1000-", None]


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"Last-Modified": OLD}, OLD),
        ({"Last-Modified": OLD, "ETag": '"one"'}, '"one"'),
        ({"Last-Modified": OLD, "ETag": 'W/"one"'}, OLD),
        ({"Last-Modified": "yesterday"}, None),
        ({"Last-Modified": "Fri, 01 Jan 2100 00:00:00 GMT"}, None),  # younger than the answer
        ({"ETag": 'W/"one"'}, None),
        ({}, None),
    ],
)
def test_a_part_is_continued_only_by_what_tells_versions_apart(site, headers, validator, job):
    site.answers = [Answer(headers=headers, breaks_after=1000), Answer(headers=headers)]
    assert fetch(**job).read_bytes() == BODY
    assert site.asked[1].get("If-Range") == validator
    assert site.ranges[1] == ("bytes=1000-" if validator else None)


@pytest.mark.parametrize("note", [None, "{", "[]", '{"url": 1}'])
def test_a_part_of_unknown_origin_is_not_continued(site, tmp_path, note, job):
    (tmp_path / "films.zip.part").write_bytes(OTHER[:500])
    if note:
        (tmp_path / "films.zip.part.json").write_text(note)
    assert fetch(**job).read_bytes() == BODY
    assert site.ranges == [None]


def test_a_part_from_another_address_is_not_continued(site, job):
    site.answers = [Answer(OTHER, breaks_after=1000), Answer(b"", status=404)]
    with pytest.raises(InputError):
        fetch(**job)
    site.answers = [Answer()]
    assert fetch(**job | {"url": f"{site.url}?other"}).read_bytes() == BODY
    assert site.ranges[-1] is None


def test_a_body_of_unknown_length(site, job):
    site.answers = [Answer(chunked=True)]
    assert fetch(**job).read_bytes() == BODY


def test_the_bytes_are_those_of_the_file(site, tmp_path, job):
    site.answers = [Answer(offers_gzip=True)]
    assert fetch(**job).read_bytes() == BODY
    packed = gzip.compress(BODY)
    site.answers = [Answer(packed, {"Content-Encoding": "gzip"})]  # as for many a .tar.gz
    assert fetch(**job | {"target": tmp_path / "films.tar.gz"}).read_bytes() == packed


def test_what_the_check_refuses_is_not_kept(site, tmp_path, job):
    told("is not a zip", **job | {"check": refuse})
    assert names(tmp_path) == []
    assert fetch(**job).read_bytes() == BODY
    assert site.ranges == [None, None]


def test_a_check_that_was_interrupted_is_made_again_without_a_request(site, tmp_path, job):
    def interrupt(path):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(**job | {"check": interrupt})
    assert "films.zip" not in names(tmp_path)
    assert fetch(**job).read_bytes() == BODY
    assert len(site.asked) == 1


@settings(max_examples=40, deadline=None)
@given(body=st.binary(max_size=3000), data=st.data())
def test_wherever_it_breaks_the_bytes_are_the_same(body, data):
    places = data.draw(st.lists(st.integers(0, len(body)), max_size=3))
    chunked = data.draw(st.booleans())
    with serving() as site, tempfile.TemporaryDirectory() as folder:
        broken = [Answer(body, breaks_after=place, chunked=chunked) for place in places]
        site.answers = [*broken, Answer(body)]
        target = fetch(site.url, Path(folder, "films.zip"), accept)
        assert target.read_bytes() == body
        assert names(Path(folder)) == ["films.zip"]


@settings(max_examples=40, deadline=None)
@given(
    versions=st.lists(st.integers(0, 2), min_size=2, max_size=4),
    kind=st.sampled_from(['"{}"', 'W/"{}"', None]),
    data=st.data(),
)
def test_whatever_changes_the_file_is_never_a_mix(versions, kind, data):
    bodies = [BODY[:2000], OTHER[:2000], BODY[:1500]]
    answers = [
        Answer(
            bodies[version],
            {"ETag": kind.format(version)} if kind else {},
            breaks_after=data.draw(st.integers(0, 2000)),
            knows_ranges=data.draw(st.booleans()),
            knows_if_range=data.draw(st.booleans()),
        )
        for version in versions
    ]
    answers[-1].breaks_after = None
    with serving() as site, tempfile.TemporaryDirectory() as folder:
        site.answers = answers
        assert fetch(site.url, Path(folder, "films.zip"), accept).read_bytes() in bodies


def test_a_killed_download_goes_on(site, tmp_path, job):
    target, part = tmp_path / "films.zip", tmp_path / "films.zip.part"
    site.answers = [Answer(pause=0.1), Answer()]
    process = start_fetching(site.url, target)
    wait_until(lambda: part.exists() and part.stat().st_size >= 50_000)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    size = part.stat().st_size
    assert 0 < size < len(BODY)
    assert not target.exists()
    assert fetch(**job).read_bytes() == BODY
    assert site.ranges == [None, f"bytes={size}-"]


def test_of_two_processes_one_fetches(site, tmp_path):
    target, go_on = tmp_path / "films.zip", threading.Event()
    site.answers = [Answer(breaks_after=1000, wait_for=go_on)]
    first = start_fetching(site.url, target)
    wait_until(lambda: site.asked)
    second = start_fetching(site.url, target)
    waiting = second.stderr.readline()
    go_on.set()
    assert "waiting" in waiting and "films.zip" in waiting
    assert [first.wait(), second.wait()] == [0, 0]
    assert target.read_bytes() == BODY
    assert len(site.asked) == 1


def test_a_folder_that_cannot_be_written_to(site, tmp_path, job):
    (tmp_path / "file").touch()
    target = tmp_path / "file" / "films.zip"
    told(target, "cannot be written", "its folder", **job | {"target": target})
    assert not site.asked


def test_a_disk_that_is_full(site, tmp_path, job):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
    ended = subprocess.run(
        [sys.executable, "-c", limit + SCRIPT, site.url, os.fspath(tmp_path / "films.zip")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    (message,) = (line for line in ended.stderr.splitlines() if line.startswith("told:"))
    assert "films.zip cannot be written: File too large" in message and "room" in message
    assert fetch(**job).read_bytes() == BODY
    assert site.ranges == [None, "bytes=50000-"]


def test_what_is_no_bytes_is_counted_as_it_is(capsys):
    with progress(2000, "film", "films") as bar:
        bar.update(2000)
    assert "2000/2000" in capsys.readouterr().err


def test_the_digest_is_that_of_the_whole_file(tmp_path):
    path = tmp_path / "films.zip"
    path.write_bytes(BODY * 10)
    assert sha256(path) == hashlib.sha256(BODY * 10).hexdigest()


@pytest.fixture
def known(tmp_path):
    """Arguments of `check_against` for a file and a ledger that is not there yet."""
    path = tmp_path / "films.zip"
    path.write_bytes(BODY)
    return {"digests": {}, "ledger": tmp_path / "seen" / "sha256", "name": "films", "path": path}


def test_a_pinned_digest(known, capsys):
    right, wrong = hashlib.sha256(BODY).hexdigest(), "0" * 64
    check_against(**known | {"digests": {"films": right.upper()}})
    words = (known["path"], right, wrong, "films", "in the program", "delete", "run again")
    told(*words, call=check_against, **known | {"digests": {"films": wrong}})
    assert not known["ledger"].parent.exists()
    assert not capsys.readouterr().err


def test_a_first_use_is_recorded_and_said(known, capsys):
    digest = hashlib.sha256(BODY).hexdigest()
    check_against(**known)
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    for word in ("first use of films", digest, str(known["ledger"]), "never compared"):
        assert word in said
    assert read_digests(known["ledger"]) == {"films": digest}
    check_against(**known)
    assert not capsys.readouterr().err


def test_a_file_that_differs_from_the_ledger(known):
    check_against(**known)
    before = known["ledger"].read_bytes()
    known["path"].write_bytes(OTHER)
    words = (known["path"], known["ledger"], sha256(known["path"]), "delete", "run again")
    told(*words, call=check_against, **known)
    assert known["ledger"].read_bytes() == before


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_the_other_lines_of_a_ledger_are_kept(known, end):
    above = b"# trusted\r\n\n" + b"A" * 64 + b" *old \xff" + end
    known["ledger"].parent.mkdir()
    known["ledger"].write_bytes(above)
    check_against(**known)
    line = f"{hashlib.sha256(BODY).hexdigest()}  films\n".encode()
    assert known["ledger"].read_bytes() == above.removesuffix(b"\n") + b"\n" + line
    assert names(known["ledger"].parent) == ["sha256"]


def test_uses_at_the_same_time_are_all_recorded(known):
    films = [f"films {number}" for number in range(4)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: check_against(**known | {"name": name}), films * 3))
    lines = known["ledger"].read_text().splitlines()
    assert sorted(line[66:] for line in lines) == films


def test_a_ledger_that_cannot_be_written_or_read(known):
    known["ledger"].parent.touch()
    told(known["ledger"], "cannot be", call=check_against, **known)
    known["ledger"].parent.unlink()
    known["ledger"].mkdir(parents=True)
    told(known["ledger"], "cannot be read", call=check_against, **known)


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="no sha256sum here")
def test_the_ledger_is_one_of_sha256sum(known):
    check_against(**known | {"name": "films.zip"})
    words = ["sha256sum", "--check", "--strict", os.fspath(known["ledger"])]
    subprocess.run(words, cwd=known["path"].parent, check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize(
    "line", ["films", "0" * 64, "0" * 64 + "  ", "0" * 63 + "  films", "g" * 64 + "  films"]
)
def test_a_malformed_line_is_pointed_at(tmp_path, line):
    path = tmp_path / "sha256"
    path.write_text(f"# trusted\n\n{'0' * 64}  good\n{line}\n")
    told(f"{path}, line 4", "64 hexadecimal digits", call=read_digests, path=path)


def test_a_ledger_that_contradicts_itself_is_pointed_at(tmp_path):
    path = tmp_path / "sha256"
    path.write_text("".join(f"{digit * 64}  films\n" for digit in "001"))
    told(f"{path}, line 3", "films", "another SHA-256", call=read_digests, path=path)


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1),
        st.binary(min_size=32, max_size=32).map(bytes.hex),
    )
)
def test_digests_are_read_as_they_were_written(digests):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sha256")
        assert read_digests(path) == {}
        lines = (f"{digest}  {name}\n" for name, digest in digests.items())
        path.write_text("".join(lines), encoding="utf-8")
        assert read_digests(path) == digests
