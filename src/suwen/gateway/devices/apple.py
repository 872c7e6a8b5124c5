"""Apple Health `export.xml`, read as a stream: memory does not grow with the file.

The export carries its document type inside; its attribute lists are not well formed in some
versions of iOS, and nothing of it is needed, so it is cut out before parsing. Entities are refused:
without a document type none can be meant. Percentages are fractions there (0.97 %), dates have
their offset, and what belongs to a correlation (the two blood pressures) also stands by itself.

Reference: HealthKit Export Version 14 (the DTD in the file); Apple, HKQuantityTypeIdentifier.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import blake2b
from typing import Any, BinaryIO, Final
from xml.parsers import expat

from suwen.core.codes import Text
from suwen.core.errors import BadInput, UnsafeInput
from suwen.gateway.devices.sample import (
    MALFORMED,
    NO_TIME,
    NOT_A_NUMBER,
    Problems,
    Sample,
    Samples,
    Source,
)

CHUNK: Final = 1 << 16
"""Bytes parsed at a time."""
HEAD_CAP: Final = 1 << 20
"""Longest document type that is looked for the end of."""
TOKEN_CAP: Final = 1 << 20
"""Longest tag, text or comment, in bytes: the parser holds one at a time."""
DEPTH_CAP: Final = 64
DEVICES_KEPT: Final = 10_000
ATTRIBUTES_CAP: Final = 64
_PREFIX: Final = "HKQuantityTypeIdentifier"
_QUANTITIES: Final[dict[str, tuple[str, float]]] = {
    f"{_PREFIX}{name}": (key, factor)
    for name, key, factor in (
        ("HeartRate", "heart_rate", 1.0),
        ("RestingHeartRate", "resting_heart_rate", 1.0),
        ("HeartRateVariabilitySDNN", "hrv_sdnn", 1.0),
        ("OxygenSaturation", "oxygen_saturation", 100.0),
        ("RespiratoryRate", "respiratory_rate", 1.0),
        ("BodyTemperature", "temperature", 1.0),
        ("BloodPressureSystolic", "systolic", 1.0),
        ("BloodPressureDiastolic", "diastolic", 1.0),
        ("BloodGlucose", "glucose", 1.0),
        ("BodyMass", "weight", 1.0),
        ("Height", "height", 1.0),
        ("BodyMassIndex", "bmi", 1.0),
        ("BodyFatPercentage", "body_fat", 100.0),
        ("LeanBodyMass", "lean_mass", 1.0),
        ("WaistCircumference", "waist", 1.0),
        ("StepCount", "steps", 1.0),
        ("DistanceWalkingRunning", "distance", 1.0),
        ("ActiveEnergyBurned", "energy", 1.0),
        ("AppleExerciseTime", "exercise", 1.0),
        ("VO2Max", "vo2_max", 1.0),
        ("PeripheralPerfusionIndex", "perfusion_index", 100.0),
    )
}
_SLEEP_TYPE: Final = "HKCategoryTypeIdentifierSleepAnalysis"
_SLEEP: Final = {
    "HKCategoryValueSleepAnalysisAsleep": ("sleep",),
    "HKCategoryValueSleepAnalysisAsleepUnspecified": ("sleep",),
    "HKCategoryValueSleepAnalysisAsleepCore": ("sleep", "sleep_light"),
    "HKCategoryValueSleepAnalysisAsleepDeep": ("sleep", "sleep_deep"),
    "HKCategoryValueSleepAnalysisAsleepREM": ("sleep", "sleep_rem"),
}
"""Quantities that a stretch of sleep counts for; time in bed and awake count for none."""
_HARDWARE: Final = re.compile(r"hardware:([A-Za-z]+\d+,\d+)")
_MODEL: Final = re.compile(r"model:([\w][\w .-]{0,30})")
_PERCENT: Final = "%"
_LARGE_CALORIE: Final = "Cal"
_BIRTH: Final = "HKCharacteristicTypeIdentifierDateOfBirth"


def samples(source: Source, problems: Problems) -> Samples:
    """Yield the samples of an export, in the order of the file.

    Raises
    ------
    UnsafeInput
        It holds entities, or is nested deeper or wider than an export is.
    BadInput
        It is of somebody born on another day, or not well formed from some place on; what came
        before has been yielded.
    """
    reader = _Reader(problems)
    with source.open() as file:
        for chunk in _without_type(file):
            reader.feed(chunk)
            yield from reader.taken()
        reader.close()
        yield from reader.taken()


def _without_type(file: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of the file without its document type."""
    head = file.read(CHUNK)
    start = head.find(b"<!DOCTYPE")
    root = head.find(b"<HealthData ")
    if start >= 0 and (root < 0 or start < root):
        yield head[:start]
        rest = head[start:]
        while (end := _end_of_type(rest)) < 0 and len(rest) < HEAD_CAP:
            more = file.read(CHUNK)
            if not more:
                break
            rest += more
        if end < 0:
            raise BadInput("a document type without an end", "an Apple Health export", "")
        yield b"\n" * rest.count(b"\n", 0, end)  # So that lines keep their numbers.
        head = rest[end:]
    yield head
    while chunk := file.read(CHUNK):
        yield chunk


