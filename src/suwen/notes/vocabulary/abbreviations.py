"""Abbreviations: what a text itself defines, and what clinical inventories say they may mean.

Source: Schwartz AS, Hearst MA, "A simple algorithm for identifying abbreviation definitions in
biomedical text", Pacific Symposium on Biocomputing 2003, 451-462 (long form before the brackets,
or inside them).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from suwen.notes.vocabulary.names import FILE

_BRACKETS: Final = re.compile(r"[(（]([^()（）]{2,80})[)）]")
_SHORT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-/+.]{1,9}$")
_WORDS_PER_LETTER: Final = 2
_SPARE_WORDS: Final = 5
_CHINESE_BEFORE: Final = re.compile(r"[\u4e00-\u9fff]{2,20}$")


class Sense(NamedTuple):
    """One meaning of an abbreviation and the share of its uses, as an inventory counted them."""

    long: str
    share: float


def defined(text: str) -> dict[str, str]:
    """Return the long form of each abbreviation a text defines by brackets."""
    found: dict[str, str] = {}
    for match in _BRACKETS.finditer(text):
        inside = re.split(r"[;,；，]", match[1])[0].strip()
        before = re.split(
            r"[.;:!?。；：！？，、()\n]", text[max(0, match.start() - 160) : match.start()]
        )
        sentence = before[-1].rstrip()
        if _SHORT.match(inside) and any(letter.isalpha() for letter in inside):
            if long := _long_form(inside, sentence):
                found.setdefault(inside, long)
            elif chinese := _CHINESE_BEFORE.search(sentence):
                found.setdefault(inside, chinese.group())
            continue
        last = sentence.split()[-1] if sentence else ""
        known = _SHORT.match(last) and last[0].isalpha()
        if known and (long := _long_form(last, inside)):
            found.setdefault(last, long)
    return found


def _long_form(short: str, text: str) -> str:
    """Return the shortest end of `text` that holds the letters of `short` in order, else ""."""
    letters = [letter.lower() for letter in short if letter.isalnum()]
    words = text.split()
    limit = min(len(letters) + _SPARE_WORDS, len(letters) * _WORDS_PER_LETTER)
    span = " ".join(words[-limit:])
    place = len(span)
    for number, letter in enumerate(reversed(letters)):
        first = number == len(letters) - 1
        place -= 1
        while place >= 0 and (
            span[place].lower() != letter or (first and place > 0 and span[place - 1].isalnum())
        ):
            place -= 1
        if place < 0:
            return ""
    long = span[place:].strip()
    return long if len(long) > len(short) and short.lower() not in long.lower().split() else ""


@lru_cache(maxsize=1)
def _inventory() -> dict[str, tuple[Sense, ...]]:
    with np.load(FILE, allow_pickle=False) as stored:
        lines = stored["abbreviations"].tobytes().decode().split("\n")
    found: dict[str, list[Sense]] = {}
    for line in lines:
        short, long, share = line.split("\t")
        found.setdefault(short, []).append(Sense(long, float(share)))
    return {
        short: tuple(sorted(senses, key=lambda sense: -sense.share))
        for short, senses in found.items()
    }


def senses(short: str) -> tuple[Sense, ...]:
    """Return what an abbreviation may mean, most used first; empty for an unknown one."""
    known = _inventory()
    return known.get(short) or known.get(short.upper()) or known.get(short.lower()) or ()
