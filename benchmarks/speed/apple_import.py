"""Reading an Apple Health export of 1 GB: megabytes a second and peak memory.

Ours reads the file as a stream into readings (units, limits, times checked); the named alternative
is `xml.etree` parsing the whole file, on a smaller one, for it holds the tree in memory. The last
row also stores what was read (sealed, committed, on SQLite) and makes Observations. Each run is a
process of its own, so that its peak memory is its own; the time is without its start.
`python -m benchmarks.speed.apple_import 100` takes a smaller export.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.apple_export import MEGABYTE, write

LARGE = 1024
SMALL = 100
RUNS = {
    "ours": """
from suwen.gateway.devices.files import sources
from suwen.gateway.devices.importing import samples_of
from suwen.gateway.devices.converted import Converter
from suwen.gateway.devices.sample import Problems
start = time.perf_counter()
problems = Problems()
(source,) = sources(path, None)
count = sum(1 for _ in Converter(problems).readings(samples_of(source, problems)[1]))
""",
    "xml.etree": """
import xml.etree.ElementTree as tree
start = time.perf_counter()
count = sum(1 for _ in tree.parse(path).getroot().iter('Record'))
""",
    "ours, stored": """
from suwen.app.importing import import_devices
from suwen.app.services import operator
from suwen.cli import ImportRequest
from suwen.core.settings import Settings
from suwen.records import Store
home = Settings(home=path.parent / 'home')
with Store.open(home) as store:
    access = store.session(operator(store), 'treatment')
    patient = access.new_patient([('urn:bench', '1')])
    access.put([{'resourceType': 'Patient', 'id': patient}], patient)
start = time.perf_counter()
done = import_devices(ImportRequest(path, patient), home)
count = done.stored
""",
}
FRAME = """
import json, resource, sys, time
from pathlib import Path
path = Path(sys.argv[1])
{body}
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([count, seconds, peak]))
"""


def run(name: str, path: Path) -> tuple[int, float, float]:
    """Return how many readings, seconds and peak MB one run in a process of its own took."""
    done = subprocess.run(
        [sys.executable, "-c", FRAME.format(body=RUNS[name]), str(path)],
        check=True,
        capture_output=True,
        text=True,
    )
    count, seconds, peak = json.loads(done.stdout)
    return count, seconds, peak


def main(large: int) -> None:
    print(f"{'reader':<14} {'MB':>6} {'readings':>10} {'s':>7} {'MB/s':>7} {'peak MB':>8}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.xml"
        plan = [(min(SMALL, large), ("xml.etree", "ours")), (large, ("ours", "ours, stored"))]
        for size, names in plan:
            megabytes = write(path, size * MEGABYTE) / MEGABYTE
            for name in names:
                start = time.perf_counter()
                count, seconds, peak = run(name, path)
                rate = megabytes / seconds
                print(
                    f"{name:<14} {megabytes:>6.0f} {count:>10,} {seconds:>7.1f} {rate:>7.1f}"
                    f" {peak:>8.0f}  ({time.perf_counter() - start:.1f} s with its start)",
                    flush=True,
                )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else LARGE)
