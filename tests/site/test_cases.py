"""The case browser, as a browser sees it: it shows what the tables say, and nothing else."""

import functools
import http.server
import os
import shutil
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import nbformat
import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from radrobust.report.kit.study import Study
from radrobust.stages.cases import cases as draw
from radrobust.stages.page import page as execute
from radrobust.stages.site import site as render

# By how much less than WCAG asks for, 4.5 to 1, letters stand out from what lies behind them.
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
  }).map(cell => cell.outerHTML) }"""


@pytest.fixture(scope="module")
def root(fake_study, tmp_path_factory):
    """A fake study with two systems, whose only page besides an empty one is the case browser."""
    from radrobust.stages.summarise import summarise

    root = tmp_path_factory.mktemp("cases")
    params = fake_study.write_study(root, count=160)
    fake_study.write_site_sources(root)
    for script in root.glob("reports/*.py"):
        if script.stem not in ("index", "cases"):
            script.unlink()
    yaml = YAML()
    project = yaml.load((root / "_quarto.yml").read_text())
    project["website"]["navbar"]["left"] = [{"text": "Cases", "href": "cases.ipynb"}]
    with (root / "_quarto.yml").open("w") as file:
        yaml.dump(project, file)
    before = Path.cwd()
    os.chdir(root)
    try:
        summarise(params)
        draw(params)
        execute("cases", params)
        front = nbformat.v4.new_raw_cell("---\ntitle: Overview\n---")
        nbformat.write(nbformat.v4.new_notebook(cells=[front]), "notebooks/index.ipynb")
        render()
    finally:
        os.chdir(before)
    return root


@pytest.fixture(scope="module")
def answers(root):
    """What the tables say of every test film and system."""
    study = Study.load(root)
    table = study.samples.table
    tables = []
    for system in study.systems:
        found = pd.read_parquet(root / f"results/predictions/{system}/predictions.parquet")
        clean, attacked = (
            found[found["condition"] == condition].set_index("sample_id")
            for condition in study.conditions.values()
        )
        films = table[table["split"] == "test"].set_index("sample_id")
        right = clean["predicted"] == clean["label"]
        tables.append(
            films.assign(
                system=system,
                outcome=np.where(
                    films["label"] == 1,
                    np.where(right, "hit", "missed"),
                    np.where(right, "rejection", "alarm"),
                ),
                broken=right & (attacked["predicted"] != attacked["label"]),
                stood=right & (attacked["predicted"] == attacked["label"]),
                clean=clean["probability"],
                attacked=attacked["probability"],
                maps=films.index.isin(study.explained(system)),
            )
        )
    return pd.concat(tables).reset_index()


@pytest.fixture(scope="module")
def served(root):
    """The site's address on a server of its own."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    handler = functools.partial(Quiet, directory=root / "_site")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(params=["file", "http"])
def address(request, root):
    """Of the site: on the disk, and on a server."""
    if request.param == "file":
        return (root / "_site").as_uri()
    return request.getfixturevalue("served")


