"""The study's own attack against AutoAttack, at its budget, on every system that is trained.

    OMP_NUM_THREADS=1 python benchmarks/autoattack.py
    OMP_NUM_THREADS=1 python benchmarks/autoattack.py standard rade2022 --films 16

AutoAttack is its authors' code with their numbers: on two classes APGD on the cross-entropy and on
the margin and FAB, 100 steps each, and Square, 5000 queries, each on what stood after those before
it; where MeanSparse hides gradients, straight-through ones. Ours is what stage attack wrote of the
same films by default. Robust accuracies are in percent, by a fresh pass in float32. The two columns
before the last count films that one side breaks and the other does not.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import torch
from numpy.typing import NDArray

from radrobust.attacks.autoattack import parts
from radrobust.attacks.pgd import Outcome, Pgd, judge
from radrobust.core import paths
from radrobust.core.conditions import PIXEL, attacked
from radrobust.core.errors import InputError
from radrobust.core.params import Params, load_params
from radrobust.core.progress import progress
from radrobust.core.tables.predictions import PREDICTIONS
from radrobust.core.tensors import pick_device
from radrobust.data.samples import load_samples
from radrobust.systems import checkpoints
from radrobust.systems.batching import in_batches
from radrobust.systems.bibliography import by_year
from radrobust.systems.images import Images
from radrobust.systems.meansparse import straight_through

STEPS, QUERIES, BATCH, BOUND = 100, 5000, 64, 2.0
PARTS = parts(STEPS, QUERIES)
HEAD = ("system", "clean", "ours", *PARTS, "AutoAttack", "ours − AutoAttack, points")
HEAD += ("only ours breaks", "only AutoAttack breaks", f"{BOUND:g} points")
Broken = NDArray[np.bool_]


def by_autoattack(key: str, films: Images, params: Params) -> list[Broken]:
    """Tell which films are wrong as they are, and broken after each part."""
    classifier = checkpoints.load(key, paths.MODELS / key / "model.safetensors")
    classifier = classifier.to(films.pixels.device)
    eps = float(params.attack.eps)
    attack = Pgd(eps, eps, STEPS, params.attack.norm)  # the parts take nothing but the ball from it
    outcome = judge(classifier, films, films.pixels, "clean")
    broken = [outcome.broken.cpu().numpy()]
    with progress(len(PARTS), "part", key) as bar, straight_through(classifier):
        for part in PARTS.values():
            rows = outcome.standing
            found = in_batches(
                films.take(rows),
                BATCH,
                lambda batch, run=part: run(classifier, batch, attack, params.seed),
            )
            outcome.update(rows, Outcome.together(list(found), films.pixels))
            broken.append(outcome.broken.cpu().numpy())
            bar.update()
    return broken


def by_ours(key: str, films: Images, params: Params) -> Broken:
    """Tell which films the study's attack broke, at its budget in pixels."""
    condition = attacked(params.attack, units=PIXEL)
    table = PREDICTIONS.read(system=key)
    table = table[table["condition"] == condition.key].set_index("sample_id")
    return table.loc[list(films.sample_ids), "misclassified"].to_numpy()


def row(key: str, films: Images, params: Params) -> list[str]:
    """Return a system's cells."""
    ours = by_ours(key, films, params)
    steps = by_autoattack(key, films, params)
    clean, *cumulative = [100 * (1 - broken.mean()) for broken in steps]
    own, theirs = 100 * (1 - ours.mean()), cumulative[-1]
    alone = [int((ours & ~steps[-1]).sum()), int((steps[-1] & ~ours).sum())]
    numbers = [f"{share:.1f}" for share in (clean, own, *cumulative, theirs)]
    verdict = "over" if own - theirs > BOUND else "within"
    return [key, *numbers, f"{own - theirs:+.1f}", *map(str, alone), verdict]


def films_of(count: int | None, params: Params) -> Images:
    """Take the test films, or the first so many by a hash of seed and name."""
    samples = load_samples()
    films = Images.of(samples, samples.rows("test")).on(pick_device(params.device))
    if count is None:
        return films
    names = samples.shuffled("test", params.seed, "autoattack")["sample_id"].head(count)
    return films.take(torch.tensor([films.sample_ids.index(name) for name in names]))


def main(keys: list[str], count: int | None) -> None:
    params = load_params()
    films = films_of(count, params)
    keys = keys or [key for key in by_year() if (paths.MODELS / key).is_dir()]
    if not keys:
        raise InputError(f"no system is trained in {paths.MODELS}; run `dvc repro` first")
    print(f"{len(films)} test films, {params.attack.norm} {params.attack.eps}\n")
    print(f"| {' | '.join(HEAD)} |\n|---|{'--:|' * (len(HEAD) - 2)}---|")
    for key in keys:
        print(f"| {' | '.join(row(key, films, params))} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("systems", nargs="*", help="these systems alone")
    parser.add_argument("--films", type=int, help="so many test films alone, by a hash")
    given = parser.parse_args()
    try:
        main(given.systems, given.films)
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
