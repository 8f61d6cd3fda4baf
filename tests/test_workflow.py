"""What runs on GitHub, which no test here can run: it parses, and what it calls is there."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

REPOSITORY = Path(__file__).parents[1]
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")


def jobs(file: Path) -> dict:
    return YAML(typ="safe").load(file.read_text(encoding="utf-8"))["jobs"]


def commands(file: Path) -> list[str]:
    steps = [step for job in jobs(file).values() for step in job["steps"]]
    return [line for step in steps for line in step.get("run", "").splitlines()]


def test_there_is_a_workflow():
    assert [file.name for file in WORKFLOWS] == ["site.yml"]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_what_make_is_asked_for_is_in_the_makefile(file):
    asked = [words.split()[1:] for words in commands(file) if words.startswith("make ")]
    assert {words[0] for words in asked} >= {"check", "test-all", "report"}
    for target, *variables in asked:
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target
        for variable in variables:
            name = variable.partition("=")[0]
            assert re.search(rf"^{name} *\?=", MAKEFILE, re.MULTILINE), name


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_only_what_publishes_may_write_and_only_after_the_tests(file):
    document = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    assert document["permissions"] == {"contents": "read"}
    for name, job in document["jobs"].items():
        assert set(job.get("needs", [])) <= set(document["jobs"])
        if name != "publish":
            assert "permissions" not in job
    publish = document["jobs"]["publish"]
    assert publish["permissions"] == {"pages": "write", "id-token": "write"}
    assert set(publish["needs"]) == {"test", "build"}
    assert "refs/heads/main" in publish["if"]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_what_is_uploaded_is_what_the_site_stage_writes(file):
    from radrobust.core import paths

    uploads = [
        step["with"]["path"]
        for job in jobs(file).values()
        for step in job["steps"]
        if "upload-pages-artifact" in step.get("uses", "")
    ]
    assert uploads == [str(paths.SITE)]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_the_python_is_one_that_the_project_is_pinned_for(file):
    wanted = re.search(r"CPython (\d+\.\d+)", (REPOSITORY / "constraints.txt").read_text())
    assert wanted
    versions = {
        step["with"]["python-version"]
        for job in jobs(file).values()
        for step in job["steps"]
        if "setup-python" in step.get("uses", "")
    }
    assert versions == {wanted[1]}
