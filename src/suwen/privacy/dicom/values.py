"""Values that replace values: dummies of the right representation, dates moved, ages capped.

Reference: DICOM PS3.5 2024e section 6.2 (value representations).
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any, Final

from pydicom.dataelem import DataElement
from pydicom.uid import UID

from suwen.privacy.subjects.subject import Subject

WELL_KNOWN: Final = "1.2.840.10008."
"""Root of the UIDs the standard itself defines: classes, syntaxes, coding schemes, frames."""
OLDEST: Final = 89
"""Ages above are given as 90 (45 CFR 164.514(b)(2)(i)(C))."""
_DATE = re.compile(r"(\d{4})([.-]?)(\d{2})\2(\d{2})(.*)", re.DOTALL)
_TIME_AFTER = re.compile(r"(?:\d{2}){0,3}(?:\.\d{1,6})?(?:[+-]\d{4})?")
_TIME = re.compile(r"\d{2}(?::?\d{2}(?::?\d{2}(?:\.\d{1,6})?)?)?")
_PARTIAL = re.compile(r"\d{4}(?:\d{2})?(?:[+-]\d{4})?")
_AGE = re.compile(r"(\d{3})Y")
TEXTS: Final = frozenset(("LO", "LT", "SH", "ST", "UC", "UT"))
NUMBERS: Final = frozenset(("AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"))
_DUMMIES: Final[dict[str, Any]] = {
    "AE": "REMOVED",
    "AS": "000Y",
    "CS": "REMOVED",
    "DA": "19000101",
    "DS": "0",
    "DT": "19000101000000",
    "IS": "0",
    "TM": "000000",
    "UR": "urn:removed",
}


def dummy(vr: str, subject: Subject, original: str = "") -> Any:
    """Return a value that a representation allows and that says nothing."""
    if vr == "PN":
        return subject.pseudonym
    if vr == "UI":
        return subject.uid(original or "removed")
    if vr in NUMBERS:
        return 0
    if vr in _DUMMIES:
        return _DUMMIES[vr]
    return "REMOVED" if vr in TEXTS else b"\0\0"


def replaced_uid(value: str, subject: Subject) -> str:
    """Return the UID that stands for another; those the standard defines stay."""
    plain = str(value).strip("\0 ")
    return plain if not plain or plain.startswith(WELL_KNOWN) else UID(subject.uid(plain))


def moved(text: str, shift: timedelta) -> str | None:
    """Return a DA or DT value moved by whole days, None when it is none.

    A year or a month alone cannot be moved by days: of it the moved year is kept.
    """
    text = text.strip("\0 ")
    if not text:
        return ""
    match = _DATE.fullmatch(text)
    if match is None:
        return _moved_part(text, shift) if _PARTIAL.fullmatch(text) else None
    year, mark, month, day, rest = match.groups()
    if rest and (mark or not _TIME_AFTER.fullmatch(rest)):
        return None
    try:
        there = date(int(year), int(month), int(day)) + shift
    except (ValueError, OverflowError):
        return None
    return f"{there:%Y%m%d}".rjust(8, "0") + rest


def _moved_part(text: str, shift: timedelta) -> str | None:
    month = int(text[4:6]) if text[4:6].isdigit() else 7
    try:
        there = date(int(text[:4]), month, 15) + shift
    except (ValueError, OverflowError):
        return None
    return f"{there.year:04d}" + (f"{there.month:02d}" if text[4:6].isdigit() else "")


def moved_element(element: DataElement, subject: Subject) -> list[str] | None:
    """Return the values of a date, time or date-time element, moved; None when one is no such."""
    out: list[str] = []
    for value in values(element):
        if element.VR == "TM":
            text = value.strip("\0 ")
            if text and not _TIME.fullmatch(text):
                return None
            out.append(text)
            continue
        if (there := moved(value, subject.shift)) is None:
            return None
        out.append(there)
    return out


def capped_age(text: str) -> str:
    """Return an AS value, ages above 89 as 090Y."""
    match = _AGE.fullmatch(text.strip())
    return "090Y" if match and int(match[1]) > OLDEST else text


def values(element: DataElement) -> list[str]:
    """Return the values of an element as texts, none where it is empty."""
    value = element.value
    if value is None:
        return []
    many = not isinstance(value, str | bytes) and element.VM > 1
    return [str(one) for one in (value if many else [value])]
