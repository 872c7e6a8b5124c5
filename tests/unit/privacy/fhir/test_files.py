"""FHIR: what the policy does not name is gone, what it names stays valid and aligned."""

from __future__ import annotations

import base64
import json
from datetime import date
from typing import Any

import pytest

from suwen.core.errors import BadInput, UnsafeInput
from suwen.privacy.fhir import files as fhir
from suwen.privacy.fhir import reading as fhir_reading
from suwen.privacy.fhir.policy import code_of, policy, verhoeff
from suwen.privacy.fhir.values import ACTIONS, PSEUDONYM
from suwen.privacy.subjects.person import Cast, Person
from suwen.privacy.subjects.subject import Subject
from suwen.records.fhir.door import validate

SECRET = b"the secret of the project of the tests"
COMMON = Person(Subject.of(SECRET, "common"), clean_text=lambda text: text)
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "jane-doe-1961",
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Jane</div>'},
    "identifier": [{"system": "http://hospital.example/mrn", "value": "4839201"}],
    "name": [{"given": ["Jane"], "family": "Doe"}],
    "telecom": [{"system": "phone", "value": "508-481-5000"}],
    "gender": "female",
    "birthDate": "1961-04-12",
    "address": [{"line": ["1 Main St"], "city": "Boston", "state": "MA", "postalCode": "02115"}],
    "contact": [{"name": {"family": "Doe", "given": ["John"]}}],
    "photo": [{"contentType": "image/png", "data": "AAAA"}],
}
JANE = Person(
    Subject.of(SECRET, "jane"), fhir_reading.known_of(PATIENT), lambda text: text.replace("IX", "")
)
CAST = Cast(COMMON, lambda _: JANE)


def through(*resources: dict[str, Any]) -> list[dict[str, Any]]:
    data = "\n".join(json.dumps(one) for one in resources).encode()
    return [json.loads(line) for line in fhir.deidentify(data, CAST).splitlines()]


def observation(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": "hr-1",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": "Patient/jane-doe-1961", "display": "Jane Doe"},
        "effectiveDateTime": "2021-03-04T10:00:00+01:00",
        **more,
    }


def test_a_patient_keeps_sex_year_of_birth_state_and_three_zip_digits() -> None:
    (patient,) = through(PATIENT)
    pseudonym = JANE.subject.pseudonym
    born = (date(1961, 4, 12) + JANE.subject.shift).year
    assert patient == {
        "resourceType": "Patient",
        "id": pseudonym,
        "identifier": [{"system": PSEUDONYM, "value": pseudonym}],
        "name": [{"use": "anonymous", "family": pseudonym}],
        "gender": "female",
        "birthDate": str(born),
        "address": [{"state": "MA", "postalCode": "021"}],
    }


def test_a_reference_still_leads_to_the_patient_and_dates_move_with_the_patient() -> None:
    patient, seen = through(PATIENT, observation())
    assert seen["subject"] == {"reference": f"Patient/{patient['id']}"}
    moved = date(2021, 3, 4) + JANE.subject.shift
    assert seen["effectiveDateTime"] == f"{moved.isoformat()}T10:00:00+01:00"


def test_ids_and_urn_uuids_of_a_bundle_are_mapped_alike() -> None:
    link = "urn:uuid:9d427379-943a-42c1-b3d0-6b5056a12696"
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"fullUrl": link, "resource": PATIENT, "request": {"method": "POST", "url": "Patient"}},
            {
                "fullUrl": "urn:uuid:00000000-943a-42c1-b3d0-6b5056a12696",
                "resource": observation(subject={"reference": link}),
                "request": {"method": "POST", "url": "Observation"},
            },
        ],
    }
    (new,) = through(bundle)
    assert new["entry"][0]["fullUrl"] == new["entry"][1]["resource"]["subject"]["reference"]
    assert new["entry"][0]["fullUrl"] != link
    assert not [one for one in validate([new])[0] if one.severity == "error"]


def test_elements_extensions_and_types_nobody_named_are_removed() -> None:
    told = fhir.Told()
    extra = observation(
        secretField="Jane Doe",
        extension=[{"url": "http://x.example/name", "valueString": "Jane Doe"}],
        _status={"extension": [{"url": "http://x.example", "valueString": "Jane Doe"}]},
    )
    data = "\n".join(
        json.dumps(one) for one in (extra, {"resourceType": "Flag", "code": {"text": "Jane Doe"}})
    ).encode()
    new = fhir.deidentify(data, CAST, told)
    assert b"Jane" not in new
    assert told.left_out == {"Flag": 1}


def test_a_text_attachment_is_cleaned_and_a_pdf_is_removed() -> None:
    note = base64.b64encode(b"IX Jane Doe has a cough").decode()
    document = {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": {"reference": "Patient/jane-doe-1961"},
        "content": [
            {"attachment": {"contentType": "text/plain; charset=utf-8", "data": note}},
            {"attachment": {"contentType": "application/pdf", "data": note, "title": "Jane Doe"}},
        ],
    }
    (new,) = through(document)
    first, second = (one["attachment"] for one in new["content"])
    assert base64.b64decode(first["data"]).decode().strip() == (
        f"{JANE.subject.pseudonym} has a cough"
    )
    assert "data" not in second
    assert second["title"] == "[removed]"


