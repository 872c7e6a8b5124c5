"""What an intake is: whose files they are, what was understood, and what was not and why.

File names are shown to the person who brought the files; they never go into an error or a log,
except where a wrong-patient error has to say which files disagree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.core.nouns import digest_of

Resource = dict[str, Any]
SELF = "Patient/self"
"""Reference to the patient of the intake, until the store has given its own id."""


@dataclass(frozen=True)
class Blob:
    """Bytes to be stored; `checked` reads them again, and refuses bytes that changed meanwhile."""

    digest: str
    media_type: str
    checked: Callable[[], bytes] = field(repr=False)


@dataclass(frozen=True)
class Identity:
    """Whose files they are.

    Parameters
    ----------
    identifiers
        (system, value), by which the store finds the patient again.
    anonymous
        No file names a patient: the identifier is a hash of the content.
    patient
        FHIR R4 Patient without id.
    """

    identifiers: tuple[tuple[str, str], ...] = field(repr=False)
    anonymous: bool
    patient: Resource = field(repr=False)


@dataclass(frozen=True)
class Intake:
    """A folder's content, ready to be stored. Resources refer to their patient as `SELF`."""

    identity: Identity
    resources: tuple[Resource, ...] = field(repr=False)
    blobs: tuple[Blob, ...] = field(repr=False)
    understood: tuple[Text, ...]
    not_understood: tuple[Text, ...]


@dataclass(frozen=True)
class SourceFile:
    """One file of the folder: its name relative to it, its bytes' digest, and how to read it."""

    name: str
    digest: str
    load: Callable[[], bytes] = field(repr=False)

    def blob(self, media_type: str) -> Blob:
        """Return the file as a blob."""
        return Blob(self.digest, media_type, self.checked)

    def checked(self) -> bytes:
        """Read the bytes again.

        Raises
        ------
        BadInput
            The file changed since it was first read.
        """
        data = self.load()
        if digest_of(data) != self.digest:
            raise BadInput(
                "a file changed while it was read", "files that rest", "start the intake again"
            )
        return data


@dataclass(frozen=True)
class Claim:
    """What one file says about who the patient is; empty texts where it says nothing.

    `names` holds each written form of the name, normalised. `reference` is the id under which a
    FHIR file speaks of its patient.
    """

    file: str
    source: str
    identifiers: frozenset[tuple[str, str]] = field(default=frozenset(), repr=False)
    names: frozenset[str] = field(default=frozenset(), repr=False)
    birth_date: str = field(default="", repr=False)
    sex: str = field(default="", repr=False)
    reference: str = field(default="", repr=False)
    patient: Resource | None = field(default=None, repr=False)

    @property
    def says_who(self) -> bool:
        """Say whether the claim tells a patient from another."""
        return bool(self.identifiers or self.names or self.reference)


@dataclass
class Reading:
    """What has been read so far; each reader adds its part."""

    resources: list[Resource] = field(default_factory=list)
    blobs: list[Blob] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    understood: list[Text] = field(default_factory=list)
    not_understood: list[Text] = field(default_factory=list)

    def refuse(self, name: str, en: str, zh: str) -> None:
        """Note a file, or a part of one, that was not understood."""
        self.not_understood.append(Text(en=f"{name}: {en}", zh=f"{name}：{zh}"))

    def accept(self, en: str, zh: str) -> None:
        """Note what was understood."""
        self.understood.append(Text(en=en, zh=zh))


def local_id(*parts: str) -> str:
    """Return an id derived from content, allowed as a FHIR id."""
    return digest_of("\x1f".join(parts).encode())[:40]
