"""Page *Robustness*: the attack as it is, comparisons, subgroups and adversarial examples."""

import re

import numpy as np
import pandas as pd
import pytest

from radrobust.core import conditions
from radrobust.report.kit import adversarial, curves, tables, text, threat
from radrobust.report.kit.limits import limits
from radrobust.report.kit.study import CLEAN, Study
from radrobust.report.pages import index, robustness


def test_the_main_table_has_two_rows_a_system_and_both_references(study):
    for source in (robustness.main(study).source, robustness.further(study).source):
        assert source.count("<tr>") == 1 + 2 * len(study.systems) + 2
        for name in study.classes:
            assert f"Always “{name}”" in source
    source = robustness.main(study).source
    auroc = text.number(study.metric(study.systems[0], CLEAN, "auroc")["value"], "auroc")
    assert f">{auroc}<" in source


def test_repeated_headers_are_there_for_screen_readers_alone(study):
    repeated = re.findall(r"<th[^>]*repeated[^>]*>(.*?)</th>", robustness.main(study).source)
    names = [
        f'<span class="visually-hidden">{study.name(system)}</span>' for system in study.systems
    ]
    assert repeated == names


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
def test_the_rule_of_the_threshold_is_said(study, changed, threshold, said):
    other = changed(study, {"finetune": {"threshold": threshold}})
    assert said in tables.at_threshold(other).source


def test_a_length_is_nowhere_called_grey_levels(study, changed, plain):
    attack = {"attack": {"norm": "l2", "eps": "1/2"}}
    here, there = (
        [one.key for one in conditions.predicted(some.params.attack)]
        for some in (study, changed(study, attack))
    )
    renamed = dict(zip(here, there, strict=False))
    moved = {
        name: table.assign(condition=table["condition"].replace(renamed))
        for name, table in {"metrics": study.metrics, "iterations": study.iterations}.items()
    }
    other = changed(study, attack, **moved)
    shown = [
        index.question(other).source,
        plain(index.clean_against_attacked(other)),
        plain(curves.of_systems(other, "auroc")),
        plain(curves.first_misclassified(other)),
    ]
    assert not any("grey level" in said for said in shown)
    assert "an L2 length of 0.5" in shown[0]
    said = threat.threat_model(other).source
    assert "a length of 0.5; spread evenly over 32×32 pixels, 4 of 255 grey levels each" in said


FIXED = {"schedule": "fixed", "step": "1/255", "steps": 10, "restarts": 1, "random_start": True}


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        (FIXED, "PGD, 10 steps of 1 of 255 grey levels along the sign of the gradient,"),
        (FIXED, "lead of the wrong class over the right one"),
        (FIXED | {"norm": "l2"}, "along the gradient,"),
        (FIXED, "one random point within the budget"),
        (FIXED | {"random_start": False}, "the radiograph itself"),
        (FIXED | {"restarts": 3}, "3 random points within the budget"),
        ({"schedule": "apgd", "steps": 20}, "APGD, 20 steps, the first of twice the budget"),
        ({"loss": "ce"}, "cross-entropy"),
        ({"space": "pixel"}, "before any normalisation"),
        ({"space": "normalized"}, "three normalised channels"),
    ],
)
def test_the_attack_is_described_as_it_is(study, changed, attack, said):
    assert said in threat.threat_model(changed(study, {"attack": attack})).source


def searched_in(study, monkeypatch, names):
    """Say in which precision the attack on each system searched; the rest is in float32."""
    found = {key: {"name": names.get(key, "float32")} for key in study.systems}
    monkeypatch.setattr(Study, "searched", lambda _, key: found[key])
    return threat.threat_model(study).source


def test_the_precision_of_the_search_is_told_system_by_system(study, monkeypatch):
    assert "<dd>float32</dd>" in searched_in(study, monkeypatch, {})
    said = searched_in(study, monkeypatch, dict.fromkeys(study.systems, "bfloat16"))
    assert "search in bfloat16; every verdict in float32" in said
    if len(study.systems) > 1:
        said = searched_in(study, monkeypatch, {"peng2023": "bfloat16"})
        assert f"search in bfloat16 on {study.name('peng2023')}, else in float32; every" in said


