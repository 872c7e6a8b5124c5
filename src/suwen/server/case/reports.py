"""A patient's current report in the store, and the acts of people on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from suwen.core.errors import Conflict, NotFound
from suwen.core.nouns import Act, Case, Finding, Record, Report, Review
from suwen.diagnosis import review as acts
from suwen.diagnosis.quotations import Quotation
from suwen.health.beats.reviews import review_of
from suwen.health.risk import fibrillation as af_fact
from suwen.notes.entities.corrections import correction_of
from suwen.records import Access, Entry, report_of

REPORT = "Report"
MOST_REPORTS = 100_000


@dataclass(frozen=True)
class Stored:
    """A report with the record it was read from."""

    record: Record
    report: Report

    @property
    def reference(self) -> str:
        """Versioned reference, for example `Report/a1/_history/2`."""
        return self.record.reference


def all_of(access: Access, patient: str) -> list[Stored]:
    """Return the patient's reports as this person may see them, the newest first."""
    found = [Stored(record, report_of(record)) for record in access.search(REPORT, patient=patient)]
    return sorted(found, key=lambda stored: stored.report.created, reverse=True)


def latest(access: Access, patient: str) -> Stored | None:
    """Return the patient's newest report, None when there is none."""
    found = all_of(access, patient)
    return found[0] if found else None


def newest_of_all(access: Access) -> dict[str, Report]:
    """Return the newest report of each patient the person is bound to, by patient."""
    found: dict[str, Report] = {}
    for record in access.search(REPORT, limit=MOST_REPORTS):
        report = report_of(record)
        if report.patient not in found or found[report.patient].created <= report.created:
            found[report.patient] = report
    return found


def newer_records(access: Access, case: Case, stored: Stored) -> bool:
    """Say whether something was recorded after the report was first stored.

    Acts of people that the report tells of (`Review.record`) are not new to it, and a draft follows
    every correction of a note. What people said of single beats stands beside the report.
    """
    first = access.history(stored.reference.partition("/_history")[0])[0]
    known = {record.reference for record in access.case(case.patient, at=first.at).records}
    known |= {review.record for review in stored.report.reviews}
    told = stored.report.status == "draft"
    return any(
        record.reference not in known
        and not (told and correction_of(record))
        and review_of(record) is None
        for record in case.records
    )


@dataclass(frozen=True)
class Wish:
    """What a person wants to do with a report they have seen.

    Parameters
    ----------
    seen
        Versioned reference of the report the person looked at.
    finding
        Id of the finding, empty for an act on the whole report.
    """

    act: Act
    seen: str
    finding: str = ""
    reason: str = ""
    text: str = ""


def perform(access: Access, patient: str, person: str, wish: Wish) -> Stored:
    """Do what a person wants with a report: its next version and the log entry, or neither.

    Raises
    ------
    NotFound
        The patient has no report.
    Conflict
        Someone changed the report since the person looked at it, or its state forbids the act.
    """
    stored = latest(access, patient)
    if stored is None:
        raise NotFound("no report of this patient", "a report", "run the diagnosis first")
    if wish.seen != stored.reference:
        raise Conflict(
            "the report changed since you opened it",
            "the newest version",
            "reload the page, look at the change and decide again",
        )
    changed = _ACTS[wish.act](stored.report, person, wish)
    detail = {"report": changed.id, "finding": wish.finding, "pack": _pack_of(changed, wish)}
    said = {"reason": wish.reason.strip(), "text": wish.text.strip()}
    entry = Entry(
        wish.act.value,
        0,
        detail | {name: words for name, words in said.items() if words},
        key=f"{wish.act.value}:{stored.reference}:{wish.finding}",
    )
    name, _, version = stored.reference.partition("/_history/")
    facts = _facts(access, patient, stored.report, person, wish)
    written = access.put([changed, *facts], patient, expected={name: int(version)}, entries=[entry])
    return Stored(written[0], changed)


def _facts(
    access: Access, patient: str, report: Report, person: str, wish: Wish
) -> list[dict[str, Any]]:
    """Return the facts that findings made, after what the person does with these findings.

    Only who accepts or rejects a finding itself has read its recording; a signature has not.
    """
    whole = wish.act is Act.WITHDRAWN
    meant = af_fact.seen_once(one for one in report.findings if whole or one.id == wish.finding)
    if not meant:
        return []
    known, now = access.search("Condition", patient), datetime.now(UTC)
    found = []
    for one in meant:
        standing = af_fact.newest(known, one)
        if standing is not None:
            before: Mapping[str, Any] = standing.content
        else:
            before = af_fact.condition_of(one, patient, now)
        settled = af_fact.settled(before, wish.act, person, now)
        if settled is not None:
            found.append(settled)
    return found


def amend(
    access: Access,
    patient: str,
    findings: Sequence[Finding],
    reviews: Sequence[Review],
    quoted: Sequence[Quotation],
) -> Stored | None:
    """Let a patient's newest draft say what people said of what it rests on; its next version.

    None where there is no draft: a signed report stays as it was signed.

    Raises
    ------
    Conflict
        Someone changed the draft at the same moment.
    """
    stored = latest(access, patient)
    if stored is None or stored.report.status != "draft":
        return None
    changed = acts.amend(stored.report, findings, reviews, quoted)
    if changed == stored.report:
        return stored
    name, _, version = stored.reference.partition("/_history/")
    (record,) = access.put([changed], patient, expected={name: int(version)})
    return Stored(record, changed)


def _review(report: Report, person: str, wish: Wish) -> Report:
    return acts.review(report, wish.finding, wish.act, person, wish.reason, wish.text)


def _sign(report: Report, person: str, wish: Wish) -> Report:
    return acts.sign(report, person, datetime.now(UTC))


def _withdraw(report: Report, person: str, wish: Wish) -> Report:
    return acts.withdraw(report, person, wish.reason, datetime.now(UTC))


_ACTS: dict[Act, Callable[[Report, str, Wish], Report]] = {
    Act.ACCEPTED: _review,
    Act.EDITED: _review,
    Act.REJECTED: _review,
    Act.SIGNED: _sign,
    Act.WITHDRAWN: _withdraw,
}


def _pack_of(report: Report, wish: Wish) -> str:
    return next((f.pack for f in report.findings if f.id == wish.finding), "")
