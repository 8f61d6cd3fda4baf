"""Progress of long work, lively on a terminal and quiet in a log."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm


def progress(total: int, unit: str, description: str) -> tqdm[Any]:
    """Show a progress bar on standard error, with speed and time left.

    Parameters
    ----------
    total : int
        How many of `unit` there are to do.
    unit, description : str
        What is done, in words.

    Returns
    -------
    tqdm
        To be used in a ``with`` and told of each step by its ``update``. Where standard error is
        not a terminal it is drawn anew every half minute only.
    """
    pause = 0.2 if sys.stderr.isatty() else 30
    return tqdm(total=total, unit=unit, desc=description, mininterval=pause, maxinterval=pause)
