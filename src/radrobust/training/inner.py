"""The attack inside the objectives: gradient steps in the ball around each image.

On two classes an answer is one number, the margin m = z₁ - z₀, and every inner loss of the
objectives is a convex function of it, lowest at one margin:

- the cross-entropy with a label in which the finding has the share q: at m = logit(q), which is
  minus or plus infinity for a plain label;
- KL(f(x) ‖ f(x')) as a function of x': at the margin of x.

Its gradient is that of the margin times a factor, of which the direction of a step keeps only the
sign: on which side of the lowest point m lies. So one search, away from that point, serves all
objectives. Its steps are those of the papers' losses, except where the factor is rounded to zero
(by a classifier that is very sure, or next to x by the KL in bfloat16) and theirs would stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from radrobust.perturbations.ball import Ball
from radrobust.systems.logits import margins_of


@dataclass(frozen=True)
class InnerAttack:
    """How far an objective goes to find the images that it trains against.

    Attributes
    ----------
    ball : Ball
        Where it stays.
    steps : int
        K, its gradient steps, at least 1.
    """

    ball: Ball
    steps: int

    def uniform_start(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Draw a start uniformly from the ball, as Madry et al. 2018 (arXiv:1706.06083) do.

        Parameters
        ----------
        images : Tensor
            N×1×S×S in [0, 1].
        generator : torch.Generator
            On the CPU.

        Returns
        -------
        Tensor
            N×1×S×S in [0, 1], within the ball.
        """
        return self.ball.draw_batch(images, generator)

    def gaussian_start(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Start next to the image: Gaussian noise of standard deviation 0.001, as in TRADES's code.

        It cannot be the image itself, where KL(f(x) ‖ f(x')) has no slope. Unlike there, the start
        too is clamped to the ball and to [0, 1].

        Parameters
        ----------
        images, generator
            As in `uniform_start`.

        Returns
        -------
        Tensor
            N×1×S×S in [0, 1], within the ball.
        """
        noise = torch.randn(images.shape, generator=generator).to(images.device)
        return self.ball.project(images + 0.001 * noise, images)

    def away_from_labels(
        self, classifier: nn.Module, images: Tensor, labels: Tensor, start: Tensor
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

        Returns
        -------
        perturbed : Tensor
            N×1×S×S in [0, 1], within the ball.
        margins : list of Tensor
            K times N: the margin at the start and after each step but the last.
        """
        with in_eval_mode(classifier):
            lowest = torch.logit(labels.float())
            return self.climb(classifier, images, start, lowest, self.steps)

    def away_from_answer(self, classifier: nn.Module, images: Tensor, start: Tensor) -> Tensor:
        """Raise KL(f(x) ‖ f(x')): 1 forward-only and K input-gradient passes in eval mode.

        Parameters
        ----------
        classifier, images, start
            As in `away_from_labels`.

        Returns
        -------
        Tensor
            N×1×S×S in [0, 1], within the ball.
        """
        with in_eval_mode(classifier):
            with torch.no_grad():
                lowest = margins_of(classifier(images))
            return self.climb(classifier, images, start, lowest, self.steps)[0]

    def climb(
        self, classifier: nn.Module, images: Tensor, start: Tensor, lowest: Tensor, steps: int
    ) -> tuple[Tensor, list[Tensor]]:
        """Take steps along the steepest direction that move each margin away from `lowest`.

        A step is 2 eps / K long: from anywhere in an L-inf ball K of them reach its every point.
        Where K is 1 it is 1.25 eps, which keeps one-step training from overfitting to its own
        attack (Wong et al. 2020, arXiv:2001.03994, section 4.1).

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

        Returns
        -------
        perturbed : Tensor
            N×1×S×S in [0, 1], within the ball.
        margins : list of Tensor
            `steps` times N: the margin from which each step was taken.
        """
        eps = self.ball.eps
        length = 1.25 * eps if self.steps == 1 else 2 * eps / self.steps
        perturbed, margins = start.detach(), []
        for _ in range(steps):
            perturbed.requires_grad_()
            margin = margins_of(classifier(perturbed))
            (gradient,) = torch.autograd.grad(margin.sum(), perturbed)
            # At the lowest point itself either way leads up; torch.sign would stay there.
            away = torch.where(margin >= lowest, 1.0, -1.0).view(-1, 1, 1, 1)
            perturbed = self.ball.step(perturbed.detach(), images, away * gradient, length)
            margins.append(margin.detach())
        return perturbed, margins


@contextmanager
def in_eval_mode(classifier: nn.Module) -> Iterator[None]:
    """Put `classifier` in eval mode inside the block and in train mode after it."""
    classifier.eval()
    try:
        yield
    finally:
        classifier.train()
