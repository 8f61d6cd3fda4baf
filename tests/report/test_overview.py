import re

import numpy as np
import pandas as pd
import pytest

from radrobust.report.kit import tables, text
from radrobust.report.kit import warnings as sentences
from radrobust.report.kit.study import ALWAYS_NEGATIVE
from radrobust.report.pages import index as overview
from radrobust.report.pages.data import charts as data_figures
from radrobust.report.pages.data import gallery
from radrobust.report.pages.data import groups as films


def plain(shown):
    return shown.source.replace("\u00a0", " ").replace(text.WORD_JOINER, "").replace("**", "")


def sentences_of(study):
    return plain(overview.answer(study)).removeprefix("- ").split("\n- ")


def with_metric(study, system, eps, metric, value, low, high):
    table = study.metrics.copy()
    rows = (table["metric"] == metric) & np.isclose(table["eps"], eps, rtol=0, atol=1e-9)
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


def test_the_answer_is_three_sentences(study):
    said = sentences_of(study)
    assert len(said) == 3
    for sentence in said:
        assert sentence.endswith(".")
        assert not re.search(r"\. [A-Z]", sentence)


def test_whoever_scores_most_leads(study, replaced):
    for system in study.systems:
        other = replaced(study, **with_metric(study, system, 0, "auroc", 0.9991, 0.998, 1.0))
        first = sentences_of(other)[0]
        assert first.startswith((f"On clean films {study.name(system)}", study.name(system)))
        assert "AUROC of 0.999 (0.998–1.000)" in first
        found = with_metric(study, system, study.eps, "balanced_accuracy", 0.987, 0.98, 0.99)
        first, maps, why = sentences_of(replaced(study, **found))
        assert "98.7 % (98.0–99.0)" in first
        assert study.name(system) in first and study.name(system) in maps
        assert (study.name(system) in why) == (len(study.systems) > 1)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.06, 0.5, "more often"), (0.04, 0.5, "no more surely"), (0.01, 0.04, "less often")],
)
def test_whether_the_maps_hit_is_told_by_the_interval(study, replaced, low, high, said):
    other = replaced(study, **with_coverage(study, (low + high) / 2, low, high))
    assert f"the fracture {said} than chance" in sentences_of(other)[1]
    sign = {"more often": "▲", "no more surely": "≈", "less often": "▼"}[said]
    assert overview.table(other).source.count(f'aria-hidden="true">{sign}') == len(study.systems)


def blind(study, metrics=("auroc", "balanced_accuracy")):
    table = study.metrics.copy()
    rows = table["metric"].isin(metrics) & table["system"].isin(study.systems)
    table.loc[rows, ["value", "low", "high"]] = 0.52, 0.44, 0.6
    return {"metrics": table}


def test_nobody_leads_where_nobody_is_better_than_guessing(study, replaced):
    first, _, why = sentences_of(replaced(study, **blind(study)))
    assert "leads" not in first and "0.520 (0.440–0.600)" in first and "guessing has 0.5" in first
    assert "52.0 % (44.0–60.0), " in first and "where guessing has 50 %" in first
    assert first.count("surely better than guessing") == min(2, len(study.systems))
    assert "cannot be told from guessing" in why
    first = sentences_of(replaced(study, **blind(study, ["balanced_accuracy"])))[0]
    several = len(study.systems) > 1
    assert ("attacked, none is surely better than guessing" in first) == several
    assert first.startswith("On clean films") == several and "none of them" not in first


def test_where_all_fail_their_checks_it_is_said_of_the_one_that_leads(study, replaced):
    other = replaced(study, checks=study.checks.assign(status="fail"))
    said = sentences_of(other)
    assert len(said) == 3
    assert re.search(r"it failed \d+ checks, so that no number of it can be relied on\.$", said[2])


def test_who_shares_a_value_shares_the_lead(study, replaced):
    everybody = study.name(study.systems[0]) if len(study.systems) == 1 else "all 8 systems"
    table = study.metrics.copy()
    rows = table["metric"].isin(["auroc", "balanced_accuracy"])
    rows &= table["system"].isin(study.systems)
    table.loc[rows, ["value", "low", "high"]] = 0.9, 0.8, 0.95
    first = sentences_of(replaced(study, metrics=table))[0]
    assert "0.900 (0.800–0.950)" in first and "90.0 % (80.0–95.0)" in first
    assert first.startswith(everybody)
    assert ("share the lead on clean films" in first) == (len(study.systems) > 1)
    table.loc[rows & (table["eps"] > 0), ["value", "low", "high"]] = 0.0, 0.0, 0.02
    first = sentences_of(replaced(study, metrics=table))[0]
    if len(study.systems) > 1:
        assert first.endswith(
            "attacked, none is surely better than guessing: the highest balanced accuracy is "
            "0.0 % (0.0–2.0), that of all 8 systems, where guessing has 50 %."
        )


