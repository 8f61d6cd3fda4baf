"""A finished study, read table by table as a page asks for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radrobust.core import conditions, paths
from radrobust.core.errors import InputError
from radrobust.core.params import Params, load_params
from radrobust.core.tables import data, explanations, figures, predictions
from radrobust.core.tables.schema import Table
from radrobust.data.samples import Samples, load_samples
from radrobust.report.kit.text import Row, listing, plural
from radrobust.systems.bibliography import bibliography

ALWAYS_NEGATIVE, ALWAYS_POSITIVE = "always_negative", "always_positive"
REFERENCES = (ALWAYS_NEGATIVE, ALWAYS_POSITIVE)
"""References that look at no radiograph and always give the same answer: class 0, class 1."""

IMAGES = ("clean", "attacked")
"""The two images of which a sample is explained: as stored, and as the attack left it."""

FEW = 3
"""Systems that a sentence names one by one."""


class View(NamedTuple):
    """A part of the table `localisation`: which maps are compared with which region.

    Attributes
    ----------
    image : str
        ``clean`` or ``attacked``.
    answers : str
        Of ``all`` samples, or of those that the system is ``right`` or ``wrong`` about.
    region : str
        ``mask``, the finding's outline, or ``box``, that around it.
    """

    image: str = "clean"
    answers: str = "all"
    region: str = "mask"


ALL = View()
CLEAN = conditions.CLEAN.key
"""The key of the condition of images as they are."""


@dataclass(frozen=True)
class Attacked:
    """Some samples as one system's attack left them.

    Attributes
    ----------
    images : array
        K×C×S×S float32 in [0, 1]; one channel, or three where budgets count normalised ones.
    answers : DataFrame
        One row a sample, in that order, by `sample_id`: `label`, `clean_logit_0`, `clean_logit_1`,
        `probability`, `predicted`, `misclassified`, …
    """

    images: NDArray[np.float32]
    answers: pd.DataFrame


def _table(table: Table) -> cached_property[pd.DataFrame]:
    """A table of a study, read when it is first asked for."""
    return cached_property(lambda study: table.read(study.root))


@dataclass(frozen=True)
class Study:
    """A study as the pages read it: every table when it is first asked for.

    Attributes
    ----------
    root : Path
        The folder that holds `params.yaml` and `results`.
    params : Params
        The study's parameters.
    """

    root: Path
    params: Params

    @classmethod
    def load(cls, root: Path = Path()) -> Study:
        """Open the study in `root`.

        Raises
        ------
        InputError
            `params.yaml` is missing or wrong. A missing table raises it when it is asked for.
        """
        return cls(root, load_params(root / paths.PARAMS))

    def only(self, system: str) -> Study:
        """Return the study as if it had this system alone."""
        return Study(self.root, self.params.model_copy(update={"systems": [system]}))

    @property
    def systems(self) -> list[str]:
        """Keys of the systems, in the order of `params.yaml`."""
        return self.params.systems

    def title(self, system: str) -> str:
        """Return the short name of a system, for where its label is nearby or space is short."""
        if system in REFERENCES:
            return f"Always “{self.classes[REFERENCES.index(system)]}”"
        return bibliography(system).title

    def label(self, system: str) -> str:
        """Return the paper by which a system is known, such as “Chen 2024”."""
        return "" if system in REFERENCES else bibliography(system).label

    def name(self, system: str) -> str:
        """Return the full name of a system, such as “Data Filtering (Chen 2024)”."""
        label = self.label(system)
        return f"{self.title(system)} ({label})" if label else self.title(system)

    def names(self, chosen: list[str]) -> str:
        """Name some of the systems, or count them and name the exceptions where that is shorter."""
        others = [system for system in self.systems if system not in chosen]
        if len(chosen) <= FEW:
            return listing([self.name(system) for system in chosen])
        if not others:
            return f"all {len(chosen)} systems"
        if len(others) <= FEW:
            exceptions = listing([self.name(system) for system in others])
            return f"{len(chosen)} of {len(self.systems)} systems (all but {exceptions})"
        named = listing([self.title(system) for system in chosen])
        return f"{len(chosen)} of {len(self.systems)} systems ({named})"

    @property
    def eps(self) -> float:
        """The budget of the attack, in the unit of `attack.space`."""
        return float(self.params.attack.eps)

    @property
    def level(self) -> str:
        """Of the confidence intervals, such as “95 %”."""
        return f"{100 * self.params.evaluate.level:g} %"

    @cached_property
    def samples(self) -> Samples:
        """The radiographs with their rows."""
        return load_samples(self.root)

    @property
    def dataset(self) -> dict[str, Any]:
        """Title, classes, licence, source and citation of the dataset."""
        return self.samples.dataset

    @property
    def classes(self) -> list[str]:
        """Names of class 0, without the finding, and class 1, with it."""
        return list(self.dataset["classes"])

    @property
    def is_phantom(self) -> bool:
        """Whether the radiographs are drawn and not taken of anybody."""
        return bool(self.params.dataset.name == "phantom")

    metrics = _table(figures.METRICS)
    confusion = _table(figures.CONFUSION)
    class_report = _table(figures.CLASSES)
    iterations = _table(figures.ITERATIONS)
    perturbations = _table(figures.PERTURBATIONS)
    comparisons = _table(figures.COMPARISONS)
    subgroups = _table(figures.SUBGROUPS)
    localisation = _table(figures.LOCALISATION)
    convergence = _table(figures.CONVERGENCE)
    survival = _table(figures.SURVIVED)
    faithfulness = _table(figures.FAITHFUL)
    faithfulness_curves = _table(figures.FAITHFUL_CURVES)
    randomisation = _table(figures.REDRAWN)
    counts = _table(figures.COUNTS)
    faults = _table(data.FAULTS)
    pairs = _table(data.PAIRS)
    probes = _table(data.PROBES)

    @cached_property
    def checks(self) -> pd.DataFrame:
        """`figures.VERDICTS` of the study's systems."""
        table = figures.VERDICTS.read(self.root)
        return table[table["system"].isin(self.systems)]

    @property
    def attacked(self) -> str:
        """The key of the headline attack's condition."""
        return conditions.attacked(self.params.attack).key

    @property
    def conditions(self) -> dict[str, str]:
        """From ``clean`` and ``attacked`` to the key of that condition."""
        return {"clean": CLEAN, "attacked": self.attacked}

    @property
    def at_threshold(self) -> dict[str, str]:
        """The same where the decision is that at the chosen threshold."""
        asked = conditions.CLEAN, conditions.attacked(self.params.attack)
        keys = [one.decided(conditions.THRESHOLD).key for one in asked]
        return dict(zip(self.conditions, keys, strict=True))

    @property
    def in_units(self) -> dict[str, str]:
        """From the units of a budget to the key of the headline attack in them."""
        attack = self.params.attack
        return {unit: conditions.attacked(attack, units=unit).key for unit in conditions.UNITS}

    @cached_property
    def notes(self) -> dict[str, int]:
        """Number of samples by fault."""
        table = figures.NOTES.read(self.root)
        return dict(zip(table["fault"], table["count"], strict=True))

    @property
    def finding(self) -> str:
        """The finding that the systems look for, such as “fracture”."""
        return str(self.dataset["finding"])

    @property
    def marked(self) -> int:
        """Number of explained samples whose finding is marked."""
        return int(self.localisation["n"].max())

    def count(self, split: str, label: int) -> int:
        """Return the number of samples in a split and class."""
        table = self.counts
        rows = (table["split"] == split) & (table["label"] == label)
        return int(table.loc[rows, "count"].iloc[0])

    @property
    def test_set(self) -> str:
        """The size of the test set and of its class with the finding, in words."""
        absent, present = self.count("test", 0), self.count("test", 1)
        return (
            f"{plural(absent + present, 'test radiograph')}, {present:,} of them with a "
            f"{self.finding}"
        )

    def metric(self, system: str, condition: str, metric: str) -> Row:
        """Return `value`, `low` and `high`; NaN where undefined."""
        return self._metrics[system, condition, metric]

    def leaders(self, condition: str, metric: str) -> list[str]:
        """Name the systems with the highest value; several where they share it."""
        values = {key: float(self.metric(key, condition, metric)["value"]) for key in self.systems}
        return [key for key, value in values.items() if value == max(values.values())]

    def against_budget(self, system: str, metric: str) -> pd.DataFrame:
        """Return `level`, `value`, `low` and `high` of a metric, from clean images up."""
        rows = [
            {"level": float(one.level), **self.metric(system, one.key, metric)}
            for one in conditions.curve(self.params.attack)
        ]
        return pd.DataFrame(rows)[["level", "value", "low", "high"]]

    def localised(self, system: str, explainer: str, metric: str, view: View = ALL) -> Row:
        """Return `value`, `low`, `high`, `chance` and `n`; NaN where undefined."""
        return self._localised[(system, explainer, metric, *view)]

    def adversarial(self, system: str, names: list[str]) -> Attacked:
        """Return test samples under the headline attack, with the answers of the system."""
        table = predictions.PREDICTIONS.read(self.root, system)
        answers = table[table["condition"] == self.attacked].set_index("sample_id")
        with np.load(self._found(paths.PREDICTIONS / system / paths.ATTACKED)) as arrays:
            stored = arrays["sample_ids"].tolist()
            images = arrays["images"][[stored.index(name) for name in names]]
        return Attacked(images, answers.loc[names])

    def attributions(self, system: str) -> pd.DataFrame:
        """Return one row a sample, image and explainer."""
        return explanations.ATTRIBUTIONS.read(self.root, system)

    def explained(self, system: str) -> list[str]:
        """Name the samples that were explained, N, in the order of a hash, class by class."""
        with np.load(self._found(paths.ATTRIBUTIONS / system / paths.MAPS)) as arrays:
            return [str(name) for name in arrays["sample_ids"]]

    def maps(self, system: str, explainer: str) -> dict[str, NDArray[np.float32]]:
        """Return an explainer's maps of the clean and the attacked images, N×S×S each.

        Their order is that of `explained`.
        """
        table, names = self.attributions(system), self.explained(system)
        table = table[table["explainer"] == explainer].set_index(["image", "sample_id"])
        largest = {image: table["largest"].loc[image].loc[names] for image in IMAGES}
        with np.load(self._found(paths.ATTRIBUTIONS / system / paths.MAPS)) as arrays:
            return {
                image: arrays[f"{explainer}-{image}"]
                * largest[image].to_numpy(np.float32)[:, None, None]
                for image in IMAGES
            }

    def training(self, system: str) -> dict[str, Any]:
        """Return how a system was built, and how it was trained if it was.

        Always `scale`, `head`, `weights` and `parameters`; `trainable`, `objective`, `epochs`,
        `helper_epochs`, `best_epoch`, `seconds` and `precision`, as in `searched`, only where
        something was trained.
        """
        return self._facts(paths.MODELS / system / "training.json")

    def searched(self, system: str) -> dict[str, Any]:
        """Return the precision in which a system's attack searched.

        `name`, and the time of one step in each precision, `float32_seconds` and
        `bfloat16_seconds`: None where nothing was measured.
        """
        facts: dict[str, Any] = self._facts(paths.PREDICTIONS / system / "pipeline.json")
        return dict(facts["precision"])

    def training_curve(self, system: str) -> pd.DataFrame:
        """Return a row an epoch, if anything was trained.

        `epoch` (from 1), `loss`, `val_…` and perhaps `val_attacked_…`, named after the metric by
        which epochs are compared, …
        """
        return pd.read_csv(self._found(paths.MODELS / system / "training.csv"))

    @cached_property
    def _metrics(self) -> dict[Any, Row]:
        return keyed(self.metrics, "system", "condition", "metric")

    @cached_property
    def _localised(self) -> dict[Any, Row]:
        return keyed(self.localisation, "system", "explainer", "metric", *View._fields)

    def _facts(self, path: Path) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(self._found(path).read_text(encoding="utf-8"))
        return facts

    def _found(self, path: Path) -> Path:
        if not (self.root / path).is_file():
            raise InputError(f"{path} is not here; run `dvc repro` first")
        return self.root / path


def under(table: pd.DataFrame, system: str, condition: str) -> pd.DataFrame:
    """Return the rows of a table of one system under one condition."""
    return table[(table["system"] == system) & (table["condition"] == condition)]


def keyed(table: pd.DataFrame, *names: str) -> dict[Any, Row]:
    """Return the rows of a table by the values of some columns, which no two have in common."""
    rows: list[dict[str, Any]] = table.to_dict("records")  # type: ignore[assignment]
    return {tuple(row[name] for name in names): row for row in rows}
