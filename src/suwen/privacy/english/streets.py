"""Addresses in English text: numbers with streets, boxes, roads, flats and postal codes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from suwen.core.codes import Text
from suwen.privacy.english.words import LISTS, Words
from suwen.privacy.words.identifier import Identifier
from suwen.privacy.words.lexicon import table, words

_DIGIT: Final = re.compile(r"\d")
_WORDS: Final = {
    "box": frozenset(("box",)),
    "flat": frozenset(("flat", "apt", "apartment", "room", "rm", "suite", "unit")),
    "road": frozenset(("highway", "hwy", "route", "rte", "interstate", "i", "us", "sr")),
    "postcode": frozenset(),
}
"""Words without one of which there is no such address."""
_POSTAL: Final = re.compile(r"[A-Za-z:#]\s{0,3}\d{5}(?!\d)|[Pp][Oo][Ss][Tt]")
_NO_STREET: Final = re.compile(
    r"^\d+\S*\s(?:mg|ml|mcg|g|kg|units?|tab(?:let)?s?|mm|cm|hours?|days?|weeks?|months?|years?)\b"
    r"|[a-z]{3,}\.\s|\s(?:by|with|per|every)\s",
    re.IGNORECASE,
)
_ORDINAL: Final = re.compile(r"\d+(?:st|nd|rd|th)\b", re.IGNORECASE)
STREET = Text(en="number and street", zh="门牌号与街道")
POSTAL = Text(en="postal code", zh="邮政编码")


@lru_cache(maxsize=1)
def _patterns() -> dict[str, re.Pattern[str]]:
    lists = table(LISTS)
    ends, starts = lists["street_ends"], lists["street_starts"]
    unit = (
        r"(?:,?\s{0,3}(?:apt|apartment|suite|ste|unit|floor|fl|room|rm|bldg|building|#)"
        r"\.?\s?#?\s?[\w-]{1,6}\b)*"
    )
    flags = re.IGNORECASE
    return {
        "street": re.compile(
            r"(?<![\d./])\b(?:\d{1,3}/)?\d{1,6}(?:-\d{1,4})?[a-z]?,?\s+(?:(?:[nsew]|north|south|east|west"
            r"|ne|nw|se|sw)\.?\s+)?"
            rf"(?:[a-z0-9][\w'.-]*\s+){{1,4}}?{ends}(?![a-z]){unit}(?:\s(?:[nsew]|ne|nw|se|sw"
            r")\b\.?)?",
            flags,
        ),
        "ordinal": re.compile(
            rf"\b\d{{1,3}}(?:st|nd|rd|th)\s+{ends}(?:\s+(?:clinic|office|hospital))?(?![a-z])",
            flags,
        ),
        "foreign": re.compile(
            rf"\b{starts}\s+(?:de\s+|del\s+|la\s+|los\s+|las\s+)*(?:[\w'.-]+\s?){{1,5}},?\s*("
            rf"?:n[.ºo°]*\s*)?\d{{1,4}}(?:,?\s*\d{{1,2}}\s?[ºªa-z-]{{0,3}})*",
            flags,
        ),
        "box": re.compile(r"\bp\.?\s?o\.?\s?box\s+#?\d+|\brr\s?\d+\s+box\s+\d+", flags),
        "flat": re.compile(
            r"\b(?:flat|apt\.?|apartment|room|rm\.?|suite|unit)\s\d{1,4}[a-z]?,\s"
            r"(?=\d|[a-z]+\s(?:building|tower|pavilion|annex)\b)",
            flags,
        ),
        "road": re.compile(
            r"\b(?:highway|hwy\.?|route|rte\.?|interstate)\s\d{1,3}\b(?:\s(?:exit|mile)\s\d{1,3})?"
            r"|\b(?:i|us|sr)-\d{1,3}\s(?:(?:and|at)\s)?(?:exit|mile)\s\d{1,3}",
            flags,
        ),
        "postcode": re.compile(r"(?<![\w-])[A-Z]{1,2}\d[A-Z\d]?\s\d[ABD-HJLNP-UW-Z]{2}(?![\w-])"),
        "zip": re.compile(
            r"\b(?:zip(?:\s?code)?|postal\s+code|postcode|cp|c\.p\.)\s*(?:is|[:#])?\s*(?P<v>"
            rf"\d{{5}}(?:-\d{{4}})?|[a-z]\d[a-z]\s?\d[a-z]\d|[a-z]{{1,2}}\d[\da-z]?\s?\d[a-z]"
            rf"{{2}})\b|"
            rf"\b(?:{lists['states'].upper().replace(' ', '|')})\s+(?P<w>\d{{5}}(?:-\d{{4}})?"
            r")(?!\d)",
            flags,
        ),
    }


@lru_cache(maxsize=1)
def _street_words() -> Mapping[str, frozenset[str]]:
    """Return by form the words without one of which no address of the form can stand."""
    lists = table(LISTS)
    ends = _optional(re.findall(r"[a-z]+\??", lists["street_ends"]))
    starts = _optional(re.findall(r"[a-z]+\??", lists["street_starts"].lower()))
    return {"street": ends, "ordinal": ends, "foreign": starts, **_WORDS}


def _optional(listed: Sequence[str]) -> frozenset[str]:
    """Return words with and without a last letter that may be missing (`streets?`)."""
    bare = [one.removesuffix("?") for one in listed]
    return frozenset((*bare, *(one[:-2] for one in listed if one.endswith("?"))))


def streets(said: Words) -> Iterator[Identifier]:
    """Yield addresses and postal codes of a text."""
    text, patterns = said.text, _patterns()
    if not _DIGIT.search(text):
        return
    for name, needed in _street_words().items():
        if needed and needed.isdisjoint(said.present):
            continue
        place = 0
        while found := patterns[name].search(text, place):
            place = found.end()
            if name != "street" or _is_street(found[0], text[place : place + 3]):
                yield Identifier(*found.span(), "address", STREET, 0.85)
            else:  # another number within it may begin an address
                place = found.start() + len(found[0]) - len(found[0].lstrip("0123456789"))
    if not _POSTAL.search(text):
        return
    for found in patterns["zip"].finditer(text):
        yield Identifier(*found.span(found.lastgroup or 0), "address", POSTAL, 0.85)


def _is_street(text: str, after: str) -> bool:
    """Say whether a number, words and a street's end are an address: not "20 mg by way".

    `Dr` before a name is a title, not a drive.
    """
    title = re.search(r"[dD][rR]\.?$", text) and re.match(r"\s[A-Z]", after)
    if title or _NO_STREET.search(text):
        return False
    middle = [one for one in re.findall(r"[A-Za-z']+", text.lower())[:-1] if len(one) > 1]
    if text.islower():
        return all(one not in words(LISTS, "facility_stop") for one in middle)
    end = re.findall(r"[A-Za-z]+", text)[-1]
    named = any(one[0].isupper() or _ORDINAL.match(one) for one in text.split()[1:-1])
    return (named and not (end.islower() and len(middle) > 1)) or text.isupper()
