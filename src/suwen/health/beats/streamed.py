"""ECG and pulse waves that a device sends in pieces, as recordings.

A run is what one device sent without a pause longer than `APART`; shorter pauses are gaps in it. It
stands in the sample store and is no Record. What tasks are to answer about is kept: written as a
WFDB record, which a DocumentReference of the patient holds and whose identifier names the run.

Reference: ISO/IEEE 11073-10101 (codes of ECG leads: 131328 and the number of the lead).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import SUWEN
from suwen.core.nouns import Record, canonical, digest_of
from suwen.core.streams import MICROSECONDS, Channel, Stretch
from suwen.health.beats.events import FIBRILLATION, Read
from suwen.health.signals.recording import (
    ECG,
    ECG_RECORDING,
    MILLIVOLTS,
    PPG,
    PPG_CODES,
    WFDB_HEADER,
    WFDB_SIGNAL,
    Lead,
    is_ecg_code,
)
from suwen.health.signals.recording_wfdb import wfdb_files
from suwen.health.signals.tables import BeatTable
from suwen.health.signals.tables import Stretch as Told
from suwen.records.streams.sample_reading import Piece, moment

Ticks = NDArray[np.int64]
Times = Callable[[Channel, Piece], Ticks]
"""Returns the times of the readings of one piece."""
APART: Final = 300.0
"""Seconds of pause from which on another recording begins."""
LONGEST: Final = 86_400.0
"""Seconds of a recording at most, as of a Holter."""
LEAST_RATE: Final = 20.0
"""Samples a second from which on readings are a wave."""
BRIDGED: Final = 2
"""Samples missing between two that are drawn through: chunks do not meet on the sample."""
DIGITS: Final = 17
"""Of microseconds since 1970, up to which a calendar has their year."""
MOST_SAMPLES: Final = 100_000_000
PREFIX: Final = "stream/"
SYSTEM: Final = f"{SUWEN}/stream"
"""Of the identifier by which a kept recording names the run it is of."""
DEVICE: Final = f"{SUWEN}/device"
"""Of the identifier that names its device, by which what was kept of a device is found."""
LEADS: Final[Mapping[int, str]] = {
    **{1: "I", 2: "II", 61: "III", 62: "aVR", 63: "aVL", 64: "aVF"},
    **{2 + k: f"V{k}" for k in range(1, 7)},
}
"""Name of each lead by its number in ISO/IEEE 11073-10101."""
FIRST_LEAD: Final = 131328


@dataclass(frozen=True, order=True)
class Run:
    """What one device recorded, in microseconds since 1970-01-01 UTC, both ends included."""

    first: int
    last: int
    device: str

    @property
    def reference(self) -> str:
        """The name it is asked for by."""
        return f"{PREFIX}{self.device}/{self.first}-{self.last}"

    @property
    def start(self) -> datetime:
        """When it began."""
        return moment(self.first)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.last - self.first) / MICROSECONDS

    def part(self, start: float, end: float) -> Run:
        """Return what lies between two of its seconds."""
        first = self.first + round(max(0.0, start) * MICROSECONDS)
        last = min(self.last, self.first + round(end * MICROSECONDS) - 1)
        return Run(first, last, self.device)

    def holds(self, other: Run) -> bool:
        """Say whether another recording of the same device touches it."""
        same = self.device == other.device
        return same and self.first <= other.last and other.first <= self.last


def run_named(name: str) -> Run | None:
    """Return the run of a reference, or of an identifier; None where it names none."""
    device, _, span = name.removeprefix(PREFIX).rpartition("/")
    first, _, last = span.partition("-")
    if not (device and first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
        return None
    if max(len(first), len(last)) > DIGITS:
        return None
    return Run(int(first), int(last), device) if int(first) < int(last) else None


def is_wave(channel: Channel) -> bool:
    """Say whether a channel is of an ECG lead in a unit of voltage, or of a pulse wave."""
    return channel.code in PPG_CODES or (is_ecg_code(channel.code) and channel.unit in MILLIVOLTS)


def runs_of(pieces: Mapping[Channel, Sequence[Piece]], times: Times) -> list[Run]:
    """Return the runs that lie in the pieces of some channels, the oldest first.

    Thinned readings are no wave any more and are left out.

    Parameters
    ----------
    pieces
        Of each channel in order of time.
    times
        Asked only of pieces in which a pause may hide.
    """
    spans: dict[str, list[tuple[int, int]]] = {}
    for channel, own in pieces.items():
        found = spans.setdefault(channel.device, [])
        for piece in own:
            if not piece.step and piece.size > 1:
                found += _unbroken(channel, piece, times)
    return sorted(
        Run(first, last, device)
        for device, own in spans.items()
        for first, last in _together(sorted(own))
    )


def _unbroken(channel: Channel, piece: Piece, times: Times) -> list[tuple[int, int]]:
    """Return the spans of a piece between its long pauses; none of what is too slow for a wave."""
    apart = round(APART * MICROSECONDS)
    slowest = (piece.size - 1) * MICROSECONDS / LEAST_RATE
    if piece.last - piece.first <= slowest:
        return [(piece.first, piece.last)]
    at = times(channel, piece)
    edges = np.flatnonzero(np.diff(at) > apart) + 1
    parts = [part for part in np.split(at, edges) if len(part) > 1]
    return [
        (int(part[0]), int(part[-1]))
        for part in parts
        if np.median(np.diff(part)) <= MICROSECONDS / LEAST_RATE
    ]


def _together(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans, rising, joined over short pauses and cut where they grow too long."""
    apart, longest = round(APART * MICROSECONDS), round(LONGEST * MICROSECONDS)
    joined: list[tuple[int, int]] = []
    for first, last in spans:
        if joined and first - joined[-1][1] <= apart:
            joined[-1] = joined[-1][0], max(joined[-1][1], last)
        else:
            joined.append((first, last))
    return [
        (begun, min(begun + longest - 1, last))
        for first, last in joined
        for begun in range(first, last, longest)
    ]


