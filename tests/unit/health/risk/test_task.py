"""The findings of `health.risk`: which equations answer, what they say, and what is missing."""

from __future__ import annotations

import re

import pytest
from tests.unit.health.cases import (
    case,
    complete,
    condition,
    drug,
    observation,
    patient,
    record,
    said,
    smoking,
)

from suwen.core.nouns import Band, Status
from suwen.health.risk.equation import library
from suwen.health.risk.facts import rules
from suwen.health.risk.findings import NOT_COMPUTED, why_barred
from suwen.health.risk.task import HealthRisk

GAPS = NOT_COMPUTED.code


def without(number):
    return [one for one in complete() if one.id != number]


def test_a_complete_person_gets_each_equation_that_applies_and_no_gap():
    found = said(*complete())
    assert set(found) == {
        "PREVENT_2023_base_10y", "PREVENT_2023_base_30y", "Framingham_general_CVD_2008_lipids",
        "CKD-EPI_2021_creatinine",
    }  # fmt: skip
    assert {one.band for one in found.values()} == {Band.RULE_IN}
    assert all(one.probability is None for one in found.values())


def test_a_finding_shows_numbers_units_inputs_assumptions_source_and_records():
    finding = said(*complete())["PREVENT_2023_base_10y"]
    assert finding.code.name.en == "PREVENT, 10 years (below 7.5 %)"
    assert {one.unit for one in finding.measures} == {"%"}
    assert len(finding.measures) == 5
    assert "total cholesterol 201 mg/dL" in finding.reason.en
    assert "taken as absent: diabetes, treatment of blood pressure, statin" in finding.reason.en
    assert "10.1161/CIRCULATIONAHA.123.067626" in finding.reason.en
    assert "未记录，按无处理：糖尿病、降压治疗、他汀类药物" in finding.reason.zh
    records = {one.record.split("/")[1] for one in finding.evidence}
    assert records == {"p", "smoking", "chol", "hdl", "bp", "bmi", "creatinine"}


def test_what_else_is_known_chooses_the_model_of_prevent():
    uacr = observation("u", "9318-7", 40, "mg/g")
    hba1c = observation("a", "4548-4", 44, "mmol/mol")
    assert "PREVENT_2023_uacr_10y" in said(*complete(), uacr)
    assert "PREVENT_2023_hba1c_10y" in said(*complete(), hba1c)
    both = said(*complete(), uacr, hba1c)
    assert "HbA1c 6.18%" in both["PREVENT_2023_full_10y"].reason.en
    assert both["KDIGO_CKD_category"].code.name.en == (
        "KDIGO category of chronic kidney disease (G2 A2 moderate)"
    )


def test_treatment_and_diabetes_raise_the_risk_and_are_no_longer_assumed():
    plain = said(*complete())["PREVENT_2023_base_10y"]
    ill = said(*complete(), condition("d", "E11.9"), drug("m", "Amlodipine"))
    finding = ill["PREVENT_2023_base_10y"]
    assert finding.measures[0].interval.value > plain.measures[0].interval.value
    assert "absent: statin." in finding.reason.en


def test_all_that_is_missing_stands_in_one_finding():
    found = said(*without("hdl"))
    gaps = found[GAPS]
    assert gaps.band is Band.ABSTAIN
    assert gaps.status is Status.SUGGESTED
    assert gaps.reason.en == (
        "PREVENT, 10 years; PREVENT, 30 years; Framingham general CVD 2008, lipids: "
        "not known is HDL cholesterol."
    )
    assert re.search("缺少高密度脂蛋白胆固醇", gaps.reason.zh)
    assert [one.band for one in found.values()].count(Band.ABSTAIN) == 1


def test_a_mistake_of_the_unit_is_refused_with_its_reason_once():
    found = said(*without("chol"), observation("chol", "2093-3", 5, "mg/dL"))
    reason = found[GAPS].reason
    assert reason.en.count("Total cholesterol 5 mg/dL cannot be true of a person") == 1
    assert "In mmol/L it would be possible" in reason.en
    assert "not usable is total cholesterol" in reason.en
    assert "not known" not in reason.en
    assert "PREVENT_2023_base_10y" not in found


def test_a_known_disease_rules_equations_out_and_says_so():
    found = said(*complete(), condition("mi", "I21.9"))
    assert set(found) == {"CKD-EPI_2021_creatinine", GAPS}
    assert "not valid, cardiovascular disease is recorded" in found[GAPS].reason.en
    assert "Condition/mi/_history/1" in {one.record for one in found[GAPS].evidence}


