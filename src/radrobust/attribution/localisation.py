"""Does a map look at the finding? Asked within the film, without the padding around it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PERCENTS = (5, 25, 50)
MEASURES = [*(f"coverage_{percent}" for percent in PERCENTS), "pointing", "mask_area"]

FloatArray = NDArray[np.floating]
BoolArray = NDArray[np.bool_]


def localise(values: FloatArray, mask: BoolArray, film: Sequence[int]) -> dict[str, float | bool]:
    """Hold a map against the finding.

    What counts is an attribution's magnitude, whichever class it speaks for. The padding around the
    film is left out: else a map that is merely zero there would already beat chance.

    Parameters
    ----------
    values : array
        S×S, signed or not.
    mask : array of bool
        S×S, the finding.
    film : sequence of int
        ``[x0, y0, x1, y1]``, where the film lies in the frame.

    Returns
    -------
    dict
        `MEASURES`; empty if no finding is marked. `mask_area` is the finding's share of the film,
        which is what a map that knows nothing scores in the pointing game.
    """
    x0, y0, x1, y1 = film
    finding = mask[y0:y1, x0:x1].ravel()
    if not finding.any():
        return {}
    importance = np.abs(values[y0:y1, x0:x1]).ravel()
    shares = [coverage(importance, finding, percent) for percent in PERCENTS]
    found = [*shares, pointing(importance, finding), float(finding.mean())]
    return dict(zip(MEASURES, found, strict=True))


def coverage(importance: FloatArray, finding: BoolArray, percent: float) -> float:
    """Share of the finding's pixels among the `percent` % most important pixels.

    The measure of the study that is rebuilt here; a map that knows nothing scores `percent` / 100
    on average. Where pixels tie at the threshold the expected value over all ways to break the tie
    is returned, so a constant map scores exactly chance.

    Parameters
    ----------
    importance : array
        P values, one a pixel of the film; higher is more important.
    finding : array of bool
        P values; at least one is True.
    percent : float
        In (0, 100].

    Returns
    -------
    float
        In [0, 1].
    """
    chosen = math.ceil(importance.size * percent / 100)
    threshold = np.partition(importance, importance.size - chosen)[importance.size - chosen]
    above = importance > threshold
    tied = importance == threshold
    share_of_tied = (chosen - above.sum()) / tied.sum()
    hits = (above & finding).sum() + share_of_tied * (tied & finding).sum()
    return float(hits / finding.sum())


def pointing(importance: FloatArray, finding: BoolArray) -> bool:
    """Tell whether the most important pixel lies in the finding.

    The pointing game of Zhang et al. 2018, arXiv:1608.00507, without its tolerance of 15 pixels.
    Where several pixels share the maximum, the majority of them must.
    """
    highest = importance == importance.max()
    return bool(2 * (highest & finding).sum() > highest.sum())
