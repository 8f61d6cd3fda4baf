"""Films of the data page: a fair choice of both classes."""

from __future__ import annotations

from html import escape

import numpy as np

from radrobust.reporting import html
from radrobust.reporting.pictures import enlarge_film, img, outline
from radrobust.reporting.shown import Html
from radrobust.reporting.study import Study
from radrobust.seeds import derive_seed

EXAMPLES = 4


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


def _example(study: Study, position: int, name: str, title: str) -> str:
    film, mask = study.samples.images[position], study.samples.masks[position]
    pictures = img(enlarge_film(film), f"Film {name}: {title}")
    if mask.any():
        outlined = outline(enlarge_film(film), mask)
        pictures += img(outlined, f"The same film, the {study.finding} outlined")
    return html.figure(f'<div class="pair">{pictures}</div>', name, style="film")
