"""Patients read what a clinician has signed; a draft stays with those who work on it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.unit.records.test_store import abstaining

from suwen.core.errors import NotFound
from suwen.core.nouns import Report
from suwen.records import Person


@pytest.fixture
def wang(clinic):
    return clinic.doctor.new_patient([("urn:mrn", "1")])


@pytest.fixture
def herself(clinic, wang):
    return clinic.store.session(Person("p-wang", "Wang", "patient", patient=wang), "patient")


def put_draft(doctor, patient):
    finding = abstaining()
    report = Report(
        id="r-1", patient=patient, created=datetime.now(UTC), findings=(finding,), statements=()
    )
    doctor.put([finding, report], patient)
    return finding, report


def signature(report):
    now = datetime.now(UTC)
    return report.model_copy(update={"status": "final", "signed_by": "dr-li", "signed_at": now})


def reads(access, patient, finding):
    """Return every way to a report and to a finding that stands in it."""
    return (
        lambda: access.read("Report/r-1", patient),
        lambda: access.read(f"Finding/{finding.id}", patient),
    )


def test_a_patient_reads_neither_a_draft_nor_its_findings(clinic, wang, herself):
    finding, _ = put_draft(clinic.doctor, wang)
    for act in reads(herself, wang, finding):
        with pytest.raises(NotFound, match="not signed"):
            act()
    assert herself.search("Report", wang) == herself.search("Report") == []
    assert herself.search("Finding", wang) == []
    assert all(act() for act in reads(clinic.doctor, wang, finding))
    assert len(clinic.doctor.search("Report", wang)) == 1


def test_a_signature_opens_the_report_and_its_findings_but_not_the_draft_before(
    clinic, wang, herself
):
    finding, draft = put_draft(clinic.doctor, wang)
    clinic.doctor.put([signature(draft)], wang, expected={"Report/r-1": 1})
    assert all(act() for act in reads(herself, wang, finding))
    assert len(herself.search("Report", wang)) == len(herself.search("Finding", wang)) == 1
    with pytest.raises(NotFound, match="not signed"):
        herself.read("Report/r-1/_history/1", wang)


def test_a_withdrawn_report_is_closed_again(clinic, wang, herself):
    finding, draft = put_draft(clinic.doctor, wang)
    final = signature(draft)
    clinic.doctor.put([final], wang, expected={"Report/r-1": 1})
    clinic.doctor.put(
        [final.model_copy(update={"status": "withdrawn"})], wang, expected={"Report/r-1": 2}
    )
    for act in reads(herself, wang, finding):
        with pytest.raises(NotFound, match="not signed"):
            act()


def test_who_has_broken_the_glass_reads_drafts(clinic, wang):
    finding, _ = put_draft(clinic.doctor, wang)
    clinic.other.break_glass(wang, "unconscious in the emergency room")
    assert all(act() for act in reads(clinic.other, wang, finding))


def note(status):
    """A note of a visit, as FHIR has it."""
    return {
        "resourceType": "Composition",
        "id": "n-1",
        "status": status,
        "type": {"text": "Progress note"},
        "date": "2026-03-01",
        "author": [{"display": "Dr Li"}],
        "title": "Note of the visit",
    }


def put_note(clinic, patient, status, version=0):
    expected = {"Composition/n-1": version}
    (record,) = clinic.doctor.put([note(status)], patient, expected=expected)
    return record.reference


def test_a_note_is_closed_until_somebody_attests_it_and_its_draft_stays_closed(
    clinic, wang, herself
):
    draft = put_note(clinic, wang, "preliminary")
    with pytest.raises(NotFound, match="not signed"):
        herself.read(draft, wang)
    assert herself.search("Composition", wang) == herself.search("Composition") == []
    assert herself.case(wang).of("Composition") == ()
    assert len(clinic.doctor.case(wang).of("Composition")) == 1
    final = put_note(clinic, wang, "final", 1)
    assert herself.read(final, wang).content["status"] == "final"
    assert len(herself.search("Composition", wang)) == 1
    assert len(herself.case(wang).of("Composition")) == 1
    with pytest.raises(NotFound, match="not signed"):
        herself.read(draft, wang)


@pytest.mark.parametrize("before", ["preliminary", "final"])
def test_a_rejected_draft_and_a_withdrawn_note_are_closed(clinic, wang, herself, before):
    put_note(clinic, wang, before)
    wrong = put_note(clinic, wang, "entered-in-error", 1)
    with pytest.raises(NotFound, match="not signed"):
        herself.read(wrong, wang)
    assert herself.search("Composition", wang) == []
    assert clinic.doctor.read(wrong, wang)


def test_a_note_that_was_amended_elsewhere_is_open(clinic, wang, herself):
    assert herself.read(put_note(clinic, wang, "amended"), wang)
