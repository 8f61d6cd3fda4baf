"""The kit: numbers and budgets as text, pieces of HTML, pictures, and the study as read."""

import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from radrobust.core.errors import InputError
from radrobust.report.kit import budgets, charts, gallery, html, layers, marks, patients, text
from radrobust.report.kit.pictures import Scale
from radrobust.report.kit.study import Study
from radrobust.systems.catalogue import keys


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


def test_every_objective_has_its_title():
    from radrobust.training.objectives import OBJECTIVES

    for name, objective in OBJECTIVES.items():
        assert text.objective_title(name) == objective.title


@pytest.mark.parametrize(
    ("attack", "short", "changes", "level"),
    [
        ({}, "4/255", "every pixel changed by up to 4 of 255 grey levels", 4),
        (
            {"space": "normalized"},
            "4/255 (normalised)",
            "every pixel changed by up to 4/255 of a standard deviation of CIFAR-10",
            4,
        ),
        (
            {"norm": "l2", "eps": "1/2"},
            "L2 0.5",
            "the radiograph changed by up to an L2 length of 0.5",
            0.5,
        ),
        (
            {"norm": "l2", "eps": "1/2", "space": "normalized"},
            "L2 0.5 (normalised)",
            "the radiograph changed by up to an L2 length of 0.5, in standard deviations of "
            "CIFAR-10",
            0.5,
        ),
    ],
)
def test_budgets_are_written_in_their_own_unit(study, changed, attack, short, changes, level):
    params = changed(study, {"attack": {"eps": "4/255"} | attack}).params.attack
    eps = float(params.eps)
    assert budgets.short(params, eps) == short
    assert budgets.changed(params, eps) == changes
    assert budgets.level(params, eps) == pytest.approx(level)
    assert ("grey levels" in budgets.axis(params)) == (attack == {})


def test_every_system_has_its_own_colour():
    assert len({charts.colour(system) for system in keys()}) == len(keys())


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0.051, 0.2, "above"),
        (0.05, 0.2, "around"),
        (0.01, 0.05, "around"),
        (0.01, 0.049, "below"),
        (np.nan, np.nan, ""),
    ],
)
def test_a_mark_is_of_the_interval_not_of_the_value(low, high, found):
    assert marks.side(low, high, 0.05) == found
    assert marks.side(low, high, np.nan) == ""


def test_one_pane_needs_no_tabs():
    assert html.tabs("t", {"only": "<p>content</p>"}).source == "<p>content</p>"


# --- The study --------------------------------------------------------------------------------


def test_a_missing_table_is_told_in_one_line(study):
    elsewhere = Study(study.root / "nowhere", study.params)
    with pytest.raises(InputError, match="run `dvc repro` first"):
        elsewhere.metrics  # noqa: B018


def test_many_systems_are_counted_and_the_exceptions_named(study):
    if len(study.systems) < 8:
        pytest.skip("few systems are all named")
    first, *others = study.systems
    assert study.names([first]) == study.name(first)
    assert study.names(study.systems) == "all 8 systems"
    assert study.names(others) == f"7 of 8 systems (all but {study.name(first)})"
    named = text.listing([study.title(system) for system in others[:4]])
    assert study.names(others[:4]) == f"4 of 8 systems ({named})"


def test_a_study_of_one_system_shows_that_one_alone(study):
    system = study.systems[-1]
    own = study.only(system)
    assert own.systems == [system]
    assert set(own.checks["system"]) == {system}
    assert len(study.checks) > len(own.checks) or len(study.systems) == 1


def test_maps_are_in_the_unit_of_their_method(study):
    system = study.systems[0]
    table = study.attributions(system).set_index(["explainer", "image", "sample_id"])
    maps = study.maps(system, "occlusion")
    for image, values in maps.items():
        largest = [
            table.loc[("occlusion", image, name), "largest"] for name in study.explained(system)
        ]
        assert np.abs(values).max(axis=(1, 2)) == pytest.approx(largest, rel=1e-3)


NOBODY = {
    "text": lambda count: [""] * count,
    "missing": lambda count: [None] * count,
    "not a number": lambda count: [np.nan] * count,
    "number": lambda count: pd.array([pd.NA] * count, dtype="Int64"),
}


@pytest.mark.parametrize("kind", NOBODY)
def test_an_unknown_patient_is_none_however_it_is_stored(study, with_samples, kind):
    count = len(study.samples.table)
    found = patients.everywhere(with_samples(study, patient=NOBODY[kind](count)))
    assert found == (count, count, 0)


# --- Pictures ---------------------------------------------------------------------------------


def test_signed_maps_are_white_at_zero_and_clip_at_the_limit():
    values = np.array([[-2.0, -1.0, 0.0, 1.0, 2.0]])
    colours = Scale(limit=1.0, signed=True).colour(values)[0].astype(int)
    assert (colours[2] > 240).all()
    assert (colours[0] == colours[1]).all()
    assert (colours[3] == colours[4]).all()
    assert colours[1][2] > colours[1][0]
    assert colours[3][0] > colours[3][2]


def test_scales_see_signs_and_survive_empty_maps():
    assert Scale.of(np.array([[-1.0, 3.0]])).signed
    assert not Scale.of(np.array([[1.0, 3.0]])).signed
    assert Scale.of(np.zeros((4, 4))).limit == 1.0


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


