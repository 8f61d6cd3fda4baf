"""Stage `explain@system`: maps of a system's answers, held against the finding."""

from __future__ import annotations

import numpy as np

from radrobust import paths
from radrobust.attribution.protocol import choose_films, explain_films
from radrobust.files import replacing
from radrobust.params import Params
from radrobust.samples import load_samples
from radrobust.systems import checkpoints
from radrobust.tensors import pick_device


def explain(key: str, params: Params) -> None:
    """Explain system `key` on the chosen test films; keep the maps of those in the gallery."""
    device = pick_device(params.device)
    classifier = checkpoints.load(key, paths.MODELS / key / "model.safetensors").to(device)
    chosen = choose_films(load_samples(), params.explain.samples, params.seed)
    table, maps = explain_films(classifier, chosen, params.explain)
    table.insert(0, "system", key)
    with replacing(paths.ATTRIBUTIONS / key) as folder:
        folder.mkdir()
        table.to_parquet(folder / "attributions.parquet", index=False)
        arrays = {"sample_ids": chosen.gallery["sample_id"].to_numpy(dtype=np.str_), **maps}
        np.savez_compressed(folder / "maps.npz", allow_pickle=False, **arrays)
