"""The systems: what was published of them, and what was made of them here."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import Any

from radrobust.report.kit import html
from radrobust.report.kit.html import cell
from radrobust.report.kit.page_names import page_name
from radrobust.report.kit.published_study import ABSENT, NAME, PRESENT
from radrobust.report.kit.shown import Html, Markdown, prose
from radrobust.report.kit.study import Study
from radrobust.report.kit.tables import sortable, system_cell
from radrobust.report.kit.text import DASH, duration, number, objective_title
from radrobust.systems.catalogue import SYSTEMS, Published, System

OBJECTIVES_IN_WORDS = {
    "standard": "cross-entropy on the films as they are",
    "pgd": "cross-entropy on attacked films",
    "trades": "cross-entropy on clean films, and a penalty where attacked ones are answered "
    "otherwise",
    "gairat": "cross-entropy on attacked films, those near the decision boundary weighing more",
    "hat": "TRADES, and a helper from standard training that keeps margins from growing too far",
    "rebuffi": "TRADES on films into which a part of another film is pasted, with averaged weights",
    "data_filtering": "adversarial training that leaves out films of little use; by which rule "
    "they are chosen here is this project's own, as only the paper's abstract could be read",
}
TRAINED = {"head": "the head", "last_block": "last stage and head", "all": "all"}
NOTE_MARKS = "¹²³⁴⁵⁶⁷⁸⁹"


def published(study: Study) -> Html:
    """The study's systems side by side, with what was published of them."""
    systems = [SYSTEMS[key] for key in study.systems]
    notes = _Notes(systems)
    head = [
        [cell("", span=4)]
        + [
            cell(title, "colgroup", span=2, style="number")
            for title in ("CIFAR-10, %", "FracAtlas, %")
        ],
        [cell("System", "col", style="system")]
        + [cell(title, "col") for title in ("Trained against", "Objective", "Network")]
        + [cell(title, "col", style="number") for title in ("Clean", "Attacked") * 2],
    ]
    body = [_published_row(system, notes) for system in systems]
    body.append(_always_negative_row())
    caption = (
        "Accuracy as published: on CIFAR-10 by RobustBench, on FracAtlas by the study that is "
        f"rebuilt here. Attacked: {notes.usual_cifar10}; {notes.usual_fracatlas}. {notes.written}"
    )
    return Html(sortable(html.table(head, body, caption.strip())))


def caveat() -> Markdown:
    """Say with what the published figures must not be compared."""
    films = ABSENT + PRESENT
    return prose(
        f"**None of these figures can be compared with the numbers on this site.** Those on "
        f"CIFAR-10 are about photographs of ten kinds of things. Those on FracAtlas are from the "
        f"study that is rebuilt here ({NAME}): accuracy on {films} films of a resampled test set, "
        f"{PRESENT} with a fracture and {ABSENT} without. *Calling every one of those films "
        f"negative is right for {number(_always_negative(), 'accuracy')} % of them, clean and "
        "attacked.* [Published figures](published.ipynb) has them beside the numbers of this site, "
        "and what keeps them apart."
    )


def trained(study: Study) -> Html:
    """The systems as they are here: size, weights, what was trained, how and how long."""
    titles = ("Network", "Weights at first", "Trained here", "Objective")
    numbers = ("Parameters", "Best epoch", "Time")
    head = [[cell("System", "col", style="system"), *(cell(title, "col") for title in titles)]]
    head[0] += [cell(title, "col", style="number") for title in numbers]
    body = [_trained_row(study, key, study.training(key)) for key in study.systems]
    verb = "evaluated" if study.params.model.evaluation_alone else "trained"
    return Html(sortable(html.table(head, body, f"The systems, as they were {verb} here.")))


def page_link(study: Study, key: str) -> str:
    """Lead to the page of a system, in Markdown."""
    return f"[{study.name(key)}]({page_name(key)}.ipynb)"


def pages(study: Study) -> Markdown:
    """List the pages of the study's systems."""
    items = [
        f"- {page_link(study, key)}: {objective_title(SYSTEMS[key].objective)}; "
        f"the paper's network is {_short(SYSTEMS[key].architectures['paper'].text)}."
        for key in study.systems
    ]
    return prose("\n".join(items))


