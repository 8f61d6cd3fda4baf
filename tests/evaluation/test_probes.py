from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radrobust.evaluation import probes
from radrobust.evaluation.metrics import auroc
from radrobust.evaluation.probes import cross_validated

N = 400
LABELS = (np.arange(N) % 5 < 2).astype(int)
EACH = np.arange(N)


def drawn(seed: int, columns: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(N, columns))


@pytest.mark.parametrize("model", [probes.trees, probes.linear])
def test_a_feature_that_is_the_label_tells_it(model):
    found = cross_validated(LABELS[:, None].astype(float), LABELS, EACH, 1, model)
    assert found.value == found.high == 1
    assert 0.95 < found.low < 1


@pytest.mark.parametrize("model", [probes.trees, probes.linear])
def test_noise_tells_nothing(model):
    found = [cross_validated(drawn(seed, 4), LABELS, EACH, seed, model) for seed in range(6)]
    covering = sum(estimate.low <= 0.5 <= estimate.high for estimate in found)
    assert covering >= 5
    assert np.mean([estimate.value for estimate in found]) == pytest.approx(0.5, abs=0.03)


def test_a_constant_tells_nothing_and_has_no_interval():
    found = cross_validated(np.full((N, 1), 7.0), LABELS, EACH, 1)
    assert found.value == 0.5
    assert np.isnan(found.low) and np.isnan(found.high)


def test_trees_see_what_lies_in_between():
    feature = np.where(LABELS == 1, 0.0, np.sign(drawn(2)[:, 0])) + 0.01 * drawn(3)[:, 0]
    assert cross_validated(feature[:, None], LABELS, EACH, 1).value > 0.95
    assert cross_validated(feature[:, None], LABELS, EACH, 1, probes.linear).value < 0.7


def test_copies_that_could_be_learnt_by_heart_do_not_count():
    groups = EACH // 10
    rng = np.random.default_rng(4)
    labels = rng.permutation(np.arange(N // 10) % 2)[groups]
    feature = rng.normal(size=N // 10)[groups][:, None]
    together = cross_validated(feature, labels, groups, 1)
    assert together.low <= 0.5 <= together.high
    assert cross_validated(feature, labels, EACH, 1).value > 0.95


def test_copies_make_the_interval_no_narrower():
    few, once = LABELS[:80], drawn(5)[:80] + LABELS[:80, None]
    alone = cross_validated(once, few, np.arange(80), 1, probes.linear)
    copied = cross_validated(
        np.repeat(once, 5, axis=0), np.repeat(few, 5), np.repeat(np.arange(80), 5), 1, probes.linear
    )
    assert copied.high - copied.low == pytest.approx(alone.high - alone.low, rel=0.4)


def test_scores_are_compared_within_folds(monkeypatch):
    """Models that are off by a constant of their own know what they know."""

    class Shifted:
        shift = 0.0

        def fit(self, features, labels):
            Shifted.shift += 10

        def predict_proba(self, features):
            score = Shifted.shift + features[:, 0]
            return np.stack([-score, score], axis=1)

    feature = drawn(6) + LABELS[:, None]
    found = cross_validated(feature, LABELS, EACH, 1, lambda seed: Shifted())
    assert found.value == pytest.approx(float(auroc(LABELS, feature[:, 0])), abs=0.02)
    assert found.low < found.value < found.high


def test_too_few_films_of_a_class_cannot_be_asked():
    labels = np.zeros(N, int)
    labels[:3] = 1
    groups = np.maximum(EACH, 2)
    found = cross_validated(drawn(1), labels, groups, 1)
    assert np.isnan(found).all()


def table(**columns) -> pd.DataFrame:
    names = [f"film-{place:03d}" for place in range(N)]
    known = {"file_bytes": 0, "width": 40, "height": 48, "mode": "L", "mean_grey": 1.0, "border": 0}
    films = {"sample_id": names, "label": LABELS, "group": names}
    return pd.DataFrame(films | known | columns)


def test_each_probe_sees_what_it_is_named_after():
    thumbnails = np.random.default_rng(8).integers(0, 256, (N, 48, 48), np.uint8)
    films = table(mode=np.where(LABELS == 1, "RGB", "L"), height=48 + LABELS)
    found = probes.probes(films, thumbnails, 3).set_index("probe")["auroc"]
    assert list(found.index) == [*probes.SCALARS, probes.THUMBNAIL]
    assert found[["image_size", "pixel_format"]].tolist() == [1, 1]
    assert found[["file_size", "mean_grey", "border"]].tolist() == [0.5] * 3
    assert found[probes.THUMBNAIL] < 0.65
    thumbnails[LABELS == 1, 20:24, 20:24] = 255  # one of 12×12 pixels
    assert probes.probes(films, thumbnails, 3).set_index("probe")["auroc"][probes.THUMBNAIL] > 0.9


def test_the_same_seed_gives_the_same():
    thumbnails = np.random.default_rng(8).integers(0, 256, (N, 48, 48), np.uint8)
    films = table(mean_grey=drawn(9)[:, 0])
    first, again, other = (probes.probes(films, thumbnails, seed) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_of_many_films_some_stand_for_all_in_whatever_order(monkeypatch):
    monkeypatch.setattr(probes, "MOST_FILMS", 150)
    thumbnails = np.zeros((N, 48, 48), np.uint8)
    films = table(mean_grey=drawn(9)[:, 0])
    assert (probes.probes(films, thumbnails, 3)["films"] == 150).all()
    names = films["sample_id"]
    order = np.random.default_rng(0).permutation(N)
    chosen = set(names.iloc[probes._drawn(names, 3)])
    assert chosen == set(names.iloc[order].iloc[probes._drawn(names.iloc[order], 3)])
    assert chosen != set(names.iloc[probes._drawn(names, 4)])
