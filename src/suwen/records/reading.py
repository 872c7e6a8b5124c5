"""Reading: rows back into Records, the search, and the state of a patient at a moment."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, exists, func, select

from suwen.core.errors import BadInput, NotFound
from suwen.core.nouns import Record
from suwen.records.database import Database
from suwen.records.documents import NOUNS
from suwen.records.index import stamp
from suwen.records.keys import Secrets
from suwen.records.tables import record, token
from suwen.records.vault import PatientKey, Vault
from suwen.records.writing import place

CHUNK = 400
_REFERENCE = re.compile(
    r"([A-Z][A-Za-z]{1,63})/([A-Za-z0-9\-.]{1,64})(?:/_history/([1-9]\d{0,8}))?"
)


@dataclass(frozen=True)
class Name:
    """A reference taken apart; without a version it means the newest."""

    type: str
    id: str
    version: int | None


@dataclass(frozen=True)
class Search:
    """What to look for; what is None does not matter.

    Parameters
    ----------
    code, identifier
        `system|value`, or the bare value in any system.
    since, until
        The resource's own time must meet [since, until].
    """

    type: str
    code: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    identifier: str | None = None
    limit: int = 1000


def parse(reference: str) -> Name:
    """Take a reference apart.

    Raises
    ------
    BadInput
        It is not `Type/id` or `Type/id/_history/n`.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise BadInput(
            "what was given is no reference", "Type/id or Type/id/_history/n", "correct it"
        )
    kind, own, version = match.groups()
    return Name(kind, own, int(version) if version else None)


def owner(connection: Connection, name: Name) -> str | None:
    """Return the patient a record belongs to, None when there is no such record."""
    query = select(record.c.patient).where(record.c.id == name.id, record.c.type == name.type)
    return connection.execute(query.limit(1)).scalar()


def located(
    database: Database, secrets: Secrets, reference: str, patient: str | None
) -> tuple[Name, str]:
    """Return the stored name behind a reference, and the patient it belongs to.

    With `patient`, an id given from outside is that patient's own.

    Raises
    ------
    BadInput
        It is no reference.
    NotFound
        No such record, or another patient's.
    """
    name = parse(reference)
    if patient is not None:
        local = secrets.local_id(patient, name.type, name.id)
        name = Name(name.type, patient if name.type == "Patient" else local, name.version)
    with database.transaction(reading=True) as connection:
        found = owner(connection, name)
    if found is None or patient not in (None, found):
        raise NotFound(f"no such {name.type} is stored", "a stored record", "search for it")
    return name, found


def versions(connection: Connection, name: Name) -> Sequence[Row[Any]]:
    """Return the rows of every version of a record, oldest first."""
    query = select(record).where(record.c.id == name.id, record.c.type == name.type)
    return connection.execute(query.order_by(record.c.version)).all()


def one(connection: Connection, name: Name) -> Row[Any]:
    """Return the row of a version, or of the newest.

    Raises
    ------
    NotFound
        No such record or version, or it was deleted.
    """
    query = select(record).where(record.c.id == name.id, record.c.type == name.type)
    query = (
        query.where(record.c.current.is_(True))
        if name.version is None
        else query.where(record.c.version == name.version)
    )
    row = connection.execute(query).first()
    if row is None or row.deleted:
        raise NotFound(
            f"{name.type}/{name.id} is not stored" if row is None else "the record was deleted",
            "the reference of a stored version",
            "search for it, or look at its history",
        )
    return row


def reference_of(row: Row[Any]) -> str:
    """Return the versioned reference of a row."""
    return f"{row.type}/{row.id}/_history/{row.version}"


def opened(row: Row[Any], key: PatientKey) -> Record:
    """Decrypt a row."""
    reference = reference_of(row)
    sealing = place(key.patient, reference, row.at)
    data = key.unseal(row.generation, sealing, bytes(row.content))
    return Record(reference=reference, content=json.loads(data))


def opened_all(connection: Connection, vault: Vault, rows: Sequence[Row[Any]]) -> list[Record]:
    """Decrypt rows of several patients; those whose key was destroyed are left out."""
    keys = vault.patient_keys(connection, sorted({row.patient for row in rows}))
    return [opened(row, key) for row in rows if (key := keys.get(row.patient)) is not None]


