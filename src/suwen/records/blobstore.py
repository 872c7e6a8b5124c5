"""Blobs and their rows: first the files, durably, then the rows that name them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from suwen.core.errors import IntegrityError, NotFound
from suwen.core.nouns import digest_of
from suwen.records.blobs import opened, sealed
from suwen.records.index import stamp
from suwen.records.keys import Secrets
from suwen.records.tables import blob
from suwen.records.vault import PatientKey

if TYPE_CHECKING:
    from suwen.records.store import Store

CHUNK = 400


def put(
    store: Store, connection: Connection, key: PatientKey, items: Sequence[tuple[bytes, str]]
) -> tuple[list[str], list[str]]:
    """Store blobs of a patient; return the SHA-256 of each, and of those that are new."""
    addresses = [digest_of(data) for data, _ in items]
    known = _known(connection, key.patient, store.secrets, addresses)
    written: list[str] = []
    rows = []
    for sha256, (data, media_type) in zip(addresses, items, strict=True):
        if sha256 in known:
            continue
        known.add(sha256)
        kept_as = address(store.secrets, sha256)
        name = file_name(store.secrets, key.patient, kept_as, key.current)
        place = placed(key.patient, kept_as)
        store.blobs.write(name, sealed(key.cipher(key.current), place, data))
        written.append(sha256)
        rows.append(
            {
                "patient": key.patient,
                "address": kept_as,
                "name": name,
                "media_type": media_type[:255],
                "size": len(data),
                "generation": key.current,
                "created": stamp(datetime.now(UTC)),
            }
        )
    if rows:
        connection.execute(blob.insert(), rows)
    return addresses, written


def get(store: Store, connection: Connection, patient: str, sha256: str) -> bytes:
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
