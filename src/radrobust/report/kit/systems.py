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
from radrobust.systems.catalogue import SYSTEMS, Published, System

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
    "data_filtering": "adversarial training that leaves out radiographs of little use; the rule "
    "by which they are chosen here is this project's own, as only the paper's abstract could be "
    "read",
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


def short(architecture: str) -> str:
    """Return the part of an architecture for a table; the whole is in the system's entry."""
    return architecture.split(":")[0].split(",")[0]


def origin(weights: str) -> str:
    """Return in a word or two the source of weights; the page *Methods* has its address."""
    if weights.startswith("finetuned:"):
        return "fine-tuned elsewhere"
    return {"none": "random", "robustbench": "RobustBench"}.get(weights, "from elsewhere")


def facts(system: System) -> dict[str, str]:
    """Return all that the catalogue knows of a system: terms, plain text, and HTML on each."""
    paper = f'<a href="{escape(system.url)}">{escape(system.paper)}</a>'
    words = OBJECTIVES_IN_WORDS.get(system.objective, "")
    sources = ["<code>robustbench</code>"]
    if system.finetuned:
        sources.append(f"<code>finetuned:hub:{escape(system.finetuned)}</code>")
    return {
        "Paper": f"{paper}. {escape(system.authors)}. {escape(system.venue)}",
        "In RobustBench": f"<code>{escape(system.robustbench_id)}</code>, for CIFAR-10",
        "Trained against": escape(system.threat_model),
        "Objective": escape(objective_title(system.objective) + (f": {words}" if words else "")),
        "Network": escape(system.architectures["paper"].text),
        "Compact network": escape(system.architectures["compact"].text),
        "Normalisation": escape(str(system.normalisation)),
        "On CIFAR-10": escape(_published_text(system.cifar10)),
        "On FracAtlas": escape(_published_text(system.fracatlas)),
        "Published weights": f"<code>model.weights</code>: {' or '.join(sources)}",
    }


def _trained_row(study: Study, key: str, facts: dict[str, Any]) -> list[str]:
    architecture = SYSTEMS[key].architectures[facts["scale"]]
    row = [
        system_cell(study, key),
        cell(short(architecture.text), style="whole", small=facts["scale"]),
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


def _published_text(figures: Published) -> str:
    remark = f" ({figures.remark})" if figures.remark else ""
    return (
        f"{figures.clean:.2f}\u00a0% clean, {figures.attacked:.2f}\u00a0% under "
        f"{figures.attack}{remark}"
    )
