"""Each heart beat as numbers that mean the same in every person: against the person's own usual.

Intervals are divided by what is usual around the beat and in the whole stretch, waves are compared
with the stretch's own dominant beat, and each beat with what is known of the beats of its own
shape. A long recording is cut into stretches of half an hour, so that what is usual may change.

References: de Chazal et al., IEEE Trans Biomed Eng 51:1196, 2004 (intervals and morphology between
patients); Llamedo and Martinez, IEEE Trans Biomed Eng 58:616, 2011 (normalised by the recording).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from typing import Any, Final

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import ndimage

from suwen.core.settings import settings
from suwen.health.beats.waves import (
    P_PART,
    QRS_PART,
    T_PART,
    WAVE,
    aligned,
    alike,
    dominant,
    moved_to,
)
from suwen.health.signals import qrs
from suwen.health.signals.qrs import RATE, Numbers, resampled

Floats = NDArray[np.float32]
Changed = Callable[[Numbers, float], tuple[Numbers, float]]
"""Takes a lead in mV and its samples a second, and returns both changed."""
STRETCH: Final = 1800.0
"""Seconds that are taken together; what is usual is learnt from them."""
MARGIN: Final = 2.0
"""Seconds read more on both sides of a stretch."""
BAND: Final = (0.5, 40.0)
"""Hz in which waves are compared."""
IRREGULAR: Final = 0.12
"""Scatter of intervals from which a rhythm is irregular throughout, as in fibrillation."""
USUAL_AROUND, IRREGULAR_AROUND, LATEST = 41, 21, 8
"""Beats whose median interval is usual around a beat, that tell how irregular it is there, and
that came last."""
MOST_TIMES: Final = 4.0
"""Intervals above so many usual ones count as so many."""
COMPARED: Final = 1500
"""Most beats that each beat of a stretch is compared with."""
NEIGHBOURS: Final = 15
"""The spread of shapes is the median distance to the neighbour of this number."""


class Together:
    """The numbers of all beats of a recording, so that they are answered in one go.

    Of labelled recordings also the `name`, and `again`: the same beats from its changed lead.
    """

    def __init__(self, rows: Floats) -> None:
        self.rows = rows
        self.name = ""
        self.again: Callable[[Changed], Beats] | None = None


@dataclass(frozen=True, eq=False)
class Beats:
    """Beats of one recording; two are the same only where they are one object.

    Parameters
    ----------
    at
        Seconds of each beat from the first sample, (n,).
    rows
        Its numbers, in the order of `names`, (n, features).
    waves
        Its wave in mV, (n, `WAVE`): what training changes.
    setting
        What the guard looks at: rate around the beat per minute, median distance of the QRS
        complexes from the dominant one in heights of it, share of them that are like it; (n, 3).
    poor
        Start and end in seconds of stretches whose beats are not answered, (k, 2).
    seconds
        Length of the recording; 0 of one beat alone, whose recording `together` may hold, and
        `place` its number there.
    fibrillating
        Start and end in seconds of stretches told to be atrial fibrillation.
    moving
        Seconds of `poor` during which the person moved, as far as anything tells.
    """

    at: Numbers
    rows: Floats
    waves: Floats = field(repr=False)
    setting: Floats = field(repr=False)
    poor: Numbers = field(default_factory=lambda: np.zeros((0, 2)))
    seconds: float = 0.0
    together: Together | None = field(default=None, repr=False)
    place: int = 0
    fibrillating: tuple[tuple[float, float], ...] = ()
    moving: float = 0.0

    def __len__(self) -> int:
        return len(self.at)

    def only(self, beat: int) -> Beats:
        """Return one beat alone."""
        k = slice(beat, beat + 1)
        one = Beats(self.at[k], self.rows[k], self.waves[k], self.setting[k])
        at = float(self.at[beat])
        inside = tuple(span for span in self.fibrillating if span[0] <= at < span[1])
        one = replace(one, fibrillating=inside) if inside else one
        return one if self.together is None else replace(one, together=self.together, place=beat)

    @property
    def unchanged(self) -> Together | None:
        """The recording of one beat, where its numbers still are those it has there."""
        whole = self.together
        if (
            whole is None
            or len(self) != 1
            or not np.array_equal(self.rows[0], whole.rows[self.place])
        ):
            return None
        return whole


def beats_of(lead: NDArray[np.generic], rate: float, times: Numbers) -> Beats:
    """Return the beats of a lead (mV, (n,), NaN in gaps) at `times` in seconds, with their numbers.

    The moment of a beat is moved to the middle of its QRS, so that equal beats lie alike.
    """
    at, waves = np.zeros(len(times)), np.zeros((len(times), WAVE), dtype=np.float32)
    rows = np.zeros((len(times), len(names())), dtype=np.float32)
    setting = np.zeros((len(times), 3), dtype=np.float32)
    seconds = len(lead) / rate

    def describe(part: slice) -> None:
        first = max(0, int((times[part.start] - MARGIN) * rate))
        values = resampled(lead[first : int((times[part.stop - 1] + MARGIN) * rate)], rate)
        if len(values) < RATE:
            return
        middles, wide = _wide(values, times[part] - first / rate)
        before, _ = intervals(middles / RATE)
        shift, waves[part] = aligned(wide, before / _median(before, USUAL_AROUND))
        at[part] = (middles + shift) / RATE + first / rate
        rows[part], setting[part] = table(at[part], waves[part])

    with ThreadPoolExecutor(settings().threads) as pool:
        list(pool.map(describe, stretches(times, seconds)))
    return Beats(at, rows, waves, setting, seconds=seconds, together=Together(rows))


def stretches(times: Numbers, seconds: float) -> list[slice]:
    """Return which beats belong together, in stretches of about `STRETCH` seconds."""
    count = max(1, round(seconds / STRETCH))
    edges = np.searchsorted(times, np.linspace(0, seconds, count + 1)[1:-1])
    return [slice(a, b) for a, b in pairwise([0, *edges.tolist(), len(times)]) if b > a]


def _wide(values: Numbers, times: Numbers) -> tuple[NDArray[np.int64], Floats]:
    """Return the middle of each QRS (samples) and the wave around it with room to move."""
    narrow, band = (
        scipy.signal.sosfiltfilt(qrs.bandpass(edges), values) for edges in (qrs.BAND, BAND)
    )
    power = ndimage.uniform_filter1d(narrow * narrow, round(qrs.WINDOW * RATE))
    reach = round(0.1 * RATE)
    near = np.rint(times * RATE).astype(int)[:, None] + np.arange(-reach, reach + 1)
    near = np.clip(near, 0, len(values) - 1)
    middles = near[np.arange(len(near)), power[near].argmax(1)]
    return middles, moved_to(band, middles)


def intervals(times: Numbers) -> tuple[Numbers, Numbers]:
    """Return the seconds before and after each beat, each (n,); those at the ends repeated."""
    if len(times) < 2:
        return np.ones(len(times)), np.ones(len(times))
    between = np.maximum(np.diff(times), 1 / RATE)
    whole = np.concatenate([between[:1], between, between[-1:]])
    return whole[:-1], whole[1:]


def table(times: Numbers, waves: Floats) -> tuple[Floats, Floats]:
    """Return the numbers of the beats of one stretch, (n, features), and their setting, (n, 3)."""
    found = _rhythm(times)
    dominating = dominant(waves, found["before / usual"])
    height = float(np.ptp(dominating[QRS_PART])) + 1e-3
    shapes, usual = waves / height, dominating / height
    found |= _shape(shapes, usual) | _other_waves(shapes, usual)
    found |= _context(found, shapes)
    found |= _of_its_kind(found, shapes[:, QRS_PART])
    before, _ = intervals(times)
    like = float((found["QRS likeness"] > 0.9).mean())
    far = np.median(found["QRS distance"])
    setting = np.stack(np.broadcast_arrays(60 / _median(before, USUAL_AROUND), far, like), axis=1)
    rows = np.stack([found[name] for name in names()], axis=1)
    return rows.astype(np.float32), setting.astype(np.float32)


def _median(values: Numbers, count: int) -> Numbers:
    return np.asarray(ndimage.median_filter(values, count, mode="nearest"))


def _later(values: Numbers, by: int) -> Numbers:
    """Return each beat's value of so many beats before (of beats after for negative numbers)."""
    return values[np.clip(np.arange(len(values)) - by, 0, len(values) - 1)]


