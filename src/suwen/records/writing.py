"""Writing: drafts compared with what is stored; new versions sealed, indexed and written."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, delete, select, update

from suwen.core.codes import SUWEN
from suwen.core.errors import Conflict
from suwen.core.nouns import Record, canonical
from suwen.records import index
from suwen.records.database import Prepared, insert_many
from suwen.records.drafting import Draft
from suwen.records.keys import Secrets
from suwen.records.tables import record, token
from suwen.records.vault import PatientKey

TASK = f"{SUWEN}/task"
STATUS = f"{SUWEN}/status"
CHUNK = 128
"""Ids looked up in one statement."""


class Head(NamedTuple):
    """The newest version of a record."""

    patient: str
    version: int
    digest: str
    deleted: bool


def heads(connection: Connection, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Head]:
    """Return the newest version of each (type, id) that is stored."""
    ids = sorted({own for _, own in wanted})
    found: dict[tuple[str, str], Head] = {}
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        places = 1 << (len(part) - 1).bit_length()  # Few sizes, so few statements to prepare.
        named = {f"id{n}": own for n, own in enumerate(part + part[-1:] * (places - len(part)))}
        for row in _heads(places)(connection, **named):
            found[row.type, row.id] = Head(row.patient, row.version, row.digest, bool(row.deleted))
    return found


@lru_cache(maxsize=16)
def _heads(number: int) -> Prepared:
    """Return the query for the newest versions of that many ids."""
    names = ("type", "id", "patient", "version", "digest", "deleted")
    ids: list[BindParameter[str]] = [bindparam(f"id{n}") for n in range(number)]
    query = select(*(record.c[name] for name in names))
    return Prepared(query.where(record.c.id.in_(ids), record.c.current.is_(True)))


def store(
    connection: Connection,
    key: PatientKey,
    secrets: Secrets,
    items: Sequence[Draft],
    expected: Mapping[str, int],
) -> tuple[list[Record], list[str]]:
    """Write new versions of what differs from the newest version.

    Returns the record of each draft, and the references of the versions written.

    Raises
    ------
    Conflict
        The newest version is not the expected one, or an id belongs to another patient.
    """
    newest = heads(connection, ((item.type, item.id) for item in items))
    _expect(newest, expected, secrets, key.patient)
    batch = _Batch(key, secrets, newest)
    records = [batch.add(item) for item in items]
    batch.write(connection)
    return records, batch.references


def _expect(
    newest: Mapping[tuple[str, str], Head],
    expected: Mapping[str, int],
    secrets: Secrets,
    patient: str,
) -> None:
    for name, version in expected.items():
        kind, _, given = name.partition("/")
        own = secrets.local_id(patient, kind, given)
        head = newest.get((kind, own))
        if (head.version if head else 0) != version:
            raise Conflict(
                f"{kind}/{own} stands at version {head.version if head else 0}",
                f"version {version}",
                "read it again, apply the change to what is there now, and put that",
            )


def place(patient: str, reference: str, at: str) -> str:
    """Return what the content of a version is bound to."""
    return f"record|{patient}|{reference}|{at}"


class _Batch:
    """The rows of one put."""

    def __init__(
        self, key: PatientKey, secrets: Secrets, newest: dict[tuple[str, str], Head]
    ) -> None:
        self.references: list[str] = []
        self._key, self._secrets, self._newest = key, secrets, newest
        self._at = index.stamp(datetime.now(UTC))
        self._rows: dict[tuple[str, str, int], dict[str, Any]] = {}
        self._tokens: dict[tuple[str, str], list[dict[str, str]]] = {}
        self._replaced: set[tuple[str, str, int]] = set()
        self._positions = itertools.count()

    def add(self, item: Draft) -> Record:
        name = (item.type, item.id)
        head = self._newest.get(name)
        if head is not None and head.patient != self._key.patient:
            raise Conflict(
                f"{item.type}/{item.id} belongs to another patient", "this patient's own", ""
            )
        if head is not None and head.digest == item.digest:
            return Record(
                reference=f"{item.type}/{item.id}/_history/{head.version}", content=item.content
            )
        version = 1 if head is None else head.version + 1
        if head is not None and self._rows.pop((*name, head.version), None) is not None:
            version = head.version  # The same resource twice in one put: the last one counts.
            self.references.remove(f"{item.type}/{item.id}/_history/{version}")
        elif head is not None:
            self._replaced.add((*name, head.version))
        reference = f"{item.type}/{item.id}/_history/{version}"
        self._newest[name] = Head(self._key.patient, version, item.digest, False)
        self._rows[*name, version] = self._row(item, version, reference)
        self._tokens[name] = self._token_rows(item)
        self.references.append(reference)
        return Record(reference=reference, content=item.content)

    def _row(self, item: Draft, version: int, reference: str) -> dict[str, Any]:
        low, high = index.span(item.content)
        sealing = place(self._key.patient, reference, self._at)
        return {
            "id": item.id,
            "type": item.type,
            "version": version,
            "patient": self._key.patient,
            "at": self._at,
            "position": next(self._positions),
            "current": True,
            "deleted": False,
            "date_low": low,
            "date_high": high,
            "digest": item.digest,
            "generation": self._key.current,
            "content": self._key.seal(sealing, item.data),
        }

    def _token_rows(self, item: Draft) -> list[dict[str, str]]:
        codes = index.codes(item.content)
        if item.type == "Finding":
            codes.add((TASK, item.content["task"]))
        elif item.type == "Report":
            codes.add((STATUS, item.content["status"]))
        hashed = self._secrets.hashed
        kinds = (("c", codes), ("i", index.identifiers(item.content)))
        return [
            {
                "value": hashed(f"{kind}|{value}"),
                "qualified": hashed(f"{kind}|{system}|{value}"),
                "kind": kind,
                "patient": self._key.patient,
                "type": item.type,
                "id": item.id,
            }
            for kind, pairs in kinds
            for system, value in pairs
        ]

    def write(self, connection: Connection) -> None:
        if self._replaced:
            retire(connection, self._replaced)
        insert_many(connection, record, list(self._rows.values()))
        insert_many(connection, token, [row for rows in self._tokens.values() for row in rows])


def retire(connection: Connection, versions: Iterable[tuple[str, str, int]]) -> None:
    """Mark versions (type, id, version) as no longer current, and drop their tokens."""
    rows = [{"t": kind, "i": own, "v": version} for kind, own, version in versions]
    connection.execute(
        update(record)
        .where(
            record.c.id == bindparam("i"),
            record.c.type == bindparam("t"),
            record.c.version == bindparam("v"),
        )
        .values(current=False),
        rows,
    )
    connection.execute(
        delete(token).where(token.c.id == bindparam("i"), token.c.type == bindparam("t")),
        [{"t": row["t"], "i": row["i"]} for row in rows],
    )


def tombstone(
    connection: Connection, key: PatientKey, name: tuple[str, str], head: Head, reason: str
) -> str:
    """Write the version that says a record is deleted; return its reference."""
    kind, own = name
    at = index.stamp(datetime.now(UTC))
    reference = f"{kind}/{own}/_history/{head.version + 1}"
    retire(connection, [(kind, own, head.version)])
    sealed = key.seal(place(key.patient, reference, at), canonical({"reason": reason}))
    connection.execute(
        record.insert().values(
            id=own,
            type=kind,
            version=head.version + 1,
            patient=key.patient,
            at=at,
            position=0,
            current=True,
            deleted=True,
            digest="",
            generation=key.current,
            content=sealed,
        )
    )
    return reference
