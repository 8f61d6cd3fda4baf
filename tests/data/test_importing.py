from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from radrobust.data import fracatlas, importing
from radrobust.data.fracatlas import read_folder
from radrobust.data.importing import import_dataset
from radrobust.errors import InputError


def files_in(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), int(path.stat().st_mtime) // 2)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def pack(folder: Path, archive: Path, top: str = "") -> Path:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, top + str(path.relative_to(folder)))
    return archive


@pytest.mark.parametrize("top", ["", "FracAtlas/", "./", "a folder/"])
def test_an_archive_and_its_folder_import_alike(drawn: Path, tmp_path: Path, top: str) -> None:
    expected = files_in(drawn)
    (drawn / "images" / "notes.txt").write_text("not of the layout")
    (drawn / "Utilities").mkdir()
    (drawn / "Utilities" / "dataset.csv").write_text("neither is this")
    (drawn / fracatlas.FOLDERS[0] / "._IMG0000000.jpg").write_bytes(b"nor this")

    found = import_dataset("fracatlas", drawn, tmp_path / "folder")
    packed = import_dataset("fracatlas", pack(drawn, tmp_path / "f.zip", top), tmp_path / "zip")

    assert files_in(tmp_path / "folder" / "fracatlas") == expected
    assert files_in(tmp_path / "zip" / "fracatlas") == expected
    assert "28 films (14 no fracture, 14 fracture)" in found and "28 films" in packed
    assert found.endswith("next: dvc exp run -S dataset.name=fracatlas")
    assert [path.name for path in (tmp_path / "zip").iterdir()] == ["fracatlas"]


def test_an_archive_with_a_system_folder_beside_its_own_is_accepted(
    drawn: Path, tmp_path: Path
) -> None:
    archive = pack(drawn, tmp_path / "f.zip", "FracAtlas/")
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("__MACOSX/FracAtlas/._dataset.csv", "")
    import_dataset("fracatlas", archive, tmp_path / "data")
    assert len(read_folder(tmp_path / "data" / "fracatlas")) == 28


def test_what_was_there_is_replaced_by_a_good_import_and_kept_after_a_bad_one(
    drawn: Path, tmp_path: Path
) -> None:
    place = tmp_path / "data" / "fracatlas"
    import_dataset("fracatlas", drawn, tmp_path / "data")
    before = files_in(place)
    import_dataset("fracatlas", drawn, tmp_path / "data")
    assert files_in(place) == before

    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as file:
        file.writestr("dataset.csv", "image_id")
    with pytest.raises(InputError):
        import_dataset("fracatlas", tmp_path / "bad.zip", tmp_path / "data")
    assert files_in(place) == before

    (drawn / fracatlas.FOLDERS[0] / "IMG0000000.jpg").unlink()
    found = import_dataset("fracatlas", drawn, tmp_path / "data")
    assert "27 films" in found and "1 films that dataset.csv names are not here" in found
    assert len(read_folder(place)) == 27


def test_importing_a_dataset_onto_itself_keeps_it(drawn: Path, tmp_path: Path) -> None:
    import_dataset("fracatlas", drawn, tmp_path / "data")
    before = files_in(tmp_path / "data")
    import_dataset("fracatlas", tmp_path / "data" / "fracatlas", tmp_path / "data")
    assert files_in(tmp_path / "data") == before


# --- Sources that are refused ----------------------------------------------------------------

Maker = Callable[[Path, Path], Path]
"""Makes a source from a good folder, in a scratch folder."""


def missing(_folder: Path, scratch: Path) -> Path:
    return scratch / "nowhere"


def empty_folder(_folder: Path, scratch: Path) -> Path:
    (scratch / "empty").mkdir()
    return scratch / "empty"


def without_images(folder: Path, _scratch: Path) -> Path:
    (folder / "images").rename(folder / "pictures")
    return folder


def text_file(_folder: Path, scratch: Path) -> Path:
    (scratch / "FracAtlas.zip").write_text("<html>You will be redirected</html>")
    return scratch / "FracAtlas.zip"


def empty_zip(_folder: Path, scratch: Path) -> Path:
    with zipfile.ZipFile(scratch / "f.zip", "w"):
        return scratch / "f.zip"


def cut_zip(folder: Path, scratch: Path) -> Path:
    archive = pack(folder, scratch / "f.zip")
    archive.write_bytes(archive.read_bytes()[:-500])
    return archive


def flipped_zip(folder: Path, scratch: Path) -> Path:
    archive = pack(folder, scratch / "f.zip")
    content = bytearray(archive.read_bytes())
    content[2000:2100] = bytes(100)
    archive.write_bytes(content)
    return archive


def zip_with(name: str, mode: int = stat.S_IFREG | 0o644) -> Maker:
    def make(folder: Path, scratch: Path) -> Path:
        archive = pack(folder, scratch / "f.zip")
        with zipfile.ZipFile(archive, "a") as file:
            info = zipfile.ZipInfo("x" * len(name))
            info.external_attr = mode << 16
            file.writestr(info, "../../outside")
        # zipfile itself would tidy the name up
        content = archive.read_bytes().replace(b"x" * len(name), name.encode())
        archive.write_bytes(content)
        return archive

    return make


