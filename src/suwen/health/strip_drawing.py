"""An ECG on its paper: rows of 25 mm/s and 10 mm/mV as SVG, with stretches marked.

A column of a quarter of a millimetre shows the lowest and the highest value in it, so that no spike
is lost however many samples there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

PAPER: Final = 25.0
"""Millimetres a second."""
GAIN: Final = 10.0
"""Millimetres a millivolt; half of it where a strip is higher than its row."""
ROW: Final = 10.0
"""Seconds of a row."""
HALF: Final = 17.0
"""Millimetres of a row above its middle, and below."""
COLUMN: Final = 0.25
"""Millimetres of a column that is drawn."""
LABEL: Final = 5.0
"""Millimetres above a row for its time."""
TOO_HIGH: Final = 1.6
"""Millivolts from which the gain is halved."""


class Mark(NamedTuple):
    """A stretch that is marked: seconds from the start of the drawing, and its words."""

    start: float
    end: float
    words: str = ""


def rows_of(
    values: NDArray[np.floating],
    rate: float,
    marks: Sequence[Mark] = (),
    beats: Sequence[float] = (),
    zero: float = 0.0,
) -> tuple[list[str], float]:
    """Return an SVG picture of each row, and the gain in mm/mV they are drawn with.

    Parameters
    ----------
    values, rate
        Millivolts, (n,), NaN where there is none, and samples a second.
    marks, beats
        Stretches to be marked and beats to be ticked, in seconds from the first value.
    zero
        Seconds of the recording before the first value: the times written are of the recording.
    """
    width = max(1, round(ROW * rate))
    pieces = [values[k : k + width] for k in range(0, len(values), width)] or [values]
    heights = [_height(piece) for piece in pieces]
    gain = GAIN if max(heights) < TOO_HIGH else GAIN / 2
    return [
        _row(piece, rate, gain, zero + k * ROW, _inside(marks, k), _beats(beats, k))
        for k, piece in enumerate(pieces)
    ], gain


def _height(piece: NDArray[np.floating]) -> float:
    known = piece[np.isfinite(piece)]
    if not len(known):
        return 0.0
    return float(np.abs(np.quantile(known, (0.002, 0.998)) - np.median(known)).max())


def _inside(marks: Sequence[Mark], k: int) -> list[Mark]:
    """Return what lies in row k, in its own seconds."""
    first = k * ROW
    return [
        Mark(max(0.0, one.start - first), min(ROW, one.end - first), one.words)
        for one in marks
        if one.start < first + ROW and one.end > first
    ]


def _beats(beats: Sequence[float], k: int) -> list[float]:
    return [at - k * ROW for at in beats if k * ROW <= at < (k + 1) * ROW]


def _row(
    piece: NDArray[np.floating],
    rate: float,
    gain: float,
    begin: float,
    marks: Sequence[Mark],
    beats: Sequence[float],
) -> str:
    """Return one row: paper, marks, curve, beats and the time it begins at."""
    wide, high = ROW * PAPER, 2 * HALF + LABEL
    parts = [
        f'<svg class="strip" viewBox="0 0 {wide:g} {high:g}" role="img" '
        f'xmlns="http://www.w3.org/2000/svg" aria-label="{begin:.0f} s">',
        f'<rect y="{LABEL:g}" width="{wide:g}" height="{2 * HALF:g}" class="paper"/>',
        *_grid(wide),
    ]
    for one in marks:
        said = f"<title>{escape(one.words)}</title>" if one.words else ""
        parts.append(
            f'<rect x="{one.start * PAPER:.2f}" y="{LABEL:g}" height="{2 * HALF:g}" '
            f'width="{max(0.5, (one.end - one.start) * PAPER):.2f}" class="marked">{said}</rect>'
        )
    known = piece[np.isfinite(piece)]
    middle = float(np.median(known)) if len(known) else 0.0
    parts += [f'<polyline points="{points}"/>' for points in _curve(piece, rate, gain, middle)]
    ticks = "".join(f"M{at * PAPER:.2f} {LABEL - 2.4:g}v2" for at in beats)
    parts.append(f'<path d="{ticks}" class="beats"/>' if ticks else "")
    parts.append(f'<text x="0.8" y="{high - 1:g}">{begin:.0f} s</text></svg>')
    return "".join(parts)


def _grid(wide: float) -> Iterator[str]:
    """Yield the lines of the paper, fine every millimetre and heavy every five."""
    for name, distance in (("fine", 1), ("heavy", 5)):
        upright = "".join(f"M{x} {LABEL:g}v{2 * HALF:g}" for x in range(0, int(wide) + 1, distance))
        level = "".join(
            f"M0 {LABEL + HALF + y:g}h{wide:g}"
            for y in range(-int(HALF), int(HALF) + 1)
            if y % distance == 0
        )
        yield f'<path d="{upright}{level}" class="{name}"/>'


def _curve(piece: NDArray[np.floating], rate: float, gain: float, middle: float) -> Iterator[str]:
    """Yield the points of each unbroken part of a row."""
    each = max(1, round(COLUMN / PAPER * rate))
    part: list[str] = []
    for first in range(0, len(piece), each):
        inside = piece[first : first + each]
        known = np.flatnonzero(np.isfinite(inside))
        if not len(known):
            if len(part) > 1:
                yield " ".join(part)
            part = []
            continue
        ends = {int(known[np.argmin(inside[known])]), int(known[np.argmax(inside[known])])}
        for k in sorted(ends):
            x = (first + k) / rate * PAPER
            up = float(np.clip(gain * (inside[k] - middle), -HALF, HALF))
            part.append(f"{x:.2f},{LABEL + HALF - up:.2f}")
    if len(part) > 1:
        yield " ".join(part)
