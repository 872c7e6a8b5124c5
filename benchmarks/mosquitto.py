"""A Mosquitto of our own on a free port, and a publisher in a process of its own."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

BINARY = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
CONFIG = """
listener {port} 127.0.0.1
allow_anonymous {anonymous}
persistence true
persistence_location {folder}/
max_queued_messages 0
max_inflight_messages 0
log_type error
log_type warning
"""


@contextlib.contextmanager
def broker(folder: Path, anonymous: bool = True) -> Iterator[int]:
    """Run a broker that keeps its messages in `folder`; yield its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o777)
    config = folder / "mosquitto.conf"
    config.write_text(CONFIG.format(port=port, folder=folder, anonymous=str(anonymous).lower()))
    process = subprocess.Popen([BINARY, "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def wait_for(port: int) -> None:
    """Wait until something listens on the port."""
    until = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def publisher(port: int, file: Path, rate: float = 0.0) -> subprocess.Popen[bytes]:
    """Publish the lines `TOPIC<tab>PAYLOAD` of a file with QoS 1, at most `rate` a second."""
    command = [sys.executable, "-m", "benchmarks.publish", str(port), str(file), str(rate)]
    return subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE)


def lines(file: Path, messages: Iterable[tuple[str, bytes]]) -> None:
    """Write messages for `publisher`."""
    with file.open("wb") as out:
        for topic, payload in messages:
            out.write(topic.encode() + b"\t" + payload + b"\n")
