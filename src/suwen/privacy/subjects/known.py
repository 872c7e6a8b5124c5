"""What is known of a person: identifiers stated in one place are found wherever else they stand.

A patient's name in a DICOM header, an HL7 segment or a FHIR Patient is also searched for in every
text and field of the same patient: no rule has to guess that it is a name. Whole names and numbers
are found in any field; a part of a name only in free text, and there only written with a capital
("White" the family, not "white matter").

Reference: Neamatullah et al., "Automated de-identification of free-text medical records", BMC Med
Inform Decis Mak 8:32, 2008 (known names of the patient as the strongest rule).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from suwen.privacy.subjects.known_index import FORMS, HAN, MOST_WORDS, WORD, Index, small_index
from suwen.privacy.subjects.subject import Subject

SHORTEST_NUMBER: Final = 5
"""Shorter identifiers are too common as measurements to be searched for."""
SHORTEST_PART: Final = 3
_PLACEHOLDERS: Final = frozenset(
    {"anonymous", "anonymized", "anonymised", "unknown", "none", "removed", "test", "patient"}
    | {"null", "na", "mr", "mrs", "ms", "dr", "prof", "miss", "doctor", "nurse", "unspecified"}
)


@dataclass(frozen=True)
class Known:
    """Identifiers of one person and the people around them.

    Parameters
    ----------
    names
        Names of the person as written: `Jane Doe`, `Doe^Jane`, `王小东`.
    numbers
        Record numbers, telephone numbers, addresses, e-mail addresses.
    others
        Names of relatives and staff.
    """

    names: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()

    def __or__(self, other: Known) -> Known:
        """Return what either knows."""
        return Known(
            self.names | other.names, self.numbers | other.numbers, self.others | other.others
        )

    def __bool__(self) -> bool:
        return bool(self.names or self.numbers or self.others)

    @classmethod
    def of_all(cls, several: Iterable[Known]) -> Known:
        """Return what any of several knows, at the cost of reading each once."""
        names: set[str] = set()
        numbers: set[str] = set()
        others: set[str] = set()
        for one in several:
            names |= one.names
            numbers |= one.numbers
            others |= one.others
        return cls(frozenset(names), frozenset(numbers), frozenset(others))

    @cached_property
    def _index(self) -> Index:
        tables: dict[str, dict[str, frozenset[int]]] = {name: {} for name in FORMS}
        for table, form in forms(self):
            tables[table][form] = _ALONE
        return small_index(tables)

    def found(self, text: str) -> list[str]:
        """Return the stretches of a text that identify: whole names and numbers."""
        return found(self._index, text) if self else []

    def scrubbed(self, text: str, subject: Subject, *, free: bool = False) -> str:
        """Return a text with what identifies replaced by the pseudonym: see `scrubbed`."""
        return scrubbed(self._index, text, subject, free=free) if self else text


_ALONE: Final = frozenset((0,))


def found(index: Index, text: str) -> list[str]:
    """Return the stretches of a text that are whole names and numbers of somebody."""
    if len(text) < SHORTEST_NUMBER and not any(map(str.isalpha, text)):
        return []
    folded = plain(text)
    return [folded[hit.start : hit.end] for hit in index.hits(folded, free=False)]


def scrubbed(index: Index, text: str, subject: Subject, *, free: bool) -> str:
    """Return a text with the names and numbers of anybody replaced by a pseudonym.

    Parameters
    ----------
    index
        What is looked for.
    text
        Any text.
    subject
        Whose pseudonym stands in for what is found.
    free
        Whether it is prose, in which parts of names are looked for as well.
    """
    if len(text) < 2:
        return text
    folded = plain(text)
    spans = sorted((hit.start, hit.end) for hit in index.hits(folded, free=free))
    if not spans:
        return text
    out, end = [], 0
    for start, stop in spans:
        if start >= end:
            out += [folded[end:start], subject.pseudonym]
        end = max(end, stop)
    return "".join([*out, folded[end:]])


def forms(known: Known) -> Iterator[tuple[str, str]]:
    """Yield what is searched for of a person: the table of the index and the written form."""
    for latin, han in _groups(known.names | known.others):
        if len(latin) > 1:
            yield "names", " ".join(sorted(latin))
        if han:
            yield "chinese", han
        for word in latin:
            if len(word) >= SHORTEST_PART:
                yield "parts", word
    for number in filter(None, map(_identifying, known.numbers)):
        yield "numbers", number


def owners_in(index: Index, text: str) -> Iterator[frozenset[int]]:
    """Yield whose whole names and numbers stand in a text, one by one."""
    return (hit.owners for hit in index.hits(plain(text), free=False))


def _groups(names: Iterable[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield of each written form of each name its Latin words, and its Chinese characters."""
    for name in names:
        for group in plain(name).split("="):
            words = _words(group)
            latin = [word.casefold() for word in words if not HAN.search(word)]
            chinese = "".join(word for word in words if HAN.fullmatch(word))
            if len(latin) > MOST_WORDS or (len(latin) > 2 and sum(map(len, latin)) > 12):
                long = tuple(word for word in latin if len(word) > 1)
                yield long[:MOST_WORDS], ""
            yield tuple(latin[:MOST_WORDS]), chinese if len(chinese) > 1 else ""


def plain(text: str) -> str:
    """Return the text in the form that is searched; not always of the same length."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _words(name: str) -> Sequence[str]:
    words = WORD.findall(name)
    return [word for word in words if word.casefold() not in _PLACEHOLDERS]


def _identifying(text: str) -> str:
    """Return an identifier as letters and digits, empty when it is too common to search for."""
    low = plain(text).strip().casefold()
    bare = "".join(character for character in low if character.isalnum())
    if len(bare) < SHORTEST_NUMBER or low in _PLACEHOLDERS:
        return ""
    digits = sum(map(str.isdigit, bare))
    wordy = "@" in low or (" " in low and len(bare) >= 8)
    return bare if digits >= 3 or (wordy and (digits or "@" in low)) else ""
