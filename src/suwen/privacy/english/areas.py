"""Places of no list in English text, told by how they are written and by what stands around them.

Capitals and a word of the land (Lake, Township, Street), a state after a comma, a word for where
before a capital that is no word of English, or "and" after a place. Words are data in
`knowledge/english.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from suwen.core.codes import Text
from suwen.privacy.english.words import LISTS, Words
from suwen.privacy.words.identifier import Identifier
from suwen.privacy.words.lexicon import cities, english_words, table, words

_PART: Final = r"[A-Z][a-z]+(?:'[a-z]+)?(?:-(?:[A-Z][a-z]+|on|in|le|la|de|en|sur|the|upon))*"
_NAME: Final = rf"(?P<v>{_PART}(?:[ ]{_PART}){{0,3}})"
_LISTED: Final = (
    rf"(?P<v>{_PART}(?:\s(?:(?:&|and|of|on|in|at)\s(?:the\s)?)?{_PART}){{0,5}}"
    rf"(?:,\s{_PART}(?=[\s,.;]))*)"
)
"""Capitals after a label, joined as names of firms and shops are, and more of them after commas."""
_WHERE: Final = re.compile(
    r"\b(?:at|in|from|to|near|outside|around|via|through|of|under|on)\s(?:the\s)?$"
)
_THERE: Final = re.compile(
    r"(?:[.,;:)\n]|$|\s(?:and|or|where|when|since|until|for|with|last|this|on|at|to|from|as|but|he|"
    r"she|who|by|after|before|during|ago|now|then|via|through|in|has|had|have|is|next|every)\b)"
)
"""What follows the name of a place, and seldom a drug or a finding."""
_CLINICAL: Final = re.compile(
    "(?:itis|osis|emia|oma|pathy|ectomy|otomy|ostomy|algia|uria|plasty|scopy|graphy|mab|nib|pril|"
    "statin|sartan|olol|cillin|mycin|azole|parin|xaban|gliptin|flozin|tide|vir|ine|ium|ide|ate|"
    "zepam|zolam|enol|flex|lix|quis|syn|penem|tamol|sone|lone)$"
)
"""Endings of diseases, operations and drugs."""
_JOINED: Final = re.compile("-(?:on|le|la|de|en|sur|upon)-")
_AND: Final = re.compile(
    rf"\s(?:and|or|through|via|then)\s(?:later\s|then\s)?(?:(?:in|to|from|near)\s)?{_NAME}"
)
_ROMANCE: Final = "de|del|della|di|do|da|dos|das|des|du|la|las|los|el"
"""Particles of names in Spanish, Portuguese, Italian and French."""
_BARE: Final = re.compile(r" (?:Bay|Station)$")
"""Words of a hospital too: at Trauma Bay."""
_IN: Final = re.compile(rf"\s(?:in|near)\s{_NAME}")
AREA = Text(en="capitals with a word of the land or of a site", zh="含地理或场所词的专名")
ROAD = Text(en="name of a street", zh="街道名")
STATE = Text(en="before the name of a state", zh="州名之前的地名")
CAPITAL = Text(en="capitals of no list after a word for where", zh="地点介词后的生僻专名")
LABEL = Text(en="capitals after a label for a place", zh="地点标签后的专名")
WITH = Text(en="beside another place", zh="与另一地点并列")


@lru_cache(maxsize=1)
def _patterns() -> dict[str, re.Pattern[str]]:
    lists = table(LISTS)

    def titled(name: str) -> str:
        return "|".join(one.capitalize() for one in lists[name].split())

    states = "|".join(one.title() for one in lists["state_names"])
    codes = set(lists["states"].upper().split()) - {"MD", "PA", "MA", "MS", "DO"}
    kin = lists["area_verbs"].replace(" ", "|")
    acronyms = lists["area_kinds"].upper().replace(" ", "|")
    labels = lists["area_labels"].replace(" ", "|")
    return {
        "before": re.compile(rf"\b(?:{titled('area_before')})\.?\s(?:of\s)?{_NAME}"),
        "after": re.compile(rf"\b{_NAME}\s(?:{titled('area_after')})\b"),
        "strong": re.compile(rf"\b{_NAME}\s(?:{titled('area_strong')}|shelter)\b"),
        "sites": re.compile(rf"\b{_NAME}\s(?:{lists['area_sites'].replace(' ', '|')})\b"),
        "firms": re.compile(rf"\b{_NAME}\s(?:{titled('area_firms')})\b"),
        "kinds": re.compile(rf"\b{_NAME}\s(?:{acronyms})\b"),
        "abroad": re.compile(
            rf"\b(?:{titled('area_abroad')})\s(?:[A-Z][a-z]+\s)*"
            rf"(?:{_ROMANCE}|San|Santa|Santo|Sao|Sainte?)"
            rf"(?:\s(?:{_ROMANCE}|[A-Z][a-z]+))*\s[A-Z][a-z]+"
        ),
        "labels": re.compile(rf"\b(?:(?i:{labels})\s?:|(?:{acronyms})\s?[(:])\s?{_LISTED}"),
        "road": re.compile(
            rf"\b(?:(?P<u>{_PART})\s(?:on|at)\s)?"
            rf"(?:{_NAME}\s(?:{titled('area_roads')})|Avenue\s[A-Z])\b(?!\s\d)"
        ),
        "state": re.compile(rf"\b{_NAME},\s(?:{states})\b"),
        "code": re.compile(rf"\b{_NAME},\s(?:{'|'.join(sorted(codes))})\b"),
        "in": re.compile(rf"\b(?:in|near|outside|around)\s(?:the\s)?{_NAME}"),
        "lived": re.compile(
            rf"\b(?i:{kin})\s(?:\w+\s){{0,2}}?(?:at|in|to|from|near|outside|around|through|via)"
            rf"\s(?:the\s)?{_NAME}"
        ),
        "home": re.compile(rf"\b(?:lives?|lived|living|born|raised)\b[^.;]{{0,24}}?\sin\s{_NAME}"),
    }


@lru_cache(maxsize=8)
def _heads(form: str) -> frozenset[str]:
    """Return the words without one of which there is no place of a form."""
    if form == "state":
        return frozenset(word for one in table(LISTS)["state_names"] for word in one.split())
    names = {"road": "area_roads", "code": "states"}
    return words(LISTS, names.get(form, f"area_{form}"))


def areas(said: Words) -> Iterator[Identifier]:
    """Yield places of no list in a text whose capitals mean something."""
    if not said.cased:
        return
    text, patterns = said.text, _patterns()
    for name in ("before", "after", "strong", "sites", "firms", "kinds", "road", "state", "code"):
        if _heads(name).isdisjoint(said.present):
            continue
        for found in patterns[name].finditer(text):
            where = _WHERE.search(text, max(0, found.start() - 13), found.start()) is not None
            if _is_area(said, found, name, where):
                why = {"road": ROAD, "state": STATE, "code": STATE}.get(name, AREA)
                yield Identifier(_begin(found), found.end(), "place", why, 0.7)
    yield from _announced(said)
    for found in patterns["in"].finditer(text):
        yield from _unknown(said, found)
    for found in patterns["lived"].finditer(text):
        yield from _unknown(said, found, towns=True)
    for found in patterns["home"].finditer(text):
        parts = found["v"].split(" ")
        stop = words(LISTS, "area_stop") | words(LISTS, "facility_generic")
        if len(parts) == 2 and stop.isdisjoint(part.lower() for part in parts) and _there(found):
            yield Identifier(*found.span("v"), "place", CAPITAL, 0.6)


def _announced(said: Words) -> Iterator[Identifier]:
    """Yield institutions abroad, told by what they are, and capitals after a label."""
    text, patterns = said.text, _patterns()
    if not words(LISTS, "area_abroad").isdisjoint(said.present):
        for found in patterns["abroad"].finditer(text):
            yield Identifier(*found.span(), "facility", AREA, 0.7)
    if (words(LISTS, "area_labels") | words(LISTS, "area_kinds")).isdisjoint(said.present):
        return
    unsaid = words(LISTS, "area_unsaid") | words(LISTS, "area_stop")
    for found in patterns["labels"].finditer(text):
        first, *more = found["v"].lower().split()
        if first.strip(",") not in unsaid and (more or _telling([first])):
            yield Identifier(*found.span("v"), "place", LABEL, 0.7)


def _begin(found: re.Match[str]) -> int:
    """Return where a place begins: a shop before its street belongs to it, a word does not."""
    shop = found.groupdict().get("u")
    usual = shop is not None and shop.lower() in english_words()
    return found.start("v") if usual and found["v"] else found.start()


def beside(said: Words, found: Sequence[Identifier]) -> Iterator[Identifier]:
    """Yield capitals that "and" joins to a place, or that a place or a facility is in."""
    for one in found if said.cased else ():
        if one.type == "place" and (also := _AND.match(said.text, one.end)):
            yield from _unknown(said, also, WITH)
        elif one.type in ("place", "facility") and (town := _IN.match(said.text, one.end)):
            yield from _unknown(said, town, WITH)


def _is_area(said: Words, found: re.Match[str], form: str, where: bool) -> bool:
    """Say whether capitals with a word of the land are a place rather than a ward or a disease."""
    parts = (found["v"] or "").lower().split(" ")
    stop = words(LISTS, "area_stop") | words(LISTS, "facility_generic")
    if not stop.isdisjoint(parts):
        return False
    telling = _telling(parts)
    if form == "code":
        return where
    if form == "state":
        return where or telling
    if form in ("firms", "kinds"):
        return telling
    if form in ("strong", "road"):
        return where or telling or (form == "strong" and len(parts) > 1)
    return telling or (where and form in ("after", "sites") and not _BARE.search(found[0]))


def _telling(parts: Sequence[str]) -> bool:
    """Say whether some word is no word of English and the name of no disease or sign."""
    return any(
        part not in english_words() and part not in words(LISTS, "eponyms") for part in parts
    )


def _unknown(
    said: Words, found: re.Match[str], why: Text = CAPITAL, *, towns: bool = False
) -> Iterator[Identifier]:
    """Yield capitals of no list where a place stands; a drug, a disease or an ordinary word not.

    `towns`: an ordinary word counts where a listed city begins with it (flown to Anchorage). A
    state alone may stay.
    """
    start, end = found.span("v")
    first = found["v"].split(" ")[0].lower()
    before = said.text[max(0, found.start() - 24) : found.start()].lower().split()
    never = words(LISTS, "area_never_after")
    if (
        found["v"][0].isupper()
        and len(first) > 3
        and (not _usual(first) or (towns and first in cities()))
        and found["v"].lower() not in table(LISTS)["state_names"]
        and not _CLINICAL.search(first)
        and (not before or before[-1] not in never)
        and _there(found)
    ):
        yield Identifier(start, end, "place", why, 0.6)


def _usual(word: str) -> bool:
    """Say whether a word, or each part of one with hyphens, has another meaning than a place."""
    if _JOINED.search(word):
        return False
    return all(
        part in english_words()
        or part in words(LISTS, "eponyms")
        or part in words(LISTS, "capital_words")
        for part in word.split("-")
    )


def _there(found: re.Match[str]) -> bool:
    return _THERE.match(found.string, found.end("v")) is not None
