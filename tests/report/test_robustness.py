import re

import numpy as np
import pandas as pd
import pytest

from radrobust.report.kit import adversarial as attacked
from radrobust.report.kit import budgets, threat
from radrobust.report.kit import curves as figures
from radrobust.report.kit import warnings as sentences
from radrobust.report.kit.study import Study
from radrobust.report.pages import robustness


def plain(source):
    return re.sub("<[^>]+>", " ", source)


def only(study, *systems):
    return Study(study.root, study.params.model_copy(update={"systems": list(systems)}))


@pytest.mark.parametrize(
    ("attack", "short", "changed", "level"),
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
            "the film changed by up to an L2 length of 0.5",
            0.5,
        ),
        (
            {"norm": "l2", "eps": "1/2", "space": "normalized"},
            "L2 0.5 (normalised)",
            "the film changed by up to an L2 length of 0.5, in standard deviations of CIFAR-10",
            0.5,
        ),
    ],
)
def test_budgets_are_written_in_their_own_unit(study, replaced, attack, short, changed, level):
    params = replaced(study, {"eps": "4/255"} | attack).params.attack
    eps = float(params.eps)
    assert budgets.short(params, eps) == short
    assert budgets.changed(params, eps) == changed
    assert budgets.level(params, eps) == pytest.approx(level)
    assert ("grey levels" in budgets.axis(params)) == (attack == {})


def test_a_length_is_nowhere_called_grey_levels(study, replaced):
    other = replaced(study, {"norm": "l2", "eps": "1/2"})
    moved = {
        name: table.assign(eps=table["eps"].replace({study.eps: other.eps}))
        for name, table in {"metrics": study.metrics, "falls": study.falls}.items()
    }
    other = replaced(study, {"norm": "l2", "eps": "1/2"}, **moved)
    shown = [
        sentences.answer(other).source.partition("Where they look")[0],
        plain(figures.clean_against_attacked(other).source),
        plain(figures.curve(other, "auroc").source),
        plain(figures.falls(other).source),
    ]
    assert not any("grey level" in said for said in shown)
    assert "an L2 length of 0.5" in shown[0]
    said = threat.threat_model(other).source
    assert "a length of 0.5 (L2, the root of the sum" in said
    assert "spread evenly over the 32×32 pixels, that is 4 of 255 grey levels each" in said


FIXED = {"schedule": "fixed", "step": "1/255", "steps": 10, "restarts": 1, "random_start": True}


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        (FIXED, "PGD raises the wrong class's lead over the right one in 10 steps of 1 of 255"),
        (FIXED, "along the sign of the gradient;"),
        (FIXED | {"norm": "l2"}, "along the gradient;"),
        (FIXED, "It starts at a random point within the budget."),
        (FIXED | {"random_start": False}, "It starts at the film itself."),
        (FIXED | {"restarts": 3}, "It starts 3 times, each time at another random point"),
        ({"schedule": "apgd", "steps": 20}, "in 20 steps, the first of twice the budget"),
        ({"loss": "ce"}, "raises the cross-entropy in"),
        ({"space": "pixel"}, "before any normalisation"),
        ({"space": "normalized"}, "after the film was repeated to three channels and normalised"),
    ],
)
def test_the_attack_is_described_as_it_is(study, replaced, attack, said):
    assert said in threat.threat_model(replaced(study, attack)).source


def searched_in(study, monkeypatch, names):
    """Say in which precision the attack on each system searched; the rest is in float32."""
    found = {key: {"name": names.get(key, "float32")} for key in study.systems}
    monkeypatch.setattr(Study, "searched", lambda _, key: found[key])
    return threat.threat_model(study).source


def test_the_precision_of_the_search_is_told_system_by_system(study, monkeypatch):
    assert "Search and verdicts alike are in float32." in searched_in(study, monkeypatch, {})
    every = dict.fromkeys(study.systems, "bfloat16")
    said = searched_in(study, monkeypatch, every)
    assert "The search is in bfloat16," in said and "other systems" not in said
    assert "Every verdict is a pass in float32." in said
    if len(study.systems) > 1:
        said = searched_in(study, monkeypatch, {"peng2023": "bfloat16"})
        assert f"On {study.name('peng2023')} the search is in bfloat16," in said
        assert "on the other systems it is in float32. Every verdict" in said


def test_budgets_that_are_not_in_pixels_are_said_aloud(study, replaced):
    assert threat.space_warning(study).source == ""
    assert "not in pixels" not in sentences.warnings(study).source
    spaces = study.spaces.assign(grey_levels=np.where(study.spaces["space"] == "pixel", 4.0, 1.02))
    other = replaced(study, {"space": "normalized"}, spaces=spaces)
    for said in (threat.space_warning(other).source, sentences.warnings(other).source):
        assert "Budgets on this site are not in pixels." in said
        assert "changes by about 1 grey level," in said


def comparisons(study, lead):
    """`huang2021` is ahead of each other system by `lead`, give or take ten points."""
    rows = []
    for place, first in enumerate(study.systems):
        for second in study.systems[place + 1 :]:
            sign = (first == "huang2021") - (second == "huang2021")
            difference = sign * lead.get(second if sign > 0 else first, 0.0)
            for eps in (0.0, study.eps):
                for metric in robustness.COMPARED:
                    ends = difference - 0.1, difference + 0.1
                    counts = (30, 12) if sign >= 0 else (12, 30)
                    rows.append(
                        (eps, first, second, metric, difference, *ends, *counts, 0.01, 0.04)
                    )
    columns = ["eps", "first", "second", "metric", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "only_first", "only_second", "p", "p_holm"])


