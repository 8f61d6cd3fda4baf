"""From a network to tables: which films are explained, and what becomes of their maps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from radrobust.attribution.examiner import Chosen, Examiner, as_arrays
from radrobust.attribution.explainers import ADDS_UP
from radrobust.attribution.localisation import localise
from radrobust.attribution.randomisation import PARTS
from radrobust.attribution.scrutiny import scrutinise
from radrobust.attribution.survival import survive
from radrobust.core.params import Explain
from radrobust.core.parts import Part, Parts
from radrobust.core.progress import progress
from radrobust.core.tables.explanations import MEASURES
from radrobust.data.samples import Samples

CLEAN, ATTACKED = "clean", "attacked"
MAPS = "maps"


@dataclass(frozen=True)
class Explained:
    """What came of it.

    Attributes
    ----------
    attributions, survival, faithfulness, randomisation : DataFrame
        As `core.tables` declares them, but for the system.
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


def explain_films(examiner: Examiner, clean: Chosen, attacked: Chosen, parts: Parts) -> Explained:
    """Explain images as they are and as attacked, and ask of every map what can be asked.

    Every map explains the class that is predicted for that very image.

    Parameters
    ----------
    examiner : Examiner
        Who explains.
    clean, attacked : Chosen
        The same samples. One that the attack left as it is is not explained again.
    parts : Parts
        Where what is finished is kept.
    """
    changed = (attacked.images.pixels != clean.images.pixels).flatten(1).any(dim=1).cpu().numpy()
    moved = np.flatnonzero(changed)
    some = np.flatnonzero(clean.table["label"] == 1)[: examiner.params.films]
    count = len(clean) + len(moved) + (1 + len(PARTS)) * len(some)
    with progress(count * len(examiner.params.methods), "map", "explain") as bar:
        before = _explain(examiner, clean, CLEAN, parts, bar)
        after = _explain(examiner, attacked.take(moved), ATTACKED, parts, bar)
        maps = {method: part.arrays[MAPS][some] for method, part in before.items()}
        faithfulness, randomisation = scrutinise(examiner, clean.take(some), maps, parts, bar)
    tables, survival = [], []
    packed: dict[str, NDArray[np.float16]] = {}
    for method, part in before.items():
        other = _replaced(part, moved, after.get(method))
        tables += [part.table.assign(image=CLEAN), other.table.assign(image=ATTACKED)]
        survival.append(_survival(clean, part, other))
        packed |= {f"{method}-{CLEAN}": _packed(part), f"{method}-{ATTACKED}": _packed(other)}
    verdicts = pd.DataFrame(
        {"changed": changed, "misclassified": _misclassified(clean, attacked)},
        clean.images.sample_ids,
    )
    return Explained(
        pd.concat(tables, ignore_index=True).join(verdicts, on="sample_id"),
        pd.concat(survival, ignore_index=True).join(verdicts, on="sample_id"),
        faithfulness,
        randomisation,
        packed,
    )


def _explain(
    examiner: Examiner, chosen: Chosen, image: str, parts: Parts, bar: tqdm[Any]
) -> dict[str, Part]:
    """Each explainer's rows and maps, one a sample; nothing where there is no sample."""
    explained = {}
    for method in examiner.params.methods if len(chosen) else ():
        bar.set_description(f"{method}, {image} images", refresh=False)
        found = []
        for group in chosen.groups():
            name = " ".join(["map", image, method, *group.images.sample_ids])
            found.append(parts.get(name, partial(_rows, examiner, group, method)))
            bar.update(len(group))
        explained[method] = Part.together(found)
        hit = explained[method].table["mask_coverage_5"].mean()
        bar.set_postfix({f"{method} in the top 5 %": f"{hit:.3f}"}, refresh=False)
    return explained


def _rows(examiner: Examiner, chosen: Chosen, method: str) -> Part:
    task = examiner.task(chosen)
    maps = examiner.explain(method, task)
    change = examiner.rise(chosen, task)
    delta = (maps.double().sum(dim=(1, 2)) - change.double()).cpu().numpy().astype(np.float32)
    values = as_arrays(maps)
    places = zip(values, chosen.masks, chosen.table["boxes"], chosen.table["extent"], strict=True)
    localised = pd.DataFrame([localise(*place) for place in places], columns=MEASURES)
    label, predicted = (chosen.table[name].to_numpy(np.int8) for name in ("label", "predicted"))
    table = pd.DataFrame(
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
        }
    )
    return Part(table.join(localised.astype(np.float32)), {MAPS: values})


def _replaced(before: Part, rows: NDArray[np.intp], after: Part | None) -> Part:
    """Return what there is of all samples, those at `rows` as they were explained anew."""
    if after is None:
        return before
    order = np.arange(len(before.table))
    order[rows] = len(order) + np.arange(len(rows))
    both = Part.together([before, after])
    return Part(both.table.iloc[order].reset_index(drop=True), {MAPS: both.arrays[MAPS][order]})


def _survival(clean: Chosen, before: Part, after: Part) -> pd.DataFrame:
    maps = (part.arrays[MAPS] for part in (before, after))
    pairs = zip(*maps, clean.table["extent"], strict=True)
    found = pd.DataFrame([survive(*pair) for pair in pairs]).astype(np.float32)
    return before.table[["sample_id", "label", "explainer"]].join(found)


def _misclassified(clean: Chosen, attacked: Chosen) -> NDArray[np.bool_]:
    """Tell which answers were right, and are wrong now."""
    label, before = (clean.table[name].to_numpy() for name in ("label", "predicted"))
    wrong: NDArray[np.bool_] = (before == label) & (attacked.table["predicted"] != label)
    return np.asarray(wrong)


def _packed(part: Part) -> NDArray[np.float16]:
    largest = part.table["largest"].to_numpy()[:, None, None]
    return (part.arrays[MAPS] / np.where(largest > 0, largest, 1)).astype(np.float16)
