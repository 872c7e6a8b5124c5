"""Places in English text: addresses, cities and care facilities.

A state or a country alone may stay (45 CFR 164.514(b)(2)(i)(B)); it goes with the city before it.
A facility goes wherever it stands, except as the author of a guideline.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from suwen.core.codes import Text
from suwen.privacy.english.areas import areas, beside
from suwen.privacy.english.streets import streets
from suwen.privacy.english.words import LISTS, Words
from suwen.privacy.words.identifier import Identifier
from suwen.privacy.words.lexicon import cities, english_words, table, words

REACH: Final = 6
"""Most words of a facility before what it is."""
_STEPS: Final = re.compile(r"(?:\s|-|\.\s?|'s\s|\s?&\s?|'\s|,\s?(?=new\b))", re.IGNORECASE)
_STEP: Final = re.compile(r"\s*,?\s*(?:(?:in|of|at)\s+)?(?=[a-z])", re.IGNORECASE)
_SAINTS: Final = frozenset(("st", "saint", "mt", "mount", "lady"))
_WHERE: Final = frozenset(
    ["at", "in", "from", "to", "near", "of", "outside", "around", "via", "@", "into", "visiting"]
)
_BEFORE: Final = frozenset(("at", "in", "to", "from", "near", "the", "our", "a"))
"""One of them stands before what `_LIVES` announces."""
_LIVES: Final = re.compile(
    r"\b(?:lives?|living|resid\w+|moved|born|grew\s+up|raised|based|flew|originally|returned|"
    r"arrived|from|works?|employed|travel\w*|visit\w*|seen|treated|"
    r"admitted|evaluated|referred|transferred|hospitali[sz]ed|followed|attend\w*|presented)\s+"
    r"(?:\w+\s){0,2}?(?:at|in|to|from|near|@)\s+(?:the\s|our\s|a\s)?$|\bfrom\s+(?:th"
    r"e\s|our\s)?$|\b(?:at|@)\s+(?:the\s|our\s)?$",
    re.IGNORECASE,
)

_TOWN: Final = re.compile(
    r",\s(?P<v>[A-Z][a-z]{2,}(?:[ -](?:on|upon|in|le|de|la)?[ -]?[A-Z][a-z]+){0,2})(?![a-z])"
)
"""A town after a street: capitals after a comma."""
_CODE: Final = re.compile(
    r",?\s{1,2}(?:(?-i:[A-Z]{2})\s)?(?:\d{5}(?:-\d{4})?(?!\d)"
    r"|(?-i:[A-Z]{1,2}\d[A-Z\d]?\s?\d[ABD-HJLNP-UW-Z]{2}|[A-Z]\d[A-Z]\s?\d[A-Z]\d)(?![A-Za-z\d])"
    r"|(?-i:NSW|VIC|QLD|WA|SA|TAS|NT|ACT)\s\d{4}(?!\d))"
)
"""A postal code of the United States, the United Kingdom, Canada or Australia after a place."""
_STORE: Final = re.compile(
    r"(?:\s?#\s?\d{2,6})?(?:,\s\d{1,5}\s(?:[NSEW]{1,2}\.?\s)?[A-Z][a-z]+(?:\s[A-Z][a-z]+)?\b)?"
)
"""Number of a branch and its street, however it ends: Walgreens #0884, 6600 N Western."""
FACILITY = Text(en="name before a kind of care facility", zh="医疗机构名称")
KNOWN = Text(en="known care facility", zh="已知医疗机构")
SAINT = Text(en="facility named after a saint or mountain", zh="以圣徒或山命名的机构")
CITY = Text(en="city", zh="城市")
WHERE = Text(en="capitals after a word for where", zh="地点介词后的专名")


@lru_cache(maxsize=1)
def _patterns() -> dict[str, re.Pattern[str]]:
    lists = table(LISTS)
    state = "|".join([*lists["states"].upper().split(), *lists["state_names"]])
    flags = re.IGNORECASE
    return {
        "state": re.compile(
            rf"\s?,?\s{{1,3}}(?P<s>{state})\b\.?(?:,?\s+(?P<z>\d{{5}}(?:-\d{{4}})?))?(?!\w)", flags
        ),
        "after": re.compile(
            rf"(?:[\s-]+(?:{'|'.join([*lists['facility_heads'], *lists['facility_weak']])}|e"
            r"\.?r\.?|e\.?d\.?|icu|ctr\.?|center)(?![a-z]))+",
            flags,
        ),
        "saint": re.compile(
            r"\b(?:st\.?|saint|mt\.?|mount|our\s+lady\s+of)\s+(?P<v>[a-z]+(?:'s?)?)(?:\s+(?:"
            r"of\s+)?[A-Z][a-z]+)?",
            flags,
        ),
        "published": re.compile(lists["publications"], flags),
    }


