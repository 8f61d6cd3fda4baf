"""All eight systems at full size, through the real loader, from files in RobustBench's format.

What has to be the same number is asked in float64: so many layers, and MeanSparse's jumps in them,
make of float32 what the rounding of a processor happens to be.
"""

import gc
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

from radrobust.attacks.pgd import Pgd, pgd
from radrobust.attribution.explainers import ADDS_UP, EXPLAINERS, explain, make_task
from radrobust.core.params import load_params
from radrobust.systems.catalogue import keys
from radrobust.systems.images import Images
from radrobust.systems.meansparse import switched_off
from radrobust.systems.sources import obtain

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=keys())
def loaded(request, zoo, tmp_path_factory):
    """A classifier, two images, and RobustBench's own last layer and answer to them in float64."""
    key = request.param
    path = tmp_path_factory.mktemp(key) / f"{key}.pt"
    theirs = zoo.build(key, "paper")
    zoo.save(theirs, path, plain=key in ("standard", "peng2023", "amini2024"))
    head = zoo.head_of(theirs.double())
    images = torch.rand(2, 3, 32, 32).double()
    with torch.no_grad():
        logits = theirs(images)
    del theirs
    model = load_params().model.model_copy(
        update={"scale": "paper", "weights": f"file:{path}", "trainable": "head"}
    )
    classifier = obtain(key, model, 0, "").eval().requires_grad_(False)
    path.unlink()
    yield classifier, images, head, logits
    del classifier
    gc.collect()


@contextmanager
def in_float64(classifier):
    try:
        yield classifier.double()
    finally:
        classifier.float()


def test_it_computes_what_robustbench_computes(loaded):
    classifier, images, head, logits = loaded
    with torch.no_grad(), in_float64(classifier):
        ours = head(classifier.features(images))
    torch.testing.assert_close(ours, logits, atol=1e-9, rtol=1e-9)


def test_one_row_a_film_at_64_pixels(loaded):
    classifier, *_ = loaded
    films = torch.rand(2, 1, 64, 64)
    # MeanSparse jumps: what rounding differs by between batches is not what is asked here.
    with torch.no_grad(), switched_off(classifier):
        logits = classifier(films)
        alone = classifier(films[1:])
    assert logits.shape == (2, 2)
    torch.testing.assert_close(alone, logits[1:], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_a_step_of_an_attack_moves_within_the_ball(loaded, precision):
    classifier, *_ = loaded
    pixels = torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        films = Images(["film"], classifier(pixels).argmax(dim=1), pixels)
    attacked = pgd(classifier, films, Pgd.fgsm(4 / 255), 0, precision)
    distance = (attacked.images - pixels).abs()
    assert 0 < float(distance.max()) <= 4 / 255 + 1e-6
    assert float((distance > 0).float().mean()) > 0.9


def test_maps(loaded):
    classifier, *_ = loaded
    films = torch.rand(1, 1, 32, 32)
    task = make_task(films, torch.tensor([1]), load_params().explain, at_once=8)
    task = replace(task, window=32, stride=32, steps=2)
    for method in EXPLAINERS:
        values = explain(method, classifier, task)
        assert values.shape == (1, 32, 32), method
        assert torch.isfinite(values).all(), method


def test_maps_add_up(loaded):
    films = torch.rand(1, 1, 16, 16).double()
    task = make_task(films, torch.tensor([1]), load_params().explain, at_once=8)
    with in_float64(loaded[0]) as classifier:
        change = float((classifier(films) - classifier(task.baselines))[0, 1])
        for method in ADDS_UP:
            total = float(explain(method, classifier, replace(task, steps=2)).sum())
            assert total == pytest.approx(change, rel=1e-6, abs=1e-9), method
