import itertools
import math

import pandas as pd
import pytest

from radrobust.evaluation import checks as evaluation
from radrobust.reporting import checks, localisation, tables
from radrobust.reporting.check_texts import CHECKS

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
    """Every check of every system passed, on 100 films; `changes` are by system and check."""
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


@pytest.fixture
def said(study, replaced):
    """The study with some checks changed, and what is said of it."""

    def say(**changes):
        changed = replaced(study, checks=table(study.systems, **changes))
        return changed, checks.verdict(changed).source.replace("\u00a0", " ").replace("\u2060", "")

    return say


def test_every_check_of_the_evaluation_has_its_words():
    assert list(CHECKS) == list(evaluation.CHECKS)


def test_what_passes_is_no_proof(study, said):
    changed, text = said()
    count = len(changed.checks)
    assert text.startswith(f"**All {count} checks passed.** Nothing that was tried says")
    assert "no proof" in text
    assert checks.note(changed, study.systems[0]) == ""
    assert "checks.html" not in tables.headline(changed).source


@pytest.mark.parametrize("name", ["more_steps", "restarts", "black_box", "autoattack"])
def test_a_stronger_attack_says_by_how_much_numbers_are_too_kind(study, said, name):
    changed, text = said(**{f"huang2021_{name}": FAILED})
    count = len(changed.checks)
    assert text.startswith(
        f"**{count - 1} of {count} checks passed, 1 failed.** **Attacked numbers are too kind**: "
        "on the 100 films checked, a stronger attack takes at least another 6.0 from "
        "Architectural Ingredients (Huang 2021), in points of accuracy."
    )
    assert (
        f"- **{CHECKS[name].title}** failed on Architectural Ingredients (Huang 2021) with 6.0 % "
        f"(2.8–12.5). {CHECKS[name].failure}"
    ) in text
    assert text.count("\n- ") == 1


def test_the_largest_of_several_failures_counts(said):
    worse = FAILED | {"value": 0.09}
    _, text = said(huang2021_restarts=FAILED, huang2021_autoattack=worse)
    assert "at least another 9.0 from" in text
    assert "2 failed" in text


@pytest.mark.parametrize("name", ["larger_eps", "far", "noise", "gradients"])
def test_where_the_amount_is_not_known_none_is_given(said, name):
    _, text = said(**{f"huang2021_{name}": FAILED})
    assert (
        "**The attacked numbers of Architectural Ingredients (Huang 2021) cannot be relied on**: "
        "they may be too kind by any amount."
    ) in text
    assert "points of accuracy" not in text


@pytest.mark.parametrize(
    "name", ["zero", "pixels", "repeatable", "eval_mode", "unchanged", "normalised_once"]
)
def test_a_wrong_measurement_spoils_every_number(said, name):
    _, text = said(**{f"huang2021_{name}": FAILED, "huang2021_restarts": FAILED})
    opening = "**No number of Architectural Ingredients (Huang 2021) can be relied on**"
    assert opening in text
    assert "stronger attack takes" not in text


def test_hidden_gradients_leave_the_attacked_numbers_alone(study, said):
    if "amini2024" not in study.systems:
        pytest.skip("nothing hides its gradients")
    changed, text = said(amini2024_straight_through=FAILED)
    assert "1 failed.** Nothing that was tried says" in text
    assert "**Plain gradient** failed on MeanSparse (Amini 2024) with 6.0 %" in text
    assert checks.note(changed, "amini2024") == ""


def test_maps_that_fail_say_nothing_of_accuracies(study, said):
    off = FAILED | {"n": 400}
    changed, text = said(huang2021_maps_add_up=off)
    assert "1 failed.** Nothing that was tried says" in text
    assert checks.note(changed, "huang2021") == ""
    source = checks.matrix(changed, "maps").source
    assert "<b>✗ fail</b><br><small>6.0 %</small><br><small>2.8–12.5</small>" in source
    found = checks.entries(changed).source.replace("\u00a0", " ").replace("\u2060", "")
    assert "✗ fail, 6.0 % (2.8–12.5) of 400 maps" in found


def test_what_cannot_be_decided_is_neither_passed_nor_failed(said):
    unclear = {"status": "unclear", "value": math.nan}
    changed, text = said(huang2021_noise=unclear)
    count = len(changed.checks)
    assert f"**{count - 1} of {count} checks passed, 1 could not be decided.**" in text
    assert "**Random noise** could not be decided on Architectural Ingredients" in text
    assert "? unclear</b><br><small>–</small>" in checks.matrix(changed, "attack").source


def test_the_matrix_says_each_verdict_in_a_word_and_a_sign(study, said):
    changed, _ = said(huang2021_restarts=FAILED)
    source = "".join(
        checks.matrix(changed, concern).source for concern in ("attack", "measurement", "maps")
    )
    assert source.count("✓ pass") == len(changed.checks) - 1
    failed = (
        '<td class="status fail"><b>✗ fail</b><br><small>6.0 %</small><br><small>2.8–12.5</small>'
    )
    assert source.count(failed) == 1
    missing = len(study.systems) - study.systems.count("amini2024")
    row = "Plain gradient" in source
    assert source.count("does not apply</span>") == (missing if row else 0)
    assert ("–: does not apply." in source) == (row and missing > 0)


def test_systems_with_failed_checks_are_marked_wherever_they_are_attacked(study, said):
    changed, _ = said(huang2021_restarts=FAILED, huang2021_autoattack=FAILED)
    link = '<a class="doubt" href="checks.html">⚠ 2 checks failed</a>'
    for show in (tables.headline, tables.further, tables.at_threshold, tables.confusion_matrices):
        assert show(changed).source.count(link) == 1, show
    assert link not in localisation.at_a_glance(changed).source


def test_each_check_unfolds_to_its_rule_and_its_findings(study, said):
    changed, _ = said(huang2021_autoattack=FAILED)
    source = checks.entries(changed).source.replace("\u00a0", " ").replace("\u2060", "")
    assert source.count("<details") == changed.checks["check"].nunique()
    assert (
        "Architectural Ingredients (Huang 2021): ✗ fail, 6.0 % (2.8–12.5) of 100 films; 40.0 % of "
        "the films checked are right under all attacks together"
    ) in source
    assert "{" not in source
    assert "any film could be made evenly grey" in source


def test_what_cannot_be_told_names_films_and_what_could_still_fall(said):
    changed, _ = said()
    text = checks.cannot_tell(changed).source.replace("\u00a0", " ")
    assert "run on 100 films of the test set" in text
    assert "up to 3.7 % of such films could still fall" in text
    changed, _ = said(**{f"{key}_{name}": FAILED for key in changed.systems for name in CHECKS})
    assert "could still fall" not in checks.cannot_tell(changed).source


def test_the_line_for_other_pages_counts_and_links(said):
    changed, _ = said(huang2021_restarts=FAILED)
    line = checks.line(changed).source
    assert "1 failed. **Attacked numbers are too kind**" in line
    assert line.endswith("See [Checks](checks.ipynb).")


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
    assert checks.written(value, unit) == shown
