"""What a person does with a report: accept, edit or reject its findings, sign it, withdraw it.

Reports are immutable: each act returns the next version. The composed text of every earlier version
stays in the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from suwen.core.errors import BadInput, Conflict, NotFound
from suwen.core.nouns import Act, Finding, Report, Review
from suwen.diagnosis import quotations
from suwen.diagnosis.compose import recompose
from suwen.diagnosis.problems import shown, standing
from suwen.diagnosis.quotations import Quotation
from suwen.diagnosis.wording import Section

REVIEW_ACTS = (Act.ACCEPTED, Act.EDITED, Act.REJECTED)
ACCEPTED_BY_SIGNING = "accepted by signing"


def review(
    report: Report,
    finding_id: str,
    act: Act,
    person: str,
    reason: str = "",
    text: str = "",
    at: datetime | None = None,
) -> Report:
    """Return the report with a person's act on one finding; the last act on a finding counts.

    A rejected finding loses its statements; an edited one is described in the person's own words.
    `at` is now unless given.

    Raises
    ------
    Conflict
        The report was signed or withdrawn.
    NotFound
        The report holds no such finding.
    BadInput
        The act is not a review, nobody is named, a rejection or an edit gives no reason, or an edit
        no text.
    """
    _draft(report, "review")
    act = Act(act)
    if act not in REVIEW_ACTS:
        raise BadInput(
            f"the act {act.value!r}", "accepted, edited or rejected", "use sign or withdraw"
        )
    if finding_id not in {finding.id for finding in report.findings}:
        raise NotFound(
            "no such finding in the report", "the id of one of its findings", "reload the report"
        )
    _named(person)
    if act is not Act.ACCEPTED and not reason.strip():
        raise BadInput("no reason", "a reason to edit or reject", "say why in one sentence")
    if act is Act.EDITED and not text.strip():
        raise BadInput("no text", "the corrected text", "write the finding in your own words")
    entry = Review(
        finding=finding_id,
        act=act,
        person=person,
        at=at or datetime.now(UTC),
        reason=reason.strip(),
        text=text.strip() if act is Act.EDITED else "",
    )
    reviewed = report.model_copy(update={"reviews": (*report.reviews, entry)})
    return _again(reviewed, statements=tuple(recompose(reviewed, shown(reviewed))))


def carry_over(report: Report, earlier: Iterable[Report]) -> Report:
    """Return a new report with what people said of the same findings in earlier ones.

    A finding keeps its id only while all it says stays the same, so what was rejected stays
    rejected, and what is answered anew is reviewed anew. Withdrawn reports and what a signature
    accepted by itself do not count.
    """
    known = {finding.id for finding in report.findings}
    said = [
        review
        for one in earlier
        if one.status != "withdrawn"
        for review in one.reviews
        if review.finding in known and review.reason != ACCEPTED_BY_SIGNING and not review.record
    ]
    if not said:
        return report
    return _reviewed(report, [*report.reviews, *said])


def amend(
    report: Report,
    findings: Sequence[Finding],
    reviews: Sequence[Review],
    quoted: Sequence[Quotation] = (),
) -> Report:
    """Return a draft after what people said of what it rests on, in the place of what they said.

    Parameters
    ----------
    report
        The draft; what packs found stays in it.
    findings
        Those of people.
    reviews
        What people said of findings on the records these rest on (`Review.record`).
    quoted
        What the notes assess and plan after that, as `compose` takes it.

    Raises
    ------
    Conflict
        The report was signed or withdrawn.
    """
    _draft(report, "amend")
    kept = [finding for finding in report.findings if not finding.person]
    known = {finding.id: finding for finding in [*kept, *findings]}
    own = [one for one in report.reviews if not one.record and one.finding in known]
    said = [*own, *reviews]
    left = standing(tuple(known.values()), said)
    statements = [one for one in report.statements if one.section != Section.QUOTED]
    statements += quotations.statements(quoted, left, said)
    update = {"findings": tuple(known.values()), "statements": tuple(statements)}
    return _reviewed(report.model_copy(update=update), said)


def _reviewed(report: Report, reviews: Iterable[Review]) -> Report:
    """Return a report with these reviews, in their order in time, and its sentences after them."""
    ordered = tuple(dict.fromkeys(sorted(reviews, key=lambda review: review.at)))
    reviewed = report.model_copy(update={"reviews": ordered})
    return _again(reviewed, statements=tuple(recompose(reviewed, shown(reviewed))))


def sign(report: Report, person: str, at: datetime) -> Report:
    """Return the report as final. What was not reviewed is accepted by the signature.

    Raises
    ------
    Conflict
        The report was signed or withdrawn before.
    BadInput
        Nobody is named, or the time is before the report was written.
    """
    _draft(report, "sign")
    _named(person)
    if at < report.created:
        raise BadInput(
            "a signature before the report was written", "a later time", "check the clock"
        )
    seen = {review.finding for review in report.reviews}
    accepted = tuple(
        Review(finding=f.id, act=Act.ACCEPTED, person=person, at=at, reason=ACCEPTED_BY_SIGNING)
        for f in report.findings
        if f.id not in seen and not f.person
    )
    return _again(
        report,
        reviews=report.reviews + accepted,
        status="final",
        signed_by=person,
        signed_at=at,
    )


def withdraw(report: Report, person: str, reason: str, at: datetime) -> Report:
    """Return the report as withdrawn, draft or signed; the act names the report's own id.

    Raises
    ------
    Conflict
        The report was withdrawn before.
    BadInput
        Nobody is named, or no reason is given.
    """
    if report.status == "withdrawn":
        raise Conflict("the report is withdrawn", "a draft or final report", "reload the report")
    _named(person)
    if not reason.strip():
        raise BadInput("no reason", "a reason to withdraw a report", "say why in one sentence")
    entry = Review(
        finding=report.id, act=Act.WITHDRAWN, person=person, at=at, reason=reason.strip()
    )
    return _again(report, reviews=(*report.reviews, entry), status="withdrawn")


def _draft(report: Report, act: str) -> None:
    if report.status != "draft":
        raise Conflict(
            f"cannot {act} a report that is {report.status}",
            "a draft",
            "reload it; a signed report is withdrawn and composed again, never changed",
        )


def _named(person: str) -> None:
    if not person.strip():
        raise BadInput("nobody named", "the id of the person who acts", "sign in first")


def _again(report: Report, **changes: object) -> Report:
    """Return the report with `changes`, validated as a whole."""
    values = {name: getattr(report, name) for name in type(report).model_fields}
    return Report(**{**values, **changes})
