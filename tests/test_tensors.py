"""Where and how precisely to compute."""

import torch

from radrobust.tensors import pick_device


def test_float32_is_float32_once_a_device_was_picked(monkeypatch):
    for backend in (torch.backends.cudnn, torch.backends.cuda.matmul):
        monkeypatch.setattr(backend, "allow_tf32", True)
    pick_device("cpu")
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32
