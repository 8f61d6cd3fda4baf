"""A radiograph classifier: normalisation, backbone, global average pooling and head."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Self

import torch
from torch import Tensor, nn

from radrobust.core.tensors import tensors_digest
from radrobust.systems.architectures import ARCHITECTURES, Backbone
from radrobust.systems.catalogue import load
from radrobust.systems.meansparse import operators
from radrobust.systems.system import Normalisation, Scale

Head = Literal["linear", "mlp"]
Trainable = Literal["head", "last_block", "all"]


@dataclass(frozen=True)
class Design:
    """What a classifier is built of; with its weights, all that is needed to have it back.

    Attributes
    ----------
    system : str
        Its key in the catalogue.
    scale : str
        ``compact`` or ``paper``.
    head : str
        ``linear``, or ``mlp``: the head of the study that is rebuilt here.
    """

    system: str
    scale: Scale
    head: Head


class Normalise(nn.Module):
    """(x - mean) / std, a channel each; the only place where pixels are normalised."""

    mean: Tensor
    std: Tensor

    def __init__(self, normalisation: Normalisation) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(normalisation.mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(normalisation.std).view(3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """N×3×H×W to N×3×H×W."""
        return (images - self.mean) / self.std


class Classifier(nn.Module):
    """Radiographs in, two logits out.

    Parameters
    ----------
    design : Design
        What `backbone` and `head` were built from.
    normalisation : Normalisation
        What the backbone expects.
    backbone : Backbone
        Pixels to feature maps.
    head : nn.Module
        N×C pooled features to N×2 logits.

    Attributes
    ----------
    threshold : float
        Difference of the logits above which a film is to be called positive, as chosen on
        validation films; 0, which is the argmax, until one is chosen.
    """

    def __init__(
        self, design: Design, normalisation: Normalisation, backbone: Backbone, head: nn.Module
    ) -> None:
        super().__init__()
        self.design = design
        self.normalise = Normalise(normalisation)
        self.backbone = backbone.network
        self.head = head
        self.channels = backbone.channels
        self.threshold = 0.0
        self._last_block = backbone.last_block
        self._frozen: list[nn.Module] = []

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.normalise.mean.device

    def forward(self, images: Tensor) -> Tensor:
        """Score radiographs.

        Parameters
        ----------
        images : Tensor
            N×1×H×W or N×3×H×W, values in [0, 1]; H and W multiples of 8. Grey images are
            repeated to three channels here and nowhere else.

        Returns
        -------
        Tensor
            N×2 logits: column 0 for the absence of the finding, column 1 for the finding.
        """
        logits: Tensor = self.head(self.features(images))
        return logits

    def features(self, images: Tensor) -> Tensor:
        """Return what the head sees of radiographs: N×C, the mean over the whole feature map."""
        maps: Tensor = self.backbone(self.normalise(images.expand(-1, 3, -1, -1)))
        return maps.mean(dim=(2, 3))

    def laid_out(self) -> Self:
        """Lay weights out as convolutions like them best, which rounds a little differently.

        MeanSparse jumps at the edge of what it replaces, so that a difference of 1e-7 in an early
        layer can become one of 1e-2 at the end of 94: it is laid out as in RobustBench.
        """
        plain = torch.contiguous_format if operators(self) else torch.channels_last
        return self.to(memory_format=plain)

    def freeze(self, trainable: Trainable) -> None:
        """Keep all but a part as it is, weights and BatchNorm statistics alike, from now on.

        Parameters
        ----------
        trainable : str
            The part that may change: ``head``; ``last_block``, which is the last stage of the
            backbone with what follows it; ``all``.
        """
        parts = _parts(self.backbone)
        free = {"head": (), "last_block": self._last_block, "all": tuple(parts)}[trainable]
        self._frozen = [part for name, part in parts.items() if name not in free]
        self.requires_grad_(True)
        for module in self._frozen:
            module.requires_grad_(False)
        self.train(self.training)

    def frozen_digest(self) -> bytes | None:
        """Return a hash of the weights and BatchNorm statistics that are frozen; None if none are.

        MeanSparse's α is left out, which may be set anew under a frozen backbone.
        """
        if not self._frozen:
            return None
        return tensors_digest(
            {
                f"{number}.{name}": tensor
                for number, part in enumerate(self._frozen)
                for name, tensor in part.state_dict().items()
                if not name.endswith("threshold")
            }
        )

    def train(self, mode: bool = True) -> Self:
        """Enter train or eval mode; what is frozen stays in eval mode."""
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self


def _parts(backbone: nn.Sequential) -> dict[str, nn.Module]:
    """Name the parts that can be frozen: stages are children in one class, else `layer.2`."""
    parts: dict[str, nn.Module] = {}
    for name, child in backbone.named_children():
        if isinstance(child, nn.Sequential):
            parts |= {f"{name}.{index}": part for index, part in child.named_children()}
        else:
            parts[name] = child
    return parts


def backbone_of(design: Design) -> Backbone:
    """Build the backbone of a design without memory for its weights, on the meta device."""
    with torch.device("meta"):
        return _build_backbone(design)


def build(key: str, seed: int, scale: Scale = "compact", head: Head = "linear") -> Classifier:
    """Build a system with freshly drawn weights.

    Parameters
    ----------
    key : str
        Its key in the catalogue.
    seed : int
        Of the initial weights. The global random state is left as it was.
    scale, head : str
        As in `Design`.

    Returns
    -------
    Classifier
        On the default device.
    """
    design = Design(key, scale, head)
    with _seeded(seed):
        backbone = _build_backbone(design)
        top = _HEADS[head](backbone.channels)
    return Classifier(design, load(key).normalisation, backbone, top).laid_out()


def build_empty(design: Design) -> Classifier:
    """Build a system without memory for its weights, on the meta device, to be loaded or counted.

    `load_state_dict(state, assign=True)` gives it weights; drawing random ones first would take
    seconds and twice the memory at paper scale.
    """
    with torch.device("meta"):
        return build(design.system, 0, design.scale, design.head)


def draw_head(head: Head, channels: int, seed: int) -> nn.Module:
    """Draw a head for `channels` pooled features; the global random state is left as it was."""
    with _seeded(seed):
        return _HEADS[head](channels)


def _build_backbone(design: Design) -> Backbone:
    architecture = load(design.system).architectures[design.scale]
    return ARCHITECTURES[architecture.name](**architecture.arguments)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _linear(channels: int) -> nn.Module:
    return nn.Linear(channels, 2)


def _mlp(channels: int) -> nn.Module:
    """The head of the published study, whose checkpoints hold it under these positions."""
    return nn.Sequential(
        nn.Dropout(0.3),
        nn.Linear(channels, 512),
        nn.ReLU(),
        nn.BatchNorm1d(512),
        nn.Dropout(0.5),
        nn.Linear(512, 2),
    )


_HEADS = {"linear": _linear, "mlp": _mlp}
