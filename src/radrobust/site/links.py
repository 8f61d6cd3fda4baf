"""Do the links of a rendered site lead somewhere?"""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ADDRESSES = {"a": "href", "link": "href", "img": "src", "script": "src"}


class _Page(HTMLParser):
    """What a page links to, and what can be linked to on it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if address := known.get(ADDRESSES.get(tag, "")):
            self.links.append(address)
        self.anchors |= {name for name in (known.get("id"), known.get("name")) if name}


def broken_links(site: Path) -> Iterator[tuple[str, str]]:
    """Yield page and link of every link within a site that leads nowhere.

    Links to other hosts are not followed. A fragment with an equals sign is a state of the page,
    such as a case of the case browser, and no place on it.

    Parameters
    ----------
    site : Path
        Its folder.
    """
    root = site.resolve()
    files = sorted(root.rglob("*.html"))
    pages = {file: _Page(file.read_text(encoding="utf-8")) for file in files}
    for file, page in pages.items():
        for link in dict.fromkeys(page.links):
            if not _leads_somewhere(link, file, pages):
                yield file.relative_to(root).as_posix(), link


def _leads_somewhere(link: str, file: Path, pages: dict[Path, _Page]) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
    if target.is_dir():
        target /= "index.html"
    if not parts.fragment or "=" in parts.fragment or target not in pages:
        return target.is_file()
    return unquote(parts.fragment) in pages[target].anchors
