"""Risk of death in the hospital: what each part of the pack gains, and what more stays would bring.

Five folds by stay, drawn by a seed and not those of the shipped pack, so that the choice between
ideas was made on another split than the card reports. What is trained is what ships
(`health.icu.fit`). Floors: logistic regression and scikit-learn's boosted trees on last, lowest,
highest, mean and number of each variable, the two that the data set's README measured on set c.
Area under the ROC curve, average precision and event 1 (the largest smaller of sensitivity and
precision over all thresholds: a little optimistic, the same for every row); 95 % percentile
intervals over resamples of stays, gains on the same resamples.

    python -m benchmarks.quality.deterioration [parts] [curve] [curve-trees]
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import lightgbm
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from suwen.core.settings import settings
from suwen.health.icu import data as icu_data
from suwen.health.icu import fit as icu_fit
from suwen.health.icu.answer import SHARE
from suwen.health.icu.course import course_of, person_of
from suwen.health.icu.net import COURSE, PEOPLE, SCORES
from suwen.health.icu.stay import feature_names
from suwen.health.icu.task import Deterioration
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Examples
from suwen.metrics import discrimination
from suwen.metrics.intervals import Metric, estimates

Array = NDArray[Any]
FOLDS: Final = 5
SEED: Final = 1
RESAMPLES: Final = 500
SIMPLE: Final = (" last", " min", " max", " mean", " n")
SHARES: Final = (0.25, 0.5, 0.75, 1.0)
"""Of the training stays, for the learning curve."""
FIRST, BOTH, NETWORK, BLEND = "trees, one seed", "trees, two seeds", "network", "both, as shipped"
WEIGHT: Final = {BOTH: 1 - SHARE, NETWORK: SHARE}


def features(part: Examples) -> Array:
    """Return the numbers of every stay, (n, 461)."""
    return np.stack([part.load(i).data.features for i in range(len(part))])


def trees(train: Examples, test: Examples) -> dict[str, Array]:
    """Return the logits of the test stays by the first lot of trees and by both."""
    rows = features(test)
    with tempfile.TemporaryDirectory() as folder:
        icu_fit.fit_trees(train, train.subset(np.arange(20)), Deterioration.recipe, Path(folder))
        found = [
            lightgbm.Booster(model_str=(Path(folder) / name).read_text()).predict(
                rows, raw_score=True
            )
            for name in icu_fit.TREES
        ]
    return {FIRST: np.asarray(found[0]), BOTH: np.mean(found, axis=0)}


def network(train: Examples, test: Examples) -> dict[str, Array]:
    """Return the logits of the test stays by the network."""
    stays = [test.load(i).data for i in range(len(test))]
    feed = {
        COURSE: np.stack([course_of(one) for one in stays]),
        PEOPLE: np.stack([person_of(one) for one in stays]),
    }
    with tempfile.TemporaryDirectory() as folder:
        icu_fit.fit_network(train, Deterioration.recipe, Path(folder))
        session = onnxruntime.InferenceSession(
            str(Path(folder) / icu_fit.NET), providers=["CPUExecutionProvider"]
        )
    return {NETWORK: np.asarray(session.run([SCORES], feed)[0], dtype=float)}


def floors(train: Examples, test: Examples) -> dict[str, Array]:
    """Return the scores of the test stays by logistic regression and by plain boosted trees."""
    simple = [i for i, name in enumerate(feature_names()) if name.endswith(SIMPLE) or name == "age"]
    given, asked = features(train)[:, simple], features(test)[:, simple]
    labels = np.asarray(train.labels, dtype=int)
    boosted = HistGradientBoostingClassifier(random_state=SEED, early_stopping=False, max_iter=150)
    boosted.set_params(learning_rate=0.05, max_leaf_nodes=15, l2_regularization=1.0)
    middle = np.nan_to_num(np.nanmedian(given, axis=0))
    linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
    filled = [np.where(np.isnan(rows), middle, rows) for rows in (given, asked)]
    return {
        "logistic regression, simple numbers": linear.fit(filled[0], labels).decision_function(
            filled[1]
        ),
        "boosted trees of scikit-learn, simple numbers": boosted.fit(
            given, labels
        ).decision_function(asked),
    }


def out_of_fold(
    examples: Examples,
    fit: Callable[[Examples, Examples], Mapping[str, Array]],
    share: float = 1.0,
) -> dict[str, Array]:
    """Return what each way says of every stay, trained on a share of the other folds' stays."""
    found: dict[str, Array] = {}
    labels = np.asarray(examples.labels, dtype=int)
    split = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(labels, labels)
    rng = np.random.default_rng(SEED)
    for train, test in split:
        some = np.sort(rng.permutation(train)[: round(share * len(train))])
        for name, scores in fit(examples.subset(some), examples.subset(test)).items():
            found.setdefault(name, np.zeros(len(labels)))[test] = scores
    return found


