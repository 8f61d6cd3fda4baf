"""Occlusion that computes only what a window can change is the same as computing everything."""

import pytest
import torch
from captum.attr import Occlusion
from torch import nn

from radrobust.attribution.explainers import baseline
from radrobust.attribution.occlusion import occlude
from radrobust.systems.architectures import in_sequence
from radrobust.systems.catalogue import keys
from radrobust.systems.classifier import build
from radrobust.systems.meansparse import calibrate


def drawn(seed, *shape):
    """Films in float64: which way rounding goes decides where MeanSparse jumps."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)).double()


def network(key):
    classifier = build(key, seed=1).eval().requires_grad_(False).double()
    calibrate(classifier, [drawn(1, 8, 1, 32, 32)], alpha=0.15)
    nn.init.normal_(classifier.head.weight, std=3.0, generator=torch.Generator().manual_seed(0))
    return classifier


def captums(classifier, films, baselines, targets, window, stride):
    channels = films.shape[1]
    return Occlusion(classifier).attribute(
        films,
        sliding_window_shapes=(channels, window, window),
        strides=(channels, stride, stride),
        baselines=baselines,
        target=targets,
    )[:, 0]


@pytest.mark.parametrize(
    ("side", "window", "stride", "channels"), [(32, 4, 2, 1), (32, 7, 5, 3), (64, 16, 11, 1)]
)
@pytest.mark.parametrize("key", keys())
def test_maps_are_captums(key, side, window, stride, channels):
    classifier = network(key)
    films = drawn(3, 3, channels, side, side)
    baselines, targets = baseline(films, "blur"), torch.tensor([0, 1, 1])
    ours = occlude(classifier, films, baselines, targets, window, stride)
    theirs = captums(classifier, films, baselines, targets, window, stride)
    assert float(theirs.abs().max()) > 1e-3
    # Captum adds up in float32.
    torch.testing.assert_close(ours, theirs.double(), atol=1e-6, rtol=0)


def test_a_window_as_large_as_the_film_hides_it_all():
    classifier = network("standard")
    films = drawn(4, 2, 1, 32, 32)
    baselines, targets = torch.zeros_like(films), torch.tensor([1, 0])
    maps = occlude(classifier, films, baselines, targets, 32, 16)
    fall = (classifier(films) - classifier(baselines)).gather(1, targets.unsqueeze(1))
    torch.testing.assert_close(maps, fall.view(-1, 1, 1).expand_as(maps), atol=1e-9, rtol=0)


@pytest.mark.parametrize("key", keys())
def test_a_backbone_in_sequence_is_the_backbone(key):
    classifier = network(key)
    maps = drawn(5, 2, 3, 32, 32)
    expected = classifier.backbone(maps)
    parts = in_sequence(classifier.backbone)
    assert len(parts) >= 5  # the stem, a block of each stage, what follows
    for part in parts:
        maps = part(maps)
    assert torch.equal(maps, expected)
