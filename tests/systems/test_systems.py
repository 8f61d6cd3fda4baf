import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from radrobust.errors import InputError
from radrobust.systems import architectures, checkpoints
from radrobust.systems.catalogue import SYSTEMS
from radrobust.systems.classifier import build
from radrobust.training.objectives import OBJECTIVES


@pytest.mark.parametrize(
    ("build_ours", "name", "arguments"),
    [
        (
            lambda: architectures.wide_resnet(10, 2),
            "wide_resnet.WideResNet",
            {"depth": 10, "widen_factor": 2},
        ),
        (
            lambda: architectures.robust_wide_resnet([16, 16, 32, 24], [1, 1, 1]),
            "robust_wide_resnet.RobustWideResNet",
            {"channel_configs": [16, 16, 32, 24], "depth_configs": [1, 1, 1]},
        ),
    ],
    ids=["wide_resnet", "robust_wide_resnet"],
)
def test_the_trunk_computes_what_robustbench_computes(build_ours, name, arguments):
    module, _, cls = name.partition(".")
    theirs = getattr(architectures._architecture(module), cls)(**arguments).eval()
    trunk, channels = build_ours()
    state = theirs.state_dict()
    trunk.load_state_dict({key: state[key] for key in trunk.state_dict()})
    images = torch.rand(4, 3, 32, 32)
    pooled = trunk.eval()(images).mean(dim=(2, 3))
    assert pooled.shape == (4, channels)
    ours = F.linear(pooled, state["fc.weight"], state["fc.bias"])
    torch.testing.assert_close(ours, theirs(images), atol=1e-5, rtol=0)


@pytest.mark.parametrize("key", SYSTEMS)
@pytest.mark.parametrize("side", [32, 40, 64, 224])
def test_one_row_of_two_logits_a_film_at_any_multiple_of_8(key, side):
    assert build(key, seed=0).eval()(torch.rand(2, 1, side, side)).shape == (2, 2)


@pytest.mark.parametrize("key", SYSTEMS)
def test_grey_films_are_repeated_to_three_equal_channels(key):
    classifier = build(key, seed=0).eval()
    films = torch.rand(2, 1, 32, 32)
    torch.testing.assert_close(classifier(films), classifier(films.repeat(1, 3, 1, 1)))


@pytest.mark.parametrize("key", SYSTEMS)
def test_the_seed_decides_the_weights_and_nothing_else_is_disturbed(key):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, second, other = build(key, 1), build(key, 1), build(key, 2)
    assert torch.equal(torch.rand(1), expected)
    same = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in same)
    assert not torch.equal(first.head.weight, other.head.weight)


@pytest.mark.parametrize("key", SYSTEMS)
def test_every_entry_of_the_catalogue_is_whole(key):
    system = SYSTEMS[key]
    assert system.key == key
    assert system.objective in OBJECTIVES
    assert system.url.startswith("https://")


def test_building_a_system_leaves_robustbench_unimported():
    script = (
        "import sys; from radrobust.systems.classifier import build; build('huang2021', 0); "
        "sys.exit('robustbench' in sys.modules or 'timm' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("key", SYSTEMS)
def test_a_checkpoint_gives_the_same_answers_back(key, tmp_path):
    classifier = build(key, seed=3)
    classifier(torch.rand(8, 1, 32, 32))  # moves the BatchNorm statistics
    checkpoints.save(classifier, tmp_path / "model.safetensors")
    loaded = checkpoints.load(key, tmp_path / "model.safetensors")
    films = torch.rand(2, 1, 32, 32)
    assert torch.equal(loaded(films), classifier.eval()(films))
    assert not any(weight.requires_grad for weight in loaded.parameters())


def test_a_checkpoint_that_is_missing_says_what_to_run(tmp_path):
    with pytest.raises(InputError, match="dvc repro finetune@standard"):
        checkpoints.load("standard", tmp_path / "model.safetensors")


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html>", b"\x80\x04\x95", bytes(100)])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a whole safetensors file"):
        checkpoints.load("standard", path)


def test_a_truncated_checkpoint_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    checkpoints.save(build("standard", 0), path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(InputError, match="not a whole safetensors file"):
        checkpoints.load("standard", path)


def test_a_checkpoint_of_another_system_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    checkpoints.save(build("huang2021", 0), path)
    with pytest.raises(InputError, match=r"not a checkpoint of standard: \d+ tensors differ"):
        checkpoints.load("standard", path)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    state = {name: tensor.clone() for name, tensor in build("standard", 0).state_dict().items()}
    state["head.weight"][0, 0] = float("nan")
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, tmp_path / "m")
    with pytest.raises(InputError, match=r"not finite, first in head\.weight"):
        checkpoints.load("standard", tmp_path / "m")
