import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from radrobust.core.errors import InputError
from radrobust.evaluation import subgroups
from radrobust.evaluation.checks import CHECKS
from radrobust.evaluation.metrics import METRICS
from radrobust.evaluation.results import EXPLANATIONS
from radrobust.stages.summarise import load_results, summarise

PREDICTED = ("predictions", "checks", "gradients")
PREDICTIONS = "results/predictions/standard/predictions.parquet"


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
    assert len(metrics) == 4 * budgets * len(METRICS) + at_threshold
    assert metrics["metric"].str.endswith("_at_threshold").sum() == at_threshold
    references = ["always_negative", "always_positive"]
    assert metrics["system"].unique().tolist() == ["standard", "huang2021", *references]
    curves = pd.read_csv("results/curves.csv")
    assert curves["system"].tolist() == ["standard"] * 5 + ["huang2021"] * 5
    assert curves["eps_255"].tolist() == [0, 1, 2, 4, 8] * 2
    confusion = pd.read_parquet("results/summary/confusion.parquet")
    assert (confusion.groupby(["system", "eps"])["count"].sum() == 20).all()


def read_metrics(root):
    def refuse(constant):
        raise AssertionError(constant)

    return json.loads((root / "metrics.json").read_text(), parse_constant=refuse)


def test_metrics_json_holds_the_figures_that_experiments_are_compared_by(study, tmp_path):
    summarise(study)
    document = read_metrics(tmp_path)
    metrics = pd.read_parquet("results/summary/metrics.parquet")
    value = metrics.set_index(["system", "eps", "metric"])["value"]
    maps = pd.read_parquet("results/summary/attributions.parquet")
    keys = ["system", "explainer", "image", "answers", "region", "metric"]
    covered = maps.set_index(keys)["value"]
    for system, failed in {"standard": 0, "huang2021": 1}.items():
        assert document[system] == {
            "clean": round(value[system, 0, "balanced_accuracy"], 4),
            "attacked": round(value[system, 4 / 255, "balanced_accuracy"], 4),
            "auroc": round(value[system, 0, "auroc"], 4),
            "covered": round(covered[system, "saliency", "clean", "all", "mask", "coverage_5"], 4),
            "failed": failed,
        }


def test_metrics_json_begins_with_the_study(study, tmp_path):
    """So that a narrow terminal shows it; `best` is best under attack, not on clean films."""
    summarise(study)
    document = read_metrics(tmp_path)
    assert list(document) == ["best", "clean", "attacked", "failed", "standard", "huang2021"]
    assert document["standard"]["clean"] > document["huang2021"]["clean"]
    assert document["best"] == "huang2021"
    best = document["huang2021"]
    assert (document["clean"], document["attacked"]) == (best["clean"], best["attacked"])
    assert document["failed"] == 1


def test_what_is_undefined_is_no_metric(tmp_path, fake_study, monkeypatch):
    params = fake_study.write_study(tmp_path, count=80, marked=False)
    monkeypatch.chdir(tmp_path)
    summarise(params)
    expected = ["clean", "attacked", "auroc", "failed"]
    assert list(read_metrics(tmp_path)["standard"]) == expected


def test_what_training_logged_is_a_row_a_system_and_epoch(study):
    folder = Path("results/training/standard")
    folder.mkdir(parents=True)
    for name in ("loss", "val_auroc", "seconds"):
        (folder / f"{name}.tsv").write_text(f"step\t{name}\n1\t0.5\n2\t0.25\n")
    summarise(study)  # huang2021 was not trained
    epochs = pd.read_csv("results/epochs.csv")
    assert list(epochs) == ["system", "epoch", "loss", "val_auroc", "val_attacked_auroc"]
    assert epochs.iloc[:, :4].to_numpy().tolist() == [
        ["standard", 1, 0.5, 0.5],
        ["standard", 2, 0.25, 0.25],
    ]
    assert epochs["val_attacked_auroc"].isna().all()


def test_unmarked_films_and_films_that_the_attack_left_alone(study):
    summarise(study)
    where, left = (
        pd.read_parquet(f"results/summary/{name}.parquet") for name in ("attributions", "survival")
    )
    assert set(where.loc[where["answers"] == "all", "n"]) == {8}  # of 8 + 6 that are explained
    raw = pd.read_parquet("results/attributions/huang2021/survival.parquet")
    changed = int(raw.loc[raw["explainer"] == "saliency", "changed"].sum())
    assert changed < 14
    here = left[(left["system"] == "huang2021") & (left["films"] == "all")]
    assert set(here["n"]) == {changed}
    # Those that are left alone have maps that did not change at all.
    assert here["value"].max() < 0.99


