"""Where and how precisely to compute."""

import torch

from radrobust.core.tensors import pick_device


def test_float32_is_float32_once_a_device_was_picked():
    backends = torch.backends.cudnn, torch.backends.cuda.matmul
    for backend in backends:
        backend.allow_tf32 = True
    pick_device("cpu")
    assert not any(backend.allow_tf32 for backend in backends)
