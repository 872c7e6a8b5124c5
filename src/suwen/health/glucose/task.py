"""What will the sensor say in 30, 60 and 120 minutes? A glucose forecast with alarms.

From the last 12 hours of a continuous glucose monitor, the time of day and, where they are there,
the last days: the own level, and how the forecasts made then would have fared for this person. Each
horizon is an answer of its own with an interval that widens where the curve is restless, and where
forecasts for this person have been further off than they are for others.

References: Sergazinov et al., GlucoBench, ICLR 2024 (data and protocol); Romano, Patterson &
Candes, NeurIPS 2019, and Gibbs & Candes, NeurIPS 2021 (intervals that adapt);
Battelino et al., Diabetes Care 42:1593, 2019 (levels).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from suwen.core.codes import SUWEN, Code, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Case, Finding, RecordValue
from suwen.core.registry import register
from suwen.health.glucose import alarms as glucose_alarms
from suwen.health.glucose import data as glucose_data
from suwen.health.glucose import fit as glucose_fit
from suwen.health.glucose import say
from suwen.health.glucose.case import course_of
from suwen.health.glucose.changes import PERTURBATIONS
from suwen.health.glucose.data import interval_of
from suwen.health.glucose.person import for_person
from suwen.health.glucose.window import (
    Window,
    feature_groups,
    grids,
    groups,
    knowledge,
    own_levels,
    recent,
)
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Array, Examples, Output, Sample
from suwen.lifecycle.kinds import Answers, Value
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.reasons import explain
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.run import abstention
from suwen.lifecycle.task import Perturbation, Reads

GLUCOSE_FORECAST: Final = "health.glucose_forecast"
FORETOLD: Final = Code(
    system=f"{SUWEN}/codes",
    code="glucose-forecast",
    name=Text(en="Glucose forecast", zh="葡萄糖预测"),
)
SHOWN_BY_SENSORS: Final = (40.0, 400.0)
"""mg/dL; sensors show nothing outside, so nothing outside is foretold."""
NOW, UNKNOWN = np.zeros(1), np.full(1, np.nan)
"""Minutes from the newest reading to itself; what will come."""
ANSWERS_KEPT: Final = 32
"""Answers kept, so that an explanation does not look at the earlier forecasts again each time."""


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
    datasets: tuple[str, ...] = (*glucose_data.TOGETHER, *glucose_data.FILES)
    apart = glucose_data.APART
    perturbations: tuple[Perturbation, ...] = PERTURBATIONS
    explanations = ("contributions",)
    imbalances = ("none",)
    recipe = Recipe(folds=3, epochs=1, interval_level=0.90, stress=300)
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
        days = recent(course.past, int(place[0]))
        curve = grids(course.past, place)[0]
        clock = course.newest.hour + course.newest.minute / 60
        evidence = (RecordValue(record=course.record, path="Observation.value"),)
        return [
            Sample(
                f"{course.newest.isoformat()} +{ahead}",
                Window(
                    curve, clock, own_levels(course.past, place, ahead)[0], ahead,
                    interval=interval_of(course.past, int(place[0])), late=course.late,
                    record=course.record, days=days,
                    place=int(place[0]), past=course.past,
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
        now = float(np.nan_to_num(window.features[0]))
        found = [_answered(pack, window, k) for k in chosen]
        values = np.clip([now + one.change for one in found], *SHOWN_BY_SENSORS)
        return Output(values, window.domain, spread=np.array([one.error for one in found]))

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return the forecast with its probabilities and alarms, or why there is none."""
        window: Window = sample.data
        reasons = say.unasked(window) or pack.guard.reasons(output.domain)
        if reasons:
            return [abstention(self, pack, sample, reasons)]
        found = say.finding(self, pack, sample, output)
        moved, explained = explain.check_if_shown(self, pack, sample, "contributions")
        update: dict[str, Any] = {"explanations": (explained,)}
        if moved is not None and explained.hidden_because is None and window.record:
            update["evidence"] = say.moving(window, moved)
        at = _moment(sample)
        if at is not None:
            update["valid_until"] = at + timedelta(minutes=float(knowledge()["valid_minutes"]))
        return [found.model_copy(update=update)]

    def alarms(self, pack: Pack, examples: Examples) -> Mapping[str, Any]:
        """Return how often, how early and how needlessly alarms come, beside those of sensors."""
        return glucose_alarms.measured(pack, examples)

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
        varies, found = glucose_fit.varies_of(rows)[0], np.zeros(len(groups()))
        for k in range(pack.members):
            model = glucose_fit.model_of(pack, window.ahead, k)
            parts = model.trees.predict(rows, pred_contrib=True)[0, :-1]
            found += varies * np.bincount(group, parts, len(found))
            found += np.bincount(of_terms, model.weights * apart, len(found))
            found[-1] += _answered(pack, window, k).corrected
        return found / pack.members

    def score_of(self, pack: Pack, sample: Sample, values: Array) -> float:
        """Return the change foretold in mg/dL with the groups at 0 replaced by what is typical.

        Without the last group, the errors of earlier forecasts, it is that of the model of
        everybody.
        """
        window: Window = sample.data
        there = np.asarray(values) > 0
        rows = np.where(there[feature_groups()], window.features, _typical(pack))[None]
        found = []
        for k in range(pack.members):
            said = glucose_fit.said_of(
                glucose_fit.model_of(pack, window.ahead, k), rows, NOW, UNKNOWN
            )
            own = _answered(pack, window, k).corrected if there[-1] else 0.0
            found.append(float(said.linear[0] + said.trees[0] + own))
        return float(np.mean(found))


class _Answer(NamedTuple):
    """Change foretold, what of it was learnt from the person, and the expected error, in mg/dL."""

    change: float
    corrected: float
    error: float


@lru_cache(maxsize=ANSWERS_KEPT)
def _answered(pack: Pack, window: Window, member: int) -> _Answer:
    """Return what one member answers, the earlier forecasts for this person looked at again."""
    model = glucose_fit.model_of(pack, window.ahead, member)
    if window.days is None:
        plain = glucose_fit.said_of(model, window.features[None], NOW, UNKNOWN)
        return _Answer(float(plain.linear[0] + plain.trees[0]), 0.0, float(plain.size[0]))
    earlier = window.days.earlier(window.ahead)
    said = glucose_fit.said_of(
        model,
        np.concatenate([earlier.rows, window.features[None]]),
        np.r_[earlier.minutes, NOW],
        np.r_[earlier.change, UNKNOWN],
    )
    change, error = for_person(said, len(earlier.minutes), window.ahead)
    return _Answer(change, change - float(said.linear[-1] + said.trees[-1]), error)


def _typical(pack: Pack) -> Array:
    return np.asarray(np.mean([pack.member(k)["typical"] for k in range(pack.members)], axis=0))


def _moment(sample: Sample) -> datetime | None:
    """Return when the newest reading was made; None for an example of a data set."""
    return datetime.fromisoformat(sample.key.split(" ")[0]) if sample.data.record else None


register(GlucoseForecast())
