"""A whole study of DICOM files, and whoever has its site tries to find out whom they show."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import os
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    generate_uid,
)
from ruamel.yaml import YAML

from radrobust.core import paths
from radrobust.core.params import load_params
from radrobust.core.seeds import derive_seed

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[1]
KEY = "5eed" * 16
SMALL = {
    "dataset": {"name": "folder"},
    "split": {"val": 0.25, "test": 0.35},
    "finetune": {"epochs": 1},
    "attack": {"steps": 2, "curve": ["1/255"]},
    "checks": {"films": 4, "steps": 2, "restarts": 1, "iterations": 2, "queries": 4},
    "explain": {"methods": ["saliency"], "others": 2, "films": 2},
    "evaluate": {"bootstrap": 100},
}


class Patient(NamedTuple):
    """Somebody who was never born."""

    number: int
    family: str
    given: str
    born: str


PATIENTS = [
    Patient(number, f"Q{vowel}vz{vowel}rl{consonant}k", f"Yx{consonant}{vowel}ndw{vowel}", born)
    for (vowel, consonant), number, born in zip(
        itertools.product("aeiou", "bdgmt"),
        np.random.default_rng(5).integers(1_000_000, 10_000_000, 25).tolist(),
        [f"{1920 + 3 * place}{1 + place % 12:02}{27 - place:02}" for place in range(25)],
        strict=True,
    )
]


# --- The study --------------------------------------------------------------------------------


def save_dicom(path: Path, patient: Patient, pixels: NDArray[np.uint8], **header: str) -> None:
    film = Dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    film.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    film.PatientID, film.PatientBirthDate = f"{patient.number}", patient.born
    film.PatientName = f"{patient.family}^{patient.given}"
    film.Rows, film.Columns, film.SamplesPerPixel = *pixels.shape, 1
    film.PhotometricInterpretation, film.PixelRepresentation = "MONOCHROME2", 0
    film.BitsAllocated, film.BitsStored, film.HighBit = 8, 8, 7
    film.PixelData = pixels.tobytes()
    film["PixelData"].VR = "OB"
    for name, value in header.items():
        setattr(film, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    film.save_as(path, enforce_file_format=True)


def save_films(folder: Path) -> None:
    """Four films a patient, in paths of which three tell who it is; and what goes wrong."""
    rng = np.random.default_rng(0)
    rows = ["file,patient"]
    for place, patient in enumerate(PATIENTS):
        kind = ("normal", "fracture")[place % 2]
        year, month, day = patient.born[:4], patient.born[4:6], patient.born[6:]
        names = [
            f"{patient.number}/1.dcm",
            f"ward/{patient.family.upper()}_{patient.given}.dcm",
            f"ward/{day}.{month}.{year} {place}.dcm",
            f"scans/{place:02}.dcm",
        ]
        for number, name in enumerate(names):
            pixels = rng.integers(0, 90, (40, 32), dtype=np.uint8)
            if kind == "fracture":
                pixels[10:22, 8:20] = 255
            text = {"BurnedInAnnotation": "YES" if place < 2 and number == 0 else "NO"}
            save_dicom(folder / kind / name, patient, pixels, **text)
        Image.fromarray(pixels).save(folder / kind / f"copy of {patient.number}.png")
        rows.append(f"copy of {patient.number}.png,{patient.number}")
        (folder / kind / f"{patient.number}" / "damaged.dcm").write_bytes(b"damaged")
    (folder / "films.csv").write_text("\n".join(rows) + "\n")
    (folder / "numbers.json").write_text(json.dumps({"key": KEY}))


def write_params() -> None:
    yaml = YAML()
    document = yaml.load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))
    for section, values in SMALL.items():
        document[section].update(values)
    document["systems"] = ["standard"]
    with paths.PARAMS.open("w") as file:
        yaml.dump(document, file)


@pytest.fixture(scope="module")
def study(fake_study: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A study that was run as a stranger runs it, from the import to the site."""
    from radrobust.data.importing import import_dataset
    from radrobust.stages import (
        attack,
        audit,
        cases,
        explain,
        finetune,
        page,
        prepare,
        read,
        site,
        summarise,
        tables,
    )

    root = tmp_path_factory.mktemp("study")
    save_films(root / "films")
    fake_study.write_site_sources(root)
    before = Path.cwd()
    os.chdir(root)
    try:
        paths.SOURCES.mkdir()
        (paths.SOURCES / "folder").symlink_to("../data/folder")
        write_params()
        params = load_params()
        import_dataset("folder", root / "films", root / "cache")
        read.read(params)
        audit.audit(params)
        prepare.prepare(params)
        finetune.finetune("standard", params)
        attack.attack("standard", params)
        explain.explain("standard", params)
        summarise.summarise(params)
        cases.cases(params)
        tables.tables(params)
        names = [name for name in page.pages(params) if name != "compare"]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda name: page.page(name, params), names))
        site.site()
        yield root
    finally:
        os.chdir(before)


# --- What whoever has the site can read -----------------------------------------------------------


def readable(name: str, content: bytes) -> Iterator[str]:
    """Yield the texts of a file, whatever they are packed in."""
    if name.endswith(".parquet"):
        table = pq.read_table(io.BytesIO(content))
        yield str(table.schema) + str(table.schema.metadata)
        yield table.to_pandas().to_csv()
    elif zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.namelist():
                yield member
                yield from readable(member, archive.read(member))
    else:
        text = content.decode("latin-1")
        yield text + content.decode("utf-8", "ignore")
        for packed in re.findall(r";base64,([A-Za-z0-9+/=]+)", text):
            yield base64.b64decode(packed).decode("latin-1")


