"""The loop that trains a network, an epoch at a time, and goes on where a killed run ended."""

from __future__ import annotations

import copy
import hashlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim import lr_scheduler as schedulers
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from radrobust.core.errors import InputError, about
from radrobust.core.files import replacing
from radrobust.core.params import Finetune
from radrobust.core.progress import progress
from radrobust.core.seeds import derive_seed
from radrobust.core.tensors import state_digest
from radrobust.perturbations.ball import Ball
from radrobust.systems.precision import Precision, fastest_precision
from radrobust.training.inner import InnerAttack
from radrobust.training.inputs import Inputs
from radrobust.training.objectives import OBJECTIVES, Context, Objective
from radrobust.training.selection import attacked_margins, margins, score

Row = dict[str, float]
OnEpoch = Callable[[Row], None]


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes
    ----------
    objective : str
        A key of `OBJECTIVES`.
    params : Finetune
        The section `finetune` of the study.
    seed : int
        Decides the order, the augmentation and the starts of the inner attack, each epoch anew.
    device : torch.device
        Where to compute.
    state : Path
        Where the state after each epoch is kept until training has ended.
    helper : nn.Module, optional
        In eval mode on `device`, for the objectives that need one.
    """

    objective: str
    params: Finetune
    seed: int
    device: torch.device
    state: Path
    helper: nn.Module | None = None

    @property
    def averaging(self) -> float:
        """Decay of the average of the weights; 0 for none."""
        own = OBJECTIVES[self.objective].averaging
        return own if self.params.averaging == "own" else self.params.averaging


class Trained(NamedTuple):
    """What a training leaves besides the weights.

    Attributes
    ----------
    curve : DataFrame
        One row an epoch: `epoch` (from 1), `loss`, `val_auroc` and the like, named after the
        metric, `val_attacked_…` for a robust objective, `lr`, `seconds`, `best` (bool).
    precision : Precision
        Of its steps; validation is in float32 in any case.
    """

    curve: pd.DataFrame
    precision: Precision


def train(
    network: nn.Module, training: Inputs, validation: Inputs, plan: Plan, on_epoch: OnEpoch
) -> Trained:
    """Train `network` in place and leave it with the weights of its best epoch, in eval mode.

    The best epoch is the one with the highest metric on the validation split, the latest of
    equals; for a robust objective the metric is that under a short attack. After each epoch the
    whole state is written to `plan.state`, and read from there by the next call with the same
    network, data and plan, which ends with the same weights as if nothing had happened: in the
    precision that was chosen first, too. The file is left for the caller to delete once the result
    is safe.

    Parameters
    ----------
    network : nn.Module
        Inputs to N×2 logits. Only parameters that ask for a gradient are trained.
    training, validation : Inputs
        Only `training` is ever augmented.
    plan : Plan
        How to train.
    on_epoch : callable
        Told of each epoch's row, of those of an interrupted run again.

    Raises
    ------
    InputError
        The loss stops being finite; the message names the epoch, the step and the state that is
        kept. Or a logit of a validation image does; the message names the epoch and the sample.
    """
    network.to(plan.device)
    trainer = _Trainer(network, training, validation, plan)
    if not trainer.resume():
        trainer.choose_precision()
    for row in trainer.rows:
        on_epoch(row)
    epochs, images = plan.params.epochs, len(training.labels)
    with progress(epochs * images, "image", plan.objective, len(trainer.rows) * images) as bar:
        while not trainer.finished:
            row = trainer.run_epoch(bar)
            on_epoch(row)
            shown = {name: f"{row[name]:.3f}" for name in row if name not in ("seconds", "epoch")}
            bar.set_postfix({"epoch": row["epoch"], **shown}, refresh=False)
    network.load_state_dict(trainer.best_state)
    network.eval()
    table = pd.DataFrame(trainer.rows)
    curve = table.assign(best=table["epoch"] == trainer.best_epoch)
    return Trained(curve, trainer.precision)


class _Trainer:
    """Everything that changes while training, and how it changes in one epoch."""

    def __init__(
        self, network: nn.Module, training: Inputs, validation: Inputs, plan: Plan
    ) -> None:
        self.network, self.training, self.validation, self.plan = (
            network, training, validation, plan,
        )  # fmt: skip
        params = plan.params
        self.objective: Objective = OBJECTIVES[plan.objective]
        self.precision = Precision()
        self.class_weights = _class_weights(training.labels, params).to(plan.device)
        self.batches = len(_cut(len(training.labels), params.batch_size))
        self.optimiser = _optimiser(network, params)
        self.schedule = _schedule(self.optimiser, params, self.batches)
        self.average = _average(network, plan.averaging) if plan.averaging else None
        self.rows: list[Row] = []
        self.best_epoch, self.best_score = 0, -math.inf
        self.best_state = network.state_dict()
        self.fingerprint = _fingerprint(network, training, validation, plan)

    @property
    def metric(self) -> str:
        """The column by which epochs are compared."""
        attacked = "attacked_" if self.objective.robust else ""
        return f"val_{attacked}{self.plan.params.metric}"

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or none has been better for as long as patience lasts."""
        done, patience = len(self.rows), self.plan.params.patience
        return done >= self.plan.params.epochs or bool(
            patience and done - self.best_epoch >= patience
        )

    def run_epoch(self, bar: tqdm[Any]) -> Row:
        """Go once over the training split and validate; return and keep the epoch's row."""
        started = time.perf_counter()
        epoch = len(self.rows) + 1
        # Everything random in an epoch hangs on its number, dropout included, so that an epoch
        # after a resumption draws what it would have drawn without one.
        with torch.random.fork_rng(devices=_cuda_devices(self.plan.device)):
            torch.manual_seed(derive_seed(self.plan.seed, "dropout", epoch))
            loss = self._learn(epoch, bar)
        with about(f"{self.plan.objective}, epoch {epoch}"):
            validated = self._validate()
        row = {"epoch": epoch, "loss": loss, **validated, "lr": self._lr()}
        if isinstance(self.schedule, schedulers.ReduceLROnPlateau):
            self.schedule.step(row[self.metric])
        row["seconds"] = time.perf_counter() - started
        self.rows.append(row)
        if row[self.metric] >= self.best_score:
            self.best_epoch, self.best_score = epoch, row[self.metric]
            self.best_state = copy.deepcopy(self._judged().state_dict())
        self._keep()
        return row

    def choose_precision(self) -> None:
        """Measure, where the study leaves it open, in which precision to train.

        What is timed is a pass of the objective over the first batch and back, by a copy of the
        network: neither its statistics nor a random number of the training are touched.
        """
        generator = torch.Generator().manual_seed(derive_seed(self.plan.seed, "precision"))
        batch = next(self._batches(1, generator))
        network = copy.deepcopy(self.network).train()

        def step(precision: torch.dtype) -> None:
            network.zero_grad()
            loss = self._loss(network, batch, self._context(generator, 0.0), precision)
            loss.backward()  # type: ignore[no-untyped-call]

        device = self.plan.device
        with torch.random.fork_rng(devices=_cuda_devices(device)):
            self.precision = fastest_precision(self.plan.params.precision, step, device)

    def resume(self) -> bool:
        """Go on from the state that a run with the same fingerprint left; tell if there is one."""
        if not self.plan.state.is_file():
            return False
        state = torch.load(self.plan.state, map_location=self.plan.device, weights_only=True)
        if state["fingerprint"] != self.fingerprint:
            return False
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.schedule:
            self.schedule.load_state_dict(state["schedule"])
        if self.average:
            self.average.load_state_dict(state["average"])
        self.rows, self.best_state = state["rows"], state["best_state"]
        self.best_epoch, self.best_score = state["best_epoch"], state["best_score"]
        self.precision = Precision(**state["precision"])
        return True

    def _keep(self) -> None:
        with replacing(self.plan.state) as draft:
            torch.save(
                {
                    "fingerprint": self.fingerprint,
                    "network": self.network.state_dict(),
                    "optimiser": self.optimiser.state_dict(),
                    "schedule": self.schedule.state_dict() if self.schedule else None,
                    "average": self.average.state_dict() if self.average else None,
                    "rows": self.rows,
                    "best_state": self.best_state,
                    "best_epoch": self.best_epoch,
                    "best_score": self.best_score,
                    "precision": asdict(self.precision),
                },
                draft,
            )

    def _learn(self, epoch: int, bar: tqdm[Any]) -> float:
        generator = torch.Generator().manual_seed(derive_seed(self.plan.seed, "epoch", epoch))
        self.network.train()
        losses: list[float] = []
        for batch in self._batches(epoch, generator):
            context = self._context(generator, epoch - 1 + len(losses) / self.batches)
            losses.append(self._step(batch, context))
            if not math.isfinite(losses[-1]):
                raise InputError(self._complaint(losses[-1], epoch, len(losses)))
            bar.update(len(batch[1]))
        return sum(losses) / len(losses)

    def _batches(self, epoch: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        labels = self.training.labels
        order = _order(labels, self.plan.params.balance == "sampler", generator).numpy()
        for part in _cut(len(order), self.plan.params.batch_size):
            rows = order[part]
            yield self.training.for_training(rows, epoch, generator), labels[rows]

    def _context(self, generator: torch.Generator, epochs_done: float) -> Context:
        params = self.plan.params
        progress = epochs_done / params.epochs
        reached = min(1.0, progress / params.warmup) if params.warmup else 1.0
        attack = InnerAttack(Ball(params.norm, reached * float(params.eps)), params.steps)
        return Context(self.class_weights, attack, generator, progress, self.plan.helper)

    def _loss(
        self,
        network: nn.Module,
        batch: tuple[Tensor, Tensor],
        context: Context,
        precision: torch.dtype,
    ) -> Tensor:
        inputs, labels = (part.to(self.plan.device) for part in batch)
        low = precision != torch.float32
        with torch.autocast(self.plan.device.type, precision, enabled=low):
            return self.objective.loss(network, inputs, labels, context)

    def _step(self, batch: tuple[Tensor, Tensor], context: Context) -> float:
        loss = self._loss(self.network, batch, context, self.precision.dtype)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self.plan.params.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.plan.params.clip)
        self.optimiser.step()
        if self.schedule and not isinstance(self.schedule, schedulers.ReduceLROnPlateau):
            self.schedule.step()
        if self.average:
            self.average.update_parameters(self.network)
        return float(loss.detach())

    def _judged(self) -> nn.Module:
        """The network that is validated and kept: the average, where there is one."""
        return self.average.module if self.average else self.network

    def _validate(self) -> Row:
        network, params, device = self._judged(), self.plan.params, self.plan.device
        labels, name = self.validation.labels.numpy(), params.metric
        clean = margins(network, self.validation, device)
        row = {f"val_{name}": score(labels, clean, name)}
        if self.objective.robust:
            attack = InnerAttack(Ball(params.norm, float(params.eps)), params.steps)
            attacked = attacked_margins(network, self.validation, attack, self.plan.seed, device)
            row[self.metric] = score(labels, attacked, name)
        return row

    def _lr(self) -> float:
        return float(self.optimiser.param_groups[0]["lr"])

    def _complaint(self, loss: float, epoch: int, step: int) -> str:
        kept = (
            f"epoch {self.best_epoch}, the best so far, is kept in {self.plan.state}"
            if self.best_epoch
            else "no epoch was finished"
        )
        return (
            f"{self.plan.objective}: the loss is {loss} in epoch {epoch}, step {step}; {kept}; "
            f"try a finetune.lr below {self.plan.params.lr:g}"
        )


