"""What the Interpretability page says: it follows the tables, and shows films by rule."""

import math
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from radrobust.report.kit import gallery as map_gallery
from radrobust.report.kit import layers, text
from radrobust.report.kit import links as case_links
from radrobust.report.kit import marks as matrix
from radrobust.report.kit import warnings as sentences
from radrobust.report.kit.pictures import Scale
from radrobust.report.kit.study import Study
from radrobust.report.pages.interpretability import charts as map_figures
from radrobust.report.pages.interpretability import explanations, localisation
from radrobust.report.pages.interpretability import summary as map_words

TABLES = (
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
)


def plain(markdown):
    return markdown.source.replace("\u00a0", " ").replace(text.WORD_JOINER, "")


def cells(source):
    """The cells of each row of the body of the first table, without the heads of rows."""
    body = source.partition("<tbody>")[2].partition("</tbody>")[0]
    return [re.findall(r"<td.*?</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", body)]


def headline(table, image="clean"):
    return (
        (table["metric"] == "coverage_5")
        & (table["image"] == image)
        & (table["answers"] == "all")
        & (table["region"] == "mask")
    )


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0.051, 0.2, "above"),
        (0.05, 0.2, "around"),
        (0.01, 0.05, "around"),
        (0.01, 0.049, "below"),
        (math.nan, math.nan, ""),
    ],
)
def test_a_mark_is_of_the_interval_not_of_the_value(low, high, found):
    assert matrix.side(low, high, 0.05) == found
    assert matrix.side(low, high, math.nan) == ""


def test_the_matrix_marks_each_cell_by_sign_tint_and_words(study, replaced):
    table = study.localisation.copy()
    methods = study.params.explain.methods[:3]
    ends = {0: (0.2, 0.1, 0.3), 1: (0.06, 0.04, 0.09), 2: (0.02, 0.01, 0.03)}
    for place, method in enumerate(methods):
        rows = headline(table) & (table["explainer"] == method)
        table.loc[rows, ["value", "low", "high"]] = ends[place]
    source = localisation.at_a_glance(replaced(study, localisation=table)).source
    assert len(cells(source)) == len(study.systems)
    for row in cells(source):
        assert len(row) == len(study.params.explain.methods)
        for part, shown, sign, tint, words in (
            (row[0], "20.0", "▲", "good", "above chance"),
            (row[1], "6.0", "≈", "even", "not told from chance"),
            (row[2], "2.0", "▼", "bad", "below chance"),
        ):
            assert f'class="number tinted {tint}"' in part
            assert f">{shown} " in part and f'<span aria-hidden="true">{sign}</span>' in part
            assert f'<span class="visually-hidden"> {words}</span>' in part
        assert "10.0–30.0" in row[0]
    assert "Chance: 5.0." in source


def test_everything_that_was_measured_is_shown_once_a_method(study):
    source = localisation.by_method(study).source
    methods = study.params.explain.methods
    assert source.count("<table") == 6 * len(methods)
    assert source.count("<details") == 5 * len(methods)
    assert source.count("image/svg+xml") == len(methods)
    row = study.localised(study.systems[0], methods[0], "auprc")
    assert f">{row['value']:.3f}" in source
    first = source.partition("<tbody>")[2].partition("</tbody>")[0]
    assert first.count("<tr>") == 2 * len(study.systems) + 1
    chance = re.findall(r"<td[^>]*>([^<]*)</td>", first.rpartition("<tr>")[2])
    assert chance[1:8] == ["5.0", "15.0", "25.0", "50.0", "75.0", "85.0", "95.0"]
    area = text.number(row["chance"], "mass")
    assert chance[8] == chance[9] == area


