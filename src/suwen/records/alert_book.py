"""The alarm engine's book: alerts begin and end, climb the ladder, and are worked off as pages.

These are the house's own acts: nobody signs in for them, each stands in the decision log under the
engine's name. What is to be told is written in the transaction of the alert itself, so that a kill
between the two loses no page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Row, func, select, update

from suwen.core.errors import KeyUnavailable, NotFound
from suwen.core.nouns import canonical
from suwen.records import house, remarks
from suwen.records.alert_rows import ENGINE, RED, Alert, opened, snoozes
from suwen.records.alert_rulebook import Enabled, enabled
from suwen.records.alert_tables import alert, alert_page, alert_passed, heartbeat, ward_place
from suwen.records.index import stamp
from suwen.records.log import Act
from suwen.records.tables import care_team
from suwen.records.wards import EVERYBODY, Place, Rung, Ward, places, wards
from suwen.records.work import Work

if TYPE_CHECKING:
    from suwen.records.store import Store

NO_DATA: Final = "no-data"
"""Begins the key of the watchdog's alerts."""
CHECK: Final = "check"
"""Begins the key of notices about devices."""
CHANGING: Final = (NO_DATA, CHECK, "asystole", "ventricular-tachycardia")
"""Alerts that are told again while they stand."""
PAGED_AFTER: Final[Mapping[str, float]] = {RED: 0.0, "medium": 300.0}
"""Seconds until the ladder begins, by priority; others stand on the board only."""
NO_LADDER: Final = (Rung(0, (EVERYBODY,)),)
"""Where a patient lies in no ward, or in one without a ladder: the care team at once."""
_WAITING: Final = select(alert).where(
    alert.c.settled.is_(False), alert.c.acknowledged.is_(None), alert.c.cleared.is_(None)
)
TRIES: Final = (5, 15, 30, 60)
"""Seconds until a page that could not be sent is sent again; then it has failed."""


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


@dataclass(frozen=True)
class Page:
    """Somebody who is to be told of an alert, and where the patient is."""

    id: str
    person: str
    step: int
    tries: int
    alert: Alert
    place: Place | None


class AlertBook:
    """What the engine writes. Safe to share between threads and between processes."""

    def __init__(self, store: Store) -> None:
        self._store = store

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
                query = _WAITING.where(alert.c.id.in_(made))
                self._climb(work, work.connection.execute(query).all(), now)
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
        work.log(_act("alert-raised", one.patient, name, detail | {"at": stamp(one.at)}))
        return name

    def _change(self, work: Work, standing: Row[Any], one: Begun, name: str) -> None:
        """Let a standing alert say what is said of it now; a priority that rises is logged."""
        same, values = alert.c.id == standing.id, {"content": name, "priority": one.priority}
        work.connection.execute(update(alert).where(same).values(**values))
        if one.priority != standing.priority:
            detail = {"rule": one.rule, "priority": one.priority, "was": standing.priority}
            work.log(_act("alert-changed", one.patient, standing.id, detail))

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

    def escalate(self, now: datetime | None = None) -> int:
        """Page who is to be told by now; return how many pages were written."""
        now = now or datetime.now(UTC)
        with self._store.database.transaction(reading=True) as connection:
            ladder = _Ladder(connection, now)
            due = [row.id for row in connection.execute(_WAITING) if ladder.due(row, row.step)]
        if not due:
            return 0
        with self._store.work() as work:
            query = _WAITING.where(alert.c.id.in_(due)).with_for_update()
            return self._climb(work, work.connection.execute(query).all(), now)

    def _climb(self, work: Work, rows: Sequence[Row[Any]], now: datetime) -> int:
        written, ladder = 0, _Ladder(work.connection, now)
        for row in rows:
            step = row.step
            while ladder.due(row, step):
                persons = ladder.persons(row, step)
                step += 1
                new_id = self._store.secrets.new_id
                pages = [_page(new_id(), row, person, step, now) for person in persons]
                if pages:
                    work.connection.execute(alert_page.insert(), pages)
                written += len(pages)
                detail = {"step": step, "to": persons, "rule": row.rule}
                work.log(_act("alert-escalated", row.patient, row.id, detail))
            if step != row.step:
                work.connection.execute(update(alert).where(alert.c.id == row.id).values(step=step))
        return written

    def waiting(self, now: datetime | None = None) -> list[Page]:
        """Return the pages to be sent now, the red first; those no longer needed are dropped."""
        now = now or datetime.now(UTC)
        query = select(alert_page).where(
            alert_page.c.state == "waiting", alert_page.c.due <= stamp(now)
        )
        with self._store.database.transaction(reading=True) as connection:
            pages = connection.execute(query.order_by(alert_page.c.at)).all()
            names = sorted({page.alert for page in pages})
            if not names:
                return []
            rows = connection.execute(select(alert).where(alert.c.id.in_(names))).all()
            found = {one.id: one for one in opened(connection, self._store.vault, rows, {})}
            where = places(connection, self._store.vault, sorted({r.patient for r in rows}))
        return sorted(
            (
                Page(p.id, p.person, p.step, p.tries, found[p.alert], where.get(p.patient))
                for p in pages
                if p.alert in found
            ),
            key=lambda page: page.alert.priority != RED,
        )

    def told(self, page: Page, state: str, now: datetime | None = None) -> None:
        """Write what became of a page: `sent`, `dropped`, or `failed` (tried again at first)."""
        now = now or datetime.now(UTC)
        values: dict[str, Any] = {"state": state, "tries": page.tries + 1, "at": stamp(now)}
        if state == "failed" and page.tries < len(TRIES):
            due = now + timedelta(seconds=TRIES[page.tries])
            values |= {"state": "waiting", "due": stamp(due)}
        with self._store.work() as work:
            work.connection.execute(
                update(alert_page).where(alert_page.c.id == page.id).values(**values)
            )
            if values["state"] != "waiting":
                detail = {"to": page.person, "step": page.step, "state": state}
                work.log(_act("alert-paged", page.alert.patient, page.alert.id, detail))

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


