import importlib.util
from pathlib import Path

import pytest

from radrobust.params import load_params

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def zoo():
    """The module that builds RobustBench's models; `tests` is no package to be imported."""
    path = Path(__file__).with_name("robustbench_zoo.py")
    spec = importlib.util.spec_from_file_location("robustbench_zoo", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def model():
    """The section `model` of the shipped study, with changes."""

    def build(**changes):
        return load_params(REPOSITORY / "params.yaml").model.model_copy(update=changes)

    return build
