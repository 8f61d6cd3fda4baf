"""Summaries of maps of five films, by hand.

Films a, b, c and e have the finding; on c nobody marked it. The system is wrong about c and e,
which the attack leaves as they are. Under attack it is wrong about a and d as well.
"""

import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from radrobust.core.errors import InputError
from radrobust.core.params import load_params
from radrobust.core.tables.explanations import (
    ATTRIBUTIONS,
    FAITHFULNESS,
    PERCENTS,
    RANDOMISATION,
    SURVIVAL,
)
from radrobust.evaluation.attributions import convergence, exceeds_tolerance, localisation
from radrobust.evaluation.faithfulness import faithfulness, faithfulness_curves, randomisation
from radrobust.evaluation.intervals import bootstrap, resample_weights, wilson
from radrobust.evaluation.means import means, proportion
from radrobust.evaluation.results import Results
from radrobust.evaluation.survival import survival

FILMS = pd.DataFrame({"system": "standard", "sample_id": list("abcde")})
LABELS = [1, 1, 1, 0, 1]
CHANGED = [True, True, False, True, False]
MISCLASSIFIED = [True, False, False, True, False]


@pytest.fixture(scope="session")
def params(request):
    study = load_params(request.config.rootpath / "params.yaml")
    explain = {"methods": ["deeplift"], "others": 1, "films": 2}
    return study.model_copy(
        update={
            "systems": ["standard"],
            "explain": study.explain.model_copy(update=explain),
        }
    )


def attributions():
    """Maps of attacked films score half of what those of clean films score."""
    table = FILMS.assign(explainer="deeplift", changed=CHANGED, misclassified=MISCLASSIFIED)
    table["delta"] = [0.0, 0.0019, -0.0021, 0.00009, 0.00011]
    table["output_difference"] = [1.0, 2.0, -2.0, 0.01, 0.0]
    table["mask_pointing"] = [1, 0, np.nan, np.nan, 1]
    table["mask_area"] = [0.02, 0.04, np.nan, np.nan, 0.09]
    measures = [f"mask_coverage_{percent}" for percent in PERCENTS] + ["mask_mass", "mask_auprc"]
    for measure in measures:
        table[measure] = [0.1, 0.3, np.nan, np.nan, 0.8]
    for measure in [*measures, "mask_pointing", "mask_area"]:
        table[measure.replace("mask", "box")] = table[measure] * (
            1 if "pointing" in measure else 0.5
        )
    right = np.array([True, True, False, True, False])
    attacked = table.assign(**{measure: table[measure] / 2 for measure in measures})
    return pd.concat(
        [
            table.assign(image="clean", right=right),
            attacked.assign(image="attacked", right=right & ~np.array(MISCLASSIFIED)),
        ],
        ignore_index=True,
    )


def of_asked(explainer, **columns):
    return FILMS.head(2).assign(explainer=explainer, **columns)


@pytest.fixture
def results(params):
    falling, level = np.linspace(1, 0, 17, dtype="f4"), np.full(17, 0.5, "f4")
    kept = FILMS.assign(explainer="deeplift", changed=CHANGED, misclassified=MISCLASSIFIED)
    found = {
        ATTRIBUTIONS: attributions(),
        SURVIVAL: kept.assign(
            spearman=[0.1, 0.5, 1, 0.3, 1],
            ssim=[0.2, 0.4, 1, 0.9, 1],
            overlap_10=[0.0, 0.3, 1, 0.6, 1],
        ),
        FAITHFULNESS: pd.concat(
            [
                of_asked(
                    "deeplift",
                    deletion=[0.2, 0.4],
                    insertion=[0.5, 0.9],
                    infidelity=[0.01, 0.03],
                    max_sensitivity=[0.5, 0.7],
                    deletion_curve=[falling, level],
                    insertion_curve=[falling[::-1], level],
                ),
                of_asked(
                    "random",
                    deletion=[0.5, 0.6],
                    insertion=[0.6, 0.5],
                    infidelity=np.nan,
                    max_sensitivity=np.nan,
                    deletion_curve=[level, level],
                    insertion_curve=[level, level],
                ),
            ],
            ignore_index=True,
        ),
        RANDOMISATION: pd.concat(
            [
                of_asked("deeplift", depth=1, part="stem", spearman=[np.nan, 0.1]),
                of_asked("deeplift", depth=0, part="head", spearman=[0.5, 0.7]),
            ],
            ignore_index=True,
        ),
    }
    samples = FILMS[["sample_id"]].assign(label=LABELS, split="test")
    return Results(params, samples, found, pipeline={})


