"""From one film to what a study keeps of it: a row, and its picture and mask in a square frame."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from radrobust.core.errors import InputError
from radrobust.data import samples
from radrobust.data.datasets.registry import Film
from radrobust.data.decode.borders import burnt_in
from radrobust.data.decode.framing import Frame, area_mean


@dataclass(frozen=True)
class Row:
    """What `films.parquet` says of one film.

    Attributes
    ----------
    sample_id : str
        Name of the film: its path, or its class and a number where that would tell who it is.
    label : int
        1 for the finding, 0 for its absence.
    patient : str
        Running number of whose film it is, which says nothing of the person; empty if not known.
    official : str
        Where the dataset's authors put the film: train, val or test; empty if nowhere.
    mode, truncated, file_bytes, note, subgroups
        As in `Radiograph`.
    picture : str
        SHA-256 of the decoded picture: equal for films that show the same pixels, whatever their
        files differ in.
    width, height : int
        Of the film as read, in pixels.
    mean_grey : float
        Of the film as read, 0 to 255.
    border : float
        Share of the film's rim that is one flat grey, 0 to 1 (see `borders.burnt_in`).
    extent : list of int
        ``[x0, y0, x1, y1]``, where the film lies in the square frame; around it is padding.
    regions : int
        How many findings are marked.
    boxes : list of list of float
        ``[x0, y0, x1, y1]`` in pixels of the square frame.
    mask_area : float
        Share of the square frame that the mask covers, 0 to 1.
    """

    sample_id: str
    label: int
    picture: str
    patient: str
    official: str
    width: int
    height: int
    mode: str
    truncated: bool
    file_bytes: int
    mean_grey: float
    border: float
    extent: list[int]
    regions: int
    boxes: list[list[float]]
    mask_area: float
    note: str
    subgroups: dict[str, str]


class Unreadable(NamedTuple):
    """A film that could not be read, and why."""

    sample_id: str
    label: int
    fault: str


class Fitted(NamedTuple):
    """A film in its square frame.

    Attributes
    ----------
    row : Row
        What is said of it.
    image : ndarray of uint8, S×S
        Grey values, 0 to 255.
    mask : ndarray of bool, S×S, or None
        True on the finding; None where nothing is marked.
    thumbnail : ndarray of uint8, 48×48
        The film stretched over the whole square.
    """

    row: Row
    image: NDArray[np.uint8]
    mask: NDArray[np.bool_] | None
    thumbnail: NDArray[np.uint8]


def fit(film: Film, size: int) -> Fitted | Unreadable:
    """Decode a film and fit it into a square of `size` pixels a side."""
    try:
        radiograph = film.read()
    except InputError as error:
        # Its name stands beside it; the path may tell who it is.
        fault = str(error).replace(str(film.path), "the file")
        return Unreadable(film.sample_id, film.label, fault)
    height, width = radiograph.image.shape
    frame = Frame(width, height, size)
    mask = None
    if radiograph.mask is not None and radiograph.mask.any():
        mask = frame.fit_mask(radiograph.mask)
    small = area_mean(radiograph.image, (samples.THUMBNAIL, samples.THUMBNAIL), "float32")
    row = Row(
        sample_id=film.sample_id,
        label=radiograph.label,
        picture=_fingerprint(radiograph.image),
        patient=film.patient,
        official=film.official,
        width=width,
        height=height,
        mode=radiograph.mode,
        truncated=radiograph.truncated,
        file_bytes=radiograph.file_bytes,
        mean_grey=float(small.mean()),
        border=burnt_in(radiograph.image),
        extent=frame.area,
        regions=len(radiograph.boxes),
        boxes=frame.fit_boxes(radiograph.boxes),
        mask_area=0.0 if mask is None else float(mask.mean()),
        note=radiograph.note,
        subgroups=radiograph.subgroups,
    )
    return Fitted(row, frame.fit_image(radiograph.image), mask, np.rint(small).astype(np.uint8))


def _fingerprint(image: NDArray[np.uint8]) -> str:
    digest = hashlib.sha256(repr(image.shape).encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()
