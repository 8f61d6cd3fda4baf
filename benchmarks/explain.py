"""Our explainers and curves against Captum's and a plain loop: time, and what comes out.

    OMP_NUM_THREADS=2 python benchmarks/explain.py
    OMP_NUM_THREADS=2 python benchmarks/explain.py deeplift curves --films 4 --rounds 3
    OMP_NUM_THREADS=2 python benchmarks/explain.py --scale paper --films 1 --stride 4 --rounds 2

Phantom films of 64 pixels that no system has seen, systems of the study as trained, each film's
predicted class, the study's baseline, window and stride, at most 64 images in a pass: the same for
all tools. Each goes once a round, in another order every round, after one that does not count.
A tool's ratio to ours is that of their medians, and the median of the rounds' own ratios.

* occlusion: Captum with its default of one window at a time, and the bare passes, one for each film
  and window, in the best batch size. At the scale `paper` an untrained WRN-28-10, and nothing else.
* deeplift: how far maps are from adding up, at worst: |sum - rise| over |rise|, or over 0.1 where
  the logit rises by less.
* integrated_gradients: Captum by Gauss-Legendre, its default. Off: |map - map of 1024 steps| over
  the latter, mean over films; that one is Captum's, by midpoints. MeanSparse jumps, and a jump has
  no gradient to integrate: there each tool is held against its own map of 1024 steps.
* curves: deletion and insertion, 32 images a film, by maps of DeepLIFT; the loop shows a network
  one image at a time.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from captum.attr import DeepLift, IntegratedGradients, Occlusion
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from pgd import in_turns
from radrobust.attribution.explainers import Task, explain, make_task
from radrobust.attribution.faithfulness import STEPS, curves
from radrobust.attribution.occlusion import occlude
from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.params import Explain
from radrobust.core.tensors import pick_device
from radrobust.data.datasets.phantom import draw
from radrobust.data.decode.framing import Frame
from radrobust.systems import checkpoints
from radrobust.systems.batching import batch_size
from radrobust.systems.classifier import Classifier, build, build_empty
from radrobust.systems.logits import logit_of
from radrobust.systems.meansparse import operators

SIDE, SEED, AT_ONCE = 64, 2026, 64
BATCHES = (1, 2, 4, 8, 16)  # sizes that bare passes are tried in
FASTER, BARE, EXACT = 3.0, 1.15, 1e-5  # what is asked of occlusion
FASTER_CURVES = 5.0
FEW = ("standard", "rade2022")
ALL = ("standard", "huang2021", "rade2022", "peng2023", "amini2024")
STEP_COUNTS, REFERENCE, MOST, NEAR = (8, 16, 32, 64), 1024, 256, 0.01
Run = Callable[[], Tensor]


class Films(NamedTuple):
    """N×1×64×64 pixels, and where there is film and no padding: N×64×64 bool."""

    pixels: Tensor
    inside: Tensor


class Race(NamedTuple):
    """What each tool returns, and its seconds round by round; the first one is ours."""

    found: dict[str, Tensor]
    seconds: dict[str, list[float]]

    @classmethod
    def of(cls, runs: Mapping[str, Run], rounds: int) -> Race:
        return cls({name: run() for name, run in runs.items()}, in_turns({**runs}, rounds))

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])

    def over(self, name: str, other: str) -> tuple[float, float]:
        """How many times as long a tool takes as another: by medians, and by rounds."""
        pairs = zip(self.seconds[name], self.seconds[other], strict=True)
        return self.median(name) / self.median(other), statistics.median(a / b for a, b in pairs)

    def cells(self) -> str:
        """Median seconds of ours and of the second one, and both ratios."""
        ours, theirs = list(self.seconds)[:2]
        ratio, paired = self.over(theirs, ours)
        times = f"{self.median(ours):.3f} | {self.median(theirs):.3f}"
        return f"{times} | {ratio:.2f} | {paired:.2f}"


def draw_films(count: int, device: torch.device) -> Films:
    """Draw films that are not in the study, whose seed is another."""
    images, inside = [], np.zeros((count, SIDE, SIDE), bool)
    for index in range(count):
        image = draw(SEED, index).image
        frame = Frame(image.shape[1], image.shape[0], SIDE)
        x0, y0, x1, y1 = frame.area
        images.append(frame.fit_image(image))
        inside[index, y0:y1, x0:x1] = True
    pixels = torch.from_numpy(np.stack(images)).unsqueeze(1).float() / 255
    return Films(pixels.to(device), torch.from_numpy(inside).to(device))


def task_of(classifier: Classifier, films: Films) -> Task:
    with torch.no_grad():
        targets = classifier(films.pixels).argmax(dim=1)
    at_once = min(AT_ONCE, batch_size(classifier, SIDE))
    return make_task(films.pixels, targets, Explain(methods=["occlusion"]), at_once)


def systems(keys: tuple[str, ...], device: torch.device) -> Iterator[tuple[str, Classifier]]:
    for key in keys:
        yield key, checkpoints.load(key, paths.MODELS / key / "model.safetensors").to(device)


def verdict(reached: bool) -> str:
    return "reached" if reached else "missed"


def setting(task: Task, rounds: int) -> str:
    machine = f"{task.images.device.type}, {torch.get_num_threads()} threads"
    return f"{len(task)} films, {rounds} rounds, {machine}"


# --- Occlusion --------------------------------------------------------------------------------


def occlusion(classifier: Classifier, task: Task, rounds: int, title: str) -> None:
    """Print a table and what was reached."""
    window, stride = (1, task.window, task.window), (1, task.stride, task.stride)
    count = (-(-(SIDE - task.window) // task.stride) + 1) ** 2
    size = best_batch(classifier, task.images)
    runs: dict[str, Run] = {
        "ours": partial(explain, "occlusion", classifier, task),
        "Captum": lambda: Occlusion(classifier).attribute(
            task.images, window, stride, task.baselines, task.targets
        ),
        "bare passes": partial(passes, classifier, task.images, count * len(task), size),
    }
    race = Race.of(runs, rounds)
    apart = (race.found["ours"] - race.found["Captum"][:, 0]).abs().max().item()
    faster, bare = race.over("Captum", "ours"), race.over("ours", "bare passes")
    print(f"\n### Occlusion, {title}: {setting(task, rounds)}\n")
    print(f"{count} windows of {task.window} pixels, {task.stride} apart; ", end="")
    print(f"bare passes {size} films at a time\n")
    print("| tool | median, s | least, s | × ours | × ours, by rounds |\n|---|--:|--:|--:|--:|")
    for name, seconds in race.seconds.items():
        ratio, paired = race.over(name, "ours")
        least = min(seconds)
        print(f"| {name} | {race.median(name):.2f} | {least:.2f} | {ratio:.2f} | {paired:.2f} |")
    share = work(classifier, task) / count
    print(f"\n- Captum takes {faster[1]:.2f} × as long (target {FASTER:g}): ", end="")
    print(verdict(min(faster) >= FASTER))
    print(f"- ours takes {bare[1]:.2f} × its bare passes (bound {BARE}): ", end="")
    print(f"{verdict(max(bare) <= BARE)}, with {share:.2f} × their multiplications")
    print(f"- maps differ by at most {apart:.1e} (bound {EXACT:g}): ", end="")
    print(verdict(apart <= EXACT), flush=True)


@torch.no_grad()
def passes(classifier: Classifier, films: Tensor, count: int, size: int) -> Tensor:
    """Send `count` images through the classifier, some at a time, and do nothing else."""
    images = films.repeat(-(-size // len(films)), 1, 1, 1)[:size]
    batches = [images] * (count // size) + [images[: count % size]] * (count % size > 0)
    return torch.cat([classifier(batch) for batch in batches])


def best_batch(classifier: Classifier, films: Tensor) -> int:
    """Choose the batch size in which an image takes least time: the least of three passes each."""
    runs = {str(size): partial(passes, classifier, films, size, size) for size in BATCHES}
    seconds = in_turns({**runs}, 3)
    return min(BATCHES, key=lambda size: min(seconds[str(size)]) / size)


def work(classifier: Classifier, task: Task) -> float:
    """Count how many passes' multiplications occlusion of a film takes, without doing them."""
    empty = build_empty(classifier.design).eval()
    film = torch.empty_like(task.images[:1], device="meta")
    target = torch.empty(1, dtype=torch.int64, device="meta")
    with FlopCounterMode(display=False) as whole, torch.no_grad():
        empty(film)
    with FlopCounterMode(display=False) as parts:
        occlude(empty, film, film, target, task.window, task.stride)
    return float(parts.get_total_flops() / whole.get_total_flops())


