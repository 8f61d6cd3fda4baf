"""Stage summarise: every number that is shown, once, with its interval."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from radrobust.core import paths
from radrobust.core.files import replacing
from radrobust.core.params import Params
from radrobust.core.tables import figures
from radrobust.evaluation import summary
from radrobust.evaluation.results import Results


def summarise(params: Params) -> None:
    """Write `results/summary`, `metrics.json`, and for plots `curves.csv` and `epochs.csv`.

    Raises
    ------
    InputError
        A system of the study has not been attacked, checked or explained.
    """
    computed = summary.summarise(Results.load(params))
    with replacing(paths.SUMMARY) as folder:
        folder.mkdir()
        for table, rows in computed.items():
            table.write(rows, folder)
    with replacing(paths.CURVES) as draft:
        summary.curves(computed[figures.METRICS], params).to_csv(draft, index=False)
    with replacing(paths.EPOCHS) as draft:
        logged = {system: _logged(paths.TRAINING / system) for system in params.systems}
        summary.epochs(logged).to_csv(draft, index=False)
    with replacing(paths.METRICS) as draft:
        document = summary.headline(computed, params)
        draft.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _logged(folder: Path) -> pd.DataFrame:
    """Join what training logged of each epoch; empty where nothing was trained."""
    tables = [pd.read_csv(file, sep="\t", index_col="step") for file in folder.glob("*.tsv")]
    empty = pd.DataFrame(index=pd.Index([], name="step"))
    return pd.concat([empty, *tables], axis=1).rename_axis("epoch").reset_index()
