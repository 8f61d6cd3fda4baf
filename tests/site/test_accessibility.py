"""Every page as axe-core judges it: WCAG 2 A and AA, light and dark, on a desk and a telephone."""

from pathlib import Path

import pytest

axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
SCRIPT = Path(axe.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
TAGS = ["wcag2a", "wcag2aa"]
GRAVE = {"serious", "critical"}
CONTRAST = "color-contrast"

# What is folded away or behind a tab has no colours and no names yet; the strongest tint is the
# hardest to read on.
UNFOLD = """() => {
  document.querySelectorAll("[style*='--share']").forEach(
    one => one.style.setProperty("--share", 1))
  document.querySelectorAll("details").forEach(one => { one.open = true })
  document.querySelectorAll(".tab-pane").forEach(one => one.classList.add("active", "show")) }"""
# Rows of a long table are alike, and to find what lies behind a letter takes time.
ALIKE = [[".dense tbody tr:nth-child(n+4)"], ["svg.picture"]]
RUN = """([where, options]) => axe.run(where, {...options, resultTypes: ["violations"]})
  .then(found => found.violations.map(one => [one.id, one.impact, one.nodes.slice(0, 3).map(
    node => `${node.target}: ${node.html.slice(0, 160)} ${node.failureSummary}`)]))"""


def opened(page):
    """The page, all of it shown."""
    page.evaluate(UNFOLD)
    page.evaluate(SCRIPT)
    return page


def faint(page):
    """What is too faint to be read, in words."""
    rule = {"runOnly": {"type": "rule", "values": [CONTRAST]}}
    return _said(page.evaluate(RUN, [{"exclude": ALIKE}, rule]))


def nameless(page):
    """What else a reader who needs it would stumble over, in words."""
    rules = {"runOnly": {"type": "tag", "values": TAGS}, "rules": {CONTRAST: {"enabled": False}}}
    return _said(page.evaluate(RUN, [{"exclude": []}, rules]))


def _said(found):
    return [f"{rule}: {nodes}" for rule, impact, nodes in found if impact in GRAVE]


def all_pages(site):
    """A study decides which pages there are; those of systems are made alike."""
    names = sorted(file.stem for file in site.glob("*.html"))
    systems = [name for name in names if name.startswith("system-")]
    chosen = [name for name in names if name not in systems or name == "system-amini2024"]
    assert "index" in names
    return chosen if len(chosen) < len(names) else names


@pytest.mark.slow
@pytest.mark.content
def test_no_page_shuts_anybody_out(visit, address, site):
    found = {}
    for name in all_pages(site):
        page = opened(visit(f"{address}/{name}.html"))
        found[name] = nameless(page) + faint(page)
        page.close()
    assert {name: said for name, said in found.items() if said} == {}


@pytest.mark.slow
@pytest.mark.content
def test_no_page_is_faint_on_a_dark_telephone(visit, address, site):
    found = {}
    for name in all_pages(site):
        # What is named does not depend on colours and width.
        page = opened(visit(f"{address}/{name}.html", width=375, scheme="dark"))
        found[name] = faint(page)
        page.close()
    assert {name: said for name, said in found.items() if said} == {}


@pytest.mark.content
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_and_are_read_whatever_failed(visit, judged, verdicts, scheme):
    found = {}
    for name in verdicts:
        page = visit(f"{judged}/{name}.html", scheme=scheme)
        for width in (375, 1300):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        found[name] = faint(opened(page))
        page.close()
    assert {name: said for name, said in found.items() if said} == {}


@pytest.mark.parametrize("place", ["main", ".tab-pane:not(.active)"])
def test_a_page_with_a_fault_is_found(visit, address, place):
    page = visit(f"{address}/{'index' if place == 'main' else 'robustness'}.html")
    page.evaluate(
        """place => document.querySelector(place).insertAdjacentHTML("beforeend",
      '<img src="data:,"><p style="color: #bbb; background: #fff">faint</p>')""",
        place,
    )
    opened(page)
    assert "image-alt" in "".join(nameless(page)) and CONTRAST in "".join(faint(page))
