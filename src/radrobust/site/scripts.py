"""Scripts of Quarto's pages, so that they run from a disk too.

Browsers refuse to load a module from a disk. Quarto's pages load two, `quarto.js` and the
`tabsets.js` that it imports; as one ordinary script, deferred as modules are, they run anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from urllib.parse import unquote

from radrobust.core.errors import InputError

MODULE = re.compile(r'<script(?=[^>]*\stype="module")[^>]*\ssrc="([^"]+)"[^>]*></script>')
IMPORT = re.compile(r'^import \* as (\w+) from "(\.{1,2}/[^"]+)";?$', re.MULTILINE)
EXPORT = re.compile(r"^export (?:async )?function (\w+)", re.MULTILINE)
LEFT = re.compile(r"^(?:import\b(?! *\()|export\b).*$", re.MULTILINE)
ORDINARY = ".ordinary.js"


def make_ordinary(site: Path) -> None:
    """Replace the module scripts of every page of a rendered site by ordinary ones.

    Parameters
    ----------
    site : Path
        Its folder. Beside each module that a page loads comes its ordinary form; what another
        module of the page brings along is not loaded again.

    Raises
    ------
    InputError
        A module imports or exports in a way that this does not know: a newer Quarto.
    """
    made: set[Path] = set()
    for page in sorted(site.rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        files = {link: (page.parent / unquote(link)).resolve() for link in MODULE.findall(text)}
        if not files:
            continue
        brought = {file for own in files.values() for file in _imports(own)}
        loaded = {link: file for link, file in files.items() if file not in brought}
        for file in set(loaded.values()) - made:
            file.with_suffix(ORDINARY).write_text(ordinary(file), encoding="utf-8")
        made |= set(loaded.values())
        tags = {link: _tag(link) for link in loaded}
        page.write_text(MODULE.sub(partial(_replaced, tags), text), encoding="utf-8")


def _tag(link: str) -> str:
    return f'<script src="{link.removesuffix(".js")}{ORDINARY}" defer></script>'


def _replaced(tags: Mapping[str, str], found: re.Match[str]) -> str:
    return tags.get(found[1], "")


def ordinary(module: Path) -> str:
    """Return the source of an ordinary script that does what a module does.

    Raises
    ------
    InputError
        See `make_ordinary`.
    """
    return f"(() => {{\n{_inlined(module)}\n}})();\n"


def _inlined(module: Path) -> str:
    """Return a module's source, each import replaced by the object that it names."""

    def imported(found: re.Match[str]) -> str:
        source = _inlined(module.parent / found[2])
        exported = ", ".join(EXPORT.findall((module.parent / found[2]).read_text("utf-8")))
        return f"const {found[1]} = (() => {{\n{source}\nreturn {{ {exported} }};\n}})();"

    text = IMPORT.sub(imported, module.read_text(encoding="utf-8"))
    text = EXPORT.sub(lambda found: found[0].removeprefix("export "), text)
    if left := LEFT.search(text):
        raise InputError(
            f"{module.name} of this Quarto says “{left[0].strip()}”, which is not known here; "
            f"another version of Quarto, or smalldocs, renders the site"
        )
    return text


def _imports(module: Path) -> set[Path]:
    found = IMPORT.findall(module.read_text(encoding="utf-8"))
    direct = {(module.parent / source).resolve() for _, source in found}
    return direct.union(*(_imports(file) for file in direct))
