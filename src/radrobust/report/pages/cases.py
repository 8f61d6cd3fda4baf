"""Page *Cases*: the document of the case browser, and its small pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from radrobust.evaluation.attributions import exceeds_tolerance
from radrobust.evaluation.subgroups import PREFIX
from radrobust.report.kit import layers
from radrobust.report.kit.pictures import Picture, Scale, as_picture, webp
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import IMAGES, Attacked, Study
from radrobust.report.kit.text import explainer_title

IMAGE, THUMBNAIL, MAP = 448, 64, 112
"""Most pixels that pictures are wide."""

LOSSLESS = 96
"""Most pixels of an image whose every grey level is kept; larger ones would be too heavy."""

HEAVIEST = 60_000
"""Bytes of a picture."""

QUALITIES = (90, 70, 50, 30, 5)
SHADES = (layers.LEVELS, 16, 8, 4)
"""Tried one after the other until a picture is light enough."""

STOPS = 17
"""Colours of a legend, between which the browser fills in."""

GLOBAL = "radrobustCases"
"""The variable that `data.js` sets: a page on a disk may load scripts, but no other data."""

FRAME = """\
<link rel="stylesheet" href="assets/cases.css">
<div id="cases" class="cases">
<noscript><p>The cases are put together in your browser, by a script of this site. Without
JavaScript nothing is shown here; the numbers on the other pages do not need it.</p></noscript>
</div>
<script src="cases/data.js"></script>
<script src="assets/cases.js"></script>"""


class Maps(NamedTuple):
    """One system's maps of one method.

    Attributes
    ----------
    shares : array
        2×N×S×S float32 in [-1, 1]: clean and attacked, as shares of where the colours end.
    signed : bool
        Whether there are shares below 0.
    """

    shares: NDArray[np.float32]
    signed: bool


def frame() -> Html:
    """Return where the case browser is put together."""
    return Html(FRAME)


def names(study: Study) -> list[str]:
    """Name the test samples, in the order of the table."""
    samples = study.samples
    return [str(name) for name in samples.table["sample_id"].iloc[samples.rows("test")]]


def images(study: Study) -> NDArray[np.uint8]:
    """Return the test images, N×S×S, in the order of `names`."""
    return np.asarray(study.samples.images[study.samples.rows("test")])


def document(study: Study) -> dict[str, Any]:
    """Return the facts about the samples before any system is asked.

    `answers` and `maps`, by system, are still empty; see `answers` and `maps_said`.
    """
    methods = study.params.explain.methods
    return {
        "finding": study.finding,
        "classes": study.classes,
        "size": study.params.dataset.image_size,
        "thumbnails": "thumbnails" if study.params.dataset.image_size > THUMBNAIL else "films",
        "others": _others(study),
        "systems": [
            {"key": key, "title": study.title(key), "label": study.label(key)}
            for key in study.systems
        ],
        "methods": [explainer_title(method) for method in methods],
        "colours": {kind: _stops(kind == "signed") for kind in ("signed", "unsigned")},
        "subgroups": _subgroups(study),
        "films": _samples(study),
        "explained": study.explained(study.systems[0]),
        "answers": {},
        "maps": {},
    }


def answers(table: pd.DataFrame) -> dict[str, list[Any]]:
    """Return the answers of a system to each sample, clean and attacked.

    Parameters
    ----------
    table : DataFrame
        Of `Study.attacked`, one row a sample.

    Returns
    -------
    dict of str to list
        By sample: `clean` and `attacked`, the probabilities of class 1; `said` and `after`, the
        classes; whether the attack has `changed` the image and `broken` a right answer, as 0 or 1.
    """
    difference = (table["clean_logit_1"] - table["clean_logit_0"]).to_numpy(np.float64)
    said, after = (difference > 0).astype(int), table["predicted"].to_numpy(int)
    label = table["label"].to_numpy(int)
    return {
        "clean": _rounded(1 / (1 + np.exp(-difference))),
        "attacked": _rounded(table["probability"].to_numpy(np.float64)),
        "said": said.tolist(),
        "after": after.tolist(),
        "changed": (table["linf"] > 0).astype(int).tolist(),
        "broken": ((said == label) & (after != label)).astype(int).tolist(),
    }


def maps_said(study: Study, system: str) -> dict[str, Any]:
    """Return the measures of a system's maps.

    Returns
    -------
    dict
        By image (clean, attacked), sample in the order of `Study.explained` and method: `hit`, the
        share of the finding that is among the strongest five per cent, or None where none is
        marked; `off`, 1 where a map does not add up though it promises to; `zero`, 1 where it is 0
        everywhere.
    """
    table = study.attributions(system).set_index(["image", "sample_id", "explainer"])
    samples, methods = study.explained(system), study.params.explain.methods
    index = pd.MultiIndex.from_product([IMAGES, samples, methods], names=table.index.names)
    rows = table.loc[index]
    off = rows["delta"].notna().to_numpy() & exceeds_tolerance(rows)
    shape = len(IMAGES), len(samples), len(methods)
    hit = np.array([_share(value) for value in rows["mask_coverage_5"]], object)
    return {
        "hit": hit.reshape(shape).tolist(),
        "off": off.astype(int).reshape(shape).tolist(),
        "zero": (rows["largest"] == 0).to_numpy(int).reshape(shape).tolist(),
    }


def script(found: dict[str, Any]) -> str:
    """Write a document as the script that hands it to the page."""
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return f"window.{GLOBAL} = {text}\n"


def image(pixels: Picture) -> bytes:
    """Return a radiograph, H×W or H×W×3, as a WebP file, at the size that it is stored at."""
    shown = _within(pixels, IMAGE)
    if shown.width <= LOSSLESS:
        return webp(shown, lossless=True, method=4)
    return _light(webp(shown, quality=quality, method=4) for quality in QUALITIES)


def thumbnail(pixels: Picture) -> bytes:
    """Return a small copy of a radiograph as a WebP file."""
    return webp(_within(pixels, THUMBNAIL), quality=70, method=4)


def adversarial(attacked: Attacked) -> Iterator[tuple[str, bytes]]:
    """Yield name and picture of every sample that the attack has changed."""
    rows = zip(attacked.answers.index, attacked.images, attacked.answers["linf"], strict=True)
    for name, pixels, change in rows:
        if change > 0:
            yield str(name), image(as_picture(pixels))


def maps(study: Study, system: str) -> list[Maps]:
    """Return a system's maps, a method at a time, clean and attacked on one scale."""
    found = []
    for method in study.params.explain.methods:
        values = np.stack(list(study.maps(system, method).values()))
        scale = Scale.of(values)
        small = [[layers.shrunk(one, MAP) for one in image] for image in values]
        shares = (np.array(small) / scale.limit).clip(-1, 1).astype(np.float32)
        found.append(Maps(shares, scale.signed))
    return found


