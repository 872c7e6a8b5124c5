"""Personal baselines on simulated people: how soon a change is seen, how often one that is none.

One value a day: an own level, days that resemble the day before (autocorrelation 0.3), a weekly
rhythm, a fifth of the days missing, three in a hundred wild. On day 80 the level moves by so many
daily spreads, or not at all. Each day is judged with what is known by then. The floor is what a
fixed threshold says: a day more than three spreads from the median of the first four weeks.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from suwen.core.streams import MICROSECONDS, Channel, Stretch
from suwen.health.baseline.level import change_of, days_of, level_of

PEOPLE: Final = 60
LENGTH, MOVED, FIRST, SEEN_WITHIN = 140, 80, 28, 28
SIZES: Final = (1.0, 1.5, 2.0, 3.0)
START: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
CHANNEL: Final = Channel("40443-4", "/min", "simulated")
SEED: Final = 20_261
YEAR: Final = 365.25

Array = NDArray[np.float64]


def person(rng: np.random.Generator, size: float) -> Stretch:
    """Return a simulated person whose level moves by `size` spreads on day `MOVED`."""
    spread, noise = 2.5, np.zeros(LENGTH)
    noise[0] = rng.standard_normal()
    for k in range(1, LENGTH):
        noise[k] = 0.3 * noise[k - 1] + np.sqrt(1 - 0.09) * rng.standard_normal()
    values = rng.normal(62, 6) + spread * noise + rng.normal(0, 1, 7)[np.arange(LENGTH) % 7]
    values[MOVED:] += size * spread * rng.choice([-1, 1])
    wild = rng.random(LENGTH) < 0.03
    values[wild] += rng.choice([-1, 1], wild.sum()) * rng.uniform(4, 8, wild.sum()) * spread
    day = np.flatnonzero(rng.random(LENGTH) >= 0.2)
    first = int(START.timestamp()) * MICROSECONDS
    return Stretch(CHANNEL, first + day.astype(np.int64) * 86_400 * MICROSECONDS, values[day])


def judged(stretch: Stretch) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return for each day whether a change is said, by us and by the fixed threshold."""
    own, floor = np.zeros(LENGTH, dtype=bool), np.zeros(LENGTH, dtype=bool)
    days = days_of(stretch, START + timedelta(days=LENGTH))
    early = stretch.at < stretch.at[0] + FIRST * 86_400 * MICROSECONDS
    usual = level_of(stretch.values[early])
    first = int(START.timestamp()) // 86_400
    at = (stretch.at // MICROSECONDS // 86_400 - first).astype(int)
    floor[at] = np.abs(stretch.values - usual.centre) > 3 * max(usual.spread, 1e-9)
    floor[:FIRST] = False
    for day in range(FIRST, LENGTH):
        days = days_of(stretch, START + timedelta(days=day, hours=1))
        own[day] = len(days) >= FIRST / 2 and change_of(days) is not None
    return own, floor


def rises(said: NDArray[np.bool_]) -> int:
    """Return how often something is said that was not said the day before."""
    return int((said[1:] & ~said[:-1]).sum())


def main() -> None:
    """Print detection and false changes, beside the floor."""
    rng = np.random.default_rng(SEED)
    none = [judged(person(rng, 0.0)) for _ in range(PEOPLE)]
    years = PEOPLE * (LENGTH - FIRST) / YEAR
    print(f"{PEOPLE} simulated people, no change: false changes a person-year")
    for name, k in (("personal baseline", 0), ("fixed threshold", 1)):
        counts = np.array([rises(one[k]) for one in none])
        drawn = rng.choice(counts, (1000, PEOPLE)).sum(1) / years
        low, high = np.quantile(drawn, (0.025, 0.975))
        print(f"  {name:18} {counts.sum() / years:5.2f} [{low:.2f}, {high:.2f}]")
    print(f"a change: seen within {SEEN_WITHIN} days (median days until then)")
    for size in SIZES:
        found = [judged(person(rng, size)) for _ in range(PEOPLE)]
        cells = []
        for k in (0, 1):
            delays = [
                int(np.argmax(one[k][MOVED:])) if one[k][MOVED:].any() else LENGTH for one in found
            ]
            seen = np.array(delays) <= SEEN_WITHIN
            shares = rng.choice(seen, (1000, PEOPLE)).mean(1)
            low, high = np.quantile(shares, (0.025, 0.975))
            cells.append(f"{seen.mean():.2f} [{low:.2f}, {high:.2f}] ({np.median(delays):.0f} d)")
        print(f"  {size:.1f} spreads: personal baseline {cells[0]}, fixed threshold {cells[1]}")


if __name__ == "__main__":
    main()
