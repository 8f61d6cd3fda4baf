"""Naming some of the systems in a sentence."""

from __future__ import annotations

from radrobust.report.kit.study import Study
from radrobust.report.kit.text import listing

FEW = 3


def those(study: Study, chosen: list[str]) -> str:
    """Name some of the systems, or count them and name the exceptions where that is shorter."""
    others = [system for system in study.systems if system not in chosen]
    if len(chosen) <= FEW:
        return listing([study.name(system) for system in chosen])
    if not others:
        return f"all {len(chosen)} systems"
    if len(others) <= FEW:
        exceptions = listing([study.name(system) for system in others])
        return f"{len(chosen)} of {len(study.systems)} systems (all but {exceptions})"
    named = listing([study.title(system) for system in chosen])
    return f"{len(chosen)} of {len(study.systems)} systems ({named})"
