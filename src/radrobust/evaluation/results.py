"""The tables of a study, and every selection from them that a number is computed of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.params import Params, budget_text
from radrobust.evaluation.metrics import Answers

PREDICTIONS = "predictions.parquet"
CHECKS = "checks.parquet"
GRADIENTS = "gradients.parquet"
PIPELINE = "pipeline.json"

EXPLANATIONS = ("attributions", "survival", "faithfulness", "randomisation")
"""What stage explain leaves, each in a file of that name."""

IMAGES = ("clean", "attacked")
"""What is explained of each film: the film as it is, and as the headline attack left it."""

RANDOM = "random"
"""The explainer whose maps are noise, against which faithfulness is held."""


@dataclass(frozen=True)
class Results:
    """What the stages before have left.

    Attributes
    ----------
    params : Params
        The study.
    samples : DataFrame
        One row a film of the study.
    predictions : DataFrame
        One row a system, test film, space, decision and budget.
    checks : DataFrame
        One row a system, check and film.
    gradients : DataFrame
        One row a system and film that is checked.
    pipeline : mapping of str to dict
        What each system's pipeline was found to do.
    attributions : DataFrame
        One row a system, film, image (see `IMAGES`) and explainer.
    survival : DataFrame
        One row a system, film and explainer: the map of the clean film against the attacked one's.
    faithfulness : DataFrame
        One row a system, film and explainer, `RANDOM` among them.
    randomisation : DataFrame
        One row a system, film, explainer and depth.
    """

    params: Params
    samples: pd.DataFrame
    predictions: pd.DataFrame
    checks: pd.DataFrame
    gradients: pd.DataFrame
    pipeline: Mapping[str, Mapping[str, Any]]
    attributions: pd.DataFrame
    survival: pd.DataFrame
    faithfulness: pd.DataFrame
    randomisation: pd.DataFrame

    @cached_property
    def test(self) -> pd.DataFrame:
        """The rows of `samples` in the test split.

        Raises
        ------
        InputError
            There are none.
        """
        test = self.samples[self.samples["split"] == "test"].reset_index(drop=True)
        if test.empty:
            raise InputError("results/samples: no film is in the test split; raise split.test")
        return test

    @property
    def films(self) -> list[str]:
        """The test films, in the order of every selection."""
        return self.test["sample_id"].tolist()

    @property
    def eps(self) -> float:
        """The headline budget."""
        return float(self.params.attack.eps)

    @property
    def budgets(self) -> list[float]:
        """The points of the curve, 0 for clean films first."""
        return [0.0, *(float(budget) for budget in self.params.attack.budgets)]

    def at(
        self, system: str, eps: float, space: str | None = None, decision: str = "argmax"
    ) -> pd.DataFrame:
        """Return what a system says of each test film, in the order of `films`.

        Parameters
        ----------
        system : str
            Its key.
        eps : float
            A budget, 0 for clean films.
        space : str, optional
            In which the budget is; that of `attack.space` if not given.
        decision : str
            ``argmax`` or ``threshold``.

        Raises
        ------
        InputError
            A film is missing or is there twice.
        """
        space = space or self.params.attack.space
        rows = self._by_decision.get((system, space, decision), self.predictions.head(0))
        what = f"{space} {decision} rows at eps {budget_text(eps)}"
        return _of(self.films, rows[_near(rows["eps"], eps)], _file(system, PREDICTIONS), what)

    def answers(
        self, system: str, eps: float, space: str | None = None, decision: str = "argmax"
    ) -> Answers:
        """Return the same as `at`, for the metrics."""
        return answers(self.at(system, eps, space, decision))

    def checked(self, system: str) -> list[str]:
        """Return the films on which a system's attack is checked, in the order of `films`.

        Raises
        ------
        InputError
            They are not as many as `checks.films` asks for.
        """
        rows = self._by_check.get((system, "more_steps"), self.checks.head(0))
        found = set(rows["sample_id"])
        chosen = [film for film in self.films if film in found]
        expected = min(self.params.checks.films, len(self.films))
        if len(chosen) != expected:
            raise InputError(
                f"{_file(system, CHECKS)} checks {len(chosen)} test films, not {expected}; "
                "run `dvc repro`"
            )
        return chosen

    def has_check(self, system: str, check: str) -> bool:
        """Tell whether an attack that only some systems need was run on this one."""
        return (system, check) in self._by_check

    def check(self, system: str, check: str, films: list[str]) -> pd.DataFrame:
        """Return what a system says of films under the attack of a check, in their order.

        Raises
        ------
        InputError
            A film is missing or is there twice, or there are others.
        """
        eps = {"zero": 0.0, "far": float(self.params.far)}.get(check, self.eps)
        rows = self._by_check.get((system, check), self.checks.head(0))
        what = f"rows of check {check} at eps {budget_text(eps)}"
        return _of(films, rows[_near(rows["eps"], eps)], _file(system, CHECKS), what)

    def gradient(self, system: str, films: list[str]) -> pd.DataFrame:
        """Return of what kind the gradients at films are, in the order of the films.

        Raises
        ------
        InputError
            A film is missing or is there twice, or there are others.
        """
        rows = self.gradients[self.gradients["system"] == system]
        return _of(films, rows, _file(system, GRADIENTS), "rows")

    def of_maps(self, table: str, system: str, explainer: str, **which: str | int) -> pd.DataFrame:
        """Return what is said of a map of each film that is explained, in the order of `films`.

        Parameters
        ----------
        table : str
            One of `EXPLANATIONS`. In the first two are all test films with the finding and
            `explain.others` without; in the last two `explain.films` with it.
        system : str
            Its key.
        explainer : str
            One of `explain.methods`; in ``faithfulness`` `RANDOM` too.
        **which
            Values of further columns that leave one row a film, such as `image`.

        Raises
        ------
        InputError
            There are more films or fewer, or one is missing or is there twice.
        """
        rows = self._by_explainer.get((table, system, explainer), getattr(self, table).head(0))
        what = f"rows of {explainer}"
        for column, value in which.items():
            rows = rows[rows[column] == value]
            what += f" at {column} {value}"
        return _of(self._explained(table, system), rows, _maps_file(system, table), what)

    def depths(self, system: str) -> list[int]:
        """Return how deep a system is redrawn, rising.

        Raises
        ------
        InputError
            There are more films or fewer for which it is than there should be.
        """
        films = self._explained("randomisation", system)
        rows = self.randomisation[self.randomisation["system"] == system]
        rows = rows[rows["sample_id"].isin(films)]
        return sorted(int(depth) for depth in rows["depth"].unique())

    def _explained(self, table: str, system: str) -> list[str]:
        """Return the films in one of `EXPLANATIONS` of a system, in the order of `films`."""
        found = self._names_of_maps.get((table, system), set())
        chosen = [film for film in self.films if film in found]
        explain, present = self.params.explain, int((self.test["label"] == 1).sum())
        if table in ("attributions", "survival"):
            expected = present + min(explain.others, len(self.films) - present)
        else:
            expected = min(explain.films, present)
        if len(chosen) != expected:
            raise InputError(
                f"{_maps_file(system, table)} has maps of {len(chosen)} test films, not "
                f"{expected}; run `dvc repro`"
            )
        return chosen

    @cached_property
    def _names_of_maps(self) -> dict[tuple[str, Any], set[str]]:
        return {
            (name, system): set(films)
            for name in EXPLANATIONS
            for system, films in getattr(self, name).groupby("system")["sample_id"]
        }

    @cached_property
    def _by_explainer(self) -> dict[Any, pd.DataFrame]:
        return {
            (name, *key): rows
            for name in EXPLANATIONS
            for key, rows in getattr(self, name).groupby(["system", "explainer"])
        }

    @cached_property
    def _by_decision(self) -> dict[Any, pd.DataFrame]:
        return dict(list(self.predictions.groupby(["system", "space", "decision"])))

    @cached_property
    def _by_check(self) -> dict[Any, pd.DataFrame]:
        return dict(list(self.checks.groupby(["system", "check"])))


def answers(table: pd.DataFrame) -> Answers:
    """Return the answers that rows of a table hold; the probability follows from the logits."""
    margins = table["logit_1"].to_numpy(np.float64) - table["logit_0"].to_numpy(np.float64)
    return Answers(table["label"].to_numpy(), table["predicted"].to_numpy(), margins)


def _file(system: str, name: str) -> Path:
    return paths.PREDICTIONS / system / name


def _maps_file(system: str, table: str) -> Path:
    return paths.ATTRIBUTIONS / system / f"{table}.parquet"


def _near(budgets: pd.Series[float], eps: float) -> pd.Series[bool]:
    return (budgets - eps).abs() < 1e-9


def _of(films: list[str], rows: pd.DataFrame, file: Path, what: str) -> pd.DataFrame:
    """Return the rows in the order of the films, one each."""
    if sorted(rows["sample_id"]) != sorted(films):
        raise InputError(
            f"{file} has {len(rows)} {what}, not one for each of {len(films)} films; "
            "run `dvc repro`"
        )
    return rows.set_index("sample_id").loc[films].reset_index()
