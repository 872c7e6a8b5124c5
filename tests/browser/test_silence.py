"""A monitor falls silent while people look at the board: it says so in the set time.

The alarm engine runs as it does beside the server, and a device sends twice a second; a desk in
English and a phone in Chinese follow the same stream.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bay_scene
import pytest
import scene
from window import MARKS, Desk, served

from suwen.app.alarm import Alarm
from suwen.core.nouns import Band
from suwen.core.streams import Channel, Reading
from suwen.gateway.notifier import Notifier
from suwen.records.alerts.seen import Alerts
from suwen.records.alerts.wards import Ward, Wards
from suwen.records.streams.devices import Devices
from suwen.records.streams.seen import Streams, gathered
from suwen.server.app import create_app

pytestmark = MARKS
SET_S = 2.0
"""Seconds of silence that are an alert in this ward."""
NOTICED_S = 2.0
"""Longest that the engine takes beyond that."""
TOLD_S = 8.0
"""Longest until a screen shows it: a look at the ward every 2 s, on a machine that is busy."""
CHANNELS = {"8867-4": ("/min", 76.0), "59408-5": ("%", 97.0)}
NO_DATA = {"en": "No data", "zh": "无数据"}
EXPIRED = {"en": "expired", "zh": "已过期"}


class Monitor:
    """A device that sends twice a second until it is unplugged."""

    def __init__(self, streams: Streams, patient: str) -> None:
        self._streams, self._patient = streams, patient
        self._unplugged = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def plug(self) -> None:
        self._unplugged.clear()
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def unplug(self) -> float:
        """Stop, and return when the last reading was sent."""
        self._unplugged.set()
        self._thread.join()
        return time.monotonic()

    def _send(self) -> None:
        while not self._unplugged.wait(0.5):
            now = datetime.now(UTC)
            said = [
                Reading(Channel(code, unit, "monitor"), now, value)
                for code, (unit, value) in CHANNELS.items()
            ]
            self._streams.put(self._patient, gathered(said))


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[scene.Clinic]:
    made = scene.open_clinic(tmp_path / "home")
    made.patient = scene.admit(made, "Zhao, Min", "1994-12-05")
    Devices(made.store, scene.CLINICIAN, "treatment").add("monitor", made.patient)
    wards = Wards(made.store, scene.CLINICIAN, "treatment")
    wards.define(Ward("icu", "ICU", silence=dict.fromkeys(CHANNELS, SET_S)))
    wards.place(made.patient, "icu", "4")
    hours = datetime.now(UTC) + timedelta(hours=12)
    bay_scene.scored(made, made.patient, 1, Band.RULE_OUT, hours)
    yield made
    made.store.close()


@pytest.fixture
def desks(clinic: scene.Clinic, browser: Any) -> Iterator[list[Desk]]:
    alarm = Alarm(clinic.store, Notifier())
    alarm.start()
    with served(create_app(clinic.store, clinic.settings, clinic.jobs, clinic.run)) as base:
        made = [Desk(browser, base, "en", "desktop"), Desk(browser, base, "zh", "phone")]
        for one in made:
            one.page.set_default_timeout(60_000)
            one.sign_in()
        yield made
        for one in made:
            assert one.complaints == []
            one.close()
    alarm.close()


def test_the_board_says_no_data_in_the_set_time_and_nothing_of_it_looks_current(
    clinic: scene.Clinic, desks: list[Desk]
) -> None:
    monitor = Monitor(Streams(clinic.store, scene.CLINICIAN, "treatment"), clinic.patient)
    monitor.plug()
    try:
        for desk in desks:
            desk.page.goto(f"{desk.base}/ward?ward=icu")
            desk.page.wait_for_selector(".cell.fresh.c-pulse")
            desk.page.wait_for_selector(".score.current.s-routine")
        desks[0].page.wait_for_timeout(1000 * (SET_S + 1))
        for desk in desks:
            assert desk.page.locator(".alarm").count() == 0, "who sends is not silent"
    finally:
        stopped = monitor.unplug()
    for desk in desks:
        desk.page.wait_for_selector(f".alarm.medium.raised:has-text('{NO_DATA[desk.language]}')")
        told = time.monotonic() - stopped
        assert told < SET_S + TOLD_S, f"{desk.language}: {told:.1f} s"
    (alert,) = Alerts(clinic.store, scene.CLINICIAN, "treatment").open([clinic.patient])
    silent = alert.raised - datetime.fromisoformat(alert.content["since"])
    assert SET_S <= silent.total_seconds() < SET_S + NOTICED_S
    for desk in desks:
        page = desk.page
        assert page.locator(".cell.fresh").count() == 0
        assert page.locator(".score.current").count() == 0
        assert EXPIRED[desk.language] in page.inner_text(".score")
        line = page.locator(".score b").evaluate("one => getComputedStyle(one).textDecorationLine")
        assert line == "line-through"
        row = page.locator(f"tr[data-patient='{clinic.patient}']").get_attribute("class") or ""
        assert "routine" not in row, "a green row would say that all is well"
        assert desk.scrolls_sideways() == 0
        desk.picture("silence")
    monitor.plug()
    try:
        for desk in desks:
            desk.page.wait_for_selector(".alarm", state="detached")
            desk.page.wait_for_selector(".cell.fresh.c-pulse")
    finally:
        monitor.unplug()
