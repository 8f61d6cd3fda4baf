"""Stage summarise: every number that is shown, once, with its interval."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from radrobust import paths
from radrobust.errors import InputError
from radrobust.evaluation import summary
from radrobust.files import replacing
from radrobust.params import Params
from radrobust.samples import load_samples


def summarise(params: Params) -> None:
    """Write `results/summary`, `results/curves.csv` and `metrics.json`.

    Raises
    ------
    InputError
        A system of the study has not been attacked or explained.
    """
    samples = load_samples()
    predictions = _read_all([paths.PREDICTIONS / f"{system}.parquet" for system in params.systems])
    attributions = _read_all(
        [paths.ATTRIBUTIONS / system / "attributions.parquet" for system in params.systems]
    )
    tables = summary.summarise(samples.table, predictions, attributions, params)
    with replacing(paths.SUMMARY) as folder:
        folder.mkdir()
        for name, table in tables.items():
            table.to_parquet(folder / f"{name}.parquet", index=False)
    with replacing(paths.CURVES) as draft:
        summary.curves(tables["metrics"]).to_csv(draft, index=False)
    with replacing(paths.METRICS) as draft:
        document = summary.nested(tables, params)
        draft.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _read_all(files: list[Path]) -> pd.DataFrame:
    for file in files:
        if not file.is_file():
            raise InputError(f"{file} is not here; run `dvc repro` first")
    return pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