@pytest.fixture
def visit(browser):
    """Open the page; whatever the browser complains of or fetches elsewhere fails the test."""
    contexts = []
    complaints = []

    def open_page(address, width=1300, scheme="light", **asked):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda sent: sent.url.startswith((address, "data:")) or complaints.append(sent.url),
        )
        page.on("requestfailed", lambda sent: complaints.append(f"failed: {sent.url[:200]}"))
        page.goto(f"{address}/cases.html{'#' + urlencode(asked) if asked else ''}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def shown(page):
    """The films of the list."""
    return page.locator(".cases-list li:visible .cases-name").all_inner_texts()


def heading(page):
    return page.locator("#cases-heading").inner_text()


def asked(page):
    """What the address comes to say."""
    return {key: values[0] for key, values in parse_qs(page.url.partition("#")[2]).items()}


def wait_for_address(page, **expected):
    text = [urlencode({key: value}) for key, value in expected.items()]
    page.wait_for_function("parts => parts.every(part => location.hash.includes(part))", arg=text)


def test_filters_show_the_films_that_the_tables_have(visit, address, answers):
    page = visit(address)
    total = answers["sample_id"].nunique()
    page.locator(".cases-more summary").click()
    for system, rows in answers.groupby("system"):
        page.get_by_label("System", exact=True).select_option(system)
        expected = {key: rows["outcome"] == key for key in ("hit", "missed", "rejection", "alarm")}
        expected |= {"": rows["label"] >= 0, "broken": rows["broken"], "stood": rows["stood"]}
        for outcome, chosen in expected.items():
            page.get_by_label("Outcome").select_option(outcome)
            for region in ("", "hand"):
                page.get_by_label("Region").select_option(region)
                films = rows.loc[chosen & (not region or rows["subgroup_region"] == region)]
                assert shown(page) == films["sample_id"].tolist()
                said = page.locator("#cases-count").inner_text()
                assert said == f"{len(films)} of {total} test radiographs shown"
                option = page.locator(f'#cases-outcome option[value="{outcome}"]')
                assert option.inner_text().endswith(f"({len(films)})")
                if films.empty:
                    assert page.get_by_text("No radiograph is like that.").is_visible()
                else:
                    assert heading(page) in films["sample_id"].tolist()


def test_films_are_found_by_truth_maps_and_name_and_filters_are_cleared(visit, address, answers):
    page = visit(address)
    rows = answers[answers["system"] == answers["system"].iloc[0]]
    page.locator(".cases-more summary").click()
    page.get_by_label("Truth").select_option("no fracture")
    page.get_by_label("Maps", exact=True).select_option("explained")
    films = rows[(rows["label"] == 0) & rows["maps"]]["sample_id"].tolist()
    assert shown(page) == films and films
    page.get_by_label("Name contains").fill(films[-1][-3:].upper())
    assert shown(page) == [name for name in films if films[-1][-3:] in name]
    assert heading(page) == films[-1]
    page.get_by_role("button", name="Clear filters").click()
    assert shown(page) == rows["sample_id"].tolist()
    assert page.get_by_label("Name contains").input_value() == ""


def test_numbers_words_and_signs_are_those_of_the_tables(visit, served, answers):
    page = visit(served)
    wrong = answers[answers["outcome"].isin(["missed", "alarm"])]["sample_id"].iloc[0]
    broken = answers[answers["broken"]]["sample_id"].iloc[0]
    stood = answers[answers["stood"]]["sample_id"].iloc[0]
    words = {"hit": "✓ true positive", "missed": "✗ false negative"}
    words |= {"rejection": "✓ true negative", "alarm": "✗ false positive"}
    for name in (wrong, broken, stood):
        page.get_by_label("Name contains").fill(name)
        cells = page.locator(".cases-answers tbody tr")
        rows = answers[answers["sample_id"] == name]
        assert cells.count() == len(rows)
        for place, (_, row) in enumerate(rows.iterrows()):
            clean, attacked = cells.nth(place).locator("td").all_inner_texts()
            kinds = {"misclassified": row["broken"], "robust": row["stood"]}
            after = next((word for word, holds in kinds.items() if holds), "misclassified before")
            assert clean.split(maxsplit=1)[1] == words[row["outcome"]]
            assert attacked.split(maxsplit=1)[1] == f"{'✓' if row['stood'] else '✗'} {after}"
            assert float(clean.split()[0]) == pytest.approx(row["clean"], abs=0.0051)
            assert float(attacked.split()[0]) == pytest.approx(row["attacked"], abs=0.0051)
            bar = cells.nth(place).locator(".cases-bar i").first
            share = bar.evaluate("bar => bar.offsetWidth / bar.parentElement.clientWidth")
            assert share == pytest.approx(row["clean"], abs=0.02)
        first = rows.iloc[0]
        sign = page.locator(".cases-list li:visible .cases-sign").inner_text()
        assert sign == ("✓→✗" if first["broken"] else "✓" if first["stood"] else "✗")
        assert f"Truth: {['no fracture', 'fracture'][first['label']]}." in (
            page.locator(".cases-facts").inner_text()
        )


def test_arrows_step_through_what_is_shown_and_no_further(visit, address):
    page = visit(address, outcome="broken")
    films = shown(page)
    assert len(films) > 3 and heading(page) in films
    page.locator(".cases-list li:visible").first.click()
    for name in (films[1], films[2]):
        page.keyboard.press("ArrowRight")
        assert heading(page) == name
    page.keyboard.press("ArrowLeft")
    assert heading(page) == films[1]
    assert page.locator(".cases-position").inner_text() == f"2 of {len(films)}"
    page.locator(".cases-list").focus()
    page.keyboard.press("End")
    assert heading(page) == films[-1]
    assert page.get_by_role("button", name="Next").is_disabled()
    page.keyboard.press("ArrowDown")
    assert heading(page) == films[-1]
    page.keyboard.press("Home")
    assert heading(page) == films[0]
    active = page.locator(".cases-list").get_attribute("aria-activedescendant")
    chosen = page.locator('.cases-list [aria-selected="true"]')
    assert chosen.count() == 1 and chosen.get_attribute("id") == active
    assert films[0] in page.locator("#cases-spoken").inner_text()


def test_arrows_move_the_cursor_in_a_field(visit, served):
    page = visit(served)
    before = heading(page)
    page.get_by_label("Name contains").fill("film")
    page.keyboard.press("ArrowLeft")
    assert heading(page) == before


def test_an_address_brings_a_case_back(visit, address, answers):
    page = visit(address)
    row = answers[(answers["system"] == "huang2021") & answers["broken"]].iloc[-1]
    page.get_by_label("System", exact=True).select_option("huang2021")
    page.get_by_label("Outcome").select_option("broken")
    page.locator(".cases-more summary").click()
    page.get_by_label("Region").select_option(row["subgroup_region"])
    page.get_by_label("Lay maps over the radiograph").check()
    page.get_by_label("Outline the fracture").uncheck()
    page.locator(".cases-list").focus()
    page.keyboard.press("End")
    assert heading(page) == row["sample_id"]
    kept = {"film": row["sample_id"], "system": "huang2021", "outcome": "broken"}
    kept |= {"subgroup_region": row["subgroup_region"], "over": "1", "outline": "0"}
    wait_for_address(page, **kept)
    assert asked(page) == kept
    again = visit(address, **asked(page))
    assert heading(again) == row["sample_id"]
    assert shown(again) == shown(page)
    assert again.get_by_label("System", exact=True).input_value() == "huang2021"
    assert again.get_by_label("Region").is_visible()
    assert again.get_by_label("Lay maps over the radiograph").is_checked()
    assert not again.get_by_label("Outline the fracture").is_checked()


def test_a_link_within_the_page_leads_to_its_case(visit, address, answers):
    page = visit(address)
    name = answers["sample_id"].iloc[-1]
    page.evaluate("name => { location.hash = `film=${name}&system=huang2021` }", name)
    page.wait_for_function(
        "name => document.getElementById('cases-heading').textContent === name", arg=name
    )
    assert page.get_by_label("System", exact=True).input_value() == "huang2021"


def test_a_film_that_is_not_there_and_one_that_the_filters_leave_out(visit, served, answers):
    page = visit(served, film="nobody<b>", system="nothing")
    assert "no test radiograph called nobody<b>;" in page.locator(".cases-facts").inner_text()
    assert page.get_by_label("System", exact=True).input_value() == "standard"
    rows = answers[answers["system"] == "standard"]
    name = rows[rows["outcome"] == "hit"]["sample_id"].iloc[0]
    page = visit(served, film=name, outcome="missed")
    assert heading(page) == name
    assert page.locator(".cases-position").inner_text() == "not among those shown"


def test_the_outline_can_be_taken_away(visit, address, answers):
    name = answers[answers["label"] == 1]["sample_id"].iloc[0]
    page = visit(address, film=name)
    outlines = page.locator(".cases-case .cases-outline")
    pictures = page.locator(".cases-case svg.cases-picture").count()
    assert outlines.count() == pictures > 2
    page.get_by_label("Outline the fracture").uncheck()
    assert outlines.count() == 0
    page.get_by_label("Outline the fracture").check()
    assert outlines.count() == pictures
    page = visit(address, film=answers[answers["label"] == 0]["sample_id"].iloc[0])
    assert page.locator(".cases-outline").count() == 0


LOST = """async () => {
  const sources = [...document.querySelectorAll("#cases svg image")].map(
    one => one.getAttribute("href"))
  const listed = [...document.querySelectorAll("#cases img")].map(one => one.src)
  const failed = await Promise.all([...new Set([...sources, ...listed])].map(source => {
    const image = new Image()
    image.src = source
    return image.decode().then(() => "", () => source) }))
  return [sources.length, failed.filter(Boolean)] }"""


def test_pictures_are_there_and_named(visit, address, answers):
    explained = answers[answers["maps"]]
    broken, stood = explained["broken"], explained["stood"]
    for kind in (broken, stood, ~(broken | stood)):
        row = explained[kind].iloc[-1]
        page = visit(address, film=row["sample_id"], system=row["system"])
        layers, failed = page.evaluate(LOST)
        changed = row["broken"] or row["stood"]
        assert failed == [] and layers == 2 + 6 * (2 if changed else 1)
        names = page.locator("svg.cases-picture").evaluate_all(
            "all => all.map(one => one.getAttribute('aria-label'))"
        )
        assert len(set(names)) == len(names) == layers
        assert all(row["sample_id"] in name for name in names)


PIXEL = """async ([card, figure]) => {
  const svg = document.querySelectorAll(".cases-card")[card].querySelectorAll("svg.cases-picture")
  const sheet = svg[figure].querySelector("image.cases-pixels")
  const window = svg[figure].querySelector("svg").viewBox.baseVal
  const image = new Image()
  image.src = sheet.getAttribute("href")
  await image.decode()
  const scale = image.naturalWidth / sheet.width.baseVal.value
  return [window.x, window.y, window.width, scale, image.naturalHeight,
    getComputedStyle(sheet).imageRendering] }"""


def test_each_map_is_cut_out_of_its_place(visit, served, answers):
    row = answers[answers["broken"] & answers["maps"]].iloc[0]
    page = visit(served, film=row["sample_id"], system=row["system"])
    titles = page.locator(".cases-method").all_inner_texts()
    assert titles[0] == "Saliency" and titles[-1] == "Occlusion"
    for card in range(len(titles)):
        for figure in (0, 1):
            found = page.evaluate(PIXEL, [card, figure])
            assert found == [32 * card, 32 * figure, 32, 1, 64, "pixelated"]


def test_maps_are_laid_over_the_film_that_they_explain(visit, served, answers):
    row = answers[answers["broken"] & answers["maps"]].iloc[0]
    page = visit(served, film=row["sample_id"], system=row["system"], over=1)
    below = page.locator(".cases-card").first.locator("svg.cases-picture > image")
    sources = below.evaluate_all("all => all.map(one => one.getAttribute('href'))")
    name = row["sample_id"]
    assert sources == [f"cases/films/{name}.webp", f"cases/attacked/{row['system']}/{name}.webp"]


def test_a_film_without_maps_says_so(visit, served, answers):
    page = visit(served, film=answers[~answers["maps"]]["sample_id"].iloc[0])
    said = page.locator(".cases-unexplained").inner_text()
    assert said.startswith(
        "Not explained: maps are there for every test radiograph with a fracture"
    )
    assert page.locator(".cases-card").count() == 0


def test_a_system_is_chosen_by_its_name_in_the_table(visit, served):
    page = visit(served)
    page.locator('.cases-system[data-system="huang2021"]').focus()
    page.keyboard.press("Enter")
    assert page.get_by_label("System", exact=True).input_value() == "huang2021"
    focused = page.evaluate("document.activeElement.dataset.system")
    pressed = page.locator('.cases-system[aria-pressed="true"]')
    assert focused == "huang2021" == pressed.get_attribute("data-system")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 768, 1300])
