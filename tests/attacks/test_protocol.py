from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from radrobust.attacks.protocol import attack_curve, pgd_at, random_starts
from radrobust.params import Attack
from radrobust.systems.films import Films

SIDE = 16


def params(**changes):
    values = {
        "eps": Fraction(4, 255),
        "step": Fraction(1, 255),
        "steps": 5,
        "random_start": True,
        "batch_size": 7,
        "curve": [Fraction(0), Fraction(1, 255), Fraction(2, 255), Fraction(8, 255)],
    }
    return Attack(**(values | changes))


@pytest.fixture(scope="module")
def classifier():
    torch.manual_seed(0)
    return (
        nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * SIDE**2, 2)
        )
        .double()
        .float()
        .eval()
    )


@pytest.fixture(scope="module")
def films(classifier):
    generator = torch.Generator().manual_seed(1)
    pixels = torch.rand(40, 1, SIDE, SIDE, generator=generator)
    labels = classifier(pixels).argmax(dim=1)
    labels[::5] = 1 - labels[::5]
    return Films([f"film-{row}" for row in range(40)], pixels, labels)


def curve_of(classifier, films, params, seed=3, threshold=0.0):
    """The rows of the argmax."""
    table = attack_curve(classifier, films, params, seed, threshold)
    return table[table["decision"] == "argmax"].reset_index(drop=True)


def test_one_row_a_film_and_budget_clean_first(classifier, films):
    table = curve_of(classifier, films, params())
    assert len(table) == 40 * 5
    assert sorted(table["eps"].unique()) == pytest.approx([0, 1 / 255, 2 / 255, 4 / 255, 8 / 255])
    clean = table[table["eps"] == 0].set_index("sample_id").loc[films.sample_ids]
    fresh = classifier(films.pixels).argmax(dim=1)
    assert (clean["predicted"].to_numpy() == fresh.numpy()).all()
    assert (clean["broken"].to_numpy() == (fresh != films.labels).numpy()).all()
    assert (clean["linf"] == 0).all()


def test_the_curve_never_rises_and_no_film_recovers(classifier, films):
    table = curve_of(classifier, films, params())
    broken = table.pivot(index="sample_id", columns="eps", values="broken")
    assert (np.diff(broken.to_numpy().astype(int), axis=1) >= 0).all()
    assert broken.iloc[:, 0].sum() < broken.iloc[:, -1].sum()
    assert ((table["predicted"] != table["label"]) == table["broken"]).all()
    assert (table["linf"] <= table["eps"] + 1e-6).all()
    assert ((table["iteration"] >= 0) == table["broken"]).all()


def test_neither_order_nor_batch_size_changes_a_verdict(classifier, films):
    first = curve_of(classifier, films, params())
    turned = Films(films.sample_ids[::-1], films.pixels.flip(0), films.labels.flip(0))
    second = curve_of(classifier, turned, params(batch_size=40))
    keys = ["sample_id", "eps"]
    pd.testing.assert_frame_equal(
        first.sort_values(keys, ignore_index=True),
        second.sort_values(keys, ignore_index=True),
        atol=1e-5,
    )


def at_threshold(classifier, films, threshold):
    table = attack_curve(classifier, films, params(), 3, threshold)
    rows = table[table["decision"] == "threshold"]
    return [rows[rows["eps"] == eps].set_index("sample_id").loc[films.sample_ids]
            for eps in (0, float(params().eps))]  # fmt: skip


def test_the_decision_at_a_threshold_is_attacked_on_its_own(classifier, films):
    threshold = 0.05
    clean, attacked = at_threshold(classifier, films, threshold)
    logits = classifier(films.pixels).detach()
    margin = (logits[:, 1] - logits[:, 0]).numpy()
    assert (clean["predicted"].to_numpy() == (margin > threshold)).all()
    np.testing.assert_allclose(clean["logit_1"] - clean["logit_0"], margin, atol=1e-6)
    np.testing.assert_allclose(clean["probability"], 1 / (1 + np.exp(-margin)), atol=1e-6)
    over = attacked["logit_1"] - attacked["logit_0"] > threshold
    assert ((over != (attacked["label"] == 1)) == attacked["broken"]).all()
    assert clean["broken"].sum() < attacked["broken"].sum()
    assert (attacked["broken"] >= clean["broken"]).all()


def test_the_threshold_zero_is_the_argmax(classifier, films):
    _, attacked = at_threshold(classifier, films, 0.0)
    table = curve_of(classifier, films, params(curve=[]))
    argmax = table[table["eps"] > 0].set_index("sample_id").loc[films.sample_ids]
    assert (argmax["broken"] == attacked["broken"]).all()


def test_a_start_belongs_to_its_film_and_seed():
    both = random_starts(["a", "b"], SIDE, seed=1)
    assert torch.equal(both[1:], random_starts(["b"], SIDE, seed=1))
    assert not torch.equal(both[0], both[1])
    assert not torch.equal(both, random_starts(["a", "b"], SIDE, seed=2))
    assert both.abs().max() <= 1
    assert both.min() < -0.9


def test_the_step_is_the_published_one_at_eps_and_scaled_elsewhere():
    assert pgd_at(Fraction(4, 255), params()).step == pytest.approx(1 / 255)
    assert pgd_at(Fraction(1, 255), params()).step == pytest.approx(1 / 4 / 255)
    assert pgd_at(Fraction(8, 255), params()).step == pytest.approx(2 / 255)
