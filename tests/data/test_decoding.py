from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFile
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.processing import apply_voi_lut
from pydicom.sequence import Sequence
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
    generate_uid,
)

from radrobust.core.errors import InputError
from radrobust.data.decode.dicom import person_of
from radrobust.data.decode.grey import decode, read_mask
from radrobust.data.identity import Person


def saved(path: Path, picture: Image.Image, **options: Any) -> Path:
    picture.save(path, **options)
    return path


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA", "1", "CMYK", "I;16", "I"])
def test_every_pixel_format_becomes_grey(tmp_path: Path, mode: str) -> None:
    ramp = np.tile(np.linspace(0, 255, 16).astype(np.uint8), (8, 1))
    if mode.startswith("I"):
        deep = ramp.astype(np.uint16 if mode == "I;16" else np.int32) * 257
        path = saved(tmp_path / "film.tif", Image.fromarray(deep))
    else:
        name = "film.tif" if mode == "CMYK" else "film.png"
        path = saved(tmp_path / name, Image.fromarray(ramp).convert(mode))
    picture = decode(path)
    expected = ramp if mode != "1" else np.asarray(Image.open(path).convert("L"))
    assert picture.mode == mode and picture.image.dtype == np.uint8
    np.testing.assert_allclose(picture.image, expected, atol=1)
    assert picture.faults == () and not picture.truncated


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_films_are_turned_as_exif_says(tmp_path: Path, orientation: int, suffix: str) -> None:
    rng = np.random.default_rng(orientation)
    upright = Image.fromarray(rng.integers(0, 256, (12, 20), dtype=np.uint8))
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = upright if undo is None else upright.transpose(undo)
    options = {"quality": 100} if suffix == "jpg" else {}
    picture = decode(saved(tmp_path / f"film.{suffix}", stored, exif=exif, **options))
    np.testing.assert_allclose(picture.image, np.asarray(upright), atol=2 if options else 0)
    assert bool(picture.faults) == (orientation > 1)


