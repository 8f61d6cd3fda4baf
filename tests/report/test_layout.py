"""How the report is built: the kit knows no page, a page no other page, and nothing needs torch."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import radrobust.report

ROOT = Path(radrobust.report.__file__).parent
SCRIPTS = sorted((Path(__file__).parents[2] / "reports").glob("*.py"))


def name_of(path):
    parts = path.relative_to(ROOT.parents[1]).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in ROOT.rglob("*.py")}


def imported(path):
    """Modules of the report that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    packages = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    return found & (set(MODULES) - packages)


def page_of(module):
    """The page that a module belongs to, or nothing."""
    parts = module.split(".")
    return parts[3] if len(parts) > 3 and parts[2] == "pages" else ""


GRAPH = {module: imported(path) for module, path in MODULES.items()}


def test_no_import_goes_in_a_circle():
    list(TopologicalSorter(GRAPH).static_order())


@pytest.mark.parametrize("module", GRAPH)
def test_a_module_knows_the_kit_and_its_own_page(module):
    assert {page_of(other) for other in GRAPH[module]} <= {"", page_of(module)}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_page_is_made_with_the_kit_and_its_own_modules(script):
    assert {page_of(module) for module in imported(script)} <= {"", script.stem}


@pytest.mark.parametrize("module", [module for module in GRAPH if page_of(module)])
def test_to_read_a_page_two_of_its_modules_are_open_at_most(module):
    opened, ahead = set(), [module]
    while ahead:
        opened.add(at := ahead.pop())
        ahead += [other for other in GRAPH[at] if page_of(other) and other not in opened]
    assert len(opened) <= 2, opened


def test_the_report_needs_no_torch():
    code = f"import sys, {', '.join(MODULES)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
