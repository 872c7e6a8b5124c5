"""SIGKILL at any moment: no acknowledged reading is lost, none is stored twice.

A real Mosquitto keeps a persistent session (MQTT 5.0, QoS 1, clean start false). While readings are
published, `suwen gateway` is killed again and again, at random moments: while it starts, while it
drains what queued up, in the middle of a commit. In the end the store must hold exactly what was
published. The broker forgets what was acknowledged, so whatever is missing then was acknowledged
too early, and whatever is there twice was stored again.

Beside it, under the same kills, the named alternative: a subscriber that acknowledges as it
receives (paho's default) and inserts into SQLite in batches, without a key.

`python -m benchmarks.quality.mqtt_kills 2000 3` does less.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import mosquitto
from suwen.core.settings import Settings
from suwen.core.streams import ticks
from suwen.records import Person, Store
from suwen.records.streams.devices import Devices
from suwen.records.streams.seen import Streams

MESSAGES, KILLS = 20_000, 20
DEVICES = 50
DOCTOR = Person("bench", "Bench", "clinician")
PACE = 700.0
GATEWAY = """
import sys
from suwen.app.gateway import run_gateway
def ready():
    print("ready", flush=True)
run_gateway(sys.argv[1], ready)
"""
TOO_EARLY = """
import sqlite3, sys, time
import paho.mqtt.client as mqtt
db = sqlite3.connect(sys.argv[2], isolation_level=None, check_same_thread=False)
db.execute("PRAGMA journal_mode=WAL")
db.execute("CREATE TABLE IF NOT EXISTS reading (topic TEXT, payload BLOB)")
held, since = [], [0.0]
def flush():
    db.execute("BEGIN")
    db.executemany("INSERT INTO reading VALUES (?, ?)", held)
    db.execute("COMMIT")
    held.clear()
def arrived(client, data, message):
    since[0] = since[0] if held else time.monotonic()
    held.append((message.topic, message.payload))
    if len(held) >= 1000:
        flush()
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "plain", protocol=mqtt.MQTTv5)
client.on_message = arrived
client.on_connect = lambda c, *_: c.subscribe("suwen/v1/+/readings", 1)
client.on_subscribe = lambda *_: print("ready", flush=True)
keep = mqtt.Properties(mqtt.PacketTypes.CONNECT)
keep.SessionExpiryInterval = 0xFFFFFFFF
client.connect("127.0.0.1", int(sys.argv[1]), clean_start=False, properties=keep)
while True:
    client.loop(0.05)
    if held and time.monotonic() - since[0] > 0.05:
        flush()
"""


@dataclass(frozen=True)
class Result:
    """What is there in the end: readings published, missing, there twice, kills, seconds."""

    published: int
    missing: int
    twice: int
    kills: int
    seconds: float
    log_intact: bool = True


def published(store: Store, messages: int) -> tuple[dict[str, str], list[tuple[str, bytes]]]:
    """Register devices; return whose each is, and the messages, one reading each."""
    access, devices = store.session(DOCTOR, "treatment"), Devices(store, DOCTOR, "treatment")
    patients = {f"dev-{n:03}": access.new_patient([]) for n in range(DEVICES)}
    tokens = {name: devices.add(name, patient) for name, patient in patients.items()}
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    made = []
    for n in range(messages):
        name = f"dev-{n % DEVICES:03}"
        said = {
            "token": tokens[name],
            "code": "8867-4",
            "unit": "/min",
            "at": (start + timedelta(seconds=n // DEVICES)).isoformat(),
            "value": n,
        }
        made.append((f"suwen/v1/{name}/readings", json.dumps(said).encode()))
    return patients, made


def killed(begin: Callable[[], subprocess.Popen[str]], kills: int, seed: int) -> None:
    """Start a program and kill it, at random moments, one in four before it is ready."""
    chance = random.Random(seed)
    for n in range(kills):
        process = begin()
        if n % 4 == 3:
            time.sleep(chance.uniform(0.1, 1.0))
        else:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0.0, 0.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        if process.stdout:
            process.stdout.close()


def ours(messages: int = MESSAGES, kills: int = KILLS, seed: int = 6, pace: float = PACE) -> Result:
    """Kill `suwen gateway`."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        with Store.open(Settings(home=home)) as store:
            patients, made = published(store, messages)
            file = Path(folder) / "messages"
            mosquitto.lines(file, made)
            with mosquitto.broker(Path(folder) / "broker") as port:

                def begin() -> subprocess.Popen[str]:
                    command = [sys.executable, "-c", GATEWAY, f"mqtt://127.0.0.1:{port}"]
                    environment = os.environ | {"SUWEN_HOME": str(home)}
                    return subprocess.Popen(
                        command, env=environment, stdout=subprocess.PIPE, text=True
                    )

                first = begin()  # The session begins with the first subscription.
                assert first.stdout is not None
                first.stdout.readline()
                publisher = mosquitto.publisher(port, file, pace)
                first.send_signal(signal.SIGKILL)
                first.wait()
                first.stdout.close()
                killed(begin, kills - 1, seed)
                last = begin()
                publisher.communicate()
                wanted = Counter(
                    (json.loads(payload)["value"], topic.split("/")[2]) for topic, payload in made
                )
                found = settled(lambda: stored(store, patients), len(made))
                last.terminate()
                last.communicate()
            intact = store.log.verify().intact
    missing, twice = wanted - found, found - wanted
    seconds = time.perf_counter() - began
    return Result(messages, missing.total(), twice.total(), kills, seconds, intact)


