"""The API of notes: what they tell, what a person says of it, codes to choose, local terms."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, Field

from suwen.core.codes import Code
from suwen.notes.coding import synonyms
from suwen.notes.coding.search import search
from suwen.notes.coding.synonyms import LONGEST, LocalSynonyms
from suwen.notes.entities.corrections import REASON, WORDS, Meant, Place
from suwen.notes.facts.told import Mention, Told
from suwen.notes.text import Span
from suwen.notes.vocabulary.names import installed
from suwen.server.api.tasks import Strict
from suwen.server.asking import Asking, Signed
from suwen.server.case.patients import PatientId
from suwen.server.notes.adding import Missed, add, read_of
from suwen.server.notes.case import Noted, Said, judge, noted
from suwen.server.notes.terms import Terms, bring_in, map_term, remove_term, system_name, undo
from suwen.server.notes.view import anchor_of
from suwen.server.problem import ERRORS

router = APIRouter(prefix="/api", responses=ERRORS)
MOST_CODES = 50
Verdict = Literal["accepted", "edited", "rejected"]


class MentionInfo(BaseModel):
    """One place a fact is said at: characters of the stored original, and what a person said."""

    note: str
    start: int
    end: int
    kind: str
    probability: float | None
    verdict: str
    person: str
    at: datetime | None
    reason: str
    anchor: str = Field(description="Names the place in acts on the fact.")
    version: int = Field(description="Of what was said of it; 0: nothing.")


class FactInfo(BaseModel):
    """One thing the notes tell, after what people said of it."""

    key: str = Field(description="Names the fact in acts on it.")
    kind: str
    code: Code | None = Field(description="None: no vocabulary has it.")
    words: str = Field(description="Name of the code, else the words of the note.")
    presence: str
    temporality: str
    experiencer: str
    value: float | None
    unit: str
    details: dict[str, str]
    contradicted: bool
    rejected: bool
    local: str = Field(description="The local term that gives it its code.")
    mentions: list[MentionInfo]


class MeantInput(Strict):
    """How a mention is meant; `code` is `system|code`, a code or a name, empty for none."""

    kind: str = Field(max_length=32)
    presence: str = Field("present", max_length=32)
    temporality: str = Field("recent", max_length=32)
    experiencer: str = Field("patient", max_length=32)
    code: str = Field("", max_length=WORDS)

    def meant(self) -> Meant:
        """Return it without its code."""
        return Meant(self.kind, self.presence, self.temporality, self.experiencer)


class JudgementInput(Strict):
    """What to do with a fact you looked at: all of it, or the mention of one anchor."""

    act: Verdict
    seen: dict[str, int] = Field(description="Version of each of its mentions, by anchor.")
    where: str = Field("", max_length=64)
    meant: MeantInput | None = Field(None, description="For a correction.")
    words: str = Field("", max_length=WORDS, description="For a correction of the stretch.")
    reason: str = Field("", max_length=REASON)


class MissedInput(Strict):
    """A mention nobody found: characters of the stored original of a note."""

    note: str = Field(max_length=64, description="Id of the note.")
    start: int = Field(ge=0)
    end: int = Field(ge=1)
    meant: MeantInput
    reason: str = Field("", max_length=REASON)


class CodeHit(BaseModel):
    """A code of the vocabulary, its system's short name, and the name by which it was found."""

    code: Code
    system: str
    term: str


class UnmappedInfo(BaseModel):
    """A term without a code, in the cases the reader may see."""

    term: str
    kind: str
    count: int
    cases: int


class TermInfo(BaseModel):
    """A local term: what it stands for, and who said so."""

    term: str
    kind: str
    code: Code
    person: str
    at: datetime


class TermsInfo(BaseModel):
    """The local terms in one version, and what made it."""

    version: int
    what: str = ""
    changed: str = Field("", description="The term that was changed, empty for many.")
    person: str = ""
    at: datetime | None = None
    terms: list[TermInfo]


class TermInput(Strict):
    """A term and its kind."""

    term: str = Field(min_length=1, max_length=LONGEST)
    kind: str = Field("problem", max_length=32)


class MappingInput(TermInput):
    """A term, and the code it stands for: `system|code`, a code or a name."""

    code: str = Field(min_length=1, max_length=LONGEST)


class VersionInput(Strict):
    """A version of the local terms."""

    version: int = Field(ge=1)


@router.get("/cases/{patient}/facts", operation_id="list_facts", tags=["notes"])
def list_facts(asking: Signed, patient: PatientId) -> list[FactInfo]:
    """Return what the notes of a case tell, rejected mentions last."""
    return _facts(noted(asking, patient))


@router.post("/cases/{patient}/facts/{fact}/judgements", operation_id="judge_fact", tags=["notes"])
def judge_fact(
    asking: Signed, patient: PatientId, fact: str, body: JudgementInput
) -> list[FactInfo]:
    """Accept, correct or reject what the notes tell; each act stands in the decision log."""
    seen = ",".join(f"{anchor}:{version}" for anchor, version in body.seen.items())
    meant = body.meant.meant() if body.meant else None
    code = body.meant.code if body.meant else None
    judge(
        asking,
        patient,
        Said(body.act, fact, seen, body.where, meant, body.words, code, body.reason),
    )
    return _facts(noted(asking, patient))


