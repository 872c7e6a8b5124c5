"""What the pages show of a report: plain values in one language, ready for a template."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from suwen.core.codes import CATEGORIES, Language
from suwen.core.nouns import (
    Act,
    Band,
    Evidence,
    Finding,
    ImageRegion,
    Report,
    Review,
    SimilarExample,
    Status,
    TextSpan,
    TimeInterval,
)
from suwen.core.quantities import percent
from suwen.diagnosis.language import both, message
from suwen.diagnosis.likeness import Likeness, similar_examples
from suwen.diagnosis.problems import Problem, latest_reviews, problems, shown
from suwen.diagnosis.reasons import explanation_line
from suwen.diagnosis.review import ACCEPTED_BY_SIGNING
from suwen.diagnosis.wording import (
    SECTION_TITLES,
    Section,
    concept,
    probability,
    quantity,
    quoted,
)
from suwen.health.risk import fibrillation as af_fact
from suwen.server.case.reports import Stored
from suwen.server.ecg.told import place_of
from suwen.server.held.overlays import Layers, Place, overlays, places
from suwen.server.language import age, moment, say

BANDS = (Band.RULE_IN, Band.GREY, Band.RULE_OUT, Band.ABSTAIN)
SCALE = 200.0
"""Width of the probability scale in the units of its drawing."""


BAND_NAMES = {
    Band.RULE_IN: message("high"),
    Band.GREY: message("indeterminate"),
    Band.RULE_OUT: message("low"),
    Band.ABSTAIN: message("no answer"),
}
BAND_MEASURED = message("measured")
BAND_CATEGORY = message("category")
BAND_SUGGESTED = message("suggested")
READ_FIRST = message(
    "Accept it once you have read the ECG: atrial fibrillation is then confirmed in the record. "
    "Rejecting it refutes it. Signing the report does neither."
)
ACT_NAMES = {
    Act.ACCEPTED: message("Accepted"),
    Act.EDITED: message("Edited"),
    Act.REJECTED: message("Rejected"),
    Act.ADDED: message("Added"),
    Act.WITHDRAWN: message("Withdrawn"),
    Act.SIGNED: message("Signed"),
}
RECORDS = {
    "BodyStructure": message("Place marked in the images"),
    "ImagingStudy": message("The picture itself"),
    "Finding": message("Another finding of this report"),
    "DiagnosticReport": message("The report of the earlier study"),
}
"""What recorded values are called, by the kind of record."""
STATUS_NAMES = {
    "draft": message("draft"),
    "final": message("signed"),
    "withdrawn": message("withdrawn"),
    "none": message("no report"),
}


@dataclass(frozen=True)
class Chance:
    """A probability as text and as a drawing on `SCALE` units."""

    text: str
    full: str
    low: float
    width: float
    at: float


@dataclass(frozen=True)
class EvidenceView:
    """One piece of evidence in words, with where it lies in an image, or the query of its strip."""

    text: str
    place: Place | None
    strip: str = ""


@dataclass(frozen=True)
class ReviewView:
    """What a person did with a finding."""

    act: str
    name: str
    by: str
    text: str
    reason: str


@dataclass(frozen=True)
class FindingView:
    """One finding as the case page shows it."""

    id: str
    title: str
    band: str
    band_name: str
    reason: str
    chance: Chance | None
    measures: list[tuple[str, str]]
    evidence: list[EvidenceView]
    similar: tuple[Likeness, ...]
    explanations: list[str]
    pack: str
    until: str
    stale: bool
    review: ReviewView | None
    hint: str = ""
    """What accepting or rejecting it does beside the report."""


@dataclass(frozen=True)
class GroupView:
    """The findings about one lesion, with where it lies and what can be laid over the image."""

    key: str
    title: str
    site: str
    places: list[Place]
    """Where it lies, the current study first."""
    overlays: list[dict[str, str]]
    findings: list[FindingView]
    band: str
    band_name: str
    chance: str
    size: str
    """The longest diameter, without its interval."""
    rejected: bool


@dataclass(frozen=True)
class ReportView:
    """A report's state and sentences. `version` is the reference the page was made from."""

    id: str
    version: str
    status: str
    status_name: str
    made: str
    signed: str
    stale: str
    sections: list[tuple[str, list[str]]]
    unreviewed: str
    not_understood: list[str]