def jpeg() -> tuple[bytes, NDArray[np.uint8]]:
    rng = np.random.default_rng(5)
    image = rng.integers(0, 256, (64, 64), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG")
    return file.getvalue(), np.asarray(Image.open(file))


def test_a_truncated_film_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    content, image = jpeg()
    (tmp_path / "film.jpg").write_bytes(content[: len(content) * 2 // 3])
    picture = decode(tmp_path / "film.jpg")
    assert picture.truncated and "truncated" in picture.faults[0]
    np.testing.assert_array_equal(picture.image[:24], image[:24])
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.parametrize("content", [b"", b"no picture", b"\xff\xd8\xff\xe0", jpeg()[0][:20]])
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "film.jpg"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"film\.jpg cannot be read") as caught:
        decode(path)
    assert "\n" not in str(caught.value)
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_a_missing_film_and_one_of_real_numbers_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        decode(tmp_path / "film.jpg")
    path = saved(tmp_path / "film.tif", Image.fromarray(np.zeros((4, 4), dtype=np.float32)))
    with pytest.raises(InputError, match="real numbers"):
        decode(path)


def test_luma_of_a_colour_jpeg_is_that_of_its_colours(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    smooth = Image.fromarray(rng.integers(60, 190, (8, 8, 3), dtype=np.uint8)).resize((80, 80))
    path = saved(tmp_path / "film.jpg", smooth, quality=95, subsampling=0)
    with Image.open(path) as file:
        by_colour = np.asarray(file.convert("L"))
    picture = decode(path)
    assert picture.mode == "RGB"
    np.testing.assert_allclose(picture.image, by_colour, atol=1)


@pytest.mark.parametrize(("suffix", "more"), [("gif", {}), ("png", {}), ("tif", {})])
def test_of_several_pictures_the_first_is_read_and_noted(
    tmp_path: Path, suffix: str, more: dict[str, Any]
) -> None:
    first, second = (Image.new("L", (9, 7), grey) for grey in (50, 200))
    path = saved(tmp_path / f"film.{suffix}", first, save_all=True, append_images=[second])
    picture = decode(path)
    assert (picture.image == 50).all() and "more than one picture" in picture.faults[0]


def test_one_pixel_is_a_film(tmp_path: Path) -> None:
    assert decode(saved(tmp_path / "a.png", Image.new("L", (1, 1), 7))).image.tolist() == [[7]]


def test_transparency_is_ignored_and_noted(tmp_path: Path) -> None:
    picture = decode(saved(tmp_path / "a.png", Image.new("RGBA", (4, 4), (90, 90, 90, 3))))
    assert (picture.image == 90).all() and picture.faults == ("transparency ignored",)
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 90, 90, 90])
    picture = decode(saved(tmp_path / "b.png", palette, transparency=b"\x00\x05"))
    assert (picture.image == 90).all()


def test_twelve_bits_in_sixteen_are_noted(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(np.full((4, 4), 4095, dtype=np.uint16)))
    assert decode(path).faults == ("16 bits, of which the film uses values up to 4095 only",)


def test_values_beyond_sixteen_bits_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", Image.fromarray(np.full((4, 4), 70_000, dtype=np.int32)))
    with pytest.raises(InputError, match="70000; save 8 or 16 bits"):
        decode(path)


def huge_png(path: Path, side: int) -> Path:
    """A film of `side`² black pixels in a small file."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(bytes(side + 1)) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
    return path


@pytest.mark.parametrize("side", [9_500, 20_000])
def test_a_film_of_too_many_pixels_is_refused_before_it_is_decoded(
    tmp_path: Path, side: int, recwarn: pytest.WarningsRecorder
) -> None:
    path = huge_png(tmp_path / "huge.png", side)
    tracemalloc.start()
    with pytest.raises(InputError, match=r"huge\.png .*pixels") as caught:
        decode(path)
    assert tracemalloc.get_traced_memory()[1] < 50e6 and "\n" not in str(caught.value)
    tracemalloc.stop()
    assert not recwarn.list


def test_a_file_that_would_start_a_program_is_none_that_is_known(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(InputError, match="none that is known"):
        decode(tmp_path / "a.jpg")


def test_damaged_exif_data_does_not_cost_the_film(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", Image.new("L", (8, 8), 99), exif=b"Exif\0\0MM\0garbage")
    assert decode(path).image.shape == (8, 8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_broken_film_is_read_or_refused_in_one_line(tmp_path: Path, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP", "DICOM"]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    pixels = rng.integers(0, 256, (20, 30), dtype=np.uint8)
    whole = tmp_path / "whole"
    if kind == "DICOM":
        dicom(whole, pixels, WindowCenter=100, WindowWidth=90, RescaleSlope=1, RescaleIntercept=0)
    else:
        Image.fromarray(pixels).save(whole, kind)
    content = bytearray(whole.read_bytes())
    for place in rng.integers(0, min(len(content), 900), rng.integers(1, 9)):
        content[place] = rng.integers(0, 256)
    path = tmp_path / "film"
    path.write_bytes(content[: len(content) if rng.random() < 0.6 else rng.integers(len(content))])
    try:
        assert decode(path).image.dtype == np.uint8
    except InputError as error:
        assert "\n" not in str(error) and str(path) in str(error)
    person_of(path)


# --- Masks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["1", "L", "RGB", "RGBA", "P", "I;16", "label"])
def test_what_is_not_zero_is_the_finding(tmp_path: Path, kind: str) -> None:
    expected = np.zeros((6, 9), dtype=bool)
    expected[2:4, 3:8] = True
    if kind == "RGBA":
        values = np.zeros((6, 9, 4), dtype=np.uint8) + np.uint8([255, 255, 255, 0])
        values[expected] = (1, 0, 0, 255)
        mask = Image.fromarray(values)
    elif kind == "RGB":
        values = np.zeros((6, 9, 3), dtype=np.uint8)
        values[expected] = (0, 0, 1)
        mask = Image.fromarray(values)
    elif kind == "I;16":
        mask = Image.fromarray(expected.astype(np.uint16))
    elif kind == "label":
        mask = Image.fromarray(expected.astype(np.uint8))
    else:
        mask = Image.fromarray(expected.astype(np.uint8) * 255).convert(kind)
    np.testing.assert_array_equal(read_mask(saved(tmp_path / "m.png", mask)), expected)


# --- DICOM ----------------------------------------------------------------------------------

NAME, IDENTIFIER, BIRTH = "Telling^Nominata", "PID-TELLING-4711", "19310213"


def dicom(path: Path, pixels: NDArray[Any], **header: Any) -> Path:
    """Write a film; keywords replace elements of its header, None removes one."""
    film = Dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = header.pop("syntax", ExplicitVRLittleEndian)
    film.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    film.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    film.SOPClassUID = DigitalXRayImageStorageForPresentation
    film.SOPInstanceUID = film.file_meta.MediaStorageSOPInstanceUID
    film.PatientName, film.PatientID, film.PatientBirthDate = NAME, IDENTIFIER, BIRTH
    film.Rows, film.Columns = pixels.shape[:2]
    film.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    if pixels.ndim == 3:
        film.PlanarConfiguration = 0
    film.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    film.BitsAllocated = film.BitsStored = pixels.dtype.itemsize * 8
    film.PixelRepresentation = int(pixels.dtype.kind == "i")
    for name, value in header.items():
        setattr(film, name, value)
    film.HighBit = film.BitsStored - 1
    film.PixelData = pixels.tobytes()
    film["PixelData"].VR = "OB" if film.BitsAllocated == 8 else "OW"
    film.save_as(path, enforce_file_format=True)
    return path


def ramp(top: int = 4095) -> NDArray[np.uint16]:
    return np.linspace(0, top, 40 * 30).astype(np.uint16).reshape(30, 40)


def test_without_a_window_a_film_goes_from_its_darkest_to_its_brightest(tmp_path: Path) -> None:
    pixels = ramp(3000) + np.uint16(500)
    picture = decode(dicom(tmp_path / "a.dcm", pixels, BitsStored=12))
    np.testing.assert_allclose(picture.image, (pixels - 500) / 3000 * 255, atol=0.51)
    assert picture.mode == "MONOCHROME2 12 bit" and picture.faults == ()


def test_a_film_of_one_value_is_black(tmp_path: Path) -> None:
    assert not decode(dicom(tmp_path / "a.dcm", np.full((4, 4), 9, dtype=np.uint8))).image.any()


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("function", [None, "LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("slope", [None, 1, 2.5])
def test_windows_are_those_of_the_standard(
    tmp_path: Path, function: str | None, slope: float | None, signed: bool
) -> None:
    pixels = ramp().astype(np.int16) - 2048 if signed else ramp()
    header: dict[str, Any] = {"BitsStored": 12, "WindowCenter": [700, 1], "WindowWidth": [900, 2]}
    if function is not None:
        header["VOILUTFunction"] = function
    if slope is not None:
        header |= {"RescaleSlope": slope, "RescaleIntercept": -100}
    path = dicom(tmp_path / "a.dcm", pixels, **header)
    reference = dcmread(path)
    physical = pixels.astype(float) * (slope or 1) + (-100 if slope else 0)
    least, most = (-2048, 2047) if signed else (0, 4095)
    bounds = [bound * (slope or 1.0) + (-100 if slope else 0) for bound in (least, most)]
    shown = (apply_voi_lut(physical, reference) - bounds[0]) / (bounds[1] - bounds[0])
    np.testing.assert_allclose(decode(path).image, shown * 255, atol=0.51)


def test_a_table_of_values_comes_before_a_window(tmp_path: Path) -> None:
    table = Dataset()
    table.LUTDescriptor = [256, 0, 10]
    table.LUTData = [1023 - 4 * value for value in range(256)]
    table["LUTData"].VR = "US"
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    path = dicom(
        tmp_path / "a.dcm", pixels, VOILUTSequence=Sequence([table]), WindowCenter=5, WindowWidth=4
    )
    expected = (1023 - 4 * pixels.astype(float)) / 1023 * 255
    np.testing.assert_allclose(decode(path).image, expected, atol=0.51)


def test_monochrome1_is_inverted_and_padding_stays_black(tmp_path: Path) -> None:
    pixels = ramp(1000)
    pixels[:3] = 65535
    header = {"PhotometricInterpretation": "MONOCHROME1", "PixelPaddingValue": 65535}
    image = decode(dicom(tmp_path / "a.dcm", pixels, **header)).image
    assert not image[:3].any()
    inside = pixels[3:].astype(float)
    expected = (inside.max() - inside) / np.ptp(inside) * 255
    np.testing.assert_allclose(image[3:], expected, atol=0.51)


def test_colour_becomes_luma(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    picture = decode(dicom(tmp_path / "a.dcm", pixels))
    np.testing.assert_allclose(
        picture.image, np.asarray(Image.fromarray(pixels).convert("L")), atol=1
    )


LOSSLESS: dict[str, Callable[[NDArray[Any]], bytes]] = {
    JPEGLossless: partial(imagecodecs.jpeg_encode, lossless=True, predictor=4),
    JPEGLosslessSV1: partial(imagecodecs.jpeg_encode, lossless=True, predictor=1),
    JPEGLSLossless: imagecodecs.jpegls_encode,
    JPEG2000Lossless: partial(imagecodecs.jpeg2k_encode, codecformat="j2k", reversible=True),
}
LOSSY: dict[str, Callable[[NDArray[Any]], bytes]] = {
    JPEGBaseline8Bit: partial(imagecodecs.jpeg_encode, level=95),
    JPEGExtended12Bit: partial(imagecodecs.jpeg_encode, level=95, bitspersample=12),
    JPEGLSNearLossless: partial(imagecodecs.jpegls_encode, level=2),
    JPEG2000: partial(imagecodecs.jpeg2k_encode, codecformat="j2k", level=80, reversible=False),
}


def pack(path: Path, syntax: str) -> Path:
    """Compress the film of a file into another beside it."""
    film = dcmread(path)
    film.PixelData = encapsulate([(LOSSLESS | LOSSY)[syntax](film.pixel_array)])
    film["PixelData"].VR = "OB"
    film["PixelData"].is_undefined_length = True
    film.file_meta.TransferSyntaxUID = syntax
    packed = path.with_name("packed.dcm")
    film.save_as(packed)
    return packed


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize("depth", [8, 16])
def test_lossless_packings_give_the_same_film(tmp_path: Path, syntax: str, depth: int) -> None:
    pixels = ramp(255).astype(np.uint8) if depth == 8 else ramp(60_000)
    plain = dicom(tmp_path / "plain.dcm", pixels)
    np.testing.assert_array_equal(decode(pack(plain, syntax)).image, decode(plain).image)


def test_rle_gives_the_same_film(tmp_path: Path) -> None:
    plain = dicom(tmp_path / "plain.dcm", ramp())
    film = dcmread(plain)
    film.compress(RLELossless)
    film.save_as(tmp_path / "rle.dcm")
    np.testing.assert_array_equal(decode(tmp_path / "rle.dcm").image, decode(plain).image)


@pytest.mark.parametrize("syntax", LOSSY)
def test_lossy_packings_give_nearly_the_same_film(tmp_path: Path, syntax: str) -> None:
    deep = syntax != JPEGBaseline8Bit
    pixels = ramp(4095) if deep else ramp(255).astype(np.uint8)
    plain = dicom(tmp_path / "plain.dcm", pixels, BitsStored=12 if deep else 8)
    packed = decode(pack(plain, syntax)).image.astype(int)
    assert np.abs(packed - decode(plain).image).max() <= 6


def test_a_frame_larger_than_its_header_says_is_not_decoded(tmp_path: Path) -> None:
    plain = dicom(tmp_path / "plain.dcm", ramp())
    for syntax in LOSSLESS:
        film = dcmread(pack(plain, syntax))
        film.Rows -= 1
        film.save_as(tmp_path / "a.dcm")
        with pytest.raises(InputError, match=r"its pixels \(JPEG.*\) cannot be decoded"):
            decode(tmp_path / "a.dcm")


def test_a_truncated_film_is_read_as_far_as_its_pixels_go(tmp_path: Path) -> None:
    path = dicom(tmp_path / "a.dcm", ramp())
    whole = decode(path).image
    path.write_bytes(path.read_bytes()[:-800])
    picture = decode(path)
    assert picture.truncated and "truncated" in picture.faults[0]
    np.testing.assert_allclose(picture.image[:19], whole[:19], atol=130)
    assert not picture.image[-9:].any()


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"NumberOfFrames": 2}, "holds 2 frames; save the one that is the film"),
        ({"PhotometricInterpretation": "NOMINATA"}, "unknown photometric interpretation"),
        ({"Rows": 20_000, "Columns": 20_000}, "20000×20000 pixels"),
        ({"BitsAllocated": 32, "BitsStored": 32}, "32 bits a value"),
        ({"BitsStored": 17}, "more bits than there are"),
        ({"WindowCenter": 4, "WindowWidth": 0}, "window or look-up tables are damaged"),
        ({"syntax": "1.2.840.10008.1.2.4.201"}, "High-Throughput"),
        ({"syntax": "1.2.3.4711"}, "a transfer syntax that is not known"),
        ({"Rows": 0}, "it is no film"),
    ],
)
def test_what_is_no_film_is_told_in_one_line(
    tmp_path: Path, header: dict[str, Any], reason: str
) -> None:
    syntax = header.pop("syntax", None)
    path = dicom(tmp_path / "a.dcm", ramp(), **header)
    if syntax is not None:
        content = path.read_bytes()
        old = f"{ExplicitVRLittleEndian}\0".encode()
        new = syntax.encode() + b"\0" * (len(syntax) % 2)
        place = content.index(b"\x02\0\x10\0UI") + 8
        header_bytes = content[: place - 2] + struct.pack("<H", len(new)) + new
        path.write_bytes(header_bytes + content[place + len(old) :])
    with pytest.raises(InputError, match=reason) as caught:
        decode(path)
    assert "\n" not in str(caught.value) and "NOMINATA" not in str(caught.value)


def test_a_deflated_film_is_refused_unpacked(tmp_path: Path) -> None:
    path = dicom(tmp_path / "a.dcm", ramp(), syntax=DeflatedExplicitVRLittleEndian)
    with pytest.raises(InputError, match="deflated DICOM file; save it uncompressed"):
        decode(path)
    assert person_of(path) == Person()


def test_a_text_named_dcm_is_no_dicom(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_text(NAME)
    with pytest.raises(InputError, match="no DICOM file") as caught:
        decode(tmp_path / "a.dcm")
    assert NAME not in str(caught.value)


def test_patients_are_told_apart(tmp_path: Path) -> None:
    one, same, other = (
        person_of(dicom(tmp_path / f"{number}.dcm", ramp(), PatientID=identifier)).patient
        for number, identifier in enumerate((IDENTIFIER, f"{IDENTIFIER} ", "another"))
    )
    assert one == same != other
    for number, nobody in enumerate(("", "ANONYMOUS", "000", "n/a")):
        found = person_of(dicom(tmp_path / f"n{number}.dcm", ramp(), PatientID=nobody))
        assert found == Person((), NAME, BIRTH) and found.patient == ""


def test_a_name_is_read_in_the_letters_that_the_header_says(tmp_path: Path) -> None:
    name = "Yamada^Tarou=山田^太郎"
    path = dicom(
        tmp_path / "a.dcm", ramp(), SpecificCharacterSet=["", "ISO 2022 IR 87"], PatientName=name
    )
    assert person_of(path).name == name


@pytest.mark.parametrize(("said", "noted"), [("YES", True), ("NO", False), (None, False)])
def test_text_in_the_image_is_noted(tmp_path: Path, said: str | None, noted: bool) -> None:
    header = {} if said is None else {"BurnedInAnnotation": said}
    faults = decode(dicom(tmp_path / "a.dcm", ramp(), **header)).faults
    assert faults == ("text is burnt into the image, as BurnedInAnnotation says",) * noted


@pytest.mark.parametrize("damage", ["none", "window", "pixels", "dates"])
def test_no_message_tells_who_it_is(
    tmp_path: Path, damage: str, capfd: pytest.CaptureFixture[str], caplog: Any, recwarn: Any
) -> None:
    caplog.set_level(0)
    path = dicom(tmp_path / "a.dcm", ramp(), StudyDate="20200101")
    content = path.read_bytes()
    if damage == "window":
        path = dicom(tmp_path / "a.dcm", ramp(), WindowCenter=1, WindowWidth=0)
    elif damage == "pixels":
        path.write_bytes(pack(path, JPEGLosslessSV1).read_bytes()[:-900])
    elif damage == "dates":
        path.write_bytes(content.replace(b"20200101", NAME.encode()[:8]))
    told = ""
    try:
        told = repr(decode(path))
    except InputError as error:
        told = str(error)
    person_of(path)
    told += caplog.text + "".join(str(entry.message) for entry in recwarn.list)
    told += "".join(capfd.readouterr())
    for secret in (NAME, NAME[:8], "Nominata", IDENTIFIER, BIRTH):
        assert secret not in told
