"""Who is told of an alert, and when: the ladder of its ward is climbed, pages are worked off.

A page is written in the transaction that makes it due, so that a kill loses none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Row, select, update

from suwen.records.alert_tables import alert, alert_page
from suwen.records.alerts.rows import ENGINE, RED, Alert, opened, snoozes
from suwen.records.alerts.wards import EVERYBODY, Place, Rung, places, wards
from suwen.records.index import stamp
from suwen.records.log import Act
from suwen.records.tables import care_team
from suwen.records.work import Work

if TYPE_CHECKING:
    from suwen.records.store import Store

PAGED_AFTER: Final[Mapping[str, float]] = {RED: 0.0, "medium": 300.0}
"""Seconds until the ladder begins, by priority; others stand on the board only."""
NO_LADDER: Final = (Rung(0, (EVERYBODY,)),)
"""Where a patient lies in no ward, or in one without a ladder: the care team at once."""
WAITING: Final = select(alert).where(
    alert.c.settled.is_(False), alert.c.acknowledged.is_(None), alert.c.cleared.is_(None)
)
TRIES: Final = (5, 15, 30, 60)
"""Seconds until a page that could not be sent is sent again; then it has failed."""


@dataclass(frozen=True)
class Page:
    """Somebody who is to be told of an alert, and where the patient is."""

    id: str
    person: str
    step: int
    tries: int
    alert: Alert
    place: Place | None


class Pages:
    """The pages of one store. Safe to share between threads and between processes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def escalate(self, now: datetime | None = None) -> int:
        """Page who is to be told by now; return how many pages were written."""
        now = now or datetime.now(UTC)
        with self._store.database.transaction(reading=True) as connection:
            ladder = _Ladder(connection, now)
            due = [row.id for row in connection.execute(WAITING) if ladder.due(row, row.step)]
        if not due:
            return 0
        with self._store.work() as work:
            query = WAITING.where(alert.c.id.in_(due)).with_for_update()
            return self.climb(work, work.connection.execute(query).all(), now)

    def climb(self, work: Work, rows: Sequence[Row[Any]], now: datetime) -> int:
        """Write who is to be told by now, in the caller's transaction; return how many pages."""
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
                work.log(act_of("alert-escalated", row.patient, row.id, detail))
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
                work.log(act_of("alert-paged", page.alert.patient, page.alert.id, detail))


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


def act_of(act: str, patient: str, name: str, detail: Mapping[str, Any]) -> Act:
    """Return what the engine did, for the decision log."""
    return Act(ENGINE, act, patient, f"Alert/{name}", "treatment", json.loads(json.dumps(detail)))