@pytest.fixture
def huang_best(study, replaced):
    """A study in which huang2021 stands up best; its lead is given by system."""
    if len(study.systems) == 1:
        pytest.skip("one system")
    metrics = study.metrics.copy()
    attacked = (metrics["metric"] == "balanced_accuracy") & (metrics["eps"] > 0)
    metrics.loc[attacked, "value"] = np.where(
        metrics.loc[attacked, "system"] == "huang2021", 0.9, 0.5
    )
    return lambda lead: replaced(study, metrics=metrics, comparisons=comparisons(study, lead))


def test_the_lead_is_told_with_those_it_does_not_reach(study, huang_best):
    others = [system for system in study.systems if system != "huang2021"]
    everywhere = dict.fromkeys(others, 0.2)
    said = robustness.comparisons_in_words(huang_best(everywhere)).source
    assert "Architectural Ingredients (Huang 2021) has the highest balanced accuracy" in said
    assert "beyond chance over each of the others" in said
    assert f"right about more films than {len(others)} of {len(others)} (p under 0.05)" in said
    said = robustness.comparisons_in_words(huang_best(everywhere | {"standard": 0.05})).source
    count = len(others)
    assert f"over {count - 1} of the {count} others" in said
    assert "but not over Standard (Croce 2020)." in said
    said = robustness.comparisons_in_words(huang_best({})).source
    assert "beyond chance over none of the others" in said


def test_who_shares_the_highest_figure_is_named(study, huang_best, replaced):
    metrics = huang_best({}).metrics
    metrics.loc[(metrics["system"] == "rade2022") & (metrics["eps"] > 0), "value"] = 0.9
    tied = replaced(study, metrics=metrics, comparisons=comparisons(study, {}))
    assert robustness.comparisons_in_words(tied).source.startswith(
        "Attacked, Architectural Ingredients (Huang 2021) has the highest balanced accuracy, as "
        "HAT (Rade 2022) does."
    )
    assert "as robust as any here" in robustness.comparisons(tied).source


def test_a_pair_reads_the_same_from_either_side(study, huang_best):
    changed = huang_best({"standard": 0.2, "zhang2020": 0.3})
    forward, turned = (
        robustness._compared(changed, *pair, study.eps, "auroc")
        for pair in (("huang2021", "standard"), ("standard", "huang2021"))
    )
    assert forward == pytest.approx((0.2, 0.1, 0.3, 30, 12, 0.04))
    assert turned == pytest.approx((-0.2, -0.3, -0.1, 12, 30, 0.04))
    source = robustness.comparisons(changed).source
    assert '<td class="number beyond">−20.0<br><small>−30.0 to −10.0</small>' in source
    assert '<td class="number beyond">+0.200<br><small>+0.100 to +0.300</small>' in source
    assert "12 : 30" in source and "0.040" in source
    assert f"for {len(study.systems) * (len(study.systems) - 1) // 2} pairs" in source


def test_one_system_is_compared_with_nothing(study):
    alone = only(study, "huang2021")
    assert robustness.comparisons(alone).source == ""
    assert "nothing to compare it with" in robustness.comparisons_in_words(alone).source


def test_parts_have_rows_or_a_sentence(study, replaced):
    none = replaced(study, subgroups=study.subgroups.head(0))
    said = "does not tell parts of its films from each other"
    assert said in robustness.subgroups(none).source
    source = robustness.subgroups(study).source
    members = study.subgroups["member"].nunique()
    assert source.count('scope="row" class="system"') == members * len(study.systems)
    assert said not in source


def test_the_perturbations_are_in_grey_levels_and_lengths(study, replaced):
    table = pd.DataFrame(
        {
            "system": study.systems,
            "attack": "pgd-linf",
            "threat_model": "white box, <every> pixel",
            "n": 1234,
            "linf_max": 4 / 255,
            "linf_median": 3.5 / 255,
            "l2_median": 0.4321,
        }
    )
    source = robustness.perturbations(replaced(study, perturbations=table)).source
    for shown in (">1,234<", ">4<", ">3.5<", ">0.432<"):
        assert source.count(shown) == len(study.systems)
    assert "white box, &lt;every&gt; pixel." in source


def test_attacked_films_say_what_was_said_before_and_after(study):
    source = attacked.attacked_films(study).source
    kept = study.attacked(study.systems[0], study.samples.gallery(study.params.seed))
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


def pair(film, image, **answer):
    facts = {"label": 1, "clean_logit_0": 0.0, "clean_logit_1": 2.0, "broken": True} | answer
    return attacked.Pair("film-1", film, image, pd.Series(facts))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_change_is_what_was_added_whatever_the_channels(channels):
    film = np.full((8, 8), 100, np.uint8)
    added = np.zeros((channels, 8, 8), np.float32)
    added[:, 2, 3] = 4 / 255
    change = pair(film, film / np.float32(255) + added).change
    assert change.shape == (8, 8)
    assert change[2, 3] == pytest.approx(4 / 255, abs=1e-6)
    assert np.abs(change).sum() == pytest.approx(4 / 255, abs=1e-5)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({}, "right before, wrong after."),
        ({"broken": False}, "still right after the whole attack."),
        ({"clean_logit_0": 3.0}, "wrong before any attack, so nothing was added."),
    ],
)
def test_the_verdict_on_a_film(study, answer, said):
    film = np.zeros((8, 8), np.uint8)
    caption = attacked._caption(study, pair(film, np.zeros((1, 8, 8), np.float32), **answer))
    assert caption.endswith(said)
