"""Samples: how fast devices are heard, how soon a reading is stored, how fast much is drawn.

1. Readings a second, one a message, MQTT QoS 1 from a real Mosquitto into committed SQLite: ours,
   and beside it a plain subscriber (paho, manual acknowledgement after a commit of up to 1,000 or
   50 ms) that inserts topic and payload into one table. Live: a publisher sends as fast as the
   broker takes it. Draining: everything waits in the broker. The two take turns.
2. From a reading's own time to its commit, at 1,000 readings a second of 500 patients.
3. Batches over HTTP, a request a device in turn, each answered after its commit.
4. An outline of 10^7 samples, against reading all of them and drawing that.

A million messages at once: `flood`; from a reading to its alert: `alerts`; a day of ECG: `ecg`.
`python -m benchmarks.speed.streams quick` does less of each.
"""

from __future__ import annotations

import http.client
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from benchmarks import mosquitto, targets
from suwen.core.settings import Settings
from suwen.core.streams import Channel, Stretch, ticks
from suwen.gateway.mqtt import Broker, Gateway, Listening
from suwen.records import Person, Store
from suwen.records.streams.chunks import outlined
from suwen.records.streams.devices import Devices
from suwen.records.streams.door import Door
from suwen.records.streams.seen import Streams

DOCTOR = Person("bench", "Bench", "clinician")
PATIENTS = 500
RATE, LATENCY_MS, PLOT_MS = 5_000, 1_000, 300
"""Targets: readings a second at least; milliseconds at most."""
# The largest resident size is read as VmHWM: `ru_maxrss` begins with that of the parent process.
GATEWAY = """
import gc, signal, sys, threading, time
from pathlib import Path
from suwen.core.settings import Settings
from suwen.gateway.mqtt import Broker, Gateway, Listening
from suwen.records import Store
from suwen.records.streams.door import Door
port, home, wanted = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
with Store.open(Settings(home=home)) as store:
    stop = threading.Event()
    gateway = Gateway(Door(store), Broker("127.0.0.1", port), Listening("bench"))
    began, before = [], []
    def ready():
        began.append(time.process_time())
        before.append(gateway.tally.messages + len(gateway._waiting))
        print(before[0], flush=True)
    gateway._ready = ready
    def watch():
        while gateway.tally.messages < wanted and not stop.wait(0.01):
            pass
        print("done", flush=True)
        stop.set()
    threading.Thread(target=watch, daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    gc.freeze()
    gateway.run(stop)
    tally, spent = gateway.tally, time.process_time() - began[0]
    memory = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024
    print(tally.stored, memory, round(1e6 * spent / max(1, wanted - before[0])),
          flush=True)
"""
PLAIN = """
import sqlite3, sys, time
import paho.mqtt.client as mqtt
port, path, wanted = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
db = sqlite3.connect(path + ".plain", isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
db.execute("PRAGMA synchronous=FULL")
db.execute("CREATE TABLE IF NOT EXISTS reading (topic TEXT, payload BLOB)")
held, since, done = [], 0.0, 0
def arrived(client, data, message):
    global since
    since = since if held else time.monotonic()
    held.append((message.mid, message.topic, message.payload))
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "bench", protocol=mqtt.MQTTv5,
                     manual_ack=True)
client.on_message = arrived
client.on_connect = lambda c, *_: c.subscribe("suwen/v1/+/readings", 1)
began, before = [], []
def ready(*_):
    began.append(time.process_time())
    before.append(done + len(held))
    print(before[0], flush=True)
client.on_subscribe = ready
keep = mqtt.Properties(mqtt.PacketTypes.CONNECT)
keep.SessionExpiryInterval = 0xFFFFFFFF
keep.ReceiveMaximum = 4096
client.connect("127.0.0.1", port, clean_start=False, properties=keep)
while done < wanted:
    client.loop(0.02)
    if len(held) >= 1000 or (held and time.monotonic() - since > 0.05):
        db.execute("BEGIN")
        db.executemany("INSERT INTO reading VALUES (?, ?)", [(t, p) for _, t, p in held])
        db.execute("COMMIT")
        for mid, _, _ in held:
            client.ack(mid, 1)
        done += len(held)
        held.clear()
print("done", flush=True)
memory = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) // 1024
spent = time.process_time() - began[0]
print(done, memory, round(1e6 * spent / max(1, wanted - before[0])), flush=True)
"""


