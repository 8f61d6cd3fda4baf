"""Writing files so that a reader, or a run that was killed, never meets half of one."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a path beside `target` to write to; move it into place if nothing was raised.

    Parameters
    ----------
    target : Path
        File or folder to be written. A file or folder already there is replaced at the end, and
        left as it was if the block raises.

    Yields
    ------
    Path
        A path that does not exist yet, on the same file system and with the same suffix as
        `target`; write a file to it or make it a folder.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    workroom = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        draft = workroom / target.name
        yield draft
        if target.is_dir() and not target.is_symlink():
            target.rename(workroom / "replaced")
        draft.replace(target)
    finally:
        shutil.rmtree(workroom, ignore_errors=True)
