"""Names of people in English text.

A name is found by what stands beside it (a title, "named", a degree, a verb of a person), by being
a frequent first name or surname, or by having been found elsewhere in the same text. Words and
lists are in `knowledge/english.toml` and `knowledge/names_en.txt`, with their sources.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from suwen.core.codes import Text
from suwen.privacy.english.words import LISTS, Words
from suwen.privacy.words.identifier import Identifier
from suwen.privacy.words.lexicon import english_words, table, words

LONGEST: Final = 5
"""Most words of one name."""
_CLINICAL: Final = re.compile(
    "(?:itis|osis|emia|aemia|oma|omas|pathy|ectomy|otomy|ostomy|algia|uria|plasty|s"
    "copy|graphy|therapy|plegia|trophy|"
    "syndrome|mab|nib|pril|statin|sartan|olol|cillin|mycin|azole|parin|xaban|gatran"
    "|gliptin|flozin|tide|vir|ine|ium|ide|ate)$"
)
"""Endings of diseases, operations and drugs."""
_PERSON: Final = re.compile(
    r"\b(?:male|female|man|woman|boy|girl|patient|pt|veteran|lady|gentleman|child|in"
    r"fant|toddler|adult|"
    r"year-?\s?old|yo|y/?o|m|f)\b(?:\s\w+){0,3},?\s$",
    re.IGNORECASE,
)
_WHO: Final = re.compile(
    r",?\s(?:is|was)\s(?:an?\s)?(?:\d|seen|admitted|referred)|,\s(?:an?\s|who\s|aged"
    r"?\s|\d{1,3}\s?-?y)|,?\s(?:reports|denies|"
    r"presents|presented|complains|states|who|whose)\b|'s\s(?:chart|records?|mother|"
    r"father|wife|husband)",
    re.IGNORECASE,
)
_APPOSED: Final = re.compile(r"\b(?:male|female|man|woman|boy|girl|patient),\s$", re.IGNORECASE)
_AGED: Final = re.compile(r",?\s(?:is\s|was\s)?(?:an?\s)?\d{1,3}\s?-?y", re.IGNORECASE)
_GAPS: Final = frozenset((" ", "  ", "\n", " \n", "\r\n", "-", "- ", "\t"))
_AFTER_INITIAL: Final = frozenset((".", ". ", ".  ", ".\n", ".-"))

_NAME: Final = r"[A-Z][A-Za-z'-]+"
NICKNAME = Text(en="nickname in quotes within a name", zh="姓名中引号内的昵称")
CARETS = Text(en="name in parts as systems send it", zh="系统格式姓名")
FAMILY = Text(en="before the word family", zh="“家族”前的姓氏")
INITIALS = Text(en="after the word initials", zh="首字母缩写")
_FORMS: Final = (
    ('"', re.compile(rf'(?P<v>{_NAME}\s"{_NAME}"\s{_NAME}(?:\s{_NAME})?)'), NICKNAME),
    ("^", re.compile(rf"(?<![\w^])(?P<v>{_NAME}\^{_NAME}(?:\^[A-Z][A-Za-z'-]*)*)"), CARETS),
    (" family", re.compile(rf"\b[Tt]he\s(?P<v>{_NAME})\sfamily\b"), FAMILY),
    ("nitials", re.compile(r"\b[Ii]nitials:?\s(?P<v>(?:[A-Z]\.?\s?){2,4}(?![a-z]))"), INITIALS),
)
"""A sign without which there is none, the form, and why."""

TITLE = Text(en="after a title", zh="称谓之后")
CUE = Text(en="after a word that names come after", zh="提示姓名的词之后")
FULL = Text(en="frequent first name and surname", zh="常见名与姓")
INITIAL = Text(en="first name and initial", zh="名与首字母")
PERSON = Text(en="capitals where a person stands", zh="人物位置上的专名")
SINGLE = Text(en="frequent first name", zh="常见名")
LISTED = Text(en="surname, first name", zh="姓在前、名在后")
DEGREE = Text(en="before a degree", zh="学位之前")
AGAIN = Text(en="part of a name found elsewhere in the text", zh="文中他处已出现的姓名")
FOLLOWED = Text(en="before a verb or a thing of a person", zh="人物动词之前")


def chain(said: Words, i: int, free: bool = False) -> int:
    """Return where the name that starts at word i ends (word number), i where none does.

    `free`: after a title or cue an ordinary word may be a name too (Dr. Brown).
    """
    end = i
    while end < len(said.spans) and end - i < LONGEST:
        allowed = said.namely(end) or said.is_initial(end)
        verb = not said.shown(end) and said.low[end] in words(LISTS, "name_verbs")
        if end > i and (verb or (said.low[end] in english_words() and "l" not in said.flags[end])):
            break
        if not allowed and (free or end == i + 1 or (end > i and said.is_first(i))):
            allowed = _may_name(said, end)
        particle = said.low[end] in words(LISTS, "particles") and end + 1 < len(said.spans)
        if not allowed and not (
            particle and said.gap(end).strip() in ("", "'") and said.namely(end + 1)
        ):
            break
        end += 1
        gap = said.gap(end - 1)
        if gap in _AFTER_INITIAL and (
            said.is_initial(end - 1) or said.low[end - 1] in ("st", "jr")
        ):
            continue
        if gap not in _GAPS or (
            "\n" in gap and not (end < len(said.spans) and _continues(said, end, end - i == 1))
        ):
            break
    return end


def _continues(said: Words, i: int, half: bool) -> bool:
    """Say whether the first word of a line goes on with a name: it is no label and no sentence.

    After half a name an ordinary word that is a surname too is taken for one.
    """
    after = said.text[said.spans[i][1] : said.spans[i][1] + 2]
    listed = "l" in said.flags[i] if half else bool(said.flags[i]) and "w" not in said.flags[i]
    return ":" not in after and (listed or said.low[i] not in english_words()) and said.namely(i)


def _may_name(said: Words, i: int) -> bool:
    """Say whether an ordinary word can be a name after a cue or a first name."""
    low, known = said.low[i], said.flags[i]
    if not known or low in words(LISTS, "facility_stop") or low in words(LISTS, "capital_words"):
        return False
    return said.of(i)[0].isupper() if said.cased else "l" in known and len(low) > 2


def _stretch(said: Words, i: int, end: int, why: Text, certainty: float) -> Identifier:
    start, stop = said.spans[i][0], said.spans[end - 1][1]
    if said.is_initial(end - 1) and said.text[stop : stop + 1] == ".":
        stop += 1
    return Identifier(start, stop, "name", why, certainty)


def _is_eponym(said: Words, i: int, end: int) -> bool:
    """Say whether words name a disease, a sign or a score rather than a person."""
    after = said.low[end] if end < len(said.spans) else ""
    named = [said.low[k] for k in range(i, end)]
    known = words(LISTS, "eponyms")
    if said.low[max(0, i - 1)] == "of" and said.low[max(0, i - 2)] in words(LISTS, "eponym_of"):
        return True  # circle of Willis
    possessive = said.text.startswith("'s", said.spans[end - 1][1])
    if after in words(LISTS, "eponym_heads") and (named[-1] in known or not possessive):
        return not (len(named) > 1 and said.is_first(i) and named[-1] not in known)
    parts = [part for one in named for part in one.split("-")]
    joined = "-" in named[0]  # Child-Pugh B is a grade, Wilson B. is a person
    rest = {part for part in parts if not (joined and len(part) == 1)}
    return (
        parts[0] in known
        and known.issuperset(rest - words(LISTS, "eponym_heads"))
        and (len(parts) > 1 or possessive)
    )


def names(said: Words) -> list[Identifier]:
    """Return the names of people in a text, each found at least once."""
    found = [*_cued(said), *_titled(said), *_by_list(said), *_written(said.text)]
    return [*found, *_again(said, found)]


def _written(text: str) -> Iterator[Identifier]:
    """Yield names that are written as only names are: "Bart" in quotes, DOE^JANE, the Does."""
    for sign, pattern, why in _FORMS:
        if sign in text:
            for found in pattern.finditer(text):
                yield Identifier(*found.span("v"), "name", why, 0.75)


def _cued(said: Words) -> Iterator[Identifier]:
    """Yield names after "named", "patient name:", "wife", "seen by" ..."""
    for found in said.phrases["name_cues"]:
        i = said.from_(found.end())
        if i == len(said.spans) or said.spans[i][0] != found.end():
            continue
        while i < len(said.spans) and said.low[i] in words(LISTS, "titles"):
            i += 1
        strong = "name" in found[0].lower() or ":" in found[0] or "by" in found[0].lower().split()
        end = chain(said, i, free=strong)
        if end > i and not _is_eponym(said, i, end) and _whole(said, i, end):
            yield _stretch(said, i, end, CUE, 0.85 if strong else 0.7)


def _whole(said: Words, i: int, end: int) -> bool:
    """Say whether words after a cue are no facility or place: those are found elsewhere."""
    after = said.low[end] if end < len(said.spans) else ""
    return after not in ("hospital", "clinic", "center", "medical") and (
        said.cased or bool(said.flags[i]) or said.low[i] not in english_words()
    )


def _titled(said: Words) -> Iterator[Identifier]:
    """Yield names after a title, with a degree, or in the form "surname, first name"."""
    titles = words(LISTS, "titles")
    for i, low in enumerate(said.low):
        if low in titles:
            gap = said.gap(i)
            if gap.strip(". \n\u00a0"):
                continue
            end = chain(said, i + 1, free=True)
            if end == i + 1 < len(said.spans) and said.cased and gap and "l" in said.flags[end]:
                # Dr. Do, Mr. May: after a title even a word of every sentence is a name.
                end += said.of(end).istitle()
            if end > i + 1 and not (
                said.low[i] in ("st", "sister", "brother", "father") and not said.flags[i + 1]
            ):
                yield _stretch(said, i, end, TITLE, 0.9)
        elif said.text.startswith(",", said.spans[i][1]) and said.gap(i).strip(" \t") == ",":
            yield from _comma(said, i)


def _comma(said: Words, i: int) -> Iterator[Identifier]:
    after = said.of(i + 1)
    if said.low[i + 1] in words(LISTS, "degrees") and (after.isupper() or not said.cased):
        start = i
        while (
            start > 0
            and i - start < LONGEST - 2
            and (
                said.gap(start - 1) in _GAPS
                or (said.gap(start - 1) in _AFTER_INITIAL and said.is_initial(start - 1))
            )
            and (said.namely(start - 1) or said.is_initial(start - 1))
        ):
            start -= 1
        if said.namely(i) and (start < i or said.flags[i]):
            yield _stretch(said, start, i + 1, DEGREE, 0.8)
    elif said.is_first(i + 1) and "w" not in said.flags[i + 1] and said.namely(i + 1):
        before = said.text[said.spans[i - 1][1] if i else 0 : said.spans[i][0]].rstrip()[-1:]
        if said.namely(i) and "l" in said.flags[i] and before != ",":
            yield _stretch(said, i, chain(said, i + 1), LISTED, 0.6)


def _by_list(said: Words) -> Iterator[Identifier]:
    """Yield names that stand in the lists of first names and surnames."""
    i, likely, spans = 0, said.likely, said.spans
    while i < len(spans):
        if not likely[i] and not (spans[i][1] - spans[i][0] == 1 and _initials(said, i)):
            i += 1
            continue
        end = chain(said, i)
        judged = _judge(said, i, max(end, i + 1))
        if judged is not None:
            yield judged
            i = max(end, i + 1)
        else:
            i += 1


def _initials(said: Words, i: int) -> bool:
    """Say whether word i is an initial before a surname: "J. Smith", "J.T. Smith"."""
    last = i + 1
    while said.is_initial(last - 1) and said.gap(last - 1) in (". ", ".") and last - i < 3:
        if "l" in said.flags[last] and "w" not in said.flags[last] and said.namely(last):
            return True
        last += 1
    return False


def _apposed(said: Words, i: int, end: int) -> bool:
    """Say whether words stand between commas after a person: "female, priya ivanov,"."""
    before = said.text[max(0, said.spans[i][0] - 12) : said.spans[i][0]]
    after = said.text[said.spans[end - 1][1] : said.spans[end - 1][1] + 1]
    clinical = any(_CLINICAL.search(low) for low in said.low[i:end])
    return not clinical and after == "," and bool(_APPOSED.search(before))


def _person(said: Words, i: int, end: int) -> bool:
    """Say whether words that no list has stand where a person does."""
    low = said.low[end - 1]
    if (low in english_words() and "l" not in said.flags[end - 1]) or _CLINICAL.search(low):
        return False
    before = said.text[max(0, said.spans[i][0] - 60) : said.spans[i][0]]
    return bool(_PERSON.search(before) or _WHO.match(said.text, said.spans[end - 1][1]))


@lru_cache(maxsize=1)
def _follows() -> re.Pattern[str]:
    return re.compile(r"\s*" + table(LISTS)["name_follows"], re.IGNORECASE)


def _judge(said: Words, i: int, end: int) -> Identifier | None:
    if _is_eponym(said, i, end):
        return None
    first, ordinary = said.is_first(i), said.low[i] in english_words() or "w" in said.flags[i]
    shown = said.shown(i)
    if end - i >= 2:
        rest = range(i + 1, end)
        surname = any("l" in said.flags[k] for k in rest)
        initial = said.is_initial(i + 1) or said.is_initial(i)
        if initial and not ordinary and (first or shown or said.is_initial(i)):
            return _stretch(said, i, end, INITIAL, 0.8)
        if (
            first
            and (surname or not ordinary)
            and (shown or surname or (not said.cased and said.flags[i + 1] == ""))
        ):
            return _stretch(said, i, end, FULL, 0.85 if surname else 0.7)
        aged = _AGED.match(said.text, said.spans[end - 1][1]) or _apposed(said, i, end)
        if not ordinary and _person(said, i, end) and (shown or surname or aged):
            return _stretch(said, i, end, PERSON, 0.6)
        sure = any("l" in said.flags[k] and "w" not in said.flags[k] for k in rest)
        eponym = not words(LISTS, "eponyms").isdisjoint(said.low[i:end])
        if shown and not ordinary and sure and not eponym:
            return _stretch(said, i, end, FULL, 0.55)
    alone = first and not ordinary and len(said.low[i]) > 2
    if alone and (said.of(i).istitle() if shown else "x" not in said.flags[i]):
        return _stretch(said, i, i + 1, SINGLE, 0.55)
    if (
        said.cased
        and not ordinary
        and ("l" in said.flags[i] or (said.of(i).istitle() and not _CLINICAL.search(said.low[i])))
        and _follows().match(said.text, said.spans[i][1])
    ):
        return _stretch(said, i, i + 1, FOLLOWED, 0.5)
    return None


def _again(said: Words, found: Sequence[Identifier]) -> Iterator[Identifier]:
    """Yield where a part of a name found before stands again."""
    parts = {
        part.lower()
        for one in found
        if one.certainty >= 0.7
        for part in re.split(r"[\s.]+", one.of(said.text).replace("'s", ""))
        if len(part) > 2
    }
    parts -= words(LISTS, "capital_words")
    for i, low in enumerate(said.low):
        if low in parts and not _is_eponym(said, i, i + 1):
            ordinary = low in english_words() or "w" in said.flags[i]
            if said.of(i)[0].isupper() or not (said.cased or ordinary):
                yield _stretch(said, i, i + 1, AGAIN, 0.75)
