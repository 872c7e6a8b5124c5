"""Whose files they are: what files say of their patients, and when two say it of one person.

Two statements are about one person when they share an identifier and no name speaks against it, or
share a name and the birth date; so are the rows of a table with one key. Numbers are compared by
their letters and digits, names by their words in any order. `claims.py` joins them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from suwen.privacy import tables
from suwen.privacy.dicom import reading as dicom_reading
from suwen.privacy.fhir import reading as fhir_reading
from suwen.privacy.hl7 import messages as hl7
from suwen.privacy.subjects.known import Known

SHORT: Final = 3
"""A number of fewer characters joins only statements of one file."""
LATELY: Final = 4000
"""How many statements of a table are kept to tell that one is said again."""
_WORD = re.compile(r"[^\W_]+")
_HIDDEN = frozenset(("anonymous", "anonymized", "unknown", "anon", "none", "removed", "0"))


@dataclass(frozen=True)
class Claim:
    """What one file says of one patient.

    Parameters
    ----------
    file
        Number of the file.
    key
        How the file names the patient (a FHIR id, a number).
    numbers, names
        In the form they are compared in.
    birth
        Birth date as digits, empty when not said.
    row
        Whether it is a row of a table, whose key alone says who it is.
    known
        Everything to search for.
    """

    file: int
    key: str
    numbers: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    birth: str = ""
    row: bool = False
    known: Known = field(default_factory=Known, repr=False)


def claim(file: int, key: str, known: Known, numbers: Sequence[str], birth: str = "") -> Claim:
    """Return a claim with numbers and names in the form they are compared in."""
    plain = frozenset(_bare(one) for one in numbers) - {""}
    names = frozenset(_name(one) for one in known.names) - {""}
    return Claim(file, key, plain, names, re.sub(r"\D", "", birth)[:8], known=known)


def of_dicom(file: int, data: bytes) -> Iterator[Claim]:
    """Yield whom a DICOM object is about."""
    dataset = dicom_reading.read(data)
    known = dicom_reading.known_of(dataset)
    number = str(dataset.get("PatientID", "") or "")
    key = number or str(dataset.get("PatientName", "") or "")
    yield claim(file, key, known, [number], str(dataset.get("PatientBirthDate", "") or ""))


def of_fhir(file: int, data: bytes) -> Iterator[Claim]:
    """Yield the patients of FHIR resources, those that are only referred to as well."""
    seen = set()
    for resource, _ in fhir_reading.each(fhir_reading.resources(data)):
        if resource.get("resourceType") == "Patient":
            key = str(resource.get("id", ""))
            numbers = [str(one.get("value", "")) for one in _identifiers(resource)]
            known = fhir_reading.known_of(resource)
            seen.add(key)
            yield claim(file, key, known, [key, *numbers], str(resource.get("birthDate", "")))
    for key in sorted(set(re.findall(rb'"Patient/([A-Za-z0-9.-]{1,64})', data))):
        if key.decode() not in seen:
            yield claim(file, key.decode(), Known(), [key.decode()])


def _identifiers(resource: dict[str, Any]) -> list[dict[str, Any]]:
    return fhir_reading.objects(resource.get("identifier"))


def of_hl7(file: int, text: str) -> Iterator[Claim]:
    """Yield the patients of HL7 v2 messages: what says the same of one is said once."""
    told: dict[Claim, list[Known]] = {}
    for message in hl7.messages(text):
        if message.patient:
            birth = message.component(message.first("PID"), 7)
            known = hl7.known_of(message)
            said = claim(file, message.patient, known, [message.patient], birth)
            told.setdefault(replace(said, known=Known()), []).append(known)
    for said, several in told.items():
        yield replace(said, known=Known.of_all(several))


def of_table(file: int, text: str, said: Mapping[str, str] | None = None) -> Iterator[Claim]:
    """Yield the patients of the rows of a table: rows that say the same, mostly once.

    Parameters
    ----------
    file
        Its number.
    text
        The table.
    said
        Actions on its columns by header, which go before any guess.
    """
    table = tables.read(text)
    if table is None:
        return
    actions = tables.columns(table, said)
    birth = actions.index("birth") if "birth" in actions else None
    told = _Lately()
    for row in table.rows():
        key = tables.key_of(actions, row)
        known = tables.known_of(actions, row)
        born = row[birth] if birth is not None else ""
        if key and told.is_new((key, known, born)):
            yield replace(claim(file, key, known, [key], born), row=True)


class _Lately:
    """What was met lately: a few thousand things."""

    def __init__(self) -> None:
        self.new: set[Hashable] = set()
        self.old: set[Hashable] = set()

    def is_new(self, one: Hashable) -> bool:
        """Say whether something was not met lately, and keep it."""
        if one in self.new or one in self.old:
            return False
        if len(self.new) >= LATELY:
            self.new, self.old = set(), self.new
        self.new.add(one)
        return True


def handles(one: Claim) -> Iterator[tuple[bool, tuple[str, ...]]]:
    """Yield what joins a claim to others that have it too, each with whether it does for sure.

    What does not, joins only claims that do not contradict each other (`contradict`).
    """
    yield one.row, ("row" if one.row else "key", str(one.file), _bare(one.key))
    for number in one.numbers:
        if len(number) >= SHORT and number not in _HIDDEN:
            yield False, ("number", number)
    if one.birth:
        for name in one.names:
            yield True, ("name", name, one.birth)


def contradict(first: Claim, second: Claim) -> bool:
    """Say whether birth dates or names in the same script differ."""
    births = bool(first.birth and second.birth) and first.birth != second.birth
    names = bool(first.names and second.names) and not first.names & second.names
    words = [{word for name in one.names for word in name.split()} for one in (first, second)]
    return births and names and not words[0] & words[1]


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text))).casefold()


def _name(text: str) -> str:
    words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    return " ".join(sorted(word for word in words if word not in _HIDDEN))
