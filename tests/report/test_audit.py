import re

import numpy as np
import pandas as pd
import pytest

from radrobust.evaluation.probes import MOST_FILMS, SCALARS, THUMBNAIL, WARNING
from radrobust.report.kit import text
from radrobust.report.pages.data import faults as audit
from radrobust.report.pages.data import gallery
from radrobust.report.pages.data import groups as films
from radrobust.stages.audit import KINDS


def plain(shown):
    return shown.source.replace(text.WORD_JOINER, "").replace("\u00a0", " ")


def with_probes(study, replaced, **values):
    """The same study with other numbers of some probes, as `(auroc, low, high)`."""
    table = study.probes.set_index("probe")
    for probe, numbers in values.items():
        table.loc[probe, ["auroc", "low", "high"]] = numbers
    return replaced(study, probes=table.reset_index())


def test_every_probe_and_every_fault_has_a_name():
    assert list(audit.PROBES) == [*SCALARS, THUMBNAIL]
    assert list(audit.KINDS) == list(KINDS)


def test_a_probe_over_the_limit_is_a_warning_and_no_other(study, replaced):
    (warning,) = audit.warnings(study)
    assert "thumbnail of 12×12 pixels alone, 81 %" in warning
    assert f"instead of the {study.finding}" in warning
    none = with_probes(study, replaced, thumbnail=(WARNING, 0.7, 0.8))
    assert audit.warnings(none) == []
    assert "warning" not in audit.probe_sentences(none).source
    two = with_probes(study, replaced, file_size=(WARNING + 0.001, 0.7, 0.8))
    assert [sentence.partition(" alone")[0] for sentence in audit.warnings(two)] == [
        "From the file size",
        "From the thumbnail of 12×12 pixels",
    ]
    assert audit.probe_sentences(two).source.count("a warning") == 2


def test_each_probe_has_its_sentence(study, replaced):
    found = with_probes(study, replaced, border=(np.nan, np.nan, np.nan))
    lines = plain(audit.probe_sentences(found)).splitlines()
    assert lines[0] == (
        "- From the file size alone, 71 % (64–78) of pairs are told apart: more than by guessing, "
        "so that there is something to be learnt from it."
    )
    assert lines[1] == (
        "- From the width and height alone, a model says the same of all films: it tells nothing."
    )
    assert lines[3].endswith("53 % (45–61) of pairs are told apart: not clearly more than by "
                             "guessing.")  # fmt: skip
    assert "could not be asked" in lines[4]
    assert "**a warning**" in lines[5]


def test_the_chart_says_in_words_what_it_draws(study, replaced):
    source = plain(audit.probes(study))
    assert "file size 0.710 (0.640 to 0.780)" in source and "width and height 0.500;" in source
    assert str(WARNING) in source and "drawn by a hash" not in source
    many = study.probes.assign(films=MOST_FILMS)
    assert "20,000 films drawn by a hash" in plain(audit.probes(replaced(study, probes=many)))
    nothing = study.probes.assign(auroc=np.nan, low=np.nan, high=np.nan)
    assert "too few" in audit.probes(replaced(study, probes=nothing)).source


