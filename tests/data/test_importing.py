from __future__ import annotations

import random
import stat
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.data.test_supervisely import pack_for_supervisely

from radrobust.core.errors import InputError
from radrobust.data import importing
from radrobust.data.datasets import fracatlas
from radrobust.data.datasets.fracatlas import read_folder


def import_dataset(name: str, source: Path, root: Path) -> str:
    """Import from a source that is given; the cache is not used then."""
    return importing.import_dataset(name, source, root / "no cache", root)


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
    split = drawn / fracatlas.SPLITS["val"]
    split.parent.mkdir(parents=True)
    split.write_text("image_id\nIMG0000014.jpg\n")
    expected = files_in(drawn)
    (drawn / "images" / "notes.txt").write_text("not of the layout")
    (drawn / "Utilities" / "dataset.csv").write_text("neither is this")
    (drawn / fracatlas.FOLDERS[0] / "._IMG0000000.jpg").write_bytes(b"nor this")

    found = import_dataset("fracatlas", drawn, tmp_path / "folder")
    packed = import_dataset("fracatlas", pack(drawn, tmp_path / "f.zip", top), tmp_path / "zip")

    assert files_in(tmp_path / "folder" / "fracatlas") == expected
    assert files_in(tmp_path / "zip" / "fracatlas") == expected
    assert "28 films (14 no fracture, 14 fracture)" in found and "28 films" in packed
    assert "official split: 0 train, 1 val, 0 test" in found
    assert "\nnext: dvc exp run -S dataset.name=fracatlas\n" in found
    assert found.splitlines()[-1].startswith("for a team: dvc add ") and "dvc push" in found
    assert [path.name for path in (tmp_path / "zip").iterdir()] == ["fracatlas"]


def test_an_archive_with_a_system_folder_beside_its_own_is_accepted(
    drawn: Path, tmp_path: Path
) -> None:
    archive = pack(drawn, tmp_path / "f.zip", "FracAtlas/")
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("__MACOSX/FracAtlas/._dataset.csv", "")
    import_dataset("fracatlas", archive, tmp_path / "data")
    assert len(read_folder(tmp_path / "data" / "fracatlas")) == 28


@pytest.mark.parametrize("place", ["ann", "img"])
def test_supervisely_packing_imports_from_a_folder_and_an_archive(
    drawn: Path, tmp_path: Path, place: str
) -> None:
    packed = pack_for_supervisely(drawn, tmp_path / "packed", place)
    archive = pack(packed, tmp_path / "f.zip", "fracatlas-DatasetNinja/")
    import_dataset("fracatlas", packed, tmp_path / "folder")
    found = import_dataset("fracatlas", archive, tmp_path / "zip")
    assert "28 films (14 no fracture, 14 fracture), 14 with outlines, 0 on which" in found
    assert files_in(tmp_path / "zip") == files_in(tmp_path / "folder")
    films = read_folder(tmp_path / "zip" / "fracatlas")
    assert [film.sample_id for film in films] == [film.sample_id for film in read_folder(drawn)]


def test_a_folder_may_have_one_around_it(drawn: Path, tmp_path: Path) -> None:
    (drawn.parent / "unpacked").mkdir()
    drawn.rename(drawn.parent / "unpacked" / "FracAtlas")
    (drawn.parent / "unpacked" / "__MACOSX").mkdir()
    import_dataset("fracatlas", drawn.parent / "unpacked", tmp_path / "data")
    assert len(read_folder(tmp_path / "data" / "fracatlas")) == 28


def test_names_with_spaces_and_of_other_scripts_are_names(drawn: Path, tmp_path: Path) -> None:
    film = sorted((drawn / fracatlas.FOLDERS[1]).iterdir())[-1]
    film.rename(film.with_name("Röntgen 骨折 №1.jpg"))
    place = drawn.rename(tmp_path / "mes données é (1)")
    archive = pack(place, tmp_path / "архив 1.zip", "Мои снимки/")
    for number, source in enumerate((place, archive)):
        import_dataset("fracatlas", source, tmp_path / f"data {number}")
        films = read_folder(tmp_path / f"data {number}" / "fracatlas")
        assert films[-1].sample_id == "Röntgen 骨折 №1" and films[-1].label == 1


def test_links_between_folders_are_not_walked_round(drawn: Path, tmp_path: Path) -> None:
    before = files_in(drawn)
    for name in (".", "images", fracatlas.FOLDERS[0]):
        (drawn / name / "around").symlink_to(drawn, target_is_directory=True)
        (drawn / name / "around.jpg").symlink_to(drawn, target_is_directory=True)
    import_dataset("fracatlas", drawn, tmp_path / "data")
    assert files_in(tmp_path / "data" / "fracatlas") == before


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


def looping_link(_folder: Path, scratch: Path) -> Path:
    (scratch / "loop").symlink_to(scratch / "loop")
    return scratch / "loop"


def folder_with_looping_film(folder: Path, _scratch: Path) -> Path:
    loop = folder / fracatlas.FOLDERS[1] / "IMG0000099.jpg"
    loop.symlink_to(loop)
    return folder


