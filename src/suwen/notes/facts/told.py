"""What the notes of a case tell, after people's corrections: facts with every place they stand at.

Facts come as findings of `notes.facts`; what people said of single mentions
(`notes.entities.corrections`) takes effect here at once: a rejected mention leaves its fact and is
kept apart, a corrected one joins the fact it belongs to now, an added one stands beside what was
found, and so does one that a person called right and no pack finds any more. Local terms
(`notes.coding.synonyms`) count as they stand now. Contradictions are told anew, so one ends with
its correction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from suwen.core.codes import EXPERIENCER, FACT_DETAIL, PRESENCE, TEMPORALITY, Text
from suwen.core.codes import UNMAPPED as UNMAPPED_SYSTEM
from suwen.core.nouns import Finding, digest_of
from suwen.notes.coding.synonyms import LocalSynonyms, Synonym
from suwen.notes.entities.corrections import Correction, Judged, Meant, Place
from suwen.notes.facts.current import meanings_of, places_of
from suwen.notes.facts.gathered import LOCAL
from suwen.notes.questions import ENTITIES
from suwen.notes.vocabulary.terms import bag

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
CODED_AS: Final = {
    "problem": "problem",
    "drug": "drug",
    "allergy": "drug",
    "procedure": "procedure",
}
"""Kind under which the words of a fact are coded."""


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
    local
        Its words, where it was found to be a local term.
    """

    stands: Place
    place: Place
    kind: str
    probability: float | None = None
    judged: Judged | None = None
    local: str = ""


@dataclass(frozen=True)
class Told:
    """One fact as it stands now, or the rejected mentions of one (`rejected`)."""

    kind: str
    name: Text
    """Of the code, else the words of the note; empty where they are not at hand."""
    meant: Meant
    mentions: tuple[Mention, ...]
    value: tuple[float, str] | None = None
    """In its canonical UCUM unit."""
    details: tuple[tuple[str, str], ...] = ()
    cues: tuple[Place, ...] = ()
    contradicted: bool = False
    rejected: bool = False
    finding: str = ""
    """Id of the finding it comes from; empty where a person alone says it."""
    pack: str = ""
    local: Synonym | None = None
    """The local term that gives it its code."""

    @property
    def key(self) -> str:
        """A name of the fact that stays the same while its mentions do not change."""
        first = self.mentions[0].place
        parts = (self.finding, first.note, first.start, first.end, self.kind, self.rejected)
        return digest_of(repr(parts).encode())[:16]


def told(
    findings: Iterable[Finding],
    judgements: Mapping[Place, Judged],
    entities: Iterable[Finding] = (),
    local: LocalSynonyms | None = None,
) -> list[Told]:
    """Return the facts of findings after the judgements of people, rejected mentions last.

    Parameters
    ----------
    findings
        Of `notes.facts`, each fact once.
    judgements
        What people said of mentions in the notes as they stand, by their place.
    entities
        Findings of `notes.entities`: type and probability of each mention.
    local
        The local terms as they stand; None leaves the codes as they were found.
    """
    named = {
        place: (one.code.code, one.probability.value if one.probability else None)
        for one in entities
        if one.task == ENTITIES
        for place in places_of(one, said=True)
    }
    facts = [_of_finding(one, named, judgements) for one in findings]
    found = {mention.place for fact in facts for mention in fact.mentions}
    own = [
        _of_person(place, one)
        for place, one in judgements.items()
        if place not in found and one.correction.verdict != "rejected"
    ]
    taken = [fact.mentions[0].stands for fact in own]
    facts = [part for fact in facts for part in _beside(fact, taken)]
    if local is not None:
        facts = [part for fact in facts for part in _localised(fact, local)]
        own = [part for fact in own for part in _localised(fact, local)]
    parts = [part for fact in facts for part in _parted(fact)]
    stay = [part for part in parts if not part.rejected]
    gone = [part for part in parts if part.rejected]
    return [*_with_contradictions(_joined([*stay, *own])), *gone]


