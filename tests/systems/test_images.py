import numpy as np
import pandas as pd
import pytest
import torch

from radrobust.data.samples import Samples
from radrobust.systems.images import Images

NAMES = ["a", "b", "c", "d", "e"]
LEVELS = np.arange(5 * 8 * 8, dtype=np.uint8).reshape(5, 8, 8)


@pytest.fixture
def samples(tmp_path):
    """A study of five samples whose images lie on the disk."""
    np.save(tmp_path / "images.npy", LEVELS)
    table = pd.DataFrame({"sample_id": NAMES, "label": [0, 1, 0, 1, 1], "split": "test"})
    images = np.load(tmp_path / "images.npy", mmap_mode="r")
    return Samples(table, images, np.zeros((5, 8, 8), bool), {})


@pytest.fixture
def images(samples):
    return Images.of(samples, samples.rows("test"))


def test_images_of_a_study_are_grey_levels_until_they_are_asked_for_as_numbers(samples):
    images = Images.of(samples, np.array([3, 1]))
    assert images.sample_ids == ["d", "b"]
    assert images.labels.tolist() == [1, 1]
    assert images.pixels.dtype == torch.uint8
    expected = torch.from_numpy(LEVELS[[3, 1]]).unsqueeze(1).float() / 255
    assert torch.equal(images.floats(), expected)
    assert torch.equal(images.floats(np.array([1])), expected[1:])
    there = images.on(torch.device("cpu"))
    assert torch.equal(there.pixels, expected)
    assert torch.equal(there.on(torch.device("cpu")).pixels, expected)


@pytest.mark.parametrize("rows", [np.array([4, 0, 2]), torch.tensor([4, 0, 2])])
def test_rows_are_taken_in_the_order_in_which_they_are_named(images, rows):
    found = images.take(rows)
    assert found.sample_ids == ["e", "a", "c"]
    assert found.labels.tolist() == [1, 0, 0]
    assert torch.equal(found.pixels, images.pixels[[4, 0, 2]])


def test_groups_leave_no_image_out(images):
    groups = list(images.groups(2))
    assert [len(group) for group in groups] == [2, 2, 1]
    assert [name for group in groups for name in group.sample_ids] == NAMES
    assert torch.equal(torch.cat([group.pixels for group in groups]), images.pixels)


def test_the_digest_is_of_labels_and_pixels(images):
    turned = images.take(np.array([0, 2, 1, 3, 4]))
    assert images.digest == images[:].digest
    assert len({images.digest, turned.digest, images[:4].digest}) == 3