class _Ladder:
    """Who is to be told next, as the tables stand at a moment."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._wards = {one.id: one for one in wards(connection)}
        self._snoozes = snoozes(connection)

    def due(self, row: Row[Any], step: int) -> bool:
        """Whether the rung after `step` is due: by the clock, or because nobody was reached."""
        ladder = self._ladder(row)
        if step >= len(ladder) or row.priority not in PAGED_AFTER:
            return False
        start = datetime.fromisoformat(row.raised)
        if (snooze := self._snoozes.get((row.patient, row.rule))) is not None:
            start = max(start, datetime.fromisoformat(snooze.until))
        if self._now < start:
            return False
        wait = PAGED_AFTER[row.priority] + ladder[step].after_s
        return self._now >= start + timedelta(seconds=wait) or self._unreached(row.id, step)

    def _ladder(self, row: Row[Any]) -> tuple[Rung, ...]:
        where = self._wards.get(row.ward)
        return where.ladder if where is not None and where.ladder else NO_LADDER

    def _unreached(self, name: str, step: int) -> bool:
        query = select(alert_page.c.state).where(
            alert_page.c.alert == name, alert_page.c.step == step
        )
        return step > 0 and set(self._connection.execute(query).scalars()) <= {"failed"}

    def persons(self, row: Row[Any], step: int) -> list[str]:
        """Return who stands on a rung; everybody is the whole ladder and the care team."""
        ladder, found = self._ladder(row), dict[str, None]()
        for person in ladder[step].to:
            if person != EVERYBODY:
                found[person] = None
                continue
            for rung in ladder:
                found |= dict.fromkeys(one for one in rung.to if one != EVERYBODY)
            team = select(care_team.c.person).where(care_team.c.patient == row.patient)
            team = team.order_by(care_team.c.person)
            found |= dict.fromkeys(self._connection.execute(team).scalars())
        return list(found)


def _end(work: Work, over: Ended, now: datetime) -> None:
    for row in _standing(work.connection, over.patient, over.rule):
        seen = row.acknowledged is not None or row.priority != RED
        work.connection.execute(
            update(alert).where(alert.c.id == row.id).values(cleared=stamp(now), settled=seen)
        )
        work.log(_act("alert-cleared", row.patient, row.id, {"rule": row.rule}))


def _page(name: str, row: Row[Any], person: str, step: int, now: datetime) -> dict[str, Any]:
    return {
        "id": name,
        "alert": row.id,
        "patient": row.patient,
        "person": person,
        "step": step,
        "state": "waiting",
        "tries": 0,
        "due": stamp(now),
        "at": stamp(now),
    }


def _standing(connection: Connection, patient: str, rule: str) -> Sequence[Row[Any]]:
    query = select(alert).where(
        alert.c.patient == patient, alert.c.rule == rule, alert.c.cleared.is_(None)
    )
    return connection.execute(query).all()


def _act(act: str, patient: str, name: str, detail: Mapping[str, Any]) -> Act:
    return Act(ENGINE, act, patient, f"Alert/{name}", "treatment", json.loads(json.dumps(detail)))