# --- DeepLIFT and integrated gradients --------------------------------------------------------


def deeplift(device: torch.device, films: Films, rounds: int) -> None:
    """Print a table, a system a row."""
    for row, (key, classifier) in enumerate(systems(ALL, device)):
        task = task_of(classifier, films)
        if row == 0:
            print(f"\n### DeepLIFT: {setting(task, rounds)}\n")
            print("| system | ours, s | Captum, s | Captum takes, × | by rounds ", end="")
            print(f"| ours short of its sum | Captum's | maps apart |\n|---|{'--:|' * 7}")
        runs = {
            "ours": partial(explain, "deeplift", classifier, task),
            "Captum": partial(captum_deeplift, classifier, task),
        }
        race = Race.of(runs, rounds)
        ours, theirs = race.found.values()
        short = " | ".join(f"{shortfall(classifier, task, maps):.1e}" for maps in (ours, theirs))
        apart = f"{100 * distance(theirs, ours):.2g} %"
        print(f"| {key} | {race.cells()} | {short} | {apart} |", flush=True)


def integrated_gradients(device: torch.device, films: Films, rounds: int) -> None:
    """Print a table for each system, and how long either takes to be within 1 %."""
    for key, classifier in systems(ALL, device):
        task = task_of(classifier, films)
        print(f"\n### Integrated gradients, {key}: {setting(task, rounds)}\n")
        ends = reference_maps(classifier, task)
        print("| steps | ours, s | Captum, s | Captum takes, × | by rounds | ours off, % ", end="")
        print(f"| Captum off, % | ours short of its sum | Captum's |\n|--:|{'--:|' * 8}")
        for steps in STEP_COUNTS:
            race = Race.of(walks(classifier, task, (steps, steps)), rounds)
            off = [f"{100 * distance(race.found[name], ends[name]):.3g}" for name in ends]
            short = [f"{shortfall(classifier, task, race.found[name]):.1e}" for name in ends]
            print(f"| {steps} | {race.cells()} | {' | '.join(off + short)} |", flush=True)
        if not operators(classifier):
            within(classifier, task, ends["ours"], rounds)


