"""Stages renderer and site: what renders the executed pages, and the website."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import nbformat
from ruamel.yaml import YAML

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.files import replacing
from radrobust.core.params import load_params
from radrobust.site import media
from radrobust.site.links import broken_links
from radrobust.site.renderers import RENDERED, Renderer, find_renderer
from radrobust.stages.page import pages

PROJECT = Path("_quarto.yml")
ASSETS = Path("assets")
COPIED = (ASSETS, paths.RESULTS / "cases", paths.RESULTS / "tables")
"""Folders that the site holds as they are; those of results only where a study has them."""

OPTIONAL = {"compare": paths.RESULTS / "compare"}
"""Pages that not every study has, and the folders whose presence says that it has them."""


def renderer() -> None:
    """Write what would render the site here, so that stage `site` depends on it.

    Raises
    ------
    InputError
        Nothing can render it.
    """
    found = find_renderer()
    with replacing(paths.RENDERER) as draft:
        facts = {"name": found.name, "version": found.version}
        draft.write_text(json.dumps(facts) + "\n", encoding="utf-8")


def site() -> None:
    """Render `notebooks/` into `_site/`, with Quarto where it is installed, else with smalldocs.

    The site is replaced as a whole: no page of an earlier one remains, and where rendering fails
    or a link leads nowhere the earlier one stays.

    Raises
    ------
    InputError
        A page has not been executed, the renderer failed, or a link leads nowhere.
    """
    renderer = find_renderer()
    with tempfile.TemporaryDirectory() as workroom:
        project = Path(workroom) / "site"
        _assemble(project, renderer)
        renderer.render(project)
        # A renderer takes along what pages link to, but not what only their scripts ask for.
        _copy_folders(project / RENDERED)
        shutil.copytree(
            project / media.FOLDER, project / RENDERED / media.FOLDER, dirs_exist_ok=True
        )
        for page, link in broken_links(project / RENDERED):
            raise InputError(f"{page}: the link {link} leads nowhere")
        with replacing(paths.SITE) as draft:
            shutil.copytree(project / RENDERED, draft)
    print(f"{renderer} rendered {paths.SITE / 'index.html'}")


def _assemble(project: Path, renderer: Renderer) -> None:
    """Lay the pages beside `_quarto.yml`: both renderers mirror folders into addresses."""
    (project / media.FOLDER).mkdir(parents=True)
    missing = {name for name, folder in OPTIONAL.items() if not folder.is_dir()}
    for name in pages(load_params()):
        if name in missing:
            continue
        notebook = paths.NOTEBOOKS / f"{name}.ipynb"
        if not notebook.is_file():
            raise InputError(f"{notebook} is not here; run `radrobust page {name}` first")
        _lay(notebook, project, renderer)
    _copy_folders(project)
    yaml = YAML()
    document = yaml.load(PROJECT.read_text(encoding="utf-8"))
    website = document["website"]
    website["page-footer"]["center"] += f" Rendered by {renderer}."
    navbar, gone = website["navbar"], {f"{name}.ipynb" for name in missing}
    navbar["left"] = [item for item in navbar["left"] if item.get("href") not in gone]
    yaml.dump(document, project / PROJECT)


def _lay(notebook: Path, project: Path, renderer: Renderer) -> None:
    """Copy a notebook as its renderer takes it, its pictures beside it."""
    page = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    for name, data in media.take_out(page).items():
        (project / media.FOLDER / name).write_bytes(data)
    renderer.prepare(page)
    nbformat.write(page, project / notebook.name)  # type: ignore[no-untyped-call]


def _copy_folders(root: Path) -> None:
    for folder in COPIED:
        if folder.is_dir():
            shutil.copytree(folder, root / folder.name, dirs_exist_ok=True)
