import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from radrobust.attribution.survival import overlap, rank_correlation, survive

SIDE = 16
WHOLE = [0, 0, SIDE, SIDE]


def noise(seed, side=SIDE):
    return np.random.default_rng(seed).normal(size=(side, side)).astype(np.float32)


def test_a_map_that_stays_survives():
    found = survive(noise(0), noise(0), WHOLE)
    assert list(found) == ["spearman", "ssim", "overlap_10"]
    assert found == {key: pytest.approx(1) for key in found}


@pytest.mark.parametrize("change", [lambda map_: -map_, lambda map_: 1e-6 * map_])
def test_neither_sign_nor_scale_counts(change):
    assert survive(noise(0), change(noise(0)), WHOLE) == {
        key: pytest.approx(1, abs=1e-6) for key in ("spearman", "ssim", "overlap_10")
    }


def test_any_monotone_change_keeps_ranks_alone():
    found = survive(noise(0), noise(0) ** 3, WHOLE)
    assert [found["spearman"], found["overlap_10"]] == pytest.approx([1, 1])
    assert found["ssim"] < 0.99


def test_unrelated_maps_share_what_chance_has_them_share():
    found = [survive(noise(seed), noise(seed + 1000), WHOLE) for seed in range(200)]
    mean = {key: np.mean([row[key] for row in found]) for key in found[0]}
    assert abs(mean["spearman"]) < 4 / math.sqrt(200 * SIDE**2)
    assert mean["overlap_10"] == pytest.approx(0.1, abs=0.01)
    assert abs(mean["ssim"]) < 0.3


def test_padding_is_left_out():
    first, second = noise(0), noise(0)
    second[:, :3] = 100 * noise(1)[:, :3]
    found = survive(first, second, [3, 0, SIDE, SIDE])
    assert found == {key: pytest.approx(1) for key in found}
    assert survive(first, second, WHOLE)["spearman"] < 0.99


@given(st.integers(0, 1000), st.integers(2, 30))
def test_rank_correlation_is_that_of_scipy_on_magnitudes(seed, levels):
    rng = np.random.default_rng(seed)
    first, second = rng.integers(-levels, levels, (2, SIDE, SIDE))
    expected = spearmanr(abs(first).ravel(), abs(second).ravel()).statistic
    assert rank_correlation(first, second, WHOLE) == pytest.approx(expected)


def test_a_constant_map_has_no_ranks():
    found = survive(np.zeros((SIDE, SIDE)), noise(0), WHOLE)
    assert math.isnan(found["spearman"])
    assert found["ssim"] < 1
    assert found["overlap_10"] == pytest.approx(26 / 256)  # ten per cent, rounded up


def test_maps_of_zeros_are_alike():
    zeros = np.zeros((SIDE, SIDE), dtype=np.float32)
    assert survive(zeros, zeros, WHOLE)["ssim"] == 1


@pytest.mark.parametrize("extent", [[0, 0, 4, 16], [0, 0, 1, 16], [0, 3, 16, 5]])
def test_a_film_narrower_than_the_window_is_compared_all_the_same(extent):
    assert survive(noise(0), noise(0), extent)["ssim"] == pytest.approx(1)
    assert survive(noise(0), noise(1), extent)["ssim"] < 0.9


def test_ssim_of_two_contrasts_by_hand():
    """One window, whose value is the formula of the paper."""
    side = 7
    first, second = abs(noise(0, side)).astype(float), abs(noise(1, side)).astype(float)
    x, y = first / first.max(), second / second.max()
    c1, c2 = 0.01**2, 0.03**2
    covariance = ((x - x.mean()) * (y - y.mean())).mean()
    expected = (2 * x.mean() * y.mean() + c1) * (2 * covariance + c2)
    expected /= (x.mean() ** 2 + y.mean() ** 2 + c1) * (x.var() + y.var() + c2)
    assert survive(first, second, [0, 0, side, side])["ssim"] == pytest.approx(expected)


@given(st.integers(0, 200))
def test_overlap_is_the_mean_over_all_ways_to_break_ties(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 3, (2, 7))
    chosen = 3  # 40 % of seven, rounded up
    ways = [
        [
            set(pixels)
            for pixels in itertools.combinations(range(7), chosen)
            if min(values[list(pixels)]) >= max(np.delete(values, pixels))
        ]
        for values in (first, second)
    ]
    shared = [len(one & other) / chosen for one in ways[0] for other in ways[1]]
    assert overlap(first, second, 40) == pytest.approx(np.mean(shared))
