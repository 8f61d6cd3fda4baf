"""Explainers on networks whose answer is known by hand, then on the systems themselves."""

import numpy as np
import pytest
import torch
from torch import nn

from radrobust.attribution.explainers import EXPLAINERS, Task, baseline
from radrobust.data.phantom import draw
from radrobust.data.reading import Frame
from radrobust.systems.catalogue import SYSTEMS
from radrobust.systems.classifier import as_pixels, build

SIDE = 8


def fitted(image):
    return Frame(image.shape[1], image.shape[0], 64).fit_image(image)


class Linear(nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.linear = nn.Linear(weights.numel(), 2, bias=False)
        self.linear.weight = nn.Parameter(torch.stack([0 * weights.flatten(), weights.flatten()]))

    def forward(self, images):
        return self.linear(images.flatten(1))


class ThreeNeurons(nn.Module):
    """max(0, x1 + x2 - 1): at (1, 1) the gradient is 1, 1, yet the output rose by only 1 from 0."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 1)
        self.linear.weight = nn.Parameter(torch.ones(1, 2))
        self.linear.bias = nn.Parameter(torch.tensor([-1.0]))
        self.relu = nn.ReLU()

    def forward(self, images):
        found = self.relu(self.linear(images.flatten(1)))
        return torch.cat([torch.zeros_like(found), found], dim=1)


def explain(name, classifier, films, baselines, window=1, stride=1):
    targets = torch.ones(len(films), dtype=torch.int64)
    return EXPLAINERS[name](classifier, Task(films, baselines, targets, window, stride)).detach()


@pytest.fixture
def linear():
    torch.manual_seed(0)
    weights = torch.randn(SIDE, SIDE)
    return Linear(weights).eval(), weights


def test_a_linear_classifier_is_explained_exactly(linear):
    classifier, weights = linear
    films, baselines = torch.rand(3, 1, SIDE, SIDE), torch.rand(3, 1, SIDE, SIDE)
    exact = weights * (films - baselines)
    torch.testing.assert_close(
        explain("saliency", classifier, films, baselines), weights.abs().expand_as(films)
    )
    torch.testing.assert_close(explain("deeplift", classifier, films, baselines), exact)
    torch.testing.assert_close(
        explain("occlusion", classifier, films, baselines), exact, atol=1e-5, rtol=1e-4
    )


def test_occlusion_gives_each_pixel_the_mean_over_the_windows_that_cover_it(linear):
    classifier, weights = linear
    films = torch.rand(1, 1, SIDE, SIDE)
    maps = explain("occlusion", classifier, films, torch.zeros_like(films), window=2, stride=2)
    blocks = (weights * films[0, 0]).reshape(4, 2, 4, 2).sum(dim=(1, 3))
    expected = blocks.repeat_interleave(2, 0).repeat_interleave(2, 1)
    torch.testing.assert_close(maps[0, 0], expected, atol=1e-5, rtol=1e-4)


def test_deeplift_shares_out_what_the_output_rose_by():
    films = torch.ones(1, 1, 1, 2)
    maps = explain("deeplift", ThreeNeurons().eval(), films, torch.zeros_like(films))
    torch.testing.assert_close(maps.flatten(), torch.tensor([0.5, 0.5]))


@pytest.mark.parametrize("key", SYSTEMS)
def test_deeplift_adds_up_on_radiographs(key):
    classifier = build(key, seed=1).eval()
    films = as_pixels(np.stack([fitted(draw(0, index).image) for index in range(4)]))
    baselines = torch.zeros_like(films)
    total = explain("deeplift", classifier, films, baselines).sum(dim=(1, 2, 3))
    with torch.no_grad():
        difference = (classifier(films) - classifier(baselines))[:, 1]
    torch.testing.assert_close(total, difference, atol=1e-4, rtol=1e-3)


def test_explaining_leaves_no_hook_behind():
    classifier = build("standard", seed=1).eval()
    films = torch.rand(2, 1, 32, 32)
    before = classifier(films)
    for name in EXPLAINERS:
        explain(name, classifier, films, torch.zeros_like(films), window=16, stride=16)
    assert all(
        not module._forward_hooks and not module._backward_hooks and not module._forward_pre_hooks
        for module in classifier.modules()
    )
    assert torch.equal(classifier(films), before)


def test_baselines():
    films = torch.rand(2, 1, 16, 16)
    assert (baseline(films, "black") == 0).all()
    torch.testing.assert_close(
        baseline(films, "mean"), films.mean(dim=(2, 3), keepdim=True).expand_as(films)
    )
    blurred = baseline(films, "blur")
    assert blurred.shape == films.shape
    assert blurred.std() < films.std()
    flat = torch.full((1, 1, 16, 16), 0.3)
    torch.testing.assert_close(baseline(flat, "blur"), flat)
