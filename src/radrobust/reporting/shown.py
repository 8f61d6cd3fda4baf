"""What a cell of a page ends in: HTML or Markdown that a notebook shows as such."""

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


def prose(text: str) -> Markdown:
    """Show sentences; numbers and their per cent signs are kept on one line."""
    return Markdown(text.replace(" %", "\u00a0%"))
