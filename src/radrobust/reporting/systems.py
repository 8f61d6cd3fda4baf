"""The systems: what was published of them, and what was made of them here."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import Any

from radrobust.reporting import html
from radrobust.reporting.html import cell
from radrobust.reporting.page_names import page_name
from radrobust.reporting.published_study import ABSENT, NAME, PRESENT
from radrobust.reporting.shown import Html, Markdown, prose
from radrobust.reporting.study import Study
from radrobust.reporting.tables import sortable, system_cell
from radrobust.reporting.text import DASH, duration, number, objective_title
from radrobust.systems.bibliography import (
    Bibliography,
    Paper,
    Published,
    bibliography,
    by_year,
    in_short,
)
from radrobust.systems.catalogue import load

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
    notes = _Notes([bibliography(key) for key in study.systems])
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
    body = [_published_row(key, notes) for key in study.systems]
    body.append(_always_negative_row())
    caption = (
        "Accuracy as published: on CIFAR-10 by RobustBench, on FracAtlas by the study that is "
        f"rebuilt here. Attacked: {'; '.join(notes.usual)}. {notes.written}"
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
        f"- {page_link(study, key)}: {objective_title(load(key).objective)}; "
        f"the paper's network is {in_short(bibliography(key).architectures['paper'])}."
        for key in study.systems
    ]
    return prose("\n".join(items))


def entries(study: Study) -> Html:
    """All that the catalogue knows of each system, to be unfolded; other systems come below."""
    chosen = "".join(map(_entry, study.systems))
    others = "".join(_entry(key) for key in by_year() if key not in study.systems)
    below = f"<h3>In the catalogue, but not in this study</h3>{others}" if others else ""
    return Html(chosen + below)


class _Notes:
    """Numbered notes under the table, each text once; which attack is the usual one."""

    def __init__(self, systems: list[Bibliography]) -> None:
        self.usual = _most_common([told.cifar10 for told in systems])
        self.usual += _most_common([told.fracatlas for told in systems])
        self._texts: list[str] = []

    def mark(self, figures: Published) -> str:
        """Return the marks of what has to be said of published figures, and remember it."""
        texts = [] if figures.attack in self.usual else [figures.attack]
        texts += [figures.remark] if figures.remark else []
        self._texts += [text for text in texts if text not in self._texts]
        return "\u200a".join(NOTE_MARKS[self._texts.index(text)] for text in texts)

    @property
    def written(self) -> str:
        """All notes, in the order of their marks."""
        pairs = zip(NOTE_MARKS, self._texts, strict=False)
        return " ".join(f"{mark} {text[:1].upper()}{text[1:]}." for mark, text in pairs)


def _most_common(figures: list[Published | None]) -> list[str]:
    attacks = Counter(found.attack for found in figures if found)
    return [attack for attack, _ in attacks.most_common(1)]


def _always_negative() -> float:
    return ABSENT / (ABSENT + PRESENT)


def _published_row(key: str, notes: _Notes) -> list[str]:
    told = bibliography(key)
    label = _linked(told.paper.url, told.label) if told.paper else escape(told.label)
    row = [
        f'<th scope="row" class="system">{escape(told.title)}<br><small>{label}</small></th>',
        cell(told.threat_model),
        cell(objective_title(load(key).objective)),
        cell(in_short(told.architectures["paper"]), style="whole"),
    ]
    for figures in (told.cifar10, told.fracatlas):
        if figures is None:
            row += [cell(DASH, style="number")] * 2
        else:
            row.append(cell(f"{figures.clean:.2f}", style="number"))
            row.append(_marked(f"{figures.attacked:.2f}", notes.mark(figures)))
    return row


def _linked(url: str, text: str) -> str:
    return f'<a href="{escape(url)}">{escape(text)}</a>'


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
    architecture = bibliography(key).architectures[facts["scale"]]
    row = [
        system_cell(study, key),
        cell(in_short(architecture), style="whole", small=facts["scale"]),
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


def _entry(key: str) -> str:
    told = bibliography(key)
    return html.details(told.title, told.label, html.description(facts(key)))


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
        "Network": escape(told.architectures["paper"]),
        "Compact network": escape(told.architectures["compact"]),
        "Normalisation": escape(str(system.normalisation)),
        "On CIFAR-10": _figures(told.cifar10),
        "On FracAtlas": _figures(told.fracatlas),
        "Published weights": f"<code>model.weights</code>: {weights}" if weights else "",
    }
    return {term: text for term, text in known.items() if text}


def _cited(paper: Paper) -> str:
    return f"{_linked(paper.url, paper.title)}. {escape(paper.authors)}. {escape(paper.venue)}"


def _figures(published: Published | None) -> str:
    return escape(str(published or "").replace(" %", "\u00a0%"))
