"""The sanity checks: how each came out on each system, and what follows for a reader."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape

import pandas as pd

from radrobust.report.kit import budgets, html
from radrobust.report.kit.check_texts import CHECKS, Check, Concern, Doubt
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html, Markdown, prose
from radrobust.report.kit.study import Study
from radrobust.report.kit.text import (
    DASH,
    MINUS,
    interval,
    listing,
    number,
    plural,
    power,
    quoted,
)

STATUSES = {"pass": "✓ pass", "fail": "✗ fail", "unclear": "? unclear"}
ENDINGS = {"pass": "passed", "fail": "failed", "unclear": "could not be decided"}


def verdict(study: Study) -> Markdown:
    """Say how many checks passed, which did not and on which systems, and what follows."""
    items = [
        f"- {_outcome(study, CHECKS[str(name)], rows, status)}"
        for status in ("fail", "unclear")
        for name, rows in study.checks[study.checks["status"] == status].groupby(
            "check", sort=False
        )
    ]
    opening = f"**{_counted(study)}** {consequence(study)}"
    return prose("\n".join([opening, "", *items]))


def line(study: Study) -> Markdown:
    """Say in a line how the checks came out; several systems are counted and not named."""
    wrong, unsure = _doubted(study)
    several = len(wrong + unsure) > 1
    said = _of_several(study, len(wrong), len(unsure)) if several else consequence(study)
    return prose(
        f"**Could these numbers be wrong?** {_counted(study)} {said} See [Checks](checks.ipynb)."
    )


def consequence(study: Study) -> str:
    """Say what follows for the numbers of the site, system by system."""
    systems = [key for key in study.systems if not _at_fault(study, key)]
    wrong = [key for key in study.systems if key not in systems]
    said = []
    if wrong:
        said.append(
            f"**No number of {_names(study, wrong)} can be relied on**: a check of the measurement "
            "itself failed."
        )
    if missed := _where(_missed, study, systems):
        more = listing([f"{count:,} on {study.name(key)}" for key, count in missed.items()])
        said.append(
            f"**{_numbers(study)} are too kind**: of the {_films(study)} checked, other attacks "
            f"break at least another {more}."
        )
    possible = [key for key in systems if key not in missed]
    if left := _where(_left, study, possible):
        said.append(
            "**Attacked numbers may be too kind**, by all that is left of them at most: "
            f"{_points(study, left)}."
        )
    if blind := _where(_blind, study, [key for key in possible if key not in left]):
        films = listing([f"{count:,} on {study.name(key)}" for key, count in blind.items()])
        said.append(
            f"**{_numbers(study)} may be too kind by some films**: of the {_films(study)} checked, "
            f"{films} stand whose gradient does not tell where to change them."
        )
    nothing = (
        "Nothing that was tried says that the attacked numbers are too kind by more than the "
        "checks allow for. That is no proof that they are right."
    )
    return " ".join(said) or nothing


def caution(study: Study, system: str) -> str:
    """Say what failed checks mean for one system's attacked numbers; nothing where they do not."""
    failed = f"it failed {plural(len(doubts(study, system)), 'check')}, so that"
    if _at_fault(study, system):
        return f"{failed} no number of it can be relied on"
    return f"{failed} even this may be too kind" if _too_kind(study, system) else ""


def matrix(study: Study, concern: Concern) -> Html:
    """Every check of one concern against every system."""
    head = [cell("Check", "col", style="system")]
    head += [cell(study.label(key), "col", small=study.title(key)) for key in study.systems]
    names = [name for name in present(study) if CHECKS[name].concern == concern]
    body = [
        [cell(CHECKS[name].title, "row", style="system", small=limit(study, name))]
        + [status(study, name, system) for system in study.systems]
        for name in names
    ]
    caption = {
        "attack": "Checks of the attack. Under each check what its figure may be; under each "
        f"verdict the figure and, where there is one, its {study.level} confidence interval. "
        "What the figure is of which films stands below, check by check.",
        "measurement": "Checks of the measurement. Under each check what its figure may be; under "
        "each verdict the figure.",
        "maps": "Checks of the maps. Under each check what its figure may be; under each verdict "
        f"the figure and its {study.level} confidence interval.",
    }[concern]
    everywhere = len(study.checks[study.checks["check"].isin(names)]) == len(names) * len(head[1:])
    dash = "" if everywhere else f" {DASH}: does not apply."
    return Html(f'<div class="checks">{html.table([head], body, caption + dash)}</div>')


