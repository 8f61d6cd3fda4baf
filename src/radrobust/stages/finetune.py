"""Stage `finetune@system`: a system learns the dataset."""

from __future__ import annotations

import json

from radrobust import paths
from radrobust.files import replacing
from radrobust.params import Params, choose
from radrobust.samples import Samples, load_samples
from radrobust.seeds import derive_seed
from radrobust.systems import checkpoints
from radrobust.systems.catalogue import SYSTEMS
from radrobust.systems.classifier import build
from radrobust.training.loop import Part, train


def finetune(key: str, params: Params) -> None:
    """Train system `key` on the training split; keep the epoch that validates best."""
    system = SYSTEMS[choose("system", key, list(SYSTEMS))]
    samples = load_samples()
    classifier = build(key, derive_seed(params.seed, "weights", key))
    curve = train(
        classifier,
        system.objective,
        _part(samples, "train"),
        _part(samples, "val"),
        params.finetune,
        derive_seed(params.seed, "training", key),
    )
    seconds = curve["seconds"].sum()
    facts = {
        "system": key,
        "objective": system.objective,
        "parameters": sum(weight.numel() for weight in classifier.parameters()),
        "epochs": len(curve),
        "best_epoch": int(curve.loc[curve["best"], "epoch"].iloc[0]),
        "seconds": round(float(seconds), 1),
        "images_per_second": round(len(curve) * len(samples.rows("train")) / float(seconds), 1),
    }
    with replacing(paths.MODELS / key) as folder:
        folder.mkdir()
        checkpoints.save(classifier, folder / "model.safetensors")
        curve.to_csv(folder / "training.csv", index=False, float_format="%.6g")
        (folder / "training.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _part(samples: Samples, split: str) -> Part:
    rows = samples.rows(split)
    return Part(samples.images[rows], samples.table["label"].to_numpy()[rows])
