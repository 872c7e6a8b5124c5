"""The record store: FHIR resources a second, against a bare SQLite insert of the same JSON.

Ours validates, renames, indexes, encrypts and logs every resource; the named alternative writes the
JSON text into one SQLite table (WAL, synchronous FULL). The two take turns, bundle by bundle, one
transaction each (patients are registered before), so a busy machine slows both alike. Time per
resource is printed as the store grows from 10^3 to 10^5 resources, on the wall and on the
processor. `python -m benchmarks.speed.records 10000` stops earlier.
"""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from suwen.core.settings import Settings
from suwen.records import Person, Store
from suwen.records.fhir.door import validate

STAGES = (1_000, 10_000, 100_000)
BUNDLE = 500
BUNDLES = "text/fhir_synthea_r4/bundles.tar.gz"
TARGET = 4_000
DOCTOR = Person("bench", "Bench", "clinician")
Bundle = list[dict[str, Any]]


@dataclass
class Clock:
    """Wall and processor seconds spent, and of how many resources."""

    wall: list[float] = field(default_factory=list)
    processor: float = 0.0
    resources: int = 0

    def measure(self, work: Any, resources: int) -> None:
        """Do the work and add its time."""
        start, busy = time.perf_counter(), time.process_time()
        work()
        self.wall.append(time.perf_counter() - start)
        self.processor += time.process_time() - busy
        self.resources += resources

    def since(self, earlier: tuple[int, float, int]) -> tuple[float, float]:
        """Return microseconds a resource since a mark, on the wall and on the processor."""
        calls, processor, resources = earlier
        number = (self.resources - resources) or 1
        return sum(self.wall[calls:]) / number * 1e6, (self.processor - processor) / number * 1e6

    def mark(self) -> tuple[int, float, int]:
        """Return where the clock stands."""
        return len(self.wall), self.processor, self.resources


def synthea(folders: list[Path]) -> list[Bundle]:
    """Return the patients of the Synthea sample, one list of valid resources each."""
    for folder in folders:
        if (path := folder / BUNDLES).exists():
            break
    else:
        return []
    found = []
    with tarfile.open(path) as archive:
        for member in archive:
            if not member.name.endswith(".json") or member.name[0] in "hp":
                continue  # The two lists of hospitals and practitioners are no patients.
            entries = json.load(archive.extractfile(member))["entry"]  # type: ignore[arg-type]
            resources = [entry["resource"] for entry in entries]
            problems = validate(resources)
            found.append(
                [
                    resource
                    for resource, bad in zip(resources, problems, strict=True)
                    if not any(problem.severity == "error" for problem in bad)
                ]
            )
    return found


def observations(number: int) -> Bundle:
    """Return generated vital signs of one patient, about 0.5 KB each."""
    return [
        {
            "resourceType": "Observation",
            "id": f"o{i}",
            "status": "final",
            "category": [{"coding": [{"code": "vital-signs"}]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
            "subject": {"reference": "Patient/p"},
            "effectiveDateTime": f"2024-{i % 12 + 1:02}-{i % 28 + 1:02}T10:00:00+08:00",
            "valueQuantity": {
                "value": 60 + i % 60,
                "unit": "/min",
                "system": "http://unitsofmeasure.org",
                "code": "/min",
            },
        }
        for i in range(number)
    ]


class Bare:
    """One table of JSON text."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=WAL").close()
        self.connection.execute("PRAGMA synchronous=FULL").close()
        self.connection.execute("CREATE TABLE record (id TEXT PRIMARY KEY, content TEXT)").close()
        self._numbers = itertools.count()

    def put(self, bundle: Bundle) -> None:
        """Write a bundle in one transaction."""
        rows = [(f"{next(self._numbers)}-{r.get('id')}", json.dumps(r)) for r in bundle]
        self.connection.execute("BEGIN").close()
        self.connection.executemany("INSERT INTO record VALUES (?, ?)", rows).close()
        self.connection.execute("COMMIT").close()


def run(bundles: Iterator[Bundle], stages: tuple[int, ...], name: str) -> None:
    """Fill both until the last stage, and print a line at each."""
    with tempfile.TemporaryDirectory() as folder:
        bare, ours, theirs, checked = Bare(Path(folder) / "bare.sqlite"), Clock(), Clock(), Clock()
        with Store.open(Settings(home=Path(folder) / "home")) as store:
            access = store.session(DOCTOR, "treatment")
            marks = ours.mark(), theirs.mark(), checked.mark()
            print(
                f"\n{name}\n{'resources':>10} {'us each':>9} {'us cpu':>8} {'bare us':>9}", end=""
            )
            print(f" {'bare cpu':>9} {'validate':>9} {'wall ratio':>11} {'each second':>12}")
            for stage in stages:
                while ours.resources < stage:
                    bundle, patient = next(bundles), access.new_patient([])
                    ours.measure(lambda b=bundle, p=patient: access.put(b, p), len(bundle))
                    theirs.measure(lambda b=bundle: bare.put(b), len(bundle))
                    if len(checked.wall) * 10 < len(ours.wall):
                        checked.measure(lambda b=bundle: validate(b), len(bundle))
                (wall, cpu), (plain, plain_cpu), (_, check) = (
                    clock.since(mark)
                    for clock, mark in zip((ours, theirs, checked), marks, strict=True)
                )
                print(
                    f"{ours.resources:>10} {wall:>9.0f} {cpu:>8.0f} {plain:>9.0f}"
                    f" {plain_cpu:>9.0f} {check:>9.0f} {wall / plain:>11.2f} {1e6 / wall:>12.0f}",
                    flush=True,
                )
                marks = ours.mark(), theirs.mark(), checked.mark()
        bare.connection.close()
        rates = sorted(ours.wall)
        each = ours.resources / len(ours.wall)
        print(
            f"a bundle of {each:.0f}: median {each / rates[len(rates) // 2]:.0f}/s, "
            f"fastest tenth {each / rates[len(rates) // 10]:.0f}/s; "
            f"processor alone {ours.resources / ours.processor:.0f}/s (target {TARGET}/s)"
        )


def main() -> None:
    """Measure on real bundles where they are found, and on generated ones."""
    sizes = tuple(size for size in STAGES if size <= int(sys.argv[1])) if sys.argv[1:] else STAGES
    folders = [Path(part) for part in os.environ.get("SUWEN_DATA", "").split(":") if part]
    folders.append(Path(__file__).parents[3] / "shared" / "data")
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    run(
        itertools.repeat(observations(BUNDLE)), sizes, f"generated vital signs, bundles of {BUNDLE}"
    )
    if patients := synthea(folders):
        size = sum(len(json.dumps(r)) for p in patients for r in p) / sum(map(len, patients)) / 1000
        run(itertools.cycle(patients), sizes, f"Synthea patients, {size:.1f} KB a resource")
    else:
        print("Synthea bundles not found (set SUWEN_DATA): skipped")


if __name__ == "__main__":
    main()
