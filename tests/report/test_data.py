"""Page *Data*: counts, shortcuts, faults, and radiographs side by side."""

import numpy as np
import pandas as pd
import pytest

from radrobust.evaluation.probes import MOST_FILMS, SCALARS, THUMBNAIL, WARNING
from radrobust.report.kit import shortcuts, text
from radrobust.report.pages.data import alike, charts, counts, faults
from radrobust.stages.audit import KINDS


def with_probes(study, changed, **values):
    """The same study with other numbers of some probes, as `(auroc, low, high)`."""
    table = study.probes.set_index("probe")
    for probe, numbers in values.items():
        table.loc[probe, ["auroc", "low", "high"]] = numbers
    return changed(study, probes=table.reset_index())


def test_every_probe_and_every_fault_has_a_name():
    assert list(shortcuts.PROBES) == [*SCALARS, THUMBNAIL]
    assert list(faults.KINDS) == list(KINDS)


def test_a_probe_over_the_limit_is_a_warning_and_no_other(study, changed):
    (warning,) = shortcuts.warnings(study)
    assert "thumbnail of 12×12 pixels alone, a model tells 81 %" in warning
    assert f"instead of the {study.finding}" in warning
    none = with_probes(study, changed, thumbnail=(WARNING, 0.7, 0.8))
    assert shortcuts.warnings(none) == []
    assert "⚠" not in faults.probes(none).source
    two = with_probes(study, changed, file_size=(WARNING + 0.001, 0.7, 0.8))
    assert [sentence.partition(" alone")[0] for sentence in shortcuts.warnings(two)] == [
        "From the file size",
        "From the thumbnail of 12×12 pixels",
    ]
    assert faults.probes(two).source.count("⚠ warning") == 2


def test_each_probe_has_its_verdict(study, changed, rows, plain):
    found = with_probes(study, changed, border=(np.nan, np.nan, np.nan))
    shown = [[plain(cell) for cell in row] for row in rows(faults.probes(found))]
    assert shown[0] == ["file size", "more than guessing", "71 % (64–78)"]
    assert shown[1][1:] == ["same answer to all: tells nothing", "50 %"]
    assert shown[3][1:] == ["not clearly more than guessing", "53 % (45–61)"]
    assert shown[4][1:] == ["too few radiographs of one class", "–"]
    assert shown[5][1] == "⚠ warning"


def test_the_chart_says_when_radiographs_were_drawn(study, changed, plain):
    source = plain(charts.probes(study))
    assert str(WARNING) in source and "drawn by a hash" not in source
    many = changed(study, probes=study.probes.assign(films=MOST_FILMS))
    assert "20,000 radiographs, drawn by a hash" in plain(charts.probes(many))
    nothing = study.probes.assign(auroc=np.nan, low=np.nan, high=np.nan)
    assert "too few" in charts.probes(changed(study, probes=nothing)).source


def test_faults_are_counted_by_radiograph(study, changed, rows):
    twice = pd.concat([study.faults, study.faults], ignore_index=True)
    for found in (study, changed(study, faults=twice)):
        counts = {row[0]: row[2] for row in rows(faults.counted(found))}
        assert counts[faults.KINDS["truncated"][0]] == "1"
        assert counts[faults.KINDS["near_duplicate"][0]] == "4"
        assert counts[faults.KINDS["mirrored"][0]] == "2"
        assert counts[faults.KINDS["unreadable"][0]] == "0"
        assert len(counts) == len(KINDS) + 1


def test_faults_are_listed_with_what_was_done_a_few_of_each_kind(study, changed, rows):
    names = study.samples.table["sample_id"]
    table = pd.DataFrame(
        {"sample_id": names, "kind": "note", "fault": "<b>turned</b>", "done": "kept"}
    )
    gone = pd.DataFrame([("lost-1", "unreadable", "no image", "left out")], columns=table.columns)
    found = faults.listed(changed(study, faults=pd.concat([table, gone], ignore_index=True)))
    listed = rows(found)
    assert listed[0] == ["lost-1", "left out", "no image", "left out"]
    assert len(listed) == 1 + faults.MOST_FAULTS
    assert "&lt;b&gt;turned" in found.source and "<b>turned" not in found.source
    split = study.samples.table.set_index("sample_id")["split"].map(text.SPLIT_TITLES)
    assert all(split[row[0]] == row[1] for row in listed[1:])
    assert f"All {len(names) + 1} rows" in found.source
    assert "No radiograph has a fault" in faults.listed(changed(study, faults=table.head(0))).source


def test_near_duplicates_stand_side_by_side_with_their_splits(study, changed):
    source = alike.near(study).source
    assert "3 groups of radiographs, 6 radiographs in all, have nearly the same image" in source
    assert source.count("<figure") == 6
    assert "correlation 0.987, the second one mirrored" in source
    assert source.count("mirrored") == 1
    table = study.samples.table.set_index("sample_id")
    for name in ("film-0012", "film-0013", "film-0015", "film-0035"):
        split = text.SPLIT_TITLES[table["split"][name]]
        assert f"{study.classes[table['label'][name]]} · {split} · {name}" in source
    exact = study.pairs[study.pairs["picture"]]
    assert "No two radiographs" in alike.near(changed(study, pairs=exact)).source


@pytest.mark.parametrize("count", [0, 1, 30])
def test_radiographs_with_text_in_them_are_shown(study, changed, count, rows):
    names = study.samples.table["sample_id"].head(count)
    more = pd.DataFrame({"sample_id": names, "kind": "burned_in", "fault": "", "done": ""})
    found = changed(study, faults=pd.concat([study.faults, more], ignore_index=True))
    source = alike.burned_in(found).source
    assert source.count("<figure") == min(count, alike.MOST_BURNED_IN)
    assert ("No DICOM header says so" in source) == (count == 0)
    assert ("the first 24 by a hash" in source) == (count == 30)
    warned = f"{count} DICOM file{'s say' if count > 1 else ' says'} that text is burnt into"
    assert (warned in source) == bool(count)
    found = {row[0]: row[2] for row in rows(faults.counted(found))}
    assert found[faults.KINDS["burned_in"][0]] == str(count)


