import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from radrobust.perturbations.ball import Ball
from radrobust.training.inner import InnerAttack
from radrobust.training.objectives import (
    OBJECTIVES,
    Context,
    data_filtering,
    gairat,
    hat,
    mart,
    pgd,
    rebuffi,
    standard,
    trades,
)

EPS = 0.05
ROBUST = [name for name, objective in OBJECTIVES.items() if objective.robust]


class Linear(nn.Module):
    """Logits (0, w·x + b)."""

    def __init__(self, weights, bias=0.0):
        super().__init__()
        self.weights = nn.Parameter(weights)
        self.bias = bias

    def forward(self, images):
        score = (images * self.weights).sum(dim=(1, 2, 3)) + self.bias
        return torch.stack([torch.zeros_like(score), score], dim=1)


class Recording(nn.Module):
    """Passes films on, and notes them and the kind of pass."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.films = []
        self.kinds = []

    def forward(self, images):
        self.films.append(images.detach().clone())
        if self.training:
            self.kinds.append("training")
        else:
            self.kinds.append("input_gradient" if images.requires_grad else "forward")
            assert images.requires_grad == torch.is_grad_enabled()
        return self.network(images)


def convolutional(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Conv2d(4, 4, 3, padding=1, bias=False),
            nn.BatchNorm2d(4),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 2),
        )


def attack(eps=EPS, steps=4, norm="linf"):
    return InnerAttack(Ball(norm, eps), steps)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def context(weights=(1.0, 3.0), seed=0, helper=None, progress=0.0, **changes):
    return Context(torch.tensor(weights), attack(**changes), seeded(seed), progress, helper)


def value(loss):
    return loss.detach().item()


def batch(count=8, side=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(count, 1, side, side, generator=generator)
    return images, torch.arange(count) % 2


@pytest.fixture
def linear():
    """A linear classifier, and films far enough from 0 and 1 that only the ball limits x'."""
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(1, 1, 4, 4, generator=generator)
    images = 0.1 + 0.8 * torch.rand(7, 1, 4, 4, generator=generator)
    return Linear(weights), images, torch.tensor([0, 1, 1, 0, 1, 0, 0])


def scores(classifier, images):
    return classifier(images)[:, 1].detach().double().numpy()


def reach(classifier):
    """How far the ball lets the score of a linear classifier go."""
    return EPS * float(classifier.weights.detach().abs().double().sum())


def cross_entropy(margin, labels):
    return np.log1p(np.exp(np.where(np.asarray(labels) == 1, -margin, margin)))


def kl(clean, attacked):
    p, q = 1 / (1 + np.exp(-clean)), 1 / (1 + np.exp(-attacked))
    return p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))


def class_mean(losses, labels, weights=(1.0, 3.0)):
    return np.average(losses, weights=np.asarray(weights)[np.asarray(labels)])


def worst(classifier, images, labels):
    """The score at the end of the ball that the label likes least."""
    return scores(classifier, images) + reach(classifier) * (1 - 2 * labels.numpy())


def furthest(classifier, images):
    """The score where TRADES's search ends: it goes on in the direction of its first noise."""
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    direction = np.sign(scores(classifier, images + 0.001 * noise) - scores(classifier, images))
    assert set(direction) == {-1.0, 1.0}
    return scores(classifier, images) + reach(classifier) * direction


def test_standard_is_weighted_cross_entropy():
    classifier = Linear(torch.ones(1, 1, 1, 1))
    images = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1)
    labels = torch.tensor([0, 1])
    # Losses ln 2 and ln(1 + 1/e), weights 1 and 3.
    expected = (np.log(2) + 3 * np.log1p(np.exp(-1))) / 4
    loss = standard(classifier, images, labels, context())
    assert value(loss) == pytest.approx(expected, abs=1e-6)


def test_pgd_by_hand_on_a_linear_classifier(linear):
    classifier, images, labels = linear
    expected = class_mean(cross_entropy(worst(*linear), labels), labels)
    loss = pgd(classifier, images, labels, context())
    assert value(loss) == pytest.approx(expected, abs=1e-5)


def test_trades_by_hand_on_a_linear_classifier(linear):
    classifier, images, labels = linear
    clean = scores(classifier, images)
    natural = class_mean(cross_entropy(clean, labels), labels)
    expected = natural + 6 * kl(clean, furthest(classifier, images)).mean()
    loss = trades(classifier, images, labels, context())
    assert value(loss) == pytest.approx(expected, abs=1e-5)


