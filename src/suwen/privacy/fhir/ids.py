"""Ids and references of FHIR resources, mapped alike over all files of a project.

The id of a Patient becomes its pseudonym, every other id a token of the project, so references
still lead where they led. Reference: HL7 FHIR R4 (4.0.1) section 2.3 (references).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from suwen.privacy.fhir.policy import public
from suwen.privacy.fhir.reading import Resource, each
from suwen.privacy.subjects.person import Cast

UUID: Final = "urn:uuid:"
_OWN_SEARCH = re.compile(r"([A-Z][A-Za-z]+)\?identifier=([^|]*)\|(.+)")
_REFERENCE = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/.*)?")


@dataclass(frozen=True)
class Ids:
    """The new ids of one file.

    Parameters
    ----------
    cast
        Everyone the file may be about.
    patients
        Id or UUID of each Patient of the file, and its key.
    """

    cast: Cast
    patients: Mapping[str, str]

    @classmethod
    def of(cls, cast: Cast, resources: Iterable[Resource]) -> Ids:
        """Return the ids of the resources of a file."""
        return cls(cast, dict(_patients(resources)))

    def id(self, old: str) -> str:
        """Return the new id of a resource."""
        if old in self.patients:
            return self.cast.of(self.patients[old]).subject.pseudonym
        return self.cast.common.subject.token("fhir id", old)

    def uuid(self, old: str) -> str:
        """Return the new UUID for one, with or without `urn:uuid:`."""
        number = int(self.cast.common.subject.uid(old.removeprefix(UUID)).rpartition(".")[2])
        return str(uuid.UUID(int=number))

    def token(self, old: str) -> str:
        """Return what stands for an identifier that is nobody's in particular."""
        return self.cast.common.subject.token("id", old)

    def patient(self, reference: str) -> str:
        """Return the key of the Patient a reference leads to, empty where it leads elsewhere."""
        if reference.startswith(UUID):
            return self.patients.get(reference.removeprefix(UUID), "")
        match = _REFERENCE.fullmatch(reference)
        return match[2] if match and match[1] == "Patient" else ""

    def reference(self, old: str) -> str:
        """Return where a reference leads to among the new ids, empty when it leads nowhere."""
        if old.startswith(UUID):
            return UUID + self.uuid(old)
        if old.startswith("#"):
            return "#" + self.id(old[1:]) if len(old) > 1 else "#"
        if match := _OWN_SEARCH.fullmatch(old):
            kind, system, value = match.groups()
            return f"{kind}?identifier={system if public(system) else ''}|{self.token(value)}"
        match = _REFERENCE.fullmatch(old)
        if match is None:
            return ""
        kind, own = match.groups()
        if kind == "Patient":
            return f"Patient/{self.cast.of(own).subject.pseudonym}"
        return f"{kind}/{self.cast.common.subject.token('fhir id', own)}"


def _patients(resources: Iterable[Resource]) -> Iterator[tuple[str, str]]:
    """Yield the ways a Patient of these resources is referred to, with its key (its id)."""
    for resource, url in each(resources):
        if resource.get("resourceType") == "Patient":
            key = str(resource.get("id") or url.removeprefix(UUID))
            yield key, key
            if url:
                yield url.removeprefix(UUID).rpartition("/")[2], key
