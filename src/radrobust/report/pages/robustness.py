"""What the Robustness page holds besides the metrics: comparisons, subgroups, perturbations."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from radrobust.report.kit import budgets, html
from radrobust.report.kit.html import cell
from radrobust.report.kit.naming import those
from radrobust.report.kit.shown import Html, Markdown, prose
from radrobust.report.kit.study import Study, at, keyed
from radrobust.report.kit.tables import (
    checked_cell,
    estimate_cell,
    metric_title,
    noted,
    sortable,
)
from radrobust.report.kit.text import (
    DASH,
    METRIC_TITLES,
    Row,
    listing,
    p_value,
    plural,
    signed,
    unit,
)

ALPHA = 0.05
UNDEFENDED = "standard"
COMPARED = ("balanced_accuracy", "auroc")
OF_SUBGROUPS = ("balanced_accuracy", "sensitivity", "specificity", "auroc")


class Comparison(NamedTuple):
    """One system against another, on the same films.

    Attributes
    ----------
    difference, low, high : float
        Of the metric, the one's minus the other's.
    only_it, only_other : float
        Films that only the one, only the other is right about.
    p_holm : float
        McNemar's exact test, corrected for all pairs.
    """

    difference: float
    low: float
    high: float
    only_it: float
    only_other: float
    p_holm: float


def comparisons_in_words(study: Study) -> Markdown:
    """Say who stands up best, and over whom by more than chance."""
    if len(study.systems) == 1:
        return prose("There is one system in this study, and nothing to compare it with.")
    best, *equals = _best(study)
    others = [key for key in study.systems if key != best]
    found = {key: _compared(study, best, key, study.eps, COMPARED[0]) for key in others}
    close = [key for key, pair in found.items() if not pair.low > 0]
    if not close:
        reach = "over each of the others (interval above 0)"
    elif len(close) == len(others):
        reach = "over none of the others (interval down to 0 or below)"
    else:
        named = listing([study.name(key) for key in close])
        reach = f"over {len(others) - len(close)} of the {len(others)} others (interval above 0), "
        reach += f"but not over {named}"
    surely = sum(p.p_holm < ALPHA and p.only_it > p.only_other for p in found.values())
    return prose(
        f"Attacked, {study.name(best)} has the highest balanced accuracy"
        f"{_shared_with(study, equals)}. Taken one by one, its lead is beyond chance {reach}. With "
        f"the correction for all pairs it is right about more films than {surely} of {len(others)} "
        f"(p under {ALPHA:g}). It was picked on the same films, which flatters its lead."
    )


def comparisons(study: Study) -> Html:
    """Each system against the most robust one, and against the undefended one: a tab each."""
    if len(study.systems) == 1:
        return Html("")
    panes = {
        f"Against {study.title(rival)}{kind}": _against(study, rival)
        for rival, kind in _rivals(study).items()
    }
    return html.tabs("comparisons", panes)


def subgroups(study: Study) -> Html:
    """Metrics in parts of the test films, a tab a system."""
    if study.subgroups.empty:
        return Html("<p>The dataset does not tell parts of its films from each other.</p>")
    panes = {
        study.title(system): noted(study, system) + _subgroups(study, system)
        for system in study.systems
    }
    return html.tabs("subgroups", panes)


def perturbations(study: Study) -> Html:
    """How films were changed: under which threat model, and by how much."""
    table = study.perturbations
    groups = [cell("", span=2, style="system"),
              cell("Change of a pixel, grey levels", "colgroup", span=2, style="number"),
              cell("Length of the change (L2)", "colgroup", style="number")]  # fmt: skip
    head = [cell("System", "col", style="system"), cell("Films changed", "col", style="number")]
    head += [cell(title, "col", style="number") for title in ("Largest", "Median", "Median")]
    body = []
    for system in study.systems:
        row = table[table["system"] == system].iloc[0]
        levels = [_rounded(255 * row[name]) for name in ("linf_max", "linf_median")]
        numbers = [f"{row['n']:,}", *levels, _rounded(row["l2_median"])]
        body.append([checked_cell(study, system), *(cell(n, style="number") for n in numbers)])
    kinds = table[["attack", "threat_model"]].drop_duplicates()
    said = "; ".join(f"{row['attack']}: {row['threat_model']}" for _, row in kinds.iterrows())
    caption = (
        f"The images that count as attacked at {budgets.short(study.params.attack, study.eps)}; "
        f"films that were wrong from the start are not changed. Pixels count from 0 to 255 in the "
        f"first two columns, from 0 to 1 in the last. {said}."
    )
    return Html(sortable(html.table([groups, head], body, caption)))


def _best(study: Study) -> list[str]:
    return study.leaders(study.eps, "balanced_accuracy")


def _shared_with(study: Study, equals: list[str]) -> str:
    return f", as {those(study, equals)} {'do' if equals[1:] else 'does'}" if equals else ""


def _rivals(study: Study) -> dict[str, str]:
    """Whom the others are held against, and what is said of them besides their names."""
    best, *equals = _best(study)
    rivals = {best: ", as robust as any here" if equals else ", the most robust here"}
    if UNDEFENDED in study.systems:
        model, objective = study.params.model, study.params.finetune.objective
        plain = model.evaluation_alone or objective in ("own", "standard")
        rivals.setdefault(UNDEFENDED, ", which has no defence" if plain else "")
    return rivals


def _compared(study: Study, it: str, other: str, eps: float, metric: str) -> Comparison:
    """Read the row of a pair; the table has each once, in the order of the study."""
    if study.systems.index(it) > study.systems.index(other):
        difference, low, high, only_it, only_other, p_holm = _compared(
            study, other, it, eps, metric
        )
        return Comparison(-difference, -high, -low, only_other, only_it, p_holm)
    table = study.comparisons
    near = np.isclose(table["eps"], eps, rtol=0, atol=1e-9)
    pair = (table["first"] == it) & (table["second"] == other)
    columns = ["difference", "low", "high", "only_first", "only_second", "p_holm"]
    return Comparison(*table.loc[near & pair & (table["metric"] == metric), columns].iloc[0])


def _against(study: Study, rival: str) -> str:
    titles = [f"{METRIC_TITLES[name]}{', points' if unit(name) else ''}" for name in COMPARED]
    head = [cell("System", "col", style="system"), cell("Films", "col")]
    head += [cell(title, "col", style="number")
             for title in (*titles, "Only one right", "p (Holm)")]  # fmt: skip
    body = [
        [
            checked_cell(study, system, repeated=eps > 0),
            cell(films),
            *_pair(study, system, rival, eps),
        ]
        for system in study.systems
        if system != rival
        for films, eps in {"clean": 0.0, "attacked": study.eps}.items()
    ]
    pairs = math.comb(len(study.systems), 2)
    caption = (
        f"The system's figure minus that of {study.name(rival)}, on the same films, with the "
        f"{study.level} interval of a paired bootstrap; bold where that leaves out 0. Only one "
        f"right: films that only the system, and that only {study.title(rival)}, is right about. "
        f"p: McNemar's exact test of these two, corrected for {plural(pairs, 'pair')} (Holm)."
    )
    return html.table([head], body, caption)


def _pair(study: Study, system: str, rival: str, eps: float) -> list[str]:
    found = [_compared(study, system, rival, eps, metric) for metric in COMPARED]
    cells = []
    for pair, metric in zip(found, COMPARED, strict=True):
        ends = "" if math.isnan(pair.low) else _ends(pair, metric)
        beyond = " beyond" if pair.low > 0 or pair.high < 0 else ""
        cells.append(cell(signed(pair.difference, metric), style=f"number{beyond}", small=ends))
    counts = f"{found[0].only_it:.0f} : {found[0].only_other:.0f}"
    return [*cells, cell(counts, style="number"), cell(p_value(found[0].p_holm), style="number")]


def _ends(found: Comparison, metric: str) -> str:
    return f"{signed(found.low, metric)} to {signed(found.high, metric)}"


def _subgroups(study: Study, system: str) -> str:
    head = [cell("Part", "col", style="system"), cell("Number", "col", style="number")]
    head += [cell("Films", "col")]
    head += [cell(metric_title(metric), "col", style="number") for metric in OF_SUBGROUPS]
    body = []
    tables = {
        films: keyed(at(study.subgroups, system, eps), "subgroup", "member", "metric")
        for films, eps in {"clean": 0.0, "attacked": study.eps}.items()
    }
    for part in dict.fromkeys(key[:2] for key in tables["clean"]):
        for films, rows in tables.items():
            found = {metric: rows[*part, metric] for metric in OF_SUBGROUPS}
            body.append(_subgroup_row(study, found, films, repeated=films != "clean"))
    budget = budgets.short(study.params.attack, study.eps)
    caption = (
        f"{study.name(system)} in parts of the test films, clean and attacked at {budget}; in "
        f"small print the {study.level} interval, of each part by itself. {DASH}: undefined, as "
        f"where a part has one class only."
    )
    return html.table([head], body, caption)


def _subgroup_row(study: Study, rows: dict[str, Row], films: str, repeated: bool) -> list[str]:
    facts = next(iter(rows.values()))
    name, kind = str(facts["member"]), str(facts["subgroup"]).replace("_", " ")
    if repeated:
        first = [html.hidden_header(name), cell("")]
    else:
        finding = f"{int(facts['findings']):,} with {study.dataset['finding']}"
        count = cell(f"{int(facts['n']):,}", style="number", small=finding)
        first = [cell(name, "row", style="system", small=kind), count]
    numbers = [estimate_cell(row, metric) for metric, row in rows.items()]
    return [*first, cell(films), *numbers]


def _rounded(value: float) -> str:
    return DASH if math.isnan(value) else f"{value:.3g}"
