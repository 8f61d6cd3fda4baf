import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radrobust.attribution.localisation import MEASURES, coverage, localise, pointing


def test_coverage_by_hand():
    importance = np.arange(100.0)
    finding = np.zeros(100, dtype=bool)
    finding[[99, 98, 90, 10]] = True
    assert coverage(importance, finding, 5) == 0.5  # 99 and 98 among 95..99
    assert coverage(importance, finding, 10) == 0.75
    assert coverage(importance, finding, 100) == 1


@given(st.integers(1, 400), st.integers(1, 100), st.data())
def test_a_map_that_knows_nothing_scores_exactly_chance(size, percent, data):
    marked = data.draw(st.lists(st.integers(0, size - 1), min_size=1))
    finding = np.zeros(size, dtype=bool)
    finding[marked] = True
    chosen = np.ceil(size * percent / 100)
    assert coverage(np.zeros(size), finding, percent) == pytest.approx(chosen / size)


@given(st.integers(0, 1000))
def test_coverage_grows_with_the_share_that_is_taken(seed):
    rng = np.random.default_rng(seed)
    importance = rng.integers(0, 5, 200).astype(float)
    finding = rng.random(200) < 0.1
    finding[0] = True
    found = [coverage(importance, finding, percent) for percent in (5, 25, 50, 100)]
    assert found == sorted(found)
    assert found[-1] == pytest.approx(1)


def test_pointing_takes_the_majority_of_tied_maxima():
    finding = np.array([True, True, True, False, False])
    assert pointing(np.array([3.0, 0, 0, 2, 1]), finding)
    assert not pointing(np.array([0.0, 0, 0, 2, 1]), finding)
    assert pointing(np.array([1.0, 1, 0, 1, 0]), finding)
    assert not pointing(np.array([1.0, 0, 0, 1, 0]), finding)


def test_localising_leaves_the_padding_out():
    values = np.zeros((8, 8))
    values[3, 3] = -2.0  # magnitude counts
    values[0, 0] = 9.0  # in the padding
    mask = np.zeros((8, 8), dtype=bool)
    mask[3, 3:5] = True
    found = localise(values, mask, [2, 0, 6, 8])
    assert list(found) == MEASURES
    assert found["pointing"] is True
    assert found["mask_area"] == 2 / 32
    # Of 32 pixels two are taken: (3, 3), and one of 31 that tie, of which one is in the mask.
    assert found["coverage_5"] == pytest.approx((1 + 1 / 31) / 2)


def test_nothing_is_asked_where_no_finding_is_marked():
    assert localise(np.ones((8, 8)), np.zeros((8, 8), dtype=bool), [0, 0, 8, 8]) == {}
