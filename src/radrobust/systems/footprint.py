"""How much memory a system needs, counted without having it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from radrobust.systems.classifier import Classifier, Design, build_empty

_FLOAT32 = 4  # bytes


@dataclass(frozen=True)
class Footprint:
    """What a system takes in float32.

    Attributes
    ----------
    parameters : int
        Of backbone and head together.
    weights : int
        Bytes of parameters and buffers; a checkpoint is about as large.
    activations : int
        Bytes that one image keeps between a forward pass and the backward pass to its pixels.
    """

    parameters: int
    weights: int
    activations: int

    def attack(self, batch_size: int) -> int:
        """Bytes that attacking or explaining `batch_size` images at once needs."""
        return self.weights + batch_size * self.activations

    def training(self, batch_size: int) -> int:
        """Bytes that training all weights needs: they, their gradients and AdamW's two moments."""
        return 4 * self.weights + batch_size * self.activations


def footprint(design: Design, side: int) -> Footprint:
    """Count what a system needs for images of `side` × `side` pixels."""
    classifier = build_empty(design).eval()
    tensors = [*classifier.parameters(), *classifier.buffers()]
    return Footprint(
        sum(weight.numel() for weight in classifier.parameters()),
        sum(tensor.numel() * tensor.element_size() for tensor in tensors),
        activations(classifier, side),
    )


def activations(classifier: Classifier, side: int) -> int:
    """Count the bytes that one image of `side` pixels keeps, by sending one through.

    They are what the layers of a forward pass write; those in place write nothing.
    """
    counts: list[int] = []
    handles = []

    def count(_: nn.Module, __: object, output: Tensor) -> None:
        counts.append(output.numel())

    for module in classifier.modules():
        is_layer = not any(True for _ in module.children())
        if is_layer and not getattr(module, "inplace", False):
            handles.append(module.register_forward_hook(count))
    with torch.no_grad():
        classifier(torch.zeros(1, 1, side, side, device=classifier.device))
    for handle in handles:
        handle.remove()
    return _FLOAT32 * sum(counts)