def sprite(found: list[Maps], place: int, changed: bool) -> bytes:
    """Return the maps of one sample side by side, a column a method, as a WebP file.

    Parameters
    ----------
    found : list of Maps
        Of a system, by method.
    place : int
        Of the sample among those that are explained.
    changed : bool
        Below the maps of the clean image are those of the attacked one, unless they are the same.
    """

    def tried() -> Iterator[bytes]:
        for levels in SHADES:
            columns = [_coloured(one, place, levels, 2 if changed else 1) for one in found]
            picture = Image.fromarray(np.concatenate(columns, axis=1))
            yield webp(picture, lossless=True, method=4)

    return _light(tried())


def _coloured(found: Maps, place: int, levels: int, images: int) -> Picture:
    """Colour maps by a table, so that they are transparent where they are weak."""
    steps = np.rint(found.shares[:images, place] * levels).astype(np.intp)
    first = levels if found.signed else 0
    coloured: Picture = _colours(found.signed, levels)[np.concatenate(steps) + first]
    return coloured


@cache
def _colours(signed: bool, levels: int) -> Picture:
    """N×4 uint8: the colour of every step from the least share to 1."""
    ramp = np.arange(-levels if signed else 0, levels + 1, dtype=np.float32)[None] / levels
    colours: Picture = layers.transparent(ramp, Scale(1.0, signed))[0]
    return colours


def _stops(signed: bool) -> list[str]:
    ramp = np.linspace(-1 if signed else 0, 1, STOPS, dtype=np.float32)[None]
    colours = Scale(1.0, signed).colour(ramp)[0]
    return ["#" + bytes(colour.tolist()).hex() for colour in colours]


def _subgroups(study: Study) -> list[dict[str, Any]]:
    table = study.samples.table.iloc[study.samples.rows("test")]
    return [
        {
            "key": column,
            "title": column.removeprefix(PREFIX).replace("_", " ").capitalize(),
            "members": sorted(set(table[column]) - {""}),
        }
        for column in table.columns[table.columns.str.startswith(PREFIX)]
    ]


def _samples(study: Study) -> list[dict[str, Any]]:
    """One entry a test sample, in the order of `names`."""
    rows = study.samples.rows("test")
    table, masks = study.samples.table.iloc[rows], study.samples.masks[rows]
    columns = [group["key"] for group in _subgroups(study)]
    return [
        {
            "name": str(row["sample_id"]),
            "label": int(row["label"]),
            "width": int(row["width"]),
            "height": int(row["height"]),
            "box": [int(edge) for edge in row["extent"]],
            "groups": [str(row[column]) for column in columns],
            "outline": layers.edges(np.asarray(mask)) if mask.any() else "",
            "note": str(row["note"]),
        }
        for (_, row), mask in zip(table.iterrows(), masks, strict=True)
    ]


def _others(study: Study) -> int:
    """Number of explained samples without the finding."""
    return min(study.params.explain.others, study.count("test", 0))


def _within(pixels: Picture, most: int) -> Image.Image:
    """Shrink a radiograph that is wider than `most`."""
    shown = Image.fromarray(np.ascontiguousarray(pixels))
    shown.thumbnail((most, most), Image.Resampling.LANCZOS)
    return shown


def _light(tried: Iterator[bytes]) -> bytes:
    """Return the first picture that is light enough, or the last one."""
    data = b""
    for data in tried:
        if len(data) <= HEAVIEST:
            break
    return data


def _rounded(probabilities: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 4) for value in probabilities]


def _share(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
