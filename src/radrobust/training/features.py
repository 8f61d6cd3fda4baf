"""What a frozen backbone sees of each image, computed once and kept.

The backbone is in eval mode and never changes, so that a head's thirty epochs need one pass of it,
not thirty.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from radrobust.core.files import replacing
from radrobust.core.progress import progress
from radrobust.core.seeds import derive_seed
from radrobust.core.tensors import state_digest
from radrobust.systems.classifier import Classifier
from radrobust.systems.images import Images
from radrobust.training.augmentation import augment
from radrobust.training.inputs import FeatureInputs

BATCH = 32


def cached_features(
    classifier: Classifier, images: Images, views: int, seed: int, folder: Path
) -> FeatureInputs:
    """Compute the features of images, or open them where they have been computed before.

    Parameters
    ----------
    classifier : Classifier
        Its backbone is used as it is; it is left in eval mode.
    images : Images
        N images.
    views : int
        How many augmented copies of each image; 0 for the image as it is.
    seed : int
        Of the augmentation. A view of an image depends on it and on the image's place alone.
    folder : Path
        Where features are kept, under a name made of the weights, the images and the views. What a
        killed run has computed is gone on from.

    Returns
    -------
    FeatureInputs
        Memory-mapped, float32.
    """
    shape = max(views, 1), len(images), classifier.channels
    path = folder / f"{_digest(classifier, images, views, seed)}.npy"
    if not path.is_file():
        _compute(classifier, images, views, seed, shape, path)
    return FeatureInputs(images.sample_ids, images.labels, np.load(path, mmap_mode="r"))


def _compute(
    classifier: Classifier,
    images: Images,
    views: int,
    seed: int,
    shape: tuple[int, int, int],
    path: Path,
) -> None:
    """Fill a file beside its place, batch after batch, and move it there when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part, note = path.with_suffix(".part"), path.with_suffix(".json")
    done = json.loads(note.read_text()) if note.is_file() and part.is_file() else 0
    mode = "r+" if done else "w+"
    values = open_memmap(part, mode=mode, dtype=np.float32, shape=shape)
    flat = values.reshape(-1, shape[-1])
    classifier.eval()
    with progress(len(flat), "image", "features", initial=done) as bar, torch.no_grad():
        for first in range(done, len(flat), BATCH):
            rows = np.arange(first, min(first + BATCH, len(flat)))
            flat[rows] = _features(classifier, images, rows, views, seed)
            values.flush()
            with replacing(note) as draft:
                draft.write_text(json.dumps(int(rows[-1]) + 1))
            bar.update(len(rows))
    del values, flat
    part.replace(path)
    note.unlink()


def _features(
    classifier: Classifier, images: Images, rows: NDArray[np.intp], views: int, seed: int
) -> NDArray[np.float32]:
    count = len(images)
    pixels = images.floats(rows % count)
    if views:
        for index, row in enumerate(rows):
            generator = torch.Generator().manual_seed(derive_seed(seed, "view", int(row)))
            pixels[index] = augment(pixels[index : index + 1], generator)[0]
    found = classifier.features(pixels.to(classifier.device)).cpu().numpy()
    return np.asarray(found, dtype=np.float32)


def _digest(classifier: Classifier, images: Images, views: int, seed: int) -> str:
    digest = hashlib.sha256(f"{views} {seed if views else ''}".encode())
    digest.update(images.digest)
    for part in (classifier.normalise, classifier.backbone):
        digest.update(state_digest(part))
    return digest.hexdigest()
