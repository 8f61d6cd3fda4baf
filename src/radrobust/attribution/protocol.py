"""From a network to tables: which films are explained, and what becomes of their maps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from radrobust.attribution.examiner import Chosen, Examiner, as_arrays, maps_of
from radrobust.attribution.explainers import ADDS_UP
from radrobust.attribution.localisation import MEASURES, localise
from radrobust.attribution.randomisation import PARTS
from radrobust.attribution.scrutiny import scrutinise
from radrobust.attribution.survival import survive
from radrobust.core.params import Explain
from radrobust.core.parts import Shards
from radrobust.core.progress import progress
from radrobust.data.samples import Samples

CLEAN, ATTACKED = "clean", "attacked"


@dataclass(frozen=True)
class Explained:
    """What came of it.

    Attributes
    ----------
    attributions : DataFrame
        One row an explainer, image (``clean`` or ``attacked``) and film: `sample_id`, `label`,
        `image`, `explainer`, `target`, `predicted`, `probability` (of class 1), `right`,
        `changed` (by the attack), `broken` (by it), `output_difference`, `delta` (NaN where no sum
        is promised), `largest`, and the `MEASURES` of localisation, NaN where no finding is marked.
    survival : DataFrame
        One row an explainer and film: `sample_id`, `label`, `explainer`, `changed`, `broken`,
        `spearman`, `ssim`, `overlap_10`.
    faithfulness, randomisation : DataFrame
        See `scrutinise`.
    maps : dict
        From ``explainer-image`` to N×S×S float16 in [-1, 1]: maps in units of their `largest`.
    """

    attributions: pd.DataFrame
    survival: pd.DataFrame
    faithfulness: pd.DataFrame
    randomisation: pd.DataFrame
    maps: dict[str, NDArray[np.float16]]


def choose_films(samples: Samples, params: Explain, seed: int) -> pd.DataFrame:
    """Choose test films without regard to what any system says of them.

    All that have the finding, in the order of a hash of (seed, sample_id), then the first
    `params.others` that do not. A column `position` tells where each stands in the arrays.
    """
    table = samples.shuffled("test", seed, "explain")
    absent = table[table["label"] == 0].head(params.others)
    return pd.concat([table[table["label"] == 1], absent])


def explain_films(examiner: Examiner, clean: Chosen, attacked: Chosen, shards: Shards) -> Explained:
    """Explain films as they are and as attacked, and ask of every map what can be asked.

    Every map explains the class that is predicted for that very image.

    Parameters
    ----------
    examiner : Examiner
        Who explains.
    clean, attacked : Chosen
        The same films. One that the attack left as it is is not explained again.
    shards : Shards
        Where what is finished is kept.
    """
    changed = (attacked.images.pixels != clean.images.pixels).flatten(1).any(dim=1).cpu().numpy()
    moved = attacked.take(np.flatnonzero(changed))
    some = clean.take(np.flatnonzero(clean.table["label"] == 1)[: examiner.params.films])
    count = len(clean) + len(moved) + (1 + len(PARTS)) * len(some)
    with progress(count * len(examiner.params.methods), "map", "explain") as bar:
        of_clean = _explain(examiner, clean, CLEAN, shards, bar)
        of_moved = _explain(examiner, moved, ATTACKED, shards, bar)
        faithfulness, randomisation = scrutinise(examiner, some, of_clean, shards, bar)
    tables, survival = [], []
    maps: dict[str, NDArray[np.float16]] = {}
    for method, before in of_clean.items():
        after = _replaced(before, of_moved.get(method))
        tables += [before.assign(image=CLEAN), after.assign(image=ATTACKED)]
        survival.append(_survival(clean, before, after))
        maps |= {f"{method}-{CLEAN}": _packed(before), f"{method}-{ATTACKED}": _packed(after)}
    verdicts = pd.DataFrame(
        {"changed": changed, "broken": _broken(clean, attacked)}, clean.images.sample_ids
    )
    return Explained(
        pd.concat(tables, ignore_index=True).drop(columns="map").join(verdicts, on="sample_id"),
        pd.concat(survival, ignore_index=True).join(verdicts, on="sample_id"),
        faithfulness,
        randomisation,
        maps,
    )


def _explain(
    examiner: Examiner, chosen: Chosen, image: str, shards: Shards, bar: tqdm[Any]
) -> dict[str, pd.DataFrame]:
    """Each explainer's rows, a film each; nothing where there is no film."""
    tables = {}
    for method in examiner.params.methods if len(chosen) else ():
        bar.set_description(f"{method}, {image} films", refresh=False)
        parts = []
        for group in chosen.groups():
            name = " ".join(["map", image, method, *group.images.sample_ids])
            parts.append(shards.table(name, partial(_rows, examiner, group, method)))
            bar.update(len(group))
        tables[method] = pd.concat(parts, ignore_index=True)
        hit = tables[method]["mask_coverage_5"].mean()
        bar.set_postfix({f"{method} in the top 5 %": f"{hit:.3f}"}, refresh=False)
    return tables


def _rows(examiner: Examiner, chosen: Chosen, method: str) -> pd.DataFrame:
    task = examiner.task(chosen)
    maps = examiner.explain(method, task)
    change = examiner.rise(chosen, task)
    delta = (maps.double().sum(dim=(1, 2)) - change.double()).cpu().numpy().astype(np.float32)
    values = as_arrays(maps)
    places = zip(values, chosen.masks, chosen.table["boxes"], chosen.table["film"], strict=True)
    localised = pd.DataFrame([localise(*place) for place in places], columns=MEASURES)
    label, predicted = (chosen.table[name].to_numpy(np.int8) for name in ("label", "predicted"))
    return pd.DataFrame(
        {
            "sample_id": chosen.images.sample_ids,
            "label": label,
            "explainer": method,
            "target": predicted,
            "predicted": predicted,
            "probability": chosen.table["probability"].to_numpy(np.float32),
            "right": label == predicted,
            "output_difference": change.cpu().numpy(),
            "delta": delta if method in ADDS_UP else np.full_like(delta, np.nan),
            "largest": np.abs(values).max(axis=(1, 2)),
            "map": [value.tobytes() for value in values],
        }
    ).join(localised.astype(np.float32))


def _replaced(before: pd.DataFrame, after: pd.DataFrame | None) -> pd.DataFrame:
    """Return the rows of all films, those of the films that were explained anew in their place."""
    if after is None:
        return before
    left = before[~before["sample_id"].isin(after["sample_id"])]
    rows = pd.concat([left, after]).set_index("sample_id").loc[before["sample_id"]]
    return rows.reset_index()


def _survival(clean: Chosen, before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    pairs = zip(maps_of(before), maps_of(after), clean.table["film"], strict=True)
    found = pd.DataFrame([survive(*pair) for pair in pairs]).astype(np.float32)
    return before[["sample_id", "label", "explainer"]].join(found)


def _broken(clean: Chosen, attacked: Chosen) -> NDArray[np.bool_]:
    label, before = (clean.table[name].to_numpy() for name in ("label", "predicted"))
    broken: NDArray[np.bool_] = (before == label) & (attacked.table["predicted"] != label)
    return np.asarray(broken)


def _packed(table: pd.DataFrame) -> NDArray[np.float16]:
    largest = table["largest"].to_numpy()[:, None, None]
    return (maps_of(table) / np.where(largest > 0, largest, 1)).astype(np.float16)