def out_of_date(finding: Finding, now: datetime) -> bool:
    """Say whether the finding's validity has ended."""
    return finding.valid_until is not None and finding.valid_until <= now


def band_chip(language: Language, finding: Finding) -> tuple[str, str]:
    """Return the style and the name of a finding's band.

    A measurement and a category have none. That a search suggests something says nothing of how
    dangerous it is, so it is not called high.
    """
    if finding.band is not Band.ABSTAIN:
        if finding.code.system == CATEGORIES:
            return "measured", say(language, BAND_CATEGORY)
        if finding.probability is None:
            return "measured", say(language, BAND_MEASURED)
        if finding.status is Status.SUGGESTED:
            return "measured", say(language, BAND_SUGGESTED)
    return finding.band.value, say(language, BAND_NAMES[finding.band])


def report_view(
    language: Language, stored: Stored, newer: bool, person: Callable[[str], str]
) -> ReportView:
    """Return the state and sentences of a report.

    Parameters
    ----------
    language
        Of everything but people's own words.
    stored
        The report with its version.
    newer
        Whether something was recorded after the report was composed.
    person
        Turns a person's id into a name.
    """
    report = stored.report
    now = datetime.now(UTC)
    sections: dict[str, list[str]] = {}
    for statement in report.statements:
        title = both(SECTION_TITLES[Section(statement.section)]).of(language)
        sections.setdefault(title, []).append(statement.text.of(language))
    stale = ""
    if any(out_of_date(finding, now) for finding in report.findings):
        stale = say(language, "out of date")
    elif newer and report.status != "withdrawn":
        stale = say(language, "newer records since")
    reviewed = {one.finding for one in report.reviews}
    open_findings = sum(one.id not in reviewed and not one.person for one in report.findings)
    return ReportView(
        id=report.id,
        version=stored.reference,
        status=report.status,
        status_name=say(language, STATUS_NAMES[report.status]),
        made=say(
            language,
            "Composed %(age)s (%(at)s)",
            age=age(language, report.created),
            at=moment(report.created),
        ),
        signed=_signed(language, report, person),
        stale=stale,
        sections=list(sections.items()),
        unreviewed=say(
            language, "%(count)s findings have not been reviewed one by one.", count=open_findings
        )
        if open_findings
        else "",
        not_understood=[text.of(language) for text in report.not_understood],
    )


def _signed(language: Language, report: Report, person: Callable[[str], str]) -> str:
    if not (report.signed_by and report.signed_at):
        return ""
    return say(
        language,
        "Signed by %(person)s, %(at)s",
        person=person(report.signed_by),
        at=moment(report.signed_at),
    )


def group_views(
    language: Language, report: Report, layers: Layers, person: Callable[[str], str]
) -> list[GroupView]:
    """Return the report's findings by lesion, the most worrying first."""
    reviews = latest_reviews(report)
    standing = {finding.id for finding in shown(report)}
    found = []
    for problem in problems(report.findings):
        told = [
            _finding(language, finding, reviews.get(finding.id), layers, person)
            for finding in problem.findings
        ]
        rejected = standing.isdisjoint(finding.id for finding in problem.findings)
        found.append(_group(language, problem, layers, told, rejected))
    return found


