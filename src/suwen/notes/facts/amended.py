"""What people said of single mentions, as a report takes it: facts in their name, and their acts.

A fact that stands as the pack found it is left alone. One that a correction, an added mention or a
local term changed becomes a finding of the person who did so (`core.nouns.BY_PERSON`), and an act
on the pack's finding says which one stands in its place; what the pack said stays in the report and
in the log. A rejected fact has an act alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from suwen.core.codes import UNMAPPED, Text
from suwen.core.nouns import BY_PERSON, Act, Band, Case, Finding, Reference, Review
from suwen.notes.coding.synonyms import LocalSynonyms
from suwen.notes.entities.corrections import Judged, Place, in_case
from suwen.notes.facts.gathered import Fact, Quantity
from suwen.notes.facts.task import finding_of_fact
from suwen.notes.facts.told import OTHER, Told, about, overlap, told
from suwen.notes.questions import ENTITIES, FACTS
from suwen.notes.reading.case import Read, Unread, read_record
from suwen.notes.text import Cited, Note
from suwen.notes.vocabulary.terms import bag


@dataclass(frozen=True)
class Amended:
    """What people say in the place of a pack or beside it, and their acts on findings."""

    findings: tuple[Finding, ...] = ()
    reviews: tuple[Review, ...] = ()


@dataclass(frozen=True)
class _Said:
    """Who changed a fact, how, when, why, and the record that holds it."""

    act: Act
    person: str
    at: datetime
    reason: str = ""
    record: Reference = ""

    @classmethod
    def of(cls, one: Judged) -> _Said:
        said = one.correction
        return cls(Act(said.verdict), said.person, said.at, said.reason, one.record)


@dataclass(frozen=True)
class _Made:
    """A fact as it stands now, the finding that says so, and who made it so."""

    fact: Told
    finding: Finding
    said: _Said


def amended(
    findings: Sequence[Finding],
    judgements: Mapping[Place, Judged],
    words: Callable[[Place], str],
    entities: Iterable[Finding] = (),
    local: LocalSynonyms | None = None,
) -> Amended:
    """Return what people make of the facts of a run.

    Parameters
    ----------
    findings
        Of `notes.facts`, as the pack found them.
    judgements, entities, local
        As `told` takes them.
    words
        The words of a note at a place, for what has no code.
    """
    entities = list(entities)
    before = [_found(one, entities) for one in findings]
    after = [
        one
        for one in told(findings, judgements, entities, local)
        if not one.rejected and one.kind != OTHER
    ]
    deciders = _Deciders(judgements, local, [*before, *after])
    shapes = {_shape(fact): fact.finding for fact in before}
    made: list[_Made] = []
    kept: set[str] = set()
    reviews: list[Review] = []
    for fact in after:
        origins = [one for one in before if _places(one) & _places(fact)]
        name, said = shapes.get(_shape(fact)), deciders.of(fact, origins)
        if name or said is None:
            kept |= {name} if name else {one.finding for one in origins}
            continue
        made.append(_Made(fact, _finding(fact, said.person, words), said))
        if not origins:
            act = Act.ADDED if said.act is Act.EDITED else said.act
            reviews.append(_review(made[-1].finding.id, replace(said, act=act)))
    for fact in before:
        if fact.finding in kept:
            reviews += deciders.accepted(fact)
        else:
            reviews += _replaced(fact, made) or deciders.rejected(fact)
    found = tuple({one.finding.id: one.finding for one in made}.values())
    return Amended(found, tuple(sorted(reviews, key=lambda one: one.at)))


def of_case(case: Case, findings: Iterable[Finding], local: LocalSynonyms | None = None) -> Amended:
    """Return what people make of the facts found on a case.

    Parameters
    ----------
    case
        Holds the notes, and what people said of mentions in them.
    findings
        Of one run: facts and mentions count.
    local
        The local terms as they stand.
    """
    found = [one for one in findings if not one.person]
    facts = [one for one in found if one.task == FACTS and one.band is not Band.ABSTAIN]
    judgements = in_case(case)
    if not judgements and (local is None or not local.record):
        return Amended()
    records = {record.reference: record for record in case.records}
    read: dict[Reference, Read | Unread | None] = {}

    def words(place: Place) -> str:
        if place.note not in read:
            read[place.note] = read_record(case, records[place.note])
        one = read[place.note]
        if not isinstance(one, Read):
            return ""
        return " ".join(one.note.shown(place.span).of(one.note.text).split())

    return amended(facts, judgements, words, [o for o in found if o.task == ENTITIES], local)


def _found(finding: Finding, entities: Sequence[Finding]) -> Told:
    """Return a fact as the pack found it."""
    (fact,) = told([finding], {}, entities)
    clash = finding.band is Band.GREY and finding.code.system != UNMAPPED
    return replace(fact, contradicted=clash)


def _shape(fact: Told) -> object:
    """Return what makes a fact the same as before."""
    how = fact.meant
    stands = frozenset(one.stands for one in fact.mentions)
    meanings = (how.presence, how.temporality, how.experiencer, how.code)
    more = (fact.value, tuple(sorted(fact.details)), fact.contradicted)
    return (fact.kind, fact.name, *meanings, stands, *more)


def _places(fact: Told) -> set[Place]:
    return {one.place for one in fact.mentions}


@dataclass(frozen=True)
class _Deciders:
    """Who made facts what they are."""

    judgements: Mapping[Place, Judged]
    local: LocalSynonyms | None
    facts: Sequence[Told]
    """As they were found and as they stand."""

    def of(self, fact: Told, origins: Sequence[Told]) -> _Said | None:
        """Return who made a fact what it is now; None where nobody did.

        The newest act on one of its mentions, on one of a fact it comes from, over one that it
        lost, or on its local term; else on what contradicts it, or did.
        """
        acts = self._acts((fact, *origins), agreed=not origins) + self._terms(fact)
        lost = {place for one in origins for place in _places(one)} - _places(fact)
        acts += [
            _Said.of(one)
            for one in self.judgements.values()
            if any(overlap(one.correction.stands, place) for place in lost)
        ]
        if not acts:
            same = [one for one in self.facts if about(one) == about(fact)]
            acts = self._acts(same, agreed=False)
        return max(acts, key=lambda one: one.at, default=None)

    def _acts(self, facts: Iterable[Told], agreed: bool) -> list[_Said]:
        places = {place for fact in facts for place in _places(fact)}
        found = [_Said.of(self.judgements[one]) for one in places if one in self.judgements]
        return [one for one in found if agreed or one.act is not Act.ACCEPTED]

    def _terms(self, fact: Told) -> list[_Said]:
        """Return who mapped the local term that codes a fact, or took one away."""
        if self.local is None:
            return []
        record = self.local.record
        if fact.local is not None:
            return [_Said(Act.EDITED, fact.local.person, fact.local.at, "", record)]
        change = self.local.change
        if change is None or not any(one.local for one in fact.mentions):
            return []
        return [_Said(Act.EDITED, change.person, change.at, "", record)]

    def accepted(self, fact: Told) -> list[Review]:
        """Return the act on a fact of which every place was called right."""
        said = [self.judgements.get(place) for place in _places(fact)]
        if not all(one and one.correction.verdict == "accepted" for one in said):
            return []
        newest = max((_Said.of(one) for one in said if one), key=lambda one: one.at)
        return [_review(fact.finding, newest)]

    def rejected(self, fact: Told) -> list[Review]:
        """Return the act on a fact that nothing stands for any more."""
        acts = self._acts([fact], agreed=False)
        if not acts:
            return []
        newest = max(acts, key=lambda one: one.at)
        return [_review(fact.finding, replace(newest, act=Act.REJECTED))]


def _replaced(fact: Told, made: Sequence[_Made]) -> list[Review]:
    """Return the act on a fact that a person's own finding stands for: at its place, or over it."""
    own = _places(fact)
    heirs = [one for one in made if own & _places(one.fact)]
    heirs = heirs or [
        one
        for one in made
        if any(overlap(each.stands, place) for each in one.fact.mentions for place in own)
    ]
    if not heirs:
        return []
    return [_review(fact.finding, replace(heirs[0].said, act=Act.EDITED), heirs[0].finding.id)]


def _review(finding: str, said: _Said, replaced_by: str = "") -> Review:
    return Review(
        finding=finding,
        act=said.act,
        person=said.person,
        at=said.at,
        reason=said.reason,
        replaced_by=replaced_by,
        record=said.record,
    )


def _finding(fact: Told, person: str, words: Callable[[Place], str]) -> Finding:
    """Return a fact as the finding of a person. Places are those of the stored originals."""
    how, first = fact.meant, fact.mentions[0].stands
    written = words(first)
    name = fact.name if fact.name.en else Text(en=written, zh=written)
    quantity = Quantity(*fact.value, written=written) if fact.value else None
    places = [one.stands for one in fact.mentions]
    notes = {place.note: Note("", "en", place.note) for place in (*places, *fact.cues)}
    stated = Fact(
        fact.kind,
        " ".join(bag(name.en)) or name.en,
        name,
        how.code,
        how.presence,
        how.temporality,
        how.experiencer,
        quantity,
        fact.details,
        tuple(Cited(place.note, place.span) for place in places),
        tuple(Cited(place.note, place.span) for place in fact.cues),
        contradicted=fact.contradicted,
    )
    return finding_of_fact(stated, notes, f"{BY_PERSON}{person}")
