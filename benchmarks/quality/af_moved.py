"""What the check of signal quality holds back of recordings that movement or noise has changed.

The robustness card of `health.af` asks the classifier alone, also of strips that no answer would be
given on. Here the whole way is asked: a strip whose quality is poor, of which movement leaves too
little, or that is called too noisy, gets no answer. Every eleventh recording of CinC 2017 (readers'
"too noisy" left out), each answered by the member that never saw it; intervals by bootstrap over
recordings.

    python -m benchmarks.quality.af_moved
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from suwen.app import rooms
from suwen.core import registry
from suwen.core.settings import settings
from suwen.health.af import data as af_data
from suwen.health.af.changes import PERTURBATIONS
from suwen.health.af.task import AF
from suwen.lifecycle import packs
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.split import folds_of

EVERY: Final = 11
NOISY: Final = 3
KINDS: Final = ("movement", "muscle", "wander")
RESAMPLES: Final = 1000


@dataclass(frozen=True)
class Asked:
    """Truth, what the classifier names, and whether an answer is given, each (n,)."""

    truth: np.ndarray
    named: np.ndarray
    given: np.ndarray


def f1(truth: np.ndarray, named: np.ndarray) -> float:
    """Return the mean F1 of the three rhythms."""
    found = []
    for k in range(NOISY):
        both = ((truth == k) & (named == k)).sum()
        found.append(2 * both / max(1, (truth == k).sum() + (named == k).sum()))
    return float(np.mean(found))


def interval(values: Any, n: int) -> str:
    """Return a figure with its 95 % interval; `values` gives it for the rows drawn."""
    rng = np.random.default_rng(0)
    drawn = [values(rng.integers(0, n, n)) for _ in range(RESAMPLES)]
    low, high = np.nanpercentile(drawn, (2.5, 97.5))
    return f"{values(np.arange(n)):.3f} [{low:.3f}, {high:.3f}]"


def told(name: str, found: Asked) -> str:
    """Return a row of the table."""
    n, wrong = len(found.truth), found.given & (found.named != found.truth)
    alone = interval(lambda rows: f1(found.truth[rows], found.named[rows]), n)
    held = interval(lambda rows: 1 - found.given[rows].mean(), n)

    def answered(rows: np.ndarray) -> float:
        own = rows[found.given[rows]]
        return f1(found.truth[own], found.named[own]) if len(own) else float("nan")

    return (
        f"| {name} | {alone} | {held} | {interval(answered, n)} | "
        f"{interval(lambda rows: wrong[rows].mean(), n)} |"
    )


def main() -> None:
    """Measure and print a table."""
    rooms.load()
    task, pack = registry.find(AF), packs.current(AF)
    examples = af_data.examples(DataFolders(settings().data))
    labels, fold = np.asarray(examples.labels), folds_of(examples.groups, pack.members)
    rows = [i for i in range(0, len(examples), EVERY) if labels[i] != NOISY]
    samples = [examples.load(i) for i in rows]

    def ask(change: Any) -> Asked:
        named, given = [], []
        for i, sample in zip(rows, samples, strict=True):
            changed = change(sample, i)
            output = task.predict(pack, changed, [int(fold[i])])
            found = pack.answers.probabilities(output.scores)
            named.append(int(np.argmax([one.value for one in found])))
            given.append(changed.data.readable and named[-1] != NOISY)
        return Asked(labels[rows], np.array(named), np.array(given))

    print(f"{len(rows)} recordings\n")
    print("| change | F1, classifier alone | no answer given | F1 of what is answered | wrong |")
    print("|---|---|---|---|---|")
    print(told("none", ask(lambda sample, _: sample)))
    for one in PERTURBATIONS:
        if not any(kind in one.name for kind in KINDS):
            continue
        for strength in one.strengths:
            how = one.apply
            found = ask(lambda sample, i, how=how, strength=strength: how(sample, strength, i))
            print(told(f"{one.name} {strength:g}", found), flush=True)


if __name__ == "__main__":
    main()
