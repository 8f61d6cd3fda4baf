"""Whom a film shows, and whether its path tells: what is known here gets into no result."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

NOBODY = {
    *("anon", "anonym", "anonymous", "anonymized", "anonymised", "anonymisiert"),
    *("deidentified", "de-identified", "removed", "redacted", "unknown", "none", "n/a", "na"),
}
"""What tools that remove identifiers put in place of them; small letters."""

WITHIN = 3
"""Signs from which on a word is found within other words too; a shorter one has to stand alone."""

OF_OTHERS = 5
"""Signs of a word from which on it tells of its owner beside films of others as well."""

DIGITS = 5
"""In a row, from which on they tell by themselves: those of ``HOSPITAL-1234567``."""

_LETTERS = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe"})
"""Those that are not a letter and an accent, in plain ones."""

_OWN_WORDS = "\u2e80"
"""From here on, a sign is a word, or most of one: Chinese and Japanese."""


@dataclass(frozen=True)
class Person:
    """What is said of whom a film shows.

    Attributes
    ----------
    identifiers : tuple of str
        The table's and the DICOM file's, if they say one; the first is that of the patient.
    name : str
        As DICOM has it, ``Family^Given^…``, in one alphabet or several.
    born : str
        As DICOM has it, ``YYYYMMDD``.
    """

    identifiers: tuple[str, ...] = ()
    name: str = ""
    born: str = ""

    @property
    def patient(self) -> str:
        """By which identifier one patient is told from others; empty if it is not known."""
        return self.identifiers[0] if self.identifiers else ""

    def words(self) -> frozenset[str]:
        """Return what a path must not hold, spelled as `telling` spells paths."""
        found = set(_dates(self.born))
        for identifier in self.identifiers:
            for run in map("".join, _spelled(identifier)):
                found |= {run, run.lstrip("0"), *re.findall(rf"\d{{{DIGITS},}}", run)}
        names = {word for words in _spelled(self.name) for word in words} - NOBODY
        found |= {word for word in names if len(word) > 1 or word >= _OWN_WORDS}  # no initials
        return frozenset(found - {""})


def is_nobody(identifier: str) -> bool:
    """Tell whether an identifier is one that tools put in the place of all."""
    return identifier.casefold() in NOBODY or not identifier.strip("0")


def telling(shown: Mapping[str, Person]) -> set[str]:
    """Return the paths that hold an identifier, a name or a birth date of whom the film shows.

    Upper case, accents and what parts words make no difference, nor do ``ä`` and ``ae``. A word of
    fewer than `WITHIN` signs counts only where it stands alone. A film without an identifier, such
    as a damaged one, may lie beside others of the same patient: in its path, words of `OF_OTHERS`
    signs or more of anybody count.

    Parameters
    ----------
    shown : mapping of str to Person
        Whom the film at a path shows. The first part of each path, a class, is not looked at: it
        is published in any case.

    Examples
    --------
    >>> anna = Person(("0012345",), "Müller^Anna", "19310213")
    >>> paths = ["ill/12345", "ill/Mueller/2", "ill/born 13.2.1931", "anna/4"]
    >>> sorted(telling(dict.fromkeys(paths, anna)))
    ['ill/12345', 'ill/Mueller/2', 'ill/born 13.2.1931']
    """
    words = {path: person.words() for path, person in shown.items()}
    of_others = _Words(word for own in words.values() for word in own if len(word) >= OF_OTHERS)
    found = set()
    for path, person in shown.items():
        name = path.partition("/")[2]
        if _holds(name, words[path]) or (not person.identifiers and of_others.are_in(name)):
            found.add(path)
    return found


def _holds(path: str, words: Collection[str]) -> bool:
    for parts in _spelled(path):
        run = "".join(parts)
        alone = {*parts, *(part.lstrip("0") for part in parts)}
        if any(word in run if _within(word) else word in alone for word in words):
            return True
    return False


def _within(word: str) -> bool:
    return len(word) >= WITHIN or word >= _OWN_WORDS


class _Words:
    """Many words, to be found in many paths in no more time than few take."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = frozenset(words)
        self._lengths = {len(word) for word in self._words}

    def are_in(self, path: str) -> bool:
        return any(
            run[start : start + length] in self._words
            for run in map("".join, _spelled(path))
            for length in self._lengths
            for start in range(len(run) - length + 1)
        )


def _spelled(text: str) -> Iterator[list[str]]:
    """Yield the words of a text, in small letters without accents: as it is, and with a for ae."""
    marked = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    bare = "".join(sign for sign in marked if not unicodedata.combining(sign))
    for spelling in (bare, re.sub("([aou])e", r"\1", bare)):
        yield re.findall(r"[^\W_]+", spelling)


def _dates(born: str) -> Iterator[str]:
    """Yield the usual ways to write a date, without what parts day, month and year."""
    digits = re.sub(r"\D", "", born)
    if len(digits) != 8:
        return
    year, month, day = digits[:4], digits[4:6], digits[6:]
    short = str(int(month)), str(int(day))
    for years, months, days in ((year, month, day), (year, *short), (year[2:], month, day)):
        yield from (years + months + days, days + months + years, months + days + years)