@router.post("/cases/{patient}/mentions", operation_id="add_mention", tags=["notes"])
def add_mention(asking: Signed, patient: PatientId, body: MissedInput) -> list[FactInfo]:
    """Add what was missed in a note; it stands in the decision log and becomes training text."""
    read = read_of(noted(asking, patient), body.note)
    span = read.note.shown(Span(body.start, body.end))
    meant = body.meant
    add(asking, patient, Missed(body.note, span, meant.meant(), meant.code, body.reason))
    return _facts(noted(asking, patient))


@router.get("/codes", operation_id="search_codes", tags=["notes"])
def search_codes(
    asking: Signed,
    q: Annotated[str, Query(max_length=WORDS)],
    kind: Annotated[str, Query(max_length=32)] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_CODES)] = 12,
) -> list[CodeHit]:
    """Return codes for a part of a name in English or Chinese, or of a code, likeliest first."""
    return [
        CodeHit(code=hit.code, system=system_name(hit.code), term=hit.term)
        for hit in search(installed(), q, kind, limit)
    ]


@router.get("/terms", operation_id="list_terms", tags=["terms"])
def list_terms(asking: Signed) -> TermsInfo:
    """Return what the house says that terms of its notes mean."""
    return _terms(synonyms.stored(asking.access))


@router.get("/terms/unmapped", operation_id="list_unmapped", tags=["terms"])
def list_unmapped(
    asking: Signed, limit: Annotated[int, Query(ge=1, le=10_000)] = 100
) -> list[UnmappedInfo]:
    """Return the terms without a code in the reader's cases, most often met first."""
    return [
        UnmappedInfo(term=one.term, kind=one.kind, count=one.count, cases=len(one.patients))
        for one in Terms(asking).queue[:limit]
    ]


@router.get("/terms/history", operation_id="list_term_changes", tags=["terms"])
def list_changes(asking: Signed) -> list[TermsInfo]:
    """Return every version of the local terms, the newest first."""
    return [_terms(one) for one in synonyms.history(asking.access)]


@router.get("/terms/map", operation_id="export_terms", tags=["terms"])
def export(asking: Signed) -> dict[str, Any]:
    """Return the local terms as a FHIR R4 ConceptMap."""
    return synonyms.stored(asking.access).resource()


@router.post("/terms", operation_id="map_term", tags=["terms"])
def map_one(asking: Signed, body: MappingInput) -> TermsInfo:
    """Let a term stand for a code; it takes effect at once."""
    map_term(asking, body.term, body.kind, body.code)
    return list_terms(asking)


@router.post("/terms/removal", operation_id="remove_term", tags=["terms"])
def remove(asking: Signed, body: TermInput) -> TermsInfo:
    """Let a term stand for nothing of its own again."""
    remove_term(asking, body.term, body.kind)
    return list_terms(asking)


@router.post("/terms/undo", operation_id="undo_term_change", tags=["terms"])
def take_back(asking: Signed, body: VersionInput) -> TermsInfo:
    """Take back what made a version of the local terms."""
    undo(asking, body.version)
    return list_terms(asking)


@router.post("/terms/map", operation_id="import_terms", tags=["terms"])
def bring(asking: Signed, body: Annotated[dict[str, Any], Body()]) -> TermsInfo:
    """Take over local terms from a FHIR R4 ConceptMap that another house exported."""
    bring_in(asking, LocalSynonyms.of(body))
    return list_terms(asking)


def _facts(found: Noted) -> list[FactInfo]:
    return [_fact(found.asking, fact) for fact in found.facts]


def _fact(asking: Asking, fact: Told) -> FactInfo:
    how = fact.meant
    value, unit = fact.value or (None, "")
    return FactInfo(
        key=fact.key,
        kind=fact.kind,
        code=how.code,
        words=fact.name.of(asking.language),
        presence=how.presence,
        temporality=how.temporality,
        experiencer=how.experiencer,
        value=value,
        unit=unit,
        details=dict(fact.details),
        contradicted=fact.contradicted,
        rejected=fact.rejected,
        local=fact.local.term if fact.local else "",
        mentions=[_mention(one) for one in fact.mentions],
    )


def _mention(one: Mention) -> MentionInfo:
    said = one.judged.correction if one.judged else None
    place: Place = one.stands
    return MentionInfo(
        note=place.note,
        start=place.start,
        end=place.end,
        kind=one.kind,
        probability=one.probability,
        verdict=said.verdict if said else "",
        person=said.person if said else "",
        at=said.at if said else None,
        reason=said.reason if said else "",
        anchor=anchor_of(one.place),
        version=one.judged.version if one.judged else 0,
    )


def _terms(local: LocalSynonyms) -> TermsInfo:
    change = local.change
    return TermsInfo(
        version=local.version,
        what=change.what if change else "",
        changed=change.term if change else "",
        person=change.person if change else "",
        at=change.at if change else None,
        terms=[
            TermInfo(term=one.term, kind=one.kind, code=one.code, person=one.person, at=one.at)
            for one in local
        ],
    )
