import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from radrobust.core.conditions import CLEAN, THRESHOLD, UNITS, attacked, predicted
from radrobust.core.errors import InputError
from radrobust.core.tables import figures
from radrobust.core.tables.data import SAMPLES
from radrobust.core.tables.explanations import SURVIVAL
from radrobust.core.tables.predictions import PREDICTIONS
from radrobust.core.tables.published import OF_SYSTEMS
from radrobust.evaluation.checks import CHECKS
from radrobust.evaluation.metrics import METRICS
from radrobust.evaluation.results import Results
from radrobust.stages.summarise import summarise


@pytest.fixture
def study(tmp_path, fake_study, monkeypatch):
    params = fake_study.write_study(tmp_path, count=80)
    monkeypatch.chdir(tmp_path)
    return params


def test_the_stage_writes_every_table(study, tmp_path):
    summarise(study)
    for declared in figures.FIGURES:
        table = declared.read()
        pd.testing.assert_frame_equal(table, declared.checked(table))
        assert len(table), declared.name
    metrics = figures.METRICS.read()
    keys = [condition.key for condition in predicted(study.attack)]
    references = ["always_negative", "always_positive"]
    assert metrics["system"].unique().tolist() == ["standard", "huang2021", *references]
    for _, rows in metrics.groupby("system"):
        expected = [(condition, metric) for condition in keys for metric in METRICS]
        found = rows[["condition", "metric"]].itertuples(index=False, name=None)
        assert sorted(found) == sorted(expected)
    assert figures.CONDITIONS.read()["condition"].tolist() == keys
    curves = pd.read_csv("results/curves.csv")
    assert curves["system"].tolist() == ["standard"] * 5 + ["huang2021"] * 5
    assert curves["eps_255"].tolist() == [0, 1, 2, 4, 8] * 2
    counts = figures.CONFUSION.read().groupby(["system", "condition"])["count"].sum()
    assert counts.tolist() == [20] * 2 * len(keys)


def change(system, condition, **columns):
    """Write other values for what a system says under a condition, a row a test sample."""
    table = PREDICTIONS.read(system=system)
    rows = table["condition"] == condition.key
    for name, values in columns.items():
        table.loc[rows, name] = np.asarray(values, table[name].dtype)
    table.to_parquet(PREDICTIONS.file(system), index=False)


def read_metrics(root):
    def refuse(constant):
        raise AssertionError(constant)

    return json.loads((root / "metrics.json").read_text(), parse_constant=refuse)


