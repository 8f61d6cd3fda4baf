"""Put first on PYTHONPATH, writes down what a stage really reads, for a test to hold against DVC.

Every process of a stage, the kernel of a page too, appends to a file in the folder that
RADROBUST_OBSERVED names: which files it opens, which modules of the program it has imported, and
which sections of the parameters it asks for.
"""

from __future__ import annotations

import atexit
import importlib.abc
import importlib.machinery
import json
import os
import sys
import uuid
from pathlib import Path
from types import ModuleType

FOLDER = os.environ.get("RADROBUST_OBSERVED", "")
STAGE = "RADROBUST_STAGE"  # handed on to the processes that this one starts
opened: set[str] = set()
sections: set[str] = set()


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str | os.PathLike):
        mode = arguments[1]
        if not isinstance(mode, str) or not set(mode) & set("wax"):
            opened.add(str(Path(arguments[0]).absolute()))


def _watch_params(module: ModuleType) -> None:
    """Have the parameters tell which sections are asked for, once they have been checked."""
    get, load = module.Params.__getattribute__, module.load_params

    def ask(self, name):
        if name in module.Params.model_fields:
            sections.add(name)
        return get(self, name)

    def loaded(*arguments):
        params = load(*arguments)
        sections.clear()
        return params

    module.Params.__getattribute__, module.load_params = ask, loaded


def _watch_parquet(module: ModuleType) -> None:
    """Parquet is read by a library that opens files without Python's knowledge."""
    read = module.read_parquet

    def noted(path, *arguments, **options):
        if isinstance(path, str | os.PathLike):
            opened.add(str(Path(path).absolute()))
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


def _tell() -> None:
    if not any(name.startswith("radrobust") for name in sys.modules):
        return
    modules = [name for name in sys.modules if name.split(".")[0] == "radrobust"]
    said = {
        "stage": os.environ[STAGE],
        "opened": sorted(opened),
        "modules": sorted(modules),
        "sections": sorted(sections),
    }
    (Path(FOLDER) / f"{uuid.uuid4().hex}.json").write_text(json.dumps(said))


if FOLDER:
    if "radrobust" in Path(sys.argv[0] if sys.argv else "").name:
        os.environ[STAGE] = " ".join(sys.argv[1:])
    if STAGE in os.environ:
        sys.addaudithook(_note)
        sys.meta_path.insert(0, _Finder())
        atexit.register(_tell)
