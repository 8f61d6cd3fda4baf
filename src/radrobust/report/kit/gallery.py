"""Maps of single radiographs, clean and attacked: chosen by a rule, on one scale a method."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from itertools import count
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radrobust.evaluation.attributions import exceeds_tolerance
from radrobust.report.kit import html, layers, links
from radrobust.report.kit.pictures import BoolArray, Picture, Scale, as_picture, column, strip
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import IMAGES, Study, keyed
from radrobust.report.kit.text import Row, explainer_title, number

PIXELS = 1_600_000
"""Of all maps that are shown together: the page must stay light to load."""

ROWS = 6
"""Most rows of pictures of a system: a clean image that is misclassified has no attacked one."""

NONE = "None was explained, or none but those shown already."


class Kind(NamedTuple):
    """A kind of case.

    Attributes
    ----------
    title : str
        Of its card.
    fits : callable
        From the rows of clean radiographs to those of this kind.
    """

    title: str
    fits: Callable[[pd.DataFrame], pd.Series[bool]]


KINDS = {
    "hit": Kind("True positive", lambda rows: (rows["label"] == 1) & (rows["predicted"] == 1)),
    "miss": Kind("False negative", lambda rows: (rows["label"] == 1) & (rows["predicted"] == 0)),
    "alarm": Kind("False positive", lambda rows: (rows["label"] == 0) & (rows["predicted"] == 1)),
    "attacked": Kind("Misclassified under attack", lambda rows: rows["misclassified"]),
}
"""In the order in which radiographs are chosen and shown; none is shown twice."""


class Case(NamedTuple):
    """A radiograph of the gallery.

    Attributes
    ----------
    name : str
        The sample's.
    images : dict
        From ``clean`` and ``attacked`` to S×S or S×S×3 uint8.
    mask : array
        S×S bool.
    address : str
        In the case browser.
    rows : dict
        From an image and an explainer to the row of the table `attributions`.
    """

    name: str
    images: dict[str, Picture]
    mask: BoolArray
    address: str
    rows: dict[tuple[str, str], Row]

    def answer(self, image: str = "clean") -> Row:
        """Return the answer to an image, which is the same in the rows of all explainers."""
        return next(row for (of, _), row in self.rows.items() if of == image)


class Shades(NamedTuple):
    """One method's maps of the radiographs, by image and sample, and their common scale."""

    values: dict[tuple[str, str], NDArray[np.float32]]
    scale: Scale


def cards(study: Study) -> Html:
    """The radiographs of each system with the maps of every method, a tab a system."""
    panes = {study.title(system): _gallery(study, system) for system in study.systems}
    return html.tabs("gallery", panes)


def choose(study: Study, system: str) -> dict[str, str]:
    """Choose the radiographs of a system's gallery: the first sample of each kind.

    Kinds of which there is no sample that is not shown already are left out.
    """
    table = study.attributions(system)
    method = study.params.explain.methods[0]
    rows = table[(table["image"] == "clean") & (table["explainer"] == method)]
    rows = rows.set_index("sample_id").loc[study.explained(system)]
    chosen: dict[str, str] = {}
    for key, kind in KINDS.items():
        names = rows.index[kind.fits(rows).astype(bool)]
        free = [str(name) for name in names if name not in chosen.values()]
        if free:
            chosen[key] = free[0]
    return chosen


def _gallery(study: Study, system: str) -> str:
    chosen = choose(study, system)
    cases = _cases(study, system, list(chosen.values()))
    shades = {
        method: _shades(study, system, method, list(cases))
        for method in study.params.explain.methods
    }
    parts = [
        _card(study, system, key, cases[chosen[key]], shades)
        if key in chosen
        else f"<p><b>{kind.title}.</b> {NONE}</p>"
        for key, kind in KINDS.items()
    ]
    legend = _legend({method: found.scale for method, found in shades.items()})
    return f"{html.named(study.title(system), study.label(system))}{legend}{''.join(parts)}"


def _cases(study: Study, system: str, names: list[str]) -> dict[str, Case]:
    table = study.attributions(system)
    positions = dict(zip(study.samples.table["sample_id"], count(), strict=False))
    cases = {}
    for name, image in zip(names, study.adversarial(system, names).images, strict=True):
        clean = np.asarray(study.samples.images[positions[name]])
        cases[name] = Case(
            name,
            {"clean": clean, "attacked": as_picture(image)},
            np.asarray(study.samples.masks[positions[name]]),
            links.case(name, system),
            keyed(table[table["sample_id"] == name], "image", "explainer"),
        )
    return cases


def _shades(study: Study, system: str, method: str, names: list[str]) -> Shades:
    """The scale is that of every radiograph that was explained, clean and attacked."""
    maps, explained = study.maps(system, method), study.explained(system)
    scale = Scale.of(np.concatenate(list(maps.values())))
    values = {(image, name): maps[image][explained.index(name)] for image in IMAGES
              for name in names}  # fmt: skip
    return Shades(values, scale)


