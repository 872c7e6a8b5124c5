"""Survival over time: Cox and boosted trees against Kaplan-Meier and age alone, on three sets.

SUPPORT2 (seriously ill in hospital), flchain (free light chains, general population) and whas500
(after a heart attack). Five folds by patient, each answered by models that never saw it; the number
of boosting rounds is chosen on a fifth of the training part. On SUPPORT2 one member of
`health.survival` stands beside them. Concordance by Harrell and by Uno (up to the last time of the
grid), integrated Brier score with inverse censoring weights, distance from Kaplan-Meier at two
horizons in tenths of predicted risk, p-value of D-calibration and how far its worst tenth is off
(of thousands of patients p is small for little). 95 % percentile intervals over resamples of
patients; the models stay as they are fitted.

    python -m benchmarks.quality.survival [support2 flchain whas500]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import lightgbm
import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.survival_models import Standard, alive, baseline, boosted, cox
from suwen.core.settings import settings
from suwen.health.tables import survival_data
from suwen.health.tables.survival import HORIZONS, Survival
from suwen.health.tables.survival_curve import fitted, risks
from suwen.health.tables.task import OPTIONS, hiding
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.split import folds_of
from suwen.metrics import survival
from suwen.metrics.intervals import Metric, estimates

Array = NDArray[Any]
FOLDS: Final = 5
MANY: Final = 2000
RESAMPLES: Final = (500, 100)
"""Of few patients, of `MANY` and more."""
GRID: Final = 30
STATED: Final = "D-calibration"
"""Begins the figures without an interval."""
MOST_ROUNDS, EVERY = 400, 20


@dataclass(frozen=True)
class Cohort:
    """One set: columns (n, d), the number of the column with the age, times, two horizons."""

    rows: Array
    age: int
    time: Array
    event: Array
    horizons: tuple[float, float]


def support2(data: DataFolders) -> Cohort:
    """The columns of `health.survival`, each disease but the first a column of its own."""
    rows, told = survival_data.read(data)
    table = np.stack([row.values for row in rows])
    place = survival_data.columns().keys.index("disease")
    kinds = table[:, place, None] == np.arange(1, 8)
    time, event = survival_data.times(told)
    whole = np.hstack([np.delete(table, place, 1), kinds])
    return Cohort(whole, 0, time, event, (180.0, 730.0))


def arff(data: DataFolders, name: str) -> list[dict[str, str]]:
    """Return the rows of a plain ARFF file."""
    names, found, inside = [], [], False
    path = data.find(f"vitals/survival_sets/{name}.arff")
    for line in path.read_text(encoding="utf-8").splitlines():
        if inside and line.strip():
            found.append(dict(zip(names, line.strip().split(","), strict=True)))
        elif line.lower().startswith("@attribute"):
            names.append(line.split()[1])
        inside = inside or line.lower().startswith("@data")
    return found


def numbers(rows: list[dict[str, str]], keys: str, words: Mapping[str, float]) -> Array:
    """Return some columns as numbers, NaN for `?`."""
    return np.array(
        [
            [np.nan if row[k] == "?" else float(words.get(row[k], row[k])) for k in keys.split()]
            for row in rows
        ]
    )


def flchain(data: DataFolders) -> Cohort:
    """Age, sex, light chains (their logarithm), creatinine, gammopathy."""
    told = arff(data, "flchain")
    words = {"F": 0.0, "M": 1.0, "no": 0.0, "yes": 1.0}
    rows = numbers(told, "age sex kappa lambda creatinine mgus", words)
    rows[:, 2:5] = np.log(np.maximum(rows[:, 2:5], 1e-3))
    time = np.array([float(row["futime"]) for row in told])
    event = np.array([row["death"] == "dead" for row in told])
    return Cohort(rows, 0, time, event, (1826.0, 3652.0))


def whas500(data: DataFolders) -> Cohort:
    """What was known when they left the ward, without the length of the stay."""
    told = arff(data, "whas500")
    keys = "age gender hr sysbp diasbp bmi cvd afb sho chf av3 miord mitype"
    rows = numbers(told, keys, {})
    time = np.array([float(row["lenfol"]) for row in told])
    event = np.array([row["fstat"] == "1" for row in told])
    return Cohort(rows, 0, time, event, (365.0, 1096.0))


COHORTS: Final[Mapping[str, Callable[[DataFolders], Cohort]]] = {
    "support2": support2,
    "flchain": flchain,
    "whas500": whas500,
}
Fitted = Callable[[Array, Array], Array]
"""From rows (n, d) and times (t,) to the probability of being alive, (n, t)."""


def fit_floor(c: Cohort, train: Array) -> Fitted:
    curve = survival.kaplan_meier(c.time[train], c.event[train])
    return lambda rows, when: np.tile(curve.at(when), (len(rows), 1))


def fit_cox(c: Cohort, train: Array, columns: Array | None = None) -> Fitted:
    chosen = np.arange(c.rows.shape[1]) if columns is None else columns
    ready = Standard.of(c.rows[train][:, chosen])
    given = ready(c.rows[train][:, chosen])
    beta = cox(given, c.time[train], c.event[train])
    hazard = baseline(c.time[train], c.event[train], given @ beta)
    return lambda rows, when: alive(hazard, ready(rows[:, chosen]) @ beta, when)


def fit_boosted(c: Cohort, train: Array) -> Fitted:
    """Choose the number of rounds on a fifth of the training part, then learn from all of it."""
    inner = np.random.default_rng(7).random(len(train)) < 0.8
    own, held = train[inner], train[~inner]
    tried = boosted(c.rows[own], c.time[own], c.event[own], MOST_ROUNDS)
    rounds = range(EVERY, MOST_ROUNDS + 1, EVERY)
    scored = [
        survival.concordance(
            c.time[held],
            c.event[held],
            tried.predict(c.rows[held], raw_score=True, num_iteration=k),
        )
        for k in rounds
    ]
    trees = boosted(c.rows[train], c.time[train], c.event[train], rounds[int(np.argmax(scored))])
    known = trees.predict(c.rows[train], raw_score=True)
    # What trees say of those they learnt from is too far apart: one slope from the held-out fifth.
    apart = tried.predict(
        c.rows[held], raw_score=True, num_iteration=rounds[int(np.argmax(scored))]
    )
    slope = float(cox(apart[:, None], c.time[held], c.event[held], ridge=0.0)[0])
    middle = float(known.mean())
    hazard = baseline(c.time[train], c.event[train], slope * (known - middle))

    def answer(rows: Array, when: Array) -> Array:
        score = trees.predict(rows, raw_score=True)
        return alive(hazard, slope * (score - middle), when)

    return answer


KNOTS: Final = (*HORIZONS[:2], survival_data.HORIZON, *HORIZONS[2:])


def fit_one_logit(c: Cohort, train: Array) -> Fitted:
    """One member of `health.survival`: death by 180 days, and from its logit the other horizons.

    Between horizons the hazard is taken as constant, after the last as before it.
    """
    own = np.random.default_rng(7).random(len(train)) < 0.875
    learnt, held = train[own], train[~own]
    dead = (c.event & (c.time <= survival_data.HORIZON)).astype(int)
    given, wanted = hiding(c.rows[learnt], dead[learnt], Survival.hidden, 7)
    options = {**OPTIONS, **Survival.trees, "seed": 7}
    trees = lightgbm.train(options, lightgbm.Dataset(given, wanted), Survival.rounds)
    logits = trees.predict(c.rows[held], raw_score=True)
    lines = fitted(logits, c.time[held], c.event[held], KNOTS)

    def answer(rows: Array, when: Array) -> Array:
        by_knot = risks([lines], trees.predict(rows, raw_score=True))
        hazard = -np.log1p(-np.clip(by_knot, 0, 1 - 1e-9))
        late = KNOTS[-1] + (KNOTS[-1] - KNOTS[-2])
        end = 2 * hazard[:, -1] - hazard[:, -2]
        knots = np.array([0.0, *KNOTS, late])
        table = np.column_stack([np.zeros(len(rows)), hazard, end])
        return np.exp(-np.array([np.interp(when, knots, one) for one in table]))

    return answer


MODELS: Final[Mapping[str, Callable[[Cohort, Array], Fitted]]] = {
    "floor: Kaplan-Meier": fit_floor,
    "floor: Cox of age alone": lambda c, train: fit_cox(c, train, np.array([c.age])),
    "Cox, all columns": fit_cox,
    "boosted trees": fit_boosted,
}
OF_ONE_SET: Final = {"support2": {"health.survival": fit_one_logit}}


def measured(c: Cohort, model: Callable[[Cohort, Array], Fitted]) -> dict[str, Metric]:
    """Return every metric of a model, out of fold, with the patients bound."""
    fold = folds_of(np.array([f"patient {i}" for i in range(len(c.time))]), FOLDS)
    low, high = np.quantile(c.time[c.event], (0.1, 0.9))
    when = np.linspace(low, high, GRID)
    every = np.concatenate([when, c.horizons])
    said = np.empty((len(c.time), len(every)))
    own, risk = np.empty(len(c.time)), np.empty(len(c.time))
    for k in range(FOLDS):
        out, train = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
        fitted = model(c, train)
        said[out] = fitted(c.rows[out], every)
        # Pooled over folds, what the folds' own shares say would be counted against the model.
        usual = survival.kaplan_meier(c.time[train], c.event[train]).at(every[-1:])
        risk[out] = usual - said[out, -1]
        order, inverse = np.unique(c.time[out], return_inverse=True)
        own[out] = fitted(c.rows[out], order)[np.arange(len(out)), inverse]
    time, event, curve, dead = c.time, c.event, said[:, :GRID], 1 - said[:, GRID:]
    p, shares = survival.d_calibration(event, np.clip(own, 0, 1))
    worst = float(np.abs(shares - 1 / len(shares)).max())
    return {
        "C (Harrell)": lambda w: survival.concordance(time, event, risk, w),
        "C (Uno)": lambda w: survival.concordance_ipcw(time, event, risk, w, until=high),
        "integrated Brier": lambda w: survival.integrated_brier(time, event, curve, when, w),
        **{
            f"error at {horizon:.0f} d": lambda w, j=j, h=horizon: survival.calibration_error(
                time, event, dead[:, j], h, w
            )
            for j, horizon in enumerate(c.horizons)
        },
        **{
            name: lambda w, v=value: np.asarray(v) if w is None else np.full(w.shape[:-1], v)
            for name, value in ((f"{STATED} p", p), (f"{STATED} worst tenth off", worst))
        },
    }


def main(names: list[str]) -> None:
    data = DataFolders(settings().data)
    for name in names or list(COHORTS):
        c = COHORTS[name](data)
        n = len(c.time)
        print(f"{name}: {n} patients, {int(c.event.sum())} deaths, {c.rows.shape[1]} columns")
        for title, model in {**MODELS, **OF_ONE_SET.get(name, {})}.items():
            metrics = measured(c, model)
            centred = {key: (0.0, 1.0) for key in metrics if key.startswith("error")}
            found = estimates(
                metrics, np.arange(n), resamples=RESAMPLES[n >= MANY], centred=centred
            )
            cells = [
                f"{key} {one.value:.3f}"
                + ("" if key.startswith(STATED) else f" [{one.low:.3f}, {one.high:.3f}]")
                for key, one in found.items()
            ]
            print(f"  {title:<24} {'; '.join(cells)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