def _rhythm(times: Numbers) -> dict[str, Numbers]:
    """Return what the intervals say."""
    before, after = intervals(times)
    middle, around = np.median(before), _median(before, USUAL_AROUND)
    low, lower, upper, high = np.quantile(before, (0.1, 0.25, 0.75, 0.9))
    padded = np.concatenate([np.repeat(before[:1], LATEST), before])
    latest = np.lib.stride_tricks.sliding_window_view(padded, LATEST)[: len(before)]
    off = np.minimum((before / around - 1) ** 2, 0.3)
    ratios = {
        "before / usual": before / around,
        "after / usual": after / around,
        "before / median": before / middle,
        "after / median": after / middle,
        "before / after": before / after,
        "before / one before": before / _later(before, 1),
        "after / one after": after / _later(after, -1),
        "before / long": before / upper,
        "before / short": before / lower,
        "both / usual": (before + after) / (2 * around),
        "before / longest of 8": before / latest.max(1),
        "before / shortest of 8": before / latest.min(1),
        "before / median of 8": before / np.median(latest, axis=1),
    }
    found = {name: np.clip(value, 0, MOST_TIMES) for name, value in ratios.items()}
    found |= {
        "one before / usual": _later(found["before / usual"], 1),
        "two before / usual": _later(found["before / usual"], 2),
        "one after / usual": _later(found["after / usual"], -1),
        "before": np.minimum(before, 3),
        "after": np.minimum(after, 3),
        "spread of intervals": np.full(len(before), (high - low) / middle),
        "irregularity": _median(
            np.abs(np.diff(before, prepend=before[:1])) / around, IRREGULAR_AROUND
        ),
        "scatter": np.sqrt(ndimage.uniform_filter1d(off, 15, mode="nearest")),
    }
    return found


