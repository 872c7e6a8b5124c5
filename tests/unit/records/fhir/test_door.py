"""What the door of the store accepts and refuses of FHIR R4."""

from __future__ import annotations

import contextlib
import json
import os
import tarfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suwen.core.errors import BadInput, SuwenError, UnsafeInput
from suwen.records.fhir import codes as fhir_codes
from suwen.records.fhir import dates as fhir_dates
from suwen.records.fhir import door as fhir
from suwen.records.fhir import expressions as fhir_expressions
from suwen.records.fhir import json as fhir_json
from suwen.records.fhir import ucum
from suwen.records.fhir.invariants import holds, holds_fhirpath
from suwen.records.fhir.knowledge import rules

EXAMPLES = json.loads(
    (Path(__file__).parents[1] / "invariant_examples.json").read_text(encoding="utf-8")
)
ROOT = Path(__file__).resolve().parents[4]


def data_folder(relative: str) -> Path:
    roots = os.environ.get("SUWEN_DATA", str(ROOT.parent / "shared" / "data")).split(":")
    for root in roots:
        if (Path(root) / relative).exists():
            return Path(root) / relative
    pytest.skip(f"{relative} is in none of the SUWEN_DATA folders")


def observation(**elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": "Patient/1"},
        **elements,
    }


def errors(resource: dict[str, Any]) -> set[str]:
    return {p.code for p in fhir.validate([resource])[0] if p.severity == "error"}


def heart_rate(code: str = "/min", **more: Any) -> dict[str, Any]:
    return {"value": 72, "system": "http://unitsofmeasure.org", "code": code, **more}


def test_a_heart_rate_of_72_per_minute_is_accepted() -> None:
    assert fhir.validate([observation(valueQuantity=heart_rate())]) == [[]]


def test_every_invariant_refuses_its_example_and_no_other_rule_does() -> None:
    assert set(EXAMPLES) == {rule.key for rule in rules()}
    for rule in rules():
        found = fhir.validate([EXAMPLES[rule.key]])[0]
        assert [(p.code, p.severity) for p in found] == [(rule.key, rule.severity)], rule.key


GENDER = "http://hl7.org/fhir/administrative-gender"
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
AGED = {"language": "text/fhirpath", "expression": "$age > 18 years"}
ENDED = "http://terminology.hl7.org/CodeSystem/condition-clinical"


@pytest.mark.parametrize(
    "concept",
    [
        {"coding": [{"system": ENDED, "code": "resolved"}]},
        {"coding": [{"system": ENDED, "code": "active"}, {"system": ENDED, "code": "inactive"}]},
        {"coding": [{"system": ENDED, "code": "recurrence"}]},
        {"coding": [{"system": "http://x.org", "code": "resolved"}]},
        {"coding": [{"code": "resolved"}]},
        {"coding": []},
        {"text": "over"},
    ],
)
def test_a_fast_rule_and_its_fhirpath_agree_on_an_abated_condition(concept: Any) -> None:
    condition: dict[str, Any] = {"resourceType": "Condition", "abatementDateTime": "2020-01-01"}
    condition["clinicalStatus"] = concept
    both = [rule for rule in rules() if rule.check and rule.fhirpath]
    assert [rule.key for rule in both] == ["con-4"]
    assert both[0].path == ()
    fast = holds(both[0], condition, condition)
    assert fast == holds_fhirpath(both[0], condition, condition)


