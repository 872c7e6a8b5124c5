"""Codes whose form betrays a typing error: SNOMED CT and LOINC carry check digits.

Sources: SNOMED CT Technical Implementation Guide, appendix "Check-digit computation" (Verhoeff's
dihedral scheme); LOINC Users' Guide, "The LOINC code" (modulus 10, ISO/IEC 7812 Luhn).
"""

from __future__ import annotations

import re

_LOINC = re.compile(r"\d{1,7}-\d")
_LOINC_PART = re.compile(r"L[PALG]\d{1,7}-\d|LG\d+-\d|MTHU\d+")
_EXPRESSION = re.compile(r"[\d\s|:=,{}()+<>.#\"]|[^\W\d]")

# Permutation of the digits 0-9 applied once a position, and the dihedral group D5 written as
# "reflection, rotation": digit d = 5 * reflection + rotation.
_PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _multiply(first: int, second: int) -> int:
    flipped, turn = divmod(first, 5)
    other_flipped, other_turn = divmod(second, 5)
    turned = (turn - other_turn) if flipped else (turn + other_turn)
    return 5 * (flipped ^ other_flipped) + turned % 5


def verhoeff(number: str) -> bool:
    """Say whether the last digit of `number` is its Verhoeff check digit."""
    total = 0
    for position, digit in enumerate(reversed(number)):
        value = int(digit)
        for _ in range(position % 8):
            value = _PERMUTATION[value]
        total = _multiply(total, value)
    return total == 0


def luhn(number: str) -> bool:
    """Say whether the last digit of `number` is its modulus-10 (Luhn) check digit."""
    total = 0
    for position, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def well_formed(system: str, code: str) -> bool:
    """Say whether `code` can be a code of `system`; only SNOMED CT and LOINC are judged."""
    if system == "http://snomed.info/sct":
        if code.isascii() and code.isdigit():
            return 6 <= len(code) <= 18 and code[0] != "0" and verhoeff(code)
        return any(mark in code for mark in ":=+|") and all(map(_EXPRESSION.match, code))
    if system == "http://loinc.org":
        if _LOINC.fullmatch(code):
            return luhn(code.replace("-", ""))
        return _LOINC_PART.fullmatch(code) is not None
    return True
