"""What came of an attack as a table, one row a sample."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from radrobust.attacks.pgd import Outcome
from radrobust.core.conditions import Condition
from radrobust.systems.images import Images


def tabulate(films: Images, clean: Outcome, outcome: Outcome, condition: Condition) -> pd.DataFrame:
    """Write down what a classifier says of images before and after an attack.

    Parameters
    ----------
    films : Images
        N.
    clean, outcome : Outcome
        Of the images as they are, and of the attack.
    condition : Condition
        What the attack was allowed.

    Returns
    -------
    DataFrame
        N rows, the columns of the table `PREDICTIONS` but for the system. Norms of the change are
        over all channels, of which an image that stays grey counts as one.
    """
    change = (outcome.images - films.pixels).flatten(1)
    return pd.DataFrame(
        {
            "sample_id": list(films.sample_ids),
            "label": array(films.labels, np.int8),
            "condition": condition.key,
            "clean_logit_0": array(clean.logits[:, 0], np.float32),
            "clean_logit_1": array(clean.logits[:, 1], np.float32),
            "logit_0": array(outcome.logits[:, 0], np.float32),
            "logit_1": array(outcome.logits[:, 1], np.float32),
            "probability": array(outcome.logits.softmax(dim=1)[:, 1], np.float32),
            "predicted": array(outcome.logits.argmax(dim=1), np.int8),
            "misclassified": array(outcome.broken, np.bool_),
            "iteration": array(outcome.iteration, np.int16),
            "linf": array(change.abs().amax(dim=1), np.float32),
            "l2": array(change.norm(dim=1), np.float32),
        }
    )


def array(tensor: Tensor, dtype: type) -> NDArray[np.generic]:
    """Copy a tensor to memory as an array of a type."""
    found: NDArray[np.generic] = tensor.cpu().numpy().astype(dtype)
    return found
