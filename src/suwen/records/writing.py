"""Writing: resources checked, given the store's own ids, compared, sealed, indexed.

Ids from outside may name a patient and may meet the same id from elsewhere, so each becomes the
store's own: a keyed hash of patient, type and given id, the same every time. References between the
resources of a patient are rewritten alike; the given id stays in the sealed content
(`meta.extension`, url https://suwen.health/fhir/source-id). Everything put for a patient is about
that patient: its Patient resource and all `Patient/...` references carry the patient's own id.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from suwen.core.codes import SUWEN
from suwen.core.errors import BadInput, Conflict
from suwen.core.nouns import Finding, Record, Report, digest_of
from suwen.records import index
from suwen.records.documents import NOUNS, document, given_id
from suwen.records.fhir import validate
from suwen.records.keys import Secrets
from suwen.records.tables import record, token
from suwen.records.vault import PatientKey

SOURCE_ID = f"{SUWEN}/source-id"
TASK = f"{SUWEN}/task"
STATUS = f"{SUWEN}/status"
SHOWN_PROBLEMS = 5
CHUNK = 400
"""Ids looked up in one statement."""

_REFERENCE = re.compile(r'"reference":"([A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(/_history/\d+)?"')
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
_MARKED = re.compile(r'"\\u0000([-+0-9.eE]+)\\u0000"')


def _number(value: object) -> str:
    """Mark a Decimal for `_text`, which writes its digits as they are.

    FHIR strings hold no control characters, so no text can look like a marked number.
    """
    if isinstance(value, Decimal) and value.is_finite():
        return f"\0{value}\0"
    raise TypeError


_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_number
).encode


@dataclass
class Draft:
    """A resource ready to be compared and sealed."""

    type: str
    id: str
    content: dict[str, Any]
    data: bytes
    digest: str


@dataclass(frozen=True)
class Head:
    """The newest version of a record."""

    patient: str
    version: int
    digest: str
    deleted: bool


def drafts(
    resources: Sequence[dict[str, Any] | Finding | Report], patient: str, secrets: Secrets
) -> list[Draft]:
    """Check resources and give them their own ids.

    Raises
    ------
    BadInput
        One is not valid FHIR R4 (or not the Suwen noun it claims to be), or they name more than
        one patient. Names the place in the list and the element, never a value.
    """
    plain = [document(item) if isinstance(item, Finding | Report) else item for item in resources]
    _check(plain)
    _one_patient(plain, secrets)
    return _Renaming(patient, secrets).drafts(plain)


def _check(resources: Sequence[dict[str, Any]]) -> None:
    for place, item in enumerate(resources):
        kind = item.get("resourceType") if isinstance(item, dict) else None
        if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
            raise BadInput(
                f"resource {place} has no resourceType", "a FHIR R4 resource", "correct it"
            )
    fhir = [place for place, item in enumerate(resources) if item["resourceType"] not in NOUNS]
    for place, problems in zip(fhir, validate([resources[p] for p in fhir]), strict=True):
        errors = [problem for problem in problems if problem.severity == "error"]
        if errors:
            kind = resources[place]["resourceType"]
            shown = "; ".join(f"{p.path}: {p.message}" for p in errors[:SHOWN_PROBLEMS])
            raise BadInput(
                f"resource {place} ({kind}) is not valid: {shown}"
                + (f" and {len(errors) - SHOWN_PROBLEMS} more" * (len(errors) > SHOWN_PROBLEMS)),
                "FHIR R4",
                "correct it at its source, or leave it out",
            )


def _one_patient(resources: Iterable[dict[str, Any]], secrets: Secrets) -> None:
    named: set[str] = set()
    for item in resources:
        if item["resourceType"] == "Patient":
            named.add(str(item.get("id", "")))
        for element in ("subject", "patient"):
            value = item.get(element)
            reference = value.get("reference") if isinstance(value, dict) else None
            if isinstance(reference, str) and reference.startswith("Patient/"):
                named.add(reference.split("/")[1])
    foreign = {name for name in named if name and not secrets.is_own(name)}
    if len(foreign) > 1:
        raise BadInput(
            f"the resources name {len(foreign)} different patients",
            "resources about one patient",
            "sort them by patient and put each patient's own",
        )


class _Renaming:
    """Rewrites ids and references of one put."""

    def __init__(self, patient: str, secrets: Secrets) -> None:
        self._patient = patient
        self._secrets = secrets
        self._known: dict[tuple[str, str], str] = {}

    def drafts(self, resources: Iterable[dict[str, Any]]) -> list[Draft]:
        return [self._draft(item) for item in resources]

    def _draft(self, item: dict[str, Any]) -> Draft:
        kind = item["resourceType"]
        if kind in NOUNS:
            return self._finished(kind, self._own(kind, given_id(item)), item)
        given = item.get("id")
        if given is None:
            text = self._rewritten(_text(item))
            body = digest_of(text.encode())
            own = self._patient if kind == "Patient" else self._own(kind, f"content|{body}")
            return self._finished(kind, own, item | {"id": own})
        own = self._own(kind, str(given))
        return self._finished(kind, own, item if own == given else _renamed(item, own))

    def _own(self, kind: str, given: str) -> str:
        if kind == "Patient":
            return self._patient
        own = self._known.get((kind, given))
        if own is None:
            own = self._secrets.local_id(self._patient, kind, given)
            self._known[kind, given] = own
        return own

    def _finished(self, kind: str, own: str, content: dict[str, Any]) -> Draft:
        text = _text(content)
        if kind not in NOUNS and (rewritten := self._rewritten(text)) != text:
            text, content = rewritten, json.loads(rewritten)
        data = text.encode()
        return Draft(kind, own, content, data, self._secrets.content_digest(data))

    def _rewritten(self, text: str) -> str:
        return _REFERENCE.sub(self._reference, text)

    def _reference(self, match: re.Match[str]) -> str:
        kind, given, history = match.groups()
        return f'"reference":"{kind}/{self._own(kind, given)}{history or ""}"'


def _text(content: dict[str, Any]) -> str:
    try:
        text = _encode(content)
        return _MARKED.sub(r"\1", text) if '"\\u0000' in text else text
    except (TypeError, ValueError, RecursionError):
        raise BadInput(
            f"a {content['resourceType']} is not plain JSON", "finite numbers, text", "correct it"
        ) from None


def _renamed(item: dict[str, Any], own: str) -> dict[str, Any]:
    meta = item.get("meta") or {}
    extension = {"url": SOURCE_ID, "valueString": item["id"]}
    return item | {
        "id": own,
        "meta": meta | {"extension": [*(meta.get("extension") or ()), extension]},
    }


def heads(connection: Connection, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Head]:
    """Return the newest version of each (type, id) that is stored."""
    ids = sorted({own for _, own in wanted})
    found: dict[tuple[str, str], Head] = {}
    columns = (
        record.c.type,
        record.c.id,
        record.c.patient,
        record.c.version,
        record.c.digest,
        record.c.deleted,
    )
    for start in range(0, len(ids), CHUNK):
        query = select(*columns).where(
            record.c.id.in_(ids[start : start + CHUNK]), record.c.current.is_(True)
        )
        for row in connection.execute(query):
            found[row.type, row.id] = Head(row.patient, row.version, row.digest, row.deleted)
    return found


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
        if head is not None and head.digest == item.digest and not head.deleted:
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
        if self._rows:
            connection.execute(record.insert(), list(self._rows.values()))
        if rows := [row for rows in self._tokens.values() for row in rows]:
            connection.execute(token.insert(), rows)


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
    sealed = key.seal(place(key.patient, reference, at), _encode({"reason": reason}).encode())
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
