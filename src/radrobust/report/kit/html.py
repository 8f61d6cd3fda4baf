"""Small pieces of HTML that look the same in both renderers."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from html import escape
from urllib.parse import quote

from radrobust.report.kit.shown import Html

VIEW_BOX = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


def image(data: bytes, kind: str, alt: str, width: int | None = None) -> str:
    """Return an `<img>` that carries its own data.

    Parameters
    ----------
    data : bytes
        The file's content.
    kind : str
        MIME type, such as ``image/webp``.
    alt : str
        The text alternative, for a reader who cannot see it.
    width : int, optional
        In CSS pixels.
    """
    source = f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
    size = f' width="{width}" height="{width}"' if width else ""
    return f'<img src="{source}" alt="{escape(alt)}" class="img-fluid" loading="lazy"{size}>'


def drawing(svg: str, alt: str) -> str:
    """Return an `<img>` of an SVG, whose text is shorter in per cent signs than in base64.

    The size is that of its view box, by which a page keeps its place until it is loaded.
    """
    source = "data:image/svg+xml," + quote(svg, safe=" =/:;,().-!*'")
    width, height = (round(float(side)) for side in VIEW_BOX.findall(svg)[0])
    size = f'width="{width}" height="{height}"'
    return f'<img src="{source}" alt="{escape(alt)}" class="img-fluid" loading="lazy" {size}>'


def named(title: str, label: str) -> str:
    """Return a line that names a system at the head of its tab; both are plain text."""
    return f'<p class="named">{escape(title)} <small>{escape(label)}</small></p>'


def figure(content: str, caption: str, style: str = "") -> str:
    """Return content with a caption under it; `caption` is plain text."""
    return (
        f'<figure class="figure {style}">{content}'
        f'<figcaption class="figure-caption">{escape(caption)}</figcaption></figure>'
    )


def tabs(name: str, panes: dict[str, str]) -> Html:
    """Return panes behind tabs, or the pane itself where there is one.

    Parameters
    ----------
    name : str
        Unique on the page; letters and hyphens.
    panes : dict of str to str
        From the title of a tab, plain text, to its HTML.
    """
    if len(panes) == 1:
        return Html(next(iter(panes.values())))
    buttons, contents = [], []
    for number, (title, content) in enumerate(panes.items()):
        pane, active = f"{name}-{number}", " active" if number == 0 else ""
        selected = "true" if active else "false"
        buttons.append(
            '<li class="nav-item" role="presentation">'
            f'<button type="button" class="nav-link{active}" id="{pane}-tab" role="tab" '
            f'data-bs-toggle="tab" data-bs-target="#{pane}" aria-controls="{pane}" '
            f'aria-selected="{selected}">{escape(title)}</button></li>'
        )
        contents.append(
            f'<div class="tab-pane{active}" id="{pane}" role="tabpanel" '
            f'aria-labelledby="{pane}-tab">{content}</div>'
        )
    return Html(
        f'<div class="panel-tabset"><ul class="nav nav-tabs" role="tablist">{"".join(buttons)}</ul>'
        f'<div class="tab-content">{"".join(contents)}</div></div>'
    )


def details(title: str, small: str, content: str) -> str:
    """Return content that is unfolded by its title; `title` and `small` are plain text."""
    summary = f"<summary><strong>{escape(title)}</strong> <small>{escape(small)}</small></summary>"
    return f'<details class="entry">{summary}{content}</details>'


def description(facts: dict[str, str]) -> str:
    """Return a list of terms, plain text, with their descriptions, HTML."""
    rows = (f"<div><dt>{escape(term)}</dt><dd>{said}</dd></div>" for term, said in facts.items())
    return f"<dl>{''.join(rows)}</dl>"


def table(head: list[list[str]], body: list[list[str]], caption: str) -> str:
    """Return an accessible table that scrolls by itself where the screen is narrow.

    Parameters
    ----------
    head, body : list of list of str
        Rows of whole cells, made by `cell`.
    caption : str
        Plain text.
    """
    rows = ["".join(f"<tr>{''.join(row)}</tr>" for row in part) for part in (head, body)]
    # Quarto would take raw tables apart and lose their scopes.
    content = (
        f'<div class="table-scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        '<table class="table table-sm" data-quarto-disable-processing="true">'
        f"<thead>{rows[0]}</thead><tbody>{rows[1]}</tbody></table></div>"
    )
    return figure(content, caption, style="table-figure")


def heads(text: Iterable[str], numbers: Iterable[str] = ()) -> list[str]:
    """Return the heads of columns of text, of which the first names the rows, then of numbers."""
    first, *others = text
    named = [cell(first, "col", style="system"), *(cell(title, "col") for title in others)]
    return named + [cell(title, "col", style="number") for title in numbers]


def hidden_header(content: str) -> str:
    """Return a row's header that only screen readers are told; `content` is plain text."""
    said = f'<span class="visually-hidden">{escape(content)}</span>'
    return f'<th scope="row" class="system repeated">{said}</th>'


def cell(
    content: str,
    scope: str = "",
    span: int = 1,
    style: str = "",
    small: str = "",
    note: str = "",
    value: float | None = None,
) -> str:
    """Return a table cell.

    Parameters
    ----------
    content : str
        Plain text.
    scope : str
        ``col``, ``colgroup`` or ``row`` make it a header.
    span : int
        Columns that it spans.
    style : str
        CSS class.
    small : str
        Plain text in small print under it.
    note : str
        HTML in small print under that.
    value : float, optional
        By which a table is sorted, where it is not the number that is shown.
    """
    tag = "th" if scope else "td"
    attributes = "".join(
        f' {name}="{escape(value)}"'
        for name, value in {
            "scope": scope,
            "colspan": str(span) if span > 1 else "",
            "class": style,
            "data-value": "" if value is None else f"{value:g}",
        }.items()
        if value
    )
    below = "".join(f"<br><small>{said}</small>" for said in (escape(small), note) if said)
    return f"<{tag}{attributes}>{escape(content)}{below}</{tag}>"
