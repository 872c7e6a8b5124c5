"""Can these readings of a device be those of a living person? What may count, and why not.

Every reading keeps its place: it is accepted, or it has a state that says why not. Nothing is
corrected, converted or left out without a word. Limits are `knowledge/plausible.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.core.streams import MICROSECONDS, Channel, ticks

KNOWLEDGE: Final = Path(__file__).parents[1] / "knowledge" / "plausible.toml"
AHEAD: Final = 300.0
"""Seconds a device's clock may be ahead."""
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATE: Final = 600.0
"""Seconds the time may go back before it is told as a jump of the clock."""
USUAL_GAPS: Final = 5.0
"""So many usual distances without a reading are a dropout."""
MOTION_WITHIN: Final = 10.0
"""Seconds around a reading in which movement counts."""
MOST_GAPS: Final = 50
"""Dropouts and jumps told one by one; the longest are."""
REFUSED: Final = (
    "not-finite",
    "future",
    "clock-unset",
    "duplicate",
    "conflict",
    "wrong-unit",
    "unit",
    "implausible",
    "motion",
    "stuck",
    "spike",
)
"""States of readings that do not count; the others only tell."""
ACCEPTED: Final = ""
Ticks = NDArray[np.int64]
Values = NDArray[np.float64]
Movement = tuple[Ticks, NDArray[np.bool_]]
"""When an activity sensor spoke, rising, and whether it told movement, each (m,)."""


@dataclass(frozen=True)
class Quantity:
    """What is known of one quantity; the file says what the fields mean."""

    codes: tuple[str, ...]
    name: Text
    unit: str
    low: float
    high: float
    step: float
    per_minute: float
    stuck: float
    stuck_readings: int
    gap: float
    moved: bool
    also: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class State:
    """Something about some of the readings.

    Parameters
    ----------
    kind
        One of `REFUSED`, or `out-of-order`, `clock-back`, `dropout`, `level`.
    start, end
        Microseconds since 1970-01-01 UTC of the first and the last reading meant (of a dropout:
        between which there is none).
    count
        How many readings; 0 for a dropout.
    reason
        What it means.
    """

    kind: str
    start: int
    end: int
    count: int
    reason: Text


@dataclass(frozen=True)
class Checked:
    """What may count.

    Parameters
    ----------
    kinds
        `ACCEPTED` or why not, of each reading as it came, (n,) of text.
    order
        Places of the accepted readings in order of time, (accepted,).
    states
        What is to be told, refused readings first.
    """

    kinds: NDArray[np.str_]
    order: NDArray[np.int64]
    states: tuple[State, ...]

    @property
    def accepted(self) -> NDArray[np.bool_]:
        """Which readings may count, (n,)."""
        return np.asarray(self.kinds == ACCEPTED)


