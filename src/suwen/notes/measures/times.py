"""Dates and durations in a text, in ISO 8601.

A year that is not written is not guessed: `2 March` is `--03-02`. A slash date is month first in
English (United States) and year first in Chinese; one that can be no date is left out.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from suwen.core.codes import Language
from suwen.notes.expressions import Expressions, beginnings
from suwen.notes.text import Span

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov",
                  "dec")  # fmt: skip
_MONTH: Final = (
    r"(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_SINCE: Final = ("in", "since", "until", "from", "of", "diagnosed")
"""Words after which four digits are a year."""
_DATES: Final = tuple(
    re.compile(expression, re.IGNORECASE)
    for expression in (
        r"(?<!\d)(?P<y>(?:19|20)\d{2})\s?[年\-/.]\s?(?P<m>\d{1,2})\s?[月\-/.]\s?(?P<d>\d{1,2})日?(?!\d)",
        r"(?<!\d)(?P<y>(?:19|20)\d{2})\s?年\s?(?P<m>\d{1,2})\s?月份?(?!\d)",
        r"(?<!\d)(?P<y>(?:19|20)\d{2})-(?P<m>\d{2})(?![\d\-])",
        r"(?<!\d)(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>(?:19|20)?\d{2})(?!\d)",
        rf"\b{_MONTH}\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y>(?:19|20)\d{{2}})\b",
        rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\s+{_MONTH},?\s+(?P<y>(?:19|20)\d{{2}})\b",
        rf"\b{_MONTH},?\s+(?:of\s+)?(?P<y>(?:19|20)\d{{2}})\b",
        r"(?<!\d)(?P<y>(?:19|20)\d{2})\s?年(?!\d)",
        rf"\b(?:{'|'.join(_SINCE)})\s+(?P<y>(?:19|20)\d{{2}})\b(?!\s?(?:mg|ml|kg|/))",
        r"(?<!\d)(?P<m>\d{1,2})\s?月\s?(?P<d>\d{1,2})\s?[日号](?!\d)",
        rf"\b{_MONTH}\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\b(?!,?\s+(?:19|20)\d{{2}})",
    )
)
_TOGETHER: Final = Expressions(
    _DATES,
    [
        re.compile(r"\d(?<!\d\d)"),
        re.compile(beginnings([*_MONTHS, *(rf"{word}\s+\d" for word in _SINCE)])),
    ],
    any_case=True,
)
_WORDS: Final = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "twelve": 12, "couple": 2, "一": 1, "二": 2, "两": 2,
    "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10, "半": 0.5,
}  # fmt: skip
_COUNT: Final = (
    r"(?P<n>\d+(?:\.\d+)?|a couple of|an|a|one|two|three|four|five|six|seven|eight|nine|ten|twelve)"
)
_LENGTHS: Final = {
    "en": re.compile(
        rf"(?<![\d.\w/]){_COUNT}(?:\s?(?:-|to|or)\s?(?P<n2>\d+))?[\s-](?:more\s)?(?P<unit>minute|min|hour|hr|day|week|wk|"
        r"month|mo|year|yr)s?\b(?P<ago>\s+(?:ago|prior|earlier|before|previously)\b)?(?![\s-]?old)",
        re.IGNORECASE,
    ),
    "zh": re.compile(
        r"(?<![\d.年月/])(?P<n>\d+(?:\.\d+)?|[一二两三四五六七八九十半]+)(?:\s?[-~～至]\s?(?P<n2>\d+))?\s?(?:余|多|\+)?个?"
        r"(?P<unit>分钟|小时|天|日|周|星期|月|年)(?![\d份月龄岁]|度)(?:余|多)?(?P<ago>之?前)?"
    ),
}
_UNITS: Final = {
    "minute": "TM", "min": "TM", "hour": "TH", "hr": "TH", "day": "D", "week": "W", "wk": "W",
    "month": "M", "mo": "M", "year": "Y", "yr": "Y", "分钟": "TM", "小时": "TH", "天": "D",
    "日": "D", "周": "W", "星期": "W", "月": "M", "年": "Y",
}  # fmt: skip
_DAYS: Final = (
    (
        re.compile(r"(?i)\b(?:today|this (?:morning|afternoon|evening)|tonight)\b|今[日天晨早晚]"),
        "P0D",
    ),
    (re.compile(r"(?i)\b(?:yesterday|last night)\b|昨[日天晨晚夜]"), "P1D"),
    (re.compile(r"(?<![目之以])前[日天](?![前后常])"), "P2D"),
    (re.compile(r"(?i)\blast week\b|上周"), "P1W"),
    (re.compile(r"(?i)\blast month\b|上个?月(?![经龄])"), "P1M"),
    (re.compile(r"(?i)\blast year\b|去年"), "P1Y"),
    (re.compile(r"前年"), "P2Y"),
)
"""Words for a day or a time about it, by how long before the day of the note they are."""


@dataclass(frozen=True)
class Time:
    """A date, or how long something lasts or how long ago it was.

    `value` is ISO 8601: `2021-03`, `--03-02`, `P3D`, `PT6H`, `P1Y6M`.
    """

    span: Span
    kind: Literal["date", "duration", "ago"]
    value: str


def find(text: str, language: Language) -> list[Time]:
    """Return dates and durations in order, none overlapping another; an age is neither."""
    found: list[Time] = []
    for matches in _TOGETHER.finditers(text):
        for match in matches:
            span = Span(_begin(match), match.end())
            value = _date(match.groupdict())
            if value and not any(one.span.overlaps(span) for one in found):
                found.append(Time(span, "date", value))
    for own in ("en", "zh") if language == "zh" else ("en",):
        for match in _LENGTHS[own].finditer(text):
            span = Span(*match.span())
            if any(one.span.overlaps(span) for one in found) or _is_rate(text, match):
                continue
            if value := duration(match["n"], match["unit"]):
                found.append(Time(span, "ago" if match["ago"] else "duration", value))
    return sorted(found, key=lambda one: one.span)


def days(text: str) -> list[Time]:
    """Return words for a time that is told from the day of the note: today, 昨日, last week."""
    return sorted(
        (
            Time(Span(*match.span()), "ago", length)
            for expression, length in _DAYS
            for match in expression.finditer(text)
            if not text[max(0, match.start() - 1) : match.start()].isdigit()
        ),
        key=lambda one: one.span,
    )


def _begin(match: re.Match[str]) -> int:
    """Return where a date begins: a word before it (`in 2019`) is none of it."""
    return min(match.start(name) for name, part in match.groupdict().items() if part)


def _is_rate(text: str, match: re.Match[str]) -> bool:
    """Say whether what looks like a length is a rate: 一日三次, 每3天, every 3 days, a day."""
    before, after = text[max(0, match.start() - 6) : match.start()], text[match.end() :][:6]
    if match["n"].lower() in ("a", "an") and match["unit"].lower() == "day" and not match["ago"]:
        return True
    return bool(
        re.search(r"(?:每|every|times|twice|once|次/?)\s*$", before, re.IGNORECASE)
    ) or bool(re.match(r"\s?(?:[一二两三四1-4]次|of age|old)", after))


def duration(count: str, unit: str) -> str:
    """Return an ISO 8601 duration of a written count and unit, empty where there is none."""
    number = _count(count.lower())
    mark = _UNITS.get(unit.lower())
    if number is None or mark is None or number <= 0:
        return ""
    if number != int(number) and mark in ("Y", "W", "M"):
        parts = {"Y": (12, "M"), "W": (7, "D"), "M": (30, "D")}[mark]
        return f"P{round(number * parts[0])}{parts[1]}"
    shown = f"{number:g}"
    return f"P{mark[0]}{shown}{mark[1]}" if len(mark) == 2 else f"P{shown}{mark}"


def _count(written: str) -> float | None:
    if written in _WORDS:
        return float(_WORDS[written])
    if written.startswith("a couple"):
        return 2.0
    if re.fullmatch(r"\d+(?:\.\d+)?", written):
        return float(written)
    if match := re.fullmatch(r"([一二两三四五六七八九]?)十([一二三四五六七八九]?)", written):
        tens = _WORDS[match[1]] if match[1] else 1
        return float(tens * 10 + (_WORDS[match[2]] if match[2] else 0))
    return None


@lru_cache(maxsize=64)
def _month(name: str) -> int:
    return _MONTHS.index(name[:3].lower()) + 1


def _date(parts: dict[str, str | None]) -> str:
    """Return an ISO date of what was matched, empty where it is no date."""
    month = _month(parts["name"] or "") if parts.get("name") else int(parts.get("m") or 0)
    day, year = int(parts.get("d") or 0), parts.get("y") or ""
    if len(year) == 2:
        year = ("20" if int(year) < 50 else "19") + year
    if month > 12 or (month == 0 and day) or day > monthrange(int(year or 2000), month or 1)[1]:
        return ""
    if (parts.get("m") == "0") or (parts.get("m") == "00"):
        return ""
    shown = year or "-"
    if month:
        shown += f"-{month:02d}"
    return f"{shown}-{day:02d}" if day else shown
