"""Command compare: the parameters and figures of experiments side by side."""

from __future__ import annotations

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.files import replacing
from radrobust.core.params import Params
from radrobust.evaluation.revisions import (
    WORKSPACE,
    AbsentError,
    Revision,
    read_revision,
    tabulate,
)
from radrobust.stages.page import page

COMPARE = paths.RESULTS / "compare"
NAME = "compare"
NOTHING = "Nothing is left to compare; `dvc exp run --name NAME` keeps the study that lies here."


def compare(names: list[str], params: Params) -> str:
    """Hold revisions against the first of them, and what lies in the workspace against it too.

    Writes `results/compare` and executes the page `compare`. A revision whose results cannot be had
    here is left out, and the answer says so; a workspace that holds what another revision holds is
    left out unless it is named. What is wrong is told before anything is written.

    Parameters
    ----------
    names : list of str
        Git revisions, names of DVC experiments, or ``workspace``, the one that the others are held
        against first.
    params : Params
        The study in the workspace.

    Returns
    -------
    str
        What was left out, a line each, and what to do now.

    Raises
    ------
    InputError
        A revision does not exist or is no study, or fewer than two can be compared.
    """
    found, absent = _read_all(list(dict.fromkeys([*names, WORKSPACE])))
    told = _left_out(absent)
    if WORKSPACE not in names and (same := _twin(found)):
        del found[WORKSPACE]
        told.append(f"The workspace is left out: it holds what {same} holds.")
    if len(found) < 2:
        raise InputError(" ".join([*told, NOTHING]))
    tables = tabulate(list(found.values()))
    with replacing(COMPARE) as folder:
        folder.mkdir()
        for name, table in tables.items():
            table.to_parquet(folder / f"{name}.parquet", index=False)
    page(NAME, params)
    shown = paths.SITE / f"{NAME}.html"
    told.append(f"{COMPARE} is written; `radrobust site` puts it on the page {shown}")
    return "\n".join(told)


def _read_all(names: list[str]) -> tuple[dict[str, Revision], list[str]]:
    """Read what can be had, and name what cannot."""
    found, absent = {}, []
    for name in names:
        try:
            found[name] = read_revision(name)
        except AbsentError:
            absent.append(name)
    return found, absent


def _left_out(absent: list[str]) -> list[str]:
    """Say what is left out, and how to have it."""
    told = []
    if elsewhere := [name for name in absent if name != WORKSPACE]:
        told.append(
            f"Left out: {', '.join(elsewhere)}; {paths.SUMMARY} is neither in DVC's cache here nor "
            "in a remote. `dvc push` where it was computed, or `dvc cache dir --local FOLDER` "
            "here, brings it."
        )
    if WORKSPACE in absent:
        told.append("The workspace is left out: `dvc repro` has computed nothing in it.")
    return told


def _twin(found: dict[str, Revision]) -> str:
    """Return the name of a revision that the workspace equals; empty if there is none."""
    here = found.get(WORKSPACE)
    others = (one for one in found.values() if one is not here)
    return next((one.name for one in others if here and one.equals(here)), "")
