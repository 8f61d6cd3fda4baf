import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import logit
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, roc_auc_score

from radrobust.evaluation.intervals import resample_weights, wilson
from radrobust.evaluation.metrics import (
    METRICS,
    STATISTICS,
    Answers,
    always_negative,
    always_positive,
    auprc,
    auroc,
    brier,
    confusion,
    ece,
    estimate,
)

# 4 films with the finding, 6 without: 3 found, 1 missed, 2 false alarms, 4 rightly free.
LABELS = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
PREDICTED = np.array([1, 1, 1, 0, 1, 1, 0, 0, 0, 0])
MARGINS = np.array([3.0, 2.0, 1.0, -1.0, 1.0, 0.5, -0.5, -1.0, -2.0, -3.0])

FILMS = st.integers(2, 60).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.int8, n, elements=st.integers(0, 1)),
        hnp.arrays(np.float64, n, elements=st.integers(-4, 4).map(float)),
    )
)
"""Labels and margins, with many ties."""


def estimated(answers, resamples=300, level=0.95):
    return estimate(answers, resample_weights(answers.labels, resamples, seed=0), level)


def of_probabilities(labels, probabilities):
    probabilities = np.array(probabilities)
    return Answers(np.array(labels), (probabilities > 0.5).astype(int), logit(probabilities))


def test_every_metric_of_a_matrix_counted_by_hand():
    answers = Answers(LABELS, PREDICTED, MARGINS)
    assert confusion(answers) == (3, 1, 2, 4)
    found = estimated(answers)
    assert tuple(found) == METRICS
    values = {metric: found[metric].value for metric in METRICS}
    # Bins of .1: expit(-3) = .047, expit(-2) = .119, expit(-1) = .269 (twice, one finding),
    # expit(-.5) = .378, expit(.5) = .622, expit(1) = .731 (twice, one finding), .881, .953.
    gaps = 0.047426 + 0.119203 + (1 - 2 * 0.268941) + 0.377541 + 0.622459
    gaps += (2 * 0.731059 - 1) + (1 - 0.880797) + (1 - 0.952574)
    assert values == pytest.approx(
        {
            "auroc": (6 + 6 + 5.5 + 2.5) / 24,
            "auprc": (1 + 1 + 3 / 4 + 4 / 8) / 4,
            "balanced_accuracy": (3 / 4 + 4 / 6) / 2,
            "sensitivity": 3 / 4,
            "specificity": 4 / 6,
            "accuracy": 7 / 10,
            "precision": 3 / 5,
            "f1": 6 / 9,
            "brier": brier_score_loss(LABELS, 1 / (1 + np.exp(-MARGINS))),
            "ece": gaps / 10,
        },
        abs=1e-6,
    )
    assert found["sensitivity"][1:] == wilson(3, 4, 0.95)
    for metric in set(METRICS) - {"ece"}:  # resampling biases it upwards
        assert found[metric].low <= found[metric].value <= found[metric].high, metric


def test_only_what_is_asked_for_is_computed():
    answers = Answers(LABELS, PREDICTED, MARGINS)
    weights = resample_weights(LABELS, 100, seed=0)
    some = estimate(answers, weights, 0.95, ("auroc", "accuracy"))
    every = estimate(answers, weights, 0.95)
    assert some == {metric: every[metric] for metric in ("auroc", "accuracy")}


def test_whoever_always_says_no():
    found = estimated(always_negative(LABELS))
    expected = {
        "sensitivity": 0,
        "specificity": 1,
        "balanced_accuracy": 0.5,
        "auroc": 0.5,
        "auprc": 0.4,
        "accuracy": 0.6,
        "f1": 0,
        "brier": 0.4,
        "ece": 0.4,
    }
    assert {metric: found[metric].value for metric in expected} == pytest.approx(expected)
    assert math.isnan(found["precision"].value)
    assert math.isnan(found["precision"].low)


def test_whoever_always_says_yes():
    found = estimated(always_positive(LABELS))
    expected = {
        "sensitivity": 1,
        "specificity": 0,
        "balanced_accuracy": 0.5,
        "auroc": 0.5,
        "auprc": 0.4,
        "accuracy": 0.4,
        "precision": 0.4,
        "f1": 8 / 14,
        "brier": 0.6,
        "ece": 0.6,
    }
    assert {metric: found[metric].value for metric in expected} == pytest.approx(expected)
    assert math.isnan(found["auprc"].low)


@given(FILMS)
def test_metrics_equal_those_of_scikit_learn(films):
    labels, margins = films
    answers = Answers(labels, (margins > 0).astype(np.int8), margins)
    assert float(brier(answers)) == pytest.approx(brier_score_loss(labels, answers.probabilities))
    if labels.any():
        expected = average_precision_score(labels, margins)
        assert float(auprc(labels, margins)) == pytest.approx(expected)
    else:
        assert math.isnan(auprc(labels, margins))
    if len(set(labels)) < 2:
        assert math.isnan(auroc(labels, margins))
        return
    assert float(auroc(labels, margins)) == pytest.approx(roc_auc_score(labels, margins))
    assert float(auroc(labels, -margins)) == pytest.approx(1 - roc_auc_score(labels, margins))
    found = estimated(answers, resamples=2)
    assert found["f1"].value == pytest.approx(f1_score(labels, answers.predicted, zero_division=0))


