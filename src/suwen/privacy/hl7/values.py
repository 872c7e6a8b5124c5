"""What becomes of single HL7 v2 values: one function for each action of the policy.

The words of `knowledge/hl7_policy.toml` are the keys of `ACTIONS`. A function gets the components
of one repetition of a field, unescaped, and returns those that may stay.

Reference: HL7 v2.8 chapter 2A (data types).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from suwen.privacy import moments
from suwen.privacy.hl7.fields import Marks
from suwen.privacy.subjects.person import Person, personal
from suwen.privacy.words.postal import zip3

AUTHORITY: Final = "SUWEN"
"""Assigning authority of pseudonyms."""
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+/-]{0,29}|[<>]|\+{1,4}|-|<=|>=")
_NUMBER = re.compile(r"[<>]?=?\s?[+-]?\d{1,10}(?:\.\d{1,10})?%?")
_RANGE = re.compile(r"[<>]?=?\s?[+-]?\d*\.?\d+(?:\s?(?:-|to)\s?[+-]?\d*\.?\d+)?\s?[A-Za-z/%]{0,12}")
_SEPARATOR = re.compile(r"[-+/.:]")
_UNIT = re.compile(r"[^\s\d@]\S{0,19}|%|10\*\S{1,8}")
_TIME = re.compile(r"\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,4})?)?)?(?:[+-]\d{4})?")
_VERSION = re.compile(r"[A-Za-z0-9_.]{1,20}")
_STATE = re.compile(r"[A-Za-z]{2,3}")
_TEXTS: Final = frozenset((2, 5, 9))
"""Components of CE, CWE and CNE that are texts."""


@dataclass(frozen=True)
class Where:
    """Where a value stands: in a message about a person, with these delimiters.

    Parameters
    ----------
    person
        The patient, with everything the message says of them.
    common
        Stands for staff and organisations.
    marks
        The delimiters of the message.
    """

    person: Person
    common: Person
    marks: Marks

    def shaped(self, text: str, shape: re.Pattern[str]) -> str:
        """Return a text of the right shape that is known to identify nobody, else nothing."""
        text = text.strip()
        fits = shape.fullmatch(text) and not personal(text)
        return text if fits and not self.person.known.found(text) else ""

    def prose(self, text: str) -> str:
        """Return prose without what identifies; empty prose stays empty."""
        return self.person.prose(text) if text.strip() else ""


Parts = list[str]
Action = Callable[[Parts, Where], Parts]


def _keep(parts: Parts, where: Where) -> Parts:
    return [one if _VERSION.fullmatch(one) else "" for one in parts]


def _code(parts: Parts, where: Where) -> Parts:
    return [where.shaped(parts[0], _CODE)]


def _num(parts: Parts, where: Where) -> Parts:
    return [where.shaped(parts[0], _NUMBER)]


def _subid(parts: Parts, where: Where) -> Parts:
    return [where.shaped(one, _NUMBER) for one in parts]


def _structured(parts: Parts, where: Where) -> Parts:
    """Structured numeric: comparator, number, separator, number."""
    shapes = (_CODE, _NUMBER, _SEPARATOR, _NUMBER)
    return [where.shaped(one, shape) for one, shape in zip(parts, shapes, strict=False)]


def _range_text(parts: Parts, where: Where) -> Parts:
    return [where.shaped(parts[0], _RANGE) or where.prose(parts[0])]


def _coded(parts: Parts, where: Where) -> Parts:
    """Codes and code systems when they look like one, texts as prose."""
    return [
        where.prose(one) if number in _TEXTS else where.shaped(one, _CODE)
        for number, one in enumerate(parts[:9], 1)
    ]


def _quantity(parts: Parts, where: Where) -> Parts:
    number, unit = ([*parts, ""][i].split(where.marks.subcomponent)[0] for i in (0, 1))
    return [where.shaped(number, _NUMBER), where.shaped(unit, _UNIT)]


def _date(parts: Parts, where: Where) -> Parts:
    return [moments.hl7(parts[0], where.person.subject.shift) or ""]


def _range(parts: Parts, where: Where) -> Parts:
    return [moments.hl7(one, where.person.subject.shift) or "" for one in parts[:2]]


def _time(parts: Parts, where: Where) -> Parts:
    return [where.shaped(parts[0], _TIME)]


def _birth(parts: Parts, where: Where) -> Parts:
    return [moments.birth_year(parts[0], where.person.subject.shift) or ""]


def _id(parts: Parts, where: Where) -> Parts:
    return [where.person.subject.pseudonym, "", "", AUTHORITY, "PI"]


def _name(parts: Parts, where: Where) -> Parts:
    return [where.person.subject.pseudonym]


def _token(parts: Parts, where: Where) -> Parts:
    return [where.common.subject.token("id", parts[0]) if parts[0].strip() else ""]


def _staff(parts: Parts, where: Where) -> Parts:
    whole = where.marks.component.join(parts[:3])
    return ["", f"N-{where.common.subject.token('name', whole)[:8].upper()}"]


def _place(parts: Parts, where: Where) -> Parts:
    whole = where.marks.component.join(parts[:2])
    return [f"O-{where.common.subject.token('name', whole)[:8].upper()}"]


def _address(parts: Parts, where: Where) -> Parts:
    """State, three digits of the postal code, country (components 4 to 6)."""
    state, code, country = [*parts, *[""] * 6][3:6]
    return ["", "", "", where.shaped(state, _STATE), zip3(code), where.shaped(country, _STATE)]


def _prose(parts: Parts, where: Where) -> Parts:
    return [where.prose(where.marks.component.join(parts))]


ACTIONS: Final[Mapping[str, Action]] = {
    "keep": _keep,
    "code": _code,
    "num": _num,
    "subid": _subid,
    "structured": _structured,
    "range_text": _range_text,
    "coded": _coded,
    "quantity": _quantity,
    "date": _date,
    "range": _range,
    "time": _time,
    "birth": _birth,
    "id": _id,
    "name": _name,
    "token": _token,
    "staff": _staff,
    "place": _place,
    "address": _address,
    "prose": _prose,
}
"""By the word of the policy; `value` (OBX-5) becomes one of them by the type in OBX-2."""
TYPED: Final[Mapping[str, str]] = {
    "NM": "num",
    "SN": "structured",
    "CE": "coded",
    "CWE": "coded",
    "CNE": "coded",
    "CF": "coded",
    "DT": "date",
    "TS": "date",
    "DTM": "date",
    "TM": "time",
    "ID": "code",
    "IS": "code",
    "CX": "token",
    "EI": "token",
    "XCN": "staff",
    "CN": "staff",
    "XPN": "staff",
    "PN": "staff",
    "XAD": "address",
    "XON": "place",
    "CQ": "quantity",
    "DR": "range",
    "ST": "prose",
    "TX": "prose",
    "FT": "prose",
}
"""Action on OBX-5 by the type in OBX-2; of all other types (ED, RP, XTN ...) nothing stays."""
