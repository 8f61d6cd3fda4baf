"""Can the robust accuracy be believed? What would show if an attack, or the pipeline, failed.

A network may stand because it is robust, or because the attack was too weak, its gradients lead
nowhere, or the pipeline serves it something else than is thought. Each check is one function; what
they look for follows Carlini et al. 2019 (arXiv:1902.06705) and Athalye et al. 2018
(arXiv:1802.00420). The last two ask whether heat maps can be believed. To add a check, add its
function to `CHECKS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radrobust.core.conditions import CLEAN, PIXEL, attacked
from radrobust.core.tables import explanations, figures
from radrobust.evaluation.attributions import exceeds_tolerance, promises_sum
from radrobust.evaluation.intervals import wilson
from radrobust.evaluation.metrics import Estimate, share
from radrobust.evaluation.results import IMAGES, Results

BoolArray = NDArray[np.bool_]

PASS, FAIL, UNCLEAR = "pass", "fail", "unclear"
ONLY_OTHERS_BREAK = 0.02
"""Share of films that another attack may break and the headline attack not."""

ODD_GRADIENTS = 0.01
"""Share of films at which the gradient may lead nowhere."""

NOISE = 0.5
"""How many times what the attack breaks noise may break."""

FEWEST = 5
"""Films that the attack has to break before noise can be compared with it."""

REDRAWN = 0.5
"""Rank correlation of maps before and after everything in the network is redrawn."""

PASSES_DIFFER = 1e-5
"""By how much logits of two passes may differ."""

PARTS = ("apgd_ce", "apgd_margin", "fab", "square")
"""Of AutoAttack."""


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes
    ----------
    status : str
        ``pass``, ``fail`` or ``unclear``.
    estimate : Estimate
        What is held against `limit`.
    limit : float
        Up to which, or from which, the check passes.
    n : int
        Of how many films, or other things, `estimate` is a share.
    context : float
        A second number for the reader, NaN for none.
    """

    status: str
    estimate: Estimate
    limit: float
    n: int
    context: float = math.nan


@dataclass(frozen=True)
class Case:
    """One system under examination. Arrays are over its M check films, in one order."""

    results: Results
    system: str

    @property
    def level(self) -> float:
        """Of the intervals."""
        return self.results.params.evaluate.level

    @cached_property
    def films(self) -> list[str]:
        """The check films."""
        return self.results.checked(self.system)

    @cached_property
    def clean(self) -> pd.DataFrame:
        """What is said of the clean films."""
        return self._of_films(self.results.at(self.system, CLEAN))

    @cached_property
    def headline(self) -> BoolArray:
        """What the headline attack breaks, in pixels: in them other attacks are run too."""
        condition = attacked(self.results.params.attack, units=PIXEL)
        return _broken(self._of_films(self.results.at(self.system, condition)))

    @property
    def restarts(self) -> list[str]:
        """The headline attack from other starts."""
        return [f"restart_{number + 1}" for number in range(self.results.params.checks.restarts)]

    @property
    def plain(self) -> bool:
        """Whether the headline attack goes around an operator and one that does not was run."""
        return self.results.has_check(self.system, "plain_gradient")

    @property
    def pipeline(self) -> dict[str, Any]:
        """What the system's pipeline was found to do."""
        return dict(self.results.pipeline[self.system])

    def rows(self, check: str) -> pd.DataFrame:
        """Return what is said of the films under another attack."""
        return self.results.check(self.system, check, self.films)

    def broken(self, *checks: str) -> BoolArray:
        """Tell what any of some other attacks breaks."""
        found: BoolArray = np.any([_broken(self.rows(check)) for check in checks], axis=0)
        return found

    def standing(self, *checks: str) -> float:
        """Return the robust accuracy under other attacks."""
        return float(1 - self.broken(*checks).mean())

    def at_most(self, found: BoolArray, limit: float, context: float = math.nan) -> Finding:
        """Pass where no more than a share of films are `found`."""
        return _at_most(share(int(found.sum()), len(found), self.level), limit, len(found), context)

    def only(self, *checks: str, context: float = math.nan) -> Finding:
        """Pass where other attacks break hardly anything that the headline attack does not."""
        return self.at_most(self.broken(*checks) & ~self.headline, ONLY_OTHERS_BREAK, context)

    def _of_films(self, table: pd.DataFrame) -> pd.DataFrame:
        return table.set_index("sample_id").loc[self.films].reset_index()


def more_steps(case: Case) -> Finding:
    """Share of films that only a long attack breaks: had the attack converged?

    Guards against too few steps (Carlini et al. 2019). Passes up to `ONLY_OTHERS_BREAK`.
    """
    return case.only("more_steps")


