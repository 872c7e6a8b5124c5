"""Check digits: whether a number is one, and the one that completes a number.

Sources: GB 11643-1999 with ISO 7064 MOD 11-2 (Chinese resident identity number), ISO/IEC 7812-1
annex B (Luhn: payment cards, US NPI with the prefix 80840), ISO 13616 (IBAN, MOD 97-10), 49 CFR
565.15 (VIN), GB 32100-2015 (unified social credit code).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

_RESIDENT_WEIGHTS: Final = tuple(pow(2, 17 - i, 11) for i in range(17))
_VIN_NUMBERS: Final = (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10))
_VIN_VALUES: Final = {
    **{str(i): i for i in range(10)},
    **dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", _VIN_NUMBERS, strict=True)),
}  # fmt: skip
_VIN_WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_CREDIT_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CARD: Final = range(13, 20)
"""Lengths of payment card numbers."""


def bare(value: str) -> str:
    """Return the letters and digits of a value, in capitals."""
    return re.sub(r"[^0-9A-Z]", "", value.upper())


def resident_digit(body: str) -> str:
    """Return the eighteenth character of a Chinese resident identity number of its first 17."""
    total = sum(int(one) * weight for one, weight in zip(body, _RESIDENT_WEIGHTS, strict=True))
    return "10X98765432"[total % 11]


def is_resident(value: str) -> bool:
    """Say whether a value is a resident identity number: 18 with a right check digit, or 15."""
    text = bare(value)
    if re.fullmatch(r"\d{17}[\dX]", text):
        return _is_day(text[6:14]) and resident_digit(text[:17]) == text[17]
    return bool(re.fullmatch(r"[1-8]\d{14}", text)) and _is_day("19" + text[6:12])


def _is_day(text: str) -> bool:
    try:
        return 1850 <= date(int(text[:4]), int(text[4:6]), int(text[6:])).year <= 2100
    except ValueError:
        return False


def luhn_digit(body: str) -> str:
    """Return the digit that completes a number by Luhn's rule."""
    total = 0
    for place, one in enumerate(reversed(body)):
        number = int(one) * (2 if place % 2 == 0 else 1)
        total += number - 9 if number > 9 else number
    return str(-total % 10)


def is_card(value: str) -> bool:
    """Say whether a value is a payment card number: 13 to 19 digits that pass Luhn's rule."""
    text = bare(value)
    return (
        text.isdigit()
        and len(text) in _CARD
        and len(set(text)) > 1
        and luhn_digit(text[:-1]) == text[-1]
    )


def is_npi(value: str) -> bool:
    """Say whether a value is a US National Provider Identifier."""
    text = bare(value)
    return bool(re.fullmatch(r"[12]\d{9}", text)) and luhn_digit("80840" + text[:-1]) == text[-1]


def iban_digits(country: str, account: str) -> str:
    """Return the two check digits of an IBAN."""
    return f"{98 - _remainder(account + country + '00'):02d}"


def is_iban(value: str) -> bool:
    """Say whether a value is an IBAN with right check digits."""
    text = bare(value)
    if not re.fullmatch(r"[A-Z]{2}\d{2}[0-9A-Z]{11,30}", text):
        return False
    return _remainder(text[4:] + text[:4]) == 1


def _remainder(text: str) -> int:
    return int("".join(str(int(one, 36)) for one in text)) % 97


def vin_digit(value: str) -> str:
    """Return what the ninth character of a vehicle identification number has to be."""
    total = sum(_VIN_VALUES[one] * w for one, w in zip(value, _VIN_WEIGHTS, strict=True))
    return "0123456789X"[total % 11]


def is_vin(value: str) -> bool:
    """Say whether a value is a vehicle identification number with a right check digit."""
    text = bare(value)
    return bool(re.fullmatch(r"[A-HJ-NPR-Z0-9]{17}", text)) and vin_digit(text) == text[8]


def is_credit_code(value: str) -> bool:
    """Say whether a value is a Chinese unified social credit code."""
    text = bare(value)
    if len(text) != 18 or any(one not in _CREDIT_ALPHABET for one in text):
        return False
    total = sum(_CREDIT_ALPHABET.index(one) * pow(3, i, 31) for i, one in enumerate(text[:17]))
    return _CREDIT_ALPHABET[-total % 31] == text[17]


def is_numbered(value: str) -> bool:
    """Say whether a value is long enough for a number of a file: four characters, three digits."""
    return sum(map(str.isalnum, value)) >= 4 and sum(map(str.isdigit, value)) >= 3


CHECKS: Final[Mapping[str, Callable[[str], bool]]] = {
    "resident": is_resident,
    "card": is_card,
    "npi": is_npi,
    "iban": is_iban,
    "vin": is_vin,
    "credit": is_credit_code,
    "numbered": is_numbered,
}
"""By the name that rules in `knowledge/` give."""
