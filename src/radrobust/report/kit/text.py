"""Numbers as readers see them: rounded, with the interval, a dash where there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

Row = Mapping[str, float]
"""Of a table of the summary, such as `value`, `low` and `high`."""

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
SPLIT_TITLES = {"train": "Training", "val": "Validation", "test": "Test"}
EXPLAINER_TITLES = {
    "saliency": "Saliency",
    "gradient_x_input": "Gradient × input",
    "integrated_gradients": "Integrated gradients",
    "deeplift": "DeepLIFT",
    "grad_cam": "Grad-CAM",
    "occlusion": "Occlusion",
}
COVERAGES = (5, 15, 25, 50, 75, 85, 95)
"""Shares of the radiograph's pixels, in per cent, at which coverage is measured."""

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
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
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
    >>> duration(0.0524), duration(1.43), duration(61.5), duration(745.0), duration(11400.0)
    ('52 ms', '1.4 s', '62 s', '12 min', '3.2 h')
    """
    if seconds < 10:
        count, of = (seconds, "s") if seconds >= 0.1 else (1000 * seconds, "ms")
        return f"{float(f'{count:.2g}'):g} {of}"
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


def correlation(value: float) -> str:
    """Write a rank correlation, or another similarity of which 1 is the most.

    Examples
    --------
    >>> correlation(0.416), correlation(-0.204), correlation(-0.001), correlation(float("nan"))
    ('0.42', '−0.20', '0.00', '–')
    """
    if math.isnan(value):
        return DASH
    shown = f"{abs(value):.2f}"
    return f"{MINUS if value < 0 and float(shown) else ''}{shown}"


def power(value: float) -> str:
    """Write a small number to one digit, as a multiple of a power of ten.

    Examples
    --------
    >>> power(4.2e-07), power(0.0), power(0.21), power(float("nan"))
    ('4 × 10⁻⁷', '0', '0.21', '–')
    """
    if math.isnan(value):
        return DASH
    if value == 0 or abs(value) >= 0.1:
        return f"{value:.2g}"
    digit, exponent = f"{value:.0e}".split("e")
    return f"{digit} × 10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def unit(metric: str) -> str:
    """Return the unit that follows the number of a metric in a sentence."""
    return "" if metric in AS_DECIMAL else " %"


def interval(estimate: pd.Series[float] | Row, metric: str) -> str:
    """Write the ends of an interval, or nothing where there is none."""
    low, high = float(estimate["low"]), float(estimate["high"])
    if math.isnan(low) or math.isnan(high):
        return ""
    return f"{number(low, metric)}{DASH}{number(high, metric)}"


def between(low: str, high: str) -> str:
    """Join both ends of an interval; a dash would be taken for a minus beside a sign.

    Examples
    --------
    >>> between("0.10", "0.25"), between("−0.10", "0.25")
    ('0.10–0.25', '−0.10 to 0.25')
    """
    is_signed = low[0] in f"+{MINUS}" or high[0] in f"+{MINUS}"
    return f"{low} to {high}" if is_signed else f"{low}{DASH}{high}"


def quoted(estimate: pd.Series[float] | Row, metric: str) -> str:
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
    >>> plural(1, "radiograph"), plural(1200, "radiograph")
    ('1 radiograph', '1,200 radiographs')
    """
    return f"{count:,} {singular if count == 1 else more or singular + 's'}"