@pytest.mark.parametrize("metric", STATISTICS)
@given(FILMS, st.integers(0, 2**32 - 1))
def test_weights_count_films_as_often_as_they_say(metric, films, seed):
    labels, margins = films
    answers = Answers(labels, (margins > 0).astype(np.int8), margins)
    weights = np.random.default_rng(seed).integers(0, 4, (3, len(labels))).astype(float)
    weights[0] = 1
    weights[:, 0] = 1  # a resample holds at least one film
    found = STATISTICS[metric](answers, weights)
    plain = STATISTICS[metric](answers, None)
    np.testing.assert_allclose(found[0], plain, rtol=1e-12, atol=1e-12)
    for row, value in zip(weights, found, strict=True):
        repeated = answers.of(np.repeat(np.arange(len(labels)), row.astype(int)))
        expected = STATISTICS[metric](repeated, None)
        np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("metric", STATISTICS)
@given(FILMS, st.randoms(use_true_random=False))
def test_the_order_of_films_has_no_influence(metric, films, random):
    labels, margins = films
    answers = Answers(labels, (margins > 0).astype(np.int8), margins)
    rows = np.array(random.sample(range(len(labels)), len(labels)))
    values = [STATISTICS[metric](some, None) for some in (answers, answers.of(rows))]
    np.testing.assert_allclose(*values, rtol=1e-12, atol=1e-12)


def test_calibration_error_by_hand():
    labels = [1, 0, 1, 1, 0, 0]
    probabilities = [0.91, 0.99, 0.95, 0.42, 0.48, 0.05]
    # three in [.9, 1]: mean .95, two thirds; two in [.4, .5): mean .45, one half; one in [0, .1)
    by_hand = 3 / 6 * abs(0.95 - 2 / 3) + 2 / 6 * abs(0.45 - 1 / 2) + 1 / 6 * 0.05
    assert float(ece(of_probabilities(labels, probabilities))) == pytest.approx(by_hand)


def test_calibration_is_of_the_finding_and_not_of_what_is_predicted():
    """Folded at one half the two errors would cancel out; they do not."""
    answers = of_probabilities([1, 1], [0.25, 0.75])
    assert float(ece(answers)) == pytest.approx((0.75 + 0.25) / 2)
    opposed = of_probabilities([1, 0, 1, 0], [0.2, 0.2, 0.8, 0.8])
    assert float(ece(opposed)) == pytest.approx(0.3)


def test_certainty_falls_into_the_last_bin():
    margins = np.array([np.inf, np.inf, logit(0.95), logit(0.85)])
    answers = Answers(np.array([1, 0, 1, 1]), np.ones(4, int), margins)
    # the last bin claims 2.95 findings of 2, the one before .85 of 1
    assert float(ece(answers)) == pytest.approx((0.95 + 0.15) / 4)


def test_classes_that_are_apart_are_not_certain():
    separated = estimated(Answers(LABELS, LABELS, LABELS.astype(float)))
    for metric in ("auroc", "auprc"):
        assert separated[metric].value == 1
        assert separated[metric].low == pytest.approx(wilson(4, 4, 0.95).low)
    inverted = estimated(Answers(LABELS, 1 - LABELS, -LABELS.astype(float)))
    assert (inverted["auroc"].value, inverted["auroc"].low) == (0, 0)
    assert inverted["auroc"].high > 0.3
    # the findings come last, all tied at ten films
    assert inverted["auprc"].value == pytest.approx(0.4)
    assert math.isnan(inverted["auprc"].low)


def test_one_class_alone_has_no_order():
    found = estimated(Answers(np.ones(3, int), np.array([1, 0, 1]), np.array([1.0, -1.0, 2.0])))
    assert all(math.isnan(number) for number in found["auroc"])
    assert math.isnan(found["auprc"].low)
    assert math.isnan(found["balanced_accuracy"].value)
    assert found["sensitivity"].value == pytest.approx(2 / 3)


@pytest.mark.parametrize(("metric", "truth"), [("auroc", 0.7602), ("auprc", None)])
def test_intervals_of_the_order_cover_the_truth(metric, truth):
    """Of two normals one standard deviation apart; the area under ROC is known exactly."""
    rng = np.random.default_rng(5)
    labels = np.repeat([1, 0], [40, 60])
    if truth is None:
        many = np.repeat(labels, 20_000)
        truth = float(auprc(many, rng.normal(many, 1.0)))
    covered = 0
    for run in range(150):
        margins = rng.normal(labels, 1.0)
        weights = resample_weights(labels, 300, seed=run)
        answers = Answers(labels, (margins > 0.5).astype(int), margins)
        found = estimate(answers, weights, 0.9, (metric,))[metric]
        covered += found.low <= truth <= found.high
    assert 0.82 <= covered / 150 <= 0.97
