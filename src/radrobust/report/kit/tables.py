"""Tables of the pages, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import pandas as pd

from radrobust.report.kit import budgets, html
from radrobust.report.kit import verdicts as checks
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import REFERENCES, Study, at
from radrobust.report.kit.text import (
    DASH,
    METRIC_TITLES,
    Row,
    interval,
    number,
    unit,
)
from radrobust.report.pages.data.groups import ALL, SPLIT_TITLES, Part, parts

HEADLINE = ("auroc", "balanced_accuracy", "sensitivity", "specificity", "accuracy")
FURTHER = ("auprc", "brier", "ece", "f1", "precision")
LOWER_IS_BETTER = ("brier", "ece")


def headline(study: Study) -> Html:
    """Every system clean and attacked, and the references that look at no film."""
    return _clean_and_attacked(study, HEADLINE)


def further(study: Study) -> Html:
    """The metrics that the headline leaves out."""
    return _clean_and_attacked(study, FURTHER)


def at_threshold(study: Study) -> Html:
    """The decision at the threshold from validation films beside the larger logit, as it is."""
    metrics = ("sensitivity", "specificity", "balanced_accuracy")
    titles = [f"{METRIC_TITLES[metric]}, %" for metric in metrics]
    head = [[cell("System", "col", style="system"), cell("Films", "col"), cell("Decision", "col")]]
    head[0] += [cell(title, "col", style="number") for title in titles]
    decisions = {"larger logit": "", "chosen threshold": "_at_threshold"}
    body = []
    for system in study.systems:
        for films, eps in {"clean": 0.0, "attacked": study.eps}.items():
            for decision, suffix in decisions.items():
                first = checked_cell(study, system, repeated=bool(eps or suffix))
                names = [f"{metric}{suffix}" for metric in metrics]
                cells = estimates(study, system, eps, names)
                body.append([first, cell(films), cell(decision), *cells])
    least = study.params.finetune.least_sensitivity
    rule = (
        "sum of sensitivity and specificity (Youden)"
        if least is None
        else f"specificity of those with a sensitivity of at least {least:g}"
    )
    caption = (
        f"The threshold is the one with the highest {rule} on validation films. The attack, at "
        f"{budgets.short(study.params.attack, study.eps)}, aims at each decision on its own."
    )
    return Html(html.table(head, body, caption))


def confusion_matrices(study: Study) -> Html:
    """Confusion matrices, clean and attacked, a tab a system."""
    panes = {
        study.title(system): noted(study, system)
        + '<div class="side-by-side">'
        + _confusion(study, system, 0.0)
        + _confusion(study, system, study.eps)
        + "</div>"
        for system in study.systems
    }
    return html.tabs("confusion", panes)


def class_reports(study: Study) -> Html:
    """Precision, recall and F1 of both classes, clean and attacked, a tab a system."""
    panes = {
        study.title(system): noted(study, system) + _class_report(study, system)
        for system in study.systems
    }
    return html.tabs("classes", panes)


def counts(study: Study) -> Html:
    """Films by split and class."""
    head = [[cell("Split", "col"), *(cell(name, "col", style="number") for name in study.classes),
             cell("All", "col", style="number"), cell(f"With {study.dataset['finding']}", "col",
             style="number")]]  # fmt: skip
    splits = {title: (split,) for split, title in SPLIT_TITLES.items()}
    body = []
    for title, chosen in {**splits, "All": tuple(SPLIT_TITLES)}.items():
        absent, present = (sum(study.count(split, label) for split in chosen) for label in (0, 1))
        everything = absent + present
        share = f"{number(present / everything, 'share')} %" if everything else DASH
        numbers = [f"{absent:,}", f"{present:,}", f"{everything:,}", share]
        body.append([cell(title, "row"), *(cell(text, style="number") for text in numbers)])
    return Html(html.table(head, body, "Films by split and class."))


def parts_counted(study: Study) -> Html:
    """Films of each part that the dataset tells apart, by split and class."""
    found = parts(study)
    if not found:
        return Html("")
    groups = [cell("", style="system")]
    groups += [cell(name, "colgroup", span=2, style="whole group")
               for name in SPLIT_TITLES.values()]  # fmt: skip
    groups.append(cell("All", "colgroup", span=2, style="whole group"))
    head = [cell("Part", "col", style="system")]
    head += [cell(name, "col", style="number") for _ in SPLIT_TITLES for name in study.classes]
    head += [cell(name, "col", style="number") for name in ("films", f"with {study.finding}")]
    body = [
        _part_row(part, first=not place or found[place - 1].kind != part.kind)
        for place, part in enumerate(found)
    ]
    caption = (
        "Films by part, split and class, and of all films of a part those with a "
        f"{study.finding}. Films of which the dataset says nothing are in no part."
    )
    return Html(f'<div class="counted">{html.table([groups, head], body, caption)}</div>')


def citation(study: Study) -> Html:
    """Licence, source and citation of the dataset."""
    titles = {"citation": "Citation", "source": "Source", "licence": "Licence"}
    body = [[cell(title, "row"), cell(str(study.dataset[key]))] for key, title in titles.items()]
    return Html(html.table([], body, "Where the films come from."))


def sortable(content: str) -> str:
    """Let the columns of a table with one row a system be sorted by a click on their titles.

    Numbers are compared by what is shown, or by the `value` of their cells where that is not in
    one unit; a row whose header has the class ``reference`` stays below. A table of one system is
    left as it is. `content` is what `html.table` returns.
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
    return system_cell(study, system, repeated, checks.note(study, system))


