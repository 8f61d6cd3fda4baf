"""Maps of single films, clean and attacked: chosen by a rule, on one scale a method."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from itertools import count
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radrobust.evaluation.attributions import exceeds_tolerance
from radrobust.report.kit import html, layers
from radrobust.report.kit import links as case_links
from radrobust.report.kit.pictures import BoolArray, Picture, Scale, as_bytes, column, strip
from radrobust.report.kit.shown import Html, Markdown, prose
from radrobust.report.kit.study import IMAGES, Study, keyed
from radrobust.report.kit.text import Row, explainer_title, number, plural

PIXELS = 1_600_000
"""Of all maps that are shown together: the page must stay light to load."""

ROWS = 6
"""Of pictures that a system has at most: what is wrong before the attack has no attacked ones."""


class Kind(NamedTuple):
    """Of what kind a film of the gallery is.

    Attributes
    ----------
    title : str
        Of its card.
    fits : callable
        From the rows of clean films to which of them are of this kind.
    """

    title: str
    fits: Callable[[pd.DataFrame], pd.Series[bool]]


KINDS = {
    "hit": Kind("Hit", lambda rows: (rows["label"] == 1) & (rows["predicted"] == 1)),
    "miss": Kind("Miss", lambda rows: (rows["label"] == 1) & (rows["predicted"] == 0)),
    "alarm": Kind("False alarm", lambda rows: (rows["label"] == 0) & (rows["predicted"] == 1)),
    "broken": Kind("Broken by the attack", lambda rows: rows["broken"]),
}
"""In the order in which films are chosen and shown; no film is shown twice."""


class Film(NamedTuple):
    """A film of the gallery.

    Attributes
    ----------
    name : str
        The film's.
    clean : array
        S×S uint8, as stored.
    attacked : array
        S×S or S×S×3 uint8, as the attack left it.
    mask : array
        S×S bool.
    case : str
        The address of the film in the case browser.
    rows : dict
        From an image and an explainer to the row of the table `attributions`.
    """

    name: str
    clean: Picture
    attacked: Picture
    mask: BoolArray
    case: str
    rows: dict[tuple[str, str], Row]

    def answer(self, image: str = "clean") -> Row:
        """Return what is said of an image, which is the same in the rows of all explainers."""
        return next(row for (of, _), row in self.rows.items() if of == image)


class Shades(NamedTuple):
    """One method's maps of the films of a gallery, by image and film, and their common scale."""

    values: dict[tuple[str, str], NDArray[np.float32]]
    scale: Scale


def rule(study: Study) -> Markdown:
    """Say how the films were chosen."""
    finding, side = study.finding, study.params.dataset.image_size
    shown = layers.shrunk(np.zeros((side, side)), _most(study)).shape[0]
    averaged = f" Maps are averaged to {shown}×{shown} pixels for the pictures."
    return prose(
        f"Of each system the first film, in the order of the hash, that is a hit (a {finding}, "
        f"and said so), a miss (a {finding}, and not said so), a false alarm (no {finding}, and "
        f"said so) and broken by the attack: not chosen by hand, and none is shown twice. A click "
        f"on a picture opens the film in the [case browser](cases.ipynb)."
        f"{averaged if shown < side else ''}"
    )


def how_to_read(study: Study) -> Markdown:
    """Say what the pictures of a card are; of outlines only where there are any."""
    finding = study.finding
    outlined, hit = (
        (
            f", the {finding} outlined",
            f" The small print says how much of the {finding} is hit: is among the strongest 5 % "
            "of pixels.",
        )
        if study.marked
        else ("", f" No film has its {finding} marked, so none is outlined.")
    )
    return prose(
        "In each card the clean film is above the attacked one: every map, and below it the same "
        f"laid over the film{outlined}.{hit} Red speaks for the answer, blue against it; methods "
        "without a sign run from black to yellow. One scale of colours holds for all maps of a "
        "method and a system, so films can be compared, and clean with attacked; systems and "
        "methods cannot."
    )


def cards(study: Study) -> Html:
    """The films of each system with the maps of every method, a tab a system."""
    panes = {study.title(system): _gallery(study, system) for system in study.systems}
    return html.tabs("gallery", panes)


