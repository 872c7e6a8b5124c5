"""The report quotes what the notes assess and plan, and follows what clinicians correct there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import notes_scene
import pytest
import scene
from desk import Desk
from notes_scene import COUGH, PNEUMONIA, Named

from suwen.core.codes import Text
from suwen.core.nouns import Act, Report
from suwen.diagnosis.compose import compose
from suwen.notes.coding.synonyms import LocalSynonyms, stored
from suwen.notes.entities.corrections import Correction, Meant, Wish, keep
from suwen.notes.facts.current import places_of
from suwen.notes.questions import ENTITIES, FACTS
from suwen.records import finding_of
from suwen.server.case import reports
from suwen.server.case.quotations import quotations
from suwen.server.notes.case import amend_draft

LETTER = (
    "History: seen again with a cough.\nAssessment: Pneumonia, improving on amoxicillin.\n"
    "Plan: Stop amoxicillin on Friday. If there is a cough in June, see again.\n"
)
REHEARD = "复诊病历"
CHINESE = "主诉：咳嗽3天。\n诊断：肺炎，较前好转。\n处理：周五停用阿莫西林。\n"
LATER = "Later letter"
NAMED = {
    "Follow-up": (
        Named("cough", "symptom", COUGH),
        Named("Pneumonia", "problem", PNEUMONIA),
        Named("cough", "symptom", COUGH, nth=1, how={"presence": "hypothetical"}),
    ),
    REHEARD: (Named("肺炎", "problem", PNEUMONIA),),
    LATER: (Named("Cough", "symptom", COUGH),),
}
TEXTS = {
    "Follow-up": (LETTER, "text/plain"),
    REHEARD: (CHINESE, "text/plain"),
    LATER: ("Assessment: Cough is gone.\nPlan: No more visits.\n", "text/plain"),
}


@pytest.fixture
def ward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[scene.Clinic]:
    for known, own in ((notes_scene.NAMED, NAMED), (notes_scene.TEXTS, TEXTS)):
        for title, one in own.items():
            monkeypatch.setitem(known, title, one)
    made = scene.open_clinic(tmp_path / "home")
    made.patient = scene.admit(made)
    notes_scene.add_notes(made, made.patient, ("Follow-up", REHEARD))
    yield made
    made.store.close()


def found(ward: scene.Clinic, *tasks: str) -> list[Any]:
    access = ward.access()
    return [finding_of(r) for task in tasks for r in access.search("Finding", ward.patient,
                                                                  code=task)]  # fmt: skip


def drafted(ward: scene.Clinic) -> Report:
    """Store the draft as the diagnosis composes it."""
    access = ward.access()
    case, facts = access.case(ward.patient), found(ward, FACTS)
    quoted = quotations(case, [*facts, *found(ward, ENTITIES)], stored(access))
    report = compose(case, facts, [], datetime.now(UTC), quoted=quoted)
    access.put([report], ward.patient)
    return report


def lines(report: Report) -> list[str]:
    return [one.text.en for one in report.statements if one.section == "quoted"]


def newest(ward: scene.Clinic) -> Report:
    stored = reports.latest(ward.access(), ward.patient)
    assert stored is not None
    return stored.report


def judge(ward: scene.Clinic, verdict: Any, seen: int = 0, **meant: Any) -> None:
    """Let Dr Lin say something of every mention of pneumonia."""
    access = ward.access()
    (fact,) = [one for one in found(ward, FACTS) if one.code == PNEUMONIA]
    how = Meant(**({"kind": "problem", "code": PNEUMONIA} | meant))
    said = [
        Correction(place, verdict, how, place, "dr.lin", datetime.now(UTC), "read again")
        for place in places_of(fact, said=True)
    ]
    keep(access, ward.patient, Wish(tuple(said), {one.place: seen for one in said}, fact.id))
    amend_draft(access, ward.patient)


def test_problems_come_first_each_with_its_sentence_then_the_plans(ward):
    assert lines(drafted(ward)) == [
        "Pneumonia: “肺炎，较前好转。” (复诊病历, 2026-03-02)",
        "Pneumonia: “Pneumonia, improving on amoxicillin.” (Follow-up, 2026-03-01)",
        "Plan: “周五停用阿莫西林。” (复诊病历, 2026-03-02)",
        "Plan: “Stop amoxicillin on Friday.” (Follow-up, 2026-03-01)",
        "Plan: “If there is a cough in June, see again.” (Follow-up, 2026-03-01)",
    ], "a cough that is only thought of is a plan and no problem"


def test_each_is_bound_to_its_place_in_the_stored_original(ward):
    report = drafted(ward)
    blobs = {"Follow-up": LETTER, REHEARD: CHINESE}
    for one in report.statements:
        for place in one.places:
            text = next(t for title, t in blobs.items() if title in one.text.en)
            assert f"“{text[place.start : place.end]}”" in one.text.en
            assert ward.access().read(place.record, ward.patient)
    assert sum(bool(one.places) for one in report.statements) == 5


@pytest.mark.parametrize(
    ("language", "title", "line"),
    [
        ("en", "Assessed and planned in the notes", "Pneumonia: “肺炎，较前好转。” (复诊病历"),
        ("zh", "病历中的评估与计划（原文）", "肺炎：“肺炎，较前好转。”（复诊病历，2026-03-02）"),
    ],
)
def test_the_case_page_shows_them_in_the_words_of_the_note(ward, language, title, line):
    drafted(ward)
    desk = Desk(ward, "dr.lin", language)
    page = desk.get(f"/cases/{ward.patient}").text
    assert title in page
    assert line in page
    desk.http.close()


def test_a_problem_that_was_misread_takes_its_sentences_along_until_that_is_undone(ward):
    before = lines(drafted(ward))
    judge(ward, "rejected")
    assert [line.partition(":")[0] for line in lines(newest(ward))] == ["Plan"] * 3
    judge(ward, "accepted", seen=1)
    assert lines(newest(ward)) == before


def test_a_corrected_problem_keeps_its_sentences_under_its_new_name(ward):
    drafted(ward)
    judge(ward, "edited", code=notes_scene.FEVER)
    draft = newest(ward)
    assert lines(draft)[0] == "Fever: “肺炎，较前好转。” (复诊病历, 2026-03-02)"
    own = {one.id for one in draft.findings if one.person == "dr.lin"}
    assert {name for one in draft.statements if one.places for name in one.findings} & own


def test_a_signed_report_keeps_what_it_quotes(ward):
    before = lines(drafted(ward))
    stored = reports.latest(ward.access(), ward.patient)
    assert stored is not None
    wish = reports.Wish(Act.SIGNED, stored.reference)
    reports.perform(ward.access(), ward.patient, "dr.lin", wish)
    judge(ward, "rejected")
    assert newest(ward).status == "final"
    assert lines(newest(ward)) == before


def test_a_note_that_came_after_the_draft_is_not_quoted_in_it(ward):
    drafted(ward)
    notes_scene.add_notes(ward, ward.patient, (LATER,))
    judge(ward, "rejected")
    assert not any(LATER in line for line in lines(newest(ward)))
    assert any(LATER in line for line in lines(drafted(ward)))


def test_the_same_case_is_quoted_the_same_again(ward):
    case, facts = ward.access().case(ward.patient), found(ward, FACTS, ENTITIES)
    assert quotations(case, facts) == quotations(case, facts, LocalSynonyms([]))
    again = ward.access().case(ward.patient, references=[one.reference for one in case.records])
    assert quotations(again, facts) == quotations(case, facts)


def test_notes_without_assessment_and_plan_are_not_quoted(tmp_path):
    made = scene.open_clinic(tmp_path / "plain")
    made.patient = scene.admit(made)
    notes_scene.add_notes(made, made.patient)
    assert lines(drafted(made)) == []
    made.store.close()


def test_a_name_is_told_in_the_language_of_the_reader(ward):
    named = [one.about for one in quotations(ward.access().case(ward.patient), found(ward, FACTS))]
    assert named[0] == Text(en="Pneumonia", zh="肺炎")
