"""Written dates moved by whole days: format, language, ordinals, padding and case stay.

A date without a year is moved within a year that its caller gives, a month without a day by its
middle, a day of the week around the week: what lies between two dates of a text stays what it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Final

from suwen.privacy.texts.dates import CHINESE, MONTHS, NUMBERS, SPANISH, WORDS, Form, span_of

MIDDLE: Final = 15
"""The day taken for a month written without one."""
_DAYS: Final = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_HAN: Final = "〇一二三四五六七八九"


def moved(text: str, by: timedelta, year: int, day_first: bool) -> str | None:
    """Return a written date moved, in the same format; None where it cannot be read.

    Parameters
    ----------
    text
        The date as it is written.
    by
        Whole days.
    year
        The year taken for a date written without one.
    day_first
        Whether 03/04 is the third of April; what can be only one of both is read as that.
    """
    for form in (*NUMBERS, *WORDS, *CHINESE):
        found = _whole(form, text)
        if found is not None:
            return _written(found, by, year, day_first)
    return None


def _whole(form: Form, text: str) -> re.Match[str] | None:
    """Return the match that is all of a text; cues before a date are put there to be matched."""
    for before in ("", "on ", "in ", "于"):
        found = form.pattern.match(before + text)
        if found is not None and span_of(found) == (len(before), len(before + text)):
            return found
    return None


def _written(found: re.Match[str], by: timedelta, year: int, day_first: bool) -> str | None:
    parts = {name: value for name, value in found.groupdict().items() if value is not None}
    offset = span_of(found)[0]
    text = found.string[offset : span_of(found)[1]]
    if "w" in parts:
        return _replaced(
            text, {(found.start("w") - offset, found.end("w") - offset): _weekday(parts["w"], by)}
        )
    if "m" not in parts and "b" not in parts:
        return None
    try:
        day, swapped = _day(parts, year, day_first)
    except ValueError:
        return None
    if re.search(r"\d\s?(?:-|to|and|&)\s?\d{1,2}(?!\d)", text) and "b" in parts:
        return None
    target = day + by
    padded = any(parts.get(name, "").startswith("0") for name in ("m", "d"))
    changes: dict[tuple[int, int], str] = {}
    writers: dict[str, Callable[[str], str]] = {
        "y": partial(_year_like, target.year),
        "m": partial(_number_like, target.day if swapped else target.month, padded),
        "d": partial(_number_like, target.month if swapped else target.day, padded),
        "b": partial(_month_like, target.month),
        "o": lambda old: _ordinal_like(target.day, old),
    }
    for name, write in writers.items():
        if name in parts:
            changes[found.start(name) - offset, found.end(name) - offset] = write(parts[name])
    return _replaced(text, changes)


def _replaced(text: str, changes: dict[tuple[int, int], str]) -> str:
    for (start, end), new in sorted(changes.items(), reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _day(parts: dict[str, str], year: int, day_first: bool) -> tuple[date, bool]:
    """Return the day of the parts, and whether `m` and `d` change places."""
    full = _year_of(parts["y"]) if "y" in parts else year
    if "b" in parts:
        month, day, swapped = _month_of(parts["b"]), _number(parts.get("d", str(MIDDLE))), False
    else:
        month, day = _number(parts["m"]), _number(parts.get("d", str(MIDDLE)))
        swapped = "d" in parts and (month > 12 or (day_first and day <= 12 and "s" in parts))
        if "s" in parts and len(parts["y"]) == 4 and parts["y"] == _first(parts):
            swapped = False
        if swapped:
            month, day = day, month
    return date(full, month, day), swapped


def _first(parts: dict[str, str]) -> str:
    return next(iter(parts.values()))


def first_is_day(text: str) -> bool | None:
    """Say whether a date in figures shows that days come first; None where it could be either."""
    found = _whole(NUMBERS[2], text)
    if found is None:
        return None
    first, second = int(found["m"]), int(found["d"])
    return True if first > 12 else False if second > 12 else None


def year_in(text: str) -> int | None:
    """Return the year a written date has, if it has one."""
    for form in (*NUMBERS, *WORDS, *CHINESE):
        found = _whole(form, text)
        if found is not None and "y" in found.groupdict() and found["y"]:
            return _year_of(found["y"])
    return None


def _year_of(text: str) -> int:
    digits = "".join(str(_HAN.index(one)) if one in _HAN else one for one in text.strip("'"))
    digits = digits.replace("零", "0").replace("○", "0")
    number = int(digits)
    if len(digits) > 2:
        return number
    return number + (1900 if number > date.today().year % 100 + 1 else 2000)


def _number(text: str) -> int:
    """Return a number of at most two digits, in figures or Chinese numerals."""
    if text.isdigit() and text.isascii():
        return int(text)
    text = {"正": "一", "元": "一", "冬": "十一", "腊": "十二"}.get(text, text)
    text = text.replace("廿", "二十").replace("卅", "三十")
    tens, ten, ones = text.rpartition("十")
    unit = _HAN.index(ones) if ones in _HAN and ones else 0
    return (10 * (_HAN.index(tens) if tens else 1) + unit) if ten else unit


def _month_of(word: str) -> int:
    low = word.lower().rstrip(".")
    for names in (MONTHS, SPANISH):
        for place, name in enumerate(names, 1):
            if name == low or (len(low) >= 3 and name.startswith(low) and names is MONTHS):
                return place
    return MONTHS.index("september") + 1


def _number_like(number: int, padded: bool, old: str) -> str:
    if old.isdigit() and old.isascii():
        return f"{number:02d}" if padded else str(number)
    tens, ones = divmod(number, 10)
    unit = _HAN[ones] if ones else ""
    return (("" if tens == 1 else _HAN[tens]) + "十" if tens else "") + unit


def _year_like(number: int, old: str) -> str:
    mark = "'" if old.startswith("'") else ""
    digits = str(number)[-len(old.strip("'")) :]
    if not old.strip("'").isascii():
        digits = "".join(_HAN[int(one)] for one in digits)
    return mark + digits


def _month_like(number: int, old: str) -> str:
    """Return a month in the language, length and case of another."""
    low = old.lower().rstrip(".")
    names = SPANISH if low in SPANISH else MONTHS
    name = names[number - 1]
    if low not in names:
        name = name[:3]
    if old.isupper():
        return name.upper()
    return name.capitalize() if old[0].isupper() else name


def _ordinal_like(day: int, old: str) -> str:
    ending = "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    ending = old[: len(old) - len(old.lstrip())] + ending
    return ending.upper() if old.isupper() else ending


def _weekday(word: str, by: timedelta) -> str:
    han = "一二三四五六日"
    if word in han or word == "天":
        return han[(han.index(word.replace("天", "日")) + by.days) % 7]
    name = _DAYS[(_DAYS.index(word.lower()) + by.days) % 7]
    return name.upper() if word.isupper() else name.capitalize() if word[0].isupper() else name
