import numpy as np
import pytest
import torch

from radrobust.errors import InputError
from radrobust.params import load_params
from radrobust.systems.classifier import build
from radrobust.training.augmentation import augment
from radrobust.training.loop import Part, train


def test_augmentation_mirrors_and_shifts_and_keeps_values():
    image = torch.zeros(1, 1, 32, 32)
    image[0, 0, 12:20, 13:17] = 0.5
    generator = torch.Generator().manual_seed(0)
    seen = {tuple(augment(image, generator).nonzero()[0].tolist()) for _ in range(200)}
    assert len(seen) > 20
    for _ in range(20):
        turned = augment(image, generator)
        assert turned.shape == image.shape
        assert float(turned.sum()) == float(image.sum())


def part(count, seed):
    """Films whose upper half is brighter where there is a finding."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % 2).astype(np.int8)
    images = rng.integers(0, 120, (count, 32, 32), dtype=np.uint8)
    images[labels == 1, 8:24, 8:24] += 100
    return Part(images, labels)


@pytest.fixture
def params():
    return load_params().finetune.model_copy(
        update={"epochs": 3, "batch_size": 16, "lr": 0.01, "precision": "float32", "steps": 2}
    )


@pytest.mark.parametrize("objective", ["standard", "trades"])
def test_training_learns_and_a_second_run_is_bit_identical(objective, params):
    states = []
    for _ in range(2):
        classifier = build("standard", seed=0)
        curve = train(classifier, objective, part(64, 0), part(32, 1), params, seed=7)
        states.append(classifier.state_dict())
    assert curve["val_auroc"].max() > 0.9
    assert curve["best"].sum() == 1
    assert curve.loc[curve["best"], "val_auroc"].item() == curve["val_auroc"].max()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not classifier.training


def test_a_loss_that_is_not_finite_names_the_epoch_and_the_step(params):
    params = params.model_copy(update={"lr": 1e30})
    with pytest.raises(InputError, match=r"epoch \d, step \d+; try a finetune.lr below"):
        train(build("standard", 0), "standard", part(64, 0), part(32, 1), params, seed=7)


def test_validation_films_are_never_augmented(params, monkeypatch):
    import radrobust.training.loop as loop

    seen = []
    monkeypatch.setattr(loop, "augment", lambda images, _: seen.append(images) or images)
    validation = part(32, 1)
    validation.images[:, 0, 0] = 255  # a mark that no training film bears
    train(build("standard", 0), "standard", part(64, 0), validation, params, seed=7)
    assert seen
    assert all(float(images[:, 0, 0, 0].max()) < 1 for images in seen)
