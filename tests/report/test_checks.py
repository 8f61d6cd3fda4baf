import itertools
import math

import pandas as pd
import pytest

from radrobust.evaluation import checks as evaluation
from radrobust.report.kit import tables, verdicts
from radrobust.report.kit.check_texts import CHECKS
from radrobust.report.pages import checks, robustness
from radrobust.report.pages.interpretability import finding

LIMITS = dict.fromkeys(CHECKS, 0.0) | {
    "more_steps": 0.02,
    "restarts": 0.02,
    "black_box": 0.02,
    "noise": 0.5,
    "gradients": 0.01,
    "straight_through": 0.02,
    "autoattack": 0.02,
    "repeatable": 1e-5,
    "normalised_once": 1.0,
}


def table(systems, **changes):
    """Every check of every system passed, on 100 radiographs; `changes` are by system and check."""
    rows = []
    for system, name in itertools.product(systems, CHECKS):
        if name == "straight_through" and system != "amini2024":
            continue
        share = CHECKS[name].unit == "%"
        row = {
            "system": system,
            "check": name,
            "status": "pass",
            "value": 1.0 if name in ("larger_eps", "normalised_once") else 0.0,
            "low": 0.0 if share else math.nan,
            "high": 0.037 if share else math.nan,
            "limit": LIMITS[name],
            "n": 100 if share else 1,
            "context": 0.4 if CHECKS[name].context else math.nan,
        }
        rows.append(row | changes.get(f"{system}_{name}", {}))
    return pd.DataFrame(rows)


FAILED = {"status": "fail", "value": 0.06, "low": 0.028, "high": 0.125}


TWO_OF_255 = {"status": "fail", "value": 2 / 255, "low": 0.0022, "high": 0.0281, "n": 255}
SECOND = "standard"
"""A system of the study that has several."""


def metrics(study, left):
    """The study's metrics, with what the attack leaves of the balanced accuracy of some systems."""
    found = study.metrics.copy()
    attacked = found["condition"] == study.attacked
    for system, share in left.items():
        rows = attacked & (found["system"] == system) & (found["metric"] == "balanced_accuracy")
        assert rows.sum() == 1
        found.loc[rows, "value"] = share
    return found


@pytest.fixture
def said(study, changed, plain):
    """The study with some checks changed, and what is left; and what is said of it."""

    def say(left=None, attack=None, **changes):
        tables = {"checks": table(study.systems, **changes), "metrics": metrics(study, left or {})}
        other = changed(study, {"attack": attack or {}}, **tables)
        return other, plain(verdicts.verdict(other))

    return say


def test_every_check_of_the_evaluation_has_its_words():
    assert list(CHECKS) == list(evaluation.CHECKS)


def test_what_passes_is_no_proof(study, said):
    other, text = said()
    count = len(other.checks)
    assert text.startswith(f"All {count} checks passed. No check suggests")
    assert "no proof" in text
    assert verdicts.note(other, study.systems[0]) == ""
    assert "checks.html" not in robustness.main(other).source


@pytest.mark.parametrize("name", ["more_steps", "restarts", "black_box", "autoattack"])
def test_what_other_attacks_break_is_counted(said, name):
    other, text = said(**{f"huang2021_{name}": FAILED})
    count = len(other.checks)
    assert text.startswith(
        f"{count - 1} of {count} checks passed, 1 failed. Attacked numbers are too kind: of the "
        "100 radiographs checked, other attacks find adversarial examples of at least another 6 on "
        "Architectural Ingredients (Huang 2021)."
    )
    assert (
        f"- {CHECKS[name].title} failed on Architectural Ingredients (Huang 2021). "
        f"{CHECKS[name].failure}"
    ) in text
    assert text.count("\n- ") == 1
    assert "may be" in verdicts.caution(other, "huang2021")


def test_the_largest_of_several_failures_counts(said):
    worse = FAILED | {"value": 0.09}
    _, text = said(huang2021_restarts=FAILED, huang2021_autoattack=worse)
    assert "at least another 9 on Architectural Ingredients (Huang 2021)." in text
    assert "2 failed" in text


def test_one_radiograph_is_counted_as_one(study, changed):
    rows = table(study.systems, huang2021_restarts=FAILED | {"value": 1.0}).assign(n=1)
    text = verdicts.consequence(changed(study, checks=rows))
    assert (
        "of the 1 radiograph checked, other attacks find adversarial examples of at least another 1"
        in text
    )


@pytest.mark.parametrize("name", ["larger_eps", "far", "noise"])
@pytest.mark.parametrize(("left", "shown"), [(0.05, "5.0"), (0.5, "50.0"), (1.0, "100.0")])
def test_what_may_be_missed_is_no_more_than_what_is_left(said, name, left, shown):
    other, text = said(left={"huang2021": left}, **{f"huang2021_{name}": FAILED})
    assert f"may be too kind, at most by all that is left of them: {shown} points of" in text
    assert text.partition("- ")[0].count("too kind") == 1
    assert verdicts.caution(other, "huang2021") == (
        "it failed 1 check, so that even this may be too kind"
    )


