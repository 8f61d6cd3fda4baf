"""Scripts of Quarto's pages, so that they run from a disk too.

Browsers refuse to load a module from a disk. Quarto's pages load two, `quarto.js` and the
`tabsets.js` that it imports; as one ordinary script, deferred as modules are, they run anywhere.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from radrobust.errors import InputError

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
    for page in sorted(site.rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        modules = MODULE.findall(text)
        files = {source: (page.parent / unquote(source)).resolve() for source in modules}
        brought = {file for own in files.values() for file in _imports(own)}

        def replaced(
            found: re.Match[str],
            files: dict[str, Path] = files,
            brought: set[Path] = brought,
        ) -> str:
            file = files[found[1]]
            if file in brought:
                return ""
            file.with_suffix(ORDINARY).write_text(ordinary(file), encoding="utf-8")
            return f'<script src="{found[1].removesuffix(".js")}{ORDINARY}" defer></script>'

        if modules:
            page.write_text(MODULE.sub(replaced, text), encoding="utf-8")


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
