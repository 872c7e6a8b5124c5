"""What notes assess and plan as a report quotes it: the sentences of their summary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from suwen.core.nouns import Case, Finding, Report, TextSpan
from suwen.diagnosis.quotations import Quotation
from suwen.notes.coding.synonyms import LocalSynonyms
from suwen.notes.reading.case import title_of
from suwen.notes.summary.by_problems import SummaryLine
from suwen.notes.summary.overview import Overview, overview

NOTES = ("DocumentReference", "DiagnosticReport", "Composition")
"""Types of records that may be notes."""


def quotations(
    case: Case, findings: Iterable[Finding], local: LocalSynonyms | None = None
) -> list[Quotation]:
    """Return what the notes of a case assess and plan, problems first, the most important first.

    Parameters
    ----------
    case, local
        As `notes.summary.overview.overview` takes them.
    findings
        Of one run; those that people made in the place of a pack are told anew.
    """
    made = overview(case, [one for one in findings if not one.person], local)
    return [_quotation(made, line) for line in made.lines if line.quoted]


def _quotation(made: Overview, line: SummaryLine) -> Quotation:
    (cited,) = line.cited
    note = made.notes[cited.record].note
    stored = note.stored(cited.span)
    return Quotation(
        line.text.en,
        TextSpan(record=cited.record, start=stored.start, end=stored.end),
        title_of(made.records[cited.record]),
        note.day,
        line.name,
        line.findings,
    )


def told_of(case: Case, report: Report) -> Case:
    """Return a case without the notes that came after a report: it rests on none of them."""
    known = {name for one in report.statements for name in one.records}
    known |= {one.record for finding in report.findings for one in finding.evidence}
    kept = (one for one in case.records if one.type not in NOTES or one.reference in known)
    return replace(case, records=tuple(kept))
