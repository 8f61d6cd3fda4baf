"""Films and heat maps side by side, as small pictures in HTML."""

from __future__ import annotations

import io
from dataclasses import dataclass
from html import escape

import matplotlib as mpl
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from radrobust.reporting import html
from radrobust.reporting.shown import Html
from radrobust.reporting.study import Study
from radrobust.reporting.text import explainer_title, number
from radrobust.seeds import derive_seed

DISPLAYED = 224
EXAMPLES = 4
CARDS = 32  # films with their maps, of all systems together: the page must stay light to load
OUTLINE, OUTLINE_EDGE = (212, 255, 0), (20, 20, 20)

# Signed maps diverge from white at zero; the others rise from black.
SIGNED_COLOURS, UNSIGNED_COLOURS = "RdBu_r", "inferno"

# A few extreme pixels would leave the rest of every map pale.
CLIPPED_ABOVE = 99.5

Picture = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class Scale:
    """The colours of one explainer's maps of one system.

    Attributes
    ----------
    limit : float
        Where the colours end.
    signed : bool
        From -limit to limit, else from 0 to limit.
    """

    limit: float
    signed: bool

    @classmethod
    def of(cls, maps: FloatArray) -> Scale:
        """Fit a scale to all maps of one system and explainer."""
        values = np.asarray(maps, np.float32)
        limit = float(np.percentile(np.abs(values), CLIPPED_ABOVE))
        return cls(limit or 1.0, bool((values < 0).any()))

    def colour(self, values: FloatArray) -> Picture:
        """Return H×W×3 colours of H×W values."""
        share = np.asarray(values, np.float32) / self.limit
        name = SIGNED_COLOURS if self.signed else UNSIGNED_COLOURS
        position = 0.5 + share / 2 if self.signed else share
        return _bytes(255 * mpl.colormaps[name](np.clip(position, 0, 1))[..., :3])

    def strength(self, values: FloatArray) -> NDArray[np.float32]:
        """Return H×W in [0, 1]: how strongly a map covers the film."""
        return np.clip(np.abs(np.asarray(values, np.float32)) / self.limit, 0, 1)


def examples(study: Study) -> Html:
    """Films of both classes, drawn by a hash of the seed and their name."""
    table = study.samples.table.assign(position=np.arange(len(study.samples.table)))
    names = table["sample_id"]
    order = [derive_seed(study.params.seed, "examples", name) for name in names]
    table = table.assign(order=order).sort_values("order")
    shown = []
    for label, title in reversed(list(enumerate(study.classes))):
        chosen = table[table["label"] == label].head(EXAMPLES)
        cards = [
            _example(study, int(position), str(name), title)
            for position, name in zip(chosen["position"], chosen["sample_id"], strict=True)
        ]
        shown.append(f'<h3>{escape(title)}</h3><div class="films">{"".join(cards)}</div>')
    return Html("".join(shown))


def maps(study: Study) -> Html:
    """Every gallery film with every explainer's map, a tab a system."""
    panes = {study.title(system): _gallery(study, system) for system in study.systems}
    return html.tabs("gallery", panes)


def _example(study: Study, position: int, name: str, title: str) -> str:
    film, mask = study.samples.images[position], study.samples.masks[position]
    pictures = _img(_enlarged_film(film), f"Film {name}: {title}")
    if mask.any():
        outlined = _outlined(_enlarged_film(film), mask)
        pictures += _img(outlined, f"The same film, the {study.dataset['finding']} outlined")
    return html.figure(f'<div class="pair">{pictures}</div>', name, style="film")


def _gallery(study: Study, system: str) -> str:
    kept = study.maps(system)
    scales = {explainer: Scale.of(values) for explainer, values in kept.values.items()}
    table = study.attributions(system)
    positions = pd.Series(
        np.arange(len(study.samples.table)), index=study.samples.table["sample_id"]
    )
    cards = []
    for name in _pictured(study, kept.sample_ids):
        row = kept.sample_ids.index(name)
        answers = table[table["sample_id"] == name]
        columns = [_film_column(study, int(positions[name]), name)]
        for explainer, values in kept.values.items():
            columns.append(
                _map_column(
                    study,
                    int(positions[name]),
                    values[row],
                    scales[explainer],
                    _Label(study.name(system), name, explainer, _only(answers, explainer)),
                )
            )
        panels = f'<div class="maps">{"".join(columns)}</div>'
        cards.append(html.figure(panels, _caption(study, name, answers.iloc[0]), style="card"))
    named = f"{escape(study.title(system))} <small>{escape(study.label(system))}</small>"
    return f'<p class="named">{named}</p>{_legend(scales)}{"".join(cards)}'


