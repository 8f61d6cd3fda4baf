"""The systems: their training here, and the facts of the catalogue."""

from __future__ import annotations

from html import escape
from typing import Any

from radrobust.report.kit import html
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import Study
from radrobust.report.kit.tables import sortable, system_cell
from radrobust.report.kit.text import DASH, METRIC_TITLES, duration, objective_title
from radrobust.systems.bibliography import Paper, Published, bibliography, in_short
from radrobust.systems.catalogue import load

OBJECTIVES_IN_WORDS = {
    "standard": "cross-entropy on the radiographs as they are",
    "pgd": "cross-entropy on adversarial examples",
    "trades": "cross-entropy on clean radiographs, and a penalty where the answer to an "
    "adversarial example differs",
    "gairat": "cross-entropy on adversarial examples, those near the decision boundary weighing "
    "more",
    "hat": "TRADES, and a helper from standard training that keeps margins from growing too far",
    "rebuffi": "TRADES on radiographs into which a part of another one is pasted, with averaged "
    "weights",
    "data_filtering": "adversarial training that leaves out radiographs of little use",
}
TRAINED = {"head": "the head", "last_block": "last stage and head", "all": "all"}
HEADS = {"linear": "one linear layer", "mlp": "two layers"}


def trained(study: Study) -> Html:
    """The systems as they are here: size, weights, training, and its time."""
    titles = ("System", "Network", "Weights at first", "Trained here", "Objective")
    numbers = ("Parameters", "Best epoch", "Time")
    head = html.heads(titles, numbers)
    body = [_trained_row(study, key, study.training(key)) for key in study.systems]
    if study.params.model.evaluation_alone:
        caption = "The systems, as they were evaluated here. Nothing was trained."
    else:
        caption = (
            f"The systems, as they were trained here, on radiographs of "
            f"{study.params.dataset.image_size}×{study.params.dataset.image_size} pixels. Best "
            f"epoch: that with the highest {METRIC_TITLES[study.params.finetune.metric]} on "
            "validation radiographs."
        )
    return Html(sortable(html.table([head], body, caption)))


def origin(weights: str) -> str:
    """Return in a word or two the source of weights; the page *Methods* has its address."""
    if weights.startswith("finetuned:"):
        return "fine-tuned elsewhere"
    return {"none": "random", "robustbench": "RobustBench"}.get(weights, "from elsewhere")


def facts(key: str) -> dict[str, str]:
    """Return all that the catalogue knows of a system: terms, plain text, and HTML on each.

    What it does not know is left out.
    """
    told, system = bibliography(key), load(key)
    zoo, words = system.robustbench_id, OBJECTIVES_IN_WORDS.get(system.objective, "")
    weights = " or ".join(f"<code>{escape(name)}</code>" for name in system.published_weights)
    known = {
        "Paper": _cited(told.paper) if told.paper else "",
        "In RobustBench": f"<code>{escape(zoo)}</code>, for CIFAR-10" if zoo else "",
        "Trained against": escape(told.threat_model),
        "Objective": escape(objective_title(system.objective) + (f": {words}" if words else "")),
        "Of its own": escape(told.training),
        "Network": escape(told.architectures["paper"]),
        "Compact network": escape(told.architectures["compact"]),
        "Normalisation": escape(str(system.normalisation)),
        "On CIFAR-10": _figures(told.cifar10),
        "On FracAtlas": _figures(told.fracatlas),
        "Published weights": f"<code>model.weights</code>: {weights}" if weights else "",
    }
    return {term: text for term, text in known.items() if text}


def linked(url: str, text: str) -> str:
    """Return a link, as HTML."""
    return f'<a href="{escape(url)}">{escape(text)}</a>'


def _trained_row(study: Study, key: str, facts: dict[str, Any]) -> list[str]:
    architecture = bibliography(key).architectures[facts["scale"]]
    row = [
        system_cell(study, key),
        cell(in_short(architecture), style="whole", small=facts["scale"]),
        cell(origin(facts["weights"])),
    ]
    head = f"head: {HEADS[facts['head']]}"
    if "trainable" not in facts:
        row += [cell("nothing", small=head), cell(DASH)]
        best, time = DASH, cell(DASH, style="number")
    else:
        row += [cell(TRAINED[facts["trainable"]], small=head)]
        row.append(cell(objective_title(facts["objective"])))
        best = f"{facts['best_epoch']} of {facts['epochs']}"
        seconds = facts["seconds"]
        time = cell(duration(seconds), style="number", value=seconds)
    numbers = [cell(text, style="number") for text in (f"{facts['parameters']:,}", best)]
    return [*row, *numbers, time]


def _cited(paper: Paper) -> str:
    return f"{linked(paper.url, paper.title)}. {escape(paper.authors)}. {escape(paper.venue)}"


def _figures(published: Published | None) -> str:
    return escape(str(published or "").replace(" %", "\u00a0%"))
