"""Asked of classifiers whose answers are known by hand, then of a system; in float64."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from radrobust.attribution.explainers import Task
from radrobust.attribution.faithfulness import (
    NEIGHBOURS,
    RADIUS,
    SQUARES,
    STEPS,
    area,
    curves,
    draw_neighbours,
    draw_squares,
    infidelity,
    max_sensitivity,
    noise_maps,
)
from radrobust.systems.classifier import build

SIDE = 8
NAMES = [f"film-{row}" for row in range(5)]


class Linear(nn.Module):
    """Logits (0, w·x); counts what it is asked."""

    def __init__(self, weights):
        super().__init__()
        self.weights = weights
        self.passes = []

    def forward(self, images):
        self.passes.append(len(images))
        score = (images * self.weights).sum(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(score), score], dim=1)


class Patch(nn.Module):
    """Bends: what it sees is how much of a bright patch is there."""

    def __init__(self):
        super().__init__()
        self.place = torch.zeros(SIDE, SIDE, dtype=torch.float64)
        self.place[2:5, 3:6] = 1

    def forward(self, images):
        score = 2 * torch.relu((images * self.place).sum(dim=(1, 2, 3)) - 3) - 2
        return torch.stack([torch.zeros_like(score), score], dim=1)


def random_task(seed=0, count=5, channels=1, at_once=7):
    generator = torch.Generator().manual_seed(seed)
    return Task(
        images=torch.rand(count, channels, SIDE, SIDE, generator=generator).double(),
        baselines=torch.rand(count, channels, SIDE, SIDE, generator=generator).double(),
        targets=torch.randint(0, 2, (count,), generator=generator),
        window=4,
        stride=2,
        steps=4,
        at_once=at_once,
    )


def everywhere(task):
    return torch.ones_like(task.images[:, 0], dtype=torch.bool)


def bordered(task):
    """Films of different sizes, with padding to the left and right."""
    inside = everywhere(task)
    for row in range(len(inside)):
        inside[row, :, : row % 3] = False
        inside[row, :, -1:] = False
    return inside


@pytest.fixture
def linear():
    generator = torch.Generator().manual_seed(1)
    return Linear(torch.randn(SIDE, SIDE, generator=generator).double() / 4)


def exact_maps(linear, task):
    """What each pixel contributes to the target's logit; that of class 0 is always 0."""
    signs = task.targets.view(-1, 1, 1)
    return signs * (linear.weights * (task.images - task.baselines)).sum(dim=1)


def probability(classifier, images, targets):
    with torch.no_grad():
        return classifier(images).softmax(dim=1).gather(1, targets.unsqueeze(1)).squeeze(1)


@pytest.mark.parametrize("channels", [1, 3])
def test_curves_by_hand(linear, channels):
    task = random_task(channels=channels)
    inside = bordered(task)
    maps = noise_maps(NAMES, 0, SIDE)
    found = dict(zip(("deletion", "insertion"), curves(linear, task, maps, inside), strict=True))
    for row in range(len(NAMES)):
        film, base = task.images[row], task.baselines[row]
        pixels = inside[row].nonzero().tolist()
        pixels.sort(key=lambda pixel: -maps[row][tuple(pixel)])
        for step in range(STEPS + 1):
            deleted, inserted = film.clone(), film.clone()
            chosen = len(pixels) * step // STEPS
            for y, x in pixels[:chosen]:
                deleted[:, y, x] = base[:, y, x]
            for y, x in pixels[chosen:]:
                inserted[:, y, x] = base[:, y, x]
            for curve, image in ("deletion", deleted), ("insertion", inserted):
                expected = probability(linear, image[None], task.targets[row : row + 1])
                torch.testing.assert_close(found[curve][row, step : step + 1], expected)


