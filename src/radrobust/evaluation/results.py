"""The tables of a study, and every selection from them that a number is computed of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radrobust.core import conditions, paths
from radrobust.core.conditions import Condition
from radrobust.core.errors import InputError
from radrobust.core.params import Params
from radrobust.core.tables import data, explanations, predictions, published
from radrobust.core.tables.schema import Table
from radrobust.evaluation.metrics import Answers

PIPELINE = (
    "normalisations",
    "pixel_difference",
    "repeat_difference",
    "training_mode",
    "weights_changed",
    "frozen_changed",
)
"""What stage attack has to say of each system's pipeline."""

IMAGES = ("clean", "attacked")
"""What is explained of each sample: the image as it is, and as the headline attack left it."""

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
        `data.SAMPLES`.
    found : mapping of Table to DataFrame
        `published.OF_SYSTEMS`, of all systems of the study.
    pipeline : mapping of str to dict
        What each system's pipeline was found to do.
    """

    params: Params
    samples: pd.DataFrame
    found: Mapping[Table, pd.DataFrame]
    pipeline: Mapping[str, Mapping[str, Any]]

    @classmethod
    def load(cls, params: Params, root: Path = Path()) -> Results:
        """Read what the stages before have left.

        Raises
        ------
        InputError
            A file is missing, or a pipeline's facts are.
        """
        found = {table: table.read_all(params.systems, root) for table in published.OF_SYSTEMS}
        files = {key: root / paths.PREDICTIONS / key / "pipeline.json" for key in params.systems}
        pipeline = {key: _read_pipeline(file) for key, file in files.items()}
        return cls(params, data.SAMPLES.read(root), found, pipeline)

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
            raise InputError("results/samples: no sample is in the test split; raise split.test")
        return test

    @property
    def names(self) -> list[str]:
        """The test samples, in the order of every selection."""
        return self.test["sample_id"].tolist()

    @property
    def conditions(self) -> list[Condition]:
        """Every condition under which test samples are asked about."""
        return conditions.predicted(self.params.attack)

    @property
    def curve(self) -> list[Condition]:
        """Clean images, and the attack at rising budgets."""
        return conditions.curve(self.params.attack)

    @property
    def attacked(self) -> Condition:
        """The headline attack."""
        return conditions.attacked(self.params.attack)

    def at(self, system: str, condition: Condition) -> pd.DataFrame:
        """Return what a system says of each test sample, in the order of `names`.

        Raises
        ------
        InputError
            A sample is missing or is there twice.
        """
        rows = self._rows(predictions.PREDICTIONS, "condition").get((system, condition.key))
        return _of(self.names, rows, predictions.PREDICTIONS.file(system), f"{condition.key} rows")

    def answers(self, system: str, condition: Condition) -> Answers:
        """Return the same as `at`, for the metrics."""
        return answers(self.at(system, condition))

    def checked(self, system: str) -> list[str]:
        """Return the samples on which a system's attack is checked, in the order of `names`.

        Raises
        ------
        InputError
            They are not as many as `checks.films` asks for.
        """
        rows = self._rows(predictions.CHECKED, "check").get((system, "more_steps"))
        expected = min(self.params.checks.films, len(self.names))
        return self._some(rows, expected, predictions.CHECKED.file(system), "checks")

    def has_check(self, system: str, check: str) -> bool:
        """Tell whether an attack that only some systems need was run on this one."""
        return (system, check) in self._rows(predictions.CHECKED, "check")

    def check(self, system: str, check: str, names: list[str]) -> pd.DataFrame:
        """Return what a system says of samples under the attack of a check, in their order.

        Raises
        ------
        InputError
            A sample is missing or is there twice, or there are others.
        """
        budget = {"zero": Fraction(0), "far": self.params.far}.get(check)
        allowed = _allowed(conditions.attacked(self.params.attack, budget, conditions.PIXEL).key)
        table = self.found[predictions.CHECKED]
        rows = self._rows(predictions.CHECKED, "check").get((system, check), table.head(0))
        rows = rows[rows["condition"].map(_allowed) == allowed]
        what = f"rows of check {check} at {allowed}"
        return _of(names, rows, predictions.CHECKED.file(system), what)

    def gradient(self, system: str, names: list[str]) -> pd.DataFrame:
        """Return of what kind the gradients at samples are, in the order of the samples.

        Raises
        ------
        InputError
            A sample is missing or is there twice, or there are others.
        """
        table = self.found[predictions.GRADIENTS]
        rows = table[table["system"] == system]
        return _of(names, rows, predictions.GRADIENTS.file(system), "rows")

    def of_maps(
        self, table: Table, system: str, explainer: str, **which: str | int
    ) -> pd.DataFrame:
        """Return what is said of a map of each sample that is explained, in the order of `names`.

        Parameters
        ----------
        table : Table
            One of `EXPLANATIONS`. In the first two are all test samples with the finding and
            `explain.others` without; in the last two `explain.films` with it.
        system : str
            Its key.
        explainer : str
            One of `explain.methods`; of faithfulness `RANDOM` too.
        **which
            Values of further columns that leave one row a sample, such as `image`.

        Raises
        ------
        InputError
            There are more samples or fewer, or one is missing or is there twice.
        """
        rows = self._rows(table, "explainer").get((system, explainer), self.found[table].head(0))
        what = f"rows of {explainer}"
        for column, value in which.items():
            rows = rows[rows[column] == value]
            what += f" at {column} {value}"
        return _of(self._explained(table, system), rows, table.file(system), what)

    def depths(self, system: str) -> list[int]:
        """Return how deep a system is redrawn, rising.

        Raises
        ------
        InputError
            There are more samples or fewer for which it is than there should be.
        """
        names = self._explained(explanations.RANDOMISATION, system)
        table = self.found[explanations.RANDOMISATION]
        rows = table[(table["system"] == system) & table["sample_id"].isin(names)]
        return sorted(int(depth) for depth in rows["depth"].unique())

    def _explained(self, table: Table, system: str) -> list[str]:
        """Return the samples in one of `explanations.EXPLANATIONS`, in the order of `names`."""
        explain, present = self.params.explain, int((self.test["label"] == 1).sum())
        expected = min(explain.films, present)
        if table in (explanations.ATTRIBUTIONS, explanations.SURVIVAL):
            expected = present + min(explain.others, len(self.names) - present)
        rows = self._rows(table).get((system,))
        return self._some(rows, expected, table.file(system), "has maps of")

    def _some(self, rows: pd.DataFrame | None, expected: int, file: Path, does: str) -> list[str]:
        """Return the test samples that rows are of, if they are as many as expected."""
        found = set() if rows is None else set(rows["sample_id"])
        chosen = [name for name in self.names if name in found]
        if len(chosen) != expected:
            raise InputError(
                f"{file} {does} {len(chosen)} test samples, not {expected}; run `dvc repro`"
            )
        return chosen

    def _rows(self, table: Table, *columns: str) -> dict[Any, pd.DataFrame]:
        """Return a table's rows by system and the values of further columns."""
        if (table, columns) not in self._grouped:
            groups = self.found[table].groupby(["system", *columns])
            self._grouped[table, columns] = dict(list(groups))
        return self._grouped[table, columns]

    @cached_property
    def _grouped(self) -> dict[tuple[Table, tuple[str, ...]], dict[Any, pd.DataFrame]]:
        return {}