def test_how_often_maps_hit_is_counted(study, replaced):
    table = study.localisation.copy()
    rows = headline(table)
    table.loc[rows, ["value", "low", "high"]] = (0.05, 0.02, 0.09)
    one = rows & (table["explainer"] == "grad_cam") & (table["system"] == "huang2021")
    table.loc[one, ["value", "low", "high"]] = (0.4, 0.3, 0.5)
    two = rows & (table["explainer"] == "saliency")
    table.loc[two, ["value", "low", "high"]] = (0.01, 0.0, 0.02)
    changed = replaced(study, localisation=table)
    said = plain(map_words.in_words(changed))
    pairs = 6 * len(study.systems)
    below = len(study.systems)
    assert (
        f"The interval lies above chance for 1 of {pairs} pairs of system and method, around it "
        f"for {pairs - 1 - below} and below it for {below}."
    ) in said
    assert "Most is hit by Grad-CAM on Architectural Ingredients (Huang 2021): 40.0 % (30.0" in said
    spread = (
        "Above chance: Grad-CAM on 1; "
        if len(study.systems) > 1
        else "Above chance: Grad-CAM on Architectural Ingredients (Huang 2021)."
    )
    assert spread in said
    assert "Above chance: 1 of the pairs on clean films" in said
    assert map_words.hits(changed).replace("\u2060", "") in plain(
        sentences.answer(changed)
    ).replace("\u2060", "")


def test_none_above_chance_is_said(study, replaced):
    table = study.localisation.assign(low=0.0)
    said = map_words.hits(replaced(study, localisation=table))
    assert "above chance for none of" in said and "Above chance is none." in said


def test_what_the_attack_leaves_is_said_of_both_kinds_of_films(study, replaced):
    table = study.survival.copy()
    table.loc[table["metric"] == "overlap_10", "value"] = 0.3
    last = (table["system"] == study.systems[-1]) & (table["explainer"] == "occlusion")
    table.loc[last & (table["films"] == "broken"), "value"] = 0.12
    said = plain(map_words.in_words(replaced(study, survival=table)))
    assert f"between 12.0 % (Occlusion on {study.title(study.systems[-1])}) and 30.0 %" in said
    assert "on films that it broke" in said and "on films that stood" in said
    none = study.survival.assign(value=math.nan, low=math.nan, high=math.nan, n=0)
    changed = replaced(study, survival=none)
    assert "It changed none of the films" in map_words.in_words(changed).source
    assert "nan" not in explanations.survival(changed).source
    assert "0 films" in explanations.survival(changed).source


def test_films_that_broke_and_films_that_stood_are_rows_of_their_own(study):
    source = explanations.survival(study).source
    assert source.count("<table") == 3
    row = cells(source)[0]
    found = study.survival
    found = found[(found["system"] == study.systems[0]) & (found["films"] == "broken")]
    first = found[(found["metric"] == "overlap_10")].iloc[0]
    assert f"<small>{text.plural(int(first['n']), 'film')}</small>" in row[0]
    assert text.number(first["value"], "share") in row[1]


def test_maps_that_do_not_add_up_are_counted(study, replaced):
    convergence = study.convergence.copy()
    off = (convergence["system"] == "huang2021") & (convergence["explainer"] == "deeplift")
    off &= (convergence["image"] == "attacked") & (convergence["metric"] == "delta_exceeds")
    n = int(convergence.loc[off, "n"].iloc[0])
    convergence.loc[off, "value"] = 3 / n
    checks = study.checks.copy()
    failed = (checks["system"] == "huang2021") & (checks["check"] == "maps_add_up")
    checks.loc[failed, "value"] = 3 / checks.loc[failed, "n"]
    changed = replaced(study, convergence=convergence, checks=checks)
    source = explanations.convergence(changed).source
    assert source.count(f">3 of {n}<") == 1
    total = int(checks.loc[checks["check"] == "maps_add_up", "n"].sum())
    said = plain(map_words.in_words(changed))
    assert (
        f"3 of {total:,} maps of Integrated gradients and DeepLIFT, which promise a sum, do not, "
        "on Architectural Ingredients (Huang 2021)"
    ) in said


def test_without_a_promise_there_is_no_sum(study, replaced):
    checks = study.checks[study.checks["check"] != "maps_add_up"]
    changed = replaced(study, convergence=study.convergence.head(0), checks=checks)
    assert "None of the methods promises a sum." in map_words.in_words(changed).source
    assert "None of the methods" in explanations.convergence(changed).source


