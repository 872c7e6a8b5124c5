"""Is a breast mass benign or malignant, from measurements of the nuclei of a fine-needle aspirate?

The tabular companion of `imaging.breast_ultrasound`: thirty numbers instead of a picture, boosted
trees instead of a network, the same lifecycle.

Reference: Lundberg et al., Nature Machine Intelligence 2:56, 2020 (exact Shapley values of trees,
which LightGBM calls contributions).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.core.codes import BENIGN, MALIGNANCY_PROBABILITY, Text
from suwen.core.errors import BadInput, NotFound
from suwen.core.nouns import Case, Finding, Record, RecordValue, Reference
from suwen.core.registry import register
from suwen.imaging.cytology.data import (
    CytologyInput,
    feature_of,
    features,
    guarded,
    time_of,
    value_of,
    wisconsin,
)
from suwen.lifecycle import say
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Array, Examples, Output, Sample
from suwen.lifecycle.imbalance import sample_weights
from suwen.lifecycle.kinds import Answers, Choice
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.reasons import explain
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.run import abstention
from suwen.lifecycle.task import Perturbation, Reads

BREAST_CYTOLOGY: Final = "imaging.breast_cytology"
TREES: Final = "trees.lgb.txt"
ROUNDS, PATIENCE = 400, 30
OPTIONS: Final[Mapping[str, Any]] = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 6,
    "min_data_in_leaf": 8,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 3.0,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
SHOWN: Final = 6
"""Measurements named as evidence: those that moved the answer most."""


def outlined(sample: Sample, strength: float, seed: int) -> Sample:
    """Multiply each measurement by its own random factor of that spread."""
    values = sample.data.values
    noise = np.random.default_rng(seed).standard_normal(len(values))
    return _changed(sample, values * np.exp(strength * noise))


def rescaled(sample: Sample, strength: float, seed: int) -> Sample:
    """Multiply lengths by `strength` and areas by its square, as another magnification would."""
    power = np.array([_power(feature.key) for feature in features()])
    return _changed(sample, sample.data.values * strength**power)


class BreastCytology:
    """The probability that the mass is malignant."""

    name = BREAST_CYTOLOGY
    title = Text(en="Breast aspirate: benign or malignant nuclei", zh="乳腺细针穿刺：细胞核良恶性")
    reads: tuple[Reads, ...] = (
        Reads("Observation", "", Text(en="Measurements of the nuclei", zh="细胞核测量值")),
    )
    answers: Answers = Choice((BENIGN, MALIGNANCY_PROBABILITY))
    after: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ("wisconsin_cytology",)
    bundled = "scikit-learn"
    """The package that brings the data set."""
    perturbations: tuple[Perturbation, ...] = (
        Perturbation("repeated outlining (share of each value)", (0.02, 0.05, 0.1), outlined),
        Perturbation("another scale (factor of lengths)", (0.95, 1.05, 1.1), rescaled),
    )
    """What differs when another person outlines the nuclei, or another programme measures."""
    explanations = ("contributions",)
    imbalances = ("none", "weights")
    recipe = Recipe(folds=5, epochs=1, imbalance="none", calibration="temperature")

    @property
    def domain_names(self) -> Mapping[str, Text]:
        """Names of the domain features for people."""
        return {feature.key: feature.name for feature in guarded()}

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return the newest value of each measurement as one sample; none without any."""
        newest: dict[str, Record] = {}
        for record in case.of("Observation"):
            key = feature_of(record)
            if key and (key not in newest or time_of(record) >= time_of(newest[key])):
                newest[key] = record
        if not newest:
            return []
        values = np.array([value_of(newest.get(feature.key)) for feature in features()])
        records = tuple(
            newest[feature.key].reference if feature.key in newest else "" for feature in features()
        )
        evidence = tuple(_evidence(reference) for reference in records if reference)
        inputs = tuple(reference for reference in records if reference)
        return [Sample("aspirate", CytologyInput(values, records), evidence, inputs)]

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Return the aspirates that scikit-learn brings."""
        if dataset not in self.datasets:
            raise BadInput(f"no data set {dataset!r}", f"one of {list(self.datasets)}")
        if data.test is not None:
            raise NotFound(
                "no independent part of the Wisconsin cytology set",
                "the whole set, which scikit-learn brings",
                "leave out --test-data: the figures are those of the folds",
            )
        return wisconsin()

    def fit(
        self, train: Examples, valid: Examples, recipe: Recipe, folder: Path
    ) -> Mapping[str, Any]:
        """Train one member: boosted trees, stopped on the validation part."""
        import lightgbm

        names = [feature.key.replace(" ", "_") for feature in features()]

        def table(part: Examples) -> Any:
            rows = np.stack([part.load(i).data.values for i in range(len(part))])
            labels = np.asarray(part.labels, dtype=int)
            weight = sample_weights(recipe.imbalance, labels, 2)
            return lightgbm.Dataset(rows, labels, weight=weight, feature_name=names)

        losses: dict[str, Any] = {}
        trees = lightgbm.train(
            {**OPTIONS, "seed": recipe.seed},
            table(train),
            ROUNDS,
            valid_sets=[table(valid)],
            callbacks=[
                lightgbm.early_stopping(PATIENCE, verbose=False),
                lightgbm.record_evaluation(losses),
            ],
        )
        trees.save_model(str(folder / TREES), num_iteration=trees.best_iteration)
        curve = losses["valid_0"]["binary_logloss"]
        history = [{"epoch": float(i + 1), "valid_loss": value} for i, value in enumerate(curve)]
        return {"trees": TREES, "features": names, "history": history}

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Return one logit a member."""
        data: CytologyInput = sample.data
        chosen = list(range(pack.members)) if members is None else list(members)
        if data.missing:
            return Output(np.zeros(len(chosen)), dict.fromkeys(pack.guard.ranges, 0.0))
        domain = {
            feature.key: float(value)
            for feature, value in zip(features(), data.values, strict=True)
            if feature in guarded()
        }
        return Output(_logits(pack, data.values, chosen), domain)

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return the calibrated probability with the measurements that moved it most."""
        data: CytologyInput = sample.data
        reasons = [_lacking(data.missing)] if data.missing else pack.guard.reasons(output.domain)
        if reasons:
            return [abstention(self, pack, sample, reasons)]
        moved, explained = explain.check_if_shown(self, pack, sample, "contributions")
        found = say.finding(self, pack, sample, output)
        if moved is not None and explained.hidden_because is None and data.records:
            found = found.model_copy(update={"evidence": _moving(data, moved)})
        return [found.model_copy(update={"explanations": (explained,)})]

    def input_of(self, pack: Pack, sample: Sample) -> Array:
        """Return the thirty measurements."""
        data: CytologyInput = sample.data
        return data.values

    def baseline(self, pack: Pack, sample: Sample) -> Array:
        """Return the measurements in the middle of the range that each split of the trees asks."""
        return _middles(pack)

    def saliency(self, pack: Pack, sample: Sample, method: str) -> Array:
        """Return how far each measurement moved the logit: the Shapley values of the trees."""
        if method not in self.explanations:
            raise BadInput(f"no explanation {method!r}", f"one of {list(self.explanations)}")
        row = sample.data.values[None]
        found = [
            pack.booster(TREES, k).predict(row, pred_contrib=True)[0, :-1]
            for k in range(pack.members)
        ]
        return np.asarray(np.mean(found, axis=0))

    def score_of(self, pack: Pack, sample: Sample, values: Array) -> float:
        """Return the logit with the measurements replaced."""
        return float(_logits(pack, values, range(pack.members)).mean())


def _logits(pack: Pack, values: Array, members: Sequence[int]) -> Array:
    row = np.asarray(values, dtype=float)[None]
    return np.array([pack.booster(TREES, k).predict(row, raw_score=True)[0] for k in members])


@lru_cache(maxsize=4)
def _middles(pack: Pack) -> Array:
    """Return the median threshold of the splits on each measurement, its guard's middle else."""
    frames = [pack.booster(TREES, k).dump_model()["tree_info"] for k in range(pack.members)]
    found: list[list[float]] = [[] for _ in features()]
    for trees in frames:
        for tree in trees:
            for number, threshold in _splits(tree["tree_structure"]):
                found[number].append(threshold)
    return np.array([float(np.median(each)) if each else 0.0 for each in found])


