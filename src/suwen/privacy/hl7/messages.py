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
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import Final

from suwen.core.errors import BadInput
from suwen.privacy import withheld
from suwen.privacy.dicom.profile import KNOWLEDGE
from suwen.privacy.hl7.fields import Marks
from suwen.privacy.hl7.values import ACTIONS, TYPED, Where
from suwen.privacy.subjects.known import Known
from suwen.privacy.subjects.person import REMOVED, Cast, Cleaner, Person

PERSONS: Final = 4096
"""People whose messages are worked on at a time; the rest are set up again when theirs come."""
HEADERS: Final = ("MSH", "BHS", "FHS")
_LINE = re.compile(r"[^\r\n]+")
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")


@lru_cache(maxsize=1)
def policy() -> Mapping[str, Mapping[int, str]]:
    """Return the action on each field of each segment that stays."""
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


def messages(text: str) -> Iterator[Message]:
    """Yield the messages of a text, one in memory at a time.

    A line that begins no segment belongs to the one before: real files break lines within fields.

    Raises
    ------
    BadInput
        It begins with no header, or its delimiters cannot be used.
    """
    message: Message | None = None
    broken: list[str] = []
    for found in _LINE.finditer(text):
        line = found[0].strip("\ufeff\x0b\x1c " if message is None else "\x0b\x1c")
        if line[:3] in HEADERS and line[3:4] and not line[3:4].isalnum():
            if message is not None:
                yield _whole(message, broken)
            marks = Marks.of(line)
            fields = line[3 + len(line[3:4]) :].split(marks.field)
            message = Message(marks, [[line[:3], marks.field, *fields]])
        elif message is not None:
            _add(message, line, broken)
        elif line:
            raise BadInput("text without an HL7 header", "MSH, BHS or FHS first", "check the file")
    if message is None:
        raise BadInput("an empty text", "an HL7 v2 message", "check the file")
    yield _whole(message, broken)


def _add(message: Message, line: str, broken: list[str]) -> None:
    """Add a segment to a message, or to the lines its last segment was broken into."""
    marks = message.marks
    if _SEGMENT.fullmatch(line[:3]) and line[3:4] in ("", marks.field):
        _whole(message, broken).segments.append(line.split(marks.field))
    elif line:
        broken.append(line.replace(marks.field, f"{marks.escape}F{marks.escape}"))


def _whole(message: Message, broken: list[str]) -> Message:
    """Put the lines that were broken off back to the last segment of a message."""
    if broken:
        last = message.segments[-1]
        last[-1] = "\n".join([last[-1], *broken])
        broken.clear()
    return message


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
    return "".join(pieces(text, cast, told if told is not None else Counter()))


def pieces(
    text: str, cast: Cast, told: Counter[str], scrub: Cleaner = lambda text: text
) -> Iterator[str]:
    """Yield the messages of `deidentify` one by one; what was yielded before an error is void.

    `scrub` replaces whole names and numbers of anybody in a text.
    """

    @lru_cache(maxsize=PERSONS)
    def about(key: str, known: Known) -> Person:
        return (cast.of(key) if key else cast.common).knowing(known)

    for message in messages(text):
        person = about(message.patient, known_of(message))
        where = Where(person, cast.common, message.marks)
        new = "".join(f"{segment}\r" for segment in _segments(message, where, told))
        yield withheld.hl7(new, "".join(astuple(message.marks)), scrub, told)


def _segments(message: Message, where: Where, told: Counter[str]) -> Iterator[str]:
    """Yield the segments of a message that stay."""
    marks = message.marks
    for segment in message.segments:
        rules = policy().get(segment[0])
        if rules is None:
            told[f"removed {segment[0] if segment[0][0] != 'Z' else 'Z'}"] += 1
            continue
        header = segment[0] in HEADERS
        kept = [
            _field(rules.get(number, ""), segment, number, where, told)
            if number > 2 or not header
            else ""
            for number in range(1, len(segment))
        ]
        while kept and not kept[-1]:
            kept.pop()
        if header:
            own = f"{marks.component}{marks.repetition}{marks.escape}{marks.subcomponent}"
            kept = [own, *kept[2:]]
        yield marks.field.join([segment[0], *kept])


def _field(action: str, segment: list[str], number: int, where: Where, told: Counter[str]) -> str:
    """Return what stays of one field of a segment."""
    text = segment[number]
    if not text or text == '""':
        return text
    told[action or "remove"] += 1
    if not action:
        return ""
    if action == "value":
        kind = segment[2].strip() if len(segment) > 2 else ""
        action = TYPED.get(kind, "")
        if not action:
            return REMOVED if kind not in ("", "XTN") else ""
    if action in ("id", "name"):
        text = text.split(where.marks.repetition, maxsplit=1)[0]
    change = ACTIONS[action]
    return where.marks.each(text, lambda parts: change(parts, where))
