"""Which sources a piece of the program is made of: a module, all that it imports, and so on.

DVC runs a stage anew when one of its sources has changed, and no part of a killed run is used by
another version of them. Both go by the lists that are made here, so that nobody keeps them by hand.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "radrobust"
_FOLDER = Path(__file__).parents[1]


def of_stage(stage: str, system: str = "") -> tuple[str, ...]:
    """Name the modules that a stage begins with: its own, and that of the system it is of."""
    modules = (f"{PACKAGE}.stages.{stage}",)
    return (*modules, f"{PACKAGE}.systems.catalogue.{system}") if system else modules


def sources(*modules: str) -> dict[str, Path]:
    """Return the sources of modules and of all modules of this package that they import.

    Imports are read off the sources, those within functions too; what is imported for type
    checkers alone, or by a name that is made while the program runs, is left out.

    Parameters
    ----------
    *modules : str
        Full names, such as ``radrobust.stages.attack``. What is no module of this package is
        passed over.

    Returns
    -------
    dict of str to Path
        From a module's name to its file, sorted by name.
    """
    found: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        file = _file(module)
        if module not in found and file is not None:
            found[module] = file
            waiting += imports(file)
            waiting.append(module.rpartition(".")[0])  # a package is run before what is in it
    return dict(sorted(found.items()))


def listing(*modules: str) -> str:
    """List what `sources` finds as sha256sum does: a line a module, its digest and its name."""
    return "".join(
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {module}\n"
        for module, file in sources(*modules).items()
    )


def version(*modules: str) -> str:
    """Return a digest, 16 hexadecimal digits, of all that `listing` lists.

    Two versions of the program that share it do the same with the same input.
    """
    return hashlib.sha256(listing(*modules).encode()).hexdigest()[:16]


@functools.cache
def imports(file: Path) -> frozenset[str]:
    """Return the names that a file imports from this package, whatever they are names of."""
    found: set[str] = set()
    for node in _statements(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update({node.module}, (f"{node.module}.{alias.name}" for alias in node.names))
    return frozenset(name for name in found if name.split(".")[0] == PACKAGE)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Walk through a tree, past what only type checkers read."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _statements(child)


def _file(module: str) -> Path | None:
    """Return where a module's source lies; None for names that are no modules of this package."""
    first, *rest = module.split(".")
    place = _FOLDER.joinpath(*rest)
    files = (place.with_name(f"{place.name}.py"), place / "__init__.py")
    return next((file for file in files if file.is_file()), None) if first == PACKAGE else None
