"""Adversarial examples beside their radiographs, with the change and both answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radrobust.report.kit import budgets, html, links
from radrobust.report.kit.pictures import (
    Picture,
    Scale,
    as_picture,
    column,
    enlarge,
    enlarge_image,
    img,
    strip,
)
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import Study
from radrobust.report.kit.tables import doubt

CARDS = 24  # of all systems together: the page must stay light to load

UNCHANGED = "The attack changed none of these radiographs."


@dataclass(frozen=True)
class Pair:
    """A radiograph before and after the attack on one system.

    Attributes
    ----------
    name : str
        The sample's.
    clean : array
        S×S uint8, as stored.
    attacked : array
        C×S×S float32 in [0, 1].
    answer : Series
        Of the table of predictions.
    """

    name: str
    clean: Picture
    attacked: NDArray[np.float32]
    answer: pd.Series[float]

    @property
    def change(self) -> NDArray[np.float32]:
        """S×S: the change, in pixels of [0, 1]; the mean where there are three channels."""
        clean = self.clean.astype(np.float32) / 255
        added: NDArray[np.float32] = self.attacked.mean(axis=0) - clean
        return added

    @property
    def before(self) -> float:
        """Probability of label 1 on the clean image."""
        difference = self.answer["clean_logit_0"] - self.answer["clean_logit_1"]
        return float(1 / (1 + np.exp(np.float64(difference))))


def examples(study: Study) -> Html:
    """Show radiographs of the gallery and their adversarial examples, a tab a system."""
    pairs = {system: _pairs(study, system) for system in study.systems}
    # One scale for all of them, so that systems can be compared.
    changes = np.stack([pair.change for chosen in pairs.values() for pair in chosen])
    scale = Scale(Scale.of(changes).limit, signed=True)
    panes = {}
    for system, chosen in pairs.items():
        cards = "".join(_card(study, system, pair, scale) for pair in chosen)
        named = html.named(study.title(system), study.label(system))
        panes[study.title(system)] = f"{named}{doubt(study, system)}{cards}"
    # Where nothing was added there is no scale either.
    legend = _legend(scale) if changes.any() else f"<p>{UNCHANGED}</p>"
    return Html(legend + html.tabs("attacked", panes).source)


def _pairs(study: Study, system: str) -> list[Pair]:
    table = study.samples.table
    names = _chosen(study)
    attacked = study.adversarial(system, names)
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
    """Choose samples of the gallery, so that all systems show `CARDS` together, or two each.

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
    """The radiograph, the change and the adversarial example, with the answers to both."""
    of_what = f"radiograph {pair.name}, attacked on {study.name(system)}"
    added = img(enlarge(scale.colour(pair.change)), f"Added to {of_what}", blocky=True)
    clean = img(enlarge_image(pair.clean), f"Radiograph {pair.name}")
    attacked = img(enlarge_image(as_picture(pair.attacked)), of_what.capitalize())
    case = links.case(pair.name, system)
    factor = f"×{_factor(scale)}" if pair.change.any() else "nothing"
    after = _said(study, float(pair.answer["probability"]))
    columns = [
        column("Radiograph", _said(study, pair.before), links.to_case(case, clean)),
        column("Added", factor, links.to_case(case, added, repeated=True)),
        column("Attacked", after, links.to_case(case, attacked, repeated=True)),
    ]
    panels = f'<div class="maps trio">{"".join(columns)}</div>'
    return html.figure(panels, _caption(study, pair), style="card")


def _said(study: Study, probability: float) -> str:
    return f"“{study.classes[int(probability > 0.5)]}”, {probability:.2f}"


def _caption(study: Study, pair: Pair) -> str:
    label = int(pair.answer["label"])
    if (pair.before > 0.5) != (label == 1):
        verdict = "Misclassified before any attack, so nothing was added"
    elif pair.answer["misclassified"]:
        verdict = "Misclassified under attack"
    else:
        verdict = "Robust: correct before and after the whole attack"
    return f"{pair.name}. Truth: {study.classes[label]}. {verdict}."


def _factor(scale: Scale) -> int:
    return max(1, round(1 / scale.limit))


def _legend(scale: Scale) -> str:
    levels = budgets.grey_levels(scale.limit * 255)
    alt = f"Colours: blue for up to {levels} darker, white for no change, red for brighter"
    shown = strip(scale, alt, (f"{levels} darker", f"{levels} brighter"))
    title = f"Added by the attack, made {_factor(scale)} times stronger (white: no change)"
    return (
        f'<div class="legend-strips"><div><span class="map-title">{title}</span>{shown}</div></div>'
    )
