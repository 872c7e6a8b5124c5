"""Dates of FHIR, HL7 v2 and tables moved by whole days, and years of birth.

Reference: HL7 FHIR R4 datatypes (date, dateTime, instant); HL7 v2.8 2A (DT, DTM); 45 CFR
164.514(b)(2)(i)(C): ages above 89 are not told apart.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final

OLDEST: Final = 89
_ISO = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?((?:[T ].*)?)", re.DOTALL)
_ISO_TIME = re.compile(
    r"|[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:\s?(?:Z|[+-]\d{2}:?\d{2}))?", re.DOTALL
)
_HL7 = re.compile(r"(\d{4})(?:(\d{2})(?:(\d{2})(\d{0,6}(?:\.\d{1,4})?))?)?([+-]\d{4})?")
_SLASHED = re.compile(r"(\d{1,4})([/.年-])(\d{1,2})[/.月-](\d{1,4})(日?)(.*)", re.DOTALL)
_CLOCK = re.compile(
    r"|[T\s]*\d{1,2}[:：时点]\d{1,2}(?:[:：分]\d{1,2}(?:\.\d+)?秒?)?分?\s*(?:[AaPp][Mm])?\s*"
    r"(?:Z|[+-]\d{2}:?\d{2})?"
)


def _there(year: str, month: str | None, day: str | None, shift: timedelta) -> date | None:
    """Return the moved date; a year alone is moved from its middle, a month likewise."""
    try:
        return date(int(year), int(month or 7), int(day or (15 if month else 1))) + shift
    except (ValueError, OverflowError):
        return None


def iso(text: str, shift: timedelta) -> str | None:
    """Return a FHIR date, dateTime or instant moved; None when it is none."""
    match = _ISO.fullmatch(text.strip())
    if match is None or not _ISO_TIME.fullmatch(match[4]) or (match[4] and not match[3]):
        return None
    if (there := _there(match[1], match[2], match[3], shift)) is None:
        return None
    parts = [f"{there.year:04d}", f"{there.month:02d}", f"{there.day:02d}"]
    return "-".join(parts[: sum(part is not None for part in match.group(1, 2, 3))]) + match[4]


def hl7(text: str, shift: timedelta) -> str | None:
    """Return an HL7 v2 DT or DTM moved; None when it is none."""
    match = _HL7.fullmatch(text.strip())
    if match is None or (there := _there(match[1], match[2], match[3], shift)) is None:
        return None
    parts = [f"{there.year:04d}", f"{there.month:02d}", f"{there.day:02d}"]
    length = sum(part is not None for part in match.group(1, 2, 3))
    return "".join(parts[:length]) + (match[4] or "") + (match[5] or "")


def written(text: str, shift: timedelta, *, day_first: bool = False) -> str | None:
    """Return a date of a table moved, in the form it was written in; None when it is none.

    `03/04/2020` is read month first unless `day_first`; where that cannot be, day first.
    """
    if (moved := iso(text, shift)) is not None and not re.fullmatch(r"\d{4}", text.strip()):
        return moved
    if re.fullmatch(r"\d{8}(?:\d{4}(?:\d{2})?)?", text.strip()):
        return hl7(text, shift)
    match = _SLASHED.fullmatch(text.strip())
    if match is None or not _CLOCK.fullmatch(match[6]):
        return None
    first, mark, second, last, end, rest = match.groups()
    mark2 = {"年": "月"}.get(mark, mark)
    if len(first) == 4:
        there = _there(first, second, last, shift)
        shape = (len(second), len(last))
        if there is None:
            return None
        return (
            f"{there.year:04d}{mark}{there.month:0{shape[0]}d}{mark2}{there.day:0{shape[1]}d}"
            f"{end}{rest}"
        )
    if len(last) not in (2, 4) or len(first) > 2:
        return None
    year = last if len(last) == 4 else ("20" if int(last) < 50 else "19") + last
    order = (first, second) if not day_first else (second, first)
    there = _there(year, *order, shift) or _there(year, order[1], order[0], shift)
    swapped = _there(year, *order, shift) is None
    if there is None:
        return None
    pair = (there.day, there.month) if day_first != swapped else (there.month, there.day)
    shown = f"{there.year:04d}"[-len(last) :]
    return f"{pair[0]:0{len(first)}d}{mark}{pair[1]:0{len(second)}d}{mark2}{shown}{end}{rest}"


def birth_year(text: str, shift: timedelta, today: date | None = None) -> str | None:
    """Return the year of a birth date (any form) moved like all dates; None above 89 years.

    None too when it is no date.
    """
    moved = iso(text, shift) or hl7(text, shift) or written(text, shift)
    match = re.search(r"\d{4}", moved or "")
    if match is None:
        return None
    today = today or date.today()
    return match[0] if today.year - int(match[0]) <= OLDEST else None
