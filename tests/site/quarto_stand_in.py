"""Stands in for the program `quarto` where it is not installed.

It renders executed notebooks into small documents in Quarto's DOM, with its classes, and with those
of its habits that a page of ours could trip over: HTML outputs bring scripts of a CDN along,
shortcodes are expanded wherever they stand, scripts are modules, the footer holds spaces, the dark
theme is laid over the light one and told by a class of the body. It shares no code with Quarto.
"""

import os
import re
import shutil
import sys
from html import escape
from pathlib import Path

import nbformat
import smalldocs
from markdown_it import MarkdownIt
from ruamel.yaml import YAML

VERSION = "1.10.18"
VENDOR = Path(smalldocs.__file__).parent / "assets" / "vendor"

BOTH = """
:root { font-size: 17px; }
a { font-weight: 400; }
details > summary { color: #6c757d; }
figcaption, .figure-caption { color: rgba(33, 37, 41, .75); text-align: center; }
h2 { margin-top: 2rem; border-bottom: 1px solid #dee2e6; }
main.content > section:first-of-type > h2:first-child { margin-top: 0; }
body { padding-top: 64px; }
.page-columns { display: grid; grid-template-columns: minmax(0, 1fr) 15rem; max-width: 1000px; margin: 0 auto; padding: 0 1em; }
.nav-footer { display: flex; flex-wrap: wrap; justify-content: space-between; padding: 0 1em; color: #757575; }
.nav-footer > * { flex: 1 1 0; min-width: 100px; min-height: 3em; }
.nav-footer-center { min-width: 220px !important; text-align: center; }
.navbar { background: #517699; }
.navbar .nav-link, .navbar-brand { color: #fdfeff; }
.navbar .nav-link.active { color: #fefefe; }
p code:not(.sourceCode), td code:not(.sourceCode) { background-color: rgba(233, 236, 239, .65); padding: .2em; }
@media (max-width: 767.98px) { .page-columns { grid-template-columns: minmax(0, 1fr); } #quarto-margin-sidebar { display: none; } }
"""
DARK = """
:root, body { --bs-body-color: #6c757d; --bs-body-bg: #272b30; }
figcaption, .figure-caption { color: rgba(108, 117, 125, .75); }
code { color: #6c757d; }
dd code { background-color: #f8f9fa; color: #e83e8c; }
.navbar { background: #3a3f44; }
.nav-footer { color: #6c757d; }
"""
QUARTO = """import * as tabsets from "./tabsets/tabsets.js";

document.addEventListener("DOMContentLoaded", () => {
  const links = [...document.querySelectorAll("#TOC a")];
  const follow = () => {
    const passed = links.filter(link =>
      document.querySelector(link.hash).getBoundingClientRect().top < 200);
    links.forEach(link => link.classList.toggle("active", link === passed.at(-1)));
  };
  window.addEventListener("scroll", follow);
  follow();
  tabsets.init();
});
"""
TABSETS = 'export function init() {\n  document.documentElement.dataset.tabsets = "ready";\n}\n'
SCHEME = """
const dark = matchMedia("(prefers-color-scheme: dark)"), alternate = document.querySelector(".quarto-color-alternate")
const turn = () => {
  alternate.rel = dark.matches ? "stylesheet" : "disabled-stylesheet"
  document.body.classList.toggle("quarto-dark", dark.matches)
  document.body.classList.toggle("quarto-light", !dark.matches) }
dark.addEventListener("change", turn)
turn()
"""
WIDGETS = (
    '<script src="https://cdn.jsdelivr.net/npm/requirejs@2.3.6/require.min.js"></script>'
    '<script src="https://cdn.jsdelivr.net/npm/jquery@3.5.1/dist/jquery.min.js"></script>'
)
SHORTCODE = re.compile(r"\{\{<\s*(\w+)\s+(\S+)\s*>\}\}")
RAW = re.compile(r"^(`{3,})\{=html\}\n(.*?)\n\1$", re.MULTILINE | re.DOTALL)
CALLOUT = re.compile(r"^::: \{\.callout-(\w+)\}\n(.*?)\n:::$", re.MULTILINE | re.DOTALL)
MATH = re.compile(r"\$(\S[^$\n]*)\$")


def main(words):
    if words == ["--version"]:
        print(VERSION)
    else:
        assert words[0] == "render" and "--no-execute" in words
        render(Path(words[1]).resolve())


def render(project):
    os.chdir(project)
    settings = YAML(typ="safe").load(project / "_quarto.yml")
    site = project / settings["project"]["output-dir"]
    libs = site / "site_libs"
    (libs / "quarto-html" / "tabsets").mkdir(parents=True)
    (libs / "quarto-html" / "quarto.js").write_text(QUARTO)
    (libs / "quarto-html" / "tabsets" / "tabsets.js").write_text(TABSETS)
    (libs / "light.css").write_text((VENDOR / "bootstrap/bootstrap.min.css").read_text() + BOTH)
    slate = (VENDOR / "bootswatch/slate.min.css").read_text().partition(":root")
    (libs / "dark.css").write_text(f":root{slate[2]}{DARK}")
    shutil.copy(VENDOR / "bootstrap/bootstrap.bundle.min.js", libs)
    for name in ("assets", "media", "tables", "cases"):
        if (project / name).is_dir():
            shutil.copytree(project / name, site / name)
    for notebook in sorted(project.glob("*.ipynb")):
        page = nbformat.read(notebook, as_version=4)
        (site / f"{notebook.stem}.html").write_text(document(page, notebook.name, settings))


