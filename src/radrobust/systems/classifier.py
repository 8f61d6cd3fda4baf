"""A radiograph classifier: trunk, global average pooling and head behind one door."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radrobust.systems.catalogue import SYSTEMS


class Classifier(nn.Module):
    """Radiographs in, two logits out.

    Parameters
    ----------
    trunk : nn.Sequential
        N×3×H×W to N×C×h×w. None of the systems so far asks for normalised input.
    channels : int
        C.
    """

    def __init__(self, trunk: nn.Sequential, channels: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = nn.Linear(channels, 2)

    def forward(self, images: Tensor) -> Tensor:
        """Score radiographs.

        Parameters
        ----------
        images : Tensor
            N×1×H×W or N×3×H×W, values in [0, 1]; H and W multiples of 8. Grey images are
            repeated to three channels here and nowhere else.

        Returns
        -------
        Tensor
            N×2 logits: column 0 for the absence of the finding, column 1 for the finding.
        """
        maps = self.trunk(images.expand(-1, 3, -1, -1))
        logits: Tensor = self.head(maps.mean(dim=(2, 3)))
        return logits


def as_pixels(films: NDArray[np.uint8]) -> Tensor:
    """Turn N×S×S grey levels (uint8) into N×1×S×S float32 pixels in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(films)).unsqueeze(1).float() / 255


def build(key: str, seed: int) -> Classifier:
    """Build a system at compact scale with freshly drawn weights.

    Parameters
    ----------
    key : str
        A key of `SYSTEMS`.
    seed : int
        Of the initial weights. The global random state is left as it was.

    Returns
    -------
    Classifier
        On the CPU, in `channels_last` memory format, which convolutions on a CPU like best.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        classifier = Classifier(*SYSTEMS[key].compact())
    return classifier.to(memory_format=torch.channels_last)
