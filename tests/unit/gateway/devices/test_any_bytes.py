"""Whatever a file holds, it gives readings or one clear error: random, cut off, changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SEEDS: tuple[Any, ...] = (
    {"uuid": "2A35", "hex": "1E69F5580018F4E807030F081E2D4800020000"},
    {"resourceType": "Observation", "code": {"coding": [{"system": "http://loinc.org",
     "code": "8867-4"}]}, "effectiveDateTime": "2026-03-01T08:00:00Z",
     "valueQuantity": {"value": 70, "code": "/min"}},
    {"body_weight": {"value": 70, "unit": "kg"},
     "effective_time_frame": {"date_time": "2026-03-01T08:00:00Z"}},
    {"status": 0, "body": {"measuregrps": [{"date": 1433052383, "category": 1,
     "measures": [{"type": 1, "unit": -3, "value": 74126}]}]}},
    {"BPDataList": [{"HP": 120, "LP": 80, "MDate": 1442491463, "TimeZone": "-0800"}], "BPUnit": 0},
    {"sleep": [{"dateOfSleep": "2026-03-01", "startTime": "2026-03-01T01:16:00.000",
     "minutesAsleep": 112, "levels": {"summary": {"deep": {"minutes": 30}}}}]},
    {"activities-heart": [{"dateTime": "2026-03-01"}],
     "activities-heart-intraday": {"dataset": [{"time": "00:01:00", "value": 64}]}},
    {"point": [{"dataTypeName": "com.google.weight", "startTimeNanos": "1422632268186000000",
     "value": [{"fpVal": 70}]}]},
    {"sleeps": [{"startTime": "2026-03-01T21:40:59-05:00", "duration": 11580,
     "sleepDetails": [{"datetime": "2026-03-01T21:40:59-05:00", "value": 2}]}]},
    [{"date": "20261212", "summary": [], "segments": [{"activities": [
     {"startTime": "20260301T071430+0200", "duration": 782, "group": "walking"}]}]}],
    {"meta": {}, "data": {"items": [{"time_created": 1444009961, "weight": 64,
     "details": {"hourly_totals": {"2026030109": {"steps": 3}}}}]}},
)  # fmt: skip
TEXTS = (
    b'<HealthData><Record type="HKQuantityTypeIdentifierHeartRate" unit="count/min" '
    b'startDate="2026-03-01 08:00:00 +0800" value="60"/></HealthData>',
    b"time,heart rate\n2026-03-01T08:00:00Z,72\n",
    b"\x0c\x10\x64\x00\x0b\x00\x00\x00.FIT\x40\x00\x00\x14\x00\x01\x03\x01\x02\x00\x48\x00\x00",
)
ODD = st.sampled_from([None, True, "", "x", -1, 10**30, 1e300, [], {}, [1], {"a": 1}, ["a", {}]])


def changed(value: Any, draw: Callable[..., Any], deep: int = 0) -> Any:
    """Return the value with something in it that its format does not foresee."""
    if deep and draw(st.integers(0, 3)) == 0:
        return draw(ODD)
    if isinstance(value, dict) and value:
        name = draw(st.sampled_from(sorted(value)))
        return {**value, name: changed(value[name], draw, deep + 1)}
    if isinstance(value, list) and value:
        return [changed(value[0], draw, deep + 1), *value[1:]]
    return draw(ODD)


@given(st.data())
@settings(max_examples=150, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
def test_entries_that_no_format_foresees(read: Callable[..., Any], data: st.DataObject) -> None:
    value = changed(data.draw(st.sampled_from(SEEDS)), data.draw)
    found = read(json.dumps(value), "Europe/Paris")
    assert found.error is None or found.error.got


@given(st.sampled_from(TEXTS), st.integers(0, 200), st.binary(max_size=30))
@settings(max_examples=80, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
def test_files_cut_off_with_bytes_behind(
    read: Callable[..., Any], text: bytes, length: int, more: bytes
) -> None:
    found = read(text[:length] + more, "Europe/Paris")
    assert found.error is None or found.error.got


def test_the_seeds_themselves_are_read(read: Callable[..., Any]) -> None:
    for value in SEEDS:
        found = read(json.dumps(value), "Europe/Paris")
        assert found.readings, value
        assert found.error is None
