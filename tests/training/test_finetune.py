"""The stage on a small study: from published weights, by any objective, for evaluation alone."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from radrobust.core.errors import InputError
from radrobust.core.params import load_params
from radrobust.stages.finetune import finetune
from radrobust.systems import checkpoints, precision
from radrobust.systems.published import read


@pytest.fixture
def study(prepared, tmp_path, monkeypatch):
    """Run the stage in a folder of its own; changes are of `model` and of `finetune`."""
    (tmp_path / "results").mkdir()
    for name in ("films", "samples"):
        (tmp_path / "results" / name).symlink_to(prepared / "results" / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RADROBUST_CACHE", str(tmp_path / "cache"))

    def run(key, model=None, **changes):
        params = load_params(prepared / "params.yaml")
        params = params.model_copy(
            update={
                "model": params.model.model_copy(update=model or {}),
                "finetune": params.finetune.model_copy(update={"epochs": 2} | changes),
            }
        )
        finetune(key, params)
        folder = Path("results/models") / key
        facts = json.loads((folder / "training.json").read_text())
        return checkpoints.load(key, folder / "model.safetensors"), facts

    return run


@pytest.mark.parametrize("trainable", ["last_block", "all"])
def test_a_published_system_is_finetuned_adversarially(trainable, study, zoo, tmp_path):
    path = tmp_path / "them.pt"
    zoo.save(zoo.build("rade2022", "compact"), path)
    model = {"weights": f"file:{path}", "trainable": trainable}
    classifier, facts = study("rade2022", model, objective="trades")
    published = read(path)
    assert facts["objective"] == "trades"
    assert facts["trainable"] == trainable
    assert facts["weights"] == f"file:{path}"
    early = torch.equal(classifier.backbone.init_conv.weight, published["init_conv.weight"])
    assert early is (trainable == "last_block")
    late = "layer.2.block.0.conv_0.weight"
    assert not torch.equal(classifier.backbone.state_dict()[late], published[late])


def test_a_head_alone_is_trained_on_features_that_are_kept(study, zoo, tmp_path):
    path = tmp_path / "them.pt"
    theirs = zoo.build("standard", "compact")
    zoo.save(theirs, path)
    features = tmp_path / "cache" / "features"
    of_another_version = features / "standard" / "0123456789abcdef"
    of_another_system = features / "rade2022" / "0123456789abcdef"
    for folder in (of_another_version, of_another_system):
        folder.mkdir(parents=True)
    model = {"weights": f"file:{path}", "trainable": "head"}
    classifier, facts = study("standard", model, objective="standard", augment_views=2)
    for name, tensor in classifier.backbone.state_dict().items():
        assert torch.equal(tensor, theirs.state_dict()[name]), name
    assert facts["head"] == "mlp"
    assert len(list(features.glob("standard/*/*.npy"))) == 2
    assert not of_another_version.exists() and of_another_system.exists()


@pytest.fixture
def finetuned(zoo):
    """A network as the published study left it."""
    network = zoo.build("standard", "compact")
    network.fc = nn.Sequential(
        nn.Dropout(0.3),
        nn.Linear(64, 512),
        nn.ReLU(),
        nn.BatchNorm1d(512),
        nn.Dropout(0.5),
        nn.Linear(512, 2),
    )
    return network


def test_weights_that_give_no_numbers_end_in_one_line(study, zoo, finetuned, tmp_path):
    nn.init.constant_(finetuned.fc[5].weight, 3e38)  # whose sums are not finite
    zoo.save(finetuned, tmp_path / "best.pth")
    with pytest.raises(
        InputError, match=r"^finetune@standard: the logits of \S+ are \S+, \S+ under"
    ):
        study("standard", {"weights": f"finetuned:{tmp_path / 'best.pth'}"})
    assert not Path("results/models/standard").exists()


def test_finetuned_weights_are_kept_as_they_are(study, zoo, finetuned, tmp_path):
    zoo.save(finetuned, tmp_path / "best.pth")
    classifier, facts = study("standard", {"weights": f"finetuned:{tmp_path / 'best.pth'}"})
    assert "objective" not in facts
    assert facts["threshold"] == classifier.threshold
    assert torch.equal(classifier.backbone.conv1.weight, finetuned.conv1.weight)
    assert not Path("results/models/standard/training.csv").exists()
    assert not list(Path("results/training/standard").iterdir())


def test_the_objective_of_params_overrides_that_of_the_paper(study):
    _, facts = study("rade2022", objective="mart")
    assert facts["objective"] == "mart"
    assert facts["helper_epochs"] == 0


@pytest.mark.parametrize("measured", [True, False])
def test_the_precision_is_told_with_what_it_was_chosen_by(measured, study, monkeypatch):
    monkeypatch.setattr(precision, "has_bfloat16", lambda device: True)
    changes = {"precision": "auto" if measured else "float32", "epochs": 1, "batch_size": 4}
    _, facts = study("rade2022", **changes)
    for found in (facts["precision"], facts["helper_precision"]):
        exact, coarse = found["float32_seconds"], found["bfloat16_seconds"]
        if measured:
            assert found["name"] == ("bfloat16" if coarse < 0.9 * exact else "float32")
        else:
            assert found == {
                "name": "float32",
                "float32_seconds": None,
                "bfloat16_seconds": None,
            }


def test_hat_trains_a_helper_that_can_be_seen(study):
    _, facts = study("rade2022")
    assert facts["objective"] == "hat"
    assert facts["helper_epochs"] == 2
    assert len(Path("results/models/rade2022/helper.csv").read_text().splitlines()) == 3
    assert not Path("results/resume/finetune/rade2022").exists()
