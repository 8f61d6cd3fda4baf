from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    generate_uid,
)

from radrobust.core.errors import InputError
from radrobust.core.params import Params
from radrobust.data import pseudonyms
from radrobust.data.datasets.folder import boxes_of, describe, read_folder
from radrobust.data.datasets.registry import get_dataset
from radrobust.data.importing import import_dataset
from radrobust.stages.read import read

GUIDE = Path(__file__).parents[2] / "docs" / "folder.md"

NAME, IDENTIFIER, BIRTH = "Telling^Nominata", "PID-TELLING-4711", "19310213"


def save(path: Path, side: int = 12, grey: int = 60) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.full((side, side + 4), grey, dtype=np.uint8))
    picture.save(path)
    return path


def save_dicom(path: Path, patient: str = IDENTIFIER) -> Path:
    film = Dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    film.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    film.PatientName, film.PatientID, film.PatientBirthDate = NAME, patient, BIRTH
    film.Rows, film.Columns, film.SamplesPerPixel = 12, 16, 1
    film.PhotometricInterpretation, film.PixelRepresentation = "MONOCHROME2", 0
    film.BitsAllocated, film.BitsStored, film.HighBit = 16, 12, 11
    pixels = np.random.default_rng(len(str(path))).integers(0, 4096, (12, 16), dtype=np.uint16)
    film.PixelData = pixels.tobytes()
    film["PixelData"].VR = "OW"
    path.parent.mkdir(parents=True, exist_ok=True)
    film.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two films a class, one in a folder below."""
    place = tmp_path / "films"
    for name in ("fracture/1.png", "fracture/more/2.jpg", "normal/3.tif", "normal/4.png"):
        save(place / name)
    return place


def table(folder: Path, *lines: str) -> None:
    (folder / "films.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def outline(folder: Path, *names: str, corners: tuple[float, ...] = (2, 2, 9, 2, 9, 8)) -> None:
    images = [
        {"id": number, "file_name": name, "width": 16, "height": 12}
        for number, name in enumerate(names)
    ]
    annotations = [
        {"image_id": image["id"], "segmentation": [list(corners)], "bbox": [2, 2, 7, 6]}
        for image in images
    ]
    content = json.dumps({"images": images, "annotations": annotations})
    (folder / "annotations.json").write_text(content)


# --- What is read ---------------------------------------------------------------------------


def test_films_are_those_of_the_two_folders(folder: Path) -> None:
    (folder / "normal" / "notes.txt").write_text("no film")
    (folder / "normal" / ".thumbnails").mkdir()
    save(folder / "normal" / ".thumbnails" / "5.png")
    films = read_folder(folder, "fracture")
    assert [(film.sample_id, film.label) for film in films] == [
        ("fracture-1", 1),
        ("fracture-more-2", 1),
        ("normal-3", 0),
        ("normal-4", 0),
    ]
    assert [film.label for film in read_folder(folder, "normal")] == [0, 0, 1, 1]
    for film in pickle.loads(pickle.dumps(films)):
        read = film.read()
        assert read.image.shape == (12, 16) and read.mask is None and read.note == ""
        assert read.file_bytes == film.path.stat().st_size > 0
        assert film.patient == film.official == "" and read.label == film.label


def test_films_may_be_dicom_without_a_suffix(folder: Path) -> None:
    save_dicom(folder / "normal" / "1.2.840.113619.2.55")
    save_dicom(folder / "normal" / "scan")
    save_dicom(folder / "normal" / "DICOMDIR")
    save_dicom(folder / "fracture" / "a.DCM", "another")
    films = {film.sample_id: film for film in read_folder(folder, "fracture")}
    found = [films[name] for name in ("normal-1.2.840.113619.2.55", "normal-scan", "fracture-a")]
    assert len(films) == 7
    assert [film.read().mode for film in found] == ["MONOCHROME2 12 bit"] * 3
    assert found[0].patient == found[1].patient != found[2].patient
    assert {film.patient for film in films.values()} == {"", "1", "2"}


def test_the_table_tells_of_patient_split_and_subgroups(folder: Path) -> None:
    save_dicom(folder / "fracture" / "a.dcm")
    table(
        folder,
        "file,patient,label,split,view,age group",
        "fracture/1.png,anna,fracture,train,frontal,adult",
        "2.jpg,berta,normal,Test,,child",
        "normal\\3.tif,anna,,,lateral,",
        "a.dcm,anna,,,,",
    )
    films = {film.sample_id: film for film in read_folder(folder, "fracture")}
    first, second, third, fourth, scan = (
        films[name]
        for name in ("fracture-1", "fracture-more-2", "normal-3", "normal-4", "fracture-a")
    )
    assert first.patient == third.patient == scan.patient != second.patient
    assert {first.patient, second.patient} == {"1", "2"} and fourth.patient == ""
    assert [film.official for film in (first, second, third)] == ["train", "test", ""]
    assert first.subgroups == {"view": "frontal", "age group": "adult"}
    assert second.subgroups == {"view": "unknown", "age group": "child"}
    assert fourth.subgroups == {"view": "unknown", "age group": "unknown"}
    assert first.read().note == "" and fourth.read().note == "no row in films.csv"
    assert second.read().note == "films.csv says 'normal' for a film in fracture"
    assert second.label == 1


def test_semicolons_part_cells_as_well(folder: Path) -> None:
    table(folder, "\ufefffile;view", "1.png;frontal")
    assert read_folder(folder, "fracture")[0].subgroups == {"view": "frontal"}


def test_names_may_be_of_any_letters(tmp_path: Path) -> None:
    folder = tmp_path / "Röntgen bilder"
    save(folder / "Frakturen (neu)" / "größe 1.png")
    save(folder / "正常" / "胸部 2.png")
    # The same letters, parted from their accents, as some systems write them.
    table(folder, "file,view", "Frakturen (neu)/gro\u0308ße 1.png,frontal")
    save(folder / "masks" / "größe 1.png", grey=1)
    films = read_folder(folder, "Frakturen (neu)")
    assert [film.sample_id for film in films] == ["Frakturen_neu_-größe_1", "正常-胸部_2"]
    assert films[0].subgroups == {"view": "frontal"} and films[0].read().mask is not None
    assert "2 films (1 Frakturen (neu), 1 正常)" in describe(folder)


def test_names_may_be_of_old_disks(folder: Path) -> None:
    scan = save_dicom(folder / "normal" / "scan.dcm")
    for name in (b"nomin\xe1ta.dcm", b"gr\xf6\xdfe.dcm"):
        try:
            shutil.copy(scan, folder / "normal" / os.fsdecode(name))
        except OSError:
            pytest.skip("this disk takes names in UTF-8 alone")
    table(folder, "file,view", "größe.dcm,frontal")
    films = read_folder(folder, "fracture")
    assert {"normal-numbered-000001", "normal-größe"} < {film.sample_id for film in films}
    assert [film.subgroups["view"] for film in films].count("frontal") == 1


# --- Masks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["fracture/more/2.png", "2.png"])
def test_a_mask_is_found_by_its_path_or_its_name(folder: Path, name: str) -> None:
    save(folder / "masks" / name, grey=1)
    first, second, *_ = read_folder(folder, "fracture")
    film = second.read()
    assert film.mask is not None and film.mask.all() and film.boxes == ((0, 0, 16, 12),)
    assert film.note == "" and first.read().note == "finding not outlined"


def test_a_mask_that_does_not_fit_is_left_out_and_noted(folder: Path) -> None:
    save(folder / "masks" / "1.png", side=13, grey=1)
    save(folder / "masks" / "2.png", grey=0)
    (folder / "masks" / "4.png").write_bytes(b"no picture")
    films = [film.read() for film in read_folder(folder, "fracture")]
    assert [film.note for film in films] == [
        "mask left out: it has 17×13 pixels, the film 16×12",
        "mask left out: it is empty",
        "",
        "mask left out: it cannot be read as an image: it is none that is known",
    ]
    assert all(film.mask is None for film in films)


def test_outlines_are_drawn_and_what_contradicts_is_noted(folder: Path) -> None:
    outline(folder, "fracture/1.png", "2.jpg", "normal/4.png", "absent.png")
    save(folder / "masks" / "2.png", grey=1)
    one, two, three, four = (film.read() for film in read_folder(folder, "fracture"))
    assert one.mask is not None and one.boxes == ((2, 2, 9, 8),) and one.note == ""
    assert two.mask is not None and two.mask.all()
    assert two.note == "has a mask and is in annotations.json: the mask is taken"
    assert three.mask is None and three.note == ""
    assert four.note == "finding outlined on a film without it"
    assert "1 images in annotations.json of films that are not here" in describe(folder)


def test_crumbs_of_a_mask_have_one_box() -> None:
    mask = np.zeros((60, 60), dtype=bool)
    mask[1:50:4, 2:50:4] = True
    boxes, faults = boxes_of(mask)
    assert boxes == ((2, 1, 47, 50),) and faults == ("one box around the 156 pieces of the mask",)
    assert len(boxes_of(mask[:20])[0]) == 60


# --- Hostile folders ------------------------------------------------------------------------


def empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def one_class(folder: Path) -> None:
    for path in (folder / "normal").iterdir():
        path.unlink()
    (folder / "normal").rmdir()


def no_films(folder: Path) -> None:
    for path in (folder / "normal").iterdir():
        path.rename(path.with_suffix(".txt"))


def circle(folder: Path) -> None:
    (folder / "normal" / "again").symlink_to(folder)


HOSTILE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "empty": (empty, "must hold two folders of films, not none"),
    "one class": (one_class, r"not 1 \(fracture\)"),
    "a class that is markup": (
        lambda f: (f / "normal").rename(f / "{{< env HOME >}}"),
        r"'{{< env HOME >}}' in .* holds '{', and every page says it in sentences; name it by",
    ),
    "three classes": (lambda f: save(f / "c" / "5.png"), r"not 3 \(c, fracture, normal\)"),
    "no films": (no_films, "normal holds no films"),
    "circle": (circle, "again is a link to a folder, which may lead in circles"),
    "no file column": (lambda f: table(f, "name", "1.png"), "lacks column file"),
    "empty table": (lambda f: (f / "films.csv").write_text(""), "lacks column file"),
    "binary table": (lambda f: (f / "films.csv").write_bytes(b"\xff\xfe\0"), "in UTF-8"),
    "long row": (lambda f: table(f, "file", "1.png,2"), "row 2 has more cells"),
    "no name": (lambda f: table(f, "file,", "1.png,2"), "column 2 has no name"),
    "column twice": (lambda f: table(f, "file,a,a"), "more than one column a"),
    "row without a file": (lambda f: table(f, "file,a", ",2"), "row 2 names no file"),
    "no such split": (
        lambda f: table(f, "file,split", "1.png,later"),
        "split of 1.png is 'later', not train, val, test or empty",
    ),
    "row twice": (
        lambda f: table(f, "file", "1.png", "fracture/1.png"),
        "films.csv names fracture/1.png more than once",
    ),
    "bare name of two films": (
        lambda f: (save(f / "normal" / "1.png"), table(f, "file", "1.png")),
        "names 1.png, which fracture/1.png and normal/1.png are called; give the path",
    ),
    "mask of two films": (
        lambda f: (save(f / "normal" / "1.png"), save(f / "masks" / "1.png")),
        "names 1, which fracture/1.png and normal/1.png are called; give the path",
    ),
    "two masks of a film": (
        lambda f: (save(f / "masks" / "fracture" / "1.png"), save(f / "masks" / "1.png")),
        "names fracture/1.png more than once",
    ),
    "mask of lossy pixels": (lambda f: save(f / "masks" / "1.jpg"), "masks are PNG files"),
    "film twice": (
        lambda f: save(f / "fracture" / "1.jpg"),
        "holds fracture/1.jpg and fracture/1.png|holds fracture/1.png and fracture/1.jpg",
    ),
    "one name but for signs": (
        lambda f: (save(f / "normal" / "a b.png"), save(f / "normal" / "a_b.png")),
        "normal/a b.png and normal/a_b.png; names must differ",
    ),
    "broken outlines": (
        lambda f: (f / "annotations.json").write_text("{"),
        "not a COCO file of polygons",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_cannot_be_a_study_is_told_in_one_line(folder: Path, case: str) -> None:
    spoil, reason = HOSTILE[case]
    spoil(folder)
    for attempt in (lambda: read_folder(folder, "fracture"), lambda: describe(folder)):
        with pytest.raises(InputError, match=reason) as caught:
            attempt()
        assert "\n" not in str(caught.value)


def test_no_such_finding_names_those_there_are(folder: Path) -> None:
    with pytest.raises(InputError, match=r"'fractures' does not exist; did you mean fracture\?"):
        read_folder(folder, "fractures")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere is not a folder"):
        describe(tmp_path / "nowhere")


def test_rows_of_films_that_are_not_here_are_counted(folder: Path) -> None:
    table(folder, "file", "fracture/1.png", "9.png", "normal/10.png")
    save(folder / "masks" / "77.png")
    found = describe(folder)
    assert "2 rows of films.csv of films that are not here" in found
    assert "1 masks in masks/ of films that are not here" in found


@pytest.mark.parametrize("content", [b"", b"no picture", None])
def test_an_unreadable_film_is_told_when_it_is_read(folder: Path, content: bytes | None) -> None:
    path = folder / "normal" / "5.dcm"
    if content is None:
        path.symlink_to(path)
    else:
        path.write_bytes(content)
    film = read_folder(folder, "fracture")[-1]
    assert film.patient == ""
    with pytest.raises(InputError, match=r"5\.dcm") as caught:
        film.read()
    assert "\n" not in str(caught.value)


# --- Who it is ------------------------------------------------------------------------------


def test_nothing_tells_who_it_is(folder: Path, tmp_path: Path) -> None:
    for name in ("a.dcm", "b.dcm", "c.dcm"):
        save_dicom(folder / "fracture" / name)
    broken = folder / "fracture" / "c.dcm"
    broken.write_bytes(broken.read_bytes()[:-300].replace(b"MONOCHROME2 ", b"Nominata4711"))
    told = [describe(folder)]
    for film in read_folder(folder, "fracture"):
        told += [film.sample_id, film.patient, repr(film)]
        try:
            told.append(repr(film.read()))
        except InputError as error:
            told.append(str(error))
    assert any("unknown photometric interpretation" in line for line in told)
    for secret in ("Telling", "Nominata", IDENTIFIER, "TELLING", "4711", BIRTH):
        assert not any(secret in line for line in told), secret


def test_no_file_of_a_study_tells_who_it_is(
    tmp_path: Path,
    params: Callable[..., Params],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for number in range(4):
        save_dicom(tmp_path / "sources" / "folder" / "fracture" / f"{number}.dcm")
        save_dicom(tmp_path / "sources" / "folder" / "normal" / f"{number}.dcm", f"other {NAME}")
    broken = tmp_path / "sources" / "folder" / "normal" / "3.dcm"
    broken.write_bytes(broken.read_bytes().replace(b"MONOCHROME2 ", b"Nominata4711"))
    monkeypatch.chdir(tmp_path)
    size = {"name": "folder", "image_size": 16}
    read(params(dataset=size, folder={"finding": "fracture"}))
    told = "".join(capfd.readouterr()).encode()
    files = [path for path in (tmp_path / "results").rglob("*") if path.is_file()]
    assert len(files) > 3 and b"7 films" in told and b"1 unreadable" in told
    for content in (told, *(path.read_bytes() for path in files)):
        for secret in (b"Nominata", IDENTIFIER.encode(), b"TELLING", BIRTH.encode()):
            assert secret not in content
    table = pd.read_parquet(tmp_path / "results" / "films" / "films.parquet")
    assert not any(secret in table.to_csv() for secret in ("Nominata", IDENTIFIER, BIRTH))
    assert set(table["patient"]) == {"1", "2"} and (table["file_bytes"] > 0).all()


def test_paths_that_tell_who_it_is_become_numbers(folder: Path) -> None:
    save_dicom(folder / "fracture" / IDENTIFIER / "a.dcm")
    save_dicom(folder / "fracture" / "nominata.dcm")
    save_dicom(folder / "normal" / "scan.dcm")
    save_dicom(folder / "normal" / "1931-02-13" / "b.dcm", "ANONYMOUS")
    save(folder / "normal" / "telling.png")
    save(folder / "masks" / "fracture" / IDENTIFIER / "a.png", grey=1)
    table(folder, "file,patient,view", "nominata.dcm,,frontal", "3.tif,3,lateral")
    films = read_folder(folder, "fracture")
    given = json.loads((folder / pseudonyms.FILE).read_text())
    places = {film.sample_id: film.path.relative_to(folder).as_posix() for film in films}
    plain = {"fracture-1", "fracture-more-2", "normal-4", "normal-scan"}
    numbered = {name: place for name, place in places.items() if name not in plain}
    assert len(plain & places.keys()) == 4 and set(numbered.values()) == {
        *(f"fracture/{IDENTIFIER}/a.dcm", "fracture/nominata.dcm", "normal/1931-02-13/b.dcm"),
        *("normal/telling.png", "normal/3.tif"),
    }
    for name, place in numbered.items():
        kind, word, number = name.split("-")
        assert (kind, word) == (place.split("/")[0], "numbered") and len(number) == 6
        assert given["films"][str(int(number))] == place
    found = {place: film for film in films for place in [places[film.sample_id]]}
    masked, named = found[f"fracture/{IDENTIFIER}/a.dcm"], found["fracture/nominata.dcm"]
    assert masked.mask is not None and named.subgroups == {"view": "frontal"}
    assert masked.patient == named.patient == found["normal/scan.dcm"].patient
    assert given["patients"][masked.patient] == IDENTIFIER
    assert found["normal/1931-02-13/b.dcm"].patient == found["fracture/1.png"].patient == ""
    for film in films:
        noted = "its path held the patient's identifier, name or birth date" in film.read().note
        assert noted == (film.sample_id in numbered)
    assert "2 patients known; 5 paths tell who it is and become numbers" in describe(folder)
    assert read_folder(folder, "fracture") == films


def test_what_is_added_changes_no_number(folder: Path) -> None:
    def name_of(index: int) -> str:
        return f"fracture/{7_654_321 + index}/{index}.dcm"

    for index in range(6):
        save_dicom(folder / name_of(index), f"{7_654_321 + index}")
    before = {film.path: film for film in read_folder(folder, "fracture")}
    for index in range(-6, 0):
        save_dicom(folder / name_of(index), f"{7_654_321 + index}")
    after = {film.path: film for film in read_folder(folder, "fracture")}
    assert len(after) == len(before) + 6 and before.items() <= after.items()


def test_a_folder_of_images_alone_is_left_as_it_is(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    assert {film.patient for film in read_folder(folder, "fracture")} == {""}
    assert sorted(folder.rglob("*")) == before


def test_an_unreadable_film_does_not_tell_its_path(
    tmp_path: Path, params: Callable[..., Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "sources" / "folder"
    for number in range(3):
        save_dicom(place / "normal" / f"{number}.dcm")
        save(place / "fracture" / f"{number}.png")
    (place / "fracture" / f"{IDENTIFIER}.dcm").write_bytes(b"damaged")
    broken = save_dicom(place / "fracture" / "nominata" / "b.dcm")
    broken.write_bytes(broken.read_bytes().replace(b"MONOCHROME2 ", b"MONOCHROME9 "))
    monkeypatch.chdir(tmp_path)
    study = params(dataset={"name": "folder", "image_size": 16}, folder={"finding": "fracture"})
    read(study)
    unreadable = pd.read_parquet(tmp_path / "results" / "films" / "unreadable.parquet")
    assert set(unreadable["sample_id"]) == {"fracture-numbered-000001", "fracture-numbered-000002"}
    for fault in unreadable["fault"]:
        assert fault.startswith("the file ") and "its path held the patient's" in fault
        assert not re.search(rf"nominata|{IDENTIFIER}|sources", fault)


# --- The study ------------------------------------------------------------------------------


def test_names_of_a_study_are_those_of_the_folders(
    folder: Path, params: Callable[..., Params]
) -> None:
    study = params(folder={"finding": "fracture"})
    dataset = get_dataset("folder").of(study, folder)
    assert dataset.classes == ("normal", "fracture") and dataset.finding == "fracture"
    assert "fracture" in dataset.title and "normal" in dataset.title
    assert len(dataset.films(study, folder)) == 4
    with pytest.raises(InputError, match=r"folder\.finding: class 'cyst' does not exist"):
        dataset.of(params(folder={"finding": "cyst"}), folder)


def test_an_import_takes_films_and_what_is_beside_them(folder: Path, tmp_path: Path) -> None:
    save(folder / "masks" / "fracture" / "1.png", grey=1)
    outline(folder, "2.jpg")
    table(folder, "file", "1.png")
    save_dicom(folder / "normal" / "scan")
    (folder / "letters.txt").write_text("stay behind")
    before = [(f.sample_id, f.read().note) for f in read_folder(folder, "fracture")]
    found = import_dataset("folder", folder, tmp_path / "cache", tmp_path / "data")
    assert "5 films (2 fracture, 3 normal), 2 with a mask or outlines" in found
    imported = tmp_path / "data" / "folder"
    assert [(f.sample_id, f.read().note) for f in read_folder(imported, "fracture")] == before
    assert not (imported / "letters.txt").exists()


def test_numbers_are_given_at_import_and_outlive_the_next(folder: Path, tmp_path: Path) -> None:
    imported = tmp_path / "data" / "folder"
    for number in range(8):
        save_dicom(folder / "normal" / f"scan{number}.dcm", f"{1_234_567 + number}")

    def patients() -> dict[str, str]:
        return {film.sample_id: film.patient for film in read_folder(imported, "fracture")}

    import_dataset("folder", folder, tmp_path / "cache", tmp_path / "data")
    kept = (imported / pseudonyms.FILE).read_bytes()
    before = patients()
    assert sorted(before.values()) == sorted([""] * 4 + [str(n) for n in range(1, 9)])
    save_dicom(folder / "normal" / "scan8.dcm", "1000000")
    import_dataset("folder", folder, tmp_path / "cache", tmp_path / "data")
    assert patients() == before | {"normal-scan8": "9"}
    assert not (folder / pseudonyms.FILE).exists()
    (imported / "normal" / "scan8.dcm").unlink()
    (tmp_path / "again").mkdir()
    import_dataset("folder", imported, tmp_path / "cache", tmp_path / "again")
    assert json.loads(kept)["key"] in (tmp_path / "again" / "folder" / pseudonyms.FILE).read_text()
    (imported / pseudonyms.FILE).write_text("{}x")
    with pytest.raises(InputError, match=r"data/folder/numbers\.json is not as it was written"):
        import_dataset("folder", folder, tmp_path / "cache", tmp_path / "data")
    assert (imported / pseudonyms.FILE).read_text() == "{}x"


def test_the_example_of_the_guide_works_up_to_reading(tmp_path: Path) -> None:
    example = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)[0]
    *lines, last = example.strip().split("\n")
    assert len(lines) < 10 and last.startswith("dvc exp run ")
    finding = re.search(r"-S folder\.finding=(\w+)", last)
    assert "-S dataset.name=folder" in last and finding is not None
    shutil.copy(GUIDE.parents[1] / "params.yaml", tmp_path)
    binaries = str(Path(sys.executable).parent)
    subprocess.run(
        ["bash", "-euc", "\n".join(lines)],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"},
        check=True,
    )
    films = read_folder(tmp_path / "data" / "folder", finding[1])
    assert [sum(film.label == label for film in films) for label in (0, 1)] == [20, 20]
    bright = [film.read().image.max() == 255 for film in films if film.label == 1]
    assert all(bright)
