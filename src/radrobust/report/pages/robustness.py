"""Page *Robustness*: metrics, comparisons, subgroups and perturbations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from radrobust.core import conditions
from radrobust.report.kit import budgets, html
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html, Markdown, prose
from radrobust.report.kit.study import CLEAN, REFERENCES, Study, keyed, under
from radrobust.report.kit.tables import (
    FURTHER,
    MAIN,
    by_system,
    checked_cell,
    estimate_cell,
    estimates,
    metric_cell,
    metric_title,
    sortable,
    system_cell,
)
from radrobust.report.kit.text import (
    DASH,
    METRIC_TITLES,
    Row,
    number,
    p_value,
    plural,
    signed,
    unit,
)
from radrobust.systems.catalogue import load

COMPARED = ("balanced_accuracy", "auroc")
OF_SUBGROUPS = ("balanced_accuracy", "sensitivity", "specificity", "auroc")
OF_CLASSES = {"precision": "Precision, %", "recall": "Recall, %", "f1": "F1"}


class Comparison(NamedTuple):
    """One system against another, on the same radiographs.

    Attributes
    ----------
    difference, low, high : float
        Of the metric, the one's minus the other's.
    only_it, only_other : float
        Radiographs that only the one, only the other classifies correctly.
    p_holm : float
        McNemar's exact test, corrected for all pairs.
    """

    difference: float
    low: float
    high: float
    only_it: float
    only_other: float
    p_holm: float


def test_set(study: Study) -> Markdown:
    """Say on which radiographs the numbers of the page were measured."""
    return prose(f"Measured on {study.test_set}; intervals are {study.level} confidence intervals.")


def main(study: Study) -> Html:
    """Every system clean and attacked, and the references that look at no radiograph."""
    return _clean_and_attacked(study, MAIN)


def further(study: Study) -> Html:
    """The metrics that the main table leaves out."""
    return _clean_and_attacked(study, FURTHER)


def class_reports(study: Study) -> Html:
    """Precision, recall and F1 of both classes, clean and attacked, a tab a system."""
    return by_system("classes", study, _class_report)


def comparisons(study: Study) -> Html:
    """Each system against the most robust one, and against the undefended one: a tab each."""
    if len(study.systems) == 1:
        return Html("<p>This study has one system, and nothing to compare it with.</p>")
    panes = {
        f"Against {study.title(rival)}{kind}": _against(study, rival)
        for rival, kind in _rivals(study).items()
    }
    return html.tabs("comparisons", panes)


def subgroups(study: Study) -> Html:
    """Metrics in subgroups of the test radiographs, a tab a system."""
    if study.subgroups.empty:
        return Html("<p>The dataset names no subgroups of its radiographs.</p>")
    return by_system("subgroups", study, _subgroups)


def perturbations(study: Study) -> Html:
    """How radiographs were changed: under which threat model, and by how much."""
    table = study.perturbations
    found = keyed(table[table["condition"] == study.attacked], "system")
    groups = [cell("", span=2, style="system"),
              cell("Change of a pixel, grey levels", "colgroup", span=2, style="number"),
              cell("Length of the change (L2)", "colgroup", style="number")]  # fmt: skip
    head = html.heads(["System"], ["Changed", "Largest", "Median", "Median"])
    body = []
    for system in study.systems:
        row = found.get((system,))
        if row is None:
            body.append([checked_cell(study, system), cell("0", style="number"),
                         *[cell(DASH, style="number")] * 3])  # fmt: skip
            continue
        levels = [_rounded(255 * row[name]) for name in ("linf_max", "linf_median")]
        numbers = [f"{row['n']:,}", *levels, _rounded(row["l2_median"])]
        body.append([checked_cell(study, system), *(cell(n, style="number") for n in numbers)])
    caption = (
        f"Radiographs that were changed by the attack at "
        f"{budgets.short(study.params.attack, study.eps)}; those that were misclassified before "
        f"are not. Pixels count from 0 to 255 in the first two columns, from 0 to 1 in the last. "
        f"{conditions.attacked(study.params.attack).threat_model}."
    )
    return Html(sortable(html.table([groups, head], body, caption)))


def _clean_and_attacked(study: Study, metrics: Sequence[str]) -> Html:
    head = [cell("System", "col", style="system"), cell("Image", "col")]
    head += [metric_cell(metric, "col", "number") for metric in metrics]
    body = []
    for system in study.systems:
        for image, condition in study.conditions.items():
            first = checked_cell(study, system, repeated=condition != CLEAN)
            body.append([first, cell(image), *estimates(study, system, condition, metrics)])
    for system in REFERENCES:
        numbers = estimates(study, system, CLEAN, metrics)
        body.append([system_cell(study, system), cell("either"), *numbers])
    caption = (
        f"Test radiographs, clean and attacked at {budgets.short(study.params.attack, study.eps)}; "
        f"in small print the {study.level} confidence interval."
    )
    return Html(html.table([head], body, caption))


def _class_report(study: Study, system: str) -> str:
    head = html.heads(["Image", "Class"], [*OF_CLASSES.values(), "Number"])
    body = []
    budget = budgets.short(study.params.attack, study.eps)
    for image, condition in {"clean": CLEAN, f"attacked, {budget}": study.attacked}.items():
        for _, row in under(study.class_report, system, condition).iterrows():
            body.append(
                [cell(image, "row"), cell(study.classes[int(row["label"])])]
                + [cell(number(float(row[name]), name), style="number") for name in OF_CLASSES]
                + [cell(f"{int(row['support']):,}", style="number")]
            )
    return html.table([head], body, f"{study.name(system)}, class by class")


def _rivals(study: Study) -> dict[str, str]:
    """Systems that the others are compared with, and the reason for each."""
    best, *equals = study.leaders(study.attacked, "balanced_accuracy")
    rivals = {best: ", as robust as any here" if equals else ", the most robust here"}
    model, objective = study.params.model, study.params.finetune.objective
    plain = model.evaluation_alone or objective in ("own", "standard")
    for key in (key for key in study.systems if load(key).undefended):
        rivals.setdefault(key, ", which has no defence" if plain else "")
    return rivals


def _compared(study: Study, it: str, other: str, condition: str, metric: str) -> Comparison:
    """Read the row of a pair; the table has each once, in the order of the study."""
    if study.systems.index(it) > study.systems.index(other):
        difference, low, high, only_it, only_other, p_holm = _compared(
            study, other, it, condition, metric
        )
        return Comparison(-difference, -high, -low, only_other, only_it, p_holm)
    table = study.comparisons
    rows = (table["condition"] == condition) & (table["metric"] == metric)
    pair = (table["first"] == it) & (table["second"] == other)
    columns = ["difference", "low", "high", "only_first", "only_second", "p_holm"]
    return Comparison(*table.loc[rows & pair, columns].iloc[0])


def _against(study: Study, rival: str) -> str:
    titles = [f"{METRIC_TITLES[name]}{', points' if unit(name) else ''}" for name in COMPARED]
    head = html.heads(["System", "Image"], [*titles, "Only one correct", "p (Holm)"])
    body = [
        [
            checked_cell(study, system, repeated=condition != CLEAN),
            cell(image),
            *_pair(study, system, rival, condition),
        ]
        for system in study.systems
        if system != rival
        for image, condition in study.conditions.items()
    ]
    pairs = math.comb(len(study.systems), 2)
    caption = (
        f"The system's figure minus that of {study.name(rival)}, on the same radiographs, with the "
        f"{study.level} interval of a paired bootstrap; bold where that leaves out 0. Only one "
        f"correct: radiographs that only the system, and that only {study.title(rival)}, "
        f"classifies correctly. p: McNemar's exact test of these two, corrected for "
        f"{plural(pairs, 'pair')} (Holm)."
    )
    return html.table([head], body, caption)


def _pair(study: Study, system: str, rival: str, condition: str) -> list[str]:
    found = [_compared(study, system, rival, condition, metric) for metric in COMPARED]
    cells = []
    for pair, metric in zip(found, COMPARED, strict=True):
        ends = f"{signed(pair.low, metric)} to {signed(pair.high, metric)}"
        beyond = " beyond" if pair.low > 0 or pair.high < 0 else ""
        small = "" if math.isnan(pair.low) else ends
        cells.append(cell(signed(pair.difference, metric), style=f"number{beyond}", small=small))
    counts = f"{found[0].only_it:.0f} : {found[0].only_other:.0f}"
    return [*cells, cell(counts, style="number"), cell(p_value(found[0].p_holm), style="number")]


def _subgroups(study: Study, system: str) -> str:
    titles = [metric_title(metric) for metric in OF_SUBGROUPS]
    head = html.heads(["Subgroup", "Number", "Image"], titles)
    body = []
    tables = {
        image: keyed(under(study.subgroups, system, condition), "subgroup", "member", "metric")
        for image, condition in study.conditions.items()
    }
    for member in dict.fromkeys(key[:2] for key in tables["clean"]):
        for image, rows in tables.items():
            found = {metric: rows[*member, metric] for metric in OF_SUBGROUPS}
            body.append(_subgroup_row(study, found, image))
    budget = budgets.short(study.params.attack, study.eps)
    caption = (
        f"{study.name(system)} in subgroups of the test radiographs, clean and attacked at "
        f"{budget}; in small print the {study.level} interval, of each subgroup by itself. {DASH}: "
        f"undefined, as where a subgroup has one class only."
    )
    return html.table([head], body, caption)


def _subgroup_row(study: Study, rows: dict[str, Row], image: str) -> list[str]:
    facts = next(iter(rows.values()))
    name, kind = str(facts["member"]), str(facts["subgroup"]).replace("_", " ")
    if image != "clean":
        first = [html.hidden_header(name), cell("")]
    else:
        finding = f"{int(facts['findings']):,} with {study.finding}"
        count = cell(f"{int(facts['n']):,}", small=finding)
        first = [cell(name, "row", style="system", small=kind), count]
    return [*first, cell(image), *(estimate_cell(row, metric) for metric, row in rows.items())]


def _rounded(value: float) -> str:
    return DASH if math.isnan(value) else f"{value:.3g}"
