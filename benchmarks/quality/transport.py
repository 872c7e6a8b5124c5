"""Heart disease in a hospital that was never seen: each site of the UCI set left out in turn.

The trees of `health.heart_disease` learn from the other sites and answer the one left out: AUROC,
and how far the probabilities are off (expected calibration error, Brier score, and the calibration
line: intercept 0 and slope 1 were right). Then 40 of its patients are drawn, intercept alone or
intercept and slope are fitted to them, and the rest is measured, 50 times over. Recalibration moves
no patient past another, so that the AUROC stays. Floors: age and sex, and the share of disease
among those 40 said of everybody. Medians over the draws, with their central 95 %.

    python -m benchmarks.quality.transport
"""

from __future__ import annotations

from typing import Any, Final

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from suwen.core.settings import settings
from suwen.health.tables.heart_disease import HeartDisease
from suwen.health.tables.heart_disease_data import EVERYWHERE
from suwen.health.tables.task import OPTIONS, table_of
from suwen.lifecycle.calibration import calibrate
from suwen.lifecycle.data import DataFolders
from suwen.metrics import calibration, discrimination
from suwen.metrics.intervals import estimates

Array = NDArray[Any]
DRAWN: Final = 40
TIMES: Final = 50
TITLES: Final = ("as it is", "intercept", "line", "floor: their share")
SEEDS: Final = 5
"""Runs of which the logit is the mean, as the members of a pack."""


def logits(rows: Array, labels: Array, asked: Array) -> Array:
    """Return the mean logit (n,) of the task's trees, learnt from rows and labels."""
    task = HeartDisease()
    found = []
    for seed in range(SEEDS):
        options = {**OPTIONS, **task.trees, "seed": seed}
        trees = lightgbm.train(options, lightgbm.Dataset(rows, labels), task.rounds)
        found.append(trees.predict(asked, raw_score=True))
    return np.asarray(np.mean(found, axis=0))


def intercept(given: Array, truth: Array) -> float:
    """Return what has to be added to logits so that as many are ill as are said to be."""
    wanted = (truth.sum() + 0.5) / (len(truth) + 1)
    return float(optimize.brentq(lambda b: special.expit(given + b).mean() - wanted, -12, 12))


def line(given: Array, truth: Array) -> tuple[float, float]:
    """Return intercept and slope of the truth on the logits."""
    found = calibrate.fit("temperature", given, truth, np.arange(len(truth)))
    return found.b, found.a


def off(given: Array, truth: Array) -> list[float]:
    """Return calibration error, Brier score, intercept (slope 1) and slope."""
    said = special.expit(given)
    return [
        float(calibration.ece(truth, said)),
        float(calibration.brier(truth, said)),
        intercept(given, truth),
        line(given, truth)[1],
    ]


def recalibrated(given: Array, truth: Array, rng: np.random.Generator) -> list[list[float]]:
    """Return what `off` says of the rest of the site: as it is, moved, by a line, by no model."""
    drawn = np.zeros(len(truth), dtype=bool)
    drawn[rng.choice(len(truth), DRAWN, replace=False)] = True
    rest, known = given[~drawn], truth[~drawn]
    moved = rest + intercept(given[drawn], truth[drawn])
    by_line = moved
    if 0 < truth[drawn].sum() < DRAWN:
        b, a = line(given[drawn], truth[drawn])
        by_line = a * rest + b
    share = float(special.logit((truth[drawn].sum() + 0.5) / (DRAWN + 1)))
    return [off(one, known) for one in (rest, moved, by_line, np.full(len(rest), share))]


def shown(draws: Array, sloped: bool) -> str:
    """Return the median over the draws (draws, 4), the first two with their central 95 %.

    Without `sloped` no line: everybody is said the same.
    """
    low, middle, high = np.quantile(draws, (0.025, 0.5, 0.975), axis=0)
    errors = (
        f"ECE {middle[0]:.3f} [{low[0]:.3f}, {high[0]:.3f}], "
        f"Brier {middle[1]:.3f} [{low[1]:.3f}, {high[1]:.3f}]"
    )
    return f"{errors}, intercept {middle[2]:+.2f}, slope {middle[3]:.2f}" if sloped else errors


def main() -> None:
    task = HeartDisease()
    examples = task.examples(DataFolders(settings().data), EVERYWHERE)
    rows, truth = table_of(examples), np.asarray(examples.labels)
    sites = examples.columns["site"]
    person = [task.columns.keys.index(key) for key in ("age", "male")]
    for site in dict.fromkeys(sites.tolist()):
        own = sites == site
        print(f"{site}: {own.sum()} patients, {truth[own].mean():.0%} with disease")
        for name, learnt in (("all other sites", ~own), ("Cleveland alone", sites == "cleveland")):
            if (learnt & own).any():
                continue
            given = logits(rows[learnt], truth[learnt], rows[own])
            people = logits(rows[learnt][:, person], truth[learnt], rows[own][:, person])
            found = estimates(
                {
                    "AUROC": lambda w, s=given, t=truth[own]: discrimination.auroc(t, s, w),
                    "age and sex": lambda w, s=people, t=truth[own]: discrimination.auroc(t, s, w),
                },
                np.arange(own.sum()),
            )
            words = [f"{k} {e.value:.3f} [{e.low:.3f}, {e.high:.3f}]" for k, e in found.items()]
            print(f"  from {name}: {'; '.join(words)}")
            rng = np.random.default_rng(7)
            drawn = [recalibrated(given, truth[own].astype(float), rng) for _ in range(TIMES)]
            for title, part in zip(TITLES, np.array(drawn).swapaxes(0, 1), strict=True):
                print(f"    {title:<20} {shown(part, sloped=title in TITLES[:3])}")


if __name__ == "__main__":
    main()
