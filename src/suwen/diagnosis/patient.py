"""The identity block: who the report is about, from the FHIR Patient resource."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from suwen.core.codes import Language
from suwen.core.nouns import Report
from suwen.diagnosis.language import message, moment, say
from suwen.diagnosis.wording import quoted

GENDERS = {
    "male": message("male"),
    "female": message("female"),
    "other": message("other"),
    "unknown": message("unknown"),
}
TEST_DATA = "HTEST"
"""HL7 v3 ActReason: test health data."""


def is_test_patient(patient: Mapping[str, Any]) -> bool:
    """Say whether the record calls itself test data (`meta.security` or `meta.tag` HTEST)."""
    meta = patient.get("meta", {})
    codings = [*meta.get("security", []), *meta.get("tag", [])]
    return any(coding.get("code") == TEST_DATA for coding in codings)


def identity(
    patient: Mapping[str, Any], report: Report, language: Language
) -> tuple[tuple[str, str], ...]:
    """Return label and value of each line that identifies the patient and the report."""
    rows = [(say(language, "Patient"), _name(patient) or say(language, "not recorded"))]
    numbers = [
        quoted(entry["value"], 60) for entry in patient.get("identifier", []) if "value" in entry
    ]
    if numbers:
        rows.append((say(language, "Identifier"), ", ".join(numbers)))
    if born := patient.get("birthDate"):
        age = _age(born, report.created.date())
        years = say(language, " (%(age)s years)", age=age) if age is not None else ""
        rows.append((say(language, "Born"), f"{quoted(born, 10)}{years}"))
    if gender := patient.get("gender"):
        rows.append((say(language, "Sex"), say(language, GENDERS.get(gender, gender))))
    rows.append((say(language, "Record"), report.patient))
    rows.append((say(language, "Report"), report.id))
    rows.append((say(language, "Composed"), moment(report.created)))
    return tuple(rows)


def _name(patient: Mapping[str, Any]) -> str:
    names = [name for name in patient.get("name", []) if name.get("use") != "old"]
    if not names:
        return ""
    name = next((name for name in names if name.get("use") == "official"), names[0])
    if "text" in name:
        return quoted(name["text"], 120)
    family, given = name.get("family", ""), name.get("given", [])
    if any("\u3400" <= letter <= "\u9fff" for letter in family):
        return quoted(family + "".join(given), 120)
    return quoted(" ".join([*given, family]), 120)


def _age(born: str, today: date) -> int | None:
    try:
        birth = date.fromisoformat(born)
    except ValueError:
        return None
    return today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))
