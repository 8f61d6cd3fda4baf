"""The stage as a process: what it writes, and that a killed run goes on to the same tables."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch

from radrobust.attribution.explainers import ADDS_UP, EXPLAINERS, explain, make_task
from radrobust.attribution.randomisation import PARTS
from radrobust.core.conditions import CLEAN, attacked
from radrobust.core.params import load_params
from radrobust.core.tables.explanations import EXPLANATIONS, MEASURES
from radrobust.data.samples import load_samples
from radrobust.systems import checkpoints, meansparse
from radrobust.systems.classifier import build
from radrobust.systems.images import Images

KEY = "amini2024"
CHANGES = {
    "count: 1200": "count: 120",
    "curve: [0, 1/255, 2/255, 4/255, 8/255]": "curve: []",
    "  films: 50": "  films: 2",
    "  steps: 20": "  steps: 4",
    "  steps: 50": "  steps: 4",
    "  restarts: 2": "  restarts: 1",
    "  iterations: 20": "  iterations: 2",
    "  queries: 150": "  queries: 2",
    "  steps: 16": "  steps: 3",
    "window: 15": "window: 60",
    "stride: 8": "stride: 60",
    "others: 24": "others: 3",
    "  films: 16": "  films: 2",
}
TABLES = tuple(table.name for table in EXPLANATIONS)


@pytest.fixture(scope="module")
def study(tmp_path_factory, write_study):
    """A small study with an untrained network, attacked; MeanSparse makes it the hardest."""
    folder = tmp_path_factory.mktemp("study")
    write_study(folder, CHANGES)
    samples = load_samples(folder)
    classifier = build(KEY, seed=5).eval().requires_grad_(False)
    films = Images.of(samples, samples.rows("train")[:32]).floats()
    meansparse.calibrate(classifier, [films], alpha=0.15)
    with torch.no_grad():  # so that it does not say the same of all films
        logits = classifier(films)
        classifier.head.bias[1] -= (logits[:, 1] - logits[:, 0]).median()
    model = folder / "results/models" / KEY
    model.mkdir(parents=True)
    checkpoints.save(classifier, model / "model.safetensors")
    (model / "training.json").write_text('{"frozen_changed": false}')
    return folder


def start(folder, stage="explain"):
    return subprocess.Popen(
        [sys.executable, "-m", "radrobust", stage, KEY],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def output(folder):
    return folder / "results/attributions" / KEY


def test_nothing_is_explained_before_it_is_attacked(study):
    process = start(study)
    said = process.communicate()[1].decode()
    assert process.returncode == 2
    assert said.strip().endswith(
        f"results/predictions/{KEY}/images.npz is not here; run `dvc repro attack@{KEY}` first"
    )
    assert not output(study).exists()


@pytest.fixture(scope="module")
def whole(study):
    """What a run that nobody interrupted has written."""
    for stage in ("attack", "explain"):
        process = start(study, stage)
        assert process.wait() == 0, process.stderr.read().decode()
    kept = study / "whole"
    output(study).rename(kept)
    return kept


def test_a_killed_run_goes_on_to_the_same_tables(study, whole):
    for parts in (3, 9, 14):  # in the films as they are, as attacked, and in what is asked of some
        process = start(study)
        resume = study / "results/resume/explain" / KEY
        while len(list(resume.glob("*/*/table.parquet"))) < parts:
            assert process.poll() is None, process.stderr.read().decode()
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not output(study).exists()
    assert start(study).wait() == 0
    assert {file.name for file in whole.iterdir()} == {
        *(f"{t}.parquet" for t in TABLES),
        "maps.npz",
    }
    for name in TABLES:
        before, after = (pd.read_parquet(at / f"{name}.parquet") for at in (whole, output(study)))
        pd.testing.assert_frame_equal(before, after, check_exact=True)
    with np.load(whole / "maps.npz") as before, np.load(output(study) / "maps.npz") as after:
        assert before.files == after.files
        assert all(np.array_equal(before[name], after[name]) for name in before.files)
    assert not (study / "results/resume/explain" / KEY).exists()


@pytest.fixture(scope="module")
def table(whole):
    return pd.read_parquet(whole / "attributions.parquet")


def test_every_film_with_the_finding_is_explained_by_every_method(study, table):
    test = load_samples(study).table.query("split == 'test'")
    chosen = table.drop_duplicates("sample_id")
    assert set(chosen.query("label == 1")["sample_id"]) == set(
        test.query("label == 1")["sample_id"]
    )
    assert len(chosen.query("label == 0")) == 3
    assert table["explainer"].unique().tolist() == list(
        load_params(study / "params.yaml").explain.methods
    )
    assert set(table["explainer"]) == set(EXPLAINERS)
    assert (table.groupby(["explainer", "sample_id"])["image"].apply(list).map(sorted).map(tuple)
            == ("attacked", "clean")).all()  # fmt: skip
    assert table[list(MEASURES)].notna().all(axis=1).tolist() == (table["label"] == 1).tolist()
    promised = table["explainer"].isin(ADDS_UP)
    assert (table["delta"].notna() == promised).all()


def test_verdicts_are_those_of_the_attack(study, table):
    predictions = pd.read_parquet(study / f"results/predictions/{KEY}/predictions.parquet")
    headline = attacked(load_params(study / "params.yaml").attack)
    for image, of_image in table.groupby("image"):
        condition = CLEAN if image == "clean" else headline
        at = predictions[predictions["condition"] == condition.key]
        expected = at.set_index("sample_id").loc[of_image["sample_id"]]
        assert (expected["predicted"].to_numpy() == of_image["target"].to_numpy()).all()
        np.testing.assert_array_equal(expected["probability"], of_image["probability"])
        if image == "attacked":
            turned = (expected["misclassified"] & (expected["iteration"] > 0)).to_numpy()
            assert (of_image["misclassified"] == turned).all()
            assert (of_image["changed"] == (expected["linf"].to_numpy() > 0)).all()
    assert table["changed"].nunique() == 2, "films of both kinds are needed to tell anything"


def test_a_film_that_was_left_alone_has_its_clean_rows_twice(table):
    left = table[~table["changed"]]
    clean, attacked = (
        left[left["image"] == image].drop(columns="image").reset_index(drop=True)
        for image in ("clean", "attacked")
    )
    pd.testing.assert_frame_equal(clean, attacked)


def test_maps_are_those_of_the_images_that_were_judged(study, whole, table):
    params = load_params(study / "params.yaml")
    classifier = checkpoints.load(KEY, study / f"results/models/{KEY}/model.safetensors")
    with np.load(study / f"results/predictions/{KEY}/images.npz") as arrays:
        images = dict(zip(arrays["sample_ids"], arrays["images"], strict=True))
    with np.load(whole / "maps.npz", allow_pickle=False) as arrays:
        names = arrays["sample_ids"].tolist()
        packed = arrays["integrated_gradients-attacked"]
    assert packed.dtype == np.float16
    assert np.abs(packed).max() == 1
    rows = table.query("explainer == 'integrated_gradients' and image == 'attacked'")
    assert rows["sample_id"].tolist() == names
    films = torch.from_numpy(np.stack([images[name] for name in names]))
    task = make_task(films, torch.tensor(rows["target"].to_numpy(np.int64)), params.explain, 64)
    again = explain("integrated_gradients", classifier, task).numpy()
    largest = rows["largest"].to_numpy()[:, None, None]
    np.testing.assert_allclose(packed * largest, again, atol=2e-3 * largest.max())


def test_what_is_asked_of_some_films(whole):
    faithful = pd.read_parquet(whole / "faithfulness.parquet")
    assert set(faithful["explainer"]) == {*EXPLAINERS, "random"}
    assert (faithful.groupby("explainer")["sample_id"].nunique() == 2).all()
    assert faithful["deletion_curve"].map(len).eq(17).all()
    ends = faithful[["deletion_curve", "insertion_curve"]].map(lambda curve: (curve[0], curve[-1]))
    assert (ends["deletion_curve"] == ends["insertion_curve"].map(lambda ends: ends[::-1])).all()
    redrawn = pd.read_parquet(whole / "randomisation.parquet")
    assert redrawn.drop_duplicates("depth")["part"].tolist() == list(PARTS)
    assert len(redrawn) == 2 * len(EXPLAINERS) * len(PARTS)


def test_tables_are_as_they_are_declared(whole):
    for declared in EXPLANATIONS:
        rows = pd.read_parquet(whole / declared.path.name)
        pd.testing.assert_frame_equal(rows, declared.checked(rows))
