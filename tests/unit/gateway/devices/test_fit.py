"""Garmin FIT: files written here octet by octet, and the real corrupt ones."""

from __future__ import annotations

import csv
import os
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fitdecode.utils import compute_crc

from suwen.gateway.devices.fit import messages
from suwen.gateway.devices.sample import Source

DATA = Path(os.environ.get("SUWEN_DATA", "")) / "vitals/device_import/garmin_fit"
REAL = pytest.mark.skipif(not DATA.is_dir(), reason="SUWEN_DATA has no device_import")
RECORD, HRV, SCALE, USER = 20, 78, 30, 3
UINT8, UINT16, UINT32 = 0x02, 0x84, 0x86
SINCE = datetime(2026, 3, 1, 12, tzinfo=UTC) - datetime(1989, 12, 31, tzinfo=UTC)
NOON = int(SINCE.total_seconds())


def message(number: int, fields: list[tuple[int, int, int, int]]) -> bytes:
    """Return a definition and one message; a field is (number, size, type, value)."""
    head = struct.pack("<BBBHB", 0x40, 0, 0, number, len(fields))
    head += b"".join(struct.pack("<BBB", place, size, kind) for place, size, kind, _ in fields)
    return head + b"\0" + b"".join(value.to_bytes(size, "little") for _, size, _, value in fields)


def fit(*parts: bytes) -> bytes:
    body = b"".join(parts)
    head = struct.pack("<BBHI4s", 12, 0x10, 100, len(body), b".FIT")
    return head + body + struct.pack("<H", compute_crc(head + body))


def beat(second: int, rate: int) -> bytes:
    return message(RECORD, [(253, 4, UINT32, NOON + second), (3, 1, UINT8, rate)])


def test_heart_rates_stand_at_their_time_in_utc(read: Callable[..., Any]) -> None:
    found = read(fit(beat(0, 61), beat(1, 62)))
    assert found.format == "Garmin FIT"
    assert found.values == [
        ("heart_rate", 61, "2026-03-01 12:00:00"), ("heart_rate", 62, "2026-03-01 12:00:01"),
    ]  # fmt: skip


def test_a_clock_that_was_never_set_gives_no_time(read: Callable[..., Any]) -> None:
    found = read(fit(message(RECORD, [(253, 4, UINT32, 17_217_869), (3, 1, UINT8, 93)])))
    assert not found.readings
    assert [reason for reason in found.refused if "clock was not set" in reason]


def test_beats_follow_the_record_before_them(read: Callable[..., Any]) -> None:
    found = read(fit(beat(0, 61), *[message(HRV, [(0, 2, UINT16, 1000)])] * 2))
    assert found.values[1:] == [
        ("rr_interval", 1000, "2026-03-01 12:00:01"), ("rr_interval", 1000, "2026-03-01 12:00:02"),
    ]  # fmt: skip


def test_the_weights_of_two_users_are_nobodys(read: Callable[..., Any]) -> None:
    users = [message(USER, [(254, 2, UINT16, place)]) for place in (0, 1)]
    weight = message(SCALE, [(253, 4, UINT32, NOON), (0, 2, UINT16, 7580)])
    assert read(fit(users[0], weight)).values == [("weight", 75.8, "2026-03-01 12:00:00")]
    found = read(fit(*users, weight))
    assert not found.readings
    assert sum(found.refused.values()) == 1


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        (lambda data: data[:-6], 1),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), 2),
        (lambda data: data + b"\x0c\x10\x64\0\0\0\0\0.FIX\0\0", 2),
    ],
    ids=["cut off", "checksum", "header of a second part"],
)
def test_a_broken_file_is_one_clear_error_and_keeps_what_was_read(
    read: Callable[..., Any], change: Callable[[bytes], bytes], kept: int
) -> None:
    found = read(change(fit(beat(0, 61), beat(1, 62))))
    assert len(found.readings) == kept
    assert found.error is not None
    assert "FIT file" in found.error.got


@pytest.mark.real_data
@REAL
@pytest.mark.parametrize(
    "name",
    ["activity-filecrc", "activity-settings-corruptheader", "activity-settings-nodata",
     "activity-unexpected-eof"],
)  # fmt: skip
def test_real_corrupt_files_are_one_clear_error_each(read: Callable[..., Any], name: str) -> None:
    found = read((DATA / f"{name}.fit").read_bytes())
    assert found.error is not None
    assert "messages" in found.error.got


@pytest.mark.real_data
@REAL
@pytest.mark.parametrize("name", ["garmin-fenix-5-walk", "garmin-fenix-5-run"])
def test_real_records_are_those_of_the_expected_table(name: str) -> None:
    path = DATA / f"{name}.fit"
    source = Source(name, 0, lambda: path.open("rb"))
    got = [fields for kind, fields in messages(source) if kind == "record"]
    with (DATA / f"{name}-records.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(got) == len(rows)
    for fields, row in zip(got, rows, strict=True):
        local = datetime.strptime(row["timestamp"], "%a %b %d %H:%M:%S PDT %Y")
        at = local.replace(tzinfo=ZoneInfo("America/Los_Angeles"))
        assert fields["timestamp"] == at
        for column in row.keys() - {"timestamp"}:
            assert fields[column] == pytest.approx(float(row[column])), column
