"""Our PGD against that of torchattacks, Foolbox, ART and Captum: its time and what it breaks.

    pip install -c constraints.txt -e '.[peers]'
    pip install --no-deps torchattacks==3.5.1  # it asks for a `requests` of 2020, but uses none
    python benchmarks/pgd.py
    python benchmarks/pgd.py --scale paper --films 4 --rounds 3

Each tool once a round, in another order every round: the same classifier, films, labels, batches,
budget, steps and random start, on systems of the study as trained. At the scale `paper` it is an
untrained WRN-28-10 whose answer no attack can change: the worst case for one that leaves alone what
is broken. Bare: the passes through the classifier that ours makes, of as many films, and no more.
The default searches in the precision that stage `attack` would find by measuring to be the faster.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from radrobust.attacks.protocol import Attacker
from radrobust.core import paths
from radrobust.core.conditions import attacked
from radrobust.core.errors import InputError
from radrobust.core.params import Attack as Section
from radrobust.core.tensors import has_bfloat16, pick_device
from radrobust.data.samples import load_samples
from radrobust.systems import checkpoints
from radrobust.systems.classifier import Classifier, build
from radrobust.systems.images import Images
from radrobust.systems.precision import Precision

SECTION = Section(eps=Fraction(4, 255), schedule="fixed", step=Fraction(1, 255), steps=10)
EPS, STEP, STEPS = float(SECTION.eps), float(SECTION.step), SECTION.steps
SEED, BATCH, BOUND = 11, 128, 1.15
FLOAT32, BFLOAT16, DEFAULT = "ours, float32", "ours, bfloat16", "ours, the default"
Attack = Callable[[Images], Tensor]  # from a batch of films to attacked pixels


class Pass(NamedTuple):
    """One pass through the classifier: of how many films, and how."""

    films: int
    gradient: bool
    low: bool


def ours(attacker: Attacker, default: Precision) -> dict[str, Attack]:
    """In float32, in bfloat16 where the hardware has it, and as a study would do it here."""
    attack = attacker.headline(attacked(SECTION))

    def searching_in(precision: torch.dtype) -> Attack:
        one = replace(attacker, precision=precision)
        return lambda films: one.attack(films, attack).images

    attacks = {FLOAT32: searching_in(torch.float32)}
    if has_bfloat16(attacker.classifier.device):
        attacks[BFLOAT16] = searching_in(torch.bfloat16)
    return attacks | {DEFAULT: searching_in(default.dtype)}


def peers(classifier: Classifier, shape: torch.Size) -> dict[str, Attack]:
    """Each as its documentation has it, on the cross-entropy, in float32; `shape` is a film's."""
    import foolbox
    import torchattacks
    from art.attacks.evasion import ProjectedGradientDescent
    from art.estimators.classification import PyTorchClassifier
    from captum.robust import PGD

    device = classifier.device
    plain = torchattacks.PGD(classifier, eps=EPS, alpha=STEP, steps=STEPS, random_start=True)
    bounded = foolbox.PyTorchModel(classifier, bounds=(0, 1), device=device)
    linf = foolbox.attacks.LinfPGD(abs_stepsize=STEP, steps=STEPS, random_start=True)
    # Captum takes a gradient under 1e-6 for zero, as many are in a mean over the batch.
    captum = PGD(classifier, nn.CrossEntropyLoss(reduction="none"), 0, 1).perturb
    kind = "gpu" if device.type == "cuda" else "cpu"
    loss = nn.CrossEntropyLoss()
    wrapped = PyTorchClassifier(classifier, loss, shape, 2, clip_values=(0, 1), device_type=kind)
    settings = {"eps": EPS, "eps_step": STEP, "max_iter": STEPS, "num_random_init": 1}
    art = ProjectedGradientDescent(wrapped, **settings, batch_size=BATCH, verbose=False)

    def through_numpy(films: Images) -> Tensor:
        images = art.generate(films.pixels.cpu().numpy(), y=films.labels.cpu().numpy())
        return torch.from_numpy(images).to(device)

    return {
        "torchattacks": lambda x: plain(x.pixels, x.labels),
        "Foolbox": lambda x: linf(bounded, x.pixels, x.labels, epsilons=EPS)[1],
        "ART": through_numpy,
        "Captum": lambda x: captum(x.pixels, EPS, STEP, STEPS, x.labels, random_start=True),
    }


@contextmanager
def recorded(classifier: Classifier) -> Iterator[list[Pass]]:
    """Note every pass through the classifier."""
    found: list[Pass] = []

    def note(_: nn.Module, inputs: tuple[Tensor]) -> None:
        low = torch.is_autocast_enabled(inputs[0].device.type)
        found.append(Pass(len(inputs[0]), inputs[0].requires_grad, low))

    handle = classifier.register_forward_pre_hook(note)
    yield found
    handle.remove()


