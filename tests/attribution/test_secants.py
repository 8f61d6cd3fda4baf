"""DeepLIFT and integrated gradients: worked out by hand, against Captum, and on every system.

In float64, so that no processor's rounding is asked about: it decides where MeanSparse jumps.
"""

import numpy as np
import pytest
import torch
from captum.attr import DeepLift, IntegratedGradients
from scipy.integrate import quad
from tests.attribution.toys import TwoLogits, affine, maps_of, pixels_of
from torch import nn

from radrobust.attribution.explainers import baseline
from radrobust.data.datasets.phantom import draw
from radrobust.data.decode.framing import Frame
from radrobust.systems.catalogue import keys
from radrobust.systems.classifier import build
from radrobust.systems.excitation import Product
from radrobust.systems.meansparse import calibrate

RELU_SYSTEMS = ("standard", "zhang2020", "huang2021", "chen2024")
METHODS = ("deeplift", "integrated_gradients")


def film(*values):
    return torch.tensor(values, dtype=torch.float64).view(1, 1, 1, -1)


def values_of(method, function, at, start, **changes):
    network = TwoLogits(function).double().eval()
    return maps_of(method, network, film(*at), film(*start), **changes).flatten().tolist()


@pytest.mark.parametrize("method", METHODS)
def test_what_an_output_rose_by_is_shared_out(method):
    # max(0, x + y - 1): the gradient at (1, 1) is 1, 1, yet the output rose by only 1 from 0.
    bent = nn.Sequential(affine([[1.0, 1.0]], [-1.0]), nn.ReLU())
    assert values_of(method, bent, (1.0, 1.0), (0.0, 0.0)) == pytest.approx([0.5, 0.5])


class Minimum(nn.Module):
    """min(x, y) as x - max(0, x - y)."""

    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU()

    def forward(self, pixels):
        x, y = pixels[:, :1], pixels[:, 1:]
        return x - self.relu(x - y)


class Times(nn.Module):
    def __init__(self):
        super().__init__()
        self.product = Product()

    def forward(self, pixels):
        return self.product(pixels[:, :1], pixels[:, 1:])


@pytest.mark.parametrize("method", METHODS)
def test_a_minimum_rests_on_the_smaller(method):
    assert values_of(method, Minimum(), (2.0, 1.0), (0.0, 0.0)) == pytest.approx([0.0, 1.0])


@pytest.mark.parametrize("method", METHODS)
def test_a_product_gives_half_of_the_joint_part_to_each(method):
    # 3·5 - 1·2 = 13: (3 - 1)(5 + 2)/2 and (5 - 2)(3 + 1)/2.
    found = values_of(method, Times(), (3.0, 5.0), (1.0, 2.0))
    assert found == pytest.approx([7.0, 6.0])


class Jump(nn.Module):
    """A step from 0 to 1 at one half, whose gradient is 0 wherever there is one."""

    def forward(self, pixels):
        return (pixels > 0.5).float() + 0 * pixels


def test_a_jump_is_attributed_although_it_has_no_gradient(monkeypatch):
    monkeypatch.setattr("radrobust.attribution.secants._ELEMENTWISE", (Jump,))
    network = nn.Sequential(affine([[1.0, 3.0]], [0.0]), Jump())
    for method in METHODS:
        assert values_of(method, network, (0.25, 0.25), (0.0, 0.0)) == pytest.approx([0.25, 0.75])


def smooth():
    return nn.Sequential(
        affine([[1.0, -2.0], [3.0, 0.5]], [0.3, -1.0]),
        nn.SiLU(),
        affine([[2.0, -1.0]], [0.0]),
        nn.SiLU(),
    )


