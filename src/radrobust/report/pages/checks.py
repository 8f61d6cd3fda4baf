"""Page *Checks*: every check against every system, in a matrix and one by one."""

from __future__ import annotations

import math
from fractions import Fraction
from html import escape

import pandas as pd

from radrobust.report.kit import budgets, html, verdicts
from radrobust.report.kit.check_texts import CHECKS, Check, Concern
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html, Markdown, prose
from radrobust.report.kit.study import Study
from radrobust.report.kit.text import DASH, listing, number, plural, quoted


def matrix(study: Study, concern: Concern) -> Html:
    """Every check of one concern against every system."""
    head = [cell("Check", "col", style="system")]
    head += [cell(study.label(key), "col", small=study.title(key)) for key in study.systems]
    names = [name for name in verdicts.present(study) if CHECKS[name].concern == concern]
    body = [
        [cell(CHECKS[name].title, "row", style="system", small=verdicts.limit(study, name))]
        + [verdicts.status(study, name, system) for system in study.systems]
        for name in names
    ]
    caption = (
        f"Checks of the {concern}. Under each check the values that its figure may have; under "
        f"each verdict the figure and, where there is one, its {study.level} confidence interval."
    )
    everywhere = len(study.checks[study.checks["check"].isin(names)]) == len(names) * len(head[1:])
    dash = "" if everywhere else f" {DASH}: does not apply."
    return Html(f'<div class="checks">{html.table([head], body, caption + dash)}</div>')


def entries(study: Study) -> Html:
    """Each check in words, to be unfolded."""
    facts = _facts(study)
    return Html("".join(_entry(study, name, facts) for name in verdicts.present(study)))


def few(study: Study) -> Markdown:
    """Say on how many radiographs other attacks were run, and how much they cannot rule out."""
    rows = verdicts.of_missed(study)
    drawn = (
        "drawn by a hash from the test set"
        if int(rows["n"].max()) < study.count("test", 0) + study.count("test", 1)
        else "the whole test set"
    )
    none = rows.loc[rows["value"] == 0, "high"]
    could = (
        f" Where they find none among those that are robust under the attack, the "
        f"{study.level} interval still reaches to {number(float(none.max()), 'share')} %."
        if len(none)
        else ""
    )
    return prose(f"Other attacks were run on {verdicts.checked(study)}, {drawn}.{could}")


def _entry(study: Study, name: str, facts: dict[str, str]) -> str:
    check, rows = CHECKS[name], verdicts.rows_of(study, name)
    counts = rows["status"].value_counts()
    small = listing(
        [f"{counts[key]} {said}" for key, said in verdicts.ENDINGS.items() if key in counts]
    )
    found = "".join(f"<li>{_found(study, check, row)}</li>" for _, row in rows.iterrows())
    said = {
        "Guards against": escape(check.guards),
        "How": escape(check.rule.format(**facts)),
        "May be": escape(verdicts.limit(study, name)),
        "A failure means": escape(check.failure),
        "Found": f'<ul class="found">{found}</ul>',
    }
    return html.details(check.title, small, html.description(said))


def _found(study: Study, check: Check, row: pd.Series[float]) -> str:
    """Write the verdict on a system with all its figures."""
    status = verdicts.STATUSES[str(row["status"])]
    figure = verdicts.written(float(row["value"]), check.unit)
    if check.unit == "%":
        figure = f"{quoted(row, 'share')} of {plural(int(row['n']), check.counted)}"
    if check.context and not math.isnan(row["context"]):
        figure += f"; {number(float(row['context']), 'share')} % {check.context}"
    said = f"{study.name(str(row['system']))}: {status}, {figure}"
    return escape(said.replace(" %", "\u00a0%"))


def _facts(study: Study) -> dict[str, str]:
    """Return the parameters that the rules name."""
    attack, checks = study.params.attack, study.params.checks
    ends = [Fraction(0), *attack.budgets]
    larger = ends[-2:] if ends[-1] == attack.eps else [attack.eps, ends[-1]]
    return {
        "taken": plural(attack.steps, "step"),
        "long": plural(checks.steps, "step"),
        "starts": plural(checks.restarts, "other start"),
        "ends": " and ".join(budgets.short(attack, float(budget)) for budget in larger),
        "queries": f"{checks.queries:,}",
        "iterations": plural(checks.iterations, "step"),
    }
