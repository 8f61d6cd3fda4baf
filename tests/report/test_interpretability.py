"""Page *Interpretability*: it follows the tables, and lacks nothing where nothing is marked."""

import math
import os
import re
from pathlib import Path

import pytest

from radrobust.report.kit import gallery, maps, text
from radrobust.report.kit.study import Study
from radrobust.report.pages.interpretability import charts, finding, network, summary

TABLES = (
    summary.answers,
    finding.at_a_glance,
    finding.by_method,
    maps.survival,
    network.convergence,
    network.faithfulness,
    network.faithfulness_curves,
    network.strays,
    network.randomisation,
    charts.randomisation,
    gallery.cards,
)


@pytest.fixture
def counted(rows):
    """Return the counts of each question: better, not told apart, worse, undefined."""
    return lambda study: {
        row[0]: [int(count) for count in row[2:]] for row in rows(summary.answers(study))
    }


def cells(source):
    """The cells of each row of the body of the first table, without the heads of rows."""
    body = source.partition("<tbody>")[2].partition("</tbody>")[0]
    return [re.findall(r"<td.*?</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", body)]


def headline(table, image="clean"):
    return (
        (table["metric"] == "coverage_5")
        & (table["image"] == image)
        & (table["answers"] == "all")
        & (table["region"] == "mask")
    )


def test_the_matrix_marks_each_cell_by_sign_tint_and_words(study, changed):
    table = study.localisation.copy()
    methods = study.params.explain.methods[:3]
    ends = {0: (0.2, 0.1, 0.3), 1: (0.06, 0.04, 0.09), 2: (0.02, 0.01, 0.03)}
    for place, method in enumerate(methods):
        rows = headline(table) & (table["explainer"] == method)
        table.loc[rows, ["value", "low", "high"]] = ends[place]
    source = finding.at_a_glance(changed(study, localisation=table)).source
    assert len(cells(source)) == len(study.systems)
    for row in cells(source):
        assert len(row) == len(study.params.explain.methods)
        for part, shown, sign, tint, words in (
            (row[0], "20.0", "▲", "good", "above chance"),
            (row[1], "6.0", "≈", "even", "not told from chance"),
            (row[2], "2.0", "▼", "bad", "below chance"),
        ):
            assert f'class="number tinted {tint}"' in part
            assert f">{shown} " in part and f'<span aria-hidden="true">{sign}</span>' in part
            assert f'<span class="visually-hidden"> {words}</span>' in part
        assert "10.0–30.0" in row[0]
    assert "Chance: 5.0." in source


def test_everything_that_was_measured_is_shown_once_a_method(study):
    source = finding.by_method(study).source
    methods = study.params.explain.methods
    assert source.count("<table") == 6 * len(methods)
    assert source.count("<details") == 5 * len(methods)
    assert source.count("image/svg+xml") == len(methods)
    row = study.localised(study.systems[0], methods[0], "auprc")
    assert f">{row['value']:.3f}" in source
    first = source.partition("<tbody>")[2].partition("</tbody>")[0]
    assert first.count("<tr>") == 2 * len(study.systems) + 1
    chance = re.findall(r"<td[^>]*>([^<]*)</td>", first.rpartition("<tr>")[2])
    assert chance[1:8] == ["5.0", "15.0", "25.0", "50.0", "75.0", "85.0", "95.0"]
    area = text.number(row["chance"], "mass")
    assert chance[8] == chance[9] == area


def test_pairs_are_counted_by_their_side_of_chance(study, changed, counted):
    table = study.localisation.copy()
    rows = headline(table)
    table.loc[rows, ["value", "low", "high"]] = (0.05, 0.02, 0.09)
    one = rows & (table["explainer"] == "grad_cam") & (table["system"] == "huang2021")
    table.loc[one, ["value", "low", "high"]] = (0.4, 0.3, 0.5)
    two = rows & (table["explainer"] == "saliency")
    table.loc[two, ["value", "low", "high"]] = (0.01, 0.0, 0.02)
    pairs, below = 6 * len(study.systems), len(study.systems)
    found = counted(changed(study, localisation=table))
    assert found["Cover the fracture, clean"] == [1, pairs - 1 - below, below, 0]


def test_where_no_radiograph_was_changed_no_map_can_be_compared(study, changed, counted):
    none = study.survival.assign(value=math.nan, low=math.nan, high=math.nan, n=0)
    other = changed(study, survival=none)
    pairs = 6 * len(study.systems)
    assert counted(other)["Last under attack, robust"] == [0, 0, 0, pairs]
    source = maps.survival(other).source
    assert "nan" not in source and "0 radiographs" in source


