"""A finished study, read table by table as a page asks for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radrobust import paths
from radrobust.errors import InputError
from radrobust.params import Params, load_params
from radrobust.samples import Samples, load_samples
from radrobust.systems.catalogue import SYSTEMS

ALWAYS_NEGATIVE, ALWAYS_POSITIVE = "always_negative", "always_positive"
REFERENCES = (ALWAYS_NEGATIVE, ALWAYS_POSITIVE)
"""What looks at no film and always gives the same answer: class 0, class 1."""


@dataclass(frozen=True)
class Maps:
    """One system's heat maps of the gallery.

    Attributes
    ----------
    sample_ids : list of str
        K.
    values : dict of str to array
        For each explainer K×S×S float16.
    """

    sample_ids: list[str]
    values: dict[str, NDArray[np.float16]]


@dataclass(frozen=True)
class Attacked:
    """One system's attacked films of the gallery.

    Attributes
    ----------
    images : array
        K×C×S×S float32 in [0, 1]; one channel, or three where budgets count normalised ones.
    answers : DataFrame
        One row a film, in that order, by `sample_id`: `label`, `clean_logit_0`, `clean_logit_1`,
        `probability`, `predicted`, `broken`, …
    """

    images: NDArray[np.float32]
    answers: pd.DataFrame


@dataclass(frozen=True)
class Study:
    """What the pages read. Every table is read when it is first asked for.

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

    @property
    def systems(self) -> list[str]:
        """Keys of the systems, in the order of `params.yaml`."""
        return self.params.systems

    def title(self, system: str) -> str:
        """Return what a system is called where its label stands nearby or space is short."""
        if system in REFERENCES:
            return f"Always “{self.classes[REFERENCES.index(system)]}”"
        return SYSTEMS[system].title

    def label(self, system: str) -> str:
        """Return by which paper a system is known, such as “Chen 2024”."""
        return "" if system in REFERENCES else SYSTEMS[system].label

    def name(self, system: str) -> str:
        """Return what a sentence calls a system, such as “Data Filtering (Chen 2024)”."""
        label = self.label(system)
        return f"{self.title(system)} ({label})" if label else self.title(system)

    @property
    def eps(self) -> float:
        """The budget at which films count as attacked, in the unit of `attack.space`."""
        return float(self.params.attack.eps)

    @property
    def level(self) -> str:
        """Of the confidence intervals, such as “95 %”."""
        return f"{100 * self.params.evaluate.level:g} %"

    @cached_property
    def samples(self) -> Samples:
        """The films."""
        return load_samples(self.root / paths.SAMPLES)

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
        """Whether the films are drawn and not taken of anybody."""
        return bool(self.params.dataset.name == "phantom")

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """`system`, `eps`, `metric`, `value`, `low`, `high`."""
        return self._summary("metrics")

    @cached_property
    def confusion(self) -> pd.DataFrame:
        """`system`, `eps`, `actual`, `predicted`, `count`."""
        return self._summary("confusion")

    @cached_property
    def class_report(self) -> pd.DataFrame:
        """`system`, `eps`, `label`, `precision`, `recall`, `f1`, `support`."""
        return self._summary("classes")

    @cached_property
    def falls(self) -> pd.DataFrame:
        """`system`, `eps`, `iteration`, `count`."""
        return self._summary("falls")

    @cached_property
    def localisation(self) -> pd.DataFrame:
        """`system`, `explainer`, `metric`, `value`, `low`, `high`, `chance`, `n`."""
        return self._summary("attributions")

    @cached_property
    def counts(self) -> pd.DataFrame:
        """`split`, `label`, `count`."""
        return self._summary("counts")

    @cached_property
    def notes(self) -> pd.Series[int]:
        """Number of films by fault."""
        return self._summary("notes").set_index("fault")["count"]

    @cached_property
    def remarks(self) -> pd.DataFrame:
        """`remark`, `count`."""
        return self._summary("remarks")

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """`eps`, `first`, `second`, `metric`, `difference`, …: two systems on the same films."""
        return self._summary("comparisons")

    @cached_property
    def subgroups(self) -> pd.DataFrame:
        """`system`, `eps`, `subgroup`, `member`, `n`, `findings`, `metric`, `value`, …"""
        return self._summary("subgroups")

    @cached_property
    def spaces(self) -> pd.DataFrame:
        """`system`, `space`, `grey_levels`, `metric`, `value`, `low`, `high`, at `eps`."""
        return self._summary("spaces")

    @cached_property
    def checks(self) -> pd.DataFrame:
        """`system`, `check`, `status`, `value`, `low`, `high`, `limit`, `n`, `context`."""
        return self._summary("checks")

    @cached_property
    def perturbations(self) -> pd.DataFrame:
        """`system`, `attack`, `threat_model`, `n`, `linf_max`, `linf_median`, `l2_median`."""
        return self._summary("perturbations")

    def count(self, split: str, label: int) -> int:
        """Return the number of films in a split and class."""
        table = self.counts
        rows = (table["split"] == split) & (table["label"] == label)
        return int(table.loc[rows, "count"].iloc[0])

    def metric(self, system: str, eps: float, metric: str) -> pd.Series[float]:
        """Return `value`, `low` and `high`; NaN where undefined."""
        return estimate(at(self.metrics, system, eps), metric)

    def attacked(self, system: str) -> Attacked:
        """Return the gallery's films as attacked at `eps`, and what the system said of them."""
        table = self._read(paths.PREDICTIONS / system / "predictions.parquet")
        chosen = (table["decision"] == "argmax") & (table["space"] == self.params.attack.space)
        answers = at(table[chosen], system, self.eps).set_index("sample_id")
        with np.load(self._found(paths.PREDICTIONS / system / "images.npz")) as arrays:
            names = [str(name) for name in arrays["sample_ids"]]
            return Attacked(arrays["images"], answers.loc[names])

    def attributions(self, system: str) -> pd.DataFrame:
        """Return one row a film and explainer."""
        return self._read(paths.ATTRIBUTIONS / system / "attributions.parquet")

    def maps(self, system: str) -> Maps:
        """Return the heat maps of the gallery."""
        file = self._found(paths.ATTRIBUTIONS / system / "maps.npz")
        with np.load(file, allow_pickle=False) as arrays:
            values = {name: arrays[name] for name in self.params.explain.methods}
            return Maps([str(name) for name in arrays["sample_ids"]], values)

    def training(self, system: str) -> dict[str, Any]:
        """Return of what a system was built, and, if anything was trained, how.

        Always `scale`, `head`, `weights` and `parameters`; `trainable`, `objective`, `epochs`,
        `best_epoch` and `seconds` only where something was trained.
        """
        file = self._found(paths.MODELS / system / "training.json")
        facts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return facts

    def _summary(self, name: str) -> pd.DataFrame:
        return self._read(paths.SUMMARY / f"{name}.parquet")

    def _read(self, path: Path) -> pd.DataFrame:
        return pd.read_parquet(self._found(path))

    def _found(self, path: Path) -> Path:
        if not (self.root / path).is_file():
            raise InputError(f"{path} is not here; run `dvc repro` first")
        return self.root / path


def at(table: pd.DataFrame, system: str, eps: float) -> pd.DataFrame:
    """Return the rows of a table of one system at one budget."""
    near = np.isclose(table["eps"], eps, rtol=0, atol=1e-9)
    return table[(table["system"] == system) & near]


def estimate(rows: pd.DataFrame, metric: str) -> pd.Series[float]:
    """Return `value`, `low` and `high` of a metric from its only row; NaN where undefined."""
    row = rows.loc[rows["metric"] == metric, ["value", "low", "high"]]
    return row.iloc[0].astype(float)
