"""Page *Systems*: the systems with their published figures."""

from __future__ import annotations

from collections import Counter
from html import escape

from radrobust.report.kit import html, links
from radrobust.report.kit.html import cell
from radrobust.report.kit.published_study import ABSENT, PRESENT
from radrobust.report.kit.shown import Html, Markdown, prose
from radrobust.report.kit.study import Study
from radrobust.report.kit.systems import facts, short
from radrobust.report.kit.tables import sortable
from radrobust.report.kit.text import DASH, objective_title
from radrobust.systems.catalogue import SYSTEMS, Published, System

NOTE_MARKS = "¹²³⁴⁵⁶⁷⁸⁹"


def pages(study: Study) -> Markdown:
    """List the pages of the study's systems."""
    items = [
        f"- {links.to_system(study, key)}: {objective_title(SYSTEMS[key].objective)}; "
        f"the paper's network is {short(SYSTEMS[key].architectures['paper'].text)}."
        for key in study.systems
    ]
    return prose("\n".join(items))


def published(study: Study) -> Html:
    """The study's systems side by side, with their published figures."""
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
    body = [_row(system, notes) for system in systems]
    share = cell(f"{100 * ABSENT / (ABSENT + PRESENT):.2f}", style="number")
    nothing = [cell(DASH, style=style) for style in ["", "", "", "number", "number"]]
    body.append(
        [cell("Always “no fracture”", "row", style="system reference"), *nothing, share, share]
    )
    caption = (
        "Accuracy as published: on CIFAR-10 by RobustBench, on FracAtlas by the study that is "
        f"rebuilt here. Attacked: {notes.usual_cifar10}; {notes.usual_fracatlas}. {notes.written}"
    )
    return Html(sortable(html.table(head, body, caption.strip())))


def entries(study: Study) -> Html:
    """All that the catalogue knows of each system, to be unfolded; other systems come below."""
    chosen = "".join(_entry(SYSTEMS[key]) for key in study.systems)
    others = "".join(_entry(system) for key, system in SYSTEMS.items() if key not in study.systems)
    below = f"<h3>In the catalogue, but not in this study</h3>{others}" if others else ""
    return Html(chosen + below)


class _Notes:
    """Numbered notes under the table, each text once, and the usual attacks."""

    def __init__(self, systems: list[System]) -> None:
        self.usual_cifar10 = _most_common([system.cifar10.attack for system in systems])
        self.usual_fracatlas = _most_common([system.fracatlas.attack for system in systems])
        self._texts: list[str] = []

    def mark(self, figures: Published) -> str:
        """Return the marks of the notes on published figures, and remember their texts."""
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


def _row(system: System, notes: _Notes) -> list[str]:
    link = f'<br><small><a href="{escape(system.url)}">{escape(system.label)}</a></small>'
    row = [
        f'<th scope="row" class="system">{escape(system.title)}{link}</th>',
        cell(system.threat_model),
        cell(objective_title(system.objective)),
        cell(short(system.architectures["paper"].text), style="whole"),
    ]
    for figures in (system.cifar10, system.fracatlas):
        row.append(cell(f"{figures.clean:.2f}", style="number"))
        row.append(_marked(f"{figures.attacked:.2f}", notes.mark(figures)))
    return row


def _marked(text: str, marks: str) -> str:
    """A number whose marks hang out of the column, so that decimals stay under each other."""
    hanging = f'<span class="marks">{marks}</span>' if marks else ""
    return f'<td class="number">{text}{hanging}</td>'


def _entry(system: System) -> str:
    return html.details(system.title, system.label, html.description(facts(system)))
