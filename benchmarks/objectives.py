"""What each training objective costs, and how much of that is not its passes through the network.

    python benchmarks/objectives.py

On the compact WRN, for each objective in turn: images a second and the cost of an epoch relative to
`standard`; and the time of a step of the training loop over the time of the bare passes that the
objective declares (training, input-gradient and forward), timed in the same run, in turns.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

from radrobust.core.params import Finetune
from radrobust.perturbations.ball import Ball
from radrobust.systems.classifier import Classifier, build
from radrobust.training.inner import InnerAttack
from radrobust.training.loop import _optimiser
from radrobust.training.objectives import OBJECTIVES, Context, Objective

BATCH, SIDE, STEPS, ROUNDS = 16, 48, 2, 25


def loop_step(
    objective: Objective, classifier: Classifier, helper: Classifier
) -> Callable[[], None]:
    """One step as the training loop takes it."""
    optimiser = _optimiser(classifier, Finetune())
    generator = torch.Generator().manual_seed(0)
    attack = InnerAttack(Ball("linf", 4 / 255), STEPS)
    context = Context(torch.ones(2), attack, generator, progress=0.9, helper=helper)
    images, labels = batch()

    def step() -> None:
        classifier.train()
        loss = objective.loss(classifier, images, labels, context)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def bare_passes(
    objective: Objective, classifier: Classifier, helper: Classifier
) -> Callable[[], None]:
    """The passes that the objective declares and the optimiser's step, and nothing else."""
    optimiser = _optimiser(classifier, Finetune())
    passes = objective.passes(STEPS)
    images, labels = batch()

    def run() -> None:
        classifier.eval()
        for number in range(passes.forward):
            with torch.no_grad():
                (helper if objective.needs_helper and number else classifier)(images)
        for _ in range(passes.input_gradient):
            points = images.clone().requires_grad_()
            torch.autograd.grad(classifier(points)[:, 1].sum(), points)
        classifier.train()
        optimiser.zero_grad()
        for _ in range(passes.training):
            F.cross_entropy(classifier(images), labels).backward()
        optimiser.step()

    return run


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(BATCH, 1, SIDE, SIDE, generator=generator), torch.arange(BATCH) % 2


def in_turns(*runs: Callable[[], None]) -> list[list[float]]:
    """Seconds of each, round by round, after three rounds that do not count."""
    seconds: list[list[float]] = [[] for _ in runs]
    for turn in range(ROUNDS + 3):
        for run, found in zip(runs, seconds, strict=True):
            started = time.perf_counter()
            run()
            if turn >= 3:
                found.append(time.perf_counter() - started)
    return seconds


def main() -> None:
    print(f"WRN-10-1, {BATCH} images of {SIDE} pixels, K = {STEPS} inner steps, float32")
    print(f"median of {ROUNDS} rounds; over passes: a step of the loop over its bare passes\n")
    print("| objective | images/s | epoch, × standard | step, ms | bare passes, ms | over passes |")
    print("|---|--:|--:|--:|--:|--:|")
    baseline = 0.0
    for name, objective in OBJECTIVES.items():
        classifiers = [build("standard", 0) for _ in range(2)]
        helper = build("standard", 1).eval().requires_grad_(False)
        step, bare = in_turns(
            loop_step(objective, classifiers[0], helper),
            bare_passes(objective, classifiers[1], helper),
        )
        whole, passes = statistics.median(step), statistics.median(bare)
        over = statistics.median(a / b for a, b in zip(step, bare, strict=True))
        baseline = baseline or whole
        print(
            f"| {name} | {BATCH / whole:.0f} | {whole / baseline:.2f} | {1000 * whole:.1f} "
            f"| {1000 * passes:.1f} | {over:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
