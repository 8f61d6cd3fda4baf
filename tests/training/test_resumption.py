"""A real process is killed while it trains, and goes on to the same weights."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch


def study(prepared, folder):
    folder.mkdir()
    for name in ("params.yaml", "sources"):
        (folder / name).symlink_to(prepared / name)
    (folder / "results").mkdir()
    for name in ("films", "samples"):
        (folder / "results" / name).symlink_to(prepared / "results" / name)
    return folder


def start(folder):
    return subprocess.Popen(
        [sys.executable, "-m", "radrobust", "finetune", "rade2022"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def epochs_done(folder, name):
    try:
        state = torch.load(folder / "results/resume/rade2022" / name, weights_only=True)
    except FileNotFoundError:
        return 0
    return len(state["rows"])


@pytest.mark.slow
def test_killed_training_ends_in_the_same_bits(prepared, tmp_path):
    whole, broken = study(prepared, tmp_path / "whole"), study(prepared, tmp_path / "broken")
    assert start(whole).wait() == 0
    # In the helper's training, and twice in that of the system, which has an average too.
    for name, epochs in (("helper.pt", 4), ("state.pt", 2), ("state.pt", 9)):
        process = start(broken)
        while epochs_done(broken, name) < epochs:
            assert process.poll() is None, process.stderr.read().decode()
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (broken / "results/models").exists()
    assert start(broken).wait() == 0
    model = Path("results/models/rade2022/model.safetensors")
    assert (whole / model).read_bytes() == (broken / model).read_bytes()
    facts = [
        json.loads((folder / "results/models/rade2022/training.json").read_text())
        for folder in (whole, broken)
    ]
    for name in ("best_epoch", "threshold", "val_sensitivity", "epochs", "helper_epochs"):
        assert facts[0][name] == facts[1][name]
    curves = [
        (folder / "results/training/rade2022/val_auroc.tsv").read_text()
        for folder in (whole, broken)
    ]
    assert curves[0] == curves[1]
    assert len(curves[0].splitlines()) == 1 + facts[0]["epochs"]
    assert not (broken / "results/resume/rade2022").exists()
