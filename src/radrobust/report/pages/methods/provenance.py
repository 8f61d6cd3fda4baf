"""What a study was made with: parameters, versions, commit."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from importlib.metadata import version

from pydantic import BaseModel

from radrobust.core.params import budget_text
from radrobust.report.kit import html
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import Html, Markdown
from radrobust.report.kit.study import Study

PACKAGES = (
    "radrobust", "torch", "torchvision", "captum", "robustbench", "numpy", "pandas", "scipy",
    "pillow", "matplotlib", "dvc", "jupytext",
)  # fmt: skip


def parameters(study: Study) -> Html:
    """Every parameter of the study."""
    head = [[cell("Parameter", "col"), cell("Value", "col")]]
    body = [[cell(key, "row", style="code"), cell(value)] for key, value in _flat(study.params)]
    return Html(html.table(head, body, "params.yaml, the only place where the study is described."))


def versions() -> Html:
    """Versions of Python and of the packages that computed the study."""
    found = {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}
    head = [[cell("Package", "col"), cell("Version", "col")]]
    body = [[cell(name, "row"), cell(text)] for name, text in found.items()]
    return Html(html.table(head, body, "Versions when this page was executed."))


def commit(study: Study) -> Markdown:
    """The commit of the code, if it is known."""
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
