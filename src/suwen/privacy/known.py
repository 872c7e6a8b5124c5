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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

from suwen.privacy.subject import Subject

SHORTEST_NUMBER: Final = 5
"""Shorter identifiers are too common as measurements to be searched for."""
SHORTEST_PART: Final = 3
MOST_WORDS: Final = 4
_NAME_GAP = re.compile(r"[\s,.^·_=&-]{1,3}")
"""What may stand between two words of one name."""
_NUMBER_GAP = re.compile(r"[ ().+/_@·^,-]{1,2}")
"""What may stand between two characters of one number, address or e-mail address."""
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
    def _index(self) -> dict[str, list[tuple[str, ...]]]:
        """Whole names of two to four words, sorted, under each of their words."""
        index: dict[str, list[tuple[str, ...]]] = {}
        for words in {tuple(sorted(words)) for words, _ in self._groups if len(words) > 1}:
            for word in set(words):
                index.setdefault(word, []).append(words)
        return index

    @cached_property
    def _groups(self) -> list[tuple[tuple[str, ...], str]]:
        """Of each written form of each name its Latin words, and its Chinese characters."""
        out = []
        for name in self.names | self.others:
            for group in _plain(name).split("="):
                words = _words(group)
                latin = [word.casefold() for word in words if not _HAN.search(word)]
                chinese = "".join(word for word in words if _HAN.fullmatch(word))
                if len(latin) > MOST_WORDS or (len(latin) > 2 and sum(map(len, latin)) > 12):
                    long = tuple(word for word in latin if len(word) > 1)
                    out.append((long[:MOST_WORDS], ""))
                out.append((tuple(latin[:MOST_WORDS]), chinese if len(chinese) > 1 else ""))
        return out

    @cached_property
    def _chinese(self) -> frozenset[str]:
        return frozenset(chinese for _, chinese in self._groups if chinese)

    @cached_property
    def _parts(self) -> frozenset[str]:
        words = {word for latin, _ in self._groups for word in latin}
        return frozenset(word for word in words if len(word) >= SHORTEST_PART)

    @cached_property
    def _bare(self) -> frozenset[str]:
        """Numbers and the like as their letters and digits alone."""
        return frozenset(filter(None, map(_identifying, self.numbers)))

    def found(self, text: str) -> list[str]:
        """Return the stretches of a text that identify: whole names and numbers."""
        if not self or len(text) < 2:
            return []
        plain = _plain(text)
        return [plain[start:end] for start, end in self._spans(plain, free=False)]

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
        if not self or len(text) < 2:
            return text
        plain = _plain(text)
        spans = sorted(self._spans(plain, free=free))
        if not spans:
            return text
        out, end = [], 0
        for start, stop in spans:
            if start >= end:
                out += [plain[end:start], subject.pseudonym]
            end = max(end, stop)
        return "".join([*out, plain[end:]])

    def _spans(self, text: str, *, free: bool) -> Iterator[tuple[int, int]]:
        for name in self._chinese:
            start = text.find(name)
            while start >= 0:
                yield start, start + len(name)
                start = text.find(name, start + 1)
        yield from self._name_spans(text, free=free)
        yield from self._number_spans(text)

    def _name_spans(self, text: str, *, free: bool) -> Iterator[tuple[int, int]]:
        words = [(match[0], match.start(), match.end()) for match in _WORD.finditer(text)]
        folded = [word.casefold() for word, _, _ in words]
        for i, word in enumerate(folded):
            for name in self._index.get(word, ()):
                last = i + len(name) - 1
                if last < len(folded) and tuple(sorted(folded[i : last + 1])) == name:
                    gaps = (text[words[j][2] : words[j + 1][1]] for j in range(i, last))
                    if all(_NAME_GAP.fullmatch(gap) for gap in gaps):
                        yield words[i][1], words[last][2]
            if free and word in self._parts and words[i][0][0].isupper():
                yield words[i][1], words[i][2]

    def _number_spans(self, text: str) -> Iterator[tuple[int, int]]:
        if not self._bare:
            return
        places = [i for i, character in enumerate(text) if character.isalnum()]
        bare = "".join(text[i] for i in places).casefold()
        if len(bare) != len(places):  # a letter whose lower case is two
            bare = "".join(text[i].casefold()[:1] for i in places)
        for number in self._bare:
            start = bare.find(number)
            while start >= 0:
                first, last = places[start], places[start + len(number) - 1]
                inside = places[start : start + len(number)]
                gaps = (text[a + 1 : b] for a, b in pairwise(inside) if b > a + 1)
                held = all(_NUMBER_GAP.fullmatch(gap) for gap in gaps)
                if held and not _joined(text, first, last):
                    yield first, last + 1
                start = bare.find(number, start + 1)


def _joined(text: str, first: int, last: int) -> bool:
    """Say whether a number goes on: a letter or digit stands right before or after it."""
    before = text[first - 1] if first else " "
    after = text[last + 1] if last + 1 < len(text) else " "
    return before.isalnum() or after.isalnum()


def _plain(text: str) -> str:
    """Return the text in the form that is searched; not always of the same length."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _words(name: str) -> Sequence[str]:
    words = _WORD.findall(name)
    return [word for word in words if word.casefold() not in _PLACEHOLDERS]


def _identifying(text: str) -> str:
    """Return an identifier as letters and digits, empty when it is too common to search for."""
    plain = _plain(text).strip().casefold()
    bare = "".join(character for character in plain if character.isalnum())
    if len(bare) < SHORTEST_NUMBER or plain in _PLACEHOLDERS:
        return ""
    digits = sum(map(str.isdigit, bare))
    wordy = "@" in plain or (" " in plain and len(bare) >= 8)
    return bare if digits >= 3 or (wordy and (digits or "@" in plain)) else ""
