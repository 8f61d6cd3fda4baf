"""Every page as axe-core judges it: WCAG 2 A and AA, light and dark, on a desk and a telephone."""

from pathlib import Path

import pytest

axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
SCRIPT = Path(axe.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
TAGS = ["wcag2a", "wcag2aa"]
GRAVE = {"serious", "critical"}

# What is folded away has no colours yet. Panes behind a tab are made as the one that is shown.
UNFOLD = """() => document.querySelectorAll("details").forEach(one => { one.open = true })"""
RUN = """tags => axe.run({runOnly: {type: "tag", values: tags}, resultTypes: ["violations"]})
  .then(found => found.violations.map(one => [one.id, one.impact, one.nodes.slice(0, 3).map(
    node => `${node.target}: ${node.html.slice(0, 160)} ${node.failureSummary}`)]))"""


def violations(page):
    """What a reader who needs it would stumble over, in words."""
    page.evaluate(UNFOLD)
    page.evaluate(SCRIPT)
    found = page.evaluate(RUN, TAGS)
    return [f"{rule}: {nodes}" for rule, impact, nodes in found if impact in GRAVE]


@pytest.mark.slow
# Colours do not depend on the width, nor what is named on the colours: two of four ways are enough.
@pytest.mark.parametrize(("width", "scheme"), [(1300, "light"), (375, "dark")])
def test_no_page_shuts_anybody_out(visit, address, site, width, scheme):
    # A study decides which pages there are, such as one a system: they are found in the site.
    names = sorted(file.stem for file in site.glob("*.html"))
    assert "index" in names
    found = {
        name: violations(visit(f"{address}/{name}.html", width=width, scheme=scheme))
        for name in names
    }
    assert {name: said for name, said in found.items() if said} == {}


def test_a_page_with_a_fault_is_found(visit, address):
    page = visit(f"{address}/index.html")
    page.evaluate("""() => document.querySelector("main").insertAdjacentHTML(
      "beforeend", '<img src="data:,"><p style="color: #bbb; background: #fff">faint</p>')""")
    said = "".join(violations(page))
    assert "image-alt" in said and "color-contrast" in said
