import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from radrobust.core.errors import InputError
from radrobust.core.params import load_params
from radrobust.systems import checkpoints
from radrobust.systems.catalogue import keys, load
from radrobust.systems.classifier import Design, build, build_empty
from radrobust.systems.footprint import footprint
from radrobust.systems.images import Images
from radrobust.systems.meansparse import operators
from radrobust.systems.sources import obtain
from radrobust.training.inputs import ImageInputs
from radrobust.training.loop import Plan, train

# Millions, counted on RobustBench's classes without what no forward pass reads (FACTS of the zoo:
# 38.12 for GAIRAT with its unused block), with two classes in the place of ten.
PARAMETERS = {
    "standard": 36.47,
    "zhang2020": 36.47,
    "huang2021": 68.11,
    "rebuffi2021": 266.79,
    "rade2022": 46.16,
    "peng2023": 267.23,
    "chen2024": 184.52,
    "amini2024": 365.91,
}


@pytest.mark.parametrize("key", PARAMETERS)
def test_parameters_at_paper_scale(key):
    found = footprint(Design(key, "paper", "linear"), 32).parameters
    assert found / 1e6 == pytest.approx(PARAMETERS[key], abs=0.005)


@pytest.mark.parametrize("key", keys())
def test_a_published_checkpoint_gives_what_robustbench_computes(key, zoo, model, tmp_path):
    theirs = zoo.build(key, "compact")
    zoo.save(theirs, tmp_path / "them.pt")
    loaded = obtain(key, model(weights=f"file:{tmp_path / 'them.pt'}"), 0, "").eval()
    images = torch.rand(4, 3, 32, 32)
    with torch.no_grad():
        ours = zoo.head_of(theirs)(loaded.features(images))
        torch.testing.assert_close(ours, theirs(images), atol=1e-5, rtol=0)


@pytest.mark.parametrize("key", keys())
@pytest.mark.parametrize("side", [32, 40, 64, 224])
def test_one_row_of_two_logits_a_film_at_any_multiple_of_8(key, side):
    assert build(key, seed=0).eval()(torch.rand(2, 1, side, side)).shape == (2, 2)


@pytest.mark.parametrize("key", keys())
def test_the_whole_map_is_pooled(key):
    # A film changed in one corner only: each corner moves the answer by its own share.
    classifier = build(key, seed=0).eval().requires_grad_(False)
    film = torch.full((1, 1, 40, 40), 0.5)
    for rows, columns in ((0, 0), (0, 39), (39, 0), (39, 39)):
        changed = film.clone()
        changed[0, 0, rows, columns] = 1
        assert not torch.equal(classifier(changed), classifier(film))


@pytest.mark.parametrize("key", keys())
def test_grey_films_are_repeated_to_three_equal_channels(key):
    classifier = build(key, seed=0).eval()
    films = torch.rand(2, 1, 32, 32)
    torch.testing.assert_close(classifier(films), classifier(films.repeat(1, 3, 1, 1)))


@pytest.mark.parametrize("key", keys())
@pytest.mark.parametrize("scale", ["compact", "paper"])
def test_pixels_are_normalised_exactly_once(key, scale):
    """Up to the first convolution the system is one affine map of the pixels, the catalogue's."""
    classifier = build_empty(Design(key, scale, "linear"))
    normalisation = load(key).normalisation
    seen = []
    first = next(m for m in classifier.backbone.modules() if isinstance(m, nn.Conv2d))
    first.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    classifier.normalise = build(key, seed=0).normalise
    films = torch.rand(1, 1, 8, 8)
    with pytest.raises(RuntimeError, match="meta"):  # past the hook there are no weights
        classifier.eval()(films)
    mean, std = (torch.tensor(part).view(3, 1, 1) for part in
                 (normalisation.mean, normalisation.std))  # fmt: skip
    torch.testing.assert_close(seen[0], (films.expand(-1, 3, -1, -1) - mean) / std)


@pytest.mark.parametrize("key", keys())
def test_moving_to_a_device_moves_everything(key):
    # On the meta device an operation with any tensor that stayed behind raises.
    classifier = build(key, seed=0).eval().to("meta")
    assert classifier(torch.empty(2, 1, 32, 32, device="meta")).is_meta


@pytest.mark.parametrize("key", keys())
def test_the_seed_decides_the_weights_and_nothing_else_is_disturbed(key):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, second, other = build(key, 1), build(key, 1), build(key, 2)
    assert torch.equal(torch.rand(1), expected)
    same = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in same)
    assert not torch.equal(first.head.weight, other.head.weight)