def stored(store: Store, patients: dict[str, str]) -> Counter[tuple[int, str]]:
    """Return value and device of every reading in the store."""
    streams = Streams(store, DOCTOR, "treatment")
    now = datetime.now(UTC)
    span = now - timedelta(days=3), now + timedelta(days=1)
    found: Counter[tuple[int, str]] = Counter()
    for patient in patients.values():
        for stretch in streams.read(patient, "8867-4", *span):
            assert len(set(stretch.at.tolist())) == len(stretch)
            assert stretch.at[0] >= ticks(span[0])
            found.update((int(value), stretch.channel.device) for value in stretch.values)
    return found


def settled(
    count: Callable[[], Counter[tuple[int, str]]], wanted: int, patience: float = 5.0
) -> Counter[tuple[int, str]]:
    """Return the count once everything is there, or nothing has come for a while."""
    found, since = count(), time.monotonic()
    while found.total() < wanted and time.monotonic() - since < patience:
        time.sleep(0.3)
        if (newer := count()) != found:
            found, since = newer, time.monotonic()
    return found


def too_early(messages: int, kills: int, seed: int = 6) -> Result:
    """Kill a subscriber that acknowledges as it receives."""
    import sqlite3

    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        made = [
            (f"suwen/v1/dev-{n % DEVICES:03}/readings", json.dumps({"value": n}).encode())
            for n in range(messages)
        ]
        file, database = Path(folder) / "messages", str(Path(folder) / "plain.sqlite")
        mosquitto.lines(file, made)
        with mosquitto.broker(Path(folder) / "broker") as port:

            def begin() -> subprocess.Popen[str]:
                command = [sys.executable, "-c", TOO_EARLY, str(port), database]
                return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

            killed(begin, 1, seed)
            publisher = mosquitto.publisher(port, file, PACE)
            killed(begin, kills - 1, seed)
            last = begin()
            publisher.communicate()

            def count() -> Counter[tuple[int, str]]:
                rows = connection.execute("SELECT topic, payload FROM reading").fetchall()
                return Counter((json.loads(p)["value"], topic.split("/")[2]) for topic, p in rows)

            connection = sqlite3.connect(database)
            found = settled(count, messages)
            connection.close()
            last.kill()
            last.communicate()
    wanted = Counter((json.loads(p)["value"], topic.split("/")[2]) for topic, p in made)
    missing, twice = wanted - found, found - wanted
    seconds = time.perf_counter() - began
    return Result(messages, missing.total(), twice.total(), kills, seconds)


def main() -> None:
    """Print both, side by side."""
    sizes = [int(text) for text in sys.argv[1:3]] or [MESSAGES, KILLS]
    print(f"{'':<34} {'published':>9} {'kills':>6} {'missing':>8} {'twice':>6} {'seconds':>8}")
    rows = (
        ("suwen gateway", ours(*sizes)),
        ("acknowledging as it receives", too_early(*sizes)),
    )
    for name, row in rows:
        print(
            f"{name:<34} {row.published:>9} {row.kills:>6} {row.missing:>8} {row.twice:>6}"
            f" {row.seconds:>8.0f}"
        )
    good = rows[0][1]
    print("decision log intact" if good.log_intact else "DECISION LOG BROKEN")
    sys.exit(bool(good.missing or good.twice or not good.log_intact))


if __name__ == "__main__":
    main()