@pytest.mark.parametrize(
    ("elements", "code"),
    [
        ({"status": "finished"}, "suwen-binding"),
        ({"effectiveDateTime": "2023-02-30"}, "suwen-date"),
        ({"effectivePeriod": {"start": "2023-02-02", "end": "2023-02-01"}}, "per-1"),
        ({"subject": {"reference": "Medication/1"}}, "suwen-target"),
        ({"valueQuantity": heart_rate("kg")}, "suwen-vital-unit"),
        ({"valueQuantity": heart_rate("beats per minute")}, "suwen-ucum"),
        ({"valueQuantity": heart_rate(comparator="~")}, "suwen-binding"),
        ({"valueQuantity": {"value": 72, "code": "/min"}}, "qty-3"),
        ({"valueQuantity": heart_rate(), "valueString": "72"}, "structure"),
        ({"valueRange": {"low": {"value": 9}, "high": {"value": 3}}}, "rng-2"),
        ({"code": {"coding": [{"system": "http://loinc.org", "code": "8867-5"}]}}, "suwen-code"),
        ({"code": {"coding": [{"system": "loinc", "code": "8867-4"}]}}, "suwen-system"),
        ({"category": [{"coding": [{"system": GENDER, "code": "woman"}]}]}, "suwen-code"),
        ({"_status": {"extension": [{"url": ABSENT, "valueString": "x"}]}}, "suwen-extension"),
        ({"extension": [{"url": "http://x.org/e", "valueExpression": AGED}]}, "suwen-fhirpath"),
        ({"id": "bed_7"}, "suwen-id"),
        ({"subject": {"reference": "#p1"}}, "ref-1"),
        ({"extension": [{"url": "http://x.org/e"}]}, "ext-1"),
        ({"note": "x"}, "structure"),
        ({"fhir_comments": ["x"]}, "suwen-json"),
        ({"valueString": "a\x00b"}, "suwen-json"),
        ({"valueString": "a\bb"}, "suwen-json"),
        ({"valueString": "\\u0041 and a\x01b"}, "suwen-json"),
        ({"text": {"status": "generated", "div": "<div><script>x</script></div>"}}, "txt-1"),
        ({"text": {"status": "generated", "div": "<div>&reg;</div>"}}, "txt-1"),
        ({"text": {"status": "generated", "div": "<div> </div>"}}, "txt-2"),
    ],
)
def test_an_observation_is_refused_for(elements: dict[str, Any], code: str) -> None:
    assert code in errors(observation(**elements))


def test_an_observation_keeps_to_the_vital_signs_profile_it_claims() -> None:
    profile = {"profile": ["http://hl7.org/fhir/StructureDefinition/heartrate|4.0.1"]}
    category = "http://terminology.hl7.org/CodeSystem/observation-category"
    good = observation(
        meta=profile,
        category=[{"coding": [{"system": category, "code": "vital-signs"}]}],
        effectiveDateTime="2026-03-01T08:00:00Z",
        valueQuantity=heart_rate(),
    )
    assert fhir.validate([good]) == [[]]
    for element in ("category", "effectiveDateTime", "subject"):
        less = {name: value for name, value in good.items() if name != element}
        assert errors(less) == {"suwen-vital-profile"}
    assert errors(good | {"code": {"text": "pulse"}}) == {"suwen-vital-profile"}


def test_a_problem_never_repeats_what_the_patient_record_says() -> None:
    secret = "Wang Xiaoming 13800138000"
    resources = [
        observation(status=secret, effectiveDateTime=secret, valueString=["x", secret]),
        observation(id=secret, subject={"reference": f"Medication/{secret}"}, **{secret: 1}),
        {"resourceType": "Patient", "birthDate": secret, "gender": secret},
        observation(valueQuantity=heart_rate(secret)),
        {"resourceType": secret},
    ]
    for problems in fhir.validate(resources):
        assert problems
        assert not any("Wang" in p.path + p.message or "138" in p.path for p in problems)


def test_a_backslash_before_u0001_is_text_and_no_control_character() -> None:
    for harmless in ("\\u0001", "C:\\b\\f", "a\tb\r\n"):
        assert fhir.validate([observation(valueString=harmless)]) == [[]]
        data = json.dumps(observation(valueString=harmless)).encode()
        assert fhir.parse(data)["valueString"] == harmless


def test_a_path_leads_to_the_element() -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": observation()}, {"resource": observation(status="done")}],
    }
    assert [p.path for p in fhir.validate([bundle])[0]] == ["Bundle.entry[1].resource.status"]


def test_a_reference_to_another_patient_than_the_one_sent_along_is_refused() -> None:
    parameters = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "patient", "resource": {"resourceType": "Patient", "id": "1"}},
            {"name": "result", "resource": observation(subject={"reference": "Patient/2"})},
        ],
    }
    assert errors(parameters) == {"suwen-resolve"}


def test_an_entry_whose_address_names_another_resource_is_refused() -> None:
    entry = {"fullUrl": "http://x.org/fhir/Observation/2", "resource": observation(id="1")}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [entry]}
    assert errors(bundle) == {"suwen-full-url"}


