"""Checkpoints that others wrote: read without trusting them, and fitted to our classifier."""

from __future__ import annotations

import argparse
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radrobust.core.errors import InputError
from radrobust.systems.catalogue import load
from radrobust.systems.checkpoints import refuse_unless_alike
from radrobust.systems.classifier import (
    Classifier,
    Design,
    Normalise,
    backbone_of,
    build_empty,
    draw_head,
)
from radrobust.systems.system import CIFAR10, Normalisation

State = dict[str, Tensor]

# What PyTorch's check refuses although it is harmless: metrics and arguments saved beside the
# weights. Nothing else is rebuilt from a pickle, and the check itself is never switched off.
_SCALAR: Any = np.float64(0).__reduce__()[0]
_HARMLESS: list[Any] = [
    argparse.Namespace,
    np.dtype,
    *(type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64, np.int32, np.bool_)),
    (_SCALAR, "numpy.core.multiarray.scalar"),  # its name until NumPy 2
    (_SCALAR, "numpy._core.multiarray.scalar"),
]
_ENVELOPES = ("state_dict", "model_state_dict")
_PREFIXES = ("module.", "model.")
_STUDY_HEAD = 5  # position of the last layer in the published study's head


def read(path: Path) -> State:
    """Read a state dict that PyTorch wrote, without running anything that the file asks for.

    Parameters
    ----------
    path : Path
        A plain state dict, or one under `state_dict` or `model_state_dict` in a dict.

    Returns
    -------
    dict of str to Tensor
        On the CPU; leading ``module.`` and ``model.`` are taken off the names, and nothing else.

    Raises
    ------
    InputError
        The file is missing, ends early, is a web page or anything else but a checkpoint, asks for
        code, or holds no tensors.
    """
    refuse_unless_checkpoint(path)
    try:
        with torch.serialization.safe_globals(_HARMLESS):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # bytes that were never pickled can end in any error at all
        asked = re.search(r"GLOBAL ([\w.]+)", str(error))
        if asked:
            raise InputError(
                f"{path} asks for {asked[1]}, which no state dict needs; nothing of it was run. "
                "Give a file that holds a state dict alone"
            ) from None
        raise InputError(f"{path} is a damaged checkpoint; fetch it again") from None
    for envelope in _ENVELOPES:
        if isinstance(content, dict) and isinstance(content.get(envelope), dict):
            content = content[envelope]
    if not isinstance(content, dict) or not content:
        raise InputError(f"{path} holds no state dict but {type(content).__name__}")
    strangers = [name for name, value in content.items() if not isinstance(value, Tensor)]
    if strangers:
        raise InputError(
            f"{path} holds no state dict: {strangers[0]!r} in it is no tensor; "
            f"the weights may lie under a name other than {' or '.join(_ENVELOPES)}"
        )
    return {_bare(name): tensor for name, tensor in content.items()}


def refuse_unless_checkpoint(path: Path) -> None:
    """See by its first bytes and its end whether a file can be a PyTorch checkpoint at all.

    Raises
    ------
    InputError
        It is missing, empty, a web page, cut short, or something else.
    """
    try:
        with path.open("rb") as file:
            start = file.read(256)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}; give the path of a checkpoint"
        ) from None
    if start.lstrip().startswith(b"<"):
        raise InputError(f"{path} is a web page, not a checkpoint; fetch it again")
    if not start.startswith((b"PK\x03\x04", b"\x80\x02")):
        raise InputError(
            f"{path} is no PyTorch checkpoint: it starts with {start[:8]!r}, "
            "where a ZIP archive or a pickle is expected"
        )
    if start.startswith(b"PK") and not zipfile.is_zipfile(path):
        raise InputError(
            f"{path} ends early, after {path.stat().st_size:,} bytes; delete it and fetch it again"
        )


def load_backbone(path: Path, design: Design, seed: int) -> Classifier:
    """Give a system the backbone of a published CIFAR-10 checkpoint and a new head.

    Parameters
    ----------
    path : Path
        In the format of RobustBench's model zoo. Its classification layer is left aside.
    design : Design
        The classifier.
    seed : int
        Of the new head's weights.

    Raises
    ------
    InputError
        As in `read`; or it is not a checkpoint of this system.
    """
    state = read(path)
    backbone = backbone_of(design)
    head = f"{backbone.published_head}."
    found = {name: tensor for name, tensor in state.items() if not name.startswith(head)}
    wanted = {name: size for name, size in backbone.published.items() if not name.startswith(head)}
    refuse_unless_alike(found, wanted, path, design.system)
    new = draw_head(design.head, backbone.channels, seed).state_dict()
    return _assembled(design, found, new, load(design.system).normalisation)


def load_finetuned(path: Path, design: Design) -> Classifier:
    """Load a checkpoint that the published study fine-tuned on FracAtlas, to be evaluated.

    It is a state dict of RobustBench's model whose last layer is the study's head. Its class 0 is
    the fracture: the last layer is turned round, so that class 1 is. The study normalised films by
    the CIFAR-10 statistics before the network, whether or not that does so itself; the classifier
    does what its weights were trained with, so films of a system that owns a normalisation are
    normalised twice, as one combined step.

    Parameters
    ----------
    path : Path
        Such a file.
    design : Design
        The classifier; its head is ``mlp``.

    Raises
    ------
    InputError
        As in `read`; or it is not a fine-tuned checkpoint of this system.
    """
    state = read(path)
    backbone = backbone_of(design)
    prefix = f"{backbone.published_head}."
    head = draw_head(design.head, backbone.channels, seed=0).state_dict()
    wanted = {n: size for n, size in backbone.published.items() if not n.startswith(prefix)}
    wanted |= {f"{prefix}{name}": tensor.shape for name, tensor in head.items()}
    refuse_unless_alike(state, wanted, path, design.system)
    found = {name: state.pop(f"{prefix}{name}") for name in head}
    for name in (f"{_STUDY_HEAD}.weight", f"{_STUDY_HEAD}.bias"):
        found[name] = found[name].flip(0)
    own = load(design.system).normalisation
    return _assembled(design, state, found, _one_after_the_other(CIFAR10, own))


def _assembled(
    design: Design, backbone: State, head: State, normalisation: Normalisation
) -> Classifier:
    """Put a classifier together; of the backbone's tensors those that its forward pass reads."""
    classifier = build_empty(design)
    taken = {name: backbone[name] for name in classifier.backbone.state_dict()}
    parts = {"backbone": taken, "head": head, "normalise": Normalise(normalisation).state_dict()}
    state = {
        f"{part}.{name}": tensor for part, found in parts.items() for name, tensor in found.items()
    }
    classifier.load_state_dict(state, assign=True)
    return classifier.laid_out()


def _one_after_the_other(first: Normalisation, second: Normalisation) -> Normalisation:
    """((x - m) / s - n) / t as one step: (x - (m + s n)) / (s t)."""
    pairs = list(zip(first.mean, first.std, second.mean, second.std, strict=True))
    return Normalisation(
        tuple(m + s * n for m, s, n, _ in pairs), tuple(s * t for _, s, _, t in pairs)
    )


def _bare(name: str) -> str:
    while name.startswith(_PREFIXES):
        name = name.split(".", 1)[1]
    return name