def test_a_network_that_says_the_same_of_all_films_is_not_better_than_guessing(study, replaced):
    table = study.metrics.copy()
    rows = (table["metric"] == "auroc") & table["system"].isin(study.systems)
    table.loc[rows, ["value", "low", "high"]] = 0.5, np.nan, np.nan
    other = replaced(study, metrics=table)
    assert "surely better than guessing" in sentences_of(other)[0]
    assert "not surely better than guessing" in plain(sentences.answer(other))
    assert "is above that of guessing" not in plain(sentences.answer(other))


def test_one_marked_film_cannot_tell_maps_from_chance(study, replaced):
    other = replaced(study, **with_coverage(study, 0.4, np.nan, np.nan))
    assert "cannot be told from so few films: the strongest 5 %" in sentences_of(other)[1]


def test_shortcuts_are_warned_of_where_there_are_any(study, monkeypatch):
    monkeypatch.setattr(overview.audit, "warnings", lambda study: [])
    assert overview.shortcuts(study).source == ""
    monkeypatch.setattr(overview.audit, "warnings", lambda study: ["From a < b.", "From c."])
    said = overview.shortcuts(study).source
    assert "From a &lt; b. The same goes for 1 other thing." in said
    assert 'href="data.html"' in said


def test_where_nothing_is_marked_no_map_is_held_against_it(study, replaced):
    other = replaced(study, localisation=study.localisation.assign(n=0))
    assert "is not known" in sentences_of(other)[1]
    assert "no map could be checked" in overview.table(other).source
    assert "▲" not in overview.table(other).source


def test_reasons_come_and_go_with_what_was_found(study, replaced):
    leader = max(
        study.systems, key=lambda key: study.metric(key, study.eps, "balanced_accuracy")["value"]
    )
    good = replaced(study, **with_checks(study, leader, "pass"))
    why = sentences_of(good)[2]
    assert ("drawn by a program" in why) == study.is_phantom
    assert ("whose films" in why) != study.is_phantom
    assert "of the films with a fracture at its chosen threshold" in why
    assert "failed" not in why
    finds = study.metric(leader, study.eps, "sensitivity_at_threshold")
    assert f"finds {text.number(finds['value'], 'share')} %" in why
    bad = replaced(study, **with_checks(study, leader, "fail"))
    assert "it failed 1 check" in sentences_of(bad)[2]
    for low, said in {0.45: True, 0.55: False}.items():
        found = with_metric(study, leader, study.eps, "balanced_accuracy", 0.99, low, 1.0)
        assert ("told from guessing" in sentences_of(replaced(study, **found))[2]) == said
    found = with_metric(study, leader, study.eps, "balanced_accuracy", 0.99, 0.3, 0.4)
    assert "is worse than guessing" in sentences_of(replaced(study, **found))[2]
    always = study.metric(ALWAYS_NEGATIVE, study.eps, "accuracy")["value"]
    for low, said in {always: True, always + 0.01: False}.items():
        found = with_metric(study, leader, study.eps, "accuracy", 0.99, low, 1.0)
        assert ("always saying" in sentences_of(replaced(study, **found))[2]) == said


def test_one_row_a_system_and_the_references_below(study):
    source = overview.table(study).source
    assert source.count("<tr>") == 2 + len(study.systems) + 2
    body = source.partition("<tbody>")[2].split("<tr>")[1:]
    assert [('class="system reference"' in row) for row in body] == [False] * len(study.systems) + [
        True
    ] * 2
    for row, system in zip(body, study.systems, strict=False):
        assert study.title(system) in row and study.label(system) in row
        assert row.count("<td") == 7
        attacked = study.metric(system, study.eps, "sensitivity_at_threshold")
        assert f">{text.number(attacked['value'], 'share')}<" in row
        assert f"<small>{text.interval(attacked, 'share')}</small>" in row
    assert "0.0" in body[-2] and "100.0" in body[-1]


