import pytest
import torch
from torch import nn

from radrobust.systems.architectures import published_class
from radrobust.systems.classifier import build
from radrobust.systems.meansparse import (
    MeanSparse,
    calibrate,
    operators,
    set_alpha,
    straight_through,
)


@pytest.fixture
def pair():
    """RobustBench's operator before SiLU, and ours, with the same statistics."""
    theirs = published_class("Meansparse_wrn_94_16", "MeanSparse")(5)
    ours = MeanSparse(5, nn.SiLU())
    generator = torch.Generator().manual_seed(0)
    for operator in (theirs, ours):
        operator.threshold.fill_(0.3)
        operator.running_mean.copy_(torch.randn(5, generator=generator.manual_seed(1)))
        operator.running_var.copy_(torch.rand(5, generator=generator.manual_seed(2)) + 0.5)
    return nn.Sequential(theirs, nn.SiLU()), ours


def test_by_hand():
    operator = MeanSparse(1, nn.Identity())
    operator.running_mean.fill_(1.0)
    operator.running_var.fill_(4.0)
    set_alpha(operator, 0.25)  # what is within half of 1 becomes 1
    maps = torch.tensor([0.4, 0.5, 0.6, 1.0, 1.4, 1.5, 1.6]).view(1, 1, 1, 7)
    expected = torch.tensor([0.4, 0.5, 1.0, 1.0, 1.0, 1.5, 1.6]).view(1, 1, 1, 7)
    torch.testing.assert_close(operator(maps), expected)


def test_value_and_gradient_are_robustbenchs(pair):
    theirs, ours = pair
    maps = torch.randn(4, 5, 6, 6)
    inputs = [maps.clone().requires_grad_() for _ in pair]
    outputs = [operator(image) for operator, image in zip((theirs, ours), inputs, strict=True)]
    assert torch.equal(outputs[0], outputs[1])
    for output in outputs:
        output.square().sum().backward()
    assert torch.equal(inputs[0].grad, inputs[1].grad)
    assert 0.05 < float((inputs[1].grad == 0).float().mean()) < 0.95


def test_with_no_threshold_it_is_the_activation_alone(pair):
    _, ours = pair
    set_alpha(ours, 0.0)
    maps = torch.randn(4, 5, 6, 6)
    assert torch.equal(ours(maps), torch.nn.functional.silu(maps))


def test_straight_through_changes_the_gradient_and_not_the_value(pair):
    _, ours = pair
    maps = torch.randn(4, 5, 6, 6, requires_grad=True)
    plain = ours(maps)
    (masked,) = torch.autograd.grad(plain.sum(), maps)
    with straight_through(ours):
        passed = ours(maps)
    (gradient,) = torch.autograd.grad(passed.sum(), maps)
    assert torch.equal(plain, passed)
    assert (masked == 0).any()
    assert (gradient != 0).all()
    kept = masked != 0
    assert torch.equal(gradient[kept], masked[kept])
    assert torch.equal(ours(maps), plain)
    assert not ours.straight_through


def test_inside_straight_through_the_plain_gradient_can_be_had_back(pair):
    _, ours = pair
    with straight_through(ours):
        with straight_through(ours, through=False):
            assert not ours.straight_through
        assert ours.straight_through
    assert not ours.straight_through


def test_straight_through_ends_even_where_the_attack_fails(pair):
    _, ours = pair
    with pytest.raises(RuntimeError), straight_through(ours):
        raise RuntimeError
    assert not ours.straight_through


def test_the_operators_stand_where_robustbench_has_them(zoo):
    theirs = zoo.build("amini2024", "compact")
    names = {name for name, _ in theirs.named_modules() if "meansparse_" in name}
    ours = build("amini2024", seed=0).backbone
    assert {
        name for name, module in ours.named_modules() if isinstance(module, MeanSparse)
    } == names
    assert len(names) == 3 * 3 + 1  # three blocks at compact scale; 136 at paper scale


def random_batches(sizes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(size, 1, 32, 32, generator=generator) for size in sizes]


def statistics(classifier):
    return [(o.running_mean.clone(), o.running_var.clone()) for o in operators(classifier)]


def test_calibration_measures_all_images_together():
    classifier = build("amini2024", seed=0).eval()
    inputs = []
    hook = operators(classifier)[1].register_forward_pre_hook(
        lambda _, seen: inputs.append(seen[0])
    )
    batches = random_batches([3, 5, 1])
    calibrate(classifier, batches, alpha=0.15)
    hook.remove()
    variance, mean = torch.var_mean(torch.cat(inputs), dim=(0, 2, 3))
    torch.testing.assert_close(operators(classifier)[1].running_mean, mean)
    torch.testing.assert_close(operators(classifier)[1].running_var, variance)
    assert all(float(o.threshold) == pytest.approx(0.15) for o in operators(classifier))


def test_calibrating_again_gives_the_same_whatever_the_batches():
    classifier = build("amini2024", seed=0).eval()
    images = torch.cat(random_batches([8]))
    calibrate(classifier, [images], alpha=0.15)
    first = statistics(classifier)
    calibrate(classifier, [images], alpha=0.15)
    assert all(
        torch.equal(a, b)
        for old, new in zip(first, statistics(classifier), strict=True)
        for a, b in zip(old, new, strict=True)
    )
    calibrate(classifier, images.split([1, 5, 2]), alpha=0.15)
    for old, new in zip(first, statistics(classifier), strict=True):
        torch.testing.assert_close(old, new)


def test_one_batch_gives_robustbenchs_statistics(zoo, model, tmp_path):
    from radrobust.systems.sources import obtain

    theirs = zoo.build("amini2024", "compact")
    zoo.save(theirs, tmp_path / "them.pt")
    ours = obtain("amini2024", model(weights=f"file:{tmp_path / 'them.pt'}"), 0, "").eval()
    images = torch.rand(6, 3, 32, 32)
    named = {n: m for n, m in theirs.named_modules() if hasattr(m, "batch_num")}
    for operator in named.values():
        operator.running_mean.zero_()
        operator.running_var.zero_()
        operator.threshold.zero_()
        operator.batch_num.fill_(1)
        operator.flag_update_statistics.fill_(1)
    with torch.no_grad():
        theirs(images)
    calibrate(ours, [images], alpha=0.15)
    for name, operator in named.items():
        mine = ours.backbone.get_submodule(name)
        torch.testing.assert_close(mine.running_mean, operator.running_mean, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(mine.running_var, operator.running_var, atol=1e-5, rtol=1e-4)


def test_calibrating_a_system_without_it_runs_nothing():
    calibrate(build("standard", seed=0), iter(()), alpha=0.15)
