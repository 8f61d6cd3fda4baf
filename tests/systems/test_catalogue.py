"""The catalogue: found without importing it, read by readers' side alone, grown by two files."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from radrobust.core.errors import InputError
from radrobust.core.params import load_params
from radrobust.systems import architectures, catalogue, checkpoints
from radrobust.systems.bibliography import bibliography, by_year
from radrobust.systems.catalogue import keys, load
from radrobust.systems.classifier import build
from radrobust.systems.listing import description, listing
from radrobust.systems.meansparse import operators

MODULE = '''
"""One convolution, and MeanSparse behind it."""

from collections import OrderedDict

from torch import nn

from radrobust.systems.architectures import Backbone, architecture
from radrobust.systems.meansparse import MeanSparse
from radrobust.systems.system import Architecture, System


@architecture
def one_convolution(width: int) -> Backbone:
    layers = OrderedDict(
        conv=nn.Conv2d(3, width, 3, stride=4, padding=1), sparse=MeanSparse(width, nn.ReLU())
    )
    return Backbone(nn.Sequential(layers), width, tuple(layers), {}, "head")


SYSTEM = System(
    architectures={
        "paper": Architecture("one_convolution", {"width": 64}),
        "compact": Architecture("one_convolution", {"width": 4}),
    },
    objective="hat",
    hides_gradient=True,
    undefended=True,
)
'''
WORDS = """
label: Nobody 2026
title: Ninth
year: 2026
threat_model: L2, 0.5
architectures: {paper: "one layer, wide", compact: "one layer, narrow"}
training: Nobody has trained it before.
"""


@pytest.fixture
def grown(tmp_path, monkeypatch):
    """The catalogue with a ninth system, which is two files in the folder that is returned."""
    folder = tmp_path / "grown"
    folder.mkdir()
    (folder / "ninth.py").write_text(MODULE)
    (folder / "ninth.yaml").write_text(WORDS)
    monkeypatch.setattr(catalogue, "__path__", [*catalogue.__path__, str(folder)])
    yield folder
    bibliography.cache_clear()
    sys.modules.pop(f"{catalogue.__name__}.ninth", None)
    architectures.ARCHITECTURES.pop("one_convolution", None)


def test_listing_and_description_name_all_that_matters():
    lines = listing().splitlines()
    assert len(lines) == 1 + len(keys())
    for line, key in zip(lines[1:], by_year(), strict=True):
        assert line.startswith(key)
        assert bibliography(key).title in line
    told = description("chen2024")
    for part in ("Erh-Chung Chen", "WRN-34-20", "Chen2024Data_WRN_34_20", "58.09", "68.92"):
        assert part in told


@pytest.mark.parametrize("ask", [load, bibliography, description])
def test_asking_for_a_stranger_suggests_the_nearest(ask):
    with pytest.raises(InputError, match="did you mean chen2024"):
        ask("chen2042")


@pytest.mark.parametrize("key", keys())
def test_whether_the_gradient_is_hidden_is_what_the_network_says(key):
    assert load(key).hides_gradient == bool(operators(build(key, 0)))


def imported(script: str) -> set[str]:
    """What of this project a fresh interpreter has imported after a script."""
    names = "print(*(name for name in sys.modules if name.startswith('radrobust.')))"
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys; {script}; {names}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(ended.stdout.split())


def of_catalogue(modules: set[str]) -> set[str]:
    start = f"{catalogue.__name__}."
    return {name.removeprefix(start) for name in modules if name.startswith(start)}


def test_one_system_is_imported_without_the_others_and_without_torch():
    bring = "from radrobust.systems import catalogue"
    assert of_catalogue(imported(f"{bring}; catalogue.keys()")) == set()
    found = imported(f"{bring}; catalogue.load('rade2022'); assert 'torch' not in sys.modules")
    assert of_catalogue(found) == {"rade2022"}


def test_stages_know_the_system_they_are_of_and_no_bibliography():
    stages = "from radrobust.stages import attack, explain, finetune"
    building = "from radrobust.systems.classifier import build; build('huang2021', 0)"
    found = imported(f"{stages}; {building}")
    assert of_catalogue(found) == {"huang2021"}
    assert "radrobust.systems.bibliography" not in found


def test_a_ninth_system_is_listed_described_built_and_trained(
    grown, write_study, tmp_path, monkeypatch
):
    assert by_year()[-1] == "ninth"
    last = listing().splitlines()[-1]
    assert re.fullmatch("ninth +Nobody 2026 +Ninth +(one layer +){2}hat", last)
    told = description("ninth")
    assert "trained against  L2, 0.5" in told
    for unknown in ("RobustBench", "CIFAR-10", "FracAtlas", "model.weights", "address"):
        assert unknown not in told
    assert build("ninth", 0)(torch.rand(2, 1, 32, 32)).shape == (2, 2)
    study = tmp_path / "study"
    study.mkdir()
    changes = {"  count: 1200": "  count: 100", "  epochs: 13": "  epochs: 1"}
    write_study(study, changes)
    monkeypatch.chdir(study)

    from radrobust.stages.finetune import finetune

    finetune("ninth", load_params())
    folder = Path("results/models/ninth")
    facts = json.loads((folder / "training.json").read_text())
    assert (facts["objective"], facts["helper_epochs"]) == ("hat", 1)
    classifier = checkpoints.load("ninth", folder / "model.safetensors")
    assert float(operators(classifier)[0].threshold) == pytest.approx(0.15)


def test_weights_that_nobody_published_of_a_system_are_not_looked_for(grown, tmp_path):
    from radrobust.systems.sources import locate

    with pytest.raises(InputError, match="RobustBench has no weights of ninth"):
        locate("robustbench", "ninth", tmp_path)


def test_the_pages_show_a_ninth_system_by_its_traits(grown, fake_study, tmp_path, monkeypatch):
    from radrobust.report.kit import threat
    from radrobust.report.kit.study import Study
    from radrobust.report.pages import published, robustness, system, systems
    from radrobust.stages.summarise import summarise

    monkeypatch.setitem(fake_study.SKILL, "ninth", (3.0, 2.0))
    monkeypatch.chdir(tmp_path)
    shown = ("huang2021", "standard", "ninth")
    summarise(fake_study.write_study(tmp_path, systems=shown, count=80))
    study = Study.load(tmp_path)
    assert "Ninth (Nobody 2026)" in threat.threat_model(study).source
    compared = robustness.comparisons(study).source
    for undefended in ("Standard", "Ninth"):
        assert f"Against {undefended}, " in compared
    assert "Nobody 2026" in systems.published(study).source
    assert ">Ninth<" in published.accuracies(study).source
    assert "Ninth" not in published.coverage(study).source
    told = system.paper("ninth").source
    assert "L2, 0.5" in told and "Nobody has trained it before." in told
    assert "On FracAtlas" not in told


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("title: Ninth", "titel: Ninth", "field 'titel' does not exist; did you mean title?"),
        ("title: Ninth\n", "", "title is missing"),
        ("year: 2026", "year: soon", "year is 'soon': input should be a valid integer"),
        ("paper: ", "papers: ", "architectures.papers.[key] is 'papers': input should be 'paper'"),
        ("training: ", "paper: ", "paper is 'Nobody has trained it before.': must have the fields"),
        ("year:", "cifar10: {clean: 91}\nyear:", "cifar10.attacked is missing"),
        ("year:", "coverage: {saliency: [1, 2]}\nyear:", "coverage.saliency is [1, 2]: list"),
        ("year:", "fracatlas: {clear: 1}\nyear:", "field 'clear' does not exist; did you mean"),
        ("year: 2026", "year: [2026", "is not YAML"),
        ("year: 2026", "title: Tenth", "is not YAML"),
        (WORDS, "", "the file is None: must have the fields label"),
    ],
)
def test_a_mistake_in_the_words_ends_in_one_line(grown, old, new, said):
    file = grown / "ninth.yaml"
    file.write_text(WORDS.replace(old, new))
    with pytest.raises(InputError) as caught:
        bibliography("ninth")
    assert str(caught.value).startswith(f"{file}")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_system_without_words_or_without_itself_is_told(grown):
    (grown / "ninth.yaml").unlink()
    with pytest.raises(InputError, match=r"ninth\.yaml is not here"):
        listing()
    (grown / "ninth.py").write_text("NINTH = 9\n")
    with pytest.raises(InputError, match=r"ninth\.py must have SYSTEM"):
        load("ninth")
