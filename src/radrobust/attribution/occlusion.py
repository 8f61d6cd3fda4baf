"""Occlusion that computes only what a window can change.

A window of a few pixels reaches a small part of the early feature maps, and these are the large
ones. The rest is as in the image without the window, and has been computed once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor, nn

from radrobust.systems.architectures import in_sequence
from radrobust.systems.classifier import Classifier
from radrobust.systems.logits import logit_of

Span = tuple[int, int]
"""Begin and end, in rows or in columns."""


@dataclass(frozen=True)
class _Stage:
    """A part of the backbone.

    Attributes
    ----------
    module : nn.Module
        Maps to maps.
    maps : Tensor
        N×C×H×W: what goes into it where nothing is hidden.
    stride : int
        By how much it shrinks maps.
    reach : int
        How many pixels away, in `maps`, a change is still felt.
    """

    module: nn.Module
    maps: Tensor
    stride: int
    reach: int

    def around(self, rows: Span, columns: Span) -> Tensor:
        """Copy a piece of `maps`, laid out as they are: convolutions are slower on others."""
        plain = self.maps.is_contiguous()
        layout = torch.contiguous_format if plain else torch.channels_last
        return self.maps[..., slice(*rows), slice(*columns)].clone(memory_format=layout)

    def felt(self, changed: Span, side: int) -> Span:
        """Return which of the outputs a change of the inputs can change."""
        first = math.ceil((changed[0] - self.reach) / self.stride)
        last = (changed[1] - 1 + self.reach) // self.stride
        return max(0, first), min(side // self.stride, last + 1)

    def needed(self, outputs: Span, side: int) -> Span:
        """Return the inputs that outputs need, so cut that the stride falls on the same pixels."""
        first = (outputs[0] * self.stride - self.reach) // self.stride * self.stride
        last = math.ceil(((outputs[1] - 1) * self.stride + self.reach + 1) / self.stride)
        return max(0, first), min(side, last * self.stride)


@torch.no_grad()
def occlude(
    classifier: Classifier,
    images: Tensor,
    baselines: Tensor,
    targets: Tensor,
    window: int,
    stride: int,
) -> Tensor:
    """Hide windows of an image behind its baseline; Zeiler & Fergus 2014, arXiv:1311.2901.

    Parameters
    ----------
    classifier : Classifier
        In eval mode.
    images, baselines : Tensor
        N×C×S×S in [0, 1]; all are worked on at once.
    targets : Tensor
        N, int64: the class whose logit is explained.
    window, stride : int
        Side of the window and distance from one to the next, in pixels.

    Returns
    -------
    Tensor
        N×S×S: by how much the target's logit falls, the mean over the windows that cover a pixel.
        As Captum's `Occlusion`, up to rounding.
    """
    side = images.shape[-1]
    shown, hidden = (
        classifier.normalise(part.expand(-1, 3, -1, -1)) for part in (images, baselines)
    )
    parts, last = _stages(classifier, shown)
    pooled = last.mean(dim=(2, 3))
    spans = list(_spans(side, window, stride))
    falls = images.new_zeros(len(images), side, side)
    covered = images.new_zeros(side, side)
    before = logit_of(classifier.head(pooled), targets)
    for rows, columns in product(spans, spans):
        patch = hidden[..., slice(*rows), slice(*columns)]
        changed, at = _through(parts, patch, (rows, columns))
        rise = (changed - last[..., slice(*at[0]), slice(*at[1])]).sum(dim=(2, 3))
        after = logit_of(classifier.head(pooled + rise / last[0, 0].numel()), targets)
        falls[:, slice(*rows), slice(*columns)] += (before - after).view(-1, 1, 1)
        covered[slice(*rows), slice(*columns)] += 1
    return falls / covered.clamp(min=1)


def _spans(side: int, window: int, stride: int) -> Iterator[Span]:
    count = math.ceil(max(0, side - window) / stride) + 1
    return ((first * stride, min(side, first * stride + window)) for first in range(count))


def _stages(classifier: Classifier, maps: Tensor) -> tuple[list[_Stage], Tensor]:
    """Run the backbone part by part; return the parts and what comes out of the last."""
    found = []
    for module in in_sequence(classifier.backbone):
        after = module(maps)
        stride = maps.shape[-1] // after.shape[-1]
        found.append(_Stage(module, maps, stride, _reach(module, stride, maps.shape[-1])))
        maps = after
    return found, maps


def _reach(module: nn.Module, stride: int, side: int) -> int:
    """Count how far a change reaches, at most; where a part looks at the whole map, all the way."""
    layers = list(module.modules())
    if any(isinstance(layer, nn.AdaptiveAvgPool2d) for layer in layers):
        return side
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    return stride * sum(layer.kernel_size[0] // 2 for layer in convolutions)


def _through(
    parts: list[_Stage], patch: Tensor, at: tuple[Span, Span]
) -> tuple[Tensor, tuple[Span, Span]]:
    """Send a patch through the backbone, with as much around it as each part needs."""
    for part in parts:
        side = part.maps.shape[-1]
        felt = part.felt(at[0], side), part.felt(at[1], side)
        rows, columns = part.needed(felt[0], side), part.needed(felt[1], side)
        maps = part.around(rows, columns)
        maps[..., _within(at[0], rows), _within(at[1], columns)] = patch
        starts = rows[0] // part.stride, columns[0] // part.stride
        output = part.module(maps)
        patch = output[..., _within(felt[0], (starts[0], 0)), _within(felt[1], (starts[1], 0))]
        at = felt
    return patch, at


def _within(span: Span, frame: Span) -> slice:
    return slice(span[0] - frame[0], span[1] - frame[0])
