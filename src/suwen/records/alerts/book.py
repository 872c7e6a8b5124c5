"""The alarm engine's book: alerts begin and end; who is told of them stands in its `pages`.

These are the house's own acts: nobody signs in for them, each stands in the decision log under the
engine's name. What is to be told is written in the transaction of the alert itself, so that a kill
between the two loses no page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Row, func, select, update

from suwen.core.errors import KeyUnavailable, NotFound
from suwen.core.nouns import canonical
from suwen.records import house, remarks
from suwen.records.alert_tables import alert, alert_passed, heartbeat, ward_place
from suwen.records.alerts.pages import WAITING, Pages, act_of
from suwen.records.alerts.rows import ENGINE, RED, Alert, opened
from suwen.records.alerts.rulebook import Enabled, enabled
from suwen.records.alerts.wards import Ward, wards
from suwen.records.index import stamp
from suwen.records.log import Act
from suwen.records.work import Work

if TYPE_CHECKING:
    from suwen.records.store import Store

NO_DATA: Final = "no-data"
"""Begins the key of the watchdog's alerts."""
CHECK: Final = "check"
"""Begins the key of notices about devices."""
CHANGING: Final = (NO_DATA, CHECK, "asystole", "ventricular-tachycardia")
"""Alerts that are told again while they stand."""


@dataclass(frozen=True)
class Begun:
    """What the engine says when a condition begins.

    Parameters
    ----------
    at
        Time of the reading that did it.
    content
        What was measured; kept sealed.
    """

    patient: str
    rule: str
    fingerprint: str
    priority: str
    at: datetime
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Ended:
    """What the engine says when a condition is over."""

    patient: str
    rule: str


