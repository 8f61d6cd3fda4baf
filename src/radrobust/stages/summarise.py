"""Stage summarise: every number that is shown, once, with its interval."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.files import replacing
from radrobust.core.params import Params
from radrobust.data.samples import load_samples
from radrobust.evaluation import results, summary

PIPELINE = (
    "normalisations",
    "pixel_difference",
    "repeat_difference",
    "training_mode",
    "weights_changed",
    "frozen_changed",
)
"""What stage attack has to say of each system's pipeline."""


def summarise(params: Params) -> None:
    """Write `results/summary`, `metrics.json`, and for plots `curves.csv` and `epochs.csv`.

    Raises
    ------
    InputError
        A system of the study has not been attacked, checked or explained.
    """
    tables = summary.summarise(load_results(params))
    with replacing(paths.SUMMARY) as folder:
        folder.mkdir()
        for name, table in tables.items():
            table.to_parquet(folder / f"{name}.parquet", index=False)
    with replacing(paths.CURVES) as draft:
        summary.curves(tables["metrics"]).to_csv(draft, index=False)
    with replacing(paths.EPOCHS) as draft:
        logged = {system: _logged(paths.TRAINING / system) for system in params.systems}
        summary.epochs(logged).to_csv(draft, index=False)
    with replacing(paths.METRICS) as draft:
        document = summary.headline(tables, params)
        draft.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def load_results(params: Params) -> results.Results:
    """Read what the stages before have left.

    Raises
    ------
    InputError
        A file is missing, or a pipeline's facts are.
    """

    def of_all(parent: Path, name: str) -> pd.DataFrame:
        files = [parent / system / name for system in params.systems]
        return pd.concat([pd.read_parquet(_found(file)) for file in files], ignore_index=True)

    return results.Results(
        params=params,
        samples=load_samples().table,
        predictions=of_all(paths.PREDICTIONS, results.PREDICTIONS),
        checks=of_all(paths.PREDICTIONS, results.CHECKS),
        gradients=of_all(paths.PREDICTIONS, results.GRADIENTS),
        pipeline={
            system: _read_pipeline(paths.PREDICTIONS / system / results.PIPELINE)
            for system in params.systems
        },
        **{name: of_all(paths.ATTRIBUTIONS, f"{name}.parquet") for name in results.EXPLANATIONS},
    )


def _logged(folder: Path) -> pd.DataFrame:
    """Join what training logged of each epoch; empty where nothing was trained."""
    tables = [pd.read_csv(file, sep="\t", index_col="step") for file in folder.glob("*.tsv")]
    empty = pd.DataFrame(index=pd.Index([], name="step"))
    return pd.concat([empty, *tables], axis=1).rename_axis("epoch").reset_index()


def _read_pipeline(file: Path) -> Mapping[str, Any]:
    facts: dict[str, Any] = json.loads(_found(file).read_text(encoding="utf-8"))
    if missing := [fact for fact in PIPELINE if fact not in facts]:
        raise InputError(f"{file} says nothing of {', '.join(missing)}; run `dvc repro`")
    return facts


def _found(file: Path) -> Path:
    if not file.is_file():
        raise InputError(f"{file} is not here; run `dvc repro` first")
    return file
