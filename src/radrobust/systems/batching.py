"""As many images at once as memory allows, and fewer where it turns out not to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from radrobust.core.errors import InputError
from radrobust.core.tensors import free_memory, is_out_of_memory
from radrobust.systems.classifier import Classifier
from radrobust.systems.footprint import activations
from radrobust.systems.images import Images

Result = TypeVar("Result")

MOST = 128  # more at once are not faster, and would keep progress from being seen


def batch_size(classifier: Classifier, side: int) -> int:
    """Choose how many images of `side` pixels to attack at once: half the free memory, at most 128.

    The other half is for what cannot be counted beforehand: workspaces of convolutions, and what
    the attack itself holds.
    """
    room = free_memory(classifier.device) / 2
    return int(min(MOST, max(1, room // activations(classifier, side))))


def in_batches(images: Images, size: int, work: Callable[[Images], Result]) -> Iterator[Result]:
    """Yield what `work` makes of each batch of images; out of memory, halve them from then on.

    Parameters
    ----------
    images : Images
        N.
    size : int
        Of a batch, to begin with.
    work : callable
        Takes images; must have no effect before it returns, since it is called again with fewer.

    Raises
    ------
    InputError
        There is not even memory for one image.
    """
    first = 0

    def next_ones(count: int) -> Result:
        return work(images[first : first + count])

    while first < len(images):
        size, result = halving(min(size, len(images) - first), next_ones)
        yield result
        first += size


def halving(size: int, work: Callable[[int], Result]) -> tuple[int, Result]:
    """Work on `size` images at once; out of memory, on half as many, and so on.

    Parameters
    ----------
    size : int
        How many images at once, to begin with.
    work : callable
        Takes that number; must have no effect before it returns, since it is called again.

    Returns
    -------
    size : int
        How many there was memory for.
    result
        What `work` returned.

    Raises
    ------
    InputError
        There is not even memory for one image.
    """
    while True:
        try:
            return size, work(size)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if size == 1:
                raise InputError(
                    "there is not enough memory for a single image; lower dataset.image_size"
                ) from None
        size = (size + 1) // 2
        torch.cuda.empty_cache()
