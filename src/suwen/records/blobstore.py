"""Blobs and their rows: first the files, durably, then the rows that name them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from suwen.core.errors import IntegrityError, NotFound, StorageUnavailable
from suwen.core.nouns import digest_of
from suwen.records.blobs import opened, sealed
from suwen.records.holdings import Holdings
from suwen.records.index import stamp
from suwen.records.keys import Secrets
from suwen.records.tables import blob
from suwen.records.vault import PatientKey

CHUNK = 400


def put(
    store: Holdings, connection: Connection, key: PatientKey, items: Sequence[tuple[bytes, str]]
) -> tuple[list[str], list[str]]:
    """Store blobs of a patient; return the SHA-256 of each, and of those that are new."""
    addresses = [digest_of(data) for data, _ in items]
    known = _known(connection, key.patient, store.secrets, addresses)
    fresh = {
        sha256: item for sha256, item in zip(addresses, items, strict=True) if sha256 not in known
    }
    rows: list[dict[str, Any]] = []
    try:
        for sha256, (data, media_type) in fresh.items():
            rows.append(_row(store.secrets, key, sha256, media_type, len(data)))
            place = placed(key.patient, rows[-1]["address"])
            store.blobs.write(rows[-1]["name"], sealed(key.cipher(key.current), place, data))
    except StorageUnavailable:
        store.blobs.remove(row["name"] for row in rows)
        raise
    if rows:
        connection.execute(blob.insert(), rows)
    return addresses, list(fresh)


def _row(
    secrets: Secrets, key: PatientKey, sha256: str, media_type: str, size: int
) -> dict[str, Any]:
    kept_as = address(secrets, sha256)
    return {
        "patient": key.patient,
        "address": kept_as,
        "name": file_name(secrets, key.patient, kept_as, key.current),
        "media_type": media_type[:255],
        "size": size,
        "generation": key.current,
        "created": stamp(datetime.now(UTC)),
    }


def get(store: Holdings, connection: Connection, patient: str, sha256: str) -> bytes:
    """Return the bytes of a blob, checked against their SHA-256.

    Raises
    ------
    NotFound
        Not stored for this patient.
    KeyUnavailable
        The patient's key was destroyed.
    IntegrityError
        The file is not what was written.
    """
    key = store.vault.patient_key(connection, patient)
    kept_as = address(store.secrets, sha256)
    row = connection.execute(
        select(blob).where(blob.c.patient == patient, blob.c.address == kept_as)
    ).first()
    if row is None:
        raise NotFound("no such blob of this patient", "the SHA-256 of stored bytes", "check it")
    data = opened(key.cipher(row.generation), placed(patient, kept_as), store.blobs.read(row.name))
    if digest_of(data) != sha256:
        raise IntegrityError("a blob has another SHA-256 than its name", "equal ones", "restore it")
    return data


def address(secrets: Secrets, sha256: str) -> str:
    """Return how the database names a SHA-256 without telling it."""
    return secrets.file_name(f"address|{sha256}")


def file_name(secrets: Secrets, patient: str, address: str, generation: int) -> str:
    """Return the name of a blob's file, given how the database names it."""
    return secrets.file_name(f"file|{patient}|{address}|{generation}")


def placed(patient: str, address: str) -> str:
    """Return what the content of a blob is bound to."""
    return f"blob|{patient}|{address}"


def _known(
    connection: Connection, patient: str, secrets: Secrets, wanted: Sequence[str]
) -> set[str]:
    by_address = {address(secrets, sha256): sha256 for sha256 in wanted}
    names = list(by_address)
    known: set[str] = set()
    for start in range(0, len(names), CHUNK):
        query = select(blob.c.address).where(
            blob.c.patient == patient, blob.c.address.in_(names[start : start + CHUNK])
        )
        known |= {by_address[found] for found in connection.execute(query).scalars()}
    return known


def tidy(store: Holdings) -> int:
    """Remove blob files that a crash left and no record of the store names; return how many."""
    with store.database.transaction(reading=True) as connection:
        known = set(connection.execute(select(blob.c.name)).scalars())
    return store.blobs.sweep(known)
