"""Page *Overview*: the answer follows the tables, whatever they say."""

import re

import numpy as np
import pytest

from radrobust.report.kit import limits, shortcuts, text
from radrobust.report.kit.study import ALWAYS_NEGATIVE, CLEAN
from radrobust.report.pages import index
from radrobust.report.pages.data import counts


@pytest.fixture
def answers(plain):
    """Return the sentences of the answer."""
    return lambda study: [
        one.strip() for one in re.split("(?:^|\n)- ", plain(index.answer(study)))[1:]
    ]


def with_metric(study, system, condition, metric, value, low, high):
    table = study.metrics.copy()
    rows = (table["metric"] == metric) & (table["condition"] == condition)
    table.loc[rows, "value"] = table.loc[rows, "value"].clip(upper=0.95)  # nobody else leads
    rows &= table["system"] == system
    assert rows.sum() == 1
    table.loc[rows, ["value", "low", "high"]] = value, low, high
    return {"metrics": table}


def with_checks(study, system, status):
    table = study.checks.copy()
    table["status"] = "pass"
    rows = (table["system"] == system) & (table["check"] == "restarts")
    table.loc[rows, ["status", "value"]] = status, 0.0 if status == "pass" else 0.1
    return {"checks": table}


def with_coverage(study, value, low, high):
    table = study.localisation.copy()
    rows = table["metric"] == "coverage_5"
    table.loc[rows, ["value", "low", "high"]] = value, low, high
    return {"localisation": table}


def test_the_answer_is_three_sentences(study, answers):
    said = answers(study)
    assert len(said) == 3
    for sentence in said:
        assert sentence.endswith(".")
        assert not re.search(r"\. [A-Z]", sentence)


def test_whoever_scores_most_leads(study, changed, answers):
    for system in study.systems:
        other = changed(study, **with_metric(study, system, CLEAN, "auroc", 0.9991, 0.998, 1.0))
        first = answers(other)[0]
        assert first.startswith(f"On clean radiographs {study.name(system)} ")
        assert "an AUROC of 0.999 (0.998–1.000)" in first
        found = with_metric(study, system, study.attacked, "balanced_accuracy", 0.987, 0.98, 0.99)
        first, maps, why = answers(changed(study, **found))
        assert "98.7 % (98.0–99.0)" in first
        assert study.name(system) in first and study.name(system) in maps
        assert (study.name(system) in why) == (len(study.systems) > 1)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.06, 0.5, "cover"), (0.04, 0.5, "do not surely cover"), (0.01, 0.04, "worse than chance")],
)
def test_whether_the_maps_hit_is_told_by_the_interval(study, changed, low, high, said, answers):
    other = changed(study, **with_coverage(study, (low + high) / 2, low, high))
    assert said in answers(other)[1]
    sign = {"cover": "▲", "do not surely cover": "≈", "worse than chance": "▼"}[said]
    assert index.table(other).source.count(f'aria-hidden="true">{sign}') == len(study.systems)


def blind(study, metrics=("auroc", "balanced_accuracy")):
    table = study.metrics.copy()
    rows = table["metric"].isin(metrics) & table["system"].isin(study.systems)
    table.loc[rows, ["value", "low", "high"]] = 0.52, 0.44, 0.6
    return {"metrics": table}


def test_nobody_leads_where_nobody_is_better_than_guessing(study, changed, answers):
    first, _, why = answers(changed(study, **blind(study)))
    assert "leads" not in first and "0.520 (0.440–0.600)" in first and "guessing has 0.5" in first
    assert "52.0 % (44.0–60.0), " in first and "where guessing has 50.0 %" in first
    assert first.count("surely better than guessing") == 2
    assert "cannot be told from guessing" in why
    first = answers(changed(study, **blind(study, ["balanced_accuracy"])))[0]
    who = "none" if len(study.systems) > 1 else study.name(study.systems[0])
    assert f"attacked, {who} is not surely better" in first or f"attacked, {who} is surely" in first
    assert first.count("surely better than guessing") == 1