@pytest.mark.parametrize("name", ["larger_eps", "far", "noise"])
def test_where_nothing_is_left_nothing_is_too_kind(said, name):
    other, text = said(left={"huang2021": 0.0}, **{f"huang2021_{name}": FAILED})
    assert "1 failed. No check suggests" in text
    assert verdicts.caution(other, "huang2021") == ""
    assert "1 check failed" in verdicts.note(other, "huang2021")


def test_radiographs_without_a_gradient_are_in_doubt_if_they_are_robust(said):
    other, text = said(huang2021_gradients=FAILED | {"context": 0.03})
    assert (
        "1 failed. Attacked numbers may be too kind by some radiographs: of the 100 radiographs "
        "checked, 3 on Architectural Ingredients (Huang 2021) are robust, but their gradient does "
        "not tell where to change them."
    ) in text
    assert verdicts.caution(other, "huang2021") != ""
    other, text = said(huang2021_gradients=FAILED | {"context": 0.0})
    assert "1 failed. No check suggests" in text
    assert verdicts.caution(other, "huang2021") == ""


def test_what_is_proven_comes_before_what_may_be(said):
    changes = {f"huang2021_{name}": FAILED for name in ("far", "noise", "gradients", "restarts")}
    other, text = said(left={"huang2021": 0.4}, **changes)
    assert "at least another 6 on" in text and "may be too kind, at most" not in text
    assert verdicts.caution(other, "huang2021").startswith("it failed 4 checks, so that even this")
    del changes["huang2021_restarts"]
    _, text = said(left={"huang2021": 0.4}, **changes)
    assert "left of them: 40.0 points" in text and "by some radiographs" not in text


def test_each_system_has_its_own_bound(study, said):
    if SECOND not in study.systems:
        pytest.skip("one system")
    changes = {f"{SECOND}_far": TWO_OF_255, "huang2021_larger_eps": FAILED, "rade2022_far": FAILED}
    left = {SECOND: 0.05, "huang2021": 0.401, "rade2022": 0.0}
    _, text = said(left=left, **changes)
    assert (
        "3 failed. Attacked numbers may be too kind, at most by all that is left of them: "
        "5.0 points of balanced accuracy for Standard (Croce 2020) and 40.1 for Architectural "
        "Ingredients (Huang 2021).\n"
    ) in text
    _, text = said(left=left, **changes | {"huang2021_zero": FAILED, f"{SECOND}_restarts": FAILED})
    assert (
        "5 failed. No number of Architectural Ingredients (Huang 2021) can be relied on: a check "
        "of the measurement itself failed. Attacked numbers are too kind: of the 100 radiographs "
        "checked, other attacks find adversarial examples of at least another 6 on Standard "
        "(Croce 2020).\n"
    ) in text


def test_other_attacks_are_said_to_be_in_pixels_where_numbers_are_not(said):
    _, text = said(attack={"space": "normalized"}, huang2021_restarts=FAILED)
    assert "Numbers under the attack in pixels are too kind: of the 100 radiographs" in text


@pytest.mark.parametrize(
    "name", ["zero", "pixels", "repeatable", "eval_mode", "unchanged", "normalised_once"]
)
def test_a_wrong_measurement_spoils_every_number(said, name):
    other, text = said(**{f"huang2021_{name}": FAILED, "huang2021_restarts": FAILED})
    opening = "No number of Architectural Ingredients (Huang 2021) can be relied on:"
    assert opening in text
    assert "numbers are too kind:" not in text
    assert verdicts.caution(other, "huang2021") == (
        "it failed 2 checks, so that no number of it can be relied on"
    )


def test_hidden_gradients_leave_the_attacked_numbers_alone(study, said):
    if "amini2024" not in study.systems:
        pytest.skip("nothing hides its gradients")
    other, text = said(amini2024_straight_through=FAILED)
    assert "1 failed. No check suggests" in text
    assert "Plain gradient failed on MeanSparse (Amini 2024). The network does" in text
    assert verdicts.note(other, "amini2024") == ""


def test_maps_that_fail_say_nothing_of_accuracies(said, plain):
    off = FAILED | {"n": 400}
    other, text = said(huang2021_maps_add_up=off)
    assert "1 failed. No check suggests" in text
    assert verdicts.note(other, "huang2021") == ""
    source = checks.matrix(other, "maps").source
    assert "<b>✗ fail</b><br><small>6.0 %</small><br><small>2.8–12.5</small>" in source
    found = plain(checks.entries(other))
    assert "✗ fail, 6.0 % (2.8–12.5) of 400 maps" in found


