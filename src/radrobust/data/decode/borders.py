"""Borders that are burnt into films: frames and bars of one grey that end in a straight line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RIM = 0.02
"""Width of the rim that is looked at, as a share of the film's shorter side."""

TOLERANCE = 2
"""Grey levels by which a border may vary: what saving it as JPEG does to it."""

FLAT, GONE = 0.99, 0.5
"""Shares of a line's pixels that have the border's grey: within it at least, beyond it at most."""


def burnt_in(image: NDArray[np.uint8]) -> float:
    """Return the share of a film's rim that is a burnt-in border.

    A border is of one grey over the whole length of an edge and ends in a straight line. The air
    around a limb may be as flat where it is saturated, but the limb leaves it little by little; it
    is none, nor is a film of a single grey.

    Parameters
    ----------
    image : array
        H×W grey values.

    Returns
    -------
    float
        0 to 1: of the pixels of all four edges, each as long as the film's side and 2 % of the
        shorter side wide, those of edges with a border.

    Examples
    --------
    >>> film = np.random.default_rng(0).integers(0, 256, (100, 100), np.uint8)
    >>> film[:5] = 255
    >>> burnt_in(film)
    0.25
    """
    width = max(1, round(RIM * min(image.shape)))
    inwards = image, image[::-1], image.T, image.T[::-1]
    bordered = sum(view[:width].size for view in inwards if _begins_with_border(view, width))
    return bordered / sum(view[:width].size for view in inwards)


def _begins_with_border(view: NDArray[np.uint8], width: int) -> bool:
    """Tell whether the first `width` rows are of one grey that then ends within as many."""
    edge = view[0].astype(np.int16)
    middle = np.partition(edge, len(edge) // 2)[len(edge) // 2]
    if (np.abs(edge - middle) <= 2 * TOLERANCE).mean() < 1 - (1 - FLAT) * width:
        return False  # as of nearly all films: what follows could not be otherwise, but takes long
    counts = np.bincount(view[:width].ravel(), minlength=256)
    within = np.convolve(counts, np.ones(2 * TOLERANCE + 1, int), "same")
    if within.max() < FLAT * view[:width].size:
        return False
    grey = int(within.argmax())
    half = view[: len(view) // 2]
    alike = (half >= max(0, grey - TOLERANCE)) & (half <= min(255, grey + TOLERANCE))
    shares = alike.mean(axis=1)
    beyond = np.flatnonzero(shares[width:] < FLAT) + width
    if not len(beyond):
        return False
    return bool(shares[beyond[0] : beyond[0] + width + 1].min() < GONE)
