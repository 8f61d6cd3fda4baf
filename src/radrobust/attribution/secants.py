"""DeepLIFT and integrated gradients: one walk from the baseline to the image, in one step or many.

Along the walk every activation function is replaced by the secant between the two ends of a step,
Δoutput / Δinput, which is DeepLIFT's rescale rule (Shrikumar et al. 2017, arXiv:1704.02685). With
its neighbours linear, a step's map sums to what the output rises by in it, whatever the function:
smooth, bent, or with jumps such as MeanSparse's, at which there is no gradient to integrate. One
step is DeepLIFT. The shorter the steps, the nearer a secant is to the gradient, and the map to
integrated gradients (Sundararajan et al. 2017, arXiv:1703.01365).

Captum 0.9 multiplies layers that it has no rule for by their gradient and says nothing; DeepLIFT of
a network with SiLU, MeanSparse or squeeze-excitation is then gradient × input under another name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from radrobust.systems.classifier import Normalise
from radrobust.systems.excitation import Product
from radrobust.systems.logits import logit_of
from radrobust.systems.meansparse import MeanSparse

_ELEMENTWISE = (nn.ReLU, nn.SiLU, nn.Sigmoid, MeanSparse)
_LINEAR = (
    *(nn.Conv2d, nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d, nn.AdaptiveAvgPool2d, nn.AvgPool2d),
    *(nn.Identity, nn.Dropout, nn.Flatten, Normalise),
)
"""In eval mode; what their gradient says of a step is exact."""

_NEARLY = 1e-5
"""Ends of a step that differ by no more than this share differ by rounding: the gradient serves."""


def walk(
    classifier: nn.Module,
    images: Tensor,
    baselines: Tensor,
    targets: Tensor,
    steps: int,
    at_once: int,
) -> Tensor:
    """Attribute the rise of a logit from baseline to image to the pixels.

    Parameters
    ----------
    classifier : nn.Module
        In eval mode.
    images, baselines : Tensor
        N×C×S×S in [0, 1].
    targets : Tensor
        N, int64: the class whose logit is explained.
    steps : int
        Equal steps on the straight line between them; 1 is DeepLIFT.
    at_once : int
        Most images in one pass.

    Returns
    -------
    Tensor
        N×C×S×S, signed; the sum over a map is f(image) - f(baseline).

    Raises
    ------
    TypeError
        The network holds a layer for which there is no rule.
    """
    size = max(1, at_once // steps)
    maps = []
    for first in range(0, len(images), size):
        rows = slice(first, first + size)
        some = images[rows], baselines[rows], targets[rows]
        maps.append(_walk(classifier, *some, steps, at_once))
    return torch.cat(maps)


def _walk(
    classifier: nn.Module,
    images: Tensor,
    baselines: Tensor,
    targets: Tensor,
    steps: int,
    at_once: int,
) -> Tensor:
    count, way = len(images), images - baselines
    slopes = torch.zeros_like(images)
    with _secants(classifier, count) as ends:
        with torch.no_grad():
            classifier(baselines)
        for reached in torch.split(torch.arange(1, steps + 1), max(1, at_once // count)):
            ends.turn()
            shares = (reached / steps).to(images).view(-1, 1, 1, 1, 1)
            points = (baselines + shares * way).flatten(0, 1).requires_grad_()
            with torch.enable_grad():
                picked = logit_of(classifier(points), targets.repeat(len(reached)))
                (slope,) = torch.autograd.grad(picked.sum(), points)
            slopes += slope.view(len(reached), *images.shape).sum(dim=0)
    return slopes / steps * way


class _Ends:
    """What went into the layers with a rule and came out, in the order in which they are called.

    A pass holds some points of the walk, one after the other, each for `count` images. Of the pass
    before the last point is remembered: it is where this pass's first step begins.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._before: list[tuple[Tensor, ...]] = []
        self._now: list[tuple[Tensor, ...]] = []

    def turn(self) -> None:
        """Begin the next pass."""
        self._before, self._now = self._now, []

    def starts(self, *values: Tensor) -> list[Tensor] | None:
        """Return where the pass's first step begins; nothing in the first pass, at the baselines.

        Every later step begins where the one before it ends.
        """
        call = len(self._now)
        self._now.append(tuple(value.detach()[-self._count :].clone() for value in values))
        return list(self._before[call]) if self._before else None


@contextmanager
def _secants(classifier: nn.Module, count: int) -> Iterator[_Ends]:
    """Give the layers of a network their rules within the block."""
    ends = _Ends(count)

    def elementwise(_: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor | None:
        starts = ends.starts(inputs[0], output)
        if starts is None:
            return None
        end = inputs[0].detach()
        rise, slope = _rise(starts[0], end), _rise(starts[1], output.detach())
        slope /= rise
        still = rise.abs_() <= _NEARLY * end.abs()
        (gradient,) = torch.autograd.grad(output.sum(), inputs[0], retain_graph=True)
        torch.where(still, gradient, slope, out=slope)
        valued: Tensor = _Sloped.apply(inputs[0], output.detach(), slope)
        return valued

    def product(_: nn.Module, inputs: tuple[Tensor, Tensor], output: Tensor) -> Tensor | None:
        """Δ(ab) = Δa (b + b₀)/2 + Δb (a + a₀)/2: each gets half of what they do together."""
        starts = ends.starts(*inputs)
        if starts is None:
            return None
        halfway = [
            value.detach() - _rise(start, value.detach()) / 2
            for start, value in zip(starts, inputs, strict=True)
        ]
        surrogate = inputs[0] * halfway[1] + halfway[0] * inputs[1]
        valued: Tensor = _Sloped.apply(surrogate, output.detach(), None)
        return valued

    handles, inplace = [], []
    try:
        for module in _with_rule(classifier):
            if getattr(module, "inplace", False):
                module.inplace = False  # type: ignore[assignment]
                inplace.append(module)
            rule = product if isinstance(module, Product) else elementwise
            handles.append(module.register_forward_hook(rule))
        yield ends
    finally:
        for handle in handles:
            handle.remove()
        for module in inplace:
            module.inplace = True  # type: ignore[assignment]


def _rise(start: Tensor, ends: Tensor) -> Tensor:
    """By how much each step rises: the first from `start`, the others from the end before."""
    count = len(start)
    rise = torch.empty_like(ends)
    torch.sub(ends[:count], start, out=rise[:count])
    torch.sub(ends[count:], ends[:-count], out=rise[count:])
    return rise


class _Sloped(torch.autograd.Function):
    """A value of which the gradient passes on `slope` times as large; None: as it is."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, value: Tensor, slope: Tensor | None) -> Tensor:
        ctx.slope = slope
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = gradients
        return gradient if ctx.slope is None else gradient * ctx.slope, None, None


def _with_rule(module: nn.Module) -> Iterator[nn.Module]:
    """Walk through the layers that need a rule; what a rule covers is not looked into."""
    if isinstance(module, (*_ELEMENTWISE, Product)):
        yield module
        return
    children = list(module.children())
    if not children and type(module).__module__.startswith("torch.") and not _is_linear(module):
        raise TypeError(f"there is no rule for {type(module).__name__}, so maps would not add up")
    for child in children:
        yield from _with_rule(child)


def _is_linear(module: nn.Module) -> bool:
    return isinstance(module, _LINEAR)
