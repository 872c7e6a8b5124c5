"""What a task found becomes a fact of the record that other tasks read, marked as unconfirmed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from suwen.core.nouns import Case, Finding, Reference
from suwen.health.af.task import AF
from suwen.health.risk import fibrillation as af_fact
from suwen.records import Access

FIRST: Final = (AF,)
"""Tasks whose findings become facts: they are asked before all others."""


def keep(access: Access, case: Case, findings: Sequence[Finding]) -> list[Reference]:
    """Record fibrillation that recordings show, once a recording; return what others may read.

    They count from the moment of the Case on. What a clinician said of the same recording before
    stays as it is.
    """
    found = af_fact.seen_once(findings)
    if not found:
        return []
    known = access.search("Condition", case.patient)
    made, references = [], []
    for one in found:
        standing = af_fact.newest(known, one)
        if standing is not None:
            references.append(standing.reference)
        else:
            made.append(af_fact.condition_of(one, case.patient, case.at))
    stored = access.put(made, case.patient) if made else []
    return [*references, *(record.reference for record in stored)]
