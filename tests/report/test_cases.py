"""The document of the case browser agrees with the tables, and its pictures with the arrays."""

import hashlib
import io
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.tables.predictions import PREDICTIONS
from radrobust.evaluation.attributions import exceeds_tolerance
from radrobust.report.kit import layers
from radrobust.report.kit.pictures import Scale
from radrobust.report.kit.study import CLEAN, IMAGES
from radrobust.report.pages import cases
from radrobust.stages import cases as stage


@pytest.fixture(scope="session")
def written(study):
    """The folder that stage cases writes."""
    run(study)
    return study.root / paths.CASES


@pytest.fixture(scope="session")
def found(written):
    """What the page is told."""
    return told(written)


def run(study):
    before = Path.cwd()
    os.chdir(study.root)
    try:
        stage.cases(study.params)
    finally:
        os.chdir(before)


def told(folder):
    text = (folder / stage.DATA).read_text()
    opening = "window.radrobustCases = "
    assert text.startswith(opening) and text.endswith("}\n")
    return json.loads(text.removeprefix(opening))


def predictions(study, system, condition):
    table = PREDICTIONS.read(study.root, system)
    return table[table["condition"] == condition].set_index("sample_id")


def decoded(file, mode="RGBA"):
    return np.asarray(Image.open(file).convert(mode))


def digests(folder):
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_films_are_those_of_the_test_split(study, found):
    table = study.samples.table
    test = table[table["split"] == "test"].reset_index(drop=True)
    assert [film["name"] for film in found["films"]] == test["sample_id"].tolist()
    for film, (_, row) in zip(found["films"], test.iterrows(), strict=True):
        assert film["label"] == row["label"]
        assert (film["width"], film["height"]) == (row["width"], row["height"])
        assert film["box"] == list(row["extent"])
        assert film["groups"] == [row["subgroup_region"]]
        assert bool(film["outline"]) == (row["mask_area"] > 0)
    assert found["subgroups"] == [
        {"key": "subgroup_region", "title": "Region", "members": ["hand", "leg"]}
    ]


def test_outlines_are_those_of_the_masks(study, found):
    masks = study.samples.masks[study.samples.rows("test")]
    for film, mask in zip(found["films"], masks, strict=True):
        assert film["outline"] == (layers.edges(mask) if mask.any() else "")


def test_answers_are_those_of_the_tables(study, found):
    names = [film["name"] for film in found["films"]]
    assert list(found["answers"]) == study.systems
    for system, said in found["answers"].items():
        clean = predictions(study, system, CLEAN).loc[names]
        attacked = predictions(study, system, study.attacked).loc[names]
        assert said["clean"] == pytest.approx(clean["probability"].tolist(), abs=1e-4)
        assert said["attacked"] == pytest.approx(attacked["probability"].tolist(), abs=1e-4)
        assert said["said"] == clean["predicted"].tolist()
        assert said["after"] == attacked["predicted"].tolist()
        right = clean["predicted"] == clean["label"]
        broken = right & (attacked["predicted"] != attacked["label"])
        assert said["broken"] == broken.astype(int).tolist()
        explained = study.attributions(system).drop_duplicates("sample_id").set_index("sample_id")
        for name in study.explained(system):
            place = names.index(name)
            assert said["changed"][place] == explained["changed"][name]
            assert said["broken"][place] == explained["misclassified"][name]


def test_a_tie_is_no_finding():
    row = {"clean_logit_0": 0.5, "clean_logit_1": 0.5, "probability": 0.5, "predicted": 0}
    table = pd.DataFrame([row | {"label": 1, "linf": 0.0}])
    said = cases.answers(table)
    assert said["said"] == [0] and said["clean"] == [0.5] and said["broken"] == [0]


def test_what_is_said_of_maps_is_in_the_tables(study, found):
    for system in study.systems:
        table = study.attributions(system)
        rows = {
            (row["image"], row["sample_id"], row["explainer"]): row for _, row in table.iterrows()
        }
        off = dict(zip(rows, exceeds_tolerance(table) & table["delta"].notna(), strict=True))
        about = found["maps"][system]
        for (image, name, method), row in rows.items():
            at = IMAGES.index(image), found["explained"].index(name)
            column = study.params.explain.methods.index(method)
            hit, expected = about["hit"][at[0]][at[1]][column], row["mask_coverage_5"]
            assert hit is None if np.isnan(expected) else hit == pytest.approx(expected, abs=1e-4)
            assert about["off"][at[0]][at[1]][column] == off[image, name, method]
            assert about["zero"][at[0]][at[1]][column] == (row["largest"] == 0)
    assert sum(sum(sum(row) for row in one) for one in found["maps"][system]["zero"]) > 0


def test_a_map_that_does_not_add_up_is_marked(study, monkeypatch):
    system = study.systems[0]
    table = study.attributions(system)
    name = study.explained(system)[1]
    one = (table["image"] == "attacked") & (table["sample_id"] == name)
    table.loc[one & (table["explainer"] == "deeplift"), "delta"] = 3.0
    monkeypatch.setattr(type(study), "attributions", lambda study, system: table)
    off = cases.maps_said(study, system)["off"]
    assert off[1][1][study.params.explain.methods.index("deeplift")] == 1
    assert sum(map(sum, off[0])) == 0 and sum(map(sum, off[1])) == 1


