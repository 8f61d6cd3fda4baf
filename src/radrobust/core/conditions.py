"""Under which conditions a classifier is asked: what was done to images, how an answer is decided.

A condition has a text key, such as ``clean`` or ``pgd linf 4/255``. Tables hold the key, so that
no budget is ever compared as a float, and whatever can be said of one condition can be said of
any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import pandas as pd

from radrobust.core.params import Attack, budget_text

ARGMAX, THRESHOLD = "argmax", "threshold"
"""The finding is called where its logit is the larger; where the margin is over a threshold."""

PIXEL, NORMALIZED = "pixel", "normalized"
"""Units of a budget: pixels of [0, 1], or standard deviations of CIFAR-10."""

CIFAR_STD = (0.2471, 0.2435, 0.2616)
"""Of the red, green and blue of CIFAR-10, by which the published study divides before attacking."""

UNITS = {PIXEL: (1.0,), NORMALIZED: CIFAR_STD}
"""How much of a pixel one unit is, a channel each. The published study divided by CIFAR-10's
standard deviations before it attacked: 4/255 is then one grey level."""

NORMS = {"linf": "L-inf", "l2": "L2"}


@dataclass(frozen=True)
class Condition:
    """One condition.

    Attributes
    ----------
    family : str
        What was done: ``clean`` for nothing, else the kind of attack, such as ``pgd``.
    level : Fraction
        How much of it, in the family's units; 0 for clean images.
    norm : str
        ``linf`` or ``l2``, in which the level is a radius; empty where it is none.
    units : str
        `PIXEL` or `NORMALIZED`.
    decision : str
        `ARGMAX` or `THRESHOLD`.
    sees : str
        What an attacker has of the classifier: ``white box``, ``black box`` or ``nothing``.
    """

    family: str = "clean"
    level: Fraction = Fraction(0)
    norm: str = ""
    units: str = PIXEL
    decision: str = ARGMAX
    sees: str = "white box"

    @property
    def key(self) -> str:
        """The condition as tables name it.

        Examples
        --------
        >>> Condition().key
        'clean'
        >>> Condition("pgd", Fraction(4, 255), "linf", decision=THRESHOLD).key
        'pgd linf 4/255 threshold'
        >>> Condition("exposure", Fraction(3)).key
        'exposure 3'
        """
        parts = [self.family, self.norm]
        if self.norm:
            parts.append(_level(self.level))
        elif self.level:
            parts.append(str(self.level))
        parts += [part for part in (self.units, self.decision) if part not in (PIXEL, ARGMAX)]
        return " ".join(part for part in parts if part)

    @property
    def threat_model(self) -> str:
        """What an attacker sees and may change, in words; empty where there is none.

        Examples
        --------
        >>> Condition("pgd", Fraction(4, 255), "linf").threat_model
        'white box; L-inf, every pixel of [0, 1] by at most 4/255'
        """
        if not self.norm:
            return ""
        published = self.units == NORMALIZED
        of, unit = ("", " standard deviations of CIFAR-10") if published else (" of [0, 1]", "")
        if self.norm == "linf":
            limit = f"every pixel{of} by at most {budget_text(self.level)}{unit}"
        else:
            limit = f"pixels{of} by at most {float(self.level):.4g}{unit} in length altogether"
        return f"{self.sees}; {NORMS[self.norm]}, {limit}{', as published' if published else ''}"

    def decided(self, decision: str) -> Condition:
        """Return the same images with another decision."""
        return replace(self, decision=decision)


CLEAN = Condition()


def family_of(schedule: str) -> str:
    """Return what an attack with a schedule of steps is called."""
    return "apgd" if schedule == "apgd" else "pgd"


def attacked(attack: Attack, budget: Fraction | None = None, units: str = "") -> Condition:
    """Return the condition of a study's attack, at its headline budget and in its units by default.

    Parameters
    ----------
    attack : Attack
        The section `attack` of the study.
    budget : Fraction, optional
        Another budget.
    units : str
        Others than those of `attack.space`.
    """
    level = attack.eps if budget is None else budget
    return Condition(family_of(attack.schedule), level, attack.norm, units or attack.space)


def curve(attack: Attack) -> list[Condition]:
    """Return clean images and the attack at each budget of the curve, rising."""
    return [CLEAN, *(attacked(attack, budget) for budget in attack.budgets)]


def predicted(attack: Attack) -> list[Condition]:
    """Return every condition under which a study asks about each test sample.

    The curve; the decision at the chosen threshold, clean and attacked on its own; and the headline
    budget in the units that the study does not use.
    """
    decided = [one.decided(THRESHOLD) for one in (CLEAN, attacked(attack))]
    (other,) = {PIXEL, NORMALIZED} - {attack.space}
    return [*curve(attack), *decided, attacked(attack, units=other)]


def as_table(attack: Attack) -> pd.DataFrame:
    """Return the conditions of `predicted`, as the table `CONDITIONS` declares them."""
    images = {CLEAN: "clean", attacked(attack): "attacked"}
    rows = [
        {
            "condition": one.key,
            "image": images.get(one, ""),
            "family": one.family,
            "level": float(one.level),
            "norm": one.norm,
            "units": one.units,
            "decision": one.decision,
            "threat_model": one.threat_model,
        }
        for one in predicted(attack)
    ]
    return pd.DataFrame(rows)


def _level(level: Fraction) -> str:
    """Write a level as people do, and exactly, so that two that differ read differently.

    Examples
    --------
    >>> _level(Fraction(4, 255)), _level(Fraction("0.0301")), _level(Fraction(1, 7))
    ('4/255', '0.0301', '1/7')
    """
    text = budget_text(level)
    number, _, whole = text.partition("/")
    return text if Fraction(number) / Fraction(whole or 1) == level else str(level)
