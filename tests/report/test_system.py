"""The page of one system: its own numbers, checks and maps, and the way to the others."""

import html
import re

import numpy as np
import pytest

from radrobust.report.kit import links, verdicts
from radrobust.report.kit.study import ALWAYS_NEGATIVE, CLEAN, Study
from radrobust.report.pages import system
from radrobust.systems.catalogue import load


def alt(shown):
    return html.unescape(re.search('alt="([^"]*)"', shown.source)[1])


def test_systems_lead_to_each_other_in_the_order_of_the_study(study):
    said = [system.neighbours(study, key).source for key in study.systems]
    assert "←" not in said[0] and "→" not in said[-1]
    for text in said:
        assert "[All systems](systems.ipynb)" in text
    for place, (before, after) in enumerate(zip(study.systems, study.systems[1:], strict=False)):
        forth, back = links.to_system(study, after), links.to_system(study, before)
        assert f"{forth}\u00a0→" in said[place] and f"←\u00a0{back}" in said[place + 1]
        assert f"({links.page_name(after)}.ipynb)" in forth and study.name(after) in forth


def test_the_epoch_that_was_kept_is_marked_and_said(study, plain):
    for key in study.systems:
        shown = system.training(study, key)
        kept = "clean validation radiographs from 0.690 to 0.900 in epoch 8, which was kept"
        assert "in 13 epochs" in alt(shown) and kept in alt(shown)
        robust = load(key).objective != "standard"
        attacked = "attacked validation radiographs from 0.490 to 0.700"
        assert (attacked in alt(shown)) == robust
        assert ("Its objective attacks no radiograph" in shown.source) == (not robust)
        assert ("a short attack, 1 step within 4/255" in plain(shown)) == robust
        assert "epoch 8, kept" in shown.source.replace("%20", " ")


def test_shares_are_drawn_in_per_cent_and_areas_are_not(fake_study, tmp_path):
    params = fake_study.write_study(tmp_path, systems=("huang2021",), count=40)
    finetune = params.finetune.model_copy(update={"metric": "balanced_accuracy"})
    curve = tmp_path / "results/models/huang2021/training.csv"
    curve.write_text(curve.read_text().replace("auroc", "balanced_accuracy"))
    study = Study(tmp_path, params.model_copy(update={"finetune": finetune}))
    said = alt(system.training(study, "huang2021"))
    assert (
        "Balanced accuracy on clean validation radiographs from 69.0 % to 90.0 % in epoch 8" in said
    )


def test_where_nothing_was_trained_no_training_is_shown(fake_study, tmp_path):
    model = {"scale": "paper", "weights": "finetuned:hub:a/b/{system}.pth", "head": "mlp"}
    params = fake_study.write_study(tmp_path, systems=("chen2024",), count=40, model=model)
    shown = system.training(Study(tmp_path, params), "chen2024").source
    assert "Nothing was trained here" in shown and "<img" not in shown


def test_numbers_are_beside_those_of_the_references(study, rows):
    key = study.systems[0]
    (row,) = [row for row in rows(system.numbers(study, key)) if row[0] == "Balanced accuracy, %"]
    shares = [
        f"{100 * study.metric(one, condition, 'balanced_accuracy')['value']:.1f}"
        for one, condition in [(key, CLEAN), (key, study.attacked), (ALWAYS_NEGATIVE, CLEAN)]
    ]
    assert [cell.split()[0] for cell in row[1:4]] == shares and row[3:] == ["50.0", "50.0"]


def test_failed_checks_are_told_of_their_own_system_alone(fake_study, tmp_path, monkeypatch):
    from radrobust.stages.summarise import summarise

    params = fake_study.write_study(tmp_path, systems=("standard", "huang2021"), count=80)
    monkeypatch.chdir(tmp_path)
    summarise(params)
    own = Study.load(tmp_path)
    counts = {key: system.outcomes(own, key).source.count("✗ fail") for key in own.systems}
    assert counts == {"standard": 0, "huang2021": 1}
    for key, count in counts.items():
        for show in (system.numbers, system.at_a_glance):
            assert ("1 check failed" in show(own, key).source) == bool(count)
        assert ("1 failed" in verdicts.line(own.only(key)).source) == bool(count)


def test_every_check_of_the_system_has_a_row(study, rows):
    for key in study.systems:
        table = study.checks[study.checks["system"] == key]
        shown = system.outcomes(study, key)
        assert len(rows(shown)) == len(table)
        assert "does not apply" not in shown.source


@pytest.mark.parametrize(
    ("low", "high", "sign"),
    [(0.6, 0.8, "▲"), (0.5, 0.8, "≈"), (0.1, 0.4, "▼"), (np.nan, np.nan, "")],
)
def test_figures_at_a_glance_are_compared_with_their_reference(
    study, changed, rows, low, high, sign
):
    key, table = study.systems[0], study.metrics.copy()
    under = (table["condition"] == study.attacked) & (table["metric"] == "balanced_accuracy")
    table.loc[under & (table["system"] == key), ["low", "high"]] = low, high
    accuracy = (table["system"] == key) & (table["metric"] == "accuracy")
    table.loc[accuracy, ["value", "low", "high"]] = 0.7, 0.65, 0.75
    attacked = accuracy & (table["condition"] == study.attacked)
    table.loc[attacked, ["value", "low", "high"]] = 0.3, 0.25, 0.35
    found = {
        tuple(row[:2]): row for row in rows(system.at_a_glance(changed(study, metrics=table), key))
    }
    guessing = found["Balanced accuracy, %", "attacked"]
    assert (sign in guessing[2]) if sign else not set(guessing[2]) & set("▲≈▼")
    assert guessing[3] == "guessing 50.0"
    always = study.metric(ALWAYS_NEGATIVE, CLEAN, "accuracy")["value"]
    for image, shown in {"clean": "70.0 ▲", "attacked": "30.0 ▼"}.items():
        row = found["Accuracy, %", image]
        assert row[2].startswith(shown) and row[3] == f"always “no fracture” {100 * always:.1f}"


def test_maps_are_marked_against_chance(study, changed, rows):
    key, table = study.systems[0], study.localisation.copy()
    hit = (table["system"] == key) & (table["metric"] == "coverage_5")
    table.loc[hit, ["low", "high"]] = 0.01, 0.02
    table.loc[hit & (table["explainer"] == "deeplift"), ["low", "high"]] = 0.2, 0.3
    shown = rows(system.localised(changed(study, localisation=table), key))
    signs = [re.search("[▲▼≈]", row[2])[0] for row in shown[:-1]]
    methods = study.params.explain.methods
    assert signs == [sign for name in methods for sign in "▲▼"[name != "deeplift"] * 2]
    assert shown[-1][2:6] == ["5.0", "15.0", "25.0", "50.0"]


def test_without_marks_no_map_is_compared_with_the_finding(study, changed):
    table = study.localisation.assign(n=0)
    other, key = changed(study, localisation=table), study.systems[0]
    assert "No test radiograph has its fracture marked" in system.coverage(other, key).source
    assert system.localised(other, key).source == ""
    assert "Fracture covered" not in system.at_a_glance(other, key).source


def test_the_threshold_is_told_with_its_figures_on_validation_radiographs(study, plain):
    said = plain(system.threshold(study, study.systems[0]))
    assert "Threshold 0.10" in said
    assert "Sensitivity, validation 80.0 %" in said and "Specificity, validation 75.0 %" in said
