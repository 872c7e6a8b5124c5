"""Whose data are at hand: the subject, what is known of them, and how text is cleaned for them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from suwen.privacy.subjects.known import Known
from suwen.privacy.subjects.subject import Subject

Cleaner = Callable[[str], str]
REMOVED = "[removed]"


_PERSONAL = re.compile(
    r"\+?(?:\d{1,3}[-. ])?\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}"  # telephone, North America
    r"|\d{3}-\d{4}|\d{3}-\d{2}-\d{4}"  # local telephone, social security number
    r"|1[3-9]\d{9}|\d{17}[\dXx]"  # mobile telephone and identity number, China
)


def personal(text: str) -> bool:
    """Say whether what looks like a code has the form of a telephone or identity number."""
    return _PERSONAL.fullmatch(text.strip()) is not None


@dataclass(frozen=True)
class Person:
    """One person whose data are being de-identified.

    Parameters
    ----------
    subject
        Gives pseudonym, tokens, UIDs and the date shift.
    known
        What all files together say of them.
    clean_text
        Takes identifiers out of prose; None: prose is removed.
    """

    subject: Subject
    known: Known = field(default_factory=Known, repr=False)
    clean_text: Cleaner | None = field(default=None, repr=False)

    def knowing(self, known: Known) -> Person:
        """Return the same person of whom this is known as well."""
        mine = self.known
        parts = ((known.names, mine.names), (known.numbers, mine.numbers))
        if all(new <= old for new, old in (*parts, (known.others, mine.others))):
            return self
        return Person(self.subject, mine | known, self.clean_text)

    def prose(self, text: str) -> str:
        """Return prose without what identifies; `[removed]` where nothing may stay."""
        if self.clean_text is None:
            return REMOVED
        return self.known.scrubbed(self.clean_text(text), self.subject, free=True) or REMOVED

    def field(self, text: str) -> str:
        """Return a short text of a structured field without what is known of the person."""
        return self.known.scrubbed(text, self.subject)


@dataclass(frozen=True)
class Cast:
    """Everyone a file may be about.

    Parameters
    ----------
    common
        Stands for what is nobody's in particular: staff, organisations, a note of no known patient.
    of
        Returns the person of a patient's key in the file (a FHIR id, an HL7 or table number).
    """

    common: Person
    of: Callable[[str], Person]

    @classmethod
    def single(cls, person: Person) -> Cast:
        """Return the cast of files that are all about one person."""
        return cls(person, lambda _: person)
