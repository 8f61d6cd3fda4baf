"""Command compare: the parameters and figures of experiments side by side."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.files import replacing
from radrobust.core.params import Budget, Params
from radrobust.stages.page import page

COMPARE = paths.RESULTS / "compare"
WORKSPACE = "workspace"
NAME = "compare"
LOCK = "dvc.lock"
NOTHING = "Nothing is left to compare; `dvc exp run --name NAME` keeps the study that lies here."
FILMS = ("seed", "dataset", "phantom", "folder", "split")
"""Sections that decide which films are tested."""

METRICS = ("system", "films", "metric")
MAPS = ("system", "films", "explainer", "metric")


class AbsentError(InputError):
    """The results of the revision that it names cannot be had here."""


@dataclass(frozen=True)
class Revision:
    """A study as it was at some revision.

    Attributes
    ----------
    name : str
        A git revision, an experiment's name, or ``workspace``.
    commit : str
        Of the revision; empty for the workspace.
    document : dict
        `params.yaml` as it was, which the program of today need not be able to read.
    lock : dict
        `dvc.lock` as it was.
    metrics, maps : DataFrame
        Of the summary: `metrics` and `attributions`.
    """

    name: str
    commit: str
    document: dict[str, Any]
    lock: dict[str, Any] = field(repr=False)
    metrics: pd.DataFrame = field(repr=False)
    maps: pd.DataFrame = field(repr=False)

    @property
    def eps(self) -> float:
        """The budget at which films count as attacked."""
        return float(_budget(self.document["attack"]["eps"]))

    @property
    def films(self) -> object:
        """What is equal for two revisions that tested the same films."""
        stages = self.lock.get("stages", {})
        outs = [out for name in ("read", "prepare") for out in stages.get(name, {}).get("outs", [])]
        hashes = {out["path"]: out.get("md5") for out in outs}
        sections = [flat(self.document.get(section)) for section in FILMS]
        return sections, [hashes.get(path.as_posix()) for path in (paths.FILMS, paths.SAMPLES)]

    def equals(self, other: Revision) -> bool:
        """Tell whether nothing that is compared differs."""
        return (
            flat(self.document) == flat(other.document)
            and self.metrics.equals(other.metrics)
            and self.maps.equals(other.maps)
        )


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


def tabulate(revisions: list[Revision]) -> dict[str, pd.DataFrame]:
    """Lay revisions beside each other.

    Parameters
    ----------
    revisions : list of Revision
        The one that the others are held against first.

    Returns
    -------
    dict of str to DataFrame
        - ``revisions``: `revision`, `commit`, `eps`, `level` (of the intervals), `same_films` (as
          those of the first).
        - ``params``: `key`, `revision`, `value`, of keys whose values differ; empty where a
          revision has no such key.
        - ``metrics``: `system`, `films` (clean or attacked, at the revision's own `eps`), `metric`,
          `revision`, `value`, `low`, `high`, `difference` (less the first's), `apart`: whether the
          interval and that of the first have no point in common, which is no test.
        - ``maps``: the same by `explainer` too: where the maps of all films look, against the
          outline.
    """
    first = revisions[0]
    about = [
        (one.name, one.commit, one.eps, _level(one), one.films == first.films) for one in revisions
    ]
    metrics = [_metrics(one) for one in revisions]
    maps = [_maps(one) for one in revisions]
    columns = ["revision", "commit", "eps", "level", "same_films"]
    return {
        "revisions": pd.DataFrame(about, columns=columns),
        "params": _params(revisions),
        "metrics": _differences(pd.concat(metrics, ignore_index=True), METRICS, first.name),
        "maps": _differences(pd.concat(maps, ignore_index=True), MAPS, first.name),
    }


def flat(value: object, prefix: str = "") -> dict[str, str]:
    """Return the values of nested sections by their keys, as `params.yaml` writes them."""
    if isinstance(value, dict):
        start = f"{prefix}." if prefix else ""
        parts = (flat(inner, f"{start}{key}") for key, inner in value.items())
        return {key: text for part in parts for key, text in part.items()}
    if isinstance(value, list):
        return {prefix: ", ".join(map(str, value))}
    return {prefix: str(value).lower() if isinstance(value, bool) else str(value)}


def _params(revisions: list[Revision]) -> pd.DataFrame:
    found = {one.name: flat(one.document) for one in revisions}
    keys = dict.fromkeys(itertools.chain.from_iterable(found.values()))
    rows = [
        (key, name, values.get(key, ""))
        for key in keys
        if len({values.get(key) for values in found.values()}) > 1
        for name, values in found.items()
    ]
    return pd.DataFrame(rows, columns=["key", "revision", "value"])


def _metrics(one: Revision) -> pd.DataFrame:
    """What a revision measured on clean films, and on films attacked at its own budget."""
    parts = []
    for films, eps in {"clean": 0.0, "attacked": one.eps}.items():
        rows = np.isclose(one.metrics["eps"], eps, rtol=0, atol=1e-9)
        parts.append(one.metrics[rows].assign(films=films, revision=one.name))
    table = pd.concat(parts, ignore_index=True)
    return table[[*METRICS, "revision", "value", "low", "high"]]


def _maps(one: Revision) -> pd.DataFrame:
    rows = (one.maps["answers"] == "all") & (one.maps["region"] == "mask")
    table = one.maps[rows].rename(columns={"image": "films"}).assign(revision=one.name)
    return table[[*MAPS, "revision", "value", "low", "high"]]


def _differences(table: pd.DataFrame, keys: tuple[str, ...], first: str) -> pd.DataFrame:
    """Hold each row against that of the first revision; NaN and False where it has none."""
    ends = ["value", "low", "high"]
    start = table.loc[table["revision"] == first, [*keys, *ends]]
    pair = table.merge(start, "left", list(keys), suffixes=("", "_first"), validate="m:1")
    apart = (pair["low"] > pair["high_first"]) | (pair["high"] < pair["low_first"])
    difference = pair["value"] - pair["value_first"]
    return table.assign(difference=difference.to_numpy(), apart=apart.to_numpy())


def _read_all(names: list[str]) -> tuple[dict[str, Revision], list[str]]:
    """Read what can be had, and name what cannot."""
    found, absent = {}, []
    for name in names:
        try:
            found[name] = _read(name)
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


def _read(name: str) -> Revision:
    """Read a revision's files through DVC; those it keeps in its cache are never checked out."""
    from dvc.exceptions import DvcException  # type: ignore[import-untyped]
    from dvc.repo import Repo  # type: ignore[import-untyped]
    from dvc.scm import RevError  # type: ignore[import-untyped]
    from scmrepo.exceptions import SCMError

    try:
        with Repo() as repo, repo.switch(name) as commit:
            files = dict(_contents(name, repo.dvcfs))
    except RevError:
        raise InputError(
            f"{name} is no git revision and no experiment; `dvc exp show` lists experiments"
        ) from None
    except (DvcException, SCMError, ImportError) as error:  # a remote's driver may not be installed
        raise InputError(f"{name}: {_one_line(error)}") from None
    return _revision(name, "" if commit == WORKSPACE else commit, files)


def _contents(name: str, system: Any) -> Iterator[tuple[Path, bytes]]:
    """Read the files of a study from the folder that DVC shows of a revision."""
    from dvc_data.index import DataIndexError

    try:
        yield paths.PARAMS, system.read_bytes(paths.PARAMS.as_posix())
    except FileNotFoundError:
        raise InputError(f"{name} has no {paths.PARAMS}, so that it is no study") from None
    if system.exists(LOCK):
        yield Path(LOCK), system.read_bytes(LOCK)
    for path in _summaries():
        try:
            yield path, system.read_bytes(path.as_posix())
        except (OSError, DataIndexError):
            raise AbsentError(name) from None


def _summaries() -> tuple[Path, Path]:
    return paths.SUMMARY / "metrics.parquet", paths.SUMMARY / "attributions.parquet"


def _revision(name: str, commit: str, files: dict[Path, bytes]) -> Revision:
    yaml = YAML(typ="safe")
    try:
        document, lock = (yaml.load(files.get(path, b"{}")) for path in (paths.PARAMS, Path(LOCK)))
        tables = [pd.read_parquet(io.BytesIO(files[path])) for path in _summaries()]
        revision = Revision(name, commit, document, lock, *tables)
        tabulate([revision])
    except (YAMLError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{name}: its params.yaml or summary is of another release: {_one_line(error)}"
        ) from None
    return revision


def _level(one: Revision) -> float:
    return float(one.document["evaluate"]["level"])


def _budget(value: object) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Budget).validate_python(value)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
