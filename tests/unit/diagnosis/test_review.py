"""A person accepts, edits or rejects findings, signs the report, or withdraws it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from suwen.core.codes import Text
from suwen.core.errors import BadInput, Conflict, NotFound
from suwen.core.nouns import Act, Finding, Report
from suwen.diagnosis.problems import shown, urgency
from suwen.diagnosis.review import carry_over, review, sign, withdraw
from suwen.diagnosis.wording import Section

AT = datetime(2026, 3, 2, 11, tzinfo=UTC)


def malignancy_of(report: Report, label: str) -> Finding:
    return next(
        f
        for f in report.findings
        if f.tracking and f.tracking.label == label and f.task == "imaging.nodule_malignancy"
    )


def text_of(report: Report) -> str:
    return "\n".join(s.text.en + s.text.zh for s in report.statements)


def test_a_rejected_probability_leaves_the_report_but_the_measurement_stays(report: Report) -> None:
    suspicious = malignancy_of(report, "Nodule 2")
    after = review(report, suspicious.id, Act.REJECTED, "dr-wang", "a vessel", at=AT)
    assert "87%" in text_of(report)
    assert "87%" not in text_of(after)
    assert "longest diameter 18.4 mm" in text_of(after)
    assert suspicious not in shown(after)
    assert suspicious in after.findings
    assert all(suspicious.id not in s.findings for s in after.statements)
    assert after.reviews[-1].reason == "a vessel"


def test_rejecting_the_most_worrying_finding_lowers_the_urgency(report: Report) -> None:
    after = review(
        report, malignancy_of(report, "Nodule 2").id, Act.REJECTED, "dr-wang", "a vessel", at=AT
    )
    assert urgency(after)[0] < urgency(report)[0]
    assert urgency(after)[1].en.startswith("Nodule 3")


def test_accepting_after_rejecting_brings_the_finding_back(report: Report) -> None:
    key = malignancy_of(report, "Nodule 2").id
    rejected = review(report, key, Act.REJECTED, "dr-wang", "a vessel", at=AT)
    back = review(rejected, key, Act.ACCEPTED, "dr-wang", at=AT)
    assert [s for s in back.statements if s.section != Section.LIMITS] == [
        s for s in report.statements if s.section != Section.LIMITS
    ]
    assert [r.act for r in back.reviews] == [Act.REJECTED, Act.ACCEPTED]


def test_an_edit_replaces_the_sentences_by_the_persons_words(report: Report) -> None:
    key = malignancy_of(report, "Nodule 2").id
    words = "Spiculated mass, PET-CT advised."
    after = review(report, key, Act.EDITED, "dr-wang", "seen on thin slices", words, AT)
    impression = [s.text.en for s in after.statements if s.section == Section.IMPRESSION]
    assert impression[0] == "Nodule 2, right lung: Spiculated mass, PET-CT advised."
    assert "87%" not in text_of(after)
    assert urgency(after) == (
        urgency(report)[0],
        Text(en=f"Nodule 2: {words}", zh=f"结节 2：{words}"),
    )
    assert "rule-in range 1" not in text_of(after)


def test_rejecting_everything_leaves_records_and_limits_only(report: Report) -> None:
    after = report
    for finding in report.findings:
        after = review(after, finding.id, Act.REJECTED, "dr-wang", "wrong patient side", at=AT)
    assert {s.section for s in after.statements} == {
        Section.CONTEXT,
        Section.DOCUMENTS,
        Section.LIMITS,
    }
    assert urgency(after) == (0.0, urgency(after)[1])


def test_signing_accepts_what_was_not_reviewed(report: Report) -> None:
    key = malignancy_of(report, "Nodule 2").id
    final = sign(review(report, key, Act.REJECTED, "dr-wang", "a vessel", at=AT), "dr-li", AT)
    assert final.status == "final"
    assert (final.signed_by, final.signed_at) == ("dr-li", AT)
    acts = {entry.finding: entry.act for entry in final.reviews}
    assert acts.pop(key) is Act.REJECTED
    assert set(acts.values()) == {Act.ACCEPTED}
    assert set(acts) | {key} == {f.id for f in final.findings}


def test_a_signed_report_is_never_changed(report: Report) -> None:
    final = sign(report, "dr-li", AT)
    with pytest.raises(Conflict, match="final"):
        sign(final, "dr-wang", AT)
    with pytest.raises(Conflict, match="final"):
        review(final, final.findings[0].id, Act.ACCEPTED, "dr-wang", at=AT)


def test_a_report_is_withdrawn_once_with_a_reason(report: Report) -> None:
    gone = withdraw(sign(report, "dr-li", AT), "dr-li", "wrong series", AT + timedelta(hours=1))
    assert gone.status == "withdrawn"
    assert gone.reviews[-1].act is Act.WITHDRAWN
    assert gone.reviews[-1].reason == "wrong series"
    assert urgency(gone)[0] == 0.0
    with pytest.raises(Conflict, match="withdrawn"):
        withdraw(gone, "dr-li", "again", AT)
    with pytest.raises(Conflict, match="withdrawn"):
        sign(gone, "dr-li", AT)


def test_acts_without_what_they_need_are_refused(report: Report) -> None:
    key = report.findings[0].id
    with pytest.raises(BadInput, match="no reason"):
        review(report, key, Act.REJECTED, "dr-wang")
    with pytest.raises(BadInput, match="no text"):
        review(report, key, Act.EDITED, "dr-wang", "typing error")
    with pytest.raises(BadInput, match="nobody"):
        review(report, key, Act.ACCEPTED, " ")
    with pytest.raises(BadInput, match="'signed'"):
        review(report, key, Act.SIGNED, "dr-wang")
    with pytest.raises(NotFound, match="no such finding"):
        review(report, "0" * 32, Act.ACCEPTED, "dr-wang")
    with pytest.raises(BadInput, match="no reason"):
        withdraw(report, "dr-wang", " ", AT)
    with pytest.raises(BadInput, match="before the report"):
        sign(report, "dr-wang", report.created - timedelta(minutes=1))


def test_a_reviewed_report_survives_storage(report: Report) -> None:
    final = sign(review(report, report.findings[0].id, Act.REJECTED, "a", "b", at=AT), "dr-li", AT)
    assert Report.model_validate_json(final.model_dump_json()).statements == final.statements


def test_what_was_rejected_stays_rejected_when_the_case_is_diagnosed_again(report: Report) -> None:
    suspicious = malignancy_of(report, "Nodule 2")
    before = review(report, suspicious.id, Act.REJECTED, "dr-wang", "a vessel", at=AT)
    anew = report.model_copy(update={"id": "another", "created": AT + timedelta(hours=1)})
    after = carry_over(anew, [before])
    assert "87%" in text_of(anew)
    assert "87%" not in text_of(after)
    assert suspicious not in shown(after)
    assert after.reviews == before.reviews


def test_the_last_word_on_a_finding_is_the_one_carried_over(report: Report) -> None:
    suspicious = malignancy_of(report, "Nodule 2")
    first = review(report, suspicious.id, Act.REJECTED, "dr-wang", "a vessel", at=AT)
    later = review(report, suspicious.id, Act.ACCEPTED, "dr-li", at=AT + timedelta(minutes=5))
    assert suspicious in shown(carry_over(report, [later, first]))
    assert suspicious not in shown(carry_over(report, [first]))


def test_neither_a_withdrawn_report_nor_another_answer_is_carried_over(report: Report) -> None:
    suspicious = malignancy_of(report, "Nodule 2")
    before = review(report, suspicious.id, Act.REJECTED, "dr-wang", "a vessel", at=AT)
    withdrawn = withdraw(before, "dr-wang", "wrong patient", at=AT)
    assert carry_over(report, [withdrawn]) == report
    signed = sign(report, "dr-wang", AT)
    assert carry_over(report, [signed]) == report, "a signature alone is no review of a finding"
    others = tuple(f for f in report.findings if f.id != suspicious.id)
    without = report.model_copy(
        update={
            "findings": others,
            "statements": tuple(s for s in report.statements if suspicious.id not in s.findings),
        }
    )
    assert carry_over(without, [before]) == without
