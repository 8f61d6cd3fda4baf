"""Stage `page@name`: execute one page of the report."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import jupytext
import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from ruamel.yaml import YAML

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.files import replacing
from radrobust.core.params import Params, choose
from radrobust.report.kit.links import page_name
from radrobust.systems.bibliography import bibliography

TEMPLATE = "system"
"""The script of which the page of every system is made."""

PARAMETERS, INJECTED = "parameters", "injected-parameters"
"""Tags of the cell with a page's own parameters, and of that which replaces them."""


class ThisInterpreter(KernelSpecManager):
    """Start kernels in the interpreter that runs this, whichever are registered."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return how to start it; there is one kernel, whatever its name."""
        words = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        quiet = "--log-level=ERROR"  # else each page warns that kernels use local sockets
        return KernelSpec(argv=[*words, quiet], display_name="Python", language="python")


def pages(params: Params) -> dict[str, Path]:
    """Return every page of a study and the script that it is made of."""
    scripts = {file.stem: file for file in sorted(paths.REPORTS.glob("*.py"))}
    template = scripts.pop(TEMPLATE, None)
    if template:
        scripts |= {page_name(key): template for key in params.systems}
    return scripts


def page(name: str, params: Params) -> None:
    """Execute one page of the report in the current folder and write `notebooks/<name>.ipynb`.

    The notebook is byte-identical where the page and what it reads are.

    Parameters
    ----------
    name : str
        A script in `reports/`, or ``system-`` and the key of one of the study's systems.
    params : Params
        The study. The page reads `params.yaml` itself; that it could be read before a kernel is
        started makes a mistake in it known at once.

    Raises
    ------
    InputError
        There is no such page, or something that it reads is not usable.
    """
    scripts = pages(params)
    source = scripts[choose("page", name, list(scripts))]
    notebook = jupytext.read(source)
    if source.stem == TEMPLATE:
        key = next(key for key in params.systems if page_name(key) == name)
        _inject(notebook, source, key=key)
        told = bibliography(key)
        _retitle(notebook, f"{told.title} ({told.label})")
    _make_plain(notebook, name)
    _execute(notebook, source)
    _make_plain(notebook, name)
    with replacing(paths.NOTEBOOKS / f"{name}.ipynb") as draft:
        nbformat.write(notebook, draft)  # type: ignore[no-untyped-call]


def _inject(notebook: NotebookNode, source: Path, **parameters: str) -> None:
    """Add a cell after that with the page's parameters, in which some have other values."""
    tagged = [PARAMETERS in cell.metadata.get("tags", []) for cell in notebook.cells]
    if sum(tagged) != 1:
        raise InputError(f"{source} must have one cell with the tag {PARAMETERS}")
    lines = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    cell = new_code_cell(lines, metadata={"tags": [INJECTED]})  # type: ignore[no-untyped-call]
    notebook.cells.insert(tagged.index(True) + 1, cell)


def _retitle(notebook: NotebookNode, title: str) -> None:
    """Set the title in a page's front matter, its first cell."""
    yaml, text = YAML(), io.StringIO()
    front = yaml.load(notebook.cells[0].source.strip().strip("-"))
    yaml.dump(front | {"title": title}, text)
    notebook.cells[0].source = f"---\n{text.getvalue()}---"


def _execute(notebook: NotebookNode, source: Path) -> None:
    client = NotebookClient(
        notebook,
        km=AsyncKernelManager(kernel_spec_manager=ThisInterpreter()),
        resources={"metadata": {"path": "."}},
        record_timing=False,
    )
    try:
        client.execute()
    except CellExecutionError as error:
        if error.ename != InputError.__name__:
            raise
        raise InputError(f"{source}, cell {_failed(notebook)}: {error.evalue}") from None


def _failed(notebook: NotebookNode) -> int:
    """Number, from 1, of the cell that raised."""
    return next(
        number
        for number, cell in enumerate(notebook.cells, start=1)
        if any(output.output_type == "error" for output in cell.get("outputs", []))
    )


def _make_plain(notebook: NotebookNode, name: str) -> None:
    """Keep only what does not change from one run to the next."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python", "language": "python", "name": "python3"}
    }
    notebook.nbformat_minor = 5
    for number, cell in enumerate(notebook.cells, start=1):
        cell["id"] = f"{name}-{number}"
        tags = cell.metadata.get("tags")
        cell.metadata = {"tags": tags} if tags else {}
