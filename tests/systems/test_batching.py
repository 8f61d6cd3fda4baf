import subprocess
import sys
from itertools import chain

import pytest
import torch
from tests.attacks.toys import random_films

from radrobust.core.errors import InputError
from radrobust.core.tensors import free_memory
from radrobust.systems.batching import MOST, batch_size, in_batches
from radrobust.systems.classifier import build


def test_films_come_in_order_and_none_is_left_out():
    films = random_films(0, count=10)
    parts = list(in_batches(films, 4, lambda batch: list(batch.sample_ids)))
    assert [len(part) for part in parts] == [4, 4, 2]
    assert list(chain(*parts)) == list(films.sample_ids)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes"),
    ],
)
def test_out_of_memory_halves_the_batch_and_loses_no_film(error):
    asked = []

    def work(batch):
        asked.append(len(batch))
        if len(batch) > 3:
            raise error
        return list(batch.sample_ids)

    films = random_films(0, count=11)
    assert list(chain(*in_batches(films, 10, work))) == list(films.sample_ids)
    assert asked == [10, 5, 3, 3, 3, 2]


def test_another_error_is_not_swallowed():
    def work(batch):
        raise RuntimeError("shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="multiplied"):
        list(in_batches(random_films(0), 4, work))


def test_no_memory_for_one_film_ends_in_one_line():
    def work(batch):
        raise MemoryError

    with pytest.raises(InputError, match=r"single image; lower dataset\.image_size"):
        list(in_batches(random_films(0), 4, work))


LIMITED = """
import resource, torch
from radrobust.systems.batching import in_batches
from radrobust.systems.images import Images
images = Images([str(row) for row in range(8)], torch.zeros(8).long(), torch.zeros(8, 1, 8, 8))
sizes = []
def work(batch):
    torch.zeros(len(batch), 2**26).sum()  # 256 MiB an image
    sizes.append(len(batch))
    return len(batch)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 700 * 2**20,) * 2)
print(sum(in_batches(images, 8, work)), sizes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_real_memory_that_runs_out_is_recognised():
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "8 [2, 2, 2, 2]"


def test_the_batch_follows_free_memory(monkeypatch):
    classifier = build("standard", 0)
    assert free_memory(classifier.device) > 2**28
    assert batch_size(classifier, 32) == MOST
    monkeypatch.setattr("radrobust.systems.batching.free_memory", lambda device: 2**20)
    assert batch_size(classifier, 32) == 1
    monkeypatch.setattr("radrobust.systems.batching.free_memory", lambda device: 2**26)
    assert 1 < batch_size(classifier, 32) < MOST
    assert batch_size(classifier, 64) < batch_size(classifier, 32)
