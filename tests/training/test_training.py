import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from radrobust.errors import InputError
from radrobust.params import load_params
from radrobust.systems.classifier import build
from radrobust.training.augmentation import augment
from radrobust.training.loop import Part, train
from radrobust.training.objectives import Context, standard, trades


class Linear(nn.Module):
    """Logits (0, w·x)."""

    def __init__(self, weights):
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, images):
        score = (images * self.weights).sum(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(score), score], dim=1)


def context(eps=0.1, steps=10, weights=(1.0, 1.0)):
    return Context(torch.tensor(weights), eps, steps, torch.Generator().manual_seed(0))


def test_standard_is_weighted_cross_entropy():
    classifier = Linear(torch.ones(1, 1, 1, 1))
    images = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1)
    labels = torch.tensor([0, 1])
    # Losses ln 2 and ln(1 + 1/e), weights 1 and 3.
    expected = (np.log(2) + 3 * np.log1p(np.exp(-1))) / 4
    loss = standard(classifier, images, labels, context(weights=(1.0, 3.0))).detach()
    assert float(loss) == pytest.approx(expected, abs=1e-6)


def test_trades_by_hand_on_a_linear_classifier():
    # KL grows with the distance of the scores, so x' lies at the end of the ball that lowers or
    # raises the score by eps times the sum of |w|; here w = 2 and x = 0.5, far from 0 and 1.
    classifier = Linear(torch.full((1, 1, 1, 1), 2.0))
    images, labels = torch.full((1, 1, 1, 1), 0.5), torch.tensor([1])
    loss = trades(classifier, images, labels, context(eps=0.1)).detach()

    def probability(x):
        return 1 / (1 + np.exp(-2 * x))

    def kl(p, q):
        return p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))

    clean = probability(0.5)
    ends = [kl(clean, probability(x)) for x in (0.4, 0.6)]
    natural = -np.log(clean)
    candidates = [natural + 6 * end for end in ends]
    assert min(abs(float(loss) - candidate) for candidate in candidates) < 1e-4


def test_trades_with_hardly_any_budget_is_cross_entropy():
    torch.manual_seed(0)
    classifier = Linear(torch.randn(1, 1, 4, 4))
    images, labels = 0.25 + torch.rand(5, 1, 4, 4) / 2, torch.tensor([0, 1, 1, 0, 1])
    loss = trades(classifier, images, labels, context(eps=1e-7)).detach()
    plain = F.cross_entropy(classifier(images), labels).detach()
    assert float(loss) == pytest.approx(float(plain), abs=1e-4)


def test_searching_the_perturbation_moves_no_batchnorm_statistic_and_no_weight():
    classifier = build("huang2021", seed=0)
    classifier.train()
    images, labels = torch.rand(4, 1, 32, 32), torch.tensor([0, 1, 0, 1])
    means = {
        name: tensor.clone()
        for name, tensor in classifier.state_dict().items()
        if "num_batches_tracked" in name
    }
    trades(classifier, images, labels, context(steps=3))
    assert classifier.training
    after = classifier.state_dict()
    # The clean and the attacked image, once each; none of the search's four passes.
    assert all(int(after[name] - before) == 2 for name, before in means.items())
    assert all(weight.grad is None for weight in classifier.parameters())


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
