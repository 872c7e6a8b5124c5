"""What a page of the report shows, in one language: the same content for HTML and for PDF."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from suwen.core.codes import Language
from suwen.core.nouns import (
    Act,
    Attachment,
    Band,
    Digest,
    Finding,
    Reference,
    Report,
)
from suwen.core.quantities import number, with_unit
from suwen.diagnosis.language import both, joined, message, moment, say
from suwen.diagnosis.likeness import Likeness, similar_examples
from suwen.diagnosis.patient import identity, is_test_patient
from suwen.diagnosis.pictures import PICTURES, Picture, picture
from suwen.diagnosis.problems import Problem, edits, problems, shown
from suwen.diagnosis.reasons import evidence_rows, explanation_line, provenance_groups
from suwen.diagnosis.review import ACCEPTED_BY_SIGNING
from suwen.diagnosis.wording import (
    BAND_CHIPS,
    SECTION_TITLES,
    Section,
    concept,
    inside,
    probability,
    quoted,
)

CAPTIONS = {
    "key-image": message("Key image"),
    "key-image-saliency": message("Class-activation map: what raises the probability"),
    "key-image-saliency-against": message("Class-activation map: what lowers the probability"),
    "key-image-occlusion": message("Occlusion map: what the mark rests on"),
}
EDITED = "edited"
"""Stands for a band where a person's words replaced the model's answer."""
ACTS = {
    Act.ACCEPTED: message("accepted"),
    Act.EDITED: message("edited"),
    Act.REJECTED: message("rejected"),
    Act.WITHDRAWN: message("withdrawn"),
    Act.SIGNED: message("signed"),
}


@dataclass(frozen=True)
class Particulars:
    """What a page shows and the Report does not hold itself.

    Parameters
    ----------
    patient
        The FHIR Patient resource, for the identity block.
    decisions
        Sequence number in the decision log, by finding id.
    inputs
        References of the bytes that decided a finding (`blob/<sha256>`), by finding id.
    people
        Names to show, by person id.
    studies
        The ImagingStudies of the case, by reference.
    at
        The moment the page is made; what expired before it is marked. Default: `report.created`.
    """

    patient: Mapping[str, Any] = field(default_factory=dict)
    decisions: Mapping[str, int] = field(default_factory=dict)
    inputs: Mapping[str, tuple[Reference, ...]] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)
    studies: Mapping[Reference, Mapping[str, Any]] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(frozen=True)
class Bar:
    """A probability and its interval, in [0, 1] and in words."""

    name: str
    value: float
    low: float
    high: float
    words: str


@dataclass(frozen=True)
class Card:
    """One problem: what is said about it and why."""

    title: str
    site: str
    band: str
    chip: str
    bar: Bar | None
    statements: tuple[str, ...]
    measures: tuple[tuple[str, str, str], ...]
    """Name, value with unit, interval in the same unit."""
    pictures: tuple[Picture, ...]
    evidence: tuple[tuple[str, str], ...]
    """What, and the record it lies in."""
    similar: tuple[Likeness, ...]
    explanations: tuple[str, ...]
    provenance: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    """Each finding's concept, with label and value of what made it."""


@dataclass(frozen=True)
class View:
    """A whole report in one language."""

    language: Language
    report_id: str
    status: str
    status_words: str
    status_line: str
    test_patient: bool
    identity: tuple[tuple[str, str], ...]
    cards: tuple[Card, ...]
    sections: Mapping[str, tuple[str, tuple[str, ...]]]
    """Title and sentences of each section, by section name; empty sections are absent."""
    not_understood: tuple[str, ...]
    reviews: tuple[str, ...]