def places(said: Words) -> list[Identifier]:
    """Return addresses, cities and care facilities of a text."""
    found = [*streets(said), *_facilities(said), *_cities(said)]
    if said.cased:
        found += _capitals(said, {one.start for one in found})
    found = [_onward(said, one) for one in [*found, *areas(said)]]
    return [*found, *beside(said, found)]


def _back(said: Words, start: int) -> int:
    """Return where the name of a facility begins whose kind begins at a character."""
    i = said.from_(start) - 1
    begin, edge = start, start
    while i >= 0 and edge - said.spans[i][1] <= 4:
        between = said.text[said.spans[i][1] : edge]
        low = said.low[i]
        joined = low in ("of", "and", "the", "for") and begin != start
        if not _STEPS.fullmatch(between) or said.spans[i][0] < start - 80:
            break
        if said.cased:
            named = said.of(i)[0].isupper() or low in ("women", "children")
            if not named and not (
                joined and i > 0 and said.of(i - 1)[0].isupper() and low != "the"
            ):
                break
        elif low in words(LISTS, "facility_stop") or (
            low in english_words() and low in ("and", "of", "the")
        ):
            break
        begin = edge = said.spans[i][0]
        i -= 1
    return begin


def _facilities(said: Words) -> Iterator[Identifier]:
    text, patterns = said.text, _patterns()
    for name, certainty in (("facility_heads", 0.85), ("facility_weak", 0.6)):
        for found in said.phrases[name]:
            begin = _named(said, _back(said, found.start()), found.start(), certainty < 0.8)
            if begin < found.start() and not _published(text, begin):
                yield Identifier(begin, _after(text, found.end()), "facility", FACILITY, certainty)
    for found in said.phrases["facility_known"]:
        end = _after(text, found.end())
        if _is_where(text, found.start(), end > found.end()) and not _published(
            text, found.start()
        ):
            yield Identifier(found.start(), end, "facility", KNOWN, 0.8)
    for found in patterns["saint"].finditer(text) if not _SAINTS.isdisjoint(said.present) else ():
        if _is_where(text, found.start(), False) and not (said.cased and found["v"].islower()):
            yield Identifier(found.start(), _after(text, found.end()), "facility", SAINT, 0.75)


def _named(said: Words, begin: int, start: int, weak: bool) -> int:
    """Return where the name begins that tells a facility from others; `start` where none does."""
    i = said.from_(begin)
    generic = words(LISTS, "facility_generic") | words(LISTS, "facility_stop")
    while (
        i < len(said.spans)
        and said.spans[i][0] < start
        and said.low[i] in words(LISTS, "facility_stop")
    ):
        i += 1
    if i >= len(said.spans) or said.spans[i][0] >= start:
        return start
    begin = said.spans[i][0]
    named = range(i, said.from_(start))
    telling = [k for k in named if said.low[k] not in generic and len(said.low[k]) > 1]
    where = _is_where(said.text, begin, False)
    if weak:
        return (
            begin
            if where and telling and not all(said.low[k] in english_words() for k in telling)
            else start
        )
    if not telling:
        return (
            begin
            if where
            and any(
                said.low[k]
                in (
                    "general",
                    "university",
                    "community",
                    "regional",
                    "children",
                    "women",
                    "public",
                    "mental",
                )
                for k in named
            )
            else start
        )
    return begin


def _after(text: str, end: int) -> int:
    found = _patterns()["after"].match(text, end)
    return found.end() if found else end


def _is_where(text: str, start: int, has_head: bool) -> bool:
    before = text[max(0, start - 24) : start].lower().split()
    ours = before[-1:] == ["our"]
    while before and before[-1] in ("the", "our", "a", "their", "his", "her", "downtown", "nearby"):
        before.pop()
    last = before[-1].strip("(,;:") if before else ""
    comma = (
        text[max(0, start - 3) : start].strip().endswith((",", ":", ";", "(", "-"))
        if start
        else False
    )
    return has_head or ours or last in _WHERE or last in ("by", "with", "and", "our") or comma


def _published(text: str, start: int) -> bool:
    """Say whether what stands here is cited as the author of a guideline or a study."""
    return bool(_patterns()["published"].search(text[max(0, start - 60) : start]))


def _city_at(said: Words, i: int) -> int:
    """Return where a city that begins at word i ends (word number), i where none does."""
    for way in cities().get(said.low[i].partition("-")[0], ()):
        parts = [part for low in said.low[i : i + len(way)] for part in low.split("-")]
        for count in range(1, len(way) + 1):
            parts = [part for low in said.low[i : i + count] for part in low.split("-")]
            if tuple(parts) == way and all(
                said.gap(k).strip(" .-\n") == "" for k in range(i, i + count - 1)
            ):
                return i + count
    nicknames = words(LISTS, "nicknames")
    if i + 1 < len(said.spans) and " ".join(said.low[i : i + 2]) in nicknames:
        return i + 2
    return i + 1 if said.low[i] in nicknames else i


