"""Samples as readings: units, limits of a living person, clocks, and ids seen before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from suwen.core.streams import Reading
from suwen.gateway.devices.converted import Converter
from suwen.gateway.devices.quantities import quantities
from suwen.gateway.devices.sample import Problems, Sample
from suwen.records.fhir.ucum import verdict

NOW = datetime(2026, 11, 27, tzinfo=UTC)
AT = datetime(2026, 11, 1, 8, tzinfo=UTC)


def convert(*samples: Sample) -> tuple[list[Reading], list[str], Converter]:
    problems = Problems()
    converter = Converter(problems, NOW)
    readings = list(converter.readings(samples))
    return readings, [reason.en for reason in problems.refused], converter


@pytest.mark.parametrize(
    ("key", "value", "unit", "expected"),
    [
        ("temperature", 98.6, "degF", 37.0),
        ("glucose", 90.0, "mg/dL", 4.9956),
        ("glucose", 5.4, "mmol<180.1558800000541>/L", 5.4),
        ("systolic", 16.0, "kPa", 120.0099),
        ("weight", 150.0, "lb", 68.0389),
        ("height", 1.83, "m", 183.0),
        ("heart_rate", 72.0, "count/min", 72.0),
        ("rr_interval", 0.812, "s", 812.0),
        ("sleep", 7.5, "h", 450.0),
    ],
)
def test_units_of_devices_become_the_canonical_one(
    key: str, value: float, unit: str, expected: float
) -> None:
    (reading,), refused, _ = convert(Sample(key, AT, value, unit, "d"))
    assert not refused
    assert reading.value == pytest.approx(expected, abs=1e-4)
    assert reading.channel.unit == quantities().by_key[key].unit


def test_a_fever_of_98_6_celsius_is_a_unit_mistake_and_not_stored() -> None:
    readings, refused, _ = convert(Sample("temperature", AT, 98.6, "Cel", "d"))
    assert not readings
    assert refused == ["Body temperature: not possible (expected 20-46 Cel)"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_no_number_is_refused(value: float) -> None:
    readings, refused, _ = convert(Sample("heart_rate", AT, value, "/min", "d"))
    assert not readings
    assert refused == ["the value is not a number"]


def test_a_weight_without_unit_is_refused_a_heart_rate_is_not() -> None:
    readings, refused, _ = convert(
        Sample("weight", AT, 70, "", "d"), Sample("heart_rate", AT, 70, "", "d")
    )
    assert [one.channel.code for one in readings] == ["8867-4"]
    assert refused == ["Body weight: a unit that is not known, or none"]


def test_a_clock_that_is_wrong_is_refused_one_a_day_ahead_is_not() -> None:
    ahead, far = NOW + timedelta(days=1), NOW + timedelta(days=30)
    unset = datetime(1970, 1, 1, 0, 5, tzinfo=UTC)
    readings, refused, _ = convert(
        *(Sample("heart_rate", at, 70, "/min", "d") for at in (ahead, far, unset))
    )
    assert [one.at for one in readings] == [ahead]
    assert len(refused) == 2


def test_the_same_id_of_the_same_source_counts_once() -> None:
    one = Sample("weight", AT, 70, "kg", "d", "log-1")
    readings, _, converter = convert(one, one._replace(value=71), one._replace(key="bmi", value=22))
    assert [reading.value for reading in readings[:1]] == [70]
    assert (converter.read, converter.repeated) == (3, 1)


def test_every_canonical_unit_is_ucum_and_every_code_has_one_quantity() -> None:
    known = quantities()
    units = {one.key: one.unit for one in known.by_key.values()}
    assert {key: verdict(unit) for key, unit in units.items() if verdict(unit) != "known"} == {}
    codes = [code for one in known.by_key.values() for code, _ in one.codes]
    assert len(codes) == len(set(codes))
    assert all(known.canonical(key, 1.0, unit) == 1.0 for key, unit in units.items())
