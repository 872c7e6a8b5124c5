"""Everyone a folder is about: who is behind which key of which file, and whose a note is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from typing import Any, Final

from suwen.privacy import people
from suwen.privacy.deidentify import replaced
from suwen.privacy.files import File, decoded
from suwen.privacy.identifier import Identifier
from suwen.privacy.known import Known, index_of, owners_in
from suwen.privacy.known_index import Index
from suwen.privacy.people import Claim
from suwen.privacy.person import Cast, Cleaner, Person
from suwen.privacy.subject import Subject
from suwen.privacy.text import identifiers

SHORT: Final = 10_000
"""Most characters of a text whose identifiers are kept for when it comes again."""
STRANGERS: Final = 1024
"""People no file explains who are kept set up at a time."""


def claims(file: File) -> list[Claim]:
    """Return what a file says of its patients; a note says nothing for sure.

    Raises
    ------
    BadInput, UnsafeInput
        The file cannot be read as what it is.
    """
    if file.kind == "note":
        return []
    data = file.read()
    if file.kind == "dicom":
        return list(people.of_dicom(file.number, data))
    if file.kind == "fhir":
        return list(people.of_fhir(file.number, data))
    reader = people.of_hl7 if file.kind == "hl7" else people.of_table
    return list(reader(file.number, decoded(data)))


@lru_cache(maxsize=4096)
def _identifiers(text: str) -> tuple[Identifier, ...]:
    """Return what identifies in a short text; equal texts are read once, whoever they are about."""
    return tuple(identifiers(text))


def text_cleaner(subject: Subject) -> Cleaner:
    """Return what takes identifiers out of a text of this subject."""

    def clean(text: str) -> str:
        found = _identifiers(text) if len(text) <= SHORT else identifiers(text)
        return replaced(text, found, "shift", subject).text

    return clean


class Roster:
    """The persons of a folder, each with one key over all its files.

    Parameters
    ----------
    secret
        Of the project: the keys are derived from it.
    said
        What the files say of their patients.
    """

    def __init__(self, secret: bytes, said: Iterable[Claim]) -> None:
        self.secret = secret
        self.common = self.person(f"project|{secret.hex()[:8]}")
        self.persons: list[Person] = []
        self.told: dict[str, dict[str, Any]] = {}
        self._by_key: dict[tuple[int, str], Person] = {}
        self._of_file: dict[int, set[int]] = {}
        for group in people.join(list(said)):
            self._add(group)

    def person(self, name: str, known: Known | None = None) -> Person:
        """Return a person of a name of ours (`patient|4839201`)."""
        subject = Subject.of(self.secret, name)
        return Person(subject, known or Known(), text_cleaner(subject))

    def _add(self, group: Sequence[Claim]) -> None:
        known = Known.of_all(one.known for one in group)
        numbers = sorted({number for one in group for number in one.numbers})
        name = (numbers or sorted({one.key for one in group}))[0]
        person = self.person(f"patient|{name}", known)
        for one in group:
            self._of_file.setdefault(one.file, set()).add(len(self.persons))
        self.persons.append(person)
        self._by_key.update({(one.file, one.key): person for one in group})
        self.told[person.subject.pseudonym] = {
            "numbers": sorted(known.numbers),
            "names": sorted(known.names),
            "birth": sorted({one.birth for one in group if one.birth}),
        }

    def cast(self, file: File) -> Cast:
        """Return everyone a file may be about, by the keys it names them with."""

        @lru_cache(maxsize=STRANGERS)
        def stranger(key: str) -> Person:
            return self.person(f"patient|{key}")

        def of(key: str) -> Person:
            return self._by_key.get((file.number, key)) or stranger(key)

        return Cast(self.common, of)

    def owner(self, file: File) -> Person | None:
        """Return the person of a file that is about one alone."""
        found = self._of_file.get(file.number, set())
        return self.persons[next(iter(found))] if len(found) == 1 else None

    @cached_property
    def index(self) -> Index:
        """Everybody's whole names and numbers, to be found in one walk."""
        return index_of(person.known for person in self.persons)

    @cached_property
    def _everybody(self) -> Known:
        return Known.of_all(person.known for person in self.persons)

    def names_anybody(self, text: str) -> bool:
        """Say whether a whole name or number of anybody stands in a text."""
        return any(True for _ in owners_in(self.index, text))

    def named_in(self, text: str) -> Person | None:
        """Return whose note it is: who alone is named in it, else who alone is in the folder."""
        named: set[int] = set()
        for owners in owners_in(self.index, text):
            named |= owners
            if len(named) > 1:
                return None
        if named:
            return self.persons[next(iter(named))]
        return self.persons[0] if len(self.persons) == 1 else None

    def nobody(self, file: File) -> Person:
        """Return who stands for the unknown patient of a note: it may name anybody."""
        return self.person(f"note|{file.number}", self._everybody)
