"""Who the systems are: one entry each, built only when somebody asks for the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

SYSTEMS: dict[str, System] = {}


@dataclass(frozen=True)
class Published:
    """Figures from a paper or a leaderboard, in per cent.

    Attributes
    ----------
    clean, attacked : float
        Accuracy without and under attack.
    attack : str
        The attack, in words.
    """

    clean: float
    attacked: float
    attack: str


@dataclass(frozen=True)
class System:
    """One system of the study.

    Attributes
    ----------
    key : str
        Slug in `params.yaml`, in paths and in addresses.
    title, paper, url : str
        What a reader is shown.
    year : int
        Of the paper.
    robustbench_id : str
        Its name in RobustBench's model zoo (CIFAR-10, L-inf, 8/255).
    objective : str
        Key in `radrobust.training.objectives.OBJECTIVES` of the paper's own training objective.
    compact_text : str
        The architecture at compact scale, in words.
    compact : callable
        Builds the trunk and its number of channels at compact scale.
    cifar10, fracatlas : Published
        What was published of it: RobustBench's leaderboard, and the study that is rebuilt here.
    """

    key: str
    title: str
    paper: str
    year: int
    url: str
    robustbench_id: str
    objective: str
    compact_text: str
    compact: Callable[[], tuple[nn.Sequential, int]]
    cifar10: Published
    fracatlas: Published


def _add(system: System) -> None:
    SYSTEMS[system.key] = system


def _standard_trunk() -> tuple[nn.Sequential, int]:
    from radrobust.systems.architectures import wide_resnet

    return wide_resnet(depth=10, widen_factor=1)


def _huang2021_trunk() -> tuple[nn.Sequential, int]:
    from radrobust.systems.architectures import robust_wide_resnet

    return robust_wide_resnet(widths=[16, 16, 32, 24], depths=[1, 1, 1])


_AUTOATTACK = "AutoAttack, L-inf 8/255"
_STUDY_PGD = "PGD-10, 4/255 after normalisation"

_add(
    System(
        key="standard",
        title="Standard",
        paper="Croce et al., RobustBench: a standardized adversarial robustness benchmark",
        year=2020,
        url="https://arxiv.org/abs/2010.09670",
        robustbench_id="Standard",
        objective="standard",
        compact_text="WRN-10-1",
        compact=_standard_trunk,
        cifar10=Published(94.78, 0.0, _AUTOATTACK),
        fracatlas=Published(85.59, 0.0, _STUDY_PGD),
    )
)
_add(
    System(
        key="huang2021",
        title="Architectural Ingredients",
        paper="Huang et al., Exploring Architectural Ingredients of Adversarially Robust Deep "
        "Neural Networks",
        year=2021,
        url="https://arxiv.org/abs/2110.03825",
        robustbench_id="Huang2021Exploring_ema",
        objective="trades",
        compact_text="WRN-10-R: widths 16-16-32-24, one block a stage, the last stage narrowed",
        compact=_huang2021_trunk,
        cifar10=Published(91.23, 62.54, _AUTOATTACK),
        fracatlas=Published(75.23, 42.34, _STUDY_PGD),
    )
)
