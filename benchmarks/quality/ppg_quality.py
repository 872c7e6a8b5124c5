"""Does the index of a pulse wave tell when the heart rate read from it is right?

There are no labels of PPG quality here, so the truth is indirect. Real: of two monitor records with
ECG and PPG together (a103l, v102s of CinC 2015; 5 minutes each) a window of 10 s is right where the
rate of the pulses lies within 5 a minute of that of the ECG; windows are left out where a lead of
the ECG is poor or two leads of it disagree.
Made: recordings of heartpy (three, 13 minutes) are taken as clean; movement is added to windows
(noise of 0.3 to 5 Hz, of which pulses are hard to tell, 0.3 to 4 times as large as the wave, and
dropouts), and a window is right where its rate stays within 5 a minute. The floors are single known
indices: amplitude, skewness (Elgendi 2016), likeness of pulses alone. Intervals are drawn over
minutes of recordings, as windows of a minute are alike; two records are few, and made noise is no
movement of a person: take the figures as that.

Needs `vitals/waveform_samples` and `vitals/ppg_heartpy` in SUWEN_DATA.
"""

from __future__ import annotations

import csv
import io
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suwen.core.settings import settings
from suwen.health.signals.quality import POOR, WINDOW, ecg_quality, ppg_quality
from suwen.health.signals.recording import ECG, PPG, read_recording
from suwen.health.signals.strip import RATE, lost_parts, pulses_of, strip_of
from suwen.lifecycle.data import DataFolders
from suwen.metrics import discrimination
from suwen.metrics.intervals import estimates

Signal = NDArray[np.float64]
NEAR: Final = 5.0
"""Beats a minute within which a rate is right."""
STRENGTHS: Final = (0.3, 0.6, 1.0, 2.0, 4.0)
SEEDS: Final = 2
HEARTPY: Final = (("data.csv", 100.0), ("data2.csv.xz", 117.0), ("data3.csv.xz", 100.0))
"""Files and samples a second; the rates of the second and third are taken from their own times."""


class Window(NamedTuple):
    """What is known of one window: indices, whether its rate is right, whose minute it is."""

    index: float
    amplitude: float
    skewness: float
    likeness: float
    right: bool
    group: str


def rate_of(beats: NDArray[np.int64]) -> float:
    """Return beats a minute from the median interval; NaN of fewer than three beats."""
    return 60 * RATE / float(np.median(np.diff(beats))) if len(beats) > 2 else float("nan")


def pulse_rate(values: Signal, rate: float) -> float:
    """Return the rate of a window of pulse wave."""
    return rate_of(pulses_of(lost_parts(values, rate).filled, rate)[1])


def window(values: Signal, rate: float, truth: float, group: str) -> Window:
    """Judge one window of pulse wave by the rate it should have."""
    found = ppg_quality(values, rate)[0]
    off = abs(pulse_rate(values, rate) - truth)
    amplitude = float(np.nanstd(values))
    parts = found.parts
    right = bool(off <= NEAR)
    return Window(found.index, amplitude, parts["skewness"], parts["likeness"], right, group)


