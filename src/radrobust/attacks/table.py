"""What came of an attack as a table, one row a film."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from radrobust.attacks.pgd import Outcome, Pgd
from radrobust.attacks.threat import in_words, name_of
from radrobust.systems.images import Images


def tabulate(
    films: Images, clean: Outcome, outcome: Outcome, attack: Pgd, name: str = "", sees: str = ""
) -> pd.DataFrame:
    """Write down what a classifier says of films before and after an attack.

    Parameters
    ----------
    films : Images
        N.
    clean, outcome : Outcome
        Of the films as they are, and of the attack.
    attack : Pgd
        What it was allowed; a budget of 0 stands for no attack.
    name, sees : str
        Of another kind of attack within the same ball: what it is called, and what it sees of the
        classifier.

    Returns
    -------
    DataFrame
        `sample_id`, `label`, `attack`, `threat_model`, `eps`, `clean_logit_0`, `clean_logit_1`,
        `logit_0`, `logit_1`, `probability` (of class 1), `predicted`, `broken`, `iteration`, and
        `linf` and `l2`, the norms of the perturbation in pixels of [0, 1]; over all channels, of
        which a film that stays grey counts as one.
    """
    change = (outcome.images - films.pixels).flatten(1)
    return pd.DataFrame(
        {
            "sample_id": list(films.sample_ids),
            "label": array(films.labels, np.int8),
            "attack": name or name_of(attack),
            "threat_model": in_words(attack, sees or "white box"),
            "eps": attack.eps,
            "clean_logit_0": array(clean.logits[:, 0], np.float32),
            "clean_logit_1": array(clean.logits[:, 1], np.float32),
            "logit_0": array(outcome.logits[:, 0], np.float32),
            "logit_1": array(outcome.logits[:, 1], np.float32),
            "probability": array(outcome.logits.softmax(dim=1)[:, 1], np.float32),
            "predicted": array(outcome.logits.argmax(dim=1), np.int8),
            "broken": array(outcome.broken, np.bool_),
            "iteration": array(outcome.iteration, np.int16),
            "linf": array(change.abs().amax(dim=1), np.float32),
            "l2": array(change.norm(dim=1), np.float32),
        }
    )


def array(tensor: Tensor, dtype: type) -> NDArray[np.generic]:
    """Copy a tensor to memory as an array of a type."""
    found: NDArray[np.generic] = tensor.cpu().numpy().astype(dtype)
    return found
