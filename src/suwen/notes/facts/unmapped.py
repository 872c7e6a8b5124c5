"""The queue of terms that no code fits, over the cases somebody may see, most often met first.

It is worked out from what the notes tell and never kept: a term may name a person, so nobody sees
one from a case they may not see, and one that was mapped, rejected or corrected is gone at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from suwen.core.nouns import Finding, Record, Report
from suwen.notes.coding.synonyms import Key, key_of, stored
from suwen.notes.entities.corrections import CODED, Judged, Place, judged
from suwen.notes.facts.current import current
from suwen.notes.facts.told import CODED_AS, Told, told
from suwen.notes.questions import FACTS
from suwen.records import Access, finding_of, report_of
from suwen.records.basics import RESOURCE

MOST: Final = 100_000
"""Records looked through of one type."""
NOTES: Final = ("DocumentReference", "DiagnosticReport", "Composition")


@dataclass(frozen=True)
class Unmapped:
    """A term without a code.

    Parameters
    ----------
    kind
        Under which it would be coded.
    places
        Patient and place of each time it is said.
    """

    term: str
    kind: str
    places: tuple[tuple[str, Place], ...]

    @property
    def count(self) -> int:
        """How often it is said."""
        return len(self.places)

    @property
    def patients(self) -> tuple[str, ...]:
        """In whose notes."""
        return tuple(dict.fromkeys(patient for patient, _ in self.places))


def facts_of_all(access: Access) -> dict[str, list[Told]]:
    """Return what the notes tell of each patient this person may see, by the terms of now."""
    local = stored(access)
    records = {
        record.reference: record for kind in NOTES for record in access.search(kind, limit=MOST)
    }
    judgements: dict[str, dict[Place, Judged]] = defaultdict(dict)
    for record in access.search(RESOURCE, code=CODED, limit=MOST):
        own = {place: one for place, one in judged([record]).items() if place.note in records}
        judgements[patient_of(record.content)] |= own
    return {
        patient: told(current(found, records.values()), judgements[patient], (), local)
        for patient, found in _found(access, records).items()
    }


def affected(facts: Mapping[str, Sequence[Told]], keys: Collection[Key]) -> list[str]:
    """Return the patients of whom something is told by one of some terms, mapped or not."""
    return [
        patient
        for patient, own in facts.items()
        if any(key in keys for fact in own for key in _keys(fact))
    ]


def _keys(fact: Told) -> Iterator[Key]:
    kind = CODED_AS.get(fact.kind)
    if kind is None or fact.rejected:
        return
    if fact.local is not None:
        yield key_of(fact.local.term, fact.local.kind)
    if fact.meant.code is None and fact.name.en:
        yield key_of(fact.name.en, kind)


def queue(facts: Mapping[str, Sequence[Told]]) -> list[Unmapped]:
    """Return the terms without a code among the facts of patients, most often met first."""
    places: dict[Key, list[tuple[str, Place]]] = defaultdict(list)
    words: dict[Key, tuple[str, str]] = {}
    for patient, own in facts.items():
        for fact in own:
            kind = CODED_AS.get(fact.kind)
            if kind is None or fact.rejected or fact.meant.code is not None or not fact.name.en:
                continue
            key = key_of(fact.name.en, kind)
            words.setdefault(key, (fact.name.en, kind))
            places[key] += [(patient, mention.stands) for mention in fact.mentions]
    found = [Unmapped(*words[key], tuple(dict.fromkeys(own))) for key, own in places.items()]
    return sorted(found, key=lambda one: (-one.count, one.kind, one.term))


def patient_of(content: Mapping[str, Any]) -> str:
    """Return whose a resource is, by its subject."""
    return str((content.get("subject") or {}).get("reference", "")).rpartition("/")[2]


def _found(access: Access, records: Mapping[str, Record]) -> dict[str, list[Finding]]:
    """Return the facts of each patient: of the newest report, else all that are stored."""
    reports: dict[str, Report] = {}
    for record in access.search("Report", limit=MOST):
        report = report_of(record)
        newer = reports.get(report.patient)
        if newer is None or newer.created <= report.created:
            reports[report.patient] = report
    owners = {name: patient_of(record.content) for name, record in records.items()}
    found: dict[str, list[Finding]] = defaultdict(list)
    for record in access.search("Finding", code=FACTS, limit=MOST):
        finding = finding_of(record)
        owner = next((owners[e.record] for e in finding.evidence if e.record in owners), "")
        if owner:
            found[owner].append(finding)
    for patient, report in reports.items():
        own = [one for one in report.findings if one.task == FACTS and not one.person]
        if own:
            found[patient] = own
    return found
