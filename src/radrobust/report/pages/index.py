"""The first screen: what was asked, the answer in three sentences, and one row a system."""

from __future__ import annotations

from html import escape

from radrobust.report.kit import budgets, html
from radrobust.report.kit import marks as matrix
from radrobust.report.kit import verdicts as checks
from radrobust.report.kit.html import cell
from radrobust.report.kit.naming import those
from radrobust.report.kit.shown import Html, Markdown, prose
from radrobust.report.kit.study import ALWAYS_NEGATIVE, REFERENCES, Study
from radrobust.report.kit.tables import checked_cell, estimates, sortable, system_cell
from radrobust.report.kit.text import (
    DASH,
    METRIC_TITLES,
    Row,
    explainer_title,
    interval,
    listing,
    number,
    plural,
    quoted,
    unit,
)
from radrobust.report.kit.warnings import CHANCE, test_set
from radrobust.report.pages.data import faults as audit
from radrobust.report.pages.data.groups import test_table, whose
from radrobust.report.pages.interpretability import localisation

COLUMNS = {
    "auroc": METRIC_TITLES["auroc"],
    "balanced_accuracy": "Balanced acc.",
    "sensitivity_at_threshold": METRIC_TITLES["sensitivity"],
}
NBSP = "\u00a0"
WITHOUT_THRESHOLD = {"sensitivity_at_threshold": "sensitivity"}
"""Where references, which have no threshold, say what the systems say at theirs."""


def question(study: Study) -> Markdown:
    """Say in a sentence what was asked."""
    if len(study.systems) > 1:
        whom = f"{plural(len(study.systems), 'system')} on the same"
        right, look = "are they right, are they", "do they look"
    else:
        whom = f"{study.name(study.systems[0])} on"
        right, look = "is it right, is it", "does it look"
    return prose(
        f"Asked of {whom} {test_set(study)}: {right} still right with "
        f"{budgets.changed(study.params.attack, study.eps)}, and {look} at the {study.finding}?"
    )


def answer(study: Study) -> Markdown:
    """Answer in three sentences: who leads, whether the maps hit, and why not to deploy it."""
    return prose("\n".join(f"- {said}" for said in (_leads(study), _looks(study), _why_not(study))))


def shortcuts(study: Study) -> Html:
    """Warn where the label is told without looking at the finding; nothing where it is not."""
    found = audit.warnings(study)
    if not found:
        return Html("")
    more = f" The same goes for {plural(len(found) - 1, 'other thing')}." if found[1:] else ""
    return Html(
        '<div class="aloud compact"><b>A shortcut to the label.</b> '
        f"{escape((found[0] + more).replace(' %', NBSP + '%'))} "
        'See <a href="data.html">Data</a>.</div>'
    )


def table(study: Study) -> Html:
    """One row a system, clean and attacked, then the references; sorted by a click."""
    method = study.params.explain.methods[0]
    groups = [cell("", style="system")]
    groups += [cell(_in_per_cent(metric, title), "colgroup", span=2, style="whole group")
               for metric, title in COLUMNS.items()]  # fmt: skip
    groups += [cell("Covered, %", "colgroup", style="whole group")]
    head = [cell("System", "col", style="system")]
    head += [_named(title, films) for title in COLUMNS.values() for films in ("clean", "attacked")]
    head += [_named(f"{study.finding.capitalize()} covered", f"by {_spoken(method)}")]
    body = [
        [checked_cell(study, system), *_numbers(study, system), _covered(study, system)]
        for system in study.systems
    ]
    body += [_reference(study, system) for system in REFERENCES]
    content = html.table([groups, head], body, _caption(study))
    return Html(f'<div class="overview">{sortable(content)}</div>')


