"""The demo's ward: a broker inside the program, and monitors that are made up.

Each demo patient has a monitor that sends heart rate, oxygen saturation, respiratory rate and blood
pressure, six hours of them at once and then on and on. One patient slowly gets worse, one monitor
falls silent after a while: so a live board, its alarms and its watchdog have something to show.
The broker (amqtt) holds nothing on disk and listens on this machine only; it is for the demo.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import random
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from suwen.core.errors import Conflict, MissingExtra
from suwen.records import Person, Store
from suwen.records.streams.devices import Devices
from suwen.records.streams.door import Door, Message

PAST: Final = timedelta(hours=6)
EVERY_S: Final = 2.0
SILENT_AFTER_S: Final = 180.0
WORSE_OVER_S: Final = 900.0
CHUNK: Final = 60


@dataclass(frozen=True)
class Sign:
    """A vital sign of a monitor: its code and unit, how it is when all is well, and at worst."""

    code: str
    unit: str
    usual: float
    swing: float
    worst: float
    digits: int = 0


SIGNS: Final = (
    Sign("8867-4", "/min", 78, 6, 134),
    Sign("59408-5", "%", 97, 1, 86),
    Sign("9279-1", "/min", 15, 2, 31),
    Sign("8480-6", "mm[Hg]", 124, 7, 84),
    Sign("8310-5", "Cel", 36.8, 0.2, 39.4, 1),
)


@dataclass(frozen=True)
class Monitor:
    """A made-up monitor: its id and token, and how its patient does."""

    device: str
    token: str
    seed: int
    worsens: bool = False
    falls_silent: bool = False

    def value(self, sign: Sign, at: float, live_s: float) -> float:
        """Return a sign's value at a moment (seconds since 1970), so long after the start."""
        chance = random.Random(f"{self.seed}|{sign.code}|{at}")
        wave = math.sin(at / 900 + self.seed) + 0.4 * math.sin(at / 97 + 2 * self.seed)
        usual = sign.usual + sign.swing * (0.5 * wave + 0.25 * chance.gauss(0, 1))
        worse = min(1.0, max(0.0, live_s) / WORSE_OVER_S) if self.worsens else 0.0
        value = usual + worse * (sign.worst - sign.usual)
        return round(min(value, 100.0) if sign.unit == "%" else value, sign.digits)

    def past(self, now: datetime) -> Iterator[bytes]:
        """Yield the hours before `now`, a reading a minute, as messages."""
        minutes = [now - PAST + timedelta(minutes=n) for n in range(int(PAST.seconds / 60))]
        for start in range(0, len(minutes), CHUNK):
            times = minutes[start : start + CHUNK]
            readings = [
                {
                    "code": sign.code,
                    "unit": sign.unit,
                    "ms": [int(at.timestamp() * 1000) for at in times],
                    "values": [self.value(sign, at.timestamp(), 0) for at in times],
                }
                for sign in SIGNS
            ]
            yield json.dumps({"token": self.token, "readings": readings}).encode()

    def now(self, live_s: float) -> bytes:
        """Return what it measures now as a message."""
        at = datetime.now(UTC)
        readings = [
            {
                "code": sign.code,
                "unit": sign.unit,
                "at": at.isoformat(timespec="milliseconds"),
                "value": self.value(sign, at.timestamp(), live_s),
            }
            for sign in SIGNS
        ]
        return json.dumps({"token": self.token, "readings": readings}).encode()


def monitors(store: Store, person: Person, patients: Sequence[str]) -> list[Monitor]:
    """Return a monitor for each patient, its past hours stored; the second patient gets worse."""
    devices, found = Devices(store, person, "treatment"), []
    for n, patient in enumerate(patients):
        name = f"demo-monitor-{patient[-8:]}"
        try:
            token = devices.add(name, patient)
        except Conflict:
            token = devices.renew(name)
        found.append(Monitor(name, token, n, worsens=n == 1, falls_silent=n == 2))
    past = [
        Message(monitor.device, payload)
        for monitor in found
        for payload in monitor.past(datetime.now(UTC))
    ]
    Door(store).receive(past)
    return found


@contextmanager
def live(found: Sequence[Monitor], topic: str) -> Iterator[str]:
    """Run the broker and the monitors in threads; yield the broker's address.

    Raises
    ------
    MissingExtra
        amqtt is not installed.
    """
    stop, port = threading.Event(), _free_port()
    with _broker(port, stop):
        sending = threading.Thread(target=_send, args=(found, port, topic, stop), daemon=True)
        sending.start()
        try:
            yield f"mqtt://127.0.0.1:{port}"
        finally:
            stop.set()
            sending.join(5)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def _broker(port: int, stop: threading.Event) -> Iterator[None]:
    try:
        from amqtt.broker import Broker
    except ImportError:
        raise MissingExtra("amqtt", "demo") from None
    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    settings = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    up = threading.Event()

    async def serve() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        broker = Broker(settings)
        await broker.start()
        up.set()
        while not stop.is_set():
            await asyncio.sleep(0.2)
        await broker.shutdown()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    up.wait(10)
    try:
        yield
    finally:
        stop.set()
        thread.join(5)


def _send(found: Sequence[Monitor], port: int, topic: str, stop: threading.Event) -> None:
    """Publish what each monitor measures until stopped."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "demo-monitors")
    client.connect("127.0.0.1", port)
    client.loop_start()
    began = time.monotonic()

    def publish(monitor: Monitor, payload: bytes) -> None:
        client.publish(f"{topic}/{monitor.device}/readings", payload, qos=1)

    while not stop.wait(EVERY_S):
        live_s = time.monotonic() - began
        for monitor in found:
            if not (monitor.falls_silent and live_s > SILENT_AFTER_S):
                publish(monitor, monitor.now(live_s))
    client.loop_stop()
    client.disconnect()
