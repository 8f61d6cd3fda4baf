"""Compressed pixels of DICOM that Pillow cannot decode, as a plugin of pydicom.

GDCM, which pydicom knows, decodes them too, but ends the whole process on some damaged films.
"""

from __future__ import annotations

import imagecodecs
import numpy as np
from pydicom.pixels.decoders.base import DecodeRunner, get_decoder
from pydicom.uid import (
    JPEG2000,
    UID,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

NAME = "imagecodecs"
JPEG = (JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1)
JPEG_LS = (JPEGLSLossless, JPEGLSNearLossless)
PLUGINS = dict.fromkeys((JPEGBaseline8Bit, JPEG2000, JPEG2000Lossless), "pillow") | dict.fromkeys(
    (*JPEG, *JPEG_LS), NAME
)
"""What decodes a transfer syntax; pydicom itself those that are not here."""

DECODER_DEPENDENCIES: dict[UID, tuple[str, ...]] = dict.fromkeys((*JPEG, *JPEG_LS), (NAME,))
"""Asked for by pydicom."""


def is_available(uid: str) -> bool:
    """Tell whether a transfer syntax can be decoded here; asked for by pydicom."""
    return uid in DECODER_DEPENDENCIES


def decode_frame(source: bytes, runner: DecodeRunner) -> bytes:
    """Decode one grey frame; called by pydicom.

    Raises
    ------
    ValueError
        The frame is in colour, or not of the size and depth that the header says.
    """
    if runner.samples_per_pixel != 1:
        raise ValueError("colour")
    kind = np.uint8 if runner.bits_stored <= 8 else np.uint16
    # libjpeg-turbo alone: what imagecodecs.jpeg_decode tries after it crashes on damaged frames.
    # Given where to write, the decoders refuse a frame of another size before they make room.
    frame = np.empty((runner.rows, runner.columns), dtype=kind)
    decode = (
        imagecodecs.jpeg8_decode if runner.transfer_syntax in JPEG else imagecodecs.jpegls_decode
    )
    decoded = decode(source, out=frame)
    if decoded.shape != frame.shape or decoded.dtype != kind:
        raise ValueError("another size or depth")
    runner.set_option("bits_allocated", 8 * kind().itemsize)
    return bytes(np.ascontiguousarray(decoded).tobytes())


def register() -> None:
    """Make pydicom know this plugin."""
    for syntax in (*JPEG, *JPEG_LS):
        decoder = get_decoder(syntax)
        if NAME not in decoder.available_plugins:
            decoder.add_plugin(NAME, (__name__, decode_frame.__name__))
