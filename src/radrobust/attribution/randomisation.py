"""Do maps depend on what the classifier has learnt? Its weights are taken from it, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radrobust.attribution.survival import FloatArray, rank_correlation
from radrobust.core.seeds import derive_seed
from radrobust.systems.classifier import Classifier, backbone_of

PARTS = ("head", "last stage", "middle stage", "first stage and stem")
"""From the top down; what follows the last stage belongs to it."""


def cascade(classifier: Classifier, seed: int) -> Iterator[tuple[str, Classifier]]:
    """Redraw the weights of a classifier from the top down, one part more each time.

    The model randomisation test of Adebayo et al. 2018, arXiv:1810.03292, cascading. A map that
    stays as it was shows the image, not what the classifier makes of it.

    Weights are redrawn by shuffling the values within each parameter. Drawn as for a fresh network
    they would have another scale than the BatchNorm statistics that are kept, and logits and
    gradients would vanish or grow without bound: a map could then change for its scale alone. What
    is the same everywhere in a parameter, such as biases that are still 0, stays.

    Parameters
    ----------
    classifier : Classifier
        Is left as it is.
    seed : int
        Each parameter is shuffled by the seed and its name, on every device alike.

    Yields
    ------
    part : str
        One of `PARTS`, in order: the lowest part that is redrawn.
    redrawn : Classifier
        A copy, in the mode and on the device of the classifier.
    """
    redrawn: list[str] = []
    for part, names in parameters_by_part(classifier).items():
        redrawn += names
        copy = deepcopy(classifier)
        for name in redrawn:
            _shuffle(copy.get_parameter(name), derive_seed(seed, "shuffle", name))
        yield part, copy


def parameters_by_part(classifier: Classifier) -> dict[str, list[str]]:
    """Name the parameters of each of `PARTS`; every parameter is in one of them."""
    last = backbone_of(classifier.design).last_block[0]  # such as "block3" or "layer.2"
    stem, number = last[:-1], int(last[-1])
    names = [name for name, _ in classifier.named_parameters()]  # as images pass through them
    head = [name for name in names if name.startswith("head.")]
    body = [name for name in names if name not in set(head)]
    third, second = (
        next(place for place, name in enumerate(body) if name.startswith(f"backbone.{stage}."))
        for stage in (last, f"{stem}{number - 1}")
    )
    found = (head, body[third:], body[second:third], body[:second])
    return dict(zip(PARTS, found, strict=True))


def correlations(
    before: FloatArray, after: FloatArray, areas: Sequence[Sequence[int]]
) -> NDArray[np.float64]:
    """Rank correlation of maps with those of another network, one by one.

    Parameters
    ----------
    before, after : array
        N×S×S.
    areas : sequence of sequence of int
        N ``[x0, y0, x1, y1]``, where each radiograph lies in the frame.

    Returns
    -------
    array
        N, as in `radrobust.attribution.survival.rank_correlation`.
    """
    return np.array(
        [rank_correlation(*row) for row in zip(before, after, areas, strict=True)], np.float64
    )


@torch.no_grad()
def _shuffle(weight: Tensor, seed: int) -> None:
    order = torch.randperm(weight.numel(), generator=torch.Generator().manual_seed(seed))
    weight.copy_(weight.flatten()[order.to(weight.device)].view(weight.shape))
