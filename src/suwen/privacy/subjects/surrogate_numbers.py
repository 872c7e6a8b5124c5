"""Numbers, addresses and accounts that stand for others: same form, right check digits, nobody's.

The ranges and their sources are at the head of `knowledge/surrogates.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Final

from suwen.privacy.subjects.subject import Subject
from suwen.privacy.words import checksums

_PLATE_PLACES: Final = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_VIN: Final = "ABCDEFGHJKLMNPRSTUVWXYZ"

Draws = Iterator[int]


def number_like(subject: Subject, kind: str, text: str) -> str:
    """Return what stands for a number, an account or an address of a network."""
    draws = subject.draws(kind, checksums.bare(text) or text)
    write = _WRITERS.get(kind)
    special = write(subject, text, draws) if write is not None else None
    return special if special is not None else _alike(text, draws)


def _alike(text: str, draws: Draws) -> str:
    """Return other digits for digits and other letters for letters, the rest as it is."""
    pieces = []
    for one in text:
        if one.isdigit() and one.isascii():
            pieces.append(str((int(one) + 1 + next(draws) % 9) % 10))
        elif one.isascii() and one.isalpha():
            letters = _LETTERS.replace(one.upper(), "")
            letter = letters[next(draws) % len(letters)]
            pieces.append(letter if one.isupper() else letter.lower())
        elif "\u4e00" <= one <= "\u9fff":
            pieces.append("某")
        else:
            pieces.append(one)
    return "".join(pieces)


def _with(text: str, digits: str) -> str:
    """Return a text with its letters and digits, from the left, replaced by others."""
    others = iter(digits)
    return "".join(next(others, one) if one.isascii() and one.isalnum() else one for one in text)


def _some(draws: Draws, count: int) -> str:
    return "".join(str(next(draws) % 10) for _ in range(count))


def _phone(subject: Subject, text: str, draws: Draws) -> str | None:
    main = re.split(r"(?i)\s*(?:x|ext\.?|extension|转|分机)", text, maxsplit=1)[0]
    tail = re.sub(r"\d+", lambda one: _some(draws, len(one[0])), text[len(main) :])
    digits = checksums.bare(main)
    for prefix in ("86", "0086", ""):
        if digits.startswith(prefix) and re.fullmatch(r"1[3-9]\d{9}", digits[len(prefix) :]):
            return _with(main, f"{prefix}142{_some(draws, 8)}") + tail
    prefix = "1" if len(digits) == 11 and digits[0] == "1" else ""
    if len(digits) - len(prefix) == 10 and digits.isdigit() and digits[len(prefix)] != "0":
        area = f"{2 + next(draws) % 7}{_some(draws, 2)}"
        return _with(main, f"{prefix}{area}55501{_some(draws, 2)}") + tail
    return None


def _ssn(subject: Subject, text: str, draws: Draws) -> str | None:
    return _with(text, f"666{_some(draws, 6)}") if len(checksums.bare(text)) == 9 else None


def _national(subject: Subject, text: str, draws: Draws) -> str | None:
    """Return a resident number of no region, the birthday moved, the sex kept, the check right."""
    digits = checksums.bare(text)
    if not re.fullmatch(r"\d{17}[\dX]|\d{15}", digits):
        return None
    long = len(digits) == 18
    born = digits[6:14] if long else "19" + digits[6:12]
    try:
        day = date(int(born[:4]), int(born[4:6]), int(born[6:])) + subject.shift
        moved = f"{day:%Y%m%d}"
    except (ValueError, OverflowError):
        moved = f"19{50 + next(draws) % 50}{1 + next(draws) % 12:02d}{1 + next(draws) % 28:02d}"
    sex = int(digits[16] if long else digits[14]) % 2
    order = f"{_some(draws, 2)}{next(draws) % 5 * 2 + sex}"
    body = f"10{_some(draws, 4)}{moved if long else moved[2:]}{order}"
    return _with(text, body + checksums.resident_digit(body) if long else body)


def _card(subject: Subject, text: str, draws: Draws) -> str | None:
    digits = checksums.bare(text)
    if not digits.isdigit():
        return None
    body = "0" + _some(draws, len(digits) - 2)
    return _with(text, body + checksums.luhn_digit(body))


def _account(subject: Subject, text: str, draws: Draws) -> str | None:
    if not checksums.is_iban(text):
        return None
    body = checksums.bare(_alike(text[4:], draws))
    return _with(text, f"XX{checksums.iban_digits('XX', body)}{body}")


def _license(subject: Subject, text: str, draws: Draws) -> str | None:
    if not checksums.is_npi(text):
        return None
    body = "9" + _some(draws, 8)
    return _with(text, body + checksums.luhn_digit("80840" + body))


def _vehicle(subject: Subject, text: str, draws: Draws) -> str | None:
    if checksums.is_vin(text):
        body = "0" + "".join(
            _VIN[next(draws) % len(_VIN)] if one.isalpha() else str(next(draws) % 10)
            for one in checksums.bare(text)[1:]
        )
        body = body[:8] + "0" + body[9:]
        return _with(text, body[:8] + checksums.vin_digit(body) + body[9:])
    if text[:1] in _PLATE_PLACES:
        # GA 36-2018: the letter I is on no plate.
        return _PLATE_PLACES[next(draws) % len(_PLATE_PLACES)] + _plate(text[1:], draws)
    return None


def _plate(text: str, draws: Draws) -> str:
    found = re.search("[A-Za-z]", text)
    if found is None:
        return _alike(text, draws)
    return text[: found.start()] + "I" + _alike(text[found.end() :], draws)


def _email(subject: Subject, text: str, draws: Draws) -> str:
    return f"{subject.token('email', text.lower())[:8]}@example.org"


def _url(subject: Subject, text: str, draws: Draws) -> str:
    return f"https://example.org/{subject.token('url', text.lower())[:8]}"


def _ip(subject: Subject, text: str, draws: Draws) -> str:
    if re.fullmatch(r"(?i)[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}", text):
        mark = text[2]
        return mark.join(("00", "00", "5E", "00", "53", f"{next(draws) % 256:02X}"))
    if ":" in text:
        return f"2001:db8::{next(draws) % 65536:x}"
    return f"192.0.2.{1 + next(draws) % 254}"


_WRITERS: Final[Mapping[str, Callable[[Subject, str, Draws], str | None]]] = {
    "phone": _phone,
    "fax": _phone,
    "ssn": _ssn,
    "national_id": _national,
    "bank_card": _card,
    "account": _account,
    "license": _license,
    "vehicle": _vehicle,
    "email": _email,
    "url": _url,
    "ip": _ip,
}
