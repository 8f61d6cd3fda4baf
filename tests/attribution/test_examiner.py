"""Who explains: within the memory that there is."""

import numpy as np
import pandas as pd
import pytest
import torch

from radrobust.attribution.examiner import Chosen, Examiner
from radrobust.core.errors import InputError
from radrobust.core.params import Explain
from radrobust.systems.classifier import build
from radrobust.systems.images import Images

SIDE = 32


@pytest.fixture
def examiner():
    classifier = build("huang2021", seed=0).eval().requires_grad_(False)
    return Examiner(classifier, Explain(methods=["saliency"], steps=2), 0, SIDE)


@pytest.fixture
def chosen():
    names, labels = [f"sample-{row}" for row in range(70)], torch.zeros(70).long()
    images = Images(names, labels, torch.rand(70, 1, SIDE, SIDE))
    table = pd.DataFrame({"predicted": np.arange(70) % 2, "extent": [[0, 4, SIDE, 28]] * 70})
    return Chosen(images, table, np.zeros((70, SIDE, SIDE), bool), "clean")


def test_groups_hold_every_image_once_and_in_order(chosen):
    groups = list(chosen.groups())
    names = [name for group in groups for name in group.images.sample_ids]
    assert names == chosen.images.sample_ids
    assert max(len(group) for group in groups) < len(chosen)
    pixels = torch.cat([group.images.pixels for group in groups])
    assert torch.equal(pixels, chosen.images.pixels)
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

    with pytest.raises(InputError, match=r"single image; lower dataset\.image_size"):
        examiner.within_memory(examiner.task(chosen), work)


def test_a_rise_is_that_of_the_targets_logit(examiner, chosen):
    task = examiner.task(chosen)
    rises = examiner.rise(chosen, task)
    logits = examiner.classifier(task.images) - examiner.classifier(task.baselines)
    expected = logits[torch.arange(70), chosen.targets]
    torch.testing.assert_close(rises, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("where", ["clean", "clean, baseline"])
def test_logits_that_are_no_numbers_explain_nothing(where, examiner, chosen):
    task = examiner.task(chosen)
    marked = (task.images if where == "clean" else task.baselines)[66]

    def spoil(module, inputs, logits):
        seen = (inputs[0] == marked).flatten(1).all(dim=1, keepdim=True)
        return logits.masked_fill(seen, torch.inf)

    examiner.classifier.register_forward_hook(spoil)
    said = f"the logits of sample-66 are inf, inf under the condition {where}; train"
    with pytest.raises(InputError, match=said):
        examiner.rise(chosen, task)
