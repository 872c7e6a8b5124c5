"""Beats from the raw lead on: complexes found, against XQRS and NeuroKit2, and their classes.

Complexes as EC57 measures them: from the sixth minute on, within 150 ms, without flutter. Classes
from end to end: each record by the members that never saw it, on the beats that were found; a beat
missed is one not named, a false one counts against the class it is given.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import neurokit2
import numpy as np
from wfdb.processing import XQRS

from suwen.app import rooms
from suwen.core import registry
from suwen.health.beats import data
from suwen.health.beats.fit import TREES
from suwen.health.beats.read import read_beats
from suwen.health.signals.annotations import BEATS, read_annotations
from suwen.health.signals.qrs import Numbers, qrs_times
from suwen.lifecycle import packs, split
from suwen.lifecycle.data import DataFolders

NAMES = {1: "S", 2: "V"}


def neurokit(lead: Numbers, rate: float) -> Numbers:
    """Return NeuroKit2's complexes, by its defaults."""
    cleaned = neurokit2.ecg_clean(lead, sampling_rate=int(rate))
    found = neurokit2.ecg_findpeaks(cleaned, sampling_rate=int(rate))["ECG_R_Peaks"]
    return np.asarray(found) / rate


def xqrs(lead: Numbers, rate: float) -> Numbers:
    """Return the complexes of wfdb's XQRS."""
    detector = XQRS(sig=lead, fs=rate)
    detector.detect(verbose=False)
    return np.asarray(detector.qrs_inds) / rate


WAYS: dict[str, Callable[[Numbers, float], Numbers]] = {
    "suwen": qrs_times,
    "wfdb XQRS": xqrs,
    "NeuroKit2": neurokit,
}


def reference(folder: Path, name: str, rate: float):
    """Return moments and classes of the true beats, and when the ventricles flutter."""
    marks = read_annotations((folder / "ann" / f"{name}.atr").read_bytes())
    beat = np.array([symbol in BEATS for symbol in marks.symbols], dtype=bool)
    labels = np.array([data.CLASSES.get(symbol, -1) for symbol in marks.symbols[beat]])
    return marks.samples[beat] / rate, labels, data.flutter(marks, rate)


def named(task, pack, name: str, lead: Numbers, rate: float) -> tuple[Numbers, np.ndarray]:
    """Return the beats found in a record and what the member that never saw it calls them."""
    fold = split.fold_of(f"mitdb-record-{name}", pack.members)
    beats = read_beats(lead, rate)
    logits = pack.booster(TREES, fold).predict(beats.rows, raw_score=True)
    calibrator = pack.answers.of_fold(fold)
    return beats.at, calibrator.probability(np.asarray(logits)).argmax(1)


def main() -> None:
    """Print both tables."""
    warnings.simplefilter("ignore")
    rooms.load()
    task = registry.find("health.ecg_beats")
    pack = packs.current(task.name)
    folder = DataFolders.from_settings().find(data.FOLDER)
    about = json.loads((folder / "records.json").read_bytes())
    counts = {(way, part): np.zeros(3, dtype=int) for way in WAYS for part in ("DS1", "paced")}
    cells = {kind: np.zeros(3, dtype=int) for kind in NAMES}
    for name, one in sorted(about.items()):
        rate = float(one["fs"])
        lead = data.lead_of_record(folder, name, one)
        moments, labels, without = reference(folder, name, rate)
        for way, find in WAYS.items():
            found = data.scored(moments, find(lead, rate), without)
            right = int((found.counts & found.found).sum())
            missed = int((found.counts & ~found.found).sum())
            counts[way, one["split"]] += (right, missed, len(found.false))
        if one["split"] != "DS1" or name in data.LEFT_OUT:
            continue
        at, called = named(task, pack, name, lead, rate)
        for start, end in without:
            kept = (at < start) | (at > end)
            at, called = at[kept], called[kept]
        own, others = data.matched(moments, at)
        for kind in NAMES:
            right = int(((labels[own] == kind) & (called[others] == kind)).sum())
            cells[kind] += (right, (labels == kind).sum() - right, (called == kind).sum() - right)
    print("| complexes by | records | sensitivity | positive predictive value |\n|---|---|---|---|")
    for (way, part), (right, missed, false) in counts.items():
        print(
            f"| {way} | {part} | {right / (right + missed):.2%} | {right / (right + false):.2%} |"
        )
    print(
        "\n| class, end to end | sensitivity | positive predictive value | F1 |\n|---|---|---|---|"
    )
    for kind, (right, missed, false) in cells.items():
        sensitivity, precision = right / (right + missed), right / (right + false)
        both = 2 * right / (2 * right + missed + false)
        print(f"| {NAMES[kind]} | {sensitivity:.1%} | {precision:.1%} | {both:.3f} |")


if __name__ == "__main__":
    main()
