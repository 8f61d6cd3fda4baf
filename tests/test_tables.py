"""The tables to download: all of them, in both formats, each column explained."""

import io
import json
import re

import numpy as np
import pandas as pd
import pytest

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.tables.published import PUBLISHED
from radrobust.stages.summarise import summarise
from radrobust.stages.tables import README, tables


@pytest.fixture
def study(fake_study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    params = fake_study.write_study(tmp_path, count=60)
    summarise(params)
    return params


@pytest.fixture
def written(study):
    tables(study)
    return {file.stem: pd.read_parquet(file) for file in paths.TABLES.glob("*.parquet")}


def test_csv_and_parquet_hold_the_same(written):
    assert set(written) == {table.name for table in PUBLISHED}
    assert {"samples", "predictions", "attributions", "summary-metrics"} <= set(written)
    assert {file.stem for file in paths.TABLES.glob("*.csv")} == set(written)
    for name, table in written.items():
        text = pd.read_csv(paths.TABLES / f"{name}.csv", keep_default_na=True)
        assert list(text) == list(table) and len(text) == len(table), name
        for column in table.select_dtypes("number"):
            wanted = table[column].to_numpy(np.float64)
            assert np.allclose(text[column], wanted, rtol=1e-6, equal_nan=True), (name, column)


def test_every_system_is_there_once(study, written):
    for name in ("predictions", "attributions"):
        table = written[name]
        assert table["system"].unique().tolist() == study.systems


def test_every_table_is_as_it_is_declared(written):
    for declared in PUBLISHED:
        table = written[declared.name]
        pd.testing.assert_frame_equal(table, declared.checked(table))


def test_every_column_is_explained_at_its_table(written):
    text = (paths.TABLES / README).read_text(encoding="utf-8")
    for name, table in written.items():
        (section,) = re.findall(rf"(?s)(?<=\n\n){name}\n=+\n(.*?)(?:\n\n|\Z)", text)
        explained = dict(re.findall(r"(?m)^  (\w+) +(\S.*)$", section))
        for column in table:
            plain = re.sub(r"^subgroup_.*", "subgroup_NAME", column)
            assert explained.get(plain), (name, column)


def test_lists_can_be_read_back_from_a_csv(written):
    text = pd.read_csv(paths.TABLES / "samples.csv")
    for row, extent in enumerate(written["samples"]["extent"]):
        assert json.loads(text["extent"][row]) == list(extent)


def test_the_same_study_gives_the_same_bytes(study, written):
    before = {file.name: file.read_bytes() for file in paths.TABLES.iterdir()}
    tables(study)
    assert {file.name: file.read_bytes() for file in paths.TABLES.iterdir()} == before
    assert pd.read_parquet(io.BytesIO(before["summary-metrics.parquet"])).shape[0] > 0


def test_a_missing_table_is_told_and_the_earlier_ones_stay(study, written, tmp_path):
    (tmp_path / "results/predictions/huang2021/predictions.parquet").unlink()
    before = sorted(paths.TABLES.iterdir())
    with pytest.raises(InputError, match="huang2021"):
        tables(study)
    assert sorted(paths.TABLES.iterdir()) == before
