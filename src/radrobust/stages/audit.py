"""Stage audit: what could spoil a study, found before anything is split or trained."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from radrobust.core import paths
from radrobust.core.files import replacing
from radrobust.core.params import Params
from radrobust.core.tables import data as tables
from radrobust.data import samples
from radrobust.data.audit import KINDS, find_faults, find_pairs
from radrobust.data.splitting import group
from radrobust.evaluation.probes import WARNING, probes


def audit(params: Params) -> None:
    """Look for what could spoil a study.

    Writes the folder ``results/audit``: a `Fault` a row, pairs of films that show the same, and
    how well the label is told by what is no finding.

    Raises
    ------
    InputError
        The films have not been read.
    """
    films = tables.FILMS.read()
    thumbnails = np.load(paths.FILMS / samples.THUMBNAILS, mmap_mode="r")
    pairs = find_pairs(films, thumbnails)
    faults = find_faults(films, tables.UNREADABLE.read(), pairs, _classes())
    films = films.assign(group=group(films, pairs))
    probed = probes(films, thumbnails, params.seed)
    with replacing(paths.AUDIT) as folder:
        folder.mkdir()
        for table, rows in {
            tables.FAULTS: faults,
            tables.PAIRS: pairs,
            tables.PROBES: probed,
        }.items():
            table.write(rows, folder)
    print(_summary(faults, probed))


def _classes() -> list[str]:
    facts = json.loads((paths.FILMS / samples.DATASET).read_text(encoding="utf-8"))
    return list(facts["classes"])


def _summary(faults: pd.DataFrame, probed: pd.DataFrame) -> str:
    counts = faults["kind"].value_counts()
    said = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if kind in counts)
    lines = [f"films by fault: {said}" if said else "no fault found"]
    for name, auroc in probed.loc[probed["auroc"] > WARNING, ["probe", "auroc"]].itertuples(
        index=False
    ):
        lines.append(f"warning: {name} alone tells the label with an AUROC of {auroc:.3f}")
    return "\n".join(lines)