def reference_maps(classifier: Classifier, task: Task) -> dict[str, Tensor]:
    """Return what either is held against; where a network jumps, say what becomes of the sum."""
    integral = captum_integral(classifier, task, REFERENCE, "riemann_middle")
    if not operators(classifier):
        return {"ours": integral, "Captum": integral}
    ours = explain("integrated_gradients", classifier, replace(task, steps=REFERENCE))
    short = [f"{shortfall(classifier, task, maps):.1e}" for maps in (ours, integral)]
    print("MeanSparse jumps, so that there is no integral that adds up. ", end="")
    print(
        f"With {REFERENCE} steps ours are {short[0]} short of their sum, Captum's {short[1]}; ",
        end="",
    )
    print("off is from either's own with as many\n")
    return {"ours": ours, "Captum": integral}


def within(classifier: Classifier, task: Task, end: Tensor, rounds: int) -> None:
    """Print how long either takes to be within 1 % of the reference."""
    ours, theirs = (steps_enough(classifier, task, name, end) for name in ("ours", "Captum"))
    if ours is None or theirs is None:
        found = f"ours {ours or 'never'}, Captum {theirs or 'never'}"
        print(f"\nSteps to within {100 * NEAR:g} %, of at most {MOST}: {found}", flush=True)
        return
    race = Race.of(walks(classifier, task, (ours, theirs)), rounds)
    ratio, paired = race.over("Captum", "ours")
    print(f"\nWithin {100 * NEAR:g} %: ours in {ours} steps, {race.median('ours'):.2f} s; ", end="")
    print(f"Captum in {theirs}, {race.median('Captum'):.2f} s: ", end="")
    print(f"{ratio:.2f} × as long, {paired:.2f} by rounds", flush=True)


def steps_enough(classifier: Classifier, task: Task, name: str, end: Tensor) -> int | None:
    """Double the steps of one of the two until its maps are near enough, if they ever are."""
    steps = 1
    while steps <= MOST:
        if distance(walks(classifier, task, (steps, steps))[name](), end) <= NEAR:
            return steps
        steps *= 2
    return None


def walks(classifier: Classifier, task: Task, steps: tuple[int, int]) -> dict[str, Run]:
    """Both ways of integrating, in so many steps each."""
    ours = replace(task, steps=steps[0])
    return {
        "ours": partial(explain, "integrated_gradients", classifier, ours),
        "Captum": partial(captum_integral, classifier, task, steps[1]),
    }


def captum_integral(
    classifier: Classifier, task: Task, steps: int, method: str = "gausslegendre"
) -> Tensor:
    maps: Tensor = IntegratedGradients(classifier).attribute(
        task.images,
        task.baselines,
        task.targets,
        n_steps=steps,
        method=method,
        internal_batch_size=task.at_once,
    )
    return maps.detach().sum(dim=1)


