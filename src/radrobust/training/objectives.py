"""Training objectives: one function a paper, each a loss over one batch.

In the formulae f(x) is the classifier's answer to an image x with the label y, CE the
cross-entropy, KL the Kullback-Leibler divergence, and x' an image in the ball around x, found by
the K steps of `radrobust.training.inner`. Images count by the class weight of their label in every
term that holds a label: such a term is the mean over the batch with those weights, Σ w ℓ / Σ w. A
KL that holds no label is the plain mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from radrobust.systems.logits import probability_of
from radrobust.training.inner import InnerAttack, in_eval_mode


@dataclass(frozen=True)
class Context:
    """What an objective may know besides the batch.

    Attributes
    ----------
    class_weights : Tensor
        2 weights, mean 1 over the training split, that make both classes count the same.
    attack : InnerAttack
        Finds the images that a robust objective trains against.
    generator : torch.Generator
        For every random draw of a loss; on the CPU.
    progress : float
        Share of the training that is done, in [0, 1).
    helper : nn.Module, optional
        A classifier from standard training, in eval mode, for the objectives that need one.
    """

    class_weights: Tensor
    attack: InnerAttack
    generator: torch.Generator
    progress: float = 0.0
    helper: nn.Module | None = None


class Passes(NamedTuple):
    """How often one loss and its backward pass send the batch through a network.

    Attributes
    ----------
    training : int
        Forward in train mode, and backward to the weights.
    input_gradient : int
        Forward in eval mode, and backward to the images alone.
    forward : int
        Forward alone, in eval mode; one of them may be the helper's.
    """

    training: int
    input_gradient: int
    forward: int


Loss = Callable[[nn.Module, Tensor, Tensor, Context], Tensor]


@dataclass(frozen=True)
class Objective:
    """A loss, and what the training loop and the reader should know of it.

    Attributes
    ----------
    name : str
        Its key in `OBJECTIVES`.
    title : str
        For readers.
    loss : callable
        Parameters and result as in `standard`.
    passes : callable
        From K, the number of inner steps, to the `Passes` of one batch, at most.
    robust : bool
        Whether it trains against perturbed images; the best epoch is then chosen under attack.
    averaging : float
        Decay, per step, of the exponential moving average of the weights; 0 for none.
    needs_helper : bool
        Whether `Context.helper` must be given.
    """

    name: str
    title: str
    loss: Loss
    passes: Callable[[int], Passes]
    robust: bool
    averaging: float
    needs_helper: bool


OBJECTIVES: dict[str, Objective] = {}


def objective(
    *,
    title: str,
    passes: Callable[[int], Passes],
    robust: bool,
    averaging: float = 0.0,
    needs_helper: bool = False,
) -> Callable[[Loss], Loss]:
    """Enter the decorated loss in `OBJECTIVES` under its own name.

    Parameters
    ----------
    title, passes, robust, averaging, needs_helper
        As in `Objective`.
    """

    def enter(loss: Loss) -> Loss:
        name = loss.__name__
        OBJECTIVES[name] = Objective(name, title, loss, passes, robust, averaging, needs_helper)
        return loss

    return enter


@objective(title="Standard training", passes=lambda steps: Passes(1, 0, 0), robust=False)
def standard(classifier: nn.Module, images: Tensor, labels: Tensor, context: Context) -> Tensor:
    """Cross-entropy on the images as they are: CE(f(x), y).

    1 training pass.

    Parameters
    ----------
    classifier : nn.Module
        In train mode, in which it is left; N×1×S×S to N×2 logits.
    images : Tensor
        N×1×S×S in [0, 1], float32.
    labels : Tensor
        N, int64: 1 for the finding, 0 for its absence.
    context : Context
        What else a loss may know.

    Returns
    -------
    Tensor
        Scalar, float32.
    """
    return F.cross_entropy(classifier(images).float(), labels, weight=context.class_weights)


@objective(title="Adversarial training", passes=lambda steps: Passes(1, steps, 0), robust=True)
def pgd(classifier: nn.Module, images: Tensor, labels: Tensor, context: Context) -> Tensor:
    """Adversarial training: CE(f(x'), y), where x' maximises it in the ball.

    Madry et al. 2018, "Towards Deep Learning Models Resistant to Adversarial Attacks", equation
    2.1, arXiv:1706.06083. x' starts anywhere in the ball.

    K input-gradient passes and 1 training pass.

    Parameters
    ----------
    classifier, images, labels, context
        As in `standard`.
    """
    start = context.attack.uniform_start(images, context.generator)
    perturbed, _ = context.attack.away_from_labels(classifier, images, labels, start)
    return F.cross_entropy(classifier(perturbed).float(), labels, weight=context.class_weights)


@objective(title="TRADES", passes=lambda steps: Passes(2, steps, 1), robust=True)
def trades(classifier: nn.Module, images: Tensor, labels: Tensor, context: Context) -> Tensor:
    """TRADES: CE(f(x), y) + β KL(f(x) ‖ f(x')), β = 6, where x' maximises the KL in the ball.

    Zhang et al. 2019, "Theoretically Principled Trade-off between Robustness and Accuracy",
    equation 5, arXiv:1901.08573. As in the authors' code x' starts next to x and is sought in eval
    mode, and x and x' go through the classifier one after the other: each batch is normalised by
    its own statistics.

    1 forward-only pass, K input-gradient passes and 2 training passes.

    Parameters
    ----------
    classifier, images, labels, context
        As in `standard`.
    """
    start = context.attack.gaussian_start(images, context.generator)
    perturbed = context.attack.away_from_answer(classifier, images, start)
    clean, attacked = classifier(images).float(), classifier(perturbed).float()
    natural = F.cross_entropy(clean, labels, weight=context.class_weights)
    return natural + 6.0 * _kl(clean, attacked).mean()


@objective(title="MART", passes=lambda steps: Passes(2, steps, 0), robust=True)
def mart(classifier: nn.Module, images: Tensor, labels: Tensor, context: Context) -> Tensor:
    """MART: BCE(f(x'), y) + λ KL(f(x) ‖ f(x')) (1 - p_y(x)), λ = 6; x' maximises CE(f(x'), y).

    Wang et al. 2020, "Improving Adversarial Robustness Requires Revisiting Misclassified Examples",
    ICLR 2020, OpenReview rklOg6EFwS. BCE is the boosted cross-entropy, -log p_y(x') - log(1 -
    max p_k(x')) over the other classes k. On two classes its terms are equal, so that it is twice
    CE(f(x'), y). λ, the start next to x and the gradient through p_y(x) are those of the authors'
    code for wide residual networks. The KL holds the label here, and images count in it by their
    class weight.

    K input-gradient passes and 2 training passes.

    Parameters
    ----------
    classifier, images, labels, context
        As in `standard`.
    """
    start = context.attack.gaussian_start(images, context.generator)
    perturbed, _ = context.attack.away_from_labels(classifier, images, labels, start)
    clean, attacked = classifier(images).float(), classifier(perturbed).float()
    boosted = 2 * F.cross_entropy(attacked, labels, reduction="none")
    # The probability of the other class: 1 - p_y would be rounded to zero where p_y is almost 1.
    wrong = probability_of(clean, 1 - labels)
    return _class_mean(boosted + 6.0 * _kl(clean, attacked) * wrong, labels, context)


@objective(title="GAIRAT", passes=lambda steps: Passes(1, steps, 0), robust=True)
def gairat(classifier: nn.Module, images: Tensor, labels: Tensor, context: Context) -> Tensor:
    """GAIRAT: ω CE(f(x'), y), where images near the decision boundary have the larger weight ω.

    Zhang et al. 2021, "Geometry-aware Instance-reweighted Adversarial Training", arXiv:2010.01736.
    ω = (1 + tanh(λ + 5 (1 - 2κ/K))) / 2, λ = -1, divided by its mean over the batch. κ counts the
    iterates of the attack on x, from its start to the last but one, that are still classified
    rightly; it comes from the passes of the search itself. For the first half of the training ω is
    1. x' is that of adversarial training (`pgd`), and class weights come on top: Σ w ω CE / Σ w.

    K input-gradient passes and 1 training pass.

    Parameters
    ----------
    classifier, images, labels, context
        As in `standard`.
    """
    start = context.attack.uniform_start(images, context.generator)
    perturbed, margins = context.attack.away_from_labels(classifier, images, labels, start)
    losses = F.cross_entropy(classifier(perturbed).float(), labels, reduction="none")
    if context.progress >= 0.5:
        losses = _geometry_weights(torch.stack(margins), labels) * losses
    return _class_mean(losses, labels, context)


def _geometry_weights(margins: Tensor, labels: Tensor) -> Tensor:
    """ω for N images from the K×N margins of their iterates."""
    kappa = ((margins > 0) == (labels == 1)).sum(dim=0)
    # (1 + tanh(z)) / 2 = sigmoid(2z), which loses no digits where tanh(z) is almost -1.
    weights = torch.sigmoid(2 * (-1 + 5 * (1 - 2 * kappa / len(margins))))
    return weights / weights.mean()


@objective(
    title="HAT",
    passes=lambda steps: Passes(3, steps, 2),
    robust=True,
    averaging=0.995,
    needs_helper=True,
)
def hat(classifier: nn.Module, images: Tensor, labels: Tensor, context: Context) -> Tensor:
    """HAT: TRADES with β = 3.5, + γ CE(f(x + 2 (x' - x)), ŷ), γ = 0.5, for less excessive margins.

    Rade and Moosavi-Dezfooli 2022, "Reducing Excessive Margin to Achieve a Better Accuracy vs.
    Robustness Trade-off", ICLR 2022, OpenReview Azh9QBQ4tR7; β and γ are those of the authors' code
    for its larger networks. ŷ is what the helper, a classifier from standard training, says of x',
    and that term counts by the class weight of ŷ. Its image lies twice as far from x as x' does;
    unlike in the authors' code it is clamped to [0, 1], as no image has other pixels.

    1 forward-only pass, K input-gradient passes, 1 forward-only pass of the helper and 3 training
    passes.

    Parameters
    ----------
    classifier, images, labels, context
        As in `standard`.

    Raises
    ------
    ValueError
        The context has no helper.
    """
    if context.helper is None:
        raise ValueError("hat needs Context.helper, a classifier from standard training")
    start = context.attack.gaussian_start(images, context.generator)
    perturbed = context.attack.away_from_answer(classifier, images, start)
    with torch.no_grad():
        helped = context.helper(perturbed).argmax(dim=1)
    beyond = (images + 2 * (perturbed - images)).clamp(0, 1)
    clean, attacked = classifier(images).float(), classifier(perturbed).float()
    natural = F.cross_entropy(clean, labels, weight=context.class_weights)
    helping = F.cross_entropy(classifier(beyond).float(), helped, weight=context.class_weights)
    return natural + 3.5 * _kl(clean, attacked).mean() + 0.5 * helping


@objective(
    title="TRADES with CutMix",
    passes=lambda steps: Passes(2, steps, 0),
    robust=True,
    averaging=0.995,
)
def rebuffi(classifier: nn.Module, images: Tensor, labels: Tensor, context: Context) -> Tensor:
    """TRADES on CutMix images: CE(f(x), q) + β KL(f(x) ‖ f(x')), β = 6, x and q mixed.

    Rebuffi et al. 2021, "Fixing Data Augmentation to Improve Adversarial Robustness",
    arXiv:2103.01946. As in the authors' code for CutMix, x' starts anywhere in the ball and
    maximises CE(f(x'), q), not the KL. They normalise by the batch while they search; here, as
    everywhere, the search is in eval mode. An image counts in the cross-entropy by the class weight
    of either label in proportion to its share in q.

    K input-gradient passes and 2 training passes.

    Parameters
    ----------
    classifier, images, labels, context
        As in `standard`.
    """
    images, shares = _cutmix(images, labels, context.generator)
    start = context.attack.uniform_start(images, context.generator)
    perturbed, _ = context.attack.away_from_labels(classifier, images, shares, start)
    clean, attacked = classifier(images).float(), classifier(perturbed).float()
    weights = torch.stack([1 - shares, shares], dim=1) * context.class_weights
    natural: Tensor = (weights * -clean.log_softmax(dim=1)).sum() / weights.sum()
    return natural + 6.0 * _kl(clean, attacked).mean()


def _cutmix(images: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Paste into each image the same box of another of the batch; share the label by area.

    Yun et al. 2019, arXiv:1905.04899: the box's area is 1 - λ of the image before it is cut at the
    border, with λ from Beta(1, 1), the uniform distribution. Returns images and N shares of
    class 1.
    """
    side = images.shape[-1]
    partners = torch.randperm(len(images), generator=generator).to(images.device)
    reach = int(side * math.sqrt(1 - torch.rand((), generator=generator).item())) // 2
    centre = torch.randint(0, side, (2,), generator=generator).tolist()
    rows, columns = (slice(max(at - reach, 0), at + reach) for at in centre)
    mixed = images.clone()
    mixed[..., rows, columns] = images[partners][..., rows, columns]
    pasted = images[0, 0, rows, columns].numel() / side**2
    # `lerp` leaves equal labels exactly as they are.
    return mixed, torch.lerp(labels.float(), labels[partners].float(), pasted)


@objective(title="Data filtering", passes=lambda steps: Passes(1, steps, 0), robust=True)
def data_filtering(
    classifier: nn.Module, images: Tensor, labels: Tensor, context: Context
) -> Tensor:
    """Adversarial training that drops images whose adversarial examples matter little.

    Chen and Lee 2024, "Data filtering for efficient adversarial training", Pattern Recognition,
    doi:10.1016/j.patcog.2024.110394. Only its abstract was read: some adversarial examples are less
    important, and can be identified at minimal cost and removed, which saves about a fifth of the
    computing. **The criterion is ours, not the paper's**: of the quarter of the batch (rounded
    down) with the least cross-entropy at the random start of the attack, the images classified
    rightly there are dropped. They have the least to teach, and their cross-entropy comes from the
    first pass of the search, so that it costs nothing. The rest is adversarial training (`pgd`), as
    if the dropped images were not in the batch.

    At most K input-gradient passes and 1 training pass; dropped images only take part in the first.

    Parameters
    ----------
    classifier, images, labels, context
        As in `standard`.
    """
    attack, lowest = context.attack, torch.logit(labels.float())
    start = attack.uniform_start(images, context.generator)
    with in_eval_mode(classifier):
        perturbed, (margins,) = attack.climb(classifier, images, start, lowest, 1)
        kept = _important(margins, labels)
        images, labels, perturbed, lowest = (x[kept] for x in (images, labels, perturbed, lowest))
        perturbed, _ = attack.climb(classifier, images, perturbed, lowest, attack.steps - 1)
    return F.cross_entropy(classifier(perturbed).float(), labels, weight=context.class_weights)


def _important(margins: Tensor, labels: Tensor) -> Tensor:
    """N, bool: all but those of the quarter with the least cross-entropy that are right."""
    rightness = torch.where(labels == 1, margins, -margins)  # the cross-entropy falls with it
    quarter = rightness.topk(len(labels) // 4).indices
    kept = torch.ones_like(labels, dtype=torch.bool)
    kept[quarter] = rightness[quarter] <= 0
    return kept


def _kl(clean: Tensor, attacked: Tensor) -> Tensor:
    """KL(softmax(clean) ‖ softmax(attacked)) of each of N images."""
    divergence = F.kl_div(
        attacked.log_softmax(dim=1), clean.log_softmax(dim=1), log_target=True, reduction="none"
    )
    return divergence.sum(dim=1)


def _class_mean(losses: Tensor, labels: Tensor, context: Context) -> Tensor:
    """Mean of N losses, weighted as `torch.nn.functional.cross_entropy` weights by class."""
    weights = context.class_weights[labels]
    mean: Tensor = (weights * losses).sum() / weights.sum()
    return mean
