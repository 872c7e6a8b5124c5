"""ROUGE: how many words of a reference text a produced text has (ROUGE-1, -2, -L as F1).

Source: Lin, ROUGE: A Package for Automatic Evaluation of Summaries, ACL workshop 2004. Words are
runs of letters and digits in lower case; a Chinese character is a word. No stemming.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

T = TypeVar("T")
_WORD = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+")


class Rouge(NamedTuple):
    """F1 of words, of pairs of words, and of the longest common subsequence."""

    one: float
    two: float
    longest: float


def rouge(produced: str, reference: str) -> Rouge:
    """Return ROUGE-1, ROUGE-2 and ROUGE-L (F1) of a produced text; two empty texts agree (1)."""
    mine, theirs = _WORD.findall(produced.lower()), _WORD.findall(reference.lower())
    if not mine and not theirs:
        return Rouge(1.0, 1.0, 1.0)
    return Rouge(
        _overlap(Counter(mine), Counter(theirs)),
        _overlap(Counter(_pairs(mine)), Counter(_pairs(theirs))),
        _f1(_common(mine, theirs), len(mine), len(theirs)),
    )


def _pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    return list(pairwise(words))


def _overlap(mine: Counter[T], theirs: Counter[T]) -> float:
    shared = (mine & theirs).total()
    return _f1(shared, mine.total(), theirs.total())


def _f1(shared: int, mine: int, theirs: int) -> float:
    return 2 * shared / (mine + theirs) if mine + theirs else 0.0


def _common(mine: Sequence[str], theirs: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, by bits (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for number, word in enumerate(mine):
        places[word] = places.get(word, 0) | (1 << number)
    every = (1 << len(mine)) - 1
    row = every
    for word in theirs:
        match = places.get(word, 0)
        row = ((row + (row & match)) | (row & ~match)) & every
    return len(mine) - row.bit_count()