def holding(results, table, rows):
    """The same results with another table."""
    return replace(results, found=results.found | {table: rows})


def rows(table, *columns):
    """Look rows up by `columns`, of the one system and method that there are."""
    assert (table["system"] == "standard").all()
    return table[table["explainer"] == "deeplift"].set_index(list(columns)).sort_index()


def test_means_are_of_the_films_whose_finding_is_marked(results, params):
    table = localisation(results)
    assert len(table) == 2 * 3 * 2 * (len(PERCENTS) + 3)
    found = rows(table, "image", "answers", "region", "metric")
    for percent in PERCENTS:
        row = found.loc["clean", "all", "mask", f"coverage_{percent}"]
        assert (row["value"], row["chance"], row["n"]) == (pytest.approx(0.4), percent / 100, 3)
    for metric in ("mass", "auprc"):
        row = found.loc["clean", "all", "mask", metric]
        assert row[["value", "chance"]].tolist() == pytest.approx([0.4, 0.05])
        row = found.loc["clean", "all", "box", metric]
        assert row[["value", "chance"]].tolist() == pytest.approx([0.2, 0.025])
    row = found.loc["clean", "all", "mask", "pointing"]
    expected = 2 / 3, *wilson(2, 3, params.evaluate.level), 0.05
    assert row[["value", "low", "high", "chance"]].tolist() == pytest.approx(expected)


def test_right_and_wrong_are_what_the_system_says_of_that_image(results):
    found = rows(localisation(results), "image", "answers", "region", "metric")
    of = {
        (image, answers): found.loc[image, answers, "mask", "mass"]
        for image in ("clean", "attacked")
        for answers in ("right", "wrong")
    }
    clean = of["clean", "right"]  # a and b
    assert clean[["value", "low", "high"]].tolist() == pytest.approx([0.2, 0.1, 0.3])
    assert (clean["n"], clean["chance"]) == (2, pytest.approx(0.03))
    assert of["attacked", "right"]["value"] == pytest.approx(0.15)  # b alone
    attacked = of["attacked", "wrong"]  # a and e
    assert attacked[["value", "low", "high"]].tolist() == pytest.approx([0.225, 0.05, 0.4])
    # e alone: one film does not show how films differ.
    assert of["clean", "wrong"][["value", "n", "chance"]].tolist() == pytest.approx([0.8, 1, 0.09])
    assert of["clean", "wrong"][["low", "high"]].isna().all()


def test_without_films_nothing_is_known(results):
    table = results.found[ATTRIBUTIONS].assign(right=True)
    found = localisation(holding(results, ATTRIBUTIONS, table))
    wrong = found[found["answers"] == "wrong"]
    assert len(wrong) == len(found) / 3
    assert (wrong["n"] == 0).all()
    assert wrong[["value", "low", "high"]].isna().all(axis=None)
    assert (wrong["chance"].isna() == ~wrong["metric"].str.startswith("coverage")).all()


def test_a_map_may_miss_a_thousandth_of_the_change_but_never_less_than_a_ten_thousandth(results):
    clean = results.found[ATTRIBUTIONS].head(5)
    assert exceeds_tolerance(clean).tolist() == [False, False, True, False, True]
    assert exceeds_tolerance(clean.assign(delta=np.nan)).all()


def test_maps_that_do_not_add_up(results, params):
    found = rows(convergence(results), "image", "metric")
    for image in ("clean", "attacked"):
        share, largest = found.loc[image, "delta_exceeds"], found.loc[image, "delta_largest"]
        assert (share["value"], share["n"], largest["n"]) == (0.4, 5, 5)
        assert (share["low"], share["high"]) == wilson(2, 5, params.evaluate.level)
        assert largest["value"] == pytest.approx(0.0011)
        assert math.isnan(largest["low"]) and math.isnan(largest["high"])
    no_promise = results.found[ATTRIBUTIONS].assign(delta=np.nan)
    assert convergence(holding(results, ATTRIBUTIONS, no_promise)).empty


