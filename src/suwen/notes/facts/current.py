"""Which of the stored facts of a case stand: the newest that were found on notes as they are now.

Findings are kept for ever and equal ones are stored once, so what an earlier run said stands beside
what a later one says. A report names exactly the facts of its run; without one, this tells them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from suwen.core.nouns import Band, Finding, Record, Reference, TextSpan
from suwen.notes.entities.corrections import Place
from suwen.notes.questions import ENTITIES, FACTS, newest
from suwen.notes.text import Span


def current(
    findings: Iterable[Finding], records: Iterable[Record], entities: Iterable[Finding] = ()
) -> list[Finding]:
    """Return the facts among findings that stand, in the order they were stored.

    Parameters
    ----------
    findings
        In the order they were stored: of facts that share a place the last stands; two results
        may (120/80 is a systolic and a diastolic pressure).
    records
        Of the case: a fact stands on notes as they are.
    entities
        Mentions that were found: a fact of one that the newest pack finds no more is left out.
    """
    known = {record.reference for record in records}
    named = _named(entities)
    facts = [
        (one, places)
        for one in {one.id: one for one in findings}.values()
        if one.task == FACTS and one.band is not Band.ABSTAIN
        for places in [places_of(one, said=True)]
        if places and all(place.note in known for place in places)
        if one.site is None or one.site.code == "value" or _all_named(places, named)
    ]
    pack = facts[-1][0].pack if facts else ""
    kept: list[Finding] = []
    taken: set[tuple[Place, str]] = set()
    for one, places in reversed([each for each in facts if each[0].pack == pack]):
        result = one.code.code if one.site is not None and one.site.code == "value" else ""
        own = {(place, result) for place in places}
        if taken.isdisjoint(own):
            kept.append(one)
        taken.update(own)
    return kept[::-1]


def _named(entities: Iterable[Finding]) -> dict[Reference, list[Span]]:
    """Return where the newest pack that read each note found something."""
    found: dict[Reference, list[Finding]] = defaultdict(list)
    for one in entities:
        for place in places_of(one, said=True) if one.task == ENTITIES else ():
            found[place.note].append(one)
    return {
        note: [place.span for one in newest(own) for place in places_of(one, said=True)]
        for note, own in found.items()
    }


def _all_named(places: Iterable[Place], named: dict[Reference, list[Span]]) -> bool:
    return all(
        place.note not in named or any(place.span.overlaps(span) for span in named[place.note])
        for place in places
    )


def meanings_of(finding: Finding) -> dict[str, str]:
    """Return how a fact is meant, by code system; its own code too, where it has a value."""
    return {each.code.system: each.code.code for each in finding.measures}


def places_of(finding: Finding, said: bool) -> tuple[Place, ...]:
    """Return where a fact is said, or the words that decided how it is meant."""
    return tuple(
        Place(one.record, one.start, one.end)
        for one in finding.evidence
        if isinstance(one, TextSpan) and (one.note is None) == said
    )
