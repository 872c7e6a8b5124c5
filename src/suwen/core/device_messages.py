"""What a device may say: the JSON of one message, whichever door it comes in by.

One reading, or many of several quantities:

    {"token": "...", "code": "8867-4", "unit": "/min", "at": "2026-03-01T10:00:00+08:00",
     "value": 72}

    {"token": "...", "readings": [
      {"code": "59408-5", "unit": "%", "ms": 1772330400000, "value": 97},
      {"code": "8867-4", "unit": "/min", "ms": [1772330400000, 1772330401000], "values": [72, 73]},
      {"code": "131329", "unit": "mV", "at": "2026-03-01T02:00:00Z", "hz": 250, "values": [0.1]},
      {"code": "omh:acceleration", "unit": "[g]", "at": "2026-03-01T02:00:00Z", "hz": 50,
       "axes": ["x", "y", "z"], "values": [[0.01, -0.02, 0.99]]}]}

`code` is a LOINC code (a code of IEEE 11073 where LOINC has none), `unit` a UCUM unit. The time is
`at`, ISO 8601 with its offset from UTC, or `ms`, whole milliseconds since 1970-01-01 UTC. `values`
are readings at the times of the list `ms`, or from one time on at `hz` a second; with `axes` each
is a row of a number an axis, and each axis is a quantity of its own, `CODE.AXIS`. Over MQTT the
token stands in the message, over HTTPS in the header `Authorization: Bearer TOKEN`.

Whatever is wrong with one reading is told beside the others and does not spoil them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.core.streams import MICROSECONDS, ticks

MALFORMED: Final = "malformed"
NOT_A_NUMBER: Final = "not-a-number"
CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")
UNIT: Final = re.compile(r"[\x21-\x7e]{1,32}")
LEAST_HZ, MOST_HZ = 1e-6, 100_000.0
MOST_AXES: Final = 16
_LATEST_MS: Final = 253_402_300_799_000
"""The end of the year 9999, past which no date is."""


class Point(NamedTuple):
    """One reading: its quantity and unit, microseconds since 1970-01-01 UTC, the number."""

    code: str
    unit: str
    tick: int
    value: float


class Block(NamedTuple):
    """Many readings of one quantity: times and values, (n,) each, in the order they were sent."""

    code: str
    unit: str
    at: NDArray[np.int64]
    values: NDArray[np.float64]


class Fault(NamedTuple):
    """What could not be understood, and why: `MALFORMED` or `NOT_A_NUMBER`."""

    state: str
    said: Any
    readings: int = 1


@dataclass
class Said:
    """What one message says."""

    token: str = ""
    points: list[Point] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def said_in(payload: bytes) -> Said:
    """Return what a message says; it never fails, whatever the bytes are."""
    said = Said()
    try:
        message = json.loads(payload.decode())
        if not isinstance(message, dict):
            raise ValueError
    except (ValueError, RecursionError):
        said.faults.append(Fault(MALFORMED, payload[:4096].decode("utf-8", "replace")))
        return said
    token = message.pop("token", "")
    said.token = token if isinstance(token, str) else ""
    readings = message.get("readings", [message])
    if not isinstance(readings, list):
        readings = [readings]
    for reading in readings:
        _add(said, reading)
    return said


def _add(said: Said, reading: Any) -> None:
    try:
        code, unit = reading["code"], reading["unit"]
        if not (CODE.fullmatch(code) and UNIT.fullmatch(unit)):
            raise ValueError
        if "values" in reading:
            _add_block(said, code, unit, reading)
            return
        value = reading["value"]
        tick = _tick(reading)
        if type(value) is not float and type(value) is not int:
            # null and "NaN" are how programs without a number for it write that there is none
            state = NOT_A_NUMBER if value is None or isinstance(value, str) else MALFORMED
            said.faults.append(Fault(state, reading))
        elif isfinite(value):
            said.points.append(Point(code, unit, tick, float(value)))
        else:
            said.faults.append(Fault(NOT_A_NUMBER, reading))
    except (ValueError, TypeError, KeyError, OverflowError):
        said.faults.append(Fault(MALFORMED, reading))


def _tick(reading: Mapping[str, Any]) -> int:
    """Return the time of a reading; ValueError where it is none or lacks its zone."""
    if (ms := reading.get("ms")) is not None:
        if type(ms) is not int or not -_LATEST_MS <= ms <= _LATEST_MS:
            raise ValueError
        return ms * 1000
    at = datetime.fromisoformat(reading["at"])
    if at.tzinfo is None:
        raise ValueError
    return ticks(at)


def _add_block(said: Said, code: str, unit: str, reading: Mapping[str, Any]) -> None:
    given = reading["values"]
    if not isinstance(given, list) or not given:
        raise ValueError
    if (axes := reading.get("axes")) is not None:
        values = _rows(given, axes, code)
    else:
        values = _numbers(given)
    if "hz" in reading:
        rate = float(reading["hz"])
        if not LEAST_HZ <= rate <= MOST_HZ:
            raise ValueError
        steps = np.arange(len(values)) * (MICROSECONDS / rate)
        at = _tick(reading) + np.rint(steps).astype(np.int64)
    else:
        listed = reading["ms"]
        if len(listed) != len(values) or not all(type(ms) is int for ms in listed):
            raise ValueError
        if max(map(abs, listed)) > _LATEST_MS:
            raise ValueError
        at = np.array(listed, dtype=np.int64) * 1000
    finite = np.isfinite(values) if axes is None else np.isfinite(values).all(1)
    if not finite.all():
        bad = int((~finite).sum())
        said.faults.append(Fault(NOT_A_NUMBER, {"code": code, "unit": unit}, bad))
    if not finite.any():
        return
    if axes is None:
        said.blocks.append(Block(code, unit, at[finite], values[finite]))
        return
    for axis, column in zip(axes, values[finite].T, strict=True):
        said.blocks.append(Block(f"{code}.{axis}", unit, at[finite], column))


def _numbers(given: list[Any]) -> NDArray[np.float64]:
    """Return numbers, (n,); NaN where one is none."""
    return np.array(
        [v if type(v) is float or type(v) is int else None for v in given], dtype=np.float64
    )


def _rows(given: list[Any], axes: Any, code: str) -> NDArray[np.float64]:
    """Return rows of a number an axis, (n, axes); ValueError where the form is another."""
    if not isinstance(axes, list) or not 1 <= len(axes) <= MOST_AXES or len({*axes}) < len(axes):
        raise ValueError
    if not all(isinstance(axis, str) and CODE.fullmatch(f"{code}.{axis}") for axis in axes):
        raise ValueError
    if not all(isinstance(row, list) and len(row) == len(axes) for row in given):
        raise ValueError
    return _numbers([one for row in given for one in row]).reshape(-1, len(axes))
