"""Page *Systems*, the table of training, and the limits that depend on the networks."""

import re

import pytest

from radrobust.report.kit import systems as kit
from radrobust.report.kit import text
from radrobust.report.kit.limits import limits
from radrobust.report.kit.shown import code
from radrobust.report.kit.study import Study
from radrobust.report.pages import systems
from radrobust.systems.bibliography import bibliography
from radrobust.systems.catalogue import keys, load

COMPACT = {"scale": "compact", "weights": "none", "head": "linear", "trainable": "all"}
ROBUSTBENCH = {"scale": "paper", "weights": "robustbench", "head": "mlp"}
FILE = ROBUSTBENCH | {"weights": "file:x.pt", "trainable": "head"}
FINETUNED = {"scale": "paper", "weights": "finetuned:hub:a/b/{system}.pth", "head": "mlp"}


@pytest.mark.parametrize(
    ("model", "warned"),
    [
        (COMPACT, "compact versions of the papers' architectures, trained here from nothing"),
        (COMPACT | {"scale": "paper"}, "full-size versions of the papers' architectures"),
        (ROBUSTBENCH | {"trainable": "head"}, "Only the head was trained here"),
        (ROBUSTBENCH | {"trainable": "last_block"}, "Only the last stage and the head were"),
        (ROBUSTBENCH | {"trainable": "all"}, "may have cost robustness"),
        (FILE, code("model.weights: file:x.pt")),
        (FILE, "images that they learnt from are not known here"),
        (FINETUNED, "Nothing was trained here"),
    ],
)
def test_limits_follow_the_networks(study, changed, model, warned):
    said = limits(changed(study, {"model": model})).source
    assert warned in said
    assert ("from nothing" in said) == (model["weights"] == "none")
    assert ("compact" in said) == (model["scale"] == "compact")
    assert ("CIFAR-10" in said) == (model["weights"] == "robustbench")


def test_an_objective_for_all_is_not_called_the_papers_own(study, changed):
    assert "each paper's objective" in limits(study).source
    said = limits(changed(study, {"finetune": {"objective": "mart"}})).source
    assert "MART" in said and "each paper's objective" not in said


def test_objectives_of_the_catalogue_have_their_words():
    assert {load(key).objective for key in keys()} <= set(kit.OBJECTIVES_IN_WORDS)


def test_the_list_of_systems_leads_to_every_page(study):
    said = systems.pages(study).source
    assert re.findall(r"\]\((.*?)\.ipynb\)", said) == [f"system-{key}" for key in study.systems]


def test_published_figures_are_beside_those_of_always_saying_no(study):
    source = systems.published(study).source
    assert source.count("67.57") == 2
    for system in study.systems:
        assert f"{bibliography(system).fracatlas.attacked:.2f}" in source
        assert study.title(system) in source and study.label(system) in source


def test_every_remark_on_published_figures_has_its_mark(study):
    source = systems.published(study).source
    told = [bibliography(key) for key in study.systems]
    figures_of = [part for one in told for part in (one.cifar10, one.fracatlas)]
    for remark in {part.remark[1:] for part in figures_of if part.remark}:
        assert remark in source
    for mark in set(re.findall(r'class="marks">(.)', source)):
        assert f" {mark} " in source
    assert len(re.findall('class="marks"', source)) == (5 if len(study.systems) == 8 else 0)


def test_the_rest_of_the_catalogue_comes_below(study):
    source = systems.entries(study).source
    assert source.count("<details") == len(keys())
    assert ("not in this study" in source) == (len(study.systems) < len(keys()))
    below = source.partition("not in this study")[2]
    assert below.count("<details") in (0, len(keys()) - len(study.systems))
    assert not any(f"<strong>{study.title(key)}</strong>" in below for key in study.systems)


def test_the_table_of_training_says_how_each_was_trained(study, rows):
    for system, row in zip(study.systems, rows(kit.trained(study)), strict=True):
        assert study.title(system) in row[0] and study.label(system) in row[0]
        compact = study.params.model.scale == "compact"
        published = ["RobustBench", "the head head: two layers"]
        assert row[2:4] == (["random", "all head: one linear layer"] if compact else published)
        assert row[6] == "8 of 13"


def test_networks_that_were_only_evaluated_have_no_epochs(fake_study, tmp_path):
    model = FINETUNED | {"trainable": "all"}
    params = fake_study.write_study(tmp_path, systems=("chen2024",), count=40, model=model)
    source = kit.trained(Study(tmp_path, params)).source
    assert "Nothing was trained" in source and ">nothing<" in source
    assert " of " not in source and source.count(text.DASH) == 3
