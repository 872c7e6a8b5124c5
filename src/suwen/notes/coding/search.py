"""Names of the vocabulary while somebody types one: by beginnings, by codes, then by likeness.

Every word of what is typed has to begin a word of the name, in any order; Chinese characters may
stand anywhere. Names that begin so go before others, a concept's own name before its synonyms,
short ones before long ones. Where hardly anything begins so, names that are like it follow
(`notes.coding`), so that a spelling error finds its code.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from threading import Event, Lock, Thread
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import Code
from suwen.notes.coding.ranked import SYSTEMS_OF, coder
from suwen.notes.vocabulary import terms
from suwen.notes.vocabulary.names import PREFERRED, WORD, Entry, Vocabulary

LONGEST: Final = 100
"""Characters that are looked at."""
BEGINNING: Final = 600
ANYWHERE: Final = 3000
"""Names that are ranked at most: those that begin with what is typed, and the others."""
FEW: Final = 3
"""With fewer hits names that are like it are looked for."""
LIKE_ENOUGH: Final = 0.25
"""Least probability of a code whose name is only like what is typed; misspelt ones: 0.3 to 0.7."""
KINDS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "problem": ("problem", "heading"),
    "symptom": ("problem", "heading"),
    "drug": ("drug", "heading"),
    "allergy": ("drug", "heading"),
    "laboratory": ("test",),
    "value": ("test",),
    "procedure": ("procedure",),
    "imaging": ("procedure",),
    "anatomy": ("anatomy",),
}
"""Kinds of concepts by the type of a mention; any for a type that is not named here."""
_LIKE: Final = {"symptom": "problem", "allergy": "drug", "laboratory": "test", "value": "test",
                "imaging": "procedure"}  # fmt: skip
_DIGIT: Final = re.compile(r"\d")


class Hit(NamedTuple):
    """A code, and the name by which it was found."""

    code: Code
    term: str


class Names:
    """All names of a vocabulary in one text of small letters, a line each."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.text = "\n" + vocabulary.text.lower()
        characters = np.frombuffer(self.text.encode("utf-32-le"), dtype=np.uint32)
        self._starts: NDArray[np.int64] = np.flatnonzero(characters == ord("\n"))

    def row(self, position: int) -> int:
        """Return the row in whose name a character of the text stands."""
        return int(np.searchsorted(self._starts, position, side="right")) - 1

    def name(self, row: int) -> str:
        """Return a name in small letters."""
        start = int(self._starts[row]) + 1
        end = self.text.find("\n", start)
        return self.text[start:] if end < 0 else self.text[start:end]

    def rows(self, typed: str) -> Iterator[int]:
        """Yield rows whose names begin with what is typed, then those that hold its words."""
        for position in islice(self._places("\n" + typed), BEGINNING):
            yield self.row(position + 1)
        words = _words(typed)
        rarest = max(words, key=len)
        begins = (at for at in self._places(rarest) if _begins(self.text, at, rarest))
        for position in islice(begins, ANYWHERE):
            row = self.row(position)
            if all(_holds(self.name(row), word) for word in words):
                yield row

    def _places(self, words: str) -> Iterator[int]:
        at = self.text.find(words)
        while at >= 0:
            yield at
            at = self.text.find(words, at + 1)


def _words(typed: str) -> list[str]:
    words = [word for word in re.split(r"[\s,;/()（），；、]+", typed) if word]
    told = [word for word in words if word not in terms.EMPTY]
    return told or words or [typed]


def _begins(text: str, at: int, word: str) -> bool:
    """Say whether a word begins at a place; in Chinese no space parts words."""
    return at == 0 or terms.is_chinese(word[0]) or not text[at - 1].isalnum()


def _holds(name: str, word: str) -> bool:
    at = name.find(word)
    while at >= 0:
        if _begins(name, at, word):
            return True
        at = name.find(word, at + 1)
    return False


@lru_cache(maxsize=2)
def names_of(vocabulary: Vocabulary) -> Names:
    """Return the names of a vocabulary for searching, made once."""
    return Names(vocabulary)


def search(vocabulary: Vocabulary, query: str, kind: str = "", limit: int = 12) -> list[Hit]:
    """Return codes for what somebody has typed so far, the likeliest first, one a concept.

    Parameters
    ----------
    vocabulary
        Whose names are searched.
    query
        A part of a name in English or Chinese, or of a code.
    kind
        Type of the mention that is to be coded; empty for any.
    limit
        Most codes returned.
    """
    typed = " ".join(unicodedata.normalize("NFKC", query).lower().split())[:LONGEST].strip()
    if len(typed) < (1 if terms.is_chinese(typed) else 2):
        return []
    found: dict[int, Hit] = {}
    for hit, concept in [*_by_code(vocabulary, typed), *_by_name(vocabulary, typed, kind)]:
        found.setdefault(concept, hit)
    hits = list(found.values())[:limit]
    if len(hits) < FEW and len(typed) > FEW and _likeness_ready():
        known = {(hit.code.system, hit.code.code) for hit in hits}
        like = coder().candidates(typed, _LIKE.get(kind, kind if kind in SYSTEMS_OF else "problem"))
        hits += [
            Hit(one.as_code(), one.term)
            for one in like
            if one.score >= LIKE_ENOUGH and (one.system, one.code) not in known
        ]
    return hits[:limit]


_begun, _ready = Lock(), Event()


def _likeness_ready() -> bool:
    """Say whether likeness can be asked for; else make it ready beside, for nobody waits for it."""
    if not _ready.is_set() and _begun.acquire(blocking=False):
        Thread(target=prepare, daemon=True).start()
    return _ready.is_set()


def prepare() -> None:
    """Make the index of likeness, which takes seconds, so that spelling errors find their codes."""
    coder().candidates("a name that no vocabulary has", "problem")
    _ready.set()


def _by_name(vocabulary: Vocabulary, typed: str, kind: str) -> list[tuple[Hit, int]]:
    names, kinds = names_of(vocabulary), KINDS_OF.get(kind)
    scored = []
    for row in dict.fromkeys(names.rows(typed)):
        entry = vocabulary.entry(row)
        if entry.system == WORD or (kinds is not None and entry.kind not in kinds):
            continue
        scored.append((_rank(entry, names.name(row), typed), row, entry))
    scored.sort(key=lambda one: one[:2])
    return [
        (Hit(vocabulary.as_code(entry.concept), entry.term), entry.concept)
        for _, _, entry in scored
    ]


def _rank(entry: Entry, name: str, typed: str) -> tuple[bool, bool, bool, int]:
    return (
        name != typed,
        not name.startswith(typed),
        not entry.flags & PREFERRED,
        len(name),
    )


def _by_code(vocabulary: Vocabulary, typed: str) -> list[tuple[Hit, int]]:
    """Return concepts whose codes begin with what is typed."""
    if not _DIGIT.search(typed) or " " in typed:
        return []
    found = sorted(
        (len(code), code, concept) for code, concept in _codes(vocabulary) if code.startswith(typed)
    )
    return [
        (Hit(vocabulary.as_code(concept), vocabulary.display(concept).en), concept)
        for _, _, concept in found[:ANYWHERE]
    ]


@lru_cache(maxsize=2)
def _codes(vocabulary: Vocabulary) -> list[tuple[str, int]]:
    return [
        (vocabulary.code_of(concept).lower(), concept)
        for concept in range(len(vocabulary.system))
        if vocabulary.system_of(concept) != WORD
    ]