def test_misclassified_and_robust_radiographs_are_rows_of_their_own(study):
    source = maps.survival(study).source
    assert source.count("<table") == 3
    row = cells(source)[0]
    found = study.survival
    found = found[(found["system"] == study.systems[0]) & (found["answers"] == "misclassified")]
    first = found[(found["metric"] == "overlap_10")].iloc[0]
    assert f"<small>{text.plural(int(first['n']), 'radiograph')}</small>" in row[0]
    assert text.number(first["value"], "share") in row[1]


def test_maps_that_do_not_add_up_are_counted(study, changed, counted):
    table = study.convergence.copy()
    off = (table["system"] == "huang2021") & (table["explainer"] == "deeplift")
    off &= (table["image"] == "attacked") & (table["metric"] == "delta_exceeds")
    n = int(table.loc[off, "n"].iloc[0])
    table.loc[off, "value"] = 3 / n
    other = changed(study, convergence=table)
    assert network.convergence(other).source.count(f">3 of {n}<") == 1
    assert counted(other)["Add up"] == [2 * len(study.systems) - 1, 0, 1, 0]


def test_without_a_promise_there_is_no_sum(study, changed, counted):
    other = changed(study, convergence=study.convergence.head(0))
    assert "Add up" not in counted(other)
    assert "None of the methods promises a sum." in network.convergence(other).source


def test_faithfulness_is_against_noise(study, changed, counted):
    table = study.faithfulness.copy()
    table[["gain", "gain_low", "gain_high"]] = (0.01, -0.02, 0.04)
    occlusion = table["explainer"] == "occlusion"
    table.loc[occlusion, ["gain", "gain_low", "gain_high"]] = (0.2, 0.1, 0.3)
    worse = (table["explainer"] == "saliency") & (table["metric"] == "deletion")
    table.loc[worse, ["gain", "gain_low", "gain_high"]] = (-0.1, -0.2, -0.05)
    other = changed(study, faithfulness=table)
    rows = cells(network.faithfulness(other).source)
    assert len(rows) == 2 * len(study.systems)
    taken, back = rows[0][1:], rows[1][1:]
    assert "−10.0 " in taken[0] and "worse than noise" in taken[0] and "−20.0 to −5.0" in taken[0]
    assert "+1.0 " in back[0] and "not told from noise" in back[0] and "−2.0 to 4.0" in back[0]
    assert "+20.0 " in back[-1] and "better than noise" in back[-1] and "10.0–30.0" in back[-1]
    count, pairs = len(study.systems), 6 * len(study.systems)
    found = counted(other)
    assert found["Name the reasons, taken away"] == [count, pairs - 2 * count, count, 0]
    assert found["Name the reasons, put back"] == [count, pairs - count, 0, 0]


def test_maps_of_shuffled_weights_are_compared_with_the_limit(study, changed, counted):
    table = study.randomisation.copy()
    last = table["depth"] == table["depth"].max()
    kept = last & (table["explainer"] == "grad_cam") & (table["system"] == "huang2021")
    table.loc[kept, ["value", "low", "high"]] = (0.7, 0.6, 0.8)
    unsure = last & (table["explainer"] == "deeplift") & (table["system"] == "huang2021")
    table.loc[unsure, ["value", "low", "high"]] = (0.45, 0.4, 0.55)
    other = changed(study, randomisation=table)
    pairs = 6 * len(study.systems)
    assert counted(other)["Change with the weights"] == [pairs - 2, 1, 1, 0]
    row = cells(network.randomisation(other).source)[study.systems.index("huang2021")]
    methods = study.params.explain.methods
    assert "tinted bad" in row[methods.index("grad_cam")]
    assert "0.60–0.80" in row[methods.index("grad_cam")]
    assert "tinted even" in row[methods.index("deeplift")]
    assert "tinted good" in row[methods.index("saliency")]


@pytest.fixture(scope="module")
def unmarked(fake_study, tmp_path_factory):
    """A study none of whose findings is marked, summarised."""
    from radrobust.stages.summarise import summarise

    root = tmp_path_factory.mktemp("unmarked")
    params = fake_study.write_study(root, systems=("huang2021",), count=40, marked=False)
    before = Path.cwd()
    os.chdir(root)
    try:
        summarise(params)
    finally:
        os.chdir(before)
    return Study(root, params)


def test_without_marks_no_map_is_compared_with_the_finding(unmarked, counted):
    assert unmarked.marked == 0
    assert not any("Cover" in question for question in counted(unmarked))
    assert "are left out" in finding.at_a_glance(unmarked).source
    assert finding.by_method(unmarked).source == ""
    for show in TABLES:
        source = show(unmarked).source
        assert "nan" not in re.sub(r'"data:[^"]*"', "", source).lower(), show
    shown = gallery.cards(unmarked).source
    assert "<path" not in shown and "outlined" not in shown and "covers" not in shown
