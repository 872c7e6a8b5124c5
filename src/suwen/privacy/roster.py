"""Everyone a folder is about: who is behind which key of which file, and whose a note is.

What is said of a person is read again when theirs come (`claims.py`), a few thousand people at a
time; of all the others only the hashes of what they are known by are held (`forms.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np

from suwen.privacy import people, tables
from suwen.privacy.claims import Claims
from suwen.privacy.files import File, decoded
from suwen.privacy.people import Claim
from suwen.privacy.subjects.forms import crowd_index
from suwen.privacy.subjects.known import Known, forms, owners_in, plain, scrubbed
from suwen.privacy.subjects.known_index import Index
from suwen.privacy.subjects.person import REMOVED, Cast, Cleaner, Person
from suwen.privacy.subjects.subject import Subject
from suwen.privacy.texts.deidentify import replaced
from suwen.privacy.texts.text import identifiers
from suwen.privacy.words.identifier import Identifier

SHORT: Final = 10_000
"""Most characters of a text whose identifiers are kept for when it comes again."""
STRANGERS: Final = 1024
"""People no file explains who are kept set up at a time."""
PERSONS: Final = 4096
"""People who are kept set up at a time."""


def claims(file: File, columns: Mapping[str, str]) -> Iterator[Claim]:
    """Yield what a file says of its patients; a note says nothing for sure.

    Parameters
    ----------
    file
        One file of a folder.
    columns
        Actions on columns of tables by header.

    Raises
    ------
    BadInput, UnsafeInput
        The file cannot be read as what it is.
    """
    if file.kind == "note":
        return
    data = file.read()
    if file.kind == "dicom":
        yield from people.of_dicom(file.number, data)
    elif file.kind == "fhir":
        yield from people.of_fhir(file.number, data)
    elif file.kind == "hl7":
        yield from people.of_hl7(file.number, decoded(data))
    else:
        text = decoded(data)
        yield from people.of_table(file.number, text, tables.said_of(text, columns))


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

    def __init__(self, secret: bytes, said: Claims) -> None:
        self.secret = secret
        self.common = self.person(f"project|{secret.hex()[:8]}")
        self._said, self._groups = said, said.groups()
        self.persons = _Persons(self)
        self._by_key = said.keys()
        self._of_file: dict[int, int | None] = {}
        for number, file in enumerate(said.files()):
            person = self._groups.person(number)
            alone = self._of_file.setdefault(file, person) == person
            self._of_file[file] = person if alone else None

    def person(self, name: str, known: Known | None = None) -> Person:
        """Return a person of a name of ours (`patient|4839201`)."""
        subject = Subject.of(self.secret, name)
        return Person(subject, known or Known(), text_cleaner(subject))

    def claims(self, number: int) -> list[Claim]:
        """Return what is said of a person."""
        return [self._said[one] for one in self._groups.claims(number)]

    def __len__(self) -> int:
        return len(self._groups)

    def _keyed(self, file: int, key: str) -> Person | None:
        """Return the person of a key of a file; of several whom it names, the last."""
        said = list(self._by_key.get(f"{file}|{key}") or ())
        if len(said) > 1:
            said = [one for one in said if self._said[one].key == key]
        return self.persons[max(map(self._groups.person, said))] if said else None

    def cast(self, file: File) -> Cast:
        """Return everyone a file may be about, by the keys it names them with."""

        @lru_cache(maxsize=STRANGERS)
        def stranger(key: str) -> Person:
            return self.person(f"patient|{key}")

        def of(key: str) -> Person:
            return self._keyed(file.number, key) or stranger(key)

        return Cast(self.common, of)

    def owner(self, file: File) -> Person | None:
        """Return the person of a file that is about one alone."""
        number = self._of_file.get(file.number)
        return None if number is None else self.persons[number]

    @cached_property
    def index(self) -> Index:
        """Everybody's names and numbers, to be found in one walk."""
        return crowd_index(
            (self._groups.person(number), table, form)
            for number, one in enumerate(self._said)
            for table, form in forms(one.known)
        )

    def names_anybody(self, text: str) -> bool:
        """Say whether a whole name of anybody stands in a text."""
        return any(True for _ in self.index.names_in(plain(text)))

    def without_anybody(self, text: str) -> str:
        """Return a text with whole names and numbers of anybody replaced."""
        return scrubbed(self.index, text, self.common.subject, free=False)

    def named_in(self, text: str) -> Person | None:
        """Return whose note it is: who alone is named in it, else who alone is in the folder."""
        named: set[int] = set()
        for owners in owners_in(self.index, text):
            named |= owners
            if len(named) > 1:
                return None
        if named:
            return self.persons[next(iter(named))]
        return self.persons[0] if len(self) == 1 else None

    def note_of_nobody(self, file: File, text: str) -> str:
        """Return the note of an unknown patient without identity: it may name anybody."""
        person = self.person(f"note|{file.number}")
        clean = person.clean_text(text) if person.clean_text else ""
        return scrubbed(self.index, clean, person.subject, free=True) or REMOVED

    @cached_property
    def told(self) -> Told:
        """Who is behind each pseudonym."""
        return Told(self)


class _Persons:
    """The persons by their numbers, set up when they are asked for."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._of = lru_cache(maxsize=PERSONS)(self._made)

    def _made(self, number: int) -> Person:
        said = self._roster.claims(number)
        return self._roster.person(_name(said), Known.of_all(one.known for one in said))

    def __len__(self) -> int:
        return len(self._roster)

    def __getitem__(self, number: int) -> Person:
        return self._of(number)


class Told(Mapping[str, Mapping[str, Any]]):
    """Who is behind each pseudonym: read when it is asked for, sorted by pseudonym."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        names = (
            Subject.of(roster.secret, _name(roster.claims(number))).pseudonym.encode()
            for number in range(len(roster))
        )
        # Who is named last stands for a pseudonym of several: people of one number who contradict.
        written = np.fromiter(names, "S14", len(roster))[::-1]
        self._names, last = np.unique(written, return_index=True)
        self._numbers = len(roster) - 1 - last

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return (name.decode() for name in self._names)

    def __getitem__(self, pseudonym: str) -> Mapping[str, Any]:
        place = int(np.searchsorted(self._names, pseudonym.encode()))
        if place == len(self) or self._names[place] != pseudonym.encode():
            raise KeyError(pseudonym)
        said = self._roster.claims(int(self._numbers[place]))
        known = Known.of_all(one.known for one in said)
        return {
            "numbers": sorted(known.numbers),
            "names": sorted(known.names),
            "birth": sorted({one.birth for one in said if one.birth}),
        }


def _name(said: Sequence[Claim]) -> str:
    """Return what a person is called by within the project: their first number, else key."""
    numbers = (number for one in said for number in one.numbers)
    return f"patient|{min(numbers, default='') or min(one.key for one in said)}"
