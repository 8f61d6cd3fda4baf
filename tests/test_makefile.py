"""The set-up that `make` does, on a project with nothing in it but its name."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[1] / "Makefile"
ABSENT = "Quarto cannot be had here; smalldocs renders the site"
NOWHERE = "http://127.0.0.1:9/simple"
# `make test` runs these tests too; a make within a make speaks of its folders.
OUTSIDE = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
PROJECT = """
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "nothing"
version = "1.0"

[tool.setuptools]
packages = []
"""


class Project:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(MAKEFILE, folder)
        (folder / "pyproject.toml").write_text(PROJECT)
        (folder / "constraints.txt").write_text("")

    def make(self, target: str, **environment: str) -> str:
        # The folder of this interpreter may hold a Quarto.
        path = os.pathsep.join(["/usr/local/bin", "/usr/bin", "/bin"])
        python = shutil.which("python3", path=os.environ["PATH"]) or "python3"
        ended = subprocess.run(
            ["make", target, f"PYTHON={python}"],
            cwd=self.folder,
            env=OUTSIDE | {"PATH": path} | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout + ended.stderr

    def installer(self) -> str:
        facts = self.folder.glob(".venv/lib/*/site-packages/nothing-*/INSTALLER")
        return next(facts).read_text().strip()


@pytest.fixture(scope="module")
def by_uv(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    assert "pip does" not in project.make(".venv/installed")
    return project


@pytest.fixture
def project(by_uv):
    """A project that is installed, and that has not asked for Quarto yet."""
    (by_uv.folder / ".venv/renderer").unlink(missing_ok=True)
    return by_uv


@pytest.mark.slow
def test_uv_installs_and_a_second_make_does_nothing(project):
    assert project.installer() == "uv"
    assert "up to date" in project.make(".venv/installed")


@pytest.mark.slow
def test_pip_installs_where_uv_finds_no_index(tmp_path):
    project = Project(tmp_path)
    said = project.make(".venv/installed", UV_DEFAULT_INDEX=NOWHERE, UV_HTTP_RETRIES="0")
    assert "uv could not install; pip does" in said
    assert project.installer() == "pip"


@pytest.mark.slow
def test_quarto_is_asked_for_once_and_its_absence_told_in_one_line(project):
    unreachable = {"PIP_INDEX_URL": NOWHERE, "PIP_RETRIES": "0"}
    assert project.make(".venv/renderer", **unreachable).splitlines() == [ABSENT]
    assert "up to date" in project.make(".venv/renderer", **unreachable)


@pytest.mark.slow
def test_a_download_that_hangs_is_given_up(project):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        said = project.make(".venv/renderer", PIP_INDEX_URL=index, QUARTO_PATIENCE="3")
    assert said.splitlines() == [ABSENT]


@pytest.mark.slow
def test_a_quarto_of_the_path_is_not_asked_for_again(project):
    program = project.folder / ".venv/bin/quarto"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert project.make(".venv/renderer", PIP_INDEX_URL=NOWHERE) == ""
    program.unlink()
