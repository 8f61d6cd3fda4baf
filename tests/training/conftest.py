import numpy as np
import pytest
import torch

from radrobust.core.params import Finetune
from radrobust.systems.images import Images
from radrobust.training.inputs import ImageInputs
from radrobust.training.loop import Plan, train

CHANGES = {
    "count: 1200": "count: 120",
    "head: linear": "head: mlp",  # with dropout
    "balance: weights": "balance: sampler",
    # Two runs that both measure could come to different ends.
    "precision: auto # auto": "precision: float32 # auto",
}


@pytest.fixture(scope="session")
def prepared(tmp_path_factory, write_study):
    """A small study with its films, in which nothing has been trained."""
    folder = tmp_path_factory.mktemp("study")
    write_study(folder, CHANGES)
    return folder


@pytest.fixture
def images():
    """Images whose middle is brighter where there is a finding."""

    def draw(count, seed):
        rng = np.random.default_rng(seed)
        labels = np.arange(count) % 2
        levels = rng.integers(0, 120, (count, 1, 32, 32), dtype=np.uint8)
        levels[labels == 1, :, 8:24, 8:24] += 100
        names = [f"{seed}-{row}" for row in range(count)]
        return Images(names, torch.from_numpy(labels), torch.from_numpy(levels))

    return draw


@pytest.fixture
def inputs(images):
    """Such images as a training loop takes them."""

    def draw(count, seed, augmented=True):
        return ImageInputs(images(count, seed), augmented)

    return draw


@pytest.fixture
def finetune():
    """The section `finetune`, small, with changes."""

    def build(**changes):
        small = {"epochs": 3, "batch_size": 16, "lr": 0.01, "precision": "float32", "steps": 2}
        return Finetune.model_validate(small | changes)

    return build


@pytest.fixture
def fit(tmp_path, finetune):
    """Train a network by an objective; keyword arguments change the section `finetune`."""

    def run(network, objective, training, validation, state=None, on_epoch=lambda row: None,
            helper=None, seed=7, **changes):  # fmt: skip
        path = tmp_path / "state.pt" if state is None else state
        path.unlink(missing_ok=True) if state is None else None
        plan = Plan(objective, finetune(**changes), seed, torch.device("cpu"), path, helper)
        return train(network, training, validation, plan, on_epoch)

    return run
