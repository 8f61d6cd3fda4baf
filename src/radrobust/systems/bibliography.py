"""What readers are told of the systems: papers, networks in words, and published figures.

It is a YAML beside each system's module. The pages alone read it: nothing that trains, attacks or
explains imports this, so that a name that is put right there changes no network.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from radrobust.core.errors import InputError
from radrobust.core.params import choose
from radrobust.systems import catalogue

Text = Annotated[str, Field(min_length=1)]
Percent = Annotated[float, Field(ge=0, le=100)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _has_no_strangers(cls, document: Any) -> Any:
        known = list(cls.model_fields)
        if not isinstance(document, dict):
            raise ValueError(f"must have the fields {', '.join(known)}")
        for name in document:
            choose("field", str(name), known)
        return document


class Paper(_Section):
    """Where a system was published; `authors` as in the paper, `url` its address."""

    title: Text
    authors: Text
    venue: Text
    url: Annotated[str, Field(pattern="^https?://")]


class Published(_Section):
    """Figures from a paper or a leaderboard.

    Attributes
    ----------
    clean, attacked : float
        Accuracy without and under attack, in per cent.
    attack : str
        The attack, in words.
    remark : str
        What a reader has to know of the figures besides.
    """

    clean: Percent
    attacked: Percent
    attack: Text
    remark: str = ""

    def __str__(self) -> str:
        """Write it as a sentence does."""
        remark = f" ({self.remark})" if self.remark else ""
        return f"{self.clean:.2f} % clean, {self.attacked:.2f} % under {self.attack}{remark}"


class Bibliography(_Section):
    """What readers are told of one system. The pages leave out what is not there.

    Attributes
    ----------
    label : str
        By whom it is, and the year: ``Chen 2024``.
    title : str
        What it is called.
    year : int
        By which it is called; that of the paper's publication or first appearance.
    threat_model : str
        Against which it was trained, in words.
    architectures : dict
        From scale to the network, in words; what stands before a comma or colon is its short name.
    paper : Paper, optional
    cifar10, fracatlas : Published, optional
        What was published of it: RobustBench's leaderboard, and the study that is rebuilt here.
    coverage : dict
        From explainer to what that study published of its maps: of the fracture box's pixels, the
        per cent among the top 5, 25 and 50 % of attribution.
    training : str
        A sentence on what its training here has of its own, where it is by its own objective.
    """

    label: Text
    title: Text
    year: int
    threat_model: Text
    architectures: Annotated[dict[Literal["paper", "compact"], Text], Field(min_length=2)]
    paper: Paper | None = None
    cifar10: Published | None = None
    fracatlas: Published | None = None
    coverage: dict[str, Annotated[list[Percent], Field(min_length=3, max_length=3)]] = {}
    training: str = ""


@cache
def bibliography(key: str) -> Bibliography:
    """Read what readers are told of one system.

    Raises
    ------
    InputError
        There is no such system; or its YAML is missing or wrong. The message names the file, the
        field and what would be right.
    """
    path = _path(choose("system", key, catalogue.keys()))
    try:
        document = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        return Bibliography.model_validate(document)
    except FileNotFoundError:
        raise InputError(
            f"{path} is not here; beside its module each system has what readers are told of it"
        ) from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise InputError(f"{path}: {_first(error)}") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def by_year() -> list[str]:
    """List the key of every system, the oldest first; of one year, the most robust last."""

    def place(key: str) -> tuple[int, float, str]:
        found = bibliography(key)
        return found.year, found.cifar10.attacked if found.cifar10 else 0.0, key

    return sorted(catalogue.keys(), key=place)


def in_short(architecture: str) -> str:
    """Return the short name that a network in words begins with.

    Examples
    --------
    >>> in_short("WRN-34-R: widths 16-320-640-512"), in_short("WRN-94-16, SiLU")
    ('WRN-34-R', 'WRN-94-16')
    """
    return architecture.split(":")[0].split(",")[0]


def _path(key: str) -> Path:
    spec = find_spec(f"{catalogue.__name__}.{key}")  # does not import it
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).with_suffix(".yaml")


def _first(error: ValidationError) -> str:
    """Tell of the first problem in one line."""
    problem = error.errors()[0]
    field = ".".join(map(str, problem["loc"])) or "the file"
    if problem["type"] == "missing":
        return f"{field} is missing"
    reason = problem["msg"].removeprefix("Value error, ")
    return f"{field} is {problem['input']!r}: {reason[0].lower()}{reason[1:]}"
