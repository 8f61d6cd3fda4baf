"""Attacks in words: what they are called in tables, and what they may do."""

from __future__ import annotations

from radrobust.attacks.pgd import Pgd
from radrobust.core.params import budget_text

NORMS = {"linf": "L-inf", "l2": "L2"}
CIFAR_STD = (0.2471, 0.2435, 0.2616)
"""Of the red, green and blue of CIFAR-10, by which the published study divides before attacking."""


def name_of(attack: Pgd) -> str:
    """Return what an attack is called in tables, such as ``apgd-linf`` or ``pgd-l2-normalized``.

    With a budget of 0 it is ``none``.
    """
    if attack.eps == 0:
        return "none"
    kind = "apgd" if attack.schedule == "apgd" else "pgd"
    return f"{kind}-{attack.norm}" + ("-normalized" if attack.units == CIFAR_STD else "")


def in_words(attack: Pgd, sees: str = "white box") -> str:
    """Say what an attacker sees and may change.

    Parameters
    ----------
    attack : Pgd
        Whose ball is meant.
    sees : str
        ``white box``, ``black box`` or whatever the attacker has.

    Examples
    --------
    >>> in_words(Pgd(4 / 255, 1 / 255, 10))
    'white box; L-inf, every pixel of [0, 1] by at most 4/255'
    """
    if attack.eps == 0:
        return "no attack"
    if attack.norm == "linf":
        limit = f"every pixel of [0, 1] by at most {budget_text(attack.eps)}"
    else:
        limit = f"pixels of [0, 1] by at most {attack.eps:.4g} in length altogether"
    if attack.units == CIFAR_STD:
        limit = limit.replace("of [0, 1] ", "") + " standard deviations of CIFAR-10, as published"
    return f"{sees}; {NORMS[attack.norm]}, {limit}"
