"""Attacks on the attack: what would show that the headline attack has missed something.

After Carlini et al. 2019 (arXiv:1902.06705, section 4) and Athalye et al. 2018 (arXiv:1802.00420).
What is found here is written down film by film; whether it is too much is judged in `evaluation`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import NamedTuple

import pandas as pd

from radrobust.attacks.autoattack import parts as autoattack_parts
from radrobust.attacks.pgd import Outcome, Pgd, judge
from radrobust.attacks.protocol import Attacker
from radrobust.attacks.table import tabulate
from radrobust.core.conditions import PIXEL, Condition, attacked
from radrobust.core.params import Checks
from radrobust.core.parts import Part, Parts
from radrobust.core.progress import progress
from radrobust.core.seeds import derive_seed
from radrobust.systems.batching import in_batches
from radrobust.systems.images import Images
from radrobust.systems.meansparse import operators, straight_through

# Not `attack.batch_size`: what AutoAttack's parts find depends on how films are batched.
_BATCH = 64


class Found(NamedTuple):
    """What an attack came to, and what it was allowed."""

    outcome: Outcome
    condition: Condition


@dataclass(frozen=True)
class Scene:
    """What a check has to work with.

    Attributes
    ----------
    attacker : Attacker
        Who carried out the headline attack.
    params : Checks
        The section `checks` of the study.
    films : Images
        The films that checks are run on.
    clean, headline : Outcome
        Of these films as they are, and of the headline attack in pixels.
    """

    attacker: Attacker
    params: Checks
    films: Images
    clean: Outcome
    headline: Outcome

    @property
    def condition(self) -> Condition:
        """The headline attack's, in pixels."""
        return attacked(self.attacker.params, units=PIXEL)

    @property
    def attack(self) -> Pgd:
        """The headline attack, in pixels."""
        return self.attacker.headline(self.condition)

    def by(self, family: str, sees: str = "white box") -> Condition:
        """Return the condition of another kind of attack within the same ball."""
        return replace(self.condition, family=family, sees=sees)

    def reseeded(self, purpose: str) -> Attacker:
        """Return an attacker who starts elsewhere."""
        return replace(self.attacker, seed=derive_seed(self.attacker.seed, purpose))

    def after(self, before: Outcome, run: Callable[[Images], Outcome]) -> Outcome:
        """Run an attack on what is still standing in `before`; broken is then what either broke."""
        rows = before.standing
        outcome = before.take(slice(None))
        found = list(in_batches(self.films.take(rows), _BATCH, run))
        outcome.update(rows, Outcome.together(found, before.images))
        return outcome

    def part(self, name: str, before: Outcome) -> Outcome:
        """Run a part of AutoAttack on what is still standing."""
        run = autoattack_parts(self.params.iterations, self.params.queries)[name]
        attacker = self.attacker
        return self.after(
            before, lambda films: run(attacker.classifier, films, self.attack, attacker.seed)
        )


Check = Callable[[Scene], dict[str, Found]]
CHECKS: list[Check] = []


def check(run: Check) -> Check:
    """Enter `run` among the checks."""
    CHECKS.append(run)
    return run


def run_checks(scene: Scene, parts: Parts) -> pd.DataFrame:
    """Run every check.

    Parameters
    ----------
    scene : Scene
        What to check.
    parts : Parts
        Where each finished check is kept.

    Returns
    -------
    DataFrame
        One row a check and film, with the columns of `tabulate` and `check` after the first.
    """
    tables = []
    with progress(len(CHECKS), "check", "checks") as bar:
        for run in CHECKS:
            bar.set_postfix_str(run.__name__.replace("_", " "))
            tables.append(parts.get(f"check {run.__name__}", partial(_run, run, scene)).table)
            bar.update()
    return pd.concat([table for table in tables if len(table)], ignore_index=True)


def _run(run: Check, scene: Scene) -> Part:
    tables = []
    for check, (outcome, condition) in run(scene).items():
        table = tabulate(scene.films, scene.clean, outcome, condition)
        table.insert(0, "check", check)
        tables.append(table)
    return Part(pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"check": []}))


@check
def more_steps(scene: Scene) -> dict[str, Found]:
    """A longer attack from another start, on what the headline attack left standing."""
    attacker = scene.reseeded("more steps")
    attack = replace(scene.attack, steps=scene.params.steps)
    outcome = scene.after(scene.headline, partial(attacker.attack, attack=attack))
    return {"more_steps": Found(outcome, scene.condition)}


@check
def restarts(scene: Scene) -> dict[str, Found]:
    """The same attack from other starts, each on its own."""
    found = {}
    for number in range(1, scene.params.restarts + 1):
        attacker = scene.reseeded(f"restart {number}")
        attack = partial(attacker.attack, attack=scene.attack)
        found[f"restart_{number}"] = Found(scene.after(scene.clean, attack), scene.condition)
    return found


@check
def noise(scene: Scene) -> dict[str, Found]:
    """Random noise as large as the attack; in L-inf it moves every pixel by eps, up or down."""
    ball, seed = scene.attack.ball, derive_seed(scene.attacker.seed, "noise")

    def drawn(films: Images) -> Outcome:
        direction = ball.steepest(ball.draw(films.pixels, films.sample_ids, seed) - films.pixels)
        edge = ball.project(films.pixels + ball.eps * direction, films.pixels)
        return judge(scene.attacker.classifier, films, edge, f"noise {ball.norm}")

    outcome = scene.after(scene.clean, drawn)
    return {"noise": Found(outcome, scene.by("noise", "sees nothing"))}


@check
def square(scene: Scene) -> dict[str, Found]:
    """A black box, on its own: Square asks for answers alone."""
    outcome = scene.part("square", scene.clean)
    return {"square": Found(outcome, scene.by("square", "black box"))}


@check
def autoattack(scene: Scene) -> dict[str, Found]:
    """AutoAttack's white-box parts, each on what the headline attack left standing."""
    return {
        name: Found(scene.part(name, scene.headline), scene.by(name.replace("_", "-")))
        for name in ("apgd_ce", "apgd_margin", "fab")
    }


@check
def plain_gradient(scene: Scene) -> dict[str, Found]:
    """MeanSparse attacked by the gradient that it shows, where the headline sees through it."""
    classifier = scene.attacker.classifier
    if not operators(classifier):
        return {}
    with straight_through(classifier, through=False):
        outcome = scene.after(scene.clean, partial(scene.attacker.attack, attack=scene.attack))
    return {"plain_gradient": Found(outcome, scene.condition)}


@check
def zero(scene: Scene) -> dict[str, Found]:
    """The attack's own code with a budget of nothing: no answer may change."""
    attack = replace(scene.attack, eps=0.0, step=0.0, steps=1, restarts=1)
    outcome = scene.after(scene.clean, partial(scene.attacker.attack, attack=attack))
    return {"zero": Found(outcome, replace(scene.condition, level=Fraction(0)))}
