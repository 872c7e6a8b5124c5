"""What the gate keeps from alert rules, and whether that was right: 4,000 stays in intensive care.

Challenge 2012, set a, values as they were charted, mistakes and all (the loader of the risk task
leaves them out). Rules as in `benchmarks.quality.alerts`: limits of NEWS2, held for an hour. Of
each rule: the alerts it gives, those it would give besides if every number were taken for the
body's (held back), and how many of either were of people who died in the hospital. An alert held
back that is right as often as the others would be a loss; one at the share of time or below is
noise. Beside it the states of the readings. Intervals: over stays where there are enough, else of
the count. Then made faults in the same stays: a temperature written in Fahrenheit and a saturation
as a share do not occur there, so one value in a hundred is rewritten so, and told is how many of
these the gate holds back and how many it lets through.

Needs `vitals/icu_cinc2012` in SUWEN_DATA.
"""

from __future__ import annotations

import csv
import lzma
from collections import Counter, defaultdict
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.quality.alerts import CHARTED, RULES, START, outcomes, shown
from suwen.core.settings import settings
from suwen.core.streams import MICROSECONDS, Channel, Stretch
from suwen.health.alerts.dry_run import History, dry_run
from suwen.health.alerts.rules import Rule, changed, shipped
from suwen.health.icu.data import FOLDER
from suwen.health.readings.gate import held, impossible
from suwen.lifecycle.data import DataFolders

SET: Final = "a"
MADE: Final = 0.01
Charted = dict[str, dict[str, list[tuple[int, float]]]]


def charted(path: Path, wanted: set[str]) -> Charted:
    """Return time and value of each charted value by stay and series, as written."""
    found: Charted = defaultdict(lambda: defaultdict(list))
    with lzma.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["Parameter"] in wanted:
                hour, _, minute = row["Time"].partition(":")
                seconds = 3600 * int(hour) + 60 * int(minute)
                at = START + seconds * MICROSECONDS
                found[row["RecordID"]][row["Parameter"]].append((at, float(row["Value"])))
    return found


def stretch_of(rule: Rule, pairs: list[tuple[int, float]]) -> Stretch:
    """Return charted values as readings, the first of equal times."""
    known: dict[int, float] = {}
    for at, value in sorted(pairs, key=lambda pair: pair[0]):
        known.setdefault(at, value)
    channel = Channel(rule.codes[0], rule.unit, "chart")
    times = np.array(list(known), dtype=np.int64)
    return Stretch(channel, times, np.array(list(known.values()), dtype=np.float64))


def rewritten(one: Stretch, rng: np.random.Generator) -> tuple[Stretch, np.ndarray]:
    """Return a stretch with some temperatures in Fahrenheit, and which these are."""
    chosen = rng.random(len(one)) < MADE
    values = np.where(chosen, one.values * 1.8 + 32, one.values)
    return Stretch(one.channel, one.at, values), chosen


def main() -> None:
    """Print the tables."""
    folder = DataFolders(settings().data).find(FOLDER)
    died = outcomes(folder)
    stays = charted(folder / f"set-{SET}.csv.xz", set(RULES.values()))
    print(f"{len(stays)} stays, {sum(died[name] for name in stays)} deaths in the hospital")
    states: Counter[tuple[str, str]] = Counter()
    for key, series in RULES.items():
        rule = changed(shipped()[key], CHARTED)
        own = {n: stretch_of(rule, rows[series]) for n, rows in stays.items() if rows.get(series)}
        found = dry_run(rule, (History(name, [one], died[name]) for name, one in own.items()))
        assert found.held is not None
        print(
            f"{key:<22} alerts {found.rule.alerts:5d}, right {shown(found.rule.ppv)}; "
            f"held back {found.held.alerts:4d}, right {shown(found.held.ppv)} "
            f"of {found.held.judged}; share of time {found.rule.floor or 0:.3f}"
        )
        for one in own.values():
            kinds = [impossible(one.channel, value) or "counts" for value in one.values.tolist()]
            states.update((series, kind) for kind in kinds)
    for series in dict.fromkeys(RULES.values()):
        own_states = {kind: n for (name, kind), n in states.items() if name == series}
        total = sum(own_states.values())
        told = ", ".join(f"{kind} {n} ({n / total:.2%})" for kind, n in sorted(own_states.items()))
        print(f"  {series:<10} {told}")
    rng, caught, made, wrong, kept = np.random.default_rng(7), 0, 0, 0, 0
    rule = shipped()["temperature-low"]
    for rows in stays.values():
        if rows.get("Temp"):
            one = stretch_of(rule, rows["Temp"])
            ordinary = (one.values > 30) & (one.values < 43)
            one = Stretch(one.channel, one.at[ordinary], one.values[ordinary])
            mixed, chosen = rewritten(one, rng)
            stopped = held(mixed)
            caught, made = caught + int((stopped & chosen).sum()), made + int(chosen.sum())
            wrong, kept = wrong + int((stopped & ~chosen).sum()), kept + int((~chosen).sum())
    print(
        f"Fahrenheit claimed as Celsius: held back {caught} of {made}; of others {wrong} of {kept}"
    )


if __name__ == "__main__":
    main()
