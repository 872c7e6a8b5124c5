"""What every 2D task does alike: train, answer, abstain, explain.

A task of a picture inherits from `PlanarTask`, states what it is about, and brings its samples and
its examples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from suwen.core.codes import Code, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Attachment, Case, Finding
from suwen.imaging.nodules.findings import LOWERS, PNG, RAISES
from suwen.imaging.pictures.key_images import shown_on
from suwen.imaging.pictures.picture import Floats, PlanarInput
from suwen.imaging.planar import attacked, reading
from suwen.imaging.planar.fit import Plan
from suwen.imaging.planar.likeness import ComparedPictures
from suwen.lifecycle import say
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Array, Examples, Output, Sample
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.reasons import explain
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.run import abstention
from suwen.lifecycle.task import Perturbation, Reads, Task


class PlanarTask(ComparedPictures):
    """A choice between classes from one picture.

    A subclass gives `name`, `title`, `reads`, `answers`, `datasets`, `plan`, `recipe`,
    `samples` and `examples`; its module imports `PlanarInput`, so that golden cases can be read.
    """

    name: str
    answers: Any
    """A `Choice`; the contract of a task allows more kinds of answers."""
    plan: Plan
    title: Text
    reads: tuple[Reads, ...]
    datasets: tuple[str, ...]
    perturbations: tuple[Perturbation, ...]
    site: Code | None = None
    after: tuple[str, ...] = ()
    domain_names = reading.DOMAIN_NAMES
    explanations = ("cam", "occlusion")
    imbalances = ("none", "weights", "oversample", "focal")
    starts = ("imagenet", "noise")
    strategies = ("ignored", "pseudo-labels", "consistency")
    attack_unit = "grey range"
    attack_strengths = (0.004, 0.008, 0.016)
    """About one, two and four of 255 grey levels."""

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return one sample for each picture the task is about; see `Task.samples`."""
        raise NotImplementedError

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Load the labelled pictures; see `Task.examples`."""
        raise NotImplementedError

    def fit(
        self, train: Examples, valid: Examples, recipe: Recipe, folder: Path
    ) -> Mapping[str, Any]:
        """Train one member."""
        from suwen.imaging.planar import fit as fit_planar

        return fit_planar.fit(self.plan, train, valid, recipe, folder)

    def pretrain(
        self, pools: Sequence[tuple[Task, Examples]], recipe: Recipe, folder: Path
    ) -> Mapping[str, Any]:
        """Pre-train the backbone on the pictures of 2D tasks, without their labels."""
        from suwen.imaging.planar.fit_unlabelled import Pool, pretrain

        found = []
        for task, examples in pools:
            if not isinstance(task, PlanarTask):
                raise BadInput(f"pictures of {task.name}", "tasks of one picture each")
            found.append(Pool(examples, task.plan.how))
        return pretrain(found, recipe, folder)

    def fixed_features(self, examples: Examples) -> Array:
        """Return the pooled features of the whole ImageNet network, (n, d)."""
        from suwen.imaging.planar import fit as fit_planar

        return fit_planar.fixed_features(examples, self.plan.pixels)

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Return the logits of each member."""
        data: PlanarInput = sample.data
        chosen = list(range(pack.members)) if members is None else list(members)
        if data.refusal is not None:
            classes = len(self.answers.classes)
            shape = (len(chosen),) if classes == 2 else (len(chosen), classes)
            return Output(np.zeros(shape), dict.fromkeys(pack.guard.ranges, 0.0))
        return Output(*reading.answer_of(pack, data, chosen))

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return the calibrated finding with its explanation, or why there is none."""
        data: PlanarInput = sample.data
        reasons = [data.refusal] if data.refusal is not None else []
        reasons = reasons or pack.guard.reasons(output.domain)
        if reasons:
            return [abstention(self, pack, sample, reasons)]
        relevance, explanation = explain.check_if_shown(self, pack, sample, "cam")
        found = say.finding(self, pack, sample, output)
        attached: tuple[Attachment, ...] = ()
        if relevance is not None and explanation.hidden_because is None:
            spared = found.code == self.answers.asked and len(self.answers.classes) > 2
            shown = -relevance if spared else relevance
            picture = shown_on(data.image, shown)
            attached = (Attachment.of(LOWERS if spared else RAISES, PNG, picture),)
            found = say.with_sentence(found, self.of_map(data.image, shown))
        update = {"explanations": (explanation,), "attachments": attached, "site": self.site}
        return [found.model_copy(update=update)]

    def of_map(self, image: Floats, relevance: Array) -> Text | None:
        """Return what a task says of the map it shows; nothing unless it knows its organ."""
        return None

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
            return reading.occlusion(pack, data.image)
        if method != "cam":
            raise BadInput(f"no explanation {method!r}", f"one of {list(self.explanations)}")
        return reading.class_activation(pack, data)

    def with_input(self, pack: Pack, sample: Sample, values: Array) -> Sample:
        """Return the sample with another picture of the same shape, which may leave 0..1."""
        image = np.asarray(values, dtype=np.float32)
        return replace(sample, data=replace(sample.data, image=image))

    def gradient_of(
        self, pack: Pack, sample: Sample, values: Array, members: Sequence[int], weights: Array
    ) -> Floats:
        """Return the slope of the networks' mean weighted logits, per grey level of each pixel."""
        data = replace(sample.data, image=np.asarray(values, dtype=np.float32))
        if len(self.answers.classes) == 2:
            weights = np.array([-1.0, 1.0]) * float(weights)
        return attacked.planar_gradient(pack, data, members, weights)

    def score_of(self, pack: Pack, sample: Sample, values: Array) -> float:
        """Return the log odds of anything but the first class with the picture replaced."""
        return reading.logit_of(pack, values)
