"""Malignancy of a nodule: what its outline is worth, and whether other learners help.

The shipped members answer the nodules of patients they never saw (five folds), with outlines of the
segmentation's own members at three limits, and with the readers'. Then the features are learned
anew, on the same folds: by the boosted trees that ship, on other outlines, and by other learners.
The networks are those of the pack throughout. AUROC and size-matched AUROC with 95 % intervals
over resamples of patients; gains in pairs on the same resamples against what ships.

    python -m benchmarks.quality.malignancy
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer
from sklearn.svm import SVR

from suwen.imaging.nodules.examples import crop_input, crop_of, examples_of
from suwen.imaging.nodules.features import features_of
from suwen.imaging.nodules.fit_malignancy import ROUNDS, TREE_OPTIONS, targets_of
from suwen.imaging.nodules.malignancy import NETWORKS, TREES, mask_of, network_input
from suwen.imaging.nodules.segmentation import mask_from, probability_maps
from suwen.imaging.tasks import MALIGNANCY, SEGMENTATION, networks_of
from suwen.lifecycle import packs, split
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Examples
from suwen.metrics.discrimination import auroc, size_matched_auroc
from suwen.metrics.intervals import Metric, difference, estimates

Array = NDArray[Any]
RESAMPLES: Final = 1000
SEEDS: Final = (0, 1, 2)
SHIPPED, TIGHT, LOOSE, READERS = "own at 0.5", "own at 0.7", "own at 0.3", "the readers'"
LIMITS: Final = {LOOSE: 0.3, SHIPPED: 0.5, TIGHT: 0.7}
"""Probability from which on a voxel is inside; `mask_from` asks for 0.5."""
Row = tuple[float, float, Array]
"""Of one nodule with one outline: mean logit of the networks, of the trees, and the features."""


def answered(examples: Examples, fold: Array) -> dict[str, list[Row]]:
    """Return what the members that never saw a nodule answer, by outline."""
    pack, borders = packs.current(MALIGNANCY), packs.current(SEGMENTATION)
    found: dict[str, list[Row]] = {name: [] for name in (*LIMITS, READERS)}
    for i in range(len(examples)):
        data, member = examples.load(i).data, int(fold[i])
        inside = probability_maps(networks_of(borders, [member]), data)[0]
        masks = {name: mask_from(inside + 0.5 - limit, data) for name, limit in LIMITS.items()}
        for name, mask in (masks | {READERS: examples.truth_of(i)}).items():
            own = mask_of(replace(data, mask=mask))
            shown = {"input": network_input(data.volume, own)[None]}
            logits = pack.run([(network, member) for network in NETWORKS], "logit", shown)
            features = features_of(data.volume, own)
            row = np.array([features[key] for key in pack.member(member)["features"]])
            trees = [pack.booster(one, member).predict(row[None], raw_score=True) for one in TREES]
            found[name].append((float(np.mean(logits)), float(np.mean(trees)), row))
    return found


def together(networks: Array, features: Array) -> Array:
    """Return the logit of a member: two networks and the trees, equally."""
    return np.asarray((2 * networks + features) / 3)


def learned(
    make: Callable[[Array, Array], Callable[[Array], Array]],
    shown: Sequence[Array],
    asked: Array,
    wanted: Array,
    fold: Array,
) -> Array:
    """Return out-of-fold answers of a learner that is shown some tables of the same nodules."""
    out = np.zeros(len(wanted))
    for k in range(int(fold.max()) + 1):
        rest = fold != k
        table = np.concatenate([one[rest] for one in shown])
        model = make(table, np.concatenate([wanted[rest]] * len(shown)))
        out[~rest] = model(asked[~rest])
    return out


def boosted(table: Array, wanted: Array) -> Callable[[Array], Array]:
    """Train the trees that ship, over three seeds."""
    made = [
        lightgbm.train({**TREE_OPTIONS, "seed": seed}, lightgbm.Dataset(table, wanted), ROUNDS)
        for seed in SEEDS
    ]
    return lambda asked: np.mean([one.predict(asked, raw_score=True) for one in made], axis=0)


def other(make: Callable[[], Any]) -> Callable[[Array, Array], Callable[[Array], Array]]:
    """Wrap a regression of scikit-learn on ranked features."""

    def train(table: Array, wanted: Array) -> Callable[[Array], Array]:
        ranks = QuantileTransformer(n_quantiles=100, output_distribution="normal")
        model = make_pipeline(ranks, make()).fit(table, wanted)
        return lambda asked: np.asarray(model.predict(asked))

    return train


OTHERS: Final[Mapping[str, Callable[[], Any]]] = {
    "support vectors": lambda: SVR(C=0.5, gamma=0.003),
    "ridge regression": lambda: Ridge(100.0),
    "extremely random trees": lambda: ExtraTreesRegressor(
        500, min_samples_leaf=3, max_features=0.3, random_state=0
    ),
}


def variants(examples: Examples, fold: Array) -> dict[str, Array]:
    """Return the scores of every variant by name, what ships first."""
    rows = answered(examples, fold)
    nets, trees = (
        {name: np.array([row[part] for row in own]) for name, own in rows.items()}
        for part in (0, 1)
    )
    tables = {name: np.array([row[2] for row in own]) for name, own in rows.items()}
    found = {f"what ships, {SHIPPED}": together(nets[SHIPPED], trees[SHIPPED])}
    found["networks alone"], found["trees alone"] = nets[SHIPPED], trees[SHIPPED]
    for name in (LOOSE, TIGHT, READERS):
        found[f"outline {name}"] = together(nets[name], trees[name])
    found["mean of three outlines"] = np.mean(
        [together(nets[name], trees[name]) for name in LIMITS], axis=0
    )
    targets, _ = targets_of(examples)
    own, wide = tables[SHIPPED], np.concatenate([tables[name] for name in LIMITS], 1)
    ways = {
        "trees anew, own outlines alone": ([own], own),
        "trees anew, three outlines as more examples": ([*tables.values()], own),
        "trees anew, features of three outlines": ([wide], wide),
    }
    for name, (shown, asked) in ways.items():
        anew = learned(boosted, shown, asked, targets.from_rating, fold)
        found[name] = together(nets[SHIPPED], anew)
    for name, make in OTHERS.items():
        said = learned(other(make), [own, tables[READERS]], own, targets.rating, fold)
        scaled = (said - said.mean()) / said.std() * nets[SHIPPED].std()
        found[f"{name} instead of trees"] = together(nets[SHIPPED], scaled)
    return found


def main() -> int:
    """Print each variant with its gain over what ships."""
    data = DataFolders.from_settings()
    if not data.have("imaging/lidc_voi"):
        print("skipped: imaging/lidc_voi is not in SUWEN_DATA")
        return 0
    examples = examples_of(data, crop_input, lambda nodule: crop_of(nodule).mask)
    fold = split.folds_of(examples.groups, packs.current(MALIGNANCY).members)
    size = np.asarray(examples.columns["diameter_mm"], dtype=float)

    def metrics(scores: Array) -> tuple[Metric, Metric]:
        return (
            lambda weights: auroc(examples.labels, scores, weights),
            lambda weights: size_matched_auroc(examples.labels, scores, size, weights),
        )

    scores = variants(examples, fold)
    both = {name: metrics(own) for name, own in (scores | {"diameter alone": size}).items()}
    first = next(iter(both.values()))
    asked: dict[tuple[str, int], Metric] = {}
    for name, own in both.items():
        asked |= {(name, k): own[k] for k in (0, 1)}
        asked |= {(name, k + 2): difference(own[k], first[k]) for k in (0, 1)}
    found = estimates(asked, examples.groups, resamples=RESAMPLES)
    print(f"{len(examples)} nodules, {len(set(examples.groups.tolist()))} patients, out of fold")
    print("| | AUROC | gained | size-matched | gained |\n|---|---|---|---|---|")
    for place, name in enumerate(both):
        cells = [
            "" if k > 1 and not place else f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"
            for k in (0, 2, 1, 3)
            for one in [found[name, k]]
        ]
        print(f"| {name} | {' | '.join(cells)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
