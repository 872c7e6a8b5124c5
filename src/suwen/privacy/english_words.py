"""The English words of a text, with what the lists say of each, and phrases among them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from suwen.core.errors import BadInput
from suwen.privacy.lexicon import english_names, english_words, table, words

LISTS: Final = "english.toml"
_LITERAL: Final = re.compile("[a-z]+")
_WORD: Final = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]+)*")


@dataclass(frozen=True)
class Words:
    """The English words of a folded text.

    Parameters
    ----------
    text
        The text they stand in.
    spans
        Start and end of each, without a possessive 's.
    low
        In lower case.
    flags
        What `names_en.txt` says of each, empty where nothing.
    cased
        Whether capitals mean something in this text.
    """

    text: str
    spans: list[tuple[int, int]]
    low: list[str]
    flags: list[str]
    cased: bool

    def __len__(self) -> int:
        return len(self.spans)

    def from_(self, position: int) -> int:
        """Return the number of the first word that begins at a character or after it."""
        return bisect_left(self.spans, (position, 0))

    def of(self, i: int) -> str:
        """Return word i as it is written."""
        return self.text[slice(*self.spans[i])]

    def gap(self, i: int) -> str:
        """Return what stands between word i and the next."""
        return self.text[self.spans[i][1] : self.spans[i + 1][0]] if i + 1 < len(self.spans) else ""

    def is_initial(self, i: int) -> bool:
        """Say whether word i is a letter that stands for a name."""
        start, end = self.spans[i]
        if end - start != 1:
            return False
        dotted = self.text[end : end + 1] == "."
        return self.text[start].isupper() if self.cased else dotted or self.low[i] not in "ai"

    def namely(self, i: int) -> bool:
        """Say whether word i can be part of a name, by how it is written."""
        low = self.low[i]
        if len(low) < 2 or low in words(LISTS, "capital_words"):
            return False
        if not self.cased:
            known = self.flags[i]
            return (bool(known) and "w" not in known) or low not in english_words()
        word = self.of(i)
        if not word[0].isupper():
            return False
        return not (word.isupper() and len(word) > 1) or (
            len(word) > 2 and bool(self.flags[i]) and "w" not in self.flags[i]
        )

    def is_first(self, i: int) -> bool:
        """Say whether word i is a frequent first name."""
        return self.flags[i][:1] in ("m", "f", "b") and bool(self.flags[i])


def read(text: str) -> Words:
    """Return the English words of a folded text."""
    names = english_names()
    spans, low, flags = [], [], []
    titled = lowered = 0
    for found in _WORD.finditer(text):
        start, end = found.span()
        word = found[0]
        if word[-2:] in ("'s", "'S"):
            end -= 2
            word = word[:-2]
        small = word.lower()
        spans.append((start, end))
        low.append(small)
        known = names.get(small, "")
        if not known and "-" in small:
            known = names.get(small.rpartition("-")[2], "")
        flags.append(known)
        if end - start > 1:
            lowered += word == small
            titled += word[0] != small[0] and word[1:] == small[1:]
    cased = titled > 0 and (lowered > 0 or titled > 1)
    return Words(text, spans, low, flags, cased)


@lru_cache(maxsize=8)
def _phrases(key: str, tail: str) -> Mapping[str, re.Pattern[str]]:
    """Return the phrases of a list by how their first word begins (three letters at most)."""
    listed: dict[str, list[str]] = {}
    for phrase in table(LISTS)[key]:
        first = _LITERAL.match(phrase)
        if first is None:
            raise BadInput(f"the phrase {phrase!r} in {LISTS}", "one that begins with a letter")
        for begin in {
            first[0][:3],
            first[0][: -1 if phrase[first.end() :][:1] in "?" else None][:3],
        }:
            listed.setdefault(begin, []).append(phrase)
    return {
        begin: re.compile(
            f"(?:{'|'.join(sorted(ways, key=len, reverse=True))}){tail}", re.IGNORECASE
        )
        for begin, ways in listed.items()
    }


def phrases(said: Words, key: str, tail: str = r"(?![a-z])") -> Iterator[re.Match[str]]:
    """Yield where a phrase of a list of `english.toml` stands, followed by a pattern."""
    index = _phrases(key, tail)
    for i, low in enumerate(said.low):
        pattern = index.get(low[:3])
        found = pattern.match(said.text, said.spans[i][0]) if pattern else None
        if found is not None:
            yield found
