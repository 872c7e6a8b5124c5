"""Open drafts that follow what people say: of the notes of one case, or of the words of the house.

The page, the API and the command line all go this way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from suwen.notes.coding import synonyms
from suwen.notes.coding.synonyms import LocalSynonyms, key_of
from suwen.notes.facts import unmapped
from suwen.notes.facts.amended import of_case
from suwen.notes.questions import ENTITIES
from suwen.records import Access, finding_of
from suwen.server.case import reports
from suwen.server.case.quotations import quotations, told_of

MOST_FINDINGS: Final = 20_000
"""Findings of one patient that are looked through."""


class Changed(NamedTuple):
    """The local terms as they stand now, and in how many cases they are told."""

    local: LocalSynonyms
    cases: int


def amend_draft(access: Access, patient: str) -> None:
    """Let the draft report of a case say what people said of its notes; none, or signed: nothing.

    Raises
    ------
    Conflict
        Someone changed the draft at the same moment.
    """
    draft = reports.latest(access, patient)
    if draft is None or draft.report.status != "draft":
        return
    mentions = access.search("Finding", patient, code=ENTITIES, limit=MOST_FINDINGS)
    findings = [*draft.report.findings, *(finding_of(record) for record in mentions)]
    case, local = access.case(patient), synonyms.stored(access)
    people = of_case(case, findings, local)
    quoted = quotations(told_of(case, draft.report), findings, local)
    reports.amend(access, patient, people.findings, people.reviews, quoted)


def change_terms(access: Access, change: Callable[[LocalSynonyms], LocalSynonyms]) -> Changed:
    """Store changed terms and let the drafts of the cases they are told in follow.

    Parameters
    ----------
    access
        Of who changes them; the drafts of the cases this person may see follow.
    change
        Makes the new terms of those that are stored.

    Raises
    ------
    Denied
        The policy does not let this person change what the house calls things.
    Conflict
        Someone else changed the terms, or a draft, at the same moment.
    """
    before = synonyms.stored(access)
    changed = change(before)
    touched = {key_of(one.term, one.kind) for one in set(before).symmetric_difference(changed)}
    patients = unmapped.affected(unmapped.facts_of_all(access), touched)
    kept = synonyms.keep(access, changed)
    for patient in patients:
        amend_draft(access, patient)
    return Changed(kept, len(patients))
