"""What the Methods page says of costs and downloads: what the files say, and no more."""

import json
import re
import shutil
from dataclasses import asdict, replace

import pytest

from radrobust.core.cost import Cost, cost_file, study_digest
from radrobust.report.kit.study import Study
from radrobust.report.pages.methods import costs, downloads


@pytest.fixture(scope="module")
def plain(fake_study, tmp_path_factory):
    """A study of which nothing was recorded and no table written."""
    root = tmp_path_factory.mktemp("methods")
    fake_study.write_study(root, count=60)
    return Study.load(root)


@pytest.fixture
def record(plain):
    """Record what a stage took; forgotten after the test."""
    written = []

    def write(stage, system="", **changes):
        usual = Cost(750.0, 1500.0, 10**9, "cpu", 2, "x86_64", 1, 0, True)
        cost = replace(usual, study=study_digest(stage, plain.params), **changes)
        file = plain.root / cost_file(stage, system)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(cost)))
        written.append(file)

    yield write
    for file in written:
        file.unlink()


def words(shown):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", shown.source)).replace("\u00a0", " ")


def test_what_was_not_recorded_is_said(plain):
    assert "not recorded" in words(costs.in_words(plain))
    assert words(costs.costs(plain)).count("–") == 3 * len(plain.systems) + 1


def test_times_and_hardware_are_shown(plain, record):
    record("attack", "standard")
    record("summarise", device="Some GPU 3000", seconds=61.0)
    said, table = words(costs.in_words(plain)), words(costs.costs(plain))
    assert "12 min processor 25 min" in table
    assert "figures and intervals 61 s" in said
    assert "no GPU, x86_64 processor, 2 threads" in said and "Some GPU 3000" in said
    assert "Together 14 min" in said and "Of 10 stages, 8 were not recorded" in said


def test_a_run_that_was_killed_makes_a_time_a_lower_bound(plain, record):
    record("attack", "standard", runs=3, untold=1)
    assert "at least 12 min" in words(costs.costs(plain))
    assert "in 3 runs" in words(costs.costs(plain))


def test_the_time_of_another_study_is_said_to_be_that(plain, record):
    record("attack", "standard")
    assert costs.OTHER_STUDY not in words(costs.costs(plain))
    other = plain.params.model_copy(update={"seed": plain.params.seed + 1})
    assert costs.OTHER_STUDY in words(costs.costs(Study(plain.root, other)))


def test_a_stage_that_did_not_end_has_no_time(plain, record):
    record("attack", "standard", finished=False)
    assert "12 min" not in words(costs.costs(plain))


def test_tables_are_linked_with_rows_and_sizes(study, monkeypatch):
    from radrobust.stages.tables import TABLES, tables

    monkeypatch.chdir(study.root)
    assert "radrobust tables" in downloads.tables(study).source
    tables(study.params)
    try:
        shown = downloads.tables(study).source
        linked = set(re.findall(r'href="tables/([^"]+)"', shown))
        assert linked == {file.name for file in (study.root / TABLES).iterdir()}
        assert f"{len(study.samples.table):,}" in words(downloads.tables(study))
        assert f"{len(study.metrics):,}" in words(downloads.tables(study))
    finally:
        shutil.rmtree(study.root / TABLES)


def test_program_and_films_are_cited(plain):
    said = words(downloads.citation(plain))
    assert "radrobust" in said and "Nobody et al. 2026, &lt;Journal&gt; &amp; Co." in said
    cff = "title: T\nversion: 9.8\nlicense: MIT\nauthors:\n  - {given-names: A, family-names: B}\n"
    (plain.root / downloads.CITATION).write_text(cff)
    try:
        assert "A B. T. Version 9.8, MIT licence." in words(downloads.citation(plain))
    finally:
        (plain.root / downloads.CITATION).unlink()


def recorded(folder, file, found):
    path = folder / file
    facts = json.loads(path.read_text())
    facts["precision"] = found
    path.write_text(json.dumps(facts))


def test_precisions_are_shown_with_the_times_they_were_chosen_by(fake_study, tmp_path):
    fake_study.write_study(tmp_path, count=60)
    study = Study.load(tmp_path)
    quick = {"name": "bfloat16", "float32_seconds": 0.31, "bfloat16_seconds": 0.0174}
    nothing = {"name": "float32", "float32_seconds": None, "bfloat16_seconds": None}
    recorded(tmp_path / "results/models/huang2021", "training.json", quick)
    recorded(tmp_path / "results/predictions/huang2021", "pipeline.json", nothing)
    said = words(costs.precisions(study))
    assert "bfloat16 float32 0.31 s, bfloat16 17 ms" in said
    assert "float32 the other was not tried" in said
    for system in study.systems:
        recorded(tmp_path / f"results/models/{system}", "training.json", nothing)
        recorded(tmp_path / f"results/predictions/{system}", "pipeline.json", nothing)
    assert "Everything was computed in float32" in words(costs.precisions(study))


def test_what_was_not_trained_has_no_precision(fake_study, tmp_path):
    fake_study.write_study(
        tmp_path, count=60, model={"weights": "finetuned:them.pt", "head": "mlp"}
    )
    assert words(costs.precisions(Study.load(tmp_path))).count("–") == 2 + 1
