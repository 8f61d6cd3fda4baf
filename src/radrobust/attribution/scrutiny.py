"""What is asked of the maps of a few images, since it takes many passes each: are they faithful?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from radrobust.attribution.examiner import Chosen, Examiner, as_arrays, maps_of
from radrobust.attribution.explainers import Task
from radrobust.attribution.faithfulness import (
    area,
    curves,
    draw_neighbours,
    draw_squares,
    infidelity,
    max_sensitivity,
    noise_maps,
)
from radrobust.attribution.randomisation import cascade, correlations
from radrobust.core.parts import Part, Parts
from radrobust.systems.classifier import Classifier

RANDOM = "random"
"""Maps of noise: what an explainer has to beat."""


def scrutinise(
    examiner: Examiner,
    chosen: Chosen,
    explained: Mapping[str, pd.DataFrame],
    parts: Parts,
    bar: tqdm[Any],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ask of maps whether they show what the network goes by, and whether they depend on it.

    Parameters
    ----------
    examiner : Examiner
        Who has explained the images.
    chosen : Chosen
        The images.
    explained : mapping of str to DataFrame
        Each explainer's rows, `chosen` among them, with their maps.
    parts : Parts
        Where what is finished is kept.
    bar : tqdm
        Is told of each map.

    Returns
    -------
    faithfulness : DataFrame
        One row an explainer and image, with maps of noise as the explainer ``random``: `sample_id`,
        `explainer`, `deletion`, `insertion` (areas), `deletion_curve`, `insertion_curve` (17 each),
        `infidelity` (a share: 0 is perfect, 1 says nothing), `max_sensitivity` (both NaN of noise).
    randomisation : DataFrame
        One row a depth, explainer and image: `sample_id`, `explainer`, `depth` (0 is the head
        alone), `part` (down to which weights are redrawn), `spearman`.
    """
    groups = list(chosen.groups())
    faithful, redrawn = [], []
    bar.set_description("are maps faithful?", refresh=False)
    for group in groups:
        maps = {method: _maps_of(rows, group) for method, rows in explained.items()}
        name = " ".join(["faithful", *group.images.sample_ids])
        faithful.append(parts.get(name, partial(_faithful, examiner, group, maps)).table)
        bar.update(len(group) * len(maps))
    for depth, (part, network) in enumerate(cascade(examiner.classifier, examiner.seed)):
        bar.set_description(f"weights shuffled: {part}", refresh=False)
        for group in groups:
            maps = {method: _maps_of(rows, group) for method, rows in explained.items()}
            name = " ".join([part, *group.images.sample_ids])
            table = parts.get(name, partial(_redrawn, examiner, group, maps, network)).table
            redrawn.append(table.assign(depth=np.int16(depth), part=part))
            bar.update(len(group) * len(maps))
    return pd.concat(faithful, ignore_index=True), pd.concat(redrawn, ignore_index=True)


def _maps_of(rows: pd.DataFrame, chosen: Chosen) -> Tensor:
    of_chosen = rows.set_index("sample_id").loc[chosen.images.sample_ids]
    return torch.from_numpy(maps_of(of_chosen)).to(chosen.images.pixels.device)


def _faithful(examiner: Examiner, chosen: Chosen, maps: Mapping[str, Tensor]) -> Part:
    task, seed = examiner.task(chosen), examiner.seed
    names, pixels = chosen.images.sample_ids, chosen.images.pixels
    squares = draw_squares(chosen.inside, names, seed)
    neighbours = draw_neighbours(pixels, names, seed)
    noise = noise_maps(names, seed, pixels.shape[-1]).to(pixels.device)
    tables = []
    for method, values in {**maps, RANDOM: noise}.items():
        table = _curves(examiner, task, values, chosen.inside)
        if method != RANDOM:
            errors = _infidelity(examiner, task, values, squares)
            explained = partial(examiner.explain, method)
            changes = max_sensitivity(explained, task, values, neighbours)
            table |= {"infidelity": as_arrays(errors), "max_sensitivity": as_arrays(changes)}
        tables.append(pd.DataFrame({"sample_id": names, "explainer": method} | table))
    return Part(pd.concat(tables, ignore_index=True))


def _infidelity(examiner: Examiner, task: Task, maps: Tensor, squares: Tensor) -> Tensor:
    """As a share of what a map that says nothing has, so that networks can be compared."""
    mine, nothing = (
        examiner.within_memory(
            task, partial(infidelity, examiner.classifier, maps=values, squares=squares)
        )
        for values in (maps, torch.zeros_like(maps))
    )
    return mine / nothing


def _curves(examiner: Examiner, task: Task, maps: Tensor, inside: Tensor) -> dict[str, Any]:
    found = examiner.within_memory(
        task, partial(curves, examiner.classifier, maps=maps, inside=inside)
    )
    table: dict[str, Any] = {}
    for name, curve in zip(("deletion", "insertion"), found, strict=True):
        table |= {name: as_arrays(area(curve)), f"{name}_curve": list(as_arrays(curve))}
    return table


def _redrawn(
    examiner: Examiner, chosen: Chosen, maps: Mapping[str, Tensor], network: Classifier
) -> Part:
    task, areas = examiner.task(chosen), chosen.table["film"].tolist()
    tables = []
    for method, before in maps.items():
        after = as_arrays(examiner.explain(method, task, network))
        found = correlations(as_arrays(before), after, areas).astype(np.float32)
        table = {"sample_id": chosen.images.sample_ids, "explainer": method, "spearman": found}
        tables.append(pd.DataFrame(table))
    return Part(pd.concat(tables, ignore_index=True))
