"""Readings that belong in the patient's record: vital signs measured now and then.

A cuff, a scale, a meter, a spot check: `PER_DAY` readings a day or fewer of one device become
Observations, where risk and early warning see them. What a worn sensor measures all day stays in
the sample store. An Observation is known by its device, its time and its code: importing again adds
nothing, and the lower pressure that comes later joins the upper one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from suwen.core.streams import MICROSECONDS, Channel, Reading, Stretch, ticks
from suwen.gateway.devices.importing import DAY, Imported, Samplestore
from suwen.gateway.devices.quantities import quantities
from suwen.gateway.intake import SELF, Resource, local_id
from suwen.gateway.vitals import PRESSURE, observations
from suwen.gateway.vitals import Reading as VitalReading
from suwen.health.facts.measured import STATE
from suwen.health.readings.movement import Span, movements, moving_at, spans
from suwen.health.readings.plausible import quantities as limits

PER_DAY: Final = 24
"""Most readings of one vital sign by one device in a day (UTC) that become Observations."""
SPAN_DAYS: Final = 31
"""Days of readings looked at together."""
PUT: Final = 500
"""Observations stored in one transaction."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_Day = tuple[Channel, int]


def observed(
    done: Imported, patient: str, store: Samplestore, put: Callable[[list[Resource]], object]
) -> None:
    """Make Observations of what an import brought now and then, as it stands in the store.

    Parameters
    ----------
    done
        The import; its `observations` are counted.
    patient, store
        Whose readings they are and where they are.
    put
        Stores resources of the patient.
    """
    wanted = {name for name, count in done.days.items() if count <= PER_DAY}
    wanted |= {(_other(channel), day) for channel, day in wanted if _other(channel) != channel}
    for span in sorted({day // SPAN_DAYS for _, day in wanted}):
        here = {(channel, day) for channel, day in wanted if day // SPAN_DAYS == span}
        found = resources(_readings(here, patient, store))
        made = [_about(one, patient) for one in _marked(found, _moving(here, patient, store))]
        for start in range(0, len(made), PUT):
            put(made[start : start + PUT])
        done.observations += len(made)


def resources(readings: Iterable[Reading]) -> list[Resource]:
    """Return vital signs as Observations of `SELF`; two pressures of a moment become one panel."""
    by_device: dict[str, list[VitalReading]] = {}
    known = quantities()
    for one in readings:
        vital = known.by_key[known.by_code[one.channel.code]]
        time = one.at.astimezone(UTC).isoformat()
        by_device.setdefault(one.channel.device, []).append(VitalReading(vital, one.value, time))
    made: dict[str, Resource] = {}
    for device, values in by_device.items():
        for resource in observations(values):
            code = resource["code"]["coding"][0]["code"]
            name = local_id("reading", device, resource["effectiveDateTime"], code)
            made[name] = {**resource, "id": name}
    return list(made.values())


def _other(channel: Channel) -> Channel:
    """Return the channel of the other pressure of the same cuff; others as they are."""
    known = quantities()
    codes = [known.by_key[key].codes[0][0] for key in PRESSURE]
    if channel.code not in codes:
        return channel
    return channel._replace(code=codes[1 - codes.index(channel.code)])


def _about(resource: Resource, patient: str) -> Resource:
    about = {"reference": f"Patient/{patient}"}
    return {**resource, "subject": about} if resource["subject"]["reference"] == SELF else resource


def _moving(wanted: set[_Day], patient: str, store: Samplestore) -> list[Span]:
    """Return when the person moved on those days, as steps and exercise in the store tell."""
    parts = [
        one
        for code, _ in movements()
        for one in store.read(patient, code, *_between(day for _, day in wanted))
    ]
    return spans(parts)


def _marked(found: Sequence[Resource], moving: Sequence[Span]) -> Iterator[Resource]:
    """Yield Observations, with the state `motion` where movement spoils what they measure."""
    at = np.array([ticks(datetime.fromisoformat(one["effectiveDateTime"])) for one in found])
    order = np.argsort(at, kind="stable")
    inside = np.zeros(len(at), dtype=bool)
    inside[order] = moving_at(at[order], moving)
    for one, moved in zip(found, inside.tolist(), strict=True):
        spoilt = moved and _spoilt_by_movement(one)
        state = {"extension": [{"url": STATE, "valueCode": "motion"}]} if spoilt else {}
        yield {**one, **state}


def _spoilt_by_movement(resource: Resource) -> bool:
    coded = [resource, *resource.get("component", ())]
    codes = {one["code"]["coding"][0]["code"] for one in coded}
    return any(one.moved for (code, _), one in limits().items() if code in codes)


def _between(days: Iterable[int]) -> tuple[datetime, datetime]:
    """Return the beginning of the first and the end of the last of some days."""
    known = list(days)
    return _EPOCH + timedelta(days=min(known)), _EPOCH + timedelta(days=max(known) + 1)


def _readings(wanted: set[_Day], patient: str, store: Samplestore) -> Iterator[Reading]:
    """Yield the readings of those days, from the store."""
    start, end = _between(day for _, day in wanted)
    for code in sorted({channel.code for channel, _ in wanted}):
        for stretch in store.read(patient, code, start, end):
            yield from _sparse(stretch, wanted)


def _sparse(stretch: Stretch, wanted: set[_Day]) -> Iterator[Reading]:
    """Yield the readings of those days of a stretch that are wanted and hold few."""
    days, first, counts = np.unique(stretch.at // DAY, return_index=True, return_counts=True)
    for day, start, count in zip(days.tolist(), first.tolist(), counts.tolist(), strict=True):
        if (stretch.channel, day) not in wanted or count > PER_DAY:
            continue
        part = slice(start, start + count)
        for tick, value in zip(
            stretch.at[part].tolist(), stretch.values[part].tolist(), strict=True
        ):
            at = _EPOCH + timedelta(seconds=tick // MICROSECONDS, microseconds=tick % MICROSECONDS)
            yield Reading(stretch.channel, at, value)
