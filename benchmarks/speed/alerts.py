"""How soon an alert stands after the reading that raised it: 1,000 readings/s of 500 patients.

Every second each patient's device sends a heart rate and a saturation through the door (batches of
0.1 s, as the MQTT gateway makes them), committed to SQLite before anything looks at them. Ten rules
are enabled for all wards; every few seconds some patients become ill for half a minute. The latency
runs from the reading's own time to the commit of the alert. Told by the door (the server's own) and
asked from the store every 0.3 s (another process received) take turns. Beside it what the rules
alone cost: readings/s through the machines of one process.

`python -m benchmarks.speed.alerts quick` does less of each.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks import targets
from suwen.app.alarm import Alarm
from suwen.core.settings import Settings
from suwen.core.streams import MICROSECONDS, Channel, ticks
from suwen.gateway.notifier import Notifier
from suwen.health.alerts.rules import changed, shipped, stretch
from suwen.health.alerts.watch import Ruled, Watch
from suwen.records import Person, Store
from suwen.records.alerts.book import Begun
from suwen.records.alerts.rulebook import AlertRules, Scope
from suwen.records.streams.devices import Devices
from suwen.records.streams.door import Door, Message

DOCTOR = Person("bench", "Bench", "clinician")
PATIENTS = 500
BATCH_S = 0.1
SECONDS = 60
QUICK_SECONDS = 20
WARM_S = 3.0
ILL_SHARE = 0.1
HELD_S = 5.0
TARGET_S = 1.0


class Timed(Alarm):
    """An engine that notes how long each alert took from its reading to its commit."""

    def begin_timing(self) -> list[float]:
        """Return the list that latencies in seconds are added to."""
        found: list[float] = []
        note = self.book.note

        def timed(begun: list[Begun], ended: list[object], now: datetime) -> list[str]:
            made = note(begun, ended, now)  # type: ignore[arg-type]
            done = datetime.now(UTC)
            if len(made) == len(begun):
                found.extend((done - one.at).total_seconds() for one in begun)
            return made

        self.book.note = timed  # type: ignore[assignment, method-assign]
        return found


def furnish(store: Store) -> list[tuple[str, str]]:
    """Make patients with a device each, and enable the rules; return devices and tokens."""
    store.add_person(DOCTOR, "x")
    access = store.session(DOCTOR, "treatment")
    devices = Devices(store, DOCTOR, "treatment")
    made = []
    for i in range(PATIENTS):
        patient = access.new_patient([("urn:bench", str(i))])
        made.append((f"monitor-{i}", devices.add(f"monitor-{i}", patient)))
    rules = AlertRules(store, DOCTOR, "treatment")
    for rule in shipped().values():
        own = changed(rule, {"sustained_s": HELD_S, "calm_s": HELD_S})
        content = own.model_dump(mode="json")
        rules.keep_trial(Scope(), content, own.fingerprint, {})
        rules.enable(Scope(), content, own.fingerprint)
    return made


def said(device: str, token: str, ill: bool) -> Message:
    """Return what a monitor sends in one second: two readings."""
    ms = round(time.time() * 1000)
    rate, saturation = (140, 84) if ill else (72, 97)
    readings = [
        {"code": "8867-4", "unit": "/min", "ms": ms, "value": rate},
        {"code": "59408-5", "unit": "%", "ms": ms, "value": saturation},
    ]
    payload = json.dumps({"token": token, "readings": readings}).encode()
    return Message(device, payload)


def send(door: Door, devices: list[tuple[str, str]], seconds: float) -> tuple[int, float]:
    """Send two readings a patient and second, spread evenly; return readings and seconds late."""
    draw = random.Random(7)
    ill = {name: draw.uniform(WARM_S, seconds) for name, _ in devices if draw.random() < ILL_SHARE}
    begun, steps = time.monotonic(), round(seconds / BATCH_S)
    sent, late = 0, 0.0
    for step in range(steps):
        wait = begun + step * BATCH_S - time.monotonic()
        late = max(late, -wait)
        if wait > 0:
            time.sleep(wait)
        part = devices[step % 10 :: 10]
        now = time.monotonic() - begun
        messages = [
            said(name, token, name in ill and ill[name] <= now < ill[name] + 30)
            for name, token in part
        ]
        sent += door.receive(messages).kept.stored
    return sent, late


def measured(listening: bool, seconds: float) -> None:
    """Measure one way in a store of its own and print it."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Settings(home=Path(folder) / "home"))
        devices = furnish(store)
        alarm = Timed(store, Notifier())
        door = Door(store)
        if listening:
            door.listen(alarm.take)
        found = alarm.begin_timing()
        alarm.start()
        begun = time.process_time()
        sent, late = send(door, devices, seconds)
        time.sleep(1.0)
        used = time.process_time() - begun
        alarm.close()
        store.close()
    low, high = np.quantile(found, [0.5, 0.99])
    name = "told by the door" if listening else "asked from the store"
    print(
        f"{name:<22} {sent / seconds:6.0f} readings/s, {len(found):4d} alerts: "
        f"p50 {1000 * low:5.0f} ms, p99 {1000 * high:5.0f} ms, max {1000 * max(found):5.0f} ms "
        f"(sender at most {1000 * late:.0f} ms late; {100 * used / seconds:.0f} % of one core)"
    )
    if listening:
        print(targets.told("reading to alert, 99 % within", high, TARGET_S, "s"))
    if late >= TARGET_S:
        print(f"{'':<22} the machine was too busy: readings themselves came late to the door")
    elif listening and high >= TARGET_S:
        raise SystemExit("p99 is not below one second")


def machines() -> None:
    """Print how many readings a second the rules take in one process, without any store."""
    watch = Watch([Ruled(rule) for rule in shipped().values()])
    channels = [Channel("8867-4", "/min", "m"), Channel("59408-5", "%", "m")]
    now = ticks(datetime.now(UTC))
    count, begun = 0, time.perf_counter()
    for second in range(60):
        at = now + second * MICROSECONDS
        for patient in range(PATIENTS):
            watch.take(str(patient), [stretch(c, [(at, 72.0 + second % 3)]) for c in channels], at)
            count += 2
    print(f"rules and watchdog alone: {count / (time.perf_counter() - begun):8.0f} readings/s")


def main(words: list[str]) -> None:
    """Measure both ways, taking turns."""
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    seconds = QUICK_SECONDS if "quick" in words else SECONDS
    machines()
    for listening in (True, False):
        measured(listening, seconds)


if __name__ == "__main__":
    main(sys.argv[1:])
