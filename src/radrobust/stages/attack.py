"""Stage `attack@system`: every test film at every budget, and attacks on that attack."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import torch

from radrobust import paths
from radrobust.attacks.batching import batch_size
from radrobust.attacks.checks import Scene, run_checks
from radrobust.attacks.pgd import Outcome, judge
from radrobust.attacks.pipeline import gradients, inspect
from radrobust.attacks.protocol import Attacker, Evaluated, Goal, attack_films, far_attacks
from radrobust.attacks.shards import Shards
from radrobust.files import replacing
from radrobust.params import Checks, Params
from radrobust.samples import Samples, load_samples
from radrobust.systems import checkpoints
from radrobust.systems.classifier import Classifier, as_pixels
from radrobust.systems.films import Films
from radrobust.systems.meansparse import straight_through
from radrobust.tensors import pick_device, state_digest


def attack(key: str, params: Params) -> None:
    """Attack system `key` and write what it says of every test film, clean and attacked.

    What is finished lies in shards until all is: a run that is killed loses one batch, and the next
    one ends with the same tables.
    """
    device = pick_device(params.device)
    classifier = checkpoints.load(key, paths.MODELS / key / "model.safetensors").to(device)
    samples = load_samples()
    films = Films.of_split(samples, "test", device)
    loaded = state_digest(classifier)
    shards = Shards(
        paths.RESUME / "attack" / key,
        *(loaded, classifier.threshold, params.attack, params.checks, params.seed),
        *(films.sample_ids, films.pixels.cpu().numpy().tobytes()),
    )
    attacker = Attacker(classifier, params.attack, params.seed)
    # An attacker need not let MeanSparse hide the gradient; what is asked stays the same network.
    with straight_through(classifier):
        evaluated = _attack_films(attacker, classifier, films, samples, params, shards)
        scene = _scene(attacker, films, samples, evaluated, params.checks)
        checks = run_checks(scene, shards)
        slopes = gradients(classifier, scene.films)
    stored = as_pixels(samples.images[samples.rows("test")])
    pipeline = inspect(classifier, films, stored, loaded)
    tables = {
        "predictions": evaluated.predictions,
        "checks": pd.concat([checks, evaluated.far.assign(check="far")], ignore_index=True),
        "gradients": slopes,
    }
    shown = samples.gallery(params.seed)
    images = [evaluated.images[params.attack.space][name] for name in shown]
    with replacing(paths.PREDICTIONS / key) as folder:
        folder.mkdir()
        for name, table in tables.items():
            table.insert(0, "system", key)
            table.to_parquet(folder / f"{name}.parquet", index=False)
        facts = asdict(pipeline) | {"frozen_changed": _frozen_changed(key)}
        (folder / "pipeline.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        arrays = {"sample_ids": np.array(shown, dtype=np.str_), "images": np.stack(images)}
        np.savez_compressed(folder / "images.npz", allow_pickle=False, **arrays)
    shards.discard()


def _attack_films(
    attacker: Attacker,
    classifier: Classifier,
    films: Films,
    samples: Samples,
    params: Params,
    shards: Shards,
) -> Evaluated:
    far = far_attacks(attacker.headline(params.far, "pixel"))
    kept = {*samples.gallery(params.seed), *_checked(samples, params.seed, params.checks)}
    size = params.attack.batch_size
    if size == "auto":
        # Kept as well: a run that goes on has to cut the films as the one before it did.
        kept_size = shards.table("size", lambda: _size_table(classifier, films))
        size = int(kept_size["size"].iloc[0])
    return attack_films(attacker, films, Goal(classifier.threshold, far, kept), size, shards)


def _size_table(classifier: Classifier, films: Films) -> pd.DataFrame:
    return pd.DataFrame({"size": [batch_size(classifier, films.pixels.shape[-1])]})


def _scene(
    attacker: Attacker, films: Films, samples: Samples, evaluated: Evaluated, params: Checks
) -> Scene:
    """Gather what the checks need; the headline attack's outcome is read off its own table."""
    names = _checked(samples, attacker.seed, params)
    position = {name: row for row, name in enumerate(films.sample_ids)}
    rows = torch.tensor([position[name] for name in names], device=films.pixels.device)
    chosen = films.take(rows)
    table = evaluated.predictions
    table = table[
        (table["space"] == "pixel")
        & (table["decision"] == "argmax")
        & (table["eps"] == float(attacker.params.eps))
    ]
    table = table.set_index("sample_id").loc[names]
    device = films.pixels.device
    headline = Outcome(
        torch.from_numpy(np.stack([evaluated.images["pixel"][name] for name in names])).to(device),
        torch.from_numpy(table[["logit_0", "logit_1"]].to_numpy()).to(device),
        torch.from_numpy(table["iteration"].to_numpy(np.int64)).to(device),
    )
    return Scene(
        attacker, params, chosen, judge(attacker.classifier, chosen, chosen.pixels), headline
    )


def _checked(samples: Samples, seed: int, params: Checks) -> list[str]:
    table = samples.shuffled("test", seed, "checks")
    return list(table["sample_id"].head(params.films))


def _frozen_changed(key: str) -> bool | None:
    facts = json.loads((paths.MODELS / key / "training.json").read_text(encoding="utf-8"))
    changed: bool | None = facts.get("frozen_changed")
    return changed
