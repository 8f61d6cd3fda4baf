from radrobust.report.kit.published_study import ABSENT, PERCENTS, PRESENT
from radrobust.report.kit.shown import Html
from radrobust.report.kit.study import View
from radrobust.report.kit.text import number
from radrobust.report.pages import published
from radrobust.systems.bibliography import bibliography, by_year


def test_published_accuracies_are_whole_counts_of_radiographs():
    for key in by_year():
        figures = bibliography(key).fracatlas
        for percent in (figures.clean, figures.attacked):
            right = published._correct(percent)
            assert round(100 * right / (ABSENT + PRESENT), 2) == percent, key


def test_the_published_table_has_eight_systems_with_wilson_intervals(study, rows):
    found = rows(published.accuracies(study))
    assert len(found) == len(by_year()) + 2
    chen = found[by_year().index("chen2024")]
    assert chen[1:3] == ["85.14 79.9–89.2", "68.92 62.6–74.6"]
    assert found[-2][1:3] == ["67.57 61.2–73.4"] * 2
    for key, row in zip(by_year(), found, strict=False):
        assert (row[3:] == ["–"] * 3) == (key not in study.systems)


def test_ours_is_beside_in_both_spaces(study, changed, rows):
    values = {"normalized": (0.81, 0.99), "pixel": (0.52, 3.99)}
    metrics, moved = study.metrics.copy(), study.perturbations.copy()
    for unit, (value, levels) in values.items():
        condition = study.in_units[unit]
        there = (metrics["condition"] == condition) & metrics["system"].isin(study.systems)
        metrics.loc[there, ["value", "low", "high"]] = value, value - 0.1, value + 0.1
        moved.loc[moved["condition"] == condition, "linf_max"] = levels / 255
    other = changed(study, metrics=metrics, perturbations=moved)
    row = rows(published.accuracies(other))[by_year().index("huang2021")]
    assert row[4:] == ["81.0 71.0–91.0", "52.0 42.0–62.0"]
    row = rows(published.spaces(other))[study.systems.index("huang2021")]
    assert row[1:3] == ["0.99", "4"]
    assert row[4:] == ["81.0 71.0–91.0", "52.0 42.0–62.0"]


def test_the_designs_are_those_of_both_studies(study, changed, rows):
    attack = {"norm": "l2", "schedule": "fixed", "steps": 7, "restarts": 2, "eps": "1/2"}
    found = {row[0]: row[1:] for row in rows(published.designs(changed(study, {"attack": attack})))}
    assert found["Attack"] == ["PGD, 10 steps, 4/255 (normalised)", "PGD, 14 steps, L2 0.5"]
    assert found["Image size"] == ["224×224", "32×32"]
    assert found["Test radiographs"] == ["222", "30"]
    compact = study.params.model.scale == "compact"
    assert found["Weights at first"] == ["RobustBench", "random" if compact else "RobustBench"]
    assert found["Trained"] == ["the head", "all" if compact else "the head"]


def test_coverage_has_ours_only_where_the_explainer_was_run(study, rows):
    panes = published.coverage(study).source.split("<tbody>")[1:]
    there = {key: bibliography(key).coverage for key in by_year()}
    methods = list(dict.fromkeys(method for known in there.values() for method in known))
    for explainer, pane in zip(methods, panes, strict=True):
        found = rows(Html(f"<tbody>{pane}"))
        keys = [key for key in there if explainer in there[key]]
        assert len(found) == len(keys) + 1
        for key, row in zip(keys, found, strict=False):
            assert row[1:4] == [f"{value:.2f}" for value in there[key][explainer]]
            ours = explainer in study.params.explain.methods and key in study.systems
            assert (row[4:] == ["–"] * 3) != ours
            if ours:
                box = View(region="box")
                values = [
                    study.localised(key, explainer, f"coverage_{percent}", box)["value"]
                    for percent in PERCENTS
                ]
                expected = [number(value, "coverage_5") for value in values]
                assert [cell.split()[0] for cell in row[4:]] == expected
        assert [float(cell) for cell in found[-1][1:4]] == list(PERCENTS)
