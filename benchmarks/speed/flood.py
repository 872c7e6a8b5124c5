"""A million messages at once: nothing lost, memory that does not grow, and a state that tells it.

Everything waits in a real Mosquitto when `suwen gateway` (a process of its own) comes back from a
kill. Beside it a naive subscriber: paho as it comes, acknowledged on receipt, messages in a queue
in memory until another thread has inserted them into one table, one at a time. It is killed once
the broker has handed everything over. Largest resident size is VmHWM of each one's own process id.

`python -m benchmarks.speed.flood quick` sends 20,000; `... NUMBER` any number.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import mosquitto, targets
from benchmarks.speed.streams import Ward
from suwen.core.settings import Settings
from suwen.records import Store
from suwen.records.streams import gateway_state
from suwen.records.streams.gateway_state import GatewayState

NUMBER, QUICK = 1_000_000, 20_000
LOOK_S = 0.25
BOUNDED = 64
"""MiB that the gateway may grow over what it takes when idle, however much waits."""
LONGEST_S = 500.0
NAIVE = """
import queue, sqlite3, sys, threading
import paho.mqtt.client as mqtt
port, path, wanted = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
waiting, received, written = queue.Queue(), [0], [0]
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "naive", clean_session=False)
def arrived(client, data, message):
    waiting.put((message.topic, message.payload))
    received[0] += 1
    if received[0] == wanted:
        memory = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) // 1024
        print(written[0], memory, flush=True)
client.on_message = arrived
client.on_connect = lambda c, *_: c.subscribe("suwen/v1/+/readings", 1)
client.on_subscribe = lambda *_: print("ready", flush=True)
def write():
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE IF NOT EXISTS reading (topic TEXT, payload BLOB)")
    while True:
        db.execute("INSERT INTO reading VALUES (?, ?)", waiting.get())
        written[0] += 1
threading.Thread(target=write, daemon=True).start()
client.connect("127.0.0.1", port)
client.loop_forever()
"""


@dataclass
class Course:
    """What was seen while the flood ran off.

    Parameters
    ----------
    before, largest
        Resident size when only waiting, and the largest of all (MiB).
    seconds
        Until everything was stored.
    states
        How the gateway said it stands, one after the other.
    """

    before: int = 0
    largest: int = 0
    seconds: float = 0.0
    states: list[str] = field(default_factory=list)


def of_process(name: str, pid: int) -> int:
    """Return a line of /proc/PID/status in MiB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split(f"{name}:")[1].split()[0]) // 1024


@contextmanager
def gateway(home: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """Run `suwen gateway` and yield it once it listens."""
    command = [sys.executable, "-c", "from suwen.app.main import main; main()", "gateway"]
    where = os.environ | {"SUWEN_HOME": str(home), "SUWEN_MQTT_URL": f"mqtt://127.0.0.1:{port}"}
    process = subprocess.Popen(
        command, env=where, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def stored(home: Path) -> int:
    """Return how many readings are committed."""
    with sqlite3.connect(f"file:{home}/suwen.sqlite?mode=ro", uri=True) as database:
        row = database.execute("SELECT coalesce(sum(size), 0) FROM stream_chunk").fetchone()
        return int(row[0])


def fill(ward: Ward, port: int, number: int) -> float:
    """Publish so many messages while nobody listens; return the seconds."""
    file = ward.home.parent / "messages"
    start = datetime.now(UTC) - timedelta(days=3)
    mosquitto.lines(file, ward.messages(number, start, timedelta(milliseconds=2)))
    return float(mosquitto.publisher(port, file).communicate()[0])


def ours(number: int, folder: Path) -> Course:
    """Have `suwen gateway` take a flood."""
    ward, course = Ward(folder / "home"), Course()
    ward.open()
    with mosquitto.broker(folder / "broker") as port, Store.open(Settings(home=ward.home)) as store:
        with gateway(ward.home, port) as first:  # its session begins; then it is killed
            listens(store, first)
            course.before = of_process("VmRSS", first.pid)
            first.send_signal(signal.SIGKILL)
        taken = fill(ward, port, number)
        print(f"{number:,} messages accepted by the broker in {taken:.0f} s", flush=True)
        began = time.perf_counter()
        with gateway(ward.home, port) as process:
            while (kept := stored(ward.home)) < number:
                if time.perf_counter() - began > LONGEST_S or process.poll() is not None:
                    raise SystemExit(f"only {kept:,} of {number:,} stored")
                note(course, gateway_state.told(store))
                time.sleep(LOOK_S)
            course.seconds = time.perf_counter() - began
            time.sleep(2 * LOOK_S)
            note(course, gateway_state.told(store))
            course.largest = of_process("VmHWM", process.pid)
            process.send_signal(signal.SIGTERM)
            print("suwen gateway:", "; ".join(process.communicate()[0].splitlines()))
        if (kept := stored(ward.home)) != number:
            raise SystemExit(f"{kept:,} readings stored of {number:,} messages")
    return course


def listens(store: Store, process: subprocess.Popen[str]) -> None:
    """Wait until the gateway says that it listens."""
    while gateway_state.told(store) is not GatewayState.LISTENING:
        if process.poll() is not None:
            raise SystemExit("suwen gateway ended")
        time.sleep(0.05)


def note(course: Course, state: GatewayState) -> None:
    """Add a state where it is another than before."""
    if not course.states or course.states[-1] != state.value:
        course.states.append(state.value)


def naive(number: int, folder: Path) -> tuple[int, int, float]:
    """Have a subscriber that queues in memory take it: MiB, messages lost by a kill, seconds."""
    ward, plain = Ward(folder / "home"), folder / "plain.sqlite"
    ward.open()
    with mosquitto.broker(folder / "broker") as port:
        what = [sys.executable, "-c", NAIVE, str(port), str(plain), str(number)]
        for last in (False, True):
            began = time.perf_counter()
            process = subprocess.Popen(what, stdout=subprocess.PIPE, text=True)
            assert process.stdout is not None
            said = process.stdout.readline()
            if not last:
                process.kill()
                process.communicate()
                fill(ward, port, number)
        if said == "ready\n":  # what waited may come before the subscription is answered
            said = process.stdout.readline()
        _, memory = (int(one) for one in said.split())
        seconds = time.perf_counter() - began
        process.kill()
        process.communicate()
    with sqlite3.connect(plain) as database:
        kept = int(database.execute("SELECT count(*) FROM reading").fetchone()[0])
    return memory, number - kept, seconds


def main(words: list[str]) -> None:
    """Send the flood to both."""
    number = QUICK if "quick" in words else int(words[0]) if words else NUMBER
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        course = ours(number, Path(folder))
    print(f"| {number:,} messages of one reading at once | largest resident | stored in | lost |")
    print("|---|---|---|---|")
    rate = number / course.seconds
    print(
        f"| `suwen gateway` ({course.before} MiB when idle) | {course.largest} MiB | "
        f"{course.seconds:.0f} s, its start included ({rate:,.0f}/s) | 0 |",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        memory, lost, seconds = naive(number, Path(folder))
    print(
        f"| queued in memory, one insert each | {memory} MiB | received in {seconds:.0f} s "
        f"({number / seconds:,.0f}/s), then killed | {lost:,} |"
    )
    print(f"states it told: {', '.join(course.states)}")
    grown = course.largest - course.before
    print(f"memory: {course.largest / memory:.2f} of the naive")
    print(targets.told("growth of the gateway", grown, BOUNDED, "MiB"))
    if GatewayState.BEHIND.value not in course.states:
        raise SystemExit("the gateway never said that it was behind")


if __name__ == "__main__":
    main(sys.argv[1:])
