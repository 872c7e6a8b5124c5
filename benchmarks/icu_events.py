"""What may happen in a stay in intensive care, and which alerts came before it.

Definitions are those declared in `docs/measured/alerts.md`, written before anything was counted.
Times are hours since admission.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from suwen.health.icu.stay import Stay

FIRST, LAST, END = 6.0, 36.0, 48.0
"""Alerts count from FIRST on; those up to LAST are judged: each is followed for 12 hours."""
AHEAD: Final = 12.0
AFTERWARDS: Final = 2.0
"""An alert so long after an onset still noticed it."""
EARLIEST: Final = 8.0
"""Onsets are looked for from here on."""
LOW, RECOVERED = 60.0, 65.0
"""Mean arterial pressure in mmHg of a hypotension, and of its end."""
HELD, APART, CALM = 1.0, 2.0, 4.0
"""Hours a hypotension lasts at least, between two readings at most, and without one before."""


class Event(NamedTuple):
    """Something that began at one hour and was over at another."""

    kind: str
    onset: float
    over: float


def events(stay: Stay) -> list[Event]:
    """Return what began in a stay from `EARLIEST` on."""
    return [*_ventilated(stay), *_hypotensions(stay)]


def _ventilated(stay: Stay) -> list[Event]:
    series = stay.series.get("MechVent")
    if series is None or not len(series) or series.hours[0] < EARLIEST:
        return []
    onset = float(series.hours[0])
    return [Event("ventilation", onset, onset)]


def _hypotensions(stay: Stay) -> list[Event]:
    series = stay.series.get("MAP")
    if series is None:
        return []
    hours, low = series.hours, series.values < LOW
    found, over = [], -1.0
    for first in np.flatnonzero(low & ~np.concatenate([[False], low[:-1]])).tolist():
        onset = float(hours[first])
        before = low[(hours >= onset - CALM) & (hours < onset)]
        if onset < max(EARLIEST, over) or len(before) < 2 or before.any():
            continue
        last = first
        while last + 1 < len(low) and low[last + 1] and hours[last + 1] - hours[last] <= APART:
            last += 1
        if hours[last] - onset < HELD:
            continue
        calm = np.flatnonzero((series.values >= RECOVERED) & (hours > hours[last]))
        over = float(hours[calm[0]]) if len(calm) else END
        found.append(Event("hypotension", onset, over))
    return found


@dataclass(frozen=True)
class Counted:
    """What one way of alerting did in each stay, each (stays,).

    Parameters
    ----------
    alerts, days
        Alerts, and the days they are counted in.
    judged, right
        Alerts that could be judged, and those an onset followed within `AHEAD`.
    onsets, warned, noticed
        Onsets, and those with an alert before them; or soon after them.
    leads
        Hours from the first of those alerts to the onset, of all stays.
    """

    alerts: np.ndarray
    days: np.ndarray
    judged: np.ndarray
    right: np.ndarray
    onsets: np.ndarray
    warned: np.ndarray
    noticed: np.ndarray
    leads: np.ndarray


COLUMNS: Final = ("alerts", "days", "judged", "right", "onsets", "warned", "noticed")


def counted(
    alerts: Mapping[str, Sequence[float]],
    known: Mapping[str, Sequence[Event]],
    reach: Mapping[str, float],
    kinds: Sequence[str] = ("ventilation", "hypotension"),
) -> Counted:
    """Count the alerts of each stay against what began in it.

    Parameters
    ----------
    alerts
        Hours at which alerts were raised, by stay.
    known
        What began, by stay; the stays and their order are those of this.
    reach
        Hour of the last value of each stay.
    kinds
        Events that count as an onset. A hypotension that goes on spares alerts from judgement
        whatever is counted.
    """
    rows, leads = [], []
    for name, found in known.items():
        at = np.array(sorted(t for t in alerts.get(name, ()) if FIRST <= t < END))
        onsets = [one for one in found if one.kind in kinds]
        during = [np.any([e.onset <= t < e.over for e in found]) for t in at]
        judged = (at <= LAST) & ~np.array(during, dtype=bool)
        right = [any(t < e.onset <= t + AHEAD for e in onsets) for t in at[judged]]
        warned = noticed = 0
        for one in onsets:
            before = at[(at >= one.onset - AHEAD) & (at < one.onset)]
            warned += len(before) > 0
            noticed += bool(np.any((at >= one.onset - AHEAD) & (at <= one.onset + AFTERWARDS)))
            leads += [one.onset - before[0]] if len(before) else []
        days = max(0.0, min(END, reach[name]) - FIRST) / 24
        rows.append((len(at), days, judged.sum(), sum(right), len(onsets), warned, noticed))
    columns = np.array(rows, dtype=float).reshape(-1, len(COLUMNS))
    return Counted(**dict(zip(COLUMNS, columns.T, strict=True)), leads=np.array(leads))