@lru_cache(maxsize=1)
def _begins() -> frozenset[str]:
    """Return the words a city can begin with."""
    nicknames = (name.partition(" ")[0] for name in words(LISTS, "nicknames"))
    return frozenset((*cities(), *nicknames))


def _is_state(said: Words, found: re.Match[str]) -> bool:
    """Say whether what follows a place is its state: "IN" is, "in" is not."""
    state = found["s"]
    if said.cased:
        return state.isupper() or (len(state) > 2 and state[0].isupper())
    word = state.lower() in ("on", "in", "or", "me", "hi", "ok", "id", "oh", "la", "de", "al", "pa")
    return found["z"] is not None or (not word and ("," in found[0] or len(state) > 2))


def _cities(said: Words) -> Iterator[Identifier]:
    state, eponyms, begins = _patterns()["state"], words(LISTS, "eponyms"), _begins()
    i = 0
    while i < len(said.spans):
        low = said.low[i]
        if (
            (low not in begins and "-" not in low)
            or (said.cased and not said.text[said.spans[i][0]].isupper())
            or low in eponyms
        ):
            i += 1
            continue
        end = _city_at(said, i)
        after = said.low[end] if end < len(said.spans) else ""
        if end == i or (after in words(LISTS, "scales")):
            i = max(end, i + 1)
            continue
        start, stop = said.spans[i][0], said.spans[end - 1][1]
        follows = state.match(said.text, stop)
        in_state = follows is not None and _is_state(said, follows)
        before = said.low[i - 1] if i else ""
        where = before in _WHERE or said.text[max(0, start - 2) : start].strip() in ("@", "(")
        ordinary = said.low[i] in english_words() and end - i == 1
        if in_state and follows is not None:
            yield Identifier(start, follows.end(), "place", CITY, 0.85)
        elif (where and (not ordinary or (said.cased and before in ("in", "from", "near")))) or (
            not ordinary
            and said.cased
            and (end - i > 1 or (said.flags[i][-1:] in ("", "x") and len(said.low[i]) > 3))
        ):
            yield Identifier(start, stop, "place", CITY, 0.7 if where else 0.5)
        i = end


def _capitals(said: Words, known: set[int]) -> Iterator[Identifier]:
    """Yield capitalised words after "admitted to", "lives in", "at": places of no list."""
    i = 0
    while i < len(said.spans):
        start = said.spans[i][0]
        if (
            (i and said.low[i - 1] not in _BEFORE and said.text[start - 2 : start] != "@ ")
            or start in known
            or not said.namely(i)
            or not _LIVES.search(said.text[max(0, start - 60) : start])
        ):
            i += 1
            continue
        end = i
        while (
            end < len(said.spans)
            and (said.namely(end) or said.of(end).istitle())
            and end - i < REACH
        ):
            end += 1
            if said.gap(end - 1) not in (" ", "-", "'s "):
                break
        telling = [k for k in range(i, end) if said.low[k] not in english_words()]
        eponym = all(said.low[k] in words(LISTS, "eponyms") for k in telling)
        if not eponym and not _published(said.text, start):
            yield Identifier(start, said.spans[end - 1][1], "place", WHERE, 0.6)
        i = max(end, i + 1)


def _onward(said: Words, one: Identifier) -> Identifier:
    """Return a place with the city, state and postal code that follow it."""
    text, end = said.text, one.end
    if one.type == "facility" and (store := _STORE.match(text, end)):
        end = store.end()
    for _ in range(2):
        step = _STEP.match(text, end)
        if step is None or (not step[0].strip(" \n") and one.type != "facility"):
            break
        i = said.from_(step.end())
        if i == len(said.spans) or said.spans[i][0] != step.end():
            break
        stop = _city_at(said, i)
        if stop == i or (said.cased and not said.of(i)[0].isupper()):
            break
        end = said.spans[stop - 1][1]
    if one.type == "address" and end == one.end and (town := _TOWN.match(text, end)):
        last = said.from_(town.start("v"))
        end = town.end() if said.low[last] not in english_words() else end
    follows = _patterns()["state"].match(text, end)
    if follows and (one.type != "facility" or "," in follows[0] or end > one.end):
        end = follows.end() if _is_state(said, follows) else end
    if one.type in ("address", "place") and (code := _CODE.match(text, end)):
        end = code.end()
    return Identifier(one.start, end, one.type, one.why, one.certainty)
