import importlib.util
import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def fake_study():
    """The module that writes fake studies; `tests` is no package that could be imported."""
    path = Path(__file__).with_name("fake_study.py")
    spec = importlib.util.spec_from_file_location("fake_study", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session", params=["phantom", "fracatlas"])
def study(request, fake_study, tmp_path_factory):
    """A summarised study; the second has one system and other facts."""
    from radrobust.reporting.study import Study
    from radrobust.stages.summarise import summarise

    root = tmp_path_factory.mktemp(request.param)
    systems = ("standard", "huang2021") if request.param == "phantom" else ("huang2021",)
    params = fake_study.write_study(root, request.param, systems, count=120)
    before = Path.cwd()
    os.chdir(root)
    try:
        summarise(params)
    finally:
        os.chdir(before)
    return Study.load(root)
