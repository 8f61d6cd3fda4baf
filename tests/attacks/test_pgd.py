"""PGD against classifiers whose worst case is known in closed form, and what it promises always."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pyautoattack.autopgd_base import APGDAttack
from tests.attacks.toys import (
    SIDE,
    Blind,
    Linear,
    Net,
    Rounded,
    films_of,
    linear_problem,
    random_films,
)

from radrobust.attacks.autoattack import parts
from radrobust.attacks.pgd import Outcome, Pgd, judge, pgd
from radrobust.core.conditions import CIFAR_STD
from radrobust.core.errors import InputError
from radrobust.systems import meansparse
from radrobust.systems.classifier import build

EPS = 0.05
ATTACKS = {
    "fixed": Pgd(EPS, EPS / 4, steps=10),
    "from the film": Pgd(EPS, EPS / 4, steps=10, random_start=False),
    "apgd": Pgd(EPS, 0.0, steps=10, schedule="apgd"),
    "restarts": Pgd(EPS, EPS / 4, steps=10, restarts=2),
    "fgsm": Pgd.fgsm(EPS),
    "l2": Pgd(EPS, EPS / 4, steps=40, norm="l2"),
    "l2 apgd": Pgd(EPS, 0.0, steps=40, norm="l2", schedule="apgd"),
    "l2 in one step": Pgd(EPS, EPS, steps=1, norm="l2", random_start=False),
    "normalized": Pgd(EPS, EPS / 4, steps=10, units=CIFAR_STD),
    "l2 normalized": Pgd(EPS, EPS / 4, steps=40, norm="l2", units=CIFAR_STD),
}


def reach(weights, attack):
    """How far the margin can fall: eps times the dual norm of the weights in the ball's units."""
    scaled = weights * torch.tensor(attack.units).view(-1, 1, 1)
    dual = scaled.abs().sum() if attack.norm == "linf" else scaled.norm()
    return attack.eps * float(dual)


@pytest.mark.parametrize("loss", ["margin", "ce"])
@pytest.mark.parametrize("name", ATTACKS)
def test_it_reaches_the_worst_case_of_a_linear_classifier(name, loss):
    weights, films = linear_problem(seed=1)
    attack = replace(ATTACKS[name], loss=loss)
    for label, sign in ((0, -1), (1, 1)):
        chosen = films.take(torch.nonzero(films.labels == label).flatten())
        # Just so far from the boundary that nothing breaks and the attack goes to its end.
        score = sign * (attack.canvas(chosen) * weights).sum(dim=(1, 2, 3))
        classifier = Linear(weights, sign * (reach(weights, attack) + 1 - score.min()))
        outcome = pgd(classifier, chosen, attack, seed=0)
        assert not outcome.broken.any()
        worst = classifier(attack.canvas(chosen))[:, 1] - sign * reach(weights, attack)
        torch.testing.assert_close(outcome.logits[:, 1], worst, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["fixed", "apgd", "l2", "normalized"])
def test_what_a_linear_classifier_can_lose_decides_what_is_broken(name):
    weights, films = linear_problem(seed=2, count=64)
    attack = replace(ATTACKS[name], eps=EPS / 5, step=EPS / 20)
    score = (attack.canvas(films) * weights).sum(dim=(1, 2, 3))
    classifier = Linear(weights, -score.median())
    margin = (2 * films.labels - 1) * (score - score.median())
    outcome = pgd(classifier, films, attack, seed=0)
    sure = (margin - reach(weights, attack)).abs() > 1e-3
    assert (outcome.broken == (margin < reach(weights, attack)))[sure].all()
    assert outcome.broken.any()
    assert not outcome.broken.all()


def test_where_float32_rounds_the_cross_entropy_off_the_margin_still_climbs():
    weights, films = linear_problem(seed=1)
    films = films.take(torch.nonzero(films.labels == 1).flatten())
    classifier = Linear(weights, 300.0)
    stuck = Pgd(EPS, EPS / 4, 10, loss="ce", random_start=False)
    assert torch.equal(pgd(classifier, films, stuck, seed=0).images, films.pixels)
    climbs = pgd(classifier, films, replace(stuck, loss="margin"), seed=0)
    assert (climbs.logits[:, 1] < classifier(films.pixels)[:, 1]).all()


