"""What a task found becomes a fact of the record that other tasks read, marked as unconfirmed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from suwen.core.nouns import Finding, Reference
from suwen.health import af_fact
from suwen.health.af import AF
from suwen.records import Access

FIRST: Final = (AF,)
"""Tasks whose findings become facts: they are asked before all others."""


def keep(access: Access, patient: str, findings: Sequence[Finding]) -> list[Reference]:
    """Record fibrillation that recordings show, once a recording; return what others may read.

    What a clinician said of the same recording before stays as it is.
    """
    found = [one for one in findings if af_fact.seen(one)]
    if not found:
        return []
    known = access.search("Condition", patient)
    made, references = [], []
    for one in found:
        standing = af_fact.newest(known, one)
        if standing is not None:
            references.append(standing.reference)
        else:
            made.append(af_fact.condition_of(one, patient, datetime.now(UTC)))
    stored = access.put(made, patient) if made else []
    return [*references, *(record.reference for record in stored)]
