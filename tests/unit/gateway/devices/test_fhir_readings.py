"""FHIR Observations: Bundles, one a line, components, sampled data, one patient only."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

LOINC = "http://loinc.org"


def observation(code: str, at: str = "2026-03-01T08:00:00+08:00", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "subject": {"reference": "Patient/a"},
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "effectiveDateTime": at,
        **more,
    }


def quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "code": unit, "system": "http://unitsofmeasure.org"}


def test_a_bundle_gives_values_in_canonical_units(read: Callable[..., Any]) -> None:
    panel = observation("85354-9")
    panel["component"] = [
        {"code": {"coding": [{"system": LOINC, "code": code}]}, "valueQuantity": quantity(v, u)}
        for code, v, u in (("8480-6", 16.0, "kPa"), ("8462-4", 80, "mm[Hg]"))
    ]
    weight = observation("29463-7", valueQuantity=quantity(150, "[lb_av]"))
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": one} for one in (panel, weight, {"resourceType": "Device"})],
    }
    found = read(bundle)
    at = "2026-03-01 00:00:00"
    assert found.values == [
        ("systolic", 120.0099, at), ("diastolic", 80, at), ("weight", 68.0389, at),
    ]  # fmt: skip
    assert found.left == {"FHIR Device": 1}


def test_one_resource_a_line_and_a_broken_line_between(read: Callable[..., Any]) -> None:
    lines = [
        json.dumps(observation("8867-4", id=f"o{n}", valueQuantity=quantity(70 + n, "/min")))
        for n in range(3)
    ]
    lines[1] = lines[1][:30]
    found = read("\n".join(lines))
    assert [value for _, value, _ in found.values] == [70, 72]
    assert found.refused == {"an entry is not as its format says": 1}


def test_sampled_data_become_one_reading_each_without_the_gaps(read: Callable[..., Any]) -> None:
    data = {"origin": quantity(0, "/min"), "period": 1000, "dimensions": 1, "data": "70 E 72"}
    found = read(observation("8867-4", valueSampledData=data))
    assert [(value, at[-2:]) for _, value, at in found.values] == [(70, "00"), (72, "02")]


def test_what_was_withdrawn_is_a_bound_or_has_no_clear_time_is_not_stored(
    read: Callable[..., Any],
) -> None:
    low = {**quantity(30, "/min"), "comparator": "<"}
    found = read(
        [
            observation("8867-4", status="entered-in-error", valueQuantity=quantity(1, "/min")),
            observation("8867-4", valueQuantity=low),
            observation("8867-4", at="2026-03-01", valueQuantity=quantity(70, "/min")),
        ]
    )
    assert not found.readings
    assert sum(found.left.values()) == 2
    assert found.refused == {"the time is missing or not clear": 1}


def test_observations_of_two_patients_are_refused(read: Callable[..., Any]) -> None:
    other = observation("8867-4", valueQuantity=quantity(70, "/min"))
    other["subject"] = {"reference": "Patient/b"}
    found = read([observation("8867-4", valueQuantity=quantity(70, "/min")), other])
    assert not found.readings
    assert found.error is not None
    assert "several patients" in found.error.got


def test_observations_of_somebody_born_on_another_day_are_refused(
    read: Callable[..., Any],
) -> None:
    person = {"resourceType": "Patient", "birthDate": "1971-05-02"}
    content = [observation("8867-4", valueQuantity=quantity(70, "/min")), person]
    assert read(content, born="1971-05").readings
    for form in (content, "\n".join(json.dumps(one) for one in content)):
        found = read(form, born="1970-05-02")
        assert not found.readings
        assert found.error is not None
        assert "another date of birth" in found.error.got


def test_an_acceleration_is_sampled_in_three_dimensions(read: Callable[..., Any]) -> None:
    def sent(dimensions: int) -> Any:
        data = {"origin": quantity(0, "[g]"), "period": 20, "dimensions": dimensions,
                "data": "0 0 1 0 E 1 0.5 0 1"}  # fmt: skip
        one = observation("x", valueSampledData=data)
        one["code"] = {"coding": [{"system": "urn:omh", "code": "omh:acceleration"}]}
        return read(one)

    found = sent(3)
    assert [(key, value) for key, value, _ in found.values] == [
        ("acceleration_x", 0), ("acceleration_y", 0), ("acceleration_z", 1),
        ("acceleration_x", 0.5), ("acceleration_y", 0), ("acceleration_z", 1),
    ]  # fmt: skip
    assert found.readings[-1].at.microsecond == 40_000
    assert sent(1).values == [], "one axis is no acceleration"
