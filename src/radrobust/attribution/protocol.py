"""From a map to a row: which films are explained, and what is asked of every map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radrobust.attribution.explainers import ADDS_UP, EXPLAINERS, make_task
from radrobust.attribution.localisation import MEASURES, localise
from radrobust.params import Explain
from radrobust.progress import progress
from radrobust.samples import GALLERY_WITHOUT, Samples
from radrobust.systems.classifier import as_pixels

_BATCH = 16


@dataclass(frozen=True)
class Chosen:
    """The test films that are explained, those of the gallery first among their class.

    Attributes
    ----------
    table : DataFrame
        N rows of the samples table, with a column `gallery`.
    images : array
        N×S×S uint8.
    masks : array
        N×S×S bool.
    """

    table: pd.DataFrame
    images: NDArray[np.uint8]
    masks: NDArray[np.bool_]

    @property
    def gallery(self) -> pd.DataFrame:
        """The rows whose maps are kept."""
        return self.table[self.table["gallery"]]


def choose_films(samples: Samples, count: int, seed: int) -> Chosen:
    """Choose test films without regard to what any system says of them.

    Test films are ordered by a hash of (seed, sample_id). The first `count` with a finding that is
    marked are explained; the first six of them and the first two without a finding make the
    gallery. Every system is asked about the same films.
    """
    table = samples.shuffled("test", seed, "explain")
    present = table[(table["label"] == 1) & (table["mask_area"] > 0)].head(count)
    absent = table[table["label"] == 0].head(GALLERY_WITHOUT)
    table = pd.concat([present, absent])
    table = table.assign(gallery=table["sample_id"].isin(samples.gallery(seed)))
    rows = table["position"].to_numpy()
    return Chosen(
        table.drop(columns="position").reset_index(drop=True),
        np.asarray(samples.images[rows]),
        np.asarray(samples.masks[rows]),
    )


def explain_films(
    classifier: nn.Module, chosen: Chosen, params: Explain
) -> tuple[pd.DataFrame, dict[str, NDArray[np.float16]]]:
    """Explain the class that the classifier predicts for each film, with every method.

    Parameters
    ----------
    classifier : nn.Module
        In eval mode.
    chosen : Chosen
        The films.
    params : Explain
        The section `explain` of the study.

    Returns
    -------
    table : DataFrame
        One row a film and explainer: `sample_id`, `label`, `explainer`, `target`, `predicted`,
        `probability`, `output_difference`, `delta`, `gallery`, and the measures of `localise`,
        empty where there is no finding.
    maps : dict
        For each explainer the maps of the gallery, K×S×S float16.
    """
    tables = []
    maps: dict[str, NDArray[np.float16]] = {}
    gallery = chosen.table["gallery"].to_numpy()
    with progress(len(params.methods) * len(chosen.table), "map", "maps") as bar:
        for method in params.methods:
            bar.set_description(method, refresh=False)
            found = []
            for rows in _batches(len(chosen.table)):
                table, batch = _explain_batch(classifier, chosen, rows, method, params)
                tables.append(table)
                found.append(batch)
                bar.update(len(batch))
            maps[method] = np.concatenate(found)[gallery].astype(np.float16)
    return pd.concat(tables, ignore_index=True), maps


def _batches(count: int) -> Iterator[slice]:
    return (slice(first, first + _BATCH) for first in range(0, count, _BATCH))


def _explain_batch(
    classifier: nn.Module, chosen: Chosen, rows: slice, method: str, params: Explain
) -> tuple[pd.DataFrame, NDArray[np.float32]]:
    films = as_pixels(chosen.images[rows]).to(next(classifier.parameters()).device)
    with torch.no_grad():
        logits = classifier(films)
    task = make_task(films, logits.argmax(dim=1), params)
    maps = EXPLAINERS[method](classifier, task).detach()
    with torch.no_grad():
        difference = _pick(logits - classifier(task.baselines), task.targets)
    values = maps[:, 0].cpu().numpy().astype(np.float32)
    table = chosen.table.iloc[rows]
    localised = [
        localise(values, mask, film)
        for values, mask, film in zip(values, chosen.masks[rows], table["film"], strict=True)
    ]
    return (
        pd.DataFrame(
            {
                "sample_id": table["sample_id"].to_numpy(),
                "label": table["label"].to_numpy(),
                "explainer": method,
                "target": task.targets.cpu().numpy().astype(np.int8),
                "predicted": task.targets.cpu().numpy().astype(np.int8),
                "probability": logits.softmax(dim=1)[:, 1].cpu().numpy(),
                "output_difference": difference.cpu().numpy(),
                "delta": _delta(maps, difference, method),
                "gallery": table["gallery"].to_numpy(),
            }
        ).join(pd.DataFrame(localised, columns=MEASURES)),
        values,
    )


def _pick(logits: Tensor, targets: Tensor) -> Tensor:
    return logits.gather(1, targets.unsqueeze(1)).squeeze(1)


def _delta(maps: Tensor, difference: Tensor, method: str) -> NDArray[np.float32]:
    """Sum of the map minus f(film) - f(baseline), for methods that promise that it is zero."""
    if method not in ADDS_UP:
        return np.full(len(maps), np.nan, dtype=np.float32)
    total = maps.double().sum(dim=(1, 2, 3))
    delta: NDArray[np.float32] = (total - difference.double()).cpu().numpy().astype(np.float32)
    return delta
