"""What the Methods page says of costs and downloads: what the files say, and no more."""

import json
import re
import shutil
from dataclasses import asdict, replace

import pytest

from radrobust.core import paths
from radrobust.core.cost import Cost, cost_file, study_digest
from radrobust.report.kit.study import Study
from radrobust.report.pages import methods


@pytest.fixture(scope="module")
def recorded(fake_study, tmp_path_factory):
    """A study of which nothing was recorded and no table written."""
    root = tmp_path_factory.mktemp("methods")
    fake_study.write_study(root, count=60)
    return Study.load(root)


@pytest.fixture
def record(recorded):
    """Record what a stage took; forgotten after the test."""
    written = []

    def write(stage, system="", **changes):
        usual = Cost(750.0, 1500.0, 10**9, "cpu", 2, "x86_64", 1, 0, True)
        cost = replace(usual, study=study_digest(stage, recorded.params), **changes)
        file = recorded.root / cost_file(stage, system)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(cost)))
        written.append(file)

    yield write
    for file in written:
        file.unlink()


def test_what_was_not_recorded_is_said(recorded, plain):
    assert "The time of no stage was recorded" in plain(methods.hardware(recorded))
    assert plain(methods.costs(recorded)).count("–") == 3 * len(recorded.systems) + 4 + 1


def test_times_and_hardware_are_shown(recorded, record, plain):
    record("attack", "standard")
    record("summarise", device="Some GPU 3000", seconds=61.0)
    said, table = plain(methods.hardware(recorded)), plain(methods.costs(recorded))
    assert "12 min processor 25 min" in table
    assert "Figures and intervals 61 s" in table
    assert "no GPU, x86_64 processor, 2 threads" in said and "Some GPU 3000" in said
    assert "Together 14 min" in said and "recorded of 2 of 10 stages" in said


def test_a_run_that_was_killed_makes_a_time_a_lower_bound(recorded, record, plain):
    record("attack", "standard", runs=3, untold=1)
    assert "at least 12 min" in plain(methods.costs(recorded))
    assert "in 3 runs" in plain(methods.costs(recorded))


def test_the_time_of_another_study_is_said_to_be_that(recorded, record, plain):
    record("attack", "standard")
    assert methods.OTHER_STUDY not in plain(methods.costs(recorded))
    other = recorded.params.model_copy(update={"seed": recorded.params.seed + 1})
    assert methods.OTHER_STUDY in plain(methods.costs(Study(recorded.root, other)))


def test_a_stage_that_did_not_end_has_no_time(recorded, record, plain):
    record("attack", "standard", finished=False)
    assert "12 min" not in plain(methods.costs(recorded))


def test_tables_are_linked_with_rows_and_sizes(study, monkeypatch, plain):
    from radrobust.stages.tables import tables

    monkeypatch.chdir(study.root)
    assert "radrobust tables" in methods.tables(study).source
    tables(study.params)
    try:
        shown = methods.tables(study).source
        linked = set(re.findall(r'href="tables/([^"]+)"', shown))
        assert linked == {file.name for file in (study.root / paths.TABLES).iterdir()}
        assert f"{len(study.samples.table):,}" in plain(methods.tables(study))
        assert f"{len(study.metrics):,}" in plain(methods.tables(study))
    finally:
        shutil.rmtree(study.root / paths.TABLES)


def test_program_and_radiographs_are_cited(recorded, plain):
    said = plain(methods.citation(recorded))
    assert "radrobust" in said and "Nobody et al. 2026, <Journal> & Co." in said
    cff = "title: T\nversion: 9.8\nlicense: MIT\nauthors:\n  - {given-names: A, family-names: B}\n"
    (recorded.root / methods.CITATION).write_text(cff)
    try:
        assert "A B. T. Version 9.8, MIT licence." in plain(methods.citation(recorded))
    finally:
        (recorded.root / methods.CITATION).unlink()


def write(folder, file, found):
    path = folder / file
    facts = json.loads(path.read_text())
    facts["precision"] = found
    path.write_text(json.dumps(facts))


def test_precisions_are_shown_with_the_times_they_were_chosen_by(fake_study, tmp_path, plain):
    fake_study.write_study(tmp_path, count=60)
    study = Study.load(tmp_path)
    quick = {"name": "bfloat16", "float32_seconds": 0.31, "bfloat16_seconds": 0.0174}
    nothing = {"name": "float32", "float32_seconds": None, "bfloat16_seconds": None}
    write(tmp_path / "results/models/huang2021", "training.json", quick)
    write(tmp_path / "results/predictions/huang2021", "pipeline.json", nothing)
    said = plain(methods.precisions(study))
    assert "bfloat16 float32 0.31 s, bfloat16 17 ms" in said
    assert "float32 the other was not tried" in said
    for system in study.systems:
        write(tmp_path / f"results/models/{system}", "training.json", nothing)
        write(tmp_path / f"results/predictions/{system}", "pipeline.json", nothing)
    assert "Everything was computed in float32" in plain(methods.precisions(study))


def test_what_was_not_trained_has_no_precision(fake_study, tmp_path, plain):
    fake_study.write_study(
        tmp_path, count=60, model={"weights": "finetuned:them.pt", "head": "mlp"}
    )
    assert plain(methods.precisions(Study.load(tmp_path))).count("–") == 2 + 1
