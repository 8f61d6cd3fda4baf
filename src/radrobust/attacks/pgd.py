"""Projected gradient descent (Madry et al. 2018, arXiv:1706.06083), with verdicts to rely on.

A search may be imprecise; a verdict may not. Where the search runs in bfloat16, every iterate that
it finds wrong or nearly so, and the last one in any case, is judged by a pass in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor, nn

from radrobust.attacks.losses import LOSSES, Loss, margin
from radrobust.attacks.schedules import AutoStep, FixedStep, Schedule
from radrobust.core.conditions import family_of
from radrobust.core.params import Norm, budget_text
from radrobust.perturbations.ball import Ball
from radrobust.systems.images import Images
from radrobust.systems.logits import finite

# Of the largest logit: how far from being wrong bfloat16 may see an image that float32 calls wrong.
# Its results carry eight bits, and a network adds up many of them.
_NEARLY = 0.05


@dataclass(frozen=True)
class Pgd:
    """An attack's parameters; budgets are in pixels of [0, 1] unless `units` say otherwise.

    Attributes
    ----------
    eps : float
        Radius of the ball around the image.
    step : float
        Length of one step, where steps are fixed.
    steps : int
        Number of gradient steps from each start.
    norm : str
        ``linf`` or ``l2``.
    loss : str
        What is raised, a key of `LOSSES`.
    schedule : str
        ``fixed``, or ``apgd`` for steps from 2 eps down.
    restarts : int
        Number of starts. What breaks from one is not attacked from the next.
    random_start : bool
        Whether to start at a random point of the ball; else at the image, and restarts are alike.
    units : tuple of float
        As in `Ball`.
    """

    eps: float
    step: float
    steps: int
    norm: Norm = "linf"
    loss: str = "margin"
    schedule: str = "fixed"
    restarts: int = 1
    random_start: bool = True
    units: tuple[float, ...] = (1.0,)

    @classmethod
    def fgsm(cls, eps: float) -> Self:
        """Return the fast gradient sign method: one step of length eps from the image itself.

        Goodfellow et al. 2015, arXiv:1412.6572.
        """
        return cls(eps, step=eps, steps=1, random_start=False)

    @property
    def ball(self) -> Ball:
        """Where the attack stays."""
        return Ball(self.norm, self.eps, self.units)

    @property
    def condition(self) -> str:
        """What it is called in messages, such as ``apgd linf 4/255``."""
        return f"{family_of(self.schedule)} {self.norm} {budget_text(self.eps)}"

    def canvas(self, images: Images) -> Tensor:
        """Return the images' pixels with a channel for each unit: what the attack may change."""
        channels = max(images.pixels.shape[1], len(self.units))
        return images.pixels.expand(-1, channels, -1, -1)

    def scheduled(self) -> Schedule:
        """Return a fresh schedule of steps."""
        if self.schedule == "apgd":
            return AutoStep(self.ball, self.steps)
        return FixedStep(self.ball, self.step)


@dataclass
class Outcome:
    """What the attack returned, one row an image.

    Attributes
    ----------
    images : Tensor
        N×C×S×S: the first misclassified iterate, or the last iterate where none was.
    logits : Tensor
        N×K, the classifier's answer to `images`, in float32; N×0 before it was asked.
    iteration : Tensor
        N, int64: gradient steps taken, over all starts, when it was first misclassified (0: by the
        image itself or by a start alone), or -1.
    """

    images: Tensor
    logits: Tensor
    iteration: Tensor

    @property
    def broken(self) -> Tensor:
        """N, bool: misclassified in `images`."""
        return self.iteration >= 0

    @property
    def standing(self) -> Tensor:
        """Indices of the images that are not."""
        return torch.nonzero(~self.broken).flatten()

    def record(
        self, rows: Tensor, images: Tensor, logits: Tensor, labels: Tensor, iteration: int
    ) -> None:
        """Note the answer to the newest iterates of `rows`."""
        if self.logits.shape[1] == 0:
            self.logits = logits.new_full((len(self.images), logits.shape[1]), torch.nan)
        self.images[rows] = images
        self.logits[rows] = logits
        self.iteration[rows[logits.argmax(dim=1) != labels]] = iteration

    def take(self, rows: Tensor | slice) -> Outcome:
        """Copy some of the rows."""
        return Outcome(*(t[rows].clone() for t in (self.images, self.logits, self.iteration)))

    def update(self, rows: Tensor, found: Outcome) -> None:
        """Take over what another attack returned for `rows`."""
        if len(rows):
            self.images[rows] = found.images
            self.logits[rows] = found.logits
            self.iteration[rows] = found.iteration

    @classmethod
    def blank(cls, pixels: Tensor) -> Outcome:
        """Start with nothing broken and no answer yet; `pixels` is N×C×S×S."""
        iteration = torch.full((len(pixels),), -1, device=pixels.device)
        return cls(pixels.clone(), pixels.new_empty((len(pixels), 0)), iteration)

    @classmethod
    def together(cls, outcomes: Sequence[Outcome], pixels: Tensor) -> Outcome:
        """Join outcomes of batches in order; of none, that of no image like `pixels`."""
        if not outcomes:
            return cls.blank(pixels[:0])
        return cls(
            torch.cat([outcome.images for outcome in outcomes]),
            torch.cat([outcome.logits for outcome in outcomes]),
            torch.cat([outcome.iteration for outcome in outcomes]),
        )


