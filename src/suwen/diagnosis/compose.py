"""From findings and records to a draft Report: every sentence bound to what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from suwen.core.codes import DOUBLING_TIME, SEEK_CARE, VOLUME_CHANGE, Code, Text
from suwen.core.nouns import (
    Band,
    Case,
    Finding,
    Measure,
    Reference,
    Report,
    Review,
    Statement,
    canonical,
    digest_of,
)
from suwen.core.quantities import percent
from suwen.diagnosis import lesions, noted, quotations
from suwen.diagnosis.documents import document_statements, list_statements
from suwen.diagnosis.language import both, joined, message, moment, same, sentences
from suwen.diagnosis.observations import observation_statements
from suwen.diagnosis.problems import Problem, edits, problems, standing
from suwen.diagnosis.wording import BAND_WORDS, Section, concept, inside, probability, quantity

SECTION_ORDER = {str(section): place for place, section in enumerate(Section)}
COUNTED = {
    Band.RULE_IN: message("rule-in range %(count)s"),
    Band.GREY: message("grey zone %(count)s"),
    Band.RULE_OUT: message("rule-out range %(count)s"),
    Band.ABSTAIN: message("no answer %(count)s"),
}


def compose(
    case: Case,
    findings: Sequence[Finding],
    not_understood: Sequence[Text],
    created: datetime,
    reviews: Sequence[Review] = (),
    quoted: Sequence[quotations.Quotation] = (),
) -> Report:
    """Compose the draft report of `findings` on `case`.

    The same input gives the same report, its id included.

    Parameters
    ----------
    case
        The records the findings were made from.
    findings
        What the packs said about the case; equal findings are taken once.
    not_understood
        What was in the input and could not be read, in words for the reader.
    created
        The moment of the report, with its time zone.
    reviews
        What people said of these findings before there was a report: of what notes say.
    quoted
        What the notes assess and plan, in their words, the most important first.
    """
    unique = tuple({finding.id: finding for finding in findings}.values())
    kept = standing(unique, reviews)
    said = [
        *finding_statements(kept, {}, created),
        *noted.changes(unique, reviews),
        *quotations.statements(quoted, kept, reviews),
    ]
    limits = _limits(kept, _references(case), not_understood)
    statements = in_order([*said, *_of_case(case, nothing=not unique), *limits])
    return Report(
        id=_id_of(case.patient, created, unique, statements, not_understood, reviews),
        patient=case.patient,
        created=created,
        findings=unique,
        statements=tuple(statements),
        not_understood=tuple(not_understood),
        reviews=tuple(reviews),
    )


def _id_of(
    patient: str,
    created: datetime,
    findings: Sequence[Finding],
    statements: Sequence[Statement],
    not_understood: Sequence[Text],
    reviews: Sequence[Review],
) -> str:
    """Return the id of a report, which follows from what it says."""
    seed = {
        "patient": patient,
        "created": created.isoformat(),
        "findings": [finding.id for finding in findings],
        "statements": [statement.model_dump(mode="json") for statement in statements],
        "not_understood": [text.model_dump() for text in not_understood],
    }
    if reviews:
        seed["reviews"] = [review.model_dump(mode="json") for review in reviews]
    return digest_of(canonical(seed))[:32]


def _references(case: Case) -> tuple[Reference, ...]:
    return tuple(record.reference for record in case.records)


def _of_case(case: Case, nothing: bool) -> list[Statement]:
    """Return what the records say themselves; with `nothing` also that no question was answered."""
    said = []
    if nothing and case.records:
        text = both("No automated question could be answered from the records given.")
        records = _references(case)
        said.append(Statement(section=Section.IMPRESSION, text=text, records=records))
    return [
        *said,
        *list_statements(case),
        *observation_statements(case),
        *document_statements(case),
    ]


def in_order(statements: Sequence[Statement]) -> list[Statement]:
    """Return the statements in the reading order of their sections."""
    return sorted(statements, key=lambda statement: SECTION_ORDER[statement.section])


def finding_statements(
    findings: Sequence[Finding], edited: Mapping[str, Review], created: datetime
) -> list[Statement]:
    """Return the impression, the findings and what was not answered.

    `edited` holds, by finding id, the reviews whose text replaces a finding's own sentences.
    """
    ordered = problems(findings)
    weak = [p for p in ordered if p.proposed and p.findings[0].id not in edited]
    strong = [p for p in ordered if p not in weak]
    told = [p for p in strong if not p.lacking] or strong
    statements = [line for problem in told for line in _impression(problem, edited)]
    statements += _proposed(weak)
    statements += _counts(ordered, edited)
    for problem in ordered:
        statements += _details(problem, edited, created)
    statements += noted.statements(findings)
    return in_order(statements)


def _statement(section: Section, text: Text, *findings: Finding) -> Statement:
    return Statement(
        section=section, text=text, findings=tuple(dict.fromkeys(f.id for f in findings))
    )


def _where(problem: Problem) -> Text:
    parts = [problem.label] + ([inside(problem.site.name)] if problem.site else [])
    return joined(parts, ", ", "，")


def _impression(problem: Problem, edited: Mapping[str, Review]) -> list[Statement]:
    """Return the sentence on a problem, and one for each text a person put in its place."""
    statements = [
        _statement(
            Section.IMPRESSION,
            both("%(what)s: %(text)s", what=_where(problem), text=same(edited[f.id].text)),
            f,
        )
        for f in problem.findings
        if f.id in edited
    ]
    kept = replace(problem, findings=tuple(f for f in problem.findings if f.id not in edited))
    if not kept.findings:
        return statements
    parts, sources = [], []
    if longest := kept.longest:
        measure, source = longest
        parts.append(_named(kept, measure.code, quantity(measure.interval, measure.unit)))
        sources.append(source)
    if (answer := kept.answer) and answer.probability:
        parts.append(_named(kept, answer.code, probability(answer.probability)))
        parts.append(both(BAND_WORDS[answer.band]))
        sources.append(answer)
    if (mark := kept.mark) and mark.probability and mark is not kept.answer:
        value = percent(mark.probability.value)
        parts.append(both("marked by the search as a nodule: %(value)s", value=value))
        sources.append(mark)
    for finding in kept.findings:
        if finding.band is Band.ABSTAIN:
            parts.append(_not_answered(finding))
            sources.append(finding)
        elif lesions.is_assessment(finding) or lesions.is_change(finding):
            parts += _assessed(kept, finding)
            sources.append(finding)
    if kept.findings[0].code.system == SEEK_CARE:
        parts, sources = [both("seek care now")], [kept.findings[0]]
    if not parts:
        parts = [_measured(kept, measure) for measure, _ in kept.measures]
        sources = [source for _, source in kept.measures]
    text = both("%(what)s: %(text)s.", what=_where(kept), text=joined(parts))
    return [*statements, _statement(Section.IMPRESSION, text, *sources)]


def _proposed(weak: Sequence[Problem]) -> list[Statement]:
    """Return one sentence on everything that a search proposed weakly."""
    if not weak:
        return []
    names = [both("%(what)s (%(value)s)", what=_where(p), value=_sure(p)) for p in weak]
    text = both("Weaker marks of the search, not measured: %(marks)s.", marks=joined(names))
    return [_statement(Section.IMPRESSION, text, *(p.findings[0] for p in weak))]


def _sure(problem: Problem) -> str:
    """Return how sure a search is of what it proposed."""
    found = problem.findings[0].probability
    return percent(found.value) if found else "?"


def _assessed(problem: Problem, finding: Finding) -> list[Text]:
    """Return a category, what came or went, or how much a lesion changed."""
    if lesions.is_assessment(finding):
        return [concept(finding.code)]
    return [
        _named(problem, m.code, quantity(m.interval, m.unit))
        for m in finding.measures
        if m.code in (VOLUME_CHANGE, DOUBLING_TIME)
    ]


def _named(problem: Problem, code: Code, value: Text) -> Text:
    """Return the concept with its value; the value alone where the problem is called so already."""
    if concept(code) == problem.label:
        return value
    return both("%(name)s %(value)s", name=inside(concept(code)), value=value)


def _measured(problem: Problem, measure: Measure) -> Text:
    """Return a measure with its value; of a coded fact that is there only its name."""
    if measure.unit == "1" and measure.interval.low == measure.interval.high == 1:
        return inside(measure.code.name)
    return _named(problem, measure.code, quantity(measure.interval, measure.unit))


def _counts(ordered: Sequence[Problem], edited: Mapping[str, Review]) -> list[Statement]:
    """Return how many problems lie in each band, when there is more than one to count."""
    leading = [p.findings[0] for p in ordered if p.findings[0].id not in edited and not p.proposed]
    counted = [f for f in leading if f.probability or f.band is Band.ABSTAIN]
    if len(counted) < 2:
        return []
    bands = [
        both(words, count=count)
        for band, words in COUNTED.items()
        if (count := sum(finding.band is band for finding in counted))
    ]
    text = both(
        "Assessed: %(total)s (%(bands)s).", total=len(counted), bands=joined(bands, ", ", "，")
    )
    return [_statement(Section.SUMMARY, text, *counted)]


def _details(problem: Problem, edited: Mapping[str, Review], created: datetime) -> list[Statement]:
    statements = []
    for finding in problem.findings:
        if finding.id in edited:
            text = both(
                "%(what)s: %(text)s", what=_where(problem), text=same(edited[finding.id].text)
            )
            statements.append(_statement(Section.FINDINGS, text, finding))
        elif problem.proposed:
            note = next((e.note for e in finding.evidence if e.note), None)
            text = both("%(what)s: %(value)s.", what=_where(problem), value=_sure(problem))
            parts = [text, note] if note else [text]
            statements.append(_statement(Section.FINDINGS, sentences(parts), finding))
        elif finding.band is Band.ABSTAIN:
            statements.append(
                _statement(Section.UNANSWERED, _unanswered(problem, finding), finding)
            )
        else:
            statements.append(
                _statement(Section.FINDINGS, _answer(problem, finding, created), finding)
            )
    measured_first = {f.id: (f.probability is not None) for f in problem.findings}
    return sorted(statements, key=lambda s: measured_first[s.findings[0]])


def _not_answered(finding: Finding) -> Text:
    """Return the words in place of an answer; without a lesion the question stands before them."""
    if finding.tracking is None:
        return both("not answered")
    return both("not answered (%(concept)s)", concept=inside(concept(finding.code)))


def _unanswered(problem: Problem, finding: Finding) -> Text:
    return both(
        "%(what)s: %(text)s. %(reason)s",
        what=_where(problem),
        text=_not_answered(finding),
        reason=finding.reason or "",
    )


def _answer(problem: Problem, finding: Finding, created: datetime) -> Text:
    facts = [_measured(problem, measure) for measure in finding.measures]
    if lesions.is_assessment(finding):
        facts = [concept(finding.code), *facts]
    if finding.probability:
        value = _named(problem, finding.code, probability(finding.probability))
        facts = [joined([value, both(BAND_WORDS[finding.band])], ": ", "，"), *facts]
    parts = [both("%(what)s: %(text)s.", what=_where(problem), text=joined(facts))]
    if finding.reason:
        parts.append(finding.reason)
    if finding.valid_until and finding.valid_until <= created:
        parts.append(
            both("This value expired on %(at)s and is not current.", at=moment(finding.valid_until))
        )
    return sentences(parts)


def _limits(
    findings: Sequence[Finding], records: Sequence[Reference], not_understood: Sequence[Text]
) -> list[Statement]:
    texts = [
        both("Research and decision support, to be confirmed by a clinician. Not a medical device.")
    ]
    if any(finding.probability for finding in findings):
        texts.append(
            both(
                "Each probability is a calibrated estimate from the evidence listed with it, not "
                "from everything recorded about the patient; its interval is the model's own "
                "uncertainty."
            )
        )
    if not_understood:
        texts.append(
            both(
                "Inputs that could not be read and were not considered: %(count)s "
                "(see “Not understood”).",
                count=len(not_understood),
            )
        )
    ids = tuple(finding.id for finding in findings)
    if not (ids or records):
        return []
    return [
        Statement(
            section=Section.LIMITS, text=text, findings=ids, records=() if ids else tuple(records)
        )
        for text in texts
    ]


def recompose(report: Report, findings: Sequence[Finding]) -> list[Statement]:
    """Return the statements of `report` as they read with only `findings` left and edits applied.

    What rests on records alone stays as it was composed; so does what quotes them, while something
    it is about is left.
    """
    left = tuple(finding.id for finding in findings)
    statements = finding_statements(findings, edits(report), report.created)
    statements += noted.changes(report.findings, report.reviews)
    for statement in report.statements:
        if not statement.findings:
            statements.append(statement)
        elif statement.section == Section.QUOTED:
            statements += quotations.left(statement, left)
        elif statement.section == Section.LIMITS:
            records = statement.records or ("Patient/" + report.patient,)
            update = {"findings": left, "records": () if left else records}
            statements.append(statement.model_copy(update=update))
    return in_order(statements)