def _card(study: Study, system: str, key: str, case: Case, shades: dict[str, Shades]) -> str:
    title = f"{KINDS[key].title}: {case.name}"
    changed = bool(case.answer()["changed"])
    rows = "".join(
        _row(study, f"{system}-{key}-{image}", case, image, shades)
        for image in IMAGES[: 1 + changed]
    )
    scrolled = (
        f'<div class="card-scroll" tabindex="0" role="region" '
        f'aria-label="{escape(title)}, {escape(study.title(system))}">{rows}</div>'
    )
    before = "" if case.answer()["right"] else ": the radiograph was misclassified before"
    left = "" if changed else f" The attack changed nothing{before}."
    return html.figure(
        f'<p class="named">{links.to_case(case.address, escape(title))}</p>{scrolled}',
        f"Truth: {study.classes[int(case.answer()['label'])]}.{left}",
        style="card",
    )


def _row(study: Study, name: str, case: Case, image: str, shades: dict[str, Shades]) -> str:
    """A radiograph, its maps and its answer; `name` is that of the row on the page."""
    columns = [_image_column(study, name, case, image)]
    columns += [
        _map_column(study, name, case, image, method, found) for method, found in shades.items()
    ]
    answer = case.answer(image)
    said = study.classes[int(answer["predicted"])]
    verdict = "correct" if answer["right"] else "misclassified"
    probability = f"probability of {study.classes[1]} {answer['probability']:.2f}"
    line = f"<b>{image.capitalize()}</b>: {escape(f'“{said}”, {verdict}; {probability}')}"
    shown = f'<div class="maps strip" style="--maps:{len(columns)}">{"".join(columns)}</div>'
    return f'<p class="said">{line}</p>{shown}'


def _image_column(study: Study, name: str, case: Case, image: str) -> str:
    """The radiograph, and below it the same with the finding outlined."""
    side, of_what = case.mask.shape[0], f"{image.capitalize()} radiograph {case.name}"
    layer = layers.image(f"{name}-film", case.images[image], side)
    pictures = layers.picture(side, of_what, layer)
    if case.mask.any():
        pictures += layers.picture(
            side,
            f"{of_what}, the {study.finding} outlined",
            layers.again(f"{name}-film"),
            layers.outline(f"{name}-outline", case.mask),
        )
    linked = links.to_case(case.address, pictures, repeated=True)
    return column("Radiograph", "outlined below" if case.mask.any() else "", linked)


def _map_column(
    study: Study, name: str, case: Case, image: str, method: str, shades: Shades
) -> str:
    """A map, and below it the same laid over the radiograph."""
    row, side = case.rows[image, method], case.mask.shape[0]
    values = layers.shrunk(shades.values[image, case.name], _most(study))
    of_what = f"{explainer_title(method)} map of {image} radiograph {case.name}"
    share = row["mask_coverage_5"]
    covers = "" if np.isnan(share) else f"covers {number(share, 'share')} %"
    alone = layers.picture(
        side,
        f"{of_what}. {covers}".strip(),
        layers.paper(shades.scale),
        layers.heat(f"{name}-{method}", values, shades.scale, side),
    )
    laid_over = layers.picture(
        side,
        f"{of_what}, laid over the radiograph",
        layers.again(f"{name}-film"),
        layers.again(f"{name}-{method}", layers.OVER_THE_IMAGE),
        layers.again(f"{name}-outline") if case.mask.any() else "",
    )
    noted = "".join(f'<p class="noted">{note}</p>' for note in _notes(row))
    linked = links.to_case(case.address, f"{alone}{laid_over}", repeated=True)
    return column(explainer_title(method), covers, f"{linked}{noted}")


def _most(study: Study) -> int:
    """How many pixels wide the picture of a map may be."""
    maps = len(study.systems) * len(study.params.explain.methods) * ROWS
    return int((PIXELS / maps) ** 0.5)


def _notes(row: Row) -> list[str]:
    """List the oddities of a map."""
    off = not np.isnan(row["delta"]) and bool(exceeds_tolerance(pd.DataFrame([row]))[0])
    notes = {"⚠ does not add up": off, "zero everywhere": row["largest"] == 0}
    return [note for note, holds in notes.items() if holds]


def _legend(scales: dict[str, Scale]) -> str:
    strips = []
    for explainer, scale in scales.items():
        ends = ("against", "for the answer") if scale.signed else ("none", "strong")
        colours = (
            "blue against the answer, white nothing, red for the answer"
            if scale.signed
            else "black without influence, through red to yellow for strong"
        )
        title = explainer_title(explainer)
        shown = strip(scale, f"Colours of {title}: {colours}", ends)
        strips.append(f'<div><span class="map-title">{escape(title)}</span>{shown}</div>')
    return f'<div class="legend-strips">{"".join(strips)}</div>'
