"""Is what is attacked what was trained, and are the images those that were read?

Each fault here was found in published studies: it moves every number, and no number shows it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn

from radrobust.attacks.losses import margin
from radrobust.attacks.table import array
from radrobust.core.tensors import state_digest
from radrobust.systems.batching import in_batches
from radrobust.systems.classifier import Normalise
from radrobust.systems.images import Images

_BATCH = 64
_REPEATED = 16  # images of which two passes are compared


@dataclass(frozen=True)
class Pipeline:
    """What was found.

    Attributes
    ----------
    normalisations : int
        Layers that normalise pixels; right is 1.
    pixel_difference : float
        Largest difference, in grey levels, between an image as it was evaluated and as it was read.
        Augmentation of test images shows here, and normalisation outside the classifier.
    repeat_difference : float
        Largest difference of a logit between two passes of the same images.
    training_mode : int
        Modules in train mode, whose BatchNorm statistics drift and whose dropout drops.
    weights_changed : bool
        Whether weights or statistics are no longer those that were loaded.
    """

    normalisations: int
    pixel_difference: float
    repeat_difference: float
    training_mode: int
    weights_changed: bool


def inspect(classifier: nn.Module, images: Images, stored: Tensor, loaded: bytes) -> Pipeline:
    """Look at a classifier and the images after an evaluation.

    Parameters
    ----------
    classifier : nn.Module
        As it was evaluated.
    images : Images
        As they were evaluated.
    stored : Tensor
        N×1×S×S float32 in [0, 1]: the same images as they were read.
    loaded : bytes
        Digest of the classifier's state when it was loaded.
    """
    some = images.pixels[:_REPEATED]
    with torch.no_grad():
        first, second = classifier(some), classifier(some)
    modules = list(classifier.modules())
    return Pipeline(
        normalisations=sum(isinstance(module, Normalise) for module in modules),
        pixel_difference=255 * float((images.pixels.cpu() - stored).abs().max()),
        repeat_difference=float((first - second).abs().max()),
        training_mode=sum(module.training for module in modules),
        weights_changed=state_digest(classifier) != loaded,
    )


def gradients(classifier: nn.Module, images: Images) -> pd.DataFrame:
    """Look at the gradient of the margin at each image, which an attack has to follow.

    Parameters
    ----------
    classifier : nn.Module
        In eval mode.
    images : Images
        N.

    Returns
    -------
    DataFrame
        `sample_id`; `norm`, its L2 norm; `zero_share`, the share of pixels in which it is exactly
        zero; `constant`, whether it is the same in all pixels.
    """
    found = in_batches(images, _BATCH, lambda batch: _slopes(classifier, batch))
    return pd.concat(found, ignore_index=True).astype({"norm": "f4", "zero_share": "f4"})


def _slopes(classifier: nn.Module, images: Images) -> pd.DataFrame:
    points = images.pixels.clone().requires_grad_()
    with torch.enable_grad():
        loss = margin(classifier(points), images.labels).sum()
        (gradient,) = torch.autograd.grad(loss, points)
    flat = gradient.flatten(1)
    return pd.DataFrame(
        {
            "sample_id": images.sample_ids,
            "norm": array(flat.norm(dim=1), float),
            "zero_share": array((flat == 0).float().mean(dim=1), float),
            "constant": array((flat == flat[:, :1]).all(dim=1), bool),
        }
    )
