"""Names and numbers of one or of a hundred thousand people, found in one walk through a text.

What is searched for stands in hash tables; the cost grows with the text, not with the number of
people. Every name and number leads to whose it is.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final, NamedTuple

MOST_WORDS: Final = 4
_HEAD: Final = 3
_NAME_GAP: Final = re.compile(r"[\s,.^·_=&-]{1,3}")
"""What may stand between two words of one name."""
_NUMBER_GAP: Final = re.compile(r"(?:[ ().+/_@·^,-]{1,2})?")
"""What may stand between two characters of one number, address or e-mail address."""
WORD: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
HAN: Final = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]+")
_RUN: Final = re.compile(
    r"[\u3400-\u9fff\U00020000-\U0003ffff]|[^\W_\u3400-\u9fff\U00020000-\U0003ffff]+"
)
"""Letters and digits that stand together; each Chinese character alone."""

Owners = Mapping[str, frozenset[int]]
"""Whose a written form is."""


class Hit(NamedTuple):
    """Where something that is known stands, and whose it is."""

    start: int
    end: int
    owners: frozenset[int]


class Index:
    """What is searched for.

    Parameters
    ----------
    names
        By the words of a whole name, sorted and joined with blanks, in lower case.
    chinese
        Names of two and more Chinese characters.
    parts
        Words of names that are looked for in prose, where they have a capital.
    numbers
        Numbers and the like as their letters and digits alone, in lower case.
    """

    def __init__(self, names: Owners, chinese: Owners, parts: Owners, numbers: Owners) -> None:
        self.names, self.chinese, self.parts, self.numbers = names, chinese, parts, numbers

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(word for name in self.names for word in name.split())

    @cached_property
    def _pairs(self) -> dict[str, list[str]]:
        """Chinese names by their first two characters."""
        pairs: dict[str, list[str]] = {}
        for name in self.chinese:
            pairs.setdefault(name[:2], []).append(name)
        return pairs

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self.numbers)

    @cached_property
    def _heads(self) -> frozenset[str]:
        """How numbers begin: up to three characters."""
        return frozenset(one[:length] for one in self.numbers for length in range(1, _HEAD + 1))

    def hits(self, text: str, *, free: bool) -> Iterator[Hit]:
        """Yield where what is known stands in a text (NFKC); `free`: parts of names too."""
        if self.chinese and not text.isascii():
            yield from self._chinese_hits(text)
        if self.names or (free and self.parts):
            yield from self._name_hits(text, free=free)
        if self.numbers:
            yield from self._number_hits(text)

    def _chinese_hits(self, text: str) -> Iterator[Hit]:
        for run in HAN.finditer(text):
            for i in range(run.start(), run.end() - 1):
                for name in self._pairs.get(text[i : i + 2], ()):
                    if text.startswith(name, i):
                        yield Hit(i, i + len(name), self.chinese[name])

    def _name_hits(self, text: str, *, free: bool) -> Iterator[Hit]:
        """Look at every word, and behind those some name begins with."""
        for found in WORD.finditer(text):
            word = found[0].casefold()
            if word in self._words:
                yield from self._begins(text, found, word)
            if free and word in self.parts and found[0][0].isupper():
                yield Hit(found.start(), found.end(), self.parts[word])

    def _begins(self, text: str, first: re.Match[str], word: str) -> Iterator[Hit]:
        """Yield the names that begin with a word."""
        words, end = [word], first.end()
        while len(words) < MOST_WORDS and (gap := _NAME_GAP.match(text, end)):
            after = WORD.match(text, gap.end())
            if after is None or after[0].casefold() not in self._words:
                return
            words.append(after[0].casefold())
            end = after.end()
            owners = self.names.get(" ".join(sorted(words)))
            if owners is not None:
                yield Hit(first.start(), end, owners)

    def _number_hits(self, text: str) -> Iterator[Hit]:
        """Follow runs of letters and digits as long as some number begins like them."""
        for found in _RUN.finditer(text):
            bare = found[0].casefold()
            if bare[:_HEAD] not in self._heads:
                continue
            start, end = found.span()
            while self._begun(bare):
                if (owners := self.numbers.get(bare)) is not None:
                    yield Hit(start, end, owners)
                gap = _NUMBER_GAP.match(text, end)
                after = _RUN.match(text, gap.end()) if gap else None
                if after is None:
                    break
                bare, end = bare + after[0].casefold(), after.end()

    def _begun(self, bare: str) -> bool:
        """Say whether some number begins with these characters."""
        place = bisect_left(self._sorted, bare)
        return place < len(self._sorted) and self._sorted[place].startswith(bare)