def test_formats_and_borders_are_counted_in_each_class(study, with_samples, rows):
    label = study.samples.table["label"]
    mode, border = np.where(label == 1, "RGB", "L"), np.where(label == 0, 0.25, 0)
    absent, present = (int((label == each).sum()) for each in (0, 1))
    assert rows(faults.formats(with_samples(study, mode=mode, border=border))) == [
        ["Pixel format L", f"{absent} 100.0 %", "0 0.0 %"],
        ["Pixel format RGB", "0 0.0 %", f"{present} 100.0 %"],
        ["With a burnt-in border", f"{absent} 100.0 %", "0 0.0 %"],
    ]


# --- Counts -----------------------------------------------------------------------------------


def test_text_from_datasets_is_escaped(study):
    assert "&lt;Journal&gt; &amp; Co." in counts.citation(study).source


def test_subgroups_add_up_to_the_radiographs(study):
    table = study.samples.table
    found = counts.subgroups(study)
    assert {(one.kind, one.member) for one in found} == {("region", "hand"), ("region", "leg")}
    for label in (0, 1):
        for split in text.SPLIT_TITLES:
            of_class = (table["split"] == split) & (table["label"] == label)
            assert sum(one.counts[split, label] for one in found) == of_class.sum()
            assert sum(one.share(split, label) for one in found) == pytest.approx(1)
        whole = (table["label"] == label).sum()
        assert sum(one.counts[counts.ALL, label] for one in found) == whole


def test_radiographs_of_which_nothing_is_said_are_in_no_subgroup(study, with_samples):
    label = study.samples.table["label"]
    other = with_samples(study, subgroup_grade=np.where(label == 1, "plain", ""))
    grade = counts.subgroups(other)[-1]
    assert (grade.kind, grade.member) == ("grade", "plain")
    assert np.isnan(grade.share("test", 0)) and grade.share("test", 1) == 1
    assert "100.0 %" in counts.by_subgroup(other).source


def test_a_dataset_without_subgroups_says_so(study, changed):
    samples = study.samples
    table = samples.table.drop(columns="subgroup_region")
    other = changed(study, samples=type(samples)(**{**vars(samples), "table": table}))
    assert "names no subgroups" in charts.compositions(other).source
    assert counts.by_subgroup(other).source == ""


def test_sizes_are_told_class_by_class(study, with_samples):
    label = study.samples.table["label"]
    other = with_samples(study, width=np.where(label == 1, 900, 300))
    alt = charts.sizes(other).source
    assert "no fracture: 300, 300, 300 wide" in alt
    assert "; fracture: 900, 900, 900 wide" in alt
    assert "2 sizes in all" in alt


def test_the_size_of_findings_is_a_share_without_the_padding(study, with_samples):
    table = study.samples.table
    side = study.samples.images.shape[-1]
    halves = [[0, 0, side, side // 2]] * len(table)
    area = np.where(table["label"] == 1, 0.03, 0.0)
    source = charts.finding_sizes(with_samples(study, extent=halves, mask_area=area)).source
    present = text.plural(int(table["label"].sum()), "radiograph")
    assert f"on {present}: from 6.0 % to 6.0 %" in source
    assert f"On {present} it is larger" in source
    assert "No radiograph has" in charts.finding_sizes(with_samples(study, mask_area=0.0)).source


def test_radiographs_with_the_same_image_are_side_by_side(study):
    (group,) = alike.same_groups(study)
    assert group == ["film-0008", "film-0009"]
    source = alike.same(study).source
    assert "1 group of radiographs, 2 radiographs in all" in source and "Shown are all" in source
    assert source.count("<figure") == 2
    table = study.samples.table.set_index("sample_id")
    for name in group:
        title = study.classes[table["label"][name]]
        split = text.SPLIT_TITLES[table["split"][name]]
        assert f"{title} · {split} · {name}" in source


def test_groups_that_contradict_themselves_are_counted_and_marked(study, changed, with_samples):
    names = study.samples.table["sample_id"].tolist()
    test, train = "test", "train"
    count = len(names)
    other = with_samples(
        study,
        label=np.array([0, 1, 0, 0] + [0] * (count - 4)),
        split=np.array([train, train, train, test] + [test] * (count - 4)),
    )
    chains = [(*names[place : place + 2], True) for place in range(0, count - 1, 2)]
    chains.append((names[1], names[2], True))
    pairs = pd.DataFrame(sorted(chains), columns=["one", "other", "picture"])
    other = changed(other, samples=other.samples, pairs=pairs)
    groups = alike.same_groups(other)
    assert len(groups) == count // 2 - 1 and names[:4] in groups
    source = alike.alike(other, [names[:2], names[2:4]], "look alike").source
    assert "look alike. Of the groups 1 have different labels and 1 are in different" in source
    assert source.index("labels differ") < source.index("splits differ")
    many = alike.same(other).source
    assert many.count('class="group"') == alike.MOST_GROUPS
    assert f"the first {alike.MOST_GROUPS} by a hash" in many
    large = alike.alike(other, [names[:9]], "look alike").source
    assert large.count("<figure") == alike.MOST_ALIKE and "5 more radiographs not shown" in large


def test_that_no_two_are_alike_is_said(study, changed):
    other = changed(study, pairs=study.pairs[~study.pairs["picture"]])
    assert "No two radiographs" in alike.same(other).source
