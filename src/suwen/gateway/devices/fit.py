"""Garmin FIT: records of activities, beats, weight scales and all-day monitoring.

Times are seconds since 1989-12-31 UTC; below 0x10000000 they count from when the device was
switched on, and mean no moment anybody knows. A file may hold several FIT files one after the
other. What was read before a broken place is kept; a checksum that does not match is told, and the
readings stay, because every message was whole.

Reference: FIT protocol and profile (Garmin/ANT), by `fitdecode`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, BinaryIO, Final

import fitdecode
from fitdecode.exceptions import FitError

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.gateway.devices.entries import on_foot
from suwen.gateway.devices.sample import NO_TIME, Problems, Sample, Samples, Source, number

Message = dict[str, Any]
_UPTIME: Final = Text(
    en="the time counts from when the device was switched on: its clock was not set",
    zh="时间自开机起算：设备时钟未设置",
)
_OTHERS: Final = Text(
    en="weights of several users in one file, and nothing says whose",
    zh="同一文件含多位使用者的体重，无法判定归属",
)
_FIELDS: Final = {
    "record": (("heart_rate", "heart_rate", "/min"),),
    "monitoring": (("heart_rate", "heart_rate", "/min"),),
    "monitoring_hr_data": (("resting_heart_rate", "resting_heart_rate", "/min"),),
    "respiration_rate": (("respiration_rate", "respiratory_rate", "/min"),),
    "spo2_data": (("reading_spo2", "oxygen_saturation", "%"),),
    "weight_scale": (
        ("weight", "weight", "kg"),
        ("percent_fat", "body_fat", "%"),
        ("muscle_mass", "muscle_mass", "kg"),
        ("bmi", "bmi", "kg/m2"),
    ),
    "blood_pressure": (
        ("systolic_pressure", "systolic", "mm[Hg]"),
        ("diastolic_pressure", "diastolic", "mm[Hg]"),
        ("mean_arterial_pressure", "mean_pressure", "mm[Hg]"),
        ("heart_rate", "heart_rate", "/min"),
    ),
    "session": (
        ("total_timer_time", "exercise", "s"),
        ("total_distance", "distance", "m"),
        ("total_calories", "energy", "kcal"),
    ),
}
"""Fields that are kept: (name in the message, quantity, unit). Speed, place and the temperature of
the watch are no readings of the patient."""
_SIXTEEN: Final = 1 << 16
_BROKEN: Final = (
    FitError, struct.error, ArithmeticError, AssertionError, LookupError, TypeError, ValueError,
)  # fmt: skip
"""What `fitdecode` raises on bytes that are none of its format."""


def messages(source: Source) -> Iterator[tuple[str, Message]]:
    """Yield (name, fields) of every data message, as written; a repeated field gives a tuple.

    Raises
    ------
    BadInput
        The file is broken from some place on, or a checksum does not match; what came before has
        been yielded.
    """
    count = 0
    matched = True
    with source.open() as file:
        try:
            with _reader(file) as reader:
                for frame in reader:
                    if isinstance(frame, fitdecode.FitDataMessage):
                        count += 1
                        yield frame.name, _fields(frame)
                    elif isinstance(frame, fitdecode.FitCRC):
                        matched = matched and frame.matched
        except _BROKEN as error:
            raise BadInput(
                f"a FIT file broken after {count} messages ({type(error).__name__})",
                "a whole FIT file",
                "copy it from the device again; what came before is kept",
            ) from None
    if not matched:
        raise BadInput(
            f"a FIT file whose checksum does not match ({count} messages)",
            "a file as the device wrote it",
            "copy it from the device again; what could be read is kept",
        )


def _reader(file: BinaryIO) -> fitdecode.FitReader:
    """Return a reader that goes on over fields nobody defined, and leaves checksums to us."""
    return fitdecode.FitReader(
        file,
        check_crc=fitdecode.CrcCheck.READONLY,
        error_handling=fitdecode.ErrorHandling.IGNORE,
        keep_raw_chunks=False,
    )


def _fields(frame: fitdecode.FitDataMessage) -> Message:
    found: Message = {}
    for field in frame.fields:
        if field.name in found and field.value is not None:
            before = found[field.name]
            many = before if isinstance(before, tuple) else (before,)
            found[field.name] = (*many, field.value)
        elif found.get(field.name) is None:
            found[field.name] = field.value
    return found


def samples(source: Source, problems: Problems) -> Samples:
    """Yield the samples of a FIT file.

    Raises
    ------
    BadInput
        As for `messages`.
    """
    state = _State(problems)
    for name, fields in messages(source):
        yield from state.samples(name, fields)


class _State:
    """What a message means depends on those before it: the device, the time, whose weight."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._device = "fit/device"
        self._last: datetime | None = None
        self._beat: datetime | None = None
        self._users: set[int] = set()
        self._totals: dict[object, float] = {}
        self._count = 0

    def samples(self, name: str, fields: Message) -> Iterator[Sample]:
        self._count += 1
        if name == "file_id":
            maker = fields.get("manufacturer") or "unknown"
            model = fields.get("garmin_product") or fields.get("product") or "device"
            self._device = f"fit/{maker}/{model}/{fields.get('serial_number') or 0}"
        elif name == "user_profile" and isinstance(fields.get("message_index"), int):
            self._users.add(fields["message_index"])
        elif name == "hrv":
            yield from self._beats(fields)
        elif name == "hr":
            yield from self._belt(fields)
        elif name == "monitoring":
            yield from self._taken(name, fields)
            yield from self._steps(fields)
        elif name == "monitoring_info":
            self._moment(fields, "timestamp")
        elif name in _FIELDS:
            yield from self._taken(name, fields)

    def _taken(self, name: str, fields: Message) -> Iterator[Sample]:
        start = "start_time" if name == "session" else "timestamp"
        wanted = [
            (key, value, unit)
            for field, key, unit in _FIELDS[name]
            if (value := number(fields.get(field))) is not None
        ]
        at = self._moment(fields, start, bool(wanted))
        if at is None:
            return
        if name == "weight_scale" and len(self._users) > 1:
            self._problems.refuse(_OTHERS, f"message {self._count}")
            return
        for key, value, unit in wanted:
            if key != "distance" or on_foot(fields.get("sport")):
                yield Sample(key, at, value, unit, self._device)

    def _moment(self, fields: Message, name: str, wanted: bool = False) -> datetime | None:
        """Return when a message was; what has only the last bits of a time takes the others."""
        at = fields.get(name)
        if isinstance(at, datetime):
            if name == "timestamp":
                self._last = at
            return at
        low = fields.get("timestamp_16")
        if isinstance(low, int) and self._last is not None:
            ahead = (low - int((self._last - _FIT_EPOCH).total_seconds())) % _SIXTEEN
            self._last += timedelta(seconds=ahead)
            return self._last
        if wanted:
            reason = _UPTIME if isinstance(at, int) else NO_TIME
            self._problems.refuse(reason, f"message {self._count}")
        return None

    def _beats(self, fields: Message) -> Iterator[Sample]:
        """Yield beat-to-beat times: each stands where the beats before it end.

        The messages have no time of their own: they follow the record of the same second, and are
        set by it again where they have run away from it by more than `_DRIFT`.
        """
        times = fields.get("time")
        for value in times if isinstance(times, tuple) else (times,):
            seconds = number(value)
            if seconds is None:
                continue
            if self._last is None:
                self._problems.refuse(NO_TIME, f"message {self._count}")
                return
            if self._beat is None or abs(self._beat - self._last) > _DRIFT:
                self._beat = self._last
            self._beat += timedelta(seconds=seconds)
            yield Sample("rr_interval", self._beat, seconds, "s", self._device)

    def _belt(self, fields: Message) -> Iterator[Sample]:
        """Yield heart rates a chest belt kept and sent later, each with its own time."""
        rates, times = (
            found if isinstance(found, tuple) else (found,)
            for found in (fields.get("filtered_bpm"), fields.get("event_timestamp"))
        )
        start, fraction = fields.get("timestamp"), number(fields.get("fractional_timestamp"))
        if isinstance(start, datetime):
            times = (start + timedelta(seconds=fraction or 0.0),)
        for rate, at in zip(rates, times, strict=False):
            value = number(rate)
            if value is not None and isinstance(at, datetime):
                yield Sample("heart_rate", at, value, "/min", self._device)
            elif value is not None:
                self._problems.refuse(NO_TIME, f"message {self._count}")

    def _steps(self, fields: Message) -> Iterator[Sample]:
        """Yield the steps since the message before: counts of each activity add up over a day."""
        activity, cycles = fields.get("activity_type"), number(fields.get("cycles"))
        total = number(fields.get("steps"))
        if total is None and cycles is not None and activity in _ON_FOOT:
            total = cycles * STEPS_A_CYCLE
        if total is None or self._last is None:
            return
        before = self._totals.get(activity, 0.0)
        self._totals[activity] = total
        more = total - before if total >= before else total
        if more > 0:
            yield Sample("steps", self._last, more, "{steps}", self._device)


_FIT_EPOCH: Final = datetime.fromisoformat("1989-12-31T00:00:00+00:00")
_ON_FOOT: Final = ("walking", "running")
STEPS_A_CYCLE: Final = 2.0
_DRIFT: Final = timedelta(seconds=3)
