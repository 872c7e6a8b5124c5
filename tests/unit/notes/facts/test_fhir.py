from datetime import UTC, datetime

import pytest

from suwen.notes.facts import fhir
from suwen.notes.facts.gathered import Said
from suwen.notes.facts.task import facts_of, finding_of_fact
from suwen.notes.text import Mention, Note
from suwen.records.fhir.door import validate

MOMENT = datetime(2026, 11, 1, tzinfo=UTC)
RECORD = "DocumentReference/1/_history/1"


def resources(text, *named, day=""):
    note = Note(text, "en", RECORD, day=day)
    said = []
    for word, kind, how in named:
        start = text.index(word)
        said.append(Said(Mention(start, start + len(word), kind), **how))
    found = [
        finding_of_fact(fact, {RECORD: note}, "notes.facts@1+0")
        for fact in facts_of([note], [said])
    ]
    return fhir.resources(found, "Patient/7", MOMENT, "en")


def of(kind, made):
    return [one for one in made if one["resourceType"] == kind]


def test_a_denied_problem_is_a_refuted_condition():
    (condition,) = of(
        "Condition", resources("No fever.", ("fever", "problem", {"presence": "absent"}))
    )
    assert condition["verificationStatus"]["coding"][0]["code"] == "refuted"
    assert "clinicalStatus" not in condition


@pytest.mark.parametrize(
    ("text", "day", "expected"),
    [
        ("Cough 3 days ago.", "2021-03-05", {"onsetDateTime": "2021-03-02"}),
        ("Cough for 2 weeks.", "2021-03-05", {"onsetDateTime": "2021-02-19"}),
        ("Cough 3 days ago.", "", {"onsetString": "-P3D"}),
        ("Cough since March 2019.", "", {"onsetDateTime": "2019-03"}),
    ],
)
def test_a_problem_begins_on_the_date_that_its_time_means(text, day, expected):
    (condition,) = of("Condition", resources(text, ("Cough", "problem", {}), day=day))
    onset = {key: value for key, value in condition.items() if key.startswith("onset")}
    assert onset == expected
    assert validate([condition]) == [[]]


def test_a_relatives_problem_is_family_history_and_no_condition():
    made = resources("Mother: gout.", ("gout", "problem", {"experiencer": "family"}))
    assert len(of("FamilyMemberHistory", made)) == 1
    assert not of("Condition", made)


def test_a_drug_has_its_dosage():
    (statement,) = of(
        "MedicationStatement",
        resources("Metformin 500 mg orally twice daily.", ("Metformin", "drug", {})),
    )
    dosage = statement["dosage"][0]
    assert dosage["doseAndRate"][0]["doseQuantity"]["value"] == 500
    assert dosage["timing"]["repeat"] == {"frequency": 2, "period": 1.0, "periodUnit": "d"}


def test_an_upper_limit_keeps_its_comparator():
    (observation,) = of("Observation", resources("Troponin I < 0.01 ng/mL."))
    assert observation["valueQuantity"]["comparator"] == "<"


def test_what_is_only_feared_becomes_nothing():
    assert not resources("If fever occurs.", ("fever", "problem", {"presence": "hypothetical"}))


def test_each_resource_says_where_it_is_said_and_has_its_provenance():
    made = resources("Fever.", ("Fever", "problem", {}))
    condition, provenance = made
    place = {one["url"]: one for one in condition["extension"][0]["extension"]}
    assert (place["start"]["valueInteger"], place["end"]["valueInteger"]) == (0, 5)
    assert provenance["target"][0]["reference"] == f"Condition/{condition['id']}"
    assert provenance["entity"][0]["what"]["reference"] == RECORD


@pytest.mark.parametrize(
    "text", ["No fever.", "Metformin 500 mg orally twice daily.", "Glucose 180 mg/dL."]
)
def test_every_resource_is_valid_fhir(text):
    named = [
        (word, kind, {})
        for word, kind in (("fever", "problem"), ("Metformin", "drug"))
        if word in text
    ]
    assert [problems for problems in validate(resources(text, *named)) if problems] == []
