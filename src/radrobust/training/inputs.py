"""What a network under training is fed: images, or the features that a frozen backbone sees."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radrobust.systems.images import Images
from radrobust.training.augmentation import augment

Rows = NDArray[np.integer] | slice


class Inputs(Protocol):
    """One split, as the training loop sees it."""

    @property
    def sample_ids(self) -> list[str]:
        """N names."""

    @property
    def labels(self) -> Tensor:
        """N, int64: 0 or 1."""

    @property
    def digest(self) -> bytes:
        """What tells these inputs from others: a hash of all that is learnt from them."""

    def as_they_are(self, rows: Rows) -> Tensor:
        """Return rows unaltered: all that validation ever sees."""

    def for_training(self, rows: Rows, epoch: int, generator: torch.Generator) -> Tensor:
        """Return rows as the epoch, counted from 1, is to see them."""


@dataclass(frozen=True)
class ImageInputs:
    """Images of one split.

    Attributes
    ----------
    images : Images
        Not on a GPU.
    augmented : bool
        Whether training sees them mirrored and shifted.
    """

    images: Images
    augmented: bool = False

    @property
    def sample_ids(self) -> list[str]:
        """N names."""
        return self.images.sample_ids

    @property
    def labels(self) -> Tensor:
        """N, int64: 0 or 1."""
        return self.images.labels

    @property
    def digest(self) -> bytes:
        """A hash of images and labels."""
        return self.images.digest

    def as_they_are(self, rows: Rows) -> Tensor:
        """Return N×1×S×S pixels in [0, 1]."""
        return self.images.floats(rows)

    def for_training(self, rows: Rows, epoch: int, generator: torch.Generator) -> Tensor:
        """Return N×1×S×S pixels in [0, 1], augmented by `generator` where that is wanted."""
        pixels = self.as_they_are(rows)
        return augment(pixels, generator) if self.augmented else pixels


@dataclass(frozen=True)
class FeatureInputs:
    """Pooled features of one split's images.

    Attributes
    ----------
    sample_ids : list of str
        N.
    labels : Tensor
        N, int64: 0 or 1.
    values : array
        V×N×C float32: V views of each image. An epoch sees one of them, the next epoch the next.
    """

    sample_ids: list[str]
    labels: Tensor
    values: NDArray[np.float32]

    @property
    def digest(self) -> bytes:
        """A hash of values and labels."""
        digest = hashlib.sha256(repr(self.values.shape).encode())
        digest.update(np.ascontiguousarray(self.values).data)
        digest.update(self.labels.numpy().data)
        return digest.digest()

    def as_they_are(self, rows: Rows) -> Tensor:
        """Return the first view, N×C."""
        return torch.from_numpy(np.array(self.values[0, rows]))

    def for_training(self, rows: Rows, epoch: int, generator: torch.Generator) -> Tensor:
        """Return the view whose turn it is, N×C."""
        return torch.from_numpy(np.array(self.values[(epoch - 1) % len(self.values), rows]))
