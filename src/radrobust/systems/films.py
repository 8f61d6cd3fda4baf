"""Films as a system takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from radrobust.data.samples import Samples
from radrobust.systems.classifier import as_pixels


@dataclass(frozen=True)
class Films:
    """Films with their names and labels.

    Attributes
    ----------
    sample_ids : sequence of str
        N.
    pixels : Tensor
        N×1×S×S float32 in [0, 1].
    labels : Tensor
        N, int64.
    """

    sample_ids: Sequence[str]
    pixels: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.sample_ids)

    def __getitem__(self, rows: slice) -> Films:
        return Films(self.sample_ids[rows], self.pixels[rows], self.labels[rows])

    def take(self, rows: Tensor) -> Films:
        """Return those at `rows` (indices), in that order."""
        names = [self.sample_ids[row] for row in rows.tolist()]
        return Films(names, self.pixels[rows], self.labels[rows])

    @classmethod
    def of_split(cls, samples: Samples, split: str, device: torch.device) -> Films:
        """Take one split of the samples table to `device`, in its order."""
        rows = samples.rows(split)
        table = samples.table.iloc[rows]
        return cls(
            table["sample_id"].tolist(),
            as_pixels(samples.images[rows]).to(device),
            torch.tensor(table["label"].to_numpy(), dtype=torch.int64, device=device),
        )
