"""Stage `explain@system`: maps of what a system says of films, clean and attacked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from radrobust.attribution.examiner import Chosen, Examiner
from radrobust.attribution.protocol import ATTACKED, CLEAN, choose_films, explain_films
from radrobust.core import paths
from radrobust.core.errors import InputError, about
from radrobust.core.files import replacing
from radrobust.core.params import Attack, Params
from radrobust.core.parts import Shards
from radrobust.core.tensors import pick_device, state_digest
from radrobust.data.samples import load_samples
from radrobust.stages.attack import IMAGES
from radrobust.systems import checkpoints
from radrobust.systems.images import Images

MAPS = "maps.npz"


def explain(key: str, params: Params) -> None:
    """Explain what system `key` says of the chosen test films, as they are and as attacked.

    What is finished lies in shards until all is: a run that is killed loses the maps of a few
    films, and the next one ends with the same tables.

    Raises
    ------
    InputError
        The system has not been attacked.
    """
    device = pick_device(params.device)
    classifier = checkpoints.load(key, paths.MODELS / key / "model.safetensors").to(device)
    samples = load_samples()
    table = choose_films(samples, params.explain, params.seed)
    names, rows = table["sample_id"].tolist(), table["position"].to_numpy()
    folder = paths.PREDICTIONS / key
    masks, images = np.asarray(samples.masks[rows]), _attacked(folder / IMAGES, names)
    clean = Chosen(
        Images.of(samples, rows).on(device),
        table.join(_answers(folder, params.attack, 0.0), on="sample_id"),
        masks,
        CLEAN,
    )
    attacked = Chosen(
        replace(clean.images, pixels=torch.from_numpy(images).to(device)),
        table.join(_answers(folder, params.attack, float(params.attack.eps)), on="sample_id"),
        masks,
        ATTACKED,
    )
    shards = Shards(
        paths.RESUME / "explain" / key,
        *(state_digest(classifier), params.explain, params.seed, names),
        *(clean.images.pixels.cpu().numpy().tobytes(), images.tobytes()),
    )
    examiner = Examiner(classifier, params.explain, params.seed, images.shape[-1])
    with about(f"explain@{key}"):
        explained = explain_films(examiner, clean, attacked, shards)
    tables = {
        name: getattr(explained, name)
        for name in ("attributions", "survival", "faithfulness", "randomisation")
    }
    with replacing(paths.ATTRIBUTIONS / key) as draft:
        draft.mkdir()
        for name, found in tables.items():
            found.insert(0, "system", key)
            found.to_parquet(draft / f"{name}.parquet", index=False)
        arrays = {"sample_ids": np.array(names, dtype=np.str_), **explained.maps}
        np.savez_compressed(draft / MAPS, allow_pickle=False, **arrays)
    shards.discard()


def _attacked(file: Path, names: list[str]) -> NDArray[np.float32]:
    """Return films as the headline attack left them, in the order of their names."""
    if not file.is_file():
        raise InputError(f"{file} is not here; run `dvc repro attack@{file.parent.name}` first")
    with np.load(file, allow_pickle=False) as arrays:
        position = {str(name): row for row, name in enumerate(arrays["sample_ids"])}
        images: NDArray[np.float32] = arrays["images"][[position[name] for name in names]]
    return images


def _answers(folder: Path, attack: Attack, eps: float) -> pd.DataFrame:
    """Return what the system says of each test film at a budget."""
    table = pd.read_parquet(folder / "predictions.parquet")
    rows = (
        (table["space"] == attack.space) & (table["decision"] == "argmax") & (table["eps"] == eps)
    )
    return table[rows].set_index("sample_id")[["predicted", "probability"]]
