"""Does a map say what the classifier goes by? Asked of the classifier, whatever is right.

Whatever is drawn at random belongs to an image, not to a place in a batch, and is drawn once for
all explainers: they answer the same questions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
from captum.metrics import infidelity as captum_infidelity
from torch import Tensor, nn

from radrobust.attribution.explainers import Task
from radrobust.core.seeds import derive_seed
from radrobust.perturbations.ball import Ball
from radrobust.systems.logits import probability_of

STEPS = 16
"""Parts in which an image is taken away, and put back."""

SQUARES = 10
"""How many squares are taken out of an image for its infidelity."""

NEIGHBOURS = 4
"""How many neighbours of an image are explained for its max-sensitivity."""

RADIUS = 0.02
"""How far these are from it at most in each pixel of [0, 1]: five grey levels."""


@torch.no_grad()
def curves(
    classifier: nn.Module, task: Task, maps: Tensor, inside: Tensor
) -> tuple[Tensor, Tensor]:
    """Take images away by their maps, what speaks most for the target first; and put them back.

    Deletion and insertion, Petsiuk et al. 2018, arXiv:1806.07421. A faithful map makes the
    probability fall early under deletion and rise early under insertion. Equal values are taken in
    an order that is drawn once: row by row, a map that says nothing would be a map of its own.

    Parameters
    ----------
    classifier : nn.Module
        In eval mode.
    task : Task
        N images; its baselines are what is shown in place of what is taken away.
    maps : Tensor
        N×S×S, finite. Signed values count as they are: what speaks against the target comes last.
    inside : Tensor
        N×S×S, bool: the radiograph, without the padding around it, which always stays as it is.

    Returns
    -------
    deletion : Tensor
        N×17: probability of the target after k/16 of the image's pixels show the baseline.
    insertion : Tensor
        N×17: the same after k/16 of them show the image again, and all others the baseline.
    """
    ranks = _ranks(maps, inside)
    plan = torch.arange(2 * STEPS * len(task), device=maps.device)
    parts = torch.split(plan, task.at_once)
    answers = torch.cat([_answers(classifier, task, ranks, inside, part) for part in parts])
    answers = answers.view(len(task), 2 * STEPS)
    deletion, between = answers[:, : STEPS + 1], answers[:, STEPS + 1 :]
    return deletion, torch.cat([deletion[:, -1:], between, deletion[:, :1]], dim=1)


def area(curve: Tensor) -> Tensor:
    """Area under curves (N×K, evenly spaced from 0 to 1), by trapezoids: N, in [0, 1]."""
    return torch.trapezoid(curve, dx=1 / (curve.shape[1] - 1), dim=1)


def noise_maps(sample_ids: Sequence[str], seed: int, side: int) -> Tensor:
    """Draw a map of noise for each image (N×S×S, normally distributed): what faithful maps beat."""
    maps = torch.empty(len(sample_ids), side, side)
    for row, generator in enumerate(_generators(sample_ids, seed, "noise")):
        maps[row].normal_(generator=generator)
    return maps


def draw_squares(inside: Tensor, sample_ids: Sequence[str], seed: int) -> Tensor:
    """Draw squares in images: their centres anywhere in the radiograph, each cut off at its edge.

    Parameters
    ----------
    inside : Tensor
        N×S×S, bool: the radiograph, without the padding around it.
    sample_ids : sequence of str
        N.
    seed : int
        Any.

    Returns
    -------
    Tensor
        N×10×S×S, bool, on the device of `inside`. Sides are from an eighth to half of S, about.
    """
    side = inside.shape[-1]
    places = torch.arange(side)
    drawn = torch.empty(len(inside), SQUARES, side, side, dtype=torch.bool)
    for row, generator in enumerate(_generators(sample_ids, seed, "squares")):
        shown = inside[row].cpu()
        pixels = shown.nonzero()
        centres = pixels[torch.randint(len(pixels), (SQUARES,), generator=generator)]
        reaches = torch.randint(side // 16, side // 4 + 1, (SQUARES, 1, 1), generator=generator)
        near = (places - centres.unsqueeze(2)).abs() <= reaches
        drawn[row] = near[:, 0, :, None] & near[:, 1, None, :] & shown
    return drawn.to(inside.device)


def infidelity(classifier: nn.Module, task: Task, maps: Tensor, squares: Tensor) -> Tensor:
    """Error of maps in foretelling how far the target's logit falls when a square is taken away.

    Yeh et al. 2019, arXiv:1901.09392, through Captum: the mean square of (β · sum of the map over
    the square - fall of the logit), in squared logits; 0 is perfect. β is the scale that suits a
    image's map best, so that methods with different units compare: a map that says nothing of the
    falls has their mean square, and one that is exactly wrong is as informative as one that is
    right. Values of classifiers with larger logits are larger.

    All maps are asked the same and read as what each pixel contributes, the paper's form for
    methods that multiply by (image - baseline). Its other form, Gaussian noise on pixels, is for
    slopes with their signs, which no map here is; divided by (image - baseline) to suit the others,
    it has no bound where a baseline is near its image.

    Parameters
    ----------
    classifier : nn.Module
        In eval mode.
    task : Task
        N images; its baselines are what is shown in the squares.
    maps : Tensor
        N×S×S, signed or not.
    squares : Tensor
        N×K×S×S, bool, such as `draw_squares` returns.

    Returns
    -------
    Tensor
        N.
    """
    found = [
        _infidelity(classifier, task[row : row + 1], maps[row], squares[row])
        for row in range(len(task))
    ]
    return torch.cat(found)


def draw_neighbours(images: Tensor, sample_ids: Sequence[str], seed: int) -> Tensor:
    """Draw neighbours of N×C×S×S images, evenly within `RADIUS` of each pixel and in [0, 1].

    Returns
    -------
    Tensor
        4×N×C×S×S.
    """
    ball = Ball("linf", RADIUS)
    own = derive_seed(seed, "neighbours")
    return torch.stack([ball.draw(images, sample_ids, own, draw) for draw in range(NEIGHBOURS)])


def max_sensitivity(
    explain: Callable[[Task], Tensor], task: Task, maps: Tensor, neighbours: Tensor
) -> Tensor:
    """Largest change of a map among neighbours of its image, relative to it; lower is steadier.

    Yeh et al. 2019, arXiv:1901.09392: |map(neighbour) - map(image)| / |map(image)|, in the
    Euclidean (Frobenius) norm over the whole frame. Target and baseline stay those of the image.

    Parameters
    ----------
    explain : callable
        From a `Task` to maps.
    task : Task
        N images.
    maps : Tensor
        N×S×S: what `explain` makes of `task`.
    neighbours : Tensor
        K×N×C×S×S, such as `draw_neighbours` returns.

    Returns
    -------
    Tensor
        N; NaN for a map of zeros, of which no change is a share.
    """
    count = len(neighbours)
    moved = replace(
        task,
        images=neighbours.flatten(0, 1),
        baselines=task.baselines.repeat(count, 1, 1, 1),
        targets=task.targets.repeat(count),
    )
    changes = explain(moved).view(count, *maps.shape) - maps
    largest = changes.flatten(2).norm(dim=2).amax(dim=0)
    lengths = maps.flatten(1).norm(dim=1)
    return torch.where(lengths > 0, largest / lengths, torch.nan)


def _ranks(maps: Tensor, inside: Tensor) -> Tensor:
    """Place of each pixel among its image's, 0 for the highest value; the padding comes last."""
    values = maps.masked_fill(~inside, -torch.inf).flatten(1)
    pixels = values.shape[1]
    generator = torch.Generator().manual_seed(derive_seed("equal values", pixels))
    drawn = torch.randperm(pixels, generator=generator).to(maps.device)
    order = drawn[values[:, drawn].argsort(dim=1, descending=True, stable=True)]
    return order.argsort(dim=1).view_as(maps)


