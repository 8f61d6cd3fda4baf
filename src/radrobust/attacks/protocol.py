"""From an attack to a table: every test film, clean and at every budget of the curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radrobust.attacks.pgd import Outcome, Pgd, judge, pgd
from radrobust.attacks.table import tabulate
from radrobust.core.conditions import (
    CLEAN,
    PIXEL,
    THRESHOLD,
    UNITS,
    Condition,
    attacked,
    predicted,
)
from radrobust.core.params import Attack
from radrobust.core.parts import Part, Parts
from radrobust.core.progress import progress
from radrobust.systems.batching import in_batches
from radrobust.systems.images import Images
from radrobust.systems.precision import Precision, fastest_precision


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

    def headline(self, condition: Condition) -> Pgd:
        """Return the study's attack at one budget: a fixed step is scaled with the budget."""
        params = self.params
        return Pgd(
            eps=float(condition.level),
            step=float(params.step * condition.level / params.eps),
            steps=params.steps,
            norm=params.norm,
            loss=params.loss,
            schedule=params.schedule,
            restarts=params.restarts,
            random_start=params.random_start,
            units=UNITS[condition.units],
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
        attack = replace(self.headline(attacked(self.params)), steps=1, restarts=1)

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
    far : Fraction
        A budget in pixels so large that no sample should stay robust.
    """

    threshold: float
    far: Fraction


@dataclass(frozen=True)
class Evaluated:
    """What came of the attack on all samples.

    Attributes
    ----------
    predictions : DataFrame
        One row a sample and condition, with the columns of `tabulate`. Logits are the network's
        own, whatever the decision.
    far : DataFrame
        One row a sample, at the far budget.
    images : dict
        By units, N×C×S×S float32: images as attacked at `eps` in the study's units, and in pixels.
    """

    predictions: pd.DataFrame
    far: pd.DataFrame
    images: Mapping[str, NDArray[np.float32]]

    def at(self, condition: Condition) -> pd.DataFrame:
        """Return what was said under a condition, in the order of the samples."""
        return self.predictions[self.predictions["condition"] == condition.key]


def far_attacks(attack: Pgd) -> tuple[Pgd, Pgd]:
    """Return how an attack goes about a ball as large as the range of pixels: in two ways.

    First in steps of a tenth of it from the film itself, then as it is. A random point of such a
    ball, and the corners to which steps of twice its radius lead, look like no film at all, and a
    network's slopes there need not lead anywhere; but from some films they are the way out.
    """
    near = replace(attack, schedule="fixed", step=attack.eps / 10, random_start=False, restarts=1)
    return near, attack


def attack_films(
    attacker: Attacker, films: Images, goal: Goal, size: int, parts: Parts
) -> Evaluated:
    """Attack every sample at every budget.

    What is misclassified at a smaller budget is misclassified at every larger one, by the same
    image: the curve falls or stays, by construction. Only samples that are still robust are
    attacked at the next budget. An attacker aims at the decision that is made: the threshold that
    was chosen on validation samples is attacked on its own, at the headline budget. There the
    other units are attacked too.

    Parameters
    ----------
    attacker : Attacker
        Who attacks.
    films : Images
        Test samples, on the classifier's device.
    goal : Goal
        What else is wanted.
    size : int
        How many at once; the results do not depend on it.
    parts : Parts
        Where each batch is kept as soon as it is finished.
    """

    def finished(batch: Images) -> Part:
        return parts.get(" ".join(batch.sample_ids), lambda: _attack_batch(attacker, batch, goal))

    headline = attacked(attacker.params).key
    found: list[Part] = []
    with progress(len(films), "film", "attack") as bar:
        robust = 0
        for part in in_batches(films, size, finished):
            found.append(part)
            rows = part.table[(part.table["condition"] == headline) & ~part.table["far"]]
            robust += int((~rows["misclassified"]).sum())
            bar.update(len(rows))
            bar.set_postfix(robust_accuracy=f"{robust / bar.n:.3f}", refresh=False)
    whole = Part.together(found)
    far = whole.table.pop("far").to_numpy(bool)
    predictions, strongest = (whole.table[rows].reset_index(drop=True) for rows in (~far, far))
    return Evaluated(predictions, strongest, whole.arrays)


def _attack_batch(attacker: Attacker, films: Images, goal: Goal) -> Part:
    """All rows of a batch, and by units the images of the headline attack."""
    headline = attacked(attacker.params)
    *_, other = predicted(attacker.params)
    along, images = _curve(attacker, films, goal)
    across, others = _alone(attacker, films, other)
    decided = _at_threshold(attacker, films, goal.threshold)
    table = pd.concat([along, across.assign(far=False), decided.assign(far=False)])
    arrays = {headline.units: images}
    if other.units == PIXEL:  # the checks go on from these images
        arrays[PIXEL] = others
    return Part(table.reset_index(drop=True), arrays)


def _curve(
    attacker: Attacker, films: Images, goal: Goal
) -> tuple[pd.DataFrame, NDArray[np.float32]]:
    """Attack at one budget after the other, and at last at the far one; `far` tells its rows."""
    params, images = attacker.params, None
    clean = attacker.clean(films, attacker.headline(attacked(params)))
    outcome = clean.take(slice(None))
    tables = [tabulate(films, clean, clean, CLEAN).assign(far=False)]
    for budget in params.budgets:
        condition = attacked(params, budget)
        attacker.go_on(films, outcome, attacker.headline(condition))
        tables.append(tabulate(films, clean, outcome, condition).assign(far=False))
        if budget == params.eps:
            images = _copied(outcome)
    far = attacked(params, goal.far, PIXEL)
    for attack in far_attacks(attacker.headline(far)):
        attacker.go_on(films, outcome, attack)
    tables.append(tabulate(films, clean, outcome, far).assign(far=True))
    assert images is not None, "eps is always among the budgets"
    return pd.concat(tables), images


def _alone(
    attacker: Attacker, films: Images, condition: Condition
) -> tuple[pd.DataFrame, NDArray[np.float32]]:
    """Attack at one budget alone."""
    attack = attacker.headline(condition)
    clean = attacker.clean(films, attack)
    outcome = clean.take(slice(None))
    attacker.go_on(films, outcome, attack)
    return tabulate(films, clean, outcome, condition), _copied(outcome)


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
    headline = attacked(attacker.params)
    attack = attacker.headline(headline)
    clean = shifted.clean(films, attack)
    outcome = clean.take(slice(None))
    shifted.go_on(films, outcome, attack)
    came_of = {CLEAN: clean, headline: outcome}
    tables = [
        tabulate(films, clean, found, condition.decided(THRESHOLD))
        for condition, found in came_of.items()
    ]
    table = pd.concat(tables, ignore_index=True)
    for column in ("clean_logit_1", "logit_1"):  # the network's own again
        table[column] = table[column].to_numpy(np.float32) + np.float32(threshold)
    margin = table["logit_1"].to_numpy(np.float64) - table["logit_0"].to_numpy(np.float64)
    return table.assign(probability=(1 / (1 + np.exp(-margin))).astype(np.float32))


def _copied(outcome: Outcome) -> NDArray[np.float32]:
    images: NDArray[np.float32] = outcome.images.cpu().numpy().copy()
    return images
