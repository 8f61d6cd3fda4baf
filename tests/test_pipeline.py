"""The whole way, as a stranger goes it: a fresh clone, DVC, a site; then what README lets type."""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
FILES = ["params.yaml", "dvc.yaml", "data.dvc", "_quarto.yml", ".dvcignore", ".gitignore"]
# What they name was computed on another machine, from other parameters, and is in no cache here.
FILES += ["dvc.lock", "metrics.json"]
FOLDERS = ["src", "reports", "sources", "assets", ".dvc/plots"]
ASKED = "renderer"  # what renders the site may have come or gone whatever DVC knows of
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

    def run(self, *words: str, code: int = 0) -> str:
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
        assert ended.returncode == code, ended.stdout
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
    return clone


def stages_run(printed: str) -> list[str]:
    return re.findall(r"^Running stage '([^']+)'", printed, re.MULTILINE)


def commands(heading: str) -> list[str]:
    """What README says to type in one of its sections."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    section = readme.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return section.partition("```console\n")[2].partition("```")[0].splitlines()


@pytest.mark.slow
def test_repro_ends_in_a_site_and_numbers(reproduced):
    pages = {file.stem for file in (reproduced.folder / "notebooks").glob("*.ipynb")}
    assert {"index", "cases", "methods", "system-standard", "system-rade2022"} <= pages
    for name in pages:
        assert (reproduced.folder / "_site" / f"{name}.html").is_file()
    metrics = json.loads((reproduced.folder / "metrics.json").read_text(encoding="utf-8"))
    assert {"standard", "huang2021", "rade2022"} <= set(metrics)
    assert {"clean", "attacked", "auroc", "failed"} <= set(metrics["rade2022"])
    curves = reproduced.folder / "results" / "training" / "rade2022"
    assert (curves / "val_attacked_auroc.tsv").read_text().splitlines()[0].startswith("step")
    assert (reproduced.folder / "results" / "models" / "rade2022" / "helper.csv").is_file()
    assert "huang2021.attacked" in reproduced.run("dvc", "metrics", "show", "--md")
    epochs = (reproduced.folder / "results" / "epochs.csv").read_text(encoding="utf-8")
    assert "rade2022,2," in epochs


@pytest.mark.slow
def test_a_second_repro_runs_nothing(reproduced):
    printed = reproduced.run("dvc", "repro")
    assert stages_run(printed) == [ASKED]


@pytest.fixture(scope="module")
def typed(reproduced):
    """What README says to type after `make report`, typed; gives what a line printed."""
    activate, *rest = commands("Change one thing and see what moved")
    venv.create(reproduced.folder / ".venv")  # in place of the one that `make report` makes
    printed = {line: reproduced.run("bash", "-c", f"{activate}\n{line}") for line in rest}
    return lambda start: next(text for line, text in printed.items() if line.startswith(start))


@pytest.mark.slow
def test_changing_the_attack_trains_nothing(typed):
    assert stages_run(typed("dvc exp run --name baseline")) == [ASKED]
    printed = typed("dvc exp run --name wider")
    for stage in ("attack", "explain"):  # attacked films are explained too
        assert f"Running stage '{stage}@standard'" in printed
    for stage in ("prepare", "finetune"):
        assert f"Running stage '{stage}" not in printed


@pytest.mark.slow
def test_what_moved_fits_on_a_screen(typed):
    assert "8/255" in typed("dvc params diff")
    moved = typed("dvc metrics diff").splitlines()
    assert not [line for line in moved if ".clean" in line or ".auroc" in line]
    experiments = typed("dvc exp show --only-changed").splitlines()
    assert [line for line in experiments if "[baseline]" in line and "4/255" in line]
    assert [line for line in experiments if "[wider]" in line and "8/255" in line]
    assert all(len(line) <= 80 for line in [*moved, *experiments])


@pytest.mark.slow
def test_plots_have_a_panel_a_system(typed, reproduced):
    assert "index.html" in typed("dvc plots diff")
    page = (reproduced.folder / "dvc_plots" / "index.html").read_text(encoding="utf-8")
    starts = [found.end() for found in re.finditer("var spec = ", page)]
    specs = [json.JSONDecoder().raw_decode(page, start)[0] for start in starts]
    assert len(specs) == 4
    for spec in specs:
        assert spec["facet"]["field"] == "system"
        assert {row["rev"] for row in spec["data"]["values"]} == {"baseline", "wider"}


@pytest.mark.slow
def test_experiments_are_laid_beside_each_other(typed, reproduced):
    assert "The workspace is left out: it holds what wider holds" in typed("radrobust compare")
    page = (reproduced.folder / "_site" / "compare.html").read_text(encoding="utf-8")
    assert "attack.eps" in page and "baseline" in page and "wider" in page


@pytest.mark.slow
def test_the_way_back_computes_nothing(typed, reproduced):
    printed = typed("dvc repro")
    assert "Stage 'attack@rade2022' is cached" in printed
    assert "Running stage 'attack" not in printed and "Running stage 'explain" not in printed
    assert reproduced.run("dvc", "metrics", "diff", "baseline") == ""


@pytest.mark.slow
def test_what_another_machine_computed_is_left_out_in_one_line(typed, reproduced):
    said = reproduced.run("radrobust", "compare", "HEAD", code=2)
    assert len(said.splitlines()) == 1 and "Left out: HEAD;" in said
    assert "Left out: HEAD;" in reproduced.run("radrobust", "compare", "HEAD", "wider")


@pytest.mark.slow
def test_another_split_reads_no_film_again(reproduced):
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
    assert "covered" not in metrics["rade2022"]
