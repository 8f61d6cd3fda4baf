"""Checkpoints that others wrote: the published formats, and whatever else may lie under a path."""

import os
from collections import OrderedDict

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from radrobust.core.errors import InputError
from radrobust.systems.catalogue import keys
from radrobust.systems.classifier import Design, build
from radrobust.systems.published import load_backbone, load_finetuned, read

COMPACT = Design("standard", "compact", "linear")


@pytest.fixture
def theirs(zoo):
    return zoo.build("standard", "compact")


@pytest.mark.parametrize("plain", [True, False], ids=["state dict", "envelope"])
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "pickle"])
def test_the_published_formats_are_read(theirs, zoo, tmp_path, plain, legacy):
    path = tmp_path / "them.pt"
    zoo.save(theirs, path, plain)
    if legacy:
        content = torch.load(path, weights_only=False)
        torch.save(content, path, _use_new_zipfile_serialization=False)
    state = read(path)
    assert list(state) == list(theirs.state_dict())
    assert all(torch.equal(state[name], tensor) for name, tensor in theirs.state_dict().items())


@given(st.lists(st.sampled_from(["module.", "model."]), max_size=3))
def test_leading_prefixes_are_taken_off_and_no_others(tmp_path_factory, prefixes):
    path = tmp_path_factory.mktemp("prefixes") / "them.pt"
    inner = "layer.module.model.weight"
    torch.save({"".join(prefixes) + inner: torch.ones(1)}, path)
    assert list(read(path)) == [inner]


