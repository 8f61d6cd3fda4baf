"""The house: which part may lean on which; and that documents point at what is there."""

import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from radrobust.core.program import imports

REPOSITORY = Path(__file__).parents[1]
SOURCES = REPOSITORY / "src" / "radrobust"
FLOORS = [
    {"core"},
    {"data", "perturbations", "evaluation", "site"},
    {"systems"},
    {"training", "attacks", "attribution", "report"},
    {"stages"},
    {"cli"},
    {"__main__"},
]
"""Each floor leans on those below, and its parts not on each other."""


def modules() -> dict[str, Path]:
    files = {
        file.relative_to(SOURCES).with_suffix("").parts: file for file in SOURCES.rglob("*.py")
    }
    return {".".join(p for p in parts if p != "__init__"): file for parts, file in files.items()}


def leans_on(file: Path, known: dict[str, Path]) -> set[str]:
    found = {name.removeprefix("radrobust").removeprefix(".") for name in imports(file)}
    return {name for name in found if name in known and name}


def part(module: str) -> str:
    return module.split(".")[0]


def test_no_import_runs_up_a_floor_or_across_one():
    floor = {name: height for height, parts in enumerate(FLOORS) for name in parts}
    known = modules()
    for module, file in known.items():
        for other in leans_on(file, known) if module else ():
            ours, theirs = part(module), part(other)
            assert ours == theirs or floor[theirs] < floor[ours], f"{module} imports {other}"


def test_no_import_runs_in_a_circle():
    known = modules()
    TopologicalSorter(
        {module: leans_on(file, known) - {module} for module, file in known.items()}
    ).prepare()  # raises CycleError


def test_no_page_imports_another_page():
    known = modules()
    for module, file in known.items():
        if module.startswith("report.pages."):
            others = {name for name in leans_on(file, known) if name.startswith("report.pages.")}
            page = ".".join(module.split(".")[:3])
            assert all(name == page or name.startswith(f"{page}.") for name in others), module


@pytest.mark.parametrize("package", ["report", "evaluation"])
def test_what_counts_and_what_shows_needs_no_torch(package):
    names = [f"radrobust.{name}" for name in modules() if part(name) == package]
    code = f"import sys, {', '.join(names)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
LINK = re.compile(r"\[([^\]]*)\]\(([^)#]*)[^)]*\)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_documents_point_at_what_is_there(document):
    """A link to a source whose text is code leads to a file that holds that code."""
    for text, target in LINK.findall(document.read_text(encoding="utf-8")):
        if not target or "://" in target:
            continue
        file = document.parent / target
        assert file.exists(), f"{document.name}: {target} is not there"
        code = re.fullmatch(r"`(.+)`", text)
        if code and file.suffix == ".py" and code[1] != file.name and "/" not in code[1]:
            assert code[1] in file.read_text(encoding="utf-8"), f"{document.name}: {code[1]}"
    for name in re.findall(r"`(src/radrobust/[\w/.]+)`", document.read_text(encoding="utf-8")):
        assert (REPOSITORY / name).exists(), f"{document.name}: {name} is not there"
