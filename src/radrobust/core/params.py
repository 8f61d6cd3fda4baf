"""`params.yaml`, typed and checked: the only way into a study's parameters."""

from __future__ import annotations

import difflib
import math
import re
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from radrobust.core import paths
from radrobust.core.errors import InputError


def _fraction(value: object) -> Fraction:
    """Read "8/255", "8 / 255", 0.03 or 0; DVC hands fractions over as strings."""
    if isinstance(value, Fraction):
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be a number or a fraction such as 4/255")
    try:
        return Fraction(str(value).replace(" ", ""))
    except (ValueError, ZeroDivisionError):
        raise ValueError("must be a number or a fraction such as 4/255") from None


def _not_negative(value: Fraction) -> Fraction:
    if value < 0:
        raise ValueError("must not be negative; four grey levels are 4/255")
    return value


def _positive(value: Fraction) -> Fraction:
    if value == 0:
        raise ValueError("must be more than 0, such as 4/255")
    return value


Budget = Annotated[Fraction, BeforeValidator(_fraction), AfterValidator(_not_negative)]
PositiveBudget = Annotated[Budget, AfterValidator(_positive)]


def budget_text(budget: Fraction | float) -> str:
    """Write a perturbation budget as people say it.

    Parameters
    ----------
    budget : Fraction or float
        In pixels of [0, 1].

    Returns
    -------
    str
        "k/255" for a whole or tenth number of grey levels, else four significant digits.

    Examples
    --------
    >>> budget_text(Fraction(4, 255)), budget_text(0.0), budget_text(Fraction("0.0301"))
    ('4/255', '0', '0.0301')
    """
    levels = float(budget) * 255
    if levels == 0:
        return "0"
    if math.isclose(levels * 10, round(levels * 10), abs_tol=1e-6):
        return f"{levels:.4g}/255"
    return f"{float(budget):.4g}"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _multiple_of_8(value: int) -> int:
    if value % 8:
        below = max(8, value // 8 * 8)
        raise ValueError(f"must be a multiple of 8, such as {below} or {below + 8}")
    return value


Norm = Literal["linf", "l2"]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, lt=1)]


class Dataset(_Section):
    """Which films, and how large; `image_size` in pixels. What is left out is as below."""

    name: str
    image_size: Annotated[int, Field(ge=16, le=4096), AfterValidator(_multiple_of_8)]
    balance: Literal["none", "undersample"] = "none"
    negatives: Count = 1500


class Folder(_Section):
    """Of radiographs of one's own: the folder whose films show the finding."""

    finding: Annotated[str, Field(min_length=1)] = "fracture"


class Phantom(_Section):
    """How many films to draw, and the share with a finding."""

    count: Annotated[int, Field(ge=20)]
    prevalence: Share


class Split(_Section):
    """Shares of each class for validation and test, in (0, 1). What is left out is as below."""

    source: Annotated[str, Field(min_length=1)] = "drawn"
    val: Share
    test: Share


WEIGHTS = r"none|robustbench|file:.+|(finetuned:)?hub:[^/]+/[^/]+/.+|finetuned:(?!hub:).+"


def _weights(value: str) -> str:
    if not re.fullmatch(WEIGHTS, value):
        raise ValueError(
            "must be none, robustbench, file:PATH, hub:OWNER/REPOSITORY/FILE or finetuned:PATH"
        )
    return value


class Model(_Section):
    """Of what the systems are built, and which part of them is trained."""

    scale: Literal["compact", "paper"]
    weights: Annotated[str, AfterValidator(_weights)]
    head: Literal["linear", "mlp"]
    trainable: Literal["head", "last_block", "all"]
    meansparse_alpha: Annotated[float, Field(ge=0)]

    @property
    def evaluation_alone(self) -> bool:
        """Whether the weights are fine-tuned already, so that nothing is trained."""
        return self.weights.startswith("finetuned:")


def _threshold(value: str) -> str:
    if value != "youden" and not re.fullmatch(r"sensitivity *>= *(0?\.\d+|1(\.0*)?)", value):
        raise ValueError("must be youden, or sensitivity >= x with x in (0, 1], such as 0.9")
    return value


