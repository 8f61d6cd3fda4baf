"""The gallery's films under attack: what they were, what was added, what became of the answer."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radrobust.report.kit import budgets, html
from radrobust.report.kit import links as case_links
from radrobust.report.kit.pictures import (
    Picture,
    Scale,
    as_bytes,
    column,
    enlarge,
    enlarge_film,
    img,
    strip,
)
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import Study
from radrobust.report.kit.tables import noted

CARDS = 24  # films of all systems together: the page must stay light to load

UNCHANGED = "The attack changed none of these films."


@dataclass(frozen=True)
class Pair:
    """A film before and after one system was attacked on it.

    Attributes
    ----------
    name : str
        The film's.
    film : array
        S×S uint8, as stored.
    image : array
        C×S×S float32 in [0, 1], as attacked.
    answer : Series
        Of the table of predictions.
    """

    name: str
    film: Picture
    image: NDArray[np.float32]
    answer: pd.Series[float]

    @property
    def change(self) -> NDArray[np.float32]:
        """S×S: what was added, in pixels of [0, 1]; the mean where there are three channels."""
        added: NDArray[np.float32] = self.image.mean(axis=0) - self.film.astype(np.float32) / 255
        return added

    @property
    def before(self) -> float:
        """Probability of label 1 on the film itself."""
        difference = self.answer["clean_logit_0"] - self.answer["clean_logit_1"]
        return float(1 / (1 + np.exp(np.float64(difference))))


def attacked_films(study: Study) -> Html:
    """Show films of the gallery before and after the attack, a tab a system."""
    pairs = {system: _pairs(study, system) for system in study.systems}
    # One scale for all of them, so that systems can be compared.
    changes = np.stack([pair.change for chosen in pairs.values() for pair in chosen])
    scale = Scale(Scale.of(changes).limit, signed=True)
    panes = {}
    for system, chosen in pairs.items():
        named = f"{escape(study.title(system))} <small>{escape(study.label(system))}</small>"
        cards = "".join(_card(study, system, pair, scale) for pair in chosen)
        panes[study.title(system)] = f'<p class="named">{named}</p>{noted(study, system)}{cards}'
    # Where nothing was added there is no scale either.
    legend = _legend(scale) if changes.any() else f"<p>{UNCHANGED}</p>"
    return Html(legend + html.tabs("attacked", panes).source)


def _pairs(study: Study, system: str) -> list[Pair]:
    table = study.samples.table
    names = _chosen(study)
    attacked = study.attacked(system, names)
    rows = pd.Series(np.arange(len(table)), index=table["sample_id"])
    return [
        Pair(
            name,
            np.asarray(study.samples.images[int(rows[name])]),
            image,
            attacked.answers.iloc[place],
        )
        for place, (name, image) in enumerate(zip(names, attacked.images, strict=True))
    ]


def _chosen(study: Study) -> list[str]:
    """Choose films of the gallery, so that all systems show `CARDS` together, or two each.

    They are the first ones in the order in which they were drawn, the same for every system, a
    quarter of them without the finding, at least one.
    """
    names = study.samples.gallery(study.params.seed)
    labels = study.samples.table.set_index("sample_id")["label"].loc[names]
    present, absent = ([name for name in names if labels[name] == label] for label in (1, 0))
    count = min(len(names), max(2, CARDS // len(study.systems)))
    without = min(len(absent), max(1, count // 4))
    return present[: count - without] + absent[:without]


def _card(study: Study, system: str, pair: Pair, scale: Scale) -> str:
    """The film, what was added, the attacked film; and what was said of both."""
    of_what = f"film {pair.name}, attacked on {study.name(system)}"
    image = as_bytes(255 * pair.image.clip(0, 1)).transpose(1, 2, 0)
    attacked = image[..., 0] if image.shape[2] == 1 else image
    after = float(pair.answer["probability"])
    added = img(enlarge(scale.colour(pair.change)), f"Added to {of_what}", blocky=True)
    film = img(enlarge_film(pair.film), f"Film {pair.name}")
    broken = img(enlarge_film(attacked), of_what.capitalize())
    case = case_links.address(pair.name, system)
    columns = [
        column("Film", _said(study, pair.before), case_links.link(case, film)),
        column(
            "Added",
            f"×{_factor(scale)}" if pair.change.any() else "nothing",
            case_links.link(case, added, repeated=True),
        ),
        column("Attacked", _said(study, after), case_links.link(case, broken, repeated=True)),
    ]
    panels = f'<div class="maps trio">{"".join(columns)}</div>'
    return html.figure(panels, _caption(study, pair), style="card")


def _said(study: Study, probability: float) -> str:
    return f"“{study.classes[int(probability > 0.5)]}”, {probability:.2f}"


def _caption(study: Study, pair: Pair) -> str:
    label = int(pair.answer["label"])
    right_before = (pair.before > 0.5) == (label == 1)
    if not right_before:
        verdict = "wrong before any attack, so nothing was added"
    elif pair.answer["broken"]:
        verdict = "right before, wrong after"
    else:
        verdict = "right before, and still right after the whole attack"
    return f"{pair.name}. Truth: {study.classes[label]}. The system is {verdict}."


def _factor(scale: Scale) -> int:
    return max(1, round(1 / scale.limit))


def _legend(scale: Scale) -> str:
    levels = budgets.grey_levels(scale.limit * 255)
    alt = f"Colours: blue for up to {levels} darker, white for no change, red for brighter"
    shown = strip(scale, alt, (f"{levels} darker", f"{levels} brighter"))
    title = f"What was added, made {_factor(scale)} times stronger (white: no change)"
    return (
        f'<div class="legend-strips"><div><span class="map-title">{title}</span>{shown}</div></div>'
    )
