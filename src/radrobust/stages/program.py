"""Stage program: which sources each stage runs, so that DVC runs what a change of them concerns."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence

import radrobust.data.datasets as datasets
from radrobust.core import paths
from radrobust.core.files import replacing
from radrobust.core.params import Params
from radrobust.core.program import imports, listing, of_stage

OF_A_STUDY = ("audit", "prepare", "summarise", "cases", "tables", "site")
WITH_DATASETS = ("check", "read")
"""Stages that find datasets by their names."""

OF_A_SYSTEM = ("finetune", "attack", "explain")


def program(params: Params) -> None:
    """Write `results/program`: a file a stage, in the form of sha256sum's.

    Parameters
    ----------
    params : Params
        The study, whose systems have stages of their own.
    """
    with replacing(paths.PROGRAM) as folder:
        folder.mkdir()
        for name, modules in stages(params.systems).items():
            (folder / f"{name}.txt").write_text(listing(*modules), encoding="utf-8")


def stages(systems: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return, by the name of a stage's file, the modules that it begins with.

    Datasets are found by their names, and so are the systems that are checked; a page has its
    imports in `reports`. So some begin with more than the stage itself.
    """
    known = [f"{datasets.__name__}.{one.name}" for one in pkgutil.iter_modules(datasets.__path__)]
    found = {stage: (*of_stage(stage), *known) for stage in WITH_DATASETS}
    for system in systems:
        found["check"] += of_stage("check", system)
    found |= {stage: of_stage(stage) for stage in OF_A_STUDY}
    found |= {
        f"{stage}-{system}": of_stage(stage, system) for system in systems for stage in OF_A_SYSTEM
    }
    scripts = sorted(paths.REPORTS.glob("*.py"))
    return found | {f"page-{file.stem}": (*of_stage("page"), *imports(file)) for file in scripts}