class Finetune(_Section):
    """How the systems are trained. What is left out is as below.

    `eps` is in pixels of [0, 1]: the most that a pixel changes (`norm` linf), or the length of the
    whole change (l2).
    """

    objective: str = "own"
    epochs: Count = 30
    batch_size: Annotated[int, Field(ge=2)] = 32
    optimiser: Literal["adam", "adamw", "sgd"] = "adamw"
    lr: Annotated[float, Field(gt=0)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4
    scheduler: Literal["none", "cosine", "onecycle", "plateau"] = "none"
    balance: Literal["none", "weights", "sampler"] = "weights"
    clip: Annotated[float, Field(ge=0)] = 0.0
    averaging: Literal["own"] | Annotated[float, Field(ge=0, lt=1)] = "own"
    metric: Literal["auroc", "balanced_accuracy"] = "auroc"
    patience: Annotated[int, Field(ge=0)] = 0
    augment: bool = True
    augment_views: Annotated[int, Field(ge=0)] = 0
    precision: Literal["auto", "float32"] = "auto"
    norm: Norm = "linf"
    eps: PositiveBudget = Fraction(4, 255)
    steps: Count = 10
    warmup: Annotated[float, Field(ge=0, le=1)] = 0.0
    threshold: Annotated[str, AfterValidator(_threshold)] = "youden"

    @property
    def least_sensitivity(self) -> float | None:
        """What `threshold` asks of the sensitivity; None where Youden's index decides."""
        return None if self.threshold == "youden" else float(self.threshold.split(">=")[1])


class Attack(_Section):
    """The headline attack on the test films.

    `eps`, `step` and `curve` are in pixels of [0, 1]: the most that a pixel changes (`norm` linf),
    or the length of the whole change (l2). In the space ``normalized`` they are in standard
    deviations of CIFAR-10's pixels, as in the study that is rebuilt here. What is left out is as
    below.
    """

    norm: Norm = "linf"
    space: Literal["pixel", "normalized"] = "pixel"
    eps: PositiveBudget = Fraction(4, 255)
    schedule: Literal["fixed", "apgd"] = "apgd"
    step: PositiveBudget = Fraction(1, 255)
    steps: Count = 20
    restarts: Count = 1
    random_start: bool = True
    loss: Literal["margin", "ce", "dlr"] = "margin"
    precision: Literal["auto", "float32"] = "auto"
    batch_size: Literal["auto"] | Count = "auto"
    curve: list[Budget] = []

    @property
    def budgets(self) -> list[Fraction]:
        """Every positive budget to be attacked with, rising; `eps` is always among them."""
        return sorted({self.eps, *self.curve} - {Fraction(0)})


class Checks(_Section):
    """How hard the attack is checked. What is left out is as below."""

    films: Count = 50
    steps: Count = 50
    restarts: Count = 2
    iterations: Annotated[int, Field(ge=2)] = 20
    queries: Annotated[int, Field(ge=2)] = 150


class Explain(_Section):
    """Which maps are made. What is left out is as below.

    `window` and `stride` are in pixels of a 224-pixel image.
    """

    methods: Annotated[list[str], Field(min_length=1)]
    baseline: Literal["black", "mean", "blur"] = "blur"
    steps: Count = 16
    window: Count = 15
    stride: Count = 8
    others: Annotated[int, Field(ge=0)] = 24
    films: Count = 16


class Evaluate(_Section):
    """Intervals: bootstrap resamples, and their level in (0, 1)."""

    bootstrap: Annotated[int, Field(ge=100)]
    level: Share


class Params(_Section):
    """A whole study. Field by field it mirrors `params.yaml`, where each is explained."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    device: Literal["auto", "cpu", "cuda"]
    cache: str
    dataset: Dataset
    phantom: Phantom
    folder: Folder = Folder()
    split: Split
    systems: Annotated[list[str], Field(min_length=1)]
    model: Model
    finetune: Finetune
    attack: Attack
    checks: Checks = Checks()
    explain: Explain
    evaluate: Evaluate

    @property
    def far(self) -> Fraction:
        """A budget in pixels under which nothing may stand: half of its range for every pixel.

        Any film can then be made evenly grey, and all films alike.
        """
        half = Fraction(1, 2)
        return half if self.attack.norm == "linf" else half * self.dataset.image_size


def choose(kind: str, name: str, known: list[str]) -> str:
    """Return `name` if it is among `known`.

    Parameters
    ----------
    kind : str
        What is being chosen, with its key where it has one, such as ``systems: system``.
    name : str
        The choice.
    known : list of str
        Every possible choice.

    Raises
    ------
    InputError
        `name` is unknown; the message lists what exists and suggests the nearest.
    """
    if name in known:
        return name
    raise InputError(f"{kind} {name!r} does not exist; {_nearest(name, known)}")


def load_params(path: Path = paths.PARAMS) -> Params:
    """Read and check a study's parameters.

    Raises
    ------
    InputError
        The file is missing or is not YAML, or a key is unknown, missing or of a wrong value; the
        message names the key, the value and what would be right.
    """
    try:
        document = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is not here; run this in the folder that holds it") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise InputError(f"{path} must hold sections such as `attack:`, not {document!r}")
    try:
        params = Params.model_validate(document)
    except ValidationError as error:
        raise InputError(f"{path}: {_explain(error)}") from None
    _check_together(params, path)
    return params


def _check_together(params: Params, path: Path) -> None:
    if params.split.val + params.split.test >= 1:
        raise InputError(
            f"{path}: split.val + split.test is {params.split.val + params.split.test:g}; "
            "less than 1 must remain to leave images to train on"
        )
    if fault := _contradiction(params.model) or _impossible(params):
        raise InputError(f"{path}: {fault}")
    for key, values in {
        "systems": params.systems,
        "explain.methods": params.explain.methods,
    }.items():
        repeated = sorted({value for value in values if values.count(value) > 1})
        if repeated:
            raise InputError(f"{path}: {key} names {', '.join(repeated)} more than once")


def _contradiction(model: Model) -> str:
    """Say what about the section `model` cannot be meant; empty if nothing."""
    if model.weights == "none" and model.trainable != "all":
        return (
            f"model.trainable is {model.trainable!r}, but with model.weights none nothing has been "
            "learnt that could be kept; set model.trainable to all"
        )
    if model.weights == "robustbench" and model.scale != "paper":
        return "model.weights robustbench are of paper size; set model.scale to paper"
    if model.evaluation_alone and model.head != "mlp":
        return "model.weights finetuned: have the published study's head; set model.head to mlp"
    return ""


def _impossible(params: Params) -> str:
    """Say what about the attacks cannot be; empty if nothing."""
    attack, finetune = params.attack, params.finetune
    if attack.loss == "dlr":
        return (
            "attack.loss is 'dlr', which is a ratio of differences among three logits, and there "
            "are two classes here; set it to margin, whose steps are the same but for the ratio"
        )
    largest = {
        "finetune.eps": (finetune.norm, finetune.eps),
        "attack.eps": (attack.norm, attack.eps),
        "attack.step": (attack.norm, attack.step),
        "attack.curve": (attack.norm, max(attack.budgets)),
    }
    for key, (norm, value) in largest.items():
        if norm == "linf" and value > 1:
            return (
                f"{key} is {value}, but where {key.partition('.')[0]}.norm is linf a pixel cannot "
                "change by more than 1; four grey levels are 4/255"
            )
    return ""


def _explain(error: ValidationError) -> str:
    """Tell of the first problem in one line; say how many more there are."""
    # A misspelt key is also a missing one: the misspelling is what to tell.
    problems = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    first = problems[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        text = f"unknown key {key}; {_nearest(str(first['loc'][-1]), _keys_at(first['loc'][:-1]))}"
    elif first["type"] == "missing":
        text = f"{key} is missing"
    else:
        reason = first["msg"].removeprefix("Value error, ")
        text = f"{key} is {first['input']!r}: {reason[0].lower()}{reason[1:]}"
    more = len(problems) - 1
    return text + (f" (and {more} more)" if more else "")


def _keys_at(location: tuple[Any, ...]) -> list[str]:
    section: Any = Params
    for part in location:
        section = section.model_fields[part].annotation
    return list(section.model_fields)


def _nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    suggestion = f"did you mean {close[0]}? " if close else ""
    return f"{suggestion}There are: {', '.join(known)}"