def estimates(study: Study, system: str, eps: float, metrics: Sequence[str]) -> list[str]:
    """Return a cell a metric: the value, in small print its interval."""
    return [estimate_cell(study.metric(system, eps, metric), metric) for metric in metrics]


def estimate_cell(estimate: pd.Series[float] | Row, metric: str) -> str:
    """Return a cell with a value, and in small print its interval."""
    shown = number(float(estimate["value"]), metric)
    return cell(shown, style="number", small=interval(estimate, metric))


def metric_title(metric: str) -> str:
    """Return the head of a metric's column."""
    return METRIC_TITLES[metric] + (", %" if unit(metric) else "")


def _clean_and_attacked(study: Study, metrics: Sequence[str]) -> Html:
    head = [cell("System", "col", style="system"), cell("Films", "col")]
    head += [
        cell(metric_title(metric), "col", style="number",
             small="lower is better" if metric in LOWER_IS_BETTER else "")
        for metric in metrics
    ]  # fmt: skip
    body = []
    for system in study.systems:
        for films, eps in {"clean": 0.0, "attacked": study.eps}.items():
            first = checked_cell(study, system, repeated=eps > 0)
            body.append([first, cell(films), *estimates(study, system, eps, metrics)])
    for system in REFERENCES:
        numbers = estimates(study, system, 0.0, metrics)
        body.append([system_cell(study, system), cell("either"), *numbers])
    caption = (
        f"Test films, clean and attacked at {budgets.short(study.params.attack, study.eps)}; in "
        f"small print the {study.level} confidence interval."
    )
    return Html(html.table([head], body, caption))


def _part_row(part: Part, first: bool) -> list[str]:
    absent, present = (part.counts[ALL, label] for label in (0, 1))
    counts = [part.counts[split, label] for split in SPLIT_TITLES for label in (0, 1)]
    counts.append(absent + present)
    share = f"{number(present / (absent + present), 'share')} %"
    style = "system first" if first else "system"
    named = cell(f"{part.kind}: {part.member}", "row", style=style)
    return [named, *(cell(shown, style="number") for shown in (*map("{:,}".format, counts), share))]


def noted(study: Study, system: str) -> str:
    """Return a paragraph with the note of `checked_cell`, for a tab of attacked numbers."""
    note = checks.note(study, system)
    return f"<p>{note}</p>" if note else ""


def _confusion(study: Study, system: str, eps: float) -> str:
    """A confusion matrix; the darker a cell, the greater its share of the actual class."""
    table = at(study.confusion, system, eps).set_index(["actual", "predicted"])["count"]
    budget = budgets.short(study.params.attack, eps)
    films = "clean films" if eps == 0 else f"attacked at {budget}"
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
    return html.table(head, body, f"{study.name(system)}, {films}")


def _shaded(count: int, small: str, kind: str, share: float) -> str:
    return (
        f'<td class="number shaded {kind}" style="--share:{share:.3f}">'
        f"{count:,}<br><small>{escape(small)}</small></td>"
    )


def _class_report(study: Study, system: str) -> str:
    columns = {"precision": "Precision, %", "recall": "Recall, %", "f1": "F1"}
    head = [[cell("Films", "col"), cell("Class", "col")]]
    head[0] += [cell(title, "col", style="number") for title in columns.values()]
    head[0].append(cell("Number", "col", style="number"))
    body = []
    budget = budgets.short(study.params.attack, study.eps)
    for eps, films in {0.0: "clean", study.eps: f"attacked, {budget}"}.items():
        for _, row in at(study.class_report, system, eps).iterrows():
            body.append(
                [cell(films, "row"), cell(study.classes[int(row["label"])])]
                + [cell(number(float(row[metric]), metric), style="number") for metric in columns]
                + [cell(f"{int(row['support']):,}", style="number")]
            )
    return html.table(head, body, f"{study.name(system)}, class by class")
