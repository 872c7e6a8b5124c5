"""Retention: how long readings are kept as they came, and what stands in their place then.

`Retention.raw_days` old, the readings of a minute become their mean, with the lowest and highest
among them and when these were; `Retention.minute_days` old, the minutes become hours in the same
way (the mean of the minutes' means). Nothing else is ever removed, and what is thinned is logged
patient by patient. 0 days: kept for ever, which is how it is until somebody sets it. The newest
chunk of a channel stays as it is, however old.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sqlalchemy import Connection, select

from suwen.core.streams import MICROSECONDS, ticks
from suwen.records.database import insert_many
from suwen.records.log import Act
from suwen.records.sample_places import place_of_chunk
from suwen.records.streams import set_aside
from suwen.records.streams.chunks import FULL, Ticks, Values, extremes, packed, unpacked
from suwen.records.streams.samples import chunk_rows, joined, removed
from suwen.records.tables import stream_channel, stream_chunk
from suwen.records.vault import PatientKey

if TYPE_CHECKING:
    from suwen.core.settings import Settings
    from suwen.records.store import Store

MINUTE: Final = 60 * MICROSECONDS
HOUR: Final = 3600 * MICROSECONDS
AT_ONCE: Final = 32
"""Chunks thinned in one transaction: half a million readings."""


@dataclass(frozen=True)
class Retention:
    """Days after which readings become minutes, minutes hours, and letters are forgotten.

    0: never.
    """

    raw_days: int = 0
    minute_days: int = 0
    refused_days: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Retention:
        """Return what the settings say."""
        return cls(
            settings.stream_raw_days, settings.stream_minute_days, settings.stream_refused_days
        )


@dataclass(frozen=True)
class Thinned:
    """What thinning did: readings and minutes before, means after, letters forgotten."""

    before: int = 0
    after: int = 0
    letters: int = 0


def thin(store: Store, retention: Retention, by: str, now: datetime | None = None) -> Thinned:
    """Thin what is old enough, a transaction at a time, in the name of `by`.

    Cut off at any point, a second call goes on where the first ended.
    """
    today = (now or datetime.now(UTC)).replace(hour=0, minute=0, second=0, microsecond=0)
    done = Thinned()
    for days, step in ((retention.raw_days, MINUTE), (retention.minute_days, HOUR)):
        if days:
            done = _thin(store, ticks(today - timedelta(days=days)), step, by, done)
    if retention.refused_days:
        with store.work() as work:
            before = today - timedelta(days=retention.refused_days)
            letters = set_aside.forget(work.connection, before)
            if letters:
                detail = {"letters": letters, "before": before.date().isoformat()}
                work.log(Act(by, "streams-thinned", "", "Refused", "administration", detail))
        done = Thinned(done.before, done.after, letters)
    return done


def _thin(store: Store, cutoff: int, step: int, by: str, done: Thinned) -> Thinned:
    c = stream_channel.c
    with store.database.transaction(reading=True) as connection:
        query = select(c.patient, c.number).order_by(c.patient, c.number)
        channels = connection.execute(query).all()
    for patient, rows in groupby(channels, key=lambda row: str(row.patient)):
        before = after = 0
        for row in rows:
            while found := _once(store, patient, row.number, cutoff, step):
                before, after = before + found[0], after + found[1]
        if before:
            with store.work() as work:
                detail = {"before": before, "after": after, "step": step // MICROSECONDS}
                subject = f"Patient/{patient}"
                work.log(Act(by, "streams-thinned", patient, subject, "administration", detail))
        done = Thinned(done.before + before, done.after + after)
    return done


def _once(
    store: Store, patient: str, number: int, cutoff: int, step: int
) -> tuple[int, int] | None:
    """Thin one run of chunks of a channel; return how many readings became how many."""
    with store.database.transaction() as connection:
        key = store.vault.patient_key(connection, patient, lock=True)
        for run in _runs(connection, number, cutoff, step):
            if done := _thinned_run(connection, key, run, cutoff, step):
                return done
    return None


def _runs(connection: Connection, number: int, cutoff: int, step: int) -> Iterator[list[Any]]:
    """Yield the first chunks of each run that is to be thinned, enough to fill a step."""
    c, finer = stream_chunk.c, 0 if step == MINUTE else MINUTE
    head = connection.execute(
        select(stream_channel.c.head).where(stream_channel.c.number == number)
    ).scalar()
    columns = c.first, c.last, c.step
    old = select(*columns).where(c.channel == number, c.first < cutoff).order_by(c.first)
    rows = connection.execute(old).all()
    for fits, run in groupby(rows, key=lambda row: row.step == finer and row.first != head):
        if not fits:
            continue
        known = list(run)
        firsts = [
            row.first
            for place, row in enumerate(known)
            if place < AT_ONCE or known[place - 1].last // step == known[0].first // step
        ]
        inside = c.first >= firsts[0], c.first <= firsts[-1]
        query = select(stream_chunk).where(c.channel == number, *inside).order_by(c.first)
        yield list(connection.execute(query).all())


def _thinned_run(
    connection: Connection, key: PatientKey, run: Sequence[Any], cutoff: int, step: int
) -> tuple[int, int] | None:
    """Put means in the place of a run of chunks, but for what is not old enough."""
    number = run[0].channel
    at, values = joined(key, number, run)
    end = min(cutoff, _next_border(connection, number, int(at[-1]), step))
    old = int(np.searchsorted(at, end))
    if not old:
        return None
    peaks = _peaks(key, number, run) if run[0].step else (at, values)
    peaks_old = int(np.searchsorted(peaks[0], end))
    means = _means(at[:old], values[:old], step)
    rows = _mean_rows(key, number, means, (peaks[0][:peaks_old], peaks[1][:peaks_old]), step)
    rest = (at[old:], values[old:])
    if run[0].step:
        left = (peaks[0][peaks_old:], peaks[1][peaks_old:])
        rows += _mean_rows(key, number, rest, left, MINUTE)
    else:
        rows += chunk_rows(key, number, *rest)
    removed(connection, number, [row.first for row in run])
    insert_many(connection, stream_chunk, rows)
    return old, len(means[0])


def _next_border(connection: Connection, number: int, last: int, step: int) -> int:
    """Return the end of the time of which all readings are known: none comes after in its step."""
    border = (last // step + 1) * step
    c = stream_chunk.c
    query = select(c.first).where(c.channel == number, c.first > last).order_by(c.first).limit(1)
    after = connection.execute(query).scalar()
    return border if after is None or after >= border else border - step


def _means(at: Ticks, values: Values, step: int) -> tuple[Ticks, Values]:
    times = at // step
    edges = np.flatnonzero(np.diff(times, prepend=times[0] - 1))
    sizes = np.diff(edges, append=len(at))
    return times[edges] * step + step // 2, np.add.reduceat(values, edges) / sizes


def _peaks(key: PatientKey, number: int, run: Sequence[Any]) -> tuple[Ticks, Values]:
    """Return the lowest and highest readings that thinned chunks keep beside their means."""
    parts = [
        unpacked(
            key.unseal(
                row.generation,
                place_of_chunk(number, row.first, row.step, "outline"),
                bytes(row.outline),
            )
        )
        for row in run
    ]
    return np.concatenate([at for at, _ in parts]), np.concatenate([v for _, v in parts])


def _mean_rows(
    key: PatientKey,
    number: int,
    means: tuple[Ticks, Values],
    peaks: tuple[Ticks, Values],
    step: int,
) -> list[dict[str, Any]]:
    """Return means as rows of chunks, each with the lowest and highest of its time."""
    at, values = means
    rows = []
    for start in range(0, len(at), FULL):
        part = at[start : start + FULL]
        low, high = np.searchsorted(peaks[0], (part[0] - step // 2, part[-1] + step // 2))
        times = peaks[0][low:high] // step
        edges = np.flatnonzero(np.diff(times, prepend=times[0] - 1))
        outline = packed(*extremes(peaks[0][low:high], peaks[1][low:high], edges))
        (row,) = chunk_rows(key, number, part, values[start : start + FULL], step)
        place = place_of_chunk(number, row["first"], step, "outline")
        rows.append(row | {"outline": key.seal(place, outline)})
    return rows