def test_mart_by_hand_on_a_linear_classifier(linear):
    classifier, images, labels = linear
    clean, attacked = scores(classifier, images), worst(*linear)
    p = 1 / (1 + np.exp(-attacked))
    right, other = np.where(labels == 1, p, 1 - p), np.where(labels == 1, 1 - p, p)
    boosted = -np.log(right) - np.log(1 - other)  # as the paper writes it
    trust = np.exp(-cross_entropy(clean, labels))
    expected = class_mean(boosted + 6 * kl(clean, attacked) * (1 - trust), labels)
    loss = mart(classifier, images, labels, context())
    assert value(loss) == pytest.approx(expected, abs=1e-5)


@pytest.fixture
def crossing():
    """One-pixel films with the label 1 and 0, of which x > 0.5 is classified as 1."""
    classifier = Linear(torch.full((1, 1, 1, 1), 20.0), bias=-10.0)
    films = np.array([0.60, 0.53, 0.515, 0.505, 0.48, 0.40, 0.50, 0.485, 0.47])
    labels = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0])
    starts = films + EPS * (
        2 * torch.rand(9, 1, 1, 1, generator=torch.Generator().manual_seed(0)).numpy().ravel() - 1
    )
    # Four steps of 2 eps / 4, against the label, no further than eps.
    ways = (1 - 2 * labels) * np.arange(4)[:, None] * EPS / 2
    iterates = np.clip(starts + ways, films - EPS, films + EPS)
    kappa = ((iterates > 0.5) == (labels == 1)).sum(axis=0)
    assert set(kappa) == {0, 1, 2, 3, 4}
    ends = films + EPS * (1 - 2 * labels)
    images = torch.tensor(films, dtype=torch.float32).view(-1, 1, 1, 1)
    return classifier, images, torch.tensor(labels), kappa, 20 * ends - 10


def test_gairat_weights_films_by_the_iterates_that_are_still_right(crossing):
    classifier, images, labels, kappa, attacked = crossing
    omega = (1 + np.tanh(-1 + 5 * (1 - 2 * kappa / 4))) / 2
    expected = class_mean(omega / omega.mean() * cross_entropy(attacked, labels), labels)
    loss = gairat(classifier, images, labels, context(progress=0.5))
    assert value(loss) == pytest.approx(expected, rel=1e-4)


def test_gairat_weights_all_films_alike_for_half_of_the_training(crossing):
    classifier, images, labels, *_ = crossing
    early = gairat(classifier, images, labels, context(progress=0.499))
    late = gairat(classifier, images, labels, context(progress=0.5))
    plain = pgd(classifier, images, labels, context())
    assert value(early) == pytest.approx(value(plain), rel=1e-5)
    assert value(early) != pytest.approx(value(late), rel=0.1)


def test_gairat_weights_films_alike_that_are_equally_far_from_the_boundary():
    classifier = Linear(torch.full((1, 1, 1, 1), 20.0), bias=30.0)  # always 1
    images, labels = torch.rand(5, 1, 1, 1), torch.ones(5, dtype=torch.int64)
    loss = gairat(classifier, images, labels, context(progress=0.5))
    plain = pgd(classifier, images, labels, context())
    assert value(loss) == pytest.approx(value(plain), rel=1e-5)


def test_hat_by_hand_on_a_linear_classifier(linear):
    classifier, images, labels = linear
    clean, attacked = scores(classifier, images), furthest(classifier, images)
    # The helper answers by the same score, with its boundary between the films' scores at x'.
    boundary = np.median(attacked) + 1e-3
    helper = Linear(classifier.weights.detach(), bias=-boundary).eval()
    helped = (attacked > boundary).astype(int)
    assert 0 < helped.sum() < len(helped)
    assert (helped != labels.numpy()).any()
    beyond = clean + 2 * (attacked - clean)
    natural = class_mean(cross_entropy(clean, labels), labels)
    helping = class_mean(cross_entropy(beyond, helped), helped)
    expected = natural + 3.5 * kl(clean, attacked).mean() + 0.5 * helping
    loss = hat(classifier, images, labels, context(helper=helper))
    assert value(loss) == pytest.approx(expected, abs=1e-5)


def test_hat_without_a_helper_says_what_it_needs(linear):
    with pytest.raises(ValueError, match=r"hat needs Context\.helper"):
        hat(*linear, context())


