"""Where and how precisely to compute."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import psutil
import torch
from torch import Tensor, nn

from radrobust.core.errors import InputError


def pick_device(wanted: str) -> torch.device:
    """Return the device of `device` in params.yaml; ``auto`` is the GPU if there is one.

    On a GPU float32 is float32 from then on: by default PyTorch convolves in TF32, which keeps ten
    bits of a number, and no verdict may hang on the eleventh.

    Raises
    ------
    InputError
        ``cuda`` is asked for, and there is none.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise InputError("device is 'cuda', but PyTorch finds no GPU here; set device to auto")
    name = "cuda" if wanted == "auto" and torch.cuda.is_available() else wanted
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device("cpu" if name == "auto" else name)


def state_digest(module: nn.Module) -> bytes:
    """Return a hash of a module's weights and buffers and their names."""
    return tensors_digest(module.state_dict())


def tensors_digest(tensors: Mapping[str, Tensor]) -> bytes:
    """Return a hash of tensors and their names."""
    digest = hashlib.sha256()
    for name, tensor in tensors.items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.digest()


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether a device lists bfloat16; whether it is faster in it is another question."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


def free_memory(device: torch.device) -> int:
    """Return how many bytes a device has left."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return int(psutil.virtual_memory().available)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory has run out, on a GPU or off it."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error)  # the allocator of the CPU and oneDNN raise nothing more telling
    return "not enough memory" in text or "can't allocate memory" in text or "bad_alloc" in text