def entries(study: Study) -> Html:
    """Each check in words, to be unfolded."""
    facts = _facts(study)
    return Html("".join(_entry(study, name, facts) for name in present(study)))


def cannot_tell(study: Study) -> Markdown:
    """List what no check of this study can tell."""
    items = [
        "**Whether a stronger attack exists.** Each check tries one way in which the attack could "
        "have missed something. That all of them pass would be no proof.",
        f"**Much about few films.** {_few(study)}",
        "**Where to draw the line.** The limits are this project's choice. It is the figure that "
        "is held against them; its interval may well reach beyond.",
        "**Other changes of a film.** Another exposure, another angle, another machine, a letter "
        "on the film: the checks too try no change but one within a budget.",
        "**What another training would give.** The networks were taken as they are. Trained again "
        "from another seed they would come out otherwise; by how much was not measured.",
        "**Whether the labels are right**, and what any of this would mean for a patient.",
    ]
    if study.params.attack.space != "pixel":
        items.insert(
            2,
            "**Whether other attacks find more after normalisation.** They change pixels, and are "
            "held against the same attack in pixels, not against that of the attacked numbers.",
        )
    return prose("\n".join(f"- {item}" for item in items))


def _few(study: Study) -> str:
    """Say of how many films the other attacks tell, and what they cannot rule out on the rest."""
    rows = _of_missed(study)
    count, everything = int(rows["n"].max()), study.count("test", 0) + study.count("test", 1)
    drawn = (
        f"{_films(study)} of the test set, drawn by a hash of the seed and the film's name."
        if count < everything
        else f"the {_films(study)} of the test set."
    )
    unbroken = rows.loc[rows["value"] == 0, "high"]
    could = (
        f" Where they break none that the attack left, the {study.level} interval still reaches to "
        f"{number(float(unbroken.max()), 'share')} % of such films."
        if len(unbroken)
        else ""
    )
    return f"The other attacks were run on {drawn}{could}"


def doubts(study: Study, system: str) -> list[Check]:
    """List the checks that failed on a system and leave numbers of it in doubt."""
    failed = _failed(study, system)
    return [CHECKS[name] for name in failed if CHECKS[name].doubt != "none"]


def note(study: Study, system: str) -> str:
    """Return a link to the Checks page where numbers of a system are in doubt, else nothing."""
    count = len(doubts(study, system))
    said = f"⚠ {plural(count, 'check')} failed"
    return f'<a class="doubt" href="checks.html">{said}</a>' if count else ""


def written(value: float, unit: str) -> str:
    """Write a check's figure or limit with its unit.

    Examples
    --------
    >>> written(0.02, "%"), written(-0.03, "points"), written(1.0, "changed")
    ('2.0 %', '−3.0 points', 'changed')
    >>> written(4.2e-07, "of a logit"), written(0.0, "grey level"), written(1.0, "time")
    ('4 × 10⁻⁷ of a logit', '0 grey levels', '1 time')
    """
    if math.isnan(value):
        return DASH
    if unit == "changed":
        return unit if value else "unchanged"
    counted = unit in ("grey level", "part", "time")
    return f"{_bare(value, unit)} {unit if not counted or value == 1 else unit + 's'}"


def _bare(value: float, unit: str) -> str:
    """A figure without its unit."""
    if math.isnan(value):
        return DASH
    if _in_hundredths(unit):
        return number(value, "share").replace("-", MINUS)
    if unit == "of a logit":
        return power(value)
    return f"{value:.4g}"


def _in_hundredths(unit: str) -> bool:
    return unit.startswith("%") or unit == "points"


