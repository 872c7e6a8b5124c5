"""Text read through its disguises: what a reader sees, with the way back to the original.

Identifiers hide, by accident or on purpose, behind full-width and Arabic-Indic digits, zero-width
characters and soft hyphens, Cyrillic or Greek letters that look Latin, accents, and Chinese
numerals. The folded text has none of these; every character of it knows where it came from.

Source: Unicode 15.1, annex 15 (NFKC) and technical standard 39 (confusables.txt: the letters
below); invisible characters by general category (Cf, Mn after Latin).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

CONFUSABLE: Final = str.maketrans(
    "АВЕЅІЈКМНОРСТХУҮԌԚԜаеосрхуһіјѕԁԛԝӏɡıΑΒΕΖΗΙΚΜΝΟΡΤΥΧαονικρυγ‐‑‒–—―−﹘’‘ʼ＇`´“”‟·•・∙⋅",
    "ABESIJKMHOPCTXYYGQWaeocpxyhijsdqwlgiABEZHIKMNOPTYXaovikpuy--------''''''\"\"\"·····",
)
"""Letters that look like Latin ones, and the many dashes, quotes and middle dots as one each."""
_NUMERALS: Final = re.compile("[〇零○一二三四五六七八九幺]{7,}")
"""Chinese numerals read out one by one: a telephone number, never a quantity."""
_DIGITS: Final = str.maketrans("〇零○一二三四五六七八九幺", "0001234567891")
_INVISIBLE: Final = frozenset("\u115f\u1160\u3164\u034f\u180e\uffa0\u2800")


@dataclass(frozen=True)
class Folded:
    """A text without disguises; `starts[i]:ends[i]` is where character i stands in the original.

    Both are None where the text is its own folding.
    """

    text: str
    starts: list[int] | None = None
    ends: list[int] | None = None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return where a stretch of the folded text lies in the original."""
        if self.starts is None or self.ends is None or start >= end:
            return start, end
        return self.starts[start], self.ends[end - 1]


@lru_cache(maxsize=65536)
def _folded(character: str) -> str:
    """Return what a character stands for: nothing, itself, or one or more others."""
    if character in _INVISIBLE or unicodedata.category(character) in ("Cf", "Cs", "Co"):
        return ""
    if unicodedata.category(character) == "Zs":
        return " "
    # Line breaks of every kind stay one character, so that rules see them.
    if character in "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029":
        return "\n"
    shown = character.translate(CONFUSABLE)
    if shown != character:
        return shown
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    plain = unicodedata.normalize("NFKC", character)
    if plain and "LATIN" in unicodedata.name(plain[0], ""):
        parts = unicodedata.normalize("NFKD", plain)
        plain = "".join(one for one in parts if not unicodedata.combining(one))
    return plain.translate(CONFUSABLE)


def fold(text: str) -> Folded:
    """Return the text without disguises.

    Accents of Latin letters are left out too, so that José is found where Jose is known.
    """
    if text.isascii():
        return Folded(text)
    pieces = [
        one if one < "\x80" or "\u4e00" <= one <= "\u9fff" or one in "，。；：" else _folded(one)
        for one in text
    ]
    _without_accents(text, pieces)
    joined = "".join(pieces)
    if len(joined) == len(text) and all(len(one) == 1 for one in pieces):
        return Folded(_numerals(joined))
    starts: list[int] = []
    ends: list[int] = []
    for place, piece in enumerate(pieces):
        if not piece and ends and "\u0300" <= text[place] <= "\u036f":
            ends[-1] = place + 1
        starts.extend([place] * len(piece))
        ends.extend([place + 1] * len(piece))
    return Folded(_numerals(joined), starts, ends)


def _without_accents(text: str, pieces: list[str]) -> None:
    """Drop accents written as characters of their own, after a Latin letter."""
    if any("\u0300" <= one <= "\u036f" for one in text):
        for place, one in enumerate(text):
            if "\u0300" <= one <= "\u036f":
                pieces[place] = ""


def _numerals(text: str) -> str:
    return _NUMERALS.sub(lambda found: found[0].translate(_DIGITS), text)
