"""Stage `finetune@system`: a system learns the dataset."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dvclive.live import Live

from radrobust.core import paths, program
from radrobust.core.errors import about
from radrobust.core.files import replacing
from radrobust.core.params import Params, choose
from radrobust.core.seeds import derive_seed
from radrobust.core.tensors import pick_device
from radrobust.data.samples import load_samples
from radrobust.systems import catalogue, checkpoints
from radrobust.systems.classifier import Classifier
from radrobust.systems.images import Images
from radrobust.systems.sources import obtain
from radrobust.training.fitting import Splits, decide, fit
from radrobust.training.loop import Plan, Row, Trained
from radrobust.training.objectives import OBJECTIVES


def finetune(key: str, params: Params) -> None:
    """Train system `key` on the training split, keep the epoch that validates best, and choose the
    threshold of its decision on the validation split.

    Weights that are fine-tuned already are kept as they are. A run that was killed is gone on from.
    """
    choose("system", key, catalogue.keys())
    samples = load_samples()
    splits = Splits(*(Images.of(samples, samples.rows(split)) for split in ("train", "val")))
    classifier = _start(key, "weights", params)
    # Asked once: whoever edits the program while it trains must not part a run from its files.
    version = program.version(*program.of_stage("finetune", key))
    resume = paths.RESUME / "finetune" / key / version
    features = paths.cache_folder(params.cache) / "features" / key / version
    trained: dict[str, Trained] = {}
    if not params.model.evaluation_alone:
        classifier.freeze(params.model.trainable)
        frozen = classifier.frozen_digest()
        with about(f"finetune@{key}"):
            trained = _train(classifier, splits, params, resume, features)
    facts = _facts(classifier, trained, splits, params)
    if trained and frozen is not None:
        facts["frozen_changed"] = classifier.frozen_digest() != frozen
    with about(f"finetune@{key}"):
        facts |= decide(classifier, splits.validation, params.finetune.least_sensitivity)
    with replacing(paths.MODELS / key) as folder:
        folder.mkdir()
        checkpoints.save(classifier, folder / "model.safetensors")
        (folder / "training.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        for name, one in trained.items():
            one.curve.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g")
    with replacing(paths.TRAINING / key) as folder:
        folder.mkdir()
        for file in (resume / "live" / "plots" / "metrics").glob("*.tsv"):
            shutil.copy(file, folder)
    shutil.rmtree(resume.parent, ignore_errors=True)
    for other in features.parent.glob("*"):
        if other != features:
            shutil.rmtree(other, ignore_errors=True)


def _start(key: str, purpose: str, params: Params) -> Classifier:
    """Build the network that training starts from, on the study's device."""
    seed = derive_seed(params.seed, purpose, key)
    return obtain(key, params.model, seed, params.cache).to(pick_device(params.device))


def _train(
    classifier: Classifier, splits: Splits, params: Params, resume: Path, features: Path
) -> dict[str, Trained]:
    """Train by the system's objective; before it the helper that the objective may need.

    What a killed run goes on from is kept in `resume`, what a frozen backbone sees in `features`.

    Returns
    -------
    dict of str to Trained
        By the name of the file that the curve is to have.
    """
    key = classifier.design.system
    objective = _objective(key, params)
    seed = derive_seed(params.seed, "training", key)
    trained, helper = {}, None
    if OBJECTIVES[objective].needs_helper:
        helper = _start(key, "helper", params)
        plan = Plan("standard", params.finetune, seed, classifier.device, resume / "helper.pt")
        trained["helper"] = fit(helper, splits, params.model, plan, features)
    plan = Plan(objective, params.finetune, seed, classifier.device, resume / "state.pt", helper)
    with _live(resume / "live") as live:
        trained["training"] = fit(
            classifier, splits, params.model, plan, features, lambda row: _log(live, row)
        )
    return trained


def _objective(key: str, params: Params) -> str:
    chosen = params.finetune.objective
    return catalogue.load(key).objective if chosen == "own" else chosen


def _live(folder: Path) -> Live:
    """Log to an empty folder: the rows of an interrupted run are told again, each once."""
    shutil.rmtree(folder, ignore_errors=True)
    return Live(str(folder), dvcyaml=None, save_dvc_exp=False, monitor_system=False)


def _log(live: Live, row: Row) -> None:
    live.step = int(row["epoch"])
    for name in row.keys() - {"epoch"}:
        live.log_metric(name, row[name])


def _facts(
    classifier: Classifier, trained: dict[str, Trained], splits: Splits, params: Params
) -> dict[str, Any]:
    facts = {
        **asdict(classifier.design),
        "weights": params.model.weights,
        "parameters": sum(weight.numel() for weight in classifier.parameters()),
    }
    if not trained:
        return facts
    curve, precision = trained["training"]
    curves = [one.curve for one in trained.values()]
    epochs = sum(map(len, curves))
    seconds = sum(float(curve["seconds"].sum()) for curve in curves)
    if "helper" in trained:
        facts["helper_precision"] = asdict(trained["helper"].precision)
    return facts | {
        "trainable": params.model.trainable,
        "objective": _objective(classifier.design.system, params),
        "epochs": len(curve),
        "best_epoch": int(curve.loc[curve["best"], "epoch"].iloc[0]),
        "helper_epochs": epochs - len(curve),
        "seconds": round(seconds, 1),
        "images_per_second": round(epochs * len(splits.training) / seconds, 1),
        "precision": asdict(precision),
    }