def test_where_all_fail_their_checks_it_is_said_of_the_one_that_leads(study, changed, answers):
    other = changed(study, checks=study.checks.assign(status="fail"))
    said = answers(other)
    assert len(said) == 3
    assert re.search(r"it failed \d+ checks, so that no number of it can be relied on\.$", said[2])


def test_who_shares_a_value_shares_the_lead(study, changed, answers):
    everybody = study.name(study.systems[0]) if len(study.systems) == 1 else "all 8 systems"
    table = study.metrics.copy()
    rows = table["metric"].isin(["auroc", "balanced_accuracy"])
    rows &= table["system"].isin(study.systems)
    table.loc[rows, ["value", "low", "high"]] = 0.9, 0.8, 0.95
    first = answers(changed(study, metrics=table))[0]
    assert "0.900 (0.800–0.950)" in first and "90.0 % (80.0–95.0)" in first
    assert first.startswith(f"On clean radiographs {everybody}")
    assert ("share the lead" in first) == (len(study.systems) > 1)
    table.loc[rows & (table["condition"] != CLEAN), ["value", "low", "high"]] = 0.0, 0.0, 0.02
    first = answers(changed(study, metrics=table))[0]
    if len(study.systems) > 1:
        assert first.endswith(
            "attacked, none is surely better than guessing: all 8 systems have the highest "
            "balanced accuracy of 0.0 % (0.0–2.0), where guessing has 50.0 %."
        )


def test_a_network_with_one_answer_to_all_is_not_better_than_guessing(study, changed, answers):
    table = study.metrics.copy()
    rows = (table["metric"] == "auroc") & table["system"].isin(study.systems)
    table.loc[rows, ["value", "low", "high"]] = 0.5, np.nan, np.nan
    other = changed(study, metrics=table)
    assert "surely better than guessing" in answers(other)[0]


def test_one_marked_radiograph_cannot_tell_maps_from_chance(study, changed, answers):
    other = changed(study, **with_coverage(study, 0.4, np.nan, np.nan))
    assert "cannot be told from so few radiographs: the strongest 5 %" in answers(other)[1]


def test_shortcuts_are_warned_of_where_there_are_any(study, monkeypatch):
    monkeypatch.setattr(shortcuts, "warnings", lambda study: [])
    assert index.warning(study).source == ""
    monkeypatch.setattr(shortcuts, "warnings", lambda study: ["From a < b.", "From c."])
    said = index.warning(study).source
    assert "From a &lt; b. The same holds for 1 other thing." in said
    assert 'href="data.html"' in said


def test_where_nothing_is_marked_no_map_is_compared_with_it(study, changed, answers):
    other = changed(study, localisation=study.localisation.assign(n=0))
    assert "is not known" in answers(other)[1]
    assert "no map could be checked" in index.table(other).source
    assert "▲" not in index.table(other).source


def test_reasons_come_and_go_with_what_was_found(study, changed, answers):
    leader, *_ = study.leaders(study.attacked, "balanced_accuracy")
    good = changed(study, **with_checks(study, leader, "pass"))
    why = answers(good)[2]
    assert ("drawn by a program" in why) == study.is_phantom
    assert ("patients are not known" in why) != study.is_phantom
    assert "of the radiographs with a fracture at its chosen threshold" in why
    assert "failed" not in why
    finds = study.metric(leader, study.at_threshold["attacked"], "sensitivity")
    assert f"finds {text.number(finds['value'], 'share')} %" in why
    bad = changed(study, **with_checks(study, leader, "fail"))
    assert "it failed 1 check" in answers(bad)[2]
    for low, said in {0.45: True, 0.55: False}.items():
        found = with_metric(study, leader, study.attacked, "balanced_accuracy", 0.99, low, 1.0)
        assert ("told from guessing" in answers(changed(study, **found))[2]) == said
    found = with_metric(study, leader, study.attacked, "balanced_accuracy", 0.99, 0.3, 0.4)
    assert "is worse than guessing" in answers(changed(study, **found))[2]
    always = study.metric(ALWAYS_NEGATIVE, study.attacked, "accuracy")["value"]
    for low, said in {always: True, always + 0.01: False}.items():
        found = with_metric(study, leader, study.attacked, "accuracy", 0.99, low, 1.0)
        assert ("often than always" in answers(changed(study, **found))[2]) == said


