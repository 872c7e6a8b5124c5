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
from suwen.records.alerts.rows import in_parts
from suwen.records.sample_places import number_of
from suwen.records.streams import sample_reading
from suwen.records.streams.samples import MANY
from suwen.records.tables import device, stream_channel
from suwen.records.vault import PatientKey

if TYPE_CHECKING:
    from suwen.records.store import Store


class Moved(NamedTuple):
    """What is new of one channel, and when it arrived (microseconds since 1970).

    `sends`: an enrolled device sends it; False: it was read from files.
    """

    patient: str
    stretch: Stretch
    received: int
    sends: bool


class Known(NamedTuple):
    """A channel, the times of its newest reading and of its last receipt; `sends` as above."""

    patient: str
    channel: Channel
    at: int
    received: int
    sends: bool


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
            keys, enrolled = self._keys(connection, rows), _enrolled(connection, rows)
        found = []
        for row in rows:
            self._seen[row.number] = row.latest if since is None else min(row.latest, since)
            if (key := keys.get(row.patient)) is not None:
                channel = self._channels[row.number] = sample_reading.named(key, row)
                sends = (channel.device, row.patient) in enrolled
                found.append(Known(row.patient, channel, row.latest, row.received, sends))
        return found

    def seen(self, patient: str, stretches: Sequence[Stretch]) -> None:
        """Take note of what a listener was told of: it is not new."""
        for stretch in stretches:
            if len(stretch):
                number = number_of(self._store.secrets, patient, stretch.channel)
                self._channels[number] = stretch.channel
                self._seen[number] = max(self._seen.get(number, -1), int(stretch.at[-1]))

    def fresh(self, history: int) -> list[Moved]:
        """Return the readings stored since that are newer than those before of their channel.

        Of files that were read only what is at most `history` microseconds older than its arrival:
        years of readings are not opened for an engine that looks at none of them.
        """
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
            keys, enrolled = self._keys(connection, rows), _enrolled(connection, rows)
            found = []
            for row in rows:
                since, self._seen[row.number] = self._seen.get(row.number, -1), row.latest
                if (key := keys.get(row.patient)) is not None:
                    found.append(self._opened(connection, key, row, (since, history), enrolled))
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

    def _opened(
        self,
        connection: Connection,
        key: PatientKey,
        row: Row[Any],
        span: tuple[int, int],
        enrolled: set[tuple[str, str]],
    ) -> Moved:
        since, history = span
        channel = self._channels.get(row.number)
        if channel is None:
            channel = self._channels[row.number] = sample_reading.named(key, row)
        sends = (channel.device, row.patient) in enrolled
        first = since + 1 if sends else max(since + 1, row.received - history)
        readings = sample_reading.whole(connection, key, row.number, first, row.latest + 1)
        return Moved(row.patient, Stretch(channel, *readings), row.received, sends)

    def _keys(
        self, connection: Connection, rows: Sequence[Row[Any]]
    ) -> dict[str, PatientKey | None]:
        return self._store.vault.patient_keys(connection, sorted({row.patient for row in rows}))


def _enrolled(connection: Connection, rows: Sequence[Row[Any]]) -> set[tuple[str, str]]:
    """Return the devices that were enrolled for the patients of channels, each with its own."""
    patients = sorted({row.patient for row in rows})
    query = select(device.c.id, device.c.patient)
    return {
        (row.id, row.patient)
        for part in in_parts(query, device.c.patient, patients)
        for row in connection.execute(part)
    }
