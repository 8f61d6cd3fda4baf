import re

import numpy as np
import pandas as pd
import pytest

from radrobust.core.errors import InputError
from radrobust.core.params import Model
from radrobust.report.kit import adversarial as attacked
from radrobust.report.kit import charts, html, naming, networks, pictures, tables, text
from radrobust.report.kit import curves as figures
from radrobust.report.kit import gallery as map_gallery
from radrobust.report.kit import verdicts as checks
from radrobust.report.kit import warnings as sentences
from radrobust.report.kit.shown import code
from radrobust.report.kit.study import ALWAYS_NEGATIVE, Study
from radrobust.report.pages import index as overview
from radrobust.report.pages import published, robustness, systems
from radrobust.report.pages.data import charts as data_figures
from radrobust.report.pages.data import faults as audit
from radrobust.report.pages.data import gallery
from radrobust.report.pages.interpretability import charts as map_figures
from radrobust.report.pages.interpretability import explanations, localisation
from radrobust.report.pages.methods import provenance
from radrobust.systems.catalogue import SYSTEMS

SHOWN = [
    overview.table,
    data_figures.compositions,
    data_figures.sizes,
    data_figures.finding_sizes,
    gallery.same_pictures,
    tables.parts_counted,
    tables.headline,
    tables.further,
    tables.at_threshold,
    tables.confusion_matrices,
    tables.class_reports,
    tables.counts,
    audit.counted,
    audit.formats,
    audit.listed,
    audit.near,
    audit.probes,
    tables.citation,
    figures.clean_against_attacked,
    figures.falls,
    lambda study: figures.curve(study, "auroc"),
    gallery.examples,
    localisation.at_a_glance,
    localisation.by_method,
    explanations.survival,
    explanations.convergence,
    explanations.faithfulness,
    explanations.faithfulness_curves,
    explanations.strays,
    explanations.randomisation,
    map_figures.randomisation,
    map_gallery.cards,
    attacked.attacked_films,
    lambda study: checks.matrix(study, "attack"),
    lambda study: checks.matrix(study, "measurement"),
    lambda study: checks.matrix(study, "maps"),
    checks.entries,
    published.accuracies,
    published.spaces,
    published.flaws,
    published.coverage,
    robustness.comparisons,
    robustness.subgroups,
    robustness.perturbations,
    provenance.parameters,
    systems.published,
    systems.trained,
    systems.entries,
]


def estimate(value, low, high):
    return pd.Series({"value": value, "low": low, "high": high})


def test_undefined_values_are_a_dash_and_not_zero():
    nothing = float("nan")
    assert text.number(nothing, "precision") == "–"
    assert text.quoted(estimate(nothing, nothing, nothing), "f1") == "–"
    assert text.interval(estimate(0.5, nothing, nothing), "auroc") == ""


def test_numbers_with_their_unit_and_interval():
    assert text.interval(estimate(0.8125, 0.7, 0.9), "accuracy") == "70.0–90.0"
    shown = text.quoted(estimate(0.8125, 0.7, 0.9), "accuracy").replace(text.WORD_JOINER, "")
    assert shown == "81.2 % (70.0–90.0)"


@pytest.mark.parametrize("show", SHOWN)
def test_html_is_the_same_each_time_and_whole(study, show):
    source = show(study)._repr_html_()
    assert source == show(study)._repr_html_()
    for tag in ("table", "tr", "td", "th", "div", "figure", "p", "small", "svg", "g", "span"):
        assert len(re.findall(rf"<{tag}[ >]", source)) == source.count(f"</{tag}>"), tag
    assert "nan" not in re.sub(r'"data:[^"]*"', "", source).lower()
    for image in re.findall(r"<img[^>]*>", source):
        assert re.search(r'alt="[^"]{10,}"', image), image[:200]
        assert len(image) < 60_000 or "image/svg+xml" in image
    for layer in re.findall(r"<image[^>]*>", source):
        assert len(layer) < 60_000


def test_the_headline_has_two_rows_a_system_and_both_references(study):
    for source in (tables.headline(study).source, tables.further(study).source):
        assert source.count("<tr>") == 1 + 2 * len(study.systems) + 2
        for name in study.classes:
            assert f"Always “{name}”" in source
    source = tables.headline(study).source
    auroc = text.number(study.metric(study.systems[0], 0, "auroc")["value"], "auroc")
    assert f">{auroc}<" in source


def test_text_from_datasets_is_escaped(study):
    assert "&lt;Journal&gt; &amp; Co." in tables.citation(study).source


