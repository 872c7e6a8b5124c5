"""What the records say about patient and examination, as a clinician would ask for it."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime

import pytest

from suwen.core.nouns import Case, Record
from suwen.imaging.management.context import context_of
from suwen.imaging.management.task import CONTEXT

RULES = tomllib.loads(CONTEXT.read_text(encoding="utf-8"))
DAY = "2026-03-10"
BORN = {"resourceType": "Patient", "birthDate": "1990-03-11"}


def text(words):
    return {"text": words}


def order(what, written="2026-03-01", **more):
    return {"resourceType": "ServiceRequest", "status": "active", "code": text(what),
            "authoredOn": written, **more}  # fmt: skip


def condition(words, system="", code="", status="confirmed"):
    coding = [{"system": system, "code": code}] if code else []
    return {"resourceType": "Condition", "code": {"coding": coding, "text": words},
            "verificationStatus": {"coding": [{"code": status}]}}  # fmt: skip


def smoking(code, day="2026-01-01"):
    return {"resourceType": "Observation", "status": "final", "effectiveDateTime": day,
            "code": {"coding": [{"system": "http://loinc.org", "code": "72166-2"}]},
            "valueCodeableConcept": {"coding": [{"code": code}]}}  # fmt: skip


def family(words):
    return {"resourceType": "FamilyMemberHistory", "condition": [{"code": text(words)}]}


EX, NEVER = "8517006", "266919005"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"


def facts(*resources):
    records = tuple(
        Record(reference=f"{one['resourceType']}/{i}/_history/1", content=one)
        for i, one in enumerate(resources)
    )
    case = Case("p", datetime(2026, 3, 11, tzinfo=UTC), records, lambda _: b"")
    return context_of(case, None, DAY, RULES).facts


SAID = {
    "a patient the day before the 36th birthday": ([BORN], {"age": 35}),
    "an order for screening": ([order("LDCT lung cancer screening")], {"context": "screening"}),
    "an order in Chinese": ([order("胸部低剂量 CT 筛查")], {"context": "screening"}),
    "the reason Z12.2": (
        [order("CT chest", reasonCode=[{"coding": [{"code": "Z12.2"}]}])],
        {"context": "screening"},
    ),
    "an order for cough": (
        [order("CT chest", reasonCode=[text("cough")])], {"context": "incidental"}),
    "an order without a reason": ([order("CT chest")], {}),
    "a mammography screening order": ([order("Screening mammography")], {}),
    "an order of last year": ([order("LDCT lung cancer screening", "2025-01-01")], {}),
    "breast cancer": ([condition("Carcinoma of breast")], {"excluded": True}),
    "a history of cancer by code": ([condition("", ICD, "Z85.3")], {"excluded": True}),
    "a kidney transplant": ([condition("Kidney transplant")], {"excluded": True}),
    "cancer that was ruled out": ([condition("Lung cancer", status="refuted")], {}),
    "cancer that is suspected": ([condition("Lung cancer", status="provisional")], {}),
    "a never-smoker with suspected emphysema": (
        [smoking(NEVER), condition("Emphysema", ICD, "J43.9", "differential")], {}),
    "a cough": ([condition("Cough", ICD, "R05")], {}),
    "an ex-smoker": ([smoking(EX)], {"risk": "high"}),
    "a never-smoker": ([smoking(NEVER)], {"risk": "low"}),
    "once said never, later said ex": (
        [smoking(EX, "2026-02-01"), smoking(NEVER, "2020-01-01")], {"risk": "high"}),
    "a never-smoker with emphysema": (
        [smoking(NEVER), condition("Emphysema", ICD, "J43.9")], {"risk": "high"}),
    "a never-smoker whose mother had lung cancer": (
        [smoking(NEVER), family("Adenocarcinoma of lung")], {"risk": "high"}),
    "a never-smoker whose mother had breast cancer": (
        [smoking(NEVER), family("Carcinoma of breast")], {"risk": "low"}),
    "nothing at all": ([], {}),
}  # fmt: skip


@pytest.mark.parametrize("sentence", SAID)
def test_what_is_recorded_is_known_and_nothing_else(sentence):
    resources, expected = SAID[sentence]
    assert facts(*resources) == expected
