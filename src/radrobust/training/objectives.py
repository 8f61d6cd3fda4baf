"""Training objectives: one function a paper, each a loss over one batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Context:
    """What an objective may know besides the batch.

    Attributes
    ----------
    class_weights : Tensor
        2 weights, mean 1 over the training split, that make both classes count the same.
    eps : float
        Budget of the inner attack, L-inf, in pixels of [0, 1].
    steps : int
        Its gradient steps.
    generator : torch.Generator
        For the start of the inner attack; on the CPU.
    """

    class_weights: Tensor
    eps: float
    steps: int
    generator: torch.Generator


Objective = Callable[[nn.Module, Tensor, Tensor, Context], Tensor]
OBJECTIVES: dict[str, Objective] = {}


def objective(function: Objective) -> Objective:
    """Enter `function` in `OBJECTIVES` under its own name."""
    OBJECTIVES[function.__name__] = function
    return function


@objective
def standard(classifier: nn.Module, images: Tensor, labels: Tensor, context: Context) -> Tensor:
    """Cross-entropy on the images as they are: CE(f(x), y).

    Parameters
    ----------
    classifier : nn.Module
        In train mode.
    images : Tensor
        N×1×S×S in [0, 1].
    labels : Tensor
        N, int64, 0 or 1.
    context : Context
        Class weights.

    Returns
    -------
    Tensor
        Scalar.
    """
    return F.cross_entropy(classifier(images).float(), labels, weight=context.class_weights)


@objective
def trades(classifier: nn.Module, images: Tensor, labels: Tensor, context: Context) -> Tensor:
    """TRADES: CE(f(x), y) + β KL(f(x) ‖ f(x')), β = 6, where x' maximises the KL in the ball.

    Zhang et al. 2019, "Theoretically Principled Trade-off between Robustness and Accuracy",
    equation 5, arXiv:1901.08573. As in the authors' code x' starts at x plus Gaussian noise of
    standard deviation 0.001 and is sought in eval mode, so that the search moves no BatchNorm
    statistic. Its step is 2 eps / steps, enough to reach any point of the ball.

    Parameters
    ----------
    classifier : nn.Module
        In train mode.
    images : Tensor
        N×1×S×S in [0, 1].
    labels : Tensor
        N, int64, 0 or 1.
    context : Context
        Class weights, and the inner attack.

    Returns
    -------
    Tensor
        Scalar.
    """
    beta = 6.0
    perturbed = _furthest_in_kl(classifier, images, context)
    clean = classifier(images).float()
    attacked = classifier(perturbed).float()
    natural = F.cross_entropy(clean, labels, weight=context.class_weights)
    return natural + beta * _kl(clean, attacked)


def _kl(clean: Tensor, attacked: Tensor) -> Tensor:
    """KL(softmax(clean) ‖ softmax(attacked)), mean over the batch."""
    return F.kl_div(
        F.log_softmax(attacked, dim=1),
        F.log_softmax(clean, dim=1),
        log_target=True,
        reduction="batchmean",
    )


def _furthest_in_kl(classifier: nn.Module, images: Tensor, context: Context) -> Tensor:
    noise = torch.randn(images.shape, generator=context.generator).to(images.device)
    perturbed = images + 0.001 * noise
    step = 2 * context.eps / context.steps
    classifier.eval()
    with torch.no_grad():
        clean = classifier(images).float()
    for _ in range(context.steps):
        perturbed.requires_grad_()
        divergence = _kl(clean, classifier(perturbed).float())
        (gradient,) = torch.autograd.grad(divergence, perturbed)
        perturbed = perturbed.detach() + step * gradient.sign()
        perturbed = (images + (perturbed - images).clamp(-context.eps, context.eps)).clamp(0, 1)
    classifier.train()
    return perturbed
