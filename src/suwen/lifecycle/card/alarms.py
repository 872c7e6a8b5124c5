"""The part of a card that says how alarms fare on whole recordings (`Warns.alarms`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

COLUMNS = {"sensitivity": ".2f", "false_a_day": ".2f", "lead_minutes": ".0f"}
"""Figures of an alarm with the digits they are shown with."""


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the section; nothing for a task without alarms."""
    if not found:
        return
    yield "## Alarms"
    yield ""
    yield f"Every reading of the recordings of {found['people']} people answered {found['ahead']}"
    yield "minutes ahead by the member that never saw them. An event is found when an alarm came in"
    yield "the hour before it; an alarm is false when none follows within the hour. 95 % intervals"
    yield "by bootstrap over people; beside the pack, alarms that need no model."
    yield ""
    yield "| alarm | raised by | events | sensitivity | false a day | minutes before |"
    yield "|---|---|---|---|---|---|"
    for row in found["rows"]:
        level = f"{row['level']['en']} · {row['level']['zh']}"
        cells = " | ".join(_cell(row[name], form) for name, form in COLUMNS.items())
        yield f"| {level} | {row['way']} | {row['events']} | {cells} |"
    yield ""


def _cell(entry: Mapping[str, float] | None, form: str) -> str:
    if entry is None:
        return "–"
    return f"{entry['value']:{form}} [{entry['low']:{form}}, {entry['high']:{form}}]"