def test_rebuffi_by_hand_on_a_linear_classifier(linear):
    classifier, images, labels = linear
    generator = torch.Generator().manual_seed(2)
    partners = torch.randperm(7, generator=generator).tolist()
    reach_of_box = int(4 * np.sqrt(1 - float(torch.rand((), generator=generator)))) // 2
    row, column = torch.randint(0, 4, (2,), generator=generator).tolist()
    mixed, share, pasted = images.clone(), labels.double().numpy(), 0
    for i in range(max(0, row - reach_of_box), min(4, row + reach_of_box)):
        for j in range(max(0, column - reach_of_box), min(4, column + reach_of_box)):
            mixed[:, 0, i, j] = images[partners, 0, i, j]
            pasted += 1
    assert 0 < pasted < 16
    share = (1 - pasted / 16) * share + pasted / 16 * share[partners]
    assert len(set(share)) > 2
    noise = 2 * torch.rand(images.shape, generator=generator) - 1
    started = scores(classifier, mixed + EPS * noise)
    with np.errstate(divide="ignore"):
        up = started > np.log(share) - np.log(1 - share)
    clean = scores(classifier, mixed)
    attacked = clean + reach(classifier) * np.where(up, 1, -1)
    absent, present = (1 - share) * 1.0, share * 3.0
    losses = absent * cross_entropy(clean, 0) + present * cross_entropy(clean, 1)
    expected = losses.sum() / (absent + present).sum() + 6 * kl(clean, attacked).mean()
    loss = rebuffi(classifier, images, labels, context(seed=2))
    assert value(loss) == pytest.approx(expected, abs=1e-5)


def test_rebuffi_on_one_film_mixes_nothing(linear):
    classifier, images, labels = (linear[0], linear[1][1:2], linear[2][1:2])
    clean, attacked = scores(classifier, images), worst(classifier, images, labels)
    expected = cross_entropy(clean, labels) + 6 * kl(clean, attacked)
    loss = rebuffi(classifier, images, labels, context())
    assert value(loss) == pytest.approx(float(expected[0]), abs=1e-5)


@pytest.fixture
def graded():
    """Eleven one-pixel films whose margins differ by more than the attack can change."""
    classifier = Recording(Linear(torch.full((1, 1, 1, 1), 10.0), bias=-5.0))
    margins = torch.tensor([-4.0, -3.0, -2.0, -1.0, -0.5, 0.5, 1.5, 2.5, 3.5, 4.2, 4.8])
    return classifier, (margins / 10 + 0.5).view(-1, 1, 1, 1)


@pytest.mark.parametrize(
    ("labels", "dropped"),
    [
        ([1] * 11, [9, 10]),
        ([0] + [1] * 9 + [0], [0, 9]),
        ([1] * 6 + [0] * 5, [5]),  # right on a single one
    ],
)
def test_data_filtering_drops_the_quarter_with_the_least_loss_if_it_is_right(
    graded, labels, dropped
):
    classifier, images = graded
    labels = torch.tensor(labels)
    kept = [row for row in range(11) if row not in dropped]
    loss = data_filtering(classifier, images, labels, context(eps=0.02))
    assert [len(films) for films in classifier.films] == [11, *[len(kept)] * 4]
    assert classifier.kinds == ["input_gradient"] * 4 + ["training"]
    towards = 1 - 2 * labels[kept].numpy()
    attacked = scores(classifier.network, images[kept]) + 0.2 * towards
    expected = class_mean(cross_entropy(attacked, labels[kept]), labels[kept])
    assert value(loss) == pytest.approx(expected, abs=1e-5)


def test_data_filtering_with_nothing_to_drop_is_adversarial_training(graded):
    classifier, images = graded
    labels = (images.flatten() < 0.5).long()  # all wrong
    images = (images - 0.5).sign() * 0.3 + 0.5  # and far from the boundary
    loss = data_filtering(classifier, images, labels, context())
    assert value(loss) == value(pgd(classifier, images, labels, context()))
    assert {len(films) for films in classifier.films} == {11}


