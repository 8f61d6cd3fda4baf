"""Who explains, and what: the images of an evaluation, and a network within the memory there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from radrobust.attribution.explainers import Task, explain, make_task
from radrobust.core.params import Explain
from radrobust.systems.batching import batch_size, halving
from radrobust.systems.classifier import Classifier
from radrobust.systems.images import Images
from radrobust.systems.logits import finite, logit_of

_GROUP = 32  # images whose maps are made together
_MOST = 64  # images in a pass: more do not fit a processor's cache, and are slower

Result = TypeVar("Result")


@dataclass(frozen=True)
class Chosen:
    """Images that are explained, with what else is known of them.

    Attributes
    ----------
    images : Images
        N, float32 in [0, 1].
    table : DataFrame
        N rows of the samples table, with the columns `predicted` and `probability`: what the
        classifier says of the images.
    masks : array
        N×S×S bool: the finding.
    condition : str
        What was done to the images, such as ``clean``.
    """

    images: Images
    table: pd.DataFrame
    masks: NDArray[np.bool_]
    condition: str

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: NDArray[np.integer]) -> Chosen:
        """Return those at `rows` (indices), in that order."""
        images, table = self.images.take(rows), self.table.iloc[rows]
        return replace(self, images=images, table=table, masks=self.masks[rows])

    def groups(self) -> Iterator[Chosen]:
        """Yield a few at a time."""
        rows = np.arange(len(self))
        return (self.take(rows[at : at + _GROUP]) for at in range(0, len(self), _GROUP))

    @property
    def targets(self) -> Tensor:
        """N, int64: the class that the classifier predicts for each image."""
        predicted = self.table["predicted"].to_numpy(np.int64)
        return torch.tensor(predicted, device=self.images.pixels.device)

    @property
    def inside(self) -> Tensor:
        """N×S×S bool: the radiograph, without the padding around it."""
        inside = torch.zeros(self.masks.shape, dtype=torch.bool)
        for row, (x0, y0, x1, y1) in enumerate(self.table["extent"]):
            inside[row, y0:y1, x0:x1] = True
        return inside.to(self.images.pixels.device)


class Examiner:
    """A network under examination.

    Parameters
    ----------
    classifier : Classifier
        In eval mode.
    params : Explain
        The section `explain` of the study.
    seed : int
        Of whatever is drawn.
    side : int
        Of the images, in pixels.
    """

    def __init__(self, classifier: Classifier, params: Explain, seed: int, side: int) -> None:
        self.classifier = classifier
        self.params = params
        self.seed = seed
        self._at_once = min(_MOST, batch_size(classifier, side))

    def task(self, chosen: Chosen) -> Task:
        """Set the task: each image's own prediction is explained."""
        return make_task(chosen.images.pixels, chosen.targets, self.params, self._at_once)

    def explain(self, method: str, task: Task, classifier: Classifier | None = None) -> Tensor:
        """Explain images by a method, of this network or of another: N×S×S float32."""
        network = classifier or self.classifier
        return self.within_memory(task, lambda fitting: explain(method, network, fitting))

    def rise(self, chosen: Chosen, task: Task) -> Tensor:
        """Ask by how much the target's logit is higher for the images than for the baselines: N.

        Raises
        ------
        InputError
            A logit is not finite.
        """
        images, condition = chosen.images, chosen.condition
        baselines = replace(images, pixels=task.baselines)
        rise = self._logits(images, condition) - self._logits(baselines, f"{condition}, baseline")
        return logit_of(rise, task.targets)

    def _logits(self, images: Images, condition: str) -> Tensor:
        """Ask about images, in as many passes as their number needs: N×2."""
        with torch.no_grad():
            found = [self.classifier(group.pixels) for group in images.groups(self._at_once)]
        return finite(torch.cat(found), images.sample_ids, condition)

    def within_memory(self, task: Task, work: Callable[[Task], Result]) -> Result:
        """Do work with as many images in a pass as there is memory for.

        Raises
        ------
        InputError
            There is not even memory for one.
        """
        self._at_once, result = halving(
            min(task.at_once, self._at_once), lambda count: work(replace(task, at_once=count))
        )
        return result


def as_arrays(maps: Tensor) -> NDArray[np.float32]:
    """Copy maps to memory."""
    found: NDArray[np.float32] = maps.cpu().numpy().astype(np.float32, copy=False)
    return found
