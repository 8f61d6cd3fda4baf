"""Squeeze-and-excitation with its product as a module of its own, where a rule can be hung on."""

from __future__ import annotations

from torch import Tensor, nn


class Product(nn.Module):
    """Elementwise product of two activations; DeepLIFT has a rule for it."""

    def forward(self, maps: Tensor, scale: Tensor) -> Tensor:
        """Multiply N×C×H×W maps by an N×C×1×1 scale."""
        return maps * scale


class Excitation(nn.Module):
    """Hu et al. 2018 (arXiv:1709.01507): scale each channel by what the whole map says of it.

    Parameters
    ----------
    published : nn.Module
        torchvision's `SqueezeExcitation`, whose modules and names are taken over.
    """

    def __init__(self, published: nn.Module) -> None:
        super().__init__()
        self.avgpool = published.get_submodule("avgpool")
        self.fc1 = published.get_submodule("fc1")
        self.activation = published.get_submodule("activation")
        self.fc2 = published.get_submodule("fc2")
        self.scale_activation = published.get_submodule("scale_activation")
        self.product = Product()

    def forward(self, maps: Tensor) -> Tensor:
        """Scale the channels of N×C×H×W maps."""
        squeezed = self.activation(self.fc1(self.avgpool(maps)))
        scaled: Tensor = self.product(maps, self.scale_activation(self.fc2(squeezed)))
        return scaled
