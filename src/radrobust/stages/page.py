"""Stage `page@name`: execute one page of the report."""

from __future__ import annotations

import sys
from pathlib import Path

import jupytext
import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from radrobust import paths
from radrobust.errors import InputError
from radrobust.files import replacing
from radrobust.params import Params, choose


class ThisInterpreter(KernelSpecManager):
    """Start kernels in the interpreter that runs this, whichever are registered."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return how to start it; there is one kernel, whatever its name."""
        words = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        quiet = "--log-level=ERROR"  # else each page warns that kernels use local sockets
        return KernelSpec(argv=[*words, quiet], display_name="Python", language="python")


def page(name: str, params: Params) -> None:
    """Execute `reports/<name>.py` in the current folder and write `notebooks/<name>.ipynb`.

    The notebook is byte-identical where the page and what it reads are.

    Parameters
    ----------
    name : str
        A page in `reports/`.
    params : Params
        The study. The page reads `params.yaml` itself; that it could be read before a kernel is
        started makes a mistake in it known at once.

    Raises
    ------
    InputError
        There is no such page, or something that it reads is not usable.
    """
    choose("page", name, sorted(file.stem for file in paths.REPORTS.glob("*.py")))
    source = paths.REPORTS / f"{name}.py"
    notebook = jupytext.read(source)
    _make_plain(notebook, name)
    _execute(notebook, source)
    _make_plain(notebook, name)
    with replacing(paths.NOTEBOOKS / f"{name}.ipynb") as draft:
        nbformat.write(notebook, draft)  # type: ignore[no-untyped-call]


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