@dataclass
class Ward:
    """A store with a device for each of many patients."""

    home: Path
    tokens: dict[str, str] = field(default_factory=dict)

    def open(self) -> None:
        """Register the patients and their devices."""
        with Store.open(Settings(home=self.home)) as store:
            access, devices = (
                store.session(DOCTOR, "treatment"),
                Devices(store, DOCTOR, "treatment"),
            )
            for n in range(PATIENTS):
                self.tokens[f"dev-{n:03}"] = devices.add(f"dev-{n:03}", access.new_patient([]))

    def messages(
        self, number: int, start: datetime, each: timedelta
    ) -> Iterator[tuple[str, bytes]]:
        """Yield messages of one reading, the devices in turn."""
        for n in range(number):
            name = f"dev-{n % PATIENTS:03}"
            said = {
                "token": self.tokens[name],
                "code": "8867-4",
                "unit": "/min",
                "at": (start + n * each).isoformat(),
                "value": 60 + n % 40,
            }
            yield f"suwen/v1/{name}/readings", json.dumps(said).encode()


@dataclass(frozen=True)
class Heard:
    """How a subscriber took messages: readings a second, MiB, microseconds of a processor each."""

    rate: float
    memory: int
    spent: int

    def __str__(self) -> str:
        return f"{self.rate:>10.0f}/s {self.memory:>6} MiB {self.spent:>4} us of a processor each"


def heard(script: str, ward: Ward, port: int, file: Path, number: int, live: bool) -> Heard:
    """Have a subscriber take the messages of a file."""
    command = [sys.executable, "-c", script, str(port), str(ward.home), str(number)]
    if not live:  # A session that begins before the messages come, and is away meanwhile.
        first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert first.stdout is not None
        first.stdout.readline()
        first.kill()
        first.communicate()
        mosquitto.publisher(port, file).communicate()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    before = int(process.stdout.readline())  # what waited may come before the answer to subscribe
    began = time.perf_counter()
    publisher = mosquitto.publisher(port, file) if live else None
    assert process.stdout.readline() == "done\n"
    seconds = time.perf_counter() - began
    stored, memory, spent = process.communicate()[0].split()
    if publisher:
        publisher.communicate()
    assert int(stored) == number, f"{stored} of {number}"
    return Heard((number - before) / seconds, int(memory), int(spent))


def throughput(number: int) -> None:
    """Print readings a second of ours and of the plain subscriber, in turn."""
    print(f"\nreadings a second into committed SQLite, {number} messages of one reading")
    start = datetime.now(UTC) - timedelta(days=2)
    ours: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder:
        ward, file, turn = Ward(Path(folder) / "home"), Path(folder) / "messages", 0
        ward.open()
        for live in (True, False):
            for name, script in (("suwen gateway", GATEWAY), ("plain subscriber", PLAIN)) * 2:
                turn += 1
                made = ward.messages(
                    number, start + timedelta(hours=turn), timedelta(milliseconds=1)
                )
                mosquitto.lines(file, made)
                with mosquitto.broker(Path(folder) / f"broker-{turn}") as port:
                    found = heard(script, ward, port, file, number, live)
                if script is GATEWAY:
                    ours[live].append(found.rate)
                print(f"{'live' if live else 'draining':<10} {name:<18} {found}", flush=True)
    for live, rates in ours.items():
        what = "MQTT, committed, " + ("live" if live else "draining")
        print(targets.told(what, min(rates), RATE, "readings/s", most=False), flush=True)


def latency(seconds: int, rate: int = 1000) -> None:
    """Print how long after its own time a reading is committed."""
    with tempfile.TemporaryDirectory() as folder:
        ward = Ward(Path(folder) / "home")
        ward.open()
        with (
            Store.open(Settings(home=ward.home)) as store,
            mosquitto.broker(Path(folder) / "broker") as port,
        ):
            found: list[float] = []
            door, ready, stop = Door(store), threading.Event(), threading.Event()
            door.listen(
                lambda _, stretches: found.extend(
                    time.time() - at / 1e6 for each in stretches for at in each.at.tolist()
                )
            )
            gateway = Gateway(door, Broker("127.0.0.1", port), Listening("bench"), ready.set)
            thread = threading.Thread(target=gateway.run, args=(stop,))
            thread.start()
            ready.wait()
            tokens = Path(folder) / "tokens.json"
            tokens.write_text(json.dumps(ward.tokens))
            live = [sys.executable, "-m", "benchmarks.publish", str(port), str(tokens)]
            subprocess.run([*live, str(rate), str(seconds)], check=True, capture_output=True)
            until = time.monotonic() + 10
            while len(found) < rate * seconds and time.monotonic() < until:
                time.sleep(0.05)
            stop.set()
            thread.join()
    p50, p99, most = (1000 * np.percentile(found, q) for q in (50, 99, 100))
    print(
        f"\nreading to commit at {rate}/s of {PATIENTS} patients, {seconds} s, {len(found)} stored:"
        f" median {p50:.0f} ms, 99 % within {p99:.0f} ms, longest {most:.0f} ms"
    )
    print(targets.told("reading to commit, 99 % within", p99, LATENCY_MS, "ms"))


