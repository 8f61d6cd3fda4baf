import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session", params=["phantom", "fracatlas"])
def study(request, fake_study, tmp_path_factory):
    """A summarised study; the second has one system, other facts and other networks."""
    from radrobust.report.kit.study import Study
    from radrobust.stages.summarise import summarise

    root = tmp_path_factory.mktemp(request.param)
    written = {
        "phantom": {"systems": tuple(fake_study.SKILL)},
        "fracatlas": {"systems": ("huang2021",), "model": fake_study.ROBUSTBENCH},
    }[request.param]
    params = fake_study.write_study(root, request.param, count=120, **written)
    before = Path.cwd()
    os.chdir(root)
    try:
        summarise(params)
    finally:
        os.chdir(before)
    return Study.load(root)


@pytest.fixture
def replaced():
    """Make the same study with other tables, or with other values in the section `attack`."""
    from radrobust.core.params import Attack
    from radrobust.report.kit.study import Study

    def replace(study, attack=None, **tables):
        fields = {name: getattr(study.params.attack, name) for name in Attack.model_fields}
        known = Attack.model_validate(fields | (attack or {}))
        changed = Study(study.root, study.params.model_copy(update={"attack": known}))
        changed.__dict__.update(tables)
        return changed

    return replace
