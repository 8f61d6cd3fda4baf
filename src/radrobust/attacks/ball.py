"""The ball around a film in which an attack may move, and its geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from radrobust.core.seeds import derive_seed

Norm = Literal["linf", "l2"]


@dataclass(frozen=True)
class Ball:
    """All images within `eps` of a film that are still images, with values in [0, 1].

    Attributes
    ----------
    norm : str
        ``linf`` bounds the change of each pixel, ``l2`` the length of the whole change.
    eps : float
        Radius. Not negative.
    units : tuple of float
        What counts as 1, once or for each channel: 1 where `eps` is in pixels of [0, 1], the
        standard deviations of the channels where it is in those.
    """

    norm: Norm
    eps: float
    units: tuple[float, ...] = (1.0,)

    def unit(self, like: Tensor) -> Tensor:
        """Return `units` as a tensor that multiplies N×C×S×S ones, on the device of `like`."""
        return torch.tensor(self.units, device=like.device).view(-1, 1, 1)

    def project(self, points: Tensor, films: Tensor) -> Tensor:
        """Return the nearest images within the ball around each film.

        For l2 it is first the nearest in the ball, then the nearest in [0, 1], which cannot be
        farther from the film.

        Parameters
        ----------
        points, films : Tensor
            N×C×S×S; the films' values in [0, 1].
        """
        unit = self.unit(films)
        if self.norm == "linf":
            reach = self.eps * unit
            return points.clamp((films - reach).clamp(min=0), (films + reach).clamp(max=1))
        change = (points - films) / unit
        shrink = (self.eps / _length(change).clamp(min=1e-12)).clamp(max=1)
        return (films + change * shrink * unit).clamp(0, 1)

    def steepest(self, gradient: Tensor) -> Tensor:
        """Return the direction of length 1 along which a loss with this gradient rises fastest.

        A gradient of zero, or one that is not finite, gives no direction: the point stays.
        """
        unit = self.unit(gradient)
        scaled = torch.nan_to_num(gradient * unit, posinf=0, neginf=0)
        if self.norm == "linf":
            return scaled.sign() * unit
        # Scaled by the largest entry first, so that squares of tiny gradients do not vanish.
        largest = scaled.abs().amax(dim=(1, 2, 3), keepdim=True)
        scaled = scaled / torch.where(largest > 0, largest, 1)
        return scaled / _length(scaled).clamp(min=1e-12) * unit

    def draw(self, films: Tensor, sample_ids: Sequence[str], seed: int, restart: int = 0) -> Tensor:
        """Draw a point for each film, uniformly from its ball, then clamped to [0, 1].

        It depends on the seed, the film's name and the number of the restart alone, so that no
        batch, order or interruption changes it.
        """
        shares = torch.empty(films.shape)
        for row, sample_id in enumerate(sample_ids):
            generator = torch.Generator().manual_seed(
                derive_seed(seed, "start", sample_id, restart)
            )
            if self.norm == "linf":
                shares[row].uniform_(-1, 1, generator=generator)
            else:
                direction = torch.randn(films.shape[1:], generator=generator)
                radius = torch.rand((), generator=generator) ** (1 / direction.numel())
                shares[row] = direction / direction.norm() * radius
        moved = films + self.eps * self.unit(films) * shares.to(films.device)
        return self.project(moved, films)


def _length(change: Tensor) -> Tensor:
    """L2 norm of each of N×C×S×S, as N×1×1×1."""
    return change.square().sum(dim=(1, 2, 3), keepdim=True).sqrt()
