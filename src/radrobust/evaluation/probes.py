"""Can the label be told without looking at the finding? Small models that see a shortcut alone.

References
----------
Zech et al., Variable generalization performance of a deep learning model to detect pneumonia in
chest radiographs, 2018, PLOS Medicine 15:e1002683: networks learn from which hospital a film comes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radrobust.core.seeds import derive_seed
from radrobust.evaluation.intervals import (
    FloatArray,
    percentiles,
    resample_weights,
    resampled,
    wilson,
)
from radrobust.evaluation.metrics import Estimate, auroc

WARNING = 0.75
"""AUROC beyond which a probe is a warning: by its value, not by either end of its interval."""

FOLDS = 5
MOST_FILMS = 20_000
"""Films that probes are fitted to; of more, these many are drawn by a hash of seed and name."""

RESAMPLES, LEVEL = 1000, 0.95
COARSE = 12
"""Side of the thumbnail that a probe sees, in pixels."""

SCALARS = {
    "file_size": ("file_bytes",),
    "image_size": ("width", "height"),
    "pixel_format": ("mode",),
    "mean_grey": ("mean_grey",),
    "border": ("border",),
}
"""What each probe sees of the table of films."""

THUMBNAIL = "thumbnail"


class Model(Protocol):
    """What scikit-learn calls a classifier."""

    def fit(self, features: FloatArray, labels: NDArray[np.integer]) -> object:
        """Learn from N×F features and N labels."""

    def predict_proba(self, features: FloatArray) -> FloatArray:
        """Return N×2 probabilities."""


def probes(films: pd.DataFrame, thumbnails: NDArray[np.uint8], seed: int) -> pd.DataFrame:
    """Predict the label of films from what is no finding.

    Parameters
    ----------
    films : DataFrame
        One row a film: `sample_id`, `label`, `group` (films of which no two may lie on both sides
        of a fold) and the columns of `SCALARS`.
    thumbnails : array
        N×48×48, in the same order.
    seed : int
        Of the folds, the bootstrap, and which films are taken where there are many.

    Returns
    -------
    DataFrame
        `probe`, `auroc`, `low`, `high` and `films`, the number that it is of. The interval is
        NaN where the probe says the same of all films, and all three are where a class has fewer
        than two groups.
    """
    rows = _drawn(films["sample_id"], seed)
    films, thumbnails = films.iloc[rows], thumbnails[rows]
    labels = films["label"].to_numpy()
    groups, _ = pd.factorize(films["group"])
    found = {
        name: cross_validated(_columns(films, columns), labels, groups, seed)
        for name, columns in SCALARS.items()
    }
    found[THUMBNAIL] = cross_validated(_coarse(thumbnails), labels, groups, seed, linear)
    table = pd.DataFrame([{"probe": name, **found[name]._asdict()} for name in found])
    return table.rename(columns={"value": "auroc"}).assign(films=len(films))


def trees(seed: int) -> Model:
    """Return a model that sees any dependence on a few features, as of odd sizes in between."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model: Model = HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=8, early_stopping=False, random_state=seed
    )
    return model