@pytest.mark.parametrize("name", ROBUST)
def test_with_hardly_any_budget_a_robust_loss_is_its_clean_form(name, linear):
    classifier, images, labels = (linear[0], linear[1][:1], linear[2][:1])
    helper = Linear(torch.zeros(1, 1, 4, 4), bias=-1.0).eval()  # says 0, the label
    plain = value(F.cross_entropy(classifier(images), labels))
    times = {"mart": 2, "hat": 1.5}.get(name, 1)
    loss = OBJECTIVES[name].loss(classifier, images, labels, context(eps=1e-7, helper=helper))
    assert value(loss) == pytest.approx(times * plain, abs=1e-4)


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_declared_passes_are_those_that_are_made(name, steps):
    classifier, helper = Recording(convolutional()).train(), Recording(convolutional(1)).eval()
    OBJECTIVES[name].loss(classifier, *batch(), context(steps=steps, helper=helper))
    kinds = classifier.kinds + helper.kinds
    assert OBJECTIVES[name].passes(steps)._asdict() == {
        kind: kinds.count(kind) for kind in ("training", "input_gradient", "forward")
    }


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_search_moves_no_statistic_leaves_no_gradient_and_ends_in_train_mode(name):
    classifier, helper = convolutional().train(), convolutional(1).eval()
    state = {key: tensor.clone() for key, tensor in helper.state_dict().items()}
    OBJECTIVES[name].loss(classifier, *batch(), context(helper=helper))
    assert all(module.training for module in classifier.modules())
    assert not any(module.training for module in helper.modules())
    assert all(weight.grad is None for weight in classifier.parameters())
    assert all(torch.equal(tensor, state[key]) for key, tensor in helper.state_dict().items())
    # One update a training pass and none by the search.
    counts = {int(m.num_batches_tracked) for m in classifier if isinstance(m, nn.BatchNorm2d)}
    assert counts == {OBJECTIVES[name].passes(4).training}


def test_a_search_that_fails_leaves_the_classifier_in_train_mode(linear):
    classifier, images, labels = linear
    with pytest.raises(RuntimeError):
        pgd(classifier, images[..., :3], labels, context())
    assert classifier.training


def test_parts_that_keep_themselves_in_eval_mode_stay_in_it(linear):
    classifier, images, labels = linear
    modes = []
    classifier.train = lambda mode=True: modes.append(mode) or classifier
    trades(classifier, images, labels, context())
    assert modes == [False, True]


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_gradient_reaches_every_weight(name, half):
    classifier, helper = convolutional().train(), convolutional(1).eval()
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        loss = OBJECTIVES[name].loss(
            classifier, *batch(), context(helper=helper, progress=0.9, steps=2)
        )
    assert loss.shape == ()
    assert loss.dtype == torch.float32
    loss.backward()
    for weight in classifier.parameters():
        assert torch.isfinite(weight.grad).all()
        assert (weight.grad != 0).any()
    assert all(weight.grad is None for weight in helper.parameters())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_extreme_logits_give_a_finite_loss_and_gradient(name):
    classifier, helper = convolutional().train(), convolutional(1).eval()
    with torch.no_grad():
        classifier[-1].weight.mul_(1e4)
    for seed in range(3):
        loss = OBJECTIVES[name].loss(
            classifier, *batch(seed=seed), context(helper=helper, progress=0.9)
        )
        loss.backward()
        assert torch.isfinite(loss)
        assert all(torch.isfinite(weight.grad).all() for weight in classifier.parameters())


def test_a_very_sure_classifier_is_attacked_all_the_same(linear):
    classifier, images, labels = linear
    with torch.no_grad():
        classifier.weights.mul_(1e4)  # the gradient of the cross-entropy is 0 in float32
    classifier = Recording(classifier)
    pgd(classifier, images, labels, context())
    away = (classifier.films[-1] - images) * (2 * labels - 1).view(-1, 1, 1, 1)
    expected = (-EPS * classifier.network.weights.sign()).expand_as(away)
    torch.testing.assert_close(away, expected.detach(), atol=1e-6, rtol=0)


def size(change, norm):
    return float(change.abs().max() if norm == "linf" else change.flatten(1).norm(dim=1).max())


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("level", [0.0, 0.02, 0.5, 1.0])
@pytest.mark.parametrize("name", ROBUST)
def test_perturbed_films_stay_in_the_ball_and_among_the_pixels(name, level, norm):
    film = (level + (torch.rand(1, 1, 8, 8) - 0.5) / 20).clamp(0, 1)
    # Films that are all alike stay themselves under CutMix, whichever are dropped.
    images, labels = film.repeat(8, 1, 1, 1), batch()[1]
    classifier = Recording(convolutional())
    helper = convolutional(1).eval()
    OBJECTIVES[name].loss(classifier, images, labels, context(helper=helper, norm=norm))
    distances = [size(films - film, norm) for films in classifier.films]
    if name == "hat":
        assert distances.pop() <= 2 * EPS + 1e-6
    assert max(distances) <= EPS + 1e-6
    assert max(distances) > 0.9 * EPS
    assert all(films.min() >= 0 and films.max() <= 1 for films in classifier.films)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_generator_alone_decides_the_loss(name):
    def loss(seed):
        helper = convolutional(1).eval()
        made = context(seed=seed, helper=helper, progress=0.9, steps=2)
        return value(OBJECTIVES[name].loss(convolutional(), *batch(), made))

    state = torch.get_rng_state()
    first = loss(3)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(99)
    assert loss(3) == first
    assert (loss(4) == first) == (name == "standard")


