"""What the study took: time by the clock and of the processor, and on which hardware."""

from __future__ import annotations

from typing import Any

from radrobust.core.cost import Cost, cost_file, read_cost, study_digest
from radrobust.report.kit import html
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html, Markdown, prose
from radrobust.report.kit.study import Study
from radrobust.report.kit.tables import sortable, system_cell
from radrobust.report.kit.text import DASH, duration, listing, plural

OF_A_SYSTEM = {"finetune": "Training", "attack": "Attack and checks", "explain": "Explanations"}
OF_THE_STUDY = {
    "read": "Reading the films",
    "audit": "Auditing them",
    "prepare": "Splitting them",
    "summarise": "Figures and intervals",
}
NOT_RECORDED = "not recorded"
OTHER_STUDY = "with other parameters"


def costs(study: Study) -> Html:
    """How long each stage took, a row a system; then the stages that are of all systems."""
    head = [cell("System", "col", style="system")]
    head += [cell(title, "col", style="number") for title in OF_A_SYSTEM.values()]
    body = [
        [system_cell(study, system), *(_cell(study, stage, system) for stage in OF_A_SYSTEM)]
        for system in study.systems
    ]
    caption = (
        f"Time by the clock, from the start of the command to its end; in small print the time of "
        f"all processor cores together. {DASH}: {NOT_RECORDED}."
    )
    return Html(sortable(html.table([head], body, caption)))


def in_words(study: Study) -> Markdown:
    """Say what the study took in all, and on what."""
    found = _recorded(study)
    count = len(OF_A_SYSTEM) * len(study.systems) + len(OF_THE_STUDY)
    if not found:
        return prose(
            "What the stages took was not recorded: their results come from a cache, or from an "
            "earlier release."
        )
    parts = [_whole(study), _hardware(found)]
    total = sum(cost.seconds for cost in found)
    parts.insert(0, f"Together {duration(total)} by the clock where one stage follows the other.")
    if len(found) < count:
        parts.append(f"Of {plural(count, 'stage')}, {count - len(found)} were not recorded.")
    return prose(" ".join(filter(None, parts)))


def precisions(study: Study) -> Html:
    """In which precision each system was trained and its attack searched, and why."""
    found = {
        system: {
            "Training": study.training(system).get("precision"),
            "Search of the attack": study.searched(system),
        }
        for system in study.systems
    }
    of_all = [one for both in found.values() for one in both.values() if one]
    if not any(one["float32_seconds"] for one in of_all):
        return Html("<p>Everything was computed in float32; nothing coarser was tried.</p>")
    titles = next(iter(found.values()))
    head = [cell("System", "col", style="system"), *(cell(title, "col") for title in titles)]
    body = [
        [system_cell(study, system), *(_precision(one) for one in both.values())]
        for system, both in found.items()
    ]
    caption = (
        f"The number format of each system's training and of the search of its attack; in small "
        f"print how long one step took in each. {DASH}: not trained."
    )
    return Html(html.table([head], body, caption))


def _precision(found: dict[str, Any] | None) -> str:
    if found is None:
        return cell(DASH)
    if found["float32_seconds"] is None:
        return cell(found["name"], small="the other was not tried")
    times = [f"{name} {duration(found[f'{name}_seconds'])}" for name in ("float32", "bfloat16")]
    return cell(found["name"], small=", ".join(times))


def _whole(study: Study) -> str:
    said = [
        f"{title.lower()} {_said(study, stage, cost)}"
        for stage, title in OF_THE_STUDY.items()
        if (cost := _read(study, stage))
    ]
    return f"Of all systems at once: {listing(said)}." if said else ""


def _hardware(found: list[Cost]) -> str:
    kinds = dict.fromkeys(
        f"{'no GPU' if cost.device == 'cpu' else cost.device}, {cost.machine} processor, "
        f"{plural(cost.threads, 'thread')}"
        for cost in found
    )
    memory = max(cost.memory for cost in found)
    return f"Measured on: {'; '.join(kinds)}. Most memory: {memory / 1e9:.1f} GB."


def _recorded(study: Study) -> list[Cost]:
    stages = [(stage, "") for stage in OF_THE_STUDY]
    stages += [(stage, system) for stage in OF_A_SYSTEM for system in study.systems]
    return [cost for stage in stages if (cost := _read(study, *stage))]


def _read(study: Study, stage: str, system: str = "") -> Cost | None:
    """Return what a stage took, once it has ended."""
    cost = read_cost(study.root / cost_file(stage, system))
    return cost if cost and cost.finished else None


def _cell(study: Study, stage: str, system: str) -> str:
    cost = _read(study, stage, system)
    if cost is None:
        return cell(DASH, style="number")
    small = f"processor {duration(cost.cpu_seconds)}"
    notes = "<br>".join(_notes(study, stage, cost))
    return cell(_at_least(cost), style="number", small=small, note=notes, value=cost.seconds)


def _said(study: Study, stage: str, cost: Cost) -> str:
    notes = ", ".join(_notes(study, stage, cost))
    return f"{_at_least(cost)}{f' ({notes})' if notes else ''}"


def _at_least(cost: Cost) -> str:
    """Write a time; of a run that was killed it is not known."""
    return f"{'at least ' if cost.untold else ''}{duration(cost.seconds)}"


def _notes(study: Study, stage: str, cost: Cost) -> list[str]:
    notes = [f"in {plural(cost.runs, 'run')}"] if cost.runs > 1 else []
    if cost.study != study_digest(stage, study.params):
        notes.append(OTHER_STUDY)
    return notes
