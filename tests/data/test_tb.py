from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.data import importing
from radrobust.data.datasets import tb
from radrobust.data.datasets.registry import get_dataset, locate
from radrobust.data.datasets.tb import read_folder

RSNA = "https://www.kaggle.com/c/rsna-pneumonia-detection-challenge/data"
NIAID = "https://tbportals.niaid.nih.gov/download-data"


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Six normal films and four with tuberculosis, without the spreadsheets."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "TB_Chest_Radiography_Database"
    for name, count in zip(tb.FOLDERS, (6, 4), strict=True):
        (folder / name).mkdir(parents=True)
        for number in range(1, count + 1):
            picture = Image.fromarray(rng.integers(0, 255, (32, 32), dtype=np.uint8))
            picture.save(folder / name / f"{name}-{number}.png")
    (folder / "README.md.txt").write_text("not of the layout")
    return folder


def write_sheet(path: Path, names: list[str], urls: list[str | None], **columns: str) -> None:
    table = {"FILE NAME": names, "FORMAT": "PNG", "SIZE": "512*512", "URL": urls}
    pd.DataFrame(table).rename(columns=columns).to_excel(path, index=False)


def write_sheets(folder: Path) -> None:
    normal = [f"NORMAL-{number}" for number in range(1, 6)]  # shouted, and one is missing
    write_sheet(folder / tb.SHEETS[0], normal, [RSNA] * 4 + [None])
    sick = [f"Tuberculosis-{number}.png" for number in range(1, 5)]
    write_sheet(folder / tb.SHEETS[1], sick, [NIAID, f" {NIAID}", "kaggle.com/x", "see paper"])


def test_films_are_listed_by_name_and_the_folder_is_the_label(films: Path) -> None:
    found = read_folder(films)
    assert [film.sample_id for film in found[:2]] == ["Normal-1", "Normal-2"]
    assert [film.label for film in found] == [0] * 6 + [1] * 4
    assert {(film.patient, film.official) for film in found} == {("", "")}
    assert {str(film.subgroups) for film in found} == {"{}"}
    assert tb.describe(films) == (
        "10 films (6 normal, 4 tuberculosis), of unknown source: no spreadsheets here"
    )


def test_a_film_is_read_without_a_mask(films: Path) -> None:
    film = read_folder(films)[-1]
    radiograph = film.read()
    assert radiograph.image.shape == (32, 32) and radiograph.label == 1
    assert radiograph.mask is None and radiograph.boxes == () and radiograph.note == ""
    assert radiograph.file_bytes == film.path.stat().st_size > 0


def test_the_source_is_the_host_of_the_address(films: Path) -> None:
    write_sheets(films)
    sources = {film.sample_id: film.subgroups["source"] for film in read_folder(films)}
    assert sources == {
        **{f"Normal-{number}": "kaggle.com" for number in range(1, 5)},
        "Normal-5": "unknown",
        "Normal-6": "unknown",
        "Tuberculosis-1": "tbportals.niaid.nih.gov",
        "Tuberculosis-2": "tbportals.niaid.nih.gov",
        "Tuberculosis-3": "kaggle.com",
        "Tuberculosis-4": "unknown",
    }
    assert tb.describe(films).endswith(
        "5 from kaggle.com, 3 from unknown, 2 from tbportals.niaid.nih.gov"
    )


def test_a_folder_and_its_archive_import_alike(films: Path, tmp_path: Path) -> None:
    write_sheets(films)
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in films.rglob("*"):
            file.write(path, f"TB_Chest_Radiography_Database/{path.relative_to(films)}")
    listed = []
    for number, source in enumerate((films, films.parent, archive)):
        if source == films.parent:  # the folder around it, as the archive unpacks to
            archive_elsewhere = tmp_path / "around" / films.name
            archive_elsewhere.parent.mkdir()
            films.rename(archive_elsewhere)
            source = archive_elsewhere.parent
        root = tmp_path / f"data-{number}"
        said = importing.import_dataset("tb", source, tmp_path / "cache", root)
        assert "10 films" in said and "next: dvc exp run -S dataset.name=tb" in said
        files = (root / "tb").rglob("*")
        listed.append(sorted(str(path.relative_to(root)) for path in files if path.is_file()))
        assert len(read_folder(root / "tb")) == 10
    assert listed[0] == listed[1] == listed[2] and len(listed[0]) == 12


def test_without_a_source_it_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Kaggle account") as caught:
        importing.import_dataset("tb", None, tmp_path / "cache", tmp_path / "data")
    assert tb.KAGGLE in str(caught.value) and "\n" not in str(caught.value)
    assert "radrobust data tb --from FOLDER_OR_ZIP" in str(caught.value)
    assert not any(tmp_path.iterdir())


def test_it_has_its_place_among_the_sources(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    link = Path(__file__).parents[2] / paths.SOURCES / "tb"
    assert link.is_symlink() and link.readlink() == Path("../data/tb")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        InputError, match="data/tb is not here; run `radrobust data tb --from"
    ) as caught:
        locate(get_dataset("tb"))
    assert str(caught.value).endswith("first")


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/worksheets/sheet1.xml", bytes(tb.MAX_SHEET + 1))


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


BROKEN: list[tuple[Callable[[Path], object], str]] = [
    (lambda folder: (folder / "Normal").rename(folder / "Healthy"), "lacks Normal/; a TB_Chest"),
    (lambda folder: empty(folder / "Tuberculosis"), r"Tuberculosis holds no \.png files"),
    (
        lambda folder: (folder / "Normal" / "Tuberculosis-1.png").write_bytes(b""),
        "Normal/Tuberculosis-1.png and Tuberculosis/Tuberculosis-1.png; names must differ",
    ),
    (lambda folder: (folder / tb.SHEETS[0]).write_bytes(b"<html>"), "is not a spreadsheet"),
    (lambda folder: zipfile.ZipFile(folder / tb.SHEETS[0], "w").close(), "is not a spreadsheet"),
    (lambda folder: bomb(folder / tb.SHEETS[1]), "unpacks to more than 100 MiB"),
    (
        lambda folder: write_sheet(folder / tb.SHEETS[1], ["a"], [RSNA], URL="ADDRESS"),
        r"Tuberculosis\.metadata\.xlsx lacks column URL; it needs FILE NAME, URL",
    ),
]


@pytest.mark.parametrize(("damage", "message"), BROKEN)
def test_a_broken_folder_is_told_of_in_one_line_and_leaves_nothing(
    films: Path, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(films)
    with pytest.raises(InputError, match=message) as caught:
        importing.import_dataset("tb", films, tmp_path / "cache", tmp_path / "data")
    assert "\n" not in str(caught.value) and str(films) in str(caught.value)
    assert not (tmp_path / "data").exists() or not any((tmp_path / "data").iterdir())
