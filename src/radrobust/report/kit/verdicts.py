"""The checks of a study: how each came out, and the consequence for a reader."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape

import pandas as pd

from radrobust.report.kit.check_texts import CHECKS, Check, Doubt
from radrobust.report.kit.shown import Markdown, prose
from radrobust.report.kit.study import Study
from radrobust.report.kit.text import DASH, MINUS, interval, listing, number, plural, power

STATUSES = {"pass": "✓ pass", "fail": "✗ fail", "unclear": "? unclear"}
ENDINGS = {"pass": "passed", "fail": "failed", "unclear": "could not be decided"}


def verdict(study: Study) -> Markdown:
    """Say how many checks passed, which did not and on which systems, and the consequence."""
    items = []
    for status in ("fail", "unclear"):
        table = study.checks[study.checks["status"] == status]
        for name, rows in table.groupby("check", sort=False):
            check, systems = CHECKS[str(name)], study.names(rows["system"].tolist())
            why = check.failure if status == "fail" else "There is too little to judge by."
            items.append(f"- **{check.title}** {ENDINGS[status]} on {systems}. {why}")
    opening = f"**{_counted(study)}** {consequence(study)}"
    return prose("\n".join([opening, "", *items]))


def line(study: Study) -> Markdown:
    """Say in a line how the checks came out; several systems are counted and not named."""
    wrong = [key for key in study.systems if _at_fault(study, key)]
    unsure = [key for key in study.systems if key not in wrong and _too_kind(study, key)]
    several = len(wrong + unsure) > 1
    said = _of_several(study, len(wrong), len(unsure)) if several else consequence(study)
    return prose(
        f"**Could these numbers be wrong?** {_counted(study)} {said} See [Checks](checks.ipynb)."
    )


def consequence(study: Study) -> str:
    """Say the consequence for the numbers of the site, system by system."""
    systems = [key for key in study.systems if not _at_fault(study, key)]
    wrong = [key for key in study.systems if key not in systems]
    said = []
    if wrong:
        said.append(
            f"**No number of {_all_of(study, wrong)} can be relied on**: a check of the "
            "measurement itself failed."
        )
    if missed := _where(_missed, study, systems):
        more = listing([f"{count:,} on {study.name(key)}" for key, count in missed.items()])
        said.append(
            f"**{_numbers(study)} are too kind**: of the {checked(study)} checked, other attacks "
            f"find adversarial examples of at least another {more}."
        )
    possible = [key for key in systems if key not in missed]
    if left := _where(_left, study, possible):
        said.append(
            "**Attacked numbers may be too kind**, at most by all that is left of them: "
            f"{_points(study, left)}."
        )
    if blind := _where(_blind, study, [key for key in possible if key not in left]):
        robust = listing([f"{count:,} on {study.name(key)}" for key, count in blind.items()])
        said.append(
            f"**{_numbers(study)} may be too kind by some radiographs**: of the {checked(study)} "
            f"checked, {robust} are robust, but their gradient does not tell where to change them."
        )
    nothing = (
        "No check suggests that the attacked numbers are too kind by more than the checks allow "
        "for. That is no proof that they are right."
    )
    return " ".join(said) or nothing


def caution(study: Study, system: str) -> str:
    """Say the consequence of failed checks for one system; nothing where there is none."""
    failed = f"it failed {plural(len(doubts(study, system)), 'check')}, so that"
    if _at_fault(study, system):
        return f"{failed} no number of it can be relied on"
    return f"{failed} even this may be too kind" if _too_kind(study, system) else ""


def doubts(study: Study, system: str) -> list[Check]:
    """List the checks that failed on a system and leave numbers of it in doubt."""
    failed = _failed(study, system)
    return [CHECKS[name] for name in failed if CHECKS[name].doubt != "none"]


def note(study: Study, system: str) -> str:
    """Return a link to the Checks page where numbers of a system are in doubt, else nothing."""
    count = len(doubts(study, system))
    said = f"⚠ {plural(count, 'check')} failed"
    return f'<a class="doubt" href="checks.html">{said}</a>' if count else ""


def present(study: Study) -> list[str]:
    """Name the checks that were made, in the order in which they are shown."""
    return [name for name in CHECKS if (study.checks["check"] == name).any()]


def rows_of(study: Study, name: str) -> pd.DataFrame:
    """Return the rows of a check, one a system."""
    return study.checks[study.checks["check"] == name]


def of_missed(study: Study) -> pd.DataFrame:
    """Return the rows of the checks that ask how much the attack missed."""
    missed = [name for name, check in CHECKS.items() if check.doubt == "missed"]
    return study.checks[study.checks["check"].isin(missed)]


def checked(study: Study) -> str:
    """Write the number of radiographs that other attacks were run on."""
    return plural(int(of_missed(study)["n"].max()), "radiograph")


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


def limit(study: Study, name: str) -> str:
    """Write the values that the figure of a check may have."""
    check = CHECKS[name]
    most = written(float(rows_of(study, name)["limit"].iloc[0]), check.unit)
    return " ".join(part for part in (check.bound, most, check.proviso) if part)


def status(study: Study, name: str, system: str) -> str:
    """Return a cell with the verdict of a check on a system, and its figure."""
    rows = rows_of(study, name)
    rows = rows[rows["system"] == system]
    if rows.empty:
        return f'<td>{DASH}<span class="visually-hidden"> does not apply</span></td>'
    row, unit = rows.iloc[0], CHECKS[name].unit
    value = float(row["value"])
    lines = [written(value, unit) if unit in ("%", "changed") else _bare(value, unit)]
    lines += [interval(row, "share").replace("-", MINUS)] if _in_hundredths(unit) else []
    small = "".join(f"<br><small>{escape(said)}</small>" for said in lines if said)
    return f'<td class="status {row["status"]}"><b>{STATUSES[row["status"]]}</b>{small}</td>'


def _bare(value: float, unit: str) -> str:
    """Write a figure without its unit."""
    if math.isnan(value):
        return DASH
    if _in_hundredths(unit):
        return number(value, "share").replace("-", MINUS)
    if unit == "of a logit":
        return power(value)
    return f"{value:.4g}"


def _in_hundredths(unit: str) -> bool:
    return unit.startswith("%") or unit == "points"


def _of_several(study: Study, wrong: int, unsure: int) -> str:
    """Count the systems in doubt: their rows say which they are, the page Checks by how much."""
    numbers, systems = _numbers(study), f"of {plural(len(study.systems), 'system')}"
    said = [f"numbers of {wrong} {systems} cannot be relied on"] if wrong else []
    if unsure:
        whose = plural(unsure, "other") if wrong else f"{unsure} {systems}"
        said.append(f"{numbers[0].lower()}{numbers[1:]} of {whose} are, or may be, too kind")
    return f"**The {', and the '.join(said)}.**"


def _failed(study: Study, system: str) -> list[str]:
    table = study.checks
    return list(table.loc[(table["system"] == system) & (table["status"] == "fail"), "check"])


def _all_of(study: Study, systems: list[str]) -> str:
    """Name systems one by one: their numbers must not be used."""
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
    """Measure systems, and keep those with more than nothing."""
    found = {system: measure(study, system) for system in systems}
    return {system: value for system, value in found.items() if value}


def _missed(study: Study, system: str) -> int:
    """Most radiographs that the attack missed, by any check that failed."""
    return _most(study, system, "missed", "value")


def _blind(study: Study, system: str) -> int:
    """Robust radiographs on which the attack had no gradient to follow, if that check failed."""
    return _most(study, system, "blind", "context")


def _left(study: Study, system: str) -> float:
    """By how much balanced accuracy can be too kind if the attack may have missed anything.

    No attack takes more than there is.
    """
    if not any(check.doubt == "left" for check in doubts(study, system)):
        return 0.0
    return float(study.metric(system, study.attacked, "balanced_accuracy")["value"])


def _most(study: Study, system: str, doubt: Doubt, column: str) -> int:
    """Count radiographs by a column of the failed checks of a kind; the most of them."""
    failed = [name for name in _failed(study, system) if CHECKS[name].doubt == doubt]
    rows = study.checks[(study.checks["system"] == system) & study.checks["check"].isin(failed)]
    return max(
        (round(share * n) for share, n in zip(rows[column], rows["n"], strict=True)), default=0
    )


def _points(study: Study, left: dict[str, float]) -> str:
    """Write how much balanced accuracy is left of each system; the first has the unit."""
    units = [" points of balanced accuracy", *[""] * (len(left) - 1)]
    return listing(
        [
            f"{number(share, 'share')}{unit} for {study.name(key)}"
            for (key, share), unit in zip(left.items(), units, strict=True)
        ]
    )


def _numbers(study: Study) -> str:
    """Name the numbers that other attacks are compared with: those always change pixels."""
    in_pixels = study.params.attack.space == "pixel"
    return "Attacked numbers" if in_pixels else "Numbers under the attack in pixels"
