"""Weights on disk: safetensors, which hold numbers and cannot hold code."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from radrobust.errors import InputError
from radrobust.systems.classifier import Classifier, build


def save(classifier: Classifier, path: Path) -> None:
    """Write all weights and buffers to `path`."""
    state = {name: tensor.contiguous() for name, tensor in classifier.state_dict().items()}
    save_file(state, path)


def load(key: str, path: Path) -> Classifier:
    """Build a system and give it the weights in `path`, ready to be evaluated.

    Returns
    -------
    Classifier
        In eval mode, with no parameter asking for a gradient.

    Raises
    ------
    InputError
        The file is missing, is no safetensors file, belongs to another architecture, or holds
        values that are not finite.
    """
    classifier = build(key, seed=0)
    try:
        state = load_file(path)
    except FileNotFoundError:
        raise InputError(f"{path} is not here; run `dvc repro finetune@{key}` first") from None
    except SafetensorError as error:
        raise InputError(f"{path} is not a whole safetensors file: {error}") from None
    wanted = classifier.state_dict()
    differing = sorted(
        name
        for name in wanted.keys() | state.keys()
        if name not in wanted or name not in state or wanted[name].shape != state[name].shape
    )
    if differing:
        shown = ", ".join(differing[:3])
        raise InputError(
            f"{path} is not a checkpoint of {key}: {len(differing)} tensors differ ({shown}, …)"
        )
    broken = [name for name, tensor in state.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise InputError(f"{path} holds values that are not finite, first in {broken[0]}")
    classifier.load_state_dict(state)
    return classifier.eval().requires_grad_(False)
