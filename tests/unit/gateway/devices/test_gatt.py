"""Bytes of Bluetooth devices: numbers that are none, flags, units, whose and when."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suwen.core.errors import BadInput
from suwen.gateway.devices.gatt import Octets, decode, short_uuid

VECTORS = Path(os.environ.get("SUWEN_DATA", "")) / "vitals/device_import/bluetooth_gatt"
FULL = "1E69F5580018F4E807030F081E2D4800020000"
"""138.5/88 mmHg at 2024-03-15 08:30:45, pulse 72, of user 2."""


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("7200", 114), ("6DF1", 36.5), ("FF07", "NaN"), ("0008", "NRes"),
        ("FE07", "+INF"), ("0208", "-INF"), ("0108", "NaN"), ("F1FF", -1.5),
    ],
)  # fmt: skip
def test_sfloat_numbers_and_what_is_none(octets: str, value: float | str) -> None:
    assert Octets(bytes.fromhex(octets)).sfloat() == value


def test_float_is_exact_in_decimals() -> None:
    assert Octets(bytes.fromhex("6E0100FF")).float32() == 36.6
    assert Octets(bytes.fromhex("FFFF7F00")).float32() == "NaN"


def test_bytes_fewer_than_the_flags_promise_are_one_clear_error() -> None:
    with pytest.raises(BadInput, match="fewer than their flags say"):
        decode("2A35", bytes.fromhex("1E6900"))


def test_a_characteristic_nobody_knows_is_refused() -> None:
    with pytest.raises(BadInput, match="not known"):
        decode("2A00", b"\0")


def test_uuids_in_their_long_forms() -> None:
    assert short_uuid("0x2a37") == "2A37"
    assert short_uuid("00002a37-0000-1000-8000-00805f9b34fb") == "2A37"


@given(st.sampled_from(["2A18", "2A1C", "2A35", "2A37", "2A5E", "2A5F", "2A9C", "2A9D", "2AA7"]),
       st.binary(max_size=40))  # fmt: skip
@settings(max_examples=60, deadline=None, derandomize=True)
def test_any_bytes_are_fields_or_one_clear_error(uuid: str, data: bytes) -> None:
    with contextlib.suppress(BadInput):
        assert isinstance(decode(uuid, data), dict)


def test_a_cuff_gives_its_pressures_in_the_zone_given(read: Callable[..., Any]) -> None:
    found = read({"uuid": "2A35", "hex": FULL}, "Asia/Shanghai")
    at = "2024-03-15 00:30:45"
    assert found.values == [
        ("systolic", 138.5, at), ("diastolic", 88, at), ("mean_pressure", 104.8, at),
        ("heart_rate", 72, at),
    ]  # fmt: skip


def test_a_time_stamp_of_a_device_has_no_zone_so_one_must_be_given(
    read: Callable[..., Any],
) -> None:
    found = read({"uuid": "2A35", "hex": FULL})
    assert not found.readings
    assert found.error is not None
    assert "--zone" in found.error.todo


def test_bytes_without_a_time_stand_at_the_moment_they_came(read: Callable[..., Any]) -> None:
    lines = [
        {"uuid": "2A37", "hex": "0648", "received": "2026-01-01T00:00:00Z", "device": "belt"},
        {"uuid": "2A37", "hex": "0649"},
        {"uuid": "2A37", "hex": "043A", "received": "2026-01-01T00:00:02Z"},
    ]
    found = read("\n".join(json.dumps(line) for line in lines))
    assert found.values == [("heart_rate", 72, "2026-01-01 00:00:00")]
    assert found.readings[0].channel.device == "gatt/belt"
    assert found.refused == {
        "the time is missing or not clear": 1,
        "the device itself marks the measurement as unreliable": 1,
    }


def test_a_result_too_high_for_the_meter_is_no_number(read: Callable[..., Any]) -> None:
    found = read({"uuid": "2A1C", "hex": "02FFFF7F00E807030F081E2D"}, "UTC")
    assert not found.readings
    assert found.refused == {"the value is not a number": 1}


def test_a_sensor_counts_minutes_from_the_start_of_its_session(read: Callable[..., Any]) -> None:
    one = {"uuid": "2AA7", "hex": "060070009B05", "session_start": "2026-01-01T00:00:00Z"}
    (name, value, at), = read(one).values  # fmt: skip
    assert (name, at) == ("glucose_interstitial", "2026-01-01 23:55:00")
    assert value == pytest.approx(6.2167, abs=1e-4)


def test_a_control_solution_is_not_the_patient(read: Callable[..., Any]) -> None:
    meter = "020500E807030F081E2D5FB0{}"
    found = read(
        [{"uuid": "2A18", "hex": meter.format(kind)} for kind in ("4A", "11", "19")], "UTC"
    )
    assert [key for key, _, _ in found.values] == ["glucose", "glucose_interstitial"]
    assert found.left == {"a control solution, not the patient": 1}


def test_a_second_user_of_the_same_cuff_is_refused(read: Callable[..., Any]) -> None:
    other = FULL[:-6] + "03" + FULL[-4:]
    found = read([{"uuid": "2A35", "hex": FULL}, {"uuid": "2A35", "hex": other}], "UTC")
    assert len(found.readings) == 4
    assert found.refused == {"of another user of the same device": 1}


@pytest.mark.real_data
@pytest.mark.skipif(not VECTORS.is_dir(), reason="SUWEN_DATA has no device_import")
def test_every_vector_is_matched() -> None:
    vectors = json.loads((VECTORS / "gatt_vectors.json").read_text())["vectors"]
    for one in vectors:
        assert decode(one["uuid"], bytes.fromhex(one["hex"])) == one["expected"], one["id"]
    assert len(vectors) >= 21