def pieces(values: Signal, rate: float) -> Iterator[tuple[int, Signal]]:
    """Yield the whole windows of a signal with their number."""
    width = round(WINDOW * rate)
    for k in range(len(values) // width):
        yield k, values[k * width : (k + 1) * width]


def monitored(folder: Path) -> Iterator[Window]:
    """Yield windows of records with ECG and PPG together."""
    for name in ("a103l", "v102s"):
        files = {one.name: one.read_bytes() for one in folder.glob(f"{name}.*")}
        _, leads = read_recording(files, f"{name}.hea")
        hearts = [list(pieces(one.values, one.rate)) for one in leads if one.kind == ECG]
        rate = next(one.rate for one in leads if one.kind == ECG)
        ppg = next(one for one in leads if one.kind == PPG)
        for k, pulse in pieces(ppg.values, ppg.rate):
            told = [heart_rate(each[k][1], rate) for each in hearts]
            if np.isfinite(told).all() and max(told) - min(told) <= NEAR:
                yield window(pulse, ppg.rate, float(np.mean(told)), f"{name} {k // 6}")


def heart_rate(values: Signal, rate: float) -> float:
    """Return the rate of a window of ECG; NaN where it is too poor to be read."""
    if ecg_quality(values, rate)[0].index < POOR:
        return float("nan")
    return rate_of(strip_of(lost_parts(values, rate).filled, rate).beats)


def recorded(folder: Path) -> Iterator[tuple[str, Signal, float]]:
    """Yield the recordings of heartpy with their rates."""
    for name, rate in HEARTPY:
        data = (folder / name).read_bytes()
        text = (lzma.decompress(data) if name.endswith("xz") else data).decode()
        rows = [row for row in csv.reader(io.StringIO(text)) if row]
        kept = [row[-1] for row in rows if row[-1].replace(".", "", 1).lstrip("-").isdigit()]
        own = rate
        if name == "data2.csv.xz":
            at = [float(row[0]) for row in rows[1:]]
            own = 1000 * (len(at) - 1) / (at[-1] - at[0])
        yield name, np.array(kept, dtype=float), own


def moved(values: Signal, rate: float, strength: float, rng: np.random.Generator) -> Signal:
    """Add movement to a window: slow noise so many times as large as the wave, and dropouts."""
    count = len(values)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    hertz = np.fft.rfftfreq(count, 1 / rate)
    noise = np.fft.irfft(spectrum * ((hertz >= 0.3) & (hertz <= 5)), count)
    made = values + strength * np.std(values) * noise / np.std(noise)
    if strength >= 1 and rng.random() < 0.3:
        first = int(rng.integers(0, count // 2))
        made[first : first + round(2 * rate)] = np.nan
    return np.asarray(made)


def disturbed(folder: Path) -> Iterator[Window]:
    """Yield clean windows of heartpy's recordings, and the same with movement added."""
    rng = np.random.default_rng(20260227)
    for name, values, rate in recorded(folder):
        for k, piece in pieces(values, rate):
            truth = pulse_rate(piece, rate)
            if not np.isfinite(truth) or ppg_quality(piece, rate)[0].index < POOR:
                continue
            group = f"{name} {k // 6}"
            yield window(piece, rate, truth, group)
            for strength in STRENGTHS:
                for _ in range(SEEDS):
                    yield window(moved(piece, rate, strength, rng), rate, truth, group)


def show(title: str, found: list[Window]) -> None:
    """Print the AUROC of the index and of the floors, with intervals over minutes."""
    right = np.array([one.right for one in found])
    groups = np.array([one.group for one in found])
    print(f"{title}: {len(found)} windows of {len(set(groups))} minutes, {right.mean():.1%} right")
    if right.all() or not right.any():
        print("  only one kind of window: nothing to tell apart")
        return
    for name in ("index", "likeness", "skewness", "amplitude"):
        score = np.array([getattr(one, name) for one in found])
        auroc = estimates({"auroc": lambda w, s=score: discrimination.auroc(right, s, w)}, groups)[
            "auroc"
        ]
        what = "index as shipped" if name == "index" else f"floor: {name} alone"
        print(f"  {what:<24} AUROC {auroc.value:.3f} [{auroc.low:.3f}, {auroc.high:.3f}]")
    kept = np.array([one.index >= POOR for one in found])
    if kept.any():
        shares = estimates(
            {
                "kept": lambda w: _share(kept, right, w),
                "all": lambda w: _share(np.ones(len(kept), bool), right, w),
            },
            groups,
        )
        told = {
            name: f"{one.value:.1%} [{one.low:.1%}, {one.high:.1%}]" for name, one in shares.items()
        }
        print(f"  called readable: {kept.mean():.1%}; of these right {told['kept']}")
        print(f"  without the index right {told['all']}")


def _share(kept: np.ndarray, right: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    given = np.ones((1, len(kept))) if weights is None else np.atleast_2d(weights)
    found = (given @ (kept & right)) / np.maximum(given @ kept, 1e-9)
    return np.asarray(found[0] if weights is None else found)


def main() -> None:
    """Print both measurements."""
    data = DataFolders(settings().data)
    real = list(monitored(data.find("vitals/waveform_samples")))
    show("monitors, against the ECG", real)
    made = list(disturbed(data.find("vitals/ppg_heartpy")))
    show("heartpy, movement added", made)


if __name__ == "__main__":
    main()