def _pictured(study: Study, names: list[str]) -> list[str]:
    """The films that are shown of each system: with many systems fewer, a quarter without finding.

    They are the first ones in the order in which they were drawn, the same for every system.
    """
    labels = study.samples.table.set_index("sample_id")["label"].loc[names]
    present, absent = ([name for name in names if labels[name] == label] for label in (1, 0))
    count = min(len(names), max(2, CARDS // len(study.systems)))
    without = min(len(absent), max(1, count // 4))
    return present[: count - without] + absent[:without]


@dataclass(frozen=True)
class _Label:
    """What a map is of."""

    system: str
    sample_id: str
    explainer: str
    row: pd.Series[float]

    @property
    def covered(self) -> str:
        """How much of the finding the map hits, or nothing where none is marked."""
        share = float(self.row["coverage_5"])
        return "" if np.isnan(share) else f"{number(share, 'coverage_5')} % in the top 5 %"


def _only(answers: pd.DataFrame, explainer: str) -> pd.Series[float]:
    return answers[answers["explainer"] == explainer].iloc[0]


def _film_column(study: Study, position: int, name: str) -> str:
    film, mask = study.samples.images[position], study.samples.masks[position]
    finding = study.dataset["finding"]
    pictures = _img(_enlarged_film(film), f"Film {name}")
    if mask.any():
        outlined = _outlined(_enlarged_film(film), mask)
        pictures += _img(outlined, f"Film {name}, the {finding} outlined")
    return _column("Film", "below: outlined" if mask.any() else "", pictures)


def _map_column(
    study: Study, position: int, values: FloatArray, scale: Scale, label: _Label
) -> str:
    film, mask = study.samples.images[position], study.samples.masks[position]
    title = explainer_title(label.explainer)
    enlarged = _enlarged(scale.colour(values))
    strength = _enlarged_film(_bytes(255 * scale.strength(values)))[..., :1] / 255.0
    base = _enlarged_film(film)
    # Half the film stays visible even where the map is strongest.
    overlay = _bytes(base * (1 - 0.75 * strength) + enlarged * 0.75 * strength)
    of_what = f"{title} map of {label.system} for film {label.sample_id}"
    hit = f"; of the {study.dataset['finding']} {label.covered} of pixels" if label.covered else ""
    pictures = _img(_outlined(enlarged, mask), f"{of_what}{hit}", blocky=True)
    pictures += _img(_outlined(overlay, mask), f"{of_what}, laid over the film")
    return _column(title, label.covered, pictures)


def _column(title: str, small: str, pictures: str) -> str:
    return (
        f'<div><p class="map-title">{escape(title)}<br><small>{escape(small) or "&nbsp;"}</small>'
        f"</p>{pictures}</div>"
    )


def _caption(study: Study, name: str, row: pd.Series[float]) -> str:
    truth, said = study.classes[int(row["label"])], study.classes[int(row["predicted"])]
    verdict = "right" if truth == said else "wrong"
    return (
        f"{name}. Truth: {truth}. Said: {said} ({verdict}), probability of {study.classes[1]} "
        f"{float(row['probability']):.2f}. The maps explain the answer “{said}”."
    )


def _legend(scales: dict[str, Scale]) -> str:
    strips = []
    for explainer, scale in scales.items():
        ramp = np.linspace(-scale.limit if scale.signed else 0, scale.limit, 128)
        strip = _img(scale.colour(np.tile(ramp, (8, 1))), _legend_alt(explainer, scale), size=None)
        ends = ("against", "for the answer") if scale.signed else ("none", "strong")
        strips.append(
            f'<div><span class="map-title">{escape(explainer_title(explainer))}</span>{strip}'
            f"<small><span>{ends[0]}</span><span>{ends[1]}</span></small></div>"
        )
    return f'<div class="legend-strips">{"".join(strips)}</div>'


def _legend_alt(explainer: str, scale: Scale) -> str:
    title = explainer_title(explainer)
    if scale.signed:
        return f"Colours of {title}: blue against the answer, white nothing, red for the answer"
    return f"Colours of {title}: black without influence, through red to yellow for strong"


def _enlarged(picture: Picture) -> Picture:
    """Repeat pixels by a whole factor to about `DISPLAYED`, so that none looks larger."""
    factor = max(1, round(DISPLAYED / picture.shape[0]))
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def _enlarged_film(film: NDArray[np.uint8]) -> Picture:
    side = film.shape[0] * max(1, round(DISPLAYED / film.shape[0]))
    grey = np.asarray(
        Image.fromarray(np.asarray(film)).resize((side, side), Image.Resampling.BICUBIC)
    )
    return np.repeat(grey[..., None], 3, axis=2)


def _outlined(picture: Picture, mask: BoolArray) -> Picture:
    """Draw a mask's outline in a light line within a dark one, seen on every colour."""
    if not mask.any():
        return picture
    large = _enlarged(mask.astype(np.uint8)) > 0
    inner = _grown(large) & ~large
    outer = _grown(large | inner) & ~large & ~inner
    result = picture.copy()
    result[inner] = OUTLINE
    result[outer] = OUTLINE_EDGE
    return result


def _grown(mask: BoolArray) -> BoolArray:
    """Grow a mask by two pixels in each of the four directions."""
    grown = mask
    for _ in range(2):
        padded = np.pad(grown, 1)
        grown = (
            padded[1:-1, 1:-1] | padded[:-2, 1:-1] | padded[2:, 1:-1]
            | padded[1:-1, :-2] | padded[1:-1, 2:]
        )  # fmt: skip
    return grown


def _bytes(values: NDArray[np.floating]) -> Picture:
    rounded: Picture = np.rint(values).astype(np.uint8)
    return rounded


def _img(picture: Picture, alt: str, size: int | None = DISPLAYED, blocky: bool = False) -> str:
    """Write a picture into an `<img>`; one whose pixels are repeated is often smaller lossless."""
    shown = Image.fromarray(picture)
    if size is not None and shown.width > 2 * size:
        shown = shown.resize((size, size), Image.Resampling.LANCZOS)
    data = _webp(shown, quality=70, method=4)
    if blocky:
        data = min(data, _webp(shown, lossless=True, method=2), key=len)
    return html.image(data, "image/webp", alt, size)


def _webp(picture: Image.Image, **how: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, "WEBP", **how)
    return file.getvalue()
