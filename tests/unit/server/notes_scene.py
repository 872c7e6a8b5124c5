"""A patient with three notes and what was found in them: made-up mentions, the room's own facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from scene import Clinic

from suwen.core.codes import Code, Text
from suwen.core.nouns import Band, Finding, Interval, TextSpan
from suwen.notes.entities.task import RULED_REASON, kind_code
from suwen.notes.facts.gathered import Said, facts_of
from suwen.notes.facts.task import finding_of_fact
from suwen.notes.measures.dated import Ruled, found
from suwen.notes.questions import ENTITIES
from suwen.notes.reading.case import Read, notes_of
from suwen.notes.text import Mention, Span
from suwen.notes.vocabulary.names import HPO, MESH

PACK = "notes.facts@1.0.0+" + "0" * 64
ENTITY_PACK = "notes.entities@1.0.0+" + "0" * 64
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)> & \u202eesrever"


def code(system: str, number: str, en: str, zh: str) -> Code:
    return Code(system=system, code=number, name=Text(en=en, zh=zh))


FEVER = code(HPO, "HP:0001945", "Fever", "发热")
COUGH = code(HPO, "HP:0012735", "Cough", "咳嗽")
CANCER = code(MESH, "D001943", "Breast Neoplasms", "乳腺肿瘤")
PNEUMONIA = code(HPO, "HP:0002090", "Pneumonia", "肺炎")
PENICILLIN = code(MESH, "D010406", "Penicillins", "青霉素")
METFORMIN = code(MESH, "D008687", "Metformin", "二甲双胍")

ENGLISH = (
    "Chief complaint: cough for three days.\n\n"
    "History: Denies fever. Possible pneumonia on the right. The cough is worse at night. "
    "Her mother had breast cancer. A funny turn last week.\n\n"
    "Allergies: penicillin.\n\n"
    "Medications: Metformin 500 mg orally twice daily.\n\n"
    f"Results: Glucose 180 mg/dL.\n\nRemark: {HOSTILE}\n"
)
CHINESE = (
    "主诉：咳嗽3天。\n现病史：发热2天，最高38.5℃，咳嗽。\n家族史：母亲患乳腺癌。\n"
    "用药：二甲双胍0.5g口服每日两次。\n过敏史：青霉素过敏。\n辅助检查：血糖10.0mmol/L。\n"
)
MARKUP = "<html><body><p>Seen in clinic: <b>cough</b> &amp; nothing else.</p></body></html>"


@dataclass(frozen=True)
class Named:
    """A mention of a note, in the words of the note."""

    words: str
    kind: str
    code: Code | None = None
    nth: int = 0
    chance: float = 0.95
    cue: str = ""
    how: dict[str, str] = field(default_factory=dict)


DENIED = {"presence": "absent"}
NAMED: dict[str, tuple[Named, ...]] = {
    "Referral letter": (
        Named("cough", "symptom", COUGH),
        Named("fever", "symptom", FEVER, cue="Denies", how=DENIED),
        Named("pneumonia", "problem", PNEUMONIA, cue="Possible", how={"presence": "possible"}),
        Named("cough", "symptom", COUGH, nth=1, chance=0.55),
        Named("breast cancer", "problem", CANCER, cue="mother", how={"experiencer": "family"}),
        Named("funny turn", "symptom", chance=0.41),
        Named("penicillin", "drug", PENICILLIN),
        Named("Metformin", "drug", METFORMIN),
    ),
    "门诊病历": (
        Named("咳嗽", "symptom", COUGH),
        Named("发热", "symptom", FEVER),
        Named("乳腺癌", "problem", CANCER, cue="母亲", how={"experiencer": "family"}),
        Named("二甲双胍", "drug", METFORMIN),
        Named("青霉素", "drug", PENICILLIN),
    ),
    "Clinic page": (Named("cough", "symptom", COUGH, chance=0.97),),
}
TEXTS = {
    "Referral letter": (ENGLISH, "text/plain"),
    "门诊病历": (CHINESE, "text/plain"),
    "Clinic page": (MARKUP, "text/html"),
}


def add_notes(clinic: Clinic, patient: str, titles: tuple[str, ...] = tuple(TEXTS)) -> list[Read]:
    """Record notes, and store what `notes.entities` and `notes.facts` would find in them."""
    access = clinic.access()
    for n, title in enumerate(titles):
        text, media = TEXTS[title]
        digest = access.put_blob(patient, text.encode(), media)
        access.put([_document(patient, digest, title, media, n)], patient)
    case = access.case(patient)
    known = {record.reference: record for record in case.records}
    read = [one for one in notes_of(case) if _title(known[one.note.record].content) in titles]
    read_notes(clinic, patient, read, {one.note.record: _title(known[one.note.record].content)
                                       for one in read})  # fmt: skip
    return read


def read_notes(clinic: Clinic, patient: str, read: list[Read], titles: dict[str, str]) -> None:
    """Store the findings of notes."""
    access, said, entities = clinic.access(), [], []
    for one in read:
        named = [(each, place_of(one, each)) for each in NAMED[titles[one.note.record]]]
        said.append(tuple(_said(one, each, place) for each, place in named))
        entities += [_entity(one, each, place) for each, place in named]
        entities += [_ruled(one, each) for each in found(
            one.note.text, one.note.language, one.note.day)]  # fmt: skip
    facts = facts_of([one.note for one in read], said)
    notes = {one.note.record: one.note for one in read}
    told = [finding_of_fact(fact, notes, PACK) for fact in facts]
    access.put([*entities, *told], patient)


def place_of(read: Read, named: Named) -> Span:
    """Return where a mention stands in the readable text."""
    at = -1
    for _ in range(named.nth + 1):
        at = read.note.text.index(named.words, at + 1)
    return Span(at, at + len(named.words))


def _said(read: Read, named: Named, place: Span) -> Said:
    cues = ()
    if named.cue:
        at = read.note.text.rindex(named.cue, 0, place.start)
        cues = (Span(at, at + len(named.cue)),)
    mention = Mention(place.start, place.end, named.kind)
    return Said(mention, code=named.code, probability=named.chance, cues=cues, **named.how)


def _entity(read: Read, named: Named, place: Span) -> Finding:
    stored = read.note.stored(place)
    chance = named.chance
    return Finding(
        task=ENTITIES,
        pack=ENTITY_PACK,
        code=kind_code(named.kind),
        band=Band.RULE_IN if chance >= 0.5 else Band.GREY,
        probability=Interval(value=chance, low=chance, high=chance),
        evidence=(TextSpan(record=read.note.record, start=stored.start, end=stored.end),),
    )


def _ruled(read: Read, one: Ruled) -> Finding:
    stored = read.note.stored(one.span)
    return Finding(
        task=ENTITIES,
        pack=ENTITY_PACK,
        code=kind_code(one.kind),
        band=Band.RULE_IN,
        reason=RULED_REASON,
        measures=one.measures,
        evidence=(TextSpan(record=read.note.record, start=stored.start, end=stored.end),),
    )


def _title(content: dict[str, Any]) -> str:
    return str(content["content"][0]["attachment"].get("title", ""))


def _document(patient: str, digest: str, title: str, media: str, n: int) -> dict[str, Any]:
    attachment = {"contentType": media, "url": f"blob/{digest}", "title": title}
    return {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": {"reference": f"Patient/{patient}"},
        "date": f"2026-03-0{n + 1}T08:30:00Z",
        "content": [{"attachment": attachment}],
    }
