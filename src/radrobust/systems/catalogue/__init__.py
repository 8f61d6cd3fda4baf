"""The systems that there are: a module each, and beside it a YAML for readers.

To add one, add both files; its network and its objective, if they are new, may be in its module,
under `radrobust.systems.architectures.architecture` and `radrobust.training.objectives.objective`.
Nothing here imports the module of a system that was not asked for, so that a change in one concerns
no other.
"""

from __future__ import annotations

import importlib
import pkgutil

from radrobust.core.errors import InputError
from radrobust.core.params import choose
from radrobust.systems.system import System


def keys() -> list[str]:
    """List the key of every system, by which it is called in `params.yaml`, in paths and addresses.

    They are the names of the modules here, in alphabetical order; none of them is imported.
    """
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(key: str) -> System:
    """Import the module of one system and return what it says.

    Raises
    ------
    InputError
        There is no such system, or its module does not say what it is.
    """
    module = importlib.import_module(f"{__name__}.{choose('system', key, keys())}")
    system = getattr(module, "SYSTEM", None)
    if not isinstance(system, System):
        raise InputError(f"{module.__file__} must have SYSTEM = System(…), which says what it is")
    return system