def paper_losses(clean, labels):
    """The inner losses as the papers write them, and the margin where each is lowest."""
    shares = torch.linspace(0.1, 0.9, len(labels))
    mixed = torch.stack([1 - shares, shares], dim=1)
    divergence = nn.KLDivLoss(reduction="sum")
    return [
        (lambda z: F.cross_entropy(z, labels, reduction="sum"), torch.logit(labels.float())),
        (lambda z: F.cross_entropy(z, mixed, reduction="sum"), torch.logit(shares)),
        (lambda z: divergence(z.log_softmax(1), clean.softmax(1)), clean[:, 1] - clean[:, 0]),
    ]


@pytest.mark.parametrize("which", range(3))
def test_the_search_steps_as_the_gradient_of_the_papers_loss_does(which):
    classifier = convolutional().double()
    classifier(batch(32)[0].double())  # BatchNorm statistics that are not the initial ones
    classifier.eval()
    images, labels = batch(12)
    images = (0.2 + 0.6 * images).double()
    loss, lowest = paper_losses(classifier(images).detach(), labels)[which]
    start = attack().gaussian_start(images.float(), seeded()).double().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(classifier(start)), start)
    # The margin is cut to float32: where it differs by less, either way is up.
    perturbed, (margins,) = attack().climb(classifier, images, start, lowest, 1)
    clear = (margins - lowest).abs() > 1e-6
    assert clear.sum() > 6
    moved = (perturbed - start).sign() * (perturbed != start)
    wanted = gradient.sign()
    inside = ((start + EPS / 2 * wanted - images).abs() < EPS) & clear.view(-1, 1, 1, 1)
    assert torch.equal(moved[inside], wanted[inside])


def test_a_film_at_the_lowest_point_is_moved_all_the_same(linear):
    classifier, images, _ = linear
    lowest = scores(classifier, images)
    lowest = torch.tensor(lowest, dtype=torch.float32)
    perturbed, _ = attack().climb(classifier, images, images, lowest, 1)
    expected = images + EPS / 2 * classifier.weights.detach().sign()
    torch.testing.assert_close(perturbed, expected, atol=1e-6, rtol=0)


def test_in_l2_a_step_goes_along_the_gradient(linear):
    classifier, images, labels = linear
    weights = classifier.weights.detach()
    lowest = torch.logit(labels.float())
    perturbed, _ = attack(norm="l2").climb(classifier, images, images, lowest, 1)
    way = (1 - 2 * labels).view(-1, 1, 1, 1) * weights / weights.norm()
    torch.testing.assert_close(perturbed, images + EPS / 2 * way, atol=1e-6, rtol=0)


def test_a_single_step_is_longer_than_eps_and_cut_to_the_ball(linear):
    classifier, images, labels = linear
    start = attack().uniform_start(images, seeded())
    lowest = torch.logit(labels.float())
    perturbed, _ = attack(steps=1).climb(classifier, images, start, lowest, 1)
    way = (1 - 2 * labels).view(-1, 1, 1, 1) * classifier.weights.detach().sign()
    expected = images + (start + 1.25 * EPS * way - images).clamp(-EPS, EPS)
    torch.testing.assert_close(perturbed, expected, atol=1e-6, rtol=0)
    assert ((perturbed - images).abs() < 0.99 * EPS).any()


def test_the_starts_are_those_of_the_papers():
    images = torch.full((64, 1, 16, 16), 0.5)
    uniform = (attack().uniform_start(images, seeded()) - images) / EPS
    assert float(uniform.std()) == pytest.approx(1 / np.sqrt(3), rel=0.02)
    assert float(uniform.abs().max()) <= 1 + 1e-5
    gaussian = attack().gaussian_start(images, seeded()) - images
    assert float(gaussian.std()) == pytest.approx(0.001, rel=0.02)


def test_what_the_loop_needs_to_know_of_each_objective():
    assert list(OBJECTIVES) == [
        "standard",
        "pgd",
        "trades",
        "mart",
        "gairat",
        "hat",
        "rebuffi",
        "data_filtering",
    ]
    assert all(name == objective.name for name, objective in OBJECTIVES.items())
    assert [name for name in OBJECTIVES if name not in ROBUST] == ["standard"]
    assert [name for name, objective in OBJECTIVES.items() if objective.needs_helper] == ["hat"]
    averaged = {name: o.averaging for name, o in OBJECTIVES.items() if o.averaging}
    assert averaged == {"hat": 0.995, "rebuffi": 0.995}
    assert len({objective.title for objective in OBJECTIVES.values()}) == len(OBJECTIVES)
