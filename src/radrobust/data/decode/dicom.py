"""Radiographs in DICOM files: grey values as a viewer shows them, and nothing of the person.

What a header says of a person gets into no message, no note and no table: errors are told in
words of this module, never in pydicom's, which quote what they stumble over.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, config, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from radrobust.core.errors import InputError
from radrobust.data.decode import dicom_packings
from radrobust.data.decode.limits import check_bytes, check_pixels
from radrobust.data.decode.picture import Picture
from radrobust.data.identity import Person, is_nobody

dicom_packings.register()

GREY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR")
NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
"""Transfer syntaxes of pixels that are not compressed."""

LUMA = (0.299, 0.587, 0.114)
"""Of red, green and blue: ITU-R 601-2, as Pillow weighs them."""

_PERSON = ("PatientID", "PatientName", "PatientBirthDate")


def person_of(path: Path) -> Person:
    """Return what the header of a DICOM file says of whom it shows, without reading its pixels.

    Nothing where the file cannot be read.
    """
    try:
        with _hushed():
            header = _read(path, stop_before_pixels=True, specific_tags=list(_PERSON))
            identifier, name, born = (str(header.get(tag) or "").strip() for tag in _PERSON)
    except Exception:  # reading the film itself will tell
        return Person()
    return Person(() if is_nobody(identifier) else (identifier,), name, born)


def decode_dicom(path: Path) -> Picture:
    """Read the film of a DICOM file as a viewer would show it first.

    Stored values go through the modality LUT or rescale, then through the first VOI LUT or
    window, to 0..255; without either, from the film's darkest to its brightest value. Pixels that
    the header calls padding are black. MONOCHROME1 is inverted; colour becomes luma.

    Raises
    ------
    InputError
        The file is too large, damaged or no film; it holds several frames, or pixels in a form
        that cannot be decoded.
    """
    with _hushed():
        try:
            check_bytes(path)
            header = _read(path)
            photometric = _check(header, path)
            truncated = _fill(header)
            burnt_in = str(header.get("BurnedInAnnotation") or "").strip().upper() == "YES"
        except InputError:
            raise
        except Exception:  # pydicom lets pass whatever a broken file makes happen
            raise InputError(f"{path} cannot be read as DICOM: its header is damaged") from None
        plugin = dicom_packings.PLUGINS.get(UID(str(header.file_meta.TransferSyntaxUID)), "")
        try:
            stored = np.asarray(pixel_array(header, decoding_plugin=plugin))
        except Exception:
            raise InputError(
                f"{path} cannot be read as DICOM: its pixels ({_packing(header)}) cannot be decoded"
            ) from None
        try:
            shown = _colour(stored, header) if photometric in COLOUR else _grey(stored, header)
        except Exception:
            raise InputError(
                f"{path} cannot be read as DICOM: its window or look-up tables are damaged"
            ) from None
    faults = ("truncated file, read as far as it goes",) * truncated
    faults += ("text is burnt into the image, as BurnedInAnnotation says",) * burnt_in
    mode = f"{photometric} {int(header.BitsStored)} bit"
    return Picture(shown, mode, truncated, faults)


def _read(path: Path, **options: Any) -> Dataset:
    try:
        syntax = read_file_meta_info(path).get("TransferSyntaxUID")
    except InvalidDicomError:
        raise InputError(f"{path} is no DICOM file: it lacks the mark DICM at byte 128") from None
    # It would unpack to any size before the first check.
    if syntax == DeflatedExplicitVRLittleEndian:
        raise InputError(f"{path} is a deflated DICOM file; save it uncompressed or as JPEG 2000")
    return dcmread(path, **options)


def _check(header: Dataset, path: Path) -> str:
    """Refuse what is no single film of integers; return the photometric interpretation."""
    if "PixelData" not in header or not header.get("Rows") or not header.get("Columns"):
        raise InputError(f"{path} is a DICOM file without pixels of 8 or 16 bits; it is no film")
    frames = int(header.get("NumberOfFrames") or 1)
    if frames > 1:
        raise InputError(f"{path} holds {frames} frames; save the one that is the film")
    photometric = str(header.PhotometricInterpretation)
    if photometric not in GREY + COLOUR:
        known = ", ".join(GREY + COLOUR)
        raise InputError(f"{path} has an unknown photometric interpretation; known are {known}")
    if int(header.BitsAllocated) not in (1, 8, 16):
        raise InputError(f"{path} holds {int(header.BitsAllocated)} bits a value; save 8 or 16")
    if not 1 <= int(header.BitsStored) <= int(header.BitsAllocated):
        raise InputError(f"{path} is said to store more bits than there are; save it anew")
    check_pixels(path, int(header.Columns), int(header.Rows))
    return photometric


def _fill(header: Dataset) -> bool:
    """Make up for uncompressed pixels that end early; tell whether there were any."""
    if header.file_meta.TransferSyntaxUID not in NATIVE:
        return False
    values = int(header.Rows) * int(header.Columns) * int(header.get("SamplesPerPixel") or 1)
    if header.PhotometricInterpretation == "YBR_FULL_422":
        values = values // 3 * 2
    missing = (values * int(header.BitsAllocated) + 7) // 8 - len(header.PixelData)
    if missing > 0:
        header.PixelData = header.PixelData + bytes(missing)
    return missing > 0


def _packing(header: Dataset) -> str:
    syntax = UID(str(header.file_meta.TransferSyntaxUID))
    return syntax.name if syntax.name != str(syntax) else "a transfer syntax that is not known"


# --- From stored values to what is shown --------------------------------------------------------


def _grey(stored: NDArray[np.generic], header: Dataset) -> NDArray[np.uint8]:
    # Few values and many pixels: what becomes of each value is worked out once.
    least, most = int(stored.min()), int(stored.max())
    values = np.arange(least, most + 1)
    padding = _padding(values, header)
    index = stored.astype(np.int32) - least
    present = np.bincount(index.ravel(), minlength=len(values)) > 0
    shown = _shown(values, header, present & ~padding)
    if header.PhotometricInterpretation == "MONOCHROME1":
        shown = 1 - shown
    shown[padding] = 0
    table = np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8)
    grey: NDArray[np.uint8] = table[index]
    return grey


def _padding(values: NDArray[np.int_], header: Dataset) -> NDArray[np.bool_]:
    """Which stored values mean that there is nothing."""
    value = header.get("PixelPaddingValue")
    if value is None:
        return np.zeros(len(values), dtype=np.bool_)
    limit = header.get("PixelPaddingRangeLimit")
    low, high = sorted((int(value), int(value if limit is None else limit)))
    return (low <= values) & (values <= high)


def _shown(
    values: NDArray[np.int_], header: Dataset, used: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Brightness of each value: 0 to 1, and beyond outside the window; not finite is refused."""
    kind = np.int16 if header.get("PixelRepresentation") else np.uint16
    physical = np.asarray(apply_modality_lut(values.astype(kind), header), dtype=np.float64)
    if header.get("VOILUTSequence"):
        depth = int(header.VOILUTSequence[0].LUTDescriptor[2])
        shown = apply_voi(physical.astype(np.int64), header) / (2.0**depth - 1)
    elif header.get("WindowCenter") is not None and header.get("WindowWidth") is not None:
        shown = _window(header)(physical)
    else:
        within = physical[used] if used.any() else physical
        shown = (physical - within.min()) / max(float(np.ptp(within)), 1e-9)
    if not np.isfinite(shown).all():
        raise ValueError("not finite")
    return np.asarray(shown, dtype=np.float64)


