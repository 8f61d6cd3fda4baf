"""MeanSparse (Amini et al. 2024, arXiv:2406.05927): a step after training, on its statistics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class MeanSparse(nn.Module):
    """Replace what is near its channel's mean by that mean, then activate.

    x becomes μ where |x - μ| < α·σ (equation 6 of the paper), and the activation follows in the
    same module, so that DeepLIFT can have one rule for both. A value that is replaced passes no
    gradient, which masks gradients from an attack; `straight_through` lets them pass.

    Parameters
    ----------
    channels : int
        C.
    activation : nn.Module
        Elementwise.

    Attributes
    ----------
    running_mean, running_var : Tensor
        C: μ and σ² of the channels over the training data.
    threshold : Tensor
        Scalar: α; 0 replaces nothing.
    """

    running_mean: Tensor
    running_var: Tensor
    threshold: Tensor

    def __init__(self, channels: int, activation: nn.Module) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.zeros(channels))
        self.register_buffer("threshold", torch.tensor(0.0))
        self.activation = activation
        self.off = False
        self.straight_through = False

    def forward(self, maps: Tensor) -> Tensor:
        """N×C×H×W to N×C×H×W."""
        if self.off:
            alone: Tensor = self.activation(maps)
            return alone
        mean = self.running_mean.view(1, -1, 1, 1)
        reach = self.threshold * self.running_var.sqrt().view(1, -1, 1, 1)
        sparsify = _StraightThrough.apply if self.straight_through else _sparsify
        activated: Tensor = self.activation(sparsify(maps, mean, reach))
        return activated


def _sparsify(maps: Tensor, mean: Tensor, reach: Tensor) -> Tensor:
    return torch.where((maps - mean).abs() < reach, mean.to(maps.dtype), maps)


class _StraightThrough(torch.autograd.Function):
    """`_sparsify` whose gradient is that of the identity."""

    @staticmethod
    def forward(ctx: object, maps: Tensor, mean: Tensor, reach: Tensor) -> Tensor:
        return _sparsify(maps, mean, reach)

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0], None, None


def operators(network: nn.Module) -> list[MeanSparse]:
    """List the MeanSparse operators of a network; empty for all systems but one."""
    return [module for module in network.modules() if isinstance(module, MeanSparse)]


def fuse(network: nn.Module) -> None:
    """Put `MeanSparse` in the place of each of RobustBench's operators and the activation after it.

    RobustBench names them in pairs, `meansparse_0` and `relu_0`; `meansparse_2`, after the residual
    sum, has no activation, and `meansparse_end` is followed by `relu`.
    """
    for parent in list(network.modules()):
        for name, published in list(parent.named_children()):
            if not name.startswith("meansparse_"):
                continue
            partner = {"meansparse_2": "", "meansparse_end": "relu"}.get(
                name, name.replace("meansparse", "relu")
            )
            activation = getattr(parent, partner) if partner else nn.Identity()
            channels = len(published.get_buffer("running_mean"))
            setattr(parent, name, MeanSparse(channels, activation))
            if partner:
                setattr(parent, partner, nn.Identity())


def set_alpha(network: nn.Module, alpha: float) -> None:
    """Set how many standard deviations around the mean are replaced; 0 replaces nothing."""
    for operator in operators(network):
        operator.threshold.fill_(alpha)


@contextmanager
def switched_off(network: nn.Module) -> Iterator[None]:
    """Leave only the activations of a network's operators, as while its weights are trained."""
    with _switched(network, "off", True):
        yield


@contextmanager
def straight_through(network: nn.Module, through: bool = True) -> Iterator[None]:
    """Let gradients pass through what MeanSparse replaces, as an attacker may choose to.

    The backward-pass differentiable approximation of Athalye et al. 2018, arXiv:1802.00420.

    Parameters
    ----------
    network : nn.Module
        Any; without a `MeanSparse` in it nothing happens.
    through : bool
        False inside the block of another call has the network's own gradients back.
    """
    with _switched(network, "straight_through", through):
        yield


@contextmanager
def _switched(network: nn.Module, name: str, value: bool) -> Iterator[None]:
    found = operators(network)
    before = [getattr(operator, name) for operator in found]
    try:
        for operator in found:
            setattr(operator, name, value)
        yield
    finally:
        for operator, earlier in zip(found, before, strict=True):
            setattr(operator, name, earlier)


@torch.no_grad()
def calibrate(network: nn.Module, batches: Iterable[Tensor], alpha: float) -> None:
    """Measure μ and σ² of every operator's input over training images, then set α.

    Statistics are those of all images together, gathered in float64 by Chan et al.'s pairwise
    update, so that they do not depend on how images are batched, and a second call gives the same.
    RobustBench averages the statistics of batches instead; with one batch both agree.

    Parameters
    ----------
    network : nn.Module
        In eval mode. Without a `MeanSparse` in it nothing happens.
    batches : iterable of Tensor
        Inputs of `network`, on its device; at least one.
    alpha : float
        Not negative.
    """
    found = operators(network)
    if not found:
        return
    gathered = [_Moments() for _ in found]
    handles = [
        operator.register_forward_pre_hook(moments.add)
        for operator, moments in zip(found, gathered, strict=True)
    ]
    try:
        with switched_off(network):  # statistics are of what the network computes without it
            for images in batches:
                network(images)
    finally:
        for handle in handles:
            handle.remove()
    for operator, moments in zip(found, gathered, strict=True):
        operator.running_mean.copy_(moments.mean)
        operator.running_var.copy_(moments.squares / (moments.count - 1))
    set_alpha(network, alpha)


class _Moments:
    """Count, mean and sum of squared deviations of each channel, batch after batch."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.zeros(())
        self.squares = torch.zeros(())

    def add(self, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        maps = inputs[0].double()
        count = maps.numel() // maps.shape[1]
        squares, mean = torch.var_mean(maps, dim=(0, 2, 3), correction=0)
        total = self.count + count
        shift = mean - self.mean.to(mean)
        weight = self.count * count / total
        self.squares = self.squares.to(mean) + squares * count + shift.square() * weight
        self.mean = self.mean.to(mean) + shift * (count / total)
        self.count = total