@pytest.mark.parametrize(("born", "answers"), [
    ("1996-11-27", {"10y", "30y"}), ("1967-11-27", {"10y", "30y"}), ("1966-11-27", {"10y"}),
    ("1947-11-27", {"10y"}), ("1997-11-28", set())])  # fmt: skip
def test_an_age_outside_is_a_gap_only_where_no_equation_of_the_family_is_left(born, answers):
    found = said(patient(born), *complete()[1:])
    assert {key[-3:] for key in found if key.startswith("PREVENT")} == answers
    gaps = found[GAPS].reason.en if GAPS in found else ""
    assert ("for which PREVENT" in gaps) is not answers


def test_few_facts_ask_for_no_cardiovascular_equation():
    assert not said(patient(), observation("bp", "8480-6", 140, "mmHg"))
    assert set(said(patient(), observation("c", "2160-0", 1, "mg/dL"))) == {
        "CKD-EPI_2021_creatinine"
    }


def test_the_equations_of_europe_are_for_europe_and_by_age_and_diabetes():
    def keys(born, *more):
        return {
            key
            for key in said(patient(born, country="DE"), *complete()[1:], *more)
            if key.startswith("SCORE2")
        }

    assert keys("1970-05-01") == {"SCORE2"}
    assert keys("1950-05-01") == {"SCORE2-OP"}
    diabetes = condition("d", "E11.9", onsetDateTime="2015-01-01")
    hba1c = observation("a", "4548-4", 7, "%")
    assert keys("1970-05-01", diabetes, hba1c) == {"SCORE2-Diabetes"}
    assert not any(key.startswith("SCORE2") for key in said(*complete()))


def test_race_is_asked_only_where_it_is_recorded():
    found = said(patient(race="2106-3"), *complete()[1:])
    assert {"PCE_2013_Goff", "PCE_2018_Yadlowsky"} <= set(found)
    assert not any(key.startswith("PCE") for key in said(*complete()))


def test_atrial_fibrillation_asks_for_its_scores():
    found = said(*complete(), condition("af", "I48.0"), condition("h", "I10"))
    score = found["CHA2DS2-VASc"]
    assert score.measures[0].interval.value == 2
    assert score.code.name.en.endswith("(anticoagulation to be considered)")
    assert "Condition/af/_history/1" in {one.record for one in score.evidence}
    assert found["HAS-BLED"].measures[0].interval.value == 0


def test_a_rising_creatinine_is_staged():
    first = observation("first", "2160-0", 40, "umol/L", "2026-10-30")
    found = said(*complete(), first)
    assert found["KDIGO_AKI_stage"].measures[0].interval.value == 2


def test_liver_scores_only_in_liver_disease():
    labs = [
        observation("b", "1975-2", 3, "mg/dL"), observation("i", "6301-6", 1.5, "{INR}"),
        observation("n", "2951-2", 132, "mmol/L"), observation("a", "1751-7", 30, "g/L"),
    ]  # fmt: skip
    assert not any("MELD" in key for key in said(*complete(), *labs))
    found = said(*complete(), *labs, condition("c", "K74.6"))
    assert {"MELD", "MELD-Na_2008", "MELD_3.0"} <= set(found)


def test_qrisk3_carries_the_words_its_owner_asks_for():
    own = "https://suwen.health/fhir/risk-input"
    more = [
        observation("e", "ethnicity", 1, "1", system=own),
        observation("t", "townsend-score", 0, "1", system=own),
        observation("bp2", "8480-6", 132, "mmHg", "2026-09-01"),
    ]
    found = said(patient(country="GB"), *complete()[1:], *more)
    reason = found["QRISK3_2017"].reason
    assert "ClinRisk Ltd. have released this code under the GNU Lesser General Public" in reason.en
    assert "ClinRisk Ltd. 以 GNU 宽通用公共许可证发布该代码" in reason.zh
    assert "have released" not in reason.zh
    assert not any("QRISK" in key for key in said(patient(country="DE"), *complete()[1:], *more))


def verified(state: str):
    return {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status",
                        "code": state}]}  # fmt: skip


@pytest.mark.parametrize("state", ["unconfirmed", "provisional", "differential"])
def test_a_disease_that_nobody_confirmed_is_named_and_not_counted(state):
    plain = said(*complete())["PREVENT_2023_base_10y"]
    open_ = condition("d", "E11.9", verificationStatus=verified(state))
    found = said(*complete(), open_)["PREVENT_2023_base_10y"]
    assert found.measures == plain.measures
    assert "Recorded but not confirmed, so not counted: diabetes" in found.reason.en
    assert "有记录但未经确认，未计入：" in found.reason.zh
    assert "Condition/d/_history/1" in {one.record for one in found.evidence}
    settled = said(*complete(), condition("d", "E11.9", verificationStatus=verified("confirmed")))
    assert settled["PREVENT_2023_base_10y"].measures != plain.measures


