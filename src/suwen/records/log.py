"""The decision log: append-only, hash-chained, anchored; verifiable without the store.

Each entry carries SHA-256 over the canonical JSON of its other fields, among them the hash before
it. The head (how many entries, the last hash) is sealed with HMAC-SHA-256 by a key only the master
key opens, and stands both in the database and in the file `decisions.anchor`, so entries missing
at the end are noticed as well. Cf. Schneier and Kelsey, "Secure audit logs to support computer
forensics", ACM TISSEC 2(2), 1999.

An old copy of the whole database, put back together with the anchor of that day, is intact in
itself: only an export made since and kept elsewhere shows it (`verify` with `against`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select, update

from suwen.core.errors import BadInput, Conflict, NotFound, StorageUnavailable
from suwen.core.files import replaced
from suwen.core.nouns import Decision, canonical
from suwen.records.chain import START, Chain, Verification, anchor_in, verified
from suwen.records.database import Database, Prepared, insert_many
from suwen.records.tables import decision, log_head

DETAIL_BYTES = 4 * 1024 * 1024
"""Largest detail of one entry."""
SLOT = 160
"""Bytes of one of the two slots of the anchor file; entries take turns, so one is always whole."""
PAGE = 5000
WIDTHS = {"person": 64, "act": 32, "patient": 32, "subject": 160, "purpose": 32, "key": 160}
"""Longest text of each column; SQLite alone would not refuse more."""
LOWEST = -(2**62)
_HEAD = Prepared(select(log_head).with_for_update())
_MOVE_HEAD = Prepared(
    update(log_head).values({name: bindparam(name) for name in ("entries", "hash", "seal")})
)


@dataclass(frozen=True)
class Head:
    """How long the log is, its last hash, and their seal."""

    count: int
    hash: str
    seal: str


@dataclass(frozen=True)
class Act:
    """An entry about to be appended.

    Parameters
    ----------
    detail
        References, digests and versions; never patient content.
    key
        Names the act for ever: a second append under the same key returns the first entry.
    """

    person: str
    act: str
    patient: str
    subject: str
    purpose: str
    detail: Mapping[str, Any]
    key: str | None = None


class Log:
    """The decision log of one store.

    Parameters
    ----------
    seal
        Keyed hash of a head.
    anchor
        Path of the anchor file.
    """

    def __init__(self, database: Database, seal: Callable[[str], str], anchor: Path) -> None:
        self._database = database
        self._seal = seal
        self._anchor = anchor

    def begin(self) -> None:
        """Write the head of a log that has none yet, once, however many processes open it."""
        with self._database.transaction() as connection:
            self._database.alone(connection)
            if connection.execute(select(log_head)).first() is not None:
                return
            head = Head(0, START, self._seal(f"0|{START}"))
            values = {"entries": head.count, "hash": head.hash, "seal": head.seal}
            connection.execute(log_head.insert().values(id=1, **values))
            self.anchor(head)

    def append(self, connection: Connection, acts: Iterable[Act]) -> tuple[list[Decision], Head]:
        """Append entries inside the caller's transaction; return them and the new head.

        The head's row is locked until the transaction ends, so the chain has one writer. An act
        whose key is in the log already returns that entry and appends nothing.

        Raises
        ------
        Conflict
            A key is in the log with another act, patient or subject.
        """
        row = _HEAD(connection).one()
        count, previous = int(row.entries), str(row.hash)
        decisions: list[Decision] = []
        rows: list[dict[str, Any]] = []
        fresh: dict[str, Decision] = {}
        for act in acts:
            if act.key and (earlier := fresh.get(act.key) or _by_key(connection, act.key)):
                _same(act, earlier)
                decisions.append(earlier)
                continue
            line = _line(count + 1, datetime.now(UTC), act, previous)
            rows.append(line)
            count, previous = count + 1, line["hash"]
            decisions.append(_decision(line))
            if act.key:
                fresh[act.key] = decisions[-1]
        head = Head(count, previous, self._seal(f"{count}|{previous}"))
        if rows:
            insert_many(connection, decision, rows)
            _MOVE_HEAD(connection, entries=head.count, hash=head.hash, seal=head.seal)
        return decisions, head

    def anchor(self, head: Head) -> None:
        """Write the head of a committed transaction beside the database.

        Raises
        ------
        StorageUnavailable
            The anchor file cannot be written.
        """
        text = json.dumps([head.count, head.hash, head.seal]).ljust(SLOT - 1) + "\n"
        try:
            handle = os.open(self._anchor, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.pwrite(handle, text.encode(), (head.count % 2) * SLOT)
            finally:
                os.close(handle)
        except OSError as error:
            raise StorageUnavailable(
                f"the anchor of the decision log cannot be written ({type(error).__name__})",
                "a writable SUWEN_HOME",
                "free space or correct its rights",
            ) from None

    def decision(self, sequence: int) -> Decision:
        """Return one entry.

        Raises
        ------
        NotFound
            The log has no such entry.
        """
        with self._database.transaction(reading=True) as connection:
            row = connection.execute(
                select(decision).where(decision.c.sequence == sequence)
            ).first()
        if row is None:
            raise NotFound(f"no decision {sequence}", "a number in the log", "check the number")
        return _decision(row._asdict())

    def head(self) -> Head:
        """Return the head as the database tells it."""
        with self._database.transaction(reading=True) as connection:
            row = connection.execute(select(log_head)).one()
        return Head(int(row.entries), row.hash, row.seal)

    def entries(self, *, patient: str | None = None, after: int = 0) -> Iterator[Decision]:
        """Yield the entries, oldest first, a page at a time."""
        for row in self._rows(patient, after):
            yield _decision(row._asdict())

    def of_patient(self, connection: Connection, patient: str) -> list[Decision]:
        """Return the entries about one patient, on a connection of the caller's."""
        query = select(decision).where(decision.c.patient == patient).order_by(decision.c.sequence)
        return [_decision(row._asdict()) for row in connection.execute(query)]

    def export(self, path: Path) -> int:
        """Write the log as JSON Lines, the sealed head last; return the number of entries."""
        head = self.head()
        try:
            with replaced(path) as file:
                for row in self._rows(None, 0, head.count):
                    file.write(_exported(row).encode() + b"\n")
                file.write(canonical({"anchor": [head.count, head.hash, head.seal]}) + b"\n")
        except OSError as error:
            raise StorageUnavailable(
                f"the log cannot be exported ({type(error).__name__})",
                "a folder with room for it",
                "choose another place",
            ) from None
        return head.count

    def verify(self, *, against: Path | None = None) -> Verification:
        """Check every entry of the store, its head and its anchor file.

        With `against`, an earlier export: the log must begin with it.

        Raises
        ------
        BadInput
            The export cannot be read.
        """
        with self._database.transaction(reading=True) as connection:
            row = connection.execute(select(log_head)).one()
            last = int(connection.execute(select(func.max(decision.c.sequence))).scalar() or 0)
        chain = Chain()
        for line in self._rows(None, LOWEST, max(last, int(row.entries))):
            chain.add(_text(line._asdict()), line.sequence, line.previous, line.hash)
        chain.check_anchor("head", [int(row.entries), row.hash, row.seal], self._seal, whole=True)
        chain.check_anchor("anchor file", self._anchored(), self._seal)
        return verified(chain, self._seal, against)

    def _anchored(self) -> list[Any] | None:
        try:
            text = self._anchor.read_bytes()
        except OSError:
            return None
        slots = [anchor_in(text[start : start + SLOT]) for start in (0, SLOT)]
        return max((slot for slot in slots if slot), key=lambda slot: slot[0], default=None)

    def _rows(self, patient: str | None, after: int, last: int | None = None) -> Iterator[Row[Any]]:
        while True:
            query = select(decision).where(decision.c.sequence > after)
            if patient is not None:
                query = query.where(decision.c.patient == patient)
            if last is not None:
                query = query.where(decision.c.sequence <= last)
            with self._database.transaction(reading=True) as connection:
                rows = connection.execute(query.order_by(decision.c.sequence).limit(PAGE)).all()
            yield from rows
            if len(rows) < PAGE:
                return
            after = rows[-1].sequence


