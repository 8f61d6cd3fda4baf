"""The stage as a process: what it writes, and that a killed run goes on to the same tables."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch

from radrobust.data.samples import load_samples
from radrobust.systems import checkpoints, meansparse
from radrobust.systems.classifier import as_pixels, build

KEY = "amini2024"
CHANGES = {
    "count: 1200": "count: 120",
    "  films: 50": "  films: 12",
    "  steps: 20": "  steps: 4",
    "  steps: 50": "  steps: 6",
    "  iterations: 20": "  iterations: 4",
    "  queries: 150": "  queries: 10",
    "batch_size: auto #": "batch_size: 3 #",
    # Two runs that both measure could come to different ends.
    "precision: auto # of": "precision: float32 # of",
}


@pytest.fixture(scope="module")
def study(tmp_path_factory, write_study):
    """A small study with an untrained network, which MeanSparse makes the hardest to judge."""
    folder = tmp_path_factory.mktemp("study")
    write_study(folder, CHANGES)
    samples = load_samples(folder)
    classifier = build(KEY, seed=5).eval().requires_grad_(False)
    films = as_pixels(samples.images[samples.rows("train")][:32])
    meansparse.calibrate(classifier, [films], alpha=0.15)
    classifier.threshold = 0.02
    model = folder / "results/models" / KEY
    model.mkdir(parents=True)
    checkpoints.save(classifier, model / "model.safetensors")
    (model / "training.json").write_text(json.dumps({"frozen_changed": False}))
    return folder


def start(folder):
    return subprocess.Popen(
        [sys.executable, "-m", "radrobust", "attack", KEY],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def output(folder):
    return folder / "results/predictions" / KEY


@pytest.fixture(scope="module")
def whole(study):
    """What a run that nobody interrupted has written."""
    process = start(study)
    assert process.wait() == 0, process.stderr.read().decode()
    kept = study / "whole"
    output(study).rename(kept)
    return kept


def test_a_killed_run_goes_on_to_the_same_tables(study, whole):
    for shards in (3, 6, 10):  # in the films twice, then in the checks
        process = start(study)
        resume = study / "results/resume/attack" / KEY
        while len(list(resume.glob("*/*.parquet"))) < shards:
            assert process.poll() is None, process.stderr.read().decode()
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not output(study).exists()
    assert start(study).wait() == 0
    for file in whole.iterdir():
        if file.suffix == ".parquet":
            again = pd.read_parquet(output(study) / file.name)
            pd.testing.assert_frame_equal(pd.read_parquet(file), again, check_exact=True)
        elif file.suffix == ".npz":
            assert np.array_equal(
                np.load(file)["images"], np.load(output(study) / file.name)["images"]
            )
        else:
            assert file.read_bytes() == (output(study) / file.name).read_bytes()
    assert not (study / "results/resume/attack" / KEY).exists()


@pytest.mark.slow
def test_a_killed_run_goes_on_in_the_precision_that_was_measured_first(study, whole):
    process = start(study)
    resume = study / "results/resume/attack" / KEY
    while len(list(resume.glob("*/*.parquet"))) < 2:
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    # As it would be had the first run found bfloat16 to be faster, and been killed right then.
    measured = {"name": "bfloat16", "float32_seconds": 0.2, "bfloat16_seconds": 0.1}
    for file in resume.glob("*/*.parquet"):
        if file.stem == hashlib.sha256(b"precision").hexdigest()[:16]:
            pd.DataFrame([measured]).to_parquet(file)
        else:
            file.unlink()
    assert start(study).wait() == 0
    assert json.loads((output(study) / "pipeline.json").read_text())["precision"] == measured
    images = [np.load(folder / "images.npz")["images"] for folder in (whole, output(study))]
    assert not np.array_equal(*images)
    assert np.abs(images[0] - images[1]).max() <= 2 * 4 / 255 + 1e-6


def test_shards_of_another_attack_are_not_used(study, whole):
    params = study / "params.yaml"
    before = params.read_text(encoding="utf-8")
    stale = study / "results/resume/attack" / KEY / "0123456789abcdef"
    stale.mkdir(parents=True)
    (stale / "film.parquet").write_bytes(b"not read")
    params.write_text(before.replace("eps: 4/255\n  sched", "eps: 2/255\n  sched"))
    try:
        assert start(study).wait() == 0
    finally:
        params.write_text(before)
    table = pd.read_parquet(output(study) / "predictions.parquet")
    assert not stale.exists()
    threshold = table[(table["decision"] == "threshold") & (table["eps"] > 0)]
    assert threshold["eps"].unique() == pytest.approx([2 / 255])


def test_what_is_written_is_what_the_tables_promise(study, whole):
    predictions = pd.read_parquet(whole / "predictions.parquet")
    assert predictions.columns.tolist() == [
        "system", "sample_id", "label", "space", "decision", "attack", "threat_model", "eps",
        "clean_logit_0", "clean_logit_1", "logit_0", "logit_1", "probability", "predicted",
        "broken", "iteration", "linf", "l2",
    ]  # fmt: skip
    test = len(load_samples(study).rows("test"))
    assert len(predictions) == test * (5 + 1 + 2)
    checks = pd.read_parquet(whole / "checks.parquet")
    counts = checks["check"].value_counts()
    assert counts.pop("far") == test
    assert (counts == 12).all()
    assert "plain_gradient" in counts
    assert (set(predictions) ^ set(checks)) == {"space", "decision", "check"}
    assert len(pd.read_parquet(whole / "gradients.parquet")) == 12
    facts = json.loads((whole / "pipeline.json").read_text())
    assert facts == {
        "normalisations": 1,
        "pixel_difference": 0.0,
        "repeat_difference": 0.0,
        "training_mode": 0,
        "weights_changed": False,
        "frozen_changed": False,
        "precision": {"name": "float32", "float32_seconds": None, "bfloat16_seconds": None},
    }


def test_kept_images_are_exactly_what_was_judged(study, whole):
    with np.load(whole / "images.npz", allow_pickle=False) as arrays:
        names, images = arrays["sample_ids"], arrays["images"]
    assert images.dtype == np.float32
    assert images.shape == (len(load_samples(study).rows("test")), 1, 32, 32)
    classifier = checkpoints.load(KEY, study / "results/models" / KEY / "model.safetensors")
    with torch.no_grad():
        logits = classifier(torch.from_numpy(images))
    table = pd.read_parquet(whole / "predictions.parquet")
    table = table[(table["space"] == "pixel") & (table["decision"] == "argmax")]
    rows = table[np.isclose(table["eps"], 4 / 255)].set_index("sample_id").loc[names]
    assert (logits.argmax(dim=1).numpy() == rows["predicted"]).all()
    assert (rows["broken"] == (rows["predicted"] != rows["label"])).all()