class Trap:
    """Touches a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_that_would_run_something_is_refused_and_does_not_run(tmp_path, legacy):
    sprung, path = tmp_path / "sprung", tmp_path / "them.pt"
    torch.save(
        {"state_dict": {"a": torch.ones(1)}, "extra": Trap(sprung)},
        path,
        _use_new_zipfile_serialization=not legacy,
    )
    with pytest.raises(
        InputError, match=r"asks for posix\.system.*nothing of it was run"
    ) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert not sprung.exists()
    torch.load(path, weights_only=False)  # the trap is a real one
    assert sprung.exists()


def whole_model(path):
    torch.save(nn.Linear(2, 2), path)


def web_page(path):
    path.write_text("\n<!DOCTYPE html><html><title>Google Drive - Quota exceeded</title></html>")


def truncated(path):
    torch.save({"a": torch.rand(1000)}, path)
    path.write_bytes(path.read_bytes()[:-500])


def truncated_pickle(path):
    torch.save({"a": torch.rand(1000)}, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:-500])


def other_archive(path):
    import zipfile

    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")


def strangers(path):
    torch.save({"weights": {"a": torch.ones(1)}, "epoch": 3}, path)


def tensor_alone(path):
    torch.save(torch.ones(3), path)


def nothing(path):
    torch.save({}, path)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (web_page, "is a web page, not a checkpoint"),
        (lambda path: path.write_bytes(b""), "is no PyTorch checkpoint"),
        (lambda path: path.write_bytes(b"GIF89a" + bytes(99)), "is no PyTorch checkpoint"),
        (lambda path: path.write_bytes(b"\x80\x02" + b"garbage" * 9), "damaged checkpoint"),
        (truncated, "ends early, after"),
        (truncated_pickle, "damaged checkpoint"),
        (other_archive, "damaged checkpoint"),
        (whole_model, "asks for torch.nn.modules.linear.Linear"),
        (strangers, "'weights' in it is no tensor"),
        (tensor_alone, "holds no state dict but Tensor"),
        (nothing, "holds no state dict"),
        (lambda path: None, "cannot be read: No such file"),
        (lambda path: path.mkdir(), "cannot be read"),
    ],
)
def test_what_is_no_checkpoint_ends_in_one_line(tmp_path, write, said):
    path = tmp_path / "them.pt"
    write(path)
    with pytest.raises(InputError) as caught:
        read(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=300), st.sampled_from([b"", b"\x80\x02", b"PK\x03\x04"]))
@example(b"X", b"\x80\x02")  # a string whose length is missing
def test_no_bytes_do_more_than_be_refused(tmp_path_factory, content, start):
    path = tmp_path_factory.mktemp("bytes") / "them.pt"
    path.write_bytes(start + content)
    with pytest.raises(InputError):
        read(path)


def save_changed(state, path, **changes):
    state = OrderedDict(state)
    for name, value in changes.items():
        key = name.replace("__", ".")
        if value is None:
            del state[key]
        else:
            state[key] = value
    torch.save(state, path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bn1__weight": None}, "1 tensors missing (bn1.weight)"),
        ({"extra__weight": torch.ones(1)}, "1 tensors unexpected (extra.weight)"),
        (
            {"conv1__weight": torch.ones(16, 1, 3, 3)},
            "1 tensors of another shape (conv1.weight 16×1×3×3 instead of 16×3×3×3)",
        ),
        ({"bn1__bias": torch.full((64,), torch.inf)}, "not finite, first in bn1.bias"),
        (
            {"bn1__running_var": torch.full((64,), torch.nan)},
            "not finite, first in bn1.running_var",
        ),
    ],
)
def test_what_does_not_fit_is_named(theirs, tmp_path, changes, said):
    path = tmp_path / "them.pt"
    save_changed(theirs.state_dict(), path, **changes)
    with pytest.raises(InputError) as caught:
        load_backbone(path, COMPACT, seed=0)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_of_another_architecture_is_refused(zoo, tmp_path):
    path = tmp_path / "them.pt"
    zoo.save(zoo.build("rebuffi2021", "compact"), path)
    with pytest.raises(InputError, match=r"not a checkpoint of standard \(wide_resnet\(depth=28, "):
        load_backbone(path, COMPACT, seed=0)


def test_the_classification_layer_may_be_missing_and_is_drawn_anew(theirs, tmp_path):
    path = tmp_path / "them.pt"
    save_changed(theirs.state_dict(), path, fc__weight=None, fc__bias=None)
    first, again, other = (load_backbone(path, COMPACT, seed) for seed in (1, 1, 2))
    assert torch.equal(first.head.weight, again.head.weight)
    assert not torch.equal(first.head.weight, other.head.weight)
    assert torch.equal(first.backbone.conv1.weight, theirs.conv1.weight)


def study_checkpoint(zoo, key, path):
    """What the published study saved: RobustBench's model with its last layer replaced.

    Returns its model and head.
    """
    model = zoo.build(key, "compact")
    old = zoo.head_of(model)
    head = nn.Sequential(
        nn.Dropout(0.3),
        nn.Linear(old.in_features, 512),
        nn.ReLU(),
        nn.BatchNorm1d(512),
        nn.Dropout(0.5),
        nn.Linear(512, 2),
    )
    nn.init.uniform_(head[3].running_mean)
    nn.init.uniform_(head[3].running_var, 0.5, 2)
    setattr(model, "fc" if hasattr(model, "fc") else "logits", head)
    torch.save(model.state_dict(), path)
    return model.eval()


@pytest.mark.parametrize("key", keys())
def test_a_finetuned_checkpoint_of_the_study_predicts_as_there_with_classes_turned(
    key, zoo, tmp_path
):
    path = tmp_path / "best.pth"
    model = study_checkpoint(zoo, key, path)
    ours = load_finetuned(path, Design(key, "compact", "mlp")).eval()
    films = torch.rand(5, 1, 32, 32)
    mean, std = (torch.tensor(part).view(3, 1, 1) for part in (zoo.CIFAR10_MEAN, zoo.CIFAR10_STD))
    with torch.no_grad():
        # The study normalises before the network; some networks do so once more themselves.
        published = model((films.expand(-1, 3, -1, -1) - mean) / std)
        fracture, no_fracture = published.unbind(dim=1)
        expected = torch.stack([no_fracture, fracture], dim=1)
        torch.testing.assert_close(ours(films), expected, atol=1e-4, rtol=1e-4)
    assert torch.equal(ours(films).argmax(dim=1), 1 - published.argmax(dim=1))


def test_our_own_model_in_the_studys_format_predicts_the_same(tmp_path):
    """Written as the study does it: names of RobustBench's class, the fracture first."""
    ours = build("rade2022", seed=4, head="mlp")
    ours(torch.rand(16, 1, 32, 32))  # moves the BatchNorm statistics
    state = {
        name.removeprefix("backbone.").replace("head.", "logits."): tensor.clone()
        for name, tensor in ours.state_dict().items()
        if not name.startswith("normalise.")
    }
    for name in ("logits.5.weight", "logits.5.bias"):
        state[name] = state[name].flip(0)
    torch.save(state, tmp_path / "best.pth")
    loaded = load_finetuned(tmp_path / "best.pth", Design("rade2022", "compact", "mlp")).eval()
    loaded.normalise = ours.normalise  # ours was trained on films that are normalised once
    films = torch.rand(4, 1, 32, 32)
    torch.testing.assert_close(loaded(films), ours.eval()(films))


def test_a_finetuned_checkpoint_needs_the_studys_head(theirs, zoo, tmp_path):
    path = tmp_path / "them.pt"
    zoo.save(theirs, path)
    with pytest.raises(InputError, match=r"tensors missing \(fc\.1\.weight"):
        load_finetuned(path, Design("standard", "compact", "mlp"))


def test_numbers_beside_the_weights_are_harmless(theirs, tmp_path):
    path = tmp_path / "them.pt"
    beside = {"acc": np.float32(0.5), "epoch": np.int64(3), "done": np.bool_(True)}
    torch.save({"model_state_dict": theirs.state_dict(), **beside}, path)
    assert list(read(path)) == list(theirs.state_dict())
