"""What this machine can run: asked before anything is computed."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version

import torch

from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.core.params import Model, Params, choose
from radrobust.core.tensors import free_memory, has_bfloat16, pick_device
from radrobust.systems.bibliography import bibliography, by_year
from radrobust.systems.catalogue import keys, load
from radrobust.systems.sources import cached, is_here
from radrobust.systems.system import Scale

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

    It takes seconds: of files no more than the beginning and the end is read.

    Parameters
    ----------
    params : Params
        The study.
    """
    yield Finding("Python", platform.python_version())
    device = None
    try:
        device = pick_device(params.device)
        yield _torch(device)
    except InputError as error:
        yield Finding("torch", str(error), obstacle=True)
    networks = _robustbench()
    yield networks
    yield _asked("renderer", _renderer, params)
    yield _asked("data", _data, params)
    yield _asked("split", _split, params)
    yield _asked("systems", _systems, params)
    yield _asked("methods", _methods, params)
    known = [key for key in params.systems if key in keys()]
    yield from _all_weights(known, params)
    if device is not None and known and not networks.obstacle:
        yield _memory(known, params, free_memory(device))


def catalogue(params: Params) -> Iterator[Finding]:
    """Hold what every system needs at both scales against the memory that is free.

    Nothing where that cannot be asked, which `examine` says.

    Parameters
    ----------
    params : Params
        The study, of whose size images and batches are.
    """
    try:
        free = free_memory(pick_device(params.device))
    except InputError:
        return
    if _robustbench().obstacle:
        return
    for key in by_year():
        needs = {scale: _need(key, scale, params) for scale in load(key).architectures}
        texts = [
            f"{scale} needs {_written(need)}, {'fits' if need <= free else 'does not fit'}"
            for scale, need in needs.items()
        ]
        yield Finding(f"{bibliography(key).label}, {key}", "; ".join(texts))


def _asked(name: str, ask: Callable[[Params], str], params: Params) -> Finding:
    """Ask what is answered in words, or by an error if it stands in the way."""
    try:
        return Finding(name, ask(params))
    except InputError as error:
        return Finding(name, str(error), obstacle=True)


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
        reason = f"robustbench cannot be used: {str(error) or 'it is not installed'}"
        return Finding("robustbench", f"{reason}; run pip install robustbench==1.1.1", True)


def _renderer(_: Params) -> str:
    from radrobust.site.renderers import find_renderer

    return str(find_renderer())


def _data(params: Params) -> str:
    from radrobust.data.datasets.registry import get_dataset, locate

    dataset = get_dataset(params.dataset.name)
    place = locate(dataset)
    return f"{dataset.of(params, place).title} from {place}"


def _split(params: Params) -> str:
    from radrobust.data.splitting import read_splits

    source = params.split.source
    if source in ("drawn", "official"):
        return source
    file = paths.SPLITS / source
    return f"{len(read_splits(file)):,} films from {file}, the others drawn"


def _systems(params: Params) -> str:
    for key in params.systems:
        choose("systems: system", key, by_year())
    return ", ".join(params.systems)


def _methods(params: Params) -> str:
    from radrobust.attribution.explainers import EXPLAINERS
    from radrobust.training.objectives import OBJECTIVES

    objective = params.finetune.objective
    choose("finetune.objective: objective", objective, ["own", *OBJECTIVES])
    for method in params.explain.methods:
        choose("explain.methods: explainer", method, list(EXPLAINERS))
    return f"objective {objective}; {', '.join(params.explain.methods)}"


def _all_weights(systems: list[str], params: Params) -> Iterator[Finding]:
    if params.model.weights == "none":
        yield Finding("weights", "drawn and trained here")
        return
    if fault := _one_file_for_all(systems, params.model):
        yield Finding("weights", fault, obstacle=True)
        return
    for key in systems:
        yield _asked(f"weights of {key}", partial(_weights, key), params)


def _one_file_for_all(systems: list[str], model: Model) -> str:
    """Say that one file is to be the weights of several networks; empty where it is not."""
    kinds = [load(key).architectures[model.scale] for key in systems]
    per_system = model.weights == "robustbench" or "{system}" in model.weights
    if per_system or all(kind == kinds[0] for kind in kinds):
        return ""
    return (
        f"model.weights is {model.weights}, one file for {len(systems)} systems whose networks "
        "differ; write {system} where each system's key is in the name, or take one system"
    )


def _weights(key: str, params: Params) -> str:
    cache = paths.cache_folder(params.cache)
    path = cached(params.model.weights, key, cache)
    if not is_here(params.model.weights, key, cache):
        return f"{path} is not here; it will be downloaded"
    return f"{path}, {_written(path.stat().st_size)}"


def _memory(systems: list[str], params: Params, free: int) -> Finding:
    """Hold what the study's systems need against the memory that is free."""
    scale = params.model.scale
    needs = {key: _need(key, scale, params) for key in systems}
    if large := [key for key, need in needs.items() if need > free]:
        most = max(needs, key=lambda key: needs[key])
        text = (
            f"{', '.join(large)} at {scale} scale {'do' if large[1:] else 'does'} not fit into "
            f"memory: {_written(free)} are free, and {most} needs {_written(needs[most])}; lower "
            "dataset.image_size or the batch_size of attack and finetune, or free some memory"
        )
        return Finding("memory", text, obstacle=True)
    return Finding("memory", f"{_written(free)} free, {_written(max(needs.values()))} needed")


def _written(size: int) -> str:
    in_gigabytes = f"{size / GIGABYTE:.1f} GiB"
    return in_gigabytes if size >= GIGABYTE else f"{size / 2**20:.0f} MiB"


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
