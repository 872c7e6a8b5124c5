"""A synthetic Apple Health export of any size: `python -m benchmarks.apple_export FILE MEGABYTES`.

Nobody's data: values come from a seed. Types, attributes, nested parts and the document type are
those of HealthKit Export Version 14; the mixture (mostly heart rate, steps and energy) is that of a
worn watch. Blood pressures stand in a correlation and by themselves, as in a real one.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

MEGABYTE = 1024 * 1024
SEED = 14
START = datetime(2015, 1, 1, tzinfo=UTC)
HOME = timezone(timedelta(hours=8))
TYPE = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 14 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|Correlation|Workout|ActivitySummary)*)>
<!ATTLIST HealthData
  locale CDATA #REQUIRED
>
<!ELEMENT ExportDate EMPTY>
<!ATTLIST ExportDate
  value CDATA #REQUIRED
>
<!ELEMENT Record ((MetadataEntry|HeartRateVariabilityMetadataList)*)>
<!ATTLIST Record
  type          CDATA #REQUIRED
  unit          CDATA #IMPLIED
  value         CDATA #IMPLIED
  sourceName    CDATA #REQUIRED
  sourceVersion CDATA #IMPLIED
  device        CDATA #IMPLIED
  creationDate  CDATA #IMPLIED
  startDate     CDATA #REQUIRED
  endDate       CDATA #REQUIRED
>
]>
<HealthData locale="en_CN">
 <ExportDate value="2026-11-27 08:00:00 +0800"/>
 <Me HKCharacteristicTypeIdentifierDateOfBirth="1970-01-01" \
HKCharacteristicTypeIdentifierBiologicalSex="HKBiologicalSexNotSet"/>
"""
END = "</HealthData>\n"
WATCH = (
    "&lt;&lt;HKDevice: 0x28{mark:07x}&gt;, name:Apple Watch, manufacturer:Apple Inc., "
    "model:Watch, hardware:Watch6,2, software:9.4&gt;"
)


def records(chance: random.Random, at: datetime) -> Iterator[str]:
    """Yield what a watch writes in five minutes, and now and then a cuff, a scale, a night."""
    yield _record("HeartRate", "count/min", f"{chance.gauss(72, 9):.0f}", at, chance, True)
    yield _record("StepCount", "count", f"{chance.randrange(400)}", at, chance, False)
    yield _record("ActiveEnergyBurned", "kcal", f"{chance.random():.3f}", at, chance, False)
    yield _record("DistanceWalkingRunning", "km", f"{chance.random() / 3:.5f}", at, chance, False)
    if chance.random() < 0.05:
        yield _record("OxygenSaturation", "%", f"0.{chance.randrange(93, 100)}", at, chance, False)
        yield _record("HeartRateVariabilitySDNN", "ms", f"{chance.gauss(45, 9):.4f}",
                      at, chance, False)  # fmt: skip
        yield _record("EnvironmentalAudioExposure", "dBASPL", "61.2", at, chance, False)
    if chance.random() < 0.004:
        yield from _pressure(chance, at)
    if chance.random() < 0.004:
        yield _record("BodyMass", "kg", f"{chance.gauss(70, 1):.1f}", at, chance, False)
    if chance.random() < 0.02:
        yield _sleep(chance, at)


def _when(at: datetime) -> str:
    return at.astimezone(HOME).strftime("%Y-%m-%d %H:%M:%S %z")


def _record(
    kind: str, unit: str, value: str, at: datetime, chance: random.Random, motion: bool
) -> str:
    head = (
        f' <Record type="HKQuantityTypeIdentifier{kind}" sourceName="Some\u00a0Watch" '
        f'sourceVersion="9.4" device="{WATCH.format(mark=chance.randrange(16**7))}" unit="{unit}" '
        f'creationDate="{_when(at + timedelta(seconds=5))}" startDate="{_when(at)}" '
        f'endDate="{_when(at + timedelta(minutes=4))}" value="{value}"'
    )
    if not motion:
        return head + "/>\n"
    inside = '  <MetadataEntry key="HKMetadataKeyHeartRateMotionContext" value="1"/>\n'
    return f"{head}>\n{inside} </Record>\n"


def _pressure(chance: random.Random, at: datetime) -> Iterator[str]:
    upper = _record(
        "BloodPressureSystolic", "mmHg", f"{chance.gauss(128, 12):.0f}", at, chance, False
    )
    lower = _record(
        "BloodPressureDiastolic", "mmHg", f"{chance.gauss(80, 8):.0f}", at, chance, False
    )
    yield upper + lower
    yield (
        ' <Correlation type="HKCorrelationTypeIdentifierBloodPressure" sourceName="Cuff" '
        f'startDate="{_when(at)}" endDate="{_when(at)}">\n {upper} {lower} </Correlation>\n'
    )


def _sleep(chance: random.Random, at: datetime) -> str:
    stage = chance.choice(("AsleepCore", "AsleepDeep", "AsleepREM", "Awake", "InBed"))
    return (
        ' <Record type="HKCategoryTypeIdentifierSleepAnalysis" sourceName="Some Watch" '
        f'startDate="{_when(at)}" endDate="{_when(at + timedelta(minutes=25))}" '
        f'value="HKCategoryValueSleepAnalysis{stage}"/>\n'
    )


def write(path: Path, size: int) -> int:
    """Write an export of at least `size` bytes; return how many there are."""
    chance = random.Random(SEED)
    at, written = START, 0
    with path.open("w", encoding="utf-8") as file:
        written += file.write(TYPE)
        while written < size:
            part = "".join(records(chance, at))
            written += file.write(part)
            at += timedelta(seconds=150)
        written += file.write(END)
    return path.stat().st_size


if __name__ == "__main__":
    print(f"{write(Path(sys.argv[1]), int(sys.argv[2]) * MEGABYTE):,} bytes")
