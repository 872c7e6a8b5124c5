"""Laboratory results outside their reference range, and vital signs with their trend.

Sources: FHIR R4 Observation (interpretation before comparison with referenceRange, as the
laboratory knows its own method); trend by the Mann-Kendall test (Mann 1945, Econometrica 13:245;
Kendall 1975) with the variance corrected for ties.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from math import sqrt
from pathlib import Path
from typing import Any, Literal

from suwen.core.codes import LOINC, SUWEN, TRANSLATION, Text
from suwen.core.nouns import Case, Record, Reference, Statement
from suwen.core.quantities import number, with_unit
from suwen.diagnosis.language import both, joined, message, moment
from suwen.diagnosis.wording import Section, quoted

KNOWLEDGE = Path(__file__).parent / "knowledge" / "observations.toml"
FINDING_SYSTEM = f"{SUWEN}/finding"
NOT_RESULTS = {"entered-in-error", "cancelled", "unknown", "registered"}
HIGH = {"H", "HH", "HU", ">"}
LOW = {"L", "LL", "LU", "<"}
ABNORMAL = {"A", "AA"}
TREND_READINGS = 5
"""Fewest readings a trend is computed from: with 4 the test cannot reach its significance."""
TREND_Z = 1.96
TREND_WINDOW = 48
"""Most readings, the latest ones, that a trend is told of (two days of hourly readings)."""

Verdict = Literal["high", "low", "abnormal", "normal", ""]
VERDICTS = {"high": message("high"), "low": message("low"), "abnormal": message("abnormal")}


@dataclass(frozen=True)
class Reading:
    """One number of one Observation (or of one of its components)."""

    record: Reference
    key: tuple[str, str, str]
    """Code system, code and unit: readings of one key may be compared."""
    name: Text
    value: float
    unit: str
    comparator: str
    at: str
    vital: bool
    verdict: Verdict
    span: Text | None
    """The reference range as text."""

    @property
    def shown(self) -> str:
        """The value with its unit."""
        return self.comparator + with_unit(number(self.value, self.unit), self.unit)


@lru_cache(maxsize=1)
def _names() -> dict[str, Text]:
    tables = tomllib.loads(KNOWLEDGE.read_text(encoding="utf-8"))
    return {code: Text(**name) for table in tables.values() for code, name in table.items()}


def concept_name(concept: dict[str, Any] | None) -> Text:
    """Return the name of a CodeableConcept: ours when the code is known, else as recorded."""
    codings = (concept or {}).get("coding", [])
    for coding in codings:
        if coding.get("system") == LOINC and coding.get("code") in _names():
            return _names()[coding["code"]]
    words = (concept or {}).get("text") or next(
        (c["display"] for c in codings if "display" in c), ""
    )
    words = words or next((c["code"] for c in codings if "code" in c), "")
    if not words:
        return both("unnamed")
    said = quoted(words, 120)
    return Text(en=said, zh=quoted(_translated(concept or {}, "zh") or words, 120))


def _translated(concept: dict[str, Any], language: str) -> str:
    """Return the text of a CodeableConcept in another language, where it has one."""
    for one in (concept.get("_text") or {}).get("extension", ()):
        parts = {part.get("url"): part for part in one.get("extension", ())}
        if one.get("url") == TRANSLATION and parts.get("lang", {}).get("valueCode") == language:
            return str(parts.get("content", {}).get("valueString", ""))
    return ""


def when(text: str) -> str:
    """Return a FHIR date or dateTime as read by people; a date stays a date."""
    try:
        return moment(datetime.fromisoformat(text)) if "T" in text else quoted(text, 10)
    except ValueError:
        return quoted(text, 35)


def observation_statements(case: Case) -> list[Statement]:
    """Return what the laboratory results and vital signs of `case` say."""
    series = series_of(case)
    labs = [readings for readings in series if not readings[-1].vital]
    statements = [_abnormal(r[-1]) for r in labs if r[-1].verdict in VERDICTS]
    statements += _summaries([r[-1] for r in labs])
    return statements + [_vital(readings) for readings in series if readings[-1].vital]


def series_of(case: Case) -> list[list[Reading]]:
    """Return the readings of `case` by what was measured, each list in order of time."""
    return _series(reading for record in case.of("Observation") for reading in _readings(record))


def _series(readings: Iterable[Reading]) -> list[list[Reading]]:
    groups: dict[tuple[str, str, str], list[Reading]] = {}
    for reading in readings:
        groups.setdefault(reading.key, []).append(reading)
    for group in groups.values():
        group.sort(key=lambda reading: _instant(reading.at))
    return sorted(groups.values(), key=lambda group: (group[0].name.en, group[0].key))


def _instant(text: str) -> float:
    """Return a FHIR dateTime (possibly a year or a month only) as seconds; unknown comes first."""
    try:
        at = datetime.fromisoformat(text if len(text) > 9 else f"{text}-01-01"[:10])
    except ValueError:
        return float("-inf")
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _readings(record: Record) -> Iterator[Reading]:
    content = record.content
    if content.get("status") in NOT_RESULTS or _is_finding(content):
        return
    at = content.get("effectiveDateTime") or content.get("effectivePeriod", {}).get("end", "")
    codes = {
        coding.get("code")
        for category in content.get("category", [])
        for coding in category.get("coding", [])
    }
    for part in (content, *content.get("component", [])):
        quantity = part.get("valueQuantity", {})
        if "value" not in quantity:
            continue
        concept = part.get("code", {})
        coding = (concept.get("coding") or [{}])[0]
        unit = quantity.get("code") or quantity.get("unit", "")
        verdict, span = _judged(part)
        yield Reading(
            record=record.reference,
            key=(coding.get("system", ""), coding.get("code") or concept.get("text", ""), unit),
            name=concept_name(concept),
            value=float(quantity["value"]),
            unit=unit,
            comparator=quantity.get("comparator", ""),
            at=at,
            vital="vital-signs" in codes,
            verdict=verdict,
            span=span,
        )


def _is_finding(content: dict[str, Any]) -> bool:
    """Say whether this is a finding of an earlier report of ours: never evidence for the next."""
    return any(entry.get("system") == FINDING_SYSTEM for entry in content.get("identifier", []))


def _judged(part: dict[str, Any]) -> tuple[Verdict, Text | None]:
    """Return the verdict and the reference range; empty when nothing allows a verdict."""
    quantity = part["valueQuantity"]
    unit = quantity.get("code") or quantity.get("unit", "")
    low, high = _range(part, unit)
    span = _span(low, high)
    flags = {
        coding.get("code")
        for concept in part.get("interpretation", [])
        for coding in concept.get("coding", [])
    }
    for verdict, codes in (("high", HIGH), ("low", LOW), ("abnormal", ABNORMAL), ("normal", {"N"})):
        if flags & codes:
            return verdict, span  # type: ignore[return-value]
    if span is None or quantity.get("comparator"):
        return "", span
    value = float(quantity["value"])
    if high is not None and value > high:
        return "high", span
    return ("low" if low is not None and value < low else "normal"), span


def _range(part: dict[str, Any], unit: str) -> tuple[float | None, float | None]:
    """Return the one normal range in the value's own unit; nothing when it is not unambiguous."""
    normal = [
        entry
        for entry in part.get("referenceRange", [])
        if all(c.get("code") == "normal" for c in entry.get("type", {}).get("coding", []))
    ]
    if len(normal) != 1:
        return None, None
    limits: list[float | None] = []
    for side in ("low", "high"):
        limit = normal[0].get(side, {})
        same_unit = (limit.get("code") or limit.get("unit") or unit) == unit
        limits.append(float(limit["value"]) if "value" in limit and same_unit else None)
    return limits[0], limits[1]


