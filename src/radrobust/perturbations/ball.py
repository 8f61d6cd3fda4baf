"""The ball around an image in which it may be perturbed, and its geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from radrobust.core.params import Norm
from radrobust.core.seeds import derive_seed


@dataclass(frozen=True)
class Ball:
    """All images within `eps` of an image, with values in [0, 1].

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
        """Return `units` as a tensor that multiplies N×C×S×S ones such as `like`."""
        return like.new_tensor(self.units).view(-1, 1, 1)

    def project(self, points: Tensor, images: Tensor) -> Tensor:
        """Return the nearest points within the ball around each image.

        For l2 it is first the nearest in the ball, then the nearest in [0, 1], which cannot be
        farther from the image.

        Parameters
        ----------
        points, images : Tensor
            N×C×S×S; the images' values in [0, 1].
        """
        unit = self.unit(images)
        if self.norm == "linf":
            reach = self.eps * unit
            return points.clamp((images - reach).clamp(min=0), (images + reach).clamp(max=1))
        change = (points - images) / unit
        shrink = (self.eps / _length(change).clamp(min=1e-12)).clamp(max=1)
        return (images + change * shrink * unit).clamp(0, 1)

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

    def step(
        self, points: Tensor, images: Tensor, gradient: Tensor, length: float | Tensor
    ) -> Tensor:
        """Step along the steepest direction, and no further than the ball goes.

        Parameters
        ----------
        points, images, gradient : Tensor
            N×C×S×S.
        length : float or Tensor
            Of the step, in `units`: one for all images, or N×1×1×1.
        """
        return self.project(points + length * self.steepest(gradient), images)

    def draw(
        self, images: Tensor, sample_ids: Sequence[str], seed: int, restart: int = 0
    ) -> Tensor:
        """Draw a point for each image, uniformly from its ball, then clamped to [0, 1].

        It depends on the seed, the sample's name and the number of the restart alone, so that no
        batch, order or interruption changes it.
        """
        shares = torch.empty(images.shape)
        for row, sample_id in enumerate(sample_ids):
            own = torch.Generator().manual_seed(derive_seed(seed, "start", sample_id, restart))
            shares[row] = self._shares(shares[:1].shape, own)[0]
        return self._at(shares, images)

    def draw_batch(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Draw a point for each image as `draw` does, but one after the other from a generator.

        Parameters
        ----------
        images : Tensor
            N×C×S×S in [0, 1].
        generator : torch.Generator
            On the CPU.
        """
        return self._at(self._shares(images.shape, generator), images)

    def _shares(self, shape: torch.Size, generator: torch.Generator) -> Tensor:
        """Draw changes, uniformly from the ball of radius 1 around nothing; on the CPU."""
        if self.norm == "linf":
            return torch.empty(shape).uniform_(-1, 1, generator=generator)
        direction = torch.randn(shape, generator=generator)
        radius = torch.rand((len(direction), 1, 1, 1), generator=generator)
        return direction / _length(direction) * radius ** (1 / direction[0].numel())

    def _at(self, shares: Tensor, images: Tensor) -> Tensor:
        moved = images + self.eps * self.unit(images) * shares.to(images.device)
        return self.project(moved, images)


def _length(change: Tensor) -> Tensor:
    """L2 norm of each of N×C×S×S, as N×1×1×1."""
    return change.square().sum(dim=(1, 2, 3), keepdim=True).sqrt()