def _group(
    language: Language,
    problem: Problem,
    layers: Layers,
    told: list[FindingView],
    rejected: bool,
) -> GroupView:
    longest, answer = problem.longest, problem.answer
    band, band_name = band_chip(language, problem.findings[0])
    return GroupView(
        key=hashlib.sha256(_identity(problem).encode()).hexdigest()[:16],
        title=problem.label.of(language),
        site=problem.site.name.of(language) if problem.site else "",
        places=places(layers, (*problem.findings, *problem.earlier)),
        overlays=overlays(language, problem, layers),
        findings=told,
        band=band,
        band_name=band_name,
        chance=percent(answer.probability.value) if answer and answer.probability else "",
        size=f"{longest[0].interval.value:.1f} {longest[0].unit}" if longest else "",
        rejected=rejected,
    )


def _identity(problem: Problem) -> str:
    first = problem.findings[0]
    return first.tracking.uid if first.tracking else first.id


def _finding(
    language: Language,
    finding: Finding,
    review: Review | None,
    layers: Layers,
    person: Callable[[str], str],
) -> FindingView:
    band, band_name = band_chip(language, finding)
    until = ""
    if finding.valid_until:
        until = say(language, "Valid until %(at)s", at=moment(finding.valid_until))
    return FindingView(
        id=finding.id,
        title=concept(finding.code).of(language),
        band=band,
        band_name=band_name,
        reason=finding.reason.of(language) if finding.reason else "",
        chance=_chance(language, finding),
        measures=[
            (concept(m.code).of(language), quantity(m.interval, m.unit).of(language))
            for m in finding.measures
        ],
        evidence=[
            _evidence(language, item, layers)
            for item in finding.evidence
            if not isinstance(item, SimilarExample)
        ],
        similar=similar_examples([finding], language, layers.blob),
        explanations=[explanation_line(item, language) for item in finding.explanations],
        pack=finding.pack.partition("+")[0],
        until=until,
        stale=out_of_date(finding, datetime.now(UTC)),
        review=_review(language, review, person) if review else None,
        hint=say(language, READ_FIRST) if af_fact.seen(finding) else "",
    )


def _chance(language: Language, finding: Finding) -> Chance | None:
    interval = finding.probability
    if interval is None:
        return None
    return Chance(
        text=percent(interval.value),
        full=probability(interval).of(language),
        low=round(SCALE * interval.low, 1),
        width=max(2.0, round(SCALE * (interval.high - interval.low), 1)),
        at=min(SCALE - 3, max(0.0, round(SCALE * interval.value - 1.5, 1))),
    )


def _evidence(language: Language, item: Evidence, layers: Layers) -> EvidenceView:
    if isinstance(item, ImageRegion):
        x, y, z = item.centre
        text = say(language, "Image region at x %(x).1f, y %(y).1f, z %(z).1f mm", x=x, y=y, z=z)
    elif isinstance(item, TextSpan):
        text = say(
            language,
            "Text of %(record)s, characters %(start)s to %(end)s",
            record=item.record.partition("/_history")[0],
            start=item.start,
            end=item.end,
        )
    elif isinstance(item, TimeInterval):
        text = say(
            language, "Recording, %(start).1f to %(end).1f s", start=item.start, end=item.end
        )
    elif (kind := item.record.partition("/")[0]) in RECORDS:
        text = say(language, RECORDS[kind])
    else:
        text = say(
            language, "Recorded value %(record)s", record=item.record.partition("/_history")[0]
        )
    if item.note:
        text = f"{text}: {item.note.of(language)}"
    query = ""
    if isinstance(item, TimeInterval):
        query = place_of(item.record, item.start, item.end)
    return EvidenceView(quoted(text), layers.place(item), query)


def _review(language: Language, review: Review, person: Callable[[str], str]) -> ReviewView:
    return ReviewView(
        act=review.act.value,
        name=say(language, ACT_NAMES[review.act]),
        by=f"{person(review.person)}, {moment(review.at)}",
        text=review.text,
        reason=(
            both(review.reason).of(language)
            if review.reason == ACCEPTED_BY_SIGNING
            else review.reason
        ),
    )