@pytest.mark.parametrize("head", ["linear", "mlp"])
def test_heads(head):
    classifier = build("standard", seed=0, head=head)
    layers = [type(layer).__name__ for layer in classifier.head.modules()]
    if head == "linear":
        assert layers == ["Linear"]
    else:  # the published study's, in its order
        assert layers == [
            "Sequential", "Dropout", "Linear", "ReLU", "BatchNorm1d", "Dropout", "Linear"
        ]  # fmt: skip
        assert (classifier.head[0].p, classifier.head[4].p) == (0.3, 0.5)
    assert classifier.eval()(torch.rand(2, 1, 32, 32)).shape == (2, 2)


def part(count, seed):
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 255, (count, 1, 32, 32), generator=generator, dtype=torch.uint8)
    names = [f"{seed}-{row}" for row in range(count)]
    return ImageInputs(Images(names, torch.arange(count) % 2, pixels))


@pytest.mark.parametrize("key", keys())
@pytest.mark.parametrize("trainable", ["head", "last_block"])
def test_what_is_frozen_is_bit_for_bit_what_it_was_after_training(key, trainable, tmp_path):
    classifier = build(key, seed=0, head="mlp")
    classifier.freeze(trainable)
    before = {name: tensor.clone() for name, tensor in classifier.state_dict().items()}
    params = load_params().finetune.model_copy(
        update={"epochs": 1, "batch_size": 8, "precision": "float32", "steps": 1}
    )
    plan = Plan("trades", params, 0, torch.device("cpu"), tmp_path / "state.pt")
    train(classifier, part(16, 0), part(8, 1), plan, lambda row: None)
    moved = {
        name for name, tensor in classifier.state_dict().items()
        if not torch.equal(tensor, before[name])
    }  # fmt: skip
    assert any(name.startswith("head.") for name in moved)
    in_backbone = {name for name in moved if not name.startswith("head.")}
    if trainable == "head":
        assert in_backbone == set()
    else:
        assert any("running_mean" in name for name in in_backbone)
        early = ("conv1", "stem_conv", "init_conv", "block1", "layer.0", "blocks.0")
        assert not any(name.removeprefix("backbone.").startswith(early) for name in in_backbone)


def test_all_parts_of_the_backbone_can_be_trained():
    classifier = build("standard", seed=0)
    classifier.freeze("head")
    classifier.freeze("all")
    assert all(weight.requires_grad for weight in classifier.parameters())
    assert all(module.training for module in classifier.train().modules())


def test_building_a_system_leaves_robustbench_unimported():
    script = (
        "import sys; from radrobust.systems.classifier import build; build('huang2021', 0); "
        "sys.exit('robustbench' in sys.modules or 'timm' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("key", keys())
@pytest.mark.parametrize("head", ["linear", "mlp"])
def test_a_checkpoint_gives_the_same_answers_back(key, head, tmp_path):
    classifier = build(key, seed=3, head=head)
    classifier(torch.rand(8, 1, 32, 32))  # moves the BatchNorm statistics
    for operator in operators(classifier):
        operator.running_var.fill_(1)
        operator.threshold.fill_(0.15)
    checkpoints.save(classifier, tmp_path / "model.safetensors")
    loaded = checkpoints.load(key, tmp_path / "model.safetensors")
    films = torch.rand(2, 1, 32, 32)
    assert torch.equal(loaded(films), classifier.eval()(films))
    assert loaded.design == classifier.design
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
    with pytest.raises(InputError, match="holds the weights of huang2021, not of standard"):
        checkpoints.load("standard", path)


def test_a_checkpoint_whose_header_lies_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    checkpoints.save(build("huang2021", 0), path)
    facts = {"system": "standard", "scale": "compact", "head": "linear", "threshold": 0}
    save_file(load_file(path), path, metadata={"radrobust": json.dumps(facts)})
    with pytest.raises(InputError, match=r"not a checkpoint of standard \(.*\d+ tensors missing"):
        checkpoints.load("standard", path)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    classifier = build("standard", 0)
    nn.init.constant_(classifier.head.weight, float("nan"))
    checkpoints.save(classifier, tmp_path / "m")
    with pytest.raises(InputError, match=r"not finite, first in head\.weight"):
        checkpoints.load("standard", tmp_path / "m")