def rows(source):
    return [
        [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", source.partition("<tbody>")[2])
    ]


def test_faults_are_counted_by_film(study, replaced):
    twice = pd.concat([study.faults, study.faults], ignore_index=True)
    for found in (study, replaced(study, faults=twice)):
        counts = {row[0]: row[1] for row in rows(audit.counted(found).source)}
        assert counts[audit.KINDS["truncated"][0]] == "1"
        assert counts[audit.KINDS["near_duplicate"][0]] == "4"
        assert counts[audit.KINDS["mirrored"][0]] == "2"
        assert counts[audit.KINDS["unreadable"][0]] == "0"
        assert len(counts) == len(KINDS) + 1


def test_faults_are_listed_with_what_was_done_a_few_of_each_kind(study, replaced):
    names = study.samples.table["sample_id"]
    faults = pd.DataFrame(
        {"sample_id": names, "kind": "note", "fault": "<b>turned</b>", "done": "kept"}
    )
    gone = pd.DataFrame([("lost-1", "unreadable", "no image", "left out")], columns=faults.columns)
    found = audit.listed(replaced(study, faults=pd.concat([faults, gone], ignore_index=True)))
    listed = rows(found.source)
    assert listed[0] == ["lost-1", "left out", "no image", "left out"]
    assert len(listed) == 1 + audit.MOST_FAULTS
    assert "<b>" not in found.source and "&lt;b&gt;turned" in found.source
    split = study.samples.table.set_index("sample_id")["split"].map(films.SPLIT_TITLES)
    assert all(split[row[0]] == row[1] for row in listed[1:])
    assert f"All {len(names) + 1} rows" in found.source
    assert "Nothing was found" in audit.listed(replaced(study, faults=faults.head(0))).source


def test_near_duplicates_stand_side_by_side_with_their_splits(study, replaced):
    source = audit.near(study).source
    assert "3 groups of films, 6 films in all, show nearly the same" in source
    assert source.count("<figure") == 6
    assert "correlation 0.987, the second one mirrored" in source
    assert source.count("mirrored") == 1
    table = study.samples.table.set_index("sample_id")
    for name in ("film-0012", "film-0013", "film-0015", "film-0035"):
        split = films.SPLIT_TITLES[table["split"][name]]
        assert f"{study.classes[table['label'][name]]} · {split} · {name}" in source
    exact = study.pairs[study.pairs["picture"]]
    assert "No two films" in audit.near(replaced(study, pairs=exact)).source


@pytest.mark.parametrize("count", [0, 1, 30])
def test_films_with_text_in_them_are_shown(study, replaced, count):
    names = study.samples.table["sample_id"].head(count)
    more = pd.DataFrame({"sample_id": names, "kind": "burned_in", "fault": "", "done": ""})
    found = replaced(study, faults=pd.concat([study.faults, more], ignore_index=True))
    source = gallery.burned_in(found).source
    assert source.count("<figure") == min(count, gallery.MOST_BURNED_IN)
    assert ("No DICOM header says so" in source) == (count == 0)
    assert ("the first 24 by a hash" in source) == (count == 30)
    said = plain(audit.summary(found))
    assert ("text is burnt into the image" in said) == bool(count)
    assert (f"{count} DICOM file{'s say' if count > 1 else ' says'} that" in said) == bool(count)
    counts = {row[0]: row[1] for row in rows(audit.counted(found).source)}
    assert counts[audit.KINDS["burned_in"][0]] == str(count)


@pytest.mark.parametrize(("count", "verb"), [(1, "path held"), (2, "paths held")])
def test_paths_that_were_numbered_are_counted(study, replaced, count, verb):
    names = study.samples.table["sample_id"].head(count)
    more = pd.DataFrame({"sample_id": names, "kind": "numbered", "fault": "", "done": ""})
    found = replaced(study, faults=pd.concat([study.faults, more], ignore_index=True))
    said = plain(audit.summary(found))
    assert f"{count} {verb} the patient's identifier, name or birth date and w" in said
    assert "numbered" not in plain(audit.summary(study))


def test_formats_and_borders_are_counted_in_each_class(study, replaced):
    samples = study.samples
    label = samples.table["label"]
    table = samples.table.assign(
        mode=np.where(label == 1, "RGB", "L"), border=np.where(label == 0, 0.25, 0)
    )
    other = replaced(study, samples=type(samples)(**{**vars(samples), "table": table}))
    absent, present = (int((label == each).sum()) for each in (0, 1))
    assert rows(audit.formats(other).source) == [
        ["Pixel format L", f"{absent}100.0 %", "00.0 %"],
        ["Pixel format RGB", "00.0 %", f"{present}100.0 %"],
        ["With a burnt-in border", f"{absent}100.0 %", "00.0 %"],
    ]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_the_summary_counts_pictures_that_are_labelled_both_ways(study, replaced, count):
    names = study.samples.table["sample_id"].head(count)
    more = pd.DataFrame({"sample_id": names, "kind": "both_ways", "fault": "", "done": ""})
    faults = pd.concat([study.faults, more], ignore_index=True)
    said = plain(audit.summary(replaced(study, faults=faults)))
    assert said.startswith("0 files could not be read, 1 file ends early. Of the films, 2 show,")
    assert {
        0: "none of them is labelled otherwise than one that shows the same",
        1: "**1 film of them is labelled otherwise than one that shows the same**",
        2: "**2 films of them are labelled otherwise than one that shows the same**",
    }[count] in said
