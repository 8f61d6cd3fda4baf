"""HTML outputs as raw blocks of Markdown."""

from __future__ import annotations

import re

from nbformat import NotebookNode

LEAST = 3  # backticks of a fence


def as_raw_blocks(page: NotebookNode) -> None:
    """Turn every HTML output of an executed page into Markdown that holds the same HTML.

    Quarto makes a widget page of a notebook with an output of type ``text/html``, which then asks
    a CDN for scripts. A raw block gives the same elements and asks nobody.
    """
    for cell in page.cells:
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output.data = {"text/markdown": raw_block(output.data["text/html"])}


def raw_block(html: str) -> str:
    """Fence HTML so that Markdown passes it through, whatever it holds.

    Examples
    --------
    >>> print(raw_block("<p>a ``` b</p>"))
    ````{=html}
    <p>a ``` b</p>
    ````
    """
    longest = max((len(run) for run in re.findall("`+", html)), default=0)
    fence = "`" * max(LEAST, longest + 1)
    return f"{fence}{{=html}}\n{html}\n{fence}"
