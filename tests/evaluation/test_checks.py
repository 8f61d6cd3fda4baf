"""Each check at its limit, on tables in which only so much is misclassified as a test says."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from radrobust.core.conditions import CLEAN, NORMALIZED, attacked
from radrobust.core.errors import InputError
from radrobust.core.params import load_params
from radrobust.core.tables.explanations import (
    ATTRIBUTIONS,
    FAITHFULNESS,
    RANDOMISATION,
    SURVIVAL,
)
from radrobust.core.tables.predictions import CHECKED, GRADIENTS, PREDICTIONS
from radrobust.evaluation.checks import CHECKS, check_all
from radrobust.evaluation.intervals import wilson
from radrobust.evaluation.results import Results

N = 100
ASKED = 20
ATTACKS = (
    "more_steps",
    "restart_1",
    "restart_2",
    "noise",
    "square",
    "apgd_ce",
    "apgd_margin",
    "fab",
    "zero",
)
PIPELINE = {
    "normalisations": 1,
    "pixel_difference": 0.0,
    "repeat_difference": 0.0,
    "training_mode": 0,
    "weights_changed": False,
    "frozen_changed": None,
}


@pytest.fixture(scope="session")
def params(request):
    study = load_params(request.config.rootpath / "params.yaml")
    attack = {"space": "pixel", "eps": Fraction(4, 255), "curve": [Fraction(8, 255)]}
    checks = {"films": N, "restarts": 2}
    explain = {"methods": ["deeplift", "saliency"], "others": N, "films": ASKED}
    return study.model_copy(
        update={
            "systems": ["standard"],
            "attack": study.attack.model_copy(update=attack),
            "checks": study.checks.model_copy(update=checks),
            "explain": study.explain.model_copy(update=explain),
        }
    )


FILMS = [f"film-{number:03d}" for number in range(N)]
LABELS = np.arange(N) % 2


def rows(wrong, condition, **columns):
    """Films in order; those in `wrong` are called the other class."""
    hit = np.isin(np.arange(N), list(wrong))
    table = {
        "system": "standard",
        "sample_id": FILMS,
        "label": LABELS,
        "condition": condition.key,
        "predicted": np.where(hit, 1 - LABELS, LABELS),
        "misclassified": hit,
    }
    return pd.DataFrame(table | columns)


def results(params, *, clean=range(10), headline=range(40), largest=range(60), **changes):
    """Clean films 0 to 9 are wrong; under the headline attack those up to 39, and no others.

    `changes` are films that are wrong under other attacks, or facts of the pipeline.
    """
    attack = params.attack
    curve = {
        CLEAN: clean,
        attacked(attack): headline,
        attacked(attack, Fraction(8, 255)): largest,
    }
    wrong = dict.fromkeys(ATTACKS, headline) | {"noise": clean, "zero": clean, "far": range(N)}
    wrong |= {name: films for name, films in changes.items() if name not in PIPELINE}
    budgets = {"zero": Fraction(0), "far": params.far}
    checked = [
        rows(hit, replace(attacked(attack, budgets.get(name)), family=name), check=name)
        for name, hit in wrong.items()
    ]
    gradients = {"norm": np.float32(1), "zero_share": np.float32(0.1), "constant": False}
    tables = {
        PREDICTIONS: pd.concat([rows(hit, condition) for condition, hit in curve.items()]),
        CHECKED: pd.concat(checked),
        GRADIENTS: pd.DataFrame({"system": "standard", "sample_id": FILMS} | gradients),
    }
    return Results(
        params,
        pd.DataFrame({"sample_id": FILMS, "label": LABELS, "split": "test"}),
        tables | explanations(),
        {"standard": PIPELINE | {k: v for k, v in changes.items() if k in PIPELINE}},
    )


def holding(results, tables, **others):
    """The same results with other tables, or others besides."""
    return replace(results, found=results.found | tables, **others)


def explanations(delta=0.0):
    """Maps of every film by DeepLIFT, which all add up, and by saliency, which promises no sum.

    Films 0 to 9 are wrong and left as they are. Once everything is redrawn, maps have little to do
    with what they were.
    """
    films = pd.DataFrame({"system": "standard", "sample_id": FILMS})
    summing = films.assign(explainer="deeplift", delta=delta)
    maps = pd.concat([summing, films.assign(explainer="saliency", delta=np.nan)])
    maps["output_difference"] = 1.0
    maps["changed"] = maps["sample_id"] >= "film-010"
    asked = films[np.arange(N) % 2 == 1].head(ASKED)
    redrawn = [
        asked.assign(explainer=explainer, depth=depth, part="", spearman=0.3 - depth / 5)
        for explainer in ("deeplift", "saliency")
        for depth in (0, 1)
    ]
    return {
        ATTRIBUTIONS: pd.concat([maps.assign(image=image) for image in ("clean", "attacked")]),
        SURVIVAL: maps,
        FAITHFULNESS: asked.assign(explainer="random"),
        RANDOMISATION: pd.concat(redrawn),
    }


def found(results, check):
    return check_all(results).set_index("check").loc[check]


def test_every_check_passes_where_nothing_is_amiss(params):
    table = check_all(results(params))
    assert table["check"].tolist() == [name for name in CHECKS if name != "straight_through"]
    assert (table["status"] == "pass").all()
    with_plain = check_all(results(params, plain_gradient=range(40)))
    assert with_plain["check"].tolist() == list(CHECKS)


@pytest.mark.parametrize(
    ("check", "attack"),
    [
        ("more_steps", "more_steps"),
        ("restarts", "restart_1"),
        ("restarts", "restart_2"),
        ("black_box", "square"),
        ("autoattack", "apgd_ce"),
        ("autoattack", "apgd_margin"),
        ("autoattack", "fab"),
        ("autoattack", "square"),
    ],
)
def test_another_attack_may_break_two_films_of_a_hundred_but_not_three(params, check, attack):
    passed = found(results(params, **{attack: {0, 1, 50, 51}}), check)
    assert (passed["status"], passed["value"], passed["limit"]) == ("pass", 0.02, 0.02)
    assert (passed["low"], passed["high"]) == wilson(2, N, params.evaluate.level)
    failed = found(results(params, **{attack: {50, 51, 52}}), check)
    assert (failed["status"], failed["value"], failed["n"]) == ("fail", 0.03, N)


def test_restarts_count_together(params):
    several = results(params, restart_1={50, 51}, restart_2={51, 52})
    assert found(several, "restarts")["value"] == 0.03


def test_context_is_the_robust_accuracy_of_the_other_attack(params):
    square = found(results(params, square=range(30)), "black_box")
    assert (square["value"], square["context"]) == (0, 0.7)
    parts = results(params, fab={70}, square={71}, noise={72}, restart_1={73}, more_steps={74})
    assert found(parts, "autoattack")["value"] == 0.02
    assert found(parts, "autoattack")["context"] == pytest.approx(0.55)
    assert math.isnan(found(parts, "more_steps")["context"])


def test_a_plain_gradient_that_misses_films_hides_them(params):
    passed = found(results(params, plain_gradient=range(38)), "straight_through")
    assert (passed["status"], passed["value"], passed["context"]) == ("pass", 0.02, 0.62)
    failed = found(results(params, plain_gradient=range(37)), "straight_through")
    assert (failed["status"], failed["value"]) == ("fail", 0.03)


@pytest.mark.parametrize(
    ("headline", "largest", "status", "value"),
    [
        (range(40), range(41), "pass", 0.01),
        (range(40), range(40), "fail", 0),
        (range(N), range(N), "pass", 0),
        (range(40), range(39), "fail", -0.01),
    ],
)
def test_a_larger_budget_breaks_more(params, headline, largest, status, value):
    row = found(results(params, headline=headline, largest=largest), "larger_eps")
    assert (row["status"], row["value"]) == (status, pytest.approx(value))


def test_the_largest_budget_is_compared_with_the_one_below(params):
    alone = params.attack.model_copy(update={"curve": []})
    study = params.model_copy(update={"attack": alone})
    assert found(results(study), "larger_eps")["value"] == pytest.approx(0.3)
    three = params.attack.model_copy(update={"curve": [Fraction(4, 255), Fraction(8, 255)]})
    top = params.model_copy(update={"attack": three.model_copy(update={"eps": Fraction(8, 255)})})
    tables = results(params)
    checks = tables.found[CHECKED].replace({"condition": {"linf 4/255": "linf 8/255"}}, regex=True)
    found_at_top = holding(tables, {CHECKED: checks}, params=top)
    assert found(found_at_top, "larger_eps")["value"] == 0.2


def test_nothing_stands_at_the_far_budget(params):
    row = found(results(params, far=range(N - 1)), "far")
    assert (row["status"], row["value"], row["n"]) == ("fail", 0.01, N)


@pytest.mark.parametrize(
    ("by_attack", "by_noise", "status"),
    [(6, 3, "pass"), (6, 4, "fail"), (5, 2, "pass"), (5, 3, "fail"), (4, 4, "unclear")],
)
def test_noise_breaks_at_most_half_of_what_the_attack_breaks(params, by_attack, by_noise, status):
    tables = results(params, headline=range(10 + by_attack), noise=range(10 + by_noise))
    row = found(tables, "noise")
    assert (row["status"], row["value"]) == (status, by_noise / by_attack)
    assert (row["n"], row["context"]) == (by_attack, pytest.approx(0.9 - by_noise / N))
    assert math.isnan(row["low"])


def test_noise_says_nothing_where_the_attack_breaks_nothing(params):
    row = found(results(params, headline=range(10)), "noise")
    assert row["status"] == "unclear"
    assert math.isnan(row["value"])


@pytest.mark.parametrize(
    "odd", [{"zero_share": 1.0}, {"constant": True}, {"norm": np.nan}, {"norm": np.inf}]
)
def test_one_gradient_of_a_hundred_may_lead_nowhere(params, odd):
    tables = results(params)
    for count, status in ((1, "pass"), (2, "fail")):
        (column, value), gradients = *odd.items(), tables.found[GRADIENTS].copy()
        gradients.loc[: count - 1, column] = value
        row = found(holding(tables, {GRADIENTS: gradients}), "gradients")
        assert (row["status"], row["value"]) == (status, count / N)


def test_films_without_a_gradient_count_if_they_stand(params):
    tables = results(params, headline=range(90))
    nowhere = np.arange(N) >= 87  # of which 87 to 89 are misclassified
    gradients = tables.found[GRADIENTS].assign(constant=nowhere)
    row = found(holding(tables, {GRADIENTS: gradients}), "gradients")
    assert (row["value"], row["context"]) == (0.13, 0.1)


def test_an_attack_with_nothing_to_spend_changes_no_answer(params):
    row = found(results(params, zero=range(11)), "zero")
    assert (row["status"], row["value"]) == ("fail", 0.01)


@pytest.mark.parametrize(
    ("check", "fact", "right", "wrong"),
    [
        ("pixels", "pixel_difference", 0.0, 1e-3),
        ("repeatable", "repeat_difference", 1e-5, 1.1e-5),
        ("eval_mode", "training_mode", 0, 1),
        ("unchanged", "weights_changed", False, True),
        ("unchanged", "frozen_changed", None, True),
        ("unchanged", "frozen_changed", False, True),
        ("normalised_once", "normalisations", 1, 2),
        ("normalised_once", "normalisations", 1, 0),
        ("pixels", "pixel_difference", 0.0, math.nan),
    ],
)
def test_facts_of_the_pipeline(params, check, fact, right, wrong):
    for value, status in ((right, "pass"), (wrong, "fail")):
        row = found(results(params, **{fact: value}), check)
        assert (row["status"], row["n"]) == (status, 1)
        assert row["value"] == float(value or 0) or math.isnan(value)
        assert math.isnan(row["low"])


def test_checks_are_run_in_pixels_whichever_units_the_headline_is_in(params):
    attack = params.attack.model_copy(update={"space": "normalized"})
    tables = results(params)
    weaker = [
        rows(range(20), attacked(params.attack, eps, NORMALIZED)) for eps in params.attack.budgets
    ]
    predictions = pd.concat([*weaker, tables.found[PREDICTIONS]])
    study = params.model_copy(update={"attack": attack})
    row = found(holding(tables, {PREDICTIONS: predictions}, params=study), "more_steps")
    assert row["value"] == 0


def test_clean_wrong_films_are_no_find_of_an_attack(params):
    tables = results(params, headline=range(40), square=range(10))
    assert found(tables, "black_box")["value"] == 0


def test_the_order_of_rows_has_no_influence(params):
    tables = results(params, square={50, 51}, noise=range(20), plain_gradient=range(39))
    shuffled = {
        table: rows.sample(frac=1, random_state=3, ignore_index=True)
        for table, rows in tables.found.items()
    }
    pd.testing.assert_frame_equal(check_all(tables), check_all(replace(tables, found=shuffled)))


def test_missing_rows_are_told_in_one_line(params):
    tables = results(params)
    checks, gradients = tables.found[CHECKED], tables.found[GRADIENTS]
    with pytest.raises(
        InputError,
        match=r"results/predictions/standard/checks\.parquet has 0 rows of check fab at linf "
        r"4/255, not one for each of 100 samples; run `dvc repro`$",
    ):
        check_all(holding(tables, {CHECKED: checks[checks["check"] != "fab"]}))
    with pytest.raises(InputError, match=r"checks\.parquet checks 99 test samples, not 100"):
        last = checks["sample_id"] == "film-099"
        check_all(holding(tables, {CHECKED: checks[~last]}))
    with pytest.raises(InputError, match=r"gradients\.parquet has 90 rows"):
        check_all(holding(tables, {GRADIENTS: gradients.head(90)}))
    with pytest.raises(InputError, match=r"has 100 rows of check far at linf 127.5/255"):
        here = (checks["check"] == "far") & (checks["sample_id"] == "film-000")
        twice = checks.assign(sample_id=checks["sample_id"].mask(here, "film-001"))
        check_all(holding(tables, {CHECKED: twice}))


def test_rows_of_another_budget_do_not_count(params):
    tables = results(params)
    stale = tables.found[CHECKED].replace({"condition": {"linf 4/255": "linf 2/255"}}, regex=True)
    with pytest.raises(InputError, match="has 0 rows of check more_steps at linf 4/255"):
        check_all(holding(tables, {CHECKED: stale}))


def test_every_map_has_to_add_up(params):
    tables = results(params)
    row = found(tables, "maps_add_up")
    assert (row["status"], row["value"], row["n"]) == ("pass", 0, 100 + 90)
    assert (row["low"], row["high"]) == wilson(0, 190, params.evaluate.level)
    for missed, status, count in ((0.001, "pass", 0), (0.0011, "fail", 1), (math.nan, "fail", 1)):
        delta = np.where(np.arange(N) == 9, missed, 0.0)  # a film that the attack left as it was
        row = found(holding(tables, explanations(delta=delta)), "maps_add_up")
        assert (row["status"], row["value"]) == (status, pytest.approx(count / 190))


def test_methods_that_promise_no_sum_need_not_add_up(params):
    tables = check_all(holding(results(params), explanations(delta=np.nan)))
    assert "maps_add_up" not in tables["check"].tolist()


def test_missing_maps_are_told_in_one_line(params):
    tables = results(params)
    maps = tables.found[ATTRIBUTIONS]
    with pytest.raises(
        InputError,
        match=r"^results/attributions/standard/attributions\.parquet has 0 rows of deeplift at "
        r"image clean, not one for each of 100 samples; run `dvc repro`$",
    ):
        check_all(holding(tables, {ATTRIBUTIONS: maps[maps["explainer"] == "saliency"]}))
