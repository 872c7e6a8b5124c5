"""The English words of a text, with what the lists say of each, and phrases among them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from suwen.core.errors import BadInput
from suwen.privacy.words.lexicon import english_names, english_words, table, words

LISTS: Final = "english.toml"
_LITERAL: Final = re.compile("[a-z]+")
_INFLECTED: Final = re.compile("(?:able|ible|ingly|edly|tion|tions|ness|ment|ously|ful)$", re.I)
"""Endings of ordinary words that no list may have."""
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
    likely
        Whether each can be part of a name, by how it is written.
    present
        The words and, of those with a hyphen, their parts.
    phrases
        Where phrases of the lists of `english.toml` stand, with what follows them, by list.
    """

    text: str
    spans: list[tuple[int, int]]
    low: list[str]
    flags: list[str]
    cased: bool
    likely: list[bool]
    present: frozenset[str]
    phrases: Mapping[str, list[re.Match[str]]]

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
        return self.likely[i]

    def shown(self, i: int) -> bool:
        """Say whether word i has a capital that means something."""
        return self.cased and self.text[self.spans[i][0]].isupper()

    def is_first(self, i: int) -> bool:
        """Say whether word i is a frequent first name."""
        return self.flags[i][:1] in ("m", "f", "b") and bool(self.flags[i])


def read(text: str) -> Words:
    """Return the English words of a folded text."""
    names, whole = english_names(), text.lower()
    if len(whole) != len(text):  # a letter whose lower case is two: İ
        whole = "".join(one.lower()[:1] for one in text)
    spans = [found.span() for found in _WORD.finditer(text)]
    low = [whole[start:end] for start, end in spans]
    flags = [names.get(word, "") for word in low]
    for i, word in enumerate(low):
        if "'" in word or "-" in word:
            if word[-2:] == "'s":
                spans[i] = (spans[i][0], spans[i][1] - 2)
                low[i] = word[:-2]
                flags[i] = names.get(low[i], "")
            if not flags[i] and "-" in low[i]:
                flags[i] = names.get(low[i].rpartition("-")[2], "")
    cased = _cased(text, spans, low)
    ordinary, never = english_words(), words(LISTS, "capital_words")
    likely = [
        word not in never and _likely(text[start:end], known, word in ordinary, cased)
        for (start, end), word, known in zip(spans, low, flags, strict=True)
    ]
    present = frozenset(low)
    parts = (part for word in present if "-" in word for part in word.split("-"))
    return Words(
        text, spans, low, flags, cased, likely, present.union(parts), _phrases(text, spans, low)
    )


def _cased(text: str, spans: list[tuple[int, int]], low: list[str]) -> bool:
    """Say whether a text has words in lower case and others with a capital."""
    titled = lowered = 0
    for (start, end), small in zip(spans, low, strict=True):
        if end - start > 1:
            word = text[start:end]
            if word == small:
                lowered += 1
            elif word[1:] == small[1:]:
                titled += 1
            if titled and (lowered or titled > 1):
                return True
    return False


def _likely(word: str, known: str, ordinary: bool, cased: bool) -> bool:
    """Say whether a word can be part of a name; `known`: its flags.

    Where capitals mean something a word in lower case has to be a name and nothing else.
    """
    if len(word) < 2:
        return False
    named = bool(known) and "w" not in known
    if not cased:
        return named or not (ordinary or _INFLECTED.search(word))
    if word[0].isupper():
        return not word.isupper() or (len(word) > 2 and named)
    return named and not ordinary and len(word) > 3


PHRASES: Final = {
    "name_cues": r"(?:\s+(?:is|was|of))?(?:\s{0,3}[:,#=-]\s{0,3}|\s{1,3})\(?\"?(?=[a-z])",
    "facility_heads": "(?![a-z])",
    "facility_weak": "(?![a-z])",
    "facility_known": "(?![a-z])",
}
"""The lists of phrases, and what has to follow each."""


@lru_cache(maxsize=1)
def _index() -> Mapping[str, tuple[tuple[str, re.Pattern[str]], ...]]:
    """Return the phrases of all lists by how their first word begins (three letters at most)."""
    listed: dict[tuple[str, str], list[str]] = {}
    for key in PHRASES:
        for phrase in table(LISTS)[key]:
            first = _LITERAL.match(phrase)
            if first is None:
                raise BadInput(f"the phrase {phrase!r} in {LISTS}", "one that begins with a letter")
            short = -1 if phrase[first.end() :][:1] in "?" else None
            for begin in {first[0][:3], first[0][:short][:3]}:
                listed.setdefault((begin, key), []).append(phrase)
    index: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for (begin, key), ways in listed.items():
        longest = "|".join(sorted(ways, key=len, reverse=True))
        pattern = re.compile(f"(?:{longest}){PHRASES[key]}", re.IGNORECASE)
        index.setdefault(begin, []).append((key, pattern))
    return {begin: tuple(patterns) for begin, patterns in index.items()}


def _phrases(
    text: str, spans: list[tuple[int, int]], low: list[str]
) -> dict[str, list[re.Match[str]]]:
    index = _index()
    found: dict[str, list[re.Match[str]]] = {key: [] for key in PHRASES}
    for (start, _), word in zip(spans, low, strict=True):
        for key, pattern in index.get(word[:3], ()):
            match = pattern.match(text, start)
            if match is not None:
                found[key].append(match)
    return found
