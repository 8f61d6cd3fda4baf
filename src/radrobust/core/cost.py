"""What each stage costs: how long it took, and on what; one file a stage and system.

No stage has these files among its outputs: two runs give the same results, never the same times.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import resource
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.files import replacing
from radrobust.core.params import Params

COST = paths.RESULTS / "cost"
# What a stage does depends on its own sections and on those of the stages before it.
SECTIONS = {
    "read": ("seed", "dataset", "phantom", "folder"),
    "audit": (),
    "prepare": ("split",),
    "finetune": ("model", "finetune"),
    "attack": ("attack", "checks"),
    "explain": ("explain",),
    "summarise": ("systems", "evaluate"),
}
ON_DEVICE = ("finetune", "attack", "explain")


@dataclass(frozen=True)
class Cost:
    """What a stage took, until it ended.

    Attributes
    ----------
    seconds, cpu_seconds : float
        By the clock, and summed over the cores that worked.
    memory : int
        Bytes, at the most; of a GPU's own memory this says nothing.
    device : str
        ``cpu``, or what the GPU is called.
    threads : int
        That PyTorch, or else NumPy, was allowed.
    machine : str
        Kind of processor, such as ``x86_64``.
    runs, untold : int
        How many runs it took, since one that was stopped is gone on with; and how many of those
        were killed, so that their time is not in `seconds`.
    finished : bool
        Whether the last of them reached the end.
    study : str
        Hash of the parameters that the stage depends on.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    memory: int = 0
    device: str = "cpu"
    threads: int = 1
    machine: str = ""
    runs: int = 0
    untold: int = 0
    finished: bool = False
    study: str = ""


def cost_file(stage: str, system: str = "") -> Path:
    """Return where the cost of a stage lies."""
    return COST / f"{'-'.join(filter(None, (stage, system)))}.json"


def read_cost(file: Path) -> Cost | None:
    """Return what a stage took; None where nobody recorded it, or no release that is known here."""
    try:
        return Cost(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def study_digest(stage: str, params: Params) -> str:
    """Return a hash of the parameters that a stage depends on."""
    names = list(SECTIONS)
    keys = [key for name in names[: names.index(stage) + 1] for key in SECTIONS[name]]
    text = json.dumps(params.model_dump(mode="json", include=set(keys)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextlib.contextmanager
def measured(stage: str, params: Params, system: str = "") -> Iterator[None]:
    """Record what a stage takes, for the page Methods.

    A run that goes on with one that was stopped adds to it. That a run has begun is written at
    once: one that is killed outright cannot say how long it took, but the next one says that it
    was there. Input that is not usable leaves what was recorded before.

    Parameters
    ----------
    stage : str
        One of `SECTIONS`.
    params : Params
        The study.
    system : str
        The system's key, where the stage is of one system.
    """
    if system and not system.isidentifier():  # no key of a system; the stage will say so
        yield
        return
    file = cost_file(stage, system)
    before = file.read_bytes() if file.is_file() else None
    begun = _begin(stage, params, read_cost(file))
    _write(begun, file)
    clock, work = time.perf_counter(), _cpu_seconds()
    try:
        yield
    except InputError:
        file.unlink(missing_ok=True)
        if before is not None:
            file.write_bytes(before)
        raise
    except BaseException:
        _write(_end(begun, stage, params, clock, work), file)
        raise
    _write(replace(_end(begun, stage, params, clock, work), finished=True), file)


def _begin(stage: str, params: Params, earlier: Cost | None) -> Cost:
    """Go on with an earlier run that did not reach the end, if it was of the same study."""
    study = study_digest(stage, params)
    if earlier is None or earlier.finished or earlier.study != study:
        earlier = Cost(study=study, machine=platform.machine())
    return replace(earlier, runs=earlier.runs + 1, untold=earlier.untold + 1)


def _end(begun: Cost, stage: str, params: Params, clock: float, work: float) -> Cost:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    device, threads = _where(stage, params)
    return replace(
        begun,
        seconds=round(begun.seconds + time.perf_counter() - clock, 1),
        cpu_seconds=round(begun.cpu_seconds + _cpu_seconds() - work, 1),
        memory=max(begun.memory, peak),
        device=device,
        threads=threads,
        untold=begun.untold - 1,
    )


def _where(stage: str, params: Params) -> tuple[str, int]:
    if stage not in ON_DEVICE:
        allowed = len(os.sched_getaffinity(0))
        return "cpu", int(os.environ.get("OMP_NUM_THREADS", "") or allowed)
    import torch  # only here: the pages read this module, and they do without

    from radrobust.core.tensors import pick_device

    device = pick_device(params.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return name, torch.get_num_threads()


def _cpu_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _write(cost: Cost, file: Path) -> None:
    with replacing(file) as draft:
        draft.write_text(json.dumps(asdict(cost), indent=2) + "\n", encoding="utf-8")
