"""Scoring a patient of the board: the newest samples become Records, then the task answers on them.

A task never reads samples. What it answers about is stored first, so the score can be replayed;
with each reading the state it has in its stream (a sensor that hangs, movement), which one reading
alone does not tell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from suwen.core.errors import NotFound
from suwen.core.nouns import Finding
from suwen.core.streams import ticks
from suwen.health.early_warning import vital_set
from suwen.health.early_warning.task import EARLY_WARNING
from suwen.health.facts.measured import STATE
from suwen.health.readings.doubts import LOOKED_BACK, newest_state
from suwen.health.readings.movement import movement, movements, spans
from suwen.records import Access
from suwen.records.streams.seen import Latest, Streams
from suwen.server.asking import Asking
from suwen.server.ward.vital_signs import quantity, vital_sign


def score(asking: Asking, streams: Streams, patient: str) -> list[Finding]:
    """Store the newest vital signs of a patient's devices and answer NEWS2 on the record.

    Raises
    ------
    NotFound
        No device sent a vital sign of the last half hour, and the record holds none either.
    """
    return scored(asking.access, streams, patient, asking.bench.run)


def scored(
    access: Access, streams: Streams, patient: str, run: Callable[[Access, str, str], list[Finding]]
) -> list[Finding]:
    """Store the newest vital signs and answer NEWS2 on them; `run` answers a task on a record.

    Raises
    ------
    NotFound
        No device sent a vital sign of the last half hour, and the record holds none either.
    """
    since = datetime.now(UTC) - timedelta(minutes=vital_set.rules()["together_minutes"])
    known = {code for one in vital_set.variables().values() for code in one.codes}
    fresh = [
        one
        for one in streams.latest(patient)
        if one.channel.code in known and since <= one.at <= datetime.now(UTC)
    ]
    if fresh:
        states = _states(streams, patient, fresh)
        made = [_observation(patient, one, states[one.number]) for one in fresh]
        access.put(made, patient)
    found = run(access, patient, EARLY_WARNING)
    if not found:
        raise NotFound(
            "no vital signs of the last half hour", "values with their time", "measure a set"
        )
    return found


def _states(streams: Streams, patient: str, fresh: Sequence[Latest]) -> dict[int, str]:
    """Return the state of each of the newest readings in its stream, by number of the channel."""
    now = datetime.now(UTC)
    since = now - LOOKED_BACK
    told = {code for code, _ in movements()}
    heard = {one.channel.code for one in streams.latest(patient)} & told
    steps = [part for code in heard for part in streams.read(patient, code, since, now)]
    motion = movement(spans(steps))
    stretches = {
        part.channel: part
        for code in {one.channel.code for one in fresh}
        for part in streams.read(patient, code, since, now)
    }
    return {one.number: newest_state(stretches[one.channel], now, motion) for one in fresh}


def _observation(patient: str, one: Latest, state: str = "") -> dict[str, Any]:
    code, unit, device = one.channel
    told = {"extension": [{"url": STATE, "valueCode": state}]} if state else {}
    return vital_sign(
        patient,
        code,
        one.at,
        id=f"{code}.{ticks(one.at)}.{device}"[:64],
        device={"display": device},
        valueQuantity=quantity(one.value, unit),
        **told,
    )
