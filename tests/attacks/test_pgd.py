"""PGD against classifiers whose worst case is known in closed form."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from radrobust.attacks.pgd import Pgd, pgd, without_attack

SIDE = 8


class Linear(nn.Module):
    """Logits (0, w·x + b): the worst perturbation is -eps sign(w) for label 1."""

    def __init__(self, weights, bias):
        super().__init__()
        self.weights, self.bias = weights, bias

    def forward(self, images):
        score = (images * self.weights).sum(dim=(1, 2, 3)) + self.bias
        return torch.stack([torch.zeros_like(score), score], dim=1)


def linear_problem(seed, count=6):
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(1, 1, SIDE, SIDE, generator=generator)
    films = 0.2 + 0.6 * torch.rand(count, 1, SIDE, SIDE, generator=generator)
    labels = torch.randint(0, 2, (count,), generator=generator)
    starts = 2 * torch.rand(films.shape, generator=generator) - 1
    return weights, films, labels, starts


@pytest.mark.parametrize("random_start", [False, True])
def test_it_reaches_the_worst_case_of_a_linear_classifier(random_start):
    weights, films, labels, starts = linear_problem(seed=1)
    eps, sign = 0.05, (2 * labels - 1).float()
    # So far from the boundary that nothing breaks and the attack goes to its end; and so far that
    # the gradient of the cross-entropy is exactly zero in float32.
    separate = {label: Linear(weights, 200.0 * (2 * label - 1)) for label in (0, 1)}
    attack = Pgd(eps=eps, step=eps / 4, steps=10)
    for label, classifier in separate.items():
        rows = labels == label
        outcome = pgd(classifier, films[rows], labels[rows], starts[rows] * random_start, attack)
        assert not outcome.broken.any()
        worst = classifier(films[rows])[:, 1] - sign[rows] * eps * weights.abs().sum()
        torch.testing.assert_close(outcome.logits[:, 1], worst, atol=1e-4, rtol=0)


def test_what_a_linear_classifier_can_lose_decides_what_is_broken():
    weights, films, labels, _ = linear_problem(seed=2, count=64)
    eps = 0.01
    reach = eps * weights.abs().sum()
    score = (films * weights).sum(dim=(1, 2, 3))
    classifier = Linear(weights, -score.median())
    margin = (2 * labels - 1) * (score - score.median())
    outcome = pgd(classifier, films, labels, torch.zeros_like(films), Pgd(eps, eps / 4, 10))
    sure = (margin - reach).abs() > 1e-4
    assert (outcome.broken == (margin < reach))[sure].all()
    assert outcome.broken.any()
    assert not outcome.broken.all()


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * SIDE**2, 2)
        )


@given(st.integers(0, 10_000), st.sampled_from([1 / 255, 4 / 255, 0.2, 1.0]), st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_every_image_stays_in_the_ball_and_the_flag_is_a_fresh_prediction(seed, eps, steps):
    torch.manual_seed(seed)
    classifier = Net().eval()
    films = torch.rand(5, 1, SIDE, SIDE).round(decimals=1)
    labels = torch.randint(0, 2, (5,))
    starts = 2 * torch.rand(films.shape) - 1
    outcome = pgd(classifier, films, labels, starts, Pgd(eps, eps / 3, steps))
    assert (outcome.images - films).abs().max() <= eps + 1e-6
    assert outcome.images.min() >= 0
    assert outcome.images.max() <= 1
    fresh = classifier(outcome.images).argmax(dim=1) != labels
    assert torch.equal(outcome.broken, fresh)
    torch.testing.assert_close(outcome.logits, classifier(outcome.images))
    assert outcome.iteration.max() <= steps


def test_without_attack_the_wrong_films_are_broken_at_once_and_untouched():
    weights, films, labels, _ = linear_problem(seed=3)
    classifier = Linear(weights, torch.tensor(0.0))
    labels = classifier(films).argmax(dim=1)
    labels[::2] = 1 - labels[::2]
    outcome = without_attack(classifier, films, labels)
    assert torch.equal(outcome.images, films)
    assert torch.equal(outcome.broken, torch.arange(len(labels)) % 2 == 0)
    assert set(outcome.iteration.tolist()) == {-1, 0}