def view(
    report: Report, language: Language, particulars: Particulars, images: Mapping[Digest, bytes]
) -> View:
    """Return what a page of `report` shows.

    Parameters
    ----------
    report
        Draft, final or withdrawn.
    language
        Of everything but quoted records and a reviewer's own words.
    particulars
        Identity, decision numbers, input digests, names.
    images
        Bytes of the findings' attachments by SHA-256; one that is absent is said to be absent.

    Raises
    ------
    IntegrityError
        The bytes given for an image are not those the finding names.
    """
    sections: dict[str, tuple[str, tuple[str, ...]]] = {}
    for section in Section:
        lines = tuple(s.text.of(language) for s in report.statements if s.section == section)
        if lines:
            sections[str(section)] = (say(language, SECTION_TITLES[section]), lines)
    status_words, status_line = _status(report, language, particulars)
    return View(
        language=language,
        report_id=report.id,
        status=report.status,
        status_words=status_words,
        status_line=status_line,
        test_patient=is_test_patient(particulars.patient),
        identity=identity(particulars.patient, report, language),
        cards=tuple(
            _card(problem, report, language, particulars, images)
            for problem in gathered(problems(shown(report)), edits(report))
        ),
        sections=sections,
        not_understood=tuple(quoted(text.of(language)) for text in report.not_understood),
        reviews=tuple(_reviews(report, language, particulars)),
    )


def gathered(ordered: Sequence[Problem], edited: Container[str]) -> list[Problem]:
    """Return the problems with a card each; what a search proposed weakly has one card, the last.

    `edited` are the ids of findings in a person's words, which keep a card of their own.
    """
    weak = [p for p in ordered if p.proposed and p.findings[0].id not in edited]
    if not weak:
        return list(ordered)
    together = Problem(tuple(finding for problem in weak for finding in problem.findings))
    return [*(problem for problem in ordered if problem not in weak), together]


def _status(report: Report, language: Language, particulars: Particulars) -> tuple[str, str]:
    if report.status == "final" and report.signed_by and report.signed_at:
        return say(language, "FINAL"), say(
            language,
            "Signed by %(person)s at %(at)s.",
            person=_person(report.signed_by, particulars),
            at=moment(report.signed_at),
        )
    if report.status == "withdrawn":
        last = report.reviews[-1] if report.reviews else None
        return say(language, "WITHDRAWN"), say(
            language,
            "Withdrawn by %(person)s at %(at)s: %(reason)s",
            person=_person(last.person, particulars) if last else "?",
            at=moment(last.at) if last else "?",
            reason=quoted(last.reason) if last else "?",
        )
    return say(language, "DRAFT"), say(
        language, "Draft by software, not yet reviewed or signed by a clinician."
    )


def _person(person: str, particulars: Particulars) -> str:
    return quoted(particulars.people.get(person, person), 80)


def _reviews(report: Report, language: Language, particulars: Particulars) -> list[str]:
    names = {
        finding.id: both(
            "%(what)s, %(concept)s", what=problem.label, concept=inside(concept(finding.code))
        )
        for problem in problems(report.findings)
        for finding in (*problem.findings, *problem.earlier)
    }
    lines = [
        both(
            "%(what)s: %(act)s by %(person)s at %(at)s%(reason)s",
            what=names.get(entry.finding, both("Report")),
            act=both(ACTS[entry.act]),
            person=_person(entry.person, particulars),
            at=moment(entry.at),
            reason=both(": %(reason)s", reason=quoted(entry.reason)) if entry.reason else "",
        ).of(language)
        for entry in report.reviews
        if entry.reason != ACCEPTED_BY_SIGNING
    ]
    rest = [names[e.finding] for e in report.reviews if e.reason == ACCEPTED_BY_SIGNING]
    if rest:
        lines.append(both("Accepted by signing: %(list)s.", list=joined(rest)).of(language))
    return lines


