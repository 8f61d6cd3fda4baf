"""A head on a frozen backbone: features computed once, against the whole network every epoch.

    python benchmarks/head_only.py

WRN-28-10, 256 images of 32 pixels, 30 epochs of a linear head by the training loop's own code, in
float32 and without augmentation, so that both ways must end in the same head.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from radrobust.core.params import Finetune
from radrobust.systems.classifier import Classifier, build
from radrobust.systems.images import Images
from radrobust.training.features import cached_features
from radrobust.training.inputs import ImageInputs
from radrobust.training.loop import Plan, train

IMAGES, SIDE = 256, 32


def draw(count: int, seed: int) -> Images:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    levels = rng.integers(0, 120, (count, 1, SIDE, SIDE), dtype=np.uint8)
    levels[labels == 1, :, 8:24, 8:24] += 100
    names = [f"{seed}-{row}" for row in range(count)]
    return Images(names, torch.from_numpy(labels), torch.from_numpy(levels))


def frozen() -> Classifier:
    classifier = build("standard", 0, "paper")
    with torch.no_grad():  # BatchNorm statistics of the images, as a trained backbone has them
        classifier.train()(draw(64, 2).floats())
    classifier.freeze("head")
    return classifier.eval()


def main(epochs: int) -> None:
    splits = draw(IMAGES, 0), draw(32, 1)
    params = Finetune(epochs=epochs, batch_size=32, precision="float32")
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan("standard", params, 0, torch.device("cpu"), Path(folder) / "state.pt")
        torch.optim.AdamW([torch.zeros(1)])  # imports seconds' worth of PyTorch, for neither to pay

        ours = frozen()
        started = time.perf_counter()
        seen = [cached_features(ours, split, 0, 0, Path(folder)) for split in splits]
        train(ours.head, *seen, plan, lambda row: None)
        fast = time.perf_counter() - started
        plan.state.unlink()

        plain = frozen()
        started = time.perf_counter()
        train(plain, *map(ImageInputs, splits), plan, lambda row: None)
        slow = time.perf_counter() - started

    difference = max(
        float((a - b).abs().max().detach())
        for a, b in zip(ours.head.parameters(), plain.head.parameters(), strict=True)
    )
    print(f"{epochs} epochs, {IMAGES} images of {SIDE} pixels, WRN-28-10, linear head")
    print(f"whole network every epoch  {slow:8.1f} s")
    print(f"features computed once     {fast:8.1f} s")
    print(f"ratio                      {slow / fast:8.1f}")
    print(f"largest difference between the heads {difference:.1e}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30)
    main(parser.parse_args().epochs)
