"""A draft report says what was found, the most worrying first, and what each sentence rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suwen.core.codes import LONGEST_DIAMETER, NEWS2, PULMONARY_NODULE, Code, Text
from suwen.core.nouns import (
    PROBABILITY,
    Band,
    Case,
    Finding,
    Interval,
    Measure,
    Record,
    Report,
    Status,
    Tracking,
)
from suwen.core.quantities import number, percent
from suwen.diagnosis.compose import compose
from suwen.diagnosis.problems import problems, urgency
from suwen.diagnosis.view import Particulars, view
from suwen.diagnosis.wording import Section, quantity, quoted


def said(report: Report, section: Section) -> list[str]:
    return [s.text.en for s in report.statements if s.section == section]


def test_the_suspicious_nodule_stands_first_and_the_likely_benign_one_last(report: Report) -> None:
    names = [line.partition(",")[0] for line in said(report, Section.IMPRESSION)]
    assert names == ["Nodule 2", "Nodule 3", "Nodule 4", "Nodule 1"]


def test_segmentation_and_malignancy_of_one_nodule_are_one_sentence_of_the_impression(
    report: Report,
) -> None:
    first = next(s for s in report.statements if s.section == Section.IMPRESSION)
    assert first.text.en == (
        "Nodule 2, right lung: longest diameter 18.4 mm (95% CI 17.5 to 19.5); probability of "
        "malignancy 87% (95% CI 74% to 94%); high, in the rule-in range."
    )
    assert first.text.zh == (
        "结节 2，右肺：最长径 18.4 mm（95% 置信区间 17.5–19.5）；恶性概率 87%（95% 置信区间 "
        "74%–94%）；高，处于纳入诊断区间。"
    )
    tasks = {f.task for f in report.findings if f.id in first.findings}
    assert tasks == {"imaging.nodule_segmentation", "imaging.nodule_malignancy"}


def mark_of(finding: Finding, value: float, band: Band, **update: object) -> Finding:
    """A mark of the search on the nodule of another finding."""
    mark = Finding(
        task="imaging.nodule_detection",
        pack=finding.pack,
        code=PULMONARY_NODULE,
        status=Status.SUGGESTED,
        band=band,
        probability=Interval(value=value, low=value / 2, high=(1 + value) / 2),
        evidence=finding.evidence[:1],
        tracking=finding.tracking,
        site=finding.site,
    )
    return mark.model_copy(update=update)


def test_a_nodule_that_the_search_marked_says_how_sure_the_search_is(
    case: Case, findings: list[Finding]
) -> None:
    scored = next(f for f in findings if f.tracking and f.tracking.label == "Nodule 2")
    mark = mark_of(scored, 0.62, Band.RULE_IN)
    report = compose(case, [*findings, mark], (), case.at)
    first = next(s for s in report.statements if s.section == Section.IMPRESSION)
    assert first.text.en.endswith("rule-in range; marked by the search as a nodule: 62%.")
    assert first.text.zh.endswith("搜索标记为结节：62%。")
    assert mark.id in first.findings
    others = [t for t in said(report, Section.IMPRESSION) if not t.startswith("Nodule 2")]
    assert not any("search" in text for text in others)


def test_weak_marks_are_one_sentence_at_the_end_and_raise_nothing(
    case: Case, findings: list[Finding]
) -> None:
    weak = [
        mark_of(
            findings[0],
            0.21,
            Band.GREY,
            tracking=Tracking(uid=f"1.2.9.{k}", label=f"Nodule {k}"),
            evidence=(findings[2 * k - 10].evidence[0],),
        )
        for k in (5, 6)
    ]
    report = compose(case, [*findings, *weak], (), case.at)
    lines = said(report, Section.IMPRESSION)
    assert lines[-1] == (
        "Weaker marks of the search, not measured: Nodule 5, left lung (21%); Nodule 6, left lung "
        "(21%)."
    )
    assert lines[:-1] == said(compose(case, findings, (), case.at), Section.IMPRESSION)
    assert urgency(report) == urgency(compose(case, findings, (), case.at))
    assert "Nodule 6, left lung: 21%." in said(report, Section.FINDINGS)
    before = said(compose(case, findings, (), case.at), Section.SUMMARY)
    assert said(report, Section.SUMMARY) == before, "they are not counted as grey answers"
    shown = view(report, "en", Particulars(), {})
    assert [card.title for card in shown.cards][-1] == "Weaker marks of the search, not measured"
    assert shown.cards[-1].chip == ""
    assert len(shown.cards[-1].statements) == 2
    assert len(shown.cards) == len(view(report, "zh", Particulars(), {}).cards) == 5


def test_an_unanswered_question_gives_its_reason_and_no_number(report: Report) -> None:
    (line,) = said(report, Section.UNANSWERED)
    assert line == (
        "Nodule 4, left lung: not answered (probability of malignancy). The slices are 7.5 mm "
        "thick; the model was validated up to 3 mm."
    )


def test_every_sentence_rests_on_a_finding_or_record_that_exists(
    report: Report, case: Case
) -> None:
    findings = {finding.id for finding in report.findings}
    records = {record.reference for record in case.records}
    for statement in report.statements:
        assert statement.findings or statement.records
        assert findings.issuperset(statement.findings)
        assert records.issuperset(statement.records)


def test_every_sentence_reads_in_both_languages(report: Report) -> None:
    for statement in report.statements:
        assert any("\u4e00" <= letter <= "\u9fff" for letter in statement.text.zh)
        assert statement.text.en != statement.text.zh
        assert "%(" not in statement.text.en + statement.text.zh


def test_a_high_crp_and_low_haemoglobin_are_named_with_their_range(report: Report) -> None:
    context = said(report, Section.CONTEXT)
    assert "C-reactive protein 48.2 mg/L: high (reference up to 5), 2026-02-28." in context
    assert "Haemoglobin 104 g/L: low (reference 115 to 150), 2026-02-28." in context


def test_a_rising_pulse_is_called_rising(report: Report) -> None:
    (line,) = [text for text in said(report, Section.CONTEXT) if text.startswith("Heart rate")]
    assert line == (
        "Heart rate 96 /min (2026-03-01 21:00 UTC), rising over 6 readings since 2026-03-01 06:00 "
        "UTC (lowest 78, highest 96)."
    )


def test_notes_and_the_earlier_report_are_listed_newest_first(report: Report) -> None:
    documents = said(report, Section.DOCUMENTS)
    assert documents[0] == (
        "Imaging study CT “CT chest low dose”, 2026-03-01 14:05 UTC: 1 series, 133 images."
    )
    assert documents[1] == "Note “呼吸内科门诊病历”, Referral letter, 2026-02-28."
    assert documents[-1] == (
        "Earlier report CT chest, 2025-02-11: “Solid nodule in the right upper lobe, 11 mm. "
        "Follow-up advised.”"
    )


def test_the_same_input_gives_the_same_report(case: Case, findings: list[Finding]) -> None:
    created = case.at
    first, second = (compose(case, findings, (), created) for _ in range(2))
    assert first == second
    assert first.id != compose(case, findings[:-1], (), created).id
    assert first.id != compose(case, findings, (), created + timedelta(seconds=1)).id


def test_a_finding_given_twice_is_reported_once(case: Case, findings: list[Finding]) -> None:
    assert compose(case, findings * 2, (), case.at) == compose(case, findings, (), case.at)


def test_without_findings_the_report_says_so(case: Case) -> None:
    report = compose(case, (), (), case.at)
    assert said(report, Section.IMPRESSION) == [
        "No automated question could be answered from the records given."
    ]


def test_an_empty_case_gives_an_empty_report_without_unfounded_sentences(case: Case) -> None:
    assert compose(replace(case, records=()), (), (), case.at).statements == ()


def test_an_expired_score_is_called_expired(case: Case, findings: list[Finding]) -> None:
    stale = findings[1].model_copy(update={"valid_until": case.at - timedelta(hours=1)})
    report = compose(case, [stale], (), case.at)
    assert "expired on 2026-03-02 08:30 UTC and is not current" in said(report, Section.FINDINGS)[0]


def test_inputs_not_understood_are_counted_among_the_limits(report: Report) -> None:
    assert said(report, Section.LIMITS)[-1].endswith("not considered: 1 (see “Not understood”).")


def test_the_worklist_ranks_rule_in_over_grey_over_unanswered_over_rule_out(
    case: Case, findings: list[Finding]
) -> None:
    ranks = {
        name: urgency(compose(case, part, (), case.at))[0]
        for name, part in (
            ("rule-in", findings[2:4]),
            ("grey", findings[4:6]),
            ("unanswered", findings[6:]),
            ("rule-out", findings[:2]),
            ("measured", findings[:1]),
        )
    }
    assert list(ranks) == sorted(ranks, key=lambda name: -ranks[name])
    assert len(set(ranks.values())) == 5


def test_a_question_that_only_lacks_records_puts_nothing_first(
    case: Case, findings: list[Finding]
) -> None:
    suggested = findings[6].model_copy(update={"status": Status.SUGGESTED})
    assert urgency(compose(case, [findings[6]], (), case.at))[0] > 0
    assert urgency(compose(case, [suggested], (), case.at))[0] == 0


def test_what_only_lacks_records_stands_in_no_impression_beside_others(
    case: Case, findings: list[Finding]
) -> None:
    suggested = findings[6].model_copy(update={"status": Status.SUGGESTED})

    def impression(*given: Finding) -> list[str]:
        made = compose(case, given, (), case.at)
        return [s.text.en for s in made.statements if s.section == Section.IMPRESSION]

    assert impression(*findings[:2], suggested) == impression(*findings[:2])
    assert len(impression(suggested)) == 1, "alone it is all there is to say"


def test_a_high_early_warning_score_is_urgent_and_other_measures_are_not(
    case: Case, findings: list[Finding]
) -> None:
    measured = Measure(code=NEWS2, interval=Interval(value=9, low=9, high=9), unit="{score}")
    update = {"probability": None, "measures": (measured,), "tracking": None, "site": None}
    score = findings[0].model_copy(update={**update, "code": NEWS2, "band": Band.RULE_IN})
    other = score.model_copy(update={"code": PULMONARY_NODULE})
    assert urgency(compose(case, [score], (), case.at)) == (
        3.0,
        Text(en="NEWS2: 9", zh="NEWS2 早期预警评分：9"),
    )
    assert urgency(compose(case, [other], (), case.at))[0] == 0.0


def test_the_worklist_gives_the_reason_in_words(report: Report) -> None:
    rank, reason = urgency(report)
    assert rank == pytest.approx(3.87)
    assert reason.en == "Nodule 2: probability of malignancy 87%, high, in the rule-in range"
    assert reason.zh == "结节 2：恶性概率 87%，高，处于纳入诊断区间"


def test_the_order_of_findings_does_not_matter(findings: list[Finding]) -> None:
    def labels(given: Sequence[Finding]) -> list[str]:
        return [problem.label.en for problem in problems(given)]

    assert (
        labels(findings)
        == labels(findings[::-1])
        == ["Nodule 2", "Nodule 3", "Nodule 4", "Nodule 1"]
    )


@given(st.floats(0, 1))
def test_no_probability_is_ever_shown_as_certain(value: float) -> None:
    assert percent(value) not in {"0%", "100%"}


def test_a_value_without_interval_shows_none() -> None:
    assert quantity(Interval(value=7, low=7, high=7), "mm") == Text(en="7.0 mm", zh="7.0 mm")


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (905.4, "mm3", "905"),
        (46.77, "mm3", "46.8"),
        (14.25, "mm", "14.2"),
        (0.0123, "mg/L", "0.0123"),
        (12345.6, "10*9/L", "12346"),
        (0, "mg/L", "0"),
    ],
)
def test_numbers_carry_the_digits_that_mean_something(value: float, unit: str, shown: str) -> None:
    assert number(value, unit) == shown


def test_quoted_text_hides_nothing_and_reverses_nothing() -> None:
    assert quoted("Mass\u202eneg\u200b\x07  noted\n\nhere") == "Massneg noted here"
    assert quoted("a" * 400) == "a" * 299 + "…"


def test_a_finding_of_another_room_without_a_lesion_is_reported_by_its_concept(
    case: Case, findings: list[Finding]
) -> None:
    alone = findings[3].model_copy(update={"tracking": None, "site": None})
    report = compose(case, [alone], (), case.at)
    assert said(report, Section.IMPRESSION)[0].startswith("Probability of malignancy: ")


def test_of_several_classes_the_one_named_leads_and_the_others_follow_in_per_cent(
    case: Case, findings: list[Finding]
) -> None:
    kinds = [
        Code(system="http://x", code=en, name=Text(en=en, zh=zh))
        for en, zh in (("Viral pneumonia", "病毒性肺炎"), ("Normal", "正常"))
    ]
    named = next(finding for finding in findings if finding.probability).model_copy(
        update={
            "code": kinds[0],
            "tracking": None,
            "site": None,
            "probability": Interval(value=0.74, low=0.5, high=0.88),
            "measures": (
                Measure(
                    code=kinds[1],
                    interval=Interval(value=0.004, low=0.001, high=0.03),
                    unit=PROBABILITY,
                ),
            ),
        }
    )
    report = compose(case, [named], [], case.at)
    lines = [s.text for s in report.statements if s.section == Section.FINDINGS]
    assert lines[0].en.startswith("Viral pneumonia: 74% (95% CI 50% to 88%): ")
    assert "; normal <1% (95% CI <1% to 3%)." in lines[0].en
    assert "正常 <1%" in lines[0].zh


def test_an_unanswered_question_without_a_lesion_is_named_once(
    case: Case, findings: list[Finding]
) -> None:
    reason = Text(en="A whole CT without a point.", zh="整套CT未给出位置。")
    alone = findings[3].model_copy(
        update={
            "tracking": None,
            "site": None,
            "band": Band.ABSTAIN,
            "probability": None,
            "reason": reason,
        }
    )
    report = compose(case, [alone], (), case.at)
    assert said(report, Section.IMPRESSION) == ["Probability of malignancy: not answered."]
    (line,) = (s.text.zh for s in report.statements if s.section == Section.UNANSWERED)
    assert line == "恶性概率：未作判断。整套CT未给出位置。"


def test_a_note_is_not_called_a_note_twice(case: Case) -> None:
    given = next(record for record in case.records if record.type == "DocumentReference")
    plain = given.model_copy(update={"content": given.content | {"type": {"text": "Note"}}})
    report = compose(replace(case, records=(plain,)), (), (), case.at)
    (line,) = said(report, Section.DOCUMENTS)
    assert line.startswith("Note “")
    assert line.count("Note") == 1


def test_records_retracted_by_their_author_are_not_reported(case: Case) -> None:
    retracted = tuple(
        Record(
            reference=record.reference,
            content={
                **record.content,
                "status": "entered-in-error",
                "clinicalStatus": {"coding": [{"code": "resolved"}]},
            },
        )
        for record in case.records
        if record.type in {"Observation", "DocumentReference", "Condition", "DiagnosticReport"}
    )
    report = compose(replace(case, records=retracted), (), (), case.at)
    assert {s.section for s in report.statements} == {Section.IMPRESSION, Section.LIMITS}


def test_bands_and_codes_used_here_exist() -> None:
    assert set(Band) == {"rule-in", "grey", "rule-out", "abstain"}
    assert LONGEST_DIAMETER.name.zh == "最长径"
