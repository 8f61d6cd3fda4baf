"""A real process is killed while it trains, and goes on to the same weights."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch

from radrobust.core.files import replacing

SOURCES = Path(__file__).parents[2] / "src"
KEY = "rade2022"
MODEL = Path("results/models") / KEY


def study(prepared, folder):
    folder.mkdir()
    for name in ("params.yaml", "sources"):
        (folder / name).symlink_to(prepared / name)
    (folder / "results").mkdir()
    for name in ("films", "samples"):
        (folder / "results" / name).symlink_to(prepared / "results" / name)
    return folder


def start(folder, sources=SOURCES):
    return subprocess.Popen(
        [sys.executable, "-m", "radrobust", "finetune", KEY],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(sources)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def unfinished(folder):
    return folder / "results/resume/finetune" / KEY


def state_of(folder, name):
    """What is kept after an epoch, and where; the program that keeps it has a folder of its own."""
    (file,) = unfinished(folder).glob(f"*/{name}")
    return file, torch.load(file, weights_only=True)


def epochs_done(folder, name):
    try:
        return len(state_of(folder, name)[1]["rows"])
    except ValueError:
        return 0


def start_and_kill(folder, name, epochs, sources=SOURCES):
    """Kill a training as soon as so many epochs are done."""
    process = start(folder, sources)
    while epochs_done(folder, name) < epochs:
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / "results/models").exists()


@pytest.fixture(scope="module")
def whole(prepared, tmp_path_factory):
    """A study whose training nobody interrupted."""
    folder = study(prepared, tmp_path_factory.mktemp("whole") / "study")
    assert start(folder).wait() == 0
    return folder


@pytest.mark.slow
def test_killed_training_ends_in_the_same_bits(prepared, whole, tmp_path):
    killed = study(prepared, tmp_path / "killed")
    # In the helper's training, and twice in that of the system, which has an average too.
    for name, epochs in (("helper.pt", 4), ("state.pt", 2), ("state.pt", 9)):
        start_and_kill(killed, name, epochs)
    assert start(killed).wait() == 0
    model = MODEL / "model.safetensors"
    assert (whole / model).read_bytes() == (killed / model).read_bytes()
    facts = [
        json.loads((folder / MODEL / "training.json").read_text()) for folder in (whole, killed)
    ]
    for name in ("best_epoch", "threshold", "val_sensitivity", "epochs", "helper_epochs"):
        assert facts[0][name] == facts[1][name]
    curves = [
        (folder / "results/training" / KEY / "val_auroc.tsv").read_text()
        for folder in (whole, killed)
    ]
    assert curves[0] == curves[1]
    assert len(curves[0].splitlines()) == 1 + facts[0]["epochs"]
    assert not unfinished(killed).exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "goes_on"), [("training/objectives.py", False), ("stages/page.py", True)]
)
def test_training_goes_on_from_epochs_of_its_own_program(
    prepared, whole, tmp_path, source, goes_on
):
    folder, sources = study(prepared, tmp_path / "study"), tmp_path / "src"
    shutil.copytree(SOURCES, sources, ignore=shutil.ignore_patterns("__pycache__"))
    start_and_kill(folder, "helper.pt", 2, sources)
    file, state = state_of(folder, "helper.pt")
    state["rows"][0]["seconds"] = 4711.0  # so that it shows in the end whether it was read
    with replacing(file) as draft:
        torch.save(state, draft)
    with (sources / "radrobust" / source).open("a", encoding="utf-8") as changed:
        changed.write("# another version\n")
    assert start(folder, sources).wait() == 0
    helper = pd.read_csv(folder / MODEL / "helper.csv")
    assert (helper["seconds"] == 4711).any() == goes_on
    model = MODEL / "model.safetensors"
    assert (whole / model).read_bytes() == (folder / model).read_bytes()
    assert not unfinished(folder).exists()
