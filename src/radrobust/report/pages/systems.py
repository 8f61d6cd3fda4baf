"""Page *Systems*: the systems with their published figures."""

from __future__ import annotations

from collections import Counter
from html import escape

from radrobust.report.kit import html, links
from radrobust.report.kit.html import cell
from radrobust.report.kit.published_study import ABSENT, PRESENT
from radrobust.report.kit.shown import Html, Markdown, prose
from radrobust.report.kit.study import Study
from radrobust.report.kit.systems import facts, linked
from radrobust.report.kit.tables import sortable
from radrobust.report.kit.text import DASH, objective_title
from radrobust.systems.bibliography import (
    Bibliography,
    Published,
    bibliography,
    by_year,
    in_short,
)
from radrobust.systems.catalogue import load

NOTE_MARKS = "¹²³⁴⁵⁶⁷⁸⁹"


def pages(study: Study) -> Markdown:
    """List the pages of the study's systems."""
    items = [
        f"- {links.to_system(study, key)}: {objective_title(load(key).objective)}; "
        f"the paper's network is {in_short(bibliography(key).architectures['paper'])}."
        for key in study.systems
    ]
    return prose("\n".join(items))


def published(study: Study) -> Html:
    """The study's systems side by side, with their published figures."""
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
    body = [_row(key, notes) for key in study.systems]
    share = cell(f"{100 * ABSENT / (ABSENT + PRESENT):.2f}", style="number")
    nothing = [cell(DASH, style=style) for style in ["", "", "", "number", "number"]]
    body.append(
        [cell("Always “no fracture”", "row", style="system reference"), *nothing, share, share]
    )
    caption = (
        "Accuracy as published: on CIFAR-10 by RobustBench, on FracAtlas by the study that is "
        f"rebuilt here. Attacked: {'; '.join(notes.usual)}. {notes.written}"
    )
    return Html(sortable(html.table(head, body, caption.strip())))


def entries(study: Study) -> Html:
    """All that the catalogue knows of each system, to be unfolded; other systems come below."""
    chosen = "".join(map(_entry, study.systems))
    others = "".join(_entry(key) for key in by_year() if key not in study.systems)
    below = f"<h3>In the catalogue, but not in this study</h3>{others}" if others else ""
    return Html(chosen + below)


class _Notes:
    """Numbered notes under the table, each text once, and the usual attacks."""

    def __init__(self, systems: list[Bibliography]) -> None:
        self.usual = _most_common([told.cifar10 for told in systems])
        self.usual += _most_common([told.fracatlas for told in systems])
        self._texts: list[str] = []

    def mark(self, figures: Published) -> str:
        """Return the marks of the notes on published figures, and remember their texts."""
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


def _row(key: str, notes: _Notes) -> list[str]:
    told = bibliography(key)
    label = linked(told.paper.url, told.label) if told.paper else escape(told.label)
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


def _marked(text: str, marks: str) -> str:
    """A number whose marks hang out of the column, so that decimals stay under each other."""
    hanging = f'<span class="marks">{marks}</span>' if marks else ""
    return f'<td class="number">{text}{hanging}</td>'


def _entry(key: str) -> str:
    told = bibliography(key)
    return html.details(told.title, told.label, html.description(facts(key)))