@pytest.mark.parametrize("state", ["refuted", "entered-in-error"])
def test_a_disease_that_was_refuted_or_entered_in_error_is_not_said_at_all(state):
    gone = condition("d", "E11.9", verificationStatus=verified(state))
    assert said(*complete(), gone) == said(*complete())


def test_an_equation_for_people_without_a_disease_waits_where_it_is_suspected():
    heart = condition("mi", "I21.9", verificationStatus=verified("provisional"))
    found = said(*complete(), heart)
    assert "PREVENT_2023_base_10y" not in found
    assert "confirm or refute it first" in found[GAPS].reason.en
    assert "须先确认或排除" in found[GAPS].reason.zh
    assert "Condition/mi/_history/1" in {one.record for one in found[GAPS].evidence}
    both = said(*complete(), heart, condition("cad", "I25.1"))
    assert "cardiovascular disease is recorded" in both[GAPS].reason.en, "another is confirmed"
    assert "confirm or refute" not in both[GAPS].reason.en


def test_liver_scores_wait_for_a_liver_disease_that_is_only_suspected():
    liver = condition("c", "K74.6", verificationStatus=verified("differential"))
    alone = said(*complete(), liver)
    assert "MELD" not in alone[GAPS].reason.en if GAPS in alone else True
    labs = [
        observation("b", "1975-2", 3, "mg/dL"), observation("i", "6301-6", 1.5, "{INR}"),
        observation("n", "2951-2", 132, "mmol/L"), observation("a", "1751-7", 30, "g/L"),
    ]  # fmt: skip
    found = said(*complete(), *labs, liver)
    assert "liver disease is recorded but not confirmed" in found[GAPS].reason.en
    assert not any(key.startswith("MELD") for key in found)


def test_every_disease_that_equations_wait_for_has_its_words():
    diseases = {
        one for entry in library().content["risk_equations"]["equation"]
        for one in (*entry.get("only", ()), *entry.get("not", ()))
        if one in rules()["conditions"]["flag"]
    }  # fmt: skip
    diseases -= {"atrial_fibrillation"}  # Its own words: somebody reads the recording.
    for one in diseases:
        assert why_barred(library(), f"suspected_{one}").zh


def test_an_old_smoking_status_is_no_longer_known():
    old = smoking(when="2020-01-01")
    found = said(*(old if one.id == "smoking" else one for one in complete()))
    assert "not known is current smoking" in found[GAPS].reason.en


PEOPLE = {
    "complete": [],
    "with diabetes": [
        patient(country="DE"),
        condition("d", "E11.9", onsetDateTime="2015-01-01"),
        observation("a", "4548-4", 7, "%"),
        observation("u", "9318-7", 5, "mg/mmol"),
    ],
    "with lower creatinine before": [observation("first", "2160-0", 40, "umol/L", "2026-10-30")],
    "with fibrillation, without HDL": [
        condition("af", "I48.0"),
        observation("hdl", "2085-9", 45, "furlong"),
        observation("w", "29463-7", 80, "kg"),
        observation("waist", "8280-0", 95, "cm"),
    ],
    "after a heart attack": [condition("mi", "I21.9"), drug("m", "Amlodipine")],
    "with a drug by reference": [
        record("Medication", "m", code={"text": "Simvastatin"}),
        record(
            "MedicationRequest",
            "r",
            status="active",
            medicationReference={"reference": "Medication/m"},
        ),
    ],
    "of Britain": [patient(country="GB"), observation("b2", "8480-6", 131, "mmHg", "2026-01-01")],
}


@pytest.mark.parametrize("person", PEOPLE)
def test_each_answer_comes_again_from_its_own_inputs_alone(person):
    own = {one.reference: one for one in [*complete(), *PEOPLE[person]]}
    task = HealthRisk()
    samples = task.samples(case(*own.values()), [])
    assert samples
    for sample in samples:
        rest = case(*(own[name] for name in sample.inputs))
        (again,) = [one for one in task.samples(rest, []) if one.key == sample.key]
        assert again.data == sample.data
        assert set(again.evidence) == set(sample.evidence)
        assert set(again.inputs) == set(sample.inputs)
