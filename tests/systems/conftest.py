from pathlib import Path

import pytest

from radrobust.core.params import load_params

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def model():
    """The section `model` of the shipped study, with changes."""

    def build(**changes):
        return load_params(REPOSITORY / "params.yaml").model.model_copy(update=changes)

    return build