def test_what_cannot_be_decided_is_neither_passed_nor_failed(said):
    unclear = {"status": "unclear", "value": math.nan}
    other, text = said(huang2021_noise=unclear)
    count = len(other.checks)
    assert f"{count - 1} of {count} checks passed, 1 could not be decided." in text
    assert "Random noise could not be decided on Architectural Ingredients" in text
    assert "? unclear</b><br><small>–</small>" in checks.matrix(other, "attack").source


def test_the_matrix_says_each_verdict_in_a_word_and_a_sign(study, said):
    other, _ = said(huang2021_restarts=FAILED)
    source = "".join(
        checks.matrix(other, concern).source for concern in ("attack", "measurement", "maps")
    )
    assert source.count("✓ pass") == len(other.checks) - 1
    failed = (
        '<td class="status fail"><b>✗ fail</b><br><small>6.0 %</small><br><small>2.8–12.5</small>'
    )
    assert source.count(failed) == 1
    missing = len(study.systems) - study.systems.count("amini2024")
    row = "Plain gradient" in source
    assert source.count("does not apply</span>") == (missing if row else 0)
    assert ("–: does not apply." in source) == (row and missing > 0)


def test_systems_with_failed_checks_are_marked_wherever_they_are_attacked(study, said):
    other, _ = said(huang2021_restarts=FAILED, huang2021_autoattack=FAILED)
    link = '<a class="doubt" href="checks.html">⚠ 2 checks failed</a>'
    for show in (
        robustness.main,
        robustness.further,
        tables.at_threshold,
        tables.confusion_matrices,
    ):
        assert show(other).source.count(link) == 1, show
    assert link not in finding.at_a_glance(other).source


def test_each_check_unfolds_to_its_rule_and_its_findings(said, plain):
    other, _ = said(huang2021_autoattack=FAILED)
    source = checks.entries(other).source
    assert source.count("<details") == other.checks["check"].nunique()
    assert (
        "Architectural Ingredients (Huang 2021): ✗ fail, 6.0 % (2.8–12.5) of 100 radiographs; "
        "40.0 % of the radiographs checked are classified correctly under all attacks together"
    ) in plain(source)
    assert "{" not in source


def test_the_rest_of_the_doubt_is_told_with_its_interval(said, plain):
    other, _ = said()
    assert "the 95 % interval still reaches to 3.7 %." in plain(checks.few(other))
    other, _ = said(**{f"{key}_{name}": FAILED for key in other.systems for name in CHECKS})
    assert "still reaches" not in checks.few(other).source


def test_radiographs_are_drawn_unless_all_are_checked(study, changed):
    everything = study.count("test", 0) + study.count("test", 1)
    for count, said in {everything: "the whole test set.", 7: "drawn by a hash from"}.items():
        rows = table(study.systems).assign(n=count)
        text = checks.few(changed(study, checks=rows)).source
        assert f"were run on {count} radiographs, {said}" in text


def test_without_a_curve_the_larger_budget_is_compared_with_none(study, changed):
    rows = table(study.systems)
    source = checks.entries(changed(study, {"attack": {"curve": []}}, checks=rows)).source
    assert "Of the budgets 0 and 4/255, fewer radiographs must be robust at the larger" in source


def test_the_line_for_other_pages_counts_and_links(said):
    other, _ = said(huang2021_restarts=FAILED)
    line = verdicts.line(other).source
    assert "1 failed. **Attacked numbers are too kind**" in line
    assert line.endswith("See [Checks](checks.ipynb).")


def test_the_line_counts_several_systems_and_names_none(study, said):
    if len(study.systems) < 4:
        pytest.skip("too few systems to be counted")
    other, _ = said(huang2021_restarts=FAILED, zhang2020_far=FAILED, peng2023_pixels=FAILED,
                      peng2023_restarts=FAILED)  # fmt: skip
    line = verdicts.line(other).source
    assert (
        "**The numbers of 1 of 8 systems cannot be relied on, and the attacked numbers of 2 others "
        "are, or may be, too kind.** See"
    ) in line
    assert not any(study.name(system) in line for system in study.systems)
    line = verdicts.line(said(huang2021_restarts=FAILED, zhang2020_far=FAILED)[0]).source
    assert "**The attacked numbers of 2 of 8 systems are, or may be, too kind.** See" in line
    every = {f"{key}_{name}": FAILED for key in study.systems for name in CHECKS}
    assert len(verdicts.line(said(**every)[0]).source) < 200


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.02, "%", "2.0 %"),
        (-0.03, "points", "−3.0 points"),
        (1.0, "changed", "changed"),
        (0.0, "changed", "unchanged"),
        (4.2e-07, "of a logit", "4 × 10⁻⁷ of a logit"),
        (0.0, "grey level", "0 grey levels"),
        (1.0, "time", "1 time"),
        (math.nan, "% as many", "–"),
    ],
)
def test_figures_are_written_with_their_unit(value, unit, shown):
    assert verdicts.written(value, unit) == shown
