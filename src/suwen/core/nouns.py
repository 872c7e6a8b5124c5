"""The nouns that pass between rooms: Record, Case, Evidence, Finding, Report, Decision.

Task and Pack live in `suwen.lifecycle`. Everything here is immutable and valid once constructed.
A *reference* is text: a FHIR reference with its version (`Observation/af3/_history/2`), stored
bytes (`blob/<sha256>`), or what a pack was developed on (`example/<data set>/<key>`), no record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from suwen.core.codes import Code, Text

Reference = str
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Point = tuple[float, float, float]
"""x, y, z in millimetres in the DICOM patient frame (LPS: left, posterior, superior grow)."""


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def canonical(value: Any) -> bytes:
    """Return `value` as canonical JSON (sorted keys, no spaces, UTF-8), the form that is hashed."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


class Noun(BaseModel):
    """Base of the exchanged values: frozen, and nothing unknown is accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Record(Noun):
    """A stored FHIR R4 resource in one version."""

    reference: Reference
    content: dict[str, Any]

    @property
    def type(self) -> str:
        """FHIR resource type."""
        return self.reference.partition("/")[0]

    @property
    def id(self) -> str:
        """Logical id, without the version."""
        return self.reference.split("/")[1]


@dataclass(frozen=True)
class Case:
    """Everything recorded about one patient up to a moment: what a task reads.

    `patient` is the store's own pseudonymous id. `blob` returns stored bytes by their SHA-256; the
    access behind it was checked and logged when the Case was opened.
    """

    patient: str
    at: datetime
    records: tuple[Record, ...]
    blob: Callable[[str], bytes] = field(repr=False)

    def of(self, resource_type: str) -> tuple[Record, ...]:
        """Return the records of one FHIR resource type, in the order they were stored."""
        return tuple(record for record in self.records if record.type == resource_type)


class Interval(Noun):
    """A value with the interval it lies in at `level` (0.95: 95 %)."""

    value: float
    low: float
    high: float
    level: float = 0.95

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low <= self.value <= self.high:
            raise ValueError("an Interval needs low <= value <= high")
        return self


PROBABILITY = "{probability}"
"""Unit of a Measure that is a probability in [0, 1] (a UCUM annotation, read as unity)."""


class Measure(Noun):
    """A coded measurement with its UCUM unit."""

    code: Code
    interval: Interval
    unit: str


class PossibleAnswers(Noun):
    """The answers that remain possible; such sets hold the true one in a share `level` of cases.

    None at all: the case is less typical of each answer than that share of its known cases.
    """

    codes: tuple[Code, ...]
    level: float


class ImageRegion(Noun):
    """Evidence in an image: a box in the patient frame of one Series."""

    kind: Literal["image"] = "image"
    record: Reference
    study_uid: str
    series_uid: str
    frame_of_reference_uid: str
    centre: Point
    low: Point
    high: Point
    instance_uid: str
    """SOP Instance UID of the slice through the centre."""
    weight: float = 1.0
    note: Text | None = None


class TextSpan(Noun):
    """Evidence in a text: characters start..end of the stored original."""

    kind: Literal["text"] = "text"
    record: Reference
    start: int
    end: int
    weight: float = 1.0
    note: Text | None = None


class RecordValue(Noun):
    """Evidence in a resource: the value found at a FHIRPath."""

    kind: Literal["value"] = "value"
    record: Reference
    path: str
    weight: float = 1.0
    note: Text | None = None


class TimeInterval(Noun):
    """Evidence in a recording over time: seconds from its first sample, `start` <= `end`."""

    kind: Literal["time"] = "time"
    record: Reference
    start: float
    end: float
    weight: float = 1.0
    note: Text | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not 0 <= self.start <= self.end:
            raise ValueError("a TimeInterval needs 0 <= start <= end")
        return self


class SimilarExample(Noun):
    """Evidence by comparison: a development example like this one, with what was known of it.

    It is nobody's record here: what rests on records (provenance, derivation) leaves it out.
    """

    kind: Literal["similar"] = "similar"
    record: Reference
    """`example/<data set>/<key>`."""
    label: Text
    """What it was, in the words of its data set."""
    weight: float = 1.0
    """Cosine similarity in the space of the pack's networks, at most 1."""
    note: Text | None = None
    """What else was known of it."""

    @property
    def picture_role(self) -> str:
        """Role of the attachment that holds its picture, where there is one."""
        return f"{self.kind}:{self.record}"


Evidence = Annotated[
    ImageRegion | TextSpan | RecordValue | TimeInterval | SimilarExample,
    Field(discriminator="kind"),
]
COMPARED = "compared"
"""Role of the picture of what was answered about, drawn as those of `SimilarExample` are."""


class Attachment(Noun):
    """Bytes that belong to a finding (mask, saliency map, key image), stored as a blob.

    `data` is present only between prediction and storage; it is never part of the JSON.
    """

    role: str
    """What it shows: `mask`, `saliency`, `occlusion`, `key-image`, the key image under what raised
    (`key-image-saliency`) or lowered (`key-image-saliency-against`) the probability, `compared` and
    `SimilarExample.picture_role`."""
    media_type: str
    digest: Digest
    data: bytes | None = Field(None, exclude=True, repr=False)

    @classmethod
    def of(cls, role: str, media_type: str, data: bytes) -> Attachment:
        """Build the attachment and its digest from its bytes."""
        return cls(role=role, media_type=media_type, digest=digest_of(data), data=data)