def test_the_question_names_the_budget_and_the_test_set(study):
    asked = plain(overview.question(study))
    assert asked.count(".") == asked.count("?") - 1 == 0
    assert sentences.test_set(study) in asked and "grey levels" in asked


def test_the_bullets_do_not_say_again_who_leads(study):
    assert "highest" not in sentences.answer(study).source


def test_parts_add_up_to_the_films(study):
    table = study.samples.table
    found = films.parts(study)
    assert {(part.kind, part.member) for part in found} == {("region", "hand"), ("region", "leg")}
    for label in (0, 1):
        for split in films.SPLIT_TITLES:
            of_class = (table["split"] == split) & (table["label"] == label)
            assert sum(part.counts[split, label] for part in found) == of_class.sum()
            assert sum(part.share(split, label) for part in found) == pytest.approx(1)
        assert (
            sum(part.counts[films.ALL, label] for part in found) == (table["label"] == label).sum()
        )


def with_samples(study, replaced, **columns):
    samples = study.samples
    table = samples.table.assign(**columns)
    return replaced(study, samples=type(samples)(**{**vars(samples), "table": table}))


NOBODY = {
    "text": lambda count: [""] * count,
    "missing": lambda count: [None] * count,
    "not a number": lambda count: [np.nan] * count,
    "number": lambda count: pd.array([pd.NA] * count, dtype="Int64"),
}


def said_of_patients(study, replaced, patient):
    """What three places say: the first reason, the warning, and what the films are."""
    other = with_samples(study, replaced, patient=patient)
    why = sentences_of(other)[2].partition(": ")[2].partition("; attacked")[0]
    warning = plain(sentences.warnings(other)).removeprefix("- ").partition("\n")[0]
    return why, warning, plain(sentences.composition(other)).partition("pixels. ")[2]


@pytest.mark.parametrize("kind", NOBODY)
def test_where_no_patient_is_known_it_is_said(study, replaced, kind):
    if study.is_phantom:
        pytest.skip("nobody's films")
    assert said_of_patients(study, replaced, NOBODY[kind](len(study.samples.table))) == (
        "nothing is known of whose films these are, so that it may have met the patients",
        "Films of one patient may lie in several parts of the split: nothing is known of whose "
        "they are. Where they do, numbers tend to be too good; and where one patient has several "
        "test films, intervals tend to be too narrow.",
        "Nothing is known of whose films they are.",
    )


def test_where_some_patients_are_known_the_other_films_are_counted(study, replaced):
    if study.is_phantom:
        pytest.skip("nobody's films")
    patient = ["", *(f"p{place // 2}" for place in range(len(study.samples.table) - 1))]
    assert len(patient) == 120
    assert said_of_patients(study, replaced, patient) == (
        "of 1 of 120 films it is not known whose they are, so that it may have met the patients",
        "Films of one patient may lie in several parts of the split: of 1 of 120 it is not known "
        "whose they are. Where they do, numbers tend to be too good; and where one patient has "
        "several test films, intervals tend to be too narrow.",
        "Of 1 of them it is not known whose they are; the others are of 60 patients.",
    )


def test_where_every_patient_is_known_none_may_have_been_met(study, replaced):
    if study.is_phantom:
        pytest.skip("nobody's films")
    split = study.samples.table["split"]
    assert (split == "test").sum() == 30
    each = pd.array(range(len(split)), dtype="Int64")
    assert said_of_patients(study, replaced, each) == (
        "it was tried on films of 30 patients, all from one dataset",
        "The films are of 120 patients, and those of one patient lie in one part of the split.",
        "They are of 120 patients.",
    )
    one_each_split = split.map({"train": 1, "val": 2, "test": 3})
    assert said_of_patients(study, replaced, one_each_split) == (
        "it was tried on films of 1 patient, all from one dataset",
        "The films are of 3 patients, and those of one patient lie in one part of the split. The "
        "30 test films are of 1 of them: intervals take each film for another patient's, and tend "
        "to be too narrow.",
        "They are of 3 patients.",
    )


def test_phantoms_have_no_patients(study, replaced):
    if not study.is_phantom:
        pytest.skip("films of patients")
    why, warning, films = said_of_patients(study, replaced, study.samples.table["sample_id"])
    assert why == "these films were drawn by a program, and say nothing about patients"
    assert warning.startswith("The films are phantoms") and "patient" not in films


