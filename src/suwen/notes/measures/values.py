"""Laboratory values and vital signs in a text: which test, how much, in which canonical unit.

A name of `knowledge/laboratory.toml` followed by a number is a value; between the two may stand
what `_JOINT` says and nothing else. What was written is kept; the canonical value stands beside
it. What lies outside of any survivable range is flagged and never changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from suwen.core.codes import LOINC, Code, Language, Text
from suwen.notes.expressions import any_of
from suwen.notes.measures import units
from suwen.notes.text import Span

Comparator = Literal["", "<", "<=", ">", ">="]
Flag = Literal["implausible", "unit-assumed", "unit-unknown"]
_JOINT: Final = (
    r"(?:\s*(?:\(([A-Za-z0-9\-+ ]{1,12}|[^()]{1,8})\)|（[^（）]{1,14}）))?"
    r"\s*(?:levels?|counts?|value|reading|results?|水平|浓度|计数|定量|测定|值|结果)?"
    r"(?:\s*(?:[:：=＝]|was|is|were|are|of|at|to|on room air|today|currently|noted|found|measured|"
    r"elevated|decreased|low|high|normal|stable|up|down|peaked|reached|be|about|around|"
    r"approximately|measures|showed|"
    r"为|是|约|达|升至|降至|升高至|降低至|波动于|波动在|在|最高|最低|最高达|测得|示|提示|控制在))*\s*"
)
_NUMBER: Final = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_COMPARATOR: Final = (
    r"(?P<comparator><=|>=|[<>≤≥＜＞]|less than|greater than|more than|above|below|over|under|"
    r"大于|小于|超过|高于|低于|不足|不低于|不超过)?\s*"
)
_SIGNS: Final[dict[str, Comparator]] = {
    "<": "<", "＜": "<", "less than": "<", "below": "<", "under": "<", "小于": "<", "低于": "<",
    "不足": "<", "<=": "<=", "≤": "<=", "不超过": "<=", ">": ">", "＞": ">", "greater than": ">",
    "more than": ">", "above": ">", "over": ">", "大于": ">", "超过": ">", "高于": ">",
    ">=": ">=", "≥": ">=", "不低于": ">=",
}  # fmt: skip
_LONE: Final = frozenset(
    {"T", "P", "R", "K", "C3", "C4", "BG", "RF", "EF", "PT", "temp", "HR", "RR"}
)
"""Names so short that a number beside them needs a unit, or a vital sign before them."""
_FREE: Final = frozenset({"K", "HR", "RR", "EF", "BG", "temp"})
"""Of those, names that need a gap or a colon before the number but no unit."""
VITAL_WINDOW: Final = 40
"""Characters back in which another vital sign makes a lone T, P or R one."""
_FEET: Final = re.compile(
    r"\s*(?P<feet>\d)\s*(?:'|′|ft\.?|feet|foot)\s*(?:(?P<inches>\d{1,2}(?:\.\d+)?)\s*(?:\"|″|''|in(?:ches)?\.?)?)?",
    re.IGNORECASE,
)  # fmt: skip


_POUNDS: Final = re.compile(
    r"(?P<pounds>\d{1,2})\s*(?:pounds?|lbs?\.?),?\s*(?:and\s*)?(?P<ounces>\d{1,2}(?:\.\d+)?)\s*"
    r"(?:ounces?|oz)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Value:
    """One measured value.

    Parameters
    ----------
    span
        From the name to the end of the number or its unit.
    name, number
        Where the name and the number (with unit) stand.
    test
        Key of `knowledge/laboratory.toml`.
    value, high
        As written; `high` is the upper end where a range is written.
    unit
        As written, empty for none.
    canonical, canonical_high, canonical_unit
        In the canonical UCUM unit; None where the unit is unknown for this test.
    """

    span: Span
    name: Span
    number: Span
    test: str
    value: float
    high: float | None
    unit: str
    comparator: Comparator
    canonical: float | None
    canonical_high: float | None
    canonical_unit: str
    flags: tuple[Flag, ...] = ()

    @property
    def code(self) -> Code:
        """LOINC code of the test in its canonical unit."""
        test = units.tests()[self.test]
        return Code(system=LOINC, code=test.loinc, name=Text(en=test.en[0], zh=test.zh[0]))


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """Return the test of each name in lower case; names of one letter keep their case."""
    found: dict[str, str] = {}
    for test in units.tests().values():
        for name in (*test.en, *test.zh, *test.only_values):
            found.setdefault(name if len(name) < 3 else name.lower(), test.key)
    return found


@lru_cache(maxsize=1)
def _patterns() -> tuple[re.Pattern[str], ...]:
    """Return names in lower case, names of one or two letters, number, pair and bare pair."""
    long = sorted((n for n in _names() if len(n) >= 3 or n > "\u3400"), key=len, reverse=True)
    short = sorted((n for n in _names() if len(n) < 3 and n < "\u3400"), key=len, reverse=True)
    names = re.compile(rf"(?<![a-z0-9]){any_of(map(_spaced, long))}(?![a-z])")
    lone = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, short))})(?![A-Za-z])")
    unit = rf"(?:\s?(?P<unit>{units.pattern()}))?"
    number = re.compile(
        rf"{_JOINT}{_COMPARATOR}(?P<low>{_NUMBER})(?:\s?(?:-|–|—|~|～|至|to)\s?(?P<high>{_NUMBER}))?{unit}",
        re.IGNORECASE,
    )
    pair = re.compile(
        rf"{_JOINT}(?P<systolic>\d{{2,3}}(?:\.\d+)?)\s?[/／]\s?(?P<diastolic>\d{{2,3}}(?:\.\d+)?)"
        rf"(?:\s?(?P<unit>mm\s?Hg|kPa|毫米汞柱|千帕))?",
        re.IGNORECASE,
    )
    bare = re.compile(
        r"(?<![\d/.])(?P<systolic>\d{2,3}(?:\.\d+)?)\s?[/／]\s?(?P<diastolic>\d{2,3}(?:\.\d+)?)"
        r"\s?(?P<unit>mm\s?Hg|kPa|毫米汞柱|千帕)",
        re.IGNORECASE,
    )
    return names, lone, number, pair, bare


def _spaced(name: str) -> str:
    return r"[\s\-]?".join(re.escape(part) for part in re.split(r"[ \-]", name))


def find(text: str, language: Language) -> list[Value]:
    """Return the values of a text in order, none overlapping another.

    A blood pressure gives two: systolic and diastolic, with one name and one number.
    """
    names, lone, _, _, bare = _patterns()
    lower = text.lower() if len(text.lower()) == len(text) else text
    places = {m.start(): m.end() for m in lone.finditer(text)}
    places |= {m.start(): m.end() for m in names.finditer(lower)}
    found: list[Value] = []
    end = 0
    vital = -VITAL_WINDOW
    for start in sorted(places):
        if start < end:
            continue
        own = Span(start, places[start])
        name = own.of(text)
        known = _names()
        key = known.get(name if len(name) < 3 else re.sub(r"[\s\-]", " ", name).lower())
        key = key or known.get(name.lower()) or known.get(_plain(name))
        if key is None:
            continue
        near = start - vital <= VITAL_WINDOW
        if values := list(_values(text, own, key, language, near)):
            found += values
            end = values[-1].span.end
        if units.tests()[key].vital and values:
            vital = end
    taken = [value.number for value in found]
    for match in bare.finditer(text):
        if not any(span.overlaps(Span(*match.span())) for span in taken):
            found += _pressures(Span(*match.span()), match, 0)
    return sorted(found, key=lambda value: (value.span, value.test != "systolic"))


@lru_cache(maxsize=1024)
def _plain(name: str) -> str:
    """Return the known name that differs only in spaces and hyphens."""
    bare = re.sub(r"[\s\-]", "", name).lower()
    for known in _names():
        if re.sub(r"[\s\-]", "", known).lower() == bare:
            return known
    return name


def _values(
    text: str, name: Span, key: str, language: Language, near_vital: bool
) -> Iterator[Value]:
    _, _, number, pair, _ = _patterns()
    if key == "blood_pressure":
        if match := pair.match(text, name.end):
            yield from _pressures(name, match, name.end)
        return
    if key == "height" and (match := _FEET.match(text, _joint_end(text, name.end))):
        yield _height(name, match)
        return
    if key == "weight" and (match := _POUNDS.match(text, _joint_end(text, name.end))):
        yield _weight(name, match)
        return
    match = number.match(text, name.end)
    if match is None or _is_part(text, match):
        return
    value = _one(text, name, key, language, match)
    written = name.of(text)
    gap = text[name.end : match.start("low")]
    if written in _LONE or len(written) == 1:
        free = written in _FREE and gap.strip() in ("", ":", "=", "：") and gap != ""
        if not value.unit and not free and not near_vital:
            return
        if value.canonical is None or "implausible" in value.flags:
            return
    if gap == "" and not value.unit and not near_vital and written.isascii():
        return  # "B12", "T4" and "CK2" are words, not values.
    bare = key in _NEED_UNIT or written in units.tests()[key].only_values
    if bare and not value.unit and not (key == "temperature" and value.value > 90):
        return
    yield value


_NEED_UNIT: Final = frozenset({"weight", "height", "waist", "head_circumference"})


def _is_part(text: str, match: re.Match[str]) -> bool:
    """Say whether the number is part of something else: a date, a fraction, a dose count."""
    after = text[match.end() : match.end() + 2]
    return bool(re.match(r"[/\-.]\d", after)) or (
        not match["unit"] and bool(re.match(r"\s?[年月日岁天次周个]", after))
    )


def _joint_end(text: str, start: int) -> int:
    match = re.compile(_JOINT, re.IGNORECASE).match(text, start)
    return match.end() if match else start


def _number(written: str) -> float:
    return float(written.replace(",", ""))


def _one(text: str, name: Span, key: str, language: Language, match: re.Match[str]) -> Value:
    test = units.tests()[key]
    low = _number(match["low"])
    high = _number(match["high"]) if match["high"] else None
    flags: list[Flag] = []
    written = match["unit"] or ""
    unit = units.unit_of(written) if written else None
    if unit is None:
        unit = units.assumed_unit(test, language, low)
        if unit.dimension not in ("none", "score"):
            flags.append("unit-assumed")
    elif unit.ucum == "[degF]" and low < 50:
        unit = units.assumed_unit(test, language, low)  # "37 degrees"
    canonical = units.convert(low, unit, test)
    upper = units.convert(high, unit, test) if high is not None else None
    if canonical is None:
        flags.append("unit-unknown")
    elif not all(test.low <= end <= test.high for end in (canonical, upper) if end is not None):
        flags.append("implausible")
    sign = _SIGNS.get((match["comparator"] or "").lower(), "")
    end = match.end("unit") if written else match.end("high" if match["high"] else "low")
    begin = match.start("comparator") if match["comparator"] else match.start("low")
    return Value(
        Span(name.start, end), name, Span(begin, end), key, low, high, written, sign,
        canonical, upper, test.unit, tuple(flags),
    )  # fmt: skip


def _pressures(name: Span, match: re.Match[str], named_to: int) -> Iterator[Value]:
    written = match["unit"] or ""
    unit = units.unit_of(written) if written else units.unit_of("mmHg")
    begin = match.start("systolic")
    end = match.end("unit") if written else match.end("diastolic")
    own = name if named_to else Span(begin, begin)
    for key in ("systolic", "diastolic"):
        test = units.tests()[key]
        value = float(match[key])
        canonical = units.convert(value, unit, test) if unit else None
        flags: list[Flag] = [] if written else ["unit-assumed"]
        if canonical is None or not test.low <= canonical <= test.high:
            flags.append("implausible")
        yield Value(
            Span(own.start, end), own, Span(begin, end), key, value, None, written, "",
            canonical, None, test.unit, tuple(flags),
        )  # fmt: skip


def _height(name: Span, match: re.Match[str]) -> Value:
    test = units.tests()["height"]
    inches = float(match["feet"]) * 12 + float(match["inches"] or 0)
    value = round(inches * 2.54, 1)
    flags: tuple[Flag, ...] = () if test.low <= value <= test.high else ("implausible",)
    begin = match.start("feet")
    return Value(
        Span(name.start, match.end()), name, Span(begin, match.end()), "height", inches, None,
        "[in_i]", "", value, None, test.unit, flags,
    )  # fmt: skip


def _weight(name: Span, match: re.Match[str]) -> Value:
    test = units.tests()["weight"]
    pounds = float(match["pounds"]) + float(match["ounces"]) / 16
    value = round(pounds * 0.45359237, 3)
    flags: tuple[Flag, ...] = () if test.low <= value <= test.high else ("implausible",)
    span = Span(match.start("pounds"), match.end())
    return Value(
        Span(name.start, match.end()), name, span, "weight", pounds, None, "[lb_av]", "", value,
        None, test.unit, flags,
    )  # fmt: skip
