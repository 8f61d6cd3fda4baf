"""The whole way, as a stranger goes it: a fresh clone, DVC, a site; then one line changed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
FILES = ["params.yaml", "dvc.yaml", "data.dvc", "_quarto.yml", ".dvcignore", ".gitignore"]
FOLDERS = ["src", "reports", "sources", "assets"]
SMALL = {
    "count: 1200": "count: 60",
    # HAT trains a helper first.
    "  - zhang2020\n": "",
    "  - rebuffi2021\n  - rade2022\n  - peng2023\n  - chen2024\n  - amini2024\n": "  - rade2022\n",
    "epochs: 13": "epochs: 2",
    "  steps: 20": "  steps: 3",
    "curve: [0, 1/255, 2/255, 4/255, 8/255]": "curve: [1/255]",
    "  films: 50": "  films: 10",
    "  steps: 50": "  steps: 6",
    "  restarts: 2": "  restarts: 1",
    "  iterations: 20": "  iterations: 4",
    "  queries: 150": "  queries: 10",
    "others: 24": "others: 2",
    "  films: 16": "  films: 2",
    "window: 15": "window: 100",
    "stride: 8": "stride: 100",
    "bootstrap: 2000": "bootstrap: 100",
}


class Clone:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str) -> str:
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
        }
        ended = subprocess.run(
            words,
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout
        return ended.stdout

    def dataset(self) -> dict[str, str]:
        facts = self.folder / "results" / "films" / "dataset.json"
        return json.loads(facts.read_text(encoding="utf-8"))


def shrink(params: Path) -> None:
    text = params.read_text(encoding="utf-8")
    for old, new in SMALL.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    params.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clone") / "radrobust"
    folder.mkdir()
    for name in FILES:
        shutil.copy(REPOSITORY / name, folder)
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(REPOSITORY / name, folder / name, symlinks=True, ignore=ignored)
    (folder / ".dvc").mkdir()
    for name in ("config", ".gitignore"):
        shutil.copy(REPOSITORY / ".dvc" / name, folder / ".dvc")
    shrink(folder / "params.yaml")
    clone = Clone(folder)
    clone.run("git", "init", "--quiet")
    clone.run("git", "config", "user.name", "tester")
    clone.run("git", "config", "user.email", "tester@example.org")
    clone.run("git", "add", "--all")
    clone.run("git", "commit", "--quiet", "--message", "a clone")
    return clone


@pytest.fixture(scope="module")
def reproduced(clone):
    clone.run("dvc", "repro")
    clone.run("git", "add", "--all")
    clone.run("git", "commit", "--quiet", "--message", "the study")
    return clone


@pytest.mark.slow
def test_repro_ends_in_a_site_and_numbers(reproduced):
    pages = {file.stem for file in (reproduced.folder / "notebooks").glob("*.ipynb")}
    assert {"index", "cases", "methods", "system-standard", "system-rade2022"} <= pages
    for name in pages:
        assert (reproduced.folder / "_site" / f"{name}.html").is_file()
    metrics = json.loads((reproduced.folder / "metrics.json").read_text(encoding="utf-8"))
    assert {"standard", "huang2021", "rade2022"} <= set(metrics)
    assert {"auroc", "sensitivity_at_threshold"} <= set(metrics["rade2022"]["attacked"])
    curves = reproduced.folder / "results" / "training" / "rade2022"
    assert (curves / "val_attacked_auroc.tsv").read_text().splitlines()[0].startswith("step")
    assert (reproduced.folder / "results" / "models" / "rade2022" / "helper.csv").is_file()
    assert "huang2021" in reproduced.run("dvc", "metrics", "show", "--md")


@pytest.mark.slow
def test_a_second_repro_runs_nothing(reproduced):
    printed = reproduced.run("dvc", "repro")
    assert "Running stage" not in printed
    assert "up to date" in printed


@pytest.mark.slow
def test_changing_the_attack_trains_nothing_and_shows_what_moved(reproduced):
    printed = reproduced.run("dvc", "exp", "run", "--name", "wider", "-S", "attack.eps=8/255")
    for stage in ("attack", "explain"):  # attacked films are explained too
        assert f"Running stage '{stage}@standard'" in printed
    for stage in ("prepare", "finetune"):
        assert f"Running stage '{stage}" not in printed
    assert "8/255" in (reproduced.folder / "params.yaml").read_text(encoding="utf-8")
    assert "8/255" in reproduced.run("dvc", "params", "diff")
    reproduced.run("dvc", "metrics", "diff")
    assert "wider" in reproduced.run("dvc", "exp", "show", "--csv")
    reproduced.run("dvc", "plots", "show")
    assert (reproduced.folder / "dvc_plots" / "index.html").is_file()
    reproduced.run("dvc", "plots", "diff", "HEAD", "wider")


@pytest.mark.slow
def test_experiments_are_laid_beside_each_other(reproduced):
    reproduced.run("radrobust", "compare", "HEAD", "wider")
    reproduced.run("radrobust", "site")
    page = (reproduced.folder / "_site" / "compare.html").read_text(encoding="utf-8")
    assert "attack.eps" in page and "wider" in page


@pytest.mark.slow
def test_another_split_reads_no_film_again(reproduced):
    reproduced.run("git", "checkout", "--force", "HEAD")
    reproduced.run("dvc", "repro", "prepare")
    params = reproduced.folder / "params.yaml"
    before = params.read_text(encoding="utf-8")
    params.write_text(before.replace("val: 0.15", "val: 0.25"), encoding="utf-8")
    printed = reproduced.run("dvc", "repro", "prepare")
    assert "Running stage 'prepare'" in printed
    assert "Running stage 'read'" not in printed and "Running stage 'audit'" not in printed
    params.write_text(before, encoding="utf-8")


@pytest.mark.slow
def test_fracatlas_is_one_command_away(reproduced, draw_films, tmp_path):
    source = draw_films(tmp_path / "FracAtlas", absent=30, present=20)
    said = reproduced.run("radrobust", "data", "fracatlas", "--from", str(source))
    assert "dvc exp run -S dataset.name=fracatlas" in said
    reproduced.run("dvc", "exp", "run", "-S", "dataset.name=fracatlas", "prepare")
    assert reproduced.dataset()["name"] == "fracatlas"


@pytest.mark.slow
def test_a_study_without_outlines_is_one_command(reproduced, draw_tb, tmp_path):
    source = draw_tb(tmp_path / "TB_Chest_Radiography_Database", absent=36, present=24)
    said = reproduced.run("radrobust", "data", "tb", "--from", str(source))
    assert "dvc exp run -S dataset.name=tb" in said
    reproduced.run("dvc", "exp", "run", "--name", "tb", "-S", "dataset.name=tb")
    assert reproduced.dataset()["name"] == "tb"
    site = reproduced.folder / "_site"
    assert "tuberculosis" in (site / "index.html").read_text(encoding="utf-8").lower()
    metrics = json.loads((reproduced.folder / "metrics.json").read_text(encoding="utf-8"))
    maps = metrics["rade2022"]["attributions"]["saliency"]
    assert maps["clean"] == {} or set(maps["clean"].values()) == {None}
