"""Where and how precisely to compute."""

from __future__ import annotations

import hashlib

import torch
from torch import nn

from radrobust.errors import InputError


def pick_device(wanted: str) -> torch.device:
    """Return the device of `device` in params.yaml; ``auto`` is the GPU if there is one.

    Raises
    ------
    InputError
        ``cuda`` is asked for, and there is none.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise InputError("device is 'cuda', but PyTorch finds no GPU here; set device to auto")
    name = "cuda" if wanted == "auto" and torch.cuda.is_available() else wanted
    return torch.device("cpu" if name == "auto" else name)


def state_digest(module: nn.Module) -> bytes:
    """Return a hash of a module's weights and buffers and their names."""
    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.digest()


def has_fast_bfloat16(device: torch.device) -> bool:
    """Tell whether bfloat16 is computed in hardware, so that autocast saves time."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))
