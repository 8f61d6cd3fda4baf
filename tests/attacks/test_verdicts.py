"""From a classifier to a verdict: what is broken on purpose must fail the checks that are shown."""

from dataclasses import asdict, replace
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch
from tests.attacks.test_protocol import params as attack_params
from tests.attacks.toys import Net, Rounded, films_of, random_films
from torch import nn

from radrobust.attacks.checks import Scene, run_checks
from radrobust.attacks.pgd import judge
from radrobust.attacks.pipeline import gradients, inspect
from radrobust.attacks.protocol import Attacker, Goal, attack_films
from radrobust.core.conditions import attacked
from radrobust.core.params import Checks, Explain, load_params
from radrobust.core.parts import Parts
from radrobust.core.tables import explanations, predictions
from radrobust.core.tensors import state_digest
from radrobust.evaluation.checks import check_all
from radrobust.evaluation.results import IMAGES, Results
from radrobust.systems.catalogue import load
from radrobust.systems.classifier import Normalise, build

COUNT = 30


class Grey(nn.Module):
    """The mean of the channels, so that a film may be attacked in one or in three."""

    def forward(self, images):
        return images.mean(dim=1, keepdim=True)


def small():
    return nn.Sequential(Grey(), Net(12)).eval()


@pytest.fixture
def verdicts(request, tmp_path):
    """Evaluate a classifier as stage attack does, and return the status of each check."""

    def run(classifier, films, evaluated=None, loaded=None, **changes):
        attack = attack_params(
            **{"schedule": "apgd", "steps": 20, "eps": Fraction(16, 255), "curve": [Fraction(1, 8)]}
            | changes
        )
        checks = Checks(films=COUNT, steps=40, restarts=2, iterations=10, queries=300)
        study = load_params(request.config.rootpath / "params.yaml").model_copy(
            update={
                "systems": ["standard"],
                "attack": attack,
                "checks": checks,
                "explain": Explain(methods=["saliency"], others=COUNT),
            }
        )
        loaded = loaded or state_digest(classifier)
        attacker = Attacker(classifier, attack, seed=1)
        parts = Parts(tmp_path, "verdicts")
        found = attack_films(attacker, films, Goal(0.0, study.far), COUNT, parts)
        headline = judge(classifier, films, films.pixels, "clean")
        attacker.go_on(films, headline, attacker.headline(attacked(attack)))
        clean = judge(classifier, films, films.pixels, "clean")
        table = run_checks(Scene(attacker, checks, films, clean, headline), parts)
        facts = inspect(classifier, evaluated or films, films.pixels, loaded)
        samples = {"sample_id": films.sample_ids, "label": films.labels, "split": "test"}
        tables = {
            predictions.PREDICTIONS: found.predictions,
            predictions.CHECKED: pd.concat([table, found.far.assign(check="far")]),
            predictions.GRADIENTS: gradients(classifier, films),
            **dict.fromkeys(explanations.EXPLANATIONS, NO_MAPS),
            explanations.ATTRIBUTIONS: maps_without_a_promise(films),
        }
        results = Results(
            study,
            pd.DataFrame(samples),
            {one: rows.assign(system="standard") for one, rows in tables.items()},
            {"standard": asdict(facts) | {"frozen_changed": None}},
        )
        statuses = check_all(results).set_index("check")["status"]
        return {status: set(statuses.index[statuses == status]) for status in statuses.unique()}

    return run


NO_MAPS = pd.DataFrame(columns=["explainer", "sample_id"])


def maps_without_a_promise(films):
    """Rows of maps that need not add up: nothing is asked of them."""
    rows = {"explainer": "saliency", "sample_id": films.sample_ids}
    rows |= {"delta": np.nan, "output_difference": 1.0, "changed": False}
    return pd.concat([pd.DataFrame(rows).assign(image=image) for image in IMAGES])


MEASUREMENT = {"zero", "pixels", "repeatable", "eval_mode", "unchanged"}


def test_an_honest_network_passes(verdicts):
    net, films = small(), random_films(11, count=COUNT)
    films = films_of(films.pixels, net(films.pixels).argmax(dim=1))
    found = verdicts(net, films)
    # A bare network has no layer that normalises; what reads radiographs has exactly one.
    assert found.get("fail", set()) == {"normalised_once"}
    assert {"more_steps", "larger_eps", "far", "black_box", "gradients", "noise"} <= found["pass"]


def test_a_masked_gradient_fails(verdicts):
    masked, films = Rounded(small()), random_films(11, count=COUNT)
    films = films_of(films.pixels, masked(films.pixels).argmax(dim=1))
    found = verdicts(masked, films, random_start=False)
    assert {"larger_eps", "far", "black_box", "gradients", "autoattack"} <= found["fail"]


@pytest.fixture
def reader():
    classifier = build("standard", seed=3).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (COUNT, 1, 16, 16), generator=generator) / 255
    with torch.no_grad():
        labels = classifier(pixels).argmax(dim=1)
    return classifier, films_of(pixels, labels)


def test_a_sound_pipeline_passes(verdicts, reader):
    found = verdicts(*reader, steps=2)
    assert MEASUREMENT | {"normalised_once"} <= found["pass"]


def test_drifting_statistics_fail(verdicts, reader):
    classifier, films = reader
    loaded = state_digest(classifier)
    classifier.train()
    assert {"eval_mode", "unchanged"} <= verdicts(classifier, films, loaded=loaded, steps=2)["fail"]


def test_normalising_twice_fails(verdicts, reader):
    classifier, films = reader
    twice = nn.Sequential(Normalise(load("rade2022").normalisation), classifier).eval()
    assert "normalised_once" in verdicts(twice, films, steps=2)["fail"]


def test_augmented_test_films_fail(verdicts, reader):
    classifier, films = reader
    augmented = replace(films, pixels=films.pixels.flip(-1))
    assert "pixels" in verdicts(classifier, films, evaluated=augmented, steps=2)["fail"]