def step_of(at: Ticks) -> float:
    """Return the microseconds from one sample to the next, pauses left out; 0 of less than two."""
    apart = np.diff(at)
    if not len(apart):
        return 0.0
    near = apart[apart <= 1.5 * np.median(apart)]
    return float(near.mean())


def evenly(at: Ticks, values: NDArray[np.floating], first: int, step: float) -> NDArray[np.float64]:
    """Return samples at even distances from `first` on, NaN where there is none, (n,)."""
    place = np.rint((at - first) / step).astype(np.int64)
    found = np.full(int(place[-1]) + 1 if len(place) else 0, np.nan)
    found[place] = values
    return found


def lead_of(
    run: Run,
    channel: Channel,
    parts: Iterable[Stretch],
    known: tuple[Lead, int] | None = None,
) -> Lead | None:
    """Return the lead that a channel recorded in a run; None where it is no wave.

    Parameters
    ----------
    run
        Its first sample is second 0, whenever this channel begins.
    channel
        Of which lead, in which unit.
    parts
        Its readings in order of time, a part at a time, so that a day takes little memory.
    known
        The lead of an earlier, shorter reading of the run, and up to when (microseconds) it still
        stands; `parts` then begin behind that.
    """
    step, values = 0.0, np.zeros(0, dtype=np.float32)
    factor = np.float32(MILLIVOLTS[channel.unit] if is_ecg_code(channel.code) else 1.0)
    if known is not None:
        lead, until = known
        step = MICROSECONDS / lead.rate
        values = np.full(_size(run, step), np.nan, dtype=np.float32)
        stands = min(round((until - run.first) / step) + 1, len(values), len(lead.values))
        values[:stands] = lead.values[:stands]
    for part in parts:
        if not len(part):
            continue
        if not step:
            step = step_of(part.at)
            if not 0 < step <= MICROSECONDS / LEAST_RATE or _size(run, step) > MOST_SAMPLES:
                return None
            values = np.full(_size(run, step), np.nan, dtype=np.float32)
        place = np.rint((part.at - run.first) / step).astype(np.int64)
        inside = (place >= 0) & (place < len(values))
        values[place[inside]] = part.values[inside] * factor
    if not step:
        return None
    _bridge(values)
    if channel.code in PPG_CODES:
        return Lead("PLETH", PPG, MICROSECONDS / step, channel.unit, values)
    name = LEADS.get(int(channel.code) - FIRST_LEAD, "ECG")
    return Lead(name, ECG, MICROSECONDS / step, "mV", values)


