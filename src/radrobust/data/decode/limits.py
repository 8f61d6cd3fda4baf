"""How large a film may be: what keeps one hostile file from filling the memory."""

from __future__ import annotations

from pathlib import Path

from radrobust.core.errors import InputError

MAX_PIXELS = 80_000_000
"""More than any radiograph has, and fewer than Pillow warns of; 240 MB in colour."""

MAX_BYTES = 2**30
"""More than any file of so many pixels needs."""


def check_pixels(path: Path, width: int, height: int) -> None:
    """Refuse a film of too many pixels, before they are decoded.

    Raises
    ------
    InputError
        There are more than `MAX_PIXELS`, or none.
    """
    if not 0 < width * height <= MAX_PIXELS:
        raise InputError(
            f"{path} has {width}×{height} pixels; 1 to {MAX_PIXELS / 1e6:g} million can be read"
        )


def check_bytes(path: Path) -> None:
    """Refuse a file that is too large to be one film.

    Raises
    ------
    InputError
        It has more than `MAX_BYTES`.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(
            f"{path} has {size / 2**30:.1f} GiB; {MAX_BYTES / 2**30:g} GiB at most can be read"
        )
