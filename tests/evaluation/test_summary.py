import json
import math

import numpy as np
import pandas as pd
import pytest

from radrobust.errors import InputError
from radrobust.evaluation.attributions import exceeds_tolerance, summarise_attributions
from radrobust.evaluation.metrics import METRICS
from radrobust.stages.summarise import summarise


@pytest.fixture
def study(tmp_path, fake_study, monkeypatch):
    params = fake_study.write_study(tmp_path, count=80)
    monkeypatch.chdir(tmp_path)
    return params


def test_the_stage_writes_every_table(study, tmp_path):
    summarise(study)
    metrics = pd.read_parquet("results/summary/metrics.parquet")
    budgets = 1 + len(study.attack.budgets)
    at_threshold = 2 * 2 * 3  # systems, clean and attacked, metrics of a decision
    assert len(metrics) == 3 * budgets * len(METRICS) + at_threshold
    assert metrics["metric"].str.endswith("_at_threshold").sum() == at_threshold
    assert metrics["system"].unique().tolist() == ["standard", "huang2021", "always_negative"]
    curves = pd.read_csv("results/curves.csv")
    assert curves["eps_255"].tolist() == [0, 1, 2, 4, 8] * 3
    confusion = pd.read_parquet("results/summary/confusion.parquet")
    assert (confusion.groupby(["system", "eps"])["count"].sum() == 20).all()


def test_metrics_json_holds_plain_numbers(study, tmp_path):
    summarise(study)

    def refuse(constant):
        raise AssertionError(constant)

    document = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=refuse)
    assert set(document["standard"]) == {"clean", "attacked", "attributions"}
    assert document["always_negative"]["clean"]["precision"] is None
    assert document["always_negative"]["attacked"]["accuracy"] == 0.6


def test_the_same_tables_give_the_same_bytes(study, tmp_path):
    files = ("metrics.json", "results/curves.csv", "results/summary/metrics.parquet")
    summarise(study)
    first = [(tmp_path / file).read_bytes() for file in files]
    summarise(study)
    assert [(tmp_path / file).read_bytes() for file in files] == first


def test_the_order_of_predictions_has_no_influence(study, tmp_path):
    summarise(study)
    first = (tmp_path / "metrics.json").read_text()
    path = tmp_path / "results/predictions/standard.parquet"
    pd.read_parquet(path).sample(frac=1, random_state=0).to_parquet(path, index=False)
    summarise(study)
    assert (tmp_path / "metrics.json").read_text() == first


def test_missing_predictions_are_told_in_one_line(study, tmp_path):
    path = tmp_path / "results/predictions/standard.parquet"
    table = pd.read_parquet(path)
    table[table["eps"] != table["eps"].max()].to_parquet(path, index=False)
    with pytest.raises(InputError, match=r"standard\.parquet has 0 films at eps 8/255, not the 20"):
        summarise(study)
    path.unlink()
    with pytest.raises(InputError, match=r"standard\.parquet is not here"):
        summarise(study)


def test_duplicates_and_truncated_films_are_counted(study):
    summarise(study)
    notes = pd.read_parquet("results/summary/notes.parquet").set_index("fault")["count"]
    assert notes.to_dict() == {
        "truncated": 1,
        "duplicate": 2,
        "duplicate_across_splits": 0,
        "unmarked": 0,
    }
    remarks = pd.read_parquet("results/summary/remarks.parquet")
    assert remarks.to_numpy().tolist() == [["the file ends early", 1]]


def test_tolerance_is_relative_but_never_below_a_ten_thousandth():
    delta = np.array([0.0019, -0.0021, 0.00009, 0.00011])
    difference = np.array([2.0, -2.0, 0.01, 0.0])
    assert exceeds_tolerance(delta, difference).tolist() == [False, True, False, True]


def test_maps_counted_by_hand(study):
    table = pd.DataFrame(
        {
            "coverage_5": [0.1, 0.3, np.nan],
            "coverage_25": [0.5, 0.5, np.nan],
            "coverage_50": [1.0, 0.0, np.nan],
            "pointing": [True, False, None],
            "mask_area": [0.02, 0.04, np.nan],
            "delta": [0.0, 0.1, 0.0],
            "output_difference": [1.0, 1.0, 1.0],
        }
    )
    found = summarise_attributions(table, study.evaluate, seed=0).set_index("metric")
    assert found["value"].to_dict() == pytest.approx(
        {
            "coverage_5": 0.2,
            "coverage_25": 0.5,
            "coverage_50": 0.5,
            "pointing": 0.5,
            "delta_exceeds": 1 / 3,
        }
    )
    assert found.loc["pointing", "chance"] == pytest.approx(0.03)
    assert found["n"].tolist() == [2, 2, 2, 2, 3]
    assert (found.loc["coverage_5", "low"], found.loc["coverage_5", "high"]) == (0.1, 0.3)
    none = summarise_attributions(table.tail(1), study.evaluate, seed=0).set_index("metric")
    assert math.isnan(none.loc["coverage_5", "value"])