def test_a_sprite_has_every_map_in_its_place(study, written, found):
    side, methods = study.params.dataset.image_size, study.params.explain.methods
    for system in study.systems:
        scales = {}
        for method in methods:
            maps = study.maps(system, method)
            scales[method] = maps, Scale.of(np.concatenate(list(maps.values())))
        said, names = found["answers"][system], [film["name"] for film in found["films"]]
        for place, name in enumerate(study.explained(system)):
            sheet = decoded(written / f"maps/{system}/{name}.webp").astype(int)
            rows = 1 + said["changed"][names.index(name)]
            assert sheet.shape == (rows * side, len(methods) * side, 4)
            for column, (maps, scale) in enumerate(scales.values()):
                assert found["maps"][system]["signed"][column] == scale.signed
                for row, image in enumerate(IMAGES[:rows]):
                    shown = sheet[row * side :, column * side :][:side, :side]
                    paper = 255 if scale.signed else 0
                    seen = paper + (shown[..., :3] - paper) * shown[..., 3:] / 255
                    expected = scale.colour(maps[image][place]).astype(float)
                    # Shades are rounded; a map in the wrong place or colours is far off.
                    assert np.abs(seen - expected).mean() < 4
                    assert np.abs(seen - expected).max() < 30


def test_films_are_those_of_the_arrays(study, written, found):
    names = [film["name"] for film in found["films"]]
    for name, pixels in zip(names, cases.images(study), strict=True):
        assert (decoded(written / f"films/{name}.webp", "L") == pixels).all()
    for system in study.systems:
        images = study.adversarial(system, names).images
        changed = found["answers"][system]["changed"]
        for name, image, moved in zip(names, images, changed, strict=True):
            file = written / f"attacked/{system}/{name}.webp"
            assert file.is_file() == bool(moved)
            if moved:
                shown = decoded(file, "RGB").transpose(2, 0, 1).astype(float)
                assert np.abs(shown - 255 * image).max() <= 0.51


def test_the_same_study_gives_the_same_bytes(study, written):
    before = digests(written)
    run(study)
    assert digests(written) == before and len(before) > 50


def test_all_of_it_is_small(written):
    sizes = [file.stat().st_size for file in written.rglob("*.webp")]
    assert max(sizes) < cases.HEAVIEST
    assert sum(sizes) < 200_000 * len(list(written.glob("maps/*")))
    assert (written / stage.DATA).stat().st_size < 300_000


def test_nothing_is_left_of_films_that_are_gone(study, written):
    stray = written / "films/gone.webp"
    stray.write_bytes(b"")
    run(study)
    assert not stray.exists()


def test_without_what_is_read_nothing_is_replaced(study, written, monkeypatch):
    lost = study.root / f"results/attributions/{study.systems[-1]}/maps.npz"
    hidden = lost.with_suffix(".hidden")
    before = digests(written)
    lost.rename(hidden)
    try:
        with pytest.raises(InputError, match=r"maps\.npz is not here"):
            run(study)
    finally:
        hidden.rename(lost)
    assert digests(written) == before
    assert {file.name for file in written.parent.glob(".cases*")} == set()


@pytest.fixture
def large(study, changed):
    """The same study, as if its radiographs were larger."""
    return changed(study, {"dataset": {"image_size": 448}})


def test_large_films_are_listed_by_small_copies(study, large):
    assert cases.document(study)["thumbnails"] == "films"
    assert cases.document(large)["thumbnails"] == "thumbnails"
    drawn = [path.as_posix() for path, _ in stage._images(study, "thumbnails")]
    names = cases.names(study)
    expected = [f"{folder}/{name}.webp" for name in names for folder in ("films", "thumbnails")]
    assert drawn == expected


def noise(side, rng, channels=()):
    return rng.integers(0, 256, (side, side, *channels), dtype=np.uint8)


@pytest.mark.parametrize("channels", [(), (3,)])
def test_large_films_are_shrunk_and_light_even_if_all_noise(channels):
    data = cases.image(noise(512, np.random.default_rng(1), channels))
    with Image.open(io.BytesIO(data)) as shown:
        assert shown.size == (448, 448)
    assert len(data) <= cases.HEAVIEST
    with Image.open(io.BytesIO(cases.thumbnail(noise(512, np.random.default_rng(1))))) as shown:
        assert shown.size == (64, 64)


def test_large_sprites_are_light_even_if_all_noise():
    rng = np.random.default_rng(2)
    shares = rng.uniform(-1, 1, (6, 2, 1, 112, 112)).astype(np.float32)
    maps = [cases.Maps(np.abs(one), signed=False) for one in shares[:2]]
    maps += [cases.Maps(one, signed=True) for one in shares[2:]]
    data = cases.sprite(maps, 0, changed=True)
    assert len(data) <= 1.2 * cases.HEAVIEST
    with Image.open(io.BytesIO(data)) as shown:
        assert shown.size == (672, 224)


def test_the_frame_says_how_it_is_without_javascript_and_asks_no_other_host():
    source = cases.frame().source
    assert "<noscript>" in source and "http" not in source
