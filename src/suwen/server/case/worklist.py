"""The worklist: who is to be looked at first, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from suwen.core.codes import Language
from suwen.core.nouns import Report
from suwen.diagnosis.language import message
from suwen.diagnosis.problems import problems, shown, urgency
from suwen.records import Access, PatientSummary
from suwen.server.case import reports
from suwen.server.case.patients import about
from suwen.server.case.view import BANDS, band_chip, out_of_date
from suwen.server.language import age, moment, say

URGENT = 3.0
SOON = 1.0
MOST_PATIENTS = 100_000
"""Ranks from which a case is urgent (a rule-in answer) and soon (grey or left open)."""


ORDER = {"urgent": 0, "soon": 1, "routine": 2, "none": 3}
LEVELS = {
    "": message("all"),
    "urgent": message("urgent"),
    "soon": message("soon"),
    "routine": message("routine"),
    "none": message("not assessed"),
}
STATUSES = {
    "": message("all"),
    "draft": message("draft"),
    "final": message("signed"),
    "withdrawn": message("withdrawn"),
    "none": message("no report"),
}


@dataclass(frozen=True)
class Row:
    """One patient of the worklist."""

    patient: str
    name: str
    about: str
    rank: float
    level: str
    why: str
    bands: list[tuple[str, str, int]]
    status: str
    stale: bool
    age: str
    created: str
    since: float


@dataclass(frozen=True)
class Filters:
    """What the reader asked to see."""

    q: str = ""
    level: str = ""
    status: str = ""

    def keep(self, row: Row) -> bool:
        """Say whether the row is asked for."""
        words = f"{row.name} {row.about} {row.patient}".casefold()
        return (
            self.q.strip().casefold() in words
            and self.level in {"", row.level}
            and self.status in {"", row.status}
        )


def level_of(rank: float, report: Report | None) -> str:
    """Return the urgency of a draft's rank; a signed or withdrawn report waits for no one."""
    if report is None or report.status == "withdrawn":
        return "none"
    if report.status == "final" or rank < SOON:
        return "routine"
    return "urgent" if rank >= URGENT else "soon"


def rows(access: Access, language: Language, filters: Filters) -> list[Row]:
    """Return the rows asked for: open urgent cases first, then by rank, the older first."""
    newest = reports.newest_of_all(access)
    people = {one.id: one.content for one in access.search("Patient", limit=MOST_PATIENTS)}
    found = [
        _row(language, one, people.get(one.patient), newest.get(one.patient))
        for one in access.patients()
    ]
    kept = [row for row in found if filters.keep(row)]
    return sorted(kept, key=lambda row: (ORDER[row.level], -row.rank, row.since, row.patient))


def _row(
    language: Language,
    summary: PatientSummary,
    resource: Mapping[str, Any] | None,
    report: Report | None,
) -> Row:
    person = about(language, summary.patient, resource)
    rank, why = urgency(report) if report else (0.0, None)
    now = datetime.now(UTC)
    since = report.created if report else summary.updated
    return Row(
        patient=summary.patient,
        name=person.name,
        about=" · ".join(value for _, value in person.facts),
        rank=rank,
        level=level_of(rank, report),
        why=why.of(language) if why else say(language, "Not assessed yet"),
        bands=_bands(language, report) if report else [],
        status=report.status if report else "none",
        stale=report is not None and any(out_of_date(f, now) for f in report.findings),
        age=age(language, since) if since else "",
        created=moment(since) if since else "",
        since=since.timestamp() if since else 0.0,
    )


def _bands(language: Language, report: Report) -> list[tuple[str, str, int]]:
    """Count the problems by the band of their most worrying finding."""
    leading = [one.findings[0] for one in problems(shown(report)) if not one.lacking]
    counts: Counter[tuple[str, str]] = Counter(band_chip(language, f) for f in leading)
    order = {band.value: place for place, band in enumerate(BANDS)}
    return sorted(
        ((band, name, count) for (band, name), count in counts.items()),
        key=lambda item: order.get(item[0], len(order)),
    )
