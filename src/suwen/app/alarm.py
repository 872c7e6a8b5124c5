"""The alarm engine: readings in, alerts into the book, pages out, and a heartbeat while it lives.

Two threads. One takes what was stored, lets the rules and the watchdog look at it, writes what
began and ended, and beats only after a whole round: an engine that is stuck has no pulse. The other
sends pages, so that a slow address delays no alert.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final

import structlog

from suwen.app.arrhythmia import ALARMS, Doubted
from suwen.app.paging import Pager
from suwen.core.errors import SuwenError
from suwen.core.streams import Channel, Stretch, ticks
from suwen.gateway.notifier import Notifier
from suwen.health.alerts.lateness import CLOCK, late
from suwen.health.alerts.notices import CHECK
from suwen.health.alerts.rules import Rule
from suwen.health.alerts.watch import Ruled, Said, Watch
from suwen.health.alerts.watchdog import NO_DATA, Heard, key_of, times
from suwen.records import Store
from suwen.records.alerts.book import AlertBook, Begun, Ended
from suwen.records.alerts.rows import Alert
from suwen.records.streams.tap import Tap

HEARTBEAT: Final = "alerts"
ROUND_S: Final = 0.2
"""Longest wait for readings before silence and ladders are looked at."""
TAP_S: Final = 0.3
"""How often the store is asked for what other processes stored."""
CLIMB_S: Final = 1.0
"""How often it is looked at who is to be told next."""
RELOAD_S: Final = 2.0
"""How often rules and wards are read again: a rule is in force so soon after it was enabled."""
MOST_WAITING: Final = 20_000
"""Commits that may wait; then whoever stores readings waits with them, and nothing is lost."""
Taken = tuple[str, Sequence[Stretch], int]
Clock = Callable[[], datetime]


class Alarm:
    """One engine on one store. `take` may be called from any thread."""

    def __init__(self, store: Store, notifier: Notifier, clock: Clock | None = None) -> None:
        self.book = AlertBook(store)
        self.watch = Watch()
        self._store = store
        self._pager = Pager(store, notifier)
        self._now = clock or (lambda: datetime.now(UTC))
        self._tap = Tap(store)
        self._doubted = Doubted(self._tap)
        self._tapped = -float("inf")
        self._taken: queue.Queue[Taken] = queue.Queue(MOST_WAITING)
        self._unwritten: list[Said] = []
        self._loaded = self._beaten = self._climbed = -float("inf")
        self._stop = threading.Event()
        self._to_page = threading.Event()
        self._threads: list[threading.Thread] = []
        self._log = structlog.get_logger("suwen.alerts")

    def take(self, patient: str, stretches: Sequence[Stretch]) -> None:
        """Take what was stored of a patient; the listener of the streams' door."""
        self._taken.put((patient, stretches, ticks(self._now())))

    def start(self) -> None:
        """Go on with what stood before, then watch until `close`."""
        self._pager.warm()
        self.reload()
        self.resume()
        for work in (self._watching, self._paging):
            thread = threading.Thread(target=work, name=f"suwen-{work.__name__}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """Stop both threads; what was taken is looked at first."""
        self._stop.set()
        self._to_page.set()
        for thread in self._threads:
            thread.join(10)
        self._threads.clear()

    def resume(self) -> None:
        """Take up channels and alerts as they stand; alerts whose rule is gone are over.

        Readings are looked at again from so far back that a run which was under way is complete;
        what was raised by them before is not raised again.
        """
        ended, since = self.book.ended(), self._left_off()
        for known in self._tap.begin(None if since is None else ticks(since)):
            if not known.sends:
                continue
            heard = Heard(known.received, known.at)
            until = ended.get((known.patient, key_of(known.channel.device)))
            if until is None or ticks(until) < known.received:
                self.watch.dog.resume(known.patient, known.channel, heard)
        for one in self.book.over_since(since) if since else ():
            if one.cleared is not None:
                self.watch.settled(one.patient, one.rule, ticks(one.cleared))
        over = [
            Ended(one.patient, one.rule)
            for one in self.book.unsettled()
            if one.cleared is None and not self._resumed(one)
        ]
        if over:
            self.book.note([], over, self._now())

    def _resumed(self, one: Alert) -> bool:
        """Go on with an alert that stands; False where its rule is gone."""
        at = ticks(one.at)
        if one.rule.startswith(NO_DATA):
            for parts in one.content["channels"]:
                self.watch.dog.silent(one.patient, Channel(*parts), at)
            return True
        channel = Channel(*one.content["channel"])
        self._doubted.resume(one.patient, one.rule, one.priority, one.at, one.content)
        if one.rule.startswith(CLOCK):
            self.watch.clocks.resume(one.patient, channel, at)
            return True
        if one.rule.startswith(CHECK):
            self.watch.notices.resume(one.patient, channel, at, one.priority)
            return True
        return self.watch.resume(one.patient, one.rule, channel, at)

    def _left_off(self) -> datetime | None:
        """Return from when on readings are looked at; not before what is history by now."""
        beaten = self.book.last_beat(HEARTBEAT)
        if beaten is None:
            return None
        last = max(beaten, self._now() - timedelta(microseconds=late()))
        return last - self.watch.longest_run

    def reload(self) -> None:
        """Read rules and wards again."""
        wards, patients = self.book.wards()
        rules = [
            Ruled(Rule.model_validate(one.content), one.scope.patient, one.scope.ward)
            for one in self.book.rules()
        ]
        silence = {name: ward.silence for name, ward in wards.items() if ward.silence}
        self._unwritten += self._checked(self.watch.change(rules, patients, silence))
        day = self._now() - timedelta(days=1)
        lying = list(patients.values())
        for name, had in self.book.raised_since(day).items():
            ward, count = wards.get(name), max(1, lying.count(name))
            if ward is not None and ward.budget is not None and had > ward.budget * count:
                self.book.over_budget(name, f"{self._now():%Y-%m-%d}", had, count)

    def round(self, wait: float = 0.0) -> list[str]:
        """Look at what was taken and at the clock once; return ids of new alerts."""
        for patient, stretches, received in _drained(self._taken, wait):
            self._tap.seen(patient, stretches)
            self._unwritten += self._checked(self.watch.take(patient, stretches, received))
        now, passed = self._now(), time.monotonic()
        if passed - self._tapped >= TAP_S:
            for moved in self._tap.fresh(self.watch.history):
                said = self.watch.take(
                    moved.patient, [moved.stretch], moved.received, sends=moved.sends
                )
                self._unwritten += self._checked(said)
            self._tapped = passed
        self._unwritten += self._doubted.again(ticks(now), list(self.watch.dog.channels))
        self._unwritten += self.watch.check(ticks(now))
        made = self._write(now)
        if passed - self._climbed >= CLIMB_S:
            self._climbed = passed
            self.book.pages.escalate(now)
            self._to_page.set()
        if made:
            self._to_page.set()
        if passed - self._loaded >= RELOAD_S:
            self.reload()
            self._loaded = passed
        if passed - self._beaten >= float(times()["beat_s"]):
            self.book.beat(HEARTBEAT, now)
            if self.watch.passed_over:
                self.book.passed(self.watch.passed_over, now)
                self.watch.passed_over.clear()
            self._beaten = passed
        return made

    def _checked(self, said: list[Said]) -> list[Said]:
        """Hold arrhythmia alarms of monitors against the waves around them."""
        if not any(one.rule in ALARMS for one in said):
            return said
        return self._doubted.checked(said, list(self.watch.dog.channels))

    def _write(self, now: datetime) -> list[str]:
        """Write what began and what ended, in the order it was said."""
        made: list[str] = []
        while self._unwritten:
            kind, alike = next(groupby(self._unwritten, attrgetter("kind")))
            part = list(alike)
            if kind == "raised":
                made += self.book.note([_begun(one) for one in part], [], now)
            else:
                self.book.note([], [Ended(one.patient, one.rule) for one in part], now)
            del self._unwritten[: len(part)]
        return made

    def _watching(self) -> None:
        while not (self._stop.is_set() and self._taken.empty()):
            if not self._tried(lambda: self.round(ROUND_S)):
                # what was said stays unwritten and is written in the next round; no beat until then
                self._stop.wait(ROUND_S)
                if self._stop.is_set():
                    return

    def _paging(self) -> None:
        while not self._stop.is_set():
            self._to_page.wait(2.0)
            self._to_page.clear()
            self._tried(self.page)

    def _tried(self, work: Callable[[], object]) -> bool:
        """Do it, and go on whatever happens: a watch that ends for one reading is none."""
        try:
            work()
        except SuwenError as error:
            self._log.error("alarm round failed", code=error.code)
        except Exception as error:  # noqa: BLE001  no trace, no content
            self._log.error("alarm round failed", kind=type(error).__name__)
        else:
            return True
        return False

    def page(self) -> int:
        """Send the pages that wait; return how many were tried."""
        pages = self.book.pages.waiting(self._now())
        for one in pages:
            self.book.pages.told(one, self._pager.send(one), self._now())
        return len(pages)


def _drained(taken: queue.Queue[Taken], wait: float) -> list[Taken]:
    """Return what waits; where nothing does, what comes within `wait` seconds."""
    found: list[Taken] = []
    try:
        found.append(taken.get(timeout=wait) if wait else taken.get_nowait())
        while len(found) < MOST_WAITING:
            found.append(taken.get_nowait())
    except queue.Empty:
        pass
    return found


def _begun(said: Said) -> Begun:
    return Begun(said.patient, said.rule, said.fingerprint, said.priority, said.at, said.content)
