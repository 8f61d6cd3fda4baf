"""Our own weights on disk: safetensors, which hold numbers and cannot hold code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from radrobust.core.errors import InputError
from radrobust.systems.catalogue import load as load_system
from radrobust.systems.classifier import Classifier, Design, build_empty

_HEADER = "radrobust"
_SHOWN = 3


def save(classifier: Classifier, path: Path) -> None:
    """Write all weights and buffers to `path`; in its header their design and the threshold."""
    state = {name: tensor.cpu().contiguous() for name, tensor in classifier.state_dict().items()}
    facts = {**asdict(classifier.design), "threshold": classifier.threshold}
    # Under one name: safetensors writes several in an order that differs from run to run.
    save_file(state, path, metadata={_HEADER: json.dumps(facts)})


def load(key: str, path: Path) -> Classifier:
    """Build the system that `path` holds the weights of, ready to be evaluated.

    Returns
    -------
    Classifier
        In eval mode, with no parameter asking for a gradient.

    Raises
    ------
    InputError
        The file is missing, is no safetensors file, belongs to another system or architecture, or
        holds values that are not finite.
    """
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get(_HEADER, "{}"))
        state = load_file(path)
    except FileNotFoundError:
        raise InputError(f"{path} is not here; run `dvc repro finetune@{key}` first") from None
    except SafetensorError as error:
        raise InputError(f"{path} is not a whole safetensors file: {error}") from None
    classifier = build_empty(_design(facts, key, path))
    wanted = {name: tensor.shape for name, tensor in classifier.state_dict().items()}
    refuse_unless_alike(state, wanted, path, key)
    classifier.load_state_dict(state, assign=True)
    classifier.threshold = facts["threshold"]
    return classifier.laid_out().eval().requires_grad_(False)


def _design(facts: Mapping[str, Any], key: str, path: Path) -> Design:
    system = facts.get("system", "an unnamed system")
    if system != key:
        raise InputError(
            f"{path} holds the weights of {system}, not of {key}; run `dvc repro finetune@{key}`"
        )
    return Design(key, facts["scale"], facts["head"])


def refuse_unless_alike(
    state: Mapping[str, Tensor], wanted: Mapping[str, torch.Size], path: Path, key: str
) -> None:
    """See that weights are those of a network.

    Parameters
    ----------
    state : mapping of str to Tensor
        The weights.
    wanted : mapping of str to torch.Size
        Names and shapes that the network has.
    path : Path
        Where they come from, for the message.
    key : str
        The system, for the message.

    Raises
    ------
    InputError
        A name is missing, unexpected or of another shape, or a value is not finite. The message
        lists the first few.
    """
    missing = [name for name in wanted if name not in state]
    unexpected = [name for name in state if name not in wanted]
    reshaped = [
        f"{name} {_shape(state[name].shape)} instead of {_shape(shape)}"
        for name, shape in wanted.items()
        if name in state and state[name].shape != shape
    ]
    faults = {"missing": missing, "unexpected": unexpected, "of another shape": reshaped}
    if found := [_first(names, kind) for kind, names in faults.items() if names]:
        known = " or ".join(dict.fromkeys(map(str, load_system(key).architectures.values())))
        raise InputError(f"{path} is not a checkpoint of {key} ({known}): {'; '.join(found)}")
    broken = [name for name, tensor in state.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise InputError(f"{path} holds values that are not finite, first in {broken[0]}")


def _first(names: list[str], kind: str) -> str:
    more = ", …" if len(names) > _SHOWN else ""
    return f"{len(names)} tensors {kind} ({', '.join(names[:_SHOWN])}{more})"


def _shape(size: torch.Size) -> str:
    return "×".join(map(str, size)) or "scalar"