def test_curves_end_at_the_film_and_at_the_baseline(linear):
    task, inside = random_task(), everywhere(random_task())
    deletion, insertion = curves(linear, task, noise_maps(NAMES, 0, SIDE), inside)
    whole = probability(linear, task.images, task.targets)
    gone = probability(linear, task.baselines, task.targets)
    assert deletion.shape == insertion.shape == (len(NAMES), STEPS + 1)
    for curve, first, last in (deletion, whole, gone), (insertion, gone, whole):
        torch.testing.assert_close(curve[:, 0], first)
        torch.testing.assert_close(curve[:, -1], last)


def test_padding_is_never_touched():
    task = random_task()
    inside = bordered(task)
    only_padding = Linear(torch.where(inside.all(dim=0), 0.0, 1.0))
    inside &= inside.all(dim=0)
    for curve in curves(only_padding, task, noise_maps(NAMES, 0, SIDE), inside):
        torch.testing.assert_close(curve, curve[:, :1].expand_as(curve))


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_no_pass_is_larger_than_wanted_and_none_is_wasted(linear, at_once):
    task = random_task(at_once=at_once)
    curves(linear, task, noise_maps(NAMES, 0, SIDE), everywhere(task))
    assert max(linear.passes) <= at_once
    assert sum(linear.passes) == len(NAMES) * 2 * STEPS


def test_the_exact_map_is_the_fastest_of_all(linear):
    task = replace(random_task(), targets=torch.ones(len(NAMES), dtype=torch.int64))
    inside = everywhere(task)
    exact = exact_maps(linear, task)
    deletion, insertion = curves(linear, task, exact, inside)
    slowest, latest = curves(linear, task, -exact, inside)
    for seed in range(20):
        noise = curves(linear, task, noise_maps(NAMES, seed, SIDE), inside)
        assert (deletion <= noise[0] + 1e-12).all()
        assert (insertion >= noise[1] - 1e-12).all()
        assert (slowest >= noise[0] - 1e-12).all()
        assert (latest <= noise[1] + 1e-12).all()


def test_a_map_of_the_patch_is_more_faithful_than_noise():
    classifier = Patch()
    task = random_task()
    task = replace(
        task,
        images=torch.ones_like(task.images),
        baselines=torch.zeros_like(task.images),
        targets=torch.ones_like(task.targets),
    )
    right = classifier.place.expand(len(NAMES), -1, -1)
    areas = [area(curve) for curve in curves(classifier, task, right, everywhere(task))]
    for seed in range(20):
        noise = noise_maps(NAMES, seed, SIDE)
        deletion, insertion = curves(classifier, task, noise, everywhere(task))
        assert (areas[0] < area(deletion) - 0.1).all()
        assert (areas[1] > area(insertion) + 0.1).all()