def entries(study: Study) -> Html:
    """All that the catalogue knows of each system, to be unfolded; other systems come below."""
    chosen = "".join(_entry(SYSTEMS[key]) for key in study.systems)
    others = "".join(_entry(system) for key, system in SYSTEMS.items() if key not in study.systems)
    below = f"<h3>In the catalogue, but not in this study</h3>{others}" if others else ""
    return Html(chosen + below)


class _Notes:
    """Numbered notes under the table, each text once; which attack is the usual one."""

    def __init__(self, systems: list[System]) -> None:
        self.usual_cifar10 = _most_common([system.cifar10.attack for system in systems])
        self.usual_fracatlas = _most_common([system.fracatlas.attack for system in systems])
        self._texts: list[str] = []

    def mark(self, figures: Published) -> str:
        """Return the marks of what has to be said of published figures, and remember it."""
        usual = (self.usual_cifar10, self.usual_fracatlas)
        texts = [] if figures.attack in usual else [figures.attack]
        texts += [figures.remark] if figures.remark else []
        self._texts += [text for text in texts if text not in self._texts]
        return "\u200a".join(NOTE_MARKS[self._texts.index(text)] for text in texts)

    @property
    def written(self) -> str:
        """All notes, in the order of their marks."""
        pairs = zip(NOTE_MARKS, self._texts, strict=False)
        return " ".join(f"{mark} {text[:1].upper()}{text[1:]}." for mark, text in pairs)


def _most_common(texts: list[str]) -> str:
    return Counter(texts).most_common(1)[0][0]


def _always_negative() -> float:
    return ABSENT / (ABSENT + PRESENT)


def _published_row(system: System, notes: _Notes) -> list[str]:
    link = f'<br><small><a href="{escape(system.url)}">{escape(system.label)}</a></small>'
    row = [
        f'<th scope="row" class="system">{escape(system.title)}{link}</th>',
        cell(system.threat_model),
        cell(objective_title(system.objective)),
        cell(_short(system.architectures["paper"].text), style="whole"),
    ]
    for figures in (system.cifar10, system.fracatlas):
        row.append(cell(f"{figures.clean:.2f}", style="number"))
        row.append(_marked(f"{figures.attacked:.2f}", notes.mark(figures)))
    return row


def _marked(text: str, marks: str) -> str:
    """A number whose marks hang out of the column, so that decimals stay under each other."""
    hanging = f'<span class="marks">{marks}</span>' if marks else ""
    return f'<td class="number">{text}{hanging}</td>'


def _always_negative_row() -> list[str]:
    share = f"{100 * _always_negative():.2f}"
    nothing = [cell(DASH, style=style) for style in ["", "", "", "number", "number"]]
    return [cell("Always “no fracture”", "row", style="system reference"), *nothing] + [
        cell(share, style="number")
    ] * 2


def _trained_row(study: Study, key: str, facts: dict[str, Any]) -> list[str]:
    architecture = SYSTEMS[key].architectures[facts["scale"]]
    row = [
        system_cell(study, key),
        cell(_short(architecture.text), style="whole", small=facts["scale"]),
        cell(_origin(facts["weights"])),
    ]
    if "trainable" not in facts:
        row += [cell("nothing"), cell(DASH)]
        best, time = DASH, cell(DASH, style="number")
    else:
        row += [cell(TRAINED[facts["trainable"]]), cell(objective_title(facts["objective"]))]
        best = f"{facts['best_epoch']} of {facts['epochs']}"
        seconds = facts["seconds"]
        time = cell(duration(seconds), style="number", value=seconds)
    numbers = [cell(text, style="number") for text in (f"{facts['parameters']:,}", best)]
    return [*row, *numbers, time]


def _origin(weights: str) -> str:
    """Say in a word or two where weights come from; sentences give the whole address."""
    if weights.startswith("finetuned:"):
        return "fine-tuned elsewhere"
    return {"none": "random", "robustbench": "RobustBench"}.get(weights, "from elsewhere")


def _short(architecture: str) -> str:
    """What of an architecture goes into a table; the whole is in the system's entry."""
    return architecture.split(":")[0].split(",")[0]


def _entry(system: System) -> str:
    return html.details(system.title, system.label, html.description(facts(system)))


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


def _published_text(figures: Published) -> str:
    remark = f" ({figures.remark})" if figures.remark else ""
    return (
        f"{figures.clean:.2f}\u00a0% clean, {figures.attacked:.2f}\u00a0% under "
        f"{figures.attack}{remark}"
    )
