"""Dry run: what a rule would have said of a patient's or a ward's own history.

How many alerts a day, how many of them were right where somebody judged them, how much of the time
the rule can see at all, and the same for the bare threshold. No rule is enabled without one of that
very rule.

References: Cvach, Biomed Instrum Technol 46:268, 2012 (alarm fatigue; alarms per patient-day);
Garwood, Biometrika 28:437, 1936 (interval of a count).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import scipy

from suwen.core.nouns import Interval, Noun
from suwen.core.streams import MICROSECONDS, Stretch
from suwen.health.alerts.rules import Rule, changes
from suwen.health.readings.gate import taken
from suwen.metrics.coverage import wilson
from suwen.metrics.intervals import Metric, estimate

DAY: Final = 86_400 * MICROSECONDS
CLUSTERS: Final = 30
"""From so many patients on intervals are drawn over patients; below, alerts count one by one."""
ANYTHING: Final = 1e12
FOREVER: Final = 2**62
MOST_EPISODES: Final = 500
"""Episodes kept for the plot."""


class Episode(Noun):
    """One alert that a rule would have raised; times in microseconds since 1970."""

    patient: str
    begun: int
    ended: int | None
    """None where the alert stands at the end of the history."""
    value: float
    right: bool | None = None
    """What a person or an outcome says of it; None where nobody judged."""

    @property
    def seconds(self) -> float | None:
        """Return how long it stood."""
        return None if self.ended is None else (self.ended - self.begun) / MICROSECONDS


class Tally(Noun):
    """What one rule would have said.

    Parameters
    ----------
    alerts, patients_alerted, patients_right, busiest
        Alerts in all; patients with any, with any that was right; most alerts of one patient.
    per_day
        Alerts a patient and day.
    minutes
        Median length of an alert that ended, None without any.
    judged, ppv
        Alerts that somebody judged, and the share of them that was right.
    floor
        The same share where alerts fell at random: of the judged patients, weighted by their time.
    """

    alerts: int
    patients_alerted: int
    patients_right: int
    busiest: int
    per_day: Interval
    minutes: float | None
    judged: int
    ppv: Interval | None
    floor: float | None = None


class DryRun(Noun):
    """A rule and its bare threshold on the same history.

    Parameters
    ----------
    fingerprint
        Of the very rule that was tried.
    since, until
        First and last reading, microseconds since 1970; 0 where there was none.
    patients, days
        Patients with readings that the rule looks at, and their days from first to last reading.
    seen
        Share of that time in which readings are close enough for the rule to count it.
    rule, naive
        What the rule, and what the bare threshold would have said.
    episodes
        The rule's first alerts, for the plot.
    held
        Alerts the rule would have raised besides on readings that cannot be, or were held back as
        doubted (`health.readings.gate`); None in dry runs of before there was such a gate.
    """

    fingerprint: str
    since: int
    until: int
    patients: int
    days: float
    seen: float
    rule: Tally
    naive: Tally
    episodes: tuple[Episode, ...]
    held: Tally | None = None


@dataclass(frozen=True)
class History:
    """The readings of one patient, and an outcome where one is known for all of them."""

    patient: str
    stretches: Sequence[Stretch]
    outcome: bool | None = None


Judge = Callable[[Episode], bool | None]
"""Says whether an alert was right; None where nobody judged it."""


@dataclass
class _Sum:
    """What is summed up over patients."""

    episodes: list[list[Episode]] = field(default_factory=list)
    spans: list[int] = field(default_factory=list)
    outcomes: list[bool | None] = field(default_factory=list)


def dry_run(rule: Rule, histories: Iterable[History], judge: Judge | None = None) -> DryRun:
    """Return what a rule would have said of these patients.

    Parameters
    ----------
    rule
        The rule that somebody thinks of enabling.
    histories
        Patients with their readings, those of movement too, read one after the other.
    judge
        What is known of single alerts; without it an outcome of the patient counts for all of them.
    """
    bare, ours, theirs, held = rule.naive(), _Sum(), _Sum(), _Sum()
    seen, times = 0, []
    for one in histories:
        wanted = [s for s in one.stretches if rule.reads(s.channel) and len(s)]
        if not wanted:
            continue
        first, last = min(int(s.at[0]) for s in wanted), max(int(s.at[-1]) for s in wanted)
        times += [first, last]
        kept = [s for s in taken(one.stretches) if rule.reads(s.channel) and len(s)]
        seen += max((_known(rule, s) for s in kept), default=0)
        said = episodes(rule, one.patient, kept)
        besides = _apart(episodes(ungated(rule), one.patient, wanted), said)
        told = (said, ours), (episodes(bare, one.patient, wanted), theirs), (besides, held)
        for found, total in told:
            total.episodes.append([_judged(e, one, judge) for e in found])
            total.spans.append(last - first)
            total.outcomes.append(one.outcome)
    span = sum(ours.spans)
    return DryRun(
        fingerprint=rule.fingerprint,
        since=min(times, default=0),
        until=max(times, default=0),
        patients=len(ours.spans),
        days=span / DAY,
        seen=seen / span if span else 0.0,
        rule=_tally(ours),
        naive=_tally(theirs),
        episodes=tuple(e for one in ours.episodes for e in one)[:MOST_EPISODES],
        held=_tally(held),
    )


def ungated(rule: Rule) -> Rule:
    """Return a rule that takes every number for the body's, whatever it is."""
    return Rule(**rule.model_dump() | {"low": -ANYTHING, "high": ANYTHING})


