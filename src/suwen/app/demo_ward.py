"""The demo's ward: a broker inside the program, and monitors that are made up.

Each demo patient has a monitor that sends heart rate, oxygen saturation, respiratory rate and blood
pressure, six hours of them at once and then on and on. One patient slowly gets worse, one monitor
falls silent after a while: so a live board, its alarms and its watchdog have something to show. One
monitor sends its ECG as well, the last half hour and on: with a few ventricular beats, some minutes
of fibrillation, and a moment in which the patient moved.
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
from functools import lru_cache
from typing import Final

import numpy as np
import paho.mqtt.client as mqtt
from numpy.typing import NDArray
from paho.mqtt.enums import CallbackAPIVersion

from suwen.app.demo_patients.ecg import RATE, drawn
from suwen.core.errors import Conflict, MissingExtra
from suwen.health.readings.acceleration import derived
from suwen.records import Person, Store
from suwen.records.streams.devices import Devices
from suwen.records.streams.door import Door, Message

PAST: Final = timedelta(hours=6)
EVERY_S: Final = 2.0
SILENT_AFTER_S: Final = 180.0
WORSE_OVER_S: Final = 900.0
CHUNK: Final = 60
LEAD_II: Final = "131330"
ECG_PARTS: Final = (("sinus", 15.0, 0.02), ("fibrillation", 4.0, 0.0), ("sinus", 11.0, 0.02))
"""The ECG before the start: rhythm, minutes, share of ventricular beats."""
MOVED_MIN: Final = (24.0, 25.0)
"""Minutes of it in which the patient moved."""
ACCELERATIONS_HZ: Final = 25
LOOP_MIN: Final = 10.0
"""What follows, over and over, while the demo runs."""


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
    has_ecg: bool = False

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

    def past_ecg(self, now: datetime) -> Iterator[bytes]:
        """Yield the ECG before `now` as messages of a minute, and how the patient moved."""
        ecg, moved = ecg_before(self.seed)
        minutes = len(ecg) // (60 * RATE)
        for n in range(minutes):
            at = now - timedelta(minutes=minutes - n)
            readings = [_wave(at, ecg[n * 60 * RATE : (n + 1) * 60 * RATE])]
            if moved[n]:
                readings.append(_shaken(at, self.seed))
            yield json.dumps({"token": self.token, "readings": readings}).encode()

    def at(self, now: datetime, since: datetime, live_s: float) -> bytes:
        """Return what it measures now, and its ECG since some moment before, as a message."""
        readings: list[dict[str, object]] = [
            {
                "code": sign.code,
                "unit": sign.unit,
                "at": now.isoformat(timespec="milliseconds"),
                "value": self.value(sign, now.timestamp(), live_s),
            }
            for sign in SIGNS
        ]
        if self.has_ecg:
            loop = ecg_loop(self.seed)
            first, last = (int(one.timestamp() * RATE) for one in (since, now))
            readings.append(_wave(since, loop[np.arange(first, last) % len(loop)]))
        return json.dumps({"token": self.token, "readings": readings}).encode()


@lru_cache(maxsize=1)
def ecg_before(seed: int) -> tuple[NDArray[np.float64], list[bool]]:
    """Return the ECG in mV of the time before the demo starts, and which minutes were moved."""
    parts = [
        drawn(rhythm, seed + 50 * place, 60 * minutes, share)
        for place, (rhythm, minutes, share) in enumerate(ECG_PARTS)
    ]
    ecg = np.concatenate(parts)
    first, last = (round(minute * 60 * RATE) for minute in MOVED_MIN)
    rng = np.random.default_rng(seed)
    wander = np.cumsum(rng.normal(0, 1, last - first))
    wander -= np.linspace(wander[0], wander[-1], len(wander))
    ecg[first:last] += 0.8 * wander / np.abs(wander).max()
    minutes = range(len(ecg) // (60 * RATE))
    return np.round(ecg, 3), [MOVED_MIN[0] <= minute < MOVED_MIN[1] for minute in minutes]


@lru_cache(maxsize=1)
def ecg_loop(seed: int) -> NDArray[np.float64]:
    """Return the ECG in mV that is sent over and over while the demo runs."""
    return drawn("sinus", seed + 7, 60 * LOOP_MIN, 0.02)


def _wave(at: datetime, values: NDArray[np.float64]) -> dict[str, object]:
    return {
        "code": LEAD_II,
        "unit": "mV",
        "at": at.isoformat(timespec="milliseconds"),
        "hz": RATE,
        "values": values.tolist(),
    }


def _shaken(at: datetime, seed: int) -> dict[str, object]:
    """Return a minute of accelerations of somebody who walks about."""
    time = np.arange(60 * ACCELERATIONS_HZ) / ACCELERATIONS_HZ
    swing = 0.35 * np.sin(2 * np.pi * 1.8 * time)
    noise = np.random.default_rng(seed).normal(0, 0.05, (3, len(time)))
    axes = np.round(np.stack([0.2 + 0 * time, 0.1 + 0 * time, 0.97 + swing]) + noise, 3)
    return {
        "code": "omh:acceleration",
        "unit": "[g]",
        "at": at.isoformat(timespec="milliseconds"),
        "hz": ACCELERATIONS_HZ,
        "axes": ["x", "y", "z"],
        "values": axes.T.tolist(),
    }


def monitors(store: Store, person: Person, patients: Sequence[str]) -> list[Monitor]:
    """Return a monitor for each patient, its past hours stored; see the module's text."""
    devices, now = Devices(store, person, "treatment"), datetime.now(UTC)
    found, past = list[Monitor](), list[Message]()
    for n, patient in enumerate(patients):
        name, new = f"demo-monitor-{patient[-8:]}", True
        try:
            token = devices.add(name, patient)
        except Conflict:
            token, new = devices.renew(name), False
        one = Monitor(name, token, n, worsens=n == 1, falls_silent=n == 2, has_ecg=n == 0)
        told = [*one.past(now), *(one.past_ecg(now) if one.has_ecg and new else ())]
        past += [Message(name, payload) for payload in told]
        found.append(one)
    Door(store, derive=derived).receive(past)
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
    began, since = time.monotonic(), datetime.now(UTC)

    def publish(monitor: Monitor, payload: bytes) -> None:
        client.publish(f"{topic}/{monitor.device}/readings", payload, qos=1)

    while not stop.wait(EVERY_S):
        live_s, now = time.monotonic() - began, datetime.now(UTC)
        for monitor in found:
            if not (monitor.falls_silent and live_s > SILENT_AFTER_S):
                publish(monitor, monitor.at(now, since, live_s))
        since = now
    client.loop_stop()
    client.disconnect()
