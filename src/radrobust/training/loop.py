"""The loop that trains a whole network from nothing on the training split."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor
from tqdm import tqdm

from radrobust.errors import InputError
from radrobust.params import Finetune
from radrobust.progress import progress
from radrobust.seeds import derive_seed
from radrobust.systems.classifier import Classifier, as_pixels
from radrobust.tensors import has_fast_bfloat16, pick_device
from radrobust.training.augmentation import augment
from radrobust.training.objectives import OBJECTIVES, Context


@dataclass(frozen=True)
class Part:
    """One split: films as N×S×S uint8, labels as N integers of 0 or 1."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int8]


def train(
    classifier: Classifier,
    objective: str,
    training: Part,
    validation: Part,
    params: Finetune,
    seed: int,
) -> pd.DataFrame:
    """Train `classifier` in place and leave it with the weights of its best epoch, in eval mode.

    The best epoch is the one with the highest AUROC on the validation split, the latest of equals.

    Parameters
    ----------
    classifier : Classifier
        With fresh weights.
    objective : str
        A key of `OBJECTIVES`.
    training, validation : Part
        Only `training` is ever augmented.
    params : Finetune
        The section `finetune` of the study.
    seed : int
        Decides the order, the augmentation and the starts of the inner attack, each epoch anew.

    Returns
    -------
    DataFrame
        One row an epoch: `epoch` (from 1), `loss`, `val_auroc`, `seconds`, `best` (bool).

    Raises
    ------
    InputError
        The loss stops being finite; the message names the epoch and the step.
    """
    classifier.to(pick_device())
    trainer = _Trainer(classifier, objective, training, params, seed)
    rows: list[dict[str, float]] = []
    best_auroc, best_state = -1.0, classifier.state_dict()
    with progress(params.epochs * len(training.labels), "image", objective) as bar:
        for epoch in range(1, params.epochs + 1):
            started = time.perf_counter()
            loss = trainer.run_epoch(epoch, bar)
            auroc = validation_auroc(classifier, validation)
            seconds = time.perf_counter() - started
            rows.append({"epoch": epoch, "loss": loss, "val_auroc": auroc, "seconds": seconds})
            bar.set_postfix(
                epoch=epoch, loss=f"{loss:.3f}", val_auroc=f"{auroc:.3f}", refresh=False
            )
            if auroc >= best_auroc:
                best_auroc, best_epoch = auroc, epoch
                best_state = copy.deepcopy(classifier.state_dict())
    classifier.load_state_dict(best_state)
    classifier.eval().requires_grad_(False).cpu()
    table = pd.DataFrame(rows)
    return table.assign(best=table["epoch"] == best_epoch)


class _Trainer:
    """AdamW with its learning rate on one cycle, an epoch at a time."""

    def __init__(
        self, classifier: Classifier, objective: str, training: Part, params: Finetune, seed: int
    ) -> None:
        self.classifier = classifier
        self.objective = objective
        self.training = training
        self.params = params
        self.seed = seed
        self.device = next(classifier.parameters()).device
        self.half = params.precision == "auto" and has_fast_bfloat16(self.device)
        self.class_weights = _class_weights(training.labels).to(self.device)
        self.optimiser = torch.optim.AdamW(
            [weight for weight in classifier.parameters() if weight.requires_grad],
            lr=params.lr,
            weight_decay=params.weight_decay,
        )
        batches = math.ceil(len(training.labels) / params.batch_size)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, params.lr, total_steps=params.epochs * batches, pct_start=0.25
        )

    def run_epoch(self, epoch: int, bar: tqdm[Any]) -> float:
        """Go once over the training split; return the mean loss over its batches."""
        generator = torch.Generator().manual_seed(derive_seed(self.seed, "epoch", epoch))
        context = Context(self.class_weights, float(self.params.eps), self.params.steps, generator)
        self.classifier.train()
        losses = []
        for images, labels in _batches(self.training, self.params.batch_size, generator):
            loss = self._step(images.to(self.device), labels.to(self.device), context)
            losses.append(loss)
            if not math.isfinite(loss):
                raise InputError(
                    f"{self.objective}: the loss is {loss} in epoch {epoch}, step {len(losses)}; "
                    f"try a finetune.lr below {self.params.lr:g}"
                )
            bar.update(len(labels))
        return sum(losses) / len(losses)

    def _step(self, images: Tensor, labels: Tensor, context: Context) -> float:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            loss = OBJECTIVES[self.objective].loss(self.classifier, images, labels, context)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.schedule.step()
        return float(loss.detach())


def _class_weights(labels: NDArray[np.int8]) -> Tensor:
    counts = np.bincount(labels, minlength=2)
    return torch.tensor(len(labels) / (2 * counts), dtype=torch.float32)


def _batches(part: Part, size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    order = torch.randperm(len(part.labels), generator=generator).numpy()
    for first in range(0, len(order), size):
        rows = order[first : first + size]
        images = augment(as_pixels(part.images[rows]), generator)
        yield images, torch.from_numpy(part.labels[rows].astype(np.int64))


@torch.no_grad()
def validation_auroc(classifier: Classifier, part: Part) -> float:
    """Area under the ROC curve of `classifier` on `part`, in float32 and eval mode."""
    classifier.eval()
    device = next(classifier.parameters()).device
    scores = []
    for first in range(0, len(part.labels), 256):
        logits = classifier(as_pixels(part.images[first : first + 256]).to(device))
        scores.append((logits[:, 1] - logits[:, 0]).cpu().numpy())
    return float(roc_auc_score(part.labels, np.concatenate(scores)))