def answers(table: pd.DataFrame) -> Answers:
    """Return the answers that rows of a table hold; the probability follows from the logits."""
    margins = table["logit_1"].to_numpy(np.float64) - table["logit_0"].to_numpy(np.float64)
    return Answers(table["label"].to_numpy(), table["predicted"].to_numpy(), margins)


def _allowed(condition: str) -> str:
    """Return what a condition's key says besides the kind of attack."""
    return condition.partition(" ")[2]


def _of(names: Sequence[str], rows: pd.DataFrame | None, file: Path, what: str) -> pd.DataFrame:
    """Return the rows in the order of the samples, one each."""
    if rows is None or sorted(rows["sample_id"]) != sorted(names):
        count = 0 if rows is None else len(rows)
        raise InputError(
            f"{file} has {count} {what}, not one for each of {len(names)} samples; run `dvc repro`"
        )
    return rows.set_index("sample_id").loc[list(names)].reset_index()


def _read_pipeline(file: Path) -> Mapping[str, Any]:
    if not file.is_file():
        raise InputError(f"{file} is not here; run `dvc repro` first")
    facts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if missing := [fact for fact in PIPELINE if fact not in facts]:
        raise InputError(f"{file} says nothing of {', '.join(missing)}; run `dvc repro`")
    return facts
