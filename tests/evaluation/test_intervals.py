import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from radrobust.evaluation.intervals import (
    bootstrap,
    mean_of_shares,
    resample_weights,
    resampled,
    wilson,
)


@pytest.mark.parametrize("counts", [(8, 10), (0, 10), (10, 10), (50, 100), (1, 300)])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_wilson_equals_scipy(counts, level):
    expected = binomtest(*counts).proportion_ci(level, method="wilson")
    assert wilson(*counts, level) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_of_nothing_is_no_interval():
    assert all(math.isnan(end) for end in wilson(0, 0, 0.95))


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_mirrors(counts):
    successes, n = counts
    low, high = wilson(successes, n, 0.95)
    assert 0 <= low <= successes / n <= high <= 1
    mirrored = wilson(n - successes, n, 0.95)
    assert (1 - high, 1 - low) == pytest.approx(mirrored, abs=1e-12)


@given(st.integers(0, 30), st.integers(0, 40))
def test_a_wider_level_gives_a_wider_interval(first, second):
    shares = (first, 30), (second, 40)
    narrow, wide = (mean_of_shares(*shares, level) for level in (0.8, 0.95))
    mean = (first / 30 + second / 40) / 2
    assert wide.low <= narrow.low <= mean <= narrow.high <= wide.high
    assert wide.high - wide.low > narrow.high - narrow.low
    assert wide.low >= -1e-12
    assert wide.high <= 1 + 1e-12


def test_balanced_accuracy_of_zero_is_not_certain():
    assert mean_of_shares((0, 50), (0, 50), 0.95).high > 0.02


def test_resamples_keep_the_size_of_each_class():
    labels = np.array([0, 1, 1, 0, 0])
    weights = resample_weights(labels, 200, seed=1)
    assert weights.shape == (200, 5)
    assert (weights[:, labels == 0].sum(axis=1) == 3).all()
    assert (weights[:, labels == 1].sum(axis=1) == 2).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(5), abs=0.25)


def test_the_seed_decides_the_resamples():
    labels = np.repeat([0, 1], 20)
    again = [resample_weights(labels, 50, seed) for seed in (3, 3, 4)]
    assert (again[0] == again[1]).all()
    assert (again[0] != again[2]).any()


def test_bootstrap_of_a_mean_covers_the_truth():
    rng = np.random.default_rng(0)
    covered = 0
    for run in range(200):
        values = rng.normal(0.3, 1.0, 80)
        weights = resample_weights(np.zeros(80, int), 400, seed=run)
        low, high = bootstrap(lambda drawn, values=values: drawn @ values / 80, weights, 0.9)
        covered += low <= 0.3 <= high
    assert 0.83 <= covered / 200 <= 0.96  # nominal .9, about three standard errors each way


@pytest.mark.parametrize("resamples", [1, 255, 256, 257, 700])
def test_resamples_that_are_taken_some_at_a_time_are_all_taken(resamples):
    values = np.arange(30.0)
    weights = resample_weights(np.repeat([0, 1], 15), resamples, seed=2)
    assert (resampled(lambda drawn: drawn @ values, weights) == weights @ values).all()


def test_undefined_resamples_are_left_out():
    weights = resample_weights(np.zeros(4, int), 100, seed=0)
    assert all(
        math.isnan(end) for end in bootstrap(lambda drawn: drawn[:, 0] * np.nan, weights, 0.9)
    )
