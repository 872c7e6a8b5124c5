"""From what notes name to what they say: coded facts, each once, with every place it is said.

A mention with its assertion, its code, its relations and its values is a *statement* of one note;
statements of one thing, one person, one time and one presence over all notes are one fact with
several places. What one note affirms and another denies stays two facts, each marked as
contradicted: nobody but a clinician decides between them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from suwen.core.codes import Code, Text
from suwen.notes.facts import relations
from suwen.notes.facts.relations import Relation
from suwen.notes.measures import values
from suwen.notes.measures.dated import onset
from suwen.notes.text import Cited, Mention, Note, Span
from suwen.notes.vocabulary.terms import bag

PROBLEM: Final = ("problem", "symptom")
DETAILS: Final = {
    "drug-dose": "dose",
    "drug-route": "route",
    "drug-frequency": "frequency",
    "drug-as-needed": "as-needed",
    "drug-duration": "duration",
    "problem-time": "time",
    "problem-status": "status",
}
"""What a relation's tail is called in a fact, by the kind of the relation."""
LOCAL: Final = "local-term"
"""Detail of a fact: which of its places, by number, is a local term, as `0:funny turn`."""
AGREEMENT: Final = 0.01
"""Relative difference up to which two values of one test are one value."""
_NO_PROBLEM: Final = re.compile(
    r"^(?:allerg(?:y|ies|ic)|过敏|(?:family |past |medical |social )*history|"
    r"(?:既往|个人|家族|现|婚育)?病?史)$|过敏史$",
    re.IGNORECASE,
)
"""What names a part of the record, not something that is wrong."""
_AGO: Final = re.compile(r"(?:ago|prior|earlier|before|previously|前)$", re.IGNORECASE)
_CLAUSE: Final = re.compile(r"[.;。；\n]")


@dataclass(frozen=True)
class Said:
    """A mention of a note with what other tasks found of it; `code` None: unmapped.

    `local`: it has its code because the house says what its words mean.
    """

    mention: Mention
    presence: str = "present"
    temporality: str = "recent"
    experiencer: str = "patient"
    code: Code | None = None
    probability: float | None = None
    cues: tuple[Span, ...] = ()
    """Triggers that decided presence, time or person."""
    local: bool = False


@dataclass(frozen=True)
class Quantity:
    """A value in its canonical UCUM unit, with the words it was written in."""

    value: float
    unit: str
    comparator: str = ""
    high: float | None = None
    written: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fact:
    """One thing that the notes say.

    Parameters
    ----------
    kind
        `problem`, `drug`, `allergy`, `value` or `procedure`.
    key
        What makes two statements be about one thing: system and code, or the folded words.
    name
        Of the code, or the words of the note.
    code
        None where the mention is unmapped.
    details
        Parts such as dose, route, frequency, time and status with their normalised values.
    cited, cues
        Every place it is said, and what decided how it is meant.
    contradicted
        Whether another note, or another place, says the opposite of the same person.
    """

    kind: str
    key: str
    name: Text
    code: Code | None
    presence: str = "present"
    temporality: str = "recent"
    experiencer: str = "patient"
    quantity: Quantity | None = None
    details: tuple[tuple[str, str], ...] = ()
    cited: tuple[Cited, ...] = ()
    cues: tuple[Cited, ...] = ()
    probability: float | None = None
    contradicted: bool = False

    def detail(self, part: str) -> str:
        """Return one detail, empty where there is none."""
        return next((value for name, value in self.details if name == part), "")


@dataclass
class _Gathered:
    """Statements of one fact while notes are read."""

    fact: Fact
    cited: list[Cited] = field(default_factory=list)
    cues: list[Cited] = field(default_factory=list)
    details: dict[str, str] = field(default_factory=dict)
    local: dict[Cited, str] = field(default_factory=dict)


def facts_of(notes: Sequence[Note], said: Sequence[Sequence[Said]]) -> list[Fact]:
    """Return the facts of the notes of one patient, each once, in the order they are first said.

    Parameters
    ----------
    notes
        The notes, `Note.record` telling them apart.
    said
        What is named in each of them.
    """
    gathered: dict[tuple[object, ...], _Gathered] = {}
    for note, own in zip(notes, said, strict=True):
        measured = values.find(note.text, note.language)
        for fact in [*_named(note, own, measured), *_measured(note, measured)]:
            _take(gathered, fact)
    return _with_contradictions([_finished(one) for one in gathered.values()])


def _take(gathered: dict[tuple[object, ...], _Gathered], fact: Fact) -> None:
    key: tuple[object, ...] = (fact.kind, fact.key, fact.presence, fact.experiencer)
    key += (fact.temporality,)
    if fact.quantity is not None:
        key += (fact.quantity.comparator, fact.quantity.unit, round(fact.quantity.value, 6))
        key = _agreeing(gathered, key)
    if fact.kind == "drug":
        key += (fact.detail("dose"),)
    own = gathered.setdefault(key, _Gathered(fact))
    own.cited += fact.cited
    own.cues += fact.cues
    for part, value in fact.details:
        if part == LOCAL:
            own.local[fact.cited[0]] = value
        else:
            own.details.setdefault(part, value)


def _agreeing(
    gathered: dict[tuple[object, ...], _Gathered], key: tuple[object, ...]
) -> tuple[object, ...]:
    """Return the key of a value of the same test that differs by rounding only, or its own."""
    *test, value = key
    number = float(str(value))
    for other in gathered:
        same_test = list(other[:-1]) == test and isinstance(other[-1], float)
        if same_test and abs(float(str(other[-1])) - number) <= AGREEMENT * abs(number):
            return other
    return key