SERVER = """
import sys
from pathlib import Path
from suwen.app.serve import run_server
from suwen.core.settings import Settings
run_server("127.0.0.1", 0, Settings(home=Path(sys.argv[1])), lambda port: print(port, flush=True))
"""


def batches(number: int, each: int = 100) -> None:
    """Print readings a second over HTTP."""
    start = datetime.now(UTC) - timedelta(days=1)
    with tempfile.TemporaryDirectory() as folder:
        ward = Ward(Path(folder) / "home")
        ward.open()
        command = [sys.executable, "-c", SERVER, str(ward.home)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        port = int(server.stdout.readline())
        mosquitto.wait_for(port)
        connection = http.client.HTTPConnection("127.0.0.1", port)
        names, spent = sorted(ward.tokens)[:20], []
        for n in range(number):
            name = names[n % len(names)]
            at = int(1000 * (start + timedelta(minutes=n)).timestamp())
            reading = {
                "code": "8867-4",
                "unit": "/min",
                "ms": [at + 100 * k for k in range(each)],
                "values": [60 + k % 40 for k in range(each)],
            }
            headers = {"Authorization": f"Bearer {ward.tokens[name]}"}
            began = time.perf_counter()
            connection.request(
                "POST", f"/api/devices/{name}/readings", json.dumps(reading), headers
            )
            answer = json.loads(connection.getresponse().read())
            spent.append(time.perf_counter() - began)
            assert answer["stored"] == each, answer
        connection.close()
        server.terminate()
        server.communicate()
    p50, p99 = (1000 * np.percentile(spent, q) for q in (50, 99))
    print(
        f"\n{number} batches of {each} readings over HTTP: {number * each / sum(spent):.0f}"
        f" readings/s, a batch median {p50:.0f} ms, 99 % within {p99:.0f} ms"
    )


def timed(work: Callable[[], object], times: int = 5) -> float:
    """Return the median milliseconds of some runs."""
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return 1000 * sorted(spent)[times // 2]


def plots(number: int) -> None:
    """Print how long an outline takes, and the same from all readings."""
    channel = Channel("131329", "mV", "strap-1")
    hz, start = 250.0, datetime(2026, 1, 1, tzinfo=UTC)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        with Store.open(Settings(home=home)) as store:
            patient = store.session(DOCTOR, "treatment").new_patient([])
            streams = Streams(store, DOCTOR, "treatment")
            chance, began = np.random.default_rng(1), time.perf_counter()
            for first in range(0, number, 500_000):
                n = np.arange(first, min(first + 500_000, number))
                at = ticks(start) + np.rint(n * (1e6 / hz)).astype(np.int64)
                values = np.round(np.sin(n / 40) + 0.05 * chance.standard_normal(len(n)), 3)
                streams.put(patient, [Stretch(channel, at, values)])
            put = time.perf_counter() - began
            size = sum(path.stat().st_size for path in home.glob("suwen.sqlite*"))
            end = start + timedelta(seconds=number / hz)
            part = start + (end - start) / 3, start + (end - start) / 2

            def all_of_it(span: tuple[datetime, datetime]) -> None:
                (found,) = streams.read(patient, channel.code, *span)
                outlined(found.at, found.values, ticks(span[0]), ticks(span[1]), 1000)

            print(f"\n{number:.0e} samples: put in {put:.1f} s, {size / number:.1f} bytes a sample")
            longest = 0.0
            for name, span in (("all", (start, end)), ("a sixth", part)):
                outline = timed(lambda s=span: streams.plot(patient, channel.code, *s, 1000))
                longest = max(longest, outline)
                whole = timed(lambda s=span: all_of_it(s), 3)
                print(f"plot of {name:<8} outline {outline:>6.0f} ms, from all {whole:>6.0f} ms")
            near = timed(
                lambda: streams.plot(
                    patient, channel.code, part[0], part[0] + timedelta(seconds=10), 2500
                )
            )
            newest = timed(lambda: streams.latest(patient))
            print(f"plot of 10 s      {near:>6.0f} ms; newest reading {newest:>6.1f} ms")
    print(targets.told(f"plot of {number:.0e} samples", longest, PLOT_MS, "ms"))
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"largest resident {largest} MiB (reading all of it included)")


def main() -> None:
    """Measure all of it, and say how long each part took."""
    quick = "quick" in sys.argv[1:]
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; ", end="")
    print(f"SQLite {sqlite3.sqlite_version}")
    parts: list[tuple[Callable[[int], None], int, int]] = [
        (throughput, 10_000, 20_000),
        (latency, 5, 20),
        (batches, 100, 300),
        (plots, 1_000_000, 10_000_000),
    ]
    for part, few, many in parts:
        began = time.perf_counter()
        part(few if quick else many)
        print(f"({part.__name__}: {time.perf_counter() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
