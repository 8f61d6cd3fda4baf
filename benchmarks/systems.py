"""What each system costs at paper scale on this machine: size, memory and time.

    python benchmarks/systems.py

For every system and side, in a process of its own so that memory can be told apart: seconds an
image for a forward pass, one step of PGD and one DeepLIFT map, and the peak memory of each. Weights
are random; that changes no figure.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIDES = (32, 64)
TASKS = ("forward", "pgd", "deeplift")
IMAGES = 2
GIGABYTE = 2**30


def measure(key: str, side: int, task: str) -> dict[str, float]:
    """Build one system and do one task: the faster of two times."""
    import torch

    from radrobust.attribution.secants import walk
    from radrobust.systems.classifier import build

    classifier = build(key, 0, "paper").eval().requires_grad_(False)
    films = torch.rand(IMAGES, 1, side, side)
    labels = torch.ones(IMAGES, dtype=torch.int64)

    def forward() -> None:
        with torch.no_grad():
            classifier(films)

    def step() -> None:
        points = films.clone().requires_grad_()
        margin = classifier(points).diff(dim=1).sum()
        films + torch.autograd.grad(margin, points)[0].sign() / 255

    def deeplift() -> None:
        walk(classifier, films, torch.zeros_like(films), labels, 1, IMAGES)

    run = {"forward": forward, "pgd": step, "deeplift": deeplift}[task]
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": min(seconds) / IMAGES, "peak": peak}


def checkpoint_bytes(key: str) -> int:
    """Size of a checkpoint in RobustBench's format, with its ten classes."""
    import torch

    from radrobust.systems.classifier import Design, backbone_of

    shapes = backbone_of(Design(key, "paper", "linear")).published
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.pt"
        torch.save({name: torch.empty(shape) for name, shape in shapes.items()}, path)
        return path.stat().st_size


def in_own_process(*words: object) -> dict[str, float]:
    ended = subprocess.run(
        [sys.executable, __file__, *map(str, words)], capture_output=True, text=True, check=True
    )
    return json.loads(ended.stdout)


def main() -> None:
    from radrobust.systems.bibliography import by_year
    from radrobust.systems.classifier import Design
    from radrobust.systems.footprint import footprint

    print(f"{platform.machine()}, float32, {IMAGES} images at a time\n")
    head = ["system", "parameters, M", "checkpoint, MiB"]
    for side in SIDES:
        head += [f"{task}, s an image, {side} px" for task in TASKS]
        head += [f"peak, GiB, {side} px"]
    print("| " + " | ".join(head) + " |")
    print("|---|" + "--:|" * (len(head) - 1))
    for key in by_year():
        cells = [
            f"{footprint(Design(key, 'paper', 'linear'), 32).parameters / 1e6:.2f}",
            f"{checkpoint_bytes(key) / 2**20:.0f}",
        ]
        for side in SIDES:
            found = [in_own_process(key, side, task) for task in TASKS]
            cells += [f"{row['seconds']:.2f}" for row in found]
            cells += [" / ".join(f"{row['peak'] / GIGABYTE:.1f}" for row in found)]
        print("| " + " | ".join([key, *cells]) + " |", flush=True)
    print("\nPeak memory of the whole process: forward / PGD step / DeepLIFT.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("one", nargs="*", help="system, side and task, for a single measurement")
    one = parser.parse_args().one
    if one:
        print(json.dumps(measure(one[0], int(one[1]), one[2])))
    else:
        main()
