"""Does a map look at the finding? Asked within the film, without the padding around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from radrobust.core.tables.explanations import ASKED, PERCENTS

FloatArray = NDArray[np.floating]
BoolArray = NDArray[np.bool_]


def localise(
    values: FloatArray, mask: BoolArray, boxes: Sequence[Sequence[float]], film: Sequence[int]
) -> dict[str, float]:
    """Hold a map against the finding, once by its outline and once by the boxes around it.

    What counts is an attribution's magnitude, whichever class it speaks for. The padding around the
    film is left out: else a map that is merely zero there would already beat chance.

    Parameters
    ----------
    values : array
        S×S, signed or not, finite.
    mask : array of bool
        S×S, the finding.
    boxes : sequence of sequence of float
        ``[x0, y0, x1, y1]`` around the finding, in pixels of the frame.
    film : sequence of int
        ``[x0, y0, x1, y1]``, where the film lies in the frame.

    Returns
    -------
    dict
        `MEASURES`, all in [0, 1]; without those of a region that marks nothing, so that it is empty
        where no finding is marked. For ``mask`` and for ``box``:

        coverage_P
            As in `coverage`; a map that knows nothing scores P / 100.
        pointing, mass, auprc
            As in `pointing`, `mass` and `average_precision`; such a map scores ``area``.
        area
            The region's share of the film.
    """
    x0, y0, x1, y1 = film
    inside = np.s_[y0:y1, x0:x1]
    drawn = {"mask": mask, "box": in_boxes(boxes, mask.shape)}
    regions = {name: region[inside].ravel() for name, region in drawn.items()}
    if not any(region.any() for region in regions.values()):
        return {}
    importance = np.abs(values[inside]).ravel()
    ranking = Ranking.of(importance)
    found: dict[str, float] = {}
    for name, region in regions.items():
        if region.any():
            hits = ranking.hits(region)
            measured = [
                *(coverage(ranking, hits, percent) for percent in PERCENTS),
                float(pointing(ranking, hits)),
                mass(importance, region),
                average_precision(ranking, hits),
                float(region.mean()),
            ]
            found |= {f"{name}_{key}": value for key, value in zip(ASKED, measured, strict=True)}
    return found


def in_boxes(boxes: Sequence[Sequence[float]], shape: tuple[int, ...]) -> BoolArray:
    """Draw boxes on a frame of `shape` (H, W): a pixel is in a box if its centre is.

    Where a box is too narrow to hold the centre of any, it has the pixels that hold its own: a
    small finding stays where it is instead of vanishing.
    """
    drawn = np.zeros(shape, dtype=np.bool_)
    for x0, y0, x1, y1 in boxes:
        drawn[_within(y0, y1), _within(x0, x1)] = True
    return drawn


def _within(low: float, high: float) -> slice:
    """Pixels whose centre, half a pixel from their edge, lies in [low, high)."""
    first, end = np.ceil(low - 0.5), np.ceil(high - 0.5)
    if end <= first:
        first = np.floor((low + high) / 2)
        end = first + 1
    return slice(max(0, int(first)), max(0, int(end)))


@dataclass(frozen=True)
class Ranking:
    """The pixels of a map, the most important first, sorted once for all that is asked.

    Attributes
    ----------
    order : array
        P indices of pixels.
    ends : array
        How many pixels there are down to the end of each group of equally important ones, the last
        of which is P.
    """

    order: NDArray[np.intp]
    ends: NDArray[np.intp]

    @classmethod
    def of(cls, importance: FloatArray) -> Self:
        """Rank P values, one a pixel of the film; higher is more important."""
        order = np.argsort(-importance)
        ranked = importance[order]
        ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]) + 1, len(ranked))
        return cls(order, ends)

    def hits(self, region: BoolArray) -> NDArray[np.intp]:
        """Count the pixels of a region (P, at least one True) down to the end of each group."""
        counts: NDArray[np.intp] = np.cumsum(region[self.order], dtype=np.intp)[self.ends - 1]
        return counts


def coverage(ranking: Ranking, hits: NDArray[np.intp], percent: int) -> float:
    """Share of the region's pixels among the `percent` % most important pixels of the film.

    The measure of the study that is rebuilt here; a map that knows nothing scores `percent` / 100
    on average. Where pixels tie at the threshold the expected value over all ways to break the tie
    is returned, so a constant map scores exactly chance.

    Parameters
    ----------
    ranking : Ranking
        Of the map.
    hits : array
        `ranking.hits` of the region.
    percent : int
        In [1, 100]; of the pixels, rounded up.

    Returns
    -------
    float
        In [0, 1].
    """
    chosen = -(-int(ranking.ends[-1]) * percent // 100)
    expected = np.interp(chosen, np.append(0, ranking.ends), np.append(0, hits))
    return float(expected / hits[-1])


def pointing(ranking: Ranking, hits: NDArray[np.intp]) -> bool:
    """Tell whether the most important pixel lies in the region.

    The pointing game of Zhang et al. 2018, arXiv:1608.00507, without its tolerance of 15 pixels.
    Where several pixels share the maximum, the majority of them must. Parameters as in `coverage`.
    """
    return bool(2 * hits[0] > ranking.ends[0])


def mass(importance: FloatArray, region: BoolArray) -> float:
    """Share of the map's total magnitude inside the region.

    A map of zeros has none to share out; it scores the region's area, as every constant map does.

    Parameters
    ----------
    importance : array
        P values, not negative.
    region : array of bool
        P values.
    """
    total = importance.sum(dtype=np.float64)
    if total == 0:
        return float(region.mean())
    return float(importance[region].sum(dtype=np.float64) / total)


def average_precision(ranking: Ranking, hits: NDArray[np.intp]) -> float:
    """Area under precision and recall, where importance is to tell the region's pixels from others.

    The sum of precision × rise in recall over thresholds, without interpolation; equally important
    pixels pass a threshold together. It is scikit-learn's `average_precision_score`, without
    sorting again. Parameters as in `coverage`.
    """
    rises = np.diff(hits, prepend=0)
    return float((rises * (hits / ranking.ends)).sum() / hits[-1])
