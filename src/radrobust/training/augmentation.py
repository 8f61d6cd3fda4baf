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
        N×1×S×S in [0, 1]; zero is the padding around an image.
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
    # Where each row and column of the result comes from, in the padded image.
    forward = torch.arange(side).expand(count, 2, side)
    places = torch.where(mirror[..., None], forward.flip(2), forward) + shift[..., None]
    rows, columns = places[:, 0, :, None], places[:, 1, None, :]
    padded = F.pad(images, (reach,) * 4)
    return padded[torch.arange(count)[:, None, None], 0, rows, columns].unsqueeze(1)
