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
from radrobust.training.features import cached_features
from radrobust.training.inputs import Films
from radrobust.training.loop import Plan, train

IMAGES, SIDE = 256, 32


def films(count: int, seed: int) -> Films:
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % 2).astype(np.int8)
    images = rng.integers(0, 120, (count, SIDE, SIDE), dtype=np.uint8)
    images[labels == 1, 8:24, 8:24] += 100
    return Films(images, labels, augmented=False)


def frozen() -> Classifier:
    classifier = build("standard", 0, "paper")
    with torch.no_grad():  # BatchNorm statistics of the images, as a trained backbone has them
        classifier.train()(films(64, 2).as_they_are(slice(None)))
    classifier.freeze("head")
    return classifier.eval()


def main(epochs: int) -> None:
    training, validation = films(IMAGES, 0), films(32, 1)
    params = Finetune(epochs=epochs, batch_size=32, precision="float32")
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan("standard", params, 0, torch.device("cpu"), Path(folder) / "state.pt")
        torch.optim.AdamW([torch.zeros(1)])  # imports seconds' worth of PyTorch, for neither to pay

        ours = frozen()
        started = time.perf_counter()
        seen = [
            cached_features(ours, split, 0, 0, Path(folder)) for split in (training, validation)
        ]
        train(ours.head, *seen, plan, lambda row: None)
        fast = time.perf_counter() - started
        plan.state.unlink()

        plain = frozen()
        started = time.perf_counter()
        train(plain, training, validation, plan, lambda row: None)
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
