"""Laboratory results and vital signs are judged only where the record allows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import kendalltau

from suwen.core.nouns import Case, Record
from suwen.diagnosis.observations import observation_statements, trend


def result(value: dict[str, Any], **more: Any) -> Record:
    content = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
        "effectiveDateTime": "2026-01-05",
        "valueQuantity": {"unit": "mmol/L", **value},
        **more,
    }
    return Record(reference="Observation/o/_history/1", content=content)


def lines(*records: Record) -> list[str]:
    case = Case(
        patient="p", at=datetime(2026, 1, 6, tzinfo=UTC), records=records, blob=lambda _: b""
    )
    return [statement.text.en for statement in observation_statements(case)]


RANGE = [{"low": {"value": 3.5, "unit": "mmol/L"}, "high": {"value": 5.3, "unit": "mmol/L"}}]


@pytest.mark.parametrize(("value", "verdict"), [(6.1, "high"), (3.1, "low")])
def test_potassium_outside_its_range_is_named(value: float, verdict: str) -> None:
    assert lines(result({"value": value}, referenceRange=RANGE)) == [
        f"Potassium {value} mmol/L: {verdict} (reference 3.5 to 5.3), 2026-01-05."
    ]


@pytest.mark.parametrize("value", [3.5, 5.3])
def test_potassium_at_the_limit_of_its_range_is_within_it(value: float) -> None:
    assert lines(result({"value": value}, referenceRange=RANGE)) == [
        f"Within the reference range: Potassium {value} mmol/L."
    ]


def test_the_laboratorys_own_flag_counts_before_the_range() -> None:
    flag = [{"coding": [{"code": "HH"}]}]
    assert lines(result({"value": 5.0}, referenceRange=RANGE, interpretation=flag)) == [
        "Potassium 5 mmol/L: high (reference 3.5 to 5.3), 2026-01-05."
    ]


@pytest.mark.parametrize(
    ("quantity", "ranges"),
    [
        ({"value": 6.1}, []),
        (
            {"value": 6.1},
            [{"low": {"value": 3.5, "unit": "mg/dL"}, "high": {"value": 5.3, "unit": "mg/dL"}}],
        ),
        ({"value": 6.1}, [*RANGE, *RANGE]),
        ({"value": 6.1, "comparator": ">"}, RANGE),
        ({"value": 6.1}, [{**RANGE[0], "type": {"coding": [{"code": "therapeutic"}]}}]),
    ],
    ids=["no range", "range in another unit", "two ranges", "only a bound", "therapeutic range"],
)
def test_a_result_that_cannot_be_compared_is_not_judged(
    quantity: dict[str, Any], ranges: list[dict[str, Any]]
) -> None:
    (line,) = lines(result(quantity, referenceRange=ranges))
    assert line.startswith("Without a reference range to compare with: Potassium")


def test_the_latest_of_several_results_counts() -> None:
    old = result({"value": 6.1}, referenceRange=RANGE, effectiveDateTime="2025-12")
    new = result(
        {"value": 4.1}, referenceRange=RANGE, effectiveDateTime="2026-01-05T07:00:00+08:00"
    )
    assert lines(new, old) == ["Within the reference range: Potassium 4.1 mmol/L."]


def test_both_parts_of_a_blood_pressure_are_read() -> None:
    parts = [
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "valueQuantity": {"value": value, "unit": "mmHg", "code": "mm[Hg]"},
        }
        for code, value in (("8480-6", 128), ("8462-4", 82))
    ]
    content = {
        "resourceType": "Observation",
        "id": "bp",
        "status": "final",
        "category": [{"coding": [{"code": "vital-signs"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        "effectiveDateTime": "2026-01-05",
        "component": parts,
    }
    assert lines(Record(reference="Observation/bp/_history/1", content=content)) == [
        "Diastolic blood pressure 82 mmHg (2026-01-05).",
        "Systolic blood pressure 128 mmHg (2026-01-05).",
    ]


def test_a_finding_of_an_earlier_report_is_not_taken_for_a_laboratory_result() -> None:
    own = [{"system": "https://suwen.health/fhir/finding", "value": "ab"}]
    assert lines(result({"value": 6.1}, referenceRange=RANGE, identifier=own)) == []


def test_a_trend_is_told_of_the_latest_readings_only() -> None:
    pulses = [
        result(
            {"value": 60 + i / 10, "unit": "/min"},
            code={"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
            category=[{"coding": [{"code": "vital-signs"}]}],
            effectiveDateTime=(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=i)).isoformat(),
        )
        for i in range(200)
    ]
    (line,) = lines(*pulses)
    assert "rising over 48 readings since 2026-01-07 08:00 UTC" in line


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ([78, 80, 84, 88, 91], "rising"),
        ([98, 97, 97, 95, 94, 92], "falling"),
        ([80, 82, 79, 81, 80, 82], "no clear trend"),
        ([70, 70, 70, 70, 70], "no clear trend"),
        ([1, 2, 3, 4], "no clear trend"),
    ],
)
def test_a_trend_needs_to_be_significant(values: Sequence[float], word: str) -> None:
    assert trend(values) == word


def test_the_trend_agrees_with_kendalls_tau_of_scipy() -> None:
    values = [80, 82, 79, 85, 84, 88, 83, 90, 86, 91]
    assert kendalltau(range(len(values)), values).pvalue < 0.05
    assert trend(values) == "rising"


def test_knowledge_names_its_source() -> None:
    import suwen.diagnosis.observations as module

    assert "LOINC 2.77" in Path(module.KNOWLEDGE).read_text(encoding="utf-8")
