import os
import re
from html import unescape
from pathlib import Path

import pytest


@pytest.fixture(scope="session", params=["phantom", "fracatlas"])
def study(request, fake_study, tmp_path_factory):
    """A summarised study; the second has one system, other facts and other networks."""
    from radrobust.report.kit.study import Study
    from radrobust.stages.summarise import summarise

    root = tmp_path_factory.mktemp(request.param)
    written = {
        "phantom": {"systems": tuple(fake_study.SKILL)},
        "fracatlas": {"systems": ("huang2021",), "model": fake_study.ROBUSTBENCH},
    }[request.param]
    params = fake_study.write_study(root, request.param, count=120, **written)
    before = Path.cwd()
    os.chdir(root)
    try:
        summarise(params)
    finally:
        os.chdir(before)
    return Study.load(root)


@pytest.fixture(scope="session")
def changed():
    """Make the same study with other values in sections of its parameters, and other tables."""
    from radrobust.report.kit.study import Study

    def change(study, sections=None, **tables):
        params = study.params
        for name, values in (sections or {}).items():
            known = getattr(params, name)
            fields = {field: getattr(known, field) for field in type(known).model_fields}
            section = type(known).model_validate(fields | values)
            params = params.model_copy(update={name: section})
        other = Study(study.root, params)
        other.__dict__.update(tables)
        return other

    return change


@pytest.fixture(scope="session")
def with_samples(changed):
    """Make the same study with other columns in the table of its samples."""

    def change(study, **columns):
        samples = study.samples
        table = samples.table.assign(**columns)
        return changed(study, samples=type(samples)(**{**vars(samples), "table": table}))

    return change


@pytest.fixture(scope="session")
def plain():
    """Return the words of a cell of a page, without tags, stars and special spaces."""

    def words(shown):
        text = unescape(re.sub("<[^>]+>", " ", getattr(shown, "source", shown)))
        text = text.replace("\u00a0", " ").replace("\u2060", "").replace("**", "")
        return re.sub("  +", " ", text)

    return words


@pytest.fixture(scope="session")
def rows():
    """Return the rows of the body of a table, each a list of the words of its cells."""

    def read(shown):
        body = shown.source.partition("<tbody>")[2].partition("</tbody>")[0]
        return [
            [
                " ".join(unescape(re.sub("<[^>]+>", " ", part)).split())
                for part in re.findall(r"<t[hd].*?</t[hd]>", row)
            ]
            for row in re.findall(r"<tr>(.*?)</tr>", body)
        ]

    return read