def test_faithfulness_is_against_noise(study, replaced):
    table = study.faithfulness.copy()
    table[["gain", "gain_low", "gain_high"]] = (0.01, -0.02, 0.04)
    occlusion = table["explainer"] == "occlusion"
    table.loc[occlusion, ["gain", "gain_low", "gain_high"]] = (0.2, 0.1, 0.3)
    worse = (table["explainer"] == "saliency") & (table["metric"] == "deletion")
    table.loc[worse, ["gain", "gain_low", "gain_high"]] = (-0.1, -0.2, -0.05)
    changed = replaced(study, faithfulness=table)
    rows = cells(explanations.faithfulness(changed).source)
    assert len(rows) == 2 * len(study.systems)
    taken, back = rows[0][1:], rows[1][1:]
    assert "−10.0 " in taken[0] and "worse than noise" in taken[0] and "−20.0 to −5.0" in taken[0]
    assert "+1.0 " in back[0] and "not told from noise" in back[0] and "−2.0 to 4.0" in back[0]
    assert "+20.0 " in back[-1] and "better than noise" in back[-1] and "10.0–30.0" in back[-1]
    count, pairs = len(study.systems), 6 * len(study.systems)
    said = plain(map_words.in_words(changed))
    assert f"is taken away for {count} of {pairs} pairs (interval above 0)" in said
    assert (
        f"and slower for {count};" in said and f"put back for {count} and slower for none" in said
    )
    assert "Better at both: Occlusion on" in said


def test_what_redrawing_leaves_is_held_against_the_limit(study, replaced):
    table = study.randomisation.copy()
    last = table["depth"] == table["depth"].max()
    kept = last & (table["explainer"] == "grad_cam") & (table["system"] == "huang2021")
    table.loc[kept, ["value", "low", "high"]] = (0.7, 0.6, 0.8)
    unsure = last & (table["explainer"] == "deeplift") & (table["system"] == "huang2021")
    table.loc[unsure, ["value", "low", "high"]] = (0.45, 0.4, 0.55)
    changed = replaced(study, randomisation=table)
    pairs = 6 * len(study.systems)
    said = plain(map_words.in_words(changed))
    assert f"is below 0.5 for {pairs - 2} of {pairs} pairs" in said
    assert "Above it: Grad-CAM on Architectural Ingredients (Huang 2021) (0.70)." in said
    row = cells(explanations.randomisation(changed).source)[study.systems.index("huang2021")]
    methods = study.params.explain.methods
    assert "tinted bad" in row[methods.index("grad_cam")]
    assert "0.60–0.80" in row[methods.index("grad_cam")]
    assert "tinted even" in row[methods.index("deeplift")]
    assert "tinted good" in row[methods.index("saliency")]


def test_each_map_is_said_to_explain_the_answer_to_that_very_image(study):
    said = plain(map_words.rule(study))
    assert "Each map explains the answer that the network gave to that very image." in said
    assert f"all {study.count('test', 1)} test films with a fracture and 6 without" in said
    assert f"those {study.marked} that have it marked" in said


def explained(*films):
    """Rows of clean films as `attributions` has them, by one method."""
    rows = [
        {"sample_id": name, "label": label, "predicted": said, "broken": broken}
        for name, label, said, broken in films
    ]
    return pd.DataFrame(rows).assign(image="clean", explainer="saliency")


@pytest.mark.parametrize(
    ("films", "chosen"),
    [
        (
            [("a", 1, 1, True), ("b", 1, 0, False), ("c", 1, 1, True), ("d", 0, 1, False)],
            {"hit": "a", "miss": "b", "alarm": "d", "broken": "c"},
        ),
        (
            [("a", 1, 0, False), ("b", 1, 1, False), ("c", 0, 0, True), ("d", 0, 0, True)],
            {"hit": "b", "miss": "a", "broken": "c"},
        ),
        ([("a", 1, 1, True), ("b", 0, 0, False)], {"hit": "a"}),
        ([("a", 0, 0, False)], {}),
    ],
)
def test_the_first_film_of_each_kind_is_shown_and_none_twice(study, replaced, films, chosen):
    table = explained(*films)
    order = [name for name, *_ in films]
    changed = replaced(study, attributions=lambda system: table, explained=lambda system: order)
    assert map_gallery.choose(changed, study.systems[0]) == chosen


def test_where_there_is_no_film_of_a_kind_that_is_said(study, replaced):
    table = explained(("a", 1, 1, True), ("b", 0, 0, False), ("c", 0, 0, False))
    changed = replaced(
        study, attributions=lambda system: table, explained=lambda system: ["a", "b", "c"]
    )
    said = {key: map_gallery._none(changed, "huang2021", key) for key in map_gallery.KINDS}
    assert said["alarm"] == (
        "No false alarm among the 2 films without a fracture that were explained."
    )
    assert said["miss"] == "No miss among the 1 film with a fracture that were explained."
    assert said["broken"] == "The attack broke no other film of those that were explained."