def present(study: Study) -> list[str]:
    """Name the checks that were made, in the order in which they are shown."""
    return [name for name in CHECKS if (study.checks["check"] == name).any()]


def _doubted(study: Study) -> tuple[list[str], list[str]]:
    """Systems of which no number can be relied on, and those whose attacked ones are in doubt."""
    wrong = [key for key in study.systems if _at_fault(study, key)]
    return wrong, [key for key in study.systems if key not in wrong and _too_kind(study, key)]


def _of_several(study: Study, wrong: int, unsure: int) -> str:
    """Count the systems in doubt: their rows say which they are, the page Checks by how much."""
    numbers, systems = _numbers(study), f"of {plural(len(study.systems), 'system')}"
    said = [f"numbers of {wrong} {systems} cannot be relied on"] if wrong else []
    if unsure:
        whose = plural(unsure, "other") if wrong else f"{unsure} {systems}"
        said.append(f"{numbers[0].lower()}{numbers[1:]} of {whose} are, or may be, too kind")
    return f"**The {', and the '.join(said)}.**"


def _rows(study: Study, name: str) -> pd.DataFrame:
    return study.checks[study.checks["check"] == name]


def _failed(study: Study, system: str) -> list[str]:
    table = study.checks
    return list(table.loc[(table["system"] == system) & (table["status"] == "fail"), "check"])


def _of_missed(study: Study) -> pd.DataFrame:
    """Rows of the checks that ask what the attack missed."""
    missed = [name for name, check in CHECKS.items() if check.doubt == "missed"]
    return study.checks[study.checks["check"].isin(missed)]


def _films(study: Study) -> str:
    return plural(int(_of_missed(study)["n"].max()), "film")


def _names(study: Study, systems: list[str]) -> str:
    return listing([study.name(system) for system in systems])


def _counted(study: Study) -> str:
    counts = study.checks["status"].value_counts()
    total = len(study.checks)
    said = [
        f"{counts[status]} {ending}"
        for status, ending in ENDINGS.items()
        if status in counts and status != "pass"
    ]
    if not said:
        return f"All {total} checks passed."
    return f"{counts.get('pass', 0)} of {plural(total, 'check')} passed, {listing(said)}."


def _too_kind(study: Study, system: str) -> bool:
    """Whether a failed check leaves room for attacked numbers to be too kind."""
    return any(measure(study, system) for measure in (_missed, _left, _blind))


def _at_fault(study: Study, system: str) -> bool:
    return any(check.doubt == "all" for check in doubts(study, system))


def _where(
    measure: Callable[[Study, str], float], study: Study, systems: list[str]
) -> dict[str, float]:
    """Measure systems, and keep those of which there is anything."""
    found = {system: measure(study, system) for system in systems}
    return {system: value for system, value in found.items() if value}


def _missed(study: Study, system: str) -> int:
    """Most films that the attack missed, by any check that failed."""
    return _counted_films(study, system, "missed", "value")


def _blind(study: Study, system: str) -> int:
    """Films that stand although the attack had no gradient to follow, if that check failed."""
    return _counted_films(study, system, "blind", "context")


def _left(study: Study, system: str) -> float:
    """By how much balanced accuracy can be too kind if the attack may have missed anything.

    No attack takes more than there is.
    """
    if not any(check.doubt == "left" for check in doubts(study, system)):
        return 0.0
    return float(study.metric(system, study.eps, "balanced_accuracy")["value"])


def _counted_films(study: Study, system: str, doubt: Doubt, column: str) -> int:
    failed = [name for name in _failed(study, system) if CHECKS[name].doubt == doubt]
    rows = study.checks[(study.checks["system"] == system) & study.checks["check"].isin(failed)]
    return max(
        (round(share * n) for share, n in zip(rows[column], rows["n"], strict=True)), default=0
    )


def _points(study: Study, left: dict[str, float]) -> str:
    """Write how much balanced accuracy is left of each system; the first says what is counted."""
    units = [" points of balanced accuracy", *[""] * (len(left) - 1)]
    return listing(
        [
            f"{number(share, 'share')}{unit} for {study.name(key)}"
            for (key, share), unit in zip(left.items(), units, strict=True)
        ]
    )


