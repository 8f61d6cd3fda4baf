"""The website, as a browser sees it. RADROBUST_SITE=path checks a site that is already built."""

import shutil
from pathlib import Path

import nbformat
import pytest

from radrobust.core.errors import InputError
from radrobust.report.kit.check_texts import CHECKS
from radrobust.stages.page import page as execute
from radrobust.stages.site import site as render

PAGES = (
    "index",
    "data",
    "systems",
    "robustness",
    "checks",
    "interpretability",
    "cases",
    "published",
    "methods",
    "system-standard",
    "system-amini2024",
)
# Cells whose letters stand out from what lies behind them by less than WCAG asks for, 4.5 to 1.
FAINT = """cells => {
  const parts = colour => { const n = colour.match(/[\\d.]+/g).map(Number)
    return n.length < 4 ? [...n, 1] : n }
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3]))
  const luminance = colour => {
    const [r, g, b] = colour.map(v => v / 255).map(
      v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b }
  return cells.filter(cell => {
    let behind = [255, 255, 255]
    const chain = []
    for (let at = cell; at; at = at.parentElement) chain.unshift(at)
    for (const at of chain) behind = over(parts(getComputedStyle(at).backgroundColor), behind)
    const [a, b] = [over(parts(getComputedStyle(cell).color), behind), behind].map(luminance)
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5
  }).map(cell => cell.innerText) }"""


MOST = 2_500_000  # bytes of a page when it is opened, but for what its renderer adds to every page
LIBRARIES = "/site_libs/"


@pytest.mark.content
@pytest.mark.parametrize("name", PAGES)
def test_page_is_whole(visit, address, name):
    page = visit(f"{address}/{name}.html")
    assert page.locator("h1").inner_text()
    images = page.locator("img")
    images.evaluate_all("images => images.forEach(image => { image.loading = 'eager' })")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    broken = images.evaluate_all(
        "images => images.filter(image => !image.complete || !image.naturalWidth)"
        ".map(image => image.alt)"
    )
    assert broken == []
    unnamed = images.evaluate_all(
        "images => images.filter(image => !image.alt.trim() && image.role !== 'presentation')"
        ".length"
    )
    assert unnamed == 0
    assert page.locator("nav a:visible", has_text="Robustness").count() >= 1
    links_lead_somewhere(page, address)


def links_lead_somewhere(page, address):
    links = page.locator("a[href]").evaluate_all("links => links.map(link => link.href)")
    # On a server Quarto's script shortens index.html to its folder.
    whole = [link.replace(f"{address}/#", f"{address}/index.html#") for link in links]
    whole = [f"{link}index.html" if link == f"{address}/" else link for link in whole]
    own = {link for link in whole if link.startswith(address) and "#film=" not in link}
    menu = {f"{address}/{page}.html" for page in PAGES if not page.startswith("system-")}
    assert menu <= {link.split("#")[0] for link in own}
    for target in {link.split("#")[0] for link in own}:
        assert page.request.get(target).ok, target
    for link in own:
        target, _, fragment = link.partition("#")
        if fragment and target == page.url.split("#")[0]:
            assert page.locator(f'[id="{fragment}"]').count() == 1, link


@pytest.mark.content
@pytest.mark.parametrize("name", PAGES)
def test_a_telephone_does_not_scroll_sideways(visit, address, name):
    page = visit(f"{address}/{name}.html", width=375)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, scheme


@pytest.mark.content
def test_no_page_is_heavy_when_it_is_opened(browser, address):
    weights = {}
    for name in PAGES:
        context = browser.new_context(viewport={"width": 1300, "height": 900})  # an empty cache
        page, loaded = context.new_page(), []
        page.on("requestfinished", lambda request, loaded=loaded: loaded.append(request))
        page.goto(f"{address}/{name}.html", wait_until="networkidle")
        sent = [
            request for request in loaded
            if request.url.startswith(address) and LIBRARIES not in request.url
        ]  # fmt: skip
        weights[name] = sum(request.sizes()["responseBodySize"] for request in sent)
        context.close()
    assert min(weights.values()) > 20_000
    assert {name: weight for name, weight in weights.items() if weight > MOST} == {}


def test_a_picture_below_is_loaded_when_it_is_about_to_be_seen(visit, address):
    page = visit(f"{address}/interpretability.html")
    charts = page.locator("img[src^='media/']")
    loaded = "images => images.map(image => image.complete && image.naturalWidth > 0)"
    before = charts.evaluate_all(loaded)
    assert len(before) > 10 and not all(before)
    places = charts.evaluate_all("images => images.map(image => image.offsetParent !== null)")
    last = max(place for place, is_shown in enumerate(places) if is_shown)
    high = charts.nth(last).bounding_box()["height"]
    charts.nth(last).scroll_into_view_if_needed()
    page.wait_for_function(
        "image => image.complete && image.naturalWidth", arg=charts.nth(last).element_handle()
    )
    assert charts.nth(last).bounding_box()["height"] == pytest.approx(high, abs=1)