def _shape(shapes: Floats, usual: Floats) -> dict[str, Numbers]:
    """Return how the QRS differs from the dominant one; heights in heights of that."""
    own, other = shapes[:, QRS_PART], usual[QRS_PART]
    far = np.sqrt(((own - other) ** 2).mean(1))
    size, usual_size = np.abs(own), np.abs(other)
    width = size.sum(1) / np.maximum(size.max(1), 1e-3) / RATE
    usual_width = usual_size.sum() / max(float(usual_size.max()), 1e-3) / RATE
    round_it = np.abs(shapes[:, 40:125])
    half = (round_it > 0.5 * round_it.max(1, keepdims=True)).sum(1) / RATE
    steep = np.abs(np.diff(own, axis=1)).max(1)
    height = np.ptp(own, axis=1)
    summit = shapes[:, P_PART.stop + 32]
    return {
        "QRS likeness": alike(own, other),
        "likeness": alike(shapes, usual),
        "QRS distance": far,
        "QRS distance / usual": far / (np.median(far) + 0.01),
        "QRS height": height,
        "QRS middle": summit,
        "QRS up": own.max(1),
        "QRS down": own.min(1),
        "QRS width": width,
        "QRS width / usual": width / usual_width,
        "QRS half width": half,
        "QRS half width / usual": half / max(float(np.median(half)), 1 / RATE),
        "QRS area": own.sum(1) / RATE,
        "QRS slope": steep / max(float(np.abs(np.diff(other)).max()), 1e-3),
        "QRS slope / height": steep / np.maximum(height, 1e-3),
        "QRS height / around": height / np.maximum(_median(height, USUAL_AROUND), 1e-3),
    }


