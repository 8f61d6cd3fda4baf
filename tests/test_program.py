"""Which sources a stage is made of: what is listed, and what a process that runs it has loaded."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.studies import QUICK

from radrobust.core import paths, program
from radrobust.core.program import of_stage, sources, version
from radrobust.stages import program as stage
from radrobust.stages.program import OF_A_STUDY, OF_A_SYSTEM, stages

SOURCES = Path(program.__file__).parents[2]
KEY = "amini2024"
RUN = """
import importlib, json, sys
from radrobust.core.params import load_params
name, *key = sys.argv[1:]
params = load_params().model_copy(update={"systems": ["amini2024"]})
getattr(importlib.import_module(f"radrobust.stages.{name}"), name)(*key, params)
print(json.dumps([name for name in sys.modules if name.split(".")[0] == "radrobust"]))
"""


# --- What runs --------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_a_stage_loads_is_what_is_listed(tmp_path, write_study):
    """Stages run in their order, each in a process of its own, with all that they import late."""
    write_study(tmp_path, QUICK)
    listed = stages([KEY])
    for name in ("check", "read", "audit", "prepare", *OF_A_SYSTEM, "summarise", "tables"):
        words = [name, KEY] if name in OF_A_SYSTEM else [name]
        ended = subprocess.run(
            [sys.executable, "-c", RUN, *words],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(SOURCES), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        loaded = set(json.loads(ended.stdout.splitlines()[-1]))
        assert f"radrobust.stages.{name}" in loaded
        assert loaded <= set(sources(*listed["-".join(words)])), name


@pytest.mark.parametrize("name", [*OF_A_STUDY, *OF_A_SYSTEM, "check", "read", "page"])
def test_what_a_stage_imports_at_once_is_listed(name):
    code = f"import sys, radrobust.stages.{name}; print(*sys.modules)"
    words = [sys.executable, "-c", code]
    environment = os.environ | {"PYTHONPATH": str(SOURCES)}
    said = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    loaded = {one for one in said.stdout.split() if one.split(".")[0] == "radrobust"}
    assert {"radrobust", f"radrobust.stages.{name}"} <= loaded <= set(sources(*of_stage(name)))


def test_a_stage_is_made_of_no_more_than_it_needs():
    finetune, attack, explain = (set(sources(*of_stage(name))) for name in OF_A_SYSTEM)
    for found, needed, others in (
        (finetune, "training.loop", ("attribution", "report", "site")),
        (attack, "attacks.losses", ("training", "attribution", "evaluation", "report", "site")),
        (explain, "attribution.secants", ("training", "evaluation", "report", "site")),
    ):
        assert {f"radrobust.{needed}", "radrobust.core.seeds"} <= found
        names = tuple(f"radrobust.{other}" for other in others)
        assert not [one for one in found if one.startswith(names)]


# --- How it is found --------------------------------------------------------------------------


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A package of the same name, made of texts by their modules' names."""
    folder = tmp_path / "radrobust"
    monkeypatch.setattr(program, "_FOLDER", folder)

    def write(**modules):
        for name, text in ({"__init__": ""} | modules).items():
            file = folder / f"{name.replace('.', '/')}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    return write


def listed(*modules):
    return [name.removeprefix("radrobust").lstrip(".") for name in sources(*modules)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from radrobust.b import thing", ["b"]),
        ("from radrobust import b", ["b"]),
        ("import radrobust.b as other, os.path", ["b"]),
        ("def late():\n    from radrobust.b import thing", ["b"]),
        ("try:\n    import radrobust.b\nexcept ImportError:\n    import json", ["b"]),
        ("if True:\n    import radrobust.b", ["b"]),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import radrobust.b", []),
        ("import json, radrobustness.b\nfrom b import radrobust", []),
        ("from radrobust.inner.c import thing", ["inner", "inner.c"]),
        ("from radrobust.inner import c", ["inner", "inner.c"]),
        ("from radrobust.inner import NAME", ["inner"]),
        ("text = 'import radrobust.b'", []),
    ],
)
def test_imports_are_read_off_the_source(toy, text, found):
    toy(**{"a": text, "b": "", "inner.__init__": "NAME = 1", "inner.c": ""})
    assert listed("radrobust.a") == ["", "a", *found]


def test_what_is_imported_by_imports_is_found_and_circles_end(toy):
    toy(
        **{
            "a": "import radrobust.b",
            "b": "from radrobust.inner.c import thing",
            "inner.__init__": "from radrobust import d",
            "inner.c": "import radrobust.a",
            "d": "",
            "alone": "import radrobust.a",
        }
    )
    assert listed("radrobust.a") == ["", "a", "b", "d", "inner", "inner.c"]
    assert listed("radrobust.d") == ["", "d"]
    assert listed("radrobust.d", "radrobust.nowhere", "json") == ["", "d"]


# --- What follows from it ---------------------------------------------------------------------


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the program, which may be changed."""
    folder = tmp_path / "src" / "radrobust"
    shutil.copytree(SOURCES / "radrobust", folder, ignore=shutil.ignore_patterns("__pycache__"))
    before = {name: version(*of_stage(name)) for name in OF_A_SYSTEM}
    monkeypatch.setattr(program, "_FOLDER", folder)
    assert {name: version(*of_stage(name)) for name in OF_A_SYSTEM} == before
    return folder


def test_a_byte_of_a_source_makes_another_version_and_one_of_any_other_file_does_not(copy):
    modules = of_stage("attack", KEY)
    files, before = set(sources(*modules).values()), version(*modules)
    assert len(before) == 16 and int(before, 16)
    versions = set()
    for file in copy.rglob("*.py"):
        content = file.read_bytes()
        file.write_bytes(content + b"\n")
        if file in files:
            versions.add(version(*modules))
        else:
            assert version(*modules) == before, file
        file.write_bytes(content)
    assert len(versions - {before}) == len(files) > 20
    assert version(*modules) == before


def test_where_the_program_lies_has_no_influence_and_what_it_is_called_has(toy, tmp_path):
    toy(a="import radrobust.b", b="x = 1", c="x = 1", d="import radrobust.c")
    same = {version("radrobust.b"), version("radrobust.c"), version("radrobust.b", "radrobust.c")}
    assert len(same) == 3
    assert version("radrobust.b", "radrobust.c") == version("radrobust.c", "radrobust.b")


@pytest.mark.parametrize(
    ("source", "stale"),
    [
        ("attacks/losses.py", {f"attack-{KEY}"}),
        ("evaluation/survival.py", {"summarise"}),
        ("data/datasets/tb.py", {"check", "read"}),
    ],
)
def test_a_change_concerns_the_stages_that_run_it(
    copy, params, tmp_path, monkeypatch, source, stale
):
    monkeypatch.chdir(tmp_path)
    study = params(systems=[KEY])

    def written():
        stage.program(study)
        files = {file.stem: file.read_text() for file in paths.PROGRAM.iterdir()}
        return {name: text for name, text in files.items() if not name.startswith("page")}

    before = written()
    assert set(before) == {
        *OF_A_STUDY, "check", "read", *(f"{name}-{KEY}" for name in OF_A_SYSTEM)
    }  # fmt: skip
    digest = hashlib.sha256((copy / source).read_bytes()).hexdigest()
    module = f"radrobust.{source.removesuffix('.py').replace('/', '.')}"
    for name, text in before.items():
        assert (f"{digest}  {module}\n" in text) == (name in stale), name
    with (copy / source).open("a") as file:
        file.write("\n")
    after = written()
    assert {name for name in before if before[name] != after[name]} == stale