def _span(low: float | None, high: float | None) -> Text | None:
    if low is not None and high is not None:
        return both("reference %(low)s to %(high)s", low=number(low), high=number(high))
    if high is not None:
        return both("reference up to %(high)s", high=number(high))
    if low is not None:
        return both("reference from %(low)s", low=number(low))
    return None


def _abnormal(reading: Reading) -> Statement:
    text = both(
        "%(name)s %(value)s: %(verdict)s (%(span)s), %(at)s.",
        name=reading.name,
        value=reading.shown,
        verdict=both(VERDICTS[reading.verdict]),
        span=reading.span or both("no reference range recorded"),
        at=when(reading.at) if reading.at else both("date not recorded"),
    )
    return Statement(section=Section.CONTEXT, text=text, records=(reading.record,))


def _summaries(latest: Sequence[Reading]) -> list[Statement]:
    normal = [reading for reading in latest if reading.verdict == "normal"]
    unjudged = [reading for reading in latest if not reading.verdict]
    statements = []
    for readings, words in (
        (normal, message("Within the reference range: %(list)s.")),
        (unjudged, message("Without a reference range to compare with: %(list)s.")),
    ):
        if readings:
            listed = joined([both("%(n)s %(v)s", n=r.name, v=r.shown) for r in readings])
            references = tuple(dict.fromkeys(reading.record for reading in readings))
            text = both(words, list=listed)
            statements.append(Statement(section=Section.CONTEXT, text=text, records=references))
    return statements


def _vital(readings: Sequence[Reading]) -> Statement:
    readings = readings[-TREND_WINDOW:]
    last = readings[-1]
    parts = {"name": last.name, "value": last.shown, "at": when(last.at) if last.at else "?"}
    records = tuple(dict.fromkeys(reading.record for reading in readings))
    if len(readings) == 1:
        text = both("%(name)s %(value)s (%(at)s).", **parts)
    elif len(readings) < TREND_READINGS:
        text = both(
            "%(name)s %(value)s (%(at)s); before it %(before)s.", before=readings[-2].shown, **parts
        )
    else:
        values = [reading.value for reading in readings]
        text = both(
            "%(name)s %(value)s (%(at)s), %(trend)s over %(count)s readings since %(first)s "
            "(lowest %(low)s, highest %(high)s).",
            trend=both(trend(values)),
            count=len(readings),
            first=when(readings[0].at),
            low=number(min(values)),
            high=number(max(values)),
            **parts,
        )
    return Statement(section=Section.CONTEXT, text=text, records=records)


def trend(values: Sequence[float]) -> str:
    """Return `rising`, `falling` or `no clear trend` of values in order of time.

    Mann-Kendall at the two-sided 5 % level. Fewer than `TREND_READINGS` values have no clear trend.
    """
    n = len(values)
    score = sum(
        (later > earlier) - (later < earlier)
        for i, earlier in enumerate(values)
        for later in values[i + 1 :]
    )
    ties = sum(t * (t - 1) * (2 * t + 5) for t in (values.count(v) for v in set(values)))
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18
    if n < TREND_READINGS or variance <= 0 or (abs(score) - 1) / sqrt(variance) < TREND_Z:
        return message("no clear trend")
    return message("rising") if score > 0 else message("falling")
