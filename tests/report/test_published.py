import re

import pandas as pd
import pytest

from radrobust.report.kit.published_study import ABSENT, COVERAGE, FLAWS, PERCENTS, PRESENT
from radrobust.report.kit.study import Study, View
from radrobust.report.kit.text import number
from radrobust.report.pages import published
from radrobust.systems.catalogue import SYSTEMS


def rows_of(source):
    """The text of each cell of each row of a table."""
    body = source.partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        [re.sub("<[^>]+>", " ", part).split() for part in re.findall(r"<t[hd].*?</t[hd]>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", body)
    ]


def test_published_accuracies_are_whole_counts_of_films():
    films = ABSENT + PRESENT
    for system in SYSTEMS.values():
        for percent in (system.fracatlas.clean, system.fracatlas.attacked):
            right = published._correct(percent)
            assert round(100 * right / films, 2) == percent, system.key


def test_the_published_table_has_eight_systems_with_wilson_intervals(study):
    rows = rows_of(published.accuracies(study).source)
    assert len(rows) == len(SYSTEMS) + 2
    chen = rows[list(SYSTEMS).index("chen2024")]
    assert chen[1:3] == [["85.14", "79.9–89.2"], ["68.92", "62.6–74.6"]]
    assert rows[-2][1:3] == [["67.57", "61.2–73.4"]] * 2
    for key, row in zip(SYSTEMS, rows, strict=False):
        assert (row[3:] == [["–"]] * 3) == (key not in study.systems)


def test_ours_stands_beside_in_both_spaces(study, replaced):
    values = {"normalized": (0.81, 0.99), "pixel": (0.52, 3.99)}
    spaces = pd.DataFrame(
        [
            (system, space, levels, metric, value, value - 0.1, value + 0.1)
            for system in study.systems
            for space, (value, levels) in values.items()
            for metric in ("accuracy", "balanced_accuracy")
        ],
        columns=["system", "space", "grey_levels", "metric", "value", "low", "high"],
    )
    changed = replaced(study, spaces=spaces)
    row = rows_of(published.accuracies(changed).source)[list(SYSTEMS).index("huang2021")]
    assert row[4:] == [["81.0", "71.0–91.0"], ["52.0", "42.0–62.0"]]
    row = rows_of(published.spaces(changed).source)[study.systems.index("huang2021")]
    assert row[1:3] == [["0.99"], ["4"]]
    assert row[4:] == [["81.0", "71.0–91.0"], ["52.0", "42.0–62.0"]]


def test_what_saying_no_comes_to_is_counted(study):
    said = published.in_words(study).source.replace("\u00a0", " ")
    assert (
        "Naming no fracture ever is right for 150 of them, 67.6 %, clean or attacked. Under its "
        "attack 1 of 8 systems, Data Filtering (Chen 2024), is right more often than that, and no "
        "95 % interval lies above it."
    ) in said


def test_columns_that_are_no_replication_say_in_what(study):
    said = published.no_replication(study).source
    assert said.startswith("**The columns are not a replication of each other.**")
    compact = study.params.model.scale == "compact"
    assert ("(here compact ones)" in said) == compact
    assert ("there FracAtlas" in said) == study.is_phantom
    assert "(here 32×32 pixels, there 224×224)" in said


def test_even_the_same_of_everything_is_no_replication(study, replaced):
    if study.is_phantom:
        pytest.skip("other films")
    attack = {
        "norm": "linf", "schedule": "fixed", "steps": 10, "restarts": 1, "eps": "4/255",
        "step": "1/255",
    }  # fmt: skip
    same = replaced(study, attack)
    dataset = same.params.dataset.model_copy(update={"image_size": 224})
    same = Study(same.root, same.params.model_copy(update={"dataset": dataset}))
    assert published.no_replication(same).source.startswith("**This is no replication**")


def test_eight_flaws_each_with_its_effect_and_what_is_done_here(study):
    rows = rows_of(published.flaws(study).source)
    assert len(rows) == len(FLAWS) == 8
    assert all(len(row) == 4 and all(row) for row in rows)


def test_what_is_done_about_the_budget_follows_the_space(study, replaced):
    assert "The attack changes pixels of the film itself" in published.flaws(study).source
    other = replaced(study, {"space": "normalized"})
    assert "applied after normalisation too" in published.flaws(other).source


@pytest.mark.parametrize(
    ("balance", "said"),
    [
        ("none", "on test films from all films of the dataset"),
        ("undersample", "of which films without the finding were left out, as there"),
    ],
)
def test_whether_films_were_left_out_is_said(study, balance, said):
    dataset = study.params.dataset.model_copy(update={"balance": balance})
    other = Study(study.root, study.params.model_copy(update={"dataset": dataset}))
    assert said in published.flaws(other).source


def test_checkpoints_of_that_study_are_normalised_as_they_were_trained(study):
    assert "each film is normalised once" in published.flaws(study).source
    model = study.params.model.model_copy(update={"weights": "finetuned:a.pt", "head": "mlp"})
    other = Study(study.root, study.params.model_copy(update={"model": model}))
    source = published.flaws(other).source
    assert "normalised as the checkpoints were trained, some of them twice" in source


def test_coverage_has_ours_only_where_the_explainer_was_run(study):
    source = published.coverage(study).source
    panes = re.findall(r"<tbody>(.*?)</tbody>", source)
    assert len(panes) == len(COVERAGE)
    for explainer, pane in zip(COVERAGE, panes, strict=True):
        rows = rows_of(f"<tbody>{pane}</tbody>")
        keys = [key for key in SYSTEMS if key in COVERAGE[explainer]]
        assert len(rows) == len(keys) + 1
        for key, row in zip(keys, rows, strict=False):
            assert [cell[0] for cell in row[1:4]] == [f"{v:.2f}" for v in COVERAGE[explainer][key]]
            ours = explainer in study.params.explain.methods and key in study.systems
            assert (row[4:] == [["–"]] * 3) != ours
            if ours:
                box = View(region="box")
                found = [
                    study.localised(key, explainer, f"coverage_{percent}", box)["value"]
                    for percent in PERCENTS
                ]
                assert [cell[0] for cell in row[4:]] == [number(v, "coverage_5") for v in found]
        assert [float(cell[0]) for cell in rows[-1][1:4]] == list(PERCENTS)
