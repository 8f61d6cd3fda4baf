import html
import re

import numpy as np
import pytest

from radrobust.report.kit import adversarial as attacked
from radrobust.report.kit import verdicts as checks
from radrobust.report.kit.study import ALWAYS_NEGATIVE, Study
from radrobust.report.pages import system as portrait
from radrobust.report.pages import systems
from radrobust.systems.catalogue import SYSTEMS

SHOWN = [
    portrait.training,
    portrait.numbers,
    portrait.against_budget,
    portrait.verdicts,
    portrait.coverage,
    portrait.localised,
]
SAID = [portrait.neighbours, portrait.in_short, portrait.threshold]


def plain(source):
    text = html.unescape(re.sub("<[^>]+>", " ", source)).replace("\u00a0", " ")
    return re.sub(" +", " ", text.replace("\u2060", ""))


def rows(source):
    return re.findall("<tr>(.*?)</tr>", source.partition("<tbody>")[2])


def alt(shown):
    return html.unescape(re.search('alt="([^"]*)"', shown.source)[1])


@pytest.mark.parametrize("show", SHOWN)
def test_html_is_the_same_each_time_and_whole(study, show):
    for system in study.systems:
        source = show(study, system).source
        assert source == show(study, system).source
        for tag in ("table", "tr", "td", "th", "div", "figure", "p", "small", "b"):
            assert len(re.findall(rf"<{tag}[ >]", source)) == source.count(f"</{tag}>"), tag
        assert "nan" not in re.sub(r'"data:[^"]*"', "", source).lower()
        assert study.label(system) in source


@pytest.mark.parametrize("say", SAID)
def test_sentences_are_whole(study, say):
    for system in study.systems:
        said = say(study, system).source
        assert said == say(study, system).source
        assert "nan" not in said.lower() and "{" not in said


def test_systems_lead_to_each_other_in_the_order_of_the_study(study):
    said = [portrait.neighbours(study, system).source for system in study.systems]
    assert "←" not in said[0] and "→" not in said[-1]
    for text in said:
        assert "[All systems](systems.ipynb)" in text
    for place, (before, after) in enumerate(zip(study.systems, study.systems[1:], strict=False)):
        forth, back = systems.page_link(study, after), systems.page_link(study, before)
        assert f"{forth}\u00a0→" in said[place] and f"←\u00a0{back}" in said[place + 1]
        assert f"({systems.page_name(after)}.ipynb)" in forth and study.name(after) in forth


def test_the_list_of_systems_leads_to_every_page(study):
    said = systems.pages(study).source
    assert re.findall(r"\]\((.*?)\.ipynb\)", said) == [f"system-{key}" for key in study.systems]


def test_a_study_of_one_system_shows_that_one_alone(study):
    system = study.systems[-1]
    own = study.only(system)
    assert own.systems == [system]
    assert set(own.checks["system"]) == {system}
    assert len(study.checks) > len(own.checks) or len(study.systems) == 1


def test_the_epoch_that_was_kept_is_marked_and_said(study):
    for system in study.systems:
        shown = portrait.training(study, system)
        assert "in 13 epochs" in alt(shown)
        assert "clean validation films from 0.690 to 0.900 in epoch 8, which was kept" in alt(shown)
        robust = SYSTEMS[system].objective != "standard"
        assert ("attacked validation films from 0.490 to 0.700" in alt(shown)) == robust
        assert ("Its objective attacks no film" in shown.source) == (not robust)
        assert ("a short attack, 1 step within 4/255" in plain(shown.source)) == robust
        assert "epoch 8, kept" in shown.source.replace("%20", " ")


def test_shares_are_drawn_in_per_cent_and_areas_are_not(fake_study, tmp_path):
    params = fake_study.write_study(tmp_path, systems=("huang2021",), count=40)
    finetune = params.finetune.model_copy(update={"metric": "balanced_accuracy"})
    curve = tmp_path / "results/models/huang2021/training.csv"
    curve.write_text(curve.read_text().replace("auroc", "balanced_accuracy"))
    study = Study(tmp_path, params.model_copy(update={"finetune": finetune}))
    said = alt(portrait.training(study, "huang2021"))
    assert "Balanced accuracy on clean validation films from 69.0 % to 90.0 % in epoch 8" in said


def test_where_nothing_was_trained_no_training_is_shown(fake_study, tmp_path):
    model = {"scale": "paper", "weights": "finetuned:hub:a/b/{system}.pth", "head": "mlp"}
    params = fake_study.write_study(tmp_path, systems=("chen2024",), count=40, model=model)
    shown = portrait.training(Study(tmp_path, params), "chen2024").source
    assert "Nothing was trained here" in shown and "<img" not in shown


def test_numbers_stand_beside_what_looks_at_no_film(study):
    system = study.systems[0]
    row = next(
        plain(row)
        for row in rows(portrait.numbers(study, system).source)
        if "Balanced accuracy" in row
    )
    shares = [
        f"{100 * study.metric(key, eps, 'balanced_accuracy')['value']:.1f}"
        for key, eps in [(system, 0), (system, study.eps), (ALWAYS_NEGATIVE, 0)]
    ]
    assert re.findall(r" (\d+\.\d) ", row)[:2] == shares[:2] and shares[2] == "50.0"
    assert row.rstrip().endswith("50.0 50.0")