def document(page, name, settings):
    front = YAML(typ="safe").load(page.cells[0].source.strip().strip("-"))
    html, website = settings["format"]["html"], settings["website"]
    body, is_widget = content(page)
    toc = re.findall(
        r'<section id="([^"]+)" class="level2">\n<h2 class="anchored">(.*?)</h2>', body
    )
    menu = "".join(
        f'<li class="nav-item"><a class="nav-link{" active" * (item["href"] == name)}" '
        f'href="./{item["href"].replace(".ipynb", ".html")}">{item["text"]}</a></li>'
        for item in website["navbar"]["left"]
    )
    headers = "".join(part["text"] for part in html.get("include-in-header", []))
    described = front.get("description", "")
    contents = "".join(f'<li><a class="nav-link" href="#{i}">{title}</a></li>' for i, title in toc)
    return f"""<!DOCTYPE html>
<html lang="{html.get("lang", "en")}"><head><meta charset="utf-8">
<meta name="generator" content="quarto-{VERSION}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(front["title"])}</title>
<link href="./{website["favicon"]}" rel="icon" type="image/svg+xml">
<script src="site_libs/quarto-html/quarto.js" type="module"></script>
<script src="site_libs/quarto-html/tabsets/tabsets.js" type="module"></script>
<script src="site_libs/bootstrap.bundle.min.js"></script>
<link href="site_libs/light.css" rel="stylesheet" class="quarto-color-scheme">
<link href="site_libs/dark.css" rel="disabled-stylesheet" class="quarto-color-scheme quarto-color-alternate">
{WIDGETS * is_widget}{headers}<link rel="stylesheet" href="{html["css"]}">
</head><body class="nav-fixed quarto-light"><script>{SCHEME * html["respect-user-color-scheme"]}</script>
<header id="quarto-header" class="headroom fixed-top"><nav class="navbar navbar-expand-lg" data-bs-theme="dark"><div class="navbar-container container-fluid">
<a class="navbar-brand" href="./index.html">{website["title"]}</a>
<div class="collapse navbar-collapse"><ul class="navbar-nav navbar-nav-scroll me-auto">{menu}</ul></div>
<div id="quarto-search" class="type-overlay" title="Search"><button class="btn">Search</button></div></div></nav></header>
<div id="quarto-content" class="quarto-container page-columns page-rows-contents page-layout-article page-navbar">
<main class="content" id="quarto-document-content"><header id="title-block-header" class="quarto-title-block default">
<div class="quarto-title"><h1 class="title">{escape(front["title"])}</h1></div><div><div class="description">{described}</div></div>
<div class="quarto-title-meta"></div></header>
{body}</main>
<div id="quarto-margin-sidebar" class="sidebar margin-sidebar"><nav id="TOC" role="doc-toc" class="toc-active"><ul>{contents}</ul></nav></div>
</div><footer class="footer"><div class="nav-footer"><div class="nav-footer-left">
      &nbsp;
    </div><div class="nav-footer-center"><p>{website["page-footer"]["center"]}</p></div>
    <div class="nav-footer-right">
      &nbsp;
    </div></div></footer></body></html>"""


def content(page):
    """The page's sections, and whether Quarto would take it for a page of widgets."""
    parts, is_widget = [], False
    for cell in page.cells[1:]:
        if cell.cell_type == "markdown":
            parts.append(markdown(cell.source))
        for output in cell.get("outputs", []):
            is_widget |= "text/html" in output.data
            shown = output.data.get("text/html") or markdown(output.data["text/markdown"])
            parts.append(
                f'<div class="cell"><div class="cell-output cell-output-display cell-output-markdown">{shown}</div></div>'
            )
    text = "\n".join(parts)
    head, *sections = re.split(r"^<h2>(.*?)</h2>$", text, flags=re.MULTILINE)
    for title, inner in zip(sections[::2], sections[1::2], strict=True):
        name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
        head += f'<section id="{name}" class="level2">\n<h2 class="anchored">{title}</h2>{inner}</section>'
    return head, is_widget


def markdown(text):
    text = SHORTCODE.sub(expanded, text)
    kept = []

    def keep(html):
        kept.append(html)
        return f"\n\n<div>kept-{len(kept) - 1}</div>\n\n"

    text = RAW.sub(lambda found: keep(found[2]), text)
    text = CALLOUT.sub(lambda found: keep(callout(*found.groups())), text)
    text = MATH.sub(r'<span class="math inline"><math><mi>\1</mi></math></span>', text)
    shown = MarkdownIt("commonmark", {"html": True}).render(text)
    shown = re.sub(r'href="([\w-]+)\.ipynb', linked, shown)
    return re.sub(r"<div>kept-(\d+)</div>", lambda found: kept[int(found[1])], shown)


def linked(found):
    """Lead to the page of a notebook; a link to one that is not here stays as it is."""
    return f'href="./{found[1]}.html' if Path(f"{found[1]}.ipynb").is_file() else found[0]


def callout(kind, text):
    title, _, rest = text.partition("\n")
    return (
        f'<div class="callout callout-style-default callout-{kind} callout-titled"><div class="callout-header">'
        f'<div class="callout-title-container">{title.lstrip("# ")}</div></div>'
        f'<div class="callout-body-container callout-body">{markdown(rest)}</div></div>'
    )


def expanded(found):
    kind, argument = found.groups()
    if kind == "include":
        return Path(argument).read_text()
    return os.environ.get(argument, "")


if __name__ == "__main__":
    main(sys.argv[1:])
