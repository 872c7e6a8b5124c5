"""Finds the names of the vocabulary in a text: longest first, both languages in one walk.

Every window of up to `LONGEST` tokens has the key of its bag; all keys of a text are computed at
once and looked up in a table of all known keys; only what is in it is compared word by word.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.notes.vocabulary import terms
from suwen.notes.vocabulary.names import CASED, KNOWLEDGE, UNMATCHED, Entry, Vocabulary, installed

LONGEST: Final = 12
"""Tokens of the longest name looked for (a Chinese character is a token)."""
_BITS: Final = 22
"""Bits of a key that the first look goes by: four megabytes, so that it stays in the cache."""
_BREAK: Final = re.compile(r"[^\w\s'\u2019/()-]|\n|\s[-/(]\s?|\b(?:and|or|with)\b", re.IGNORECASE)
"""What parts words of which no order but their own is the same name."""
_PARTING: Final = re.compile(r"[、，。；：,;:\n]")
"""What parts Chinese words that are listed: 咳嗽、咳痰 are two."""
_PARTING_LATIN: Final = re.compile(r"[.;:\n](?=\s|$)|\n")
_LISTED: Final = re.compile(r"\s(?:and|or|with)\s", re.IGNORECASE)
"""Between two names that are one each: nausea and vomiting."""
_LETTERS: Final = re.compile(r"[^\W\d_]{2}|[^\W\d_][\-/ ]?\d|\d[^\W\d_]")
_RANK: Final = {"problem": 0, "drug": 1, "test": 2, "procedure": 3, "anatomy": 4, "word": 5}


class Match(NamedTuple):
    """A stretch of a text that is a known name, and what it may be."""

    start: int
    end: int
    kind: str
    """Kind of the first entry: problem, drug, test, procedure, anatomy or word."""
    entries: tuple[Entry, ...]
    """Most trusted source first."""


class Lexicon:
    """The names of a vocabulary, ready to be looked for."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._table: NDArray[np.bool_] = np.zeros(1 << _BITS, dtype=np.bool_)
        self._table[vocabulary.keys >> np.uint32(32 - _BITS)] = True

    def find(self, text: str, kinds: Collection[str] | None = None) -> list[Match]:
        """Return the names in a text, in order, none overlapping another.

        Parameters
        ----------
        text
            Of any language, or several.
        kinds
            Kinds looked for; all when None. A longer name of another kind does not hide one.
        """
        spans, forms = terms.cut(text)
        if not spans:
            return []
        matches: list[Match] = []
        taken = bytearray(len(spans))
        windows = self._candidates(forms)
        windows.sort(key=lambda one: (-one[1], one[0]))
        for start, length in windows:
            if any(taken[start : start + length]):
                continue
            match = self._match(text, spans[start][0], spans[start + length - 1][1], kinds)
            if match is not None:
                matches.append(match)
                taken[start : start + length] = b"\x01" * length
        return sorted(matches)

    def _candidates(self, forms: Sequence[str]) -> list[tuple[int, int]]:
        """Return (first token, tokens) of every window whose key may be known."""
        numbers = np.array(list(map(terms.mixed, forms)), dtype=np.uint64)
        filled = numbers != 0
        sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(numbers, dtype=np.uint64)])
        longest = min(LONGEST, len(numbers))
        ends = np.minimum(
            np.arange(len(numbers))[:, None] + np.arange(1, longest + 1), len(numbers)
        )
        keys = terms.short_keys(sums[ends] - sums[:-1, None])
        hit = self._table[keys >> np.uint32(32 - _BITS)] & filled[:, None] & filled[ends - 1]
        hit[-longest:] &= np.arange(longest)[::-1, None] >= np.arange(longest)
        starts, lengths = np.nonzero(hit)
        known = self.vocabulary.has_keys(keys[hit])
        return list(zip(starts[known].tolist(), (lengths[known] + 1).tolist(), strict=True))

    def _match(
        self, text: str, start: int, end: int, kinds: Collection[str] | None
    ) -> Match | None:
        if not _whole(text, start, end):
            return None
        entries = self._entries(text[start:end])
        if kinds is not None:
            entries = tuple(entry for entry in entries if entry.kind in kinds)
        if not entries:
            return None
        return Match(start, end, entries[0].kind, entries)

    def _entries(self, surface: str) -> tuple[Entry, ...]:
        return _known(self, surface)


@lru_cache(maxsize=65536)
def _known(lexicon: Lexicon, surface: str) -> tuple[Entry, ...]:
    """Return the entries a stretch of text may be, by kind and trust of the source."""
    vocabulary = lexicon.vocabulary
    broken = _BREAK.search(surface) is not None
    wanted = terms.forms(surface)
    listed = _LISTED.search(surface) is not None
    if terms.is_chinese(surface):
        parted = set(_PARTING.findall(surface))
    elif _is_no_name(surface) or _lists(lexicon, surface):
        return ()
    else:
        parted = set(_PARTING_LATIN.findall(surface))
    entries: list[tuple[int, int, Entry]] = []
    for row in vocabulary.named(surface):
        flags = int(vocabulary.flags[row])
        if flags & UNMATCHED:
            continue
        term = vocabulary.surface(row)
        short = len(surface) < 3 and not terms.is_chinese(surface)
        if (flags & CASED and term != surface) or (short and not flags & CASED):
            continue
        if (broken and terms.forms(term) != wanted) or not parted <= set(term):
            continue
        if listed and not _LISTED.search(term):
            continue
        entry = vocabulary.entry(row)
        entries.append((int(vocabulary.source[row]), _RANK.get(entry.kind, 9), entry))
    return tuple(entry for _, _, entry in sorted(entries, key=lambda one: one[:2]))


@lru_cache(maxsize=1)
def _everyday() -> frozenset[str]:
    """Return the everyday words that are never looked for, whatever vocabulary has them."""
    data = tomllib.loads((KNOWLEDGE / "vocabulary.toml").read_text(encoding="utf-8"))
    return frozenset(data["everyday"].split())


def _is_no_name(surface: str) -> bool:
    short = len(surface) < 2 or not _LETTERS.search(surface)
    return short or surface.lower() in _everyday()


def _lists(lexicon: Lexicon, surface: str) -> bool:
    halves = _LISTED.split(surface, 1)
    return len(halves) == 2 and all(_known(lexicon, half) for half in halves)


def _whole(text: str, start: int, end: int) -> bool:
    """Say whether a stretch does not cut a word: "5" of "HbA1c5", "in" of "insulin2"."""
    before = text[start - 1] if start else " "
    after = text[end] if end < len(text) else " "
    return not (
        (_latin(before) and _latin(text[start])) or (_latin(after) and _latin(text[end - 1]))
    )


def _latin(character: str) -> bool:
    return character.isalnum() and not terms.is_chinese(character)


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """Return the lexicon of the installed vocabulary, made once."""
    return Lexicon(installed())
