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

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.params import Params
from radrobust.core.tables import data as tables
from radrobust.data.datasets.registry import datasets
from radrobust.data.importing import import_dataset
from radrobust.data.samples import load_samples
from radrobust.stages.prepare import prepare

Build = Callable[..., Params]
Draw = Callable[..., Path]
PrepareAll = Callable[[Params], None]
FRACATLAS = {"name": "fracatlas", "image_size": 32}
CACHE = Path("cache")


@pytest.fixture(autouse=True)
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty study as working directory."""
    folder = tmp_path / "study"
    (folder / "sources").mkdir(parents=True)
    (folder / "sources" / "fracatlas").symlink_to("../data/fracatlas")
    monkeypatch.chdir(folder)
    return folder


def test_the_table_has_the_columns_of_the_contract(params: Build, prepare_all: PrepareAll) -> None:
    prepare_all(params())
    samples = load_samples()
    table = samples.table
    pd.testing.assert_frame_equal(table, tables.SAMPLES.checked(table))
    assert "picture" not in table
    assert {"subgroup_region", "subgroup_hardware"} <= set(table.columns)
    assert not table.isna().any().any()
    assert samples.images.shape == (24, 32, 32) and samples.images.dtype == np.uint8
    assert samples.masks.shape == (24, 32, 32) and samples.masks.dtype == np.bool_
    np.testing.assert_array_equal(samples.masks.any(axis=(1, 2)), table["label"] == 1)
    assert table["sample_id"].iloc[17] == "phantom-00017"
    assert samples.dataset["classes"] == ["no fracture", "fracture"]


def test_a_study_is_the_same_twice(params: Build, prepare_all: PrepareAll) -> None:
    prepare_all(params())
    first = load_samples()
    images, masks = first.images.copy(), first.masks.copy()
    prepare_all(params())
    second = load_samples()
    pd.testing.assert_frame_equal(first.table, second.table)
    np.testing.assert_array_equal(images, second.images)
    np.testing.assert_array_equal(masks, second.masks)


def test_boxes_and_masks_agree_in_the_frame(
    params: Build, prepare_all: PrepareAll, drawn: Path
) -> None:
    import_dataset("fracatlas", drawn, CACHE)
    prepare_all(params(dataset=FRACATLAS))
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
    params: Build, prepare_all: PrepareAll, real_part: Path, chosen: Any
) -> None:
    import_dataset("fracatlas", real_part, CACHE)
    prepare_all(params(dataset=FRACATLAS))
    table = load_samples().table.set_index("sample_id")
    assert table.groupby("group")["split"].nunique().max() == 1
    for one, other in chosen.shown_twice:
        assert table.loc[one, "group"] == table.loc[other, "group"]
    assert table.loc[list(chosen.labelled_both_ways), "label"].nunique() == 2
    assert table["truncated"].sum() >= 3


def test_the_authors_split_is_kept_where_they_have_one(
    params: Build, prepare_all: PrepareAll, study: Path
) -> None:
    prepare_all(params())
    drawn = load_samples().table
    with pytest.raises(InputError, match="the dataset has no split of its own; set it to drawn"):
        prepare(params(split={"source": "official", "val": 0.2, "test": 0.3}))
    films = pd.read_parquet(paths.FILMS / "films.parquet")
    films.loc[[0, 1, 2], "official"] = ["val", "test", "train"]
    films.to_parquet(paths.FILMS / "films.parquet", index=False)
    prepare(params(split={"source": "official", "val": 0.2, "test": 0.3}))
    splits = load_samples().table["split"]
    assert splits[:3].tolist() == ["val", "test", "train"]
    pd.testing.assert_series_equal(splits[3:], drawn["split"][3:])
    assert study.is_dir()


def test_a_split_of_ones_own_is_kept(
    params: Build, prepare_all: PrepareAll, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare_all(params())
    asked = params(split={"source": "mine.csv", "val": 0.2, "test": 0.3})
    with pytest.raises(InputError, match=r"sources/splits/mine\.csv is not here"):
        prepare(asked)
    paths.SPLITS.mkdir()
    rows = "phantom-00000,val\nphantom-00001,test\nphantom-00002,train\nphantom-09999,val\n"
    (paths.SPLITS / "mine.csv").write_text("sample_id,split\n" + rows)
    prepare(asked)
    assert load_samples().table["split"][:3].tolist() == ["val", "test", "train"]
    assert "1 of 4 names are of no film here (phantom-09999, …)" in capsys.readouterr().out
    (paths.SPLITS / "mine.csv").write_text("sample_id,split\nelse,val\n")
    with pytest.raises(InputError, match="names no film of this study; one of them is phantom-0"):
        prepare(asked)


def test_too_few_films_to_split_leave_what_was_there(
    params: Build, prepare_all: PrepareAll, draw_films: Draw, tmp_path: Path
) -> None:
    prepare_all(params())
    before = (paths.SAMPLES / "samples.parquet").read_bytes()
    few = draw_films(tmp_path / "FracAtlas", absent=20, present=2)
    import_dataset("fracatlas", few, CACHE)
    with pytest.raises(InputError, match="of 2 films with label 1"):
        prepare_all(params(dataset=FRACATLAS))
    assert (paths.SAMPLES / "samples.parquet").read_bytes() == before


def test_stages_that_were_not_run_are_told_of(params: Build) -> None:
    with pytest.raises(InputError, match=r"samples\.parquet is not here; run `dvc repro` first"):
        load_samples()
    with pytest.raises(InputError, match=r"films\.parquet is not here; run `dvc repro` first"):
        prepare(params())


def test_every_dataset_tells_what_it_is() -> None:
    assert set(datasets()) >= {"phantom", "fracatlas", "tb", "folder"}
    for name, dataset in datasets().items():
        assert name == dataset.name
        facts = (dataset.title, dataset.licence, dataset.citation, dataset.source, dataset.finding)
        assert all(facts) and len(dataset.classes) == 2
        json.dumps(dataset.classes)


def test_the_data_layer_needs_no_torch() -> None:
    code = "import sys, radrobust.stages.read, radrobust.stages.prepare, radrobust.stages.audit; "
    code += "from radrobust.data.datasets.registry import datasets; "
    code += "datasets(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
