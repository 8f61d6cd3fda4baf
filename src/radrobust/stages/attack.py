"""Stage `attack@system`: every test film at every budget, and attacks on that attack."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Literal

import numpy as np
import pandas as pd
import torch

from radrobust.attacks.checks import Scene, run_checks
from radrobust.attacks.pgd import Outcome, judge
from radrobust.attacks.pipeline import gradients, inspect
from radrobust.attacks.protocol import Attacker, Evaluated, Goal, attack_films
from radrobust.core import paths, program
from radrobust.core.conditions import PIXEL, attacked
from radrobust.core.errors import about
from radrobust.core.files import replacing
from radrobust.core.params import Checks, Params
from radrobust.core.parts import Part, Parts
from radrobust.core.tables import predictions
from radrobust.core.tensors import pick_device, state_digest
from radrobust.data.samples import Samples, load_samples
from radrobust.systems import checkpoints
from radrobust.systems.batching import batch_size, halving
from radrobust.systems.classifier import Classifier
from radrobust.systems.images import Images
from radrobust.systems.meansparse import straight_through
from radrobust.systems.precision import Precision


def attack(key: str, params: Params) -> None:
    """Attack system `key` and write what it says of every test film, clean and attacked.

    What is finished is kept until all is: a run that is killed loses one batch, and the next
    one ends with the same tables.
    """
    device = pick_device(params.device)
    classifier = checkpoints.load(key, paths.MODELS / key / "model.safetensors").to(device)
    samples = load_samples()
    films = Images.of(samples, samples.rows("test")).on(device)
    loaded = state_digest(classifier)
    parts = Parts(
        paths.RESUME / "attack" / key,
        program.version(*program.of_stage("attack", key)),
        *(loaded, classifier.threshold, params.attack, params.checks, params.seed),
        *(films.sample_ids, films.pixels.cpu().numpy().tobytes()),
    )
    attacker = Attacker(classifier, params.attack, params.seed)
    # An attacker need not let MeanSparse hide the gradient; what is asked stays the same network.
    with parts.at_work(), straight_through(classifier), about(f"attack@{key}"):
        goal = Goal(classifier.threshold, params.far)
        size = _batch_size(params.attack.batch_size, classifier, films, parts)
        precision = _precision(attacker, films[:size], parts)
        attacker = replace(attacker, precision=precision.dtype)
        evaluated = attack_films(attacker, films, goal, size, parts)
        scene = _scene(attacker, films, _checked(samples, params), evaluated, params.checks)
        checks = run_checks(scene, parts)
        slopes = gradients(classifier, scene.films)
        stored = Images.of(samples, samples.rows("test")).floats()
        facts = asdict(inspect(classifier, films, stored, loaded)) | {
            "frozen_changed": _frozen_changed(key),
            "precision": asdict(precision),
        }
        found = {
            predictions.PREDICTIONS: evaluated.predictions,
            predictions.CHECKED: pd.concat(
                [checks, evaluated.far.assign(check="far")], ignore_index=True
            ),
            predictions.GRADIENTS: slopes,
        }
        with replacing(paths.PREDICTIONS / key) as folder:
            folder.mkdir()
            for table, rows in found.items():
                table.write(rows.assign(system=key), folder)
            text = json.dumps(facts, indent=2) + "\n"
            (folder / "pipeline.json").write_text(text, encoding="utf-8")
            names = np.array(films.sample_ids, dtype=np.str_)
            images = evaluated.images[params.attack.space]
            np.savez_compressed(
                folder / paths.ATTACKED, allow_pickle=False, sample_ids=names, images=images
            )


def _batch_size(
    wanted: int | Literal["auto"], classifier: Classifier, films: Images, parts: Parts
) -> int:
    if wanted != "auto":
        return wanted
    # Kept as well: a run that goes on has to cut the films as the one before it did.
    kept = parts.get("size", lambda: _size(classifier, films))
    return int(kept.table["size"].iloc[0])


def _size(classifier: Classifier, films: Images) -> Part:
    return Part(pd.DataFrame({"size": [batch_size(classifier, films.pixels.shape[-1])]}))


def _precision(attacker: Attacker, films: Images, parts: Parts) -> Precision:
    """Choose the precision of the search by a batch of films, or by fewer if memory runs out."""

    def measure() -> Part:
        _, found = halving(len(films), lambda count: attacker.fastest_precision(films[:count]))
        return Part(pd.DataFrame([asdict(found)]))

    # Kept too: a run that goes on has to search as the one before it did, however fast it is now.
    kept = parts.get("precision", measure)
    return Precision(*kept.table.iloc[0])


def _scene(
    attacker: Attacker, films: Images, rows: list[int], evaluated: Evaluated, params: Checks
) -> Scene:
    """Gather what the checks need; the headline attack's outcome is read off its own table."""
    device = films.pixels.device
    chosen = films.take(torch.tensor(rows, device=device))
    table = evaluated.at(attacked(attacker.params, units=PIXEL)).iloc[rows]
    headline = Outcome(
        torch.from_numpy(evaluated.images[PIXEL][rows]).to(device),
        torch.from_numpy(table[["logit_0", "logit_1"]].to_numpy(copy=True)).to(device),
        torch.from_numpy(table["iteration"].to_numpy(np.int64)).to(device),
    )
    clean = judge(attacker.classifier, chosen, chosen.pixels, "clean")
    return Scene(attacker, params, chosen, clean, headline)


def _checked(samples: Samples, params: Params) -> list[int]:
    """Return which of the test films are checked, as positions among them."""
    table = samples.shuffled("test", params.seed, "checks").head(params.checks.films)
    return list(np.searchsorted(samples.rows("test"), table["position"].to_numpy()))


def _frozen_changed(key: str) -> bool | None:
    facts = json.loads((paths.MODELS / key / "training.json").read_text(encoding="utf-8"))
    changed: bool | None = facts.get("frozen_changed")
    return changed