def test_what_others_have_trained_may_have_met_anybody(study, replaced):
    if study.is_phantom:
        pytest.skip("nobody's films")
    other = with_samples(study, replaced, patient=study.samples.table["sample_id"])
    model = other.params.model.model_copy(update={"weights": "finetuned:a.pt"})
    params = other.params.model_copy(update={"model": model})
    other = type(other)(other.root, params)
    assert "trained elsewhere, on films that are not known here" in sentences_of(other)[2]


def test_films_of_which_nothing_is_said_are_in_no_part(study, replaced):
    label = study.samples.table["label"]
    other = with_samples(study, replaced, subgroup_grade=np.where(label == 1, "plain", ""))
    grade = films.parts(other)[-1]
    assert (grade.kind, grade.member) == ("grade", "plain")
    assert np.isnan(grade.share("test", 0)) and grade.share("test", 1) == 1
    source = data_figures.compositions(other).source
    assert "grade plain: 100.0 % of fracture" in source and "nan" not in source.split("alt=")[1]
    assert "100.0 %" in tables.parts_counted(other).source


def test_a_dataset_without_parts_says_so(study, replaced):
    samples = study.samples
    table = samples.table.drop(columns="subgroup_region")
    other = replaced(study, samples=type(samples)(**{**vars(samples), "table": table}))
    assert "does not tell parts" in data_figures.compositions(other).source
    assert tables.parts_counted(other).source == ""


def test_sizes_are_told_class_by_class(study, replaced):
    label = study.samples.table["label"]
    other = with_samples(study, replaced, width=np.where(label == 1, 900, 300))
    alt = data_figures.sizes(other).source
    assert "no fracture: 300, 300, 300 wide" in alt
    assert "; fracture: 900, 900, 900 wide" in alt
    assert "2 sizes in all" in alt


def test_the_size_of_findings_is_a_share_of_the_film_without_its_padding(study, replaced):
    table = study.samples.table
    side = study.samples.images.shape[-1]
    halves = [[0, 0, side, side // 2]] * len(table)
    area = np.where(table["label"] == 1, 0.03, 0.0)
    source = data_figures.finding_sizes(
        with_samples(study, replaced, film=halves, mask_area=area)
    ).source
    present = text.plural(int(table["label"].sum()), "film")
    assert f"on {present}: from 6.0 % to 6.0 %" in source
    assert f"On {present} it is larger" in source
    assert (
        "No film has"
        in data_figures.finding_sizes(with_samples(study, replaced, mask_area=0.0)).source
    )


def test_films_that_show_the_same_picture_stand_side_by_side(study):
    (group,) = films.same_pictures(study)
    assert group == ["film-0008", "film-0009"]
    source = gallery.same_pictures(study).source
    assert "1 group of films, 2 films in all" in source and "Shown are all" in source
    assert source.count("<figure") == 2
    table = study.samples.table.set_index("sample_id")
    for name in group:
        title = study.classes[table["label"][name]]
        split = films.SPLIT_TITLES[table["split"][name]]
        assert f"{title} · {split} · {name}" in source


def test_groups_that_contradict_themselves_are_counted_and_marked(study, replaced):
    names = study.samples.table["sample_id"].tolist()
    test, train = "test", "train"
    count = len(names)
    other = with_samples(
        study,
        replaced,
        label=np.array([0, 1, 0, 0] + [0] * (count - 4)),
        split=np.array([train, train, train, test] + [test] * (count - 4)),
    )
    chains = [(*names[place : place + 2], True) for place in range(0, count - 1, 2)]
    chains.append((names[1], names[2], True))
    pairs = pd.DataFrame(sorted(chains), columns=["one", "other", "picture"])
    other = replaced(other, samples=other.samples, pairs=pairs)
    groups = films.same_pictures(other)
    assert len(groups) == count // 2 - 1 and names[:4] in groups
    source = gallery.alike(other, [names[:2], names[2:4]], "look alike").source
    assert "look alike. Of the groups 1 have different labels and 1 lie in different" in source
    assert source.index("labels differ") < source.index("splits differ")
    many = gallery.same_pictures(other).source
    assert many.count('class="group"') == gallery.MOST_GROUPS
    assert f"the first {gallery.MOST_GROUPS} by a hash" in many
    large = gallery.alike(other, [names[:9]], "look alike").source
    assert large.count("<figure") == gallery.MOST_ALIKE and "5 more films not shown" in large


def test_no_films_alike_is_said(study, replaced):
    other = replaced(study, pairs=study.pairs[~study.pairs["picture"]])
    assert "No two films" in gallery.same_pictures(other).source