def panes(study):
    """The gallery of each system."""
    parts = re.split(r'<p class="named">(?=[^<]*<small>)', map_gallery.cards(study).source)[1:]
    return dict(zip(study.systems, parts, strict=True))


def test_each_card_has_a_row_an_image_unless_nothing_was_changed(study):
    for system, pane in panes(study).items():
        chosen = map_gallery.choose(study, system)
        table = study.attributions(system)
        for key, name in chosen.items():
            card = pane.partition(f"{map_gallery.KINDS[key].title}: {name}</a></p>")[2]
            card = card.partition("</figure>")[0]
            rows = table[table["sample_id"] == name]
            changed = bool(rows["changed"].iloc[0])
            assert card.count('class="said"') == 1 + changed
            assert ("The attack changed nothing: the film was wrong before." in card) != changed
            marked = bool(rows["label"].iloc[0])
            pictures = 2 * len(study.params.explain.methods) + 1 + marked
            assert card.count("<svg") == (1 + changed) * pictures
            assert 'tabindex="0"' in card
            columns = (1 + changed) * (1 + len(study.params.explain.methods))
            address = case_links.address(name, system).replace("&", "&amp;")
            assert card.count(f'href="{address}" tabindex="-1"') == columns
            for image in ("clean", "attacked")[: 1 + changed]:
                row = rows[rows["image"] == image].iloc[0]
                said = study.classes[row["predicted"]]
                verdict = "right" if row["right"] else "wrong"
                assert (
                    f"<b>{image.capitalize()}</b>: “{said}”, {verdict}; "
                    f"probability of {study.classes[1]} {row['probability']:.2f}"
                ) in card
        for key in set(map_gallery.KINDS) - set(chosen):
            assert f"<b>{map_gallery.KINDS[key].title}.</b>" in pane


def test_every_layer_that_is_drawn_again_is_there_once(study):
    source = map_gallery.cards(study).source
    names = re.findall(r' id="([^"]+)"', source)
    assert len(set(names)) == len(names)
    assert set(re.findall(r'<use href="#([^"]+)"', source)) <= set(names)


def test_a_map_that_does_not_add_up_is_marked_in_the_gallery(study, replaced):
    system = study.systems[0]
    one = Study(study.root, study.params.model_copy(update={"systems": [system]}))
    assert "does not add up" not in map_gallery.cards(one).source
    table = study.attributions(system).copy()
    film = map_gallery.choose(study, system)["hit"]
    rows = (table["sample_id"] == film) & (table["image"] == "clean")
    table.loc[rows & (table["explainer"] == "deeplift"), "delta"] = 1.0
    table.loc[rows & (table["explainer"] == "grad_cam"), "largest"] = 0.0
    source = map_gallery.cards(replaced(one, attributions=lambda system: table)).source
    assert source.count("⚠ does not add up") == 1
    assert source.count("zero everywhere") == 1


def test_colours_are_on_one_scale_for_all_films_of_a_method(study):
    system = study.systems[0]
    maps = study.maps(system, "saliency")
    shades = map_gallery._shades(study, system, "saliency", study.explained(system)[:1])
    assert shades.scale == Scale.of(np.concatenate([maps["clean"], maps["attacked"]]))
    assert not shades.scale.signed
    assert map_gallery._shades(study, system, "deeplift", []).scale.signed


def test_maps_are_in_the_unit_of_their_method(study):
    system = study.systems[0]
    table = study.attributions(system).set_index(["explainer", "image", "sample_id"])
    maps = study.maps(system, "occlusion")
    for image, values in maps.items():
        largest = [
            table.loc[("occlusion", image, name), "largest"] for name in study.explained(system)
        ]
        assert np.abs(values).max(axis=(1, 2)) == pytest.approx(largest, rel=1e-3)


