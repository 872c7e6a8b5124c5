"""The stay in intensive care that a Case records: its admission, and what was measured after it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from suwen.core.codes import LOINC
from suwen.core.nouns import Case, Record, Reference
from suwen.health.facts.measured import MISSING, age_and_sex, moment
from suwen.health.icu.stay import HOURS, UNITS, Series, Stay, variables
from suwen.health.readings.doubts import sorted_out

KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge" / "icu_units.toml"


class Admission(NamedTuple):
    """When somebody came to intensive care, the kind of unit (number in `UNITS`), the record."""

    at: datetime
    unit: float
    record: Reference


@lru_cache(maxsize=1)
def _kinds() -> Mapping[str, re.Pattern[str]]:
    content = tomllib.loads(KNOWLEDGE.read_text(encoding="utf-8"))
    return {name: re.compile("|".join(words), re.IGNORECASE) for name, words in content.items()}


def admission(case: Case) -> Admission | None:
    """Return the latest admission to intensive care that an Encounter of the Case records."""
    found = [
        Admission(at, unit, record.reference)
        for record in case.of("Encounter")
        for at, unit in _admissions(record.content)
    ]
    return max(found, default=None)


def _admissions(encounter: Mapping[str, Any]) -> Iterator[tuple[datetime, float]]:
    for stay in encounter.get("location", ()):
        words = str(stay.get("location", {}).get("display", ""))
        at = moment(stay.get("period", {}).get("start")) or _start(encounter)
        if at and (unit := _unit(words)) is not None:
            yield at, unit
    concepts = [encounter.get("serviceType", {}), *encounter.get("type", ())]
    words = " / ".join(
        str(text)
        for concept in concepts
        for text in (concept.get("text"), *(c.get("display") for c in concept.get("coding", ())))
        if text
    )
    if (at := _start(encounter)) and (unit := _unit(words)) is not None:
        yield at, unit


def _start(encounter: Mapping[str, Any]) -> datetime | None:
    return moment(encounter.get("period", {}).get("start"))


def _unit(words: str) -> float | None:
    """Return the kind of unit that words name, NaN for one of another kind, None for none."""
    kinds = _kinds()
    if not words or not kinds["any"].search(words):
        return None
    for number, name in enumerate(UNITS, start=1):
        if kinds[name].search(words):
            return float(number)
    return MISSING


def stay_of(case: Case, admitted: Admission) -> Stay:
    """Return the stay: what was measured within `HOURS` of admission, in canonical units."""
    found: dict[str, list[tuple[float, float]]] = {}
    newest: dict[str, tuple[datetime, Reference]] = {}
    read = [record.reference for record in (*case.of("Patient"), *_heights(case))]
    end = admitted.at + timedelta(hours=HOURS)
    values, doubted = sorted_out(case, variables())
    for one in values:
        if not admitted.at <= one.at <= end:
            continue
        hours = (one.at - admitted.at).total_seconds() / 3600
        found.setdefault(one.variable, []).append((hours, one.value))
        read.append(one.record)
        newest[one.variable] = max(
            newest.get(one.variable, (one.at, one.record)), (one.at, one.record)
        )
    doubts = tuple(one for one in doubted if admitted.at <= one.at <= end)
    read += [name for one in doubts for name in (one.record, *one.context)]
    series = {
        key: made
        for key, pairs in found.items()
        if len(made := Series.of(variables()[key], *np.array(sorted(pairs)).T))
    }
    age, male = age_and_sex(case, admitted.at)
    return Stay(
        age=age,
        male=male,
        height=_height(case),
        unit=admitted.unit,
        series=series,
        records={key: newest[key][1] for key in series},
        inputs=tuple(dict.fromkeys(read)),
        ended=end,
        doubts=doubts,
    )


def _height(case: Case) -> float:
    """Return the newest height in cm."""
    found = [(str(one.content.get("effectiveDateTime")), one) for one in _heights(case)]
    for _, record in sorted(found, key=lambda pair: pair[0], reverse=True):
        quantity = record.content.get("valueQuantity", {})
        factor = {"cm": 1.0, "m": 100.0, "[in_i]": 2.54}.get(str(quantity.get("code")))
        if factor and isinstance(quantity.get("value"), int | float):
            return float(quantity["value"]) * factor
    return MISSING


def _heights(case: Case) -> Iterator[Record]:
    for record in case.of("Observation"):
        codings = record.content.get("code", {}).get("coding", ())
        if any(one.get("system") == LOINC and one.get("code") == "8302-2" for one in codings):
            yield record
