"""What a network under training is fed: films, or the features that a frozen backbone sees."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radrobust.systems.classifier import as_pixels
from radrobust.training.augmentation import augment

Rows = NDArray[np.intp] | slice


def _digest(*arrays: NDArray[Any]) -> bytes:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()


class Inputs(Protocol):
    """One split, as the training loop sees it."""

    @property
    def labels(self) -> NDArray[np.int8]:
        """N integers of 0 or 1."""

    @property
    def digest(self) -> bytes:
        """What tells these inputs from others: a hash of all that they hold."""

    def as_they_are(self, rows: Rows) -> Tensor:
        """Return rows unaltered: all that validation ever sees."""

    def for_training(self, rows: Rows, epoch: int, generator: torch.Generator) -> Tensor:
        """Return rows as the epoch, counted from 1, is to see them."""


@dataclass(frozen=True)
class Films:
    """Films of one split.

    Attributes
    ----------
    images : array
        N×S×S uint8.
    labels : array
        N integers of 0 or 1.
    augmented : bool
        Whether training sees them mirrored and shifted.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int8]
    augmented: bool = True

    @property
    def digest(self) -> bytes:
        """A hash of images and labels."""
        return _digest(self.images, self.labels)

    def as_they_are(self, rows: Rows) -> Tensor:
        """Return N×1×S×S pixels in [0, 1]."""
        return as_pixels(self.images[rows])

    def for_training(self, rows: Rows, epoch: int, generator: torch.Generator) -> Tensor:
        """Return N×1×S×S pixels in [0, 1], augmented by `generator` where that is wanted."""
        pixels = self.as_they_are(rows)
        return augment(pixels, generator) if self.augmented else pixels


@dataclass(frozen=True)
class Features:
    """Pooled features of one split's films.

    Attributes
    ----------
    values : array
        V×N×C float32: V views of each film. An epoch sees one of them, the next epoch the next.
    labels : array
        N integers of 0 or 1.
    """

    values: NDArray[np.float32]
    labels: NDArray[np.int8]

    @property
    def digest(self) -> bytes:
        """A hash of values and labels."""
        return _digest(self.values, self.labels)

    def as_they_are(self, rows: Rows) -> Tensor:
        """Return the first view, N×C."""
        return torch.from_numpy(np.array(self.values[0, rows]))

    def for_training(self, rows: Rows, epoch: int, generator: torch.Generator) -> Tensor:
        """Return the view whose turn it is, N×C."""
        return torch.from_numpy(np.array(self.values[(epoch - 1) % len(self.values), rows]))
