"""Which precision is chosen: by a clock that the steps set themselves, and by real passes."""

import itertools
import time

import pytest
import torch
from tests.attacks.test_protocol import params
from tests.attacks.toys import SIDE, Dragging, Net, random_films

from radrobust.attacks.protocol import Attacker
from radrobust.systems import precision
from radrobust.systems.precision import Precision, compare, fastest_precision

CPU = torch.device("cpu")
FLOAT32, BFLOAT16 = torch.float32, torch.bfloat16


@pytest.fixture
def stepping(monkeypatch):
    """Make a step that takes, by the clock, what its precision's list says, in turns."""
    now = 0.0
    taken = []

    def build(seconds):
        left = {kind: itertools.cycle(times) for kind, times in seconds.items()}

        def step(kind):
            nonlocal now
            taken.append(kind)
            now += next(left[kind])

        return step, taken

    monkeypatch.setattr(time, "perf_counter", lambda: now)
    return build


@pytest.mark.parametrize(
    ("coarse", "name"),
    [(0.5, "bfloat16"), (0.875, "bfloat16"), (0.9375, "float32"), (1.0, "float32"),
     (2.0, "float32")],
)  # fmt: skip
def test_bfloat16_has_to_win_clearly(stepping, coarse, name):
    step, _ = stepping({FLOAT32: [1.0], BFLOAT16: [coarse]})
    assert compare(step, CPU) == Precision(name, 1.0, coarse)


def test_neither_the_first_steps_nor_one_that_was_held_up_decide(stepping):
    step, taken = stepping({FLOAT32: [99.0, 1.0, 1.0, 1.0, 1.0, 1.0],
                            BFLOAT16: [1.0, 0.5, 64.0, 0.5, 0.5, 0.5]})  # fmt: skip
    assert compare(step, CPU) == Precision("bfloat16", 1.0, 0.5)
    assert taken == [FLOAT32, BFLOAT16] * (len(taken) // 2)


@pytest.mark.parametrize(("wanted", "in_hardware"), [("auto", False), ("float32", True)])
def test_where_there_is_nothing_to_choose_no_step_is_taken(
    stepping, wanted, in_hardware, monkeypatch
):
    monkeypatch.setattr(precision, "has_bfloat16", lambda device: in_hardware)
    step, taken = stepping({FLOAT32: [1.0], BFLOAT16: [0.1]})
    assert fastest_precision(wanted, step, CPU) == Precision("float32", None, None)
    assert taken == []


@pytest.mark.parametrize("space", ["pixel", "normalized"])
@pytest.mark.parametrize(("slow", "name"), [(FLOAT32, "bfloat16"), (BFLOAT16, "float32")])
def test_an_attack_is_timed_by_real_passes_of_its_batch(slow, name, space, monkeypatch):
    monkeypatch.setattr(precision, "has_bfloat16", lambda device: True)
    channels = 1 if space == "pixel" else 3
    classifier = Dragging(Net(channels=channels), slow)
    seen = []
    classifier.register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0].shape) if torch.is_grad_enabled() else None
    )
    attacker = Attacker(classifier, params(precision="auto", space=space, steps=9, restarts=3), 0)
    found = attacker.fastest_precision(random_films(0, count=6))
    assert found.name == name
    assert found.dtype == getattr(torch, name)
    assert (found.bfloat16_seconds < found.float32_seconds) == (name == "bfloat16")
    assert set(seen) == {(6, channels, SIDE, SIDE)}
