"""DeepLIFT with a rule for every layer of every system, so that its maps add up.

Captum 0.9 passes layers that it has no rule for without a word and multiplies by their gradient
instead; maps of networks with SiLU, MeanSparse or squeeze-excitation are then gradient × input
under another name.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from captum.attr import DeepLift
from captum.attr._core.deep_lift import SUPPORTED_NON_LINEAR, nonlinear
from torch import Tensor, nn

from radrobust.systems.excitation import Product
from radrobust.systems.meansparse import MeanSparse

# The rescale rule, Δoutput / Δinput, which holds for every elementwise function.
SUPPORTED_NON_LINEAR.update({nn.SiLU: nonlinear, MeanSparse: nonlinear})


def attribute(classifier: nn.Module, films: Tensor, baselines: Tensor, targets: Tensor) -> Tensor:
    """Explain logits by DeepLIFT, rescale rule; Shrikumar et al. 2017, arXiv:1704.02685.

    Parameters
    ----------
    classifier : nn.Module
        In eval mode.
    films, baselines : Tensor
        N×1×S×S in [0, 1].
    targets : Tensor
        N, int64: the class whose logit is explained.

    Returns
    -------
    Tensor
        N×1×S×S, signed; the sum over a map is f(film) - f(baseline).
    """
    with warnings.catch_warnings(), _product_rule(classifier):
        warnings.filterwarnings("ignore", message="Setting forward, backward hooks")
        maps: Tensor = DeepLift(classifier).attribute(
            films.clone().requires_grad_(), baselines=baselines, target=targets
        )
    return maps


@contextmanager
def _product_rule(classifier: nn.Module) -> Iterator[None]:
    """Share out what a product of two activations rises by, half of the crossed part to each.

    Δ(ab) = Δa (b + b₀)/2 + Δb (a + a₀)/2, the Shapley value of a product of two.
    """
    handles = [
        module.register_forward_hook(_with_mean_factors)
        for module in classifier.modules()
        if isinstance(module, Product)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _with_mean_factors(_: nn.Module, inputs: tuple[Tensor, Tensor], output: Tensor) -> Tensor:
    """Keep the product's value, and let gradients meet the other factor halfway to its baseline."""
    maps, scale = inputs
    surrogate = maps * _halfway(scale) + scale * _halfway(maps)
    return surrogate + (output - surrogate).detach()


def _halfway(factor: Tensor) -> Tensor:
    """Mean of films and baselines, which Captum runs through the network as one batch."""
    films, baselines = factor.detach().chunk(2)
    mean = (films + baselines) / 2
    return torch.cat([mean, mean])
