"""Vital signs as FHIR Observations: names, units and plausible limits are data in `knowledge/`.

Reference: HL7 FHIR R4 vital signs profiles; LOINC; UCUM.
"""

from __future__ import annotations

import math
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from suwen.core.codes import LOINC, UCUM, Text
from suwen.gateway.intake import SELF, Resource, local_id

CATEGORY = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "vital-signs",
            "display": "Vital Signs",
        }
    ]
}
PRESSURE = ("systolic", "diastolic")
_PANEL = {
    "coding": [
        {
            "system": LOINC,
            "code": "85354-9",
            "display": "Blood pressure panel with all children optional",
        }
    ]
}
_NOT_WORD = re.compile(r"[\s_\-/.]+")


@dataclass(frozen=True)
class Vital:
    """One vital sign: how tables call it, its codes, its canonical unit and its limits."""

    key: str
    text: Text
    codes: tuple[tuple[str, str], ...]
    unit: str
    assume: bool
    low: float
    high: float
    units: Mapping[str, tuple[float, float]]

    def canonical(self, value: float, unit: str) -> float | None:
        """Return the value in `self.unit`, or None when the unit is not known."""
        found = self.units.get(plain_unit(unit))
        if found is None:
            return None
        factor, offset = found
        converted = (value + offset) * factor
        return round(converted, 4) if factor != 1.0 or offset else converted

    def plausible(self, value: float) -> bool:
        """Say whether a living person can show this value."""
        return math.isfinite(value) and self.low <= value <= self.high


@dataclass(frozen=True)
class Vocabulary:
    """What the columns of a table may be called."""

    vitals: Mapping[str, Vital]
    names: Mapping[str, str]
    columns: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Reading:
    """One value of one vital sign at one time, in its canonical unit."""

    vital: Vital
    value: float
    time: str


def plain_name(text: str) -> str:
    """Return a column name without case, width and separators: `Heart_Rate` is `heart rate`."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _NOT_WORD.sub(" ", folded).strip()


def plain_unit(text: str) -> str:
    """Return a unit without case, width and blanks."""
    return unicodedata.normalize("NFKC", text).casefold().replace(" ", "")


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """Return the knowledge file, read once."""
    path = Path(__file__).with_name("knowledge") / "vital_signs.toml"
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    vitals, names = {}, {}
    for entry in data["vital"]:
        vitals[entry["key"]] = vital_of(entry)
        names.update(dict.fromkeys(map(plain_name, entry["names"]), entry["key"]))
        names[plain_name(entry["key"])] = entry["key"]
    columns = {kind: frozenset(map(plain_name, words)) for kind, words in data["tables"].items()}
    return Vocabulary(vitals, names, columns)


def vital_of(entry: Mapping[str, Any]) -> Vital:
    """Return the vital sign of one `[[vital]]` table of a knowledge file."""
    return Vital(
        entry["key"],
        Text(**entry["text"]),
        tuple((code, display) for code, display in entry["codes"]),
        entry["unit"],
        entry["assume"],
        entry["low"],
        entry["high"],
        {plain_unit(name): (factor, offset) for name, factor, offset in entry["units"]},
    )


def observations(readings: list[Reading]) -> list[Resource]:
    """Return the readings as Observations; the two blood pressures of a time become one panel."""
    out = []
    pressures: dict[str, dict[str, Reading]] = {}
    for reading in readings:
        if reading.vital.key not in PRESSURE:
            out.append(_observation(reading))
            continue
        pair = pressures.setdefault(reading.time, {})
        if reading.vital.key in pair:
            out.append(_panel(list(pair.values())))
            pressures[reading.time] = pair = {}
        pair[reading.vital.key] = reading
    return out + [_panel(list(pair.values())) for pair in pressures.values()]


def _concept(vital: Vital) -> Resource:
    return {
        "coding": [
            {"system": LOINC, "code": code, "display": display} for code, display in vital.codes
        ],
        "text": vital.text.en,
    }


def _quantity(reading: Reading) -> Resource:
    unit = reading.vital.unit
    return {"value": reading.value, "unit": unit, "system": UCUM, "code": unit}


def _frame(time: str, *parts: str) -> Resource:
    return {
        "resourceType": "Observation",
        "id": local_id("vital", time, *parts),
        "status": "final",
        "category": [CATEGORY],
        "subject": {"reference": SELF},
        "effectiveDateTime": time,
    }


def _observation(reading: Reading) -> Resource:
    frame = _frame(reading.time, reading.vital.key, repr(reading.value))
    return {**frame, "code": _concept(reading.vital), "valueQuantity": _quantity(reading)}


def _panel(readings: list[Reading]) -> Resource:
    readings = sorted(readings, key=lambda one: PRESSURE.index(one.vital.key))
    frame = _frame(readings[0].time, *(f"{one.vital.key}={one.value!r}" for one in readings))
    components = [
        {"code": _concept(one.vital), "valueQuantity": _quantity(one)} for one in readings
    ]
    return {**frame, "code": _PANEL, "component": components}