def _other_waves(shapes: Floats, usual: Floats) -> dict[str, Numbers]:
    """Return what stands where P and T wave are expected."""
    found: dict[str, Numbers] = {}
    for name, part in (("P", P_PART), ("T", T_PART)):
        own, other = shapes[:, part], usual[part]
        if name == "P":
            own, other = own - own.mean(1, keepdims=True), other - other.mean()
        far = np.sqrt(((own - other) ** 2).mean(1))
        found |= {
            f"{name} likeness": alike(own, other),
            f"{name} distance": far,
            f"{name} distance / usual": far / (np.median(far) + 0.005),
        }
    own, other = shapes[:, P_PART], usual[P_PART] - usual[P_PART].mean()
    height = np.ptp(own, axis=1)
    return found | {
        "P share": (own - own.mean(1, keepdims=True)) @ other / (float(other @ other) + 1e-3),
        "P height": height,
        "P height / usual": height / (np.ptp(usual[P_PART]) + 0.02),
        "before P": own[:, :10].mean(1),
        "usual P height": np.full(len(own), np.ptp(usual[P_PART])),
        "T mean": shapes[:, T_PART].mean(1),
        "T up": shapes[:, T_PART].max(1),
        "T down": shapes[:, T_PART].min(1),
    }


def _context(found: Mapping[str, Numbers], shapes: Floats) -> dict[str, Numbers]:
    """Return how the beats beside it look."""
    own = shapes[:, QRS_PART]
    number = np.arange(len(own))
    return {
        "like one before": alike(own, own[np.maximum(number - 1, 0)]),
        "like one after": alike(own, own[np.minimum(number + 1, len(own) - 1)]),
        "one before: likeness": _later(found["QRS likeness"], 1),
        "one after: likeness": _later(found["QRS likeness"], -1),
        "one before: distance": _later(found["QRS distance"], 1),
        "one after: distance": _later(found["QRS distance"], -1),
    }


OF_ITS_KIND: Final = (
    "before / usual",
    "after / usual",
    "both / usual",
    "before / after",
    "P share",
    "QRS likeness",
    "QRS half width / usual",
    "before / median",
)
"""What is averaged over the beats of the same shape."""


def _of_its_kind(found: Mapping[str, Numbers], shapes: Floats) -> dict[str, Numbers]:
    """Return how many beats have its shape and what is known of them, by a kernel over shapes."""
    count = len(shapes)
    others = np.linspace(0, count - 1, min(count, COMPARED)).astype(int)
    size = (shapes * shapes).sum(1)
    far = np.maximum(size[:, None] + size[others] - 2 * shapes @ shapes[others].T, 0)
    far /= shapes.shape[1]
    place = min(len(others) - 1, NEIGHBOURS)
    spread = np.clip(np.median(np.sqrt(np.partition(far, place, axis=1)[:, place])), 0.03, 0.15)
    kernel = np.exp(-far / (2 * spread * spread))
    kernel[others, np.arange(len(others))] = 0  # not with itself
    total = kernel.sum(1)
    values = np.stack([found[name] for name in OF_ITS_KIND], axis=1).astype(np.float32)
    mean = (kernel @ values[others] + values) / (total + 1)[:, None]
    told = {f"its kind: {name}": mean[:, k] for k, name in enumerate(OF_ITS_KIND)}
    most = max(float(total.max()), 1e-3)
    return told | {"share of its kind": total / len(others), "rank of its kind": total / most}


@cache
def names() -> tuple[str, ...]:
    """Return the names of the numbers of a beat, in their order."""
    times, waves = np.arange(3.0), np.ones((3, WAVE), dtype=np.float32)
    waves[:, :: WAVE // 9] += 1
    found: dict[str, Any] = _rhythm(times)
    found |= _shape(waves, waves[0]) | _other_waves(waves, waves[0]) | _context_names()
    return (*found, *(f"its kind: {name}" for name in OF_ITS_KIND), *KIND_COUNTS)


KIND_COUNTS: Final = ("share of its kind", "rank of its kind")


def _context_names() -> dict[str, None]:
    flat = np.ones((1, WAVE), dtype=np.float32)
    known = {"QRS likeness": np.ones(1), "QRS distance": np.ones(1)}
    return dict.fromkeys(_context(known, flat))