def test_what_the_attack_leaves_of_maps_is_asked_of_the_films_that_it_changed(results):
    table = survival(results)
    assert table["answers"].unique().tolist() == ["all", "misclassified", "robust"]
    found = rows(table, "answers", "metric")
    expected = {
        "all": {"spearman": 0.3, "ssim": 0.5, "overlap_10": 0.3},
        "misclassified": {"spearman": 0.2, "ssim": 0.55, "overlap_10": 0.3},
        "robust": {"spearman": 0.5, "ssim": 0.4, "overlap_10": 0.3},
    }
    for answers, n in (("all", 3), ("misclassified", 2), ("robust", 1)):
        assert found.loc[answers]["value"].to_dict() == pytest.approx(expected[answers])
        assert found.loc[answers]["n"].tolist() == [n] * 3
    ends = found.loc["misclassified", "spearman"][["low", "high"]]
    assert ends.tolist() == pytest.approx([0.1, 0.3])
    chance = found.loc["all"]["chance"].to_dict()
    assert chance == pytest.approx({"spearman": 0, "ssim": np.nan, "overlap_10": 0.1}, nan_ok=True)


def test_where_nothing_is_misclassified_there_is_nothing_to_say_of_it(results):
    kept = results.found[SURVIVAL].assign(misclassified=False)
    wrong = rows(survival(holding(results, SURVIVAL, kept)), "answers").loc["misclassified"]
    assert (wrong["n"] == 0).all()
    assert wrong[["value", "low", "high"]].isna().all(axis=None)


def test_a_gain_is_over_the_noise_of_the_same_film(results):
    found = rows(faithfulness(results), "metric")
    columns = ["value", "low", "high", "n"]
    assert found.loc["deletion", columns].tolist() == pytest.approx([0.3, 0.2, 0.4, 2])
    assert found.loc["infidelity", columns].tolist() == pytest.approx([0.02, 0.01, 0.03, 2])
    assert found.loc["max_sensitivity", columns].tolist() == pytest.approx([0.6, 0.5, 0.7, 2])
    gains = ["gain", "gain_low", "gain_high"]
    # Less is left after deletion than noise leaves: 0.3 and 0.2 less.
    assert found.loc["deletion", gains].tolist() == pytest.approx([0.25, 0.2, 0.3])
    # More is back after insertion for one film, less for the other: 0.4 and -0.1 more.
    assert found.loc["insertion", gains].tolist() == pytest.approx([0.15, -0.1, 0.4])
    assert found.loc[["infidelity", "max_sensitivity"], gains].isna().all(axis=None)


def test_noise_has_areas_but_no_gain(results):
    table = faithfulness(results)
    noise = table[table["explainer"] == "random"].set_index("metric")
    assert noise["value"].to_dict() == pytest.approx({"deletion": 0.55, "insertion": 0.55})
    assert noise[["gain", "gain_low", "gain_high"]].isna().all(axis=None)


def test_curves_are_averaged_point_by_point(results):
    table = faithfulness_curves(results)
    assert len(table) == 2 * 2 * 17
    found = rows(table, "curve")
    shares = np.linspace(0, 1, 17)
    assert found.loc["deletion", "share"].tolist() == shares.tolist()
    assert found.loc["deletion", "value"].tolist() == pytest.approx((1 - shares + 0.5) / 2)
    assert found.loc["insertion", "value"].tolist() == pytest.approx((shares + 0.5) / 2)
    assert (table.loc[table["explainer"] == "random", "value"] == 0.5).all()