def restarts(case: Case) -> Finding:
    """Share of films that only the same attack from other starts breaks.

    Guards against a loss so rugged that the start decides (Carlini et al. 2019). Passes up to
    `ONLY_OTHERS_BREAK`.
    """
    return case.only(*case.restarts)


def larger_eps(case: Case) -> Finding:
    """Fall of robust accuracy from the headline budget to the largest of the curve.

    All test films count. Where the headline budget is the largest, the fall to it from the one
    below. Guards against an attack that cannot use its budget (Athalye et al. 2018; Carlini et al.
    2019). Passes above 0, and where nothing stands that could fall. The attack keeps what a
    smaller budget broke, so that the fall is a share of films and has Wilson's interval.
    """
    results, curve = case.results, case.results.curve
    first = curve[-2] if curve[-1] == results.attacked else results.attacked
    standing, left = (
        int((~_broken(results.at(case.system, one))).sum()) for one in (first, curve[-1])
    )
    n, fall = len(results.names), standing - left
    estimate = Estimate(fall / n, *wilson(max(fall, 0), n, case.level))
    return Finding(PASS if fall > 0 or standing == 0 else FAIL, estimate, 0.0, n)


def far(case: Case) -> Finding:
    """Robust accuracy over all test films at the budget `far`, where nothing may stand.

    Guards against gradients that lead nowhere (Athalye et al. 2018: unbounded attacks must reach
    every film). Passes at 0.
    """
    rows = case.results.check(case.system, "far", case.results.names)
    return case.at_most(~_broken(rows), 0.0)


def black_box(case: Case) -> Finding:
    """Share of films that only Square breaks, which sees answers alone; its robust accuracy.

    Guards against masked gradients: whoever sees less must not break more (Athalye et al. 2018).
    Square is of Andriushchenko et al. 2020 (arXiv:1912.00049). Passes up to `ONLY_OTHERS_BREAK`.
    """
    return case.only("square", context=case.standing("square"))


def noise(case: Case) -> Finding:
    """What random noise breaks, as a multiple of what the attack breaks; accuracy under noise.

    Films that are wrong without either do not count. Guards against an attack that is no better
    than chance (Athalye et al. 2018: random sampling must not find what gradients miss). Passes up
    to `NOISE`; unclear where the attack breaks fewer films than `FEWEST`.
    """
    right = (case.clean["predicted"] == case.clean["label"]).to_numpy()
    by_noise, by_attack = (
        int((broken & right).sum()) for broken in (case.broken("noise"), case.headline)
    )
    multiple = by_noise / by_attack if by_attack else math.nan
    estimate = Estimate(multiple, math.nan, math.nan)
    found = _at_most(estimate, NOISE, by_attack, case.standing("noise"))
    return found if by_attack >= FEWEST else replace(found, status=UNCLEAR)


def gradients(case: Case) -> Finding:
    """Share of films at which the gradient is 0 everywhere, the same everywhere, or not finite.

    With the share of films where it is so and that the headline attack leaves standing. Guards
    against gradients that say nothing of where to go (Athalye et al. 2018; RobustBench asks for
    gradients that do, Croce et al. 2021, arXiv:2010.09670). Passes up to `ODD_GRADIENTS`.
    """
    table = case.results.gradient(case.system, case.films)
    odd = (table["zero_share"] == 1) | table["constant"] | ~np.isfinite(table["norm"])
    nowhere = odd.to_numpy(bool)
    standing = float((nowhere & ~case.headline).mean())
    return case.at_most(nowhere, ODD_GRADIENTS, standing)


def straight_through(case: Case) -> Finding | None:
    """Share of films that the attack breaks only by going around an operator of the network.

    With the robust accuracy that the plain attack would have reported. Guards against an operator
    that hides the gradient, as MeanSparse's does (Athalye et al. 2018: backward pass differentiable
    approximation). Passes up to `ONLY_OTHERS_BREAK`; None where no operator does.
    """
    if not case.plain:
        return None
    missed = case.headline & ~case.broken("plain_gradient")
    return case.at_most(missed, ONLY_OTHERS_BREAK, case.standing("plain_gradient"))


def autoattack(case: Case) -> Finding:
    """Share of films that only parts of AutoAttack break; robust accuracy under all attacks.

    Guards against parameters of the attack that do not suit the network: AutoAttack has none
    (Croce & Hein 2020, arXiv:2003.01690). Of its parts those run that two classes allow. Passes up
    to `ONLY_OTHERS_BREAK`.
    """
    everything = ["more_steps", *case.restarts, "noise", *PARTS]
    everything += ["plain_gradient"] if case.plain else []
    together = case.headline | case.broken(*everything)
    return case.only(*PARTS, context=float(1 - together.mean()))


