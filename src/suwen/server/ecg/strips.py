"""Recordings on ECG paper: rows of a lead as drawings, with what findings rest on marked in them.

Reference: AHA/ACCF/HRS recommendations for the standardisation of the electrocardiogram (Kligfield
et al., Circulation 115:1306, 2007): 25 mm a second and 10 mm a millivolt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import Language
from suwen.core.nouns import Finding, Reference, TimeInterval
from suwen.diagnosis.wording import concept
from suwen.health.signals.outline import extremes
from suwen.health.signals.qrs import LOWEST_RATE, qrs_times
from suwen.health.signals.quality import SHORTEST, Quality, ecg_quality, overall
from suwen.health.signals.recording import ECG, Lead

MM_PER_S: Final = 25.0
MM_PER_MV: Final = 10.0
ROW_S: Final = 10.0
ROWS: Final = 3
WINDOW_S: Final = ROW_S * ROWS
"""Seconds a row and a page."""
HEIGHT_MM: Final = 40.0
WIDTH_MM: Final = MM_PER_S * ROW_S
GAINS: Final = (MM_PER_MV, MM_PER_MV / 2, MM_PER_MV / 4)
"""The first at which the row fits its height is used, and said."""
COLUMNS: Final = 1000
"""Most columns a row or an overview is drawn in; of more samples the least and greatest of each."""
OVERVIEW_MM: Final = 16.0
NEARLY_ALL: Final = 0.9


@dataclass(frozen=True)
class Mark:
    """A stretch that a finding rests on: seconds in the recording, and what it shows."""

    start: float
    end: float
    title: str
    note: str
    whole: bool = False
    """Whether it is nearly all of the recording; then nothing is drawn, all would be coloured."""

    @property
    def words(self) -> str:
        """Return finding and note on one line."""
        return f"{self.title}: {self.note}" if self.note else self.title


@dataclass(frozen=True)
class Box:
    """A mark in a drawing: left edge and width in mm."""

    x: float
    width: float
    words: str


@dataclass(frozen=True)
class Row:
    """`ROW_S` seconds of a lead in a drawing of `WIDTH_MM` by `HEIGHT_MM`; `beats` as places."""

    start: float
    lines: tuple[str, ...]
    boxes: tuple[Box, ...]
    beats: tuple[float, ...] = ()


@dataclass(frozen=True)
class Strip:
    """A page of a lead.

    Parameters
    ----------
    start, end, seconds
        The window shown, and the length of the whole, in seconds.
    rows
        The window on paper.
    gain
        mm a mV; 0 where the signal has another unit and each row fills its height.
    overview
        Lines of the whole recording in `WIDTH_MM` by `OVERVIEW_MM`.
    boxes
        All marks in the overview; `window` is where the window lies in it.
    quality
        Of the window; None where nothing can be said of it.
    """

    start: float
    end: float
    seconds: float
    rows: tuple[Row, ...]
    gain: float
    overview: tuple[str, ...]
    boxes: tuple[Box, ...]
    window: Box
    quality: Quality | None = None


def marks(
    findings: Iterable[Finding], record: Reference, language: Language, seconds: float
) -> list[Mark]:
    """Return the stretches of a recording that findings rest on, in order of time, each once."""
    found = {
        Mark(
            one.start,
            one.end,
            concept(finding.code).of(language),
            one.note.of(language) if one.note else "",
            one.end - one.start > NEARLY_ALL * seconds,
        )
        for finding in findings
        for one in finding.evidence
        if isinstance(one, TimeInterval) and one.record == record
    }
    return sorted(found, key=lambda one: (one.start, one.end, one.words))


def window_of(at: float, seconds: float) -> float:
    """Return where the window begins that shows a moment: whole rows, the moment in the first."""
    last = max(0.0, seconds - 1e-9)
    return floor(min(max(0.0, at), last) / ROW_S) * ROW_S


def strip(lead: Lead, marked: Sequence[Mark], at: float = 0.0) -> Strip:
    """Return the page of a lead that shows the second `at`."""
    start = window_of(at, lead.seconds)
    end = min(start + WINDOW_S, lead.seconds)
    parts = [
        (begin, _part(lead, begin, begin + ROW_S))
        for begin in np.arange(start, end, ROW_S).tolist()
    ]
    gain = _gain([values for _, values in parts]) if lead.kind == ECG else 0.0
    shown = _part(lead, start, end)
    beats, quality = _read(shown, lead)
    rows = tuple(
        Row(
            begin,
            _lines(values, lead.rate, gain),
            _boxes(marked, begin, ROW_S),
            tuple(
                _x(start + beat, begin, ROW_S)
                for beat in beats
                if begin <= start + beat < begin + ROW_S
            ),
        )
        for begin, values in parts
    )
    whole = _overview(lead)
    return Strip(
        start=start,
        end=end,
        seconds=lead.seconds,
        rows=rows,
        gain=gain,
        overview=whole,
        boxes=_boxes(marked, 0.0, lead.seconds),
        window=Box(
            _x(start, 0.0, lead.seconds), round(WIDTH_MM * (end - start) / lead.seconds, 2), ""
        ),
        quality=quality,
    )


@dataclass(frozen=True)
class Snippet:
    """Some seconds of a lead on paper: `width` in mm, `gain` in mm a mV (0: fills its height)."""

    lines: tuple[str, ...]
    width: float
    gain: float


def snippet(lead: Lead, start: float, end: float) -> Snippet:
    """Return some seconds of a lead, at the largest gain at which they fit."""
    values = _part(lead, start, end)
    gain = _gain([values]) if lead.kind == ECG else 0.0
    return Snippet(_lines(values, lead.rate, gain), round(MM_PER_S * (end - start), 2), gain)


def _read(values: NDArray[np.float64], lead: Lead) -> tuple[list[float], Quality | None]:
    """Return the beats found in a window, in its seconds, and how good its signal is."""
    enough = len(values) >= SHORTEST * lead.rate and lead.rate >= LOWEST_RATE
    if lead.kind != ECG or not enough:
        return [], None
    return qrs_times(values, lead.rate).tolist(), overall(ecg_quality(values, lead.rate))


def _part(lead: Lead, start: float, end: float) -> NDArray[np.float64]:
    first, last = (round(second * lead.rate) for second in (start, end))
    return np.asarray(lead.values[first:last], dtype=np.float64)


def _gain(parts: Sequence[NDArray[np.float64]]) -> float:
    """Return the largest gain at which every row fits."""
    heights = [float(np.nanmax(v) - np.nanmin(v)) for v in parts if np.isfinite(v).any()]
    highest = max(heights, default=0.0)
    return next((gain for gain in GAINS if highest * gain <= HEIGHT_MM), GAINS[-1])


def _lines(values: NDArray[np.float64], rate: float, gain: float) -> tuple[str, ...]:
    """Return polylines in mm; broken where nothing was recorded."""
    if not np.isfinite(values).any():
        return ()
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    middle = (low + high) / 2
    scale = gain or (HEIGHT_MM - 4) / ((high - low) or 1.0)
    y = np.clip(HEIGHT_MM / 2 - (values - middle) * scale, 0.5, HEIGHT_MM - 0.5)
    return _polylines(np.arange(len(values)) / rate * MM_PER_S, y)


def _overview(lead: Lead) -> tuple[str, ...]:
    values = np.asarray(lead.values, dtype=np.float64)
    if not np.isfinite(values).any():
        return ()
    low, high = np.percentile(values[np.isfinite(values)], [0.1, 99.9]).tolist()
    share = np.clip((values - low) / ((high - low) or 1.0), 0.0, 1.0)
    y: NDArray[np.float64] = OVERVIEW_MM - 1 - share * (OVERVIEW_MM - 2)
    return _polylines(np.linspace(0.0, WIDTH_MM, len(values), endpoint=False), y)


def _polylines(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[str, ...]:
    """Return points as polylines: of each of `COLUMNS` columns the least and the greatest."""
    index = extremes(y, COLUMNS)
    x, y = x[index], y[index]
    there = np.isfinite(y)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]]).astype(np.int8)))
    return tuple(
        " ".join(f"{a:.2f},{b:.2f}" for a, b in zip(x[i:j], y[i:j], strict=True))
        for i, j in edges.reshape(-1, 2).tolist()
        if j - i > 1
    )


def _x(second: float, start: float, seconds: float) -> float:
    return round(WIDTH_MM * (second - start) / seconds, 2)


def _boxes(marked: Sequence[Mark], start: float, seconds: float) -> tuple[Box, ...]:
    found = []
    for one in marked:
        if one.whole:
            continue
        begin, end = max(one.start, start), min(one.end, start + seconds)
        if end >= begin and one.start < start + seconds:
            left = _x(begin, start, seconds)
            found.append(Box(left, max(1.0, round(_x(end, start, seconds) - left, 2)), one.words))
    return tuple(found)
