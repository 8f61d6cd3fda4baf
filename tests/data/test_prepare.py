from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from radrobust import paths
from radrobust.data import fracatlas
from radrobust.data.dataset import datasets
from radrobust.data.importing import import_dataset
from radrobust.errors import InputError
from radrobust.params import Params
from radrobust.samples import load_samples
from radrobust.stages.prepare import prepare

Build = Callable[..., Params]
Draw = Callable[..., Path]
FRACATLAS = {"name": "fracatlas", "image_size": 32}


@pytest.fixture(autouse=True)
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty study as working directory."""
    folder = tmp_path / "study"
    (folder / "sources").mkdir(parents=True)
    (folder / "sources" / "fracatlas").symlink_to("../data/fracatlas")
    monkeypatch.chdir(folder)
    return folder


def test_the_phantom_is_prepared_with_nothing_run_first(
    params: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(params())
    samples = load_samples()
    assert samples.images.shape == (24, 32, 32) and samples.images.dtype == np.uint8
    assert samples.masks.shape == (24, 32, 32) and samples.masks.dtype == np.bool_
    np.testing.assert_array_equal(samples.masks.any(axis=(1, 2)), samples.table["label"] == 1)
    assert samples.table["sample_id"].iloc[17] == "phantom-00017"
    assert samples.dataset["classes"] == ["no fracture", "fracture"]
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_the_table_has_the_columns_of_the_contract(params: Build) -> None:
    prepare(params())
    table = load_samples().table
    types = {
        "sample_id": "str",
        "label": "int8",
        "split": "str",
        "group": "str",
        "width": "int32",
        "height": "int32",
        "mode": "str",
        "truncated": "bool",
        "film": "object",
        "regions": "int16",
        "boxes": "object",
        "mask_area": "float32",
        "note": "str",
    }
    assert list(table.columns[: len(types)]) == list(types)
    assert {name: str(table[name].dtype) for name in types} == types
    assert all(column.startswith("subgroup_") for column in table.columns[len(types) :])
    assert {"subgroup_region", "subgroup_hardware"} <= set(table.columns)
    assert not table.isna().any().any()
    assert (table["regions"] == table["boxes"].map(len)).all()


def test_a_study_is_the_same_twice(params: Build) -> None:
    prepare(params())
    first = load_samples()
    images, masks = first.images.copy(), first.masks.copy()
    prepare(params())
    second = load_samples()
    pd.testing.assert_frame_equal(first.table, second.table)
    np.testing.assert_array_equal(images, second.images)
    np.testing.assert_array_equal(masks, second.masks)


def test_boxes_and_masks_agree_in_the_frame(params: Build, drawn: Path) -> None:
    import_dataset("fracatlas", drawn)
    prepare(params(dataset=FRACATLAS))
    samples = load_samples()
    for boxes, mask, image in zip(
        samples.table["boxes"], samples.masks, samples.images, strict=True
    ):
        for x0, y0, x1, y1 in boxes:
            rows, columns = np.nonzero(mask)
            edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert np.abs(np.subtract(edges, [x0, y0, x1, y1])).max() <= 0.51
            assert image[mask].min() > 100
    assert samples.dataset["licence"] == "CC BY 4.0"


def test_real_films_that_show_the_same_stay_in_one_split(
    params: Build, real_part: Path, chosen: Any
) -> None:
    import_dataset("fracatlas", real_part)
    prepare(params(dataset=FRACATLAS))
    table = load_samples().table.set_index("sample_id")
    assert table.groupby("group")["split"].nunique().max() == 1
    for one, other in chosen.shown_twice:
        assert table.loc[one, "group"] == table.loc[other, "group"]
    noted = table.loc[table["note"].str.contains("labelled both ways")]
    assert set(noted.index) == set(chosen.labelled_both_ways)
    assert "same picture as IMG0004243, labelled" in str(table.loc["IMG0002886", "note"])
    assert table["truncated"].sum() >= 3


def test_a_dataset_that_is_not_here_is_told_of(params: Build) -> None:
    message = "data/fracatlas is not here; run `radrobust data fracatlas --from FOLDER_OR_ZIP`"
    with pytest.raises(InputError, match=message):
        prepare(params(dataset=FRACATLAS))
    with pytest.raises(InputError, match=r"dataset\.name: dataset 'phantm' does not exist; did"):
        prepare(params(dataset={"name": "phantm", "image_size": 32}))
    assert not paths.RESULTS.exists()


def test_a_failure_leaves_what_was_there(params: Build, drawn: Path) -> None:
    prepare(params())
    before = (paths.SAMPLES / "images.npy").read_bytes()
    import_dataset("fracatlas", drawn)
    (paths.DATA / "fracatlas" / fracatlas.FOLDERS[1] / "IMG0000020.jpg").write_bytes(b"none")
    with pytest.raises(InputError, match=r"IMG0000020\.jpg cannot be read as an image"):
        prepare(params(dataset=FRACATLAS))
    assert (paths.SAMPLES / "images.npy").read_bytes() == before
    assert [path.name for path in paths.RESULTS.iterdir()] == ["samples"]


def test_too_few_films_to_split_leave_nothing(
    params: Build, draw_films: Draw, tmp_path: Path
) -> None:
    import_dataset("fracatlas", draw_films(tmp_path / "FracAtlas", absent=20, present=2))
    with pytest.raises(InputError, match="of 2 films with label 1"):
        prepare(params(dataset=FRACATLAS))
    assert not paths.SAMPLES.exists()


def test_samples_that_are_not_here_are_told_of() -> None:
    with pytest.raises(InputError, match="run `dvc repro prepare` first"):
        load_samples()


def test_every_dataset_tells_what_it_is() -> None:
    assert set(datasets()) >= {"phantom", "fracatlas"}
    for name, dataset in datasets().items():
        assert name == dataset.name
        facts = (dataset.title, dataset.licence, dataset.citation, dataset.source, dataset.finding)
        assert all(facts) and len(dataset.classes) == 2
        json.dumps(dataset.classes)


def test_the_data_layer_needs_no_torch() -> None:
    code = "import sys, radrobust.stages.prepare; from radrobust.data.dataset import datasets; "
    code += "datasets(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
