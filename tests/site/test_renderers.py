"""The site under both renderers. CI has no Quarto: a stand-in writes documents in its DOM."""

import json
import os
import shutil
import stat
import sys
from pathlib import Path

import nbformat
import pytest

from radrobust.core.errors import InputError
from radrobust.report.kit import html
from radrobust.report.kit.html import cell
from radrobust.report.kit.shown import code
from radrobust.site import links, scripts
from radrobust.site.renderers import RENDERED, Quarto, Smalldocs, find_renderer
from radrobust.stages.site import renderer
from radrobust.stages.site import site as render

REPOSITORY = Path(__file__).parents[2]
STAND_IN = Path(__file__).with_name("quarto_stand_in.py")
PAGES = ("index", "data", "systems", "checks", "interpretability", "cases", "system-amini2024")
HOSTILE = [
    '<b>bold</b> & "quoted"',
    "<script>document.title = 'hacked'</script>",
    "$x^2$ and $y$",
    "`code`",
    "```",
    "````{=html}",
    "~~~",
    "{{< include params.yaml >}}",
    "{{< env HOME >}}",
    ":::",
    "![x](http://example.org/y.png)",
    "&copy; &amp;",
    "---\ntitle: other\n---",
    "*a* _b_ @c [d](e)",
    "<!-- gone -->",
    "</td></table>",
]


