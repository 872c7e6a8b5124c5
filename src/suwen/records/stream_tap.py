"""The tap: what was stored since, whoever stored it. For the alarm engine, which asks for nobody.

A door tells its listeners what it stored, but only in its own process. The tap looks at the times
of all channels and opens the newer readings of those that moved on; what a listener took before is
not opened again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, Row, select

from suwen.core.streams import Channel, Stretch
from suwen.records import sample_reading
from suwen.records.sample_places import number_of
from suwen.records.samples import MANY
from suwen.records.tables import stream_channel
from suwen.records.vault import PatientKey

if TYPE_CHECKING:
    from suwen.records.store import Store


class Moved(NamedTuple):
    """What is new of one channel, and when it arrived (microseconds since 1970)."""

    patient: str
    stretch: Stretch
    received: int


class Known(NamedTuple):
    """A channel and the times of its newest reading and of its last receipt."""

    patient: str
    channel: Channel
    at: int
    received: int


class Tap:
    """Remembers up to where each channel was looked at."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: dict[int, int] = {}
        self._channels: dict[int, Channel] = {}

    def begin(self, since: int | None = None) -> list[Known]:
        """Return every channel as it stands; what was measured after `since` (None: now) is new."""
        with self._store.database.transaction(reading=True) as connection:
            rows = connection.execute(select(stream_channel)).all()
            keys = self._keys(connection, rows)
        found = []
        for row in rows:
            self._seen[row.number] = row.latest if since is None else min(row.latest, since)
            if (key := keys.get(row.patient)) is not None:
                channel = self._channels[row.number] = sample_reading.named(key, row)
                found.append(Known(row.patient, channel, row.latest, row.received))
        return found

    def seen(self, patient: str, stretches: Sequence[Stretch]) -> None:
        """Take note of what a listener was told of: it is not new."""
        for stretch in stretches:
            if len(stretch):
                number = number_of(self._store.secrets, patient, stretch.channel)
                self._channels[number] = stretch.channel
                self._seen[number] = max(self._seen.get(number, -1), int(stretch.at[-1]))

    def fresh(self) -> list[Moved]:
        """Return the readings stored since that are newer than those before of their channel."""
        c = stream_channel.c
        with self._store.database.transaction(reading=True) as connection:
            times = connection.execute(select(c.number, c.latest)).all()
            moved = {n: at for n, at in times if at > self._seen.get(n, -1)}
            if not moved:
                return []
            rows: list[Row[Any]] = []
            names = sorted(moved)
            for start in range(0, len(names), MANY):
                part = names[start : start + MANY]
                rows += connection.execute(select(stream_channel).where(c.number.in_(part))).all()
            keys = self._keys(connection, rows)
            found = []
            for row in rows:
                since, self._seen[row.number] = self._seen.get(row.number, -1), row.latest
                if (key := keys.get(row.patient)) is not None:
                    found.append(self._opened(connection, key, row, since))
        return found

    def read(
        self, patient: str, channels: Sequence[Channel], start: int, end: int
    ) -> list[Stretch]:
        """Return the readings of some channels of a patient with start <= time < end."""
        found: list[Stretch] = []
        with self._store.database.transaction(reading=True) as connection:
            key = self._store.vault.patient_keys(connection, [patient]).get(patient)
            if key is None:
                return []
            for channel in channels:
                number = number_of(self._store.secrets, patient, channel)
                readings = sample_reading.whole(connection, key, number, start, end)
                found.append(Stretch(channel, *readings))
        return found

    def _opened(self, connection: Connection, key: PatientKey, row: Row[Any], since: int) -> Moved:
        channel = self._channels.get(row.number)
        if channel is None:
            channel = self._channels[row.number] = sample_reading.named(key, row)
        span = since + 1, row.latest + 1
        readings = sample_reading.whole(connection, key, row.number, *span)
        return Moved(row.patient, Stretch(channel, *readings), row.received)

    def _keys(
        self, connection: Connection, rows: Sequence[Row[Any]]
    ) -> dict[str, PatientKey | None]:
        return self._store.vault.patient_keys(connection, sorted({row.patient for row in rows}))