class Explanation(Noun):
    """How an answer was explained, and whether the explanation passed its checks.

    `faithfulness` is the deletion/insertion score in [0, 1] described in
    `lifecycle.reasons.explain`. When `hidden_because` is set the picture is not shown to anyone.
    """

    method: str
    faithfulness: float | None = None
    randomisation_similarity: float | None = None
    hidden_because: Text | None = None


class Band(StrEnum):
    """What may be done with a value, from a stated error budget."""

    RULE_IN = "rule-in"
    GREY = "grey"
    RULE_OUT = "rule-out"
    ABSTAIN = "abstain"


class Status(StrEnum):
    """Where a finding comes from: seen in the data, computed from it, or proposed."""

    OBSERVED = "observed"
    INFERRED = "inferred"
    SUGGESTED = "suggested"


class Tracking(Noun):
    """The identity of one lesion over tasks and studies (DICOM tracking identifier and UID)."""

    uid: str
    label: str


BY_PERSON = "person/"
"""Begins `Finding.pack` where a person says it and no pack does: `person/<id>`."""


class Finding(Noun):
    """What a pack says about a Case, or a person in a pack's place."""

    task: str
    pack: str
    """Name, version and manifest SHA-256 of the pack: `name@version+sha256`; or `BY_PERSON`."""
    code: Code
    status: Status = Status.INFERRED
    band: Band
    reason: Text | None = None
    """Why the band is what it is; required when the band is `abstain`."""
    probability: Interval | None = None
    measures: tuple[Measure, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    explanations: tuple[Explanation, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    tracking: Tracking | None = None
    site: Code | None = None
    valid_until: datetime | None = None
    possible: PossibleAnswers | None = Field(None, exclude_if=lambda value: value is None)
    """Left out where a pack states none, so that findings of earlier packs keep their ids."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.band is Band.ABSTAIN and self.reason is None:
            raise ValueError("a Finding that abstains needs a reason")
        if self.band is not Band.ABSTAIN and not (self.probability or self.measures):
            raise ValueError("a Finding needs a probability or a measure, or it abstains")
        if self.band is not Band.ABSTAIN and not self.evidence:
            raise ValueError("a Finding needs evidence, or it abstains")
        return self

    @cached_property
    def id(self) -> str:
        """Content-derived id: equal findings have equal ids."""
        return digest_of(canonical(self.model_dump(mode="json")))[:32]

    def __copy__(self) -> Self:
        """Copy without the id, since `model_copy` changes what that is made from."""
        copied = super().__copy__()
        copied.__dict__.pop("id", None)
        return copied

    @property
    def person(self) -> str:
        """Id of the person who says it, empty where a pack does."""
        return self.pack.removeprefix(BY_PERSON) if self.pack.startswith(BY_PERSON) else ""


class Statement(Noun):
    """One sentence of a report, bound to what it rests on."""

    section: str
    text: Text
    findings: tuple[str, ...] = ()
    records: tuple[Reference, ...] = ()
    places: tuple[TextSpan, ...] = ()
    """Where the words stand that it quotes; each in one of `records`."""

    @model_validator(mode="after")
    def _bound(self) -> Self:
        if missing := {place.record for place in self.places} - set(self.records):
            raise ValueError(f"a Statement quotes what it does not name: {sorted(missing)}")
        if not (self.findings or self.records):
            raise ValueError("a Statement needs a finding or a record behind it")
        return self


class Act(StrEnum):
    """What a person did with a finding or a report."""

    ACCEPTED = "accepted"
    EDITED = "edited"
    REJECTED = "rejected"
    ADDED = "added"
    WITHDRAWN = "withdrawn"
    SIGNED = "signed"


class Review(Noun):
    """A person's act on one finding: who, when, what, why, and the corrected text if edited."""

    finding: str
    act: Act
    person: str
    at: datetime
    reason: str = ""
    text: str = ""
    replaced_by: str = ""
    """Id of the person's own finding that stands in its place."""
    record: Reference = ""
    """Record that holds the act, where it was not on the report itself but on what it rests on."""


class Report(Noun):
    """Statements about a Case; a draft until a person signs it."""

    id: str
    patient: str
    created: datetime
    status: Literal["draft", "final", "withdrawn"] = "draft"
    findings: tuple[Finding, ...]
    statements: tuple[Statement, ...]
    not_understood: tuple[Text, ...] = ()
    reviews: tuple[Review, ...] = ()
    signed_by: str | None = None
    signed_at: datetime | None = None

    @model_validator(mode="after")
    def _bound(self) -> Self:
        known = {finding.id for finding in self.findings}
        for statement in self.statements:
            if missing := set(statement.findings) - known:
                raise ValueError(f"a Statement names findings not in the Report: {sorted(missing)}")
        if self.status == "final" and not (self.signed_by and self.signed_at):
            raise ValueError("a final Report needs the person who signed it and when")
        return self


class Decision(Noun):
    """One line of the decision log: an access, a denial, a finding or a human act.

    `hash` is SHA-256 over the canonical JSON of all other fields; `previous` is the hash before it.
    `detail` holds references, digests and versions, never patient content.
    """

    sequence: int
    at: datetime
    person: str
    act: str
    patient: str
    subject: Reference
    purpose: str
    detail: Mapping[str, Any]
    previous: str
    hash: str