def test_a_code_stays_only_with_its_public_system_and_shape() -> None:
    assert code_of("http://snomed.info/sct", "38341003")
    assert not code_of("http://snomed.info/sct", "38341004")  # wrong check digit
    assert not code_of("http://hospital.example/staff", "4711")
    assert not code_of("http://loinc.org", "Jane Doe")
    coding = {"system": "http://hospital.example/rooms", "code": "B12", "display": "Room"}
    (new,) = through(observation(code={"coding": [coding], "text": "Pulse"}))
    assert new["code"] == {"coding": [{"display": "Room"}], "text": "Pulse"}


@pytest.mark.parametrize("number", ["236", "38341003", "27925004"])
def test_a_snomed_identifier_ends_in_its_check_digit(number: str) -> None:
    assert verhoeff(number)
    assert not verhoeff(number[:-1] + str((int(number[-1]) + 1) % 10))


def test_decimals_keep_their_digits() -> None:
    value = b'"valueQuantity":{"value":1.50}'
    data = b'{"resourceType":"Observation","status":"final","code":{"text":"x"},' + value + b"}"
    assert b"1.50" in fhir.deidentify(data, CAST)


def test_a_patient_of_94_has_no_year_of_birth() -> None:
    (patient,) = through(PATIENT | {"birthDate": f"{date.today().year - 94}-01-01"})
    assert "birthDate" not in patient


def test_every_type_of_the_policy_is_one_it_defines() -> None:
    assert {"Patient", "Observation", "Encounter", "DocumentReference"} <= set(policy().resources)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'{"a": 1}',
        b'{"resourceType": "Patient"',
        b"\xff\xfe{}",
        b"1",
        b'{"resourceType":"Flag"}',
    ],
)
def test_what_is_no_resource_is_refused_with_one_error(data: bytes) -> None:
    with pytest.raises(BadInput):
        fhir.deidentify(data, CAST)


def test_json_nested_without_end_is_refused() -> None:
    deep = b'{"resourceType":"Patient","name":' + b"[" * 5000 + b"]" * 5000 + b"}"
    with pytest.raises(UnsafeInput):
        fhir.deidentify(deep, CAST)


def test_every_action_of_the_policy_is_a_function() -> None:
    tables = (*policy().resources.values(), *policy().types.values())
    named = {rule.action for table in tables for rule in table.values() if rule.action}
    assert named <= ACTIONS.keys() | {"extension", "contained", "uid_identifier"}
    assert named >= {"keep", "shift", "person", "reference"}


BUNDLE: dict[str, Any] = {
    "resourceType": "Bundle",
    "type": "collection",
    "timestamp": "2021-03-04T10:00:00+01:00",
    "entry": [
        {"fullUrl": "urn:uuid:0b3f1c3e-6a43-4b7e-9a0c-111111111111", "resource": PATIENT},
        {"resource": observation(valueQuantity={"value": 1.5, "unit": "mg"})},
        {"resource": {"resourceType": "TestScript", "id": "1"}},
        {"resource": observation(note=[{"text": "IX Jane Doe is well"}])},
    ],
    "total": 4,
}


@pytest.mark.parametrize("indent", [None, 2])
def test_a_long_bundle_comes_out_as_when_it_is_read_whole(
    monkeypatch: pytest.MonkeyPatch, indent: int | None
) -> None:
    data = json.dumps(BUNDLE, indent=indent).encode()
    whole = fhir.deidentify(data, CAST)
    monkeypatch.setattr(fhir_reading, "LONG", 10)
    assert fhir_reading.long_bundle(data) is not None
    told: list[str] = []
    long = "".join(fhir.pieces(data, CAST, None, told.append)).encode()
    assert long == whole
    assert len(json.loads(long)["entry"]) == 3
    assert [len(json.loads(one)["entry"]) for one in told] == [1, 1, 1], "each is checked"
    assert b"Jane" not in long


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda text: text[:-1],
        lambda text: text + " {}",
        lambda text: text.replace('"type"', '"resourceType"'),
        lambda text: text.replace('"entry": [', '"entry": [{"a": 1, "a": 2}, '),
        lambda text: text.replace('"entry": [', '"entry": [NaN, '),
        lambda text: text.replace('"entry": [', '"entry": [' + "[" * 200 + "]" * 200 + ", "),
        lambda text: text.replace('"entry": [', '"entry": [,'),
        lambda text: text.replace('"total": 4', '"total": "\\u0000"'),
        lambda text: text.replace('"total": 4', '"total": '),
    ],
)
def test_a_spoilt_long_bundle_is_refused_as_when_it_is_read_whole(
    monkeypatch: pytest.MonkeyPatch, spoilt: Any
) -> None:
    data = spoilt(json.dumps(BUNDLE)).encode()
    with pytest.raises((BadInput, UnsafeInput)) as whole:
        fhir.deidentify(data, CAST)
    monkeypatch.setattr(fhir_reading, "LONG", 10)
    with pytest.raises(whole.type):
        fhir.deidentify(data, CAST)


def test_documents_are_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir_reading, "LONG", 10)
    assert fhir_reading.long_bundle(json.dumps(BUNDLE | {"type": "document"}).encode()) is None
    assert fhir_reading.long_bundle(json.dumps(PATIENT).encode()) is None