def _card(
    problem: Problem,
    report: Report,
    language: Language,
    particulars: Particulars,
    images: Mapping[Digest, bytes],
) -> Card:
    ids = {finding.id for finding in problem.findings}
    edited = edits(report)
    own = replace(problem, findings=tuple(f for f in problem.findings if f.id not in edited))
    weak = problem.proposed
    title = both("Weaker marks of the search, not measured") if weak else problem.label
    site = None if weak else problem.site
    edit = len(own.findings) < len(problem.findings)
    band, chip = ("", "") if weak else _chip(own, edit, language)
    return Card(
        title=title.of(language),
        site=site.name.of(language) if site else "",
        band=band,
        chip=chip,
        bar=None if weak else _bar(own.answer, language),
        statements=(
            *(
                statement.text.of(language)
                for statement in report.statements
                if statement.section in {Section.FINDINGS, Section.UNANSWERED}
                and ids.issuperset(statement.findings)
                and statement.findings
            ),
            *_expired_since(problem, report, language, particulars),
        ),
        measures=_measures(own, language),
        pictures=tuple(_pictures(problem, edited, language, images)),
        evidence=tuple(evidence_rows(problem, language)),
        similar=similar_examples(own.findings, language, lambda digest: images.get(digest, b"")),
        explanations=tuple(
            explanation_line(e, language) for f in own.findings for e in f.explanations
        ),
        provenance=tuple(
            provenance_groups(problem, language, particulars.decisions, particulars.inputs)
        ),
    )


def _expired_since(
    problem: Problem, report: Report, language: Language, particulars: Particulars
) -> list[str]:
    """Return a sentence for each value that expired after the report was composed."""
    now = particulars.at or report.created
    ends = {f.valid_until for f in problem.findings if f.valid_until}
    return [
        say(language, "This value expired on %(at)s and is not current.", at=moment(end))
        for end in sorted(ends)
        if report.created < end <= now
    ]


def _chip(own: Problem, edited: bool, language: Language) -> tuple[str, str]:
    """Return the band of what the packs say and no person has put in other words."""
    if own.findings and (own.findings[0].band is Band.ABSTAIN or own.answer):
        band = own.findings[0].band
        return band.value, say(language, BAND_CHIPS[band])
    return (EDITED, say(language, "EDITED · by a person")) if edited else ("", "")


def _bar(answer: Finding | None, language: Language) -> Bar | None:
    if answer is None or answer.probability is None:
        return None
    interval = answer.probability
    return Bar(
        name=concept(answer.code).of(language),
        value=interval.value,
        low=interval.low,
        high=interval.high,
        words=probability(interval).of(language),
    )


def _measures(problem: Problem, language: Language) -> tuple[tuple[str, str, str], ...]:
    rows = []
    for measure, _ in problem.measures:
        interval = measure.interval
        value = with_unit(number(interval.value, measure.unit), measure.unit)
        low, high = number(interval.low, measure.unit), number(interval.high, measure.unit)
        between = "–" if interval.low == interval.high else f"{low} – {high}"
        rows.append((concept(measure.code).of(language), value, between))
    return tuple(rows)


def _pictures(
    problem: Problem,
    edited: Container[str],
    language: Language,
    images: Mapping[Digest, bytes],
) -> list[Picture]:
    """Return the pictures that may be shown; of an edited finding no map of the model's answer."""
    wanted = {
        attachment.digest: attachment
        for finding in problem.findings
        for attachment in finding.attachments
        if attachment.media_type in PICTURES
        and attachment.role.startswith("key-image")
        and _may_show(attachment, finding)
        and (attachment.role == "key-image" or finding.id not in edited)
    }
    return [
        picture(
            say(language, CAPTIONS.get(attachment.role, attachment.role)),
            attachment,
            images.get(attachment.digest, b""),
        )
        for attachment in sorted(wanted.values(), key=_place_of)
    ]


def _place_of(attachment: Attachment) -> tuple[bool, bool, str]:
    """Return a key by which the key image comes first, and what a search rests on last."""
    role = attachment.role
    return role != "key-image", "occlusion" in role, role


def _may_show(attachment: Attachment, finding: Finding) -> bool:
    """Say whether a picture may be shown: a saliency only when its method passed its checks."""
    role = attachment.role
    if role == "key-image":
        return True
    occlusion = "occlusion" in role
    methods = [e for e in finding.explanations if ("occlusion" in e.method) == occlusion]
    return bool(methods) and all(e.hidden_because is None for e in methods)