@lru_cache(maxsize=1)
def _knowledge() -> Mapping[str, Any]:
    return tomllib.loads(KNOWLEDGE.read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def quantities() -> Mapping[tuple[str, str], Quantity]:
    """Return what is known of each quantity, by LOINC code and UCUM unit."""
    found: dict[tuple[str, str], Quantity] = {}
    for entry in _knowledge()["quantity"]:
        also = tuple((str(unit), float(factor)) for unit, factor in entry.get("also", ()))
        made = {"codes": tuple(entry["codes"]), "name": Text(**entry["name"]), "also": also}
        one = Quantity(**entry | made)
        found |= {(code, one.unit): one for code in one.codes}
    return found


def quantity_of(channel: Channel) -> tuple[Quantity | None, float]:
    """Return what is known of a channel's quantity, and the factor from its unit; 1 for none."""
    known = quantities().get((channel.code, channel.unit))
    if known is not None:
        return known, 1.0
    for (code, _), one in quantities().items():
        if code == channel.code and (factor := dict(one.also).get(channel.unit)):
            return one, factor
    return None, 1.0


def likely_unit(channel: Channel, value: float | None = None) -> str:
    """Return the unit a value of a channel looks like, or those its quantity is expected in."""
    if value is not None:
        for mistake in mistakes(channel):
            if mistake["low"] <= value <= mistake["high"]:
                return str(mistake["like"])
    return " / ".join(unit for code, unit in quantities() if code == channel.code)


def check(
    channel: Channel,
    at: Ticks,
    values: Values,
    now: datetime,
    motion: Movement | None = None,
) -> Checked:
    """Say which readings of one channel may count, and what is wrong with the others.

    Parameters
    ----------
    channel
        What was measured, in which unit. Of a quantity nothing is known about, only times,
        numbers and repetitions are checked.
    at, values
        Microseconds since 1970-01-01 UTC and values as they came, not sorted, each (n,).
    now
        The moment they are checked; later ones are of the future.
    motion
        When somebody moved, where a sensor tells.

    Raises
    ------
    BadInput
        The arrays differ in length, or `now` has no zone.
    """
    if at.shape != values.shape or at.ndim != 1:
        raise BadInput(f"times {at.shape} and values {values.shape}", "one time a value, (n,)")
    if now.tzinfo is None:
        raise BadInput("a moment without a zone", "a time with its offset from UTC")
    kinds = np.full(len(at), ACCEPTED, dtype="U12")
    _refuse(kinds, "not-finite", ~np.isfinite(values))
    _refuse(kinds, "future", at > ticks(now) + round(AHEAD * MICROSECONDS))
    _refuse(kinds, "clock-unset", at < ticks(EARLIEST))
    _repeated(kinds, at, values)
    known, factor = quantity_of(channel)
    values = values * factor
    like = _mistaken(kinds, channel, values)
    if known is not None:
        _refuse(kinds, "implausible", ~((values >= known.low) & (values <= known.high)))
        if known.moved and motion is not None:
            _refuse(kinds, "motion", _in_motion(at, *motion))
        _stuck(kinds, at, values, known)
        _spikes(kinds, at, values, known)
    order = _in_time(kinds, at)
    told = dict(_words(known, channel.unit, like))
    states = [*_refused(kinds, at, told), *_late(at, kinds, told)]
    if known is not None:
        states += [*_gaps(at[order], known), *_levels(at[order], values[order], known)]
    return Checked(kinds, order, tuple(states))


def _mistaken(kinds: NDArray[np.str_], channel: Channel, values: Values) -> str:
    """Refuse values of another unit than claimed, in `kinds`; return the unit they look like."""
    like = likely_unit(channel)
    if quantity_of(channel)[0] is None:
        if like:
            _refuse(kinds, "wrong-unit", np.ones(len(values), dtype=bool))
        return like
    for mistake in mistakes(channel):
        inside = (values >= mistake["low"]) & (values <= mistake["high"])
        like = mistake["like"] if (inside & (kinds == ACCEPTED)).any() else like
        _refuse(kinds, "unit", inside)
    return like


def _refuse(kinds: NDArray[np.str_], kind: str, where: NDArray[np.bool_]) -> None:
    """Give readings a state that have none yet: the first reason is told."""
    kinds[where & (kinds == ACCEPTED)] = kind


def _in_time(kinds: NDArray[np.str_], at: Ticks) -> NDArray[np.int64]:
    """Return the places of accepted readings in order of time, of one moment as they came."""
    places = np.flatnonzero(kinds == ACCEPTED)
    return np.asarray(places[np.argsort(at[places], kind="stable")])


def _repeated(kinds: NDArray[np.str_], at: Ticks, values: Values) -> None:
    order = _in_time(kinds, at)
    again = np.flatnonzero(np.diff(at[order]) == 0) + 1
    if not len(again):
        return
    first = np.searchsorted(at[order], at[order[again]], side="left")
    same = values[order[again]] == values[order[first]]
    kinds[order[again[same]]] = "duplicate"
    kinds[order[again[~same]]] = "conflict"


def mistakes(channel: Channel) -> Iterator[Mapping[str, Any]]:
    """Yield which values of a channel are those of another unit: `low`, `high`, `like`."""
    for entry in _knowledge()["mistake"]:
        if channel.code in entry["codes"] and channel.unit == entry["unit"]:
            yield entry


def _in_motion(at: Ticks, when: Ticks, moved: NDArray[np.bool_]) -> NDArray[np.bool_]:
    moving = when[moved]
    if not len(moving):
        return np.zeros(len(at), dtype=bool)
    reach = round(MOTION_WITHIN * MICROSECONDS)
    after = np.searchsorted(moving, at - reach, side="left")
    return np.asarray(after < np.searchsorted(moving, at + reach, side="right"))


def _stuck(kinds: NDArray[np.str_], at: Ticks, values: Values, known: Quantity) -> None:
    """Refuse runs of one and the same value that are too long."""
    order = _in_time(kinds, at)
    if not known.stuck or len(order) < known.stuck_readings:
        return
    edges = np.flatnonzero(np.diff(values[order]) != 0) + 1
    for first, last in zip([0, *edges.tolist()], [*edges.tolist(), len(order)], strict=True):
        run = order[first:last]
        lasted = int(at[run[-1]] - at[run[0]]) / MICROSECONDS
        if len(run) < known.stuck_readings or lasted < known.stuck:
            continue
        # full saturation may stay as it is, and what is measured seldom is no sensor that hangs
        if values[run[0]] < known.high and lasted <= known.gap * (len(run) - 1):
            kinds[run] = "stuck"


def _allowed(at: Ticks, known: Quantity) -> Values:
    """Return how far a value may move from one reading to the next, (n - 1,)."""
    minutes = np.diff(at) / (60 * MICROSECONDS)
    return np.asarray(known.step + known.per_minute * minutes)


def _spikes(kinds: NDArray[np.str_], at: Ticks, values: Values, known: Quantity) -> None:
    """Refuse readings that differ from both neighbours, to the same side, too far."""
    order = _in_time(kinds, at)
    if len(order) < 3:
        return
    change, allowed = np.diff(values[order]), _allowed(at[order], known)
    far = np.abs(change) > allowed
    alone = far[:-1] & far[1:] & (change[:-1] * change[1:] < 0)
    alone[1:] &= ~alone[:-1]  # of two in a row the first: the other is compared anew by the next
    kinds[order[1:-1][alone]] = "spike"


def _words(known: Quantity | None, unit: str, like: str) -> Iterator[tuple[str, Any]]:
    yield from (("unit", unit), ("like", like))
    if known is not None:
        yield from (("low", f"{known.low:g}"), ("high", f"{known.high:g}"))


def _said(kind: str, **words: Any) -> Text:
    said = _knowledge()["state"][kind]
    return Text(en=said["en"].format(**words), zh=said["zh"].format(**words))


def _refused(kinds: NDArray[np.str_], at: Ticks, told: Mapping[str, Any]) -> Iterator[State]:
    for kind in REFUSED:
        inside = at[kinds == kind]
        if len(inside):
            words = {**told, "n": len(inside)}
            yield State(
                kind, int(inside.min()), int(inside.max()), len(inside), _said(kind, **words)
            )


def _late(at: Ticks, kinds: NDArray[np.str_], told: Mapping[str, Any]) -> Iterator[State]:
    """Tell of accepted readings that came after later ones, and of jumps back of the clock."""
    own = at[kinds == ACCEPTED]
    if len(own) < 2:
        return
    late = own[1:] < np.maximum.accumulate(own)[:-1]
    if late.any():
        inside = own[1:][late]
        words = {**told, "n": int(late.sum())}
        yield State(
            "out-of-order",
            int(inside.min()),
            int(inside.max()),
            int(late.sum()),
            _said("out-of-order", **words),
        )
    back = np.flatnonzero(np.diff(own) < -round(LATE * MICROSECONDS))
    for k in back[:MOST_GAPS].tolist():
        seconds = _duration(int(own[k] - own[k + 1]))
        said = Text(
            en=_said("clock-back", seconds=seconds.en).en,
            zh=_said("clock-back", seconds=seconds.zh).zh,
        )
        yield State("clock-back", int(own[k + 1]), int(own[k]), 1, said)


def _gaps(at: Ticks, known: Quantity) -> Iterator[State]:
    """Tell where readings are missing that the usual distance would have."""
    if len(at) < 3 or not known.gap:
        return
    distance = np.diff(at)
    limit = max(known.gap * MICROSECONDS, USUAL_GAPS * float(np.median(distance)))
    long = np.flatnonzero(distance > limit)
    longest = np.sort(long[np.argsort(-distance[long], kind="stable")[:MOST_GAPS]])
    for k in longest.tolist():
        seconds = _duration(int(distance[k]))
        said = Text(
            en=_said("dropout", seconds=seconds.en).en, zh=_said("dropout", seconds=seconds.zh).zh
        )
        yield State("dropout", int(at[k]), int(at[k + 1]), 0, said)


def _levels(at: Ticks, values: Values, known: Quantity) -> Iterator[State]:
    """Tell of steps faster than a body that stayed."""
    if len(at) < 2:
        return
    far = np.flatnonzero(np.abs(np.diff(values)) > _allowed(at, known))
    for k in far[:MOST_GAPS].tolist():
        yield State("level", int(at[k]), int(at[k + 1]), 2, _said("level"))


def _duration(ticked: int) -> Text:
    seconds = ticked / MICROSECONDS
    for size, en, zh in ((86_400, "days", "天"), (3600, "hours", "小时"), (60, "minutes", "分钟")):
        if seconds >= 2 * size:
            return Text(en=f"{seconds / size:.0f} {en}", zh=f"{seconds / size:.0f} {zh}")
    return Text(en=f"{seconds:.0f} seconds", zh=f"{seconds:.0f} 秒")
