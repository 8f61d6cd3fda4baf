"""What this machine can run: asked before anything is computed."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import torch

from radrobust.errors import InputError
from radrobust.params import Params, choose
from radrobust.systems.catalogue import SYSTEMS, Scale
from radrobust.tensors import free_memory, has_bfloat16, pick_device

GIGABYTE = 2**30


@dataclass(frozen=True)
class Finding:
    """One line of the examination.

    Attributes
    ----------
    name, text : str
        What was looked at, and what was found.
    obstacle : bool
        Whether the study cannot run because of it.
    """

    name: str
    text: str
    obstacle: bool = False

    def __str__(self) -> str:
        """Write it as one line."""
        return f"{'NO' if self.obstacle else 'ok'}  {self.name}: {self.text}"


def examine(params: Params) -> Iterator[Finding]:
    """Look at all that a study needs, one finding after the other.

    Parameters
    ----------
    params : Params
        The study.
    """
    yield Finding("Python", platform.python_version())
    try:
        device = pick_device(params.device)
    except InputError as error:
        yield Finding("torch", str(error), obstacle=True)
        return
    yield _torch(device)
    yield _robustbench()
    yield _renderer()
    yield _data(params)
    try:
        for key in params.systems:
            choose("systems: system", key, list(SYSTEMS))
    except InputError as error:
        yield Finding("systems", str(error), obstacle=True)
        return
    free = free_memory(device)
    yield Finding("memory", f"{free / GIGABYTE:.1f} GiB free")
    if params.model.weights == "none":
        yield Finding("weights", "drawn and trained here")
    else:
        yield from (_weights(key, params) for key in params.systems)
    yield from _systems(params, free)


def _torch(device: torch.device) -> Finding:
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    threads = f"{torch.get_num_threads()} threads"
    half = (
        "bfloat16 in hardware, measured per network before it is used"
        if has_bfloat16(device)
        else "no bfloat16 in hardware"
    )
    return Finding("torch", f"{torch.__version__} on {name}, {threads}, {half}")


def _robustbench() -> Finding:
    from radrobust.systems.architectures import published_class

    try:
        published_class("wide_resnet", "WideResNet")
        return Finding("robustbench", f"{version('robustbench')}, its architectures import")
    except (PackageNotFoundError, ImportError, AssertionError) as error:
        return Finding("robustbench", f"{error}; run pip install robustbench==1.1.1", obstacle=True)


def _renderer() -> Finding:
    from radrobust.site.renderers import find_renderer

    try:
        return Finding("renderer", f"{find_renderer()}")
    except InputError as error:
        return Finding("renderer", str(error), obstacle=True)


def _data(params: Params) -> Finding:
    from radrobust.data.dataset import get_dataset, locate

    try:
        dataset = get_dataset(params.dataset.name)
        return Finding("data", f"{dataset.title} from {locate(dataset)}")
    except InputError as error:
        return Finding("data", str(error), obstacle=True)


def _weights(key: str, params: Params) -> Finding:
    from radrobust.paths import cache_folder
    from radrobust.systems.sources import cached

    name = f"weights of {key}"
    path = cached(params.model.weights, key, cache_folder(params.cache))
    if path.is_file():
        return Finding(name, f"{path}, {path.stat().st_size / GIGABYTE:.2f} GiB")
    remote = params.model.weights.startswith(("robustbench", "hub:", "finetuned:hub:"))
    text = f"{path} is not here" + ("; it will be downloaded" if remote else "")
    return Finding(name, text, obstacle=not remote)


def _systems(params: Params, free: int) -> Iterator[Finding]:
    """Hold what every system needs at both scales against the memory that is free."""
    for key, system in SYSTEMS.items():
        needs = {scale: _need(key, scale, params) for scale in system.architectures}
        texts = [
            f"{scale} needs {need / GIGABYTE:.1f} GiB, {_fits(need, free)}"
            for scale, need in needs.items()
        ]
        obstacle = key in params.systems and needs[params.model.scale] > free
        yield Finding(f"{system.label}, {key}", "; ".join(texts), obstacle)


def _fits(need: int, free: int) -> str:
    return "fits" if need <= free else "does not fit"


def _need(key: str, scale: Scale, params: Params) -> int:
    """Bytes for a batch of the study's size: attacked, or trained if that takes more.

    A batch that is chosen by free memory may be one film.
    """
    from radrobust.systems.classifier import Design
    from radrobust.systems.footprint import footprint

    found = footprint(Design(key, scale, params.model.head), params.dataset.image_size)
    size = params.attack.batch_size
    need = found.attack(1 if size == "auto" else size)
    if params.model.trainable == "all" and not params.model.evaluation_alone:
        need = max(need, found.training(params.finetune.batch_size))
    return need
