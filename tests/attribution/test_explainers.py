"""Explainers on networks whose attributions are known by hand, and on one that sees a patch."""

import numpy as np
import pytest
import torch
from tests.attribution.toys import classifier_of, linear, maps_of, pixels_of
from torch import nn

from radrobust.attribution.explainers import EXPLAINERS, baseline, make_task
from radrobust.attribution.localisation import localise
from radrobust.core.params import Explain
from radrobust.data.datasets.phantom import draw
from radrobust.data.decode.framing import Frame
from radrobust.systems.classifier import build

SIDE = 8
OF_ANY_NETWORK = ("saliency", "gradient_x_input", "integrated_gradients", "deeplift")


@pytest.fixture
def weights():
    return torch.randn(1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def test_a_linear_classifier_is_explained_exactly(weights):
    films, baselines = torch.rand(2, 3, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    found = {
        method: maps_of(method, linear(weights), films, baselines) for method in OF_ANY_NETWORK
    }
    contributions = (weights * (films - baselines))[:, 0]
    expected = {
        "saliency": weights.abs().expand(3, -1, -1),
        "gradient_x_input": (weights * films)[:, 0],
        "integrated_gradients": contributions,
        "deeplift": contributions,
    }
    for method, maps in found.items():
        torch.testing.assert_close(maps, expected[method], msg=method)


def test_channels_are_summed_before_the_magnitude_is_taken():
    weights = torch.randn(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    grey = torch.rand(2, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    found = maps_of("saliency", linear(weights), grey.expand(-1, 3, -1, -1).contiguous())
    torch.testing.assert_close(found, weights.sum(dim=0).abs().expand(2, -1, -1))


def exact(key):
    """A system in float64, and films for it: what is asked is not how a processor rounds."""
    films = torch.rand(5, 1, 32, 32, generator=torch.Generator().manual_seed(2))
    return build(key, seed=1).eval().requires_grad_(False).double(), films.double()


@pytest.mark.parametrize("method", EXPLAINERS)
def test_a_grey_film_and_its_three_channels_have_the_same_map(method):
    classifier, films = exact("rade2022")
    coloured = films.expand(-1, 3, -1, -1).contiguous()
    settings = {"window": 16, "stride": 16, "steps": 2}
    grey = maps_of(method, classifier, films, **settings)
    torch.testing.assert_close(
        grey, maps_of(method, classifier, coloured, **settings), atol=1e-9, rtol=1e-6
    )


def test_grad_cam_weighs_the_last_maps_by_their_mean_gradient():
    first, second = nn.Conv2d(3, 1, 1, bias=False), nn.Conv2d(1, 2, 1, bias=False)
    first.weight = nn.Parameter(torch.full((1, 3, 1, 1), 1 / 3))
    second.weight = nn.Parameter(torch.tensor([1.0, -2.0]).view(2, 1, 1, 1))
    classifier = classifier_of(nn.Sequential(first, second), [[0.0, 0.0], [3.0, 1.0]])
    films = torch.rand(2, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) - 0.5
    # Two maps, x and -2x, which weigh 3/64 and 1/64: (3x - 2x)/64, without what is negative.
    expected = films[:, 0].clamp(min=0) / SIDE**2
    torch.testing.assert_close(maps_of("grad_cam", classifier, films), expected)


def test_occlusion_gives_each_pixel_the_mean_fall_over_the_windows_that_cover_it():
    layer = nn.Conv2d(3, 1, 1, bias=False)
    layer.weight = nn.Parameter(torch.ones(1, 3, 1, 1))
    classifier = classifier_of(nn.Sequential(layer), [[0.0], [float(SIDE**2)]])
    films = torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    # The logit is three times the sum of the film: hiding a window takes away its part of it.
    apart = maps_of("occlusion", classifier, films, window=2, stride=2)
    blocks = 3 * films[0, 0].reshape(4, 2, 4, 2).sum(dim=(1, 3))
    expected = blocks.repeat_interleave(2, 0).repeat_interleave(2, 1)
    torch.testing.assert_close(apart[0], expected, atol=1e-4, rtol=1e-5)
    overlapping = maps_of("occlusion", classifier, films, window=2, stride=1)
    windows = 3 * films[0, 0].unfold(0, 2, 1).unfold(1, 2, 1).sum(dim=(2, 3))
    torch.testing.assert_close(overlapping[0, 0, 0], windows[0, 0], atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(overlapping[0, 3, 4], windows[2:4, 3:5].mean(), atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("method", EXPLAINERS)
def test_how_many_images_pass_at_once_changes_nothing(method):
    classifier, films = exact("huang2021")
    # Targets differ between batches, else that of another image would give the same.
    settings = {"window": 16, "stride": 16, "steps": 4, "target": [0, 1, 1, 0, 1]}
    many, few = (maps_of(method, classifier, films, at_once=n, **settings) for n in (64, 2))
    assert many.shape == (5, 32, 32)
    assert many.dtype == films.dtype
    torch.testing.assert_close(many, few, atol=1e-9, rtol=1e-6)


def test_explaining_leaves_no_trace():
    classifier = build("standard", seed=1).eval()
    films = torch.rand(2, 1, 32, 32)
    before = classifier(films)
    inplace = [getattr(module, "inplace", None) for module in classifier.modules()]
    for method in EXPLAINERS:
        maps_of(method, classifier, films, window=16, stride=16, steps=2)
    assert all(
        not module._forward_hooks and not module._backward_hooks and not module._forward_pre_hooks
        for module in classifier.modules()
    )
    assert [getattr(module, "inplace", None) for module in classifier.modules()] == inplace
    assert all(weight.grad is None for weight in classifier.parameters())
    assert torch.equal(classifier(films), before)


PATCH = 9


def patched_films(count, side=64):
    """Phantoms with a bright cross-hatched patch at a place that is known."""
    rng = np.random.default_rng(5)
    hatched = np.where(np.indices((PATCH, PATCH)).sum(axis=0) % 2, 255, 0).astype(np.uint8)
    images, masks = [], np.zeros((count, side, side), bool)
    for index in range(count):
        image = draw(0, index).image
        image = Frame(image.shape[1], image.shape[0], side).fit_image(image)
        row, column = rng.integers(16, side - 16 - PATCH, size=2)
        place = index, slice(row, row + PATCH), slice(column, column + PATCH)
        image = image.copy()
        image[place[1:]], masks[place] = hatched, True
        images.append(image)
    return pixels_of(images), masks


def patch_detector():
    """A classifier that answers 1 where it sees the patch, and goes by nothing else."""
    hatched = torch.where(torch.arange(PATCH).view(-1, 1) + torch.arange(PATCH) & 1 == 1, 1.0, -1.0)
    layer = nn.Conv2d(3, 1, PATCH, padding=PATCH // 2)
    layer.weight = nn.Parameter(hatched.expand(1, 3, -1, -1) / 3)
    layer.bias = nn.Parameter(torch.tensor([-20.0]))  # half of what the patch gives
    return classifier_of(nn.Sequential(layer, nn.ReLU()), [[0.0], [1000.0]])


@pytest.mark.parametrize("method", EXPLAINERS)
def test_maps_point_at_the_patch_that_a_decision_is_known_to_rest_on(method):
    films, masks = patched_films(40)
    classifier = patch_detector()
    assert (classifier(films).argmax(dim=1) == 1).all()
    task = make_task(films, torch.ones(len(films), dtype=torch.int64), Explain(methods=[method]), 8)
    maps = maps_of(
        method, classifier, films, task.baselines, window=task.window, stride=task.stride
    )
    frame = [0, 0, 64, 64]
    hits = [
        localise(*pair, [], frame)["mask_pointing"]
        for pair in zip(maps.numpy(), masks, strict=True)
    ]
    assert np.mean(hits) > 0.9


def test_window_and_stride_follow_the_size_of_films():
    params = Explain(methods=["occlusion"])

    def sizes(side):
        films = torch.zeros(1, 1, side, side)
        task = make_task(films, torch.zeros(1, dtype=torch.int64), params, 1)
        return task.window, task.stride

    assert [sizes(side) for side in (224, 64, 448, 32)] == [(15, 8), (4, 2), (30, 16), (4, 2)]


def test_baselines():
    films = torch.rand(2, 3, 16, 16)
    assert (baseline(films, "black") == 0).all()
    torch.testing.assert_close(
        baseline(films, "mean"), films.mean(dim=(2, 3), keepdim=True).expand_as(films)
    )
    blurred = baseline(films, "blur")
    assert blurred.shape == films.shape
    assert blurred.std() < films.std()
    torch.testing.assert_close(baseline(films[:, :1], "blur"), blurred[:, :1])
    flat = torch.full((1, 1, 16, 16), 0.3)
    torch.testing.assert_close(baseline(flat, "blur"), flat)
