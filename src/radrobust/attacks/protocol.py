"""From an attack to a table: every test film, clean and at every budget of the curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radrobust.attacks.pgd import Outcome, Pgd, judge, pgd
from radrobust.attacks.table import tabulate
from radrobust.attacks.threat import CIFAR_STD
from radrobust.core.params import Attack
from radrobust.core.parts import Shards
from radrobust.core.progress import progress
from radrobust.systems.batching import in_batches
from radrobust.systems.images import Images
from radrobust.systems.precision import Precision, fastest_precision

SPACES = {"pixel": (1.0,), "normalized": CIFAR_STD}
"""Units of a budget. ``normalized`` is the arithmetic of the study that is rebuilt here, which
divided by CIFAR-10's standard deviations before it attacked: 4/255 is then one grey level."""


@dataclass(frozen=True)
class Attacker:
    """What all attacks of an evaluation share.

    Attributes
    ----------
    classifier : nn.Module
        In eval mode.
    params : Attack
        The section `attack` of the study.
    seed : int
        Of the random starts.
    precision : torch.dtype
        Of the search, as in `pgd`.
    """

    classifier: nn.Module
    params: Attack
    seed: int
    precision: torch.dtype = torch.float32

    def headline(self, budget: Fraction, space: str) -> Pgd:
        """Return the study's attack at one budget: a fixed step is scaled with the budget."""
        params = self.params
        return Pgd(
            eps=float(budget),
            step=float(params.step * budget / params.eps),
            steps=params.steps,
            norm=params.norm,
            loss=params.loss,
            schedule=params.schedule,
            restarts=params.restarts,
            random_start=params.random_start,
            units=SPACES[space],
        )

    def attack(self, films: Images, attack: Pgd) -> Outcome:
        """Attack films."""
        return pgd(self.classifier, films, attack, self.seed, self.precision)

    def fastest_precision(self, films: Images) -> Precision:
        """Measure, where the study leaves it open, in which precision to search.

        What is timed is the first step of the headline attack, with the verdicts in float32.

        Parameters
        ----------
        films : Images
            A batch as the attack will have it.
        """
        attack = self.headline(self.params.eps, self.params.space)
        attack = replace(attack, steps=1, restarts=1)

        def step(precision: torch.dtype) -> None:
            replace(self, precision=precision).attack(films, attack)

        return fastest_precision(self.params.precision, step, films.pixels.device)

    def clean(self, films: Images, attack: Pgd) -> Outcome:
        """Ask about the films as they are, in as many channels as the attack changes."""
        return judge(self.classifier, films, attack.canvas(films), "clean")

    def go_on(self, films: Images, outcome: Outcome, attack: Pgd) -> None:
        """Attack what is still standing, and note in `outcome` what came of it."""
        rows = outcome.standing
        if len(rows):
            outcome.update(rows, self.attack(films.take(rows), attack))


@dataclass(frozen=True)
class Goal:
    """What is asked of an evaluation besides the section `attack`.

    Attributes
    ----------
    threshold : float
        Difference of the logits above which the threshold's decision is positive.
    far : sequence of Pgd
        Attacks so strong that nothing should stand, in pixels, each on what those before it left.
    """

    threshold: float
    far: Sequence[Pgd]


@dataclass(frozen=True)
class Evaluated:
    """What came of the attack on all films.

    Attributes
    ----------
    predictions : DataFrame
        One row a film, space, decision (argmax or threshold) and budget, clean first, with the
        columns of `tabulate`. Logits are the network's own, whatever the decision.
    far : DataFrame
        One row a film, at the far budget.
    images : dict
        N×C×S×S float32, the films as attacked at `eps` in the space of the study, and in pixels.
    """

    predictions: pd.DataFrame
    far: pd.DataFrame
    images: dict[str, NDArray[np.float32]]

    def at(self, eps: float, space: str) -> pd.DataFrame:
        """Return what was decided by the argmax at a budget, in the order of the films."""
        return self.predictions[_decided(self.predictions, eps, space)]


def far_attacks(attack: Pgd) -> tuple[Pgd, Pgd]:
    """Return how an attack goes about a ball as large as the range of pixels: in two ways.

    First in steps of a tenth of it from the film itself, then as it is. A random point of such a
    ball, and the corners to which steps of twice its radius lead, look like no film at all, and a
    network's slopes there need not lead anywhere; but from some films they are the way out.
    """
    near = replace(attack, schedule="fixed", step=attack.eps / 10, random_start=False, restarts=1)
    return near, attack