def test_many_steps_tend_to_the_integral_of_the_gradient():
    network, at, start = smooth().double(), film(1.0, 2.0).flatten(), film(-1.0, 0.5).flatten()

    def slope(share, pixel):
        point = (start + share * (at - start)).requires_grad_()
        return torch.autograd.grad(network(point.view(1, -1)).sum(), point)[0][pixel].item()

    exact = [float(at[i] - start[i]) * quad(slope, 0, 1, args=(i,))[0] for i in range(2)]

    def error(steps):
        found = values_of("integrated_gradients", network, at.tolist(), start.tolist(), steps=steps)
        return np.abs(np.array(found) - exact).max()

    assert error(64) < 1e-4
    assert error(32) == pytest.approx(error(8) / 16, rel=0.1)  # with the square of a step


@pytest.mark.parametrize("kind", [nn.GELU(), nn.MaxPool2d(1), nn.Softmax(dim=1)])
def test_a_layer_without_a_rule_is_refused(kind):
    network = nn.Sequential(affine([[1.0, 1.0]], [0.0]), kind)
    with pytest.raises(TypeError, match=f"no rule for {type(kind).__name__}"):
        values_of("deeplift", network, (1.0, 1.0), (0.0, 0.0))


@pytest.fixture(scope="module")
def radiographs():
    images = [draw(0, index).image for index in range(4)]
    frames = [Frame(image.shape[1], image.shape[0], 64).fit_image(image) for image in images]
    return pixels_of(frames).double()


def systems_alike(key):
    classifier = build(key, seed=1).eval().requires_grad_(False).double()
    films = torch.rand(8, 1, 64, 64, generator=torch.Generator().manual_seed(0)).double()
    calibrate(classifier, [films], alpha=0.15)
    return classifier


@pytest.mark.parametrize("steps", [1, 5])
@pytest.mark.parametrize("kind", ["black", "blur"])
@pytest.mark.parametrize("key", keys())
def test_maps_of_radiographs_add_up_on_every_system(key, kind, steps, radiographs):
    classifier = systems_alike(key)
    start = baseline(radiographs, kind)
    maps = maps_of("integrated_gradients", classifier, radiographs, start, steps=steps)
    change = (classifier(radiographs) - classifier(start))[:, 1]
    # Ends of a step that hardly differ take the gradient for the secant: no closer than that.
    torch.testing.assert_close(maps.sum(dim=(1, 2)), change, rtol=1e-5, atol=1e-9)


def test_gradients_of_a_network_with_jumps_do_not_add_up(radiographs):
    """Why Captum's integrated gradients are not taken: MeanSparse's jumps have none."""
    classifier = systems_alike("amini2024")
    start = baseline(radiographs[:1], "blur")
    found = IntegratedGradients(classifier).attribute(
        radiographs[:1], start, target=1, n_steps=64, internal_batch_size=64
    )
    change = float((classifier(radiographs[:1]) - classifier(start))[0, 1])
    assert abs(float(found.sum()) - change) > 1e-2 * abs(change)


@pytest.mark.filterwarnings("ignore:Setting forward", "ignore:Input Tensor 0 did not")
@pytest.mark.parametrize("key", RELU_SYSTEMS)
def test_deeplift_is_captums_where_captum_has_every_rule(key, radiographs):
    classifier, start = systems_alike(key), baseline(radiographs, "blur")
    theirs = DeepLift(classifier).attribute(radiographs, start, target=1)[:, 0].detach()
    ours = maps_of("deeplift", classifier, radiographs, start)
    torch.testing.assert_close(ours, theirs, atol=1e-6 * float(theirs.abs().max()), rtol=0)


@pytest.mark.parametrize("key", ["huang2021", "rade2022", "peng2023"])
def test_integrated_gradients_are_captums_in_the_limit(key, radiographs):
    classifier = systems_alike(key)
    start = baseline(radiographs[:1], "blur")
    theirs = IntegratedGradients(classifier).attribute(
        radiographs[:1], start, target=1, n_steps=200, internal_batch_size=64,
        method="riemann_middle",
    )[:, 0]  # fmt: skip
    ours = maps_of("integrated_gradients", classifier, radiographs[:1], start, steps=64)
    assert float((ours - theirs).norm() / theirs.norm()) < 0.01
