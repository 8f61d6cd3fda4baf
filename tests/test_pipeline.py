"""The whole way, as a stranger goes it: a fresh clone, DVC, a site; then what README lets type."""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import NamedTuple

import pytest

REPOSITORY = Path(__file__).parents[1]
FILES = ["params.yaml", "dvc.yaml", "data.dvc", "_quarto.yml", ".dvcignore", ".gitignore"]
# What they name was computed on another machine, from other parameters, and is in no cache here.
FILES += ["dvc.lock", "metrics.json"]
FOLDERS = ["src", "reports", "sources", "assets", ".dvc/plots"]
OBSERVER = Path(__file__).with_name("observer")
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

    def run(self, *words: str, code: int = 0, **more: str) -> str:
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(OBSERVER), str(self.folder / "src")]),
            "DVC_NO_ANALYTICS": "1",
        }
        ended = subprocess.run(
            words,
            cwd=self.folder,
            env=environment | more,
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
def observed(tmp_path_factory):
    """Where every process of the first `dvc repro` writes down what it reads."""
    return tmp_path_factory.mktemp("observed")


@pytest.fixture(scope="module")
def reproduced(clone, observed):
    clone.run("dvc", "repro", RADROBUST_OBSERVED=str(observed))
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


class Read(NamedTuple):
    """What one stage has read in all its processes."""

    opened: set[Path]
    modules: set[str]
    sections: set[str]


def read_by(observed: Path, command: str) -> Read:
    """Gather what the processes of a command have written down."""
    found: dict[str, set[str]] = {"opened": set(), "module": set(), "section": set()}
    stage = command.removeprefix("radrobust ").replace(" ", "-")
    for file in observed.glob(f"{stage}.*.txt"):
        for line in file.read_text(encoding="utf-8").splitlines():
            kind, name = line.split(" ", maxsplit=1)
            found.setdefault(kind, set()).add(name)
    return Read(set(map(Path, found["opened"])), found["module"], found["section"])


def declared(folder: Path):
    """Every stage as DVC understands it: its command, files, parameters and outputs."""
    from dvc.dependency import ParamsDependency
    from dvc.repo import Repo

    with Repo(str(folder)) as repo:
        for stage in repo.index.stages:
            if not stage.cmd:
                continue  # data.dvc
            params = [dep for dep in stage.deps if isinstance(dep, ParamsDependency)]
            files = [Path(dep.fs_path) for dep in stage.deps if dep not in params]
            sections = {name.split(".")[0] for dep in params for name in dep.params}
            everything = any(not dep.params for dep in params)
            outs = [Path(out.fs_path) for out in stage.outs]
            yield stage.addressing, stage.cmd, files, None if everything else sections, outs


NATIVELY = {"results/models", "results/tables"}
"""What some stage reads by a library that opens files without Python's knowledge."""

WHERE = {"device", "cache"}
"""Parameters that say where something is computed and kept, not what."""


@pytest.mark.slow
def test_a_stage_depends_on_what_it_reads(reproduced, observed):
    """Of files and parameters no less, of files no more; of the program what it imports."""
    folder = reproduced.folder
    own = {"radrobust", "radrobust.__main__", "radrobust.cli", "radrobust.core.cost"}
    anyway = (folder / "params.yaml", folder / "results/cost", folder / "results/resume")
    for name, command, files, sections, outs in declared(folder):
        read = read_by(observed, command)
        assert read.modules, name
        data = [
            path for path in read.opened if path.is_relative_to(folder) and path.suffix != ".py"
        ]
        data = [path for path in data if not any(map(path.is_relative_to, (*anyway, *outs)))]
        data = [path for path in data if "__pycache__" not in path.parts and path.exists()]
        data = [path for path in data if not path.relative_to(folder).parts[0].startswith(".")]
        for path in data:
            assert any(map(path.is_relative_to, files)), f"{name} reads {path}, undeclared"
        for file in files:
            result = file.relative_to(folder).as_posix()
            if any(map(result.startswith, NATIVELY)) or file.suffix in (".txt", ".json"):
                continue
            if result.startswith("results/"):
                assert any(path.is_relative_to(file) for path in data), f"{name}: {file}, unread"
        if sections is not None:
            asked = read.sections - WHERE
            assert asked <= sections, f"{name} asks for {asked - sections}"
        listed = [file for file in files if file.is_relative_to(folder / "results/program")]
        if listed:
            (lines,) = listed
            known = {line.split()[1] for line in lines.read_text().splitlines()}
            loaded = {module for module in read.modules if module not in own}
            loaded = {module for module in loaded if "systems.catalogue." not in module}
            assert loaded <= known, f"{name} imports {sorted(loaded - known)}"


def corrected(text: str) -> str:
    return text.replace("authors: ", "authors: Somebody, ", 1)


def touched(text: str) -> str:
    return text + "\n# touched\n"


TOUCHED = {
    "systems/catalogue/rade2022.yaml": corrected,
    "systems/catalogue/rade2022.py": touched,
    "core/seeds.py": touched,
    "data/samples.py": touched,
    "core/tensors.py": touched,
    "core/parts.py": touched,
    "perturbations/ball.py": touched,
    "evaluation/summary.py": touched,
    "report/kit/html.py": touched,
    "report/pages/robustness.py": touched,
}
OF_SYSTEM = ("finetune", "attack", "explain")


@pytest.fixture(scope="module")
def run_after(reproduced):
    """Which stages run after each of ten files is touched; what follows from them is not told."""
    table = {}
    for name, change in TOUCHED.items():
        file = reproduced.folder / "src/radrobust" / name
        before = file.read_text(encoding="utf-8")
        file.write_text(change(before), encoding="utf-8")
        reproduced.run("dvc", "repro", "program")
        changed = json.loads(reproduced.run("dvc", "status", "--json"))
        table[name] = sorted(set(changed) - {ASKED, "data.dvc"})
        file.write_text(before, encoding="utf-8")
    reproduced.run("dvc", "repro", "program")
    return table


@pytest.mark.slow
def test_what_is_touched_runs_what_it_concerns(run_after):
    for name, stages in run_after.items():
        print(f"{name:36} {' '.join(stages)}")
    for stage in OF_SYSTEM:
        everywhere = {f"{stage}@{key}" for key in ("standard", "huang2021", "rade2022")}
        for name in ("core/seeds.py", "data/samples.py", "core/tensors.py"):
            assert everywhere <= set(run_after[name]), name
        for name in ("systems/catalogue/rade2022.yaml", "report/kit/html.py"):
            assert not everywhere & set(run_after[name]), name
        of_one = everywhere & set(run_after["systems/catalogue/rade2022.py"])
        assert of_one == {f"{stage}@rade2022"}
    assert run_after["report/pages/robustness.py"] == ["page-robustness"]
    assert run_after["evaluation/summary.py"] == ["summarise"]
    assert {"attack@standard", "explain@standard"} <= set(run_after["core/parts.py"])
    assert "finetune@standard" in run_after["perturbations/ball.py"]
    assert "page-systems" in run_after["systems/catalogue/rade2022.yaml"]


@pytest.mark.slow
def test_a_further_system_trains_that_system_alone(reproduced):
    params = reproduced.folder / "params.yaml"
    before = params.read_text(encoding="utf-8")
    params.write_text(before.replace("  - rade2022\n", "  - rade2022\n  - chen2024\n"))
    reproduced.run("dvc", "repro", "program")
    changed = json.loads(reproduced.run("dvc", "status", "--json"))
    trained = [name for name in changed if name.split("@")[0] in OF_SYSTEM]
    assert sorted(trained) == [f"{stage}@chen2024" for stage in sorted(OF_SYSTEM)]
    params.write_text(before, encoding="utf-8")
    reproduced.run("dvc", "repro", "program")


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
