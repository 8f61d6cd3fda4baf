"""The curve, the other units, the threshold: what the table promises whatever the classifier."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch
from tests.attacks.toys import SIDE, Linear, films_of

from radrobust.attacks.protocol import Attacker, Goal, attack_films
from radrobust.core.conditions import CLEAN, THRESHOLD, attacked, curve, predicted
from radrobust.core.params import Attack
from radrobust.core.parts import Parts

EPS = float(Fraction(4, 255))
COUNT = 40


def params(**changes):
    values = {
        "norm": "linf",
        "space": "pixel",
        "eps": Fraction(4, 255),
        "step": Fraction(1, 255),
        "steps": 5,
        "schedule": "fixed",
        "restarts": 1,
        "random_start": True,
        "loss": "margin",
        "precision": "float32",
        "batch_size": "auto",
        "curve": [Fraction(0), Fraction(1, 255), Fraction(2, 255), Fraction(8, 255)],
    }
    return Attack(**(values | changes))


DEFAULT = params()


@pytest.fixture(scope="module")
def classifier():
    generator = torch.Generator().manual_seed(0)
    return Linear(torch.randn(1, 1, SIDE, SIDE, generator=generator))


@pytest.fixture(scope="module")
def films(classifier):
    generator = torch.Generator().manual_seed(1)
    pixels = torch.rand(COUNT, 1, SIDE, SIDE, generator=generator)
    labels = classifier(pixels).argmax(dim=1)
    labels[::5] = 1 - labels[::5]
    return films_of(pixels, labels)


@pytest.fixture
def evaluate(classifier, films, tmp_path):
    def run(params=DEFAULT, films=films, threshold=0.0, size=7):
        attacker = Attacker(classifier, params, seed=3)
        goal = Goal(threshold, far=Fraction(1, 2))
        parts = Parts(tmp_path / "parts", params, threshold, size, films.sample_ids)
        return attack_films(attacker, films, goal, size, parts)

    return run


def along(table, params=DEFAULT):
    """The rows of the curve, with the budget of each as a number."""
    levels = {one.key: float(one.level) for one in curve(params)}
    eps = table["condition"].map(levels)
    return table.assign(eps=eps)[eps.notna()].reset_index(drop=True)


def under(table, condition, films):
    """The rows of a condition, in the order of films."""
    rows = table[table["condition"] == condition.key]
    return rows.set_index("sample_id").loc[films.sample_ids]


def test_one_row_a_film_and_budget_clean_first(evaluate, classifier, films):
    whole = evaluate().predictions
    assert set(whole["condition"]) == {one.key for one in predicted(DEFAULT)}
    assert whole.groupby(["condition", "sample_id"]).size().eq(1).all()
    assert len(whole) == COUNT * len(predicted(DEFAULT))
    table = along(whole)
    assert table["eps"].unique() == pytest.approx([0, 1 / 255, 2 / 255, EPS, 8 / 255])
    clean = under(whole, CLEAN, films)
    fresh = classifier(films.pixels).argmax(dim=1)
    assert (clean["predicted"].to_numpy() == fresh.numpy()).all()
    assert (clean["misclassified"].to_numpy() == (fresh != films.labels).numpy()).all()
    assert (clean[["linf", "l2"]] == 0).all(axis=None)


@pytest.mark.parametrize("schedule", ["fixed", "apgd"])
@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("space", ["pixel", "normalized"])
def test_the_curve_never_rises_and_no_film_recovers(evaluate, schedule, norm, space):
    # A change of one grey level in each of 8 × 8 pixels is 8 of them long.
    eps = Fraction(4 if norm == "linf" else 32, 255) * (1 if space == "pixel" else 3)
    changes = {"norm": norm, "eps": eps, "step": eps / 4, "curve": [eps / 4, eps * 2]}
    study = params(schedule=schedule, space=space, restarts=2, **changes)
    evaluated = evaluate(study)
    table = along(evaluated.predictions, study)
    broken = table.pivot(index="sample_id", columns="eps", values="misclassified")
    assert (np.diff(broken.to_numpy().astype(int), axis=1) >= 0).all()
    assert broken.iloc[:, 0].sum() < broken.iloc[:, -1].sum()
    assert ((table["predicted"] != table["label"]) == table["misclassified"]).all()
    assert (table["iteration"] >= 0).equals(table["misclassified"])
    assert (table[norm] <= table["eps"] + 1e-6).all()
    far = evaluated.far.set_index("sample_id")["misclassified"]
    assert (far >= broken.iloc[:, -1].loc[far.index]).all()


def test_nothing_stays_robust_at_the_far_budget(evaluate):
    far = evaluate().far
    assert far["misclassified"].all()
    assert (far["condition"] == attacked(DEFAULT, Fraction(1, 2)).key).all()


def test_a_linear_classifiers_curve_is_the_one_in_closed_form(evaluate, classifier, films):
    table = along(evaluate(params(curve=[Fraction(1, 255)])).predictions)
    logits = classifier(films.pixels)
    margin = (logits[:, 1] - logits[:, 0]) * (2 * films.labels - 1)
    for eps in (1 / 255, EPS):
        # A pixel at the end of the range cannot be moved on.
        worst = films.pixels - eps * (2 * films.labels - 1).view(-1, 1, 1, 1) * (
            classifier.weights.sign()
        )
        left = (classifier(worst.clamp(0, 1)) @ torch.tensor([-1.0, 1.0])) * (2 * films.labels - 1)
        broken = table[np.isclose(table["eps"], eps)].set_index("sample_id")["misclassified"]
        assert (broken.loc[films.sample_ids].to_numpy() == (left < 0).numpy())[
            (left.abs() > 1e-3).numpy()
        ].all()
    assert (margin < 0).any()


def test_neither_order_nor_batch_size_changes_a_row(evaluate, films):
    first = evaluate().predictions
    turned = films.take(torch.arange(len(films)).flip(0))
    second = evaluate(films=turned, size=40).predictions
    keys = ["sample_id", "condition"]
    pd.testing.assert_frame_equal(
        first.sort_values(keys, ignore_index=True),
        second.sort_values(keys, ignore_index=True),
        atol=1e-5,
    )


def at_threshold(table, films):
    decided = (one.decided(THRESHOLD) for one in (CLEAN, attacked(DEFAULT)))
    return [under(table, condition, films) for condition in decided]


def test_the_decision_at_a_threshold_is_attacked_on_its_own(evaluate, classifier, films):
    threshold = 0.5
    clean, moved = at_threshold(evaluate(threshold=threshold).predictions, films)
    logits = classifier(films.pixels)
    margin = (logits[:, 1] - logits[:, 0]).numpy()
    assert (clean["predicted"].to_numpy() == (margin > threshold)).all()
    for of in ("", "clean_"):
        np.testing.assert_allclose(clean[f"{of}logit_1"] - clean[f"{of}logit_0"], margin, atol=1e-6)
    np.testing.assert_allclose(clean["probability"], 1 / (1 + np.exp(-margin)), atol=1e-6)
    over = moved["logit_1"] - moved["logit_0"] > threshold
    assert ((over != (moved["label"] == 1)) == moved["misclassified"]).all()
    assert clean["misclassified"].sum() < moved["misclassified"].sum()
    assert (moved["misclassified"] >= clean["misclassified"]).all()


def test_the_threshold_zero_is_the_argmax(evaluate, films):
    table = evaluate(params(curve=[Fraction(0)])).predictions
    _, moved = at_threshold(table, films)
    headline = under(table, attacked(DEFAULT), films)
    assert (headline["misclassified"] == moved["misclassified"]).all()


@pytest.mark.parametrize(("space", "other"), [("pixel", "normalized"), ("normalized", "pixel")])
def test_the_other_units_are_attacked_at_the_headline_budget(evaluate, films, space, other):
    study = params(space=space)
    table = under(evaluate(study).predictions, attacked(study, units=other), films)
    levels = 255 * table.loc[table["linf"] > 0, "linf"]
    # Four grey levels; or 4/255 of CIFAR-10's standard deviations, which is about one.
    expected = 4 if other == "pixel" else 4 * 0.2616
    assert levels.max() == pytest.approx(expected, abs=1e-3)


def test_the_published_arithmetic_leaves_more_robust(evaluate, films):
    table = evaluate().predictions
    published, pixels = (
        under(table, attacked(DEFAULT, units=units), films)["misclassified"].sum()
        for units in ("normalized", "pixel")
    )
    assert published < pixels


def test_images_are_those_that_were_judged(evaluate, classifier, films):
    evaluated = evaluate()
    assert set(evaluated.images) == {"pixel"}
    images, headline = evaluated.images["pixel"], evaluated.at(attacked(DEFAULT))
    assert images.dtype == np.float32
    assert headline["sample_id"].tolist() == list(films.sample_ids)
    logits = classifier(torch.from_numpy(images)).detach().numpy()
    np.testing.assert_allclose(logits[:, 1], headline["logit_1"], atol=1e-5)


def test_images_in_other_units_have_channels_and_those_in_pixels_are_there_too(evaluate):
    images = evaluate(params(space="normalized")).images
    assert images["normalized"].shape == (COUNT, 3, SIDE, SIDE)
    assert images["pixel"].shape == (COUNT, 1, SIDE, SIDE)


def test_a_fixed_step_is_the_published_one_at_eps_and_scaled_elsewhere(classifier):
    attacker = Attacker(classifier, params(), seed=0)
    for levels in (4, 1, 8):
        step = attacker.headline(attacked(params(), Fraction(levels, 255))).step
        assert step == pytest.approx(levels / 4 / 255)