def _apart(found: Sequence[Episode], others: Sequence[Episode]) -> list[Episode]:
    """Return the episodes that overlap none of the others."""
    return [
        one
        for one in found
        if not any(
            one.begun <= (other.ended or FOREVER) and other.begun <= (one.ended or FOREVER)
            for other in others
        )
    ]


def episodes(rule: Rule, patient: str, stretches: Sequence[Stretch]) -> list[Episode]:
    """Return the alerts a rule would have raised on one patient's readings."""
    found: list[Episode] = []
    for change in changes(rule, stretches):
        if change.kind == "raised":
            found.append(Episode(patient=patient, begun=change.at, ended=None, value=change.value))
        elif found:
            found[-1] = found[-1].model_copy(update={"ended": change.at})
    return found


def _known(rule: Rule, stretch: Stretch) -> int:
    apart = np.diff(stretch.at)
    return int(apart[apart <= rule.gap_s * MICROSECONDS].sum())


def _judged(episode: Episode, history: History, judge: Judge | None) -> Episode:
    right = history.outcome if judge is None else judge(episode)
    return episode.model_copy(update={"right": right})


def _tally(found: _Sum) -> Tally:
    counts = np.array([len(one) for one in found.episodes], dtype=float)
    days = np.array(found.spans, dtype=float) / DAY
    right = np.array([sum(e.right is True for e in one) for one in found.episodes], dtype=float)
    wrong = np.array([sum(e.right is False for e in one) for one in found.episodes], dtype=float)
    lengths = [e.seconds for one in found.episodes for e in one if e.seconds is not None]
    judged = int(right.sum() + wrong.sum())
    return Tally(
        alerts=int(counts.sum()),
        patients_alerted=int((counts > 0).sum()),
        patients_right=int((right > 0).sum()),
        busiest=int(counts.max(initial=0)),
        per_day=_rate(counts, days),
        minutes=float(np.median(lengths)) / 60 if lengths else None,
        judged=judged,
        ppv=_share(right, wrong) if judged else None,
        floor=_floor(found, days),
    )


def _rate(counts: np.ndarray, days: np.ndarray) -> Interval:
    """Return alerts a day: over patients where there are enough, else Garwood's of the count."""
    total, time = float(counts.sum()), float(days.sum())
    if time <= 0:
        return Interval(value=0.0, low=0.0, high=0.0)
    value = total / time
    if len(counts) >= CLUSTERS:
        return _bounded(value, _ratio(counts, days), len(counts))
    low = scipy.stats.chi2.ppf(0.025, 2 * total) / 2 / time if total else 0.0
    high = scipy.stats.chi2.ppf(0.975, 2 * total + 2) / 2 / time
    return Interval(value=value, low=min(float(low), value), high=max(float(high), value))


def _share(right: np.ndarray, wrong: np.ndarray) -> Interval:
    """Return the share that was right: over patients where there are enough, else Wilson's."""
    count = right + wrong
    value = float(right.sum() / count.sum())
    if len(count[count > 0]) >= CLUSTERS:
        return _bounded(value, _ratio(right, count), len(count))
    low, high = wilson(np.array(value), np.array(count.sum()))
    return Interval(value=value, low=float(low), high=float(high))


def _ratio(top: np.ndarray, bottom: np.ndarray) -> Metric:
    def metric(weights: Any) -> Any:
        given = np.ones_like(top) if weights is None else weights
        below = given @ bottom
        return np.divide(given @ top, below, out=np.full_like(below, np.nan), where=below > 0)

    return metric


def _bounded(value: float, metric: Metric, groups: int) -> Interval:
    found = estimate(metric, np.arange(groups))
    low, high = (value if np.isnan(x) else x for x in (found.low, found.high))
    return Interval(value=value, low=min(low, value), high=max(high, value))


def _floor(found: _Sum, days: np.ndarray) -> float | None:
    known = np.array([one is not None for one in found.outcomes], dtype=bool)
    time = float(days[known].sum()) if known.any() else 0.0
    if not time:
        return None
    bad = np.array([one is True for one in found.outcomes], dtype=bool)
    return float(days[bad].sum() / time)


def judged_by(verdicts: Mapping[str, Sequence[tuple[int, int, bool]]]) -> Judge:
    """Return a judge from what people said of earlier alerts.

    Parameters
    ----------
    verdicts
        By patient: begin, end (microseconds) and whether it was right. An alert of the dry run that
        overlaps one takes its verdict; with several, right wins.
    """

    def judge(episode: Episode) -> bool | None:
        end = episode.begun if episode.ended is None else episode.ended
        said = [
            right
            for begun, ended, right in verdicts.get(episode.patient, ())
            if begun <= end and ended >= episode.begun
        ]
        return any(said) if said else None

    return judge
