"""A site, and a browser that visits it.

RADROBUST_SITE=path takes one that is already built, of which only the tests marked `content` ask:
what does not depend on what a study says, the fake study has shown.
"""

import functools
import http.server
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest

from radrobust.core.params import load_params
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
BUILT = os.environ.get("RADROBUST_SITE")
EXECUTED = ("system-standard", "system-amini2024")
"""Pages of systems that are executed for the fake study; the others are empty."""

VERDICTS = ("index", "checks", "system-standard")
FAILED = () if BUILT else ("none", "one", "all")
"""How many checks fail in studies that are made only to see what those pages then look like."""


def pytest_configure(config):
    config.addinivalue_line("markers", "content: depends on what a study says")


def pytest_collection_modifyitems(config, items):
    if BUILT:
        here = Path(__file__).parent
        left = [
            item for item in items
            if here in item.path.parents and not item.get_closest_marker("content")
        ]  # fmt: skip
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


def write_empty(name):
    """Stand in for an executed page of which nothing is asked here but that it is there."""
    cells = [nbformat.v4.new_raw_cell(f"---\ntitle: {name}\n---")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), Path(f"notebooks/{name}.ipynb"))


@pytest.fixture(scope="session")
def root(fake_study, tmp_path_factory):
    """A fake study whose pages were executed and rendered by the real stages.

    Its films are as large as real ones are, so that its pages weigh as much.
    """
    root = tmp_path_factory.mktemp("study")
    params = fake_study.write_study(root, systems=tuple(fake_study.SKILL), count=80, size=224)
    fake_study.write_site_sources(root)
    before = Path.cwd()
    os.chdir(root)
    try:
        summarise(params)
        cases(params)
        tables(params)
        names = [name for name in pages(params) if name != "compare"]
        empty = [name for name in names if name.startswith("system-") and name not in EXECUTED]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda name: execute(name, params), set(names) - set(empty)))
        for name in empty:
            write_empty(name)
        render()
    finally:
        os.chdir(before)
    return root


@pytest.fixture(scope="session")
def site(request):
    """The folder with the site."""
    if BUILT:
        return Path(BUILT).resolve()
    return request.getfixturevalue("root") / "_site"


@pytest.fixture(scope="session")
def verdicts():
    """The pages that say most of how the checks came out."""
    return VERDICTS


@pytest.fixture(scope="session")
def decided(request, tmp_path_factory):
    """Make the site of the fake study with none, one or all of its checks failed."""

    @functools.cache
    def build(failed):
        fake_study, root = (request.getfixturevalue(name) for name in ("fake_study", "root"))
        other = tmp_path_factory.mktemp(failed)
        (other / "results").mkdir()
        for part in root.iterdir():
            if part.name not in ("results", "_site"):
                copy = shutil.copytree if part.is_dir() else shutil.copy
                copy(part, other / part.name)
        for part in (root / "results").iterdir():
            if part.name == "summary":
                shutil.copytree(part, other / "results/summary")
            else:
                (other / "results" / part.name).symlink_to(part)
        fake_study.decide(other, failed)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(other)
            params = load_params()
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda name: execute(name, params), VERDICTS))
            render()
        return other / "_site"

    return build


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
def serve():
    """Serve a folder on a server of its own; what is returned is its address."""
    servers = []

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    def start(folder):
        handler = functools.partial(Quiet, directory=folder)
        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()


@pytest.fixture(scope="session")
def address(site, serve):
    """The site's address."""
    return serve(site)


@pytest.fixture(scope="session", params=["as it is", *FAILED])
def judged(request):
    """The address of the site, then of sites in which none, one or all of the checks failed."""
    if request.param == "as it is":
        return request.getfixturevalue("address")
    decided, serve = (request.getfixturevalue(name) for name in ("decided", "serve"))
    return serve(decided(request.param))


@pytest.fixture(scope="session")
def context(browser):
    """A context of the browser for a width and a scheme: what was loaded once stays in it."""
    contexts = {}

    def get(width, scheme):
        if (width, scheme) not in contexts:
            viewport = {"width": width, "height": 900}
            contexts[width, scheme] = browser.new_context(viewport=viewport, color_scheme=scheme)
        return contexts[width, scheme]

    return get


@pytest.fixture
def visit(context):
    """Open an address; whatever the browser complains of or fetches elsewhere fails the test."""
    pages = []
    complaints = []

    def open_page(address, width=1300, scheme="light"):
        opened = context(width, scheme).new_page()
        pages.append(opened)
        opened.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        home = address.rsplit("/", 1)[0]
        opened.on(
            "request",
            lambda sent: sent.url.startswith((home, "data:")) or complaints.append(sent.url),
        )
        # A reader who leaves breaks off what is still to be loaded.
        opened.on(
            "requestfailed",
            lambda sent: (
                sent.failure == "net::ERR_ABORTED" or complaints.append(f"failed: {sent.url[:200]}")
            ),
        )
        opened.goto(address)
        # A renderer may not heed the reader's scheme: the dark page is what was asked for.
        assert opened.locator(".quarto-dark").count() == (scheme == "dark"), scheme
        return opened

    yield open_page
    for opened in pages:
        opened.close()
    assert complaints == []
