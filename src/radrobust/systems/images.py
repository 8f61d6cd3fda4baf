"""The images of a study, as systems take them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radrobust.core.tensors import tensors_digest
from radrobust.data.samples import Samples

Rows = Tensor | NDArray[np.integer]
"""Indices."""


@dataclass(frozen=True)
class Images:
    """Images with the names and labels of their samples.

    They come as grey levels, which take a quarter of the memory: training turns them into numbers
    by the batch (`floats`), evaluations all at once, on the device where they ask (`on`).

    Attributes
    ----------
    sample_ids : list of str
        N.
    labels : Tensor
        N, int64: 1 for the finding, 0 for its absence.
    pixels : Tensor
        N×C×S×S, float32 in [0, 1] or grey levels, which are uint8.
    """

    sample_ids: list[str]
    labels: Tensor
    pixels: Tensor

    def __len__(self) -> int:
        return len(self.sample_ids)

    def __getitem__(self, rows: slice) -> Images:
        return Images(self.sample_ids[rows], self.labels[rows], self.pixels[rows])

    def take(self, rows: Rows) -> Images:
        """Return those at `rows` (indices), in that order."""
        names = [self.sample_ids[row] for row in rows.tolist()]
        return Images(names, self.labels[rows], self.pixels[rows])

    def groups(self, size: int) -> Iterator[Images]:
        """Yield `size` at a time; the last group may be smaller."""
        return (self[first : first + size] for first in range(0, len(self), size))

    def floats(self, rows: Rows | slice = slice(None)) -> Tensor:
        """Return the pixels of `rows` as float32 in [0, 1]: N×C×S×S."""
        pixels = self.pixels[rows]
        # Divided before they go anywhere: a GPU multiplies by 1/255, which rounds differently.
        return pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels

    def on(self, device: torch.device) -> Images:
        """Return them on a device, float32 in [0, 1]."""
        return Images(self.sample_ids, self.labels.to(device), self.floats().to(device))

    @property
    def digest(self) -> bytes:
        """A hash of labels and pixels."""
        return tensors_digest({"labels": self.labels, "pixels": self.pixels})

    @classmethod
    def of(cls, samples: Samples, rows: NDArray[np.integer]) -> Images:
        """Take those at `rows` (indices) of a study's samples, in that order, as grey levels."""
        table = samples.table.iloc[rows]
        return cls(
            table["sample_id"].tolist(),
            torch.tensor(table["label"].to_numpy(), dtype=torch.int64),
            torch.from_numpy(samples.images[rows]).unsqueeze(1),
        )
