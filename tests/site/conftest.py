import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def fake_study():
    """The module that writes fake studies; `tests` is no package that could be imported."""
    path = Path(__file__).parents[1] / "reporting" / "fake_study.py"
    spec = importlib.util.spec_from_file_location("fake_study", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