def test_metrics_json_holds_the_figures_that_experiments_are_compared_by(study, tmp_path):
    summarise(study)
    document = read_metrics(tmp_path)
    value = figures.METRICS.read().set_index(["system", "condition", "metric"])["value"]
    maps = figures.LOCALISATION.read()
    headline = attacked(study.attack).key
    keys = ["system", "explainer", "image", "answers", "region", "metric"]
    covered = maps.set_index(keys)["value"]
    for system, failed in {"standard": 0, "huang2021": 1}.items():
        assert document[system] == {
            "clean": round(value[system, "clean", "balanced_accuracy"], 4),
            "attacked": round(value[system, headline, "balanced_accuracy"], 4),
            "auroc": round(value[system, "clean", "auroc"], 4),
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
    where, left = figures.LOCALISATION.read(), figures.SURVIVED.read()
    assert set(where.loc[where["answers"] == "all", "n"]) == {8}  # of 8 + 6 that are explained
    raw = SURVIVAL.read(system="huang2021")
    changed = int(raw.loc[raw["explainer"] == "saliency", "changed"].sum())
    assert changed < 14
    here = left[(left["system"] == "huang2021") & (left["answers"] == "all")]
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
    assert len(first) == len(figures.FIGURES) + 3
    summarise(study)
    assert every_byte(tmp_path) == first


def test_the_order_of_rows_has_no_influence(study, tmp_path):
    summarise(study)
    first = every_byte(tmp_path)
    for path in (table.file("standard") for table in OF_SYSTEMS):
        pd.read_parquet(path).sample(frac=1, random_state=0).to_parquet(path, index=False)
    summarise(study)
    assert every_byte(tmp_path) == first


def test_missing_predictions_are_told_in_one_line(study, tmp_path):
    table = PREDICTIONS.read(system="standard")
    for condition in predicted(study.attack):
        rows = table["condition"] != condition.key
        table[rows].to_parquet(PREDICTIONS.file("standard"), index=False)
        what = rf"{condition.key} rows, not one for each of 20 samples"
        with pytest.raises(InputError, match=rf"standard/predictions\.parquet has 0 {what}"):
            summarise(study)


@pytest.mark.parametrize(
    "name",
    [
        *(table.file("huang2021").as_posix() for table in OF_SYSTEMS),
        "results/predictions/huang2021/pipeline.json",
    ],
)
def test_missing_files_are_told_in_one_line(study, tmp_path, name):
    (tmp_path / name).unlink()
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
    found = figures.METRICS.read().set_index(["system", "condition", "metric"])["value"]
    largest = attacked(study.attack, Fraction(8, 255)).key
    table = PREDICTIONS.read(system="standard")
    moved = table[table["condition"] == largest]
    auroc = roc_auc_score(moved["label"], moved["logit_1"] - moved["logit_0"])
    assert found["standard", largest, "auroc"] == pytest.approx(auroc)
    brier = ((moved["probability"] - moved["label"]) ** 2).mean()
    assert found["standard", largest, "brier"] == pytest.approx(brier, abs=1e-6)
    assert found["standard", "clean", "brier"] < 0.3 < brier


def test_what_is_decided_at_the_threshold_is_measured_on_its_own(study):
    keys = ["system", "condition", "metric"]
    summarise(study)
    before = figures.METRICS.read().set_index(keys)["value"]
    label = Results.load(study).test["label"]
    decided = [one.decided(THRESHOLD) for one in (CLEAN, attacked(study.attack))]
    for condition, predicted_now in zip(decided, (label, 1 - label), strict=True):
        change("standard", condition, predicted=predicted_now)
    summarise(study)
    after = figures.METRICS.read().set_index(keys)["value"]
    assert [after["standard", one.key, "accuracy"] for one in decided] == [1, 0]
    others = ~after.index.get_level_values("condition").isin([one.key for one in decided])
    pd.testing.assert_series_equal(before[others], after[others])


def test_a_reference_is_unsure_only_of_how_many_films_have_a_finding(study):
    summarise(study)
    metrics = figures.METRICS.read().query("system == 'always_positive'")
    positive = metrics[metrics["condition"] == "clean"]
    unsure = positive.loc[positive["low"].notna(), "metric"].tolist()
    assert unsure == ["accuracy", "precision"]
    others = metrics[metrics["condition"] != "clean"]
    expected = positive["value"].tolist() * (len(predicted(study.attack)) - 1)
    assert others["value"].tolist() == expected


def test_subgroups_hold_every_film_once(study):
    summarise(study)
    table = figures.SUBGROUPS.read()
    assert set(table["member"]) == {"hand", "leg"}
    members = table.drop_duplicates(["system", "condition", "member"])
    sums = members.groupby(["system", "condition"])[["n", "findings"]].sum()
    assert sums.to_numpy().tolist() == [[20, 8]] * 2 * len(predicted(study.attack))
    results = Results.load(study)
    hands = np.flatnonzero(results.test["subgroup_region"] == "hand")
    answers = results.answers("huang2021", results.attacked).of(hands)
    row = table[
        (table["system"] == "huang2021")
        & (table["condition"] == results.attacked.key)
        & (table["member"] == "hand")
        & (table["metric"] == "sensitivity")
    ]
    expected = answers.predicted[answers.labels == 1].mean()
    assert row["value"].tolist() == [pytest.approx(expected)]


def test_a_film_of_which_nothing_is_said_is_in_no_subgroup(study, tmp_path):
    table = SAMPLES.read()
    of_finding = np.where(table["label"] == 1, "faint", "")
    table.assign(subgroup_region=of_finding).to_parquet(SAMPLES.path, index=False)
    summarise(study)
    found = figures.SUBGROUPS.read()
    assert set(found["member"]) == {"faint"}
    assert (found["n"] == found["findings"]).all()
    assert (found["value"].notna() == (found["metric"] == "sensitivity")).all()


def test_no_subgroups(study, tmp_path):
    SAMPLES.read().drop(columns="subgroup_region").to_parquet(SAMPLES.path, index=False)
    summarise(study)
    table = figures.SUBGROUPS.read()
    assert table.empty
    assert table.dtypes.astype(str).to_dict() == figures.SUBGROUPS.dtypes


@pytest.mark.parametrize("space", ["pixel", "normalized"])
def test_both_units_whichever_the_headline_is_in(tmp_path, fake_study, monkeypatch, space):
    params = fake_study.write_study(tmp_path, count=80, attack={"space": space})
    monkeypatch.chdir(tmp_path)
    summarise(params)
    keys = {units: attacked(params.attack, units=units).key for units in UNITS}
    moved = figures.PERTURBATIONS.read().set_index(["system", "condition"])["linf_max"]
    levels = {units: 255 * moved["huang2021", key] for units, key in keys.items()}
    assert levels == pytest.approx({"pixel": 4, "normalized": 1})
    metrics = figures.METRICS.read()
    of = {
        units: metrics.query("system == 'huang2021' and condition == @key").set_index("metric")
        for units, key in keys.items()
    }
    assert all(list(rows.index) == list(METRICS) for rows in of.values())
    accuracy = {units: rows["value"]["balanced_accuracy"] for units, rows in of.items()}
    assert accuracy["pixel"] < accuracy["normalized"]
    assert read_metrics(tmp_path)["huang2021"]["attacked"] == round(accuracy[space], 4)


def test_perturbations_are_of_the_films_that_were_changed(study):
    linf, l2 = np.zeros(20), np.zeros(20)
    linf[:3], l2[:3] = np.array([1, 2, 4]) / 255, [0.1, 0.3, 0.2]
    headline = attacked(study.attack)
    change("standard", headline, linf=linf, l2=l2)
    summarise(study)
    found = figures.PERTURBATIONS.read().set_index(["condition", "system"])
    row = found.loc[headline.key, "standard"]
    assert row.tolist() == pytest.approx([3, 4 / 255, 2 / 255, 0.2])
    assert found.loc[headline.key].index.tolist() == ["standard", "huang2021"]
    assert not found.index.get_level_values("condition").str.startswith("clean").any()


def test_an_attack_that_changed_no_film_is_not_told_of(study):
    headline = attacked(study.attack)
    change("standard", headline, linf=np.zeros(20), l2=np.zeros(20))
    summarise(study)
    found = figures.PERTURBATIONS.read().groupby("condition")["system"].agg(list)
    assert found[headline.key] == ["huang2021"]
    assert found[attacked(study.attack, Fraction(8, 255)).key] == ["standard", "huang2021"]


def test_checks_are_asked_of_each_system_in_order(tmp_path, fake_study, monkeypatch):
    params = fake_study.write_study(tmp_path, systems=("amini2024", "huang2021"), count=120)
    monkeypatch.chdir(tmp_path)
    summarise(params)
    table = figures.VERDICTS.read()
    of = {system: part["check"].tolist() for system, part in table.groupby("system", sort=False)}
    assert list(of) == ["amini2024", "huang2021"]
    assert of["amini2024"] == list(CHECKS)
    assert of["huang2021"] == [name for name in CHECKS if name != "straight_through"]
    assert table[["value", "limit", "n"]].notna().all(axis=None)


def test_truncated_films_are_counted(study):
    summarise(study)
    notes = figures.NOTES.read().set_index("fault")["count"]
    assert notes.to_dict() == {"truncated": 1, "unmarked": 0}
