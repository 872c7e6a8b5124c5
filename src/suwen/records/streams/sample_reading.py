"""Reading samples on a connection of the caller's: whole, in outline, or only the newest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import numpy as np
from sqlalchemy import Connection, select

from suwen.core.streams import Channel
from suwen.records.keys import Secrets
from suwen.records.sample_places import code_of, place_of_channel, place_of_chunk
from suwen.records.streams.chunks import PART, Ticks, Values, outlined, unpacked
from suwen.records.streams.samples import LONGEST_STEP, MANY, lower, opened, overlapping
from suwen.records.tables import stream_channel, stream_chunk
from suwen.records.vault import PatientKey

READ_WHOLE: Final = 100_000
"""Readings up to which an outline is made of all of them; beyond, of the outlines of the chunks."""


class Silent(NamedTuple):
    """A channel by its times alone, which are no content: what a watchdog looks at."""

    patient: str
    channel: int
    """Number of the channel; `Latest.number` tells which it is."""
    at: datetime
    received: datetime


@dataclass(frozen=True)
class Latest:
    """The newest reading of a channel, and when anything of that channel last came in."""

    patient: str
    channel: Channel
    at: datetime
    value: float
    received: datetime
    number: int


def moment(tick: int) -> datetime:
    """Return microseconds since 1970-01-01 UTC as a moment."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=tick)


class Piece(NamedTuple):
    """Where a chunk of a channel lies, its content left alone.

    `first` and `last` are microseconds, `size` how many readings it holds; `step` is 0 for readings
    as they came, else the microseconds that each mean of thinned ones stands for.
    """

    first: int
    last: int
    size: int
    step: int


def pieces(connection: Connection, number: int, start: int, end: int) -> list[Piece]:
    """Return where the chunks lie that hold readings of a channel in start <= time < end."""
    c = stream_chunk.c
    inside = (c.channel == number) & (c.first < end) & (c.last >= start)
    inside &= c.first >= lower(connection, number, start)
    rows = connection.execute(
        select(c.first, c.last, c.size, c.step).where(inside).order_by(c.first)
    )
    return [Piece(*row) for row in rows]


def channels(connection: Connection, key: PatientKey) -> list[tuple[int, Channel]]:
    """Return the channels of a patient, by code, unit and device."""
    query = select(stream_channel).where(stream_channel.c.patient == key.patient)
    found = [(row.number, named(key, row)) for row in connection.execute(query)]
    return sorted(found, key=lambda each: each[1])


def of_code(
    connection: Connection, secrets: Secrets, key: PatientKey, code: str
) -> list[tuple[int, Channel]]:
    """Return the channels of one quantity of a patient, by unit and device."""
    c = stream_channel.c
    hashed = code_of(secrets, key.patient, code)
    query = select(stream_channel).where(c.patient == key.patient, c.code == hashed)
    found = [(row.number, named(key, row)) for row in connection.execute(query)]
    return sorted(found, key=lambda each: each[1])


def named(key: PatientKey, row: Any) -> Channel:
    """Return what a channel's row is of."""
    plain = key.unseal(row.generation, place_of_channel(row.number), bytes(row.content))
    return Channel(*json.loads(plain))


def whole(
    connection: Connection, key: PatientKey, number: int, start: int, end: int
) -> tuple[Ticks, Values]:
    """Return the readings of a channel with start <= time < end."""
    rows = overlapping(connection, number, start, end)
    parts = [opened(key, number, row) for row in rows]
    return _between(parts, start, end)


def _between(parts: Sequence[tuple[Ticks, Values]], start: int, end: int) -> tuple[Ticks, Values]:
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.float64)
    at = np.concatenate([times for times, _ in parts])
    values = np.concatenate([numbers for _, numbers in parts])
    low, high = np.searchsorted(at, (start, end))
    return at[low:high], values[low:high]


def outline(
    connection: Connection, key: PatientKey, number: int, span: tuple[int, int], points: int
) -> tuple[Ticks, Values]:
    """Return at most `points` readings of a channel: the lowest and highest of each part of span.

    Of many readings only the sealed outlines of whole chunks are opened, one reading in 128.
    """
    start, end = span
    c = stream_chunk.c
    low = lower(connection, number, start)
    inside = (c.channel == number) & (c.first >= low) & (c.first <= end + LONGEST_STEP // 2)
    inside &= (c.first - c.step / 2 <= end) & (c.last + c.step / 2 >= start)
    columns = c.first, c.last, c.size, c.step, c.outline.is_not(None).label("outlined")
    rows = connection.execute(select(*columns).where(inside).order_by(c.first)).all()
    many = sum(row.size for row in rows) > max(READ_WHOLE, PART * points // 2)
    brief = {
        row.first
        for row in rows
        if row.step or (many and row.outlined and start <= row.first and row.last < end)
    }
    parts = dict[int, tuple[Ticks, Values]]()
    if brief:
        kept = c.first, c.step, c.generation, c.outline
        for row in connection.execute(select(*kept).where(inside, c.outline.is_not(None))):
            if row.first in brief:
                place = place_of_chunk(number, row.first, row.step, "outline")
                parts[row.first] = unpacked(key.unseal(row.generation, place, bytes(row.outline)))
    rest = [row.first for row in rows if row.first not in brief]
    for begin in range(0, len(rest), MANY):
        query = select(stream_chunk).where(c.channel == number, c.first.in_(rest[begin:][:MANY]))
        for row in connection.execute(query):
            parts[row.first] = opened(key, number, row)
    at, values = _between([parts[first] for first in sorted(parts)], start, end)
    return outlined(at, values, start, end, points)


def latest(connection: Connection, keys: Mapping[str, PatientKey]) -> list[Latest]:
    """Return the newest reading of each channel of these patients, by patient and channel."""
    c, k = stream_channel.c, stream_chunk.c
    patients, found = sorted(keys), list[Latest]()
    columns = (
        *(c.number, c.patient, c.received, c.generation, c.content),
        *(k.first, k.step, k.generation.label("sealed_by"), k.content.label("readings")),
    )
    for start in range(0, len(patients), MANY):
        query = (
            select(*columns)
            .join(stream_chunk, (k.channel == c.number) & (k.first == c.head))
            .where(c.patient.in_(patients[start : start + MANY]))
        )
        for row in connection.execute(query):
            key = keys[row.patient]
            place = place_of_chunk(row.number, row.first, row.step)
            at, values = unpacked(key.unseal(row.sealed_by, place, bytes(row.readings)))
            newest = moment(int(at[-1])), float(values[-1])
            received = moment(row.received)
            found.append(Latest(row.patient, named(key, row), *newest, received, row.number))
    return sorted(found, key=lambda each: (each.patient, each.channel))


def times(connection: Connection, patients: Sequence[str] | None) -> list[Silent]:
    """Return when each channel last spoke, of these patients or of all, without opening any."""
    c = stream_channel.c
    query = select(c.patient, c.number, c.latest, c.received)
    parts = (
        [query]
        if patients is None
        else [
            query.where(c.patient.in_(patients[start : start + MANY]))
            for start in range(0, len(patients), MANY)
        ]
    )
    return [
        Silent(row.patient, row.number, moment(row.latest), moment(row.received))
        for part in parts
        for row in connection.execute(part)
    ]