def _splits(node: Mapping[str, Any]) -> Iterator[tuple[int, float]]:
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if "split_feature" in one:
            yield int(one["split_feature"]), float(one["threshold"])
            waiting += [one["left_child"], one["right_child"]]


def _evidence(reference: Reference) -> RecordValue:
    return RecordValue(record=reference, path="Observation.value.value")


def _moving(data: CytologyInput, moved: Array) -> tuple[RecordValue, ...]:
    """Return the measurements that moved the answer most, with how far and to which side."""
    order = np.argsort(-np.abs(moved), kind="stable")[:SHOWN]
    found = []
    for k in order:
        name, value = features()[k].name, data.values[k]
        up = moved[k] > 0
        note = Text(
            en=f"{name.en} {value:.4g} {'raised' if up else 'lowered'} the log odds by "
            f"{abs(moved[k]):.2f}",
            zh=f"{name.zh} {value:.4g} 使对数几率{'升高' if up else '降低'} {abs(moved[k]):.2f}",
        )
        weight = float(moved[k])
        found.append(_evidence(data.records[k]).model_copy(update={"weight": weight, "note": note}))
    return tuple(found)


def _lacking(missing: Sequence[int]) -> Text:
    names = [features()[k].name for k in missing]
    more = len(names) - SHOWN
    tail = (
        Text(en=f" and {more} more", zh=f"等 {len(names)} 项") if more > 0 else Text(en="", zh="")
    )
    return Text(
        en=f"{len(names)} of 30 measurements are missing: "
        f"{', '.join(one.en for one in names[:SHOWN])}{tail.en}.",
        zh=f"30 项测量中缺少 {len(names)} 项："
        f"{'、'.join(one.zh for one in names[:SHOWN])}{tail.zh}。",
    )


def _changed(sample: Sample, values: Array) -> Sample:
    return replace(sample, data=replace(sample.data, values=np.asarray(values, dtype=float)))


def _power(key: str) -> int:
    return 2 if "area" in key else int("radius" in key or "perimeter" in key)


register(BreastCytology())
