"""Projected gradient descent in the L-inf ball (Madry et al. 2018, arXiv:1706.06083).

The loss is the margin, the other class's logit minus the true one's. On two classes its gradient
is that of the cross-entropy but for a positive factor, the probability of the wrong class, so the
signed steps are the same; only, that factor is zero in float32 where a classifier is very sure, and
an attack on the cross-entropy then stands still and reports robustness that is not there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Pgd:
    """The attack's parameters, all in pixels of [0, 1] where they have a unit.

    Attributes
    ----------
    eps : float
        Radius of the L-inf ball around the film.
    step : float
        Length of one step.
    steps : int
        Number of gradient steps.
    """

    eps: float
    step: float
    steps: int


@dataclass
class Outcome:
    """What the attack returned, one row an image.

    Attributes
    ----------
    images : Tensor
        N×1×S×S: the first misclassified iterate, or the last iterate where none was.
    logits : Tensor
        N×2, the classifier's answer to `images`.
    iteration : Tensor
        N, int64: gradient steps taken when it was first misclassified (0: by the film itself or
        by the start alone), or -1.
    """

    images: Tensor
    logits: Tensor
    iteration: Tensor

    @property
    def broken(self) -> Tensor:
        """N, bool: misclassified in `images`."""
        return self.iteration >= 0

    def record(
        self, rows: Tensor, images: Tensor, logits: Tensor, labels: Tensor, iteration: int
    ) -> Tensor:
        """Note the answer to the newest iterates of `rows`; return the rows still standing."""
        self.images[rows] = images
        self.logits[rows] = logits
        wrong = logits.argmax(dim=1) != labels[rows]
        self.iteration[rows[wrong]] = iteration
        return rows[~wrong]

    @classmethod
    def blank(cls, films: Tensor) -> Outcome:
        """Start with nothing broken and no answer yet."""
        count, device = len(films), films.device
        iteration = torch.full((count,), -1, device=device)
        return cls(films.clone(), torch.full((count, 2), torch.nan, device=device), iteration)


def without_attack(classifier: nn.Module, films: Tensor, labels: Tensor) -> Outcome:
    """Ask the classifier about the films as they are; the wrong ones are broken at iteration 0.

    Parameters
    ----------
    classifier, films, labels
        As in `pgd`.
    """
    outcome = Outcome.blank(films)
    with torch.no_grad():
        logits = classifier(films)
    rows = torch.arange(len(films), device=films.device)
    outcome.record(rows, films, logits, labels, iteration=0)
    return outcome


def pgd(
    classifier: nn.Module, films: Tensor, labels: Tensor, starts: Tensor, attack: Pgd
) -> Outcome:
    """Attack films until each is misclassified or the steps are used up.

    A film is broken as soon as any iterate, from its start on, is misclassified; that iterate is
    returned, so `broken` always equals a fresh prediction on it. Broken films are not attacked
    further.

    Parameters
    ----------
    classifier : nn.Module
        In eval mode; N×1×S×S in [0, 1] to N×2 logits.
    films : Tensor
        N×1×S×S in [0, 1].
    labels : Tensor
        N, int64.
    starts : Tensor
        N×1×S×S in [-1, 1]: where to start, as a share of eps; zeros start at the film.
    attack : Pgd
        Budget, step and number of steps.

    Returns
    -------
    Outcome
        Every image within eps of its film and within [0, 1], up to rounding in float32.
    """
    lower = (films - attack.eps).clamp(min=0)
    upper = (films + attack.eps).clamp(max=1)
    outcome = Outcome.blank(films)
    standing = torch.arange(len(films), device=films.device)
    iterates = torch.clamp(films + attack.eps * starts, lower, upper)
    for iteration in range(attack.steps + 1):
        if len(standing) == 0:
            break
        last = iteration == attack.steps
        logits, gradient = _answer(classifier, iterates[standing], labels[standing], not last)
        points = iterates[standing]
        if gradient is not None:
            moved = points + attack.step * gradient.sign()
            iterates[standing] = torch.clamp(moved, lower[standing], upper[standing])
        standing = outcome.record(standing, points, logits, labels, iteration)
    return outcome


def _answer(
    classifier: nn.Module, points: Tensor, labels: Tensor, with_gradient: bool
) -> tuple[Tensor, Tensor | None]:
    """Return the logits at `points` and, if it is asked for, the gradient of the margin."""
    if not with_gradient:
        with torch.no_grad():
            return classifier(points), None
    points.requires_grad_()
    logits = classifier(points)
    margin = (logits[:, 1] - logits[:, 0]) * (1 - 2 * labels)
    return logits.detach(), torch.autograd.grad(margin.sum(), points)[0]