def _leads(study: Study) -> str:
    """Who leads on clean films, and who under attack."""
    clean, attacked = study.leaders(0, "auroc"), study.leaders(study.eps, "balanced_accuracy")
    auroc = _shared(study, clean, 0, "auroc")
    accuracy = _shared(study, attacked, study.eps, "balanced_accuracy")
    ending = f"a balanced accuracy of {accuracy}, where guessing has 50 %"
    blind = {
        metric: not any(study.metric(key, eps, metric)["low"] > CHANCE for key in study.systems)
        for metric, eps in {"auroc": 0.0, "balanced_accuracy": study.eps}.items()
    }
    if len(study.systems) == 1:
        name = study.name(clean[0])
        if blind["auroc"]:
            return (
                f"**{name} is not surely better than guessing on clean films**, with an AUROC of "
                f"{auroc}, where guessing has 0.5, **and attacked** it has {ending}."
            )
        return f"**{name} has, on clean films,** an AUROC of {auroc}, **and attacked** {ending}."
    if any(blind.values()):
        first = (
            "**On clean films none of them is surely better than guessing**: the highest AUROC is "
            f"{auroc}, that of {those(study, clean)}, where guessing has 0.5"
            if blind["auroc"]
            else f"**On clean films {_lead_of(study, clean)}**, with an AUROC of {auroc}"
        )
        second = (
            "**attacked, none is surely better than guessing**: the highest balanced accuracy is "
            f"{accuracy}, that of {those(study, attacked)}, where guessing has 50 %"
            if blind["balanced_accuracy"]
            else f"**attacked, {_lead_of(study, attacked)}**, with {ending}"
        )
        return f"{first}; {second}."
    if clean == attacked:
        return (
            f"**{_lead_of(study, clean)} on clean films**, with an AUROC of {auroc}, "
            f"**and attacked**, with {ending}."
        )
    left = ""
    if len(clean) == 1:
        row = study.metric(clean[0], study.eps, "balanced_accuracy")
        left = f" and {study.title(clean[0])} has {number(float(row['value']), 'share')} %"
    return (
        f"**On clean films {_lead_of(study, clean)}**, with an AUROC of {auroc}; **attacked, "
        f"{_lead_of(study, attacked)}**, with {ending}{left}."
    )


def _looks(study: Study) -> str:
    """Whether the maps of the one that leads under attack beat chance."""
    name = study.name(_attacked_leader(study))
    if not study.marked:
        return (
            f"**Whether {name} looks at the {study.finding} is not known**: no test film has it "
            "marked."
        )
    row = _coverage(study, _attacked_leader(study))
    method = _spoken(study.params.explain.methods[0])
    said = {
        "above": f"**The maps of {name} hit the {study.finding} more often than chance**",
        "around": f"**The maps of {name} hit the {study.finding} no more surely than chance**",
        "below": f"**The maps of {name} hit the {study.finding} less often than chance**",
        "": f"**Whether the maps of {name} hit the {study.finding} more often than chance cannot "
        "be told from so few films**",
    }[_side(study, _attacked_leader(study))]
    return (
        f"{said}: the strongest 5 % of a film by {method} hold {quoted(row, 'share')} of it, "
        f"those of a map that knows nothing {number(row['chance'], 'share')} %."
    )


def _why_not(study: Study) -> str:
    """Why nobody should deploy even the one that leads under attack."""
    reasons = "; ".join(_reasons(study, _attacked_leader(study)))
    if len(study.systems) == 1:
        return f"**We would not deploy it**: {reasons}."
    name = study.name(_attacked_leader(study))
    return f"**We would deploy none of them**, not even {name}: {reasons}."


def _reasons(study: Study, system: str) -> list[str]:
    """Reasons against the system that leads under attack; the first holds for any system."""
    found = [_whose(study), *_attacked(study, system), checks.caution(study, system)]
    return [reason for reason in found if reason]


def _whose(study: Study) -> str:
    """Why the films say too little of other patients."""
    if study.is_phantom:
        return "these films were drawn by a program, and say nothing about patients"
    if study.params.model.evaluation_alone:
        return "it was trained elsewhere, on films that are not known here, perhaps on these"
    films, patients = whose(study.samples.table), whose(test_table(study))
    if films.unknown == films.films:
        return "nothing is known of whose films these are, so that it may have met the patients"
    if films.unknown:
        return (
            f"of {films.unknown:,} of {plural(films.films, 'film')} it is not known whose they "
            "are, so that it may have met the patients"
        )
    return f"it was tried on films of {plural(patients.patients, 'patient')}, all from one dataset"