@pytest.fixture(scope="session")
def quarto_path(tmp_path_factory):
    """A PATH on which `quarto` is the stand-in."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "quarto"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STAND_IN}" "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture(scope="session")
def bare_path(tmp_path_factory):
    """A PATH without `quarto`."""
    return str(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="session")
def site(root, quarto_path, tmp_path_factory):
    """The fake study as the stand-in renders it."""
    study = tmp_path_factory.mktemp("quarto") / "study"
    shutil.copytree(root, study, ignore=shutil.ignore_patterns("_site"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(study)
        patch.setenv("PATH", quarto_path)
        render()
    return study / "_site"


@pytest.fixture(scope="session")
def address(site, serve):
    """Where it is served."""
    return serve(site)


# --- What renders -----------------------------------------------------------------------------


def test_quarto_comes_first_and_stage_site_depends_on_which_it_is(
    quarto_path, bare_path, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", bare_path)
    assert find_renderer().name == "smalldocs"
    renderer()
    first = Path("results/renderer.json").read_bytes()
    renderer()
    assert Path("results/renderer.json").read_bytes() == first
    monkeypatch.setenv("PATH", quarto_path)
    assert str(find_renderer()) == "Quarto 1.10.18"
    renderer()
    assert json.loads(Path("results/renderer.json").read_text()) == {
        "name": "Quarto", "version": "1.10.18",
    }  # fmt: skip


def test_a_quarto_that_does_not_start_is_told_in_one_line(tmp_path, monkeypatch):
    program = tmp_path / "quarto"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(InputError, match=r"quarto does not start .*; install Quarto anew") as told:
        find_renderer()
    assert "\n" not in str(told.value)


def test_what_quarto_refuses_is_told_in_one_line(tmp_path, monkeypatch):
    program = tmp_path / "quarto"
    program.write_text("#!/bin/sh\necho first >&2\necho 'ERROR: no theme' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(InputError, match=r"^quarto render ended with code 1: ERROR: no theme$"):
        Quarto("1").render(tmp_path)


# --- Whatever names hold is text --------------------------------------------------------------


@pytest.fixture(params=["smalldocs", "quarto"])
def hostile_site(request, tmp_path, quarto_path, monkeypatch):
    """A page with hostile cells and captions, as a renderer shows it."""
    renderer = Smalldocs("0") if request.param == "smalldocs" else Quarto("0")
    monkeypatch.setenv("PATH", quarto_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("secret: included\n")
    shutil.copy(REPOSITORY / "_quarto.yml", tmp_path)
    shutil.copytree(REPOSITORY / "assets", tmp_path / "assets")
    everything = " ".join(HOSTILE)
    table = html.table(
        [[cell("Film", "col")]], [[cell(name, "row", small=name)] for name in HOSTILE], everything
    )
    said = " and ".join(code(name) for name in HOSTILE)
    outputs = [
        nbformat.v4.new_output("display_data", {"text/html": table}),
        nbformat.v4.new_output("display_data", {"text/markdown": f"It says {said}."}),
    ]
    cells = [
        nbformat.v4.new_raw_cell("---\ntitle: Hostile\n---"),
        nbformat.v4.new_code_cell("", outputs=outputs),
    ]
    page = nbformat.v4.new_notebook(cells=cells)
    renderer.prepare(page)
    nbformat.write(page, tmp_path / "index.ipynb")
    renderer.render(tmp_path)
    return tmp_path / RENDERED


def test_hostile_names_are_shown_as_text(hostile_site, browser):
    page = browser.new_page()
    page.goto((hostile_site / "index.html").as_uri())
    heads = page.locator("main tbody th").evaluate_all(
        "heads => heads.map(head => [head.firstChild.data, head.querySelector('small').innerHTML])"
    )
    assert [head for head, _ in heads] == HOSTILE
    assert page.locator("main tbody th").count() == len(HOSTILE)
    assert page.locator("main figcaption").evaluate("one => one.textContent") == " ".join(HOSTILE)
    label = page.locator(".table-scroll").get_attribute("aria-label")
    assert label == " ".join(HOSTILE)
    codes = page.locator("main p code").evaluate_all("all => all.map(one => one.textContent)")
    assert codes == HOSTILE
    assert page.title().startswith("Hostile")
    page.close()


# --- Links ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["quarto_path", "bare_path"])
def test_a_link_that_leads_nowhere_fails_the_stage(path, root, tmp_path, request, monkeypatch):
    study = tmp_path / "study"
    shutil.copytree(root, study)
    monkeypatch.chdir(study)
    monkeypatch.setenv("PATH", request.getfixturevalue(path))
    page = Path("notebooks/index.ipynb")
    page.write_text(page.read_text().replace("data.ipynb", "dta.ipynb"))
    before = Path("_site/index.html").read_bytes()
    with pytest.raises(InputError, match=r"^index\.html: the link dta\.\w+ leads nowhere$"):
        render()
    assert Path("_site/index.html").read_bytes() == before


def test_only_links_within_the_site_are_asked_and_fragments_too(tmp_path):
    (tmp_path / "a.html").write_text(
        '<a href="b.html#there">x</a> <a href="b.html#nowhere">x</a> <a href="#here">x</a>'
        '<a href="https://example.org/gone">x</a> <a href="mailto:a@example.org">x</a>'
        '<a href="cases.html#film=a%20b&system=c">x</a> <img src="data:,"> <a href="./">x</a>'
        '<script src="gone.js"></script> <p id="here">y</p> <a href="a%20b.csv">x</a>'
        '<a href="javascript:void(0)">x</a> <a href="">x</a> <img src="lost.png">'
    )
    (tmp_path / "b.html").write_text('<a name="there"></a>')
    (tmp_path / "cases.html").write_text("")
    (tmp_path / "a b.csv").write_text("")
    broken = [link for _, link in links.broken_links(tmp_path)]
    assert broken == ["b.html#nowhere", "./", "gone.js", "lost.png"]


# --- Quarto's scripts -------------------------------------------------------------------------


def test_modules_become_one_ordinary_script(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "main.js").write_text(
        'import * as tool from "./sub/tool.js";\n\ntool.init();\nwindow.both = tool.name();\n'
    )
    (tmp_path / "sub/tool.js").write_text(
        'export function init() { window.begun = true; }\nexport function name() { return "n"; }\n'
    )
    page = tmp_path / "page.html"
    page.write_text(
        '<script src="main.js" type="module"></script>\n'
        '<script src="sub/tool.js" type="module"></script><script src="other.js"></script>'
    )
    scripts.make_ordinary(tmp_path)
    assert page.read_text() == (
        '<script src="main.ordinary.js" defer></script>\n<script src="other.js"></script>'
    )
    made = (tmp_path / "main.ordinary.js").read_text()
    assert "import" not in made and "export" not in made and "return { init, name };" in made


@pytest.mark.parametrize(
    "line",
    ['import { a } from "./x.js";', "export default 1;", "export { a };", 'import "./x.js";'],
)
def test_a_module_of_another_kind_is_told(tmp_path, line):
    (tmp_path / "main.js").write_text(f"{line}\n")
    (tmp_path / "page.html").write_text('<script src="main.js" type="module"></script>')
    with pytest.raises(InputError, match="another version of Quarto, or smalldocs"):
        scripts.make_ordinary(tmp_path)


# --- The site in Quarto's DOM -----------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_over_http_and_from_the_disk(visit, address, site, name):
    for place in (address, site.as_uri()):
        page = visit(f"{place}/{name}.html")
        assert page.locator("main h1").inner_text()
        page.wait_for_function("document.documentElement.dataset.tabsets === 'ready'")


def test_the_contents_follow_from_the_disk(visit, site):
    page = visit(f"{site.as_uri()}/data.html")
    page.locator("main h2").nth(3).scroll_into_view_if_needed()
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function("document.querySelectorAll('#TOC .active').length === 1")


def test_search_is_hidden_where_it_cannot_work(visit, address, site):
    assert visit(f"{address}/index.html").locator("#quarto-search").is_visible()
    assert not visit(f"{site.as_uri()}/index.html").locator("#quarto-search").is_visible()


@pytest.mark.parametrize("name", PAGES)
def test_a_telephone_does_not_scroll_sideways(visit, address, name):
    page = visit(f"{address}/{name}.html", width=375)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    for part in (".nav-footer-left", ".nav-footer-right"):
        assert not page.locator(part).is_visible()


def test_films_stand_in_two_columns_on_a_telephone(visit, address):
    page = visit(f"{address}/data.html", width=375)
    films = page.locator(".films:not(.alike)").first.locator("figure")
    boxes = [films.nth(place).bounding_box() for place in (0, 1)]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] < boxes[1]["x"]


LOOKS = """() => {
  const of = (selector, name) => {
    const found = document.querySelector(selector)
    return found && getComputedStyle(found)[name] }
  const body = of("body", "color")
  return {
    text: body,
    summary: of("main details > summary", "color") === body,
    caption: of("main figcaption", "color") === body,
    aligned: of("main figcaption", "textAlign"),
    margin: parseFloat(of("main.content > section h2", "marginTop")),
    open: of(".navbar .active", "textDecorationLine"),
    other: of(".navbar .nav-link:not(.active)", "textDecorationLine") } }"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_captions_headings_and_the_menu_look_as_meant(visit, address, scheme):
    page = visit(f"{address}/systems.html", scheme=scheme)
    assert page.locator("body.quarto-dark").count() == (scheme == "dark")
    looks = page.evaluate(LOOKS)
    assert looks["summary"] and looks["caption"]
    assert looks["aligned"] in ("left", "start")
    assert looks["margin"] > 20
    assert (looks["open"], looks["other"]) == ("underline", "none")


def test_a_link_in_bold_text_is_bold(visit, address):
    page = visit(f"{address}/systems.html")
    page.locator("main p").first.evaluate(
        "one => one.insertAdjacentHTML('beforeend', '<strong><a id=bold href=\"#\">x</a></strong>')"
    )
    weight = page.locator("#bold").evaluate("one => getComputedStyle(one).fontWeight")
    assert int(weight) >= 600


def test_no_page_is_faint_in_the_dark(visit, address):
    from tests.site.test_accessibility import faint, opened

    found = {}
    for name in PAGES:
        page = opened(visit(f"{address}/{name}.html", scheme="dark"))
        assert page.locator(".quarto-dark").count() == 1
        found[name] = faint(page)
        page.close()
    assert {name: said for name, said in found.items() if said} == {}
