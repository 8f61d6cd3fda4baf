"""From a file, an image or DICOM, to grey values."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from radrobust.core.errors import InputError
from radrobust.data.decode.dicom import decode_dicom
from radrobust.data.decode.limits import check_bytes, check_pixels
from radrobust.data.decode.picture import Picture

FORMATS = ("JPEG", "PNG", "TIFF", "GIF", "BMP", "WEBP")
"""What Pillow may take a file for. Some of its other formats start programs to be read."""

DICOM_SUFFIXES = (".dcm", ".dicom")
_MARK = 128, b"DICM"
"""Where a DICOM file says that it is one, and how."""

_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(path: Path) -> Picture:
    """Read an image or DICOM file as grey values; a truncated one as far as it goes.

    Colours become luma (ITU-R 601-2); of a JPEG file in colour, luma is what is stored, and the
    colours are not decoded. 16-bit values are divided by 257. What is transparent is read as if
    it were not. Of DICOM, see `radrobust.data.decode.dicom`.

    Raises
    ------
    InputError
        The file cannot be opened, is no image, is too large, or holds real numbers or more than
        16 bits, of which it is not known what is white.
    """
    if is_dicom(path):
        return decode_dicom(path)
    return _decode_image(path)


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Read an image file as a mask, H×W, turned as its EXIF orientation says.

    True where any channel but alpha is not zero; what is fully transparent is False.

    Raises
    ------
    InputError
        As `decode`; a mask that is damaged or ends early is refused as well.
    """
    opened = _open_image(path)
    if opened.truncated:
        raise InputError(f"{path} is truncated; a mask has to be whole")
    picture = opened.picture
    if picture.mode in ("P", "PA") or picture.mode.endswith(("A", "a")):
        picture = picture.convert("RGBA")
        values = np.asarray(picture)
        return np.asarray(values[..., :3].any(axis=2) & (values[..., 3] > 0))
    values = np.asarray(picture)
    return np.asarray(values.any(axis=2) if values.ndim == 3 else values != 0)


def is_dicom(path: Path) -> bool:
    """Tell whether a file is DICOM by its mark, or else by its suffix."""
    offset, mark = _MARK
    try:
        with path.open("rb") as file:
            head = file.read(offset + len(mark))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    return head[offset:] == mark or (bool(head) and path.suffix.lower() in DICOM_SUFFIXES)


def _decode_image(path: Path) -> Picture:
    opened = _open_image(path)
    picture = opened.picture
    if opened.mode == "F":
        raise InputError(f"{path} holds real numbers, whose range is unknown; save 8 or 16 bits")
    faults = list(opened.faults)
    if picture.mode.startswith("I"):
        image, dim = _shallow(picture, path)
        faults += dim
    else:
        if picture.mode.endswith(("A", "a")) and picture.getextrema()[-1] != (255, 255):
            faults.append("transparency ignored")
        image = np.asarray(_luma(picture))
    return Picture(image, opened.mode, opened.truncated, tuple(faults))


def _shallow(picture: Image.Image, path: Path) -> tuple[NDArray[np.uint8], list[str]]:
    """Bring 16 bits to 8."""
    deep = np.asarray(picture).astype(np.int64, copy=False)
    if deep.min() < 0 or deep.max() > 65535:
        raise InputError(
            f"{path} holds values from {deep.min()} to {deep.max()}; save 8 or 16 bits"
        )
    # 12 bits in a file of 16 come out nearly black: to be seen, not to be guessed at.
    dim = deep.max() < 4096
    faults = [f"16 bits, of which the film uses values up to {deep.max()} only"] if dim else []
    return np.rint(deep / 257).astype(np.uint8), faults


def _luma(picture: Image.Image) -> Image.Image:
    if picture.mode == "L":
        return picture
    if picture.mode in ("P", "PA", "LA", "La", "RGBa"):
        picture = picture.convert("RGBA")
    return picture.convert("L")


@dataclass(frozen=True)
class _Opened:
    """A decoded picture, upright, with the pixel format of its file."""

    picture: Image.Image
    mode: str
    truncated: bool
    faults: tuple[str, ...]


def _open_image(path: Path) -> _Opened:
    try:
        check_bytes(path)
        try:
            return _load(path, truncated=False)
        except UnidentifiedImageError:
            raise
        except (OSError, SyntaxError, EOFError):
            with _lenient():
                return _load(path, truncated=True)
    except InputError:
        raise
    except UnidentifiedImageError:
        reason = "the file is empty" if not path.stat().st_size else "it is none that is known"
    except Exception as error:  # Pillow's parsers let pass whatever a broken file makes happen
        reason = " ".join(str(error).split()) or type(error).__name__
    raise InputError(f"{path} cannot be read as an image: {reason}") from None


def _load(path: Path, truncated: bool) -> _Opened:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tags that matter to nobody here, and of large pictures
        # Given a path, Pillow 13 maps uncompressed TIFF files, and garbles those on their side.
        with path.open("rb") as file, Image.open(file, formats=FORMATS) as picture:
            check_pixels(path, *picture.size)
            mode = picture.mode
            picture.draft("L", None)
            faults = ["truncated file, read as far as it goes"] if truncated else []
            if getattr(picture, "is_animated", False):
                faults.append("more than one picture in the file, the first is read")
            # Pillow turns TIFF by itself; what it was turned by is known before alone.
            by_pillow = _orientation(picture) if picture.format == "TIFF" else 1
            picture.load()
            orientation = by_pillow if by_pillow > 1 else _orientation(picture)
            if orientation in _TURNS:
                faults.append(f"turned as its EXIF orientation {orientation} says")
            upright: Image.Image = picture
            if orientation in _TURNS and by_pillow == 1:
                upright = picture.transpose(_TURNS[orientation])
            return _Opened(upright, mode, truncated, tuple(faults))


def _orientation(picture: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where it says nothing, or nothing that is known."""
    try:
        value = picture.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # damaged EXIF data is no reason to do without the film
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


@contextmanager
def _lenient() -> Iterator[None]:
    """Let Pillow accept truncated files, here and nowhere else."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
