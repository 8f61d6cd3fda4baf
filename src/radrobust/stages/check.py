"""Stage `check`: can the study be run at all? Asked before anything is computed."""

from __future__ import annotations

import json

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.files import replacing
from radrobust.core.params import Params
from radrobust.stages.doctor import examine


def check(params: Params) -> None:
    """See that nothing stands in the way of a study; note the dataset that was found.

    Raises
    ------
    InputError
        Something does, as `examine` finds it: the message tells of the first obstacle and counts
        the others.
    """
    obstacles = [finding.text for finding in examine(params) if finding.obstacle]
    if obstacles:
        more = len(obstacles) - 1
        raise InputError(
            obstacles[0] + (f" (and {more} more; `radrobust doctor` lists them)" if more else "")
        )
    with replacing(paths.CHECKED) as draft:
        draft.write_text(json.dumps({"dataset": params.dataset.name}) + "\n", encoding="utf-8")
