"""Experiments side by side, from a real git repository with a real DVC cache."""

import os
import re
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from radrobust.core.conditions import attacked
from radrobust.core.errors import InputError
from radrobust.core.params import load_params
from radrobust.evaluation.revisions import flat
from radrobust.stages.compare import COMPARE, compare
from radrobust.stages.summarise import summarise

SYSTEMS = ("standard", "huang2021")
PIPELINE = """
stages:
  summarise:
    cmd: python enlarge.py
    params: [attack.eps]
    outs:
      - results/summary
"""
# What an experiment runs here: it takes the place of training, attack and explanations.
ENLARGE = """
import pathlib, shutil, yaml
eps = yaml.safe_load(open("params.yaml"))["attack"]["eps"]
shutil.rmtree("results/summary", ignore_errors=True)
shutil.copytree("stored/" + eps.replace("/", "-"), "results/summary")
"""


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DVC_NO_ANALYTICS": "1",
    }
    return subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def done(folder: Path, *words: str) -> None:
    ended = run(folder, *words)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def repository(fake_study, tmp_path_factory):
    """HEAD attacks with 4/255, the experiment `wider` with 8/255; the workspace is as HEAD."""
    root = tmp_path_factory.mktemp("repository")
    before = Path.cwd()
    os.chdir(root)
    try:
        for eps in ("8/255", "4/255"):
            for left in ("results", "params.yaml"):
                if Path(left).is_dir():
                    shutil.rmtree(left)
            params = fake_study.write_study(root, systems=SYSTEMS, count=60, attack={"eps": eps})
            summarise(params)
            shutil.copytree("results/summary", f"stored/{eps.replace('/', '-')}")
    finally:
        os.chdir(before)
    fake_study.write_site_sources(root)
    (root / "dvc.yaml").write_text(PIPELINE)
    (root / "enlarge.py").write_text(ENLARGE)
    (root / ".gitignore").write_text("/results/*\n/notebooks\n/_site\n")
    keep(root, root)
    return root


def keep(root: Path, git_root: Path) -> None:
    """Run and commit the study that lies at `root`, then the experiment, and go back."""
    done(git_root, "git", "init", "--quiet")
    done(root, "git", "config", "user.name", "tester")
    done(root, "git", "config", "user.email", "tester@example.org")
    done(root, "dvc", "init", "--quiet", *(["--subdir"] if root != git_root else []))
    done(root, "dvc", "repro", "--quiet")
    done(root, "git", "add", "--all")
    done(root, "git", "commit", "--quiet", "--message", "the study")
    done(root, "dvc", "exp", "run", "--quiet", "--name", "wider", "-S", "attack.eps=8/255")
    done(root, "git", "checkout", "--quiet", ".")
    done(root, "dvc", "checkout", "--quiet")


@pytest.fixture
def workspace(repository, monkeypatch):
    """The repository as the working folder, with nothing compared yet."""
    monkeypatch.chdir(repository)
    shutil.rmtree(COMPARE, ignore_errors=True)
    Path("notebooks/compare.ipynb").unlink(missing_ok=True)
    return load_params()


def read(name: str) -> pd.DataFrame:
    return pd.read_parquet(COMPARE / f"{name}.parquet")


def told(*names: str) -> str:
    """The one line that ends a comparison that cannot be made; nothing is written."""
    with pytest.raises(InputError) as ended:
        compare(list(names), load_params())
    assert not COMPARE.exists() and not Path("notebooks/compare.ipynb").exists()
    (line,) = str(ended.value).splitlines()
    return line


def test_an_experiment_is_held_against_a_commit(workspace):
    said = compare(["HEAD", "wider"], workspace)
    assert "holds what HEAD holds" in said and "_site/compare.html" in said
    assert read("revisions")["revision"].tolist() == ["HEAD", "wider"]
    assert read("revisions")["same_samples"].all()
    assert read("params").to_dict("records") == [
        {"key": "attack.eps", "revision": "HEAD", "value": "4/255"},
        {"key": "attack.eps", "revision": "wider", "value": "8/255"},
    ]
    metrics = read("metrics").set_index(["revision", "system", "image", "metric"])
    stored = {
        name: pd.read_parquet(f"stored/{folder}/metrics.parquet")
        for name, folder in {"HEAD": "4-255", "wider": "8-255"}.items()
    }
    attack = workspace.attack
    for name, eps in {"HEAD": Fraction(4, 255), "wider": Fraction(8, 255)}.items():
        table, condition = stored[name], attacked(attack, eps)
        assert read("revisions").set_index("revision")["attacked"][name] == condition.key
        rows = (table["system"] == "huang2021") & (table["condition"] == condition.key)
        expected = table[rows].set_index("metric").loc["accuracy", ["value", "low", "high"]]
        found = metrics.loc[(name, "huang2021", "attacked", "accuracy")]
        assert found[["value", "low", "high"]].tolist() == expected.tolist()
    first, second = (
        metrics.loc[(name, "huang2021", "attacked", "accuracy")] for name in ("HEAD", "wider")
    )
    assert second["difference"] == second["value"] - first["value"] < 0
    assert second["apart"] == (second["high"] < first["low"])
    # Nothing but the attack was changed.
    clean = metrics.xs("clean", level="image").xs("wider", level="revision")
    assert (clean["difference"].dropna() == 0).all() and not clean["apart"].any()


def test_the_page_says_what_was_changed_and_claims_nothing_that_was_not_tested(workspace):
    compare(["HEAD", "wider"], workspace)
    page_text = Path("notebooks/compare.ipynb").read_text(encoding="utf-8")
    nbformat.validate(nbformat.reads(page_text, as_version=4))
    assert "attack.eps" in page_text and "8/255" in page_text
    assert "Budgets differ: " in page_text
    assert "Not the same radiographs" not in page_text
    assert "significan" not in page_text.lower()


