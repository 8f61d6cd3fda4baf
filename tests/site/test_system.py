"""A page for each system: made for those of the study, whole, light, and linked both ways."""

import re
import shutil
from pathlib import Path

import nbformat
import pytest
from ruamel.yaml import YAML

from radrobust.core.errors import InputError
from radrobust.core.params import load_params
from radrobust.stages.page import page as execute
from radrobust.stages.page import pages
from radrobust.stages.site import site as render

SYSTEMS = ("standard", "peng2023", "amini2024")
TITLES = {
    "standard": "Standard (Croce 2020)",
    "peng2023": "Robust Principles (Peng 2023)",
    "amini2024": "MeanSparse (Amini 2024)",
}


def write_stub(name):
    """Stand in for an executed page of which nothing is asked here but that it is there."""
    Path("notebooks").mkdir(exist_ok=True)
    cells = [nbformat.v4.new_raw_cell(f"---\ntitle: {name}\n---")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbformat.write(notebook, Path(f"notebooks/{name}.ipynb"))


@pytest.fixture(scope="module")
def root(fake_study, tmp_path_factory):
    """A rendered fake study: real pages of its systems and of all of them, stubs of the others."""
    from radrobust.stages.summarise import summarise

    root = tmp_path_factory.mktemp("portraits")
    params = fake_study.write_study(root, systems=SYSTEMS, count=80)
    fake_study.write_site_sources(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        summarise(params)
        for name in pages(params):
            if name.startswith("system"):
                execute(name, params)
            elif name != "compare":
                write_stub(name)
        render()
    return root


@pytest.fixture
def copy(root, tmp_path, monkeypatch):
    """A copy of that study to change, as the working folder."""
    shutil.copytree(root, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return load_params()


def take_out(key):
    """Take a system out of params.yaml."""
    yaml, file = YAML(), Path("params.yaml")
    document = yaml.load(file.read_text())
    document["systems"].remove(key)
    yaml.dump(document, file)
    return load_params()


def made():
    return sorted(path.stem.removeprefix("system-") for path in Path("_site").glob("system-*.html"))


def test_there_is_a_page_for_each_system_and_none_for_the_template(root):
    site = root / "_site"
    assert {path.name for path in site.glob("system-*.html")} == {
        f"system-{key}.html" for key in SYSTEMS
    }
    assert not (site / "system.html").exists()
    for key, title in TITLES.items():
        source = (site / f"system-{key}.html").read_text()
        assert re.search(r"<h1[^>]*>(.*?)</h1>", source)[1] == title
        others = set(SYSTEMS) - {key}
        assert not any(f'id="{other}-hit-clean' in source for other in others)


def test_pages_of_systems_lead_somewhere_and_to_each_other(root):
    site = root / "_site"
    for name in (*(f"system-{key}" for key in SYSTEMS), "systems"):
        source = (site / f"{name}.html").read_text()
        links = {link.split("#")[0] for link in re.findall(r'<a [^>]*href="([^"]*)"', source)}
        own = {link for link in links if link and "://" not in link}
        assert not any(link.endswith(".ipynb") for link in own)
        assert [link for link in own if not (site / link).is_file()] == []
        if name == "systems":
            assert {f"system-{key}.html" for key in SYSTEMS} <= links
        else:
            assert "systems.html" in links
    middle = (site / f"system-{SYSTEMS[1]}.html").read_text()
    for other in (SYSTEMS[0], SYSTEMS[2]):
        assert middle.count(f'href="system-{other}.html"') >= 2


def test_pages_of_systems_stay_light(root):
    for key in SYSTEMS:
        assert (root / f"_site/system-{key}.html").stat().st_size < 3_000_000


def test_a_page_of_a_system_is_the_same_each_time(copy):
    file = Path("notebooks/system-peng2023.ipynb")
    before = file.read_bytes()
    execute("system-peng2023", copy)
    assert file.read_bytes() == before
    nbformat.validate(nbformat.read(file, as_version=4))


@pytest.mark.parametrize("name", ["system-pengg2023", "system-rade2022", "system", "system-"])
def test_a_system_that_is_not_in_the_study_has_no_page(copy, name):
    with pytest.raises(InputError, match=f"page '{name}' does not exist; .*system-peng2023"):
        execute(name, copy)
    assert not Path(f"notebooks/{name}.ipynb").exists()


def test_an_unknown_system_ends_in_one_line(copy, monkeypatch, capsys):
    from radrobust.cli import main

    monkeypatch.setattr("sys.argv", ["radrobust", "page", "system-rade2022"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert said.out == "" and said.err.count("\n") == 1
    assert said.err.startswith("radrobust: page 'system-rade2022' does not exist")


def test_pages_of_systems_that_were_taken_out_do_not_remain(copy):
    params = take_out("peng2023")
    for key in params.systems:
        execute(f"system-{key}", params)
    execute("systems", params)
    render()
    assert Path("notebooks/system-peng2023.ipynb").exists()
    assert made() == ["amini2024", "standard"]
    assert 'href="system-peng2023.html"' not in Path("_site/system-standard.html").read_text()


def test_a_page_of_a_system_that_was_not_executed_is_told(copy):
    Path("notebooks/system-peng2023.ipynb").unlink()
    with pytest.raises(InputError, match="run `radrobust page system-peng2023` first"):
        render()
    assert made() == sorted(SYSTEMS)


def test_the_key_is_injected_after_the_parameters(copy):
    notebook = nbformat.read("notebooks/system-peng2023.ipynb", as_version=4)
    tags = [cell.metadata.get("tags", []) for cell in notebook.cells]
    place = tags.index(["parameters"])
    assert notebook.cells[place].source == 'key = "standard"'
    assert tags[place + 1] == ["injected-parameters"]
    assert notebook.cells[place + 1].source == "key = 'peng2023'"
    assert sum(map(bool, tags)) == 2


@pytest.mark.parametrize("cells", [0, 2])
def test_a_template_without_its_parameters_is_told(copy, cells):
    template = Path("reports/system.py")
    text = template.read_text()
    cell = '# %% tags=["parameters"]\nkey = "standard"\n\n'
    assert text.count(cell) == 1
    template.write_text(text.replace(cell, cells * cell))
    with pytest.raises(InputError, match=r"reports/system\.py must have one cell with the tag"):
        execute("system-peng2023", copy)


def test_folders_that_a_study_has_besides_are_in_the_site_as_they_are(copy):
    assert not Path("_site/cases").exists() and not Path("_site/tables").exists()
    for name in ("cases/maps/a.bin", "tables/metrics.csv"):
        file = Path("results") / name
        file.parent.mkdir(parents=True)
        file.write_bytes(b"\x00as it is")
    Path("assets/only-a-script-asks.json").write_text("{}")
    render()
    for name in ("cases/maps/a.bin", "tables/metrics.csv"):
        assert Path("_site", name).read_bytes() == b"\x00as it is"
    assert Path("_site/assets/only-a-script-asks.json").is_file()
    shutil.rmtree("results/cases")
    render()
    assert not Path("_site/cases").exists() and Path("_site/tables").is_dir()


def in_navbar(name):
    return f'href="{name}.html"' in Path("_site/index.html").read_text().partition("<main")[0]


def test_a_page_that_not_every_study_has_is_there_where_it_was_asked_for(copy):
    yaml, file = YAML(), Path("_quarto.yml")
    document = yaml.load(file.read_text())
    items = document["website"]["navbar"]["left"]
    if not any(item["href"] == "compare.ipynb" for item in items):
        items.append({"text": "Compared", "href": "compare.ipynb"})
    yaml.dump(document, file)
    write_stub("compare")
    render()
    assert not Path("_site/compare.html").exists() and not in_navbar("compare")
    assert in_navbar("methods")
    Path("results/compare").mkdir()
    render()
    assert Path("_site/compare.html").is_file() and in_navbar("compare")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1300, 375])
def test_a_page_of_a_system_works_from_the_disk(browser, root, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    complaints = []
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda sent: sent.url.startswith(("file:", "data:")) or complaints.append(sent.url),
    )
    page.goto((root / "_site/system-peng2023.html").as_uri())
    images = page.locator("img")
    images.evaluate_all("images => images.forEach(image => { image.loading = 'eager' })")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    assert images.evaluate_all("all => all.filter(one => !one.naturalWidth || !one.alt)") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for pane in page.locator(".panel-tabset").all():
        assert pane.locator(".tab-pane:visible").count() == 1
    page.get_by_role("link", name="MeanSparse (Amini 2024)").first.click()
    assert page.locator("h1").inner_text() == "MeanSparse (Amini 2024)"
    page.close()
    assert complaints == []
