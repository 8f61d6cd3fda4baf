"""Films that show nearly the same: a copy saved anew, resized, brightened, cut or mirrored.

A perceptual hash proposes pairs of films, which the correlation of their thumbnails confirms.

References
----------
Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010: a hash of the
lowest frequencies. Lucas and Kanade, An Iterative Image Registration Technique with an Application
to Stereo Vision, 1981: a picture is moved onto another by regressing that on its own slopes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.ndimage import uniform_filter

LEAST, LEAST_OF_HALF = 0.98, 0.99
"""Correlation from which on two thumbnails, one laid over the other, may be of one picture."""

LEAST_DETAIL = 0.9
"""The same of what is left when each pixel is compared with those around it.

Films of one region agree in the large: two feet, laid over each other, have correlations up to
0.991. They do not agree in the small; see `near_duplicates`.
"""

MOST_BITS = 14
"""Bits of 64 in which the hashes of a picture and its copy may differ."""

LEAST_COSINE, LEAST_IN_PLANE = 0.85, 0.99
"""Of the lowest frequencies of both, as they are, and once one has been moved onto the other."""

BITS = 64
STEPS = 3
"""In which a thumbnail is moved onto another."""

MOST_SHIFT, MOST_STRETCH = 1.5, 0.03
"""How far it may be moved, in pixels of the thumbnail, and each edge, as a share of the side."""

MARGIN = 2
"""Pixels along the edges that are not compared: of one picture they may have been cut off."""

AROUND = 5
"""Side of the square that a pixel is compared with for the detail."""

_FREQUENCIES = 12
_HASHES_AT_ONCE = 2**21
_FILMS_AT_ONCE = _PAIRS_AT_ONCE = 512

FloatArray = NDArray[np.float32]
Places = NDArray[np.intp]


def near_duplicates(
    thumbnails: NDArray[np.uint8], truncated: NDArray[np.bool_] | None = None
) -> pd.DataFrame:
    """Find films that show the same picture, or nearly.

    Parameters
    ----------
    thumbnails : array
        N×48×48: each film stretched to fill the square.
    truncated : array, optional
        N, whether a film's file ends early. Such a film is compared with all others by the upper
        half of both as well: what is below may be missing.

    Returns
    -------
    DataFrame
        A row a pair, by rising `one` and `other`, row numbers of which the first is the lower;
        `correlation` of the thumbnails, one laid over the other; `mirrored`, whether the other was
        mirrored from left to right for that.

    Notes
    -----
    Pairs whose hashes, of the signs of 64 frequencies, differ in few bits are looked at. One
    thumbnail is shifted and stretched by up to two pixels to lie on the other, so that a copy of
    which up to two per cent were cut off along its edges is found. A blank film has no correlation
    with any.

    The limits were set on FracAtlas and on phantoms, 400 films of each. Copies saved as JPEG of
    quality 30, halved, doubled, or brightened by a fifth are all found; of those cut by one per
    cent one in fifty is missed, cut by two per cent at two edges only one in ten, and so darkened
    that soft tissue is lost one in ten. Of 719,400 pairs of different phantoms none is taken for
    one picture, of the 57 pairs of pictures found in FracAtlas one is two exposures of one limb.
    """
    every = np.ones(len(thumbnails), np.bool_)
    found = [pairs.table() for pairs in _alike(thumbnails, every, LEAST)]
    if truncated is not None and truncated.any():
        upper = thumbnails[:, : thumbnails.shape[1] // 2]
        found += [pairs.table() for pairs in _alike(upper, truncated, LEAST_OF_HALF)]
    table = pd.concat(found, ignore_index=True).sort_values(
        ["one", "other", "correlation"], ascending=[True, True, False], kind="stable"
    )
    return table.drop_duplicates(["one", "other"], ignore_index=True)


class _Pairs(NamedTuple):
    """P pairs of films by row number, and what `near_duplicates` says of them."""

    one: Places
    other: Places
    correlation: FloatArray
    mirrored: bool

    def table(self) -> pd.DataFrame:
        return pd.DataFrame(self._asdict()).astype({"mirrored": bool})


def _alike(
    pictures: NDArray[np.uint8], chosen: NDArray[np.bool_], least: float
) -> Iterator[_Pairs]:
    """Yield the pairs of which at least one film is `chosen`, as they are and mirrored."""
    waves = _Waves.of(pictures)
    for mirrored in (False, True):
        one, other = _proposed(waves, chosen, mirrored)
        correlation = np.empty(len(one), np.float32)
        detail = np.empty(len(one), np.float32)
        for start in range(0, len(one), _PAIRS_AT_ONCE):
            some = slice(start, start + _PAIRS_AT_ONCE)
            still, moved = (pictures[rows[some]].astype(np.float32) for rows in (one, other))
            moved = _moved_onto(moved[..., ::-1] if mirrored else moved, still)
            correlation[some] = _correlation(moved, still)
            detail[some] = _correlation(*(_detail(picture) for picture in (moved, still)))
        kept = (correlation >= least) & (detail >= LEAST_DETAIL)
        yield _Pairs(one[kept], other[kept], correlation[kept], mirrored)


# --- Which pairs to look at -------------------------------------------------------------------


@dataclass(frozen=True)
class _Waves:
    """The lowest frequencies of N films.

    Attributes
    ----------
    heights : array
        N×64 float32, as a vector of length 1; all 0 where a film is blank.
    planes : array
        N×5×64: an orthonormal basis of what a film becomes by small shifts and stretches.
    hashes : array
        N uint64: the signs.
    odd : array
        64 bool: which frequencies a mirror turns round.
    """

    heights: FloatArray
    planes: FloatArray
    hashes: NDArray[np.uint64]
    odd: NDArray[np.bool_]

    @classmethod
    def of(cls, pictures: NDArray[np.uint8]) -> _Waves:
        """Transform N×H×W pictures."""
        rows, columns = _lowest()
        down, along = (
            dct(np.eye(side, dtype=np.float32), norm="ortho", axis=0)[:_FREQUENCIES]
            for side in pictures.shape[1:]
        )
        heights = np.zeros((len(pictures), BITS), np.float32)
        planes = np.zeros((len(pictures), 5, BITS), np.float32)
        for start in range(0, len(pictures), _FILMS_AT_ONCE):
            some = slice(start, start + _FILMS_AT_ONCE)
            views = _with_slopes(pictures[some].astype(np.float32))
            lowest = (down @ views @ along.T)[..., rows, columns]
            heights[some] = lowest[:, 0]
            planes[some] = np.linalg.qr(lowest.transpose(0, 2, 1))[0].transpose(0, 2, 1)
        heights *= np.ptp(pictures, axis=(1, 2))[:, None] > 0  # what blank films have is rounding
        length = np.linalg.norm(heights, axis=1, keepdims=True)
        hashes = np.packbits(heights > 0, axis=-1).view(np.uint64).ravel()
        length[length == 0] = 1
        return cls(heights / length, planes, hashes, columns % 2 == 1)

    def mirror(self) -> NDArray[np.uint64]:
        """Return the bits of a hash that a mirror turns round."""
        return np.packbits(self.odd).view(np.uint64)

    def alike(self, one: Places, other: Places, mirrored: bool) -> NDArray[np.bool_]:
        """Return of which of P pairs the thumbnails are worth a look."""
        signs = np.where(self.odd & mirrored, -1, 1).astype(np.float32)
        first, second = self.heights[one] * signs, self.heights[other]
        alike: NDArray[np.bool_] = np.einsum("ij,ij->i", first, second) >= LEAST_COSINE
        first, second, one, other = first[alike], second[alike], one[alike], other[alike]
        # Of a picture and a part of it, the part lies in the other's plane but not the reverse.
        onto_other = np.einsum("ikj,ij->ik", self.planes[other], first)
        onto_one = np.einsum("ikj,ij->ik", self.planes[one], second * signs)
        length = [np.linalg.norm(shadow, axis=1) for shadow in (onto_other, onto_one)]
        alike[alike] = np.maximum(*length) >= LEAST_IN_PLANE
        return alike


def _lowest() -> tuple[Places, Places]:
    """Return row and column of the 64 lowest frequencies but the mean, lowest first."""
    rows, columns = np.divmod(np.arange(_FREQUENCIES**2), _FREQUENCIES)
    order = np.lexsort((columns, rows, rows + columns))[1 : BITS + 1]
    return rows[order], columns[order]


def _proposed(waves: _Waves, chosen: NDArray[np.bool_], mirrored: bool) -> tuple[Places, Places]:
    """Pair films with like hashes and frequencies; of each pair the lower row number first."""
    hashes = waves.hashes
    turned = hashes ^ waves.mirror() if mirrored else hashes
    seen = np.asarray(waves.heights.any(axis=1))
    rows = np.flatnonzero(chosen & seen)
    block = max(1, _HASHES_AT_ONCE // max(1, len(hashes)))
    pairs = [np.empty((2, 0), np.intp)]
    for start in range(0, len(rows), block):
        some = rows[start : start + block]
        # A pair of chosen films is taken when it is the later one's turn.
        end = some[-1] if chosen.all() else len(hashes)
        differing = np.asarray(np.bitwise_count(hashes[some, None] ^ turned[:end]))
        place, other = np.nonzero(differing <= MOST_BITS)
        one = some[place]
        new: NDArray[np.bool_] = seen[other] & ((other < one) | ~chosen[other])
        one, other = one[new], other[new]
        near = waves.alike(one, other, mirrored)
        pairs.append(np.sort(np.stack([one[near], other[near]]), axis=0))
    first, second = np.concatenate(pairs, axis=1)
    return first, second


# --- Whether they show the same ---------------------------------------------------------------


def _moved_onto(moved: FloatArray, still: FloatArray) -> FloatArray:
    """Shift and stretch P×H×W pictures to correlate with others as well as they can."""
    height, width = still.shape[1:]
    limit = np.array(
        [MOST_SHIFT, MOST_STRETCH * width, MOST_SHIFT, MOST_STRETCH * height], np.float32
    )
    moves = np.zeros((len(still), 4), np.float32)
    target = _unit(still)
    best, highest = moved.copy(), _correlation(moved, still)
    laid = moved
    for _ in range(STEPS):
        design = _centred(_with_slopes(laid))
        square = design @ design.transpose(0, 2, 1)
        square += 1e-3 * (1 + square[:, :1, :1]) * np.eye(5, dtype=np.float32)
        weights = np.linalg.solve(square, design @ target[..., None])[..., 0]
        gain = weights[:, :1]
        gain[np.abs(gain) < 1e-9] = 1
        moves = np.clip(moves + weights[:, 1:] / gain, -limit, limit)
        laid = _move(moved, moves)
        correlation = _correlation(laid, still)
        better = correlation > highest
        best[better], highest[better] = laid[better], correlation[better]
    return best


def _with_slopes(pictures: FloatArray) -> FloatArray:
    """Return P×5×H×W: pictures, and how they change as they shift and stretch on each axis."""
    down, along = (np.linspace(-1, 1, side, dtype=np.float32) for side in pictures.shape[1:])
    by_row, by_column = np.gradient(pictures, axis=(1, 2))
    views = [pictures, by_column, by_column * along, by_row, by_row * down[:, None]]
    return np.stack(views, axis=1)


def _move(pictures: FloatArray, moves: FloatArray) -> FloatArray:
    """Shift and stretch P×H×W pictures by P×4 pixels, linearly between pixels."""
    height, width = pictures.shape[1:]
    along, down = _mixing(width, moves[:, :2]), _mixing(height, moves[:, 2:])
    return np.asarray(down @ pictures @ along.transpose(0, 2, 1), np.float32)


def _mixing(side: int, moves: FloatArray) -> FloatArray:
    """Return P×side×side: how much of each old pixel is in each new one."""
    pixels = np.arange(side, dtype=np.float32)
    places = pixels + moves[:, :1] + moves[:, 1:] * np.linspace(-1, 1, side, dtype=np.float32)
    mixing: FloatArray = 1 - np.abs(places.clip(0, side - 1)[..., None] - pixels)
    return mixing.clip(0)


def _detail(pictures: FloatArray) -> FloatArray:
    """Return P×H×W pictures less the mean of what is around each pixel."""
    blurred: FloatArray = uniform_filter(pictures, (1, AROUND, AROUND))
    return pictures - blurred


def _correlation(first: FloatArray, second: FloatArray) -> FloatArray:
    """Correlate P×H×W pictures without their margins; 0 where one does not vary."""
    correlation: FloatArray = np.einsum("ij,ij->i", _unit(first), _unit(second))
    return correlation


def _unit(pictures: FloatArray) -> FloatArray:
    """Flatten and centre P×H×W pictures and scale them to length 1; 0 where one does not vary."""
    flat = _centred(pictures)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    flat *= length > 1e-3
    length[length == 0] = 1
    unit: FloatArray = flat / length
    return unit


def _centred(pictures: FloatArray) -> FloatArray:
    """Flatten …×H×W pictures without their margins and take off the mean of each."""
    inner = pictures[..., MARGIN:-MARGIN, MARGIN:-MARGIN]
    flat = inner.reshape(*inner.shape[:-2], -1)
    centred: FloatArray = flat - flat.mean(axis=-1, keepdims=True)
    return centred