def choose(study: Study, system: str) -> dict[str, str]:
    """Choose the films of a system's gallery: from the kind to the first film that is of it.

    Kinds of which there is no film that is not shown already are left out.
    """
    rows = _clean_rows(study, system)
    chosen: dict[str, str] = {}
    for key, kind in KINDS.items():
        names = rows.index[kind.fits(rows).astype(bool)]
        free = [str(name) for name in names if name not in chosen.values()]
        if free:
            chosen[key] = free[0]
    return chosen


def _clean_rows(study: Study, system: str) -> pd.DataFrame:
    """One row a film that was explained, in the order in which they were drawn."""
    table = study.attributions(system)
    method = study.params.explain.methods[0]
    rows = table[(table["image"] == "clean") & (table["explainer"] == method)]
    return rows.set_index("sample_id").loc[study.explained(system)]


def _gallery(study: Study, system: str) -> str:
    chosen = choose(study, system)
    films = _films(study, system, list(chosen.values()))
    shades = {
        method: _shades(study, system, method, list(films))
        for method in study.params.explain.methods
    }
    parts = [
        _card(study, system, key, films[chosen[key]], shades)
        if key in chosen
        else f"<p><b>{kind.title}.</b> {escape(_none(study, system, key))}</p>"
        for key, kind in KINDS.items()
    ]
    named = f"{escape(study.title(system))} <small>{escape(study.label(system))}</small>"
    legend = _legend({method: found.scale for method, found in shades.items()})
    return f'<p class="named">{named}</p>{legend}{"".join(parts)}'


def _none(study: Study, system: str, key: str) -> str:
    """Say that there is no film of a kind that could be shown."""
    rows = _clean_rows(study, system)
    films = {label: plural(int((rows["label"] == label).sum()), "film") for label in (0, 1)}
    finding = study.finding
    if key == "broken":
        others = " other" if rows["broken"].any() else ""
        return f"The attack broke no{others} film of those that were explained."
    return {
        "hit": f"No hit among the {films[1]} with a {finding} that were explained.",
        "miss": f"No miss among the {films[1]} with a {finding} that were explained.",
        "alarm": f"No false alarm among the {films[0]} without a {finding} that were explained.",
    }[key]


def _films(study: Study, system: str, names: list[str]) -> dict[str, Film]:
    table = study.attributions(system)
    positions = dict(zip(study.samples.table["sample_id"], count(), strict=False))
    films = {}
    for name, image in zip(names, study.attacked(system, names).images, strict=True):
        pixels = as_bytes(255 * image.clip(0, 1)).transpose(1, 2, 0)
        films[name] = Film(
            name,
            np.asarray(study.samples.images[positions[name]]),
            pixels[..., 0] if pixels.shape[2] == 1 else pixels,
            np.asarray(study.samples.masks[positions[name]]),
            case_links.address(name, system),
            keyed(table[table["sample_id"] == name], "image", "explainer"),
        )
    return films


def _shades(study: Study, system: str, method: str, films: list[str]) -> Shades:
    """The scale is that of every film that was explained, clean and attacked."""
    maps, names = study.maps(system, method), study.explained(system)
    scale = Scale.of(np.concatenate(list(maps.values())))
    values = {(image, film): maps[image][names.index(film)] for image in IMAGES for film in films}
    return Shades(values, scale)


def _card(study: Study, system: str, key: str, film: Film, shades: dict[str, Shades]) -> str:
    title = f"{KINDS[key].title}: {film.name}"
    rows = [_row(study, system, key, film, "clean", shades)]
    changed = bool(film.answer()["changed"])
    if changed:
        rows.append(_row(study, system, key, film, "attacked", shades))
    scrolled = (
        f'<div class="card-scroll" tabindex="0" role="region" '
        f'aria-label="{escape(title)}, {escape(study.title(system))}">{"".join(rows)}</div>'
    )
    truth = f"Truth: {study.classes[int(film.answer()['label'])]}."
    wrong_before = "" if film.answer()["right"] else ": the film was wrong before"
    left = "" if changed else f" The attack changed nothing{wrong_before}."
    return html.figure(
        f'<p class="named">{case_links.link(film.case, escape(title))}</p>{scrolled}',
        f"{truth}{left}",
        style="card",
    )