def every_byte(root):
    files = [root / "metrics.json", *sorted((root / "results/summary").iterdir())]
    files += [root / f"results/{name}.csv" for name in ("curves", "epochs")]
    return {file.name: file.read_bytes() for file in files}


def test_the_same_tables_give_the_same_bytes(study, tmp_path):
    summarise(study)
    first = every_byte(tmp_path)
    assert len(first) == 20
    summarise(study)
    assert every_byte(tmp_path) == first


def test_the_order_of_rows_has_no_influence(study, tmp_path):
    summarise(study)
    first = every_byte(tmp_path)
    tables = [tmp_path / f"results/predictions/standard/{name}.parquet" for name in PREDICTED]
    tables += [tmp_path / f"results/attributions/standard/{name}.parquet" for name in EXPLANATIONS]
    for path in tables:
        pd.read_parquet(path).sample(frac=1, random_state=0).to_parquet(path, index=False)
    summarise(study)
    assert every_byte(tmp_path) == first


def test_missing_predictions_are_told_in_one_line(study, tmp_path):
    path = tmp_path / PREDICTIONS
    table = pd.read_parquet(path)
    for rows, what in (
        (table["eps"] != table["eps"].max(), "pixel argmax rows at eps 8/255"),
        (table["decision"] == "argmax", "pixel threshold rows at eps 0"),
        (table["space"] == "pixel", "normalized argmax rows at eps 4/255"),
    ):
        table[rows].to_parquet(path, index=False)
        expected = rf"standard/predictions\.parquet has 0 {what}, not one for each of 20 films"
        with pytest.raises(InputError, match=expected):
            summarise(study)


@pytest.mark.parametrize(
    "name",
    [
        *(f"predictions/huang2021/{name}.parquet" for name in PREDICTED),
        "predictions/huang2021/pipeline.json",
        *(f"attributions/huang2021/{name}.parquet" for name in EXPLANATIONS),
    ],
)
def test_missing_files_are_told_in_one_line(study, tmp_path, name):
    (tmp_path / "results" / name).unlink()
    with pytest.raises(InputError, match=rf"{name} is not here; run `dvc repro` first$"):
        summarise(study)
    assert not (tmp_path / "metrics.json").exists()


def test_a_pipeline_of_which_something_is_unknown(study, tmp_path):
    path = tmp_path / "results/predictions/huang2021/pipeline.json"
    facts = json.loads(path.read_text())
    del facts["training_mode"]
    path.write_text(json.dumps(facts))
    with pytest.raises(InputError, match=r"pipeline\.json says nothing of training_mode; run"):
        summarise(study)


def test_an_attacked_film_is_scored_as_the_attack_returned_it(study):
    summarise(study)
    metrics = pd.read_parquet("results/summary/metrics.parquet")
    found = metrics.set_index(["system", "eps", "metric"])["value"]
    table = pd.read_parquet(PREDICTIONS)
    attacked = table[(table["eps"] == 8 / 255) & (table["decision"] == "argmax")]
    auroc = roc_auc_score(attacked["label"], attacked["logit_1"] - attacked["logit_0"])
    assert found["standard", 8 / 255, "auroc"] == pytest.approx(auroc)
    brier = ((attacked["probability"] - attacked["label"]) ** 2).mean()
    assert found["standard", 8 / 255, "brier"] == pytest.approx(brier, abs=1e-6)
    assert found["standard", 0.0, "brier"] < 0.3 < brier


def test_a_reference_is_unsure_only_of_how_many_films_have_a_finding(study):
    summarise(study)
    metrics = pd.read_parquet("results/summary/metrics.parquet")
    positive = metrics[(metrics["system"] == "always_positive") & (metrics["eps"] == 0)]
    unsure = positive.loc[positive["low"].notna(), "metric"].tolist()
    assert unsure == ["accuracy", "precision"]
    attacked = metrics[(metrics["system"] == "always_positive") & (metrics["eps"] > 0)]
    assert attacked["value"].tolist() == positive["value"].tolist() * len(study.attack.budgets)


def test_subgroups_hold_every_film_once(study):
    summarise(study)
    table = pd.read_parquet("results/summary/subgroups.parquet")
    assert table.dtypes.astype(str).to_dict() == subgroups.COLUMNS
    assert set(table["member"]) == {"hand", "leg"}
    members = table.drop_duplicates(["system", "eps", "member"])
    sums = members.groupby(["system", "eps"])[["n", "findings"]].sum()
    assert sums.to_numpy().tolist() == [[20, 8]] * 4
    results = load_results(study)
    hands = np.flatnonzero(results.test["subgroup_region"] == "hand")
    answers = results.answers("huang2021", results.eps).of(hands)
    row = table[
        (table["system"] == "huang2021")
        & (table["eps"] == results.eps)
        & (table["member"] == "hand")
        & (table["metric"] == "sensitivity")
    ]
    expected = answers.predicted[answers.labels == 1].mean()
    assert row["value"].tolist() == [pytest.approx(expected)]


