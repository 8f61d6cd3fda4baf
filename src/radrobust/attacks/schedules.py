"""How far the next step goes: always as far, or as far as the last ones were worth it."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from radrobust.perturbations.ball import Ball


class Schedule(Protocol):
    """Takes the steps of one attack, from its start on."""

    def move(self, points: Tensor, images: Tensor, loss: Tensor, gradient: Tensor) -> Tensor:
        """Return the next iterates, within the ball.

        Parameters
        ----------
        points, images, gradient : Tensor
            N×C×S×S.
        loss : Tensor
            N, at `points`.
        """
        ...

    def keep(self, rows: Tensor) -> None:
        """Forget all images but `rows` (indices) of those of the last move."""
        ...


class FixedStep:
    """Every step equally long: Madry et al. 2018, arXiv:1706.06083.

    Parameters
    ----------
    ball : Ball
        Where to stay.
    step : float
        In the ball's unit.
    """

    def __init__(self, ball: Ball, step: float) -> None:
        self.ball = ball
        self.step = step

    def move(self, points: Tensor, images: Tensor, loss: Tensor, gradient: Tensor) -> Tensor:
        """Step along the steepest direction."""
        return self.ball.step(points, images, gradient, self.step)

    def keep(self, rows: Tensor) -> None:
        """Nothing is remembered."""


class AutoStep:
    """The step of APGD: 2 eps, halved where it brings nothing; Croce & Hein 2020, algorithm 1.

    arXiv:2003.01690. At checkpoints an image whose loss rose in fewer than three quarters of the
    steps, or whose best loss has not changed although the step has not either, goes back to its
    best point with half the step. Steps have a momentum of a quarter of the last one.

    Parameters
    ----------
    ball : Ball
        Where to stay.
    steps : int
        How many there will be, from which the checkpoints follow.
    """

    def __init__(self, ball: Ball, steps: int) -> None:
        self.ball = ball
        self.checkpoints = _checkpoints(steps)
        self.taken = 0
        self.state: dict[str, Tensor] = {}

    def move(self, points: Tensor, images: Tensor, loss: Tensor, gradient: Tensor) -> Tensor:
        """Step with momentum, after looking back where a checkpoint is reached."""
        if not self.state:
            self._begin(points, loss, gradient)
        state = self.state
        state["rises"] += loss > state["loss"]
        state["loss"] = loss
        better = loss > state["best_loss"]
        state["best_loss"] = torch.where(better, loss, state["best_loss"])
        state["best"] = _where(better, points, state["best"])
        state["best_gradient"] = _where(better, gradient, state["best_gradient"])
        if self.taken in self.checkpoints:
            back = self._look_back(self.checkpoints[self.taken])
            points = _where(back, state["best"], points)
            gradient = _where(back, state["best_gradient"], gradient)
        momentum = 0.25 * (points - state["previous"])
        state["previous"] = points
        ahead = self.ball.step(points, images, gradient, state["step"].view(-1, 1, 1, 1))
        if self.taken:
            ahead = self.ball.project(points + 0.75 * (ahead - points) + momentum, images)
        self.taken += 1
        return ahead

    def keep(self, rows: Tensor) -> None:
        """Forget all images but `rows`."""
        self.state = {name: tensor[rows] for name, tensor in self.state.items()}

    def _begin(self, points: Tensor, loss: Tensor, gradient: Tensor) -> None:
        self.state = {
            "previous": points,
            "best": points,
            "best_gradient": gradient,
            "loss": loss,
            "best_loss": loss,
            "checked_loss": loss,
            "step": torch.full_like(loss, 2 * self.ball.eps),
            "rises": torch.zeros_like(loss),
            "halved": torch.ones_like(loss, dtype=torch.bool),
        }

    def _look_back(self, period: int) -> Tensor:
        """Halve the steps of images that make no way; return which (N, bool)."""
        state = self.state
        stuck = ~state["halved"] & (state["best_loss"] <= state["checked_loss"])
        back = (state["rises"] <= 0.75 * period) | stuck
        state["step"] = torch.where(back, state["step"] / 2, state["step"])
        state["rises"] = torch.zeros_like(state["rises"])
        state["halved"] = back
        state["checked_loss"] = state["best_loss"]
        return back


def _checkpoints(steps: int) -> dict[int, int]:
    """Map each checkpoint, in steps taken, to the number of steps since the one before."""
    period, shortest, shorter = (max(int(share * steps), 1) for share in (0.22, 0.06, 0.03))
    checkpoints, at = {}, period
    while at < steps:
        checkpoints[at] = period
        period = max(period - shorter, shortest)
        at += period
    return checkpoints


def _where(chosen: Tensor, first: Tensor, second: Tensor) -> Tensor:
    return torch.where(chosen.view(-1, 1, 1, 1), first, second)
