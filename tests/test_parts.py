"""Parts of unfinished work: each made once, by whoever comes first, and read by all the others.

Workers are real processes, which are told by their standard input when to go on.
"""

import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from radrobust.core.parts import Part, Parts

NAMES = [f"part {number}" for number in range(8)]
WORKER = """
import hashlib, os, sys, time
from pathlib import Path
import numpy as np, pandas as pd
from radrobust.core.parts import Part, Parts

folder, log, work, seconds, *names = sys.argv[1:]

def made(name):
    with open(log, "a") as file:
        file.write(f"{os.getpid()} {name}\\n")
    time.sleep(float(seconds))
    return Part(pd.DataFrame({"name": [name]}), {"values": np.arange(len(name)) + os.getpid()})

parts = Parts(Path(folder), work)
with parts.at_work():
    print("at work", flush=True)
    input()
    found = [parts.get(name, lambda name=name: made(name)) for name in names]
    print("has them", flush=True)
    input()
everything = {part.table["name"][0]: part.arrays["values"].tolist() for part in found}
print(sorted(everything.items()))
"""

IN_AND_OUT = """
import sys
from pathlib import Path
import pandas as pd
from radrobust.core.parts import Part, Parts

parts = Parts(Path(sys.argv[1]), "work")
for _ in range(150):
    with parts.at_work():
        for name in ("a", "b"):
            parts.get(name, lambda: Part(pd.DataFrame({"number": [1]})))
"""