@given(
    st.integers(0, 10_000),
    st.sampled_from([1 / 255, 4 / 255, 0.2, 1.0]),
    st.integers(1, 6),
    st.sampled_from(["linf", "l2"]),
    st.sampled_from(["fixed", "apgd"]),
    st.sampled_from(["margin", "ce"]),
    st.sampled_from([torch.float32, torch.bfloat16]),
    st.sampled_from([(1.0,), CIFAR_STD]),
)
@settings(max_examples=80, deadline=None)
def test_every_image_stays_in_the_ball_and_the_flag_is_a_fresh_prediction(
    seed, eps, steps, norm, schedule, loss, precision, units
):
    attack = Pgd(eps, eps / 3, steps, norm, loss, schedule, restarts=2, units=units)
    classifier, films = Net(seed, channels=len(units)), random_films(seed)
    outcome = pgd(classifier, films, attack, seed, precision)
    change = (outcome.images - films.pixels) / torch.tensor(units).view(-1, 1, 1)
    size = change.abs().amax() if norm == "linf" else change.flatten(1).norm(dim=1).amax()
    assert size <= eps + 1e-6
    assert outcome.images.min() >= 0
    assert outcome.images.max() <= 1
    assert outcome.images.dtype == torch.float32
    logits = classifier(outcome.images)
    assert torch.equal(outcome.broken, logits.argmax(dim=1) != films.labels)
    torch.testing.assert_close(outcome.logits, logits)
    assert outcome.iteration.max() <= 2 * steps


def test_results_depend_neither_on_the_batch_nor_on_the_order():
    classifier, films = Net(3), random_films(3, count=20)
    attack = Pgd(0.03, 0.01, 5, restarts=2)
    whole = pgd(classifier, films, attack, seed=4)
    for rows in (torch.arange(19, -1, -1), torch.tensor([3]), torch.arange(5, 12)):
        part = pgd(classifier, films.take(rows), attack, seed=4)
        torch.testing.assert_close(part.images, whole.images[rows], atol=1e-5, rtol=0)
        assert torch.equal(part.iteration, whole.iteration[rows])
    assert whole.broken.any()
    assert not whole.broken.all()


def test_no_restart_is_spent_on_what_is_broken_and_none_unbreaks_it():
    classifier, films = Net(5), random_films(5, count=40)
    one = Pgd(0.02, 0.01, 3)
    single = pgd(classifier, films, one, seed=0)
    several = pgd(classifier, films, replace(one, restarts=5), seed=0)
    assert torch.equal(several.images[single.broken], single.images[single.broken])
    assert (several.broken >= single.broken).all()
    assert (several.iteration[single.broken] <= 3).all()
    assert several.iteration.max() <= 15


def test_a_target_on_two_classes_is_the_other_class():
    classifier, films = Net(6), random_films(6)
    attack = Pgd(0.02, 0.005, 5)
    away = pgd(classifier, films, attack, seed=0)
    towards = pgd(classifier, films, attack, seed=0, targets=1 - films.labels)
    assert torch.equal(away.images, towards.images)


def test_a_target_among_several_classes_is_where_the_answer_goes():
    classifier, films = Net(7, classes=4), random_films(7, count=30, classes=4)
    attack = Pgd(0.3, 0.05, 20, loss="dlr")
    targets = (films.labels + 1) % 4
    outcome = pgd(classifier, films, attack, seed=0, targets=targets)
    new = outcome.broken & (outcome.iteration > 0)
    hit = (outcome.logits.argmax(dim=1) == targets)[new].float().mean()
    assert new.sum() > 5
    assert hit > 0.6  # it stops at the first wrong answer, which need not be the target's


def test_apgd_takes_the_steps_of_its_authors():
    classifier, films = Net(8), random_films(8, count=30)
    classifier[-1].bias[0] += 50  # nothing breaks, so that both go to the end
    films = films_of(films.pixels, torch.zeros(30, dtype=torch.int64))
    theirs = APGDAttack(lambda images: 1e-3 * classifier(images), n_iter=50, eps=0.1, device="cpu")
    theirs.init_hyperparam(films.pixels)
    best, *_ = theirs.attack_single_run(films.pixels, films.labels, x_init=films.pixels)
    seen = []

    class Watched(torch.nn.Module):
        def forward(self, images):
            seen.append(images.detach().clone())
            return classifier(images)

    pgd(Watched(), films, Pgd(0.1, 0.0, 50, schedule="apgd", random_start=False), seed=0)
    margins = torch.stack([classifier(images) @ torch.tensor([-1.0, 1.0]) for images in seen])
    reached = margins.amax(dim=0)
    torch.testing.assert_close(
        reached, classifier(best) @ torch.tensor([-1.0, 1.0]), atol=1e-3, rtol=1e-4
    )


