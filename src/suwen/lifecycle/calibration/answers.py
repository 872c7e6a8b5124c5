"""What the scores of a pack mean: calibrated answers with intervals, and what may be concluded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from suwen.core.codes import Code, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Band, Interval
from suwen.lifecycle.calibration import prediction_sets
from suwen.lifecycle.calibration.bands import Thresholds
from suwen.lifecycle.calibration.bands_classes import ClassThresholds
from suwen.lifecycle.calibration.bands_places import PlaceThresholds
from suwen.lifecycle.calibration.calibrate import Calibrator
from suwen.lifecycle.calibration.calibrate_classes import ClassCalibrator
from suwen.lifecycle.calibration.conformal import Conformal
from suwen.lifecycle.calibration.prediction_sets import PredictionSets
from suwen.lifecycle.examples import Array

C = TypeVar("C", Calibrator, ClassCalibrator, Conformal)


class Answers:
    """Calibrator and decision thresholds of one pack, each read when first asked for.

    Parameters
    ----------
    content
        Returns a JSON file of the pack, by name and whether it has to be there.
    calibrated
        Whether the pack has a calibrator: rules have none.
    """

    def __init__(
        self, content: Callable[[str, bool], dict[str, Any]], calibrated: bool = True
    ) -> None:
        self._content = content
        self.calibrated = calibrated

    @cached_property
    def calibrator(self) -> Calibrator | ClassCalibrator | Conformal:
        """The calibrator that ships, fitted on all development examples."""
        return _calibrator(self._content("calibrator.json", True)["all"])

    def of_fold(self, fold: int) -> Calibrator | ClassCalibrator | Conformal:
        """Return the calibrator that was fitted without one fold."""
        return _calibrator(self._content("calibrator.json", True)["folds"][fold])

    @cached_property
    def thresholds(self) -> Thresholds:
        """The decision thresholds of two classes with their error budget."""
        return Thresholds.from_json(self._content("thresholds.json", True))

    @cached_property
    def class_thresholds(self) -> ClassThresholds:
        """The decision thresholds of more than two classes with their error budget."""
        return ClassThresholds.from_json(self._content("thresholds.json", True))

    @cached_property
    def place_thresholds(self) -> PlaceThresholds:
        """The logits from which a mark is shown and called high, with the measured rates."""
        return PlaceThresholds.from_json(self._content("thresholds.json", True))

    @cached_property
    def sets(self) -> PredictionSets | None:
        """Which classes remain possible; None in a pack that states no such sets."""
        content = self._content(prediction_sets.FILE, False)
        return PredictionSets.from_json(content) if content else None

    def probability(self, scores: Array) -> Interval:
        """Return the calibrated probability of one sample from its members' logits (members,)."""
        return self._calibrated(Calibrator).interval(scores)

    def probabilities(self, scores: Array) -> tuple[Interval, ...]:
        """Return the probability of each class of one sample; `scores` (members, classes)."""
        return self._calibrated(ClassCalibrator).intervals(scores)

    def value(self, scores: Array, spread: Array | None = None) -> Interval:
        """Return the answer of one sample with its interval from its members' values (members,).

        `spread` are the errors that the members expect, where they say them (members,).
        """
        return self._calibrated(Conformal).interval(scores, spread)

    def of_mark(self, logit: float) -> tuple[Interval, Band, Text]:
        """Return the probability of one mark (mean logit), its band, and what that rests on.

        The interval is the doubt about the calibrator alone (its covariance by patient): members
        mark different places, so that there is no spread of members at one mark.
        """
        cuts = self.place_thresholds
        band = cuts.band(logit)
        return self._calibrated(Calibrator).interval(np.array([logit])), band, cuts.reason(band)

    def of_span(self, logit: float) -> Interval | None:
        """Return the probability that a stretch is right; None in a pack without a calibrator."""
        if not self.calibrated:
            return None
        return self._calibrated(Calibrator).interval(np.array([logit]))

    def _calibrated(self, kind: type[C]) -> C:
        if not isinstance(self.calibrator, kind):
            raise BadInput(
                f"the pack is calibrated as {type(self.calibrator).__name__}",
                f"a pack with a {kind.__name__}",
                "ask it for what its task answers: probability, probabilities or value",
            )
        return self.calibrator

    def band(self, probability: Interval) -> tuple[Band, Text]:
        """Return the decision band of a probability and the sentence it rests on."""
        band = self.thresholds.band(probability.value)
        return band, self.thresholds.reason(band)

    def decide(
        self, probabilities: Sequence[Interval], classes: Sequence[Code]
    ) -> tuple[int, Band, Text]:
        """Return the class that is named, its band and the sentence that rests on."""
        cuts = self.class_thresholds
        named, band = cuts.band(np.array([each.value for each in probabilities]))
        return named, band, cuts.reason(named, band, classes)


def _calibrator(content: dict[str, Any]) -> Calibrator | ClassCalibrator | Conformal:
    if "residuals" in content:
        return Conformal.from_json(content)
    if isinstance(content["a"], list):
        return ClassCalibrator.from_json(content)
    return Calibrator.from_json(content)