def _optimiser(network: nn.Module, params: Finetune) -> Optimizer:
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    if params.optimiser == "sgd":
        return torch.optim.SGD(
            weights, params.lr, momentum=0.9, nesterov=True, weight_decay=params.weight_decay
        )
    if params.optimiser == "adam":
        return torch.optim.Adam(weights, params.lr, weight_decay=params.weight_decay)
    return torch.optim.AdamW(weights, params.lr, weight_decay=params.weight_decay)


def _schedule(
    optimiser: Optimizer, params: Finetune, batches: int
) -> schedulers.LRScheduler | None:
    """Every scheduler but plateau takes a step a batch; plateau takes one an epoch."""
    steps = params.epochs * batches
    if params.scheduler == "cosine":
        return schedulers.CosineAnnealingLR(optimiser, steps)
    if params.scheduler == "onecycle":
        steps = max(steps, 8)  # PyTorch divides by the length of its first quarter, less one
        return schedulers.OneCycleLR(optimiser, params.lr, total_steps=steps, pct_start=0.25)
    if params.scheduler == "plateau":
        return schedulers.ReduceLROnPlateau(optimiser, mode="max", factor=0.1, patience=3)
    return None


def _average(network: nn.Module, decay: float) -> AveragedModel:
    """Keep an exponential moving average of weights and BatchNorm statistics.

    It warms up, as in Rebuffi et al. 2021 (arXiv:2103.01946): after n steps the decay is at most
    (1 + n) / (10 + n), so that the random weights of the start are soon forgotten.
    """

    @torch.no_grad()
    def update(averaged: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
        now = min(decay, (1 + int(count)) / (10 + int(count)))
        for mean, value in zip(averaged, current, strict=True):
            if mean.is_floating_point():
                mean.lerp_(value.to(mean), 1 - now)
            else:
                mean.copy_(value)

    return AveragedModel(network, multi_avg_fn=update, use_buffers=True)


def _class_weights(labels: Tensor, params: Finetune) -> Tensor:
    """Weigh classes so that both count the same, where that is how they are balanced."""
    if params.balance != "weights":
        return torch.ones(2)
    return (len(labels) / (2 * torch.bincount(labels, minlength=2).double())).float()


def _order(labels: Tensor, balanced: bool, generator: torch.Generator) -> Tensor:
    """Order the rows of an epoch: each once, or as often drawn that both classes are as common."""
    if not balanced:
        return torch.randperm(len(labels), generator=generator)
    weights = 1 / torch.bincount(labels, minlength=2)[labels].double()
    return torch.multinomial(weights, len(labels), replacement=True, generator=generator)


def _cut(count: int, size: int) -> list[slice]:
    """Cut an epoch into batches; a last one of a single row becomes part of the one before.

    BatchNorm has nothing to normalise a single vector of features by.
    """
    parts = [slice(first, min(first + size, count)) for first in range(0, count, size)]
    if count % size == 1 and len(parts) > 1:
        parts[-2:] = [slice(parts[-2].start, count)]
    return parts


def _fingerprint(network: nn.Module, training: Inputs, validation: Inputs, plan: Plan) -> str:
    """Tell runs apart whose states must not be mixed up."""
    digest = hashlib.sha256(
        f"{plan.objective} {plan.params!r} {plan.seed} {plan.device.type}".encode()
    )
    for split in (training, validation):
        digest.update(split.digest)
    for module in filter(None, (network, plan.helper)):
        digest.update(state_digest(module))
    return digest.hexdigest()


def _cuda_devices(device: torch.device) -> list[int]:
    return [device.index or 0] if device.type == "cuda" else []
