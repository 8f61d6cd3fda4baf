import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "radrobust", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def study(tmp_path):
    for name in ("params.yaml", "sources", "src"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    return tmp_path


def change(study: Path, old: str, new: str) -> None:
    text = (study / "params.yaml").read_text(encoding="utf-8")
    assert old in text
    (study / "params.yaml").unlink()
    (study / "params.yaml").write_text(text.replace(old, new), encoding="utf-8")


def assert_one_line(ended: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert ended.returncode == 2
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == 1, ended.stderr
    assert all(part in lines[0] for part in parts), lines[0]


def test_check_passes_on_the_shipped_study(study):
    assert run(study, "check").returncode == 0
    assert (study / "results" / "checked.json").exists()


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("eps: 4/255\n", "eps: 4/0\n", ["attack.eps", "4/0"]),
        ("eps: 4/255\n", "eps: 300\n", ["attack.eps", "300"]),
        ("- huang2021", "- huang2012", ["huang2012", "did you mean huang2021", "standard"]),
        ("name: phantom", "name: fantom", ["fantom", "did you mean phantom", "fracatlas"]),
        ("deeplift", "deepfit", ["deepfit", "did you mean deeplift", "saliency"]),
    ],
)
def test_a_mistake_in_the_study_ends_in_one_line_and_leaves_nothing(study, old, new, parts):
    change(study, old, new)
    assert_one_line(run(study, "check"), *parts)
    assert not (study / "results").exists()


def test_a_dataset_that_is_not_here_says_how_to_bring_it(study):
    (study / "sources").unlink()
    (study / "sources").mkdir()
    change(study, "name: phantom", "name: fracatlas")
    assert_one_line(run(study, "check"), "radrobust data fracatlas --from")


def test_an_unknown_system_on_the_command_line(study):
    assert_one_line(run(study, "finetune", "standrd"), "standrd", "did you mean standard")


def test_a_stage_whose_input_is_missing_says_what_to_run(study):
    ended = run(study, "attack", "standard")
    assert_one_line(ended, "dvc repro")


def test_the_systems_are_listed_and_shown(study):
    listed = run(study, "systems")
    assert listed.returncode == 0
    assert len(listed.stdout.splitlines()) == 9
    shown = run(study, "systems", "show", "chen2024")
    assert "Chen2024Data_WRN_34_20" in shown.stdout
    assert_one_line(run(study, "systems", "show", "chen"), "did you mean chen2024")


def test_the_doctor_finds_the_shipped_study_well(study):
    ended = run(study, "doctor")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    for name in ("Python", "torch", "robustbench", "renderer", "data", "memory", "weights"):
        assert any(line.startswith(f"ok  {name}: ") for line in lines), name
    assert sum("paper" in line and "compact" in line for line in lines) == 8


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("weights: none", "weights: file:nowhere.pt", "nowhere.pt is not here"),
        ("batch_size: auto #", "batch_size: 1000000000 #", "does not fit"),
        ("- peng2023", "- peng2032", "did you mean peng2023"),
    ],
)
def test_the_doctor_says_what_stands_in_the_way(study, old, new, said):
    change(study, old, new)
    ended = run(study, "doctor")
    assert ended.returncode == 1
    assert any(line.startswith("NO") and said in line for line in ended.stdout.splitlines()), (
        ended.stdout
    )


def test_the_doctor_counts_a_download_as_possible(study):
    change(study, "scale: compact", "scale: paper")
    change(study, "weights: none", "weights: robustbench")
    ended = run(study, "doctor")
    assert "Chen2024Data_WRN_34_20.pt is not here; it will be downloaded" in ended.stdout


def test_the_doctor_misses_data_that_are_not_here(study):
    (study / "sources").unlink()
    (study / "sources").mkdir()
    change(study, "name: phantom", "name: fracatlas")
    ended = run(study, "doctor")
    assert ended.returncode == 1
    assert "NO  data: data/fracatlas is not here" in ended.stdout
