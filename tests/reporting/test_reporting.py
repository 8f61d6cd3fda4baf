import re

import numpy as np
import pandas as pd
import pytest

from radrobust.errors import InputError
from radrobust.reporting import figures, gallery, html, provenance, sentences, tables, text
from radrobust.reporting.study import ALWAYS_NEGATIVE, Study
from radrobust.systems.catalogue import SYSTEMS

SHOWN = [
    tables.headline,
    tables.confusion_matrices,
    tables.class_reports,
    tables.localisation,
    tables.convergence,
    tables.counts,
    tables.notes,
    tables.remarks,
    tables.citation,
    figures.clean_against_attacked,
    figures.falls,
    lambda study: figures.curve(study, "auroc"),
    gallery.examples,
    gallery.maps,
    provenance.parameters,
    provenance.systems,
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
    assert text.grey_levels(4 / 255) == "4 of 255 grey levels"


@pytest.mark.parametrize("show", SHOWN)
def test_html_is_the_same_each_time_and_whole(study, show):
    source = show(study)._repr_html_()
    assert source == show(study)._repr_html_()
    for tag in ("table", "tr", "td", "th", "div", "figure", "p", "small"):
        assert len(re.findall(rf"<{tag}[ >]", source)) == source.count(f"</{tag}>"), tag
    assert "nan" not in re.sub(r'"data:[^"]*"', "", source).lower()
    for image in re.findall(r"<img[^>]*>", source):
        assert re.search(r'alt="[^"]{10,}"', image), image[:200]
        assert len(image) < 60_000 or "image/svg+xml" in image


def test_the_headline_has_two_rows_a_system_and_the_reference(study):
    source = tables.headline(study).source
    assert source.count("<tr>") == 1 + 2 * len(study.systems) + 1
    assert f"Always “{study.classes[0]}”" in source
    auroc = text.number(study.metric(study.systems[0], 0, "auroc")["value"], "auroc")
    assert f">{auroc}<" in source


def test_text_from_datasets_is_escaped(study):
    assert "&lt;Journal&gt; &amp; Co." in tables.citation(study).source


def test_the_answer_names_its_numbers(study):
    said = sentences.answer(study).source.replace("\u00a0", " ")
    for system in study.systems:
        value = study.metric(system, study.eps, "balanced_accuracy")["value"]
        assert f"to {text.number(value, 'balanced_accuracy')} % ({study.title(system)})" in said
    reference = study.metric(ALWAYS_NEGATIVE, 0, "accuracy")["value"]
    assert text.number(reference, "accuracy") in said


def test_a_phantom_is_called_one_and_a_radiograph_is_not(study):
    shown = [sentences.warnings(study).source, sentences.composition(study).source]
    for said in shown:
        assert ("drawn by a program" in said) == study.is_phantom


def test_sentences_without_marked_findings(study):
    table = study.localisation
    unmarked = table.assign(n=0, value=np.nan, low=np.nan, high=np.nan)
    changed = Study(study.root, study.params)
    changed.__dict__["localisation"] = unmarked
    assert "no map could be checked" in sentences.maps_in_words(changed).source
    assert "–" in tables.localisation(changed).source


def test_every_system_has_its_own_colour():
    assert len({figures.colour(system) for system in SYSTEMS}) == len(SYSTEMS)


def test_signed_maps_are_white_at_zero_and_clip_at_the_limit():
    values = np.array([[-2.0, -1.0, 0.0, 1.0, 2.0]])
    scale = gallery.Scale(limit=1.0, signed=True)
    colours = scale.colour(values)[0].astype(int)
    assert (colours[2] > 240).all()
    assert (colours[0] == colours[1]).all()
    assert (colours[3] == colours[4]).all()
    assert colours[1][2] > colours[1][0]
    assert colours[3][0] > colours[3][2]


def test_scales_see_signs_and_survive_empty_maps():
    assert gallery.Scale.of(np.array([[-1.0, 3.0]])).signed
    assert not gallery.Scale.of(np.array([[1.0, 3.0]])).signed
    assert gallery.Scale.of(np.zeros((4, 4))).limit == 1.0


def test_one_pane_needs_no_tabs():
    assert html.tabs("t", {"only": "<p>content</p>"}).source == "<p>content</p>"


def test_a_missing_table_is_told_in_one_line(study):
    elsewhere = Study(study.root / "nowhere", study.params)
    with pytest.raises(InputError, match="run `dvc repro` first"):
        elsewhere.metrics  # noqa: B018
