"""Where weights come from: `model.weights` in words, to a file on this disk, to a classifier."""

from __future__ import annotations

import os
from pathlib import Path

from radrobust.core import downloads, paths
from radrobust.core.errors import InputError
from radrobust.core.params import Model
from radrobust.systems.catalogue import load
from radrobust.systems.classifier import Classifier, Design, build
from radrobust.systems.published import load_backbone, load_finetuned, refuse_unless_checkpoint

PINNED = Path(__file__).with_name("weights.sha256")
LEDGER = "SHA256SUMS"

# Answers with the file itself where the older addresses ask for a confirmation first.
DRIVE = "https://drive.usercontent.google.com/download?export=download&confirm=t&id={id}"
HUB = "https://huggingface.co"
HUB_VARIABLE = "HF_ENDPOINT"  # the hub's own variable for a mirror


def obtain(key: str, model: Model, seed: int, cache: str) -> Classifier:
    """Build a system with the weights that a study starts from.

    Parameters
    ----------
    key : str
        The system's, in the catalogue.
    model : Model
        The section `model` of the study.
    seed : int
        Of all weights that are drawn: the whole network's, or a new head's.
    cache : str
        Folder for what is downloaded; the environment variable RADROBUST_CACHE comes first.

    Returns
    -------
    Classifier
        On the CPU, with nothing frozen yet.

    Raises
    ------
    InputError
        The weights cannot be had, or are not those of the system.
    """
    design = Design(key, model.scale, model.head)
    if model.weights == "none":
        return build(key, seed, model.scale, model.head)
    path = locate(model.weights, key, paths.cache_folder(cache))
    if model.evaluation_alone:
        return load_finetuned(path, design)
    return load_backbone(path, design, seed)


def locate(source: str, key: str, cache: Path) -> Path:
    """Find weights on this disk, downloading them to the cache where they are not there yet.

    Parameters
    ----------
    source : str
        `model.weights` of the study, but for ``none``; ``{system}`` in it stands for `key`.
    key : str
        The system's, in the catalogue.
    cache : Path
        The cache folder.

    Raises
    ------
    InputError
        There is no such file, it cannot be downloaded, or its SHA-256 is not what it was.
    """
    name, url = _remote(source, key)
    if not url:
        return _local(name)
    path = cache / "weights" / name
    downloads.fetch(url, path, refuse_unless_checkpoint)
    downloads.check_against(downloads.read_digests(PINNED), cache / LEDGER, name, path)
    return path


def cached(source: str, key: str, cache: Path) -> Path:
    """Return where `locate` finds or puts weights, without touching the network."""
    name, url = _remote(source, key)
    return cache / "weights" / name if url else _path(name)


def is_here(source: str, key: str, cache: Path) -> bool:
    """Tell whether weights lie on this disk, or are still to be downloaded.

    Raises
    ------
    InputError
        A file that must be here is not, or what lies there is no checkpoint, as far as its
        beginning and its end tell.
    """
    name, url = _remote(source, key)
    if not url:
        _local(name)
    elif (path := cache / "weights" / name).exists():
        refuse_unless_checkpoint(path)
    else:
        return False
    return True


def _local(name: str) -> Path:
    """Return the path of a checkpoint on this disk, if it is one at first sight."""
    path = _path(name)
    try:
        refuse_unless_checkpoint(path)
    except InputError as error:
        raise InputError(f"model.weights: {error}") from None
    return path


def _path(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError as error:  # ~ of somebody who is not here
        raise InputError(f"model.weights: {name}: {error}") from None


def _remote(source: str, key: str) -> tuple[str, str]:
    """Split a source into a name and an address; the address of a local path is empty."""
    source = source.removeprefix("finetuned:").replace("{system}", key)
    if source == "robustbench":
        system = load(key)
        if not system.drive_id:
            raise InputError(f"model.weights: RobustBench has no weights of {key}; take none")
        return f"robustbench/{system.robustbench_id}.pt", DRIVE.format(id=system.drive_id)
    if source.startswith("hub:"):
        owner, repository, file = source.removeprefix("hub:").split("/", 2)
        endpoint = os.environ.get(HUB_VARIABLE, HUB).rstrip("/")
        url = f"{endpoint}/{owner}/{repository}/resolve/main/{file}"
        return f"hub/{owner}/{repository}/{file}", url
    return source.removeprefix("file:"), ""