def test_pictures_of_the_largest_study_are_small():
    noise = np.random.default_rng(0).standard_t(3, (224, 224)).astype(np.float32)
    most = int((gallery.PIXELS / (8 * 6 * gallery.ROWS)) ** 0.5)
    heat = layers.heat("map", layers.shrunk(noise, most), Scale.of(noise), 224)
    assert len(heat) < 5_500
    image = layers.image("image", np.uint8(40 * np.abs(noise) % 256), 224)
    assert len(image) < 60_000


@pytest.mark.parametrize("side", [32, 512])
def test_radiographs_are_sharp_at_half_again_the_size_they_are_shown_at(side):
    drawn = layers.image("image", np.zeros((side, side), np.uint8), side)
    data = base64.b64decode(drawn.partition("base64,")[2].partition('"')[0])
    assert Image.open(io.BytesIO(data)).width == 160


# --- The gallery ------------------------------------------------------------------------------


def explained(*samples):
    """Rows of clean images as `attributions` has them, by one method."""
    rows = [
        {"sample_id": name, "label": label, "predicted": said, "misclassified": wrong}
        for name, label, said, wrong in samples
    ]
    return pd.DataFrame(rows).assign(image="clean", explainer="saliency")


@pytest.mark.parametrize(
    ("samples", "chosen"),
    [
        (
            [("a", 1, 1, True), ("b", 1, 0, False), ("c", 1, 1, True), ("d", 0, 1, False)],
            {"hit": "a", "miss": "b", "alarm": "d", "attacked": "c"},
        ),
        (
            [("a", 1, 0, False), ("b", 1, 1, False), ("c", 0, 0, True), ("d", 0, 0, True)],
            {"hit": "b", "miss": "a", "attacked": "c"},
        ),
        ([("a", 1, 1, True), ("b", 0, 0, False)], {"hit": "a"}),
        ([("a", 0, 0, False)], {}),
    ],
)
def test_the_first_of_each_kind_is_shown_and_none_twice(study, changed, samples, chosen):
    table = explained(*samples)
    order = [name for name, *_ in samples]
    other = changed(study, attributions=lambda system: table, explained=lambda system: order)
    assert gallery.choose(other, study.systems[0]) == chosen


def test_each_card_has_a_row_an_image_unless_nothing_was_changed(study):
    parts = re.split(r'<p class="named">(?=[^<]*<small>)', gallery.cards(study).source)[1:]
    for system, pane in zip(study.systems, parts, strict=True):
        chosen = gallery.choose(study, system)
        table = study.attributions(system)
        for key, name in chosen.items():
            card = pane.partition(f"{gallery.KINDS[key].title}: {name}</a></p>")[2]
            card = card.partition("</figure>")[0]
            rows = table[table["sample_id"] == name]
            moved = bool(rows["changed"].iloc[0])
            assert card.count('class="said"') == 1 + moved
            left = "The attack changed nothing: the radiograph was misclassified before."
            assert (left in card) != moved
            marked = bool(rows["label"].iloc[0])
            pictures = 2 * len(study.params.explain.methods) + 1 + marked
            assert card.count("<svg") == (1 + moved) * pictures
            for image in ("clean", "attacked")[: 1 + moved]:
                row = rows[rows["image"] == image].iloc[0]
                said = study.classes[row["predicted"]]
                verdict = "correct" if row["right"] else "misclassified"
                assert (
                    f"<b>{image.capitalize()}</b>: “{said}”, {verdict}; "
                    f"probability of {study.classes[1]} {row['probability']:.2f}"
                ) in card
        for key in set(gallery.KINDS) - set(chosen):
            assert f"<b>{gallery.KINDS[key].title}.</b> None" in pane


def test_every_layer_that_is_drawn_again_is_there_once(study):
    source = gallery.cards(study).source
    names = re.findall(r' id="([^"]+)"', source)
    assert len(set(names)) == len(names)
    assert set(re.findall(r'<use href="#([^"]+)"', source)) <= set(names)


def test_a_map_that_does_not_add_up_is_marked_in_the_gallery(study, changed):
    system = study.systems[0]
    one = study.only(system)
    assert "does not add up" not in gallery.cards(one).source
    table = study.attributions(system).copy()
    name = gallery.choose(study, system)["hit"]
    rows = (table["sample_id"] == name) & (table["image"] == "clean")
    table.loc[rows & (table["explainer"] == "deeplift"), "delta"] = 1.0
    table.loc[rows & (table["explainer"] == "grad_cam"), "largest"] = 0.0
    source = gallery.cards(changed(one, attributions=lambda system: table)).source
    assert source.count("⚠ does not add up") == 1
    assert source.count("zero everywhere") == 1


def test_colours_are_on_one_scale_for_all_radiographs_of_a_method(study):
    system = study.systems[0]
    maps = study.maps(system, "saliency")
    shades = gallery._shades(study, system, "saliency", study.explained(system)[:1])
    assert shades.scale == Scale.of(np.concatenate([maps["clean"], maps["attacked"]]))
    assert not shades.scale.signed
    assert gallery._shades(study, system, "deeplift", []).scale.signed


def test_attacked_images_of_three_channels_are_shown_too(fake_study, tmp_path):
    params = fake_study.write_study(
        tmp_path, systems=("huang2021",), count=40, attack={"space": "normalized"}
    )
    source = gallery.cards(Study(tmp_path, params)).source
    assert "Attacked radiograph" in source and "nan" not in re.sub(r'"data:[^"]*"', "", source)
