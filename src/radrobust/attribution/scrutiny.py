"""What is asked of the maps of a few images, since it takes many passes each: are they faithful?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from radrobust.attribution.examiner import Chosen, Examiner, as_arrays
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
    maps: Mapping[str, NDArray[np.float32]],
    parts: Parts,
    bar: tqdm[Any],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ask of maps whether they show what the network goes by, and whether they depend on it.

    Parameters
    ----------
    examiner : Examiner
        Who has explained the images.
    chosen : Chosen
        The films.
    maps : mapping of str to array
        Each explainer's maps of them, N×S×S.
    parts : Parts
        Where what is finished is kept.
    bar : tqdm
        Is told of each map.

    Returns
    -------
    faithfulness, randomisation : DataFrame
        As `core.tables` declares them, but for the system.
    """
    groups = list(_in_groups(chosen, maps))
    faithful, redrawn = [], []
    bar.set_description("are maps faithful?", refresh=False)
    for group, of_group in groups:
        work = partial(_faithful, examiner, group, of_group)
        faithful.append(parts.get(" ".join(["faithful", *group.images.sample_ids]), work).table)
        bar.update(len(group) * len(maps))
    for depth, (part, network) in enumerate(cascade(examiner.classifier, examiner.seed)):
        bar.set_description(f"weights shuffled: {part}", refresh=False)
        for group, of_group in groups:
            work = partial(_redrawn, examiner, group, of_group, network)
            table = parts.get(" ".join([part, *group.images.sample_ids]), work).table
            redrawn.append(table.assign(depth=np.int16(depth), part=part))
            bar.update(len(group) * len(maps))
    return pd.concat(faithful, ignore_index=True), pd.concat(redrawn, ignore_index=True)


def _in_groups(
    chosen: Chosen, maps: Mapping[str, NDArray[np.float32]]
) -> Iterator[tuple[Chosen, dict[str, Tensor]]]:
    """Yield a few samples at a time, with each explainer's maps of them."""
    first = 0
    for group in chosen.groups():
        rows = slice(first, first + len(group))
        yield (
            group,
            {
                method: torch.from_numpy(values[rows]).to(chosen.images.pixels.device)
                for method, values in maps.items()
            },
        )
        first += len(group)


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
    task, extents = examiner.task(chosen), chosen.table["extent"].tolist()
    tables = []
    for method, before in maps.items():
        after = as_arrays(examiner.explain(method, task, network))
        found = correlations(as_arrays(before), after, extents).astype(np.float32)
        table = {"sample_id": chosen.images.sample_ids, "explainer": method, "spearman": found}
        tables.append(pd.DataFrame(table))
    return Part(pd.concat(tables, ignore_index=True))