def test_budgets_that_are_not_in_pixels_are_said_aloud(study, changed):
    assert threat.space_warning(study).source == ""
    assert "not in pixels" not in limits(study).source
    table = study.perturbations.copy()
    table.loc[table["condition"] == study.in_units["normalized"], "linf_max"] = 1.02 / 255
    other = changed(study, {"attack": {"space": "normalized"}}, perturbations=table)
    for said in (threat.space_warning(other).source, limits(other).source):
        assert "Budgets on this site are not in pixels." in said
        assert "changes by about 1 grey level," in said


def comparisons(study, lead):
    """`huang2021` is ahead of each other system by `lead`, give or take ten points."""
    rows = []
    for place, first in enumerate(study.systems):
        for second in study.systems[place + 1 :]:
            sign = (first == "huang2021") - (second == "huang2021")
            difference = sign * lead.get(second if sign > 0 else first, 0.0)
            for condition in study.conditions.values():
                for metric in robustness.COMPARED:
                    ends = difference - 0.1, difference + 0.1
                    counts = (30, 12) if sign >= 0 else (12, 30)
                    rows.append(
                        (condition, first, second, metric, difference, *ends, *counts, 0.01, 0.04)
                    )
    columns = ["condition", "first", "second", "metric", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "only_first", "only_second", "p", "p_holm"])


@pytest.fixture
def huang_best(study, changed):
    """A study in which huang2021 is the most robust; its lead is given by system."""
    if len(study.systems) == 1:
        pytest.skip("one system")
    metrics = study.metrics.copy()
    attacked = (metrics["metric"] == "balanced_accuracy") & (metrics["condition"] != CLEAN)
    metrics.loc[attacked, "value"] = np.where(
        metrics.loc[attacked, "system"] == "huang2021", 0.9, 0.5
    )
    return lambda lead: changed(study, metrics=metrics, comparisons=comparisons(study, lead))


def test_the_most_robust_system_and_the_undefended_one_are_the_rivals(study, huang_best, changed):
    best = huang_best({})
    source = robustness.comparisons(best).source
    assert "Against Architectural Ingredients, the most robust here" in source
    assert "Against Standard, which has no defence" in source
    metrics = best.metrics
    metrics.loc[(metrics["system"] == "rade2022") & (metrics["condition"] != CLEAN), "value"] = 0.9
    tied = changed(study, metrics=metrics, comparisons=comparisons(study, {}))
    assert "as robust as any here" in robustness.comparisons(tied).source


def test_a_pair_reads_the_same_from_either_side(study, huang_best):
    other = huang_best({"standard": 0.2, "zhang2020": 0.3})
    forward, turned = (
        robustness._compared(other, *pair, study.attacked, "auroc")
        for pair in (("huang2021", "standard"), ("standard", "huang2021"))
    )
    assert forward == pytest.approx((0.2, 0.1, 0.3, 30, 12, 0.04))
    assert turned == pytest.approx((-0.2, -0.3, -0.1, 12, 30, 0.04))
    source = robustness.comparisons(other).source
    assert '<td class="number beyond">−20.0<br><small>−30.0 to −10.0</small>' in source
    assert '<td class="number beyond">+0.200<br><small>+0.100 to +0.300</small>' in source
    assert "12 : 30" in source and "0.040" in source
    assert f"for {len(study.systems) * (len(study.systems) - 1) // 2} pairs" in source


def test_one_system_is_compared_with_nothing(study):
    alone = study.only("huang2021")
    assert "nothing to compare it with" in robustness.comparisons(alone).source


def test_subgroups_have_rows_or_a_sentence(study, changed):
    none = changed(study, subgroups=study.subgroups.head(0))
    said = "The dataset names no subgroups"
    assert said in robustness.subgroups(none).source
    source = robustness.subgroups(study).source
    members = study.subgroups["member"].nunique()
    assert source.count('scope="row" class="system"') == members * len(study.systems)
    assert said not in source


