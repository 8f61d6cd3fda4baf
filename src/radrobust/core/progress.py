"""Progress of long work, lively on a terminal and quiet in a log."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm


def progress(total: int | None, unit: str, description: str, initial: int = 0) -> tqdm[Any]:
    """Show a progress bar on standard error, with speed and time left.

    Parameters
    ----------
    total : int or None
        How many of `unit` there are to do; None where that is not known.
    unit, description : str
        What is done, in words. The unit ``B`` is bytes, shown in multiples of 1024.
    initial : int
        How many of `unit` were done before, which the speed does not count.

    Returns
    -------
    tqdm
        To be used in a ``with`` and told of each step by its ``update``. Where standard error is
        not a terminal it is drawn anew every half minute only.
    """
    pause = 0.2 if sys.stderr.isatty() else 30
    return tqdm(
        total=total,
        initial=initial,
        unit=unit,
        unit_scale=unit == "B",
        unit_divisor=1024,
        desc=description,
        mininterval=pause,
        maxinterval=pause,
    )
