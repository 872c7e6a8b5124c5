"""A visit's note, once confirmed, is read by the shipped packs and quoted by the report."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import pytest

from suwen.app.diagnose import PURPOSE, Diagnosis
from suwen.core.nouns import Report, TextSpan
from suwen.core.settings import Settings
from suwen.lifecycle.logged import ACT
from suwen.lifecycle.run import replay
from suwen.notes.reading.case import notes_of
from suwen.notes.visits.records import VisitNote
from suwen.notes.visits.visit import Wanted, changed, confirm, drafted, keep, withdraw
from suwen.records import Access, Person, Store, report_of

DOCTOR = Person("dr-li", "Li Na", "clinician")
TALKS = {
    "en": "Doctor: What brings you in today?\n"
    "Patient: I have had a cough for three weeks. I take metformin 500 mg twice a day.\n"
    "Doctor: Any fever?\nPatient: No.\n"
    "Doctor: I think this is pneumonia. I will order a chest x-ray.\n",
    "zh": "医生：哪里不舒服？\n患者：我咳嗽三周了，有黄痰。\n医生：发烧吗？\n患者：不发烧。\n"
    "医生：考虑是肺炎。\n医生：我给您开左氧氟沙星0.5克，吃7天。\n",
}


@pytest.fixture
def access(tmp_path, settled):
    settled(home=tmp_path / "home")
    with Store.open(Settings(home=tmp_path / "home")) as store:
        store.add_person(DOCTOR, "x")
        yield store.session(DOCTOR, PURPOSE)


@pytest.fixture
def patient(access: Access) -> str:
    return access.new_patient([("urn:mrn", "1")])


def report(access: Access, patient: str) -> Report:
    """Run the whole diagnosis on what is stored."""
    payload = {
        "kind": "diagnose",
        "person": asdict(DOCTOR),
        "patient": patient,
        "created": datetime.now(UTC).isoformat(),
    }
    body = Diagnosis(access._store, search=False)
    result = body(payload, lambda name, step, state: step(state))
    return report_of(access.read(f"Report/{result['report']}", patient))


def facts(report: Report) -> dict[str, list[str]]:
    """Return where each fact stands, by its name in English."""
    return {
        one.code.name.en.lower(): [e.record for e in one.evidence if isinstance(e, TextSpan)]
        for one in report.findings
        if one.task == "notes.facts"
    }


def quoted(report: Report) -> list[str]:
    return [one.text.en for one in report.statements if one.section == "quoted"]


def with_impression(note: VisitNote) -> list[Wanted]:
    return [Wanted(one.id, one.section, one.text) for one in note.lines]


@pytest.mark.parametrize(
    ("language", "fact", "sentence"),
    [("en", "cough", "chest x-ray"), ("zh", "cough", "左氧氟沙星")],
)
def test_a_note_is_read_and_quoted_once_it_is_confirmed_and_no_more_once_withdrawn(
    access, patient, language, fact, sentence
):
    note = keep(access, patient, TALKS[language], drafted(TALKS[language]))
    before = report(access, patient)
    assert facts(before) == {}, "neither the talk nor a draft is read"
    assert quoted(before) == []
    lines = [*with_impression(note), Wanted("", "plan", "Return on Friday.")]
    note = confirm(
        access, patient, keep(access, patient, TALKS[language],
                              changed(note.lines, lines, DOCTOR.id)),
    )  # fmt: skip
    after = report(access, patient)
    (read,) = notes_of(access.case(patient))
    assert set(facts(after)[fact]) == {read.note.record}
    assert read.note.record.startswith(f"Composition/{note.id}/")
    assert any(sentence in line for line in quoted(after))
    for one in after.statements:
        for place in one.places:
            assert place.record == read.note.record
            words = read.original[place.start : place.end]
            assert f"“{words}”" in one.text.en
    assert report(access, patient).id == after.id, "nothing new, no second draft"
    withdraw(access, patient, note, "wrong patient")
    gone = report(access, patient)
    assert facts(gone) == {}
    assert quoted(gone) == []
    for one in access.decisions(patient):
        if one.act == ACT:
            result = replay(one, access)
            assert result.same, result.changes
