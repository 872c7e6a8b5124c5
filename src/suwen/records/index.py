"""What search needs from a resource: its codes, identifiers and time span.

Element names follow FHIR R4 (https://hl7.org/fhir/R4/searchparameter-registry.html, parameters
`code`, `category`, `type`, `modality`, `identifier`, `date`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

CODED = ("code", "category", "type", "modality", "vaccineCode", "medicationCodeableConcept")
DATED = (
    "effectiveDateTime",
    "effectiveInstant",
    "effectivePeriod",
    "performedDateTime",
    "performedPeriod",
    "occurrenceDateTime",
    "occurrencePeriod",
    "onsetDateTime",
    "onsetPeriod",
    "started",
    "period",
    "billablePeriod",
    "date",
    "authoredOn",
    "recordedDate",
    "issued",
    "created",
    "recorded",
)
OPEN_START, OPEN_END = "0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"
YEAR, MONTH, DAY = 4, 7, 10
"""Lengths of a FHIR dateTime of that precision."""


def codes(resource: dict[str, Any]) -> set[tuple[str, str]]:
    """Return (system, code) of each coding of the elements in `CODED` and of the components."""
    found: set[tuple[str, str]] = set()
    for name in CODED:
        if (value := resource.get(name)) is not None:
            _add_codings(value, found)
    for component in resource.get("component") or ():
        if isinstance(component, dict):
            _add_codings(component.get("code"), found)
    return found


def identifiers(resource: dict[str, Any]) -> set[tuple[str, str]]:
    """Return (system, value) of each identifier."""
    values = resource.get("identifier") or ()
    return {
        (str(item.get("system", "")), str(item["value"]))
        for item in (values if isinstance(values, list) else [values])
        if isinstance(item, dict) and item.get("value")
    }


def _add_codings(value: Any, found: set[tuple[str, str]]) -> None:
    if isinstance(value, list):
        for item in value:
            _add_codings(item, found)
    elif isinstance(value, dict):
        if isinstance(coding := value.get("coding"), list):
            _add_codings(coding, found)
        elif isinstance(code := value.get("code"), str):
            found.add((str(value.get("system", "")), code))
        elif isinstance(code, dict):
            _add_codings(code, found)


def span(resource: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return first and last moment of what the resource tells of, as UTC text, or (None, None)."""
    for name in DATED:
        value = resource.get(name)
        if isinstance(value, str):
            return moments(value)
        if isinstance(value, dict):
            low, _ = moments(str(value.get("start", "")))
            _, high = moments(str(value.get("end", "")))
            if low or high:  # A period without an end goes on.
                return low or OPEN_START, high or OPEN_END
    return None, None


@lru_cache(maxsize=4096)
def moments(text: str) -> tuple[str | None, str | None]:
    """Return first and last moment of a FHIR date, dateTime or instant (local time read as UTC)."""
    try:
        if len(text) > DAY:
            exact = stamp(datetime.fromisoformat(text))
            return exact, exact
        if len(text) == DAY:
            first = date.fromisoformat(text)
            after = first + timedelta(days=1)
        elif len(text) == MONTH:
            first = date.fromisoformat(f"{text}-01")
            after = (first + timedelta(days=31)).replace(day=1)
        elif len(text) == YEAR:
            first = date(int(text), 1, 1)
            after = date(first.year + 1, 1, 1)
        else:
            return None, None
        end = datetime(after.year, after.month, after.day) - timedelta(microseconds=1)
        return f"{first.isoformat()}T00:00:00.000000Z", stamp(end)
    except (ValueError, OverflowError):
        return None, None


def stamp(moment: datetime) -> str:
    """Return a moment as UTC text of fixed width, which sorts as time does.

    A moment without a zone is read as UTC.
    """
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"
