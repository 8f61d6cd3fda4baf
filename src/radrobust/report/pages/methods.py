"""Page *Methods*: time and hardware, downloads, citation, parameters and versions."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from html import escape
from importlib.metadata import metadata, version
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]
from pydantic import BaseModel
from ruamel.yaml import YAML

from radrobust.core import paths
from radrobust.core.cost import Cost, cost_file, read_cost, study_digest
from radrobust.core.params import budget_text
from radrobust.report.kit import html
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html, Markdown, prose
from radrobust.report.kit.study import Study
from radrobust.report.kit.tables import sortable, system_cell
from radrobust.report.kit.text import DASH, duration, plural

OF_A_SYSTEM = {"finetune": "Training", "attack": "Attack and checks", "explain": "Explanations"}
OF_THE_STUDY = {
    "read": "Reading the radiographs",
    "audit": "Auditing them",
    "prepare": "Splitting them",
    "summarise": "Figures and intervals",
}
OTHER_STUDY = "with other parameters"

ADDRESS = "tables"
README = "README.txt"
CITATION = "CITATION.cff"
FIRST = ("samples", "predictions", "attributions")

PACKAGES = (
    "radrobust", "torch", "torchvision", "captum", "robustbench", "numpy", "pandas", "scipy",
    "pillow", "matplotlib", "dvc", "jupytext",
)  # fmt: skip


# --- Time and hardware ------------------------------------------------------------------------


def hardware(study: Study) -> Markdown:
    """Name the hardware, the most memory, and the time of all stages together."""
    found = [cost for stage, system in _stages(study) if (cost := _read(study, stage, system))]
    if not found:
        return prose(
            "The time of no stage was recorded: their results come from a cache, or from an "
            "earlier release."
        )
    kinds = dict.fromkeys(
        f"{'no GPU' if cost.device == 'cpu' else cost.device}, {cost.machine} processor, "
        f"{plural(cost.threads, 'thread')}"
        for cost in found
    )
    total, memory = sum(cost.seconds for cost in found), max(cost.memory for cost in found)
    return prose(
        f"Measured on: {'; '.join(kinds)}. Most memory: {memory / 1e9:.1f} GB. Together "
        f"{duration(total)} by the clock, one stage after the other; recorded of {len(found)} of "
        f"{plural(len(_stages(study)), 'stage')}."
    )


def costs(study: Study) -> Html:
    """How long each stage took, a row a system; then the stages that are of all systems."""
    head = html.heads(["System"], OF_A_SYSTEM.values())
    body = [
        [system_cell(study, system), *(_cost(study, stage, system) for stage in OF_A_SYSTEM)]
        for system in study.systems
    ]
    caption = (
        f"Time by the clock, from the start of the command to its end; in small print the time of "
        f"all processor cores together. {DASH}: not recorded."
    )
    once = [[cell(title, "row"), _cost(study, stage)] for stage, title in OF_THE_STUDY.items()]
    head_once = [cell("For all systems", "col"), cell("Time", "col", style="number")]
    whole = html.table([head_once], once, "Likewise, of the stages that run once.")
    return Html(sortable(html.table([head], body, caption)) + whole)


def precisions(study: Study) -> Html:
    """The number format of each system's training and of its attack's search, with its reason."""
    found = {
        system: (study.training(system).get("precision"), study.searched(system))
        for system in study.systems
    }
    of_all = [one for both in found.values() for one in both if one]
    if not any(one["float32_seconds"] for one in of_all):
        return Html("<p>Everything was computed in float32; nothing coarser was tried.</p>")
    head = html.heads(["System", "Training", "Search of the attack"])
    body = [
        [system_cell(study, system), *(_precision(one) for one in both)]
        for system, both in found.items()
    ]
    caption = (
        f"The number format of each system's training and of the search of its attack; in small "
        f"print the time of one step in each. {DASH}: not trained."
    )
    return Html(html.table([head], body, caption))


def _precision(found: dict[str, Any] | None) -> str:
    if found is None:
        return cell(DASH)
    if found["float32_seconds"] is None:
        return cell(found["name"], small="the other was not tried")
    times = [f"{name} {duration(found[f'{name}_seconds'])}" for name in ("float32", "bfloat16")]
    return cell(found["name"], small=", ".join(times))


def _stages(study: Study) -> list[tuple[str, str]]:
    """List the stages, each with its system if it is of one."""
    stages = [(stage, "") for stage in OF_THE_STUDY]
    return stages + [(stage, system) for stage in OF_A_SYSTEM for system in study.systems]


def _read(study: Study, stage: str, system: str = "") -> Cost | None:
    """Return the cost of a stage that has ended."""
    cost = read_cost(study.root / cost_file(stage, system))
    return cost if cost and cost.finished else None


def _cost(study: Study, stage: str, system: str = "") -> str:
    cost = _read(study, stage, system)
    if cost is None:
        return cell(DASH, style="number")
    notes = [f"in {plural(cost.runs, 'run')}"] if cost.runs > 1 else []
    notes += [OTHER_STUDY] if cost.study != study_digest(stage, study.params) else []
    at_least = "at least " if cost.untold else ""  # of a run that was killed it is not known
    small = f"processor {duration(cost.cpu_seconds)}"
    shown = f"{at_least}{duration(cost.seconds)}"
    return cell(shown, style="number", small=small, note="<br>".join(notes), value=cost.seconds)


# --- Downloads and citation -------------------------------------------------------------------


def tables(study: Study) -> Html:
    """Every table of the study, as CSV and Parquet, with its rows and sizes."""
    folder = study.root / paths.TABLES
    if not (folder / README).is_file():
        return Html("<p>No tables were written; <code>radrobust tables</code> writes them.</p>")
    found = sorted(file.stem for file in folder.glob("*.parquet"))
    names = [*FIRST, *(name for name in found if name not in FIRST)]
    head = [cell("Table", "col")]
    head += [cell(title, "col", style="number") for title in ("CSV", "Parquet", "Rows", "Columns")]
    body = [_table_row(folder / f"{name}.parquet") for name in names]
    caption = (
        "The radiographs; the answer of every system to every test radiograph at every budget; the "
        "measures of every map; and, summary by summary, every figure that the pages show."
    )
    more = f'<p>The meaning of the columns is in <a href="{ADDRESS}/{README}">{README}</a>.</p>'
    return Html(html.table([head], body, caption) + more)


def citation(study: Study) -> Html:
    """How to cite the program and the radiographs."""
    facts = {
        "Program": escape(_program(study)),
        "Radiographs": escape(f"{study.dataset['citation']} {study.dataset['source']}"),
        "Licence of the radiographs": escape(str(study.dataset["licence"])),
        "Systems": 'the paper of each is on the page <a href="systems.html">Systems</a>',
    }
    return Html(f'<div class="entry">{html.description(facts)}</div>')


def _table_row(file: Path) -> list[str]:
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


# --- Parameters and versions ------------------------------------------------------------------


def parameters(study: Study) -> Html:
    """Every parameter of the study."""
    head = [[cell("Parameter", "col"), cell("Value", "col")]]
    body = [[cell(key, "row", style="code"), cell(value)] for key, value in _flat(study.params)]
    return Html(html.table(head, body, "params.yaml, the only description of the study."))


def versions() -> Html:
    """Versions of Python and of the packages that computed the study."""
    found = {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}
    head = [[cell("Package", "col"), cell("Version", "col")]]
    body = [[cell(name, "row"), cell(text)] for name, text in found.items()]
    return Html(html.table(head, body, "Versions when this page was executed."))


def commit(study: Study) -> Markdown:
    """Name the commit of the code, if it is known."""
    known = _git(study, "rev-parse", "HEAD")
    if not known:
        return Markdown(
            "The code's commit is not known: it was not run in a git checkout that has one."
        )
    changed = _git(study, "status", "--porcelain", "--untracked-files=no")
    more = ", with changes that were not committed" if changed else ""
    return Markdown(f"This page was executed at commit `{known}`{more}.")


def _git(study: Study, *words: str) -> str:
    try:
        ended = subprocess.run(
            ["git", *words], cwd=study.root, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return ended.stdout.strip() if ended.returncode == 0 else ""


def _flat(section: BaseModel, prefix: str = "") -> Iterator[tuple[str, str]]:
    # Not `model_dump`, which would write 5/255 as 1/51.
    for key in type(section).model_fields:
        value = getattr(section, key)
        if isinstance(value, BaseModel):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _written(value)


def _written(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_written, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, Fraction):
        return str(value)
    in_levels = value < 1 and 255 % value.denominator == 0
    return budget_text(value) if in_levels else f"{float(value):.4g}"