@pytest.fixture(scope="module")
def published(study: Path) -> str:
    """Everything that the site and the downloads say, without the decimals of numbers."""
    files = [
        file for place in (paths.SITE, paths.RESULTS / "tables")
        for file in sorted((study / place).rglob("*")) if file.is_file()
    ]  # fmt: skip
    assert {"index.html", "data.html", "samples.parquet", "data.js"} <= {f.name for f in files}
    said = [text for file in files for text in readable(file.name, file.read_bytes())]
    names = [str(file.relative_to(study)) for file in files]
    decimals = re.compile(r"(?<![\d.])(\d+)\.\d+(?![\d.])")
    return decimals.sub(r"\1", "\n".join([*names, *said]))


# --- What he can make of it -------------------------------------------------------------------

DIGITS = 16
"""Of a digest, hexadecimal, that are compared: those that this project once published."""


def digests(text: str) -> set[bytes]:
    """Return all that may be the first `DIGITS` of a digest, in bytes."""
    runs = set(re.findall(rf"[0-9a-f]{{{DIGITS},}}", text.lower()))
    return {
        bytes.fromhex(run[start : start + DIGITS])
        for run in runs
        for start in range(len(run) - DIGITS + 1)
    }


def standing(text: str) -> set[int]:
    """Return the seven-digit numbers in a text."""
    return {int(found) for found in re.findall(r"(?=(\d{7}))", text)}


def undone(text: str, numbers: Iterable[int]) -> set[int]:
    """Return the numbers whose SHA-256, alone or as this project once took it, is in a text."""
    found, sha256 = digests(text), hashlib.sha256
    return {
        number
        for number in numbers
        if sha256(b"%07d" % number).digest()[: DIGITS // 2] in found
        or sha256(b"radrobust patient %07d" % number).digest()[: DIGITS // 2] in found
    }


def disguises(number: int) -> Iterator[str]:
    """Yield by what a number may stand if no key hides it, cut as short as can still be told."""
    for text in (f"{number}", f"radrobust patient {number}"):
        for name in sorted(hashlib.algorithms_guaranteed):
            if "shake" not in name:
                digest = hashlib.new(name, text.encode())
                yield digest.hexdigest()[:12]
                yield base64.b64encode(digest.digest()).decode()[:9]
        yield f"{zlib.crc32(text.encode()):08x}"
        yield base64.b64encode(text.encode()).decode().rstrip("=")[:9]
    for parts in [(), (11,), ("patient",), (11, "patient")]:
        yield str(derive_seed(*parts, number))
    yield str(number)[::-1]


def test_no_seven_digit_number_leads_to_a_patient(published: str) -> None:
    patients = {patient.number for patient in PATIENTS}
    planted = 7_777_777, 1_234_567
    control = hashlib.sha256(f"radrobust patient {planted[0]}".encode()).hexdigest()[:DIGITS]
    control += " " + hashlib.sha256(f"{planted[1]}".encode()).hexdigest().upper()
    assert undone(f"{published} {control}", range(10**7)) == set(planted)
    assert not standing(published) & patients and standing("a12345678") == {1234567, 2345678}


def test_no_patient_is_published_in_disguise(published: str) -> None:
    folded = published.lower()
    for patient in PATIENTS:
        assert not [cut for cut in disguises(patient.number) if cut.lower() in folded]


def test_no_name_and_no_birth_date_is_published(published: str) -> None:
    folded = re.sub(r"[\W_]+", "", published.lower())
    for patient in PATIENTS:
        year, month, day = patient.born[:4], patient.born[4:6], patient.born[6:]
        for secret in (patient.family, patient.given, year + month + day, day + month + year):
            assert secret.lower() not in folded, secret
    assert KEY not in published


def test_no_digest_of_pixels_is_published(study: Path, published: str) -> None:
    films = pd.read_parquet(study / paths.FILMS / "films.parquet")
    assert films["picture"].duplicated().any()
    assert not [digest for digest in films["picture"] if digest[:12] in published]


# --- And yet ----------------------------------------------------------------------------------


def test_films_of_a_patient_are_known_to_be_of_one(study: Path) -> None:
    table = pd.read_parquet(study / paths.RESULTS / "tables" / "samples.parquet")
    assert len(table) == 5 * len(PATIENTS)
    assert set(table["patient"]) == {str(number) for number in range(1, len(PATIENTS) + 1)}
    assert (table.groupby("patient").size() == 5).all()
    assert (table.groupby("patient")["split"].nunique() == 1).all()
    assert (table.groupby("patient")["group"].nunique() == 1).all()
    kept = json.loads((study / "data" / "folder" / "numbers.json").read_text())
    assert {int(identifier) for identifier in kept["patients"].values()} == {
        patient.number for patient in PATIENTS
    }
    by_name = table.set_index("sample_id")
    for number, place in kept["films"].items():
        name = f"{place.split('/')[0]}-numbered-{int(number):06}"
        of_whom = kept["patients"].get(by_name["patient"].get(name, ""), "")
        assert place.endswith("damaged.dcm") or of_whom


def test_the_data_page_tells_of_numbers_and_of_text_in_images(study: Path) -> None:
    page = (study / paths.SITE / "data.html").read_text(encoding="utf-8")
    plain = re.sub(r"<[^>]*>", "", page)
    count = 5 * len(PATIENTS)  # three DICOM files, one that is damaged and one PNG file a patient
    held = r"Path held the patient\S+s identifier, name or birth date"
    assert re.search(rf"{held}A number takes its place in all results\.{count}\D", plain)
    assert "2 DICOM files say that text is burnt into the image" in plain
    section = page.rpartition("text-in-the-image")[2].partition("The same image more than")[0]
    assert section.count("<figure") == 2