def _answers(
    classifier: nn.Module, task: Task, ranks: Tensor, inside: Tensor, plan: Tensor
) -> Tensor:
    """Probability of the target for some of the 32 images that each one is made into.

    The first 17 are those of deletion; insertion begins and ends with two of these, so that only
    what is between them follows.
    """
    rows, steps = plan // (2 * STEPS), plan % (2 * STEPS)
    shown = inside[rows]
    deleting = (steps <= STEPS).view(-1, 1, 1)
    counts = shown.sum(dim=(1, 2)) * torch.where(steps <= STEPS, steps, steps - STEPS) // STEPS
    first = ranks[rows] < counts.view(-1, 1, 1)
    hidden = torch.where(deleting, first, shown & ~first).unsqueeze(1)
    images = torch.where(hidden, task.baselines[rows], task.images[rows])
    return probability_of(classifier(images), task.targets[rows])


def _infidelity(classifier: nn.Module, task: Task, values: Tensor, squares: Tensor) -> Tensor:
    """Ask about the squares of a single image, at most `task.at_once` in a pass."""
    remaining = iter(squares)

    def take_away(images: Tensor) -> tuple[Tensor, Tensor]:
        taken = torch.stack([next(remaining) for _ in images]).unsqueeze(1).expand_as(images)
        return taken.to(images), torch.where(taken, task.baselines, images)

    found: Tensor = captum_infidelity(
        classifier,
        take_away,
        task.images,
        values.expand_as(task.images),  # a square lies in all channels; scale is without effect
        target=task.targets,
        n_perturb_samples=len(squares),
        max_examples_per_batch=min(task.at_once, len(squares)),
        normalize=True,
    )
    return found.clamp(min=0)  # a difference of squares, which rounding can leave below 0


def _generators(sample_ids: Sequence[str], seed: int, purpose: str) -> Iterator[torch.Generator]:
    """Yield a generator for each image, which knows nothing of the others."""
    for sample_id in sample_ids:
        yield torch.Generator().manual_seed(derive_seed(seed, purpose, sample_id))
