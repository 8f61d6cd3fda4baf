"""The films of a study: what stages read and prepare write and every later stage reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radrobust.core import paths
from radrobust.core.seeds import derive_seed
from radrobust.core.tables import data as tables

IMAGES = "images.npy"
MASKS = "masks.npy"
THUMBNAILS = "thumbnails.npy"
DATASET = "dataset.json"
"""In `paths.FILMS`: the same films, decoded once, whatever the split."""

THUMBNAIL = 48
"""Side of a thumbnail, in pixels."""

GALLERY_WITH, GALLERY_WITHOUT = 6, 2


@dataclass(frozen=True)
class Samples:
    """The films of a study, in square frames of S×S pixels.

    Attributes
    ----------
    table : DataFrame
        One row a film, in the order of the arrays.
    images : ndarray of uint8, N×S×S
        Grey values, 0 to 255; memory-mapped, read-only.
    masks : ndarray of bool, N×S×S
        True on the finding; memory-mapped, read-only.
    dataset : dict
        ``name``, ``title``, ``classes`` (of labels 0 and 1), ``licence``, ``source``,
        ``citation`` and ``finding``.
    """

    table: pd.DataFrame
    images: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    dataset: dict[str, Any]

    def rows(self, split: str) -> NDArray[np.intp]:
        """Return where the films of a split stand in the table and the arrays."""
        return np.flatnonzero(self.table["split"] == split)

    def shuffled(self, split: str, seed: int, purpose: str) -> pd.DataFrame:
        """Return the rows of a split in the order of a hash, whose first ones are a fair choice.

        The hash is of `seed`, `purpose` and the film's name, so that no system's answer and no
        other film has a say. A column `position` tells where each stands in the arrays.
        """
        table = self.table.assign(position=np.arange(len(self.table))).iloc[self.rows(split)]
        order = [derive_seed(seed, purpose, sample_id) for sample_id in table["sample_id"]]
        return table.iloc[np.argsort(np.array(order, dtype=np.uint64), kind="stable")]

    def gallery(self, seed: int) -> list[str]:
        """Name the test films that are shown: the first six whose finding is marked, two without.

        They are the first ones of those that are explained (see `shuffled`).
        """
        table = self.shuffled("test", seed, "explain")
        present = table[(table["label"] == 1) & (table["mask_area"] > 0)].head(GALLERY_WITH)
        absent = table[table["label"] == 0].head(GALLERY_WITHOUT)
        return [*present["sample_id"], *absent["sample_id"]]


def load_samples(root: Path = Path()) -> Samples:
    """Read the films of a study.

    Parameters
    ----------
    root : Path
        The folder of the study, where `params.yaml` lies.

    Raises
    ------
    InputError
        Stage prepare has not been run.
    """
    table, films = tables.SAMPLES.read(root), root / paths.FILMS
    return Samples(
        table=table.assign(boxes=_as_lists(table["boxes"])),
        images=np.load(films / IMAGES, mmap_mode="r"),
        masks=np.load(films / MASKS, mmap_mode="r"),
        dataset=json.loads((films / DATASET).read_text(encoding="utf-8")),
    )


def _as_lists(boxes: pd.Series[Any]) -> pd.Series[Any]:
    """Return boxes as lists of four numbers; Parquet gives arrays."""
    lists = [[[float(edge) for edge in box] for box in one] for one in boxes]
    return pd.Series(lists, index=boxes.index, dtype=object)
