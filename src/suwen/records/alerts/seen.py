"""Alerts: what one person may see of them and do about them.

    alerts = Alerts(store, person, "treatment")
    for one in alerts.open():
        ...
    alerts.acknowledge(one.id, "acted")
    alerts.snooze(one.id, 15, "suction is under way")

Who looks is checked each time and logged once an opening. Every act stands in the decision log; a
reason in a person's own words is sealed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Row, func, select, update

from suwen.core.errors import BadInput, Conflict, NotFound
from suwen.core.nouns import Record
from suwen.records import acts, reading, remarks
from suwen.records.alert_tables import (
    alert,
    alert_page,
    alert_passed,
    alert_snooze,
    heartbeat,
    ward_place,
)
from suwen.records.alerts.rows import RED, Alert, Words, moment, read, words
from suwen.records.alerts.wards import Place, places
from suwen.records.gate import Gate, admit
from suwen.records.index import stamp
from suwen.records.people import Person

if TYPE_CHECKING:
    from suwen.records.store import Store

REASONS: Final[Mapping[str, bool | None]] = {
    "acted": True,
    "watching": True,
    "known": False,
    "artefact": False,
    "equipment": False,
    "limits": False,
    "ended": None,
    "other": None,
}
"""How an alert is settled, and whether it was right: somebody acted or watches more closely; known
and accepted, artefact, a sensor that fell off, limits that do not suit this patient; measuring was
ended on purpose; something else, in words."""
LONGEST: Final[Mapping[str, int]] = {RED: 30, "medium": 240, "low": 1440}
"""Minutes for which an alert may be silenced, by priority."""


@dataclass(frozen=True)
class Page:
    """Who was told of an alert, and whether it arrived."""

    alert: str
    person: str
    step: int
    state: str
    at: datetime


class Alerts:
    """The acts of one person on alerts, for one purpose.

    All methods raise `Denied` when the policy does not allow them; the denial is logged.
    """

    def __init__(self, store: Store, person: Person, purpose: str) -> None:
        admit(store, person, purpose)
        self.person = person
        self._store = store
        self._gate = Gate(store, person, purpose)
        self._logged: set[str] = set()

    def patients(self, where: str | None = None) -> dict[str, Place | None]:
        """Return the patients this person may read, with where they are; those of one ward."""
        with self._store.database.transaction(reading=True) as connection:
            names = self._gate.readable(connection)
            found = places(connection, self._store.vault, names)
        return {
            name: found.get(name)
            for name in names
            if where is None or (name in found and found[name].ward == where)
        }

    def open(self, patients: Sequence[str], since: datetime | None = None) -> list[Alert]:
        """Return the alerts of these patients that are not settled, the newest first.

        With `since` also the settled ones raised since. Patients this person may not read are left
        out.
        """
        now = datetime.now(UTC)
        with self._store.database.transaction(reading=True) as connection:
            allowed = set(self._gate.readable(connection))
            mine = [name for name in patients if name in allowed]
            found = read(connection, self._store.vault, mine, now, since=since)
        if fresh := [name for name in mine if name not in self._logged]:
            with self._gate.act("list", "", "Alert") as work:
                work.log(self._gate.entry("alerts-listed", "", "Alert", acts.many(fresh)))
            self._logged |= set(fresh)
        return found

    def find(self, name: str) -> Alert:
        """Return one alert.

        Raises
        ------
        NotFound
            No such alert, or not of a patient this person may read.
        """
        patient = self._row(name).patient
        ever = datetime(1970, 1, 1, tzinfo=UTC)
        for one in self.open([patient], ever):
            if one.id == name:
                return one
        raise NotFound("no such alert", "an alert of this store", "reload the page")

    def newest(self, type: str, patients: Sequence[str], code: str = "") -> dict[str, Record]:
        """Return the record stored last of a type (with a code) for each patient.

        A Finding is found by its task, where this person may read drafts.
        """
        with self._store.database.transaction(reading=True) as connection:
            allowed = set(self._gate.readable(connection))
            if type == "Finding":
                allowed -= self._gate.closed(connection, allowed)
            mine = sorted(allowed & set(patients))
            rows = reading.newest(connection, self._store.secrets, mine, type, code)
            keys = self._store.vault.patient_keys(connection, sorted({r.patient for r in rows}))
            return {
                row.patient: reading.opened(row, key)
                for row in rows
                if (key := keys.get(row.patient)) is not None
            }

    def pages(self, alerts: Sequence[str]) -> list[Page]:
        """Return who was told of these alerts, in the order of telling."""
        query = select(alert_page).where(alert_page.c.alert.in_(list(alerts)))
        with self._store.database.transaction(reading=True) as connection:
            rows = connection.execute(query.order_by(alert_page.c.at)).all()
        return [
            Page(row.alert, row.person, row.step, row.state, datetime.fromisoformat(row.at))
            for row in rows
        ]

    def words(self, alerts: Sequence[Alert]) -> Words:
        """Return what people wrote about alerts that this person was given."""
        with self._store.database.transaction(reading=True) as connection:
            return words(connection, self._store.vault, alerts)

    def name_of(self, person: str) -> str:
        """Return the name of who was told or did something; the id of somebody unknown."""
        try:
            return self._store.person(person).name
        except NotFound:
            return person

    def acknowledge(self, name: str, reason: str, comment: str = "") -> None:
        """Settle an alert: nobody is paged about it any more.

        The reason is a word of `REASONS`; with `other` a comment is asked for.

        Raises
        ------
        BadInput
            Another reason, or none in words.
        Conflict
            Somebody did so before.
        """
        if reason not in REASONS or (reason == "other" and len(comment.strip()) < 3):
            raise BadInput(
                "an alert cannot be acknowledged without its reason",
                f"one of {', '.join(REASONS)}; with other also some words",
                "say what it was",
            )
        row = self._row(name)
        now = datetime.now(UTC)
        with self._gate.act("decide", row.patient, f"Alert/{name}") as work:
            row = self._row(name, work.connection)
            if row.acknowledged is not None:
                raise Conflict(
                    f"{row.acknowledged_by} has acknowledged this alert already",
                    "an alert nobody has seen",
                    "reload the page",
                )
            over = row.cleared is not None or reason == "ended"
            work.connection.execute(
                update(alert)
                .where(alert.c.id == name)
                .values(
                    acknowledged=stamp(now),
                    acknowledged_by=self.person.id,
                    reason=reason,
                    settled=over,
                    cleared=row.cleared or (stamp(now) if reason == "ended" else None),
                )
            )
            detail = {"why": reason, "rule": row.rule} | ({"comment": comment} if comment else {})
            self._log(work, "alert-acknowledged", row, detail)

    def snooze(self, name: str, minutes: int, reason: str) -> datetime:
        """Page nobody about this rule and patient for a while; return until when.

        It holds over restarts and for the next alerts of the same rule as well.

        Raises
        ------
        BadInput
            Longer than the priority allows, or without a reason.
        """
        acts.check_reason(reason)
        row = self._row(name)
        longest = LONGEST.get(row.priority, LONGEST[RED])
        if not 1 <= minutes <= longest:
            raise BadInput(
                f"a {row.priority} alert cannot be silenced for {minutes} minutes",
                f"1 to {longest} minutes",
                "acknowledge it, or change the rule",
            )
        now = datetime.now(UTC)
        until = now + timedelta(minutes=minutes)
        with self._gate.act("decide", row.patient, f"Alert/{name}") as work:
            mine = (alert_snooze.c.patient == row.patient) & (alert_snooze.c.rule == row.rule)
            values = {"until": stamp(until), "by": self.person.id, "at": stamp(now)}
            done = work.connection.execute(update(alert_snooze).where(mine).values(**values))
            if not done.rowcount:
                names = {"patient": row.patient, "rule": row.rule}
                work.connection.execute(alert_snooze.insert(), values | names)
            detail = {"reason": reason, "rule": row.rule, "until": stamp(until)}
            self._log(work, "alert-snoozed", row, detail)
        return until

    def heartbeat(self, name: str) -> datetime | None:
        """Return when a watcher was last alive."""
        with self._store.database.transaction(reading=True) as connection:
            query = select(heartbeat.c.at).where(heartbeat.c.name == name)
            return moment(connection.execute(query).scalar())

    def count(self, where: str, since: datetime) -> tuple[int, int]:
        """Return how many alerts a ward had since, and how many patients lie there."""
        with self._store.database.transaction(reading=True) as connection:
            had = select(alert.c.id).where(alert.c.ward == where, alert.c.raised >= stamp(since))
            lie = select(ward_place.c.patient).where(ward_place.c.ward == where)
            return len(connection.execute(had).all()), len(connection.execute(lie).all())

    def passed(self, where: str | None, since: datetime) -> dict[str, int]:
        """Return how many readings no rule could use since a day, by reason; of all wards: None."""
        c = alert_passed.c
        query = select(c.reason, func.sum(c.count)).where(c.day >= f"{since:%Y-%m-%d}")
        if where is not None:
            query = query.where(c.ward == where)
        with self._store.database.transaction(reading=True) as connection:
            return {row[0]: int(row[1]) for row in connection.execute(query.group_by(c.reason))}

    def _row(self, name: str, connection: Connection | None = None) -> Row[Any]:
        query = select(alert).where(alert.c.id == name)
        if connection is not None:
            row = connection.execute(query.with_for_update()).first()
        else:
            with self._store.database.transaction(reading=True) as own:
                row = own.execute(query).first()
        if row is None:
            raise NotFound("no such alert", "an alert of this store", "reload the page")
        return row

    def _log(self, work: Any, act: str, row: Row[Any], detail: Mapping[str, Any]) -> None:
        key = self._store.vault.patient_key(work.connection, row.patient)
        kept = remarks.sealed(work.connection, key, self._store.secrets, detail)
        work.log(self._gate.entry(act, row.patient, f"Alert/{row.id}", kept))
