"""The stage as a process: what it writes, and that a killed run goes on to the same tables."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from radrobust.core.conditions import attacked, predicted
from radrobust.core.params import load_params
from radrobust.core.parts import Part
from radrobust.core.tables import predictions
from radrobust.data.samples import load_samples
from radrobust.systems import checkpoints, meansparse
from radrobust.systems.classifier import build
from radrobust.systems.images import Images

SOURCES = Path(__file__).parents[2] / "src"
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
    films = Images.of(samples, samples.rows("train")[:32]).floats()
    meansparse.calibrate(classifier, [films], alpha=0.15)
    classifier.threshold = 0.02
    model = folder / "results/models" / KEY
    model.mkdir(parents=True)
    checkpoints.save(classifier, model / "model.safetensors")
    (model / "training.json").write_text(json.dumps({"frozen_changed": False}))
    return folder


def start(folder, sources=SOURCES):
    return subprocess.Popen(
        [sys.executable, "-m", "radrobust", "attack", KEY],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(sources)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def output(folder):
    return folder / "results/predictions" / KEY


def unfinished(folder):
    return folder / "results/resume/attack" / KEY


def finished_parts(folder):
    return [file.parent for file in unfinished(folder).glob("*/*/table.parquet")]


def start_and_kill(folder, parts, sources=SOURCES):
    """Kill a run as soon as so many parts are there."""
    process = start(folder, sources)
    while len(finished_parts(folder)) < parts:
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not output(folder).exists()


@pytest.fixture(scope="module")
def whole(study):
    """What a run that nobody interrupted has written."""
    process = start(study)
    assert process.wait() == 0, process.stderr.read().decode()
    kept = study / "whole"
    output(study).rename(kept)
    return kept


def assert_same(whole, folder):
    """A run has ended as the one that nobody interrupted."""
    for file in whole.iterdir():
        again = output(folder) / file.name
        if file.suffix == ".parquet":
            table = pd.read_parquet(again)
            pd.testing.assert_frame_equal(pd.read_parquet(file), table, check_exact=True)
        elif file.suffix == ".npz":
            assert np.array_equal(np.load(file)["images"], np.load(again)["images"])
        else:
            assert file.read_bytes() == again.read_bytes()


@pytest.fixture(autouse=True)
def nothing_written(study):
    shutil.rmtree(output(study), ignore_errors=True)
    shutil.rmtree(unfinished(study), ignore_errors=True)


def test_a_killed_run_goes_on_to_the_same_tables(study, whole):
    for parts in (3, 6, 10):  # in the films twice, then in the checks
        start_and_kill(study, parts)
    assert start(study).wait() == 0
    assert_same(whole, study)
    assert not unfinished(study).exists()


@pytest.mark.parametrize(
    ("source", "goes_on"), [("attacks/losses.py", False), ("stages/page.py", True)]
)
def test_a_run_goes_on_from_what_its_own_program_has_finished(
    study, whole, tmp_path, source, goes_on
):
    sources = tmp_path / "src"
    shutil.copytree(SOURCES, sources, ignore=shutil.ignore_patterns("__pycache__"))
    start_and_kill(study, 4, sources)
    for folder in finished_parts(study):  # so that it shows in the end whether it was read
        part = Part.load(folder)
        if "probability" in part.table:
            shutil.rmtree(folder)
            Part(part.table.assign(probability=np.float32(0.125)), part.arrays).save(folder)
    with (sources / "radrobust" / source).open("a", encoding="utf-8") as file:
        file.write("# another version\n")
    assert start(study, sources).wait() == 0
    table = pd.read_parquet(output(study) / "predictions.parquet")
    assert (table["probability"] == 0.125).any() == goes_on
    if not goes_on:
        assert_same(whole, study)
    assert not unfinished(study).exists()


@pytest.mark.slow
def test_a_killed_run_goes_on_in_the_precision_that_was_measured_first(study, whole):
    start_and_kill(study, 2)
    # As it would be had the first run found bfloat16 to be faster, and been killed right then.
    measured = {"name": "bfloat16", "float32_seconds": 0.2, "bfloat16_seconds": 0.1}
    for folder in finished_parts(study):
        shutil.rmtree(folder)
        if folder.name == hashlib.sha256(b"precision").hexdigest()[:16]:
            Part(pd.DataFrame([measured])).save(folder)
    assert start(study).wait() == 0
    assert json.loads((output(study) / "pipeline.json").read_text())["precision"] == measured
    images = [np.load(folder / "images.npz")["images"] for folder in (whole, output(study))]
    assert not np.array_equal(*images)
    assert np.abs(images[0] - images[1]).max() <= 2 * 4 / 255 + 1e-6


def test_parts_of_another_attack_are_not_used(study, whole):
    start_and_kill(study, 4)
    file = study / "params.yaml"
    before = file.read_text(encoding="utf-8")
    file.write_text(before.replace("eps: 4/255\n  sched", "eps: 2/255\n  sched"))
    try:
        assert start(study).wait() == 0
        params = load_params(file)
    finally:
        file.write_text(before)
    table = pd.read_parquet(output(study) / "predictions.parquet")
    counts = table["condition"].value_counts().to_dict()
    test = len(load_samples(study).rows("test"))
    assert counts == {one.key: test for one in predicted(params.attack)}
    assert "apgd linf 2/255 threshold" in counts
    assert not unfinished(study).exists()


def test_what_is_written_is_what_the_tables_promise(study, whole):
    for declared in (predictions.PREDICTIONS, predictions.CHECKED, predictions.GRADIENTS):
        rows = pd.read_parquet(whole / declared.path.name)
        pd.testing.assert_frame_equal(rows, declared.checked(rows))
    table = pd.read_parquet(whole / "predictions.parquet")
    test = len(load_samples(study).rows("test"))
    assert len(table) == test * (5 + 1 + 2)
    checks = pd.read_parquet(whole / "checks.parquet")
    counts = checks["check"].value_counts()
    assert counts.pop("far") == test
    assert (counts == 12).all()
    assert "plain_gradient" in counts
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
    headline = attacked(load_params(study / "params.yaml").attack)
    rows = table[table["condition"] == headline.key].set_index("sample_id").loc[names]
    assert (logits.argmax(dim=1).numpy() == rows["predicted"]).all()
    assert (rows["misclassified"] == (rows["predicted"] != rows["label"])).all()
