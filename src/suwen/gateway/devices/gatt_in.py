"""Recorded Bluetooth notifications in: JSON objects with the characteristic and its bytes.

Each is `{"uuid": "2A35", "hex": "00780050005D00"}`, with `device` (its id), `received` (when the
phone got it, ISO with offset) and `session_start` (of a glucose sensor) where they are known; one
object, a list of them, a list under `vectors` or `notifications`, or one a line. What the device
itself marks as unreliable is refused.

Reference: Bluetooth SIG GATT specification supplement, status fields of each measurement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.gateway.devices.gatt import Fields, decode, short_uuid
from suwen.gateway.devices.sample import (
    MALFORMED,
    NO_TIME,
    NOT_A_NUMBER,
    Problems,
    Sample,
    Samples,
    Source,
)
from suwen.gateway.devices.times import Clock

_LISTS: Final = ("vectors", "notifications")
_UNRELIABLE: Final = Text(
    en="the device itself marks the measurement as unreliable", zh="设备自身标记测量不可靠"
)
_OTHER_USER: Final = Text(en="of another user of the same device", zh="同一设备的另一位使用者")
_BITS: Final = {
    "2A35": ("measurement_status", {1, 5}),
    "2A18": ("sensor_status", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}),
    "2A5E": ("measurement_status", {10, 11, 12, 13, 14, 15}),
    "2A5F": ("measurement_status", {10, 11, 12, 13, 14, 15}),
}
"""Status bits that make a value none: cuff loose or badly placed; strip, sample or sensor at fault;
demonstration, test, calibration, unavailable, questionable, invalid."""
_CONTROL: Final = 10
_CONTROL_PLACE: Final = 4
_INTERSTITIAL: Final = 9
"""Types of a glucose sample: control solution, interstitial fluid; the others are blood."""
_SOLUTION: Final = Text(en="a control solution, not the patient", zh="质控液，不是患者样本")
_NO_CONTACT: Final = 2
_TIME_FAULT: Final = 11
_UNKNOWN_USER: Final = 255
_UNITS: Final = {"mmHg": "mm[Hg]", "kPa": "kPa", "C": "Cel", "F": "[degF]"}
_PRESSURES: Final = (
    ("systolic", "systolic"),
    ("diastolic", "diastolic"),
    ("mean_arterial_pressure", "mean_pressure"),
)


def claims(document: object) -> bool:
    """Say whether a JSON value holds notifications."""
    return next(iter(_notifications(document)), None) is not None


def _notifications(document: object) -> Iterator[Mapping[str, Any]]:
    many: Iterable[object] = [document]
    if isinstance(document, list | Iterator):
        many = document
    elif isinstance(document, dict):
        many = next((document[n] for n in _LISTS if isinstance(document.get(n), list)), many)
    for one in many:
        if isinstance(one, dict) and isinstance(one.get("uuid"), str) and "hex" in one:
            yield one


def samples(document: object, source: Source, problems: Problems) -> Samples:
    """Yield the samples of recorded notifications.

    Raises
    ------
    BadInput
        A time stamp is a local time and no zone was given.
    """
    reader = _Reader(Clock(source.zone, problems, "a Bluetooth device"), problems)
    for place, one in enumerate(_notifications(document), 1):
        yield from reader.samples(one, f"notification {place}")


class _Reader:
    def __init__(self, clock: Clock, problems: Problems) -> None:
        self._clock, self._problems = clock, problems
        self._users: dict[str, int] = {}

    def samples(self, given: Mapping[str, Any], where: str) -> Iterator[Sample]:
        uuid = short_uuid(given["uuid"])
        device = f"gatt/{given.get('device') or uuid}"
        try:
            fields = decode(uuid, bytes.fromhex(str(given["hex"])))
        except (ValueError, BadInput):
            self._problems.refuse(MALFORMED, where)
            return
        name, bits = _BITS.get(uuid, ("", set()))
        marked = set(fields.get(name, {}).get("bits", ())) & bits
        if marked or fields.get("sensor_contact") == _NO_CONTACT:
            self._problems.refuse(_UNRELIABLE, where)
            return
        if fields.get("type") == _CONTROL or fields.get("sample_location") == _CONTROL_PLACE:
            self._problems.leave(_SOLUTION, where)
            return
        user = fields.get("user_id", _UNKNOWN_USER)
        if user != _UNKNOWN_USER and self._users.setdefault(device, user) != user:
            self._problems.refuse(_OTHER_USER, where)
            return
        if uuid == "2AA7":
            yield from self._sensor(fields, given, device, where)
            return
        at = self._time(fields, given, where)
        if at is None:
            self._problems.refuse(NO_TIME, where)
            return
        for key, value, unit in _values(uuid, fields):
            if isinstance(value, str):
                self._problems.refuse(NOT_A_NUMBER, where)
            elif value is not None:
                yield Sample(key, at, float(value), unit, device)
        yield from _beats(fields, at, device)

    def _time(self, fields: Fields, given: Mapping[str, Any], where: str) -> datetime | None:
        """Return when it was: by the device where its clock is right, else when it came."""
        stamp = fields.get("timestamp") or fields.get("base_time")
        faults = fields.get("sensor_status", {}).get("bits", ())
        if stamp and not fields.get("clock_not_set") and _TIME_FAULT not in faults:
            local = datetime.fromisoformat(stamp)
            local += timedelta(minutes=fields.get("time_offset_min", 0))
            return self._clock.of(local, where)
        received = given.get("received")
        return self._clock.at(received, where) if isinstance(received, str) else None

    def _sensor(
        self, fields: Fields, given: Mapping[str, Any], device: str, where: str
    ) -> Iterator[Sample]:
        """Yield the values of a glucose sensor, whose times count from the start of its session."""
        text = given.get("session_start")
        start = self._clock.at(text, where) if isinstance(text, str) else None
        for one in fields["records"]:
            if start is None:
                self._problems.refuse(NO_TIME, where)
            elif isinstance(one["glucose_mg_dl"], str):
                self._problems.refuse(NOT_A_NUMBER, where)
            else:
                at = start + timedelta(minutes=one["time_offset_min"])
                yield Sample(
                    "glucose_interstitial", at, float(one["glucose_mg_dl"]), "mg/dL", device
                )


def _values(uuid: str, fields: Fields) -> Iterator[tuple[str, Any, str]]:
    """Yield (quantity, value, unit) of a decoded measurement."""
    unit = _UNITS.get(fields.get("unit", ""), "")
    imperial = fields.get("unit") == "imperial"
    mass, length = ("lb", "in") if imperial else ("kg", "m")
    if uuid == "2A35":
        for name, key in _PRESSURES:
            yield key, fields[name], unit
    elif uuid in ("2A1C", "2A1E"):
        yield "temperature", fields["temperature"], unit
    elif uuid == "2A18":
        blood = fields.get("type") != _INTERSTITIAL
        key = "glucose" if blood else "glucose_interstitial"
        yield key, fields.get("glucose_mmol_l"), "mmol/L"
        yield key, fields.get("glucose_mg_dl"), "mg/dL"
    elif uuid in ("2A5E", "2A5F"):
        yield "oxygen_saturation", fields["spo2"], "%"
        yield "perfusion_index", fields.get("pulse_amplitude_index"), "%"
    yield "heart_rate", fields.get("heart_rate", fields.get("pulse_rate")), "/min"
    if uuid in ("2A9D", "2A9C"):
        yield "weight", fields.get("weight"), mass
        yield "height", fields.get("height"), length
        yield "bmi", fields.get("bmi"), "kg/m2"
        yield "body_fat", fields.get("body_fat_percentage"), "%"
        yield "muscle_mass", fields.get("muscle_mass"), mass


def _beats(fields: Fields, at: datetime, device: str) -> Iterator[Sample]:
    """Yield beat-to-beat times, the last of which ends when the notification came."""
    times = fields.get("rr_seconds", [])
    end = at - timedelta(seconds=sum(times))
    for seconds in times:
        end += timedelta(seconds=seconds)
        yield Sample("rr_interval", end, seconds, "s", device)
