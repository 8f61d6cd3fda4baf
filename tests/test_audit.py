"""The stage audit: on a drawn FracAtlas with every fault, and on the real one."""

from __future__ import annotations

import csv
import hashlib
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFile, ImageOps

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.params import Params
from radrobust.core.tables import data as tables
from radrobust.data.audit import KINDS, find_faults, find_pairs
from radrobust.data.datasets import fracatlas
from radrobust.data.splitting import group
from radrobust.stages.audit import audit
from radrobust.stages.read import read

Build = Callable[..., Params]
FRACATLAS = {"name": "fracatlas", "image_size": 32}


class Found(NamedTuple):
    faults: pd.DataFrame
    pairs: pd.DataFrame
    probes: pd.DataFrame

    def films(self, kind: str) -> set[str]:
        return set(self.faults.loc[self.faults["kind"] == kind, "sample_id"])

    def said(self, kind: str) -> dict[str, str]:
        rows = self.faults[self.faults["kind"] == kind]
        return dict(zip(rows["sample_id"], rows["fault"], strict=True))

    def near(self, mirrored: bool) -> set[tuple[str, str]]:
        rows = self.pairs[~self.pairs["picture"] & (self.pairs["mirrored"] == mirrored)]
        return set(zip(rows["one"], rows["other"], strict=True))


def results(root: Path) -> Found:
    return Found(*(table.read(root) for table in (tables.FAULTS, tables.PAIRS, tables.PROBES)))


def study_in(folder: Path, source: Path) -> Path:
    (folder / "sources").mkdir(parents=True)
    (folder / "sources" / "fracatlas").symlink_to(source)
    return folder


# --- A drawn folder ------------------------------------------------------------------------


