"""Stage tables: everything that the pages show, as CSV and Parquet for whoever reads on."""

from __future__ import annotations

import inspect
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radrobust.attacks.protocol import Evaluated
from radrobust.attacks.table import tabulate
from radrobust.attribution.localisation import localise
from radrobust.attribution.protocol import Explained
from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.files import replacing
from radrobust.core.params import Params
from radrobust.data.datasets.registry import Radiograph
from radrobust.data.fitting import Row
from radrobust.data.samples import TABLE
from radrobust.evaluation import summary
from radrobust.evaluation.attributions import convergence, localisation
from radrobust.evaluation.checks import Finding, check_all
from radrobust.evaluation.comparisons import compare
from radrobust.evaluation.faithfulness import faithfulness, faithfulness_curves, randomisation
from radrobust.evaluation.probes import probes
from radrobust.evaluation.subgroups import by_subgroup
from radrobust.evaluation.survival import survival
from radrobust.stages.audit import Fault, find_pairs

TABLES = paths.RESULTS / "tables"
README = "README.txt"
OF_SYSTEMS = {"predictions": paths.PREDICTIONS, "attributions": paths.ATTRIBUTIONS}
"""Tables of which each system has its own; they are joined."""

AUDITED = ("faults", "pairs", "probes")

PREAMBLE = """\
Tables of a radrobust study, each as NAME.csv and, with the types of its columns, as NAME.parquet.

samples            one row a film
audit-faults       one row a film and fault
audit-pairs        two films a row that show the same
audit-probes       how well the label is told by what is no finding
predictions        one row a system, film, space, decision and budget
attributions       one row a system, explainer, image and film
summary-NAME       what the pages show, with intervals

In all of them:
system             key of a system, as `radrobust systems` lists them
sample_id          name of a film
label              0 without the finding, 1 with it
eps                budget of the attack, in the unit of attack.eps in params.yaml; 0 for clean films
value, low, high   of a figure and the ends of its interval
n                  films that it is of

A field that is empty in a CSV, or NaN, is undefined. Lists are written as JSON in a CSV.

Nothing in them is derived from a patient's identifier, name or birth date. A patient is a running
number. A film is named by its path, or by a number where the path held one of these. Which number
stands for whom is known only where the films are kept. Not looked at: labels and subgroups, which
are published as the owner of the films wrote them, and what the images themselves show.

What follows is taken from the program that wrote the tables, word for word.
"""

EXPLAINED: dict[str, tuple[object, ...]] = {
    "samples": (Row, Radiograph),
    "audit-faults": (Fault,),
    "audit-pairs": (find_pairs,),
    "audit-probes": (probes,),
    "predictions": (Evaluated, tabulate),
    "attributions": (Explained, localise),
    "summary-NAME": (summary.summarise,),
    "summary-attributions": (localisation,),
    "summary-checks": (check_all, Finding),
    "summary-comparisons": (compare,),
    "summary-convergence": (convergence,),
    "summary-faithfulness": (faithfulness,),
    "summary-faithfulness_curves": (faithfulness_curves,),
    "summary-randomisation": (randomisation,),
    "summary-subgroups": (by_subgroup,),
    "summary-survival": (survival,),
}
"""Whose docstrings tell what the columns of a table are."""

MORE = {
    "samples": """\
picture, by which anybody could tell whether a film that he has is one of these, is left out; the
table audit-pairs names films that show the same. group names the films that stay together by the
first of them. split is train, val or test; regions counts the boxes. Each subgroup has a column
of its own, subgroup_NAME, empty where nothing is said.""",
    "predictions": """\
broken: what was said is wrong. iteration: after how many steps of the attack, over all starts, it
became so; 0 by the film itself or by a start alone, -1 never.""",
    "attributions": """\
The measures of a map have a column each, mask_coverage_5 and so on.""",
}
"""What the docstrings leave out."""


def tables(params: Params) -> None:
    """Write `results/tables`: the films, what was said of each, where maps look, every figure.

    Raises
    ------
    InputError
        A stage before has not been run.
    """
    with replacing(TABLES) as folder:
        folder.mkdir()
        for name, table in _all(params):
            table.to_parquet(folder / f"{name}.parquet", index=False)
            _flat(table).to_csv(folder / f"{name}.csv", index=False)
        for file in _summaries():  # as they are: their bytes are known to DVC
            shutil.copy(file, folder / f"summary-{file.name}")
        (folder / README).write_text(_readme(), encoding="utf-8")
    print(f"{len(list(TABLES.glob('*.csv')))} tables in {TABLES}")


def _all(params: Params) -> Iterator[tuple[str, pd.DataFrame]]:
    yield "samples", _read(paths.SAMPLES / TABLE)
    for name in AUDITED:
        yield f"audit-{name}", _read(paths.AUDIT / f"{name}.parquet")
    for name, parent in OF_SYSTEMS.items():
        parts = [_read(parent / system / f"{name}.parquet") for system in params.systems]
        yield name, pd.concat(parts, ignore_index=True)
    for file in _summaries():
        yield f"summary-{file.stem}", _read(file)


def _summaries() -> list[Path]:
    files = sorted(paths.SUMMARY.glob("*.parquet"))
    if not files:
        raise InputError(f"{paths.SUMMARY} is not here; run `dvc repro summarise` first")
    return files


def _read(file: Path) -> pd.DataFrame:
    if not file.is_file():
        raise InputError(f"{file} is not here; run `dvc repro` first")
    return pd.read_parquet(file)


def _flat(table: pd.DataFrame) -> pd.DataFrame:
    """Write lists as JSON, which a CSV has no other way to hold."""
    nested = [
        name
        for name in table
        if table[name].map(lambda value: isinstance(value, list | np.ndarray)).any()
    ]
    return table.assign(**{str(name): table[name].map(_json) for name in nested})


def _json(value: Any) -> str:
    return json.dumps(value, default=lambda array: array.tolist())


def _readme() -> str:
    parts = [PREAMBLE]
    for name, owners in EXPLAINED.items():
        said = "\n\n".join(_plain(inspect.getdoc(owner) or "") for owner in owners)
        more = f"\n\n{MORE[name]}" if name in MORE else ""
        parts.append(f"{name}\n{'=' * len(name)}\n\n{said}{more}\n")
    return "\n\n".join(parts)


def _plain(docstring: str) -> str:
    """Take out of a docstring what is of no use without the program."""
    kept = re.sub(r"\n\n(Parameters|Raises|Examples)\n-+\n.*?(?=\n\n[A-Z][a-z]+\n-+\n|\Z)", "",
                  docstring, flags=re.DOTALL)  # fmt: skip
    return re.sub(r"`+", "", kept)
