"""Pictures of a page as files beside it: browsers load them when they are about to be seen."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from urllib.parse import unquote_to_bytes

from nbformat import NotebookNode

FOLDER = Path("media")
"""Where they lie, beside the pages."""

SMALLEST = 2048
"""Characters of a picture that is worth a file, and a request for it."""

PICTURE = re.compile(r'(<img src=")data:image/(webp|svg\+xml)(;base64)?,([^"]+)"')


def take_out(notebook: NotebookNode) -> dict[str, bytes]:
    """Let the pictures in a notebook's HTML be files, and return them by name.

    Parameters
    ----------
    notebook : NotebookNode
        Executed; its outputs lead to the files afterwards. What is drawn in layers stays as it is:
        browsers would load all of that at once.
    """
    files: dict[str, bytes] = {}

    def leave(found: re.Match[str]) -> str:
        start, kind, is_base64, text = found.groups()
        if len(text) < SMALLEST:
            return found[0]
        data = base64.b64decode(text) if is_base64 else unquote_to_bytes(text)
        name = f"{hashlib.sha256(data).hexdigest()[:16]}.{kind.removesuffix('+xml')}"
        files[name] = data
        return f'{start}{FOLDER}/{name}"'

    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output.data["text/html"] = PICTURE.sub(leave, output.data["text/html"])
    return files
