"""How strongly somebody moves, from an accelerometer of three axes: mean amplitude deviation (MAD).

The MAD of some seconds is the mean distance of the size of the acceleration from its own mean. It
needs no calibration, says the same for sensors of any make, and is near 0 at rest however the
sensor lies.

References: Vaha-Ypya et al., Clin Physiol Funct Imaging 35:64, 2015 (MAD, in stretches of 5 s);
Aittasalo et al., BMC Sports Sci Med Rehabil 7:18, 2015 (its limits); Open mHealth schema
`omh:acceleration` (what the channels are called).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.codes import SUWEN
from suwen.core.device_messages import Block
from suwen.core.nouns import canonical, digest_of
from suwen.core.streams import MICROSECONDS, Channel, Stretch, ticks
from suwen.health.signals.sampled import sampled, sampled_data

ACCELERATION: Final = "omh:acceleration"
AXES: Final = ("x", "y", "z")
CHANNELS: Final = tuple(f"{ACCELERATION}.{axis}" for axis in AXES)
INTENSITY: Final = f"{ACCELERATION}.mad"
UNIT: Final = "m[g]"
"""Of the intensity: thousandths of the acceleration of free fall (UCUM)."""
UNITS: Final[Mapping[str, float]] = {
    "[g]": 1000.0,
    "m[g]": 1.0,
    "m/s2": 1000 / 9.80665,
    "cm/s2": 10 / 9.80665,
}
"""Units of an acceleration, and what makes them thousandths of free fall."""
EPOCH: Final = 5.0
"""Seconds that one intensity stands for."""
SHORTEST: Final = 1.0
"""Seconds below which none is told; a rest that is shorter goes with what was before."""
LEAST_RATE: Final = 8.0
"""Samples a second below which a step is not seen."""
BROKEN: Final = 0.5
"""Seconds without a sample that end a stretch."""
Ticks = NDArray[np.int64]
Values = NDArray[np.float64]


def mad(rows: Values) -> float:
    """Return the mean amplitude deviation of samples, (n, 3), in their unit."""
    size = np.sqrt((rows * rows).sum(1))
    return float(np.abs(size - size.mean()).mean())


def intensities(at: Ticks, rows: Values, unit: str) -> tuple[Ticks, Values]:
    """Return how strongly somebody moved, each value at the beginning of its seconds.

    Parameters
    ----------
    at
        Microseconds of the samples, rising, (n,).
    rows
        Three axes, (n, 3).
    unit
        One of `UNITS`; of another nothing is told.

    Returns
    -------
    (m,) microseconds, and (m,) values in `UNIT`.
    """
    factor = UNITS.get(unit)
    if factor is None or len(at) < 2:
        return np.empty(0, np.int64), np.empty(0)
    parts = [part for part in _parts(at) if len(part) > 1]
    found = [
        (int(at[part[0]]), factor * mad(rows[part]))
        for part in parts
        if at[part[-1]] - at[part[0]] <= (len(part) - 1) * MICROSECONDS / LEAST_RATE
    ]
    moments = np.array([tick for tick, _ in found], dtype=np.int64)
    values = np.array([round(value, 1) for _, value in found], dtype=np.float64)
    return moments, values


def _parts(at: Ticks) -> Iterator[NDArray[np.int64]]:
    """Yield the places of the samples of each `EPOCH`, from the first sample on."""
    gaps = np.flatnonzero(np.diff(at) > BROKEN * MICROSECONDS) + 1
    shortest = SHORTEST * MICROSECONDS
    for own in np.split(np.arange(len(at)), gaps):
        since = at[own] - at[own[0]]
        number = since // round(EPOCH * MICROSECONDS)
        last = int(number[-1])
        if last and since[-1] - last * EPOCH * MICROSECONDS < shortest:
            number = np.minimum(number, last - 1)
        elif not last and since[-1] < shortest * (1 - 1 / len(own)):
            continue
        yield from np.split(own, np.flatnonzero(np.diff(number)) + 1)


def derived(blocks: Sequence[Block]) -> list[Block]:
    """Return the intensities that the accelerations of one message tell; none without any.

    The three axes of a message share their times. What it tells depends on the message alone, so a
    message that comes twice tells it twice.
    """
    found, axes = list[Block](), dict[str, Block]()
    for block in blocks:
        if block.code in CHANNELS:
            axes[block.code] = block
        if len(axes) == len(AXES):
            found += _told_by([axes[code] for code in CHANNELS])
            axes.clear()
    return found


def _told_by(axes: Sequence[Block]) -> list[Block]:
    first = axes[0]
    if any(one.unit != first.unit or not np.array_equal(one.at, first.at) for one in axes):
        return []
    order = np.argsort(first.at, kind="stable")
    rows = np.stack([one.values for one in axes], axis=1)[order]
    at, values = intensities(first.at[order], rows, first.unit)
    return [Block(INTENSITY, UNIT, at, values)] if len(at) else []


def stretch_of(content: Mapping[str, Any]) -> Stretch | None:
    """Return the intensities that an Observation with sampled data tells; None where none.

    Its data are accelerations of three axes, or intensities already.
    """
    codes = {str(one.get("code")) for one in (content.get("code") or {}).get("coding") or ()}
    if not codes & {ACCELERATION, INTENSITY}:
        return None
    found = sampled(content)
    if found is None or found.start is None:
        return None
    at = ticks(found.start) + np.rint(
        np.arange(len(found.values)) * (found.period * MICROSECONDS)
    ).astype(np.int64)
    whole = np.isfinite(found.values if found.values.ndim == 1 else found.values.sum(1))
    if ACCELERATION in codes and found.values.ndim == 2 and found.values.shape[1] == len(AXES):
        moments, values = intensities(at[whole], found.values[whole], found.unit)
    elif found.values.ndim == 1 and found.unit == UNIT:
        moments, values = at[whole], found.values[whole]
    else:
        return None
    return Stretch(Channel(INTENSITY, UNIT, ""), moments, values)


def observation(patient: str, told: Stretch, first: int, last: int) -> dict[str, Any]:
    """Return the intensities of some time as one Observation with sampled data.

    Of each `EPOCH` the greatest; `first` and `last` are microseconds. Made twice it is the same.
    """
    device = told.channel.device
    name = digest_of(canonical([patient, device, first, last]))
    step = round(EPOCH * MICROSECONDS)
    place = (told.at - first) // step
    values = np.full((last - first) // step + 1, np.nan)
    inside = (place >= 0) & (place < len(values))
    np.fmax.at(values, place[inside], told.values[inside])
    start = f"{np.datetime64(first, 'us')}Z"
    return {
        "resourceType": "Observation",
        "id": f"movement-{name[:40]}",
        "status": "final",
        "code": {
            "coding": [{"system": f"{SUWEN}/codes", "code": INTENSITY}],
            "text": "Movement: mean amplitude deviation of the acceleration",
        },
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": start,
        "device": {"display": device},
        "valueSampledData": sampled_data(values, EPOCH, UNIT),
    }
