"""A study of films on which nobody has drawn where the finding is: pages say what they lack."""

import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path

import pytest

from radrobust.stages.cases import cases
from radrobust.stages.page import page as execute
from radrobust.stages.page import pages
from radrobust.stages.site import site as render
from radrobust.stages.summarise import summarise
from radrobust.stages.tables import tables


@pytest.fixture(scope="module")
def texts(fake_study, tmp_path_factory):
    """What each page of such a study says."""
    root = tmp_path_factory.mktemp("unmarked")
    params = fake_study.write_study(root, systems=("huang2021",), count=60, marked=False)
    fake_study.write_site_sources(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        summarise(params)
        cases(params)
        tables(params)
        names = [name for name in pages(params) if name != "compare"]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda name: execute(name, params), names))
        render()
        return {name: said(Path(f"_site/{name}.html")) for name in names}


def said(file):
    main = file.read_text(encoding="utf-8").partition("<main")[2].partition("</main>")[0]
    main = re.sub(r"<(script|style|svg).*?</\1>", " ", main, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", main)))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("index", "looks at the fracture is not known : no test radiograph has it marked."),
        ("interpretability", "No test radiograph has its fracture marked, so no map is compared"),
        ("system-huang2021", "No test radiograph has its fracture marked"),
    ],
)
def test_what_needs_an_outline_is_said_to_be_missing(texts, name, sentence):
    assert sentence in texts[name]


def test_no_page_shows_what_there_is_not(texts):
    assert {"data", "robustness", "checks", "published", "methods", "systems"} <= set(texts)
    for name, text in texts.items():
        assert not re.search(r"\bnan\b", text, re.IGNORECASE), name
        assert "outlined below" not in text and not re.search(r"covers \d", text), name
