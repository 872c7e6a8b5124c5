"""The decision log: entries a second, and the time to verify 10^5 of them.

The named alternative is the same rows in a bare SQLite table without hash, seal or anchor; one
entry a transaction (each waits for the disk), and 500 a transaction.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
import time
from pathlib import Path

from suwen.core.settings import Settings
from suwen.records import Store, verify_file
from suwen.records.log import Act

ENTRIES = 100_000
SINGLE = 500
BATCH = 500
DETAIL = {"references": ["Observation/abcdefghijklmnopqrstuvwxyz/_history/1"], "n": 1}


def act(number: int) -> Act:
    """Return an entry as a read leaves it."""
    return Act("dr-li", "read", "p" * 32, f"Observation/{number}", "treatment", DETAIL)


def bare(path: Path) -> sqlite3.Connection:
    """Return the table compared with."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL").close()
    connection.execute("PRAGMA synchronous=FULL").close()
    connection.execute(
        "CREATE TABLE log (n INTEGER PRIMARY KEY, at TEXT, person TEXT, act TEXT, patient TEXT, "
        "subject TEXT, purpose TEXT, detail TEXT)"
    ).close()
    return connection


def append_bare(connection: sqlite3.Connection, first: int, number: int) -> None:
    """Append rows in one transaction."""
    rows = [
        (i, time.time(), a.person, a.act, a.patient, a.subject, a.purpose, json.dumps(a.detail))
        for i, a in ((i, act(i)) for i in range(first, first + number))
    ]
    connection.execute("BEGIN").close()
    connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows).close()
    connection.execute("COMMIT").close()


def main() -> None:
    """Append alone and in batches, taking turns with the alternative; then verify."""
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.open(Settings(home=Path(folder) / "home")) as store,
    ):
        connection = bare(Path(folder) / "bare.sqlite")
        for name, size, total in (("alone", 1, SINGLE), ("batch", BATCH, ENTRIES - SINGLE)):
            ours = theirs = 0.0
            for first in range(0, total, size):
                start = time.perf_counter()
                with store.work() as work:
                    work.log_all([act(i) for i in range(first, first + size)])
                middle = time.perf_counter()
                append_bare(connection, first + (SINGLE if size > 1 else 0), size)
                ours, theirs = ours + middle - start, theirs + time.perf_counter() - middle
            print(
                f"{name} ({size} a transaction): {total / ours:9.0f} entries/s, "
                f"bare SQLite {total / theirs:9.0f}/s, ratio {ours / theirs:.2f}"
            )
        connection.close()
        start = time.perf_counter()
        result = store.log.verify()
        print(f"verify {result.count} entries in the store: {time.perf_counter() - start:.2f} s")
        path = Path(folder) / "log.jsonl"
        start = time.perf_counter()
        store.log.export(path)
        print(f"export {path.stat().st_size / 1e6:.0f} MB: {time.perf_counter() - start:.2f} s")
        start = time.perf_counter()
        offline = verify_file(path, store.secrets.log_seal)
        print(f"verify the exported file: {time.perf_counter() - start:.2f} s")
        if not (result.intact and offline.intact and offline.count == ENTRIES):
            raise SystemExit("the log is not intact")


if __name__ == "__main__":
    main()
