"""The parameters and figures of experiments, side by side."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.tables import figures
from radrobust.core.tables.schema import Table

WORKSPACE = "workspace"
LOCK = "dvc.lock"
TABLES = (figures.CONDITIONS, figures.METRICS, figures.LOCALISATION)
"""What is read of each revision."""

SAMPLES = ("seed", "dataset", "phantom", "folder", "split")
"""Sections that decide which samples are tested."""

METRICS = ("system", "image", "metric")
MAPS = ("system", "image", "explainer", "metric")


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
    found : dict
        `TABLES`.
    """

    name: str
    commit: str
    document: dict[str, Any]
    lock: dict[str, Any] = field(repr=False)
    found: dict[Table, pd.DataFrame] = field(repr=False)

    @property
    def conditions(self) -> dict[str, str]:
        """From ``clean`` and ``attacked`` to the key of that condition."""
        table = self.found[figures.CONDITIONS]
        table = table[table["image"] != ""]
        return dict(zip(table["image"], table["condition"], strict=True))

    @property
    def samples(self) -> object:
        """What is equal for two revisions that tested the same samples."""
        stages = self.lock.get("stages", {})
        outs = [out for name in ("read", "prepare") for out in stages.get(name, {}).get("outs", [])]
        hashes = {out["path"]: out.get("md5") for out in outs}
        sections = [flat(self.document.get(section)) for section in SAMPLES]
        return sections, [hashes.get(path.as_posix()) for path in (paths.FILMS, paths.SAMPLES)]

    def equals(self, other: Revision) -> bool:
        """Tell whether nothing that is compared differs."""
        return flat(self.document) == flat(other.document) and all(
            self.found[table].equals(other.found[table]) for table in TABLES
        )


def tabulate(revisions: list[Revision]) -> dict[str, pd.DataFrame]:
    """Lay revisions beside each other.

    Parameters
    ----------
    revisions : list of Revision
        The one that the others are held against first.

    Returns
    -------
    dict of str to DataFrame
        - ``revisions``: `revision`, `commit`, `attacked` (key of the condition), `level` (of the
          intervals), `same_samples` (as those of the first).
        - ``params``: `key`, `revision`, `value`, of keys whose values differ; empty where a
          revision has no such key.
        - ``metrics``: `system`, `image` (clean, or attacked as the revision was), `metric`,
          `revision`, `value`, `low`, `high`, `difference` (less the first's), `apart`: whether the
          interval and that of the first have no point in common, which is no test.
        - ``maps``: the same by `explainer` too: where the maps of all samples look, against the
          outline.
    """
    first = revisions[0]
    about = [
        (
            *(one.name, one.commit, one.conditions["attacked"], _level(one)),
            one.samples == first.samples,
        )
        for one in revisions
    ]
    metrics = [_metrics(one) for one in revisions]
    maps = [_maps(one) for one in revisions]
    columns = ["revision", "commit", "attacked", "level", "same_samples"]
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
    """What a revision measured on clean images, and on those attacked at its own budget."""
    images = {key: image for image, key in one.conditions.items()}
    table = one.found[figures.METRICS]
    table = table.assign(image=table["condition"].map(images), revision=one.name)
    table = table.dropna(subset="image").sort_values("image", ascending=False, kind="stable")
    return table[[*METRICS, "revision", "value", "low", "high"]]


def _maps(one: Revision) -> pd.DataFrame:
    table = one.found[figures.LOCALISATION]
    rows = (table["answers"] == "all") & (table["region"] == "mask")
    return table[rows].assign(revision=one.name)[[*MAPS, "revision", "value", "low", "high"]]


def _differences(table: pd.DataFrame, keys: tuple[str, ...], first: str) -> pd.DataFrame:
    """Hold each row against that of the first revision; NaN and False where it has none."""
    ends = ["value", "low", "high"]
    start = table.loc[table["revision"] == first, [*keys, *ends]]
    pair = table.merge(start, "left", list(keys), suffixes=("", "_first"), validate="m:1")
    apart = (pair["low"] > pair["high_first"]) | (pair["high"] < pair["low_first"])
    difference = pair["value"] - pair["value_first"]
    return table.assign(difference=difference.to_numpy(), apart=apart.to_numpy())


def read_revision(name: str) -> Revision:
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
    for table in TABLES:
        try:
            yield table.path, system.read_bytes(table.path.as_posix())
        except (OSError, DataIndexError):
            raise AbsentError(name) from None


def _revision(name: str, commit: str, files: dict[Path, bytes]) -> Revision:
    yaml = YAML(typ="safe")
    try:
        document, lock = (yaml.load(files.get(path, b"{}")) for path in (paths.PARAMS, Path(LOCK)))
        found = {table: pd.read_parquet(io.BytesIO(files[table.path])) for table in TABLES}
        revision = Revision(name, commit, document, lock, found)
        tabulate([revision])
    except (YAMLError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{name}: its params.yaml or summary is of another release: {_one_line(error)}"
        ) from None
    return revision


def _level(one: Revision) -> float:
    return float(one.document["evaluate"]["level"])


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
