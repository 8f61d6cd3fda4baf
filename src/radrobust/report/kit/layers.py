"""Pictures in layers, as SVG: an image, a map or an outline is on a page once, and drawn often."""

from __future__ import annotations

import base64
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from radrobust.report.kit.pictures import (
    OUTLINE,
    OUTLINE_EDGE,
    BoolArray,
    FloatArray,
    Picture,
    Scale,
    as_bytes,
    enlarge_image,
    webp,
)

LEVELS = 32
"""Shades on either side of zero; the size of a map's picture grows with them."""

IMAGE = 160
"""Pixels of a radiograph, one of seven pictures beside each other."""

OVER_THE_IMAGE = 0.8
"""How much of the radiograph a map hides where it is strongest."""


def picture(side: int, label: str, *layers: str) -> str:
    """Return an SVG of layers, the last on top; `label` is its text alternative."""
    return (
        f'<svg class="picture" viewBox="0 0 {side} {side}" role="img" '
        f'aria-label="{escape(label)}">{"".join(layers)}</svg>'
    )


def image(name: str, pixels: Picture, side: int) -> str:
    """Return a radiograph, H×W or H×W×3, as a layer called `name`, at most `IMAGE` pixels wide."""
    shown = Image.fromarray(enlarge_image(pixels))
    shown.thumbnail((IMAGE, IMAGE), Image.Resampling.LANCZOS)
    return _image(name, webp(shown, quality=70, method=4), side)


def heat(name: str, values: FloatArray, scale: Scale, side: int) -> str:
    """Return a map as a layer called `name`, the clearer the weaker it is."""
    data = webp(Image.fromarray(transparent(values, scale)), lossless=True, method=4)
    return _image(name, data, side, style="pixels")


def paper(scale: Scale) -> str:
    """Return the ground of a map alone: its colour where it is zero."""
    colour = "#fff" if scale.signed else "#000"
    return f'<rect width="100%" height="100%" fill="{colour}"/>'


def again(name: str, opacity: float = 1.0) -> str:
    """Return the layer called `name` once more."""
    faint = f' opacity="{opacity:g}"' if opacity < 1 else ""
    return f'<use href="#{name}"{faint}/>'


def outline(name: str, mask: BoolArray) -> str:
    """Return a mask's outline as a layer called `name`, light within dark, seen on any colour."""
    if not mask.any():
        return f'<g id="{name}"></g>'
    path = edges(mask)
    lines = "".join(
        f'<path d="{path}" stroke="rgb{colour}" stroke-width="{width}" '
        f'vector-effect="non-scaling-stroke"/>'
        for colour, width in ((OUTLINE_EDGE, 3), (OUTLINE, 1.5))
    )
    return f'<g id="{name}" fill="none">{lines}</g>'


def shrunk(values: FloatArray, most: int) -> FloatArray:
    """Average a map over square blocks, so that it is at most `most` pixels wide."""
    side = values.shape[0]
    block = next(size for size in range(1, side + 1) if side % size == 0 and side // size <= most)
    averaged: FloatArray = values.reshape(side // block, block, side // block, block).mean((1, 3))
    return averaged


def edges(mask: BoolArray) -> str:
    """Return the SVG path along every edge of a mask.

    Examples
    --------
    >>> edges(np.array([[False, False, False], [False, True, True]]))
    'M1 1h2M1 2h2M1 1v1M3 1v1'
    """
    framed = np.pad(mask, 1)
    across = framed[1:, 1:-1] != framed[:-1, 1:-1]
    down = framed[1:-1, 1:] != framed[1:-1, :-1]
    level = [f"M{first} {row}h{last - first}" for row, first, last in _runs(across)]
    upright = [f"M{column} {first}v{last - first}" for column, first, last in _runs(down.T)]
    return "".join(level + upright)


def transparent(values: FloatArray, scale: Scale) -> Picture:
    """Colour a map so that, where it is weak, the layer below is seen through it.

    Parameters
    ----------
    values : array
        H×W.
    scale : Scale
        Its colours.

    Returns
    -------
    array
        H×W×4 uint8. Laid on the colour of zero, white for signed maps and black for others, it has
        the colours of the scale.
    """
    colours = scale.colour(_rounded(values, scale)).astype(np.float64) / 255
    zero = 1.0 if scale.signed else 0.0
    alpha = np.abs(colours - zero).max(axis=-1, keepdims=True)
    pure = zero + (colours - zero) / np.where(alpha > 0, alpha, 1)
    return as_bytes(255 * np.concatenate([pure, alpha], axis=-1))


def _rounded(values: FloatArray, scale: Scale) -> NDArray[np.float32]:
    share = np.clip(np.asarray(values, np.float32) / scale.limit, -1, 1)
    rounded: NDArray[np.float32] = np.rint(share * LEVELS) / LEVELS * scale.limit
    return rounded


def _runs(edge: BoolArray) -> list[tuple[int, int, int]]:
    """Return line, start and end of every stretch of trues."""
    steps = np.diff(np.pad(edge.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    starts, ends = np.argwhere(steps == 1), np.argwhere(steps == -1)
    return [
        (int(row), int(first), int(last))
        for (row, first), (_, last) in zip(starts, ends, strict=True)
    ]


def _image(name: str, data: bytes, side: int, style: str = "") -> str:
    source = f"data:image/webp;base64,{base64.b64encode(data).decode('ascii')}"
    kind = f' class="{style}"' if style else ""
    return f'<image id="{name}" href="{source}" width="{side}" height="{side}"{kind}/>'