def _end_of_type(text: bytes) -> int:
    """Return where the document type ends, -1 when that is not seen yet."""
    bracket, plain = text.find(b"["), text.find(b">")
    if plain >= 0 and (bracket < 0 or plain < bracket):
        return plain + 1
    match = re.search(rb"\]\s*>", text)
    return match.end() if match else -1


class _Reader:
    """An expat parser that keeps nothing but the samples not yet taken."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._out: list[Sample] = []
        self._depth = 0
        self._devices: dict[tuple[str, str], str] = {}
        self._count = 0
        self._fed = 0
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.EntityDeclHandler = _refused
        parser.ExternalEntityRefHandler = _refused
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        self._parser = parser
        self._parts: dict[str, Callable[[dict[str, str]], None]] = {
            "Record": self._record,
            "Workout": self._workout,
            "Me": self._me,
        }

    def feed(self, data: bytes) -> None:
        self._guarded(data, False)

    def close(self) -> None:
        self._guarded(b"", True)

    def taken(self) -> list[Sample]:
        out, self._out = self._out, []
        return out

    def _guarded(self, data: bytes, last: bool) -> None:
        self._fed += len(data)
        try:
            self._parser.Parse(data, last)
        except LookupError:
            raise BadInput("an export in an unknown encoding", "UTF-8", "export it again") from None
        except expat.ExpatError as error:
            raise BadInput(
                f"the export is not well formed from line {error.lineno} on",
                "a whole Apple Health export.xml",
                "export it again; what came before is kept",
            ) from None
        if self._fed - self._parser.CurrentByteIndex > TOKEN_CAP:
            raise UnsafeInput("a tag longer than any in an export", "an Apple Health export", "")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEPTH_CAP or len(attributes) > ATTRIBUTES_CAP:
            raise UnsafeInput(
                "an export nested deeper or wider than any is", "an Apple Health export", ""
            )
        part = self._parts.get(name)
        if part is not None:
            self._count += 1
            part(attributes)

    def _end(self, _: str) -> None:
        self._depth -= 1

    def _me(self, given: dict[str, str]) -> None:
        self._problems.born_on(given.get(_BIRTH, ""))

    def _record(self, given: dict[str, str]) -> None:
        kind = given.get("type", "")
        found = _QUANTITIES.get(kind)
        if found is None:
            if kind == _SLEEP_TYPE:
                self._sleep(given)
            else:
                self._leave(kind)
            return
        at = self._time(given.get("startDate", ""))
        if at is None:
            return
        try:
            value = float(given["value"])
        except (KeyError, ValueError):
            self._problems.refuse(NOT_A_NUMBER, self._where())
            return
        key, factor = found
        unit = given.get("unit", "")
        if unit == _LARGE_CALORIE:
            unit = "kcal"  # Before letters are made small: `cal` is a thousandth of it.
        if factor != 1.0 and unit == _PERCENT:
            value = round(value * factor, 4)
        device = self._device(given.get("sourceName", ""), given.get("device", ""))
        self._out.append(Sample(key, at, value, unit, device))

    def _sleep(self, given: dict[str, str]) -> None:
        start = self._time(given.get("startDate", ""))
        end = self._time(given.get("endDate", ""))
        if start is None or end is None:
            return
        device = self._device(given.get("sourceName", ""), given.get("device", ""))
        minutes = (end - start).total_seconds() / 60
        for key in _SLEEP.get(given.get("value", ""), ()):
            self._out.append(Sample(key, start, minutes, "min", device))

    def _workout(self, given: dict[str, str]) -> None:
        start = self._time(given.get("startDate", ""))
        if start is None:
            return
        try:
            value = float(given["duration"])
        except (KeyError, ValueError):
            self._problems.refuse(MALFORMED, self._where())
            return
        device = self._device(given.get("sourceName", ""), "workout")
        self._out.append(Sample("exercise", start, value, given.get("durationUnit", "min"), device))

    def _time(self, text: str) -> datetime | None:
        """Return the moment of `2023-11-05 01:30:00 +0800`."""
        try:
            at = datetime.fromisoformat(text[:19] + text[20:])
        except ValueError:
            at = None
        if at is None or at.tzinfo is None:
            self._problems.refuse(NO_TIME, self._where())
            return None
        return at

    def _device(self, source: str, device: str) -> str:
        """Return a name for the device that names nobody: the model, and a digest of the source.

        The source is often called after its owner; the device text has an address in memory that
        differs from one export to the next.
        """
        name = (source, device.partition(">")[2])
        found = self._devices.get(name)
        if found is None:
            if len(self._devices) >= DEVICES_KEPT:
                self._devices.clear()
            match = _HARDWARE.search(name[1]) or _MODEL.search(name[1])
            model = match[1].strip() if match else "source"
            mark = blake2b(source.encode("utf-8", "replace"), digest_size=4).hexdigest()
            found = self._devices[name] = f"apple/{model}/{mark}"
        return found

    def _leave(self, kind: str) -> None:
        short = kind.removeprefix(_PREFIX).removeprefix("HKCategoryTypeIdentifier")[:60]
        self._problems.leave(Text(en=f"Apple {short}", zh=f"Apple {short}"), self._where())

    def _where(self) -> str:
        return f"record {self._count}"


def _refused(*_: Any) -> int:
    raise UnsafeInput(
        "an XML file that defines entities", "an Apple Health export, which has none", ""
    )
