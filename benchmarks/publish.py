"""`python -m benchmarks.publish PORT FILE RATE`: publish the lines of a file with QoS 1.

`python -m benchmarks.publish PORT TOKENS.json RATE SECONDS` publishes readings of the moment in
which they are sent, of the devices of that file in turn.

Writes the packets itself (MQTT 3.1.1), so that it takes little of the machine that is measured;
keeps at most 2,000 unacknowledged. Prints the seconds it took once all are acknowledged.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

WINDOW = 2_000


def _packet(kind: int, body: bytes) -> bytes:
    length, size = bytearray(), len(body)
    while True:
        size, digit = divmod(size, 128)
        length.append(digit | (0x80 if size else 0))
        if not size:
            return bytes([kind]) + bytes(length) + body


def _text(text: bytes) -> bytes:
    return struct.pack(">H", len(text)) + text


Made = Iterable[tuple[bytes, bytes]]


def of_file(file: Path) -> list[tuple[bytes, bytes]]:
    """Return the messages of a file."""
    pairs = (line.rstrip(b"\n").split(b"\t", 1) for line in file.open("rb"))
    return [(topic, payload) for topic, payload in pairs]


def of_now(tokens: Path, number: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield readings of the moment in which they are asked for."""
    devices = sorted(json.loads(tokens.read_text()).items())
    for n in range(number):
        name, token = devices[n % len(devices)]
        said = {
            "token": token,
            "code": "8867-4",
            "unit": "/min",
            "at": datetime.now(UTC).isoformat(),
            "value": 60 + n % 40,
        }
        yield f"suwen/v1/{name}/readings".encode(), json.dumps(said).encode()


def publish(port: int, messages: Made, number: int, rate: float) -> float:
    """Publish, wait for every acknowledgement, and return the seconds."""
    sock = socket.create_connection(("127.0.0.1", port))
    name = f"bench-{time.time_ns()}".encode()
    sock.sendall(_packet(0x10, _text(b"MQTT") + bytes([4, 2]) + struct.pack(">H", 0) + _text(name)))
    sock.recv(4)
    free, acknowledged, done = threading.Semaphore(WINDOW), [0], threading.Event()

    def collect() -> None:
        held = b""
        with contextlib.suppress(OSError):
            while acknowledged[0] < number:
                held += sock.recv(65536)
                whole = len(held) // 4  # every answer is a PUBACK of 4 bytes
                held = held[4 * whole :]
                acknowledged[0] += whole
                free.release(whole) if whole else None
        done.set()

    threading.Thread(target=collect, daemon=True).start()
    began, out = time.perf_counter(), bytearray()
    for n, (topic, payload) in enumerate(messages):
        if not free.acquire(blocking=False):
            sock.sendall(out)
            out.clear()
            free.acquire()
        out += _packet(0x32, _text(topic) + struct.pack(">H", n % 65535 + 1) + payload)
        if rate:
            ahead = n / rate - (time.perf_counter() - began)
            if ahead > 0.002:
                sock.sendall(out)
                out.clear()
                time.sleep(ahead)
        elif len(out) > 32_768:
            sock.sendall(out)
            out.clear()
    sock.sendall(out)
    done.wait()
    sock.close()
    return time.perf_counter() - began


def main() -> None:
    """Publish what the command line says."""
    port, file, rate = int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    if sys.argv[4:]:
        number = int(rate * float(sys.argv[4]))
        print(publish(port, of_now(file, number), number, rate))
    else:
        messages = of_file(file)
        print(publish(port, messages, len(messages), rate))


if __name__ == "__main__":
    main()