def _size(run: Run, step: float) -> int:
    return round((run.last - run.first) / step + 1)


def _bridge(values: NDArray[np.float32]) -> None:
    """Draw through the shortest holes, in place."""
    gone = np.concatenate([[False], np.isnan(values), [False]])
    edges = np.flatnonzero(np.diff(gone.view(np.int8))).reshape(-1, 2)
    short = edges[
        (edges[:, 1] - edges[:, 0] <= BRIDGED) & (edges[:, 0] > 0) & (edges[:, 1] < len(values))
    ]
    for first, end in short.tolist():
        ends = values[[first - 1, end]]
        values[first:end] = np.interp(np.arange(first, end), [first - 1, end], ends)


def document(
    patient: str, run: Run, leads: Sequence[Lead]
) -> tuple[dict[str, Any], list[tuple[bytes, str]]]:
    """Return a recording as a DocumentReference and its files (bytes, media type).

    Kept twice it is the same. Samples are rounded to a microvolt, as far as 16 bits reach.

    Parameters
    ----------
    patient, run
        Whose it is and when it was.
    leads
        Of one rate and length.
    """
    table = np.stack([lead.values for lead in leads])
    units = [(lead.name, lead.unit) for lead in leads]
    name = f"ecg-{digest_of(canonical([patient, run.reference]))[:40]}"
    files = wfdb_files(name[:20], table, leads[0].rate, units, run.start)
    kinds = (WFDB_HEADER, WFDB_SIGNAL)
    blobs = [(data, kind) for data, kind in zip(files.values(), kinds, strict=True)]
    return {
        "resourceType": "DocumentReference",
        "id": name,
        "status": "current",
        "type": dict(ECG_RECORDING),
        "identifier": [
            {"system": SYSTEM, "value": run.reference.removeprefix(PREFIX)},
            {"system": DEVICE, "value": run.device},
        ],
        "author": [{"display": run.device}],
        "subject": {"reference": f"Patient/{patient}"},
        "context": {
            "period": {"start": run.start.isoformat(), "end": moment(run.last).isoformat()}
        },
        "content": [
            {
                "attachment": {
                    "contentType": kind,
                    "url": f"blob/{digest_of(data)}",
                    "title": title,
                }
            }
            for (data, kind), title in zip(blobs, files, strict=True)
        ],
    }, blobs


def kept_as(record: Record) -> Run | None:
    """Return the run a kept recording is of; None of any other record."""
    if record.type != "DocumentReference":
        return None
    for one in record.content.get("identifier") or ():
        if one.get("system") == SYSTEM:
            return run_named(str(one.get("value", "")))
    return None


def joined(run: Run, whole: Read, parts: Sequence[tuple[Run, Read]]) -> Read:
    """Return what was told of kept parts of a run, as of the whole run.

    Parameters
    ----------
    run, whole
        The whole, and what is known of it without any part: beats that were only found.
    parts
        Each with what is known of it; of two that overlap the first counts.
    """
    tables, spans = list[BeatTable](), list[tuple[float, float]]()
    fibrillation, rejected = list[Told](), set(whole.rejected)
    for part, read in [*parts, (run, whole)]:
        shift = (part.first - run.first) / MICROSECONDS
        at = read.beats.at + shift
        inside = (at >= 0) & (at < whole.seconds)
        for start, end in spans:
            inside &= (at < start) | (at >= end)
        tables.append(
            BeatTable(at[inside], read.beats.kind[inside], read.beats.probability[inside])
        )
        spans.append((shift, shift + read.seconds))
        fibrillation += [
            Told(max(0.0, one.start + shift), min(whole.seconds, one.end + shift), one.value)
            for one in read.events(FIBRILLATION)
            if one.end + shift > 0 and one.start + shift < whole.seconds
        ]
        rejected |= {(kind, round(1000 * (ms / 1000 + shift))) for kind, ms in read.rejected}
    order = np.argsort(np.concatenate([one.at for one in tables]), kind="stable")
    at, kind, probability = (
        np.concatenate([getattr(one, name) for one in tables])[order]
        for name in ("at", "kind", "probability")
    )
    return Read(
        whole.seconds,
        BeatTable(at, kind, probability),
        tuple(sorted(fibrillation, key=lambda one: one.start)),
        whole.gaps,
        frozenset(rejected),
        whole.moving,
    )
