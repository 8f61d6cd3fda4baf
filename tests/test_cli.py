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