def attack_films(
    attacker: Attacker, films: Images, goal: Goal, size: int, shards: Shards
) -> Evaluated:
    """Attack every film at every budget.

    What breaks at a smaller budget is broken at every larger one, by the same image: the curve
    falls or stays, by construction. Only films still standing are attacked at the next budget.
    An attacker aims at the decision that is made: the threshold that was chosen on validation films
    is attacked on its own, at the headline budget. There the other space is attacked too.

    Parameters
    ----------
    attacker : Attacker
        Who attacks.
    films : Images
        Test films, on the classifier's device.
    goal : Goal
        What else is wanted.
    size : int
        How many films at once; the results do not depend on it.
    shards : Shards
        Where each batch is kept as soon as it is finished.
    """

    def finished(batch: Images) -> pd.DataFrame:
        return shards.table(
            " ".join(batch.sample_ids), lambda: _attack_batch(attacker, batch, goal)
        )

    tables: list[pd.DataFrame] = []
    with progress(len(films), "film", "attack") as bar:
        standing = 0
        for table in in_batches(films, size, finished):
            tables.append(table)
            headline = table[_decided(table, float(attacker.params.eps), attacker.params.space)]
            standing += int((~headline["broken"]).sum())
            bar.update(len(headline))
            bar.set_postfix(robust_accuracy=f"{standing / bar.n:.3f}", refresh=False)
    return _sorted_out(pd.concat(tables, ignore_index=True), films.pixels.shape[-1])


def _decided(table: pd.DataFrame, eps: float, space: str) -> pd.Series[bool]:
    return (table["eps"] == eps) & (table["space"] == space) & (table["decision"] == "argmax")


def _sorted_out(table: pd.DataFrame, side: int) -> Evaluated:
    kept = table[table["image"].notna()]
    images = {
        str(space): np.stack(
            [np.frombuffer(image, np.float32).reshape(-1, side, side) for image in of_space]
        )
        for space, of_space in kept.groupby("space")["image"]
    }
    table = table.drop(columns="image")
    far = table["decision"] == "far"
    return Evaluated(
        table[~far].reset_index(drop=True),
        table[far].drop(columns=["space", "decision"]).reset_index(drop=True),
        images,
    )


def _attack_batch(attacker: Attacker, films: Images, goal: Goal) -> pd.DataFrame:
    """All rows of a batch; `image` holds the float32 bytes of an attacked image."""
    params = attacker.params
    other = next(space for space in SPACES if space != params.space)
    tables = [
        _curve(attacker, films, goal),
        _at_eps(attacker, films, other),
        _at_threshold(attacker, films, goal.threshold),
    ]
    table = pd.concat(tables, ignore_index=True)
    for place, column in enumerate(("space", "decision"), start=2):
        table.insert(place, column, table.pop(column))
    return table


def _curve(attacker: Attacker, films: Images, goal: Goal) -> pd.DataFrame:
    params = attacker.params
    attack = attacker.headline(params.eps, params.space)
    clean = attacker.clean(films, attack)
    outcome = clean.take(slice(None))
    tables = [tabulate(films, clean, clean, replace(attack, eps=0.0)).assign(decision="argmax")]
    for budget in params.budgets:
        attack = attacker.headline(budget, params.space)
        attacker.go_on(films, outcome, attack)
        table = tabulate(films, clean, outcome, attack).assign(decision="argmax")
        if budget == params.eps:
            table["image"] = _bytes_of(outcome)
        tables.append(table)
    for far in goal.far:
        attacker.go_on(films, outcome, far)
    tables.append(tabulate(films, clean, outcome, goal.far[-1]).assign(decision="far"))
    return pd.concat(tables, ignore_index=True).assign(space=params.space)


def _at_eps(attacker: Attacker, films: Images, space: str) -> pd.DataFrame:
    """Attack at the headline budget alone, in the other space."""
    attack = attacker.headline(attacker.params.eps, space)
    clean = attacker.clean(films, attack)
    outcome = clean.take(slice(None))
    attacker.go_on(films, outcome, attack)
    table = tabulate(films, clean, outcome, attack)
    if space == "pixel":  # the checks go on from these images
        table["image"] = _bytes_of(outcome)
    return table.assign(space=space, decision="argmax")


class _Shifted(nn.Module):
    """A classifier whose argmax is its decision at a threshold."""

    def __init__(self, classifier: nn.Module, threshold: float) -> None:
        super().__init__()
        self.classifier = classifier
        self.threshold = threshold

    def forward(self, images: Tensor) -> Tensor:
        absent, present = self.classifier(images).unbind(dim=1)
        return torch.stack([absent, present - self.threshold], dim=1)


def _at_threshold(attacker: Attacker, films: Images, threshold: float) -> pd.DataFrame:
    """Attack the decision at a threshold: clean, and at the headline budget."""
    shifted = replace(attacker, classifier=_Shifted(attacker.classifier, threshold))
    attack = attacker.headline(attacker.params.eps, attacker.params.space)
    clean = shifted.clean(films, attack)
    outcome = clean.take(slice(None))
    shifted.go_on(films, outcome, attack)
    table = pd.concat(
        [
            tabulate(films, clean, clean, replace(attack, eps=0.0)),
            tabulate(films, clean, outcome, attack),
        ],
        ignore_index=True,
    )
    for column in ("clean_logit_1", "logit_1"):  # the network's own again
        table[column] = table[column].to_numpy(np.float32) + np.float32(threshold)
    margin = table["logit_1"].to_numpy(np.float64) - table["logit_0"].to_numpy(np.float64)
    probability = (1 / (1 + np.exp(-margin))).astype(np.float32)
    return table.assign(probability=probability, decision="threshold", space=attacker.params.space)


def _bytes_of(outcome: Outcome) -> list[bytes]:
    return [image.cpu().numpy().tobytes() for image in outcome.images]
