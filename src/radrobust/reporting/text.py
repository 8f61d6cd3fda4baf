"""Numbers as readers see them: rounded, with the interval, a dash where there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

DASH = "–"
MINUS = "−"
WORD_JOINER = "\u2060"  # keeps both ends of an interval on one line

METRIC_TITLES = {
    "auroc": "AUROC",
    "balanced_accuracy": "Balanced accuracy",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "accuracy": "Accuracy",
    "precision": "Precision",
    "f1": "F1",
    "auprc": "AUPRC",
    "brier": "Brier score",
    "ece": "Calibration error",
}
EXPLAINER_TITLES = {
    "saliency": "Saliency",
    "deeplift": "DeepLIFT",
    "occlusion": "Occlusion",
    "integrated_gradients": "Integrated gradients",
}
OBJECTIVE_TITLES = {
    "standard": "Standard training",
    "pgd": "Adversarial training",
    "trades": "TRADES",
    "mart": "MART",
    "gairat": "GAIRAT",
    "hat": "HAT",
    "rebuffi": "TRADES with CutMix",
    "data_filtering": "Data filtering",
}
AS_DECIMAL = ("auroc", "f1", "auprc", "brier", "ece")


def explainer_title(explainer: str) -> str:
    """Return the name of an explainer that readers are shown."""
    return EXPLAINER_TITLES.get(explainer, explainer.replace("_", " ").capitalize())


def objective_title(objective: str) -> str:
    """Return the name of a training objective that readers are shown."""
    return OBJECTIVE_TITLES.get(objective, objective.replace("_", " ").capitalize())


def duration(seconds: float) -> str:
    """Write how long something took, to about two digits.

    Examples
    --------
    >>> duration(61.5), duration(745.0), duration(11400.0)
    ('62 s', '12 min', '3.2 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def number(value: float, metric: str) -> str:
    """Write a value: areas, F1 and errors as decimals, shares in per cent without the sign.

    Examples
    --------
    >>> number(0.8125, "accuracy"), number(0.8125, "auroc"), number(float("nan"), "f1")
    ('81.2', '0.812', '–')
    """
    if math.isnan(value):
        return DASH
    return f"{value:.3f}" if metric in AS_DECIMAL else f"{100 * value:.1f}"


def unit(metric: str) -> str:
    """Return what follows the number of a metric in a sentence."""
    return "" if metric in AS_DECIMAL else " %"


def interval(estimate: pd.Series[float], metric: str) -> str:
    """Write the ends of an interval, or nothing where there is none."""
    low, high = float(estimate["low"]), float(estimate["high"])
    if math.isnan(low) or math.isnan(high):
        return ""
    return f"{number(low, metric)}{DASH}{number(high, metric)}"


def quoted(estimate: pd.Series[float], metric: str) -> str:
    """Write a value with its interval for a sentence, such as 81.2 % (76.0–85.5)."""
    ends = interval(estimate, metric).replace(DASH, f"{WORD_JOINER}{DASH}{WORD_JOINER}")
    value = f"{number(float(estimate['value']), metric)}{unit(metric)}"
    return f"{value} ({ends})" if ends else value


def signed(value: float, metric: str) -> str:
    """Write a difference with its sign; one of shares in points.

    Examples
    --------
    >>> signed(0.0312, "accuracy"), signed(-0.0312, "auroc"), signed(0.0, "accuracy")
    ('+3.1', '−0.031', '0.0')
    """
    shown = number(abs(value), metric)
    sign = "" if not float(shown.replace(DASH, "0")) else "+" if value > 0 else MINUS
    return f"{sign}{shown}"


def p_value(value: float) -> str:
    """Write a p-value.

    Examples
    --------
    >>> p_value(0.0421), p_value(0.00004), p_value(1.0)
    ('0.042', '< 0.001', '1')
    """
    if value < 0.001:
        return "< 0.001"
    return f"{value:.3f}" if value < 0.9995 else "1"


def listing(items: Sequence[str]) -> str:
    """Join items as a sentence does.

    Examples
    --------
    >>> listing(["a"]), listing(["a", "b"]), listing(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    *first, last = items
    return f"{', '.join(first)} and {last}" if first else last


def plural(count: int, singular: str, more: str = "") -> str:
    """Write a count and its noun.

    Examples
    --------
    >>> plural(1, "film"), plural(1200, "film")
    ('1 film', '1,200 films')
    """
    return f"{count:,} {singular if count == 1 else more or singular + 's'}"