@pytest.mark.parametrize(
    ("name", "pictures"),
    [("robustness", ".trio"), ("interpretability", ".strip"), ("data", ".films")],
)
def test_a_picture_leads_to_its_case(visit, address, name, pictures):
    page = visit(f"{address}/{name}.html")
    link = page.locator(f"{pictures} a.to-case:visible").first
    film, system = link.evaluate(
        "link => ['film', 'system'].map(of => new URLSearchParams(link.hash.slice(1)).get(of))"
    )
    link.click()
    page.wait_for_url("**/cases.html#*")
    assert film in page.locator("#cases-heading").inner_text()
    assert page.get_by_label("System", exact=True).input_value() == system


@pytest.mark.parametrize("width", [992, 1199])
def test_the_pages_names_fit_where_the_menu_is_open(visit, address, width):
    page = visit(f"{address}/index.html", width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", PAGES)
def test_pages_work_from_the_disk(visit, site, name):
    page = visit(f"{site.as_uri()}/{name}.html")
    assert page.locator("main").inner_text()


def test_tabs_show_one_system_at_a_time(visit, address):
    page = visit(f"{address}/robustness.html")
    tabs = page.locator(".panel-tabset").first.get_by_role("tab")
    if tabs.count() < 2:
        pytest.skip("the site shows one system")
    panes = page.locator(".panel-tabset").first.locator(".tab-pane")
    tabs.nth(1).click()
    page.wait_for_function("pane => pane.offsetParent !== null", arg=panes.nth(1).element_handle())
    assert not panes.nth(0).is_visible()


def test_maps_of_one_system_at_a_time_all_of_them_drawn(visit, address):
    page = visit(f"{address}/interpretability.html")
    gallery = page.locator(".panel-tabset:has(.card-scroll)")
    if gallery.count():
        tabs, panes = gallery.get_by_role("tab"), gallery.locator(".tab-pane")
        assert tabs.count() == panes.count()
        tabs.last.click()
        shown = panes.last
        assert shown.is_visible() and not panes.first.is_visible()
        assert shown.locator("svg.picture").first.is_visible()
    broken = page.evaluate(
        """async () => {
          const layers = [...document.querySelectorAll("svg.picture image")]
          const failed = await Promise.all(layers.map(layer => {
            const image = new Image()
            image.src = layer.getAttribute("href")
            return image.decode().then(() => null, () => layer.id) }))
          const lost = [...document.querySelectorAll("svg.picture use")].filter(
            use => !document.getElementById(use.getAttribute("href").slice(1)))
          return [layers.length, failed.filter(Boolean), lost.length] }"""
    )
    assert broken[0] > 0 and broken[1:] == [[], 0]
    unnamed = page.locator("svg.picture").evaluate_all(
        "pictures => pictures.filter(one => !one.getAttribute('aria-label').trim()).length"
    )
    assert unnamed == 0


def test_maps_are_scrolled_by_keyboard_and_the_film_stays(visit, address):
    page = visit(f"{address}/interpretability.html", width=375)
    strip = page.locator(".card-scroll").first
    strip.scroll_into_view_if_needed()
    film = strip.locator(".maps > div").first
    before = film.bounding_box()["x"]
    strip.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("strip => strip.scrollLeft > 10", arg=strip.element_handle())
    assert film.bounding_box()["x"] == pytest.approx(before, abs=1)
    pixels = strip.locator("image.pixels").first
    assert pixels.evaluate("one => getComputedStyle(one).imageRendering") == "pixelated"
    assert strip.locator("svg.picture").first.bounding_box()["width"] >= 90


@pytest.mark.content
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_marks_are_read_on_their_tint(visit, address, scheme):
    page = visit(f"{address}/interpretability.html", scheme=scheme)
    page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true })")
    marked = page.locator("td.tinted:visible, .dense td.number:visible")
    assert marked.count()
    for share in (0, 1):  # of the tint: what a study comes to is in between
        marked.evaluate_all(f"cells => cells.forEach(c => c.style.setProperty('--share', {share}))")
        assert marked.evaluate_all(FAINT) == []
    signs = page.locator("td.tinted [aria-hidden]").all_inner_texts()
    assert set(signs) <= {"▲", "≈", "▼"}