def replay(classifier: Classifier, passes: list[Pass], films: Images) -> None:
    """Make these passes and do nothing else."""
    for one in passes:
        points = films.pixels[: one.films].clone().requires_grad_(one.gradient)
        low = torch.autocast(points.device.type, torch.bfloat16, enabled=one.low)
        with torch.set_grad_enabled(one.gradient), low:
            logits = classifier(points)
        if one.gradient:
            torch.autograd.grad(logits.float().diff(dim=1).sum(), points)


def in_turns(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each, round by round; each round begins with another."""
    names, seconds = list(runs), {name: [] for name in runs}
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            started = time.perf_counter()
            runs[name]()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            seconds[name].append(time.perf_counter() - started)
    return seconds


@torch.no_grad()
def answer(classifier: Classifier, films: Images, images: Tensor) -> str:
    """Robust accuracy by a fresh pass in float32, and films that left the ball or [0, 1]."""
    right = (classifier(images).argmax(dim=1) == films.labels).float().mean()
    far = (images - films.pixels).abs() > EPS + 1e-6
    outside = (far | (images < 0) | (images > 1)).flatten(1).any(dim=1).sum()
    return f"{100 * right:.1f} | {outside}"


def told(chosen: Precision) -> str:
    """A precision, and the times by which it was chosen."""
    if chosen.float32_seconds is None:
        return f"{chosen.name}, as there is no bfloat16 in hardware"
    exact, coarse = chosen.float32_seconds, chosen.bfloat16_seconds
    return f"{chosen.name}, as one step takes {exact:.3f} s in float32, {coarse:.3f} s in bfloat16"


def compare(title: str, classifier: Classifier, films: Images, rounds: int) -> None:
    """Run everything once for what it returns, then in turns for its time; print a table."""
    batches = [films[first : first + BATCH] for first in range(0, len(films), BATCH)]
    attacker = Attacker(classifier, SECTION, SEED)
    default = attacker.fastest_precision(batches[0])
    own, others = ours(attacker, default), peers(classifier, films.pixels.shape[1:])
    runs: dict[str, Callable[[], object]] = {}
    answers: dict[str, str] = {}
    for name, attack in (own | others).items():
        torch.manual_seed(SEED)
        np.random.seed(SEED)
        with recorded(classifier) as passes:
            images = torch.cat([attack(batch) for batch in batches])
        made = [sum(one.films for one in passes if one.gradient is kind) for kind in (True, False)]
        answers[name] = f"{answer(classifier, films, images)} | {made[0]} | {made[1]}"
        runs[name] = lambda attack=attack: [attack(batch) for batch in batches]
        if name in own:  # in turn right after ours, so that both find the machine in the same state
            runs[f"bare {name}"] = lambda passes=passes: replay(classifier, passes, films)

    seconds = in_turns(runs, rounds)
    median = {name: statistics.median(found) for name, found in seconds.items()}
    machine = f"{classifier.device.type}, {torch.get_num_threads()} threads"
    print(f"\n### {title}: {len(films)} films, {rounds} rounds, {machine}\n")
    print("| tool | median, s | least, s | robust accuracy, % | films outside ", end="")
    print("| film passes with gradient | without |\n|---|" + "--:|" * 6)
    for name, found in seconds.items():
        print(f"| {name} | {median[name]:.3f} | {min(found):.3f} | {answers.get(name, '| | |')} |")
    fastest = min(others, key=median.__getitem__)
    for name in own:
        pairs = zip(seconds[name], seconds[f"bare {name}"], strict=True)
        over = statistics.median(whole / passes for whole, passes in pairs)
        ratio = median[fastest] / median[name]
        print(f"\n{name}: the fastest peer ({fastest}) takes {ratio:.2f} × as long; ", end="")
        print(f"{over:.2f} × its bare passes (bound {BOUND})", flush=True)
    pairs = zip(seconds[DEFAULT], seconds[FLOAT32], strict=True)
    ratio = statistics.median(chosen / exact for chosen, exact in pairs)
    print(f"\nthe default is {told(default)}: {ratio:.2f} × the time of float32", flush=True)


def main(scale: str, count: int | None, rounds: int) -> None:
    device = pick_device("auto")
    samples = load_samples()
    films = Images.of(samples, samples.rows("test")[:count]).on(device)
    if scale == "paper":
        classifier = build("standard", SEED, "paper").eval().requires_grad_(False).to(device)
        nn.init.constant_(classifier.head.bias[1:], 1000)  # it says 1 of everything, by far
        films = replace(films, labels=torch.ones_like(films.labels))
        compare("WRN-28-10", classifier, films, rounds)
        return
    for key in ("standard", "rade2022"):
        classifier = checkpoints.load(key, paths.MODELS / key / "model.safetensors").to(device)
        compare(key, classifier, films, rounds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", choices=("compact", "paper"), default="compact")
    parser.add_argument("--films", type=int, help="the first so many test films alone")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    try:
        main(given.scale, given.films, given.rounds)
    except (InputError, ModuleNotFoundError) as error:
        print(f"{error} (see the top of {__file__})", file=sys.stderr)
        sys.exit(2)
