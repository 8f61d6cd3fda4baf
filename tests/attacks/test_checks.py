"""Checks of the attack on classifiers that deserve it, and on those that only look robust."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from tests.attacks.test_protocol import params
from tests.attacks.toys import Linear, Net, Rounded, films_of, random_films

from radrobust.attacks.checks import CHECKS, Scene, run_checks
from radrobust.attacks.pgd import judge
from radrobust.attacks.pipeline import gradients, inspect
from radrobust.attacks.protocol import Attacker
from radrobust.core.conditions import attacked
from radrobust.core.params import Checks, budget_text
from radrobust.core.parts import Parts
from radrobust.core.tensors import state_digest
from radrobust.systems import meansparse
from radrobust.systems.catalogue import load
from radrobust.systems.classifier import Normalise, build
from radrobust.systems.images import Images

CHECKED = Checks(films=30, steps=30, restarts=2, iterations=10, queries=100)
STRONG = {"schedule": "apgd", "steps": 20, "eps": Fraction(16, 255), "curve": [Fraction(0)]}


def scene_of(classifier, films, **changes):
    attacker = Attacker(classifier, params(**(STRONG | changes)), seed=1)
    attack = attacker.headline(attacked(attacker.params))
    clean = judge(classifier, films, films.pixels, "clean")
    headline = clean.take(slice(None))
    attacker.go_on(films, headline, attack)
    return Scene(attacker, CHECKED, films, clean, headline)


def run(scene, tmp_path):
    return run_checks(scene, Parts(tmp_path, "test"))


def accuracy(table):
    return 1 - table.groupby("check")["misclassified"].mean()


@pytest.fixture(scope="module")
def net():
    return Net(12)


@pytest.fixture(scope="module")
def films(net):
    films = random_films(11, count=30)
    labels = net(films.pixels).argmax(dim=1)
    labels[::10] = 1 - labels[::10]
    return films_of(films.pixels, labels)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_every_check_covers_every_film_within_the_ball(net, films, norm, tmp_path):
    scene = scene_of(net, films, norm=norm, eps=Fraction(16 if norm == "linf" else 128, 255))
    table = run(scene, tmp_path)
    budget = f"{norm} {budget_text(scene.attacker.params.eps)}"
    families = {
        "more_steps": "apgd", "restart_1": "apgd", "restart_2": "apgd", "noise": "noise",
        "square": "square", "apgd_ce": "apgd-ce", "apgd_margin": "apgd-margin", "fab": "fab",
    }  # fmt: skip
    allowed = {check: f"{family} {budget}" for check, family in families.items()}
    allowed["zero"] = f"apgd {norm} 0"
    assert dict(table.groupby("check")["condition"].agg(set)) == {
        check: {condition} for check, condition in allowed.items()
    }
    for _, rows in table.groupby("check"):
        assert rows["sample_id"].tolist() == list(films.sample_ids)
    eps = np.where(table["check"] == "zero", 0, float(scene.attacker.params.eps))
    assert (table[norm] <= eps + 1e-6).all()
    assert ((table["predicted"] != table["label"]) == table["misclassified"]).all()
    wrong = scene.clean.broken.numpy()
    assert table["misclassified"].to_numpy().reshape(-1, 30)[:, wrong].all()


def test_on_an_honest_network_the_checks_find_what_theory_says(net, films, tmp_path):
    scene = scene_of(net, films)
    table = run(scene, tmp_path)
    found = accuracy(table)
    headline = float((~scene.headline.broken).float().mean())
    assert 0.1 < headline < 0.8
    # Nothing adds to the headline attack; noise and a black box find less; eps 0 finds nothing.
    for check in ("more_steps", "apgd_ce", "apgd_margin", "fab"):
        assert found[check] == pytest.approx(headline, abs=0.04)
    assert found["restart_1"] == pytest.approx(headline, abs=0.07)
    assert found["noise"] > headline + 0.1
    assert found["square"] >= headline
    assert found["zero"] == pytest.approx(0.9)
    noise = table[(table["check"] == "noise") & (table["iteration"] >= 0)]
    assert noise["linf"].max() == pytest.approx(16 / 255, abs=1e-6)


def test_a_masked_gradient_is_found_out(net, films, tmp_path):
    masked = Rounded(net)
    labels = masked(films.pixels).argmax(dim=1)
    films = films_of(films.pixels, labels)
    scene = scene_of(masked, films, random_start=False)
    assert not scene.headline.broken.any()  # it looks perfectly robust
    table = run(scene, tmp_path)
    assert accuracy(table)["square"] < 0.9  # a black box breaks what the white box could not
    assert (gradients(masked, films)["zero_share"] == 1).all()


def test_gradients_of_a_linear_classifier_are_its_weights(films):
    weights = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    weights[..., 0] = 0
    table = gradients(Linear(weights), films)
    np.testing.assert_allclose(table["norm"], float(weights.norm()), rtol=1e-5)
    np.testing.assert_allclose(table["zero_share"], 1 / 8, rtol=1e-5)
    assert not table["constant"].any()
    assert gradients(Linear(torch.ones(1, 1, 8, 8)), films)["constant"].all()


def test_the_plain_gradient_of_meansparse_is_checked_and_its_state_left_as_it_was(tmp_path):
    classifier = build("amini2024", seed=2).eval().requires_grad_(False)
    pixels = torch.rand(8, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    meansparse.calibrate(classifier, [pixels], alpha=0.15)
    with torch.no_grad():
        films = films_of(pixels, classifier(pixels).argmax(dim=1))
    with meansparse.straight_through(classifier):
        scene = replace(
            scene_of(classifier, films, steps=2), params=CHECKED.model_copy(update={"queries": 5})
        )
        table = run(scene, tmp_path)
        assert all(part.straight_through for part in meansparse.operators(classifier))
    assert (table["check"] == "plain_gradient").sum() == 8


def test_finished_checks_are_read_and_not_run_again(net, films, tmp_path):
    scene = scene_of(net, films)
    first = run(scene, tmp_path)
    broken = Scene(replace(scene.attacker, classifier=None), *list(vars(scene).values())[1:])
    assert run(broken, tmp_path).equals(first)
    assert len(list(tmp_path.rglob("*.parquet"))) == len(CHECKS)


@pytest.fixture
def pipeline():
    classifier = build("standard", seed=3).eval().requires_grad_(False)
    levels = np.random.default_rng(0).integers(0, 256, (20, 32, 32), dtype=np.uint8)
    stored = torch.from_numpy(levels).unsqueeze(1).float() / 255
    films = Images([str(row) for row in range(20)], torch.zeros(20).long(), stored.clone())
    return classifier, films, stored, state_digest(classifier)


def test_a_clean_pipeline_has_no_fault(pipeline):
    found = inspect(*pipeline)
    assert found.normalisations == 1
    assert found.pixel_difference == 0
    assert found.repeat_difference == 0
    assert found.training_mode == 0
    assert not found.weights_changed


def test_drifting_batchnorm_is_caught(pipeline):
    classifier, films, stored, loaded = pipeline
    classifier.train()
    with torch.no_grad():
        classifier(films.pixels)
    found = inspect(classifier, films, stored, loaded)
    assert found.training_mode > 10
    assert found.weights_changed
    found = inspect(classifier.eval(), films, stored, loaded)  # hidden again, but for the weights
    assert found.training_mode == 0
    assert found.weights_changed


def test_normalising_twice_is_caught_inside_and_outside(pipeline):
    classifier, films, stored, loaded = pipeline
    normalise = Normalise(load("rade2022").normalisation)
    inside = torch.nn.Sequential(normalise, classifier).eval()
    assert inspect(inside, films, stored, loaded).normalisations == 2
    outside = replace(films, pixels=(films.pixels - 0.5) / 0.25)
    assert inspect(classifier, outside, stored, loaded).pixel_difference > 100


@pytest.mark.parametrize(
    "augment",
    [
        lambda pixels: pixels.flip(-1),
        lambda pixels: pixels.roll(1, dims=-1),
        lambda pixels: pixels + torch.where(torch.rand_like(pixels) < 0.01, 1 / 255, 0.0),
    ],
)
def test_augmented_test_films_are_caught(pipeline, augment):
    classifier, films, stored, loaded = pipeline
    augmented = replace(films, pixels=augment(films.pixels))
    assert inspect(classifier, augmented, stored, loaded).pixel_difference >= 0.99


def test_a_classifier_that_rolls_dice_is_caught(pipeline):
    classifier, films, stored, loaded = pipeline
    classifier.head = torch.nn.Sequential(classifier.head, torch.nn.Dropout(0.5).train())
    assert inspect(classifier, films, stored, loaded).repeat_difference > 1e-3
