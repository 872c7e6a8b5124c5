"""A day of one ECG lead: fibrillation, QRS complexes, classes of all beats, memory.

Complexes are compared with XQRS and NeuroKit2.

The viewer is timed as a browser asks: one request of the API after another, on that day stored as a
WFDB record, with every beat told.

The lead is that of the MIT-BIH records one after another until it lasts 24 hours. The others only
find complexes and take minutes for a day, so all three are compared on two hours of it.
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, cast

import neurokit2
import numpy as np
from fastapi.testclient import TestClient
from wfdb.processing import XQRS

from benchmarks import targets
from suwen.app import rooms
from suwen.core import registry
from suwen.core.nouns import Band, Finding, Interval, Measure, TimeInterval
from suwen.core.settings import Settings
from suwen.diagnosis.compose import compose
from suwen.health.af.task import AF, fibrillates
from suwen.health.beats.data import FOLDER, lead_of_record
from suwen.health.beats.named import Said
from suwen.health.beats.read import read_beats
from suwen.health.beats.said import ECTOPIC
from suwen.health.signals.qrs import qrs_times
from suwen.health.signals.recording import WFDB_HEADER, WFDB_SIGNAL
from suwen.health.signals.tables import BeatTable, beats_attachment
from suwen.lifecycle import packs
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.pack import Pack
from suwen.records import Person, Store
from suwen.server.app import create_app

HOURS, COMPARED = 24, 2
RATE = 360
ROUNDS = 3
PLOT, PLOT_MS = "a window of 10^7 samples", 300
"""Milliseconds in which a plot of 10^7 samples is to answer."""
DOCTOR = Person("bench", "Bench", "clinician")
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


def calibrated(pack: Pack, task: Any, sample: Sample) -> np.ndarray:
    """Return the probability of each class of each beat."""
    output = task.predict(pack, sample)
    return np.asarray(cast(Any, pack.answers.calibrator).probability(output.parts["logits"]))


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


def stored(store: Store, lead: np.ndarray, table: BeatTable) -> tuple[str, str]:
    """Store a day as a WFDB record with a report on its beats; return patient and reference."""
    access = store.session(DOCTOR, "treatment")
    patient = access.new_patient([])
    raw = np.rint(np.nan_to_num(lead) * 200).astype("<i2")
    head = f"day 1 {RATE} {len(raw)}\nday.dat 16 200(0)/mV 16 0 0 0 0 II\n".encode()
    files = {"day.hea": (head, WFDB_HEADER), "day.dat": (raw.tobytes(), WFDB_SIGNAL)}
    digests = access.put_blobs(patient, list(files.values()))
    content = [
        {"attachment": {"contentType": kind, "url": f"blob/{digest}", "title": name}}
        for (name, (_, kind)), digest in zip(files.items(), digests, strict=True)
    ]
    document = {"resourceType": "DocumentReference", "status": "current", "content": content}
    (record,) = access.put([document], patient)
    beats = beats_attachment(table)
    access.put_blobs(patient, [(beats.data or b"", beats.media_type)])
    finding = Finding(
        task="health.ecg_beats",
        pack="health.ecg_beats@bench",
        code=ECTOPIC,
        band=Band.GREY,
        measures=(Measure(code=ECTOPIC, interval=Interval(value=1, low=1, high=1), unit="1"),),
        evidence=(TimeInterval(record=record.reference, start=0, end=len(raw) / RATE),),
        attachments=(beats,),
    )
    report = compose(access.case(patient), [finding], [], datetime.now(UTC))
    access.put([report], patient)
    return patient, record.reference


def viewer(lead: np.ndarray, table: BeatTable) -> None:
    """Print how long each request of the viewer takes."""
    with tempfile.TemporaryDirectory() as folder:
        chosen = Settings(home=Path(folder) / "home")
        with Store.open(chosen) as store:
            patient, record = stored(store, lead, table)
            app = create_app(store, chosen, cast(Any, None), cast(Any, None))
            http = TestClient(app)
            token = app.state.bench.sessions.begin(DOCTOR)
            http.headers["Authorization"] = f"Bearer {token}"

            def ask(path: str, **query: object) -> None:
                asked = {"record": record, **query}
                answer = http.get(f"/api/cases/{patient}/ecg{path}", params=cast(Any, asked))
                answer.raise_for_status()

            many, middle = 10_000_000 / RATE, len(lead) / RATE / 2
            plot = 0.0
            near = {"start": middle, "end": middle + 10, "margin": 1}
            print(f"| viewer, {len(lead):,} samples, {len(table):,} beats | milliseconds |")
            print("|---|---|")
            for name, path, query in (
                ("opened (decrypted, decoded, outlined)", "/window", {"end": 1e7}),
                ("the whole day in outline", "", {}),
                (PLOT, "/window", {"end": many}),
                ("the whole day in 3,000 columns", "/window", {"end": 1e7, "columns": 3000}),
                ("10 s with margins", "/window", near),
                ("the next ventricular beat", "/event", {"kind": "v", "at": middle}),
            ):
                rounds = 1 if name.startswith("opened") else ROUNDS
                taken = timed(lambda p=path, q=query: ask(p, **q), rounds)  # type: ignore[misc]
                print(f"| {name} | {1000 * taken:.0f} |")
                plot = taken if name == PLOT else plot
            http.close()
    print(f"\n{targets.told(PLOT, 1000 * plot, PLOT_MS, 'ms')}\n")


def main() -> None:
    """Time a day, then compare on two hours."""
    warnings.simplefilter("ignore")
    rooms.load()
    task = registry.find("health.ecg_beats")
    pack = packs.current(task.name)
    lead = day()
    packs.current(AF)
    start, busy = time.perf_counter(), time.process_time()

    def taken() -> tuple[float, float]:
        return time.perf_counter() - start, time.process_time() - busy

    spans = fibrillates(lead, RATE)
    searched = taken()
    beats = replace(read_beats(lead, RATE), fibrillating=spans)
    found = taken()
    evidence = (TimeInterval(record="Observation/1/_history/1", start=0, end=beats.seconds),)
    sample = Sample("day", beats, evidence)
    task.findings(pack, sample, task.predict(pack, sample))
    whole = taken()
    print(f"| a day of one lead, {len(beats):,} beats | seconds | of processors |")
    print("|---|---|---|")
    print("| looked through for fibrillation | {:.1f} | {:.1f} |".format(*searched))
    print("| and complexes found, every beat described | {:.1f} | {:.1f} |".format(*found))
    print(f"| and classified and told (target {TARGET:.0f}) | {whole[0]:.1f} | {whole[1]:.1f} |")
    print(f"| most memory, {lead.nbytes >> 20} MiB of it the lead | {memory():.0f} MiB | |\n")
    print(targets.told("a day of ECG", whole[0], TARGET, "s"))
    viewer(lead, Said.of(beats, calibrated(pack, task, sample)).table())
    compare(lead[: COMPARED * 3600 * RATE])


if __name__ == "__main__":
    main()