def search(
    connection: Connection, secrets: Secrets, patients: Sequence[str], wanted: Search
) -> Sequence[Row[Any]]:
    """Return the rows of current versions that match, in the order they were stored."""
    query = select(record).where(
        record.c.type == wanted.type, record.c.current.is_(True), record.c.deleted.is_(False)
    )
    if wanted.since is not None:
        query = query.where(record.c.date_high >= stamp(wanted.since))
    if wanted.until is not None:
        query = query.where(record.c.date_low <= stamp(wanted.until))
    for kind, text in (("c", wanted.code), ("i", wanted.identifier)):
        if text is not None:
            query = query.where(_has_token(secrets, kind, text))
    rows: list[Row[Any]] = []
    for start in range(0, len(patients), CHUNK):
        part = query.where(record.c.patient.in_(patients[start : start + CHUNK]))
        rows += connection.execute(_in_order(part).limit(wanted.limit)).all()
    return sorted(rows, key=lambda row: (row.at, row.position))[: wanted.limit]


def newest(
    connection: Connection, secrets: Secrets, patients: Sequence[str], type: str, code: str = ""
) -> Sequence[Row[Any]]:
    """Return the row stored last of a type (with a code) for each of these patients.

    Only the times of the others are looked at: a patient may have hundreds.
    """
    c = record.c
    names = select(c.patient, c.id, c.version, c.at, c.position).where(
        c.type == type, c.current.is_(True), c.deleted.is_(False)
    )
    if code:
        names = names.where(_has_token(secrets, "c", code))
    last: dict[str, Any] = {}
    for start in range(0, len(patients), CHUNK):
        part = names.where(c.patient.in_(patients[start : start + CHUNK]))
        for row in connection.execute(part.order_by(c.at, c.position)):
            last[row.patient] = row
    rows: list[Row[Any]] = []
    found = list(last.values())
    for start in range(0, len(found), CHUNK):
        wanted = {(row.id, row.version) for row in found[start : start + CHUNK]}
        query = select(record).where(c.type == type, c.id.in_([own for own, _ in wanted]))
        rows += [row for row in connection.execute(query) if (row.id, row.version) in wanted]
    return rows


def _has_token(secrets: Secrets, kind: str, text: str) -> ColumnElement[bool]:
    system, bar, value = text.rpartition("|")
    token_matches = [
        token.c.value == secrets.hashed(f"{kind}|{value}"),
        token.c.kind == kind,
        token.c.patient == record.c.patient,
        token.c.type == record.c.type,
        token.c.id == record.c.id,
    ]
    if bar:
        token_matches.append(token.c.qualified == secrets.hashed(f"{kind}|{system}|{value}"))
    return exists().where(*token_matches)


def at_moment(connection: Connection, patient: str, moment: datetime | None) -> Sequence[Row[Any]]:
    """Return the rows that were current at `moment` (now when None), without Suwen's documents."""
    query = select(record).where(record.c.patient == patient, record.c.type.not_in(NOUNS))
    if moment is None:
        query = query.where(record.c.current.is_(True))
    else:
        newest = (
            select(record.c.id, record.c.type, func.max(record.c.version).label("version"))
            .where(record.c.patient == patient, record.c.at <= stamp(moment))
            .group_by(record.c.id, record.c.type)
            .subquery()
        )
        query = query.join(
            newest,
            (newest.c.id == record.c.id)
            & (newest.c.type == record.c.type)
            & (newest.c.version == record.c.version),
        )
    return connection.execute(_in_order(query.where(record.c.deleted.is_(False)))).all()


def named(connection: Connection, patient: str, references: Sequence[str]) -> Sequence[Row[Any]]:
    """Return the rows of exactly these versions of a patient's records, in the order of storing.

    Raises
    ------
    NotFound
        One is not stored for this patient, or is a tombstone.
    """
    rows = []
    for reference in references:
        row = one(connection, parse(reference))
        if row.patient != patient:
            raise NotFound("a reference is not this patient's", "the patient's own records", "")
        rows.append(row)
    return sorted(rows, key=lambda row: (row.at, row.position, row.id))


def _in_order(query: Select[Any]) -> Select[Any]:
    return query.order_by(record.c.at, record.c.position, record.c.id)
