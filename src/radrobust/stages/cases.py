"""Stage cases: every test radiograph with its answers and maps, for the case browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from radrobust.core import paths
from radrobust.core.files import replacing
from radrobust.core.params import Params
from radrobust.core.progress import progress
from radrobust.report.kit.study import Study
from radrobust.report.pages import cases as browser

DATA = "data.js"

Drawn = Iterator[tuple[Path, bytes]]
"""Pictures, by where they belong below `paths.CASES`."""


def cases(params: Params) -> None:
    """Write `results/cases`: `data.js`, and pictures of radiographs and maps.

    The same study gives the same bytes.

    Parameters
    ----------
    params : Params
        The study, attacked, explained and summarised, in the current folder.

    Raises
    ------
    InputError
        A stage before has not been run.
    """
    study = Study(Path(), params)
    found = browser.document(study)
    with (
        replacing(paths.CASES) as folder,
        progress(len(study.systems), "system", "drawing the cases") as bar,
    ):
        _write(folder, _images(study, found["thumbnails"]))
        for system in study.systems:
            _write(folder, _of_system(study, system, found))
            bar.update()
        (folder / DATA).write_text(browser.script(found), encoding="utf-8")


def _write(folder: Path, drawn: Drawn) -> None:
    for path, data in drawn:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def _images(study: Study, thumbnails: str) -> Drawn:
    for name, pixels in zip(browser.names(study), browser.images(study), strict=True):
        yield _file("films", name), browser.image(pixels)
        if thumbnails != "films":
            yield _file(thumbnails, name), browser.thumbnail(pixels)


def _of_system(study: Study, system: str, found: dict[str, Any]) -> Drawn:
    """Yield adversarial examples and maps; add the answers of the system to the document."""
    names = browser.names(study)
    attacked = study.adversarial(system, names)
    said = browser.answers(attacked.answers)
    for name, data in browser.adversarial(attacked):
        yield _file(f"attacked/{system}", name), data
    changed = {name for name, moved in zip(names, said["changed"], strict=True) if moved}
    maps = browser.maps(study, system)
    for place, name in enumerate(study.explained(system)):
        yield _file(f"maps/{system}", name), browser.sprite(maps, place, name in changed)
    found["answers"][system] = said
    signed = [one.signed for one in maps]
    found["maps"][system] = {"signed": signed, **browser.maps_said(study, system)}


def _file(folder: str, name: str) -> Path:
    return Path(folder) / f"{name}.webp"
