"""Changing a patient's data key: everything sealed anew, a batch a transaction, resumable."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Table, delete, select, update

from suwen.records import blobstore, reading, remarks, sample_keys, writing
from suwen.records.blobs import opened, sealed
from suwen.records.holdings import Holdings
from suwen.records.tables import blob, data_key, record, remark
from suwen.records.vault import PatientKey, Vault

BATCH = 200


def begin(connection: Connection, vault: Vault, patient: str) -> int:
    """Add the next data key, unless a rotation is still under way; return its generation."""
    key = vault.patient_key(connection, patient, lock=True)
    if len(key.ciphers) > 1:
        return key.current
    vault.add_generation(connection, patient, key.current + 1)
    return key.current + 1


def finish(store: Holdings, patient: str, generation: int) -> int:
    """Seal everything older with `generation`, then remove the older keys; return how many."""
    done = 0
    for table, reseal in ((record, _record), (remark, _remark)):
        while rows := _batch(store, table, patient, generation, reseal):
            done += rows
    while rows := _blobs(store, patient, generation):
        done += rows
    while rows := sample_keys.reseal(store, patient, generation):
        done += rows
    with store.database.transaction() as connection:
        store.vault.patient_key(connection, patient, lock=True)
        older = sample_keys.any_older(connection, patient, generation)
        if not older and not any(
            _old(connection, t, patient, generation, 1) for t in (record, remark, blob)
        ):
            connection.execute(
                delete(data_key).where(
                    data_key.c.patient == patient, data_key.c.generation < generation
                )
            )
    store.database.scrub(("data_key",))
    return done


def _old(
    connection: Connection, table: Table, patient: str, generation: int, limit: int
) -> list[Row[Any]]:
    query = select(table).where(table.c.patient == patient, table.c.generation < generation)
    return list(connection.execute(query.limit(limit)).all())


def _batch(store: Holdings, table: Table, patient: str, generation: int, reseal: Any) -> int:
    with store.database.transaction() as connection:
        key = store.vault.patient_key(connection, patient, lock=True)
        rows = _old(connection, table, patient, generation, BATCH)
        for row in rows:
            where = [column == getattr(row, column.name) for column in table.primary_key.columns]
            values = {"content": reseal(key, row), "generation": key.current}
            connection.execute(update(table).where(*where).values(**values))
    return len(rows)


def _record(key: PatientKey, row: Row[Any]) -> bytes:
    place = writing.place(key.patient, reading.reference_of(row), row.at)
    return key.seal(place, key.unseal(row.generation, place, bytes(row.content)))


def _remark(key: PatientKey, row: Row[Any]) -> bytes:
    place = remarks.place(key.patient, row.id)
    return key.seal(place, key.unseal(row.generation, place, bytes(row.content)))


def _blobs(store: Holdings, patient: str, generation: int) -> int:
    """Write one blob anew under a new name, point its row there, then remove the old file."""
    with store.database.transaction() as connection:
        key = store.vault.patient_key(connection, patient, lock=True)
        rows = _old(connection, blob, patient, generation, 1)
        for row in rows:
            place = blobstore.placed(patient, row.address)
            data = opened(key.cipher(row.generation), place, store.blobs.read(row.name))
            name = blobstore.file_name(store.secrets, patient, row.address, key.current)
            store.blobs.write(name, sealed(key.cipher(key.current), place, data))
            connection.execute(
                update(blob)
                .where(blob.c.patient == patient, blob.c.address == row.address)
                .values(name=name, generation=key.current)
            )
    store.blobs.remove(row.name for row in rows)
    return len(rows)