def event1(truth: Array, scores: Array, weights: Array | None = None) -> Array:
    """Return the largest smaller of sensitivity and precision over all thresholds."""
    weights = np.ones(len(truth)) if weights is None else weights
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum((weights * truth)[..., order], axis=-1)
    called = np.cumsum(weights[..., order], axis=-1)
    least = np.minimum(right / right[..., -1:], right / np.maximum(called, 1))
    return np.asarray(least.max(axis=-1))


def gained(truth: Array, scores: Array, beside: Array, weights: Array | None = None) -> Array:
    """Return how much larger the area under the ROC curve is than that of other scores."""
    first, other = (discrimination.auroc(truth, one, weights) for one in (scores, beside))
    return np.asarray(first - other)


def measured(truth: Array, found: Mapping[str, Array], beside: str) -> None:
    """Print every way with its intervals and its gain in AUROC over one of them."""
    groups = np.arange(len(truth))
    print("\n| | AUROC | average precision | event 1 | AUROC gained |\n|---|---|---|---|---|")
    for name, scores in found.items():
        metrics: dict[str, Metric] = {
            "auroc": partial(discrimination.auroc, truth, scores),
            "auprc": partial(discrimination.auprc, truth, scores),
            "event1": partial(event1, truth, scores),
            "gain": partial(gained, truth, scores, found[beside]),
        }
        row = estimates(metrics, groups, resamples=RESAMPLES)
        cells = [f"{row[k].value:.4f} [{row[k].low:.4f}, {row[k].high:.4f}]" for k in metrics]
        print(f"| {name} | {' | '.join(cells)} |")


def blended(found: dict[str, Array]) -> dict[str, Array]:
    """Return the same with the blend that ships."""
    return found | {BLEND: np.sum([w * found[name] for name, w in WEIGHT.items()], axis=0)}


def curve(examples: Examples, truth: Array, with_network: bool) -> None:
    """Measure what ships, or its trees alone, trained on growing shares of the stays."""
    found = {}
    for share in SHARES:
        said = out_of_fold(examples, trees, share)
        if with_network:
            said = blended(said | out_of_fold(examples, network, share))
        stays = round(share * len(truth) * (FOLDS - 1) / FOLDS)
        found[f"{stays} stays"] = said[BLEND if with_network else BOTH]
    measured(truth, found, next(iter(found)))


def main() -> None:
    """Measure what is named, else the parts."""
    asked = sys.argv[1:] or ["parts"]
    examples = icu_data.examples(DataFolders(settings().data))
    truth = np.asarray(examples.labels, dtype=float)
    if "parts" in asked:
        found = out_of_fold(examples, floors) | out_of_fold(examples, trees)
        measured(truth, blended(found | out_of_fold(examples, network)), FIRST)
    if "curve" in asked:
        curve(examples, truth, with_network=True)
    if "curve-trees" in asked:
        curve(examples, truth, with_network=False)


if __name__ == "__main__":
    main()
