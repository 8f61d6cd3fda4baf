"""The one exception that a user of the command line is meant to see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class InputError(Exception):
    """Something that was given to the program is not usable.

    The message is one line that says what is wrong, where, and what would be right; the command
    line prints it as it stands and ends with exit code 2.
    """


@contextmanager
def about(subject: str) -> Iterator[None]:
    """Say of what an `InputError` speaks that is raised within the block.

    Parameters
    ----------
    subject : str
        Stands before the message, such as ``attack@peng2023``.
    """
    try:
        yield
    except InputError as error:
        raise InputError(f"{subject}: {error}") from error