def test_decimals_keep_every_digit_when_asked_for() -> None:
    data = b'{"resourceType":"Observation","valueQuantity":{"value":1.50}}'
    assert fhir.parse(data)["valueQuantity"]["value"] == 1.5
    assert str(fhir.parse(data, exact=True)["valueQuantity"]["value"]) == "1.50"
    assert isinstance(fhir.parse(data, exact=True)["valueQuantity"]["value"], Decimal)


def test_an_exactly_read_observation_is_validated_like_any_other() -> None:
    data = json.dumps(observation(valueQuantity=heart_rate() | {"value": 72.5})).encode()
    assert fhir.validate([fhir.parse(data, exact=True)]) == [[]]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", BadInput),
        (b"{", BadInput),
        (b"[]", BadInput),
        (b"<Patient/>", BadInput),
        (b'{"resourceType":"Patient"} x', BadInput),
        (b'{"resourceType":"Patient","resourceType":"Patient"}', BadInput),
        (b'{"resourceType":"Patient","multipleBirthInteger":NaN}', BadInput),
        (b'{"resourceType":"Patient","x":1e999}', BadInput),
        (b'{"resourceType":"Patient","x":' + b"1" * 500 + b"}", UnsafeInput),
        (b'{"resourceType":"Patient","x":"\\ud800"}', BadInput),
        (b'{"resourceType":"Patient","x":"\\u0000"}', BadInput),
        (b'{"resourceType":"Patient","x":"\\f"}', BadInput),
        (b'{"resourceType":"Patient","x":"\xff"}', BadInput),
        (b'{"resourceType":"Kitten"}', BadInput),
        (b"[" * 100_000, UnsafeInput),
        (b'{"resourceType":"Patient","x":' + b"[" * 120 + b"]" * 120 + b"}", UnsafeInput),
    ],
)
def test_malformed_json_gives_one_clear_error(data: bytes, error: type[SuwenError]) -> None:
    with pytest.raises(error):
        fhir.parse(data)


def test_a_document_over_the_size_cap_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir_json, "SIZE_CAP", 10)
    with pytest.raises(UnsafeInput):
        fhir.parse(b'{"resourceType":"Patient"}')


WORDS = """
id meta status code subject reference system value valueQuantity component contained entry resource
resourceType fullUrl search mode extension url start end low high div text data item type parameter
name link versionId coding referenceRange _value é
"""
ELEMENTS = st.sampled_from(WORDS.split())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ELEMENTS, inner, max_size=4),
    max_leaves=12,
)
TYPES = st.sampled_from(["Observation", "Bundle", "Parameters", "Patient", "Questionnaire", "x"])


@settings(max_examples=250, deadline=None)
@given(TYPES, st.dictionaries(ELEMENTS, JSON, max_size=6))
def test_no_shape_of_json_makes_validation_fail(kind: str, content: dict[str, Any]) -> None:
    (problems,) = fhir.validate([{**content, "resourceType": kind}])
    assert all(p.severity in ("error", "warning") and p.message for p in problems)