def linear(_seed: int) -> Model:
    """Return a model for many features of which none may weigh much."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model: Model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
    return model


def cross_validated(
    features: FloatArray,
    labels: NDArray[np.integer],
    groups: NDArray[np.integer],
    seed: int,
    model: Callable[[int], Model] = trees,
) -> Estimate:
    """Estimate how well features tell the label of films that a model has not seen.

    Parameters
    ----------
    features : array
        N×F.
    labels, groups : array
        N. A group lies in one fold as a whole.
    seed : int
        Of the folds, the model and the bootstrap.
    model : callable
        Makes a model, given a seed.

    Returns
    -------
    Estimate
        The AUROC. Films are compared within their fold only: each fold has a model of its own,
        whose scores lie higher where its training films had more findings, which is where the
        fold has fewer. Pooled scores would thus put features that know nothing below 0.5. The
        folds' areas are weighted by their pairs of films; the bootstrap draws groups within folds.
    """
    folds = list(_folds(labels, groups, seed))
    if not folds:
        return Estimate(math.nan, math.nan, math.nan)
    values, draws, pairs, constant = [], [], [], True
    for number, (train, test) in enumerate(folds):
        fitted = model(seed)
        fitted.fit(features[train], labels[train])
        scores, truth = fitted.predict_proba(features[test])[:, 1], labels[test]
        constant &= bool((scores == scores[0]).all())
        values.append(float(auroc(truth, scores)))
        weights = _group_weights(truth, groups[test], derive_seed(seed, "probe", number))
        draws.append(resampled(_area(truth, scores), weights))
        pairs.append(int((truth == 1).sum() * (truth == 0).sum()))
    value = float(np.average(values, weights=pairs))
    if constant:
        return Estimate(value, math.nan, math.nan)
    if value in (0, 1):  # no resample differs: let the smaller class say how unsure that is
        smaller = min(len(np.unique(groups[labels == label])) for label in (0, 1))
        return Estimate(value, *wilson(round(value * smaller), smaller, LEVEL))
    return Estimate(value, *percentiles(_mean(np.array(draws), np.array(pairs)), LEVEL))


def _area(labels: NDArray[np.integer], scores: FloatArray) -> Callable[[FloatArray], FloatArray]:
    return lambda weights: auroc(labels, scores, weights)


def _mean(draws: FloatArray, pairs: NDArray[np.integer]) -> FloatArray:
    """Average over folds, F×R, those in which a resample has both classes."""
    weights = np.where(np.isnan(draws), 0, pairs[:, None])
    mean: FloatArray = np.nansum(draws * weights, axis=0) / weights.sum(axis=0)
    return mean


def _folds(
    labels: NDArray[np.integer], groups: NDArray[np.integer], seed: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield rows to learn from and rows to be asked of, both with both classes."""
    from sklearn.model_selection import StratifiedGroupKFold

    count = min(FOLDS, *(len(np.unique(groups[labels == label])) for label in (0, 1)))
    if count < 2:
        return
    folds = StratifiedGroupKFold(count, shuffle=True, random_state=seed % 2**32)
    for train, test in folds.split(np.zeros((len(labels), 1)), labels, groups):
        if all(len(np.unique(labels[rows])) == 2 for rows in (train, test)):
            yield train, test


def _group_weights(
    labels: NDArray[np.integer], groups: NDArray[np.integer], seed: int
) -> FloatArray:
    """Draw groups, R times, as many as there are of each mix of labels; return R×N weights."""
    _, place = np.unique(groups, return_inverse=True)
    present = np.bincount(place, weights=labels == 1)
    mix = np.where(present == 0, 0, np.where(present == np.bincount(place), 1, 2))
    return resample_weights(mix, RESAMPLES, seed)[:, place]


def _drawn(names: pd.Series[str], seed: int) -> NDArray[np.intp]:
    if len(names) <= MOST_FILMS:
        return np.arange(len(names))
    order = np.array([derive_seed(seed, "probe", name) for name in names], np.uint64)
    return np.sort(np.argsort(order, kind="stable")[:MOST_FILMS])


def _columns(films: pd.DataFrame, columns: tuple[str, ...]) -> FloatArray:
    """Return columns as N×F numbers; texts are numbered in the order of the alphabet."""
    numbers = [
        films[name].astype("category").cat.codes if name == "mode" else films[name]
        for name in columns
    ]
    return np.stack([column.to_numpy(np.float64) for column in numbers], axis=1)


def _coarse(thumbnails: NDArray[np.uint8]) -> FloatArray:
    """Average N×48×48 pictures over squares and flatten them."""
    size = thumbnails.shape[1] // COARSE
    squares = thumbnails.reshape(len(thumbnails), COARSE, size, COARSE, size)
    means: FloatArray = squares.mean(axis=(2, 4), dtype=np.float64)
    return means.reshape(len(thumbnails), -1)