@pytest.fixture
def summarised(fake_study, tmp_path, monkeypatch):
    """Make a small study of some systems, which a test may change."""
    from radrobust.stages.summarise import summarise

    def make(*systems):
        params = fake_study.write_study(tmp_path, systems=systems, count=80)
        monkeypatch.chdir(tmp_path)
        summarise(params)
        return Study.load(tmp_path)

    return make


def test_failed_checks_are_told_of_their_own_system_alone(summarised):
    own = summarised("standard", "huang2021")
    counts = {key: portrait.verdicts(own, key).source.count("✗ fail") for key in own.systems}
    assert counts == {"standard": 0, "huang2021": 1}
    for key, count in counts.items():
        noted = "1 check failed" in portrait.numbers(own, key).source
        assert noted == bool(count)
        assert ("1 failed" in checks.line(own.only(key)).source) == bool(count)


def test_every_check_of_the_system_has_a_row(study):
    for system in study.systems:
        table = study.checks[study.checks["system"] == system]
        source = portrait.verdicts(study, system).source
        assert len(rows(source)) == len(table)
        assert "does not apply" not in source


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.6, 0.8, "better than chance (interval above 50 %)"),
        (0.5, 0.8, "not told from chance (interval around 50 %)"),
        (0.1, 0.4, "worse than chance (interval below 50 %)"),
        (np.nan, np.nan, "too few films to tell it from chance"),
    ],
)
def test_what_is_left_under_attack_is_held_against_chance(study, replaced, low, high, said):
    system = study.systems[0]
    table = study.metrics.copy()
    near = np.isclose(table["eps"], study.eps) & (table["metric"] == "balanced_accuracy")
    table.loc[near & (table["system"] == system), ["low", "high"]] = low, high
    text = portrait.in_short(replaced(study, metrics=table), system).source
    assert said in plain(text)


def test_who_is_right_less_often_than_saying_no_is_told(study, replaced):
    system = study.systems[0]
    table = study.metrics.copy()
    accuracy = (table["system"] == system) & (table["metric"] == "accuracy")
    table.loc[accuracy, ["value", "low", "high"]] = 0.7, 0.65, 0.75
    attacked = accuracy & np.isclose(table["eps"], study.eps)
    table.loc[attacked, ["value", "low", "high"]] = 0.3, 0.25, 0.35
    text = plain(portrait.in_short(replaced(study, metrics=table), system).source)
    assert "right for 70.0 % (65.0–75.0), more often than that" in text
    assert "attacked for 30.0 % (25.0–35.0), less often than that" in text


def test_maps_are_marked_against_chance(study, replaced):
    system, table = study.systems[0], study.localisation.copy()
    hit = (table["system"] == system) & (table["metric"] == "coverage_5")
    table.loc[hit, ["low", "high"]] = 0.01, 0.02
    table.loc[hit & (table["explainer"] == "deeplift"), ["low", "high"]] = 0.2, 0.3
    other = replaced(study, localisation=table)
    methods = study.params.explain.methods
    cells = [
        re.findall("<td.*?</td>", row)[1]
        for row in rows(portrait.localised(other, system).source)[:-1]
    ]
    signs = [re.search("[▲▼≈]", cell)[0] for cell in cells]
    assert signs == [sign for name in methods for sign in "▲▼"[name != "deeplift"] * 2]
    said = plain(portrait.in_short(other, system).source)
    assert f"The maps of 1 of {len(methods)} methods hit the fracture more often" in said


def test_without_marks_no_map_is_held_against_anything(study, replaced):
    table = study.localisation.assign(n=0)
    other, system = replaced(study, localisation=table), study.systems[0]
    assert "No test film has its fracture marked" in portrait.coverage(other, system).source
    assert portrait.localised(other, system).source == ""
    assert "no map could be checked" in portrait.in_short(other, system).source


def test_where_no_film_was_changed_there_is_no_scale_of_changes(summarised):
    study = summarised("chen2024")
    changed = attacked.attacked_films(study).source
    assert "legend-strips" in changed and attacked.UNCHANGED not in changed
    file = study.root / "results/predictions/chen2024/images.npz"
    with np.load(file) as arrays:
        names = arrays["sample_ids"]
    places = [study.samples.table["sample_id"].tolist().index(name) for name in names]
    films = study.samples.images[places][:, None].astype(np.float32) / 255
    np.savez_compressed(file, sample_ids=names, images=films)
    source = attacked.attacked_films(study).source
    assert attacked.UNCHANGED in source
    assert "legend-strips" not in source and "grey level" not in source


def test_the_threshold_is_told_with_what_it_gave_where_it_was_chosen(study):
    said = plain(portrait.threshold(study, study.systems[0]).source)
    assert "leads by more than 0.10, instead of by more than 0" in said
    assert "it gave sensitivity 80.0 % and specificity 75.0 %" in said


def test_what_the_catalogue_knows_is_there(study):
    for system in study.systems:
        source = portrait.paper(system).source
        assert html.escape(SYSTEMS[system].paper) in source
        assert html.escape(SYSTEMS[system].url) in source
        assert SYSTEMS[system].architectures["compact"].text in source
