"""The units that names are compared by: words in their normal form, pairs of Chinese characters.

`units` cuts one term; `units_of_lines` cuts all names of a vocabulary at once, in arrays, because a
regular expression over seven million characters takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.notes.vocabulary import terms

_LETTER, _DIGIT, _HAN, _ROMAN, _LINE = 1, 2, 3, 4, 5
_RANGES: Final = (
    ("A", "Z", _LETTER), ("a", "z", _LETTER), ("\u00c0", "\u024f", _LETTER),
    ("\u0370", "\u03ff", _LETTER), ("0", "9", _DIGIT), ("\u3400", "\u4dbf", _HAN),
    ("\u4e00", "\u9fff", _HAN), ("\uf900", "\ufaff", _HAN), ("\u2160", "\u2179", _ROMAN),
    ("\n", "\n", _LINE),
)  # fmt: skip
"""Kinds of characters, as `terms` cuts tokens: a letter or digit goes on with its like."""
_APOSTROPHES: Final = (ord("'"), 0x2019)
_BLOCK: Final = 1 << 20
"""Characters cut at once, so that the arrays stay small."""
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)


def units(text: str) -> list[str]:
    """Return the units of a term; a lone Chinese character is one by itself."""
    found: list[str] = []
    pending: list[terms.Token] = []
    for token in terms.tokens(text):
        if terms.is_chinese(token.form):
            if pending and pending[-1].end != token.start:
                found += _pairs(pending)
                pending = []
            pending.append(token)
            continue
        found += _pairs(pending)
        pending = []
        if token.form:
            found.append(token.form)
    return found + _pairs(pending)


def _pairs(run: list[terms.Token]) -> list[str]:
    if len(run) == 1:
        return [run[0].form]
    return [a.form + b.form for a, b in pairwise(run)]


class Cut(NamedTuple):
    """The units of lines: `names`, and for each place of one its number and its line, (n,) each."""

    names: list[str]
    ids: NDArray[np.int32]
    lines: NDArray[np.int32]


def units_of_lines(text: str) -> Cut:
    """Return the units of each line of a text, as `units` gives them for the line alone."""
    numbers: dict[str, int] = {}
    forms: list[NDArray[np.int32]] = []
    lines: list[NDArray[np.int32]] = []
    joined: list[NDArray[np.bool_]] = []
    seen = 0
    for block in _blocks(text):
        own = _tokens(block, numbers)
        forms.append(own.forms)
        lines.append(own.lines + seen)
        joined.append(own.joined)
        seen += block.count("\n")
    return _paired(
        list(numbers), np.concatenate(forms), np.concatenate(lines), np.concatenate(joined)
    )


def _blocks(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = text.find("\n", min(start + _BLOCK, len(text))) + 1 or len(text)
        yield text[start:end]
        start = end


class _Tokens(NamedTuple):
    """Tokens of a block, (n,) each: number of the form, line, and joined to the token before."""

    forms: NDArray[np.int32]
    lines: NDArray[np.int32]
    joined: NDArray[np.bool_]


def _kinds() -> NDArray[np.uint8]:
    table = np.zeros(0x10000, dtype=np.uint8)
    for first, last, kind in _RANGES:
        table[ord(first) : ord(last) + 1] = kind
    return table


def _tokens(block: str, numbers: dict[str, int]) -> _Tokens:
    """Cut a block into tokens; forms that are new get the next number."""
    points = np.frombuffer(block.encode("utf-32-le"), dtype=np.uint32)
    kind = _kinds()[np.minimum(points, 0xFFFF)]
    kind[points > 0xFFFF] = 0
    before = np.concatenate([[np.uint8(0)], kind[:-1]])
    after = np.concatenate([kind[1:], [np.uint8(0)]])
    starts = np.flatnonzero((kind > 0) & ((kind != before) | (kind >= _HAN)))
    ends = np.flatnonzero((kind > 0) & ((kind != after) | (kind >= _HAN))) + 1
    of = kind[starts]
    line = np.cumsum(of == _LINE)
    kept = of != _LINE
    starts, ends, of, line = starts[kept], ends[kept], of[kept], line[kept]
    found, first, which = np.unique(
        checksums(points, starts, ends), return_index=True, return_inverse=True
    )
    own = np.empty(len(found), dtype=np.int32)
    for n, (start, end) in enumerate(zip(starts[first], ends[first], strict=True)):
        form = terms.form_of(block[start:end])
        own[n] = numbers.setdefault(form, len(numbers)) if form else -1
    forms = own[which]
    possessive = (forms == numbers.get("s", -2)) & (starts > 0)
    forms[possessive & np.isin(points[starts - 1], _APOSTROPHES)] = -1
    held = forms >= 0
    chinese = of == _HAN
    joined = np.zeros(len(starts), dtype=bool)
    joined[1:] = chinese[1:] & chinese[:-1] & (starts[1:] == ends[:-1])
    return _Tokens(forms[held], line[held].astype(np.int32), joined[held])


def checksums(
    points: NDArray[np.uint32], starts: NDArray[np.intp], ends: NDArray[np.intp]
) -> NDArray[np.uint64]:
    """Return a 64-bit checksum of each run of code points from `starts` to before `ends`, (n,)."""
    sums = np.zeros(len(starts), dtype=np.uint64)
    going = np.arange(len(starts))
    place = 0
    while len(going):
        mixed = (sums[going] ^ (points[starts[going] + place] + np.uint64(1))) * _MIX
        sums[going] = mixed ^ (mixed >> np.uint64(29))
        place += 1
        going = going[ends[going] - starts[going] > place]
    return sums


def _paired(
    names: list[str],
    forms: NDArray[np.int32],
    lines: NDArray[np.int32],
    joined: NDArray[np.bool_],
) -> Cut:
    """Return tokens as units: each Chinese character with the next one it is joined to."""
    pair = np.flatnonzero(joined[1:])
    codes = forms[pair].astype(np.int64) << 32 | forms[pair + 1]
    kinds, which = np.unique(codes, return_inverse=True)
    inside = joined.copy()
    inside[pair] = True
    alone = np.flatnonzero(~inside)
    every = names + [names[code >> 32] + names[code & 0xFFFFFFFF] for code in kinds.tolist()]
    return Cut(
        every,
        np.concatenate([forms[alone], which + len(names)]).astype(np.int32),
        np.concatenate([lines[alone], lines[pair]]),
    )
