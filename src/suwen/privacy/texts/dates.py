"""Dates as they are written, in English, Spanish and Chinese.

A year alone may stay (45 CFR 164.514(b)(2)(i)(C)); month and day may not. What says when only from
today ("last week", 三天前) holds no date. Ages over 89 are the same paragraph's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from suwen.core.codes import Text

MONTHS: Final = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
SPANISH: Final = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
]
_MONTH: Final = (
    r"(?P<b>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|"
    + "|".join(SPANISH)
    + r")(?![a-z])\.?"
)
_DAY: Final = r"(?P<d>0?[1-9]|[12]\d|3[01])(?!\d)(?P<o>\s?(?:st|nd|rd|th)\b)?"
_YEAR: Final = r"(?P<y>'?\d{2}(?!\d)|(?:18|19|20)\d{2}(?!\d))"
_LONG_YEAR: Final = r"(?P<y>(?:18|19|20)\d{2})(?!\d)"
_CUE: Final = (
    r"(?:\b(?:on|of|since|from|until|till|through|by|dated?|d\.?o\.?b\.?|born|before"
    r"|after|between|and|"
    r"to|visit|seen|admitted|discharged|adm|dc|d/c|follow-?up|f/u|appt|appointment|s"
    r"urgery|hospital|"
    r"clinic|center|office|d[ií]a|fecha|(?:mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun)(?:[a-z]{0,6}day)?|note|booked)\b"
    r"\.?[\s:,(]{1,3}|日期[:：]?\s?)"
)
_HAN_NUMBER: Final = r"(?:\d{1,2}|[元正冬腊〇一二三四五六七八九十廿卅]{1,3})"


@dataclass(frozen=True)
class Form:
    """One way to write a date.

    `pattern` has groups y, m, b (month in words), d, o (ordinal), w (weekday), each where it is
    written; group `v` is the date where the match has more than it.
    """

    pattern: re.Pattern[str]
    why: Text
    certainty: float


def _form(pattern: str, en: str, zh: str, certainty: float = 0.95) -> Form:
    return Form(re.compile(pattern, re.IGNORECASE), Text(en=en, zh=zh), certainty)


NUMBERS: Final = (
    _form(
        r"(?<![\d.])"
        + _LONG_YEAR.replace("(?!\\d)", "")
        + r"\s?(?P<s>[-/.])\s?(?P<m>0?[1-9]|1[0-2])\s?(?P=s)\s?"
        r"(?P<d>0?[1-9]|[12]\d|3[01])(?!\d)",
        "year, month and day in figures",
        "年月日数字日期",
    ),
    _form(
        r"(?<![\d.])(?P<y>(?:19|20)\d{2})(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])(?!\d|\.\d)",
        "eight figures that are a day",
        "八位数字日期",
        0.75,
    ),
    _form(
        r"(?<![\d./-])(?<!\d\s)(?:\d{1,2}[/.]\d{1,2}\s?[-~–至]\s?)?"
        r"(?P<m>\d{1,2})\s?(?P<s>[/.-])\s?(?P<d>\d{1,2})\s?(?P=s)\s?"
        r"(?P<y>'?(?:18|19|20)\d{2}|'?\d{2})(?![\d]|[/-]\d)",
        "day, month and year in figures",
        "日月年数字日期",
    ),
    _form(
        r"(?<![\d./-])(?P<m>0?[1-9]|1[0-2])\s?[/-]\s?(?P<y>(?:19|20)\d{2})(?![\d/-])",
        "month and year in figures",
        "月年数字日期",
    ),
    _form(
        _CUE + r"(?P<v>(?P<m>0?[1-9]|1[0-2])[/-](?P<d>0?[1-9]|[12]\d|3[01]))"
        r"(?!\d|[/.-]\d|\s?(?:mg|ml|mm|pain|strength|%|points?|scale|criteria|cm|hours?|"
r"days?|weeks?))",
        "month and day in figures after a word for when",
        "时间词后的月日",
        0.7,
    ),
)  # fmt: skip
BORN: Final = _form(
    r"(?:\b(?:dob|d\.o\.b\.?|born(?:\s+on)?|birth\s?date|date\s+of\s+birth)|出生(?:日期)?|生日)\s?[:：]?\s?"
    r"(?P<v>(?P<m>\d{2})(?P<d>\d{2})(?:19|20)?\d{2})(?!\d)",
    "six or eight figures after a word for birth",
    "出生后的六位或八位数字",
)
WORDS: Final = (
    _form(
        r"(?=[jfmasonde])(?<![a-z])" + _MONTH + r"\s{0,2},?\s{0,2}" + _DAY
        + r"(?:\s?(?:-|to|and|&)\s?\d{1,2}(?!\d)(?:st|nd|rd|th)?)?(?:\s{0,2},?\s{0,2}(?:of"
r"\s)?" + _YEAR + ")?",
        "month and day in words",
        "英文月日",
    ),
    _form(
        r"(?<![\d./])"
        + _DAY
        + r"(?:\s?(?:-|to|and|&)\s?\d{1,2}(?:st|nd|rd|th)?)?\s{0,2}[-/,.]?\s{0,2}(?:of\s|d"
r"e\s)?"
        + _MONTH + r"(?:\s{0,2}[-/,.]?\s{0,2}(?:of\s|de\s|del\s)?" + _YEAR + ")?",
        "day and month in words",
        "英文日月",
    ),
    _form(
        r"(?=[jfmasonde])(?<![a-z])"
        + _MONTH
        + r"\s{0,2}[-/,]?\s{0,2}(?:of\s|de\s|del\s)?(?P<y>'\d{2}(?!\d)|(?:18|19|20)\d{2}(?"
r"!\d))",
        "month and year in words",
        "英文月年",
    ),
    _form(
        r"(?=[iselmubdoantp])\b(?:in|since|early|late|mid|until|by|during|of|before|after|(?=last|this|next"
r"|past))[\s-]{0,2}"
        r"\b(?P<v>(?:(?:last|this|next|past)\s)?" + _MONTH.replace("|may|", "|") + r")(?!\s?\d)",
        "month in words after a word for when",
        "时间词后的英文月份",
        0.6,
    ),
    _form(
        r"(?P<v>\b(?:(?:last|this|next|past)\s)?(?P<w>(?:mon|tues|wednes|thurs|fri|satur"
r"|sun)day))\b",
        "day of the week",
        "英文星期",
        0.6,
    ),
)  # fmt: skip
_FEASTS: Final = (
    r"new\s+year'?s?\s+(?:eve|day)|christmas(?:\s+(?:eve|day))?|thanksgiving(?:\s+day)?|halloween|"
    r"easter(?:\s+(?:sunday|monday))?|(?:fourth|4th)\s+of\s+july|independence\s+day|labor\s+day|"
    r"memorial\s+day|valentine'?s\s+day|boxing\s+day|hanukkah|diwali|eid(?:\s+al-\w+)?"
)
CHINESE_FEASTS: Final = (
    "元旦|除夕|春节|大年[初三]十?[一二三四五]?|元宵节?|清明节?|端午节?|中秋节?|重阳节?|国庆节?|圣诞节?|"
    "五一劳动节"
)
FEASTS: Final = (
    _form(
        rf"\b(?:{_FEASTS})(?:,?\s(?P<y>(?:19|20)\d{{2}}))?(?![a-z])",
        "feast day",
        "节日",
        0.7,
    ),
)
CHINESE: Final = (
    _form(
        rf"(?:(?P<y>(?:19|20)\d{{2}})年?)?(?:{CHINESE_FEASTS})(?![一-龥]?(?:药|方|汤|丸|散))",
        "feast day in Chinese",
        "节日",
        0.7,
    ),
    _form(
        r"(?<=\d)[~～至—-](?P<v>(?P<m>0?[1-9]|1[0-2])[/.](?P<d>[12]\d|3[01]|0?[1-9]))(?![\d./%])",
        "end of a span of days",
        "日期区间末",
        0.7,
    ),
    _form(
        r"(?P<y>(?:18|19|20)\d{2}|(?<!\d)\d{2}|[〇零○一二三四五六七八九]{4}|[〇零○一二三四五六七八九]{2})\s?年\s?"
        r"(?P<m>" + _HAN_NUMBER + r")\s?月(?:份)?(?:\s?(?:初|中旬|上旬|下旬|底))?"
        r"(?:\s?(?P<d>" + _HAN_NUMBER + r")\s?[日号])?",
        "year and month in Chinese",
        "年月（日）",
    ),
    _form(
        r"(?<![\d个.零〇一二三四五六七八九十])(?P<m>"
        + _HAN_NUMBER
        + r")\s?月\s?(?P<d>"
        + _HAN_NUMBER
        + r")\s?[日号]",
        "month and day in Chinese",
        "月日",
    ),
    _form(
        r"(?:上|下|本|这|去年|今年|明年|前年|当年|同年|次年|翌年|于)(?:个)?\s?(?P<v>(?P<m>"
        + _HAN_NUMBER + r")\s?月(?:份|初|底|中旬|上旬|下旬)?)(?![余前后内大龄])",
        "month in Chinese after a word for when",
        "时间词后的月份",
        0.7,
    ),
    _form(r"(?<![\d个.])(?P<m>" + _HAN_NUMBER + r")月份", "month in Chinese", "月份", 0.7),
    _form(
        r"农历\s?(?:[\u4e00-\u9fff]{2}年)?\s?[正元冬腊一二三四五六七八九十]{1,2}月\s?(?:"
r"[初十廿卅二三][一二三四五六七八九十]?[一二三四五六七八九十]?日?)?",
        "day of the lunar calendar",
        "农历日期",
        0.9,
    ),
    _form(
        r"(?:上|下|本|这)?(?:个)?(?P<v>(?:星期|周|礼拜)(?P<w>[一二三四五六日天]))(?![一-龥]?[次期])",
        "day of the week in Chinese",
        "星期",
        0.6,
    ),
)  # fmt: skip
_AGES: Final = (
    _form(
        r"(?<![\d.])(?P<v>9\d|1[0-3]\d)(?=\s?-?\s?(?:years?|yrs?|y\.?\s?/?o|y/?o)\b|\s?"
r"岁|\s?周岁|\s?años)"
        r"|\b(?:aged?|age:|age is|年龄[:：]?)\s{0,2}(?P<u>9\d|1[0-3]\d)(?!\d|\.\d|\s?%)",
        "age over 89",
        "89 岁以上年龄",
    ),
    _form(
        r"(?P<v>九十[一二三四五六七八九]?|一百(?:零?[一二三四五六七八九]|一?十[一二三四五六七八九]?)?)(?=\s?(?:周?岁|高龄))",
        "age over 89 in Chinese numerals",
        "中文数字 89 岁以上年龄",
    ),
    _form(
        r"\b(?P<v>nine?ty(?:[\s-](?:one|two|three|four|five|six|seven|eight|nine))?|(?:o"
r"ne|a)\shundred"
        r"(?:\sand\s\w+)?)(?=[\s-]years?[\s-]old)",
        "age over 89 in words",
        "英文 89 岁以上年龄",
    ),
)  # fmt: skip
_FIGURES: Final = re.compile(r"\d\s?[/.-]\s?\d|\d{8}")
_NAMED: Final = re.compile(
    r"(?<![A-Za-z])(?:[Jj][AaUu]|[Ff]E|[Ff]e|[Mm][Aa]|[Aa][PpUuBbGg]|[Ss][Ee]|[Oo]|["
    r"Nn][Oo]|[Dd][EeIi]|[Ee]n|EN)"
    r"|[Dd][Aa][Yy](?![A-Za-z])"
)
_FEAST: Final = re.compile(
    r"[Yy]ear'?s|YEAR|[Cc]hristmas|[Tt]hanksg|[Hh]allow|[Ee]aster|[Jj]uly|[Dd]ay|[Hh]anuk|[Dd]iwali|[Ee]id"
)
"""Without a match of these no date in figures, none in words, can stand in a text."""
_OLD: Final = re.compile(r"9\d|1[0-3]\d|九十|一百|[Nn]ine|NINE|[Hh]undred|HUNDRED")

_MONTHS: Final = re.compile("(?=[jfmasonde])(?<![a-z])" + _MONTH, re.IGNORECASE)
_DIGIT: Final = re.compile(r"\d")
_SHORT: Final = re.compile(r"\d[/-]\d{1,2}(?![\d/-])")
"""Without a match of it no month and day stand alone in figures."""
_BIRTH: Final = re.compile(r"(?:[bB]|[bB]\.|[nN]|H|期|日|生)[:：]?\s?\d{6}(?!\d)")

Found = tuple[int, int, Form]


def span_of(found: re.Match[str]) -> tuple[int, int]:
    """Return where the date of a match lies, without the words around it."""
    for name in ("v", "u"):
        if name in found.re.groupindex and found[name] is not None:
            return found.span(name)
    return found.span()


def dates(text: str) -> Iterator[Found]:
    """Yield where the folded text says a date, and in which form."""
    forms = [*_figured(text), *_worded(text)]
    if _FEAST.search(text):
        forms += FEASTS
    if not text.isascii():
        forms += CHINESE
    for form in forms:
        for found in form.pattern.finditer(text):
            start, end = span_of(found)
            if _plausible(found, text):
                yield start, end, form


def _figured(text: str) -> Iterator[Form]:
    """Yield the forms of dates in figures that may stand in a text."""
    if _BIRTH.search(text):
        yield BORN
    if _FIGURES.search(text):
        yield from NUMBERS[:-1]
        if _SHORT.search(text):
            yield NUMBERS[-1]


def _worded(text: str) -> Iterator[Form]:
    """Yield the forms of dates in words that may stand in a text."""
    if not _NAMED.search(text):
        return
    if _MONTHS.search(text):
        numbered = _DIGIT.search(text)
        yield from WORDS[:-1] if numbered else WORDS[-2:-1]
    if "day" in text.lower():
        yield WORDS[-1]


def ages(text: str) -> Iterator[Found]:
    """Yield where the folded text says an age over 89."""
    if not _OLD.search(text):
        return
    for form in _AGES:
        for found in form.pattern.finditer(text):
            yield *span_of(found), form


def _plausible(found: re.Match[str], text: str) -> bool:
    """Say whether the parts can be a date: no 45th, no thirteenth month, no verb "may"."""
    parts = found.groupdict()
    word = (parts.get("b") or "").rstrip(".")
    if word and word.lower() in ("may", "mar") and word.islower():
        return bool(parts.get("y") or parts.get("o")) or not text[: found.start()].strip()
    day, month = parts.get("d"), parts.get("m")
    if day and month and day.isdigit() and month.isdigit():
        first, second = int(month), int(day)
        return 1 <= min(first, second) <= 12 and max(first, second) <= 31 and min(first, second) > 0
    return True