def zero(case: Case) -> Finding:
    """Share of films of which the attack's own code says something else at a budget of 0.

    Guards against an attack that changes more than the film, such as its normalisation or the
    network's mode. Passes at 0.
    """
    changed = case.rows("zero")["predicted"] != case.clean["predicted"]
    return case.at_most(changed.to_numpy(bool), 0.0)


def pixels(case: Case) -> Finding:
    """Largest difference of a film as evaluated from the film as stored, in grey levels.

    Guards against augmentation, or a second scaling, of test films. Passes at 0.
    """
    return _fact(case.pipeline["pixel_difference"], 0.0)


def repeatable(case: Case) -> Finding:
    """Largest difference of logits in two passes.

    Guards against a network that draws lots: its gradients mislead, and luck breaks films (Athalye
    et al. 2018; RobustBench leaves such networks out, Croce et al. 2021). Passes up to
    `PASSES_DIFFER`.
    """
    return _fact(case.pipeline["repeat_difference"], PASSES_DIFFER)


def eval_mode(case: Case) -> Finding:
    """Modules left in training mode.

    Guards against dropout, and BatchNorm that follows the batch, during the evaluation. Passes at
    0.
    """
    return _fact(case.pipeline["training_mode"], 0.0)


def unchanged(case: Case) -> Finding:
    """1 where the evaluation changed weights, or training those that were to be kept; else 0.

    Guards against BatchNorm statistics of frozen parts that drift. Passes at 0.
    """
    facts = case.pipeline
    return _fact(bool(facts["weights_changed"]) or bool(facts["frozen_changed"]), 0.0)


def normalised_once(case: Case) -> Finding:
    """How many times a film is normalised between the file and the network.

    Guards against normalising before the attack, or twice. Passes at 1.
    """
    found = _fact(case.pipeline["normalisations"], 1.0)
    return replace(found, status=PASS if found.estimate.value == 1 else FAIL)


def maps_add_up(case: Case) -> Finding | None:
    """Share of maps that do not add up, of methods that promise that they do.

    Of clean films, and of attacked ones unless the attack left them as they are. Guards against a
    wrong rule for a layer (Sundararajan et al. 2017, arXiv:1703.01365: completeness; Shrikumar et
    al. 2017, arXiv:1704.02685: summation to delta). Passes at 0; None where no method promises a
    sum.
    """
    tables = [
        case.results.of_maps(explanations.ATTRIBUTIONS, case.system, explainer, image=image)
        for explainer in case.results.params.explain.methods
        for image in IMAGES
    ]
    summing = [table for table in tables if promises_sum(table)]
    if not summing:
        return None
    maps = pd.concat(summing, ignore_index=True)
    return case.at_most(exceeds_tolerance(maps[(maps["image"] == "clean") | maps["changed"]]), 0.0)


CHECKS: dict[str, Callable[[Case], Finding | None]] = {
    check.__name__: check
    for check in (
        more_steps,
        restarts,
        larger_eps,
        far,
        black_box,
        noise,
        gradients,
        straight_through,
        autoattack,
        zero,
        pixels,
        repeatable,
        eval_mode,
        unchanged,
        normalised_once,
        maps_add_up,
    )
}
"""Every check by its name, in the order in which they are shown."""


def check_all(results: Results) -> pd.DataFrame:
    """Run every check on every system.

    Parameters
    ----------
    results : Results
        Of a study.

    Returns
    -------
    DataFrame
        `figures.VERDICTS`, as in `Finding`; no row where a check does not apply.

    Raises
    ------
    InputError
        A sample is missing that a check needs.
    """
    return figures.VERDICTS.of_rows(
        (system, name, found.status, *found.estimate, found.limit, found.n, found.context)
        for system in results.params.systems
        for name, check in CHECKS.items()
        if (found := check(Case(results, system)))
    )


def _broken(table: pd.DataFrame) -> BoolArray:
    return table["misclassified"].to_numpy(bool)


def _at_most(estimate: Estimate, limit: float, n: int, context: float = math.nan) -> Finding:
    return Finding(PASS if estimate.value <= limit else FAIL, estimate, limit, n, context)


def _fact(value: float, limit: float) -> Finding:
    return _at_most(Estimate(float(value), math.nan, math.nan), limit, 1)