def test_a_verdict_is_that_of_float32_even_if_bfloat16_disagrees():
    class Contrary(torch.nn.Module):
        """Right in float32; in bfloat16 always wrong."""

        def forward(self, images):
            score = images.mean(dim=(1, 2, 3)) + 1
            low = torch.is_autocast_enabled("cpu")
            return torch.stack([torch.zeros_like(score), -score if low else score], dim=1)

    films = random_films(9)
    films = films_of(films.pixels, torch.ones_like(films.labels))
    outcome = pgd(Contrary(), films, Pgd(0.1, 0.02, 4), seed=0, precision=torch.bfloat16)
    assert not outcome.broken.any()
    assert (outcome.logits[:, 1] > 0).all()


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("key", ["standard", "amini2024", "peng2023"])
def test_the_flag_is_a_fresh_prediction_on_real_networks_too(key, precision):
    classifier = build(key, seed=1).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(12, 1, 32, 32, generator=generator)
    meansparse.calibrate(classifier, [pixels], alpha=0.15)
    with torch.no_grad():
        labels = classifier(pixels).argmax(dim=1)
    films = films_of(pixels, labels)
    with meansparse.straight_through(classifier):
        outcome = pgd(classifier, films, Pgd(8 / 255, 2 / 255, 6), 0, precision)
        fresh = judge(classifier, films, outcome.images, "apgd")
    assert torch.equal(outcome.broken, fresh.broken)


def test_a_classifier_without_gradients_is_searched_at_its_start_alone():
    classifier, films = Rounded(Net(1)), random_films(1)
    outcome = pgd(classifier, films, Pgd(0.1, 0.02, 5, random_start=False), seed=0)
    assert torch.equal(outcome.images, films.pixels)


def test_films_without_attack_are_judged_as_they_are():
    weights, films = linear_problem(seed=3)
    classifier = Linear(weights)
    labels = classifier(films.pixels).argmax(dim=1)
    labels[::2] = 1 - labels[::2]
    films = films_of(films.pixels, labels)
    outcome = judge(classifier, films, films.pixels, "clean")
    assert torch.equal(outcome.images, films.pixels)
    assert torch.equal(outcome.broken, torch.arange(len(labels)) % 2 == 0)
    assert outcome.standing.tolist() == [1, 3, 5]


def test_outcomes_of_batches_join_and_none_make_an_empty_one():
    classifier, films = Net(2), random_films(2)
    few = [films[rows] for rows in (slice(2), slice(2, 5))]
    each = [judge(classifier, part, part.pixels, "clean") for part in few]
    whole = Outcome.together(each, films.pixels)
    assert torch.equal(whole.iteration, judge(classifier, films, films.pixels, "clean").iteration)
    assert Outcome.together([], films.pixels).images.shape == (0, 1, SIDE, SIDE)


def test_an_answer_that_is_no_number_is_no_verdict():
    films = random_films(4)
    marked = films.pixels[3].clone()
    blind = Blind(Net(4), lambda images: (images == marked).flatten(1).all(dim=1))
    said = r"the logits of film-3 are nan, \S+ under the condition clean; train"
    with pytest.raises(InputError, match=said):
        judge(blind, films, films.pixels, "clean")


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_an_attack_that_finds_no_number_ends_there(precision):
    films = random_films(4)
    films = films_of(films.pixels, Net(4)(films.pixels).argmax(dim=1))
    changed = Blind(
        Net(4), lambda images: ~(images[:, None] == films.pixels).flatten(2).all(dim=2).any(dim=1)
    )
    with pytest.raises(InputError, match=r"of film-0 are nan, \S+ under .* pgd linf 0\.01;"):
        pgd(changed, films, Pgd(0.01, 0.005, 3, random_start=False), 0, precision)
    with pytest.raises(InputError, match=r"of film-\d .* SquareAttack Linf 0\.01; train"):
        parts(2, 5)["square"](changed, films, Pgd(0.01, 0.0, 1), 0)
