"""Stage `attack@system`: every test film at every budget of the curve."""

from __future__ import annotations

from radrobust import paths
from radrobust.attacks.protocol import attack_curve
from radrobust.files import replacing
from radrobust.params import Params
from radrobust.samples import load_samples
from radrobust.systems import checkpoints
from radrobust.systems.films import Films
from radrobust.systems.meansparse import straight_through
from radrobust.tensors import pick_device


def attack(key: str, params: Params) -> None:
    """Attack system `key` and write what it says of every test film, clean and attacked."""
    device = pick_device(params.device)
    classifier = checkpoints.load(key, paths.MODELS / key / "model.safetensors").to(device)
    films = Films.of_split(load_samples(), "test", device)
    # An attacker need not let MeanSparse hide the gradient; what is asked stays the same network.
    with straight_through(classifier):
        table = attack_curve(classifier, films, params.attack, params.seed, classifier.threshold)
    table.insert(0, "system", key)
    with replacing(paths.PREDICTIONS / f"{key}.parquet") as draft:
        table.to_parquet(draft, index=False)