def _line(sequence: int, at: datetime, act: Act, previous: str) -> dict[str, Any]:
    for column, width in WIDTHS.items():
        if len(getattr(act, column) or "") > width:
            raise BadInput(f"the {column} of a log entry is too long", f"{width} characters", "")
    detail = dict(act.detail) | ({"key": act.key} if act.key else {})
    try:
        text = canonical(detail).decode()
    except (TypeError, ValueError):
        raise BadInput(
            f"the detail of {act.act!r} is not JSON", "references, digests, versions", "correct it"
        ) from None
    if len(text) > DETAIL_BYTES:
        raise BadInput(
            f"the detail of {act.act!r} has {len(text)} characters", "less", "shorten it"
        )
    line: dict[str, Any] = {
        "sequence": sequence,
        "at": at.isoformat().replace("+00:00", "Z"),
        "person": act.person,
        "act": act.act,
        "patient": act.patient,
        "subject": act.subject,
        "purpose": act.purpose,
        "detail": text,
        "previous": previous,
        "key": act.key,
    }
    return line | {"hash": sha256(_text(line).encode()).hexdigest()}


def _text(row: Mapping[str, Any]) -> str:
    """Return the canonical JSON that is hashed; `detail` is stored in its canonical form."""
    quote = _quote
    return (
        f'{{"act":{quote(row["act"])},"at":{quote(row["at"])},"detail":{row["detail"]},'
        f'"patient":{quote(row["patient"])},"person":{quote(row["person"])},'
        f'"previous":{quote(row["previous"])},"purpose":{quote(row["purpose"])},'
        f'"sequence":{row["sequence"]},"subject":{quote(row["subject"])}}}'
    )


_quote = json.JSONEncoder(ensure_ascii=False).encode


def _exported(row: Row[Any]) -> str:
    entry = row._asdict()
    entry["detail"] = json.loads(entry["detail"])
    del entry["key"]
    return canonical(entry).decode()


def _decision(row: Mapping[str, Any]) -> Decision:
    fields = {name: row[name] for name in Decision.model_fields}
    return Decision(**fields | {"detail": json.loads(row["detail"])})


def _by_key(connection: Connection, key: str) -> Decision | None:
    row = connection.execute(select(decision).where(decision.c.key == key)).first()
    return None if row is None else _decision(row._asdict())


def _same(act: Act, earlier: Decision) -> None:
    if (act.act, act.patient, act.subject) != (earlier.act, earlier.patient, earlier.subject):
        raise Conflict(
            f"the key of this {act.act!r} is in the log as {earlier.act!r} on another subject",
            "one key for one act",
            "give the act a key of its own",
        )
