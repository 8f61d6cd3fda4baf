import math
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radrobust.core.errors import InputError
from radrobust.core.params import budget_text, choose, load_params

REPOSITORY = Path(__file__).parents[1]
PARAMS = (REPOSITORY / "params.yaml").read_text(encoding="utf-8")


def load_with(tmp_path: Path, old: str, new: str):
    assert PARAMS.count(old) >= 1
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS.replace(old, new, 1), encoding="utf-8")
    return load_params(path)


def test_the_shipped_study_is_valid_and_fractions_stay_fractions():
    params = load_params(REPOSITORY / "params.yaml")
    assert params.attack.eps == Fraction(4, 255)
    assert params.attack.step == Fraction(1, 255)
    assert params.attack.steps == 20
    assert params.attack.random_start


@pytest.mark.parametrize("text", ["8/255", "'8 / 255'", "8 / 255"])
def test_a_budget_may_be_written_as_dvc_hands_it_over(tmp_path, text):
    assert load_with(tmp_path, "eps: 4/255\n", f"eps: {text}\n").attack.eps == Fraction(8, 255)


def test_a_budget_may_be_a_decimal(tmp_path):
    assert load_with(tmp_path, "eps: 4/255\n", "eps: 0.03\n").attack.eps == Fraction(3, 100)


@pytest.mark.parametrize(
    "text", ["4/0", "-1/255", "300", ".nan", ".inf", "true", "four", "[1]", "0"]
)
def test_an_impossible_budget_names_the_key_and_what_would_be_right(tmp_path, text):
    with pytest.raises(InputError) as caught:
        load_with(tmp_path, "eps: 4/255\n", f"eps: {text}\n")
    message = str(caught.value)
    assert "attack.eps" in message
    assert "4/255" in message
    assert "\n" not in message


@given(st.fractions(min_value=0, max_value=1).filter(lambda budget: budget > 0))
def test_every_budget_in_the_unit_interval_survives_being_written_down(budget):
    text = str(budget) if budget.denominator > 1 else f"{budget}/1"
    assert Fraction(text) == budget
    assert math.isclose(
        float(Fraction(budget_text(budget).replace("/255", "")))
        / (255 if "/255" in budget_text(budget) else 1),
        float(budget),
        rel_tol=1e-3,
        abs_tol=1e-4,
    )


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("  steps: 20", "  stepz: 20", ["attack.stepz", "did you mean step"]),
        ("attack:", "atack:", ["unknown key atack", "did you mean attack"]),
        ("seed: 11", "seed: twenty", ["seed", "'twenty'"]),
        ("seed: 11\n", "", ["seed is missing"]),
        ("image_size: 32", "image_size: 60", ["dataset.image_size", "multiple of 8", "64"]),
        ("epochs: 13", "epochs: 1.5", ["finetune.epochs", "1.5"]),
        ("val: 0.15", "val: 0.85", ["split.val + split.test", "less than 1"]),
        ("- huang2021", "- standard", ["systems", "standard", "more than once"]),
        ("scale: compact", "scale: papr", ["model.scale", "'papr'", "'compact' or 'paper'"]),
        ("weights: none", "weights: rubust", ["model.weights", "'rubust'", "file:PATH"]),
        ("weights: none", "weights: hub:repository", ["model.weights", "hub:OWNER/REPOSITORY"]),
        ("weights: none", "weights: 'file:'", ["model.weights", "file:PATH"]),
        ("weights: none", "weights: robustbench", ["set model.scale to paper"]),
        ("weights: none", "weights: finetuned:a.pth", ["set model.head to mlp"]),
        ("trainable: all", "trainable: head", ["model.trainable", "weights none", "to all"]),
        ("meansparse_alpha: 0.15", "meansparse_alpha: -1", ["model.meansparse_alpha", "-1"]),
        ("curve: [0, 1/255,", "curve: [0, one,", ["attack.curve.1", "'one'"]),
        ("norm: linf # of", "norm: l1 # of", ["finetune.norm", "'l1'", "'linf' or 'l2'"]),
        ("norm: linf # linf", "norm: l1 #", ["attack.norm", "'l1'", "'linf' or 'l2'"]),
        ("eps: 4/255 # its", "eps: 2 # its", ["finetune.eps", "finetune.norm is linf", "4/255"]),
        ("space: pixel", "space: raw", ["attack.space", "'raw'", "'pixel' or 'normalized'"]),
        ("loss: margin", "loss: dlr", ["attack.loss", "three logits", "margin"]),
        ("batch_size: auto #", "batch_size: most #", ["attack.batch_size", "'most'"]),
        ("steps: 50", "steps: 0", ["checks.steps", "0"]),
        ("seed: 11", "seed: [", ["is not YAML"]),
    ],
)
def test_a_mistake_ends_in_one_line_that_names_it(tmp_path, old, new, parts):
    with pytest.raises(InputError) as caught:
        load_with(tmp_path, old, new)
    message = str(caught.value)
    assert all(part in message for part in parts), message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("weights", "alone"),
    [
        ("file:a/{system}.pt", False),
        ("hub:owner/repository/deep/file.pth", False),
        ("finetuned:best.pth", True),
        ("finetuned:hub:owner/repository/file.pth", True),
    ],
)
def test_weights_may_come_from_many_places(tmp_path, weights, alone):
    document = PARAMS.replace("head: linear", "head: mlp")
    path = tmp_path / "params.yaml"
    path.write_text(document.replace("weights: none", f"weights: {weights}", 1), encoding="utf-8")
    model = load_params(path).model
    assert model.weights == weights
    assert model.evaluation_alone is alone


def test_a_missing_file_says_where_to_run(tmp_path):
    with pytest.raises(InputError, match="run this in the folder that holds it"):
        load_params(tmp_path / "params.yaml")


def test_an_unknown_choice_lists_what_exists_and_suggests_the_nearest():
    with pytest.raises(InputError) as caught:
        choose("systems: system", "standrd", ["standard", "huang2021"])
    assert "did you mean standard?" in str(caught.value)
    assert "huang2021" in str(caught.value)


def test_what_is_left_out_is_as_in_the_shipped_study(tmp_path):
    shipped = load_params(REPOSITORY / "params.yaml")
    start, end = PARAMS.index("checks:"), PARAMS.index("explain:")
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS[:start] + PARAMS[end:], encoding="utf-8")
    assert load_params(path) == shipped
    start, end = PARAMS.index("  norm: linf # linf"), PARAMS.index("  curve:")
    path.write_text(PARAMS[:start] + PARAMS[end:], encoding="utf-8")
    assert load_params(path) == shipped


def test_a_length_may_be_larger_than_one_where_the_norm_is_l2(tmp_path):
    path = tmp_path / "params.yaml"
    document = PARAMS.replace("norm: linf", "norm: l2").replace("eps: 4/255", "eps: 2.5")
    path.write_text(document, encoding="utf-8")
    params = load_params(path)
    assert params.finetune.eps == Fraction(5, 2)
    assert params.attack.budgets[-1] == Fraction(5, 2)
    assert params.far == 16  # half of its range for each of 32 × 32 pixels


def test_the_curve_always_holds_the_headline_budget(tmp_path):
    params = load_with(tmp_path, "eps: 4/255\n", "eps: 3/255\n")
    assert Fraction(3, 255) in params.attack.budgets
    assert params.attack.budgets == sorted(params.attack.budgets)
