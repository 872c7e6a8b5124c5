"""What a change or the destruction of a patient's key means for the samples."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, Table, delete, select, update

from suwen.records.holdings import Holdings
from suwen.records.index import stamp
from suwen.records.sample_places import place_of_channel, place_of_chunk
from suwen.records.tables import device, stream_channel, stream_chunk, stream_refused
from suwen.records.vault import PatientKey

BATCH: Final = 100
Place = tuple[str, str]
"""A column, and the associated data of what is sealed in it."""


def reseal(store: Holdings, patient: str, generation: int) -> int:
    """Seal one batch of older rows with the newest key; return how many there were."""
    with store.database.transaction() as connection:
        key = store.vault.patient_key(connection, patient, lock=True)
        for table in (stream_chunk, stream_channel, stream_refused):
            query = _old(table, patient, generation).limit(BATCH)
            if rows := connection.execute(query).all():
                for row in rows:
                    _reseal(connection, key, table, row)
                return len(rows)
    return 0


def any_older(connection: Connection, patient: str, generation: int) -> bool:
    """Whether anything of a patient's samples is sealed with an older key."""
    return any(
        connection.execute(_old(table, patient, generation).limit(1)).first() is not None
        for table in (stream_chunk, stream_channel, stream_refused)
    )


def _old(table: Table, patient: str, generation: int) -> Select[Any]:
    older = table.c.generation < generation
    if table is stream_chunk:
        return select(table).where(older, table.c.channel.in_(_channels(patient)))
    return select(table).where(older, table.c.patient == patient)


def _channels(patient: str) -> Select[Any]:
    return select(stream_channel.c.number).where(stream_channel.c.patient == patient)


def _places(table: Table, row: Any) -> list[Place]:
    if table is stream_channel:
        return [("content", place_of_channel(row.number))]
    if table is stream_refused:
        return [("content", f"refused|{row.id}")]
    chunk = row.channel, row.first, row.step
    return [(part, place_of_chunk(*chunk, part)) for part in ("content", "outline")]


def _reseal(connection: Connection, key: PatientKey, table: Table, row: Any) -> None:
    values: dict[str, Any] = {"generation": key.current}
    for column, place in _places(table, row):
        if (sealed := getattr(row, column)) is not None:
            values[column] = key.seal(place, key.unseal(row.generation, place, bytes(sealed)))
    where = [column == getattr(row, column.name) for column in table.primary_key.columns]
    connection.execute(update(table).where(*where).values(**values))


def destroy(connection: Connection, patient: str) -> None:
    """Remove a patient's samples, whose key is gone, and revoke the devices bound to them."""
    connection.execute(delete(stream_chunk).where(stream_chunk.c.channel.in_(_channels(patient))))
    for table in (stream_channel, stream_refused):
        connection.execute(delete(table).where(table.c.patient == patient))
    connection.execute(
        update(device)
        .where(device.c.patient == patient, device.c.revoked.is_(None))
        .values(revoked=stamp(datetime.now(UTC)))
    )