def test_equal_values_are_taken_from_everywhere(linear):
    """Row by row, the upper half would be gone when half of the film is."""
    upper = Linear(torch.cat([torch.ones(4, SIDE), torch.zeros(4, SIDE)]) / 16)
    task = random_task(count=1)
    task = replace(
        task,
        images=torch.ones_like(task.images),
        baselines=torch.zeros_like(task.images),
        targets=torch.ones_like(task.targets),
    )
    deletion, _ = curves(upper, task, torch.zeros(1, SIDE, SIDE), everywhere(task))
    score = torch.logit(deletion[0])  # 2 at first, 0 in the end
    assert 0.5 < score[STEPS // 2] < 1.5


def test_area_of_known_curves():
    falling = torch.linspace(1, 0, STEPS + 1)
    steps = (torch.arange(STEPS + 1) < 1).float()
    found = area(torch.stack([falling, torch.full_like(falling, 0.3), steps]))
    torch.testing.assert_close(found, torch.tensor([0.5, 0.3, 0.5 / STEPS]))


def test_noise_belongs_to_film_and_seed():
    together = noise_maps(NAMES, 3, SIDE)
    assert together.shape == (len(NAMES), SIDE, SIDE)
    for row, name in enumerate(NAMES):
        assert torch.equal(noise_maps([name], 3, SIDE)[0], together[row])
    assert torch.equal(noise_maps(NAMES[::-1], 3, SIDE), together.flip(0))
    assert not torch.equal(noise_maps(NAMES, 4, SIDE), together)
    assert len({map_.sum().item() for map_ in together}) == len(NAMES)


def test_squares_belong_to_film_and_seed_and_lie_in_the_film():
    side = 32
    inside = torch.zeros(len(NAMES), side, side, dtype=torch.bool)
    inside[:, :, 8:25] = True
    squares = draw_squares(inside, NAMES, 3)
    assert squares.shape == (len(NAMES), SQUARES, side, side)
    for row, name in enumerate(NAMES):
        assert torch.equal(draw_squares(inside[:1], [name], 3)[0], squares[row])
    assert not torch.equal(draw_squares(inside, NAMES, 4), squares)
    assert not (squares & ~inside.unsqueeze(1)).any()
    heights, widths = squares.any(dim=3).sum(dim=2), squares.any(dim=2).sum(dim=2)
    assert (heights * widths == squares.sum(dim=(2, 3))).all()  # without holes
    assert widths.min() >= 3  # 5 less what an edge cuts off
    assert heights.max() <= 17
    assert heights.unique().numel() > 5


def squares_of(task):
    return draw_squares(bordered(task), NAMES, seed=0)


def falls(classifier, task, squares):
    """Fall of the target's logit for each square, N×K."""
    rows = []
    for film, base, target, taken in zip(
        task.images, task.baselines, task.targets, squares, strict=True
    ):
        images = torch.where(taken.unsqueeze(1), base, film)
        rows.append((classifier(film[None]) - classifier(images))[:, target])
    return torch.stack(rows)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("scale", [1, -0.01, 1000])
def test_a_linear_classifier_is_foretold_exactly_whatever_the_unit(linear, channels, scale):
    task = random_task(channels=channels)
    squares = squares_of(task)
    found = infidelity(linear, task, scale * exact_maps(linear, task), squares)
    size = falls(linear, task, squares).square().mean(dim=1)
    assert (found <= 1e-12 * size.clamp(min=1e-9)).all()


def test_infidelity_by_hand():
    classifier = Patch()
    task = random_task()
    squares = squares_of(task)
    maps = noise_maps(NAMES, 0, SIDE)
    foretold = (maps.double().unsqueeze(1) * squares).sum(dim=(2, 3))
    fell = falls(classifier, task, squares)
    scale = (foretold * fell).sum(dim=1, keepdim=True) / foretold.square().sum(dim=1, keepdim=True)
    expected = (scale * foretold - fell).square().mean(dim=1)
    assert (expected > 0).any()
    torch.testing.assert_close(
        infidelity(classifier, task, maps.double(), squares), expected, atol=1e-9, rtol=1e-9
    )


def test_a_map_that_says_nothing_has_the_falls_for_its_error(linear):
    task = random_task()
    squares = squares_of(task)
    found = infidelity(linear, task, torch.zeros_like(task.images[:, 0]), squares)
    torch.testing.assert_close(found, falls(linear, task, squares).square().mean(dim=1))


def test_infidelity_depends_on_no_batch(linear):
    task = replace(random_task(at_once=3), targets=torch.ones(len(NAMES), dtype=torch.int64))
    squares, maps = squares_of(task), noise_maps(NAMES, 0, SIDE)
    together = infidelity(linear, task, maps, squares)
    assert max(linear.passes) <= 3
    assert (together > 0).all()  # else squares of another image would give the same
    rows = [slice(row, row + 1) for row in range(len(NAMES))]
    alone = [infidelity(linear, task[row], maps[row], squares[row]) for row in rows]
    torch.testing.assert_close(torch.cat(alone), together)
    at_once = infidelity(linear, replace(task, at_once=1000), maps, squares)
    torch.testing.assert_close(at_once, together)


def test_neighbours_belong_to_film_and_seed_and_are_near():
    films = random_task().images
    neighbours = draw_neighbours(films, NAMES, 3)
    assert neighbours.shape == (NEIGHBOURS, *films.shape)
    assert neighbours.min() >= 0
    assert neighbours.max() <= 1
    distance = (neighbours - films).abs()
    assert 0.9 * RADIUS < distance.max() <= RADIUS + 1e-6
    for row, name in enumerate(NAMES):
        alone = draw_neighbours(films[row : row + 1], [name], 3)
        assert torch.equal(alone[:, 0], neighbours[:, row])
    assert not torch.equal(draw_neighbours(films, NAMES, 4), neighbours)
    assert not torch.equal(neighbours[0], neighbours[1])


def gradients(classifier):
    def explain(task):
        films = task.images.clone().requires_grad_()
        logits = classifier(films).gather(1, task.targets.unsqueeze(1)).sum()
        return torch.autograd.grad(logits, films)[0].sum(dim=1)

    return explain


class Quadratic(nn.Module):
    """Logits (|x|², |x|²/2): gradients of 2x and x."""

    def forward(self, images):
        length = images.square().sum(dim=(1, 2, 3))
        return torch.stack([length, length / 2], dim=1)


def test_max_sensitivity_of_a_quadratic():
    task = random_task()
    explain = gradients(Quadratic())
    neighbours = draw_neighbours(task.images, NAMES, 0)
    found = max_sensitivity(explain, task, explain(task), neighbours)
    moved = (neighbours - task.images).flatten(2).norm(dim=2).amax(dim=0)
    torch.testing.assert_close(found, moved / task.images.flatten(1).norm(dim=1))
    assert (found > 0).all()


def test_the_gradient_of_a_linear_classifier_never_changes(linear):
    task = replace(random_task(), targets=torch.ones(len(NAMES), dtype=torch.int64))
    explain = gradients(linear)
    neighbours = draw_neighbours(task.images, NAMES, 0)
    assert (max_sensitivity(explain, task, explain(task), neighbours) == 0).all()


def test_each_film_keeps_its_target_and_baseline():
    task = random_task()
    neighbours = task.images.expand(3, -1, -1, -1, -1)

    def explain(asked):
        weights = 1 + asked.targets.view(-1, 1, 1)
        return weights * (asked.images - asked.baselines)[:, 0]

    assert (max_sensitivity(explain, task, explain(task), neighbours) == 0).all()


def test_of_a_map_of_zeros_no_change_is_a_share():
    task = random_task()
    maps = explain_nothing = torch.zeros_like(task.images[:, 0])
    neighbours = draw_neighbours(task.images, NAMES, 0)
    found = max_sensitivity(
        lambda asked: explain_nothing.repeat(NEIGHBOURS, 1, 1), task, maps, neighbours
    )
    assert found.isnan().all()


def test_a_system_is_asked_film_by_film_or_together():
    classifier = build("standard", seed=1).eval().double()
    side, names = 32, NAMES[:3]
    generator = torch.Generator().manual_seed(0)
    films = torch.rand(3, 1, side, side, generator=generator).double()
    task = replace(
        random_task(count=3), images=films, baselines=torch.zeros_like(films), at_once=16
    )
    inside = everywhere(task)
    explain = gradients(classifier)
    squares, neighbours = draw_squares(inside, names, 0), draw_neighbours(films, names, 0)

    def ask(rows):
        asked = task[rows]
        maps = explain(asked)
        return torch.cat(
            [
                *curves(classifier, asked, maps, inside[rows]),
                infidelity(classifier, asked, maps, squares[rows])[:, None],
                max_sensitivity(explain, asked, maps, neighbours[:, rows])[:, None],
            ],
            dim=1,
        )

    together = ask(slice(0, 3))
    assert together.isfinite().all()
    alone = torch.cat([ask(slice(row, row + 1)) for row in range(3)])
    torch.testing.assert_close(alone, together, atol=1e-9, rtol=1e-6)
