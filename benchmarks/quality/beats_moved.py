"""What is told of beats in leads that movement has changed: all of them, and those that are read.

The robustness card of `health.ecg_beats` asks the classifier alone. Here stand beside it the beats
in windows that the quality gate lets through, and what would be if stretches that
`health.signals.moved` finds were left out as well, as they are for the rhythm of a strip. Records
of DS1, each by the member that never saw it; intervals by bootstrap over records.

    python -m benchmarks.quality.beats_moved
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass

import numpy as np

from suwen.app import rooms
from suwen.core import registry
from suwen.core.settings import settings
from suwen.health.beats import data
from suwen.health.beats.fit import TREES
from suwen.health.beats.named import merged
from suwen.health.beats.read import read_beats
from suwen.health.signals import changes as ecg_changes
from suwen.health.signals import moved as ecg_moved
from suwen.health.signals import strip
from suwen.health.signals.qrs import Numbers
from suwen.lifecycle import packs, split
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.pack import Pack

STRENGTHS = (0.0, 0.1, 0.3, 1.0)
SUPRAVENTRICULAR, VENTRICULAR = 1, 2
RESAMPLES = 1000


@dataclass(frozen=True)
class Told:
    """Beats of a record: truth, what is named, in a poor window, in a moved stretch; each (n,)."""

    truth: np.ndarray
    named: np.ndarray
    poor: np.ndarray
    moved: np.ndarray


def told(pack: Pack, record: data.Labelled, strength: float) -> Told:
    """Return what is told of the beats of a record that movement of that many mV has changed."""

    def change(lead: Numbers, rate: float) -> tuple[Numbers, float]:
        rng = np.random.default_rng(zlib.crc32(f"{record.name} {strength:g}".encode()))
        return ecg_changes.movement(lead, rate, strength, rng) if strength else (lead, rate)

    whole = record.beats.together
    if whole is None or whole.again is None:
        raise ValueError(f"record {record.name} cannot be read again")
    beats = whole.again(change)
    person = data.SAME_PERSON.get(record.name, record.name)
    fold = split.fold_of(f"mitdb-record-{person}", pack.members)
    logits = np.asarray(pack.booster(TREES, fold).predict(beats.rows, raw_score=True))
    lead, rate = change(record.lead(), record.rate)
    raw = strip.at_rate(lead, rate)
    shaken = ecg_moved.moved(raw, np.zeros(len(raw), dtype=bool))
    at = np.clip((beats.at * strip.RATE).astype(int), 0, len(raw) - 1)
    poor = np.zeros(len(beats.at), dtype=bool)
    for start, end in read_beats(lead, rate).poor:
        poor |= (beats.at >= start) & (beats.at < end)
    kept = record.labels >= 0
    named = merged(logits, beats).argmax(1)
    return Told(record.labels[kept], named[kept], poor[kept], shaken[at][kept])


def f1(rows: list[Told], kind: int, held: str) -> float:
    """Return the F1 of a class among the beats that are not held back."""
    right = wrong = 0
    for one in rows:
        read = ~held_back(one, held)
        true, called = one.truth[read] == kind, one.named[read] == kind
        right += int((true & called).sum())
        wrong += int((true ^ called).sum())
    return 2 * right / max(1, 2 * right + wrong)


def held_back(one: Told, held: str) -> np.ndarray:
    """Return which beats are held back."""
    return {"none": np.zeros(len(one.truth), dtype=bool), "poor": one.poor}.get(
        held, one.poor | one.moved
    )


def interval(rows: list[Told], kind: int, held: str) -> str:
    """Return an F1 with its 95 % interval."""
    rng = np.random.default_rng(0)
    drawn = [
        f1([rows[k] for k in rng.integers(0, len(rows), len(rows))], kind, held)
        for _ in range(RESAMPLES)
    ]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return f"{f1(rows, kind, held):.3f} [{low:.3f}, {high:.3f}]"


def main() -> None:
    """Measure and print a table."""
    rooms.load()
    pack = packs.current(registry.find("health.ecg_beats").name)
    folder = DataFolders(settings().data).find(data.FOLDER)
    about = json.loads((folder / "records.json").read_bytes())
    records = [
        data.record_of(folder, name, one)
        for name, one in sorted(about.items())
        if one["split"] == "DS1" and name not in data.LEFT_OUT
    ]
    print("| movement (mV) | held back | of all beats | of V | F1 of V | F1 of S |")
    print("|---|---|---|---|---|---|")
    for strength in STRENGTHS:
        rows = [told(pack, one, strength) for one in records]
        for held in ("none", "poor", "poor and moved"):
            gone = np.concatenate([held_back(one, held) for one in rows])
            wide = np.concatenate([one.truth for one in rows]) == VENTRICULAR
            print(
                f"| {strength:g} | {held} | {gone.mean():.3f} | {gone[wide].mean():.3f} | "
                f"{interval(rows, VENTRICULAR, held)} | "
                f"{interval(rows, SUPRAVENTRICULAR, held)} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