@settings(max_examples=250, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_bytes_make_reading_fail_other_than_clearly(data: bytes) -> None:
    with contextlib.suppress(SuwenError):
        assert fhir.parse(data)["resourceType"]


def test_a_resource_type_that_is_no_text_is_a_problem_not_a_crash() -> None:
    assert errors({"resourceType": ["Patient"]}) == {"suwen-json"}
    with pytest.raises(BadInput):
        fhir.parse(b'{"resourceType":["Patient"]}')


def test_a_contained_patient_named_only_by_a_canonical_is_referenced() -> None:
    questionnaire = {"resourceType": "Questionnaire", "id": "q1", "status": "active"}
    response = {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "contained": [questionnaire],
        "questionnaire": "#q1",
    }
    assert fhir.validate([response]) == [[]]
    unnamed = response | {"questionnaire": "http://x.org/Questionnaire/q1"}
    assert [p.code for p in fhir.validate([unnamed])[0]] == ["dom-3"]


def test_a_cyclic_or_unserialisable_value_is_a_problem_not_a_crash() -> None:
    cyclic: dict[str, Any] = observation()
    cyclic["component"] = [cyclic]
    assert errors(cyclic) == {"suwen-json"}
    assert errors(observation(valueString=b"x")) == {"suwen-json"}


@pytest.mark.parametrize("unit", ["mm[Hg]", "/min", "kg/m2", "10*3/uL", "mmol/L", "{score}", "%"])
def test_a_common_unit_is_known(unit: str) -> None:
    assert ucum.verdict(unit) == "known"


@pytest.mark.parametrize("unit", ["", "mm Hg", "kg//", "(mg", "mg/", "毫克", "[Hg", "m" * 300])
def test_what_is_not_ucum_is_malformed(unit: str) -> None:
    assert ucum.verdict(unit) == "malformed"


def test_a_well_formed_unit_of_unlisted_symbols_is_unknown() -> None:
    assert ucum.verdict("furlong/fortnight") == "unknown"


def test_check_digits_find_a_mistyped_code() -> None:
    assert fhir_codes.well_formed("http://snomed.info/sct", "427359005")
    assert not fhir_codes.well_formed("http://snomed.info/sct", "427359006")
    assert fhir_codes.well_formed("http://loinc.org", "2160-0")
    assert not fhir_codes.well_formed("http://loinc.org", "2160-1")


@pytest.mark.parametrize(
    "expression",
    [
        "%resource.name.where(use = 'official').given[0] & ' \\'Li\\' $'",
        "today() - @1958-04-02 >= 18 years // an adult",
        "answers.all($this !~ `my value`) /* $ */ and $total.exists() | {}",
    ],
)
def test_an_expression_of_fhirpath_is_readable(expression: str) -> None:
    assert fhir_expressions.readable(expression)


@pytest.mark.parametrize("expression", ["", "  ", "$age", "$thisx", "name = 'Li", "a # b", 'a "b"'])
def test_what_is_not_fhirpath_is_not_readable(expression: str) -> None:
    assert not fhir_expressions.readable(expression)


def test_a_resource_type_is_a_code_of_the_system_of_resource_types() -> None:
    def of(code: str) -> dict[str, Any]:
        coding = {"system": "http://hl7.org/fhir/resource-types", "code": code}
        return observation(category=[{"coding": [coding]}])

    assert errors(of("Patient")) == errors(of("DomainResource")) == set()
    assert errors(of("Kitten")) == {"suwen-code"}


def test_dates_of_unequal_precision_are_compared_at_the_coarser_one() -> None:
    assert fhir_dates.after("2021", "2020-12-31")
    assert not fhir_dates.after("2020-06", "2020")
    assert fhir_dates.after("2020-01-01T10:00:00+08:00", "2020-01-01T01:00:00Z")
    assert not fhir_dates.after("2020-01-02", "2020-01-01T23:30:00-05:00")


@pytest.mark.real_data
def test_synthetic_hospital_records_are_all_accepted() -> None:
    resources = []
    with tarfile.open(data_folder("text/fhir_synthea_r4") / "bundles.tar.gz") as archive:
        for member in archive:
            if (file := archive.extractfile(member)) is not None:
                resources.append(fhir.parse(file.read()))
    assert len(resources) == 20
    assert not any(fhir.validate(resources))


@pytest.mark.real_data
def test_a_bulk_export_of_ten_patients_is_all_accepted() -> None:
    resources = []
    with tarfile.open(data_folder("text/fhir_bulk_10patients") / "ndjson.tar.gz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None and not member.name.endswith("log.ndjson"):
                resources.extend(fhir.parse(line) for line in file if line.strip())
    assert len(resources) > 7000
    assert not any(fhir.validate(resources))


@pytest.mark.real_data
def test_agreement_with_the_reference_verdict_stays_above_its_floor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks.quality.fhir_validation import measure

    _, ours, library = measure(data_folder("text/fhir_validator_cases"))
    assert ours.agree / ours.n >= 0.81
    assert ours.agree - library.agree >= 0.32 * ours.n
    assert ours.false_reject <= library.false_reject


def test_validation_keeps_up_with_a_busy_ward() -> None:
    quantity = heart_rate(unit="beats/min")
    many = [observation(id=str(i), valueQuantity=quantity) for i in range(2000)]
    fhir.validate(many[:10])
    started = time.process_time()
    fhir.validate(many)
    assert len(many) / (time.process_time() - started) > 4000