def test_one_revision_is_held_against_the_workspace(workspace):
    compare(["wider"], workspace)
    assert read("revisions")["revision"].tolist() == ["wider", "workspace"]
    assert read("metrics")["difference"].max() > 0


def test_another_split_means_other_films(workspace):
    text = Path("params.yaml").read_text(encoding="utf-8")
    assert text.count("  test: 0.2\n") == 1
    Path("params.yaml").write_text(text.replace("  test: 0.2\n", "  test: 0.25\n"))
    try:
        compare(["HEAD"], workspace)
        assert read("revisions")["same_samples"].tolist() == [True, False]
        page_text = Path("notebooks/compare.ipynb").read_text(encoding="utf-8")
        assert "Not the same radiographs" in page_text
    finally:
        Path("params.yaml").write_text(text)


def test_the_workspace_is_named_like_any_other(workspace):
    compare(["workspace", "HEAD"], workspace)
    assert read("revisions")["revision"].tolist() == ["workspace", "HEAD"]
    assert (read("metrics")["difference"].dropna() == 0).all()


def test_nothing_is_held_against_itself(workspace):
    assert "dvc exp run --name" in told("HEAD")


def test_an_unknown_revision_leaves_nothing(workspace):
    assert "widr is no git revision and no experiment" in told("HEAD", "widr")


def test_a_commit_that_is_no_study(workspace, repository):
    empty = subprocess.check_output(["git", "hash-object", "-t", "tree", "/dev/null"], text=True)
    words = ["git", "commit-tree", empty.strip(), "-m", "empty"]
    commit = subprocess.check_output(words, text=True).strip()
    assert told("HEAD", commit).startswith(f"{commit}")


def test_what_another_machine_computed_is_left_out(workspace, repository):
    lock = Path("dvc.lock").read_text(encoding="utf-8")
    elsewhere = re.sub(r"(path: results/summary\n.*\n *md5: )\w+", r"\g<1>" + "0" * 32, lock)
    assert elsewhere != lock
    Path("dvc.lock").write_text(elsewhere, encoding="utf-8")
    done(repository, "git", "commit", "--quiet", "--all", "--message", "another machine's lock")
    try:
        said = compare(["HEAD", "wider"], workspace).splitlines()
        assert "Left out: HEAD;" in said[0] and "dvc push" in said[0]
        assert read("revisions")["revision"].tolist() == ["wider", "workspace"]
    finally:
        done(repository, "git", "reset", "--quiet", "--hard", "HEAD~1")


def test_what_is_in_no_cache_at_all_leaves_nothing(workspace, tmp_path):
    files = Path(".dvc/cache/files").rename(tmp_path / "files")
    try:
        assert "Left out: HEAD, wider;" in told("HEAD", "wider")
    finally:
        files.rename(".dvc/cache/files")


def test_a_remote_has_what_the_cache_has_not(workspace, repository, tmp_path):
    done(
        repository, "dvc", "remote", "add", "--local", "--default", "store", str(tmp_path / "store")
    )
    done(repository, "dvc", "push", "--all-commits")
    Path(".dvc/cache/files").rename(tmp_path / "files")
    try:
        compare(["HEAD", "workspace"], workspace)
    finally:
        done(repository, "dvc", "remote", "remove", "--local", "store")
        shutil.rmtree(".dvc/cache/files", ignore_errors=True)
        (tmp_path / "files").rename(".dvc/cache/files")


def test_what_is_changed_and_not_committed_is_no_obstacle(workspace, repository):
    Path("reports/extra.py").write_text("")
    Path("enlarge.py").write_text("")
    done(repository, "git", "add", "enlarge.py", "reports/extra.py")
    Path("dvc.lock").unlink()
    try:
        compare(["HEAD", "wider"], workspace)
        assert read("revisions")["revision"].tolist() == ["HEAD", "wider"]
    finally:
        done(repository, "git", "reset", "--quiet", "--hard")


def test_a_linked_worktree_compares_what_its_cache_has(
    workspace, repository, tmp_path, monkeypatch
):
    linked = tmp_path / "linked"
    done(repository, "git", "worktree", "add", "--quiet", "--detach", str(linked))
    monkeypatch.chdir(linked)
    said = told("HEAD", "wider")
    assert "Left out: HEAD, wider;" in said and "The workspace is left out" in said
    done(linked, "dvc", "cache", "dir", "--local", str(repository / ".dvc" / "cache"))
    compare(["HEAD", "wider"], load_params())
    assert read("revisions")["revision"].tolist() == ["HEAD", "wider"]


def test_the_git_root_may_lie_above_the_study(workspace, repository, tmp_path, monkeypatch):
    study = tmp_path / "repository" / "study"
    left = shutil.ignore_patterns(".git", ".dvc", ".dvcignore")
    shutil.copytree(repository, study, ignore=left)
    keep(study, study.parent)
    monkeypatch.chdir(study)
    compare(["HEAD", "wider"], load_params())
    assert read("params")["value"].tolist() == ["4/255", "8/255"]


@pytest.mark.parametrize("missing", [".git", ".dvc"])
def test_outside_of_a_repository(workspace, repository, tmp_path, monkeypatch, missing):
    study = tmp_path / "study"
    shutil.copytree(repository, study, ignore=shutil.ignore_patterns(missing))
    monkeypatch.chdir(study)
    assert told("HEAD").startswith("HEAD: ")


def test_values_are_told_by_their_keys():
    document = {"seed": 1, "a": {"b": [1, "2/255"], "c": True}}
    assert flat(document) == {"seed": "1", "a.b": "1, 2/255", "a.c": "true"}