def captum_deeplift(classifier: Classifier, task: Task) -> Tensor:
    films = task.images.clone().requires_grad_()
    maps: Tensor = DeepLift(classifier).attribute(films, task.baselines, task.targets)
    return maps.detach().sum(dim=1)


@torch.no_grad()
def shortfall(classifier: Classifier, task: Task, maps: Tensor) -> float:
    """How far the worst of maps is from adding up, relative to the rise of its logit."""
    rise = logit_of(classifier(task.images) - classifier(task.baselines), task.targets).double()
    short = maps.double().sum(dim=(1, 2)) - rise
    return float((short.abs() / rise.abs().clamp(min=0.1)).max())


def distance(maps: Tensor, reference: Tensor) -> float:
    """Relative distance of maps to others, the mean over films."""
    apart = (maps - reference).flatten(1).norm(dim=1) / reference.flatten(1).norm(dim=1)
    return float(apart.mean())


# --- Deletion and insertion -------------------------------------------------------------------


def both_curves(device: torch.device, films: Films, rounds: int) -> None:
    """Print a table, a system a row, and what was reached."""
    for row, (key, classifier) in enumerate(systems(FEW, device)):
        task = task_of(classifier, films)
        if row == 0:
            print(f"\n### Deletion and insertion: {setting(task, rounds)}\n")
            print("| system | ours, s | plain loop, s | the loop takes, × | by rounds ", end="")
            print(f"| curves apart | target {FASTER_CURVES:g} × |\n|---|{'--:|' * 5}---|")
        maps = explain("deeplift", classifier, task)
        runs = {
            "ours": partial(our_curves, classifier, task, maps, films.inside),
            "plain loop": partial(plain_curves, classifier, task, maps, films.inside),
        }
        race = Race.of(runs, rounds)
        ours, plain = race.found.values()
        reached = verdict(min(race.over("plain loop", "ours")) >= FASTER_CURVES)
        apart = (ours - plain).abs().max()
        print(f"| {key} | {race.cells()} | {apart:.1e} | {reached} |", flush=True)


def our_curves(classifier: Classifier, task: Task, maps: Tensor, inside: Tensor) -> Tensor:
    """Both curves, one after the other: N×34."""
    return torch.cat(curves(classifier, task, maps, inside), dim=1)


@torch.no_grad()
def plain_curves(classifier: Classifier, task: Task, maps: Tensor, inside: Tensor) -> Tensor:
    """The same from one image after another; what both curves hold is asked once."""
    rows = []
    for row, (film, blank) in enumerate(zip(task.images, task.baselines, strict=True)):
        image, shown, hidden = film.clone().unsqueeze(0), film.flatten(1), blank.flatten(1)
        places = inside[row].flatten().nonzero()[:, 0]
        order = places[maps[row].flatten()[places].argsort(descending=True)]
        cuts = [len(order) * step // STEPS for step in range(STEPS + 1)]
        found = [classifier(image).softmax(dim=1)[0]]
        for kind, ends in ((hidden, cuts), (shown, cuts[:-1])):
            for start, end in pairwise(ends):
                changed = order[start:end]
                image.view(len(film), -1)[:, changed] = kind[:, changed]
                found.append(classifier(image).softmax(dim=1)[0])
        found = [*found[: STEPS + 1], found[STEPS], *found[STEPS + 1 :], found[0]]
        rows.append(torch.stack(found)[:, task.targets[row]])
    return torch.stack(rows)


# --- What is run ------------------------------------------------------------------------------


def of_systems(device: torch.device, films: Films, rounds: int) -> None:
    for key, classifier in systems(FEW, device):
        occlusion(classifier, task_of(classifier, films), rounds, key)


PARTS = {
    "occlusion": of_systems,
    "deeplift": deeplift,
    "integrated_gradients": integrated_gradients,
    "curves": both_curves,
}


def main(parts: list[str], scale: str, count: int, stride: int | None, rounds: int) -> None:
    device = pick_device("auto")
    films = draw_films(count, device)
    if scale == "paper":
        classifier = build("standard", SEED, "paper").eval().requires_grad_(False).to(device)
        task = task_of(classifier, films)
        stride = stride or task.stride
        task = replace(task, stride=stride, window=max(task.window, stride))
        occlusion(classifier, task, rounds, "WRN-28-10")
        return
    for part in parts or PARTS:
        PARTS[part](device, films, rounds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--scale", choices=("compact", "paper"), default="compact")
    parser.add_argument("--films", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stride", type=int, help="of windows of WRN-28-10, which are as large")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    warnings.filterwarnings("ignore", message="Setting forward, backward hooks")
    try:
        main(given.parts, given.scale, given.films, given.stride, given.rounds)
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