@pytest.mark.parametrize("signed", [True, False])
def test_a_map_on_the_colour_of_zero_has_the_colours_of_its_scale(signed):
    scale = Scale(limit=2.0, signed=signed)
    values = np.linspace(-3 if signed else 0, 3, 97)[None].repeat(2, axis=0)
    found = layers.transparent(values, scale).astype(float) / 255
    alpha, zero = found[..., 3:], 1.0 if signed else 0.0
    laid = 255 * (found[..., :3] * alpha + zero * (1 - alpha))
    wanted = scale.colour(np.rint(np.clip(values / 2, -1, 1) * layers.LEVELS) / layers.LEVELS * 2)
    assert np.abs(laid - wanted).max() <= 2
    assert found[0, np.abs(values[0]).argmin(), 3] < 0.05


def test_an_outline_goes_around_every_part_of_the_finding():
    mask = np.zeros((4, 5), bool)
    mask[0, 0] = mask[2, 2:4] = True
    assert layers.edges(mask) == "M0 0h1M0 1h1M2 2h2M2 3h2M0 0v1M1 0v1M2 2v1M4 2v1"
    assert "<path" not in layers.outline("none", np.zeros((4, 5), bool))


@pytest.mark.parametrize(("side", "most", "left"), [(32, 75, 32), (224, 75, 56), (224, 224, 224)])
def test_maps_are_averaged_over_whole_blocks(side, most, left):
    values = np.arange(side * side, dtype=np.float32).reshape(side, side)
    averaged = layers.shrunk(values, most)
    assert averaged.shape == (left, left)
    assert averaged.mean() == pytest.approx(values.mean())


def test_that_pictures_of_maps_are_averaged_is_said(study):
    assert "averaged" not in map_gallery.rule(study).source
    dataset = study.params.dataset.model_copy(update={"image_size": 1024})
    large = Study(study.root, study.params.model_copy(update={"dataset": dataset}))
    side = 64 if len(study.systems) == 8 else 128
    assert f"averaged to {side}×{side} pixels" in map_gallery.rule(large).source


def test_pictures_of_the_largest_study_are_small():
    noise = np.random.default_rng(0).standard_t(3, (224, 224)).astype(np.float32)
    most = int((map_gallery.PIXELS / (8 * 6 * map_gallery.ROWS)) ** 0.5)
    heat = layers.heat("map", layers.shrunk(noise, most), Scale.of(noise), 224)
    assert len(heat) < 5_500
    film = layers.film("film", np.uint8(40 * np.abs(noise) % 256), 224)
    assert len(film) < 60_000


@pytest.mark.parametrize("side", [32, 512])
def test_films_are_sharp_at_half_again_the_size_they_are_shown_at(side):
    import base64
    import io

    drawn = layers.film("film", np.zeros((side, side), np.uint8), side)
    data = base64.b64decode(drawn.partition("base64,")[2].partition('"')[0])
    assert Image.open(io.BytesIO(data)).width == 160


def test_attacked_films_of_three_channels_are_shown_too(fake_study, tmp_path):
    params = fake_study.write_study(
        tmp_path, systems=("huang2021",), count=40, attack={"space": "normalized"}
    )
    source = map_gallery.cards(Study(tmp_path, params)).source
    assert "Attacked film" in source and "nan" not in re.sub(r'"data:[^"]*"', "", source)


@pytest.fixture(scope="module")
def unmarked(fake_study, tmp_path_factory):
    """A study none of whose findings is marked, summarised."""
    from radrobust.stages.summarise import summarise

    root = tmp_path_factory.mktemp("unmarked")
    params = fake_study.write_study(root, systems=("huang2021",), count=40, marked=False)
    before = Path.cwd()
    os.chdir(root)
    try:
        summarise(params)
    finally:
        os.chdir(before)
    return Study(root, params)


def test_without_marks_localisation_is_left_out_and_that_is_said(unmarked):
    assert unmarked.marked == 0
    said = plain(map_words.in_words(unmarked))
    assert "No test film has its fracture marked, so no map could be checked." in said
    assert "chance on clean films" not in said
    assert "Held against the fracture" not in map_words.rule(unmarked).source
    assert "are left out" in localisation.at_a_glance(unmarked).source
    assert localisation.by_method(unmarked).source == ""
    for show in TABLES:
        source = show(unmarked).source
        assert "nan" not in re.sub(r'"data:[^"]*"', "", source).lower(), show
    gallery = map_gallery.cards(unmarked).source
    assert "<path" not in gallery and "outlined" not in gallery and "% hit" not in gallery
