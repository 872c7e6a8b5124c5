"""Everyone a folder is about: who is behind which key of which file, and whose a note is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, reduce
from operator import or_
from typing import Any

from suwen.privacy import people
from suwen.privacy.deidentify import deidentify as deidentify_text
from suwen.privacy.files import File, decoded
from suwen.privacy.known import Known
from suwen.privacy.people import Claim
from suwen.privacy.person import Cast, Cleaner, Person
from suwen.privacy.subject import Subject


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


def text_cleaner(subject: Subject) -> Cleaner:
    """Return what takes identifiers out of a text of this subject; equal texts are read once."""

    @lru_cache(maxsize=4096)
    def clean(text: str) -> str:
        return deidentify_text(text, "shift", subject).text

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
        for group in people.join(list(said)):
            self._add(group)

    def person(self, name: str, known: Known | None = None) -> Person:
        """Return a person of a name of ours (`patient|4839201`)."""
        subject = Subject.of(self.secret, name)
        return Person(subject, known or Known(), text_cleaner(subject))

    def _add(self, group: Sequence[Claim]) -> None:
        known = reduce(or_, (one.known for one in group), Known())
        numbers = sorted({number for one in group for number in one.numbers})
        name = (numbers or sorted({one.key for one in group}))[0]
        person = self.person(f"patient|{name}", known)
        self.persons.append(person)
        self._by_key.update({(one.file, one.key): person for one in group})
        self.told[person.subject.pseudonym] = {
            "numbers": sorted(known.numbers),
            "names": sorted(known.names),
            "birth": sorted({one.birth for one in group if one.birth}),
        }

    def cast(self, file: File) -> Cast:
        """Return everyone a file may be about, by the keys it names them with."""

        def of(key: str) -> Person:
            return self._by_key.get((file.number, key)) or self.person(f"patient|{key}")

        return Cast(self.common, of)

    def owner(self, file: File) -> Person | None:
        """Return the person of a file that is about one alone."""
        found = {id(person): person for person in self._of(file)}
        return next(iter(found.values())) if len(found) == 1 else None

    def _of(self, file: File) -> Iterator[Person]:
        return (person for (number, _), person in self._by_key.items() if number == file.number)

    def named_in(self, text: str) -> Person | None:
        """Return whose note it is: who alone is named in it, else who alone is in the folder."""
        named = [person for person in self.persons if person.known.found(text)]
        if len(named) == 1:
            return named[0]
        return self.persons[0] if not named and len(self.persons) == 1 else None

    def nobody(self, file: File) -> Person:
        """Return who stands for the unknown patient of a note: it may name anybody."""
        known = reduce(or_, (person.known for person in self.persons), Known())
        return self.person(f"note|{file.number}", known)
