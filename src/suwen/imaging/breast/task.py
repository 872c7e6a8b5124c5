"""Is there a lesion on a breast ultrasound picture, and is it benign or malignant?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from suwen.core.codes import BENIGN, BREAST, BREAST_LESION, MALIGNANT, NORMAL, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Band, Case, Finding
from suwen.core.registry import register
from suwen.imaging.breast import bi_rads, ultrasound
from suwen.imaging.breast import data as breast_data
from suwen.imaging.learning.hardening import corruptions_of
from suwen.imaging.learning.variation import Variation
from suwen.imaging.pictures import perturbations as planar_perturbations
from suwen.imaging.pictures.picture import PlanarInput
from suwen.imaging.planar import fit as fit_planar
from suwen.imaging.planar.case import planar_samples
from suwen.imaging.planar.fit import Plan
from suwen.imaging.planar.task import PlanarTask
from suwen.lifecycle import say
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Examples, Output, Sample
from suwen.lifecycle.kinds import Choice
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.task import Reads

BREAST_ULTRASOUND: Final = "imaging.breast_ultrasound"
MODALITIES: Final = frozenset({"US"})
PICTURES: Final = Variation(
    turn=12.0, shift=0.08, zoom=0.22, aspect=0.2, flip=True, tone=0.3, noise=0.05, marked=0.1
)
THUMBNAILS: Final = Variation(
    turn=12.0, shift=0.06, zoom=0.15, aspect=0.15, flip=True, tone=0.25, noise=0.03, blur=1.5,
    exported=0.0, marked=0.0,
)  # fmt: skip


class BreastUltrasound(PlanarTask):
    """Normal, benign or malignant on a B-mode picture of the breast."""

    name = BREAST_ULTRASOUND
    title = Text(en="Breast ultrasound: benign or malignant lesion", zh="乳腺超声：良性或恶性病变")
    reads = (Reads("ImagingStudy", "US", Text(en="Breast ultrasound, B-mode", zh="乳腺 B 型超声")),)
    answers = Choice((NORMAL, BENIGN, MALIGNANT), BREAST_LESION, gravest=MALIGNANT)
    datasets = ("busi", "busi_marked", "breastmnist")
    perturbations = planar_perturbations.ULTRASOUND
    site = BREAST
    plan = Plan(
        classes=3,
        pixels=160,
        blocks=11,
        frozen=5,
        how=PICTURES,
        corruptions=corruptions_of(planar_perturbations.ULTRASOUND),
        mirrored=True,
    )
    thumbnails = replace(plan, pixels=96, frozen=3, how=THUMBNAILS)
    recipe = Recipe(
        folds=3,
        epochs=13,
        patience=13,
        batch_size=12,
        learning_rate=1.2e-3,
        weight_decay=2e-2,
        dropout=0.3,
        imbalance="weights",
    )

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return one sample for each ultrasound picture; other body parts carry a refusal."""
        return planar_samples(case, MODALITIES, ultrasound.other_body_part, ultrasound.picture_of)

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Return the pictures of BUSI (`busi_marked`: with their marks), or BreastMNIST."""
        if dataset == "breastmnist":
            return breast_data.breastmnist(data)
        if dataset not in self.datasets:
            raise BadInput(f"no data set {dataset!r}", f"one of {list(self.datasets)}")
        return breast_data.busi(data, clean=dataset == "busi")

    def fit(
        self, train: Examples, valid: Examples, recipe: Recipe, folder: Path
    ) -> Mapping[str, Any]:
        """Train one member."""
        plan = self.thumbnails if recipe.dataset == "breastmnist" else self.plan
        return fit_planar.fit(plan, train, valid, recipe, folder)

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return the most probable class, with the BI-RADS range of the probability of cancer."""
        found = super().findings(pack, sample, output)
        if any(one.band is Band.ABSTAIN for one in found):
            return found
        cancer = pack.answers.probabilities(output.scores)[self.answers.classes.index(MALIGNANT)]
        return [say.with_sentence(one, bi_rads.sentence(cancer.value)) for one in found]


__all__ = ["BREAST_ULTRASOUND", "BreastUltrasound", "PlanarInput"]
register(BreastUltrasound())
