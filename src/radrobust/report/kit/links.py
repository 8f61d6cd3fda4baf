"""Names of pages, and links to systems and cases. Light to import: stage `page` does it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from radrobust.report.kit.study import Study

CASES = "cases"


def page_name(system: str) -> str:
    """Return the name of the page of a system."""
    return f"system-{system}"


def to_system(study: Study, system: str) -> str:
    """Return Markdown that leads to the page of a system."""
    return f"[{study.name(system)}]({page_name(system)}.ipynb)"


def case(sample: str, system: str) -> str:
    """Return the address of a case, relative to every page, as the case browser reads it.

    Examples
    --------
    >>> case("film 1", "standard")
    'cases.html#film=film+1&system=standard'
    """
    return f"{CASES}.html#{urlencode({'film': sample, 'system': system})}"


def to_case(address: str, content: str, repeated: bool = False) -> str:
    """Return HTML that leads to a case.

    Parameters
    ----------
    address : str
        As `case` returns it.
    content : str
        HTML with a name: words, or a picture with a text alternative.
    repeated : bool
        Whether a link nearby leads there as well: then it is for the mouse alone, so that the
        keyboard does not stop at each of many pictures.
    """
    skipped = ' tabindex="-1"' if repeated else ""
    return f'<a class="to-case" href="{escape(address)}"{skipped}>{content}</a>'
