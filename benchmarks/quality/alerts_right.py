"""Are sustained alerts right more often? Against bare limits, NEWS2 and a learned score.

What counts as right, on whom, and who is compared was written down first
(`docs/measured/alerts.md`). The floor is the bare limit, and as few bare alerts drawn by lot.

Needs `vitals/icu_cinc2012` in SUWEN_DATA; takes about six minutes of one core. With a folder as
argument trees and scores are kept there, so that a run that was cut off goes on.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from benchmarks import icu_scores as scores
from benchmarks.icu_events import END, FIRST, Counted, counted, events
from benchmarks.quality.alerts import CHARTED, RULES, START, history, outcomes
from suwen.core.settings import settings
from suwen.core.streams import MICROSECONDS
from suwen.health.alerts.dry_run import episodes
from suwen.health.alerts.rules import Rule, changed, shipped
from suwen.health.icu.data import FOLDER, stays
from suwen.health.icu.stay import Stay
from suwen.lifecycle.data import DataFolders
from suwen.metrics.intervals import Estimate, Metric, estimates

LEARNED, MEASURED = "a", "b"
NEWS2_LIMIT: Final = 7.0
KINDS: Final = {
    "either": ("ventilation", "hypotension"),
    "ventilation": ("ventilation",),
    "hypotension": ("hypotension",),
}
OURS, BARE = "ours", "bare"
AGAINST: Final = (
    (OURS, BARE),
    (OURS, "bare, thinned"),
    (OURS, "NEWS2 >= 7"),
    (OURS, "NEWS2, as many"),
    ("learned, 12 h", OURS),
    ("learned, death", OURS),
)
Alerts = Mapping[str, Sequence[float]]


def of_rule(rule: Rule, key: str, known: Mapping[str, Stay]) -> dict[str, list[float]]:
    """Return the hours at which a rule is raised, by stay."""
    hour = 3600 * MICROSECONDS
    return {
        name: [
            (one.begun - START) / hour
            for one in episodes(rule, name, history(name, stay, rule, key, False).stretches)
        ]
        for name, stay in known.items()
    }


def together(parts: Sequence[Alerts], known: Mapping[str, Stay]) -> dict[str, list[float]]:
    """Return the alerts of several rules as one list a stay."""
    return {name: sorted(at for part in parts for at in part[name]) for name in known}


def thinned(alerts: Alerts, wanted: int) -> dict[str, list[float]]:
    """Return so many of the alerts, drawn by lot."""
    every = [(name, at) for name, found in alerts.items() for at in found]
    chosen = np.random.default_rng(0).permutation(len(every))[:wanted]
    found: dict[str, list[float]] = {name: [] for name in alerts}
    for i in chosen.tolist():
        found[every[i][0]].append(every[i][1])
    return found


def ratio(top: np.ndarray, bottom: np.ndarray) -> Metric:
    """Return a share that is summed up over stays."""

    def metric(weights: Any) -> Any:
        given = np.ones_like(top) if weights is None else weights
        below = given @ bottom
        return np.divide(given @ top, below, out=np.full_like(below, np.nan), where=below > 0)

    return metric


def measures(one: Counted, died: np.ndarray) -> dict[str, Metric]:
    """Return what is told of one way of alerting."""
    return {
        "per day": ratio(one.alerts, one.days),
        "right": ratio(one.right, one.judged),
        "warned": ratio(one.warned, one.onsets),
        "noticed": ratio(one.noticed, one.onsets),
        "of the dead": ratio(one.alerts * died, one.alerts),
        "dead reached": ratio((one.alerts > 0) * died, died),
    }


def shown(found: Estimate, sign: str = "") -> str:
    """Return a value with its interval."""
    return f"{found.value:{sign}.3f} [{found.low:{sign}.3f}, {found.high:{sign}.3f}]"


def difference(first: Metric, second: Metric) -> Metric:
    """Return first less second, on the same draws."""
    return lambda weights: first(weights) - second(weights)


def table(ways: Mapping[str, Counted], died: np.ndarray, kind: str) -> None:
    """Print every way, then the differences in pairs."""
    told = {name: measures(one, died) for name, one in ways.items()}
    columns = ["right", "warned", "noticed"]
    columns = ["per day", *columns, "of the dead", "dead reached"] if kind == "either" else columns
    every = np.arange(len(died))
    found = estimates({(n, c): told[n][c] for n in told for c in columns}, every)
    print(f"\n### {kind}: {ways[OURS].onsets.sum():.0f} onsets\n")
    print(f"| way | alerts, judged | {' | '.join(columns)} | lead, median (h) |")
    print("|---" * (len(columns) + 3) + "|")
    for name, one in ways.items():
        cells = " | ".join(shown(found[name, c]) for c in columns)
        lead = f"{np.median(one.leads):.1f}" if len(one.leads) else "-"
        print(f"| {name} | {one.alerts.sum():.0f}, {one.judged.sum():.0f} | {cells} | {lead} |")
    pairs = [pair for pair in AGAINST if pair[0] in told and pair[1] in told]
    columns = [c for c in columns if c != "per day"]
    less = {((a, b), c): difference(told[a][c], told[b][c]) for a, b in pairs for c in columns}
    apart = estimates(less, every)
    print(f"\n| difference in pairs | {' | '.join(columns)} |\n{'|---' * (len(columns) + 1)}|")
    for pair in pairs:
        cells = " | ".join(shown(apart[pair, c], "+") for c in columns)
        print(f"| {pair[0]} - {pair[1]} | {cells} |")


def learned(folder: Path, known: Mapping[str, Stay], many: int, kept: Path) -> dict[str, Alerts]:
    """Return the alerts of what was learned on the other set, as many as said."""
    first = stays(folder / f"set-{LEARNED}.csv.xz")
    before, dead = {n: events(stay) for n, stay in first.items()}, outcomes(folder, LEARNED)
    questions = {"death": lambda name, _: dead[name], "12 h": scores.follows(before)}
    found = scores.scored(scores.learned(first, questions, kept), known, kept)
    return {
        f"learned, {name}": scores.crossings(own, scores.as_many(own, many))
        for name, own in found.items()
    }


def main(kept: Path) -> None:
    """Count every way against every kind of event."""
    folder = DataFolders(settings().data).find(FOLDER)
    known = stays(folder / f"set-{MEASURED}.csv.xz")
    happened = {name: events(stay) for name, stay in known.items()}
    reach = {name: stay.reach for name, stay in known.items()}
    outcome = outcomes(folder, MEASURED)
    died = np.array([float(outcome[name]) for name in known])
    by_rule = {}
    for key, series in RULES.items():
        rule = changed(shipped()[key], CHARTED)
        by_rule[key] = {
            OURS: of_rule(rule, series, known),
            BARE: of_rule(rule.naive(), series, known),
        }
    ways: dict[str, Alerts] = {
        name: together([two[name] for two in by_rule.values()], known) for name in (BARE, OURS)
    }
    many = scores.in_window(ways[OURS])
    late = {name: [at for at in found if FIRST <= at < END] for name, found in ways[BARE].items()}
    ways["bare, thinned"] = thinned(late, many)
    early = scores.news2_of(known)
    ways["NEWS2 >= 7"] = scores.crossings(early, NEWS2_LIMIT)
    ways["NEWS2, as many"] = scores.crossings(early, scores.as_many(early, many))
    ways |= learned(folder, known, many, kept)
    ways["every hour (chance)"] = {name: np.arange(FIRST, END).tolist() for name in known}
    print(f"{len(known)} stays, {died.sum():.0f} deaths in the hospital")
    for kind, kinds in KINDS.items():
        table({n: counted(a, happened, reach, kinds) for n, a in ways.items()}, died, kind)
    for key, two in by_rule.items():
        print(f"\n## rule {key}")
        table({n: counted(a, happened, reach) for n, a in two.items()}, died, "either")


if __name__ == "__main__":
    if sys.argv[1:]:
        Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
        main(Path(sys.argv[1]))
    else:
        with TemporaryDirectory() as own:
            main(Path(own))
