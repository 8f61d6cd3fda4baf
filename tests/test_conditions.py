"""What was done to images, and how an answer is decided: keys that say it, exactly."""

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from radrobust.core.conditions import (
    ARGMAX,
    CLEAN,
    NORMALIZED,
    PIXEL,
    THRESHOLD,
    Condition,
    as_table,
    attacked,
    curve,
    predicted,
)
from radrobust.core.params import load_params
from radrobust.core.tables.figures import CONDITIONS

BUDGETS = st.one_of(
    st.fractions(min_value=0, max_value=2),
    st.integers(0, 5100).map(lambda tenths: Fraction(tenths, 2550)),
    st.floats(0, 2, allow_subnormal=False).map(Fraction),
)
CONDITIONS_OF_ATTACKS = st.builds(
    Condition,
    st.sampled_from(["pgd", "apgd", "apgd-ce", "noise"]),
    BUDGETS,
    st.sampled_from(["linf", "l2"]),
    st.sampled_from([PIXEL, NORMALIZED]),
    st.sampled_from([ARGMAX, THRESHOLD]),
)


def read(key):
    """The condition that a key names, by what a reader sees."""
    family, *rest = key.split(" ")
    norm, budget = rest[:2] if rest and rest[0] in ("linf", "l2") else ("", "0")
    number, _, whole = budget.partition("/")
    return Condition(
        family,
        Fraction(number) / Fraction(whole or 1),
        norm,
        NORMALIZED if NORMALIZED in rest else PIXEL,
        THRESHOLD if THRESHOLD in rest else ARGMAX,
    )


@pytest.fixture(scope="module")
def attack(request):
    """The section of the shipped study."""
    return load_params(request.config.rootpath / "params.yaml").attack


@given(CONDITIONS_OF_ATTACKS)
def test_a_key_says_all_that_there_is_to_say(condition):
    assert read(condition.key) == condition


@given(BUDGETS, BUDGETS)
def test_budgets_that_differ_have_keys_that_differ(first, second):
    assume(first != second)
    assert Condition("pgd", first, "linf").key != Condition("pgd", second, "linf").key


@given(st.integers(1, 255), st.integers(10**6, 10**12))
def test_budgets_that_nearly_agree_have_keys_that_differ(levels, closeness):
    budget = Fraction(levels, 255)
    near = budget + Fraction(1, 255 * closeness)
    assert Condition("pgd", budget, "linf").key == f"pgd linf {levels}/255"
    assert read(Condition("pgd", near, "linf").key).level == near


@pytest.mark.parametrize(
    ("condition", "key"),
    [
        (CLEAN, "clean"),
        (CLEAN.decided(THRESHOLD), "clean threshold"),
        (Condition("pgd", Fraction(4, 255), "linf"), "pgd linf 4/255"),
        (Condition("apgd", Fraction(1, 2), "l2"), "apgd l2 127.5/255"),
        (Condition("pgd", Fraction(0), "linf"), "pgd linf 0"),
        (Condition("pgd", Fraction("0.0301"), "linf"), "pgd linf 0.0301"),
        (
            Condition("pgd", Fraction(8, 255), "linf", NORMALIZED, THRESHOLD),
            "pgd linf 8/255 normalized threshold",
        ),
    ],
)
def test_keys_are_what_people_write(condition, key):
    assert condition.key == key
    assert read(key) == condition


@given(CONDITIONS_OF_ATTACKS)
def test_another_decision_is_of_the_same_images(condition):
    other = condition.decided(THRESHOLD)
    assert other.decision == THRESHOLD
    assert other.decided(condition.decision) == condition


def test_the_curve_rises_from_clean_images_and_has_the_headline_on_it(attack):
    found = curve(attack)
    assert found[0] is CLEAN
    levels = [condition.level for condition in found]
    assert levels == sorted(set(levels))
    assert levels == [Fraction(level, 255) for level in (0, 1, 2, 4, 8)]
    assert attacked(attack) in found
    unsorted = attack.model_copy(update={"curve": [Fraction(8, 255), Fraction(1, 255)]})
    assert [one.level * 255 for one in curve(unsorted)] == [0, 1, 4, 8]


@pytest.mark.parametrize(("schedule", "family"), [("apgd", "apgd"), ("fixed", "pgd")])
@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("space", [PIXEL, NORMALIZED])
def test_an_attack_is_of_the_study_unless_another_budget_or_other_units_are_asked_for(
    attack, schedule, family, norm, space
):
    study = attack.model_copy(update={"schedule": schedule, "norm": norm, "space": space})
    assert attacked(study) == Condition(family, Fraction(4, 255), norm, space)
    other = attacked(study, Fraction(1, 2), PIXEL)
    assert other == Condition(family, Fraction(1, 2), norm, PIXEL)


@pytest.mark.parametrize(("space", "other"), [(PIXEL, NORMALIZED), (NORMALIZED, PIXEL)])
def test_what_is_asked_of_each_sample(attack, space, other):
    study = attack.model_copy(update={"space": space})
    found = predicted(study)
    assert found[:5] == curve(study)
    assert found[5:7] == [CLEAN.decided(THRESHOLD), attacked(study).decided(THRESHOLD)]
    assert found[7:] == [attacked(study, units=other)]
    assert all(one.units == space for one in found[1:5])
    assert len({one.key for one in found}) == len(found)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (CLEAN, ""),
        (CLEAN.decided(THRESHOLD), ""),
        (
            Condition("pgd", Fraction(4, 255), "linf"),
            "white box; L-inf, every pixel of [0, 1] by at most 4/255",
        ),
        (
            Condition("square", Fraction(1, 2), "l2", sees="black box"),
            "black box; L2, pixels of [0, 1] by at most 0.5 in length altogether",
        ),
        (
            Condition("noise", Fraction(4, 255), "linf", sees="nothing"),
            "nothing; L-inf, every pixel of [0, 1] by at most 4/255",
        ),
        (
            Condition("pgd", Fraction(4, 255), "linf", NORMALIZED),
            "white box; L-inf, every pixel by at most 4/255 standard deviations of CIFAR-10, as "
            "published",
        ),
        (
            Condition("pgd", Fraction(1), "l2", NORMALIZED),
            "white box; L2, pixels by at most 1 standard deviations of CIFAR-10 in length "
            "altogether, as published",
        ),
    ],
)
def test_the_threat_model_in_words(condition, words):
    assert condition.threat_model == words


def test_the_table_tells_which_images_are_kept(attack):
    table = CONDITIONS.checked(as_table(attack))
    assert table["condition"].tolist() == [one.key for one in predicted(attack)]
    images = table[table["image"] != ""].set_index("image")["condition"].to_dict()
    assert images == {"clean": "clean", "attacked": "apgd linf 4/255"}
    assert table["level"].tolist() == [float(one.level) for one in predicted(attack)]
    assert ((table["threat_model"] == "") == (table["norm"] == "")).all()