def _of_finding(
    finding: Finding,
    named: Mapping[Place, tuple[str, float | None]],
    judgements: Mapping[Place, Judged],
) -> Told:
    kind = finding.site.code if finding.site else OTHER
    how = meanings_of(finding)
    code = None if finding.code.system == UNMAPPED_SYSTEM else finding.code
    value = next(
        ((one.interval.value, one.unit) for one in finding.measures if one.code == finding.code),
        None,
    )
    details = [
        one.code.code.partition("=") for one in finding.measures if one.code.system == FACT_DETAIL
    ]
    numbered = (words.partition(":") for part, _, words in details if part == LOCAL)
    local = {int(number): words for number, _, words in numbered}
    mentions = []
    for n, place in enumerate(places_of(finding, said=True)):
        type_of, probability = named.get(place, (kind, None))
        type_of = kind if kind in ("allergy", "value") else type_of
        mentions.append(
            Mention(place, place, type_of, probability, judgements.get(place), local.get(n, ""))
        )
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
        tuple((part, text) for part, _, text in details if part != LOCAL),
        places_of(finding, said=False),
        finding=finding.id,
        pack=finding.pack,
    )


def _of_person(place: Place, one: Judged) -> Told:
    """Return what a person says of a mention that no pack finds (any more)."""
    said = one.correction
    code = said.meant.code
    return Told(
        FACT_OF.get(said.meant.kind, OTHER),
        code.name if code else Text(en=said.words, zh=said.words),
        said.meant,
        (Mention(said.stands, place, said.meant.kind, judged=one),),
        said.value,
        said.details,
    )


def _beside(fact: Told, taken: Sequence[Place]) -> list[Told]:
    """Return a fact without mentions nobody judged where a person says something of their own."""
    kept = tuple(
        one
        for one in fact.mentions
        if one.judged or not any(overlap(one.stands, place) for place in taken)
    )
    return [replace(fact, mentions=kept)] if kept else []


def overlap(one: Place, other: Place) -> bool:
    """Say whether two places of one note have a character in common."""
    return one.note == other.note and one.span.overlaps(other.span)


def _localised(fact: Told, local: LocalSynonyms) -> list[Told]:
    """Return a fact with its code as the local terms stand now: of its words, place by place."""
    kind = CODED_AS.get(fact.kind)
    if kind is None:
        return [fact]
    if fact.meant.code is None:
        synonym = local.find(fact.name.en, kind)
        return [_coded(fact, synonym)] if synonym else [fact]
    kept: list[Mention] = []
    parts: list[Told] = []
    for mention in fact.mentions:
        synonym = local.find(mention.local, kind) if mention.local else None
        one = replace(fact, mentions=(mention,))
        if synonym is not None:
            parts.append(_coded(one, synonym))
        elif mention.local:
            words = Text(en=mention.local, zh=mention.local)
            parts.append(replace(one, name=words, meant=replace(fact.meant, code=None)))
        else:
            kept.append(mention)
    return [replace(fact, mentions=tuple(kept)), *parts] if kept else parts


def _coded(fact: Told, synonym: Synonym) -> Told:
    code = synonym.code
    return replace(fact, name=code.name, meant=replace(fact.meant, code=code), local=synonym)


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
        name=code.name if code else fact.name if same_words else Text(en=how.words, zh=how.words),
        meant=how.meant,
        mentions=(replace(mention, stands=how.stands, kind=how.meant.kind),),
        value=fact.value if stays else None,
        details=fact.details if stays else (),
        cues=fact.cues if how.meant.presence == fact.meant.presence else (),
    )


def _joined(facts: Sequence[Told]) -> list[Told]:
    """Join what says the same: a corrected or added mention with the fact it belongs to."""
    found: dict[object, Told] = {}
    for i, fact in enumerate(facts):
        key = _same_as(fact, i)
        first = found.get(key)
        found[key] = _with(first, fact) if first else fact
    return list(found.values())


def _same_as(fact: Told, i: int) -> object:
    """Return what facts that say the same have in common; `i` where nothing tells it."""
    how = fact.meant
    meanings = (fact.kind, how.presence, how.temporality, how.experiencer)
    if how.code is None:
        return (*meanings, bag(fact.name.en)) if fact.name.en else i
    same: tuple[object, ...] = (*meanings, how.code.system, how.code.code)
    if fact.value is not None:
        more = [dict(fact.details).get(part, "") for part in ("comparator", "to")]
        return (*same, *more, round(fact.value[0], 6), fact.value[1])
    return (*same, dict(fact.details).get("dose") if fact.kind == "drug" else "")


def _with(first: Told, other: Told) -> Told:
    """Return one fact that is said at the places of both; details of the first count."""
    places = {one.place for one in first.mentions}
    return replace(
        first,
        mentions=(*first.mentions, *(one for one in other.mentions if one.place not in places)),
        details=tuple(sorted((dict(other.details) | dict(first.details)).items())),
        cues=tuple(dict.fromkeys((*first.cues, *other.cues))),
        local=first.local or other.local,
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
