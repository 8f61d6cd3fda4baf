"""In which precision a network takes its steps: measured where it is to run.

That a processor lists bfloat16 does not say that it is faster in it: on some it is slower, and on
one machine it can be faster for one network and slower for the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Literal

import torch

from radrobust.core.tensors import has_bfloat16

_ROUNDS = 5

# Of the time in float32: bfloat16 is taken only below it. Medians of so few steps differ by some
# per cent for no reason, by more on a busy machine; a later step may need more verdicts in float32
# than the first, which is the one that is timed; and float32 is the exact one.
_CLEARLY_FASTER = 0.9

Step = Callable[[torch.dtype], object]


@dataclass(frozen=True)
class Precision:
    """In which precision steps are taken, and what it was chosen by.

    Attributes
    ----------
    name : str
        ``float32`` or ``bfloat16``.
    float32_seconds, bfloat16_seconds : float, optional
        Median time of one step in each; None where nothing was measured.
    """

    name: Literal["float32", "bfloat16"] = "float32"
    float32_seconds: float | None = None
    bfloat16_seconds: float | None = None

    @property
    def dtype(self) -> torch.dtype:
        """For `torch.autocast`."""
        return torch.bfloat16 if self.name == "bfloat16" else torch.float32


def fastest_precision(
    wanted: Literal["auto", "float32"], step: Step, device: torch.device
) -> Precision:
    """Return the precision that `precision` in params.yaml comes to here.

    ``auto`` compares the two where the device has bfloat16 in hardware. Elsewhere, and where
    float32 is asked for, it is float32, and no step is taken.

    Parameters
    ----------
    wanted : str
        ``auto`` or ``float32``.
    step, device
        As in `compare`.
    """
    if wanted == "float32" or not has_bfloat16(device):
        return Precision()
    return compare(step, device)


def compare(step: Step, device: torch.device) -> Precision:
    """Take a few steps in float32 and in bfloat16, in turns, and choose the faster.

    bfloat16 has to be faster by a tenth, else it is float32.

    Parameters
    ----------
    step : callable
        Takes one step of the work in the precision that it is given; changes nothing.
    device : torch.device
        Where it does so.
    """
    # The first in each is not counted: memory is allocated then, and kernels are chosen.
    step(torch.float32)
    step(torch.bfloat16)
    exact, coarse = [], []
    for _ in range(_ROUNDS):
        exact.append(_seconds(step, torch.float32, device))
        coarse.append(_seconds(step, torch.bfloat16, device))
    faster = median(coarse) < _CLEARLY_FASTER * median(exact)
    return Precision("bfloat16" if faster else "float32", median(exact), median(coarse))


def _seconds(step: Step, precision: torch.dtype, device: torch.device) -> float:
    _wait(device)
    started = time.perf_counter()
    step(precision)
    _wait(device)
    return time.perf_counter() - started


def _wait(device: torch.device) -> None:
    """Let a GPU finish, which computes behind the program's back."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
