"""What the notes of a case tell, after people's corrections: facts with every place they stand at.

Facts come as findings of `notes.facts`; what people said of single mentions (`notes.corrections`)
takes effect here at once: a rejected mention leaves its fact and is kept apart, a corrected one
joins the fact it belongs to now. Contradictions are told anew, so one ends with its correction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from suwen.core.codes import EXPERIENCER, FACT_DETAIL, PRESENCE, TEMPORALITY, Text
from suwen.core.codes import UNMAPPED as UNMAPPED_SYSTEM
from suwen.core.nouns import Band, Finding, Record, TextSpan, digest_of
from suwen.notes.corrections import Correction, Judged, Meant, Place
from suwen.notes.facts_task import ENTITIES, FACTS

OTHER: Final = "other"
"""Kind of a fact for a type of mention that states none by itself."""
FACT_OF: Final = {
    "problem": "problem",
    "symptom": "problem",
    "drug": "drug",
    "allergy": "allergy",
    "procedure": "procedure",
    "value": "value",
}
"""Kind of fact that a mention of a type states."""


@dataclass(frozen=True)
class Mention:
    """One place at which a fact is said.

    Parameters
    ----------
    stands
        Where it stands now.
    place
        Where it was found: what an act names.
    kind
        Type of the mention.
    probability
        Of its being right, where a network found it.
    judged
        What a person said of it.
    """

    stands: Place
    place: Place
    kind: str
    probability: float | None = None
    judged: Judged | None = None


@dataclass(frozen=True)
class Told:
    """One fact as it stands now, or the rejected mentions of one (`rejected`)."""

    kind: str
    name: Text
    """Empty where the words of the note are all there is."""
    meant: Meant
    mentions: tuple[Mention, ...]
    value: tuple[float, str] | None = None
    """In its canonical UCUM unit."""
    details: tuple[tuple[str, str], ...] = ()
    cues: tuple[Place, ...] = ()
    contradicted: bool = False
    rejected: bool = False
    finding: str = ""
    pack: str = ""

    @property
    def key(self) -> str:
        """A name of the fact that stays the same while its mentions do not change."""
        first = self.mentions[0].place
        parts = (self.finding, first.note, first.start, first.end, self.kind, self.rejected)
        return digest_of(repr(parts).encode())[:16]


def current(findings: Iterable[Finding], records: Iterable[Record]) -> list[Finding]:
    """Return the facts among findings that rest on notes as they stand, each once.

    A note that came later makes a fact anew with one more place; the fact with fewer is left out.
    """
    known = {record.reference for record in records}
    facts = [
        (one, places)
        for one in {one.id: one for one in findings}.values()
        if one.task == FACTS and one.band is not Band.ABSTAIN
        for places in [frozenset(_places(one, said=True))]
        if places and all(place.note in known for place in places)
    ]
    pack = facts[-1][0].pack if facts else ""
    alike: dict[object, list[frozenset[Place]]] = defaultdict(list)
    for one, places in facts:
        if one.pack == pack:
            alike[_same(one)].append(places)
    return [
        one
        for one, places in facts
        if one.pack == pack and not any(places < other for other in alike[_same(one)])
    ]


def _same(finding: Finding) -> object:
    """Return what findings of one fact have alike."""
    return (finding.code, finding.site, tuple(sorted(_meanings(finding).items())))


def _meanings(finding: Finding) -> dict[str, str]:
    return {each.code.system: each.code.code for each in finding.measures}


def _places(finding: Finding, said: bool) -> tuple[Place, ...]:
    """Return where a fact is said, or the words that decided how it is meant."""
    return tuple(
        Place(one.record, one.start, one.end)
        for one in finding.evidence
        if isinstance(one, TextSpan) and (one.note is None) == said
    )


def told(
    findings: Iterable[Finding],
    judgements: Mapping[Place, Judged],
    entities: Iterable[Finding] = (),
) -> list[Told]:
    """Return the facts of findings after the judgements of people, rejected mentions last.

    Parameters
    ----------
    findings
        Of `notes.facts`, each fact once.
    judgements
        What people said of mentions, by their place.
    entities
        Findings of `notes.entities`: type and probability of each mention.
    """
    named = {
        place: (one.code.code, one.probability.value if one.probability else None)
        for one in entities
        if one.task == ENTITIES
        for place in _places(one, said=True)
    }
    stay: list[Told] = []
    gone: list[Told] = []
    for finding in findings:
        fact = _of_finding(finding, named, judgements)
        for part in _parted(fact):
            (gone if part.rejected else stay).append(part)
    return [*_with_contradictions(_joined(stay)), *gone]


def _of_finding(
    finding: Finding,
    named: Mapping[Place, tuple[str, float | None]],
    judgements: Mapping[Place, Judged],
) -> Told:
    kind = finding.site.code if finding.site else OTHER
    how = _meanings(finding)
    code = None if finding.code.system == UNMAPPED_SYSTEM else finding.code
    value = next(
        ((one.interval.value, one.unit) for one in finding.measures if one.code == finding.code),
        None,
    )
    mentions = []
    for place in _places(finding, said=True):
        found, probability = named.get(place, (kind, None))
        found = kind if kind in ("allergy", "value") else found
        mentions.append(Mention(place, place, found, probability, judgements.get(place)))
    return Told(
        kind,
        finding.code.name,
        Meant(
            mentions[0].kind,
            how.get(PRESENCE, "present"),
            how.get(TEMPORALITY, "recent"),
            how.get(EXPERIENCER, "patient"),
            code,
        ),
        tuple(mentions),
        value,
        tuple(
            (part, text)
            for one in finding.measures
            if one.code.system == FACT_DETAIL
            for part, _, text in [one.code.code.partition("=")]
        ),
        _places(finding, said=False),
        finding=finding.id,
        pack=finding.pack,
    )


def _parted(fact: Told) -> list[Told]:
    """Return what stays of a fact, what was corrected away from it, and what was rejected."""
    kept: list[Mention] = []
    parts: list[Told] = []
    for mention in fact.mentions:
        said = mention.judged.correction if mention.judged else None
        if said is None or said.verdict == "accepted":
            kept.append(mention)
        elif said.verdict == "rejected":
            parts.append(replace(fact, mentions=(mention,), rejected=True))
        else:
            parts.append(_corrected(fact, mention, said))
    return [replace(fact, mentions=tuple(kept)), *parts] if kept else parts


def _corrected(fact: Told, mention: Mention, how: Correction) -> Told:
    kind = FACT_OF.get(how.meant.kind, OTHER)
    code = how.meant.code
    stays = kind == fact.kind
    same_words = how.stands == how.place and fact.meant.code is None
    return replace(
        fact,
        kind=kind,
        name=code.name if code else fact.name if same_words else Text(en="", zh=""),
        meant=how.meant,
        mentions=(replace(mention, stands=how.stands, kind=how.meant.kind),),
        value=fact.value if stays else None,
        details=fact.details if stays else (),
        cues=fact.cues if how.meant.presence == fact.meant.presence else (),
    )


def _joined(facts: Sequence[Told]) -> list[Told]:
    """Join a corrected mention with the fact that says the same."""
    found: dict[object, Told] = {}
    for i, fact in enumerate(facts):
        how = fact.meant
        key: object = i
        if how.code is not None and fact.kind != "value":
            same = (how.code.system, how.code.code, how.presence, how.temporality, how.experiencer)
            key = (fact.kind, *same, dict(fact.details).get("dose") if fact.kind == "drug" else "")
        first = found.get(key)
        found[key] = _with(first, fact) if first else fact
    return list(found.values())


def _with(first: Told, other: Told) -> Told:
    """Return one fact that is said at the places of both; details of the first count."""
    return replace(
        first,
        mentions=(*first.mentions, *other.mentions),
        details=tuple(sorted((dict(other.details) | dict(first.details)).items())),
        cues=tuple(dict.fromkeys((*first.cues, *other.cues))),
    )


def _with_contradictions(facts: Sequence[Told]) -> list[Told]:
    """Mark what is affirmed and denied of the same person."""
    ways: dict[object, set[str]] = defaultdict(set)
    for fact in facts:
        if fact.meant.temporality == "recent":
            ways[about(fact)].add(fact.meant.presence)
    return [
        replace(fact, contradicted=_opposed(fact, ways[about(fact)]))
        if fact.meant.temporality == "recent"
        else fact
        for fact in facts
    ]


def about(fact: Told) -> object:
    """Return the thing and the person a fact is about, by which facts may contradict."""
    code = fact.meant.code
    words = (fact.name.en.lower(), fact.name.zh) if fact.name.en else (fact.key, "")
    thing = (code.system, code.code) if code else words
    return (fact.kind, thing, fact.meant.experiencer)


def _opposed(fact: Told, ways: set[str]) -> bool:
    both = {"present", "absent"}
    return fact.meant.presence in both and both <= ways


def unmapped(fact: Told) -> bool:
    """Say whether no vocabulary has what the fact is about."""
    return fact.meant.code is None


GROUPS: Final = ("problem", "denied", "family", "drug", "allergy", "value", "procedure", "other")
"""The groups facts are listed in, in this order; `unmapped` and `rejected` follow."""


def group_of(fact: Told) -> str:
    """Return the group a fact is listed in; an allergy never hides among the unmapped."""
    if fact.rejected:
        return "rejected"
    if fact.meant.experiencer != "patient":
        return "family"
    if fact.kind == "allergy":
        return fact.kind
    if fact.meant.presence == "absent":
        return "denied"
    return "unmapped" if unmapped(fact) else fact.kind
