"""Steps that readers of vendors' JSON share: entries with their place, absent fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from suwen.gateway.devices.sample import (
    MALFORMED,
    NOT_A_NUMBER,
    NOT_MEASURED,
    Problems,
    Sample,
    number,
)

_ON_FOOT: Final = ("walk", "run", "hik", "jog", "treadmill", "步", "跑")
Entry = Mapping[str, Any]
Field = tuple[str, Any, str]
"""A quantity, its value as given, its unit."""


def listed(found: object, name: str, problems: Problems) -> Iterator[tuple[Entry, str]]:
    """Yield each object of a list with its place; what is no object is refused."""
    if found is None:
        return
    if not isinstance(found, list):
        problems.refuse(MALFORMED, name)
        return
    for place, entry in enumerate(found, 1):
        if isinstance(entry, dict):
            yield entry, f"{name} {place}"
        else:
            problems.refuse(MALFORMED, f"{name} {place}")


def inner(entry: Entry, name: str) -> Entry:
    """Return the object of that name, an empty one where there is none."""
    found = entry.get(name)
    return found if isinstance(found, dict) else {}


class Taker:
    """Makes samples of the fields of one entry.

    Parameters
    ----------
    device
        Whose they are.
    problems
        Where values that are none are noted.
    zero_is_none
        Zero stands for "not measured" at this vendor.
    """

    def __init__(self, device: str, problems: Problems, zero_is_none: bool = False) -> None:
        self.device, self.problems, self._zero = device, problems, zero_is_none

    def take(
        self, at: datetime | None, fields: Iterator[Field] | tuple[Field, ...], where: str,
        source: str = "",
    ) -> Iterator[Sample]:  # fmt: skip
        """Yield a sample of each field that is there."""
        if at is None:
            return
        for key, given, unit in fields:
            if given is None:
                continue
            value = number(given)
            if value is None:
                self.problems.refuse(NOT_A_NUMBER, where)
            elif value == 0 and self._zero:
                self.problems.leave(NOT_MEASURED, where)
            else:
                yield Sample(key, at, value, unit, self.device, source)


def on_foot(activity: object) -> bool:
    """Say whether it is done on foot: only that way is a walking distance (LOINC 55430-3)."""
    return isinstance(activity, str) and any(word in activity.lower() for word in _ON_FOOT)


def divided(value: object, by: float) -> float | None:
    """Return a number divided; None where it is none."""
    found = number(value)
    return None if found is None else found / by