def _finished(one: _Gathered) -> Fact:
    cited, cues = tuple(dict.fromkeys(one.cited)), tuple(dict.fromkeys(one.cues))
    told = (cited, cues, tuple(sorted(one.details.items())))
    if not one.local and told == (one.fact.cited, one.fact.cues, one.fact.details):
        return one.fact  # said once, as most are
    local = [(LOCAL, f"{cited.index(place)}:{words}") for place, words in one.local.items()]
    return replace(
        one.fact,
        cited=cited,
        cues=cues,
        details=(*told[2], *local),
    )


def _with_contradictions(facts: Sequence[Fact]) -> list[Fact]:
    """Mark what is affirmed and denied of the same person."""
    ways: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for fact in facts:
        if fact.temporality == "recent" and fact.presence in ("present", "absent"):
            ways[fact.kind, fact.key, fact.experiencer].add(fact.presence)
    return [
        replace(fact, contradicted=True)
        if fact.temporality == "recent"
        and fact.presence in ("present", "absent")
        and len(ways[fact.kind, fact.key, fact.experiencer]) > 1
        else fact
        for fact in facts
    ]


def _named(note: Note, said: Sequence[Said], measured: Sequence[values.Value]) -> Iterable[Fact]:
    """Yield a statement for each problem, drug, allergy and procedure a note names."""
    mentions = [one.mention for one in said]
    related: dict[Span, list[Relation]] = defaultdict(list)
    for relation in relations.relate(note, mentions, measured):
        related[relation.head].append(relation)
    results = [value.span for value in measured]
    headings = [Span(section.start, section.heading_end) for section in note.sections]
    for one in said:
        kind = _kind(note, one)
        place = Span(one.mention.start, one.mention.end)
        result = kind in ("drug", "allergy") and any(place.overlaps(each) for each in results)
        if not kind or result or any(place.overlaps(each) for each in headings):
            continue
        words = place.of(note.text)
        parts = {
            DETAILS[relation.kind]: _told(note, relation)
            for relation in reversed(related[place])
            if relation.kind in DETAILS and not _apart(note, relation)
        }
        begun = onset(parts.get("time", ""), note.day) if one.presence == "present" else ""
        if begun and begun != parts["time"]:
            parts["onset"] = begun
        if one.local:
            parts[LOCAL] = " ".join(words.split())
        yield Fact(
            kind=kind,
            key=f"{one.code.system}|{one.code.code}" if one.code else " ".join(bag(words)) or words,
            name=one.code.name if one.code else Text(en=words, zh=words),
            code=one.code,
            presence=one.presence,
            temporality=_time(one, parts.get("time", "")),
            experiencer=one.experiencer,
            details=tuple(sorted(parts.items())),
            cited=(Cited(note.record, place),),
            cues=tuple(Cited(note.record, cue) for cue in one.cues),
            probability=one.probability,
        )


def _apart(note: Note, relation: Relation) -> bool:
    """Say whether a bracket parts a problem from a time: the time is of what the bracket holds."""
    ends = sorted([relation.head.end, relation.tail.start, relation.head.start, relation.tail.end])
    between = note.text[ends[1] : ends[2]]
    return relation.kind == "problem-time" and any(one in between for one in "()（）")


def _told(note: Note, relation: Relation) -> str:
    """Return the value of a relation; of a time long past the duration with a minus before it."""
    ago = relation.kind == "problem-time" and _AGO.search(relation.tail.of(note.text))
    return f"-{relation.value}" if ago and relation.value.startswith("P") else relation.value


def _time(said: Said, time: str) -> str:
    """Return when a mention is of: what lasts is current, and so is that something is not there.

    A disease of the past history that has lasted ten years is there today; a denial under that
    heading is about today as much as about before.
    """
    if said.presence == "absent" or time.startswith("P"):
        return "recent"
    return said.temporality


def _kind(note: Note, said: Said) -> str:
    """Return what a mention is a fact of; empty for what states none by itself."""
    kind = said.mention.kind
    if kind in PROBLEM:
        return "" if _NO_PROBLEM.search(said.mention.of(note.text)) else "problem"
    if kind == "drug":
        return "allergy" if _is_allergy(note, said.mention) else "drug"
    return "procedure" if kind == "procedure" else ""


def _is_allergy(note: Note, mention: Span) -> bool:
    """Say whether a drug is named as what somebody is allergic to."""
    if note.section_at(mention.start) == "allergies":
        return True
    before = note.text[max(0, mention.start - 60) : mention.start]
    after = note.text[mention.end : mention.end + 24]
    ahead = _CLAUSE.split(before)[-1]
    behind = _CLAUSE.split(after)[0]
    chinese = re.search(r"对[^，,。；]{0,12}$", ahead) and re.match(r"[^，,。；]{0,12}过敏", behind)
    english = re.search(r"\ballerg(?:y|ies|ic)\s+to\b", ahead, re.IGNORECASE)
    direct = re.match(r"\s*(?:allergy|过敏)", behind, re.IGNORECASE)
    return bool(chinese or english or direct)


def _measured(note: Note, measured: Sequence[values.Value]) -> Iterable[Fact]:
    """Yield a statement for each value a note gives."""
    for value in measured:
        if value.canonical is None:
            continue
        code = value.code
        quantity = Quantity(
            value.canonical,
            value.canonical_unit,
            value.comparator,
            value.canonical_high,
            value.span.of(note.text),
            tuple(value.flags),
        )
        yield Fact(
            kind="value",
            key=f"{code.system}|{code.code}",
            name=code.name,
            code=code,
            quantity=quantity,
            cited=(Cited(note.record, value.span),),
        )
