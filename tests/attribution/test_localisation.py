import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from radrobust.attribution.localisation import (
    Ranking,
    average_precision,
    coverage,
    in_boxes,
    localise,
    mass,
    pointing,
)
from radrobust.core.tables.explanations import ASKED, MEASURES, PERCENTS

SIDE = 8


def covered(importance, region, percent):
    ranking = Ranking.of(importance)
    return coverage(ranking, ranking.hits(region), percent)


def pointed(importance, region):
    ranking = Ranking.of(importance)
    return pointing(ranking, ranking.hits(region))


def test_coverage_by_hand():
    importance = np.arange(100.0)
    region = np.zeros(100, dtype=bool)
    region[[99, 98, 90, 10]] = True
    assert covered(importance, region, 5) == 0.5  # 99 and 98 among 95..99
    assert covered(importance, region, 10) == 0.75
    assert covered(importance, region, 100) == 1


@given(st.integers(1, 400), st.integers(1, 100), st.data())
def test_a_constant_map_scores_exactly_chance(size, percent, data):
    marked = data.draw(st.lists(st.integers(0, size - 1), min_size=1))
    region = np.zeros(size, dtype=bool)
    region[marked] = True
    chosen = -(-size * percent // 100)
    assert covered(np.zeros(size), region, percent) == pytest.approx(chosen / size)


@given(st.integers(0, 1000), st.sampled_from(PERCENTS))
def test_coverage_is_the_mean_over_all_ways_to_break_ties(seed, percent):
    rng = np.random.default_rng(seed)
    importance = rng.integers(0, 5, 200).astype(float)
    region = rng.random(200) < 0.1
    region[0] = True
    chosen = 2 * percent
    threshold = np.sort(importance)[-chosen]
    above, tied = importance > threshold, importance == threshold
    drawn = (chosen - above.sum()) / tied.sum()
    expected = ((above & region).sum() + drawn * (tied & region).sum()) / region.sum()
    assert covered(importance, region, percent) == pytest.approx(expected)


def test_pointing_takes_the_majority_of_tied_maxima():
    region = np.array([True, True, True, False, False])
    assert pointed(np.array([3.0, 0, 0, 2, 1]), region)
    assert not pointed(np.array([0.0, 0, 0, 2, 1]), region)
    assert pointed(np.array([1.0, 1, 0, 1, 0]), region)
    assert not pointed(np.array([1.0, 0, 0, 1, 0]), region)


def test_mass_by_hand():
    region = np.array([True, True, False, False, False])
    assert mass(np.array([1.0, 2, 1, 0, 0]), region) == 0.75
    assert mass(np.full(5, 7.0), region) == pytest.approx(0.4)
    assert mass(np.zeros(5), region) == pytest.approx(0.4)


@given(st.integers(0, 1000), st.integers(1, 50))
def test_average_precision_is_that_of_scikit_learn(seed, levels):
    rng = np.random.default_rng(seed)
    importance = rng.integers(0, levels, 200).astype(np.float32)
    region = rng.random(200) < 0.2
    region[0] = True
    ranking = Ranking.of(importance)
    found = average_precision(ranking, ranking.hits(region))
    assert found == pytest.approx(average_precision_score(region, importance))


def test_a_pixel_is_in_a_box_if_its_centre_is():
    drawn = in_boxes([[1.4, 2.6, 4.5, 4.6]], (SIDE, SIDE))
    expected = np.zeros((SIDE, SIDE), dtype=bool)
    expected[3:5, 1:4] = True  # centres at 1.5, 2.5 and 3.5; that at 4.5 is on the far edge
    assert (drawn == expected).all()


@pytest.mark.parametrize("box", [[2.6, 3.1, 3.2, 3.4], [2.51, 3.0, 3.49, 4.0]])
def test_a_box_without_a_centre_marks_the_pixel_around_its_own(box):
    (row,), (column,) = np.nonzero(in_boxes([box], (SIDE, SIDE)))
    x0, y0, x1, y1 = box
    assert (row, column) == ((y0 + y1) // 2, (x0 + x1) // 2)


def test_boxes_may_overlap_and_reach_beyond_the_frame():
    drawn = in_boxes([[-3.0, -3.0, 2.0, 2.0], [1.0, 1.0, 20.0, 2.0]], (SIDE, SIDE))
    assert drawn.sum() == 4 + 6
    assert in_boxes([[-5.0, -5.0, -2.0, -2.0]], (SIDE, SIDE)).sum() == 0


def test_localising_leaves_the_padding_out():
    values = np.zeros((SIDE, SIDE))
    values[3, 3] = -2.0  # magnitude counts
    values[0, 0] = 9.0  # in the padding
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    mask[3, 3:5] = True
    found = localise(values, mask, [[3.0, 3.0, 5.0, 5.0]], [2, 0, 6, 8])
    assert tuple(found) == MEASURES
    assert all(type(value) is float for value in found.values())
    assert found["mask_area"] == 2 / 32
    assert found["box_area"] == 4 / 32
    # Of 32 pixels two are taken: (3, 3), and one of 31 that tie, of which one is in the mask.
    assert found["mask_coverage_5"] == pytest.approx((1 + 1 / 31) / 2)
    assert found["box_coverage_5"] == pytest.approx((1 + 3 / 31) / 4)
    for region, area in ("mask", 2 / 32), ("box", 4 / 32):
        assert found[f"{region}_pointing"] == 1
        assert found[f"{region}_mass"] == 1
        held = area * 32
        assert found[f"{region}_auprc"] == pytest.approx((1 + (held - 1) * area) / held)


def test_the_region_itself_as_map_scores_best():
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    mask[2:4, 2:5] = True
    found = localise(mask.astype(float), mask, [[2.0, 2.0, 5.0, 4.0]], [0, 0, SIDE, SIDE])
    for region in "mask", "box":
        best = [found[f"{region}_{asked}"] for asked in ("pointing", "mass", "auprc")]
        assert best == [1, 1, 1]
        assert found[f"{region}_coverage_15"] == 1


def test_nothing_is_asked_where_nothing_is_marked():
    values, film = np.ones((SIDE, SIDE)), [0, 0, SIDE, SIDE]
    nothing = np.zeros((SIDE, SIDE), dtype=bool)
    assert localise(values, nothing, [], film) == {}
    boxed = localise(values, nothing, [[1.0, 1.0, 3.0, 3.0]], film)
    assert list(boxed) == [f"box_{asked}" for asked in ASKED]
