"""What still equals somebody's name or number after de-identification is taken out, value by value.

In a file of many patients some count of platelets is some patient's record number. Nobody can tell
the two apart, so the value goes; the rest of the file need not. Words lose the name or number they
hold; a value without letters is left out whole.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from suwen.privacy import moments
from suwen.privacy.subjects.person import Cleaner

COUNTED: Final = "withheld, as it equals an identifier"
"""How such values are called in the report."""


def text(value: str, scrub: Cleaner, told: Counter[str]) -> str:
    """Return a value without the names and numbers `scrub` takes out of it, counted in `told`."""
    clean = scrub(value)
    if clean == value:
        return value
    told[COUNTED] += 1
    return clean if any(map(str.isalpha, value)) else ""


def hl7(message: str, marks: str, scrub: Cleaner, told: Counter[str]) -> str:
    """Return a message with each value between its delimiters looked at by itself."""
    if scrub(message) == message:
        return message
    parts = re.split(f"([{re.escape(marks)}\r\n]+)", message)
    parts[::2] = [text(part, scrub, told) for part in parts[::2]]
    return "".join(parts)


def json(value: Any, scrub: Cleaner, told: Counter[str]) -> Any:
    """Return a JSON value likewise, None for what is left out; dates were moved and stay."""
    if isinstance(value, dict):
        inside = {name: json(one, scrub, told) for name, one in value.items()}
        return {name: one for name, one in inside.items() if one not in (None, "", [], {})} or None
    if isinstance(value, list):
        several = [json(one, scrub, told) for one in value]
        return [one for one in several if one not in (None, "", [], {})] or None
    if isinstance(value, str):
        return value if moments.iso(value, timedelta(0)) else text(value, scrub, told) or None
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return value if text(str(value), scrub, told) else None
    return value
