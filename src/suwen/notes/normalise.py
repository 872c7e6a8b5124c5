"""A view of a text for rules: what is hidden is dropped, what is disguised is as it looks.

Zero-width and other invisible characters and stray combining marks are dropped; full-width letters,
digits and their signs become the usual ones; ligatures and mathematical letters are written out;
Cyrillic and Greek letters that look like Latin ones become Latin in words otherwise made of Latin
letters or of such letters alone. Chinese punctuation, ℃, superscripts and fractions stay as they
are: 1½ must not become 11/2, nor 10² become 102.

References: Unicode UAX #15 (NFKC), UTS #39 (confusables; the table here is its part for letters
that hide in English and Chinese text), UAX #9 (bidirectional controls).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.notes.text import Span

_HIDDEN: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
_MARKS: Final = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_WIDE: Final = (
    "\uff10-\uff19\uff21-\uff3a\uff41-\uff5a"
    "\uff05\uff0b\uff0d\uff0e\uff0f\uff1c\uff1d\uff1e\uff3e\uff5e\uff03\uff04\uff06\uff20\uff3f\uff5c"
)
_WRITTEN: Final = (
    "\ufb00-\ufb06\u3380-\u33df\U0001d400-\U0001d7ff"
    "\u2102\u210a-\u2113\u2115\u2119-\u211d\u2124\u2128\u212a-\u212d\u212f-\u2131\u2133\u2134"
    "\u24b6-\u24e9"
)
_SPACES: Final = "\u00a0\u2000-\u200a\u202f\u205f\u3000"
_LOOKALIKE: Final = {
    **dict(zip("АВСЕНІЈКМОРЅТХУ", "ABCEHIJKMOPSTXY", strict=True)),
    **dict(zip("асԁеһіјӏорѕԛԝху", "acdehijlopsqwxy", strict=True)),
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True)),
    **dict(zip("ορνι", "opvi", strict=True)),
}
"""Cyrillic capitals, Cyrillic small letters, Greek capitals and small letters."""
_ALIKE: Final = "".join(_LOOKALIKE)
_ANY = re.compile(f"[{_HIDDEN}{_MARKS}{_WIDE}{_WRITTEN}{_SPACES}{_ALIKE}]")
_HIDDEN_ONE = re.compile(f"[{_HIDDEN}]")
_MARK_ONE = re.compile(f"[{_MARKS}]")
_PLAIN_ONE = re.compile(f"[{_WIDE}{_WRITTEN}]")
_SPACE_ONE = re.compile(f"[{_SPACES}]")
_FOREIGN = re.compile(f"[A-Za-z{_ALIKE}]*[{_ALIKE}][A-Za-z{_ALIKE}]*")
_OTHER_LETTER = re.compile("[\u0370-\u03ff\u0400-\u052f]")


@dataclass(frozen=True)
class View:
    """A text as rules should see it; `origin` says where each character stands in the text itself.

    `origin` has shape (n,), or is None where view and text are the same.
    """

    text: str
    origin: NDArray[np.int64] | None = None

    def real(self, span: Span) -> Span:
        """Return where a stretch of the view lies in the text itself."""
        if self.origin is None or span.start >= span.end:
            return span
        return Span(int(self.origin[span.start]), int(self.origin[span.end - 1]) + 1)

    def seen(self, span: Span) -> Span:
        """Return where a stretch of the text lies in the view."""
        if self.origin is None:
            return span
        start, end = np.searchsorted(self.origin, [span.start, span.end], side="left")
        return Span(int(start), int(end))


def normalised(text: str) -> View:
    """Return the view of a text; the same text where nothing in it is disguised."""
    if text.isascii() or not _ANY.search(text):
        return View(text)
    shown: list[str] = []
    places: list[int] = []
    for at, character in enumerate(text):
        if _HIDDEN_ONE.match(character):
            continue
        if _MARK_ONE.match(character):
            _join(shown, character)
            continue
        plain = character
        if _PLAIN_ONE.match(character):
            plain = unicodedata.normalize("NFKC", character)
        elif _SPACE_ONE.match(character):
            plain = " "
        shown.extend(plain)
        places.extend([at] * len(plain))
    view = _unmasked("".join(shown))
    if view == text:
        return View(text)
    return View(view, np.array(places, dtype=np.int64))


def _join(shown: list[str], mark: str) -> None:
    """Put an accent on the letter before it where such a letter exists; else it is dropped."""
    if shown:
        joined = unicodedata.normalize("NFC", shown[-1] + mark)
        if len(joined) == 1:
            shown[-1] = joined


def _unmasked(text: str) -> str:
    """Return the text with look-alike letters made Latin, except in words of their own script."""

    def latin(match: re.Match[str]) -> str:
        start, end = match.span()
        beside = text[max(0, start - 1) : start] + text[end : end + 1]
        if _OTHER_LETTER.search(beside) or (len(match[0]) == 1 and match[0] in _ALIKE):
            return match[0]
        return "".join(_LOOKALIKE.get(character, character) for character in match[0])

    return _FOREIGN.sub(latin, text)