def zip_with_broken_table(folder: Path, scratch: Path) -> Path:
    (folder / fracatlas.TABLE).write_text("image_id\n")
    return pack(folder, scratch / "f.zip")


def zip_without_fractures(folder: Path, scratch: Path) -> Path:
    (folder / fracatlas.FOLDERS[1]).rename(scratch / "elsewhere")
    return pack(folder, scratch / "f.zip")


def encrypted_zip(folder: Path, scratch: Path) -> Path:
    archive = pack(folder, scratch / "f.zip")
    content = bytearray(archive.read_bytes())
    start = content.index(b"PK\x01\x02")
    content[start + 8] |= 1
    archive.write_bytes(content)
    return archive


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (missing, "does not exist; give a folder or a ZIP archive"),
        (empty_folder, "lacks images/Non_fractured/; a FracAtlas folder holds"),
        (without_images, "lacks images/Non_fractured/; a FracAtlas folder holds"),
        (text_file, "neither a folder nor a whole ZIP archive"),
        (empty_zip, r"holds no images/Non_fractured/\*\.jpg; it needs"),
        (cut_zip, "ZIP archive"),
        (flipped_zip, "damaged ZIP archive"),
        (zip_with("../../evil.txt"), "leads out of its folder"),
        (zip_with("images/../../../evil.txt"), "leads out of its folder"),
        (zip_with("/tmp/evil.txt"), "leads out of its folder"),
        (zip_with("C:\\evil.txt"), "leads out of its folder"),
        (zip_with("evil.txt\0.jpg"), "leads out of its folder"),
        (zip_with("images/Fractured/link.jpg", stat.S_IFLNK | 0o777), "a link or device"),
        (zip_with("images/Fractured/pipe.jpg", stat.S_IFIFO | 0o644), "a link or device"),
        (zip_with_broken_table, r"f\.zip/dataset\.csv lacks column hand"),
        (zip_without_fractures, r"holds no images/Fractured/\*\.jpg"),
        (encrypted_zip, "is encrypted"),
    ],
)
def test_a_bad_source_ends_in_one_line_and_leaves_nothing(
    drawn: Path, tmp_path: Path, make: Maker, message: str
) -> None:
    (tmp_path / "scratch").mkdir()
    source = make(drawn, tmp_path / "scratch")
    before = files_in(tmp_path)
    with pytest.raises(InputError, match=message) as caught:
        import_dataset("fracatlas", source, tmp_path / "root" / "data")
    assert "\n" not in str(caught.value)
    assert files_in(tmp_path) == before
    assert list((tmp_path / "root").rglob("*")) in ([], [tmp_path / "root" / "data"])


def test_an_archive_that_unpacks_to_too_much_is_refused(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (drawn / fracatlas.FOLDERS[0] / "bomb.jpg").write_bytes(bytes(5_000_000))
    archive = pack(drawn, tmp_path / "f.zip")
    monkeypatch.setattr(importing, "MAX_BYTES", 1_000_000)
    with pytest.raises(InputError, match="unpacks to more than"):
        import_dataset("fracatlas", archive, tmp_path / "data")


def test_an_archive_that_lies_about_its_size_is_refused(drawn: Path, tmp_path: Path) -> None:
    (drawn / fracatlas.FOLDERS[0] / "bomb.jpg").write_bytes(bytes(5_000_000))
    archive = pack(drawn, tmp_path / "f.zip")
    true_size, told = (size.to_bytes(4, "little") for size in (5_000_000, 50))
    content = archive.read_bytes()
    assert content.count(true_size) == 2
    archive.write_bytes(content.replace(true_size, told))
    with pytest.raises(InputError, match="damaged ZIP archive"):
        import_dataset("fracatlas", archive, tmp_path / "data")
    assert not any((tmp_path / "data").iterdir())


def test_an_archive_of_too_many_files_is_refused(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = pack(drawn, tmp_path / "f.zip")
    monkeypatch.setattr(importing, "MAX_FILES", 10)
    with pytest.raises(InputError, match="10 are allowed"):
        import_dataset("fracatlas", archive, tmp_path / "data")


def test_datasets_that_cannot_be_imported_are_told_of(drawn: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"phantom is drawn, not imported; .*: fracatlas"):
        import_dataset("phantom", drawn, tmp_path / "data")
    with pytest.raises(InputError, match="'fractlas' does not exist; did you mean fracatlas"):
        import_dataset("fractlas", drawn, tmp_path / "data")


def test_a_link_in_the_place_of_the_dataset_is_left_alone(drawn: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "fracatlas").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="is a link; remove it"):
        import_dataset("fracatlas", drawn, tmp_path / "data")


def test_an_unwritable_place_ends_in_one_line(drawn: Path, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(InputError, match=r"cannot be imported: (File exists|Not a directory)"):
        import_dataset("fracatlas", drawn, tmp_path / "data")