def test_a_film_of_which_nothing_is_said_is_in_no_subgroup(study, tmp_path):
    path = tmp_path / "results/samples/samples.parquet"
    table = pd.read_parquet(path)
    of_finding = np.where(table["label"] == 1, "faint", "")
    table.assign(subgroup_region=of_finding).to_parquet(path, index=False)
    summarise(study)
    found = pd.read_parquet("results/summary/subgroups.parquet")
    assert set(found["member"]) == {"faint"}
    assert (found["n"] == found["findings"]).all()
    assert (found["value"].notna() == (found["metric"] == "sensitivity")).all()


def test_no_subgroups(study, tmp_path):
    path = tmp_path / "results/samples/samples.parquet"
    pd.read_parquet(path).drop(columns="subgroup_region").to_parquet(path, index=False)
    summarise(study)
    table = pd.read_parquet("results/summary/subgroups.parquet")
    assert table.empty
    assert table.dtypes.astype(str).to_dict() == subgroups.COLUMNS


@pytest.mark.parametrize("space", ["pixel", "normalized"])
def test_both_spaces_whichever_is_the_headline(tmp_path, fake_study, monkeypatch, space):
    params = fake_study.write_study(tmp_path, count=80, attack={"space": space})
    monkeypatch.chdir(tmp_path)
    summarise(params)
    table = pd.read_parquet("results/summary/spaces.parquet")
    assert table["metric"].tolist() == ["accuracy", "balanced_accuracy", "auroc"] * 4
    assert table["space"].tolist() == (["pixel"] * 3 + ["normalized"] * 3) * 2
    levels = table.groupby("space")["grey_levels"].first()
    assert levels.to_dict() == pytest.approx({"pixel": 4, "normalized": 1})
    metrics = pd.read_parquet("results/summary/metrics.parquet")
    headline = metrics[np.isclose(metrics["eps"], 4 / 255) & (metrics["system"] == "huang2021")]
    here = table[(table["space"] == space) & (table["system"] == "huang2021")]
    columns = ["value", "low", "high"]
    expected = headline.set_index("metric").loc[here["metric"], columns]
    assert here[columns].to_numpy().tolist() == expected.to_numpy().tolist()


def test_perturbations_are_of_the_films_that_were_changed(study, tmp_path):
    path = tmp_path / PREDICTIONS
    table = pd.read_parquet(path)
    here = (table["eps"] == 4 / 255) & (table["decision"] == "argmax") & (table["space"] == "pixel")
    table.loc[here, ["linf", "l2"]] = 0.0
    table.loc[table.index[here][:3], "linf"] = np.array([1, 2, 4], np.float32) / 255
    table.loc[table.index[here][:3], "l2"] = np.array([0.1, 0.3, 0.2], np.float32)
    table.to_parquet(path, index=False)
    summarise(study)
    found = pd.read_parquet("results/summary/perturbations.parquet").set_index("system")
    row = found.loc["standard"]
    assert (row["attack"], row["n"]) == ("pgd-linf", 3)
    assert row["threat_model"].startswith("white box")
    assert row[["linf_max", "linf_median", "l2_median"]].tolist() == pytest.approx(
        [4 / 255, 2 / 255, 0.2]
    )
    assert found.index.tolist() == ["standard", "huang2021"]


def test_an_attack_that_changed_no_film(study, tmp_path):
    path = tmp_path / PREDICTIONS
    table = pd.read_parquet(path)
    table.assign(linf=np.float32(0)).to_parquet(path, index=False)
    summarise(study)
    found = pd.read_parquet("results/summary/perturbations.parquet").set_index("system")
    assert found.loc["standard", "n"] == 0
    assert math.isnan(found.loc["standard", "linf_max"])


def test_checks_are_asked_of_each_system_in_order(tmp_path, fake_study, monkeypatch):
    params = fake_study.write_study(tmp_path, systems=("amini2024", "huang2021"), count=120)
    monkeypatch.chdir(tmp_path)
    summarise(params)
    table = pd.read_parquet("results/summary/checks.parquet")
    of = {system: part["check"].tolist() for system, part in table.groupby("system", sort=False)}
    assert list(of) == ["amini2024", "huang2021"]
    assert of["amini2024"] == list(CHECKS)
    assert of["huang2021"] == [name for name in CHECKS if name != "straight_through"]
    assert table[["value", "limit", "n"]].notna().all(axis=None)


def test_truncated_films_are_counted(study):
    summarise(study)
    notes = pd.read_parquet("results/summary/notes.parquet").set_index("fault")["count"]
    assert notes.to_dict() == {"truncated": 1, "unmarked": 0}
