"""DeepLIFT and integrated gradients: one walk from the baseline to the film, in one step or many.

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

import torch
from torch import Tensor, nn

from radrobust.systems.classifier import Normalise
from radrobust.systems.excitation import Product
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
    films: Tensor,
    baselines: Tensor,
    targets: Tensor,
    steps: int,
    at_once: int,
) -> Tensor:
    """Attribute the rise of a logit from baseline to film to the pixels.

    Parameters
    ----------
    classifier : nn.Module
        In eval mode.
    films, baselines : Tensor
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
        N×C×S×S, signed; the sum over a map is f(film) - f(baseline).

    Raises
    ------
    TypeError
        The network holds a layer for which there is no rule.
    """
    size = max(1, at_once // steps)
    maps = []
    for first in range(0, len(films), size):
        rows = slice(first, first + size)
        some = films[rows], baselines[rows], targets[rows]
        maps.append(_walk(classifier, *some, steps, at_once))
    return torch.cat(maps)


def _walk(
    classifier: nn.Module,
    films: Tensor,
    baselines: Tensor,
    targets: Tensor,
    steps: int,
    at_once: int,
) -> Tensor:
    count, way = len(films), films - baselines
    slopes = torch.zeros_like(films)
    with _secants(classifier, count) as ends:
        with torch.no_grad():
            classifier(baselines)
        for reached in torch.split(torch.arange(1, steps + 1), max(1, at_once // count)):
            ends.turn()
            shares = (reached / steps).to(films).view(-1, 1, 1, 1, 1)
            points = (baselines + shares * way).flatten(0, 1).requires_grad_()
            with torch.enable_grad():
                logits = classifier(points)
                picked = logits.gather(1, targets.repeat(len(reached)).unsqueeze(1))
                (slope,) = torch.autograd.grad(picked.sum(), points)
            slopes += slope.view(len(reached), *films.shape).sum(dim=0)
    return slopes / steps * way


class _Ends:
    """What went into the layers with a rule and came out, in the order in which they are called.

    A pass holds some points of the walk, one after the other, each for `count` films. Of the pass
    before the last point is remembered: it is where this pass's first step begins.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._before: list[tuple[Tensor, ...]] = []
        self._now: list[tuple[Tensor, ...]] = []

    def turn(self) -> None:
        """Begin the next pass."""
        self._before, self._now = self._now, []

    def of_steps(self, *values: Tensor) -> list[tuple[Tensor, Tensor]] | None:
        """Return where each step begins and ends; nothing in the first pass, at the baselines."""
        call = len(self._now)
        values = tuple(value.detach() for value in values)
        self._now.append(tuple(value[-self._count :] for value in values))
        if not self._before:
            return None
        return [
            (torch.cat([start, value[: -self._count]]), value)
            for start, value in zip(self._before[call], values, strict=True)
        ]


@contextmanager
def _secants(classifier: nn.Module, count: int) -> Iterator[_Ends]:
    """Give the layers of a network their rules within the block."""
    ends = _Ends(count)

    def elementwise(_: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor | None:
        found = ends.of_steps(inputs[0], output)
        if found is None:
            return None
        (start, end), (from_value, to_value) = found
        rise = end - start
        (gradient,) = torch.autograd.grad(output.sum(), inputs[0], retain_graph=True)
        apart = rise.abs() > _NEARLY * torch.maximum(start.abs(), end.abs())
        slope = torch.where(apart, (to_value - from_value) / rise, gradient)
        valued: Tensor = _Valued.apply(inputs[0] * slope, output)
        return valued

    def product(_: nn.Module, inputs: tuple[Tensor, Tensor], output: Tensor) -> Tensor | None:
        """Δ(ab) = Δa (b + b₀)/2 + Δb (a + a₀)/2: each gets half of what they do together."""
        found = ends.of_steps(*inputs)
        if found is None:
            return None
        maps, scale = ((start + end) / 2 for start, end in found)
        valued: Tensor = _Valued.apply(inputs[0] * scale + maps * inputs[1], output)
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


class _Valued(torch.autograd.Function):
    """A value whose gradient is that of another expression."""

    @staticmethod
    def forward(ctx: object, slope: Tensor, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


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
