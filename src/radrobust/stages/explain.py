"""Stage `explain@system`: maps of what a system says of films, clean and attacked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from radrobust.attribution.examiner import Chosen, Examiner
from radrobust.attribution.protocol import choose_films, explain_films
from radrobust.core import paths, program
from radrobust.core.conditions import CLEAN, Condition, attacked
from radrobust.core.errors import InputError, about
from radrobust.core.files import replacing
from radrobust.core.params import Params
from radrobust.core.parts import Parts
from radrobust.core.tables import explanations, predictions
from radrobust.core.tensors import pick_device, state_digest
from radrobust.data.samples import load_samples
from radrobust.systems import checkpoints
from radrobust.systems.images import Images


def explain(key: str, params: Params) -> None:
    """Explain what system `key` says of the chosen test films, as they are and as attacked.

    What is finished is kept until all is: a run that is killed loses the maps of a few
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
    masks, images = np.asarray(samples.masks[rows]), _attacked(key, names)
    headline = attacked(params.attack)
    clean = Chosen(
        Images.of(samples, rows).on(device),
        table.join(_answers(key, CLEAN), on="sample_id"),
        masks,
        CLEAN.key,
    )
    moved = Chosen(
        replace(clean.images, pixels=torch.from_numpy(images).to(device)),
        table.join(_answers(key, headline), on="sample_id"),
        masks,
        headline.key,
    )
    parts = Parts(
        paths.RESUME / "explain" / key,
        program.version(*program.of_stage("explain", key)),
        *(state_digest(classifier), params.explain, params.seed, names),
        *(clean.images.pixels.cpu().numpy().tobytes(), images.tobytes()),
    )
    examiner = Examiner(classifier, params.explain, params.seed, images.shape[-1])
    with parts.at_work(), about(f"explain@{key}"):
        explained = explain_films(examiner, clean, moved, parts)
        with replacing(paths.ATTRIBUTIONS / key) as draft:
            draft.mkdir()
            for one in explanations.EXPLANATIONS:
                one.write(getattr(explained, one.name).assign(system=key), draft)
            arrays = {"sample_ids": np.array(names, dtype=np.str_), **explained.maps}
            np.savez_compressed(draft / paths.MAPS, allow_pickle=False, **arrays)


def _attacked(key: str, names: list[str]) -> NDArray[np.float32]:
    """Return images as the headline attack left them, in the order of their samples' names."""
    file = paths.PREDICTIONS / key / paths.ATTACKED
    if not file.is_file():
        raise InputError(f"{file} is not here; run `dvc repro attack@{key}` first")
    with np.load(file, allow_pickle=False) as arrays:
        position = {str(name): row for row, name in enumerate(arrays["sample_ids"])}
        images: NDArray[np.float32] = arrays["images"][[position[name] for name in names]]
    return images


def _answers(key: str, condition: Condition) -> pd.DataFrame:
    """Return what the system says of each test sample under a condition."""
    table = predictions.PREDICTIONS.read(system=key)
    rows = table["condition"] == condition.key
    return table[rows].set_index("sample_id")[["predicted", "probability"]]