class AlertBook:
    """What the engine writes. Safe to share between threads and between processes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.pages = Pages(store)

    def rules(self) -> list[Enabled]:
        """Return every rule that is enabled."""
        with self._store.database.transaction(reading=True) as connection:
            own = house.find(connection, self._store.secrets)
            return enabled(connection, self._store.vault, own)

    def wards(self) -> tuple[dict[str, Ward], dict[str, str]]:
        """Return the wards by id, and the ward of each patient who lies in one."""
        with self._store.database.transaction(reading=True) as connection:
            rows = connection.execute(select(ward_place.c.patient, ward_place.c.ward)).all()
            return {one.id: one for one in wards(connection)}, {row[0]: row[1] for row in rows}

    def unsettled(self) -> list[Alert]:
        """Return the alerts whose condition still stands, or red ones nobody has seen."""
        with self._store.database.transaction(reading=True) as connection:
            rows = connection.execute(select(alert).where(alert.c.settled.is_(False))).all()
            return opened(connection, self._store.vault, rows, {})

    def over_since(self, since: datetime) -> list[Alert]:
        """Return the alerts whose condition ended since."""
        query = select(alert).where(alert.c.cleared >= stamp(since))
        with self._store.database.transaction(reading=True) as connection:
            return opened(connection, self._store.vault, connection.execute(query).all(), {})

    def ended(self) -> dict[tuple[str, str], datetime]:
        """Return when measuring was ended on purpose last, by patient and rule of the watchdog."""
        query = select(alert.c.patient, alert.c.rule, func.max(alert.c.acknowledged))
        query = query.where(alert.c.reason == "ended").group_by(alert.c.patient, alert.c.rule)
        with self._store.database.transaction(reading=True) as connection:
            rows = connection.execute(query).all()
        return {(row[0], row[1]): datetime.fromisoformat(str(row[2])) for row in rows}

    def note(
        self, begun: Sequence[Begun], ended: Sequence[Ended], now: datetime | None = None
    ) -> list[str]:
        """Write that conditions began and ended, in one transaction; return ids of new alerts.

        One alert stands for each patient and rule: a condition that stands begins no second one.
        Who is to be told at once is written with it.
        """
        now = now or datetime.now(UTC)
        made: list[str] = []
        with self._store.work() as work:
            for one in begun:
                if name := self._begin(work, one, now):
                    made.append(name)
            for over in ended:
                _end(work, over, now)
            if made:
                query = WAITING.where(alert.c.id.in_(made))
                self.pages.climb(work, work.connection.execute(query).all(), now)
        return made

    def _begin(self, work: Work, one: Begun, now: datetime) -> str:
        connection = work.connection
        try:
            key = self._store.vault.patient_key(connection, one.patient, lock=True)
        except (KeyUnavailable, NotFound):
            return ""
        text = canonical(one.content).decode()
        if standing := _standing(connection, one.patient, one.rule):
            if one.rule.startswith(CHANGING):  # more channels fell silent, or a notice rose
                self._change(
                    work, standing[0], one, remarks.keep(connection, key, self._store.secrets, text)
                )
            return ""
        place = select(ward_place.c.ward).where(ward_place.c.patient == one.patient)
        name = self._store.secrets.new_id()
        connection.execute(
            alert.insert().values(
                id=name,
                patient=one.patient,
                ward=str(connection.execute(place).scalar() or ""),
                rule=one.rule,
                fingerprint=one.fingerprint,
                priority=one.priority,
                at=stamp(one.at),
                raised=stamp(now),
                step=0,
                settled=False,
                content=remarks.keep(connection, key, self._store.secrets, text),
            )
        )
        detail = {"rule": one.rule, "fingerprint": one.fingerprint, "priority": one.priority}
        work.log(act_of("alert-raised", one.patient, name, detail | {"at": stamp(one.at)}))
        return name

    def _change(self, work: Work, standing: Row[Any], one: Begun, name: str) -> None:
        """Let a standing alert say what is said of it now; a priority that rises is logged."""
        same, values = alert.c.id == standing.id, {"content": name, "priority": one.priority}
        work.connection.execute(update(alert).where(same).values(**values))
        if one.priority != standing.priority:
            detail = {"rule": one.rule, "priority": one.priority, "was": standing.priority}
            work.log(act_of("alert-changed", one.patient, standing.id, detail))

    def passed(self, counts: Mapping[tuple[str, str], int], now: datetime | None = None) -> None:
        """Add to today's counts of readings no rule could use, by ward and reason."""
        day, c = f"{now or datetime.now(UTC):%Y-%m-%d}", alert_passed.c
        with self._store.database.transaction() as connection:
            for (where, reason), count in counts.items():
                mine = (c.day == day) & (c.ward == where) & (c.reason == reason)
                more = update(alert_passed).where(mine).values(count=c.count + count)
                if not connection.execute(more).rowcount:
                    row = {"day": day, "ward": where, "reason": reason, "count": count}
                    connection.execute(alert_passed.insert().values(**row))

    def raised_since(self, since: datetime) -> dict[str, int]:
        """Return how many alerts each ward had since."""
        query = select(alert.c.ward, func.count()).where(alert.c.raised >= stamp(since))
        with self._store.database.transaction(reading=True) as connection:
            return {row[0]: int(row[1]) for row in connection.execute(query.group_by(alert.c.ward))}

    def over_budget(self, where: str, day: str, alerts: int, patients: int) -> None:
        """Log that a ward had more alerts than it set itself, once a day."""
        detail = {"ward": where, "alerts": alerts, "patients": patients, "day": day}
        key = f"alert-budget|{where}|{day}"
        with self._store.work() as work:
            work.log(
                Act(ENGINE, "alert-budget-exceeded", "", f"Ward/{where}", "treatment", detail, key)
            )

    def beat(self, name: str, now: datetime | None = None) -> None:
        """Write that a watcher is alive."""
        text = stamp(now or datetime.now(UTC))
        with self._store.database.transaction() as connection:
            mine = heartbeat.c.name == name
            done = connection.execute(update(heartbeat).where(mine).values(at=text))
            if not done.rowcount:
                connection.execute(heartbeat.insert().values(name=name, at=text))

    def last_beat(self, name: str) -> datetime | None:
        """Return when a watcher was last alive."""
        with self._store.database.transaction(reading=True) as connection:
            query = select(heartbeat.c.at).where(heartbeat.c.name == name)
            text = connection.execute(query).scalar()
        return None if text is None else datetime.fromisoformat(str(text))


def _end(work: Work, over: Ended, now: datetime) -> None:
    for row in _standing(work.connection, over.patient, over.rule):
        seen = row.acknowledged is not None or row.priority != RED
        work.connection.execute(
            update(alert).where(alert.c.id == row.id).values(cleared=stamp(now), settled=seen)
        )
        work.log(act_of("alert-cleared", row.patient, row.id, {"rule": row.rule}))


def _standing(connection: Connection, patient: str, rule: str) -> Sequence[Row[Any]]:
    query = select(alert).where(
        alert.c.patient == patient, alert.c.rule == rule, alert.c.cleared.is_(None)
    )
    return connection.execute(query).all()