def test_one_row_a_system_and_the_references_below(study):
    source = index.table(study).source
    assert source.count("<tr>") == 2 + len(study.systems) + 2
    body = source.partition("<tbody>")[2].split("<tr>")[1:]
    assert [('class="system reference"' in row) for row in body] == [False] * len(study.systems) + [
        True
    ] * 2
    for row, system in zip(body, study.systems, strict=False):
        assert study.title(system) in row and study.label(system) in row
        assert row.count("<td") == 7
        attacked = study.metric(system, study.at_threshold["attacked"], "sensitivity")
        assert f">{text.number(attacked['value'], 'share')}<" in row
        assert f"<small>{text.interval(attacked, 'share')}</small>" in row
    assert "0.0" in body[-2] and "100.0" in body[-1]


def test_the_question_names_the_budget_and_the_test_set(study, plain):
    asked = plain(index.question(study))
    assert asked.count(".") == asked.count("?") - 1 == 0
    assert study.test_set in asked and "grey levels" in asked


# --- Whose radiographs ------------------------------------------------------------------------


@pytest.fixture
def of_patients(answers, plain, with_samples):
    """Return the first reason, the limit, and the sentence on the data, with other patients."""

    def read(study, patient):
        other = with_samples(study, patient=patient)
        why = answers(other)[2].partition(": ")[2].partition("; attacked")[0]
        limit = plain(limits.limits(other)).removeprefix("- ").partition("\n")[0]
        return why, limit, plain(counts.composition(other)).partition("pixels. ")[2]

    return read


@pytest.fixture
def real(study):
    """A study of radiographs of patients."""
    if study.is_phantom:
        pytest.skip("nobody's radiographs")
    return study


def test_where_no_patient_is_known_it_is_said(real, of_patients):
    assert of_patients(real, "") == (
        "the patients are not known, so that it may have met patients of the test set",
        "Radiographs of one patient may be in several parts of the split: the patients are not "
        "known. Where they are, numbers tend to be too good; and where one patient has several "
        "test radiographs, intervals tend to be too narrow.",
        "Their patients are not known.",
    )


def test_where_some_patients_are_known_the_others_are_counted(real, of_patients):
    patient = ["", *(f"p{place // 2}" for place in range(len(real.samples.table) - 1))]
    some = "the patient is not known for 1 of 120 radiographs"
    why, limit, whose = of_patients(real, patient)
    assert why == f"{some}, so that it may have met patients of the test set"
    assert f"in several parts of the split: {some}. Where they are," in limit
    assert whose == f"They are of 60 patients; {some}."


def test_where_every_patient_is_known_none_may_have_been_met(real, of_patients):
    split = real.samples.table["split"]
    assert (split == "test").sum() == 30
    assert of_patients(real, range(len(split))) == (
        "it was tried on radiographs of 30 patients, all from one dataset",
        "The radiographs are of 120 patients, and those of one patient are in one part of the "
        "split.",
        "They are of 120 patients.",
    )
    assert of_patients(real, split.map({"train": 1, "val": 2, "test": 3})) == (
        "it was tried on radiographs of 1 patient, all from one dataset",
        "The radiographs are of 3 patients, and those of one patient are in one part of the split. "
        "The 30 test radiographs are of 1 patient: intervals take each radiograph for another "
        "patient's, and tend to be too narrow.",
        "They are of 3 patients.",
    )


def test_phantoms_have_no_patients(study, of_patients):
    if not study.is_phantom:
        pytest.skip("radiographs of patients")
    why, limit, whose = of_patients(study, study.samples.table["sample_id"])
    assert why == "these radiographs were drawn by a program, and say nothing about patients"
    assert limit.startswith("The radiographs are phantoms")
    assert "drawn by a program" in whose and "patient" not in whose


def test_networks_from_elsewhere_may_have_met_anybody(real, answers, changed, with_samples):
    known = with_samples(real, patient=real.samples.table["sample_id"])
    other = changed(known, {"model": {"weights": "finetuned:a.pt"}}, samples=known.samples)
    assert "trained elsewhere, on radiographs that are not known here" in answers(other)[2]
