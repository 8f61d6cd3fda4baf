"""What an image file holds, however it was packed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from radrobust.data.datasets.registry import Box, Radiograph

if TYPE_CHECKING:
    from radrobust.data.datasets.listing import FilmFile


@dataclass(frozen=True)
class Picture:
    """What a file holds.

    Attributes
    ----------
    image : ndarray of uint8, H×W
        Grey values, 0 to 255, turned as the file's EXIF orientation says.
    mode : str
        Pillow's name of the pixel format in the file; of DICOM its photometric interpretation and
        depth, such as ``MONOCHROME2 12 bit``.
    truncated : bool
        The file is damaged or ends early.
    faults : tuple of str
        What had to be put right, in words.
    """

    image: NDArray[np.uint8]
    mode: str
    truncated: bool
    faults: tuple[str, ...]

    def of(
        self,
        film: FilmFile,
        mask: NDArray[np.bool_] | None = None,
        boxes: tuple[Box, ...] = (),
        faults: Iterable[str] = (),
    ) -> Radiograph:
        """Return the radiograph of a film whose file this is, with its finding and its faults."""
        return Radiograph(
            image=self.image,
            mask=mask,
            boxes=boxes,
            label=film.label,
            subgroups=film.subgroups,
            mode=self.mode,
            truncated=self.truncated,
            note="; ".join(faults),
            file_bytes=film.path.stat().st_size,
        )
