"""What the program has to know of a system: how it is built, trained and given weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Scale = Literal["compact", "paper"]


@dataclass(frozen=True)
class Normalisation:
    """What pixels in [0, 1] pass through before the backbone: (x - mean) / std, a channel each."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __str__(self) -> str:
        """Write it as readers are shown it."""
        return "none" if self == NO_NORMALISATION else f"mean {self.mean}, std {self.std}"


NO_NORMALISATION = Normalisation((0.0,) * 3, (1.0,) * 3)
CIFAR10 = Normalisation((0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616))


@dataclass(frozen=True)
class Architecture:
    """A network of one size.

    Attributes
    ----------
    name : str
        A key of `radrobust.systems.architectures.ARCHITECTURES`.
    arguments : mapping
        What that is called with.
    """

    name: str
    arguments: Mapping[str, object]

    def __str__(self) -> str:
        """Write it as the call that builds it."""
        arguments = ", ".join(f"{name}={value}" for name, value in self.arguments.items())
        return f"{self.name}({arguments})"


@dataclass(frozen=True)
class System:
    """A way to a classifier.

    Attributes
    ----------
    architectures : mapping
        From scale to network.
    objective : str
        Key in `radrobust.training.objectives.OBJECTIVES` of the paper's own training objective.
    normalisation : Normalisation
        What its published weights expect. It is applied once, inside the classifier.
    robustbench_id, drive_id : str
        Its name in RobustBench's model zoo (CIFAR-10), and that of the checkpoint on Google Drive,
        as in RobustBench 1.1.1; empty where it is not in there.
    finetuned : str
        ``OWNER/REPOSITORY/FILE`` of the published study's FracAtlas checkpoint; empty where none
        is.
    hides_gradient : bool
        Whether `radrobust.systems.meansparse` is in its network: it lets no gradient pass through
        what it replaces, so that an attacker takes another one.
    undefended : bool
        Whether nothing about it is meant to withstand an attack; the others are compared with it.
    """

    architectures: Mapping[Scale, Architecture]
    objective: str
    normalisation: Normalisation = NO_NORMALISATION
    robustbench_id: str = ""
    drive_id: str = ""
    finetuned: str = ""
    hides_gradient: bool = False
    undefended: bool = False

    @property
    def published_weights(self) -> list[str]:
        """What `model.weights` may be to have weights that others published."""
        robustbench = ["robustbench"] if self.drive_id else []
        return robustbench + ([f"finetuned:hub:{self.finetuned}"] if self.finetuned else [])