def _window(header: Dataset) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return the first window, as PS3.3 C.11.2.1 has it."""
    centre, width = (_first(header[name].value) for name in ("WindowCenter", "WindowWidth"))
    function = str(header.get("VOILUTFunction") or "LINEAR")
    if function == "SIGMOID" and width > 0:
        return lambda values: 1 / (1 + np.exp(-4 * (values - centre) / width))
    if function == "LINEAR_EXACT" and width > 0:
        return lambda values: (values - centre) / width + 0.5
    if function == "LINEAR" and width > 1:
        return lambda values: (values - (centre - 0.5)) / (width - 1) + 0.5
    if function == "LINEAR" and width == 1:
        return lambda values: (values > centre - 0.5).astype(np.float64)
    raise ValueError("no window")


def _first(value: object) -> float:
    return float(value[0] if hasattr(value, "__getitem__") else value)  # type: ignore[arg-type]


def _colour(stored: NDArray[np.generic], header: Dataset) -> NDArray[np.uint8]:
    depth = int(header.BitsStored)
    if header.PhotometricInterpretation == "PALETTE COLOR":
        depth = int(header.RedPaletteColorLookupTableDescriptor[2])
        stored = apply_color_lut(stored, header)
    shown = stored[..., :3].astype(np.float32) @ np.array(LUMA, dtype=np.float32)
    grey = np.rint(np.clip(shown * (255 / (2.0**depth - 1)), 0, 255))
    return np.asarray(grey, dtype=np.uint8)


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep pydicom and its plugins from printing what headers say."""
    logger = logging.getLogger("pydicom")
    before = logger.disabled
    reading = config.settings.reading_validation_mode
    logger.disabled = True
    config.settings.reading_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = before
        config.settings.reading_validation_mode = reading
