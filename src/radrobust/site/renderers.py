"""What turns executed pages into a website: Quarto where it is installed, else smalldocs."""

from __future__ import annotations

import shutil
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from nbformat import NotebookNode

from radrobust.core.errors import InputError
from radrobust.site import scripts
from radrobust.site.raw import as_raw_blocks

RENDERED = "_site"
"""Where a renderer leaves the site, inside the project that it renders."""


@dataclass(frozen=True)
class Renderer(ABC):
    """A program that makes a website of a folder with `_quarto.yml` and executed notebooks.

    Attributes
    ----------
    version : str
        Of the program.
    """

    version: str

    @property
    @abstractmethod
    def name(self) -> str:
        """What the program is called."""

    @abstractmethod
    def prepare(self, page: NotebookNode) -> None:
        """Change an executed page into one that this renderer shows as it is meant."""

    @abstractmethod
    def render(self, project: Path) -> None:
        """Render a project into its folder `RENDERED`.

        Raises
        ------
        InputError
            The renderer refused the project.
        """

    def __str__(self) -> str:
        """Name it with its version."""
        return f"{self.name} {self.version}"


class Quarto(Renderer):
    """The `quarto` of the PATH."""

    name = "Quarto"

    def prepare(self, page: NotebookNode) -> None:
        """Show HTML as a raw block: HTML outputs would make Quarto ask a CDN for scripts."""
        as_raw_blocks(page)

    def render(self, project: Path) -> None:
        """Render, and let the pages' scripts run from a disk too."""
        words = ["quarto", "render", str(project), "--no-execute", "--quiet"]
        ended = subprocess.run(words, capture_output=True, text=True, check=False)
        if ended.returncode:
            said = (ended.stderr or ended.stdout).strip().splitlines() or ["it does not say why"]
            raise InputError(f"quarto render ended with code {ended.returncode}: {said[-1]}")
        scripts.make_ordinary(project / RENDERED)


class Smalldocs(Renderer):
    """The package that this project depends on."""

    name = "smalldocs"

    def prepare(self, page: NotebookNode) -> None:
        """Leave the page as it is: HTML outputs pass through."""

    def render(self, project: Path) -> None:
        """Render in this process."""
        from smalldocs.config import BuildError, ConfigError  # type: ignore[import-untyped]
        from smalldocs.site import build  # type: ignore[import-untyped]

        try:
            build(project, quiet=True)
        except (BuildError, ConfigError) as error:
            raise InputError(f"smalldocs: {error}") from None


def find_renderer() -> Renderer:
    """Return Quarto where `quarto` is on the PATH, else smalldocs.

    Raises
    ------
    InputError
        There is neither, or `quarto` does not start.
    """
    if quarto := shutil.which("quarto"):
        return Quarto(_quarto_version(quarto))
    try:
        return Smalldocs(version("smalldocs"))
    except PackageNotFoundError:
        raise InputError(
            "neither quarto nor smalldocs is installed; run pip install smalldocs"
        ) from None


def _quarto_version(quarto: str) -> str:
    try:
        ended = subprocess.run(
            [quarto, "--version"], capture_output=True, text=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise InputError(
            f"{quarto} does not start ({error}); install Quarto anew, or take it off the PATH and "
            f"smalldocs renders the site"
        ) from None
    return ended.stdout.strip()
