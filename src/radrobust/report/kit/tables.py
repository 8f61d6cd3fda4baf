"""Tables with a row a system, as HTML, and the pieces that they are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import pandas as pd

from radrobust.report.kit import budgets, html, verdicts
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import CLEAN, REFERENCES, Study, under
from radrobust.report.kit.text import DASH, METRIC_TITLES, Row, interval, number, unit

MAIN = ("auroc", "balanced_accuracy", "sensitivity", "specificity", "accuracy")
FURTHER = ("auprc", "brier", "ece", "f1", "precision")
LOWER_IS_BETTER = ("brier", "ece")


def at_threshold(study: Study) -> Html:
    """The decision at the threshold from validation radiographs beside the larger logit."""
    metrics = ("sensitivity", "specificity", "balanced_accuracy")
    titles = [metric_title(metric) for metric in metrics]
    head = html.heads(["System", "Image", "Decision"], titles)
    body = []
    for system in study.systems:
        for image in study.conditions:
            decisions = {
                "larger logit": study.conditions[image],
                "chosen threshold": study.at_threshold[image],
            }
            for decision, condition in decisions.items():
                first = checked_cell(study, system, repeated=condition != CLEAN)
                cells = estimates(study, system, condition, metrics)
                body.append([first, cell(image), cell(decision), *cells])
    least = study.params.finetune.least_sensitivity
    rule = (
        "sum of sensitivity and specificity (Youden)"
        if least is None
        else f"specificity of those with a sensitivity of at least {least:g}"
    )
    caption = (
        f"The threshold is the one with the highest {rule} on validation radiographs. The attack, "
        f"at {budgets.short(study.params.attack, study.eps)}, aims at each decision on its own."
    )
    return Html(html.table([head], body, caption))


def confusion_matrices(study: Study) -> Html:
    """Confusion matrices, clean and attacked, a tab a system."""
    return by_system("confusion", study, _confusions)


def by_system(name: str, study: Study, show: Callable[[Study, str], str]) -> Html:
    """Return attacked numbers in a tab a system, each with a note where a check failed."""
    panes = {study.title(key): doubt(study, key) + show(study, key) for key in study.systems}
    return html.tabs(name, panes)


def sortable(content: str) -> str:
    """Let the columns of a table with one row a system be sorted by a click on their titles.

    Numbers are compared as they are shown, or by the `value` of their cells where they are not in
    one unit; a row whose header has the class ``reference`` stays below. A table of one system is
    left as it is. `content` is as `html.table` returns it.
    """
    script = '<script defer src="assets/sort.js"></script>'
    return f'<div class="sortable">{content}</div>{script}'


def system_cell(study: Study, system: str, repeated: bool = False, note: str = "") -> str:
    """Head a row with a system; where the row above has it already, for screen readers alone."""
    if repeated:
        return html.hidden_header(study.name(system))
    style = "system reference" if system in REFERENCES else "system"
    return cell(study.title(system), "row", style=style, small=study.label(system), note=note)


def checked_cell(study: Study, system: str, repeated: bool = False) -> str:
    """Head a row of attacked numbers: as `system_cell`, with a note where a check failed."""
    return system_cell(study, system, repeated, verdicts.note(study, system))


def doubt(study: Study, system: str) -> str:
    """Return a paragraph with the note of `checked_cell`, for a tab of attacked numbers."""
    note = verdicts.note(study, system)
    return f"<p>{note}</p>" if note else ""


def estimates(study: Study, system: str, condition: str, metrics: Sequence[str]) -> list[str]:
    """Return a cell a metric: the value, in small print its interval."""
    return [estimate_cell(study.metric(system, condition, metric), metric) for metric in metrics]


def estimate_cell(estimate: pd.Series[float] | Row, metric: str) -> str:
    """Return a cell with a value, and in small print its interval."""
    shown = number(float(estimate["value"]), metric)
    return cell(shown, style="number", small=interval(estimate, metric))


def metric_title(metric: str) -> str:
    """Return the head of a metric's column."""
    return METRIC_TITLES[metric] + (", %" if unit(metric) else "")


def metric_cell(metric: str, scope: str, style: str) -> str:
    """Head a column or a row with a metric, and say where less is better."""
    small = "lower is better" if metric in LOWER_IS_BETTER else ""
    return cell(metric_title(metric), scope, style=style, small=small)


def _confusions(study: Study, system: str) -> str:
    both = "".join(_confusion(study, system, image) for image in study.conditions)
    return f'<div class="side-by-side">{both}</div>'


def _confusion(study: Study, system: str, image: str) -> str:
    """A confusion matrix; the darker a cell, the greater its share of the actual class."""
    rows = under(study.confusion, system, study.conditions[image])
    table = rows.set_index(["actual", "predicted"])["count"]
    budget = budgets.short(study.params.attack, study.eps)
    said = image if image == "clean" else f"attacked at {budget}"
    head = [
        [cell("Truth"), *(cell(f"Said: {name}", "col", style="number") for name in study.classes)]
    ]
    body = []
    for actual, name in enumerate(study.classes):
        total = int(table.loc[actual].sum())
        row = [cell(name, "row")]
        for predicted in range(len(study.classes)):
            count = int(table.loc[(actual, predicted)])
            share = count / total if total else 0.0
            right = "right" if actual == predicted else "wrong"
            small = f"{number(share, 'share')} %" if total else DASH
            row.append(_shaded(count, small, right, share))
        body.append(row)
    return html.table(head, body, f"{study.name(system)}, {said}")


def _shaded(count: int, small: str, kind: str, share: float) -> str:
    return (
        f'<td class="number shaded {kind}" style="--share:{share:.3f}">'
        f"{count:,}<br><small>{escape(small)}</small></td>"
    )
