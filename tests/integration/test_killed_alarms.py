"""The server is killed while alerts stand and climb: the ladder goes on, once, and nothing is lost.

A real server, readings over HTTPS' own door, pages to a local address, SIGKILL, and a new server.
"""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from suwen.core.settings import Settings
from suwen.core.streams import ticks
from suwen.gateway.notifier import FILE
from suwen.health.alerts.rules import changed, shipped
from suwen.records import Person, Store
from suwen.records.alerts.rows import Alert
from suwen.records.alerts.rulebook import AlertRules, Scope
from suwen.records.alerts.seen import Alerts
from suwen.records.alerts.wards import Rung, Ward, Wards
from suwen.records.streams.devices import Devices
from suwen.records.streams.seen import Streams

DOCTOR = Person("dr-li", "Li Na", "clinician")
NURSE = Person("nurse-wu", "Wu Min", "nurse")
RULE = changed(shipped()["spo2-low"], {"sustained_s": 1, "calm_s": 1})
RUNGS = (0.0, 3.0, 5.0)
"""Seconds after which the nurse, the doctor, and all are told."""
PATIENTS = ("first", "second")
SERVER = """
import sys
from pathlib import Path
from suwen.app.serve import run_server
from suwen.core.settings import Settings
run_server("127.0.0.1", 0, Settings(home=Path(sys.argv[1])), lambda port: print(port, flush=True))
"""


class Pager(BaseHTTPRequestHandler):
    """Takes pages; the path says to whom."""

    got: ClassVar[list[tuple[str, str]]] = []

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["content-length"])))
        Pager.got.append((self.path.strip("/"), said["title"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def pager() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pager)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    Pager.got.clear()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


class House:
    """A store with two patients in a ward, and the server that is killed."""

    def __init__(self, home: Path, pager: int) -> None:
        self.home, self.process = home, None
        self.port, self.sent = 0, Counter[str]()
        self.store = Store.open(Settings(home=home))
        for person in (DOCTOR, NURSE):
            self.store.add_person(person, "x")
        wards = Wards(self.store, DOCTOR, "treatment")
        to = ((NURSE.id,), (DOCTOR.id,), (NURSE.id, DOCTOR.id))
        ladder = tuple(Rung(after, who) for after, who in zip(RUNGS, to, strict=True))
        wards.define(Ward("icu", ladder=ladder))
        devices, self.patients, self.tokens = Devices(self.store, DOCTOR, "treatment"), {}, {}
        for n, name in enumerate(PATIENTS):
            patient = self.store.session(DOCTOR, "treatment").new_patient([("urn:mrn", name)])
            wards.place(patient, "icu", f"{n + 1}")
            self.patients[name], self.tokens[name] = patient, devices.add(name, patient)
        rules, content = AlertRules(self.store, DOCTOR, "treatment"), RULE.model_dump(mode="json")
        rules.keep_trial(Scope(ward="icu"), content, RULE.fingerprint, {})
        rules.enable(Scope(ward="icu"), content, RULE.fingerprint)
        people = (NURSE.id, DOCTOR.id)
        lines = [f'"{one}" = ["json://127.0.0.1:{pager}/{one}"]' for one in people]
        (home / FILE).write_text("\n".join(["[contact]", *lines]))
        (home / FILE).chmod(0o600)
        self.alerts = Alerts(self.store, DOCTOR, "treatment")

    def begin(self) -> None:
        command = [sys.executable, "-c", SERVER, str(self.home)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.port = int(self.process.stdout.readline())
        until(self._answers)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self.store.close()

    def measure(self, name: str, seconds: list[float], value: float) -> None:
        """Send readings of so many seconds from now; returns once they are acknowledged."""
        at = ticks(datetime.now(UTC)) // 1000
        reading = {
            "code": "59408-5",
            "unit": "%",
            "ms": [at + round(1000 * one) for one in seconds],
            "values": [value] * len(seconds),
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Bearer {self.tokens[name]}"}
        connection.request("POST", f"/api/devices/{name}/readings", json.dumps(reading), headers)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        assert answer["stored"] == len(seconds), answer
        self.sent[name] += len(seconds)

    def of(self, name: str) -> list[Alert]:
        """Return every alert of a rule that a patient ever had."""
        ever = datetime(2000, 1, 1, tzinfo=UTC)
        found = self.alerts.open([self.patients[name]], ever)
        return [one for one in found if one.rule == RULE.key]

    def told(self, name: str) -> list[tuple[str, int, str]]:
        found = self.alerts.pages([one.id for one in self.of(name)])
        return sorted((one.person, one.step, one.state) for one in found)

    def kept(self, name: str) -> int:
        streams, now = Streams(self.store, DOCTOR, "treatment"), datetime.now(UTC)
        span = now - timedelta(hours=1), now + timedelta(hours=1)
        return sum(len(one) for one in streams.read(self.patients[name], "59408-5", *span))


def until(true: Callable[[], object], wanted: object = True, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while (found := true()) != wanted:
        assert time.monotonic() < end, f"{found} and not {wanted} after {seconds:g} s"
        time.sleep(0.05)


def test_after_a_kill_the_ladder_goes_on_and_nobody_is_told_twice_or_forgotten(
    tmp_path: Path, pager: int
) -> None:
    house = House(tmp_path / "home", pager)
    try:
        house.begin()
        house.measure("first", [-4, -3, -2, -1], 84)
        until(lambda: (NURSE.id, 1, "sent") in house.told("first"))
        house.measure("second", [-3, -2], 96)
        house.measure("second", [-1.2, -0.8, -0.4, 0], 85)
        house.kill()  # acknowledged to the device; nobody may have looked at it yet
        before = house.of("first")[0]
        assert (before.step, before.acknowledged) == (1, None)

        house.begin()
        whole = [(DOCTOR.id, 2, "sent"), (DOCTOR.id, 3, "sent"), (NURSE.id, 1, "sent"),
                 (NURSE.id, 3, "sent")]  # fmt: skip
        for name in PATIENTS:
            until(lambda name=name: house.told(name), whole)
        time.sleep(2.5)  # rounds of the engine: whatever else it thinks is due, it says by now
        for name in PATIENTS:
            assert len(house.of(name)) == 1, "one alert, over the kill"
            assert house.told(name) == whole, "the ladder ends at its end"
            assert house.kept(name) == house.sent[name], "no reading lost, none twice"
        assert house.of("first")[0].id == before.id
        assert Counter(who for who, _ in Pager.got) == {NURSE.id: 4, DOCTOR.id: 4}
        assert {title for _, title in Pager.got} == {
            f"RED: Oxygen saturation low - icu {bed}" for bed in (1, 2)
        }
        house.measure("first", [1.2, 2.4], 97)
        until(lambda: house.of("first")[0].cleared is not None)
    finally:
        house.end()