def test_the_perturbations_are_in_grey_levels_and_lengths(study, changed):
    table = pd.DataFrame(
        {
            "system": study.systems,
            "condition": study.attacked,
            "n": 1234,
            "linf_max": 4 / 255,
            "linf_median": 3.5 / 255,
            "l2_median": 0.4321,
        }
    )
    source = robustness.perturbations(changed(study, perturbations=table)).source
    for shown in (">1,234<", ">4<", ">3.5<", ">0.432<"):
        assert source.count(shown) == len(study.systems)
    assert "white box; L-inf, every pixel of [0, 1] by at most 4/255." in source


# --- Adversarial examples ---------------------------------------------------------------------


def test_examples_say_both_answers(study):
    source = adversarial.examples(study).source
    kept = study.adversarial(study.systems[0], study.samples.gallery(study.params.seed))
    name, row = kept.answers.index[0], kept.answers.iloc[0]
    before = 1 / (1 + np.exp(row["clean_logit_0"] - row["clean_logit_1"]))
    card = source.partition("<figure")[2].partition("</figure>")[0]
    assert f"{name}. Truth: {study.classes[row['label']]}." in card
    for probability in (before, row["probability"]):
        assert f"“{study.classes[int(probability > 0.5)]}”, {probability:.2f}" in card
    assert card.count("<img") == 3 and card.count('loading="lazy"') == 3
    levels = 255 * study.eps
    assert f"{levels:.2g} grey levels brighter" in source
    assert f"made {round(1 / study.eps)} times stronger (white: no change)" in source


def test_many_systems_show_fewer_radiographs_each_and_one_without_the_finding(study):
    names = study.samples.gallery(study.params.seed)
    source = adversarial.examples(study).source
    cards = source.count('class="figure card"')
    assert cards == len(study.systems) * (3 if len(study.systems) == 8 else len(names))
    labels = study.samples.table.set_index("sample_id")["label"]
    shown = {name for name in names if f"Radiograph {name}" in source}
    assert names[0] in shown
    assert 1 <= sum(labels[name] == 0 for name in shown) < len(shown)


def test_where_nothing_was_changed_there_is_no_scale_of_changes(fake_study, tmp_path):
    study = Study(tmp_path, fake_study.write_study(tmp_path, systems=("chen2024",), count=80))
    file = study.root / "results/predictions/chen2024/images.npz"
    with np.load(file) as arrays:
        names = arrays["sample_ids"]
    places = [study.samples.table["sample_id"].tolist().index(name) for name in names]
    images = study.samples.images[places][:, None].astype(np.float32) / 255
    np.savez_compressed(file, sample_ids=names, images=images)
    checks = pd.DataFrame({"system": [], "check": [], "status": []})
    study.__dict__["checks"] = checks
    source = adversarial.examples(study).source
    assert adversarial.UNCHANGED in source
    assert "legend-strips" not in source and "grey level" not in source


def pair(clean, attacked, **answer):
    facts = {"label": 1, "clean_logit_0": 0.0, "clean_logit_1": 2.0, "misclassified": True} | answer
    return adversarial.Pair("film-1", clean, attacked, pd.Series(facts))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_change_is_the_difference_whatever_the_channels(channels):
    clean = np.full((8, 8), 100, np.uint8)
    added = np.zeros((channels, 8, 8), np.float32)
    added[:, 2, 3] = 4 / 255
    change = pair(clean, clean / np.float32(255) + added).change
    assert change.shape == (8, 8)
    assert change[2, 3] == pytest.approx(4 / 255, abs=1e-6)
    assert np.abs(change).sum() == pytest.approx(4 / 255, abs=1e-5)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({}, "Misclassified under attack."),
        ({"misclassified": False}, "Robust: correct before and after the whole attack."),
        ({"clean_logit_0": 3.0}, "Misclassified before any attack, so nothing was added."),
    ],
)
def test_the_verdict_on_a_radiograph(study, answer, said):
    clean = np.zeros((8, 8), np.uint8)
    caption = adversarial._caption(study, pair(clean, np.zeros((1, 8, 8), np.float32), **answer))
    assert caption.endswith(said)
