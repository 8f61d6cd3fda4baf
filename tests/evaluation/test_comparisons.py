import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from radrobust.core.conditions import CLEAN
from radrobust.core.tables import figures
from radrobust.core.tables.predictions import PREDICTIONS
from radrobust.evaluation.comparisons import Discordance, compare, holm, mcnemar
from radrobust.evaluation.intervals import resample_weights
from radrobust.evaluation.results import Results

SYSTEMS = ("standard", "huang2021", "rebuffi2021")


@pytest.fixture
def study(tmp_path, fake_study, monkeypatch):
    params = fake_study.write_study(tmp_path, systems=SYSTEMS, count=160)
    monkeypatch.chdir(tmp_path)
    return params


def compared(results):
    labels = results.test["label"].to_numpy()
    return compare(results, resample_weights(labels, 400, seed=1))


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_equals_the_binomial_test(first, second):
    expected = binomtest(first, first + second).pvalue if first + second else 1
    assert mcnemar(Discordance(first, second)) == pytest.approx(expected)


def test_mcnemar_in_closed_form():
    assert mcnemar(Discordance(0, 10)) == pytest.approx(2 * 0.5**10)
    assert mcnemar(Discordance(1, 6)) == pytest.approx(2 * (1 + 7) / 2**7)
    assert mcnemar(Discordance(0, 0)) == 1
    assert mcnemar(Discordance(4, 4)) == 1


def test_holm_by_hand():
    # .005 × 4, .01 × 3, then .03 × 2 = .06, which .04 × 1 must not fall below
    assert holm(np.array([0.04, 0.005, 0.03, 0.01])) == pytest.approx([0.06, 0.02, 0.06, 0.03])
    assert holm(np.array([0.7, 0.6])) == pytest.approx([1, 1])
    assert holm(np.array([])).shape == (0,)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_what_its_steps_reject(p):
    adjusted = holm(np.array(p))
    for level in (0.01, 0.05, 0.2):
        rejected = set()
        for step, index in enumerate(np.argsort(p, kind="stable")):
            if p[index] * (len(p) - step) > level:
                break
            rejected.add(int(index))
        assert set(np.flatnonzero(adjusted <= level).tolist()) == rejected


def test_each_pair_once_with_the_same_test_for_both_metrics(study):
    results = Results.load(study)
    table = compared(results)
    assert list(table) == figures.COMPARISONS.names
    pairs = [*SYSTEMS[:2]], [SYSTEMS[0], SYSTEMS[2]], [*SYSTEMS[1:]]
    expected = [
        [condition.key, *pair, metric]
        for condition in results.conditions
        for pair in pairs
        for metric in ("balanced_accuracy", "auroc")
    ]
    assert table[["condition", "first", "second", "metric"]].to_numpy().tolist() == expected
    by_pair = table.groupby(["condition", "first", "second"])[["p", "p_holm", "only_first"]]
    assert (by_pair.nunique() == 1).all(axis=None)
    for _, pairs in table[table["metric"] == "auroc"].groupby("condition"):
        assert pairs["p_holm"].tolist() == holm(pairs["p"].to_numpy()).tolist()


def test_differences_are_those_of_the_systems_themselves(study):
    results = Results.load(study)
    table = compared(results)
    conditions = {one.key: one for one in results.conditions}
    for row in table.itertuples():
        answers = [
            results.answers(system, conditions[row.condition]) for system in (row.first, row.second)
        ]
        right = [some.predicted == some.labels for some in answers]
        assert row.only_first - row.only_second == right[0].sum() - right[1].sum()
        assert row.low <= row.difference <= row.high
        if row.metric == "balanced_accuracy":
            labels = answers[0].labels
            first, second = (
                (some[labels == 0].mean() + some[labels == 1].mean()) / 2 for some in right
            )
            assert row.difference == pytest.approx(first - second)


def test_what_two_systems_share_cancels_out(study):
    """One system is wrong about one film more: resampling both alike never makes it better."""
    results = Results.load(study)
    table = results.found[PREDICTIONS]
    copied = table[table["system"] == "huang2021"].assign(system="rebuffi2021")
    clean = copied["condition"] == CLEAN.key
    right = copied["predicted"] == copied["label"]
    row = copied.index[clean & right][0]
    copied.loc[row, "predicted"] = 1 - copied.loc[row, "label"]
    others = table[table["system"] != "rebuffi2021"]
    found = results.found | {PREDICTIONS: pd.concat([others, copied], ignore_index=True)}
    keys = ["condition", "first", "second", "metric"]
    pair = compared(replace(results, found=found)).set_index(keys)
    found = pair.loc[("clean", "huang2021", "rebuffi2021", "balanced_accuracy")]
    assert (found["only_first"], found["only_second"], found["p"]) == (1, 0, 1)
    assert found["low"] == 0
    assert 0 < found["difference"] < found["high"] < 0.2
    assert (pair.loc[("clean", "huang2021", "rebuffi2021", "auroc"), ["low", "high"]] == 0).all()


def test_one_system_has_nobody_to_be_compared_with(study):
    results = Results.load(study.model_copy(update={"systems": ["standard"]}))
    table = compared(results)
    assert table.empty
    assert table.dtypes.astype(str).to_dict() == figures.COMPARISONS.dtypes
    assert math.isnan(table["p"].max())