class Worker:
    """A process at some work; it has begun, and waits to be told to make or read its parts."""

    def __init__(self, folder, work="work", seconds=0.0, names=NAMES):
        self.log = folder.with_suffix(".log")
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, folder, self.log, work, str(seconds), *names],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.said() == "at work"

    def said(self):
        return self.process.stdout.readline().strip()

    def go_on(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def get_all(self):
        self.go_on()
        assert self.said() == "has them"

    def end(self):
        self.go_on()
        said = self.said()
        assert self.process.wait(60) == 0
        return said

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "work"


@pytest.fixture
def start(folder):
    """Start workers, and end those that a failed test leaves."""
    workers = []

    def begin(**options):
        workers.append(Worker(folder, **options))
        return workers[-1]

    yield begin
    for worker in workers:
        worker.kill()
        worker.process.stdin.close()
        worker.process.stdout.close()


def made(folder):
    """Who made which part, in order."""
    log = folder.with_suffix(".log")
    return [line.split(" ", 1) for line in log.read_text().splitlines()] if log.exists() else []


def wait_until_made(folder, count):
    while len(made(folder)) < count:
        time.sleep(0.01)


def never():
    raise AssertionError("is there already")


def part_of(number):
    return Part(pd.DataFrame({"number": [number]}))


# --- One worker -------------------------------------------------------------------------------


def test_a_part_is_made_once(folder):
    parts, calls = Parts(folder, "work"), []

    def make():
        calls.append(1)
        return part_of(len(calls))

    with parts.at_work():
        first, again = parts.get("a", make), parts.get("a", make)
        assert Parts(folder, "work").get("a", make).table["number"].tolist() == [1]
        other = parts.get("b", make)
    assert len(calls) == 2
    assert [one.table["number"][0] for one in (first, again, other)] == [1, 1, 2]


def test_what_is_read_is_what_was_made(folder):
    table = pd.DataFrame(
        {"name": ["ä b", ""], "share": np.float32([0.1, np.nan]), "count": np.int8([-1, 3])}
    )
    arrays = {
        "maps": np.random.default_rng(0).normal(size=(2, 3, 3)).astype(np.float16),
        "masks": np.array([[True], [False]]),
        "pixel": np.float32([[np.nan, -0.0], [np.inf, 1e-40]]),
        "none": np.empty((0, 4), np.int64),
    }
    for parts in (Parts(folder, "work"), Parts(folder, "work")):
        found = parts.get("a", lambda: Part(table, arrays))
        pd.testing.assert_frame_equal(found.table, table, check_exact=True)
        assert found.arrays.keys() == arrays.keys()
        for name, array in arrays.items():
            assert found.arrays[name].dtype == array.dtype
            assert found.arrays[name].shape == array.shape
            assert found.arrays[name].tobytes() == array.tobytes()


def test_parts_are_put_one_below_the_other():
    parts = [
        Part(pd.DataFrame({"n": [number]}), {"map": np.full((1, 2), number)}) for number in (3, 1)
    ]
    whole = Part.together(parts)
    assert whole.table["n"].tolist() == [3, 1]
    assert whole.table.index.tolist() == [0, 1]
    assert whole.arrays["map"].tolist() == [[3, 3], [1, 1]]


@pytest.mark.parametrize(
    "other",
    [
        ("another version", "weights", {"eps": "4/255"}, b"pixels"),
        ("version", "other weights", {"eps": "4/255"}, b"pixels"),
        ("version", "weights", {"eps": "8/255"}, b"pixels"),
        ("version", "weights", {"eps": "4/255"}, b"other pixels"),
        ("versionweights", "", {"eps": "4/255"}, b"pixels"),
        ("version", "weights", {"eps": "4/255"}),
    ],
)
def test_parts_of_other_work_are_not_read(folder, other):
    mine = Parts(folder, "version", "weights", {"eps": "4/255"}, b"pixels")
    mine.get("a", lambda: part_of(1))
    assert Parts(folder, *other).get("a", lambda: part_of(2)).table["number"].tolist() == [2]
    assert mine.get("a", never).table["number"].tolist() == [1]


def test_a_part_that_cannot_be_made_leaves_nothing_and_may_be_tried_again(folder):
    parts = Parts(folder, "work")
    with pytest.raises(AssertionError, match="is there already"):
        parts.get("a", never)
    assert parts.get("a", lambda: part_of(1)).table["number"].tolist() == [1]


def test_who_ends_well_leaves_nothing_and_who_fails_leaves_his_parts(folder):
    with pytest.raises(KeyboardInterrupt), Parts(folder, "work").at_work():
        Parts(folder, "work").get("a", lambda: part_of(1))
        raise KeyboardInterrupt
    with Parts(folder, "work").at_work():
        assert Parts(folder, "work").get("a", never).table["number"].tolist() == [1]
    assert not folder.exists()


# --- Several workers --------------------------------------------------------------------------


def test_two_workers_make_each_part_once_between_them(folder, start):
    workers = start(seconds=0.1), start(seconds=0.1, names=NAMES[::-1])
    for worker in workers:
        worker.go_on()
    assert [worker.said() for worker in workers] == ["has them"] * 2
    first, second = (worker.end() for worker in workers)
    assert first == second != ""
    found = made(folder)
    assert Counter(name for _, name in found) == Counter(NAMES)
    assert {int(who) for who, _ in found} == {worker.process.pid for worker in workers}
    assert not folder.exists()


def test_two_workers_in_the_same_order_wait_for_each_other(folder, start):
    workers = start(seconds=0.05), start(seconds=0.05)
    for worker in workers:
        worker.go_on()
    assert [worker.said() for worker in workers] == ["has them"] * 2
    assert workers[0].end() == workers[1].end() != ""
    assert [name for _, name in made(folder)] == NAMES


def test_who_ends_first_leaves_the_other_what_he_needs(folder, start):
    slow, quick = start(), start()
    quick.get_all()
    expected = quick.end()
    assert folder.exists()
    slow.get_all()
    assert {int(who) for who, _ in made(folder)} == {quick.process.pid}
    assert slow.end() == expected
    assert not folder.exists()


def test_a_killed_worker_leaves_its_claim_to_who_waits_for_it(folder, start):
    killed = start(seconds=600)
    killed.go_on()
    wait_until_made(folder, 1)
    waiting = start()
    waiting.go_on()
    assert waiting.process.poll() is None
    killed.kill()
    assert waiting.said() == "has them"
    assert [name for _, name in made(folder)] == [NAMES[0], *NAMES]
    waiting.end()
    assert not folder.exists()


def test_what_a_killed_worker_has_finished_is_read_by_the_next(folder, start):
    killed = start(names=NAMES[:3])
    killed.get_all()
    killed.kill()
    later = start()
    later.get_all()
    assert [int(who) for who, _ in made(folder)] == [killed.process.pid] * 3 + [
        later.process.pid
    ] * 5
    later.end()
    assert not folder.exists()


def test_parts_of_other_versions_go_unless_somebody_works_on_them(folder, start):
    stale, busy = start(work="stale"), start(work="busy")
    for worker in (stale, busy):
        worker.get_all()
    stale.kill()
    versions = set(folder.iterdir())
    with Parts(folder, "new").at_work():
        Parts(folder, "new").get("a", lambda: part_of(1))
        assert len(set(folder.iterdir()) - versions) == 1
    (left,) = folder.iterdir()
    assert left in versions
    same = start(work="busy")
    same.get_all()
    assert Counter(int(who) for who, _ in made(folder)) == {
        stale.process.pid: 8,
        busy.process.pid: 8,
    }
    assert same.end() == busy.end()
    assert not folder.exists()


def test_who_begins_just_as_another_ends_loses_nothing(folder):
    words = [sys.executable, "-c", IN_AND_OUT, folder]
    workers = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [worker.communicate()[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], said
    assert not folder.exists()
