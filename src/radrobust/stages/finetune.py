"""Stage `finetune@system`: a system learns the dataset."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

import pandas as pd
from torch import Tensor

from radrobust import paths
from radrobust.files import replacing
from radrobust.params import Params, choose
from radrobust.samples import Samples, load_samples
from radrobust.seeds import derive_seed
from radrobust.systems import checkpoints, meansparse
from radrobust.systems.catalogue import SYSTEMS
from radrobust.systems.classifier import Classifier, as_pixels
from radrobust.systems.sources import obtain
from radrobust.training.loop import Part, train

_BATCH = 64


def finetune(key: str, params: Params) -> None:
    """Train system `key` on the training split; keep the epoch that validates best.

    Weights that are fine-tuned already are kept as they are.
    """
    choose("system", key, list(SYSTEMS))
    samples = load_samples()
    seed = derive_seed(params.seed, "weights", key)
    classifier = obtain(key, params.model, seed, params.cache)
    facts = {
        **asdict(classifier.design),
        "weights": params.model.weights,
        "parameters": sum(weight.numel() for weight in classifier.parameters()),
    }
    with replacing(paths.MODELS / key) as folder:
        folder.mkdir()
        if not params.model.evaluation_alone:
            curve = _train(classifier, samples, params)
            curve.to_csv(folder / "training.csv", index=False, float_format="%.6g")
            facts |= _training_facts(curve, key, samples, params)
        checkpoints.save(classifier, folder / "model.safetensors")
        (folder / "training.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _train(classifier: Classifier, samples: Samples, params: Params) -> pd.DataFrame:
    key, model = classifier.design.system, params.model
    classifier.freeze(model.trainable)
    # MeanSparse is a step after training: while its own backbone is trained it is switched off.
    meansparse.set_alpha(classifier, model.meansparse_alpha if model.trainable == "head" else 0.0)
    curve = train(
        classifier,
        SYSTEMS[key].objective,
        _part(samples, "train"),
        _part(samples, "val"),
        params.finetune,
        derive_seed(params.seed, "training", key),
    )
    if model.trainable != "head":
        meansparse.calibrate(classifier, _training_films(samples), model.meansparse_alpha)
    return curve


def _training_facts(
    curve: pd.DataFrame, key: str, samples: Samples, params: Params
) -> dict[str, object]:
    seconds = float(curve["seconds"].sum())
    return {
        "trainable": params.model.trainable,
        "objective": SYSTEMS[key].objective,
        "epochs": len(curve),
        "best_epoch": int(curve.loc[curve["best"], "epoch"].iloc[0]),
        "seconds": round(seconds, 1),
        "images_per_second": round(len(curve) * len(samples.rows("train")) / seconds, 1),
    }


def _part(samples: Samples, split: str) -> Part:
    rows = samples.rows(split)
    return Part(samples.images[rows], samples.table["label"].to_numpy()[rows])


def _training_films(samples: Samples) -> Iterator[Tensor]:
    """Yield the training films in batches, as they are."""
    rows = samples.rows("train")
    for first in range(0, len(rows), _BATCH):
        yield as_pixels(samples.images[rows[first : first + _BATCH]])
