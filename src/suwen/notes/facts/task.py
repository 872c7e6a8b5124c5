"""The task `notes.facts`: what the notes of a case say, each thing once, with every place.

Joins by their places what `notes.entities`, `notes.assertion` and `notes.coding` found, adds values
and relations by rule, and tells contradictions. Answered by rules: the expressions of values,
units, medication and times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from suwen.core.codes import (
    EXPERIENCER,
    FACT_DETAIL,
    FACT_KINDS,
    PRESENCE,
    SUWEN,
    TEMPORALITY,
    UNMAPPED,
    Code,
    Text,
)
from suwen.core.errors import IntegrityError
from suwen.core.nouns import (
    Band,
    Case,
    Finding,
    Interval,
    Measure,
    RecordValue,
    Status,
    TextSpan,
)
from suwen.core.registry import register
from suwen.lifecycle.examples import Output, Sample
from suwen.lifecycle.kinds import Answers, Spans
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.rules import Published
from suwen.lifecycle.sealed.guard import Range
from suwen.lifecycle.task import Reads
from suwen.notes.facts.gathered import Fact, Said, facts_of
from suwen.notes.measures.meaning import meanings
from suwen.notes.measures.wording import detail
from suwen.notes.questions import ASSERTION, CODING, ENTITIES, FACTS
from suwen.notes.reading.case import Read, notes_of
from suwen.notes.text import Cited, Mention, Note, Span
from suwen.notes.vocabulary.names import KNOWLEDGE

RULES: Final = tuple(
    KNOWLEDGE / name for name in ("laboratory.toml", "units.toml", "medication.toml")
)
_KINDS: Final = {
    "problem": ("Problem", "疾病或症状"),
    "drug": ("Medication", "用药"),
    "allergy": ("Allergy", "过敏"),
    "value": ("Result", "检查结果"),
    "procedure": ("Procedure", "手术或操作"),
}
CERTAIN: Final = Interval(value=1.0, low=1.0, high=1.0)


def kind_code(kind: str) -> Code:
    """Return the code of a kind of fact."""
    en, zh = _KINDS[kind]
    return Code(system=FACT_KINDS, code=kind, name=Text(en=en, zh=zh))


@dataclass(frozen=True)
class Noted:
    """The notes of one case and what is named in each."""

    notes: tuple[Note, ...]
    said: tuple[tuple[Said, ...], ...]


class Facts(Published):
    """What the notes say."""

    name = FACTS
    title = Text(en="Notes: coded facts", zh="病历：编码事实")
    reads = (Reads("DocumentReference", "", Text(en="Clinical note", zh="病历文本")),)
    answers: Answers = Spans(
        Code(
            system=f"{SUWEN}/codes",
            code="facts",
            name=Text(en="What the notes say", zh="病历所述事实"),
        ),
        tuple(kind_code(kind) for kind in _KINDS),
    )
    after: tuple[str, ...] = (ENTITIES, ASSERTION, CODING)
    rules: tuple[Path, ...] = RULES
    domain: Mapping[str, Range] = {
        "notes": Range(1, 10_000, Text(en="The number of notes", zh="病历份数")),
    }
    sources = (
        "LOINC 2.77 (codes of tests; licence: loinc.org/license), UCUM 2.1 (units)",
        "HL7 FHIR R4 Timing (frequencies)",
    )
    limits = (
        "No labelled notes with facts were at hand: measured on 44 cases written in two languages.",
        "A fact is what a note says, not what is true: it is not inferred from anything else.",
    )

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return the notes of the case as one sample; none without a note."""
        read = notes_of(case)
        if not read:
            return []
        said = tuple(tuple(_said(one, earlier)) for one in read)
        evidence = tuple(
            TextSpan(record=one.note.record, start=0, end=len(one.original)) for one in read
        )
        inputs = tuple(dict.fromkeys(name for one in read for name in one.inputs))
        data = Noted(tuple(one.note for one in read), said)
        return [Sample("notes", data, evidence, inputs)]

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Return every fact; a row for each place it is said at."""
        _check(pack)
        data: Noted = sample.data
        facts = facts_of(data.notes, data.said)
        kinds = list(_KINDS)
        rows = [
            (0.0, cited.span.start, cited.span.end, kinds.index(fact.kind))
            for fact in facts
            for cited in fact.cited
        ]
        return Output(
            scores=np.zeros(0),
            domain={"notes": float(len(data.notes))},
            marks=np.array(rows, dtype=float).reshape(-1, 4),
            parts={"facts": facts},
        )

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return a finding for each fact."""
        notes = {note.record: note for note in sample.data.notes}
        return [finding_of_fact(fact, notes, pack.identity) for fact in output.parts["facts"]]

    def golden(self) -> list[Sample]:
        """Return the cases that go into the pack."""
        return [
            _golden("English", "en", "No fever. Glucose 180 mg/dL. Metformin 500 mg twice daily.", (
                ("fever", "problem", "absent"), ("Metformin", "drug", "present"))),
            _golden("Chinese", "zh", "否认发热。血糖10.0mmol/L。二甲双胍0.5g口服每日两次。", (
                ("发热", "problem", "absent"), ("二甲双胍", "drug", "present"))),
        ]  # fmt: skip


def _check(pack: Pack) -> None:
    """Refuse a pack made with other rules than those installed.

    Raises
    ------
    IntegrityError
        They differ: an answer would not be that of the pack.
    """
    for path in RULES:
        if pack.read(path.name, 0) != path.read_bytes():
            raise IntegrityError(
                f"a pack of {FACTS} made with another {path.name}",
                "the rules that are installed",
                f"make the pack again: suwen train {FACTS}",
            )