def _attacked(study: Study, system: str) -> list[str]:
    """What a system does under attack: at its chosen threshold, and against two references."""
    finds, spares = (
        study.metric(system, study.eps, f"{metric}_at_threshold")
        for metric in ("sensitivity", "specificity")
    )
    said = [
        f"attacked, it finds {quoted(finds, 'share')} of the films with a {study.finding} at its "
        f"chosen threshold and is right about {number(float(spares['value']), 'share')} % of the "
        "others"
    ]
    poor = []
    accuracy = study.metric(system, study.eps, "balanced_accuracy")
    if not accuracy["low"] > CHANCE:
        worse = accuracy["high"] < CHANCE
        poor.append("is worse than guessing" if worse else "cannot be told from guessing")
    always = float(study.metric(ALWAYS_NEGATIVE, study.eps, "accuracy")["value"])
    if not study.metric(system, study.eps, "accuracy")["low"] > always:
        poor.append(f"is not surely right more often than always saying “{study.classes[0]}”")
    return [*said, f"without that threshold it {listing(poor)}"] if poor else said


def _attacked_leader(study: Study) -> str:
    return study.leaders(study.eps, "balanced_accuracy")[0]


def _lead_of(study: Study, leaders: list[str]) -> str:
    return f"{those(study, leaders)} {'share the lead' if leaders[1:] else 'leads'}"


def _shared(study: Study, leaders: list[str], eps: float, metric: str) -> str:
    """Write the value that leaders have in common, with its interval if they share that too."""
    rows = [study.metric(key, eps, metric) for key in leaders]
    said = {quoted(row, metric) for row in rows}
    return said.pop() if len(said) == 1 else f"{number(rows[0]['value'], metric)}{unit(metric)}"


def _spoken(method: str) -> str:
    """Name a method within a sentence: a word that is no name loses its capital."""
    title = explainer_title(method)
    return title.lower() if title[1:].islower() else title


def _coverage(study: Study, system: str) -> Row:
    method = study.params.explain.methods[0]
    return study.localised(system, method, localisation.HEADLINE)


def _side(study: Study, system: str) -> str:
    row = _coverage(study, system)
    return matrix.side(row["low"], row["high"], row["chance"])


def _named(group: str, title: str) -> str:
    """Head a column; only screen readers are told again what stands above it."""
    said = f'<span class="visually-hidden">{escape(group)}, </span>{escape(title)}'
    return f'<th scope="col" class="number">{said}</th>'


def _in_per_cent(metric: str, title: str) -> str:
    return f"{title}, %" if unit(metric) else title


def _numbers(study: Study, system: str) -> list[str]:
    return [
        one
        for metric in COLUMNS
        for eps in (0.0, study.eps)
        for one in estimates(study, system, eps, [metric])
    ]


def _covered(study: Study, system: str) -> str:
    if not study.marked:
        return cell(DASH, style="number")
    row, mark = _coverage(study, system), matrix.CHANCE.get(_side(study, system))
    reach = matrix.furthest([_lead(study, other) for other in study.systems])
    shown, ends = number(row["value"], "share"), interval(row, "share")
    return matrix.marked_cell(shown, ends, mark, abs(_lead(study, system)) / reach)


def _lead(study: Study, system: str) -> float:
    row = _coverage(study, system)
    return row["value"] - row["chance"]


def _reference(study: Study, system: str) -> list[str]:
    """A reference says the same of every film, attacked or not, and has no maps."""
    names = [WITHOUT_THRESHOLD.get(metric, metric) for metric in COLUMNS]
    return [
        system_cell(study, system),
        *(one for name in names for one in estimates(study, system, 0.0, [name]) * 2),
        cell(DASH, style="number"),
    ]


def _caption(study: Study) -> str:
    method = _spoken(study.params.explain.methods[0])
    covered = (
        f"Covered: of the {study.finding}'s pixels, those among the strongest 5 % of a clean film "
        f"by {method}, the first of the study's methods, not chosen by its figure; chance has "
        f"5.0. "
        f"{matrix.signs(matrix.CHANCE)}."
        if study.marked
        else f"No test film has its {study.finding} marked, so that no map could be checked."
    )
    return (
        f"{test_set(study)}, clean and attacked at "
        f"{budgets.short(study.params.attack, study.eps)}; in small print the {study.level} "
        f"interval. Sensitivity is that at the threshold chosen on validation films. {covered}"
    )
