"""What training images may look like besides themselves. Nothing else imports this."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror and shift each image at random; both classes alike.

    Parameters
    ----------
    images : Tensor
        N×1×S×S in [0, 1]; zero is the padding around a film.
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    Tensor
        N×1×S×S: each mirrored left-right and top-bottom with probability 1/2, and shifted by up to
        a sixteenth of its side each way, with zeros moving in.
    """
    count, _, side, _ = images.shape
    reach = side // 16
    mirror = torch.rand(count, 2, generator=generator) < 0.5
    shift = torch.randint(0, 2 * reach + 1, (count, 2), generator=generator)
    padded = F.pad(images, (reach,) * 4)
    result = torch.empty_like(images)
    for row in range(count):
        top, left = shift[row].tolist()
        window = padded[row, :, top : top + side, left : left + side]
        turned = [axis for axis, flip in zip((1, 2), mirror[row].tolist(), strict=True) if flip]
        result[row] = window.flip(turned)
    return result
