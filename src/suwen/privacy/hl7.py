"""HL7 v2 that identifies nobody: messages and batches by a policy of segments and fields.

Whatever the policy does not name is removed, Z segments too. Identifiers of the patient become the
pseudonym, other identifiers tokens, dates move, prose (OBX-5, NTE-3 ...) is cleaned, codes stay if
they look like codes and are not known to identify.

Reference: HL7 v2.8; the policy is `knowledge/hl7_policy.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from suwen.core.errors import BadInput
from suwen.privacy import moments
from suwen.privacy.dicom_profile import KNOWLEDGE
from suwen.privacy.fhir import SMALL_ZIP3
from suwen.privacy.hl7_fields import Marks
from suwen.privacy.known import Known
from suwen.privacy.person import REMOVED, Cast, Person, personal

HEADERS: Final = ("MSH", "BHS", "FHS")
AUTHORITY: Final = "SUWEN"
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+/-]{0,29}|[<>]|\+{1,4}|-|<=|>=")
_NUMBER = re.compile(r"[<>]?=?\s?[+-]?\d{1,10}(?:\.\d{1,10})?%?")
_RANGE = re.compile(r"[<>]?=?\s?[+-]?\d*\.?\d+(?:\s?(?:-|to)\s?[+-]?\d*\.?\d+)?\s?[A-Za-z/%]{0,12}")
_UNIT = re.compile(r"[^\s\d@]\S{0,19}|%|10\*\S{1,8}")
_TIME = re.compile(r"\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,4})?)?)?(?:[+-]\d{4})?")
_VERSION = re.compile(r"[A-Za-z0-9_.]{1,20}")
_ZIP = re.compile(r"(\d{3})\d{2}(?:-?\d{4})?")
_STATE = re.compile(r"[A-Za-z]{2,3}")
_TYPED: Final = {
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


@lru_cache(maxsize=1)
def _policy() -> Mapping[str, Mapping[int, str]]:
    content = tomllib.loads((KNOWLEDGE / "hl7_policy.toml").read_text(encoding="utf-8"))
    return {
        segment: {number: action for action, numbers in table.items() for number in numbers}
        for segment, table in content.items()
    }


@dataclass(frozen=True)
class Message:
    """One message (or the header of a batch): its delimiters and segments, each as fields."""

    marks: Marks
    segments: list[list[str]]

    def first(self, name: str) -> list[str]:
        """Return the first segment of a name, empty without one."""
        return next((one for one in self.segments if one[0] == name), [])

    def component(self, segment: list[str], field: int, component: int = 1) -> str:
        """Return a component of the first repetition of a field."""
        text = segment[field] if len(segment) > field else ""
        parts = text.split(self.marks.repetition)[0].split(self.marks.component)
        return self.marks.unescaped(parts[component - 1]) if len(parts) >= component else ""

    @property
    def patient(self) -> str:
        """Key of the patient: PID-3, else PID-2 or PID-18; empty when it names none."""
        segment = self.first("PID")
        found = (self.component(segment, number) for number in (3, 2, 18))
        return next((text for text in found if text), "")


def is_hl7(data: bytes) -> bool:
    """Say whether it begins like an HL7 v2 message or batch."""
    start = data[:8].lstrip(b"\xef\xbb\xbf\x0b \r\n")
    return start[:3] in (b"MSH", b"BHS", b"FHS") and start[3:4] not in (b"", b" ")


def read(text: str) -> list[Message]:
    """Return the messages of a text.

    A line that begins no segment belongs to the one before: real files break lines within fields.

    Raises
    ------
    BadInput
        It begins with no header, or its delimiters cannot be used.
    """
    lines = [line for line in re.split(r"[\r\n]+", text.strip("\ufeff\x0b\x1c \r\n")) if line]
    messages: list[Message] = []
    for raw in lines:
        line = raw.strip("\x0b\x1c")
        if line[:3] in HEADERS and line[3:4] and not line[3:4].isalnum():
            marks = Marks.of(line)
            fields = line[3 + len(line[3:4]) :].split(marks.field)
            messages.append(Message(marks, [[line[:3], marks.field, *fields]]))
            continue
        if not messages:
            raise BadInput("text without an HL7 header", "MSH, BHS or FHS first", "check the file")
        marks, segments = messages[-1].marks, messages[-1].segments
        if _SEGMENT.fullmatch(line[:3]) and line[3:4] in ("", marks.field):
            segments.append(line.split(marks.field))
        elif line:
            segments[-1][-1] += "\n" + line.replace(marks.field, f"{marks.escape}F{marks.escape}")
    if not messages:
        raise BadInput("an empty text", "an HL7 v2 message", "check the file")
    return messages


def known_of(message: Message) -> Known:
    """Return what the message says of its patient and the people around them."""
    names, numbers, others = set(), set(), set()
    marks = message.marks

    def parts(segment: list[str], number: int) -> Iterator[list[str]]:
        text = segment[number] if len(segment) > number else ""
        for one in text.split(marks.repetition):
            flat = one.replace(marks.subcomponent, " ").split(marks.component)
            yield [marks.unescaped(part) for part in flat]

    for segment in message.segments:
        places = _KNOWN.get(segment[0], {})
        for number, kind in places.items():
            for part in parts(segment, number):
                if kind == "name":
                    names.add(" ".join(filter(None, reversed(part[:2]))))
                elif kind == "other":
                    others.add(" ".join(filter(None, reversed(part[:2]))))
                elif kind == "staff":
                    others.add(" ".join(filter(None, reversed(part[1:3]))))
                else:
                    numbers |= {part[0], part[3] if kind == "phone" and len(part) > 3 else ""}
    clean = [frozenset(one for one in some if one.strip()) for some in (names, numbers, others)]
    return Known(*clean)


_KNOWN: Final[dict[str, dict[int, str]]] = {
    "PID": {2: "id", 3: "id", 4: "id", 5: "name", 6: "other", 9: "name", 11: "id", 13: "phone",
            14: "phone", 18: "id", 19: "id", 20: "id", 21: "id"},
    "NK1": {2: "other", 4: "id", 5: "phone", 6: "phone", 12: "id", 30: "other", 33: "id"},
    "GT1": {2: "id", 3: "other", 5: "id", 6: "phone", 12: "id"},
    "IN1": {16: "other", 19: "id", 36: "id", 49: "id"},
    "IN2": {1: "id", 2: "id", 6: "id", 8: "id"},
    "PV1": {7: "staff", 8: "staff", 9: "staff", 17: "staff", 19: "id"},
    "MRG": {1: "id", 7: "name"},
}  # fmt: skip


def deidentify(text: str, cast: Cast, told: Counter[str] | None = None) -> str:
    """Return messages without identity, their segments ended by carriage returns.

    Raises
    ------
    BadInput
        It cannot be read. Nothing is returned then.
    """
    told = told if told is not None else Counter()
    out: list[str] = []
    for message in read(text):
        person = cast.of(message.patient) if message.patient else cast.common
        both = Person(person.subject, person.known | known_of(message), person.clean_text)
        out.extend(_Work(message, both, cast.common, told).segments())
    return "\r".join(out) + "\r"


class _Work:
    """The de-identification of one message."""

    def __init__(
        self, message: Message, person: Person, common: Person, told: Counter[str]
    ) -> None:
        self.message, self.person, self.common, self.told = message, person, common, told
        self.marks = message.marks
        self.actions: dict[str, Callable[[list[str]], list[str]]] = {
            name.removeprefix("_do_"): getattr(self, name)
            for name in dir(self)
            if name.startswith("_do_")
        }

    def segments(self) -> Iterator[str]:
        """Yield the segments that stay."""
        for segment in self.message.segments:
            rules = _policy().get(segment[0])
            if rules is None:
                self.told[f"removed {segment[0] if segment[0][0] != 'Z' else 'Z'}"] += 1
                continue
            header = segment[0] in HEADERS
            kept = [
                self._field(rules.get(number, ""), text, segment)
                if number > 2 or not header
                else ""
                for number, text in enumerate(segment[1:], 1)
            ]
            while kept and not kept[-1]:
                kept.pop()
            if header:
                own = f"{self.marks.component}{self.marks.repetition}{self.marks.escape}"
                kept = [own + self.marks.subcomponent, *kept[2:]]
            yield self.marks.field.join([segment[0], *kept])

    def _field(self, action: str, text: str, segment: list[str]) -> str:
        if not text or text == '""':
            return text
        self.told[action or "remove"] += 1
        if not action:
            return ""
        if action == "value":
            kind = segment[2] if len(segment) > 2 else ""
            action = _TYPED.get(kind.strip(), "")
            if not action:
                return REMOVED if kind.strip() not in ("", "XTN") else ""
        if action in ("id", "name"):
            text = text.split(self.marks.repetition, maxsplit=1)[0]
        return self.marks.each(text, self.actions[action])

    def _do_keep(self, parts: list[str]) -> list[str]:
        return [one if _VERSION.fullmatch(one) else "" for one in parts]

    def _shaped(self, text: str, shape: re.Pattern[str]) -> str:
        text = text.strip()
        fits = shape.fullmatch(text) and not personal(text)
        return text if fits and not self.person.known.found(text) else ""

    def _do_code(self, parts: list[str]) -> list[str]:
        return [self._shaped(parts[0], _CODE)]

    def _do_num(self, parts: list[str]) -> list[str]:
        return [self._shaped(parts[0], _NUMBER)]

    def _do_subid(self, parts: list[str]) -> list[str]:
        return [self._shaped(one, _NUMBER) for one in parts]

    def _do_structured(self, parts: list[str]) -> list[str]:
        """Structured numeric: comparator, number, separator, number."""
        shapes = (_CODE, _NUMBER, re.compile(r"[-+/.:]"), _NUMBER)
        return [self._shaped(one, shape) for one, shape in zip(parts, shapes, strict=False)]

    def _do_range_text(self, parts: list[str]) -> list[str]:
        text = self._shaped(parts[0], _RANGE)
        return [text or (self.person.prose(parts[0]) if parts[0].strip() else "")]

    def _do_coded(self, parts: list[str]) -> list[str]:
        """Codes and code systems when they look like one, texts as prose."""
        out = []
        for number, one in enumerate(parts[:9], 1):
            text = number in (2, 5, 9)
            out.append(self._prose(one) if text else self._shaped(one, _CODE))
        return out

    def _do_quantity(self, parts: list[str]) -> list[str]:
        number = self._shaped(parts[0].split(self.marks.subcomponent)[0], _NUMBER)
        unit = parts[1].split(self.marks.subcomponent)[0] if len(parts) > 1 else ""
        return [number, self._shaped(unit, _UNIT)]

    def _do_date(self, parts: list[str]) -> list[str]:
        return [moments.hl7(parts[0], self.person.subject.shift) or ""]

    def _do_range(self, parts: list[str]) -> list[str]:
        return [moments.hl7(one, self.person.subject.shift) or "" for one in parts[:2]]

    def _do_time(self, parts: list[str]) -> list[str]:
        return [self._shaped(parts[0], _TIME)]

    def _do_birth(self, parts: list[str]) -> list[str]:
        return [moments.birth_year(parts[0], self.person.subject.shift) or ""]

    def _do_id(self, parts: list[str]) -> list[str]:
        return [self.person.subject.pseudonym, "", "", AUTHORITY, "PI"]

    def _do_name(self, parts: list[str]) -> list[str]:
        return [self.person.subject.pseudonym]

    def _do_token(self, parts: list[str]) -> list[str]:
        return [self.common.subject.token("id", parts[0])] if parts[0].strip() else [""]

    def _do_staff(self, parts: list[str]) -> list[str]:
        whole = self.marks.component.join(parts[:3])
        return ["", f"N-{self.common.subject.token('name', whole)[:8].upper()}"]

    def _do_place(self, parts: list[str]) -> list[str]:
        whole = self.marks.component.join(parts[:2])
        return [f"O-{self.common.subject.token('name', whole)[:8].upper()}"]

    def _do_address(self, parts: list[str]) -> list[str]:
        padded = [*parts, *[""] * 6][:6]
        match = _ZIP.fullmatch(padded[4].strip())
        area = match[1] if match else ""
        country = self._shaped(padded[5], _STATE)
        area = "000" if area in SMALL_ZIP3 else area
        return ["", "", "", self._shaped(padded[3], _STATE), area, country]

    def _do_prose(self, parts: list[str]) -> list[str]:
        return [self._prose(self.marks.component.join(parts))]

    def _prose(self, text: str) -> str:
        return self.person.prose(text) if text.strip() else ""
