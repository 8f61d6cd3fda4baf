"""How an attack's budget is written: grey levels for L∞, a length for L2, and in which space."""

from __future__ import annotations

from radrobust.core.params import Attack, budget_text


def short(attack: Attack, eps: float) -> str:
    """Write a budget where space is short, such as “4/255” or “L2 0.5”."""
    shown = bare(attack, eps)
    return shown if attack.space == "pixel" else f"{shown} (normalised)"


def bare(attack: Attack, eps: float) -> str:
    """Write a budget without saying in which space it is."""
    return budget_text(eps) if attack.norm == "linf" else f"L2 {eps:.4g}"


def changed(attack: Attack, eps: float) -> str:
    """Write a budget in words, such as “every pixel changed by up to 4 of 255 grey levels”."""
    if attack.norm == "l2":
        unit = "" if attack.space == "pixel" else ", in standard deviations of CIFAR-10"
        return f"the radiograph changed by up to an L2 length of {eps:.4g}{unit}"
    return f"every pixel changed by up to {amount(attack, eps)}"


def amount(attack: Attack, eps: float) -> str:
    """Write how much a budget or a step is, such as “4 of 255 grey levels” or “a length of 0.5”."""
    if attack.norm == "l2":
        unit = "" if attack.space == "pixel" else ", in standard deviations of CIFAR-10"
        return f"a length of {eps:.4g}{unit}"
    if attack.space == "pixel":
        return f"{eps * 255:.4g} of 255 grey levels"
    return f"{budget_text(eps)} of a standard deviation of CIFAR-10"


def level(attack: Attack, eps: float) -> float:
    """Return the place of a budget on the axis that `axis` names."""
    return eps * 255 if attack.norm == "linf" else eps


def axis(attack: Attack) -> str:
    """Name the axis of budgets."""
    title, unit = {
        "linf": ("Most that a pixel may be changed", "grey levels"),
        "l2": ("Longest change of the radiograph (L2)", ""),
    }[attack.norm]
    if attack.space == "normalized":
        unit = "1/255 standard deviation" if attack.norm == "linf" else "standard deviations"
    return f"{title}{', ' if unit else ''}{unit} (0: clean)"


def grey_levels(levels: float) -> str:
    """Write a number of grey levels.

    Examples
    --------
    >>> grey_levels(4.0), grey_levels(0.998)
    ('4 grey levels', '1 grey level')
    """
    shown = f"{levels:.2g}"
    return f"{shown} grey level{'' if shown == '1' else 's'}"
