"""Films and heat maps side by side, as small pictures in HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from radrobust.reporting import html
from radrobust.reporting.pictures import (
    FloatArray,
    Scale,
    as_bytes,
    column,
    enlarge,
    enlarge_film,
    img,
    outline,
    strip,
)
from radrobust.reporting.shown import Html
from radrobust.reporting.study import Study
from radrobust.reporting.text import explainer_title, number
from radrobust.seeds import derive_seed

EXAMPLES = 4
CARDS = 32  # films with their maps, of all systems together: the page must stay light to load


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
    pictures = img(enlarge_film(film), f"Film {name}: {title}")
    if mask.any():
        outlined = outline(enlarge_film(film), mask)
        pictures += img(outlined, f"The same film, the {study.dataset['finding']} outlined")
    return html.figure(f'<div class="pair">{pictures}</div>', name, style="film")


def _gallery(study: Study, system: str) -> str:
    kept = study.maps(system)
    scales = {explainer: Scale.of(values) for explainer, values in kept.values.items()}
    table = study.attributions(system)
    positions = pd.Series(
        np.arange(len(study.samples.table)), index=study.samples.table["sample_id"]
    )
    cards = []
    for name in pictured(study, kept.sample_ids, CARDS):
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


def pictured(study: Study, names: list[str], cards: int) -> list[str]:
    """Choose the films that are shown of each system, so that all have `cards` together, or two.

    They are the first ones in the order in which they were drawn, the same for every system, a
    quarter of them without the finding, at least one.
    """
    labels = study.samples.table.set_index("sample_id")["label"].loc[names]
    present, absent = ([name for name in names if labels[name] == label] for label in (1, 0))
    count = min(len(names), max(2, cards // len(study.systems)))
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
    pictures = img(enlarge_film(film), f"Film {name}")
    if mask.any():
        outlined = outline(enlarge_film(film), mask)
        pictures += img(outlined, f"Film {name}, the {finding} outlined")
    return column("Film", "below: outlined" if mask.any() else "", pictures)


def _map_column(
    study: Study, position: int, values: FloatArray, scale: Scale, label: _Label
) -> str:
    film, mask = study.samples.images[position], study.samples.masks[position]
    title = explainer_title(label.explainer)
    enlarged = enlarge(scale.colour(values))
    strength = enlarge_film(as_bytes(255 * scale.strength(values)))[..., :1] / 255.0
    base = enlarge_film(film)
    # Half the film stays visible even where the map is strongest.
    overlay = as_bytes(base * (1 - 0.75 * strength) + enlarged * 0.75 * strength)
    of_what = f"{title} map of {label.system} for film {label.sample_id}"
    hit = f"; of the {study.dataset['finding']} {label.covered} of pixels" if label.covered else ""
    pictures = img(outline(enlarged, mask), f"{of_what}{hit}", blocky=True)
    pictures += img(outline(overlay, mask), f"{of_what}, laid over the film")
    return column(title, label.covered, pictures)


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