@pytest.mark.content
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_verdicts_are_told_by_word_and_sign_and_seen_by_contrast(visit, judged, scheme):
    page = visit(f"{judged}/checks.html", scheme=scheme)
    verdicts = page.locator("td.status")
    assert verdicts.count() >= 14
    words = {"pass": "✓ pass", "fail": "✗ fail", "unclear": "? unclear"}
    for text, style in verdicts.evaluate_all(
        "cells => cells.map(cell => [cell.innerText, cell.className.split(' ')[1]])"
    ):
        assert text.startswith(words[style])
    faint = verdicts.evaluate_all(FAINT)
    assert faint == []


@pytest.mark.content
def test_where_a_check_failed_the_attacked_numbers_lead_to_the_checks(visit, judged):
    page = visit(f"{judged}/checks.html")
    rows = page.locator("tr:has(td.status)")
    for check in CHECKS.values():
        if check.doubt == "none":
            rows = rows.filter(has_not_text=check.title)
    failed = rows.locator("td.status.fail").count()
    page = visit(f"{judged}/index.html")
    notes = page.locator(".overview a.doubt:visible")
    assert sum(int(note.split()[1]) for note in notes.all_inner_texts()) == failed
    if failed:
        notes.first.click()
        assert page.url.endswith("/checks.html")


def test_films_are_shown_before_and_after_side_by_side_on_a_telephone(visit, address):
    page = visit(f"{address}/robustness.html", width=375)
    tops = (
        page.locator(".trio")
        .first.locator("img")
        .evaluate_all(
            "images => images.map(image => Math.round(image.getBoundingClientRect().right))"
        )
    )
    assert len(tops) == 3 and tops == sorted(tops) and tops[-1] <= 375


def test_sentences_in_cells_are_not_scrolled_sideways_on_a_telephone(visit, address):
    page = visit(f"{address}/published.html", width=375)
    table = page.locator(".wordy .table-scroll")
    assert table.evaluate("box => box.scrollWidth <= box.clientWidth")
    shown = table.locator("tbody td").first.evaluate(
        "cell => getComputedStyle(cell, '::before').content"
    )
    assert shown == '"There"'


def test_what_was_measured_unfolds(visit, address):
    page = visit(f"{address}/interpretability.html", width=375)
    entry = page.locator("details.entry").first
    assert not entry.locator("table").is_visible()
    entry.locator("summary").click()
    assert entry.locator("table").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


@pytest.mark.parametrize("name", ["systems", "checks"])
def test_entries_unfold(visit, address, name):
    page = visit(f"{address}/{name}.html", width=375)
    entry = page.locator("details.entry").first
    assert not entry.locator("dl").is_visible()
    entry.locator("summary").click()
    assert entry.locator("dl").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_search_finds_a_word(visit, address):
    page = visit(f"{address}/index.html")
    page.locator("#quarto-search").click()
    page.keyboard.type("Wilson")
    page.wait_for_selector("a[href*='methods']:visible >> text=/./", timeout=5000)


@pytest.fixture
def copy(root, tmp_path, monkeypatch):
    """A copy of the fake study to break, as the working folder."""
    shutil.copytree(root, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    from radrobust.core.params import load_params

    return load_params()


def test_a_page_is_the_same_each_time(copy):
    before = Path("notebooks/index.ipynb").read_bytes()
    execute("index", copy)
    assert Path("notebooks/index.ipynb").read_bytes() == before
    nbformat.validate(nbformat.read("notebooks/index.ipynb", as_version=4))


def test_a_page_without_its_table_says_so_in_one_line(copy):
    Path("results/summary/metrics.parquet").unlink()
    before = Path("notebooks/index.ipynb").read_bytes()
    with pytest.raises(InputError, match=r"reports/index\.py, cell \d+: .*metrics\.parquet is not"):
        execute("index", copy)
    assert Path("notebooks/index.ipynb").read_bytes() == before


def test_an_unknown_page_is_told(copy):
    with pytest.raises(InputError, match="did you mean methods"):
        execute("metods", copy)


def test_a_failing_render_leaves_the_old_site(copy):
    Path("notebooks/data.ipynb").unlink()
    with pytest.raises(InputError, match="radrobust page data"):
        render()
    assert Path("_site/data.html").is_file()


def test_pages_that_are_gone_do_not_remain(copy, capsys):
    Path("reports/data.py").unlink()
    index = Path("_quarto.yml").read_text().replace("data.ipynb", "index.ipynb")
    Path("_quarto.yml").write_text(index)
    page = Path("notebooks/index.ipynb")
    text = page.read_text()
    for suffix in ("ipynb", "html"):
        text = text.replace(f"data.{suffix}", f"methods.{suffix}")
    page.write_text(text)
    render()
    assert not Path("_site/data.html").exists()
    assert "rendered _site/index.html" in capsys.readouterr().out
