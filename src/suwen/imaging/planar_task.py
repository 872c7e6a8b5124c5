"""What every 2D task does alike: train, answer, abstain, explain.

A task of a picture inherits from `PlanarTask`, states what it is about, and brings its samples and
its examples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from suwen.core.errors import BadInput
from suwen.imaging import planar_reading as reading
from suwen.imaging.fit_planar import Plan
from suwen.imaging.planar import Floats, PlanarInput
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.task import Array, Choice, Examples, Output, Sample


class PlanarTask:
    """A choice between classes from one picture.

    A subclass gives `name`, `title`, `reads`, `answers`, `datasets`, `plan`, `recipe`,
    `samples` and `examples`; its module imports `PlanarInput`, so that golden cases can be read.
    """

    name: str
    answers: Choice
    plan: Plan
    after: tuple[str, ...] = ()
    domain_names = reading.DOMAIN_NAMES
    explanations = ("cam", "occlusion")
    imbalances = ("none", "weights", "oversample", "focal")

    def fit(
        self, train: Examples, valid: Examples, recipe: Recipe, folder: Path
    ) -> Mapping[str, Any]:
        """Train one member."""
        from suwen.imaging import fit_planar

        return fit_planar.fit(self.plan, train, valid, recipe, folder)

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Return the logits of each member."""
        data: PlanarInput = sample.data
        chosen = list(range(pack.members)) if members is None else list(members)
        if data.refusal is not None:
            classes = len(self.answers.classes)
            shape = (len(chosen),) if classes == 2 else (len(chosen), classes)
            return Output(np.zeros(shape), dict.fromkeys(pack.guard.ranges, 0.0))
        return Output(reading.logits_of(pack, data, chosen), reading.domain_of(pack, data, chosen))

    def input_of(self, pack: Pack, sample: Sample) -> Floats:
        """Return the picture."""
        data: PlanarInput = sample.data
        return data.image

    def baseline(self, pack: Pack, sample: Sample) -> Floats:
        """Return the picture with nothing in it: its own blur, so that its frame stays."""
        return reading.emptied(sample.data.image)

    def saliency(self, pack: Pack, sample: Sample, method: str) -> Array:
        """Return the relevance of each pixel of `input_of`: `cam` or `occlusion`."""
        data: PlanarInput = sample.data
        if method == "occlusion":
            return reading.occlusion(pack, data, self.baseline(pack, sample))
        if method != "cam":
            raise BadInput(f"no explanation {method!r}", f"one of {list(self.explanations)}")
        return reading.class_activation(pack, data)

    def score_of(self, pack: Pack, sample: Sample, values: Array) -> float:
        """Return the log odds of anything but the first class with the picture replaced."""
        return reading.logit_with(pack, sample.data, values)
