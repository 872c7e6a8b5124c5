"""A day of one ECG lead: QRS complexes, classes of all beats, memory; against XQRS and NeuroKit2.

The lead is that of the MIT-BIH records one after another until it lasts 24 hours. The others only
find complexes and take minutes for a day, so all three are compared on two hours of it.
"""

from __future__ import annotations

import json
import resource
import time
import warnings
from collections.abc import Callable
from statistics import median

import neurokit2
import numpy as np
from wfdb.processing import XQRS

from benchmarks import targets
from suwen.app import rooms
from suwen.core import registry
from suwen.core.nouns import TimeInterval
from suwen.health.beats_read import read_beats
from suwen.health.ecg_beats_data import FOLDER, lead_of_record
from suwen.health.qrs import qrs_times
from suwen.lifecycle import packs
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.task import Sample

HOURS, COMPARED = 24, 2
RATE = 360
ROUNDS = 3
TARGET = 20.0
"""Seconds that a day may take on two cores."""


def day() -> np.ndarray:
    """Return 24 hours in mV, float32."""
    folder = DataFolders.from_settings().find(FOLDER)
    about = json.loads((folder / "records.json").read_bytes())
    found, at = np.empty(HOURS * 3600 * RATE, dtype=np.float32), 0
    while at < len(found):
        for name, one in sorted(about.items()):
            part = lead_of_record(folder, name, one)[: len(found) - at]
            found[at : at + len(part)] = part
            at += len(part)
    return found


def timed(run: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the median seconds of some rounds."""
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return median(found)


def memory() -> float:
    """Return the highest memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def compare(part: np.ndarray) -> None:
    """Print how long each takes to find the complexes of the same two hours."""
    wide = part.astype(np.float64)
    cleaned = neurokit2.ecg_clean(wide, sampling_rate=RATE)
    ways: dict[str, Callable[[], object]] = {
        "suwen": lambda: qrs_times(part, RATE),
        "NeuroKit2": lambda: neurokit2.ecg_findpeaks(cleaned, sampling_rate=RATE),
        "wfdb XQRS": lambda: XQRS(sig=wide, fs=RATE).detect(verbose=False),
    }
    own = 0.0
    print(f"| complexes of {COMPARED} h by | seconds | ratio to suwen |")
    print("|---|---|---|")
    for name, way in ways.items():
        taken = timed(way, 1 if name == "wfdb XQRS" else ROUNDS)
        own = own or taken
        print(f"| {name} | {taken:.2f} | {taken / own:.1f} |")


def main() -> None:
    """Time a day, then compare on two hours."""
    warnings.simplefilter("ignore")
    rooms.load()
    task = registry.find("health.ecg_beats")
    pack = packs.current(task.name)
    lead = day()
    start, busy = time.perf_counter(), time.process_time()
    beats = read_beats(lead, RATE)
    found = time.perf_counter() - start, time.process_time() - busy
    evidence = (TimeInterval(record="Observation/1/_history/1", start=0, end=beats.seconds),)
    sample = Sample("day", beats, evidence)
    task.findings(pack, sample, task.predict(pack, sample))
    whole = time.perf_counter() - start, time.process_time() - busy
    print(f"| a day of one lead, {len(beats):,} beats | seconds | of processors |")
    print("|---|---|---|")
    print("| complexes found, every beat described | {:.1f} | {:.1f} |".format(*found))
    print(f"| and classified and told (target {TARGET:.0f}) | {whole[0]:.1f} | {whole[1]:.1f} |")
    print(f"| most memory, {lead.nbytes >> 20} MiB of it the lead | {memory():.0f} MiB | |\n")
    print(targets.told("a day of ECG", whole[0], TARGET, "s"))
    compare(lead[: COMPARED * 3600 * RATE])


if __name__ == "__main__":
    main()
