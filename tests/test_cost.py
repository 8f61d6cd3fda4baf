"""What stages cost: runs that end, that are stopped, and that are killed outright."""

import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from radrobust.core.cost import Cost, cost_file, measured, read_cost, study_digest
from radrobust.core.errors import InputError
from radrobust.core.params import load_params

ROOT = Path(__file__).parents[1]
KILLED = """
import sys, time
from pathlib import Path
from radrobust.core.cost import measured
from radrobust.core.params import load_params
with measured("attack", load_params(Path(sys.argv[1])), "standard"):
    print("begun", flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def recorded(stage: str, system: str = "") -> Cost:
    cost = read_cost(cost_file(stage, system))
    assert cost is not None
    return cost


def test_a_stage_that_ends_is_recorded(params):
    with measured("attack", params(), "standard"):
        sum(number * number for number in range(10**6))
    cost = recorded("attack", "standard")
    assert cost.finished and (cost.runs, cost.untold, cost.device) == (1, 0, "cpu")
    assert cost.threads >= 1 and cost.memory > 1_000_000 and cost.machine
    assert cost.study == study_digest("attack", params())


def test_another_run_of_a_finished_stage_starts_at_nothing(params):
    for _ in range(2):
        with measured("prepare", params()):
            pass
    assert recorded("prepare").runs == 1


def test_a_run_that_goes_on_adds_to_the_one_that_was_stopped(params):
    with pytest.raises(KeyboardInterrupt), measured("attack", params(), "standard"):
        time.sleep(0.3)
        raise KeyboardInterrupt
    stopped = recorded("attack", "standard")
    assert not stopped.finished and stopped.seconds >= 0.3
    with measured("attack", params(), "standard"):
        time.sleep(0.3)
    cost = recorded("attack", "standard")
    assert cost.finished and (cost.runs, cost.untold) == (2, 0)
    assert cost.seconds >= stopped.seconds + 0.3 - 0.05  # rounded to tenths


def test_a_run_that_was_killed_is_counted_though_its_time_is_not_known(params):
    words = [sys.executable, "-c", KILLED, str(ROOT / "params.yaml")]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGKILL)
    with measured("attack", load_params(ROOT / "params.yaml"), "standard"):
        pass
    cost = recorded("attack", "standard")
    assert cost.finished and (cost.runs, cost.untold) == (2, 1)


def test_what_was_stopped_in_another_study_does_not_count(params):
    with pytest.raises(ZeroDivisionError), measured("finetune", params(seed=1), "standard"):
        raise ZeroDivisionError
    with measured("finetune", params(seed=2), "standard"):
        pass
    assert recorded("finetune", "standard").runs == 1


def test_input_that_is_not_usable_leaves_what_was_there(params):
    def fail():
        with pytest.raises(InputError), measured("explain", params(), "standard"):
            raise InputError("not here")

    fail()
    assert not cost_file("explain", "standard").exists()
    with measured("explain", params(), "standard"):
        pass
    before = cost_file("explain", "standard").read_bytes()
    fail()
    assert cost_file("explain", "standard").read_bytes() == before


def test_a_system_that_nobody_knows_leaves_nothing(params):
    with measured("attack", params(), "../standrd"):
        pass
    assert not Path("results").exists()


def test_only_what_a_stage_depends_on_is_its_study(params):
    evaluate = params(evaluate={"bootstrap": 200, "level": 0.9})
    assert study_digest("attack", params()) == study_digest("attack", evaluate)
    assert study_digest("summarise", params()) != study_digest("summarise", evaluate)
    for stage in ("prepare", "attack", "summarise"):
        assert study_digest(stage, params()) != study_digest(stage, params(seed=21))


def test_no_host_is_named(params):
    with measured("prepare", params()):
        pass
    assert platform.node() not in cost_file("prepare").read_text()


@pytest.mark.parametrize("text", ["", "{", '{"hours": 3}', "[]"])
def test_a_file_of_another_release_counts_as_none(text):
    cost_file("prepare").parent.mkdir(parents=True)
    cost_file("prepare").write_text(text)
    assert read_cost(cost_file("prepare")) is None
