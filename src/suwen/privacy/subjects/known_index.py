"""Names and numbers of one or of a million people, found in one walk through a text.

What is searched for stands in tables of written forms (`forms.py` for a crowd); the cost grows with
the text, not with the number of people. Every name and number leads to whose it is.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

MOST_WORDS: Final = 4
_HEAD: Final = 3
_STEM: Final = 6
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

FORMS: Final = ("names", "chinese", "parts", "numbers")
"""The tables of written forms of an `Index`."""


class Owners(Protocol):
    """Whose a written form is."""

    def get(self, form: str, /) -> frozenset[int] | None:
        """Return the owners of a form, None when it is nobody's."""

    def __len__(self) -> int: ...


class Hit(NamedTuple):
    """Where something that is known stands, and whose it is."""

    start: int
    end: int
    owners: frozenset[int]


@dataclass(frozen=True)
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
    words, pairs, heads
        Words that stand in names; how Chinese names begin (two characters); how numbers begin (one
        to three characters, and six).
    lengths, longest
        Lengths of Chinese names, and of the longest number.
    """

    names: Owners
    chinese: Owners
    parts: Owners
    numbers: Owners
    words: Container[str]
    pairs: Container[str]
    heads: Container[str]
    lengths: tuple[int, ...]
    longest: int

    def hits(self, text: str, *, free: bool) -> Iterator[Hit]:
        """Yield where what is known stands in a text (NFKC); `free`: parts of names too."""
        yield from self.names_in(text, free=free)
        if self.numbers:
            yield from self._number_hits(text)

    def names_in(self, text: str, *, free: bool = False) -> Iterator[Hit]:
        """Yield where names stand in a text (NFKC), no numbers."""
        if self.chinese and not text.isascii():
            yield from self._chinese_hits(text)
        if self.names or (free and self.parts):
            yield from self._name_hits(text, free=free)

    def _chinese_hits(self, text: str) -> Iterator[Hit]:
        for run in HAN.finditer(text):
            for i in range(run.start(), run.end() - 1):
                if text[i : i + 2] not in self.pairs:
                    continue
                for end in (i + length for length in self.lengths if i + length <= run.end()):
                    if (owners := self.chinese.get(text[i:end])) is not None:
                        yield Hit(i, end, owners)

    def _name_hits(self, text: str, *, free: bool) -> Iterator[Hit]:
        """Look at every word, and behind those some name begins with."""
        for found in WORD.finditer(text):
            word = found[0].casefold()
            if word in self.words:
                yield from self._begins(text, found, word)
            if free and found[0][0].isupper() and (owners := self.parts.get(word)) is not None:
                yield Hit(found.start(), found.end(), owners)

    def _begins(self, text: str, first: re.Match[str], word: str) -> Iterator[Hit]:
        """Yield the names that begin with a word."""
        words, end = [word], first.end()
        while len(words) < MOST_WORDS and (gap := _NAME_GAP.match(text, end)):
            after = WORD.match(text, gap.end())
            if after is None or after[0].casefold() not in self.words:
                return
            words.append(after[0].casefold())
            end = after.end()
            owners = self.names.get(" ".join(sorted(words)))
            if owners is not None:
                yield Hit(first.start(), end, owners)

    def _number_hits(self, text: str) -> Iterator[Hit]:
        """Follow runs of letters and digits as long as some number may begin like them."""
        for found in _RUN.finditer(text):
            bare = found[0].casefold()
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
        """Say whether numbers begin with the first three and the first six of these characters."""
        if len(bare) > self.longest or bare[:_HEAD] not in self.heads:
            return False
        return len(bare) < _STEM or bare[:_STEM] in self.heads


def beginnings(number: str) -> Iterable[str]:
    """Return how a number begins: what `Index.heads` holds of it."""
    return {number[:length] for length in (1, 2, _HEAD, _STEM) if length <= len(number)}


def small_index(tables: Mapping[str, Mapping[str, frozenset[int]]]) -> Index:
    """Return the index of forms in dictionaries: `names`, `chinese`, `parts` and `numbers`."""
    names, chinese, parts, numbers = (tables[one] for one in FORMS)
    return Index(
        names, chinese, parts, numbers,
        words=frozenset(word for name in names for word in name.split()),
        pairs=frozenset(name[:2] for name in chinese),
        heads=frozenset(head for number in numbers for head in beginnings(number)),
        lengths=tuple(sorted({len(name) for name in chinese})),
        longest=max(map(len, numbers), default=0),
    )  # fmt: skip
