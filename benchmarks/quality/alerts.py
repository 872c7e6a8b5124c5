"""Dry run of the rules on the first 48 hours of 4,000 stays in intensive care (Challenge 2012, a).

Vital signs there are charted, about one an hour, so the rules look at charted values: limits of
NEWS2 as shipped, held for an hour (two readings in a row), over after an hour on the calm side of
the next band of the chart; readings up to two hours apart belong together. These times were set
before looking. The floor is the bare threshold. "Right" is crude: whether the person died in the
hospital, weeks later for many; intervals are drawn over stays. Share of time: of the watched time,
how much belongs to those who died (an alarm at random moments would be right as often).

Needs `vitals/icu_cinc2012` in SUWEN_DATA.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from suwen.core.nouns import Interval
from suwen.core.settings import settings
from suwen.core.streams import MICROSECONDS, Channel, Stretch, ticks
from suwen.health.alerts.dry_run import DryRun, History, dry_run
from suwen.health.alerts.rules import Rule, changed, shipped
from suwen.health.icu.data import FOLDER, OUTCOME, stays
from suwen.health.icu.stay import Stay
from suwen.lifecycle.data import DataFolders

SET = "a"
START = ticks(datetime(2026, 1, 1, tzinfo=UTC))
"""The set has no dates: every stay begins here."""
CHARTED = {"sustained_s": 3600, "calm_s": 3600, "gap_s": 7200}
RULES = {
    "heart-rate-high": "HR",
    "heart-rate-low": "HR",
    "systolic-low": "SysABP",
    "respiratory-rate-high": "RespRate",
    "respiratory-rate-low": "RespRate",
    "temperature-low": "Temp",
}
"""Rules whose quantity the set has, and its series."""


def history(name: str, stay: Stay, rule: Rule, key: str, died: bool) -> History:
    """Return one series of a stay as readings."""
    series = stay.series.get(key)
    if series is None:
        return History(name, [], died)
    at = START + np.round(series.hours * 3600 * MICROSECONDS).astype(np.int64)
    keep = np.concatenate([[True], np.diff(at) > 0])
    channel = Channel(rule.codes[0], rule.unit, "chart")
    return History(name, [Stretch(channel, at[keep], series.values[keep])], died)


def outcomes(folder: Path, part: str = SET) -> dict[str, bool]:
    """Return who of a part of the set died in the hospital."""
    with (folder / f"Outcomes-{part}.csv").open(newline="") as file:
        return {row["RecordID"]: row[OUTCOME] == "1" for row in csv.DictReader(file)}


def shown(value: Interval | None) -> str:
    """Return a value with its interval."""
    return "-" if value is None else f"{value.value:.3f} ({value.low:.3f}-{value.high:.3f})"


def line(name: str, found: DryRun) -> Iterator[str]:
    """Yield the rule and its floor."""
    for what, one in (("rule", found.rule), ("bare threshold", found.naive)):
        minutes = "-" if one.minutes is None else f"{one.minutes / 60:.1f} h"
        yield (
            f"{name if what == 'rule' else '':<22} {what:<15} "
            f"{shown(one.per_day):<24} {one.alerts:6d} {one.patients_alerted:6d} "
            f"{minutes:>7}  {shown(one.ppv)}"
        )
    floor = found.rule.floor or 0.0
    reached = found.rule.patients_right, found.naive.patients_right
    yield (
        f"{'':<22} share of time of those who died {floor:.3f}; seen {found.seen:.0%}; "
        f"who died and had an alert: {reached[0]}, bare threshold {reached[1]}"
    )


def main() -> None:
    """Print alerts per patient-day and how many were of people who died."""
    folder = DataFolders(settings().data).find(FOLDER)
    died = outcomes(folder)
    known = stays(folder / f"set-{SET}.csv.xz")
    print(f"{len(known)} stays, {sum(died[name] for name in known)} deaths in the hospital")
    print(f"{'':<22} {'':<15} {'alerts/patient-day':<24} alerts stays  median  right (died)")
    ours = theirs = days = 0.0
    for key, series in RULES.items():
        rule = changed(shipped()[key], CHARTED)
        found = dry_run(
            rule, (history(name, stay, rule, series, died[name]) for name, stay in known.items())
        )
        for text in line(key, found):
            print(text)
        ours, theirs = ours + found.rule.alerts, theirs + found.naive.alerts
        days = max(days, found.days)
    print(f"all rules: {ours / days:.2f} alerts a patient-day, bare thresholds {theirs / days:.2f}")


if __name__ == "__main__":
    main()