def test_nothing_sticks_out_and_everything_is_read(visit, served, answers, width, scheme):
    row = answers[answers["broken"] & answers["maps"]].iloc[0]
    page = visit(served, width=width, scheme=scheme, film=row["sample_id"], system=row["system"])
    page.locator(".cases-more summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    read = page.locator(
        "#cases :is(p, td, th, b, small, label, select, input:not([type=checkbox]), button, h2,"
        " h3, h4, figcaption, caption, summary, .cases-sign, .cases-name, .cases-word,"
        " .cases-verdict):visible"
    )
    assert read.count() > 100
    assert read.evaluate_all(FAINT) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_where_the_keyboard_is_is_seen(visit, served, scheme):
    page = visit(served, scheme=scheme)
    page.locator("#cases-system").focus()
    for _ in range(12):
        page.keyboard.press("Tab")
        style = page.evaluate(
            "() => { const at = document.activeElement; const how = getComputedStyle(at)\n"
            "return [at.closest('#cases') !== null, how.outlineStyle, how.outlineWidth] }"
        )
        assert style[1] != "none" and (not style[0] or float(style[2].removesuffix("px")) >= 1)


def test_fields_have_names(visit, served):
    page = visit(served)
    unnamed = page.locator("#cases :is(select, input)").evaluate_all(
        "all => all.filter(one => !one.labels.length).map(one => one.id)"
    )
    assert unnamed == []
    assert page.locator("#cases-count").get_attribute("role") == "status"
    assert page.locator("#cases-spoken").get_attribute("aria-live") == "polite"


def test_the_page_is_light_at_first(visit, served, root):
    weights = []
    page = visit(served)
    page.wait_for_load_state("networkidle")  # what a reload breaks off has failed
    page.on("response", lambda got: weights.append(len(got.body())))
    page.reload()
    page.wait_for_load_state("networkidle")
    assert sum(weights) < 2_000_000
    own = [root / "_site/cases.html", *root.glob("_site/assets/cases.*")]
    assert sum(file.stat().st_size for file in own) < 100_000


def test_without_its_data_the_page_says_so(browser, root, tmp_path):
    shutil.copytree(root / "_site", tmp_path / "site")
    shutil.rmtree(tmp_path / "site/cases")
    page = browser.new_page()
    page.goto(f"{(tmp_path / 'site').as_uri()}/cases.html")
    assert "cases/data.js is missing" in page.locator("#cases").inner_text()
    page.close()


def test_without_javascript_the_page_says_so(browser, root):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{(root / '_site').as_uri()}/cases.html")
    assert "Without JavaScript nothing is shown" in page.locator("#cases").inner_text().replace(
        "\n", " "
    )
    context.close()
