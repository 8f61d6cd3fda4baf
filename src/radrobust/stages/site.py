"""Stage site: render the executed pages into the website."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path

import nbformat
from ruamel.yaml import YAML

from radrobust import paths
from radrobust.errors import InputError
from radrobust.files import replacing
from radrobust.params import load_params
from radrobust.reporting import media
from radrobust.stages.page import pages

PROJECT = Path("_quarto.yml")
ASSETS = Path("assets")
COPIED = (ASSETS, paths.RESULTS / "cases", paths.RESULTS / "tables")
"""Folders that the site holds as they are; those of results only where a study has them."""

OPTIONAL = {"compare": paths.RESULTS / "compare"}
"""Pages that not every study has, and the folders whose presence says that it has them."""

RENDERED = "_site"


def site() -> None:
    """Render `notebooks/` into `_site/`, with Quarto where it is installed, else with smalldocs.

    The site is replaced as a whole: no page of an earlier one remains, and where rendering fails
    the earlier one stays.

    Raises
    ------
    InputError
        A page has not been executed, or the renderer failed.
    """
    quarto = shutil.which("quarto")
    renderer = _quarto_version(quarto) if quarto else f"smalldocs {version('smalldocs')}"
    with tempfile.TemporaryDirectory() as workroom:
        project = Path(workroom) / "site"
        _assemble(project, renderer)
        if quarto:
            _render_with_quarto(quarto, project)
        else:
            _render_with_smalldocs(project)
        # A renderer takes along what pages link to, but not what only their scripts ask for.
        _copy_folders(project / RENDERED)
        shutil.copytree(
            project / media.FOLDER, project / RENDERED / media.FOLDER, dirs_exist_ok=True
        )
        with replacing(paths.SITE) as draft:
            shutil.copytree(project / RENDERED, draft)
    print(f"{renderer} rendered {paths.SITE / 'index.html'}")


def _assemble(project: Path, renderer: str) -> None:
    """Lay the pages beside `_quarto.yml`: both renderers mirror folders into addresses."""
    (project / media.FOLDER).mkdir(parents=True)
    missing = {name for name, folder in OPTIONAL.items() if not folder.is_dir()}
    for name in pages(load_params()):
        if name in missing:
            continue
        notebook = paths.NOTEBOOKS / f"{name}.ipynb"
        if not notebook.is_file():
            raise InputError(f"{notebook} is not here; run `radrobust page {name}` first")
        _lay(notebook, project)
    _copy_folders(project)
    yaml = YAML()
    document = yaml.load(PROJECT.read_text(encoding="utf-8"))
    website = document["website"]
    website["page-footer"]["center"] += f" Rendered by {renderer}."
    navbar, gone = website["navbar"], {f"{name}.ipynb" for name in missing}
    navbar["left"] = [item for item in navbar["left"] if item.get("href") not in gone]
    yaml.dump(document, project / PROJECT)


def _lay(notebook: Path, project: Path) -> None:
    """Copy a notebook, its pictures beside it."""
    page = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    for name, data in media.take_out(page).items():
        (project / media.FOLDER / name).write_bytes(data)
    nbformat.write(page, project / notebook.name)  # type: ignore[no-untyped-call]


def _copy_folders(root: Path) -> None:
    for folder in COPIED:
        if folder.is_dir():
            shutil.copytree(folder, root / folder.name, dirs_exist_ok=True)


def _quarto_version(quarto: str) -> str:
    ended = subprocess.run([quarto, "--version"], capture_output=True, text=True, check=True)
    return f"Quarto {ended.stdout.strip()}"


def _render_with_quarto(quarto: str, project: Path) -> None:
    ended = subprocess.run([quarto, "render", str(project), "--no-execute"], check=False)
    if ended.returncode:
        raise InputError(f"quarto render ended with code {ended.returncode}; it says why above")


def _render_with_smalldocs(project: Path) -> None:
    from smalldocs.config import BuildError, ConfigError  # type: ignore[import-untyped]
    from smalldocs.site import build  # type: ignore[import-untyped]

    try:
        built = build(project, quiet=True)
    except (BuildError, ConfigError) as error:
        raise InputError(f"smalldocs: {error}") from None
    if built.broken:
        page, link = built.broken[0]
        raise InputError(f"{page}: the link {link} leads nowhere")
