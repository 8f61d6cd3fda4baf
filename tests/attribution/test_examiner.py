"""Who explains: within the memory that there is."""

import numpy as np
import pandas as pd
import pytest
import torch

from radrobust.attribution.examiner import Chosen, Examiner
from radrobust.core.errors import InputError
from radrobust.core.params import Explain
from radrobust.systems.classifier import build

SIDE = 32


@pytest.fixture
def examiner():
    classifier = build("huang2021", seed=0).eval().requires_grad_(False)
    return Examiner(classifier, Explain(methods=["saliency"], steps=2), 0, SIDE)


@pytest.fixture
def chosen():
    table = pd.DataFrame(
        {
            "sample_id": [f"film-{row}" for row in range(70)],
            "predicted": np.arange(70) % 2,
            "extent": [[0, 4, SIDE, 28]] * 70,
        }
    )
    return Chosen(table, np.zeros((70, SIDE, SIDE), bool), torch.rand(70, 1, SIDE, SIDE))


def test_groups_hold_every_film_once_and_in_order(chosen):
    groups = list(chosen.groups())
    assert [name for group in groups for name in group.names] == chosen.names
    assert max(len(group) for group in groups) < len(chosen)
    assert torch.equal(torch.cat([group.images for group in groups]), chosen.images)
    assert chosen.targets.tolist() == [0, 1] * 35


def test_the_padding_is_outside(chosen):
    inside = chosen.inside
    assert inside[:, 4:28].all()
    assert not inside[:, :4].any()
    assert not inside[:, 28:].any()


def test_out_of_memory_passes_are_halved_and_stay_so(examiner, chosen):
    asked = []

    def work(task):
        asked.append(task.at_once)
        if task.at_once > 10:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return task.at_once

    task = examiner.task(chosen)
    assert examiner.within_memory(task, work) == 8
    assert examiner.within_memory(task, work) == 8
    assert asked == [64, 32, 16, 8, 8]
    assert examiner.task(chosen).at_once == 8


def test_no_memory_for_one_film_ends_in_one_line(examiner, chosen):
    def work(task):
        raise MemoryError

    with pytest.raises(InputError, match=r"single film; lower dataset\.image_size"):
        examiner.within_memory(examiner.task(chosen), work)
