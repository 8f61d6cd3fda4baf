"""Pictures of test films lead to the case browser, where all systems are asked about the film."""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode

from radrobust.report.kit.page_names import CASES


def address(film: str, system: str) -> str:
    """Return the address of a case, relative to every page, as the case browser reads it.

    Examples
    --------
    >>> address("film 1", "standard")
    'cases.html#film=film+1&system=standard'
    """
    return f"{CASES}.html#{urlencode({'film': film, 'system': system})}"


def link(case: str, content: str, repeated: bool = False) -> str:
    """Let HTML lead to a case.

    Parameters
    ----------
    case : str
        What `address` returns.
    content : str
        HTML with a name: words, or a picture that says what it shows.
    repeated : bool
        Whether a link nearby leads there as well: then it is for the mouse alone, so that the
        keyboard does not stop at each of many pictures.
    """
    skipped = ' tabindex="-1"' if repeated else ""
    return f'<a class="to-case" href="{escape(case)}"{skipped}>{content}</a>'
