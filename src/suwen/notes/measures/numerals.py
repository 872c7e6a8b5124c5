"""English number words as digits: twenty six -> 26, two thousand nine -> 2009."""

from __future__ import annotations

import re
from typing import Final

UNITS: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
VALUES: Final = {
    **{word: number for number, word in enumerate(UNITS)},
    **{word: 10 * number for number, word in enumerate(TENS, 2)},
    "hundred": 100,
    "thousand": 1000,
}
_ONE = "|".join(VALUES)
_RUN = re.compile(rf"(?i)\b(?:{_ONE})(?:(?:[ -]|\s+and\s+)(?:{_ONE}))*\b")


_TEENS = "|".join(UNITS[10:])
_LOW = rf"(?:(?:{'|'.join(TENS)})(?:[ -](?:{'|'.join(UNITS[1:10])}))?|{_TEENS})"
_PRESSURE = re.compile(
    rf"(?i)\b(?P<hundred>one|two)(?: hundred(?: and)?)? (?P<upper>{_LOW})"
    rf" over (?P<lower>{_LOW}|(?:one |a )?hundred)\b"
)


def with_digits(text: str) -> str:
    """Return the text with its number words as digits; a lone "one" may be a pronoun and stays."""
    text = _PRESSURE.sub(_pressure, text)
    return _RUN.sub(lambda match: _digits(match[0]), text)


def _pressure(match: re.Match[str]) -> str:
    """Return a blood pressure as it is spoken: one thirty two over eighty is 132 over 80."""
    upper = 100 * VALUES[match["hundred"].lower()] + int(_digits(match["upper"]))
    lower = 100 if match["lower"].lower().endswith("hundred") else int(_digits(match["lower"]))
    return f"{upper} over {lower}"


def _digits(words: str) -> str:
    parts = [word for word in re.split(r"[\s-]+", words.lower()) if word != "and"]
    if parts == ["one"] or parts[0] in ("hundred", "thousand"):
        return words
    numbers = [0]
    last = 0
    for word in parts:
        value = VALUES[word]
        if value >= 100:
            numbers[-1] = max(1, numbers[-1]) * value if value > numbers[-1] or value == 100 else -1
        elif last in (0, 100, 1000) or (last >= 20 and last < 100 and 0 < value < 10):
            numbers[-1] += value
        else:
            return words
        if numbers[-1] < 0:
            return words
        last = value
    return str(numbers[-1])
