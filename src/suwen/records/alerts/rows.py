"""An alert as it stands, and how rows of the tables are read: for persons and for the engine."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import Connection, Row, Select, select

from suwen.records import remarks
from suwen.records.alert_tables import alert, alert_snooze
from suwen.records.index import stamp
from suwen.records.tables import decision
from suwen.records.vault import Vault

CHUNK: Final = 400
ENGINE: Final = "suwen.alerts"
"""Stands in the decision log for what the engine does; nobody signs in by it."""
RED: Final = "high"
State = Literal["raised", "escalated", "snoozed", "acknowledged", "cleared"]


@dataclass(frozen=True)
class Alert:
    """An alert and everything that was done about it.

    Parameters
    ----------
    rule, fingerprint, priority
        Of the rule that raised it; `no-data...` for the watchdog's.
    at, raised
        Time of the reading that raised it, and when that became known here.
    step
        Rungs of the ladder that were paged.
    reason
        Why or how somebody settled it, a word of `records.alerts.seen.REASONS`.
    cleared
        When the condition was over.
    snoozed_until
        While this lies ahead nobody is paged.
    content
        What was measured: name of the rule, value, unit, last readings.
    """

    id: str
    patient: str
    ward: str
    rule: str
    fingerprint: str
    priority: str
    at: datetime
    raised: datetime
    step: int
    acknowledged: datetime | None
    acknowledged_by: str
    reason: str
    cleared: datetime | None
    snoozed_until: datetime | None = None
    content: Mapping[str, Any] = field(default_factory=dict)

    def state(self, now: datetime) -> State:
        """Return where it stands."""
        if self.acknowledged is not None:
            return "cleared" if self.cleared is not None else "acknowledged"
        if self.cleared is not None and self.priority != RED:
            return "cleared"
        if self.snoozed_until is not None and now < self.snoozed_until:
            return "snoozed"
        return "escalated" if self.step > 1 else "raised"


class Words(NamedTuple):
    """What people wrote about alerts: when settling one, by its id; when silencing a rule of a
    patient, by both, with who did.
    """

    settled: Mapping[str, str]
    silenced: Mapping[tuple[str, str], tuple[str, str]]


def moment(text: str | None) -> datetime | None:
    """Return a stored time."""
    return None if text is None else datetime.fromisoformat(text)


def in_parts(query: Select[Any], column: Any, names: Sequence[str]) -> Iterable[Select[Any]]:
    """Yield the query for so many names at a time as a database takes."""
    for start in range(0, len(names), CHUNK):
        yield query.where(column.in_(names[start : start + CHUNK]))


def snoozes(connection: Connection, now: datetime | None = None) -> dict[tuple[str, str], Row[Any]]:
    """Return the snoozes that hold at a moment (None: all that ever did), by patient and rule."""
    query = select(alert_snooze)
    if now is not None:
        query = query.where(alert_snooze.c.until > stamp(now))
    return {(row.patient, row.rule): row for row in connection.execute(query)}


def read(
    connection: Connection,
    vault: Vault,
    patients: Sequence[str],
    now: datetime,
    *,
    since: datetime | None = None,
) -> list[Alert]:
    """Return the alerts of patients, the newest first: those not settled.

    With `since` also the settled ones raised since. Patients whose key was destroyed are left out.
    """
    query = select(alert)
    open_ones = alert.c.settled.is_(False)
    query = query.where(
        open_ones if since is None else open_ones | (alert.c.raised >= stamp(since))
    )
    rows = [
        row
        for part in in_parts(query, alert.c.patient, patients)
        for row in connection.execute(part)
    ]
    return opened(connection, vault, rows, snoozes(connection, now))


def opened(
    connection: Connection,
    vault: Vault,
    rows: Sequence[Row[Any]],
    held: Mapping[tuple[str, str], Row[Any]],
) -> list[Alert]:
    """Return rows with what was measured in the clear, the newest first."""
    contents = texts(connection, vault, rows)
    found = [
        _alert(row, held.get((row.patient, row.rule)), json.loads(contents[row.content]))
        for row in rows
        if row.content in contents
    ]
    return sorted(found, key=lambda one: (one.raised, one.id), reverse=True)


def texts(connection: Connection, vault: Vault, rows: Collection[Row[Any]]) -> dict[str, str]:
    """Return the sealed contents of rows (`patient` or `owner`, `content`) by their name."""
    owners = {getattr(row, "patient", None) or row.owner for row in rows}
    keys = vault.patient_keys(connection, sorted(owners))
    return remarks.texts_of(connection, keys, {row.content for row in rows})


def words(connection: Connection, vault: Vault, alerts: Sequence[Alert]) -> Words:
    """Return what people wrote about these alerts, in the clear; the last word counts."""
    mine, patients = {f"Alert/{one.id}": one.id for one in alerts}, {one.patient for one in alerts}
    query = select(decision).where(decision.c.act.in_(("alert-acknowledged", "alert-snoozed")))
    entries = [
        (row, json.loads(row.detail))
        for part in in_parts(query, decision.c.patient, sorted(patients))
        for row in connection.execute(part.order_by(decision.c.sequence))
    ]
    written = [
        (row, detail, detail.get("comment") or detail.get("reason")) for row, detail in entries
    ]
    names = {text["remark"] for _, _, text in written if text}
    texts = remarks.texts_of(connection, vault.patient_keys(connection, sorted(patients)), names)
    settled, silenced = {}, {}
    for row, detail, text in written:
        said = texts.get(text["remark"], "") if text else ""
        if row.act == "alert-snoozed":
            silenced[row.patient, detail["rule"]] = row.person, said
        elif row.subject in mine:
            settled[mine[row.subject]] = said
    return Words(settled, silenced)


def _alert(row: Row[Any], held: Row[Any] | None, content: Mapping[str, Any]) -> Alert:
    return Alert(
        id=row.id,
        patient=row.patient,
        ward=row.ward,
        rule=row.rule,
        fingerprint=row.fingerprint,
        priority=row.priority,
        at=datetime.fromisoformat(row.at),
        raised=datetime.fromisoformat(row.raised),
        step=row.step,
        acknowledged=moment(row.acknowledged),
        acknowledged_by=row.acknowledged_by or "",
        reason=row.reason or "",
        cleared=moment(row.cleared),
        snoozed_until=None if held is None else datetime.fromisoformat(held.until),
        content=content,
    )
