"""A site, and a browser that visits it. RADROBUST_SITE=path takes one that is already built."""

import functools
import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest

from radrobust.stages.cases import cases
from radrobust.stages.page import page as execute
from radrobust.stages.page import pages
from radrobust.stages.site import site as render
from radrobust.stages.summarise import summarise
from radrobust.stages.tables import tables

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def root(fake_study, tmp_path_factory):
    """A fake study whose pages were executed and rendered by the real stages."""
    root = tmp_path_factory.mktemp("study")
    params = fake_study.write_study(root, systems=tuple(fake_study.SKILL), count=80)
    fake_study.write_site_sources(root)
    before = Path.cwd()
    os.chdir(root)
    try:
        summarise(params)
        cases(params)
        tables(params)
        for name in pages(params):
            if name != "compare":
                execute(name, params)
        render()
    finally:
        os.chdir(before)
    return root


@pytest.fixture(scope="session")
def site(request):
    """The folder with the site."""
    built = os.environ.get("RADROBUST_SITE")
    if built:
        return Path(built).resolve()
    return request.getfixturevalue("root") / "_site"


@pytest.fixture(scope="session")
def browser():
    """A real browser."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium on the PATH")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def address(site):
    """The site's address on a server of its own."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    handler = functools.partial(Quiet, directory=site)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def visit(browser):
    """Open an address; whatever the browser complains of or fetches elsewhere fails the test."""
    contexts = []
    complaints = []

    def open_page(address, width=1300, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        opened = context.new_page()
        opened.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        home = address.rsplit("/", 1)[0]
        opened.on(
            "request",
            lambda sent: sent.url.startswith((home, "data:")) or complaints.append(sent.url),
        )
        opened.on("requestfailed", lambda sent: complaints.append(f"failed: {sent.url[:200]}"))
        opened.goto(address)
        opened.wait_for_load_state("networkidle")
        return opened

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