def _numbers(study: Study) -> str:
    """Name the numbers of the attack that others are held against: it always changes pixels."""
    in_pixels = study.params.attack.space == "pixel"
    return "Attacked numbers" if in_pixels else "Numbers under the attack in pixels"


def _outcome(study: Study, check: Check, rows: pd.DataFrame, status: str) -> str:
    if status == "unclear":
        named = _names(study, list(rows["system"]))
        return (
            f"**{check.title}** could not be decided on {named}: there is too little to judge by."
        )
    found = listing(
        [
            f"on {study.name(row['system'])} with {_figure(check, row)}{_of(check, row)}"
            for _, row in rows.iterrows()
        ]
    )
    return f"**{check.title}** failed {found}. {check.failure}"


def _figure(check: Check, row: pd.Series[float]) -> str:
    """A check's figure, with its interval if it has one."""
    return quoted(row, "share") if check.unit == "%" else written(float(row["value"]), check.unit)


def _of(check: Check, row: pd.Series[float]) -> str:
    """Of what a figure is a share."""
    return f" of {plural(int(row['n']), check.counted)}" if check.unit == "%" else ""


def limit(study: Study, name: str) -> str:
    """Say what the figure of a check may be."""
    check = CHECKS[name]
    most = written(float(_rows(study, name)["limit"].iloc[0]), check.unit)
    return " ".join(part for part in (check.bound, most, check.proviso) if part)


def status(study: Study, name: str, system: str) -> str:
    """Return a cell with the verdict of a check on a system, and its figure."""
    rows = _rows(study, name)
    rows = rows[rows["system"] == system]
    if rows.empty:
        return f'<td>{DASH}<span class="visually-hidden"> does not apply</span></td>'
    row, unit = rows.iloc[0], CHECKS[name].unit
    value = float(row["value"])
    lines = [written(value, unit) if unit in ("%", "changed") else _bare(value, unit)]
    lines += [interval(row, "share").replace("-", MINUS)] if _in_hundredths(unit) else []
    small = "".join(f"<br><small>{escape(said)}</small>" for said in lines if said)
    return f'<td class="status {row["status"]}"><b>{STATUSES[row["status"]]}</b>{small}</td>'


def _entry(study: Study, name: str, facts: dict[str, str]) -> str:
    check, rows = CHECKS[name], _rows(study, name)
    counts = rows["status"].value_counts()
    small = listing([f"{counts[key]} {said}" for key, said in ENDINGS.items() if key in counts])
    found = "".join(f"<li>{_found(study, check, row)}</li>" for _, row in rows.iterrows())
    said = {
        "Guards against": escape(check.guards),
        "How": escape(check.rule.format(**facts)),
        "May be": escape(limit(study, name)),
        "A failure means": escape(check.failure),
        "Found": f'<ul class="found">{found}</ul>',
    }
    return html.details(check.title, small, html.description(said))


def _found(study: Study, check: Check, row: pd.Series[float]) -> str:
    context = f"; {number(float(row['context']), 'share')} % {check.context}"
    more = context if check.context and not math.isnan(row["context"]) else ""
    system = study.name(str(row["system"]))
    said = f"{system}: {STATUSES[str(row['status'])]}, {_figure(check, row)}{_of(check, row)}{more}"
    return escape(said.replace(" %", "\u00a0%"))


def _facts(study: Study) -> dict[str, str]:
    """What the rules name."""
    attack, checks = study.params.attack, study.params.checks
    ends = [0.0, *(float(budget) for budget in attack.budgets)]
    larger = ends[-2:] if ends[-1] == study.eps else [study.eps, ends[-1]]
    return {
        "taken": plural(attack.steps, "step"),
        "long": plural(checks.steps, "step"),
        "starts": plural(checks.restarts, "other start"),
        "ends": " and ".join(budgets.short(attack, eps) for eps in larger),
        "queries": f"{checks.queries:,}",
        "iterations": plural(checks.iterations, "step"),
    }
