import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import f1_score, roc_auc_score

from radrobust.evaluation.intervals import resample_weights, wilson
from radrobust.evaluation.metrics import (
    METRICS,
    Answers,
    always_negative,
    auroc,
    confusion,
    estimate,
)

# 4 films with the finding, 6 without: 3 found, 1 missed, 2 false alarms, 4 rightly free.
LABELS = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
PREDICTED = np.array([1, 1, 1, 0, 1, 1, 0, 0, 0, 0])
SCORES = np.array([3.0, 2.0, 1.0, -1.0, 1.0, 0.5, -0.5, -1.0, -2.0, -3.0])


def estimated(answers, resamples=300, level=0.95):
    return estimate(answers, resample_weights(answers.labels, resamples, seed=0), level)


def test_every_metric_of_a_matrix_counted_by_hand():
    answers = Answers(LABELS, PREDICTED, SCORES)
    assert confusion(answers) == (3, 1, 2, 4)
    found = estimated(answers)
    assert tuple(found) == METRICS
    values = {metric: found[metric].value for metric in METRICS}
    assert values == pytest.approx(
        {
            "auroc": (6 + 6 + 5.5 + 2.5) / 24,
            "balanced_accuracy": (3 / 4 + 4 / 6) / 2,
            "sensitivity": 3 / 4,
            "specificity": 4 / 6,
            "accuracy": 7 / 10,
            "precision": 3 / 5,
            "f1": 6 / 9,
        }
    )
    assert found["sensitivity"][1:] == wilson(3, 4, 0.95)
    for metric in METRICS:
        assert found[metric].low <= found[metric].value <= found[metric].high, metric


def test_whoever_always_says_no():
    found = estimated(always_negative(LABELS))
    expected = {"sensitivity": 0, "specificity": 1, "balanced_accuracy": 0.5, "auroc": 0.5}
    assert {metric: found[metric].value for metric in expected} == expected
    assert found["accuracy"].value == 0.6
    assert math.isnan(found["precision"].value)
    assert math.isnan(found["precision"].low)
    assert found["f1"].value == 0


@given(
    st.integers(2, 60).flatmap(
        lambda n: st.tuples(
            hnp.arrays(np.int8, n, elements=st.integers(0, 1)),
            hnp.arrays(np.float64, n, elements=st.integers(-4, 4).map(float)),
        )
    )
)
def test_auroc_and_f1_equal_scikit_learn(drawn):
    labels, scores = drawn
    if len(set(labels)) < 2:
        assert math.isnan(auroc(labels, scores))
        return
    assert float(auroc(labels, scores)) == pytest.approx(roc_auc_score(labels, scores))
    assert float(auroc(labels, -scores)) == pytest.approx(1 - roc_auc_score(labels, scores))
    predicted = (scores > 0).astype(np.int8)
    found = estimated(Answers(labels, predicted, scores), resamples=2)
    assert found["f1"].value == pytest.approx(f1_score(labels, predicted, zero_division=0.0))


def test_weights_count_films_as_often_as_they_say():
    weights = np.array([[1, 0, 2, 1, 0, 1, 1, 2, 1, 1]] * 2, dtype=float)
    rows = np.repeat(np.arange(10), weights[0].astype(int))
    repeated = roc_auc_score(LABELS[rows], SCORES[rows])
    assert auroc(LABELS, SCORES, weights) == pytest.approx([repeated, repeated])


def test_classes_that_are_apart_are_not_certain():
    separated = estimated(Answers(LABELS, LABELS, LABELS.astype(float)))["auroc"]
    assert separated.value == 1
    assert separated.low == pytest.approx(wilson(4, 4, 0.95).low)
    inverted = estimated(Answers(LABELS, 1 - LABELS, -LABELS.astype(float)))["auroc"]
    assert (inverted.value, inverted.low) == (0, 0)
    assert inverted.high > 0.3


def test_auroc_interval_covers_the_truth():
    rng = np.random.default_rng(5)
    truth = 0.7602  # of two normals one standard deviation apart
    covered = 0
    labels = np.repeat([1, 0], [40, 60])
    for run in range(150):
        scores = rng.normal(labels, 1.0)
        weights = resample_weights(labels, 300, seed=run)
        found = estimate(Answers(labels, (scores > 0.5).astype(int), scores), weights, 0.9)
        covered += found["auroc"].low <= truth <= found["auroc"].high
    assert 0.82 <= covered / 150 <= 0.97