def _row(
    study: Study, system: str, key: str, film: Film, image: str, shades: dict[str, Shades]
) -> str:
    """A film and its maps, and what the system says of it."""
    name = f"{system}-{key}-{image}"
    columns = [_film_column(study, name, film, image)]
    columns += [
        _map_column(study, name, film, image, method, found) for method, found in shades.items()
    ]
    answer = film.answer(image)
    said = study.classes[int(answer["predicted"])]
    verdict = "right" if answer["right"] else "wrong"
    probability = f"probability of {study.classes[1]} {answer['probability']:.2f}"
    line = f"<b>{image.capitalize()}</b>: {escape(f'“{said}”, {verdict}; {probability}')}"
    strip = f'<div class="maps strip" style="--maps:{len(columns)}">{"".join(columns)}</div>'
    return f'<p class="said">{line}</p>{strip}'


def _film_column(study: Study, name: str, film: Film, image: str) -> str:
    """The film, and below it the same with the finding outlined."""
    side, of_what = film.mask.shape[0], f"{image.capitalize()} film {film.name}"
    pixels = film.clean if image == "clean" else film.attacked
    pictures = layers.picture(side, of_what, layers.film(f"{name}-film", pixels, side))
    if film.mask.any():
        pictures += layers.picture(
            side,
            f"{of_what}, the {study.finding} outlined",
            layers.again(f"{name}-film"),
            layers.outline(f"{name}-outline", film.mask),
        )
    linked = case_links.link(film.case, pictures, repeated=True)
    return column("Film", "outlined below" if film.mask.any() else "", linked)


def _map_column(
    study: Study, name: str, film: Film, image: str, method: str, shades: Shades
) -> str:
    """A map, and below it the same laid over the film; `name` is that of the film's row."""
    row, side = film.rows[image, method], film.mask.shape[0]
    values = layers.shrunk(shades.values[image, film.name], _most(study))
    of_what = f"{explainer_title(method)} map of {image} film {film.name}"
    alone = layers.picture(
        side,
        f"{of_what}. {_said(study, row)}".strip(),
        layers.paper(shades.scale),
        layers.heat(f"{name}-{method}", values, shades.scale, side),
    )
    laid_over = layers.picture(
        side,
        f"{of_what}, laid over the film",
        layers.again(f"{name}-film"),
        layers.again(f"{name}-{method}", layers.OVER_THE_FILM),
        layers.again(f"{name}-outline") if film.mask.any() else "",
    )
    noted = "".join(f'<p class="noted">{note}</p>' for note in _notes(row))
    linked = case_links.link(film.case, f"{alone}{laid_over}", repeated=True)
    return column(explainer_title(method), _said(study, row), f"{linked}{noted}")


def _most(study: Study) -> int:
    """How many pixels wide the picture of a map may be."""
    maps = len(study.systems) * len(study.params.explain.methods) * ROWS
    return int((PIXELS / maps) ** 0.5)


def _said(study: Study, row: Row) -> str:
    """How much of the finding the map hits, or nothing where none is marked."""
    share = row["mask_coverage_5"]
    return "" if np.isnan(share) else f"{number(share, 'share')} % hit"


def _notes(row: Row) -> list[str]:
    """What is odd about a map."""
    off = not np.isnan(row["delta"]) and bool(exceeds_tolerance(pd.DataFrame([row]))[0])
    notes = {"⚠ does not add up": off, "zero everywhere": row["largest"] == 0}
    return [note for note, holds in notes.items() if holds]


def _legend(scales: dict[str, Scale]) -> str:
    strips = []
    for explainer, scale in scales.items():
        ends = ("against", "for the answer") if scale.signed else ("none", "strong")
        title = escape(explainer_title(explainer))
        shown = strip(scale, _legend_alt(explainer, scale), ends)
        strips.append(f'<div><span class="map-title">{title}</span>{shown}</div>')
    return f'<div class="legend-strips">{"".join(strips)}</div>'


def _legend_alt(explainer: str, scale: Scale) -> str:
    title = explainer_title(explainer)
    if scale.signed:
        return f"Colours of {title}: blue against the answer, white nothing, red for the answer"
    return f"Colours of {title}: black without influence, through red to yellow for strong"
