"""Postal codes that may stay: the first three digits of a United States ZIP code.

Reference: 45 CFR 164.514(b)(2)(i)(B); areas of 20,000 people or fewer by the Census of 2010.
"""

from __future__ import annotations

import re
from typing import Final

SMALL_ZIP3: Final = frozenset(
    "036 059 063 102 203 205 369 556 692 753 772 821 823 878 879 884 893".split()  # noqa: SIM905
)
"""Three-digit ZIP areas of 20,000 people or fewer: given as 000."""
_ZIP: Final = re.compile(r"(\d{3})\d{2}(?:-?\d{4})?")


def zip3(text: str) -> str:
    """Return the first three digits of a ZIP code, 000 for a small area, empty for no ZIP code."""
    match = _ZIP.fullmatch(text.strip())
    if match is None:
        return ""
    return "000" if match[1] in SMALL_ZIP3 else match[1]