def _said(read: Read, earlier: Sequence[Finding]) -> Iterator[Said]:
    """Yield what was named in one note, with what was found of it."""
    meant_at: dict[Span, dict[str, str]] = {}
    cues: dict[Span, tuple[Span, ...]] = {}
    codes: dict[Span, Code] = {}
    local: set[Span] = set()
    for finding in earlier:
        places = _places(read, finding)
        if not places or finding.band is Band.ABSTAIN:
            continue
        if finding.task == ASSERTION:
            found = {one.code.system: one.code.code for one in finding.measures}
            meant_at[places[0]], cues[places[0]] = found, tuple(places[1:])
        elif finding.task == CODING:
            codes[places[0]] = finding.code
            if any(isinstance(one, RecordValue) for one in finding.evidence):
                local.add(places[0])
    for finding in earlier:
        places = _places(read, finding)
        if finding.task != ENTITIES or not places or finding.band is Band.ABSTAIN:
            continue
        place = places[0]
        how = meant_at.get(place, {})
        yield Said(
            Mention(place.start, place.end, finding.code.code),
            presence=how.get(PRESENCE, "present"),
            temporality=how.get(TEMPORALITY, "recent"),
            experiencer=how.get(EXPERIENCER, "patient"),
            code=codes.get(place),
            probability=finding.probability.value if finding.probability else None,
            cues=cues.get(place, ()),
            local=place in local,
        )


def _places(read: Read, finding: Finding) -> list[Span]:
    """Return where a finding stands in the readable text of a note; places beyond it are left."""
    found = [
        read.note.shown(Span(one.start, one.end))
        for one in finding.evidence
        if isinstance(one, TextSpan) and one.record == read.note.record
    ]
    return [place for place in found if place.start < place.end <= len(read.note.text)]


def finding_of_fact(fact: Fact, notes: Mapping[str, Note], pack: str) -> Finding:
    """Return a fact as a finding: its code, how it is meant, its value, and where it is said."""
    code = fact.code or Code(system=UNMAPPED, code=fact.key, name=fact.name)
    measures = [
        Measure(code=code, interval=CERTAIN, unit="1")
        for code in meanings(fact.presence, fact.temporality, fact.experiencer)
    ]
    if fact.quantity is not None:
        value = fact.quantity.value
        exact = Interval(value=value, low=value, high=value)
        measures.insert(0, Measure(code=code, interval=exact, unit=fact.quantity.unit))
    measures += [
        Measure(
            code=Code(system=FACT_DETAIL, code=f"{part}={value}", name=detail(part, value)),
            interval=CERTAIN,
            unit="1",
        )
        for part, value in _parts(fact)
    ]
    return Finding(
        task=FACTS,
        pack=pack,
        code=code,
        status=Status.OBSERVED,
        band=Band.GREY if fact.contradicted or fact.code is None else Band.RULE_IN,
        reason=reason_of(fact),
        measures=tuple(measures),
        evidence=tuple(
            [_span(notes, one) for one in fact.cited]
            + [_span(notes, one, Text(en="what decides it", zh="判定依据")) for one in fact.cues]
        ),
        site=kind_code(fact.kind),
    )


def _parts(fact: Fact) -> list[tuple[str, str]]:
    """Return the details of a fact, those of its value too."""
    parts = list(fact.details)
    if fact.quantity is not None and fact.quantity.comparator:
        parts.append(("comparator", fact.quantity.comparator))
    if fact.quantity is not None and fact.quantity.high is not None:
        parts.append(("to", f"{fact.quantity.high:g}"))
    return parts


def _span(notes: Mapping[str, Note], cited: Cited, note: Text | None = None) -> TextSpan:
    stored = notes[cited.record].stored(cited.span)
    return TextSpan(record=cited.record, start=stored.start, end=stored.end, note=note)


def reason_of(fact: Fact) -> Text:
    """Say in a sentence what the notes say and how often."""
    ways = meanings(fact.presence, fact.temporality, fact.experiencer)
    presence, time, person = (code.name for code in ways)
    count = len(fact.cited)
    en = f"{presence.en}; {time.en.lower()}; {person.en.lower()}; said in {count} place"
    zh = f"{presence.zh}；{time.zh}；{person.zh}；共 {count} 处"
    en += "" if count == 1 else "s"
    if fact.quantity is not None:
        en, zh = f"Written as “{fact.quantity.written}”", f"原文“{fact.quantity.written}”"
        if fact.quantity.flags:
            en, zh = f"{en}: implausible, please check", f"{zh}：数值可疑，请核对"
    if fact.contradicted:
        en += ". The notes contradict each other here"
        zh += "。病历对此说法不一"
    if fact.code is None:
        en += ". No code of the vocabularies fits"
        zh += "。词表中无对应编码"
    return Text(en=f"{en}.", zh=f"{zh}。")


def _golden(key: str, language: str, text: str, named: Sequence[tuple[str, str, str]]) -> Sample:
    said = []
    for word, kind, presence in named:
        start = text.index(word)
        said.append(Said(Mention(start, start + len(word), kind), presence))
    note = Note(text, "zh" if language == "zh" else "en", "DocumentReference/golden/_history/1")
    return Sample(key, Noted((note,), (tuple(said),)))


register(Facts())
