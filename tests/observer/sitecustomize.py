"""Put first on PYTHONPATH, writes down what a stage really reads, for a test to hold against DVC.

Every process of a stage, the kernel of a page too, appends to a file in the folder that
RADROBUST_OBSERVED names: which files it opens, which modules of the program it has imported, and
which sections of the parameters it asks for.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
import uuid
from pathlib import Path
from types import ModuleType

FOLDER = os.environ.get("RADROBUST_OBSERVED", "")
STAGE = "RADROBUST_STAGE"  # handed on to the processes that this one starts
_told: set[str] = set()


def _tell(kind: str, name: object) -> None:
    """Write down something once, and at once: a kernel is killed, and has no last word."""
    line = f"{kind} {name}\n"
    if line not in _told:
        _told.add(line)
        with os.fdopen(os.open(_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "w") as file:
            file.write(line)


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str | os.PathLike):
        mode = arguments[1]
        if isinstance(mode, str) and not set(mode) & set("wax"):
            _tell("opened", Path(arguments[0]).absolute())
    elif event == "import" and str(arguments[0]).startswith("radrobust"):
        _tell("module", arguments[0])


def _watch_params(module: ModuleType) -> None:
    """Have the parameters tell which sections are asked for, once they have been checked."""
    get, load = module.Params.__getattribute__, module.load_params
    asked = ["section"]

    def ask(self, name):
        if name in module.Params.model_fields:
            _tell(asked[0], name)
        return get(self, name)

    def loaded(*arguments):
        asked[0] = "checked"
        try:
            return load(*arguments)
        finally:
            asked[0] = "section"

    module.Params.__getattribute__, module.load_params = ask, loaded


def _watch_parquet(module: ModuleType) -> None:
    """Parquet is read by a library that opens files without Python's knowledge."""
    read = module.read_parquet

    def noted(path, *arguments, **options):
        if isinstance(path, str | os.PathLike):
            _tell("opened", Path(path).absolute())
        return read(path, *arguments, **options)

    module.read_parquet = noted


WATCHED = {"radrobust.core.params": _watch_params, "pandas.io.parquet": _watch_parquet}


class _Finder(importlib.abc.MetaPathFinder):
    """Change some modules as soon as they are imported."""

    def find_spec(self, name, path=None, target=None):
        if name not in WATCHED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        run = spec.loader.exec_module

        def watched(module):
            run(module)
            WATCHED[name](module)

        spec.loader.exec_module = watched
        return spec


if FOLDER:
    if "radrobust" in Path(sys.argv[0] if sys.argv else "").name:
        os.environ[STAGE] = " ".join(sys.argv[1:])
    if STAGE in os.environ:
        stage = os.environ[STAGE].replace(" ", "-")
        _file = str(Path(FOLDER) / f"{stage}.{uuid.uuid4().hex}.txt")
        sys.addaudithook(_note)
        sys.meta_path.insert(0, _Finder())