def test_the_answer_names_its_numbers(study):
    said = sentences.answer(study).source.replace("\u00a0", " ")
    values = {
        system: study.metric(system, study.eps, "balanced_accuracy")["value"]
        for system in study.systems
    }
    for system in {min(values, key=values.get), max(values, key=values.get)}:
        value = text.number(values[system], "balanced_accuracy")
        assert f"{value} % for {study.name(system)}" in said
    reference = study.metric(ALWAYS_NEGATIVE, 0, "accuracy")["value"]
    assert text.number(reference, "accuracy") in said


def test_a_phantom_is_called_one_and_a_radiograph_is_not(study):
    shown = [sentences.warnings(study).source, sentences.composition(study).source]
    for said in shown:
        assert ("drawn by a program" in said) == study.is_phantom


def test_every_system_has_its_own_colour():
    assert len({charts.colour(system) for system in SYSTEMS}) == len(SYSTEMS)


def test_signed_maps_are_white_at_zero_and_clip_at_the_limit():
    values = np.array([[-2.0, -1.0, 0.0, 1.0, 2.0]])
    scale = pictures.Scale(limit=1.0, signed=True)
    colours = scale.colour(values)[0].astype(int)
    assert (colours[2] > 240).all()
    assert (colours[0] == colours[1]).all()
    assert (colours[3] == colours[4]).all()
    assert colours[1][2] > colours[1][0]
    assert colours[3][0] > colours[3][2]


def test_scales_see_signs_and_survive_empty_maps():
    assert pictures.Scale.of(np.array([[-1.0, 3.0]])).signed
    assert not pictures.Scale.of(np.array([[1.0, 3.0]])).signed
    assert pictures.Scale.of(np.zeros((4, 4))).limit == 1.0


def test_one_pane_needs_no_tabs():
    assert html.tabs("t", {"only": "<p>content</p>"}).source == "<p>content</p>"


def test_a_missing_table_is_told_in_one_line(study):
    elsewhere = Study(study.root / "nowhere", study.params)
    with pytest.raises(InputError, match="run `dvc repro` first"):
        elsewhere.metrics  # noqa: B018


def changed(study, **model):
    """The same study with other values in the section `model`."""
    known = Model.model_validate(study.params.model.model_dump() | model)
    return Study(study.root, study.params.model_copy(update={"model": known}))


COMPACT = {"scale": "compact", "weights": "none", "head": "linear", "trainable": "all"}
ROBUSTBENCH = {"scale": "paper", "weights": "robustbench", "head": "mlp"}
FINETUNED = {"scale": "paper", "weights": "finetuned:hub:a/b/{system}.pth", "head": "mlp"}


def test_a_reader_can_tell_which_paper_a_system_is(study):
    shown = [tables.headline, localisation.at_a_glance, systems.published, systems.trained]
    shown += [figures.clean_against_attacked, figures.falls, systems.entries]
    for show in shown:
        source = show(study).source
        for system in study.systems:
            assert study.title(system) in source, show
            assert study.label(system) in source, show


def test_repeated_headers_are_there_for_screen_readers_alone(study):
    repeated = re.findall(r"<th[^>]*repeated[^>]*>(.*?)</th>", tables.headline(study).source)
    names = [
        f'<span class="visually-hidden">{study.name(system)}</span>' for system in study.systems
    ]
    assert repeated == names


def test_many_systems_are_counted_and_the_exceptions_named(study):
    if len(study.systems) < 8:
        pytest.skip("few systems are all named")
    first, *others = study.systems
    assert naming.those(study, [first]) == study.name(first)
    assert naming.those(study, study.systems) == "all 8 systems"
    assert naming.those(study, others) == f"7 of 8 systems (all but {study.name(first)})"
    named = text.listing([study.title(system) for system in others[:4]])
    assert naming.those(study, others[:4]) == f"4 of 8 systems ({named})"