def judge(classifier: nn.Module, images: Images, pixels: Tensor, condition: str) -> Outcome:
    """Ask the classifier about finished images; the wrong ones are broken at iteration 0.

    Parameters
    ----------
    classifier : nn.Module
        In eval mode.
    images : Images
        N.
    pixels : Tensor
        N×C×S×S: the images' own for no attack at all.
    condition : str
        What was done to them, in words, such as ``clean``.

    Raises
    ------
    InputError
        A logit is not finite.
    """
    outcome = Outcome.blank(pixels)
    rows = torch.arange(len(images), device=pixels.device)
    logits = finite(_logits(classifier, pixels), images.sample_ids, condition)
    outcome.record(rows, pixels, logits, images.labels, iteration=0)
    return outcome


def pgd(
    classifier: nn.Module,
    images: Images,
    attack: Pgd,
    seed: int,
    precision: torch.dtype = torch.float32,
    targets: Tensor | None = None,
) -> Outcome:
    """Attack images until each is misclassified or the steps are used up.

    An image is broken as soon as any iterate, from a start on, is misclassified in float32; that
    iterate is returned, so `broken` always equals a fresh prediction on it. Broken images are not
    attacked further.

    Parameters
    ----------
    classifier : nn.Module
        In eval mode; N×C×S×S in [0, 1] to N×K logits.
    images : Images
        N, pixels in [0, 1].
    attack : Pgd
        What the attacker may do.
    seed : int
        Of the random starts, each of which derives from it and the image's name.
    precision : torch.dtype
        Of the search. In ``torch.bfloat16`` an iterate that only float32 would call wrong, and by
        little, can be passed over on the way; the last iterate cannot.
    targets : Tensor, optional
        N classes to be driven to, instead of away from the label. On two classes it is the same.

    Returns
    -------
    Outcome
        Every attacked image within eps of its own and within [0, 1], up to rounding in float32.

    Raises
    ------
    InputError
        A logit that a verdict is read off is not finite.
    """
    canvas = replace(images, pixels=attack.canvas(images))
    outcome = Outcome.blank(canvas.pixels)
    search = _Search(classifier, LOSSES[attack.loss], precision)
    for restart in range(attack.restarts):
        rows = outcome.standing
        if len(rows) == 0:
            break
        standing = canvas.take(rows)
        start = standing.pixels
        if attack.random_start:
            start = attack.ball.draw(start, standing.sample_ids, seed, restart)
        run = _Run(rows, standing, start, _rows_of(targets, rows))
        _climb(search, run, attack, outcome, restart * attack.steps)
    return outcome


@dataclass
class _Run:
    """The images that are still attacked from one start."""

    rows: Tensor
    images: Images
    points: Tensor
    targets: Tensor | None

    def names(self, rows: Tensor) -> list[str]:
        """Return the names of the samples at `rows` (indices)."""
        return [self.images.sample_ids[row] for row in rows.tolist()]

    def keep(self, kept: Tensor) -> None:
        """Go on with those at `kept` (indices) alone."""
        self.rows, self.images = self.rows[kept], self.images.take(kept)
        self.points, self.targets = self.points[kept], _rows_of(self.targets, kept)


def _climb(search: _Search, run: _Run, attack: Pgd, outcome: Outcome, before: int) -> None:
    """Take the steps from one start; `before` were taken from others."""
    schedule = attack.scheduled()
    for iteration in range(attack.steps + 1):
        last = iteration == attack.steps
        logits, loss, gradient = search.look(run, with_gradient=not last)
        judged, verdicts = search.verdicts(run, logits, last)
        finite(verdicts, run.names(judged), attack.condition)
        labels = run.images.labels[judged]
        outcome.record(run.rows[judged], run.points[judged], verdicts, labels, before + iteration)
        if last:
            return
        run.points = schedule.move(run.points, run.images.pixels, loss, gradient)
        standing = torch.nonzero(~outcome.broken[run.rows]).flatten()
        if len(standing) == 0:
            return
        if len(standing) < len(run.rows):
            run.keep(standing)
            schedule.keep(standing)


@dataclass(frozen=True)
class _Search:
    """How the attack asks the classifier."""

    classifier: nn.Module
    loss: Loss
    precision: torch.dtype

    def look(self, run: _Run, with_gradient: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits, loss and its gradient at the iterates; without it the last two empty."""
        if not with_gradient:
            logits = _logits(self.classifier, run.points)
            return logits, logits, logits
        points = run.points.detach().requires_grad_()
        low = self.precision != torch.float32
        with torch.enable_grad():
            with torch.autocast(points.device.type, self.precision, enabled=low):
                logits = self.classifier(points)
            logits = logits.float()
            loss = self.loss(logits, run.images.labels, run.targets)
            (gradient,) = torch.autograd.grad(loss.sum(), points)
        return logits.detach(), loss.detach(), gradient

    def verdicts(self, run: _Run, logits: Tensor, last: bool) -> tuple[Tensor, Tensor]:
        """Return which iterates are judged now (indices), and their logits in float32."""
        everything = torch.arange(len(run.rows), device=logits.device)
        if last or self.precision == torch.float32:
            return everything, logits
        reach = _NEARLY * logits.abs().amax(dim=1)
        near = everything[margin(logits, run.images.labels) >= -reach]
        if len(near) == 0:
            return near, logits[near]
        return near, _logits(self.classifier, run.points[near])


@torch.no_grad()
def _logits(classifier: nn.Module, images: Tensor) -> Tensor:
    logits: Tensor = classifier(images)
    return logits


def _rows_of(tensor: Tensor | None, rows: Tensor) -> Tensor | None:
    return None if tensor is None else tensor[rows]