def one_class(folder: Path, _scratch: Path) -> Path:
    (folder / fracatlas.FOLDERS[1]).rename(folder / "elsewhere")
    return folder


def same_film_twice(folder: Path, _scratch: Path) -> Path:
    film = next((folder / fracatlas.FOLDERS[0]).iterdir())
    (folder / fracatlas.FOLDERS[1] / film.name).write_bytes(film.read_bytes())
    return folder


def zip_with_film_in_both_classes(folder: Path, scratch: Path) -> Path:
    return pack(same_film_twice(folder, scratch), scratch / "f.zip")


def film_in_two_splits(folder: Path, _scratch: Path) -> Path:
    for name in fracatlas.SPLITS.values():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("image_id\nIMG0000014.jpg\n")
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


def zip_with_member_twice(name: str) -> Maker:
    """Hold another film under the name of one that is there, written in another way or not."""

    def make(folder: Path, scratch: Path) -> Path:
        archive = pack(folder, scratch / "f.zip")
        with zipfile.ZipFile(archive, "a") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file.writestr(name, "another")
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
        (looping_link, "does not exist; give a folder or a ZIP archive"),
        (folder_with_looping_film, r"IMG0000099\.jpg is no file, or a link that leads nowhere"),
        (one_class, "lacks images/Fractured/; a FracAtlas folder holds"),
        (same_film_twice, "names must differ"),
        (film_in_two_splits, r"valid\.csv lists IMG0000014\.jpg, as does train\.csv"),
        (empty_zip, r"f\.zip lacks images/Non_fractured/; a FracAtlas folder holds"),
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
        (zip_without_fractures, r"f\.zip lacks images/Fractured/; a FracAtlas folder holds"),
        (zip_with_film_in_both_classes, "names must differ"),
        (zip_with_member_twice("dataset.csv"), r"holds 'dataset\.csv' twice"),
        (zip_with_member_twice("./images//Fractured/IMG0000014.jpg"), r"IMG0000014\.jpg' twice"),
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


@pytest.fixture
def small_zip(tmp_path: Path, draw_films: Callable[..., Path]) -> bytes:
    return pack(draw_films(tmp_path / "FracAtlas", 2, 2), tmp_path / "f.zip").read_bytes()


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # made once, and only read
)
@given(
    cut=st.just(1.0) | st.floats(0, 1),
    flips=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255))),
)
def test_a_damaged_archive_is_imported_or_told_of_but_never_half(
    small_zip: bytes, cut: float, flips: list[tuple[float, int]]
) -> None:
    content = bytearray(small_zip[: round(cut * len(small_zip))])
    for place, bits in flips if content else ():
        content[int(place * (len(content) - 1))] ^= bits
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "f.zip").write_bytes(content)
        try:
            import_dataset("fracatlas", folder / "f.zip", folder / "data")
        except InputError as error:
            assert len(str(error).splitlines()) == 1
            assert not (folder / "data").exists() or not any((folder / "data").iterdir())
        else:
            assert read_folder(folder / "data" / "fracatlas")


@pytest.mark.parametrize("seed", range(3))
def test_patterns_find_the_same_in_an_archive_as_in_a_folder(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(40):
        parts = dice.choices(["a", "b", "c d", "ab", ".h"], k=dice.randint(1, 4))
        (tmp_path / "/".join(parts)).mkdir(parents=True, exist_ok=True)
        (tmp_path / "/".join(parts) / dice.choice(["x.png", "y.jpg", ".z.png"])).touch()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    for pattern in ("*/*.png", "**/*.png", "a/**/x.*", "a/**/b/*", "[ab]/?/*", "c d/*.jpg", "**/*"):
        places = (path.relative_to(tmp_path) for path in files)
        found = {str(p) for p in places if importing._matches(p.parts, pattern.split("/"))}
        globbed = (path for path in tmp_path.glob(pattern) if path.is_file())
        assert found == {str(path.relative_to(tmp_path)) for path in globbed}, pattern


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
    with pytest.raises(
        InputError, match=r"phantom is drawn, not imported; .*: folder, fracatlas, tb"
    ):
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


def test_a_full_disk_ends_in_one_line_and_leaves_nothing(drawn: Path, tmp_path: Path) -> None:
    (drawn / fracatlas.FOLDERS[0] / "large.jpg").write_bytes(random.Random(0).randbytes(100_000))
    words = ["import resource, sys; from pathlib import Path"]
    words += ["from radrobust.data.importing import import_dataset"]
    words += ["resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))"]
    words += ["import_dataset('fracatlas', Path(sys.argv[1]), Path(), Path(sys.argv[2]))"]
    for source in (drawn, pack(drawn, tmp_path / "f.zip")):
        ended = subprocess.run(
            [sys.executable, "-c", "\n".join(words), source, tmp_path / "data"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert f"InputError: {source} cannot be imported: File too large\n" in ended.stderr
        assert not any((tmp_path / "data").iterdir())
