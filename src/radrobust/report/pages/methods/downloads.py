"""What a study has to take away: its tables, and how to cite it."""

from __future__ import annotations

from html import escape
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]
from ruamel.yaml import YAML

from radrobust.core import paths
from radrobust.report.kit import html
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import Study

TABLES = paths.RESULTS / "tables"
ADDRESS = "tables"
README = "README.txt"
CITATION = "CITATION.cff"
FIRST = ("samples", "predictions", "attributions")


def tables(study: Study) -> Html:
    """Every table of the study, as CSV and Parquet, with its rows and sizes."""
    folder = study.root / TABLES
    if not (folder / README).is_file():
        return Html("<p>No tables were written; <code>radrobust tables</code> writes them.</p>")
    found = sorted(file.stem for file in folder.glob("*.parquet"))
    names = [*FIRST, *(name for name in found if name not in FIRST)]
    head = [cell("Table", "col")]
    head += [cell(title, "col", style="number") for title in ("CSV", "Parquet", "Rows", "Columns")]
    body = [_row(folder / f"{name}.parquet") for name in names]
    caption = (
        "The films; what every system said of every test film at every budget; where every map "
        "looks; and, summary by summary, every figure that the pages show."
    )
    more = f'<p>What the columns mean is in <a href="{ADDRESS}/{README}">{README}</a>.</p>'
    return Html(html.table([head], body, caption) + more)


def citation(study: Study) -> Html:
    """How to cite the program, and the films."""
    facts = {
        "Program": escape(_program(study)),
        "Films": escape(f"{study.dataset['citation']} {study.dataset['source']}"),
        "Licence of the films": escape(str(study.dataset["licence"])),
        "Systems": 'the paper of each is on the page <a href="systems.html">Systems</a>',
    }
    return Html(f'<div class="entry">{html.description(facts)}</div>')


def _row(file: Path) -> list[str]:
    facts = pq.read_metadata(file)
    return [
        cell(file.stem, "row", style="code"),
        *(_link(file.with_suffix(suffix)) for suffix in (".csv", ".parquet")),
        cell(f"{facts.num_rows:,}", style="number"),
        cell(f"{facts.num_columns}", style="number"),
    ]


def _link(file: Path) -> str:
    size = _size(file.stat().st_size)
    # `download`: some browsers would show a CSV, and none a Parquet file.
    return (
        f'<td class="number"><a href="{ADDRESS}/{file.name}" download '
        f'aria-label="{file.name}, {size}">{size}</a></td>'
    )


def _size(count: int) -> str:
    """Write a number of bytes, to about two digits.

    Examples
    --------
    >>> _size(83), _size(232648), _size(3065425)
    ('1 kB', '233 kB', '3.1 MB')
    """
    thousands = max(1, round(count / 1000))
    return f"{thousands} kB" if thousands < 1000 else f"{count / 1e6:.1f} MB"


def _program(study: Study) -> str:
    """Cite as CITATION.cff says; where the study has none, as the installed package says."""
    file = study.root / CITATION
    if not file.is_file():
        facts = metadata("radrobust")
        return f"radrobust, version {facts['Version']}. {facts['Summary']}"
    found: dict[str, Any] = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    authors = ", ".join(_author(author) for author in found["authors"])
    return f"{authors}. {found['title']}. Version {found['version']}, {found['license']} licence."


def _author(author: dict[str, str]) -> str:
    given = f"{author['given-names']} " if "given-names" in author else ""
    return author.get("name") or f"{given}{author['family-names']}"