def test_the_deeper_the_less_is_left_and_constant_maps_do_not_count(results):
    table = randomisation(results)
    assert table[["depth", "part"]].to_numpy().tolist() == [[0, "head"], [1, "stem"]]
    found = rows(table, "depth")
    assert found.loc[0, ["value", "low", "high", "n"]].tolist() == pytest.approx([0.6, 0.5, 0.7, 2])
    assert (found.loc[1, "value"], found.loc[1, "n"]) == (0.1, 1)
    assert math.isnan(found.loc[1, "low"])
    assert (table["limit"] == 0.5).all()


@pytest.mark.parametrize(
    ("summarise", "table", "lost", "message"),
    [
        (localisation, ATTRIBUTIONS, {"system": "standard"}, "maps of 0 test samples, not 5"),
        (localisation, ATTRIBUTIONS, {"sample_id": "b"}, "maps of 4 test samples, not 5"),
        (localisation, ATTRIBUTIONS, {"explainer": "deeplift"}, "maps of 0 test samples, not 5"),
        (
            convergence,
            ATTRIBUTIONS,
            {"image": "attacked"},
            "0 rows of deeplift at image attacked, not one for each of 5 samples",
        ),
        (survival, SURVIVAL, {"sample_id": "a"}, "maps of 4 test samples, not 5"),
        (
            faithfulness,
            FAITHFULNESS,
            {"explainer": "random"},
            "0 rows of random, not one for each of 2 samples",
        ),
        (faithfulness_curves, FAITHFULNESS, {"sample_id": "a"}, "maps of 1 test samples, not 2"),
        (randomisation, RANDOMISATION, {"sample_id": "a"}, "maps of 1 test samples, not 2"),
        (randomisation, RANDOMISATION, {"system": "standard"}, "maps of 0 test samples, not 2"),
    ],
)
def test_what_is_missing_is_told_in_one_line(results, summarise, table, lost, message):
    whole = results.found[table]
    ((column, value),) = lost.items()
    fewer = holding(results, table, whole[whole[column] != value])
    expected = rf"^{re.escape(str(table.file('standard')))} has {message}; run `dvc repro`$"
    with pytest.raises(InputError, match=expected):
        summarise(fewer)


def test_more_films_cannot_be_asked_about_than_have_the_finding(results, params):
    explain = params.explain.model_copy(update={"films": 9})
    asked = replace(results, params=params.model_copy(update={"explain": explain}))
    with pytest.raises(
        InputError, match=r"faithfulness\.parquet has maps of 2 test samples, not 4;"
    ):
        faithfulness(asked)


def test_a_depth_of_one_film_only_is_missing_for_the_other(results):
    table = results.found[RANDOMISATION].drop(index=0)
    with pytest.raises(InputError, match="1 rows of deeplift at depth 1, not one for each of 2"):
        randomisation(holding(results, RANDOMISATION, table))


def test_a_film_that_is_there_twice(results):
    twice = pd.concat([results.found[SURVIVAL], results.found[SURVIVAL].head(1)])
    with pytest.raises(InputError, match="6 rows of deeplift, not one for each of 5 samples"):
        survival(holding(results, SURVIVAL, twice))


def test_every_column_has_its_own_films(params):
    table = pd.DataFrame(
        {"all": [1.0, 2.0, 6.0], "some": [np.nan, 2.0, 6.0], "again": [3.0, 5.0, 7.0], "no": np.nan}
    )
    found = means(table, params)
    assert list(found) == ["all", "some", "again", "no"]
    assert [mean.value for mean in found.values()] == pytest.approx([3, 4, 5, np.nan], nan_ok=True)
    assert [mean.n for mean in found.values()] == [3, 2, 3, 0]
    evaluate = params.evaluate
    for name in ("all", "some", "again"):
        values = table[name].dropna().to_numpy()
        weights = resample_weights(np.zeros(len(values), int), evaluate.bootstrap, params.seed)
        interval = bootstrap(
            lambda drawn, values=values: drawn @ values / len(values), weights, evaluate.level
        )
        assert found[name][1:3] == pytest.approx(interval)


def test_a_share_leaves_out_what_is_not_known(params):
    found = proportion(pd.Series([1.0, np.nan, 0.0, 0.0, 0.0]), params)
    assert found == (0.25, *wilson(1, 4, params.evaluate.level), 4)
    assert proportion(pd.Series([np.nan]), params).n == 0
