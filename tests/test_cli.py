import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from radrobust import cli
from radrobust.core import paths
from radrobust.core.errors import InputError
from radrobust.stages import doctor
from radrobust.stages.check import check

REPOSITORY = Path(__file__).parents[1]


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "radrobust", *words],
        cwd=folder,
        env=os.environ | environment,
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
    names = ("Python", "torch", "robustbench", "renderer", "data", "split", "systems", "methods")
    for name in (*names, "memory", "weights"):
        assert any(line.startswith(f"ok  {name}: ") for line in lines), name
    assert sum("paper" in line and "compact" in line for line in lines) == 8


@pytest.fixture
def ask(monkeypatch, capfd):
    """Run the command line in this process, which has what takes long to import."""

    def run_here(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["radrobust", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capfd.readouterr()
        return subprocess.CompletedProcess(words, int(ended.value.code or 0), *said)

    return run_here


def assert_refused(ask: Callable[..., Any], study: Path, *parts: str) -> None:
    """Stage `check` ends in one line with `parts` and leaves nothing; the doctor marks the same."""
    assert_one_line(ask(study, "check"), *parts)
    assert not (study / "results").exists()
    ended = ask(study, "doctor")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    marked = [line for line in ended.stdout.splitlines() if line.startswith("NO")]
    assert parts[0] in marked[0], ended.stdout
    more = f"(and {len(marked) - 1} more; `radrobust doctor` lists them)"
    assert (len(marked) > 1) == (more in parts), ended.stdout


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        (
            {"weights: none": "weights: file:nowhere/{system}.pt"},
            [
                "model.weights: nowhere/standard.pt cannot be read: No such file",
                "give the path of a checkpoint",
                "(and 7 more; `radrobust doctor` lists them)",
            ],
        ),
        (
            {"weights: none": "weights: file:nowhere.pt"},
            ["model.weights is file:nowhere.pt, one file for 8 systems", "write {system}"],
        ),
        (
            {"batch_size: auto #": "batch_size: 1000000000 #"},
            ["chen2024, amini2024 at compact scale do not fit into memory", "lower"],
        ),
        ({"- peng2023": "- peng2032"}, ["did you mean peng2023"]),
        (
            {"source: drawn #": "source: mine.csv #"},
            ["mine.csv is not here; split.source is drawn, official, or"],
        ),
        (
            {"- deeplift": "- deepfit", "objective: own": "objective: mine", "name: ph": "name: f"},
            [
                "dataset 'fantom' does not exist; did you mean phantom?",
                "(and 1 more; `radrobust doctor` lists them)",
            ],
        ),
    ],
)
def test_check_refuses_what_the_doctor_marks(ask, study, changes, parts):
    for old, new in changes.items():
        change(study, old, new)
    assert_refused(ask, study, *parts)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_check_refuses_a_device_that_is_not_here_and_the_doctor_goes_on(ask, study):
    change(study, "device: auto", "device: cuda")
    assert_refused(ask, study, "device is 'cuda', but PyTorch finds no GPU here")
    assert "ok  weights" in ask(study, "doctor").stdout


def test_check_refuses_where_the_architectures_are_missing(study, tmp_path_factory):
    """In processes of their own, in which robustbench cannot be found."""
    folder = tmp_path_factory.mktemp("without")
    (folder / "sitecustomize.py").write_text(
        "from importlib.machinery import PathFinder\n"
        "found = PathFinder.find_spec\n"
        "def find_spec(name, path=None, target=None):\n"
        "    return None if name.startswith('robustbench') else found(name, path, target)\n"
        "PathFinder.find_spec = staticmethod(find_spec)\n"
    )
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    said = "robustbench cannot be used: it is not installed; run pip install robustbench"
    assert_refused(partial(run, PYTHONPATH=path), study, said)


def test_any_obstacle_is_refused_and_leaves_nothing(params, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sources").symlink_to(REPOSITORY / "sources")
    check(params())
    paths.CHECKED.unlink()

    def missing(params):
        raise InputError("no renderer is installed")

    monkeypatch.setattr(doctor, "_renderer", missing)
    with pytest.raises(InputError, match=r"^no renderer is installed$"):
        check(params())
    assert not list(paths.RESULTS.glob("*"))


def a_web_page(path):
    path.write_bytes(b"<!doctype html>")


def cut_short(path):
    torch.save({"weight": torch.zeros(9)}, path)
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (Path.mkdir, "cannot be read: Is a directory"),
        (a_web_page, "is a web page, not a checkpoint"),
        (lambda path: path.write_text("weights"), "is no PyTorch checkpoint: it starts with"),
        (cut_short, "ends early"),
    ],
)
@pytest.mark.parametrize("source", ["file:weights.pt", "hub:me/mine/weights.pt"])
def test_a_file_that_is_no_checkpoint_is_an_obstacle(
    params, tmp_path, monkeypatch, source, write, said
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(paths.CACHE_VARIABLE, raising=False)
    model = params().model.model_copy(update={"weights": source})
    study = params().model_copy(update={"model": model})
    place = Path("cache/weights/hub/me/mine") if source.startswith("hub") else Path()
    place.mkdir(parents=True, exist_ok=True)
    write(place / "weights.pt")
    (found,) = (finding for finding in doctor.examine(study) if finding.name.startswith("weights"))
    assert found.obstacle and said in found.text and "weights.pt" in found.text


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
