"""Stage `check`: can the study be run at all? Asked before anything is computed."""

from __future__ import annotations

import json

from radrobust import paths
from radrobust.data.dataset import get_dataset, locate
from radrobust.data.splitting import read_splits
from radrobust.files import replacing
from radrobust.params import Params, choose
from radrobust.systems.catalogue import SYSTEMS


def check(params: Params) -> None:
    """See that everything that the study names exists; note the dataset that was found.

    Raises
    ------
    InputError
        A dataset, system or explainer does not exist, or the dataset's files or a split of one's
        own are not here.
    """
    from radrobust.attribution.explainers import EXPLAINERS
    from radrobust.training.objectives import OBJECTIVES

    dataset = get_dataset(params.dataset.name)
    for key in params.systems:
        choose("systems: system", key, list(SYSTEMS))
    for method in params.explain.methods:
        choose("explain.methods: explainer", method, list(EXPLAINERS))
    choose("finetune.objective: objective", params.finetune.objective, ["own", *OBJECTIVES])
    dataset.of(params, locate(dataset))
    if params.split.source not in ("drawn", "official"):
        read_splits(paths.SPLITS / params.split.source)
    with replacing(paths.CHECKED) as draft:
        draft.write_text(json.dumps({"dataset": dataset.name}) + "\n", encoding="utf-8")
