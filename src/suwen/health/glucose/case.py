"""The glucose of a Case as a recording: single Observations and sampled stretches together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from suwen.core.codes import LOINC
from suwen.core.nouns import Case, Record, Reference
from suwen.health.facts.measured import NOT_SAID, values_of
from suwen.health.glucose.window import STEP, Past, knowledge, variable
from suwen.health.signals.sampled import sampled

NEAR: Final = timedelta(hours=12)


@dataclass(frozen=True)
class Course:
    """What sensors recorded of somebody's glucose in the last days.

    Parameters
    ----------
    past
        Readings in minutes since 1970-01-01 UTC and mg/dL.
    newest
        Time of the newest reading, in the zone it was recorded in.
    late
        Minutes from there to the moment of the Case.
    record, inputs
        Record of the newest reading, and of all.
    """

    past: Past
    newest: datetime
    late: float
    record: Reference
    inputs: tuple[Reference, ...]


def course_of(case: Case) -> Course | None:
    """Return the glucose recorded up to the moment of the Case; None where no sensor did.

    Values in the future, without a clear time or unit, or that no living person shows are passed
    over; so is the second of two readings of one moment.
    """
    hours = float(knowledge()["history_hours"]) + float(knowledge()["followed_hours"])
    since = case.at - timedelta(hours=hours)
    glucose = variable()
    rows = [
        (one.at, one.value, one.record)
        for one in values_of(case, {glucose.key: glucose})
        if glucose.low <= one.value <= glucose.high
    ]
    for record in case.of("Observation"):
        rows += _stretch(record)
    rows = sorted((row for row in rows if since <= row[0] <= case.at), key=lambda row: row[0])
    if not rows:
        return None
    newest = rows[-1]
    if sum(newest[0] - row[0] <= NEAR for row in rows) < int(knowledge()["fewest"]):
        return None
    at = np.array([row[0].astimezone(UTC).timestamp() / 60 for row in rows])
    fresh = np.r_[True, np.diff(at) > 0]
    values = np.array([row[1] for row in rows])
    return Course(
        past=Past(at[fresh], values[fresh]),
        newest=newest[0],
        late=(case.at - newest[0]).total_seconds() / 60,
        record=newest[2],
        inputs=tuple(dict.fromkeys(row[2] for row in rows)),
    )


def _stretch(record: Record) -> list[tuple[datetime, float, Reference]]:
    """Return the readings of a sampled stretch of glucose; none of anything else."""
    content, glucose = record.content, variable()
    coded = {
        one.get("code")
        for one in content.get("code", {}).get("coding", ())
        if one.get("system") == LOINC
    }
    if content.get("status") in NOT_SAID or not coded & set(glucose.codes):
        return []
    found = sampled(content)
    factor = None if found is None else glucose.units.get(found.unit)
    if found is None or found.start is None or factor is None or found.values.ndim > 1:
        return []
    values = found.values * factor
    return [
        (found.start + timedelta(seconds=k * found.period), float(value), record.reference)
        for k, value in enumerate(values)
        if glucose.low <= value <= glucose.high
    ]


def gaps_of(past: Past) -> tuple[int, float]:
    """Return how many gaps of more than two steps the last hour has, and the longest in minutes."""
    near = past.minutes[past.minutes >= past.minutes[-1] - 60]
    apart = np.diff(np.r_[past.minutes[-1] - 60, near])
    long = apart[apart > 2 * STEP + 1]
    return len(long), float(long.max()) if len(long) else 0.0
