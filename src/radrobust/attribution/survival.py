"""What is left of a map after an attack: two maps against each other, within the film."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from skimage.metrics import structural_similarity

FloatArray = NDArray[np.floating]

TOP = 10
"""Per cent of the pixels that count as a map's strongest."""

_WINDOW = 7  # scikit-image's own


def survive(clean: FloatArray, attacked: FloatArray, film: Sequence[int]) -> dict[str, float]:
    """Hold the map of an attacked image against that of the clean one.

    What counts are magnitudes, without the padding around the film, where maps may agree on
    nothing being there.

    Parameters
    ----------
    clean, attacked : array
        S×S, signed or not.
    film : sequence of int
        ``[x0, y0, x1, y1]``, where the film lies in the frame.

    Returns
    -------
    dict
        spearman
            As in `rank_correlation`.
        ssim
            Structural similarity (Wang et al. 2004, IEEE TIP 13:600) over windows of 7×7 pixels,
            of maps each divided by its own maximum; at most 1, for equal maps.
        overlap_10
            As in `overlap`, of the strongest 10 %.
    """
    before, after = _magnitudes(clean, film), _magnitudes(attacked, film)
    return {
        "spearman": _spearman(before, after),
        "ssim": _similarity(before, after),
        f"overlap_{TOP}": overlap(before, after, TOP),
    }


def rank_correlation(first: FloatArray, second: FloatArray, film: Sequence[int]) -> float:
    """Spearman's correlation of two maps' magnitudes within the film, ties at their mean rank.

    Parameters
    ----------
    first, second : array
        S×S, signed or not.
    film : sequence of int
        ``[x0, y0, x1, y1]``, where the film lies in the frame.

    Returns
    -------
    float
        In [-1, 1]; NaN if one of the maps is constant, which ranks nothing.
    """
    return _spearman(_magnitudes(first, film), _magnitudes(second, film))


def overlap(first: FloatArray, second: FloatArray, percent: int) -> float:
    """Share of their `percent` % strongest pixels that two maps have in common.

    Chance is `percent` / 100. Where pixels tie at the threshold the expected value is returned over
    all ways to break the ties, in each map on its own: a constant map shares chance with any,
    itself included.

    Parameters
    ----------
    first, second : array
        Of one shape, not negative.
    percent : int
        In [1, 100]; of the pixels, rounded up.

    Returns
    -------
    float
        In [0, 1].
    """
    chosen = -(-first.size * percent // 100)
    return float((_among(first, chosen) * _among(second, chosen)).sum() / chosen)


def _among(importance: FloatArray, chosen: int) -> NDArray[np.float64]:
    """Probability of each pixel to be among the `chosen` strongest; ties are broken at random."""
    threshold = np.partition(importance, -chosen, axis=None)[-chosen]
    above, tied = importance > threshold, importance == threshold
    return np.asarray(above + tied * ((chosen - above.sum()) / tied.sum()), np.float64)


def _spearman(first: FloatArray, second: FloatArray) -> float:
    ranks = rankdata(np.stack([first.ravel(), second.ravel()]), axis=1)
    if (ranks == ranks[:, :1]).all(axis=1).any():
        return float("nan")
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _similarity(first: FloatArray, second: FloatArray) -> float:
    side = min(_WINDOW, *first.shape)
    # Variances over a window are divided by its pixels, as in the paper: it may then be one pixel.
    found = structural_similarity(  # type: ignore[no-untyped-call]
        _scaled(first),
        _scaled(second),
        win_size=side - 1 + side % 2,
        data_range=1,
        use_sample_covariance=False,
    )
    return float(found)


def _scaled(importance: FloatArray) -> FloatArray:
    largest = importance.max()
    return importance / largest if largest > 0 else importance


def _magnitudes(values: FloatArray, film: Sequence[int]) -> NDArray[np.float64]:
    x0, y0, x1, y1 = film
    return np.abs(values[y0:y1, x0:x1], dtype=np.float64)
