"""Stage `page@name`: execute one page of the report."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jupytext
import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.files import replacing
from radrobust.core.params import Params, choose
from radrobust.report.kit.page_names import page_name
from radrobust.systems.catalogue import SYSTEMS

TEMPLATE, TEMPLATE_KEY = "system", "standard"
"""The script that is a page of one system, of which those of all others are made."""


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
        _turn(notebook, source, next(key for key in params.systems if page_name(key) == name))
    _make_plain(notebook, name)
    _execute(notebook, source)
    _make_plain(notebook, name)
    with replacing(paths.NOTEBOOKS / f"{name}.ipynb") as draft:
        nbformat.write(notebook, draft)  # type: ignore[no-untyped-call]


def _turn(notebook: NotebookNode, source: Path, key: str) -> None:
    """Turn the page of the template's system into that of another one."""
    for old, new in zip(_own_lines(TEMPLATE_KEY), _own_lines(key), strict=True):
        cells = [cell for cell in notebook.cells if old in cell.source.splitlines()]
        if len(cells) != 1:
            raise InputError(f"{source} must say {old} once, on a line of its own")
        lines = cells[0].source.splitlines()
        cells[0].source = "\n".join(new if line == old else line for line in lines)


def _own_lines(key: str) -> tuple[str, str]:
    """Return the lines of the template that differ from system to system."""
    title = f"{SYSTEMS[key].title} ({SYSTEMS[key].label})"
    return f"key = {json.dumps(key)}", f"title: {json.dumps(title, ensure_ascii=False)}"


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
        cell.metadata = {}
