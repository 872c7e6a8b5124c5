"""A text without what identifies its subject: left out, replaced, hashed, its dates moved.

Four modes. `mask` puts the type in brackets. `surrogate` puts something of the same form that is
nobody's, dates moved. `hash` puts the type and a keyed hash, so that equal identifiers stay equal.
`shift` masks all but the dates, which it moves.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from suwen.core.codes import Language
from suwen.core.errors import BadInput
from suwen.privacy.subjects.subject import Subject
from suwen.privacy.subjects.surrogates import surrogate
from suwen.privacy.texts.date_shift import first_is_day, moved, year_in
from suwen.privacy.texts.text import identifiers
from suwen.privacy.words.checksums import bare
from suwen.privacy.words.folding import fold
from suwen.privacy.words.identifier import TYPES, Identifier

Mode = Literal["mask", "surrogate", "hash", "shift"]
COMMON_YEAR: Final = 2023
"""The year, with no 29 February, taken for dates of a text in which no year is written."""
OLD: Final = "90+"
"""Stands for every age over 89 (45 CFR 164.514(b)(2)(i)(C))."""


@dataclass(frozen=True)
class Piece:
    """What was replaced: where it stood, where its replacement stands, of which type it is."""

    start: int
    end: int
    new_start: int
    new_end: int
    type: str


@dataclass(frozen=True)
class Deidentified:
    """A text without identifiers, and the way from the old characters to the new.

    `pieces` are in order. The original is not kept.
    """

    text: str
    pieces: tuple[Piece, ...]
    _starts: tuple[int, ...] = field(default=(), repr=False)

    def moved(self, position: int) -> int:
        """Return where a character of the original stands now.

        One that was replaced stands at the beginning of its replacement.
        """
        place = bisect_right(self._starts, position) - 1
        if place < 0:
            return position
        piece = self.pieces[place]
        if position < piece.end:
            return piece.new_start
        return position - piece.end + piece.new_end

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where a stretch of the original (end exclusive) stands now."""
        if end <= start:
            return self.moved(start), self.moved(start)
        place = bisect_right(self._starts, end - 1) - 1
        last = self.pieces[place] if place >= 0 and end - 1 < self.pieces[place].end else None
        return self.moved(start), last.new_end if last else self.moved(end - 1) + 1


def deidentify(
    text: str,
    mode: Mode = "mask",
    subject: Subject | None = None,
    *,
    language: Language | None = None,
    known: Sequence[str] = (),
    keep: Collection[str] = (),
) -> Deidentified:
    """Return a text without what identifies its subject.

    Parameters
    ----------
    text
        Any text.
    mode
        See the head of the module.
    subject
        Whose text it is; every mode but `mask` needs it.
    language, known
        See `identifiers`.
    keep
        Types that stay (`department`, `age` ...).

    Raises
    ------
    BadInput
        It is no text, the mode or a type is unknown, or there is no subject where one is needed.
    UnsafeInput
        It is too long.
    """
    if mode not in get_args(Mode):
        raise BadInput(f"the mode {mode!r}", f"one of {', '.join(get_args(Mode))}")
    if unknown := set(keep) - set(TYPES):
        raise BadInput(f"no type {sorted(unknown)[0]!r}", f"some of {', '.join(TYPES)}")
    if subject is None and mode != "mask":
        raise BadInput(f"no subject for the mode {mode}", "the Subject whose text it is")
    found = [one for one in identifiers(text, language, known) if one.type not in keep]
    return replaced(text, found, mode, subject)


def replaced(
    text: str, found: Sequence[Identifier], mode: Mode, subject: Subject | None
) -> Deidentified:
    """Return a text with what was found in it replaced."""
    year, day_first = _calendar(text, found)
    parts: list[str] = []
    pieces: list[Piece] = []
    at = length = 0
    for one in found:
        new = _new(one, one.of(text), mode, subject, (year, day_first))
        parts += [text[at : one.start], new]
        length += one.start - at
        pieces.append(Piece(one.start, one.end, length, length + len(new), one.type))
        length += len(new)
        at = one.end
    parts.append(text[at:])
    return Deidentified("".join(parts), tuple(pieces), tuple(one.start for one in pieces))


def _calendar(text: str, found: Sequence[Identifier]) -> tuple[int, bool]:
    """Return the year of the first full date, and whether a date shows that days come first."""
    dates = [fold(one.of(text)).text for one in found if one.type == "date"]
    years = (year for year in map(year_in, dates) if year)
    orders = (order for order in map(first_is_day, dates) if order is not None)
    return next(years, COMMON_YEAR), next(orders, False)


def _new(
    one: Identifier, text: str, mode: Mode, subject: Subject | None, calendar: tuple[int, bool]
) -> str:
    mask = f"[{one.type.upper()}]"
    if subject is None or mode == "mask":
        return mask
    if mode == "hash":
        return f"[{one.type.upper()}:{subject.token(one.type, plain(text))}]"
    if one.type == "date":
        return moved(fold(text).text, subject.shift, *calendar) or mask
    if one.type == "age":
        return OLD
    new = mask if mode == "shift" else surrogate(subject, one.type, text)
    return new if new != text else mask


def plain(text: str) -> str:
    """Return the letters and digits of an identifier, however it is written: what is hashed."""
    folded = fold(text).text
    return bare(folded) if folded.isascii() else "".join(filter(str.isalnum, folded)).upper()
