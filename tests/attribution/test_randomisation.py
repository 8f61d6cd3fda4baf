import math
import re

import numpy as np
import pytest
import torch

from radrobust.attribution.randomisation import PARTS, cascade, correlations, parameters_by_part
from radrobust.core.tensors import state_digest
from radrobust.systems.catalogue import keys
from radrobust.systems.classifier import Design, build, build_empty

SIDE = 32


@pytest.fixture(scope="module", params=keys())
def classifier(request):
    """A system without a parameter whose values are all the same, as after training."""
    built = build(request.param, seed=1, head="mlp").eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in built.parameters():
            weight += 0.01 * torch.randn(weight.shape, generator=generator)
    return built


def changed(before, after):
    return {
        name
        for name, weight in before.named_parameters()
        if not torch.equal(weight, after.get_parameter(name))
    }


@pytest.mark.parametrize("head", ["linear", "mlp"])
@pytest.mark.parametrize("scale", ["compact", "paper"])
@pytest.mark.parametrize("key", keys())
def test_every_parameter_is_in_one_part(key, scale, head):
    empty = build_empty(Design(key, scale, head))
    parts = parameters_by_part(empty)
    assert tuple(parts) == PARTS
    together = [name for names in parts.values() for name in names]
    assert sorted(together) == sorted(name for name, _ in empty.named_parameters())
    for part, number in ("last stage", 3), ("middle stage", 2), ("first stage and stem", 1):
        stage = re.compile(rf"backbone\.(block{number}|(blocks|layer)\.{number - 1})\.")
        assert {part} == {
            place for place, names in parts.items() for name in names if stage.match(name)
        }


def test_each_depth_changes_exactly_the_parameters_down_to_it(classifier):
    parts = parameters_by_part(classifier)
    expected = set()
    found = list(cascade(classifier, seed=3))
    assert [part for part, _ in found] == list(PARTS)
    for part, redrawn in found:
        # Two values, such as the biases of two logits, come out as they were half of the time.
        expected |= {name for name in parts[part] if classifier.get_parameter(name).numel() > 2}
        tiny = {name for name, weight in classifier.named_parameters() if weight.numel() <= 2}
        assert changed(classifier, redrawn) - tiny == expected
        assert changed(classifier, redrawn) & tiny <= set(parts["head"])
        assert not redrawn.training


def test_values_and_buffers_are_kept(classifier):
    for _, redrawn in cascade(classifier, seed=3):
        for name, weight in classifier.named_parameters():
            other = redrawn.get_parameter(name)
            assert torch.equal(weight.flatten().sort().values, other.flatten().sort().values)
            assert weight.stride() == other.stride()
        for name, buffer in classifier.named_buffers():
            assert torch.equal(buffer, redrawn.get_buffer(name))


def test_the_classifier_is_left_as_it_is(classifier):
    before = state_digest(classifier)
    for _, redrawn in cascade(classifier, seed=3):
        with torch.no_grad():
            for weight in redrawn.parameters():
                weight.zero_()
    assert state_digest(classifier) == before


def test_the_seed_decides(classifier):
    first, again, other = (
        [state_digest(redrawn) for _, redrawn in cascade(classifier, seed)] for seed in (3, 3, 4)
    )
    assert first == again
    assert len({*first, *other}) == 2 * len(PARTS)


def test_parameters_of_one_size_are_shuffled_each_in_its_own_way():
    counted = build("standard", seed=1, head="mlp")
    with torch.no_grad():
        for weight in counted.parameters():
            weight.copy_(torch.arange(weight.numel()).view(weight.shape))
    *_, (_, redrawn) = cascade(counted, seed=3)
    large = [weight.flatten() for weight in redrawn.parameters() if weight.numel() > 8]
    assert len({tuple(weight.tolist()) for weight in large}) == len(large)


def test_deeper_copies_keep_what_was_redrawn_before(classifier):
    copies = [redrawn for _, redrawn in cascade(classifier, seed=3)]
    for part, shallower, deeper in zip(PARTS[1:], copies, copies[1:], strict=False):
        assert changed(shallower, deeper) <= set(parameters_by_part(classifier)[part])


def test_redrawn_classifiers_answer_films_with_other_gradients(classifier):
    films = torch.rand(2, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))

    def gradient(network):
        asked = films.clone().requires_grad_()
        return torch.autograd.grad(network(asked)[:, 1].sum(), asked)[0][:, 0].numpy()

    before = gradient(classifier)
    whole = [[0, 0, SIDE, SIDE]] * 2
    *_, (_, redrawn) = cascade(classifier, seed=3)
    found = correlations(before, gradient(redrawn), whole)
    assert (np.abs(found) < 0.5).all()
    assert correlations(before, gradient(classifier), whole) == pytest.approx([1, 1])


def test_correlations_are_of_magnitudes_within_each_film():
    rng = np.random.default_rng(0)
    before = rng.normal(size=(3, SIDE, SIDE))
    after = -before
    after[:, :, :5] = rng.normal(size=(3, SIDE, 5))
    after[2] = 1
    found = correlations(before, after, [[5, 0, SIDE, SIDE], [0, 0, SIDE, SIDE], [5, 0, 9, 9]])
    assert found.shape == (3,)
    assert found[0] == pytest.approx(1)
    assert 0.5 < found[1] < 0.99
    assert math.isnan(found[2])
