"""Pictures in HTML: radiographs enlarged, maps coloured, outlines drawn, all of it small."""

from __future__ import annotations

import io
from dataclasses import dataclass
from html import escape

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from radrobust.report.kit import html

DISPLAYED = 224
OUTLINE, OUTLINE_EDGE = (212, 255, 0), (20, 20, 20)

# Signed maps diverge from white at zero; the others rise from black.
SIGNED_COLOURS, UNSIGNED_COLOURS = "RdBu_r", "inferno"

# A few extreme pixels would leave the rest of every map pale.
CLIPPED_ABOVE = 99.5

Picture = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class Scale:
    """The colours of maps that are to be compared.

    Attributes
    ----------
    limit : float
        Where the colours end.
    signed : bool
        From -limit to limit, else from 0 to limit.
    """

    limit: float
    signed: bool

    @classmethod
    def of(cls, maps: FloatArray) -> Scale:
        """Fit a scale to all maps that are to be compared."""
        values = np.asarray(maps, np.float32)
        limit = float(np.percentile(np.abs(values), CLIPPED_ABOVE))
        return cls(limit or 1.0, bool((values < 0).any()))

    def colour(self, values: FloatArray) -> Picture:
        """Return H×W×3 colours of H×W values."""
        share = np.asarray(values, np.float32) / self.limit
        name = SIGNED_COLOURS if self.signed else UNSIGNED_COLOURS
        position = 0.5 + share / 2 if self.signed else share
        return as_bytes(255 * mpl.colormaps[name](np.clip(position, 0, 1))[..., :3])


def strip(scale: Scale, alt: str, ends: tuple[str, str]) -> str:
    """Return the scale's colours with a word at either end."""
    ramp = np.linspace(-scale.limit if scale.signed else 0, scale.limit, 128)
    colours = img(scale.colour(np.tile(ramp, (8, 1))), alt, size=None)
    return f"{colours}<small><span>{escape(ends[0])}</span><span>{escape(ends[1])}</span></small>"


def column(title: str, small: str, pictures: str) -> str:
    """Return pictures below each other under a title and small print, both plain text."""
    return (
        f'<div><p class="map-title">{escape(title)}<br><small>{escape(small) or "&nbsp;"}</small>'
        f"</p>{pictures}</div>"
    )


def enlarge(picture: Picture) -> Picture:
    """Repeat pixels by a whole factor to about `DISPLAYED`, so that none looks larger."""
    factor = max(1, round(DISPLAYED / picture.shape[0]))
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def enlarge_image(image: Picture) -> Picture:
    """Enlarge a radiograph, H×W or H×W×3, as `enlarge` does but smoothly, to H×W×3."""
    side = image.shape[0] * max(1, round(DISPLAYED / image.shape[0]))
    shown = Image.fromarray(np.asarray(image)).convert("RGB")
    return np.asarray(shown.resize((side, side), Image.Resampling.BICUBIC))


def outline(picture: Picture, mask: BoolArray) -> Picture:
    """Draw a mask's outline in a light line within a dark one, seen on every colour."""
    if not mask.any():
        return picture
    large = enlarge(mask.astype(np.uint8)) > 0
    inner = _grown(large) & ~large
    outer = _grown(large | inner) & ~large & ~inner
    result = picture.copy()
    result[inner] = OUTLINE
    result[outer] = OUTLINE_EDGE
    return result


def _grown(mask: BoolArray) -> BoolArray:
    """Grow a mask by two pixels in each of the four directions."""
    grown = mask
    for _ in range(2):
        padded = np.pad(grown, 1)
        grown = (
            padded[1:-1, 1:-1] | padded[:-2, 1:-1] | padded[2:, 1:-1]
            | padded[1:-1, :-2] | padded[1:-1, 2:]
        )  # fmt: skip
    return grown


def as_bytes(values: FloatArray) -> Picture:
    """Round values from 0 to 255."""
    rounded: Picture = np.rint(values).astype(np.uint8)
    return rounded


def as_picture(image: NDArray[np.float32]) -> Picture:
    """Return C×S×S in [0, 1] as S×S or, with three channels, S×S×3 uint8."""
    pixels = as_bytes(255 * image.clip(0, 1)).transpose(1, 2, 0)
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


def img(picture: Picture, alt: str, size: int | None = DISPLAYED, blocky: bool = False) -> str:
    """Write a picture into an `<img>`; one whose pixels are repeated is often smaller lossless."""
    shown = Image.fromarray(picture)
    if size is not None and shown.width > 2 * size:
        shown = shown.resize((size, size), Image.Resampling.LANCZOS)
    data = webp(shown, quality=70, method=4)
    if blocky:
        data = min(data, webp(shown, lossless=True, method=2), key=len)
    return html.image(data, "image/webp", alt, size)


def webp(picture: Image.Image, **how: int) -> bytes:
    """Return a picture as a WebP file; `how` as Pillow has it."""
    file = io.BytesIO()
    picture.save(file, "WEBP", **how)
    return file.getvalue()