@pytest.mark.parametrize(
    ("model", "warned", "frozen"),
    [
        (COMPACT, "compact versions trained here from nothing", "Nothing is frozen"),
        (COMPACT | {"scale": "paper"}, "architecture at full size", "Nothing is frozen"),
        (ROBUSTBENCH | {"trainable": "head"}, "Nothing but the head was", "All but the head stays"),
        (
            ROBUSTBENCH | {"trainable": "last_block"},
            "Nothing but the last stage and the head was",
            "last stage",
        ),
        (ROBUSTBENCH | {"trainable": "all"}, "may have cost robustness", "Nothing is frozen"),
        (
            ROBUSTBENCH | {"weights": "file:x.pt", "trainable": "head"},
            code("model.weights: file:x.pt"),
            "bit for bit",
        ),
        (
            ROBUSTBENCH | {"weights": "file:x.pt", "trainable": "head"},
            "What they learnt from is not known here",
            "bit for bit",
        ),
        (FINETUNED, "Nothing was trained here", "nothing drifts"),
    ],
)
def test_what_is_said_of_the_networks_follows_the_parameters(study, model, warned, frozen):
    other = changed(study, **model)
    assert warned in sentences.warnings(other).source
    assert frozen in published.flaws(other).source
    everything = f"{sentences.warnings(other).source} {networks.in_words(other).source}"
    assert ("from nothing" in everything) == (model["weights"] == "none")
    assert ("compact" in everything) == (model["scale"] == "compact")
    assert ("CIFAR-10" in everything) == (model["weights"] == "robustbench")
    assert ("validation films" in everything) == ("finetuned" not in model["weights"])


@pytest.mark.parametrize(
    ("threshold", "said"),
    [
        ("youden", "the one with the highest sum of sensitivity and specificity (Youden) on"),
        (
            "sensitivity >= 0.9",
            "the highest specificity of those with a sensitivity of at least 0.9",
        ),
    ],
)
def test_the_rule_of_the_threshold_is_said(study, threshold, said):
    finetune = study.params.finetune.model_copy(update={"threshold": threshold})
    other = Study(study.root, study.params.model_copy(update={"finetune": finetune}))
    assert said in tables.at_threshold(other).source


def test_an_objective_for_all_is_not_called_the_papers_own(study):
    assert "its paper's objective" in networks.in_words(study).source
    finetune = study.params.finetune.model_copy(update={"objective": "mart"})
    other = Study(study.root, study.params.model_copy(update={"finetune": finetune}))
    for said in (networks.in_words(other).source, sentences.warnings(other).source):
        assert ("MART" in said) or other.params.model.weights != "none"
        assert "its paper's objective" not in said


def test_every_objective_has_its_title_and_those_of_the_catalogue_their_words():
    from radrobust.training.objectives import OBJECTIVES

    for name, objective in OBJECTIVES.items():
        assert text.objective_title(name) == objective.title
    assert {system.objective for system in SYSTEMS.values()} <= set(systems.OBJECTIVES_IN_WORDS)


def test_published_figures_stand_beside_what_saying_no_gives(study):
    source = systems.published(study).source
    assert source.count("67.57") == 2
    assert "**None of these figures can be compared" in systems.caveat().source
    assert "67.6\u00a0%" in systems.caveat().source
    for system in study.systems:
        assert f"{SYSTEMS[system].fracatlas.attacked:.2f}" in source


def test_every_remark_on_published_figures_has_its_mark(study):
    source = systems.published(study).source
    figures_of = [
        part for key in study.systems for part in (SYSTEMS[key].cifar10, SYSTEMS[key].fracatlas)
    ]
    remarks = {part.remark[1:] for part in figures_of if part.remark}
    for remark in remarks:
        assert remark in source
    for mark in set(re.findall(r'class="marks">(.)', source)):
        assert f" {mark} " in source
    assert len(re.findall('class="marks"', source)) == (5 if len(study.systems) == 8 else 0)


def test_the_rest_of_the_catalogue_comes_below(study):
    source = systems.entries(study).source
    assert source.count("<details") == len(SYSTEMS)
    assert ("not in this study" in source) == (len(study.systems) < len(SYSTEMS))
    below = source.partition("not in this study")[2]
    assert below.count("<details") in (0, len(SYSTEMS) - len(study.systems))
    assert not any(f"<strong>{study.title(key)}</strong>" in below for key in study.systems)


def test_networks_that_were_only_evaluated_have_no_epochs(fake_study, tmp_path):
    model = FINETUNED | {"trainable": "all"}
    params = fake_study.write_study(tmp_path, systems=("chen2024",), count=40, model=model)
    source = systems.trained(Study(tmp_path, params)).source
    assert "evaluated here" in source and "nothing" in source
    assert " of " not in source and source.count(text.DASH) == 3


def test_many_systems_show_fewer_films_each_and_one_without_the_finding(study):
    names = study.samples.gallery(study.params.seed)
    source = attacked.attacked_films(study).source
    cards = source.count('class="figure card"')
    assert cards == len(study.systems) * (3 if len(study.systems) == 8 else len(names))
    labels = study.samples.table.set_index("sample_id")["label"]
    shown = {name for name in names if f"Film {name}" in source}
    assert names[0] in shown
    assert 1 <= sum(labels[name] == 0 for name in shown) < len(shown)
