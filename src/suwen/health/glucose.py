"""What will the sensor say in 30, 60 and 120 minutes? A glucose forecast with alarms.

From the last 12 hours of a continuous glucose monitor, the time of day and, where they are there,
the last three days. Each horizon is an answer of its own with an interval that widens where the
curve is restless.

References: Sergazinov et al., GlucoBench, ICLR 2024 (data and protocol); Romano, Patterson &
Candes, NeurIPS 2019 (intervals that adapt); Battelino et al., Diabetes Care 42:1593, 2019 (levels).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Case, Finding, RecordValue
from suwen.core.registry import register
from suwen.health import glucose_data, glucose_fit, glucose_say
from suwen.health.glucose_case import course_of
from suwen.health.glucose_data import interval_of
from suwen.health.glucose_window import (
    Window,
    feature_groups,
    grids,
    groups,
    knowledge,
    own_levels,
)
from suwen.lifecycle import explain
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.kinds import Answers, Value
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.run import abstention
from suwen.lifecycle.task import Array, Examples, Output, Perturbation, Reads, Sample

GLUCOSE_FORECAST: Final = "health.glucose_forecast"
FORETOLD: Final = Code(
    system=f"{SUWEN}/codes",
    code="glucose-forecast",
    name=Text(en="Glucose forecast", zh="葡萄糖预测"),
)
SHOWN_BY_SENSORS: Final = (40.0, 400.0)
"""mg/dL; sensors show nothing outside, so nothing outside is foretold."""
PRESSED: Final = (8, 2)
"""Points before the newest between which a sensor that is lain on reads too low."""


def thinned(sample: Sample, strength: float, seed: int) -> Sample:
    """Leave out points, each with that probability; the newest four stay."""
    rng = np.random.default_rng(seed)
    values = sample.data.values.copy()
    lost = rng.random(len(values)) < strength
    lost[-4:] = False
    values[lost] = np.nan
    return _changed(sample, values)


def pressed(sample: Sample, strength: float, seed: int) -> Sample:
    """Let a sensor that is lain on read too low by `strength` mg/dL at the most, for 30 minutes."""
    values = sample.data.values.copy()
    depth = strength * np.sin(np.linspace(0, np.pi, PRESSED[0] - PRESSED[1] + 2))[1:]
    values[-PRESSED[0] - 1 : -PRESSED[1]] -= depth[: PRESSED[0] - PRESSED[1] + 1]
    return _changed(sample, np.maximum(values, 40.0))


def shifted(sample: Sample, strength: float, seed: int) -> Sample:
    """Multiply every reading, also of the last days, by `strength`: the sensor reads too high."""
    found = _changed(sample, sample.data.values * strength)
    return replace(found, data=replace(found.data, own=sample.data.own * strength))


def noisy(sample: Sample, strength: float, seed: int) -> Sample:
    """Add to each reading an error of its own with that standard deviation in mg/dL."""
    values = sample.data.values
    noise = strength * np.random.default_rng(seed).standard_normal(len(values))
    return _changed(sample, np.maximum(values + noise, 40.0))


def _changed(sample: Sample, values: Array) -> Sample:
    return replace(sample, data=replace(sample.data, values=values))


class GlucoseForecast:
    """Glucose at three times to come."""

    name = GLUCOSE_FORECAST
    title = Text(en="Glucose in 30, 60 and 120 minutes", zh="30、60、120 分钟后的葡萄糖")
    reads: tuple[Reads, ...] = (
        Reads("Observation", "", Text(en="Glucose sensor readings", zh="连续葡萄糖监测读数")),
    )
    answers: Answers = Value(FORETOLD, "mg/dL", by="minutes ahead")
    after: tuple[str, ...] = ()
    timed = True
    score_tolerance = 0.05
    """mg/dL between processors."""
    datasets: tuple[str, ...] = (glucose_data.ALL, *glucose_data.FILES)
    perturbations: tuple[Perturbation, ...] = (
        Perturbation("readings lost (share)", (0.1, 0.3, 0.5), thinned),
        Perturbation("sensor lain on (mg/dL too low)", (10.0, 20.0, 40.0), pressed),
        Perturbation("sensor reads too high (factor)", (1.05, 1.1, 1.2), shifted),
        Perturbation("noise of each reading (mg/dL)", (2.0, 5.0, 10.0), noisy),
    )
    explanations = ("contributions",)
    imbalances = ("none",)
    recipe = Recipe(folds=3, epochs=1, interval_level=0.90, stress=200)
    domain_names: Mapping[str, Text] = {
        "glucose": Text(en="Glucose now (mg/dL)", zh="当前葡萄糖（mg/dL）"),
        "variability": Text(en="Spread over 12 hours (mg/dL)", zh="12 小时内波动（mg/dL）"),
        "present": Text(en="Share of the last 12 hours recorded", zh="最近 12 小时记录比例"),
        "largest_step": Text(
            en="Largest change in 5 minutes of the last hour (mg/dL)",
            zh="最近一小时内 5 分钟最大变化（mg/dL）",
        ),
    }

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return one sample a horizon from the newest reading; none where no sensor recorded."""
        course = course_of(case)
        if course is None:
            return []
        place = np.array([len(course.past) - 1])
        curve = grids(course.past, place)[0]
        clock = course.newest.hour + course.newest.minute / 60
        evidence = (RecordValue(record=course.record, path="Observation.value"),)
        return [
            Sample(
                f"{course.newest.isoformat()} +{ahead}",
                Window(
                    curve, clock, own_levels(course.past, place, ahead)[0], ahead,
                    interval=interval_of(course.past, int(place[0])), late=course.late,
                    record=course.record, place=int(place[0]), past=course.past,
                ),
                evidence,
                course.inputs,
            )
            for ahead in knowledge()["minutes_ahead"]
        ]  # fmt: skip

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Return windows of recorded people with what came after."""
        if dataset not in self.datasets:
            raise BadInput(f"no data set {dataset!r}", f"one of {list(self.datasets)}")
        return glucose_data.examples(data, dataset)

    def fit(
        self, train: Examples, valid: Examples, recipe: Recipe, folder: Path
    ) -> Mapping[str, Any]:
        """Train one member; the people who decide when to stop set alarms and probabilities."""
        return glucose_fit.fit_member(train, valid, recipe.seed, folder)

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Return the glucose each member foretells in mg/dL, and the error it expects."""
        window: Window = sample.data
        chosen = list(range(pack.members)) if members is None else list(members)
        rows = window.features[None]
        now = float(np.nan_to_num(window.features[0]))
        found = np.array([now + _changes(pack, window.ahead, rows, k)[0] for k in chosen])
        values = np.clip(found, *SHOWN_BY_SENSORS)
        unit = glucose_fit.UNIT[window.ahead]
        sizes = [
            pack.booster(glucose_fit.errors_of(window.ahead), k).predict(rows)[0] for k in chosen
        ]
        return Output(values, window.domain, spread=glucose_fit.error_of(np.array(sizes), unit))

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return the forecast with its probabilities and alarms, or why there is none."""
        window: Window = sample.data
        reasons = glucose_say.unasked(window) or pack.guard.reasons(output.domain)
        if reasons:
            return [abstention(self, pack, sample, reasons)]
        found = glucose_say.finding(self, pack, sample, output)
        moved, explained = explain.check_if_shown(self, pack, sample, "contributions")
        update: dict[str, Any] = {"explanations": (explained,)}
        if moved is not None and explained.hidden_because is None and window.record:
            update["evidence"] = glucose_say.moving(window, moved)
        at = _moment(sample)
        if at is not None:
            update["valid_until"] = at + timedelta(minutes=float(knowledge()["valid_minutes"]))
        return [found.model_copy(update=update)]

    def input_of(self, pack: Pack, sample: Sample) -> Array:
        """Return 1 for each group of numbers: all of them are there, (groups,)."""
        return np.ones(len(groups()))

    def baseline(self, pack: Pack, sample: Sample) -> Array:
        """Return 0 for each group: instead of each, what is typical."""
        return np.zeros(len(groups()))

    def saliency(self, pack: Pack, sample: Sample, method: str) -> Array:
        """Return by how many mg/dL each group moved the forecast change, (groups,)."""
        if method not in self.explanations:
            raise BadInput(f"no explanation {method!r}", f"one of {list(self.explanations)}")
        window: Window = sample.data
        rows, group = window.features[None], feature_groups()
        typical = _typical(pack)[None]
        apart = (glucose_fit.terms(rows) - glucose_fit.terms(typical))[0]
        of_terms = glucose_fit.term_groups(group)
        unit, found = glucose_fit.UNIT[window.ahead], np.zeros(len(groups()))
        for k in range(pack.members):
            trees = pack.booster(glucose_fit.trees_of(window.ahead), k)
            parts = trees.predict(rows, pred_contrib=True)[0, :-1]
            found += unit * np.bincount(group, parts, len(found))
            linear = _linear(pack, window.ahead, k) * apart
            found += np.bincount(of_terms, linear, len(found))
        return found * glucose_fit.share_of(window.ahead) / pack.members

    def score_of(self, pack: Pack, sample: Sample, values: Array) -> float:
        """Return the change foretold in mg/dL with the groups at 0 replaced by what is typical."""
        window: Window = sample.data
        there = np.asarray(values)[feature_groups()] > 0
        rows = np.where(there, window.features, _typical(pack))[None]
        return float(
            np.mean([_changes(pack, window.ahead, rows, k)[0] for k in range(pack.members)])
        )


def _changes(pack: Pack, ahead: int, rows: Array, member: int) -> Array:
    """Return the change that one member foretells in mg/dL, (n,)."""
    trees = pack.booster(glucose_fit.trees_of(ahead), member)
    return glucose_fit.change_of(_linear(pack, ahead, member), trees, ahead, rows)


def _linear(pack: Pack, ahead: int, member: int) -> Array:
    """Return the linear weights; in a pack of random weights, dealt out anew."""
    found = np.array(pack.member(member)["linear"][str(ahead)])
    return found if pack.seed is None else np.random.default_rng(pack.seed).permutation(found)


def _typical(pack: Pack) -> Array:
    return np.asarray(np.mean([pack.member(k)["typical"] for k in range(pack.members)], axis=0))


def _moment(sample: Sample) -> datetime | None:
    """Return when the newest reading was made; None for an example of a data set."""
    return datetime.fromisoformat(sample.key.split(" ")[0]) if sample.data.record else None


register(GlucoseForecast())
