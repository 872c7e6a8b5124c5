"""What is known of a person: identifiers stated in one place are found wherever else they stand.

A patient's name in a DICOM header, an HL7 segment or a FHIR Patient is also searched for in every
text and field of the same patient: no rule has to guess that it is a name. Whole names and numbers
are found in any field; a part of a name only in free text, and there only written with a capital
("White" the family, not "white matter").

Reference: Neamatullah et al., "Automated de-identification of free-text medical records", BMC Med
Inform Decis Mak 8:32, 2008 (known names of the patient as the strongest rule).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from typing import Final

from suwen.privacy.subject import Subject

SHORTEST_NUMBER: Final = 5
"""Shorter identifiers are too common as measurements to be searched for."""
SHORTEST_PART: Final = 3
MOST_WORDS: Final = 4
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]+")
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

    @cached_property
    def _whole(self) -> re.Pattern[str] | None:
        numbers = {_number_pattern(text) for text in self.numbers}
        return _any({*_name_patterns(self.names), *_name_patterns(self.others), *numbers})

    @cached_property
    def _parts(self) -> re.Pattern[str] | None:
        return _any(_part_patterns(self.names | self.others), flags=0)

    def found(self, text: str) -> list[str]:
        """Return the stretches of a text that identify: whole names and numbers."""
        if self._whole is None or not text:
            return []
        return [match[0] for match in self._whole.finditer(_plain(text))]

    def scrubbed(self, text: str, subject: Subject, *, free: bool = False) -> str:
        """Return a text with what identifies replaced by the pseudonym.

        Parameters
        ----------
        text
            Any text.
        subject
            Whose pseudonym stands in for what is found.
        free
            Whether it is prose, in which parts of names are looked for as well.
        """
        for pattern in (self._whole, self._parts if free else None):
            if pattern is not None and text:
                text = _replaced(text, pattern, subject.pseudonym)
        return text


def _plain(text: str) -> str:
    """Return the text in the form that is searched; not always of the same length."""
    return unicodedata.normalize("NFKC", text)


def _replaced(text: str, pattern: re.Pattern[str], new: str) -> str:
    plain = _plain(text)
    return pattern.sub(new, plain) if pattern.search(plain) else text


def _any(patterns: Iterable[str], flags: int = re.IGNORECASE) -> re.Pattern[str] | None:
    ordered = sorted(filter(None, patterns), key=len, reverse=True)
    return re.compile("|".join(ordered), flags) if ordered else None


def _words(name: str) -> Sequence[str]:
    words = _WORD.findall(_plain(name))
    return [word for word in words if word.casefold() not in _PLACEHOLDERS]


def _name_patterns(names: Iterable[str]) -> set[str]:
    """Return patterns of whole names: two words or more in any order, or a Chinese name."""
    out: set[str] = set()
    for name in names:
        for group in name.split("="):
            words = _words(group)
            chinese = "".join(word for word in words if _HAN.fullmatch(word))
            if len(chinese) >= 2:
                out.add(re.escape(chinese))
                continue
            latin = [word for word in words if not _HAN.search(word)]
            if not 2 <= len(latin) <= MOST_WORDS or sum(map(len, latin)) < 5:
                latin = [word for word in latin if len(word) > 1][:MOST_WORDS]
            for order in permutations(latin) if len(latin) >= 2 else ():
                joined = r"[\s,.^·_-]{0,3}".join(map(re.escape, order))
                out.add(rf"(?<![^\W_]){joined}(?![^\W_])")
    return out


def _part_patterns(names: Iterable[str]) -> set[str]:
    """Return patterns of single names, written with a capital or in capitals."""
    out = set()
    for word in {word for name in names for word in _words(name)}:
        if len(word) >= SHORTEST_PART and word[0].isalpha() and not _HAN.search(word):
            forms = {word.capitalize(), word.upper(), word.title()}
            out |= {rf"(?<![^\W_]){re.escape(form)}(?![^\W_])" for form in forms}
    return out


def _number_pattern(text: str) -> str:
    """Return the pattern of an identifier, its digits perhaps set apart by marks."""
    plain = _plain(text).strip()
    characters = [character for character in plain if character.isalnum()]
    if len(characters) < SHORTEST_NUMBER or plain.casefold() in _PLACEHOLDERS:
        return ""
    if not any(character.isdigit() for character in characters) and len(characters) < 8:
        return ""
    if not any(map(str.isdigit, characters)) and "@" not in plain and " " not in plain:
        return ""
    joined = r"[\s().+/_-]{0,2}".join(map(re.escape, characters)) if "@" not in plain else (
        re.escape(plain)
    )  # fmt: skip
    return rf"(?<![^\W_]){joined}(?![^\W_])"
