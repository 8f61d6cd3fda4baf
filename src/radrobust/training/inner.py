"""The attacks inside the objectives: signed gradient steps in the L-inf ball around each film.

On two classes an answer is one number, the margin m = z₁ - z₀, and every inner loss of the
objectives is a convex function of it, lowest at one margin:

- the cross-entropy with a label in which the finding has the share q: at m = logit(q), which is
  minus or plus infinity for a plain label;
- KL(f(x) ‖ f(x')) as a function of x': at the margin of x.

Its gradient is that of the margin times a factor, of which a signed step uses only the sign: on
which side of the lowest point m lies. So one search, away from that point, serves all objectives.
Its steps are those of the papers' losses, except where the factor is rounded to zero (by a
classifier that is very sure, or next to x by the KL in bfloat16) and theirs would stand still.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from radrobust.training.objectives import Context


def uniform_start(images: Tensor, context: Context) -> Tensor:
    """Draw a start uniformly from the ball, as Madry et al. 2018 (arXiv:1706.06083) do.

    Parameters
    ----------
    images : Tensor
        N×1×S×S in [0, 1].
    context : Context
        Budget and generator.

    Returns
    -------
    Tensor
        N×1×S×S in [0, 1], within eps of `images`.
    """
    noise = 2 * torch.rand(images.shape, generator=context.generator) - 1
    return _within_ball(images + context.eps * noise.to(images.device), images, context.eps)


def gaussian_start(images: Tensor, context: Context) -> Tensor:
    """Start next to the film: Gaussian noise of standard deviation 0.001, as in TRADES's code.

    It cannot be the film itself, where KL(f(x) ‖ f(x')) has no slope. Unlike there, the start too
    is clamped to the ball and to [0, 1].

    Parameters
    ----------
    images : Tensor
        N×1×S×S in [0, 1].
    context : Context
        Budget and generator.

    Returns
    -------
    Tensor
        N×1×S×S in [0, 1], within eps of `images`.
    """
    noise = torch.randn(images.shape, generator=context.generator).to(images.device)
    return _within_ball(images + 0.001 * noise, images, context.eps)


@contextmanager
def in_eval_mode(classifier: nn.Module) -> Iterator[None]:
    """Put `classifier` in eval mode inside the block and in train mode after it."""
    classifier.eval()
    try:
        yield
    finally:
        classifier.train()


def away_from_labels(
    classifier: nn.Module, images: Tensor, labels: Tensor, start: Tensor, context: Context
) -> tuple[Tensor, list[Tensor]]:
    """Raise the cross-entropy with the labels: K input-gradient passes in eval mode.

    Parameters
    ----------
    classifier : nn.Module
        In train mode, in which it is left.
    images : Tensor
        N×1×S×S in [0, 1].
    labels : Tensor
        N: the share of the finding in each label, in [0, 1]; a plain label is 0 or 1.
    start : Tensor
        N×1×S×S, within the ball.
    context : Context
        Budget and number of steps K.

    Returns
    -------
    perturbed : Tensor
        N×1×S×S in [0, 1], within eps of `images`.
    margins : list of Tensor
        K times N: the margin at the start and after each step but the last.
    """
    with in_eval_mode(classifier):
        lowest = torch.logit(labels.float())
        return climb(classifier, images, start, lowest, context.steps, context)


def away_from_answer(classifier: nn.Module, images: Tensor, context: Context) -> Tensor:
    """Raise KL(f(x) ‖ f(x')): 1 forward-only and K input-gradient passes in eval mode.

    Parameters
    ----------
    classifier : nn.Module
        In train mode, in which it is left.
    images : Tensor
        N×1×S×S in [0, 1].
    context : Context
        Budget, number of steps K and generator.

    Returns
    -------
    Tensor
        N×1×S×S in [0, 1], within eps of `images`.
    """
    with in_eval_mode(classifier):
        with torch.no_grad():
            lowest = _margin(classifier(images))
        start = gaussian_start(images, context)
        return climb(classifier, images, start, lowest, context.steps, context)[0]


def climb(
    classifier: nn.Module,
    images: Tensor,
    start: Tensor,
    lowest: Tensor,
    steps: int,
    context: Context,
) -> tuple[Tensor, list[Tensor]]:
    """Take signed gradient steps that move each film's margin away from `lowest`.

    A step is 2 eps / K long, where K is `context.steps`: from anywhere in the ball K of them reach
    its every point. Where K is 1 it is 1.25 eps, which keeps one-step training from overfitting to
    its own attack (Wong et al. 2020, arXiv:2001.03994, section 4.1).

    Parameters
    ----------
    classifier : nn.Module
        In eval mode. No gradient is left in its weights.
    images : Tensor
        N×1×S×S in [0, 1].
    start : Tensor
        N×1×S×S, within the ball.
    lowest : Tensor
        N margins, from minus to plus infinity, at which the inner loss is lowest.
    steps : int
        How many steps to take now.
    context : Context
        Budget and K.

    Returns
    -------
    perturbed : Tensor
        N×1×S×S in [0, 1], within eps of `images`.
    margins : list of Tensor
        `steps` times N: the margin from which each step was taken.
    """
    step = 1.25 * context.eps if context.steps == 1 else 2 * context.eps / context.steps
    perturbed, margins = start.detach(), []
    for _ in range(steps):
        perturbed.requires_grad_()
        margin = _margin(classifier(perturbed))
        (gradient,) = torch.autograd.grad(margin.sum(), perturbed)
        # At the lowest point itself either way leads up; torch.sign would stay there.
        away = torch.where(margin >= lowest, 1.0, -1.0).view(-1, 1, 1, 1)
        moved = perturbed.detach() + step * away * gradient.sign()
        perturbed = _within_ball(moved, images, context.eps)
        margins.append(margin.detach())
    return perturbed, margins


def _margin(logits: Tensor) -> Tensor:
    absent, present = logits.float().unbind(dim=1)
    return present - absent


def _within_ball(perturbed: Tensor, images: Tensor, eps: float) -> Tensor:
    return perturbed.clamp((images - eps).clamp(min=0), (images + eps).clamp(max=1))
