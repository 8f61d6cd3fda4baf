"""HTML and Markdown that a notebook shows as such: the value of a cell of a page."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Html:
    """HTML of tables and pictures."""

    source: str = field(repr=False)

    def _repr_html_(self) -> str:
        return self.source


@dataclass(frozen=True)
class Markdown:
    """Markdown of sentences."""

    source: str = field(repr=False)

    def _repr_markdown_(self) -> str:
        return self.source


def code(text: str) -> str:
    """Return Markdown that shows text letter by letter as code, whatever it holds.

    Examples
    --------
    >>> code("file: a/b"), code("$x")
    ('<code>file: a/b</code>', '<code>&#36;<wbr>x</code>')
    """
    return f"<code>{''.join(_letter(one) for one in text)}</code>"


def _letter(one: str) -> str:
    # A break after each sign, for renderers make one dash of two and © of (c).
    return one if one.isalnum() or one in " /:" else f"&#{ord(one)};<wbr>"


def prose(text: str) -> Markdown:
    """Show sentences; numbers and their per cent signs are kept on one line."""
    return Markdown(text.replace(" %", "\u00a0%"))
