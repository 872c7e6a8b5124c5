"""Resources and documents in the store, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from suwen.core.codes import PULMONARY_NODULE, Text
from suwen.core.errors import BadInput, Conflict, NotFound
from suwen.core.nouns import Band, Finding, Report
from suwen.records import finding_of, report_of
from suwen.records.tables import record

NOBODY = "a" * 32


def abstaining() -> Finding:
    return Finding(
        task="imaging.nodule_malignancy",
        pack="nodule@1+" + "0" * 64,
        code=PULMONARY_NODULE,
        band=Band.ABSTAIN,
        reason=Text(en="no CT", zh="无CT"),
    )


def test_what_was_put_is_read_again(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([("urn:mrn", "1")])
    wang, pulse = doctor.put([clinic.wang(), clinic.pulse()], patient)
    again = doctor.read(pulse.reference)
    assert again == pulse
    assert again.content["valueQuantity"]["value"] == 80
    assert doctor.read(wang.reference).content["name"] == [{"family": "Wang", "given": ["Fang"]}]
    assert wang.reference == f"Patient/{patient}/_history/1"


def test_the_same_content_again_makes_no_new_version_and_no_log_entry(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([])
    first = doctor.put([clinic.wang(), clinic.pulse()], patient)
    before = clinic.store.log.head()
    assert doctor.put([clinic.wang(), clinic.pulse()], patient) == first
    assert clinic.store.log.head() == before


def test_a_correction_makes_a_second_version_and_keeps_the_first(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([])
    [wrong] = doctor.put([clinic.pulse(value=800)], patient)
    [right] = doctor.put([clinic.pulse(value=80)], patient)
    assert right.reference.endswith("/_history/2")
    assert doctor.read(wrong.reference).content["valueQuantity"]["value"] == 800
    newest = doctor.read(f"Observation/{right.id}")
    assert newest.content["valueQuantity"]["value"] == 80
    assert [v.reference for v in doctor.history(right.reference)] == [
        wrong.reference,
        right.reference,
    ]


def test_a_record_read_changed_and_put_keeps_its_id(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([])
    [first] = doctor.put([clinic.pulse()], patient)
    [second] = doctor.put([first.content | {"status": "amended"}], patient)
    assert second.id == first.id
    assert second.content["meta"] == first.content["meta"]


def test_a_deleted_record_is_gone_from_search_but_stays_in_history(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([])
    [pulse] = doctor.put([clinic.pulse()], patient)
    tombstone = doctor.delete(pulse.reference, "measured on the wrong patient")
    with pytest.raises(NotFound):
        doctor.read(f"Observation/{pulse.id}")
    assert doctor.search("Observation", patient, code="8867-4") == []
    assert doctor.case(patient).records == ()
    assert [(v.reference, v.deleted) for v in doctor.history(pulse.reference)] == [
        (pulse.reference, False),
        (tombstone, True),
    ]
    assert doctor.read(pulse.reference) == pulse
    [back] = doctor.put([clinic.pulse()], patient)
    assert back.reference.endswith("/_history/3")


def test_deleting_twice_or_an_old_version_is_refused(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([])
    [first] = doctor.put([clinic.pulse()], patient)
    [second] = doctor.put([clinic.pulse(value=81)], patient)
    with pytest.raises(Conflict):
        doctor.delete(first.reference, "a mistake")
    doctor.delete(second.reference, "a mistake")
    with pytest.raises(NotFound):
        doctor.delete(second.reference, "a mistake")
    with pytest.raises(BadInput):
        doctor.delete(second.reference, " ")


def test_one_invalid_resource_refuses_the_whole_bundle(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([])
    broken = clinic.pulse("hr-2")
    del broken["status"]
    with pytest.raises(BadInput, match=r"resource 1 \(Observation\) is not valid"):
        doctor.put([clinic.pulse(), broken], patient)
    assert doctor.search("Observation", patient) == []


@pytest.mark.parametrize("what", [{}, {"resourceType": 3}, {"resourceType": "../x"}, [], None])
def test_what_is_no_resource_is_refused(clinic, what):
    patient = clinic.doctor.new_patient([])
    with pytest.raises(BadInput):
        clinic.doctor.put([what], patient)


@pytest.mark.parametrize("meta", [[], None, "", {"extension": []}, {"extension": {}}, {"x": 1}])
def test_what_the_store_adds_to_meta_does_not_hide_that_it_was_wrong(clinic, meta):
    patient = clinic.doctor.new_patient([])
    with pytest.raises(BadInput, match=r"Observation\.meta"):
        clinic.doctor.put([clinic.pulse(meta=meta)], patient)


def test_an_id_outside_fhir_is_refused_though_the_store_gives_its_own(clinic):
    patient = clinic.doctor.new_patient([])
    for name in ("hr_1", "", 7, "x" * 65):
        with pytest.raises(BadInput, match=r"Observation\.id"):
            clinic.doctor.put([clinic.pulse(name)], patient)


def test_resources_about_two_patients_are_refused_together(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([])
    stray = clinic.pulse("hr-2", subject={"reference": "Patient/p2"})
    with pytest.raises(BadInput, match="2 different patients"):
        doctor.put([clinic.wang(), stray], patient)


def test_the_same_outside_id_in_two_patients_does_not_meet(clinic):
    doctor = clinic.doctor
    one, two = doctor.new_patient([]), doctor.new_patient([])
    [first] = doctor.put([clinic.pulse(value=60)], one)
    [second] = doctor.put([clinic.pulse(value=70)], two)
    assert first.id != second.id
    assert doctor.read("Observation/hr-1", one) == first
    assert doctor.read("Observation/hr-1", two) == second


def test_an_own_id_of_another_patient_is_refused(clinic):
    doctor = clinic.doctor
    one, two = doctor.new_patient([]), doctor.new_patient([])
    [first] = doctor.put([clinic.pulse()], one)
    with pytest.raises(Conflict, match="another patient"):
        doctor.put([clinic.pulse() | {"id": first.id, "status": "amended"}], two)
    with pytest.raises(NotFound):
        doctor.read(first.reference, two)


def test_references_between_records_follow_the_ids(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([])
    report = {
        "resourceType": "DiagnosticReport",
        "id": "dr",
        "status": "final",
        "code": {"text": "CT chest"},
        "subject": {"reference": "Patient/p1"},
        "result": [{"reference": "Observation/hr-1"}, {"reference": "#inside"}],
        "contained": [clinic.pulse("inside")],
    }
    del report["contained"][0]["subject"]
    pulse, report = doctor.put([clinic.pulse(), report], patient)
    assert report.content["result"][0] == {"reference": f"Observation/{pulse.id}"}
    assert report.content["result"][1] == {"reference": "#inside"}
    assert report.content["subject"] == {"reference": f"Patient/{patient}"}
    [given] = report.content["meta"]["extension"]
    assert given == {"url": "https://suwen.health/fhir/source-id", "valueString": "dr"}


def test_a_resource_without_id_gets_one_from_its_content(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([])
    plain = clinic.pulse()
    del plain["id"]
    [first], [again] = doctor.put([plain], patient), doctor.put([plain], patient)
    assert first == again
    [other] = doctor.put([plain | {"status": "amended"}], patient)
    assert other.id != first.id


def test_the_same_resource_twice_in_one_bundle_counts_once(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([])
    doctor.put([clinic.pulse(value=60), clinic.pulse(value=61)], patient)
    [kept] = doctor.search("Observation", patient)
    assert kept.content["valueQuantity"]["value"] == 61
    assert len(doctor.history(kept.reference)) == 1


def test_a_writer_who_saw_an_old_version_gets_a_conflict(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([])
    [pulse] = doctor.put([clinic.pulse()], patient, expected={"Observation/hr-1": 0})
    doctor.put([clinic.pulse(value=81)], patient, expected={f"Observation/{pulse.id}": 1})
    with pytest.raises(Conflict, match="stands at version 2"):
        doctor.put([clinic.pulse(value=82)], patient, expected={"Observation/hr-1": 1})
    assert doctor.read("Observation/hr-1", patient).content["valueQuantity"]["value"] == 81


def test_digits_of_a_decimal_are_stored_as_written(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([])
    doctor.put([clinic.pulse(value=Decimal("80.50"))], patient)
    with clinic.store.database.transaction() as connection:
        key = clinic.store.vault.patient_key(connection, patient)
        row = connection.execute(record.select().where(record.c.type == "Observation")).one()
    place = f"record|{patient}|Observation/{row.id}/_history/1|{row.at}"
    assert b'"value":80.50}' in key.unseal(1, place, row.content)
    assert doctor.read("Observation/hr-1", patient).content["valueQuantity"]["value"] == 80.5


def test_search_finds_by_code_date_and_identifier(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([])
    doctor.put([clinic.wang(), clinic.pulse()], patient)
    found = {
        "bare code": doctor.search("Observation", patient, code="8867-4"),
        "code": doctor.search("Observation", patient, code="http://loinc.org|8867-4"),
        "since": doctor.search("Observation", patient, since=datetime(2024, 3, 1, 2, tzinfo=UTC)),
        "until": doctor.search("Observation", patient, until=datetime(2024, 3, 1, 2, tzinfo=UTC)),
        "all patients": doctor.search("Observation"),
    }
    assert {name for name, records in found.items() if len(records) == 1} == set(found)
    nothing = {
        "system": doctor.search("Observation", patient, code="http://snomed.info/sct|8867-4"),
        "type": doctor.search("Condition", patient, code="8867-4"),
        "since": doctor.search("Observation", patient, since=datetime(2024, 3, 1, 3, tzinfo=UTC)),
        "until": doctor.search("Observation", patient, until=datetime(2024, 3, 1, 1, tzinfo=UTC)),
        "identifier": doctor.search("Patient", patient, identifier="urn:other|MRN-7788"),
    }
    assert not any(nothing.values())
    [wang] = doctor.search("Patient", identifier="urn:mrn|MRN-7788")
    assert wang.id == patient


def test_a_corrected_code_is_no_longer_found_under_the_old_one(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([])
    doctor.put([clinic.pulse()], patient)
    breaths = {"coding": [{"system": "http://loinc.org", "code": "9279-1"}]}
    doctor.put([clinic.pulse(code=breaths)], patient)
    assert doctor.search("Observation", patient, code="8867-4") == []
    assert len(doctor.search("Observation", patient, code="9279-1")) == 1


def test_a_partial_date_covers_its_whole_span(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([])
    doctor.put([clinic.pulse(effectiveDateTime="2023-02")], patient)
    assert doctor.search("Observation", patient, since=datetime(2023, 2, 28, 23))
    assert not doctor.search("Observation", patient, since=datetime(2023, 3, 1))
    assert doctor.search("Observation", patient, until=datetime(2023, 2, 1))
    assert not doctor.search("Observation", patient, until=datetime(2023, 1, 31, 23))


def test_a_finding_and_a_report_are_kept_like_resources(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([])
    finding = abstaining()
    draft = Report(
        id="r-1", patient=patient, created=datetime.now(UTC), findings=(finding,), statements=()
    )
    kept, report = doctor.put([finding, draft], patient)
    assert finding_of(kept) == finding
    assert finding_of(doctor.read(f"Finding/{finding.id}", patient)) == finding
    assert doctor.search("Finding", patient, code="imaging.nodule_malignancy") == [kept]
    assert doctor.search("Report", code="draft") == [report]
    signed = draft.model_copy(
        update={"status": "final", "signed_by": "dr-li", "signed_at": datetime.now(UTC)}
    )
    [final] = doctor.put([signed], patient, expected={"Report/r-1": 1})
    assert final.reference == report.reference.replace("_history/1", "_history/2")
    assert report_of(doctor.read("Report/r-1", patient)) == signed
    assert doctor.search("Report", code="draft") == []
    assert doctor.case(patient).records == ()
    with pytest.raises(BadInput):
        finding_of(final)


def test_a_document_that_is_not_the_noun_it_claims_is_refused(clinic):
    patient = clinic.doctor.new_patient([])
    with pytest.raises(BadInput, match="Finding is not valid"):
        clinic.doctor.put([{"resourceType": "Finding", "task": "x"}], patient)


def test_a_case_is_the_record_at_a_moment(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([])
    [first] = doctor.put([clinic.pulse(value=60)], patient)
    then = datetime.now(UTC)
    [second] = doctor.put([clinic.pulse(value=90)], patient)
    [third] = doctor.put([clinic.pulse("hr-2", value=70)], patient)
    assert doctor.case(patient, at=then).records == (first,)
    assert doctor.case(patient).records == (second, third)
    assert doctor.case(patient, at=datetime(2000, 1, 1, tzinfo=UTC)).records == ()
    exactly = doctor.case(
        patient, references=[third.reference, first.reference, "blob/" + "0" * 64]
    )
    assert exactly.records == (first, third)


def test_a_case_by_references_holds_no_other_patients_record(clinic):
    doctor = clinic.doctor
    one, two = doctor.new_patient([]), doctor.new_patient([])
    [pulse] = doctor.put([clinic.pulse()], one)
    with pytest.raises(NotFound):
        doctor.case(two, references=[pulse.reference])


def test_the_worklist_names_each_patient(clinic):
    doctor = clinic.doctor
    empty = doctor.new_patient([])
    patient = doctor.new_patient([])
    doctor.put([clinic.wang(), clinic.pulse()], patient)
    first, second = doctor.patients()
    assert (first.patient, first.name, first.birth_date, first.sex, first.records) == (
        patient,
        "Fang Wang",
        "1958-04-02",
        "female",
        2,
    )
    assert (second.patient, second.name, second.updated, second.records) == (empty, "", None, 0)


def test_the_same_identifiers_are_the_same_patient(clinic):
    doctor = clinic.doctor
    patient = doctor.new_patient([("urn:mrn", "1")])
    assert doctor.new_patient([("urn:id", "9"), ("urn:mrn", "1")]) == patient
    assert doctor.new_patient([("urn:id", "9")]) == patient
    stranger = doctor.new_patient([("urn:mrn", "2")])
    assert stranger != patient
    with pytest.raises(Conflict, match="different patients"):
        doctor.new_patient([("urn:mrn", "1"), ("urn:mrn", "2")])


def test_an_unknown_reference_is_not_found_and_nonsense_is_refused(clinic):
    doctor = clinic.doctor
    with pytest.raises(NotFound):
        doctor.read(f"Observation/{NOBODY}")
    for nonsense in ("", "Observation", "Observation/../x", "Observation/a/_history/0", "blob/1"):
        with pytest.raises(BadInput):
            doctor.read(nonsense)
    with pytest.raises(BadInput):
        doctor.search("No Such Type'")
