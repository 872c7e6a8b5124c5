"""Dates of FHIR R4: real calendar days, and order between values of unequal precision."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta


def exists(text: str) -> bool:
    """Say whether the day of a date, dateTime or instant is in the calendar."""
    try:
        if len(text) >= 10:
            date.fromisoformat(text[:10])
        return True
    except ValueError:
        return False


def after(first: str, second: str) -> bool:
    """Say whether `first` is certainly later than `second`.

    Values of unequal precision are compared at the coarser one; between a day and a moment one day
    is allowed for the time zone. Source: FHIRPath 2.0, comparison of partial dates.
    """
    try:
        if len(first) > 10 and len(second) > 10:
            return _moment(first) > _moment(second)
        if len(first) == 10 and len(second) == 10:
            return first > second
        if len(first) >= 10 and len(second) >= 10:
            days = date.fromisoformat(first[:10]) - date.fromisoformat(second[:10])
            return days > timedelta(days=1)
    except ValueError:
        return False
    digits = min(len(first), len(second), 10)
    return first[:digits] > second[:digits]


def _moment(text: str) -> datetime:
    value = datetime.fromisoformat(text)
    return value if value.tzinfo else value.replace(tzinfo=UTC)