def spoil(folder: Path) -> None:
    """Put one fault of each kind among the films."""
    absent, present = (folder / name for name in fracatlas.FOLDERS)

    def film(number: int) -> Path:
        return (present if number >= 14 else absent) / f"IMG{number:07d}.jpg"

    film(1).write_bytes(film(0).read_bytes())
    film(20).write_bytes(film(0).read_bytes())
    with Image.open(film(2)) as picture:
        picture.point(lambda grey: round(0.9 * grey + 10)).save(film(3), quality=95)
        ImageOps.mirror(picture).save(film(21), quality=95)
    with Image.open(film(4)) as picture:
        picture.resize((80, 96)).save(film(4), quality=90)
    content = film(4).read_bytes()
    film(5).write_bytes(content[: round(0.8 * len(content))])
    film(6).write_bytes(b"no film")
    with Image.open(film(7)) as picture:
        framed = picture.resize((400, 480))
        framed.paste(255, (0, 0, 400, 20))
        framed.save(film(7), quality=90)
    rows = list(csv.reader((folder / fracatlas.TABLE).read_text().splitlines()))
    rows[1 + 8][-1] = "1"
    del rows[1 + 9]
    with (folder / fracatlas.TABLE).open("w", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture
def drawn_study(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    spoil(drawn)
    monkeypatch.chdir(study_in(tmp_path / "study", drawn))
    return drawn


@pytest.mark.usefixtures("drawn_study")
def test_each_fault_is_found_and_what_was_done_is_said(
    params: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    read(params(dataset=FRACATLAS))
    audit(params(dataset=FRACATLAS))
    found = results(Path())

    def names(*numbers: int) -> set[str]:
        return {f"IMG{number:07d}" for number in numbers}

    assert set(found.faults["kind"]) == set(KINDS) - {"burned_in", "numbered"}  # of DICOM alone
    assert found.films("unreadable") == names(6)
    assert found.films("truncated") == names(5)
    assert found.films("same_picture") == names(0, 1, 20)
    assert found.films("near_duplicate") == names(2, 3, 4, 5)
    assert found.films("mirrored") == names(2, 3, 21)
    assert found.films("both_ways") == names(0, 1, 20, 2, 3, 21)
    assert found.films("border") == names(7)
    assert found.said("label") == {"IMG0000008": "dataset.csv says 1 for a film in Non_fractured"}
    assert found.said("note")["IMG0000009"] == "no row in dataset.csv"
    assert "truncated" not in "".join(found.said("note").values())
    assert found.said("same_picture")["IMG0000001"] == (
        "same picture as IMG0000000, IMG0000020, pixel by pixel"
    )
    assert found.said("both_ways")["IMG0000021"].startswith("labelled fracture; IMG0000002, IMG")
    assert found.films("tiny") >= names(0, 1, 2) and "IMG0000007" not in found.films("tiny")
    assert (found.faults["done"] != "").all()
    order = found.faults["kind"].map(KINDS.index)
    assert order.is_monotonic_increasing

    out = capsys.readouterr().out
    for kind in set(found.faults["kind"]):
        assert f"{len(found.films(kind))} {kind}" in out
    over = found.probes.loc[found.probes["auroc"] > 0.75, "probe"]
    assert "thumbnail" in set(over)  # the square that all fractures have
    for probe in found.probes["probe"]:
        assert (f"warning: {probe} alone" in out) == (probe in set(over))


@pytest.mark.usefixtures("drawn_study")
def test_what_is_alike_hangs_together(params: Build) -> None:
    read(params(dataset=FRACATLAS))
    audit(params(dataset=FRACATLAS))
    found = results(Path())
    table = tables.FILMS.read().set_index("sample_id", drop=False)
    groups = group(table, found.pairs)
    for together in ((0, 1, 20), (2, 3, 21), (4, 5)):
        assert len({groups[f"IMG{number:07d}"] for number in together}) == 1
    assert groups.nunique() == 27 - 2 - 2 - 1
    assert found.near(mirrored=False) >= {("IMG0000002", "IMG0000003")}
    assert not found.pairs.duplicated(["one", "other"]).any()


@pytest.mark.usefixtures("drawn_study")
def test_the_audit_is_the_same_twice(params: Build) -> None:
    read(params(dataset=FRACATLAS))
    audit(params(dataset=FRACATLAS))
    first = {file.name: file.read_bytes() for file in paths.AUDIT.iterdir()}
    audit(params(dataset=FRACATLAS))
    assert first == {file.name: file.read_bytes() for file in paths.AUDIT.iterdir()}


def test_films_that_are_not_here_are_told_of(
    params: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="run `dvc repro` first"):
        audit(params())
    assert not paths.AUDIT.exists()


def films(pictures: str, labels: str) -> pd.DataFrame:
    """A film a letter: the same letter, the same picture."""
    return pd.DataFrame(
        {
            "sample_id": [f"film-{place:05d}" for place in range(len(pictures))],
            "label": [int(label) for label in labels],
            "picture": list(pictures),
            "width": 400,
            "height": 400,
            "truncated": False,
            "border": 0.0,
            "note": "",
        }
    )


def test_many_copies_of_one_picture_are_a_chain() -> None:
    table = films("a" * 3000 + "bcb", "0" * 3003)
    thumbnails = np.zeros((3003, 48, 48), np.uint8)
    thumbnails[:3000] = np.random.default_rng(0).integers(0, 255, (48, 48))
    pairs = find_pairs(table, thumbnails)
    assert len(pairs) == 2999 + 1 and pairs["picture"].all()
    assert group(table.assign(patient=""), pairs).nunique() == 3
    nothing = pd.DataFrame({"sample_id": [], "label": [], "fault": []})
    found = find_faults(table, nothing, pairs, ["no", "yes"])
    assert len(found) == 3002 and set(found["kind"]) == {"same_picture"}
    assert found["fault"].iloc[5] == (
        "same picture as film-00000, film-00001, film-00002 and 2996 more, pixel by pixel"
    )


def test_both_labels_are_seen_through_nearly_the_same_picture() -> None:
    table = films("aabbc", "00011")
    thumbnails = np.random.default_rng(0).integers(0, 255, (5, 48, 48)).astype(np.uint8)
    thumbnails[1:4] = thumbnails[0]
    pairs = find_pairs(table, thumbnails)
    nothing = pd.DataFrame({"sample_id": [], "label": [], "fault": []})
    found = find_faults(table, nothing, pairs, ["no", "yes"])
    both = found[found["kind"] == "both_ways"].set_index("sample_id")["fault"]
    assert list(both.index) == [f"film-0000{place}" for place in range(4)]
    assert both["film-00000"] == "labelled no; film-00003, which shows the same, is labelled yes"
    near = found[found["kind"] == "near_duplicate"]
    assert list(near["sample_id"]) == [f"film-0000{place}" for place in range(4)]


def test_what_dicom_headers_say_is_a_fault_of_its_own() -> None:
    numbered = "its path held the patient's identifier, name or birth date"
    text = "text is burnt into the image, as BurnedInAnnotation says"
    table = films("abc", "001").assign(note=[f"{text}; {numbered}", numbered, "turned"])
    faults = ["the file cannot be read: none; save it", f"the file is empty; {numbered}"]
    unreadable = pd.DataFrame({"sample_id": ["x", "y"], "label": 0, "fault": faults})
    no_pairs = find_pairs(table, np.zeros((3, 48, 48), np.uint8))
    found = find_faults(table, unreadable, no_pairs, ["no", "yes"])
    assert found[["sample_id", "kind", "fault"]].to_numpy().tolist() == [
        ["x", "unreadable", "the file cannot be read: none; save it"],
        ["y", "unreadable", "the file is empty"],
        ["film-00000", "burned_in", text],
        ["film-00000", "numbered", numbered],
        ["film-00001", "numbered", numbered],
        ["y", "numbered", numbered],
        ["film-00002", "note", "turned"],
    ]


# --- The real FracAtlas --------------------------------------------------------------------


@pytest.fixture(scope="module")
def real_audit(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    """What the audit says of all real films."""
    folder = study_in(tmp_path_factory.mktemp("real") / "study", real)
    text = (Path(__file__).parents[1] / "params.yaml").read_text()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("params.yaml").write_text(text.replace("name: phantom #", "name: fracatlas #"))
        from radrobust.core.params import load_params

        params = load_params()
        read(params)
        audit(params)
        yield results(folder)


class Truth(NamedTuple):
    """What is wrong with the real films, found without the project's help."""

    truncated: set[str]
    disagreeing: set[str]
    same_bytes: set[frozenset[str]]
    same_pixels: set[frozenset[str]]
    both_ways: set[str]


@pytest.fixture(scope="module")
def truth(real: Path) -> Truth:
    files = sorted(real.glob("images/*/*.jpg"))
    truncated = set()
    by_bytes: dict[str, set[str]] = {}
    by_pixels: dict[str, set[str]] = {}
    for file in files:
        by_bytes.setdefault(hashlib.md5(file.read_bytes()).hexdigest(), set()).add(file.stem)
        try:
            with Image.open(file) as picture:
                picture.load()
        except OSError:
            truncated.add(file.stem)
        with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
            patch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
            warnings.simplefilter("ignore")
            with Image.open(file) as picture:
                upright = ImageOps.exif_transpose(picture).convert("L")
        pixels = json.dumps(upright.size).encode() + upright.tobytes()
        by_pixels.setdefault(hashlib.md5(pixels).hexdigest(), set()).add(file.stem)
    label = {file.stem: file.parent.name == "Fractured" for file in files}
    with (real / fracatlas.TABLE).open(newline="") as table:
        said = {
            Path(row["image_id"]).stem: row["fractured"] == "1" for row in csv.DictReader(table)
        }
    groups = [
        {frozenset(names) for names in found.values() if len(names) > 1}
        for found in (by_bytes, by_pixels)
    ]
    contradicted = [names for names in groups[1] if len({label[name] for name in names}) == 2]
    return Truth(
        truncated,
        {name for name in label if said[name] != label[name]},
        *groups,
        {name for names in contradicted for name in names},
    )


def connected(pairs: pd.DataFrame) -> set[frozenset[str]]:
    names = sorted(set(pairs["one"]) | set(pairs["other"]))
    table = pd.DataFrame({"sample_id": names, "patient": ""})
    return {frozenset(found) for _, found in table.groupby(group(table, pairs))["sample_id"]}


def test_every_real_fault_is_found_and_no_other(real_audit: Found, truth: Truth) -> None:
    assert real_audit.films("truncated") == truth.truncated and len(truth.truncated) > 50
    assert real_audit.films("label") == truth.disagreeing == {"IMG0003298"}
    exact = connected(real_audit.pairs[real_audit.pairs["picture"]])
    assert exact == truth.same_pixels
    assert all(any(names <= found for found in exact) for names in truth.same_bytes)
    assert real_audit.films("same_picture") == {name for names in exact for name in names}
    assert truth.both_ways and real_audit.films("both_ways") >= truth.both_ways
    assert real_audit.films("unreadable") == set()


def test_real_films_that_are_nearly_the_same_are_found(real_audit: Found) -> None:
    """Pairs that were looked at: the same picture resized, saved anew or cut off."""
    seen = {
        ("IMG0000000", "IMG0001370"),
        ("IMG0002298", "IMG0002467"),
        ("IMG0002735", "IMG0004122"),
        ("IMG0002799", "IMG0004145"),
        ("IMG0002952", "IMG0004262"),
        ("IMG0004036", "IMG0004383"),
    }
    alike = {
        ("IMG0003677", "IMG0003799"),
        ("IMG0001717", "IMG0001718"),
        ("IMG0000988", "IMG0001904"),
        ("IMG0000618", "IMG0004273"),
    }
    found = real_audit.near(mirrored=False)
    assert seen <= found and not alike & found
    assert 55 <= len(found) <= 60 and not real_audit.near(mirrored=True)
    assert {"IMG0002952", "IMG0004262", "IMG0002617", "IMG0004028"} <= real_audit.films("both_ways")


def test_no_real_shortcut_is_a_warning(real_audit: Found) -> None:
    found = real_audit.probes.set_index("probe")
    assert (found["low"] <= found["auroc"]).all() and (found["auroc"] <= found["high"]).all()
    assert 0.6 < found["auroc"]["thumbnail"] < 0.75
    assert found["low"]["image_size"] > 0.5 and found["films"].eq(3481).all()
