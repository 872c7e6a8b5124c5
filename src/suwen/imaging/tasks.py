"""The two questions about a lung nodule on CT: what are its borders, and how suspicious is it?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.core.codes import BENIGN, MALIGNANCY_PROBABILITY, PULMONARY_NODULE, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Case, Finding
from suwen.core.registry import register
from suwen.imaging.detection import attacked as attacked_nodules
from suwen.imaging.detection.detector import DETECTION
from suwen.imaging.learning import perturbations
from suwen.imaging.nodules import findings as said
from suwen.imaging.nodules import locate, malignancy, ratings, saliency
from suwen.imaging.nodules.data import Nodule
from suwen.imaging.nodules.examples import by_threshold, crop_input, crop_of, examples_of
from suwen.imaging.nodules.malignancy import domain_with_size, scores_of
from suwen.imaging.nodules.segmentation import WEIGHTS, Networks, mask_from, probability_maps
from suwen.imaging.pictures.key_images import small_picture
from suwen.imaging.planar import attacked
from suwen.imaging.volumes.nodule import DOMAIN_NAMES, Mask, NoduleInput, domain_of
from suwen.imaging.volumes.patches import Floats
from suwen.lifecycle import packs, say
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Array, Examples, Output, Sample
from suwen.lifecycle.kinds import Choice
from suwen.lifecycle.kinds import Mask as MaskAnswer
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.reasons import explain
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.task import Reads

SEGMENTATION: Final = "imaging.nodule_segmentation"
MALIGNANCY: Final = "imaging.nodule_malignancy"
READS: Final = (
    Reads("ImagingStudy", "CT", Text(en="Chest CT, axial slices", zh="胸部 CT 横断位")),
    Reads(
        "BodyStructure", "", Text(en="The nodule's place, given by a person", zh="医生给出的位置")
    ),
)


class NoduleSegmentation:
    """The borders of the nodule at a point: mask, volume and diameters."""

    name = SEGMENTATION
    title = Text(en="Lung nodule: borders and size", zh="肺结节：边界与大小")
    reads = READS
    answers = MaskAnswer(PULMONARY_NODULE)
    after: tuple[str, ...] = (DETECTION,)
    datasets = ("lidc_voi",)
    perturbations = perturbations.ON_CT
    attack_unit = "HU"
    attack_strengths = (5.0, 10.0, 25.0)
    domain_names = DOMAIN_NAMES
    recipe = Recipe(
        epochs=24, patience=24, batch_size=48, learning_rate=4e-3, weight_decay=1e-2, dropout=0.1
    )

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return one sample for each point, given or marked by the search; see `locate`."""
        return locate.located(case, earlier)

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Return every nodule with the readers' mask."""
        return by_threshold(examples_of(data, crop_input, lambda nodule: crop_of(nodule).mask))

    def fit(
        self, train: Examples, valid: Examples, recipe: Recipe, folder: Path
    ) -> Mapping[str, Any]:
        """Train one member."""
        from suwen.imaging.nodules import fit_segmentation

        made = dict(fit_segmentation.fit(train, valid, recipe, folder))
        groups = sorted({str(group) for part in (train, valid) for group in part.groups})
        return made | {"seen": [patient_digest(group) for group in groups]}

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Segment; the scores are empty."""
        data: NoduleInput = sample.data
        nothing = np.zeros(0)
        if data.refusal is not None:
            empty = np.zeros(data.volume.values.shape, dtype=bool)
            return Output(nothing, dict.fromkeys(pack.guard.ranges, 0.0), empty)
        return Output(nothing, domain_of(data), segment(pack, data, members))

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return the measured nodule, or why there is none."""
        data: NoduleInput = sample.data
        refusal = data.refusal
        if refusal is None and (output.mask is None or not output.mask.any()):
            refusal = said.NOTHING_HERE
        if refusal is not None or output.mask is None:
            reason = refusal or said.NOTHING_HERE
            return [said.abstain(self.name, pack, PULMONARY_NODULE, sample, reason)]
        settings = [pack.member(member) for member in range(pack.members)]
        return [said.segmentation_finding(self.name, pack, sample, output.mask, settings)]

    def input_of(self, pack: Pack, sample: Sample) -> Floats:
        """Return the voxels around the point, in HU."""
        return np.asarray(sample.data.volume.values, dtype=np.float32)

    def with_input(self, pack: Pack, sample: Sample, values: Array) -> Sample:
        """Return the sample with those voxels replaced."""
        return replace(sample, data=sample.data.with_values(values))

    def harm_gradient(
        self, pack: Pack, sample: Sample, values: Array, members: Sequence[int], truth: Mask
    ) -> Floats:
        """Return the slope of 1 - soft Dice, per HU of each voxel."""
        data = sample.data.with_values(values)
        return attacked_nodules.border_gradient(pack, data, members, truth)


def _segmented_again(
    apply: Callable[[Sample, float, int], Sample], sample: Sample, strength: float, seed: int
) -> Sample:
    """Return the changed sample with the mask that is found on the changed voxels, as in use.

    The members of the segmentation that never saw the patient find it.
    """
    changed = apply(sample, strength, seed)
    pack = packs.current(SEGMENTATION)
    mask = segment(pack, changed.data, _unseen(pack, sample.key.partition("_R_")[0]))
    return replace(changed, data=replace(changed.data, mask=mask))


class NoduleMalignancy:
    """How probable it is that at least two of four radiologists find the nodule suspicious."""

    name = MALIGNANCY
    title = Text(en="Lung nodule: probability of malignancy", zh="肺结节：恶性概率")
    reads = READS
    answers = Choice((BENIGN, MALIGNANCY_PROBABILITY))
    after = (SEGMENTATION,)
    datasets = ("lidc_voi", "lidc_voi_reader_masks")
    perturbations = tuple(
        replace(each, apply=partial(_segmented_again, each.apply)) for each in perturbations.ON_CT
    )
    attack_unit = "HU"
    attack_strengths = (5.0, 10.0, 25.0)
    domain_names = DOMAIN_NAMES
    explanations = ("cam", "occlusion")
    pictures_show = Text(
        en="the axial slice where the nodule is largest, lung window, 32 mm wide, all to one scale",
        zh="结节最大的横断层面，肺窗，宽 32 mm，比例统一",
    )
    imbalances = ("none", "weights", "oversample", "focal")
    exclusions: Final = {"rating 3": lambda found: found.columns["rating"] == "rating 3"}
    recipe = Recipe(
        epochs=10,
        patience=10,
        batch_size=24,
        learning_rate=1.2e-3,
        weight_decay=2e-2,
        dropout=0.3,
    )

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return one sample for each nodule that was segmented."""
        return locate.segmented(case, earlier)

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Return every nodule with a predicted mask (`lidc_voi`) or the readers' mask."""
        if dataset == "lidc_voi_reader_masks":
            return examples_of(
                data,
                lambda nodule: crop_input(nodule, crop_of(nodule).mask),
                lambda nodule: crop_of(nodule).mask,
            )
        if dataset != "lidc_voi":
            raise BadInput(f"no data set {dataset!r}", f"one of {list(self.datasets)}")
        pack = packs.current(SEGMENTATION)
        return examples_of(data, partial(_as_deployed, pack), lambda nodule: crop_of(nodule).mask)

    def fit(
        self, train: Examples, valid: Examples, recipe: Recipe, folder: Path
    ) -> Mapping[str, Any]:
        """Train one member."""
        from suwen.imaging.nodules import fit_malignancy

        return fit_malignancy.fit(train, valid, recipe, folder)

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Return one logit a member."""
        data: NoduleInput = sample.data
        chosen = list(range(pack.members)) if members is None else list(members)
        if data.refusal is not None:
            return Output(np.zeros(len(chosen)), dict.fromkeys(pack.guard.ranges, 0.0))
        return Output(scores_of(pack, data, chosen), domain_with_size(data))

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return the calibrated probability with its interval, band and explanation."""
        data: NoduleInput = sample.data
        reasons = [data.refusal] if data.refusal is not None else []
        reasons = reasons or pack.guard.reasons(output.domain)
        if reasons:
            reason = Text(en=" ".join(r.en for r in reasons), zh="".join(r.zh for r in reasons))
            return [said.abstain(self.name, pack, MALIGNANCY_PROBABILITY, sample, reason)]
        explained = explain.check_if_shown(self, pack, sample, "cam")
        answered = say.finding(self, pack, said.with_box(sample), output)
        return [said.with_nodule(answered, sample, explained)]

    def embedding(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Array:
        """Return the pooled features of each member's networks; the trees are left out."""
        chosen = range(pack.members) if members is None else members
        return malignancy.embedding(pack, sample.data, list(chosen))

    def told(self, examples: Examples) -> Mapping[str, Array]:
        """Return the radiologists' mean malignancy rating, their attributes, and the diameter."""
        return ratings.told(examples)

    def example_in_words(self, label: int, told: Mapping[str, float]) -> tuple[Text, Text | None]:
        """Return the radiologists' opinion of an example, and how they rated it."""
        return ratings.OPINIONS[label], ratings.in_words(told)

    def picture_of(self, sample: Sample) -> Array:
        """Return the slice where the nodule is largest, always as wide."""
        return small_picture(sample.data.volume, malignancy.mask_of(sample.data))

    def input_of(self, pack: Pack, sample: Sample) -> Floats:
        """Return the voxels that the network sees, in HU."""
        return saliency.seen_values(sample.data)

    def baseline(self, pack: Pack, sample: Sample) -> Floats:
        """Return the same box filled with lung."""
        return saliency.lung_only(sample.data)

    def saliency(self, pack: Pack, sample: Sample, method: str) -> Array:
        """Return the relevance of each voxel of `input_of`: `cam` or `occlusion`."""
        if method == "occlusion":
            return saliency.occlusion(pack, sample.data)
        if method != "cam":
            raise BadInput(f"no explanation {method!r}", f"one of {list(self.explanations)}")
        return saliency.class_activation(pack, sample.data)

    def score_of(self, pack: Pack, sample: Sample, values: Array) -> float:
        """Return the networks' logit with the seen voxels replaced; the trees are left out."""
        return saliency.logit_with(pack, sample.data, values)

    def with_input(self, pack: Pack, sample: Sample, values: Array) -> Sample:
        """Return the sample with the seen voxels replaced; the mask stays."""
        return replace(sample, data=saliency.with_seen(sample.data, values))

    def gradient_of(
        self, pack: Pack, sample: Sample, values: Array, members: Sequence[int], weights: Array
    ) -> Floats:
        """Return the slope of the networks' mean weighted logit, per HU of each seen voxel."""
        data = saliency.with_seen(sample.data, values)
        slope = attacked.logit_gradient(pack, data, members)[saliency.seen_box(data)]
        return slope * float(weights)


def patient_digest(patient: str) -> str:
    """Return what stands in a pack for a patient of its development data."""
    return hashlib.sha256(patient.encode()).hexdigest()[:12]


def networks_of(pack: Pack, members: Sequence[int]) -> Networks:
    """Return the segmentation networks of some members."""
    files = [(WEIGHTS, member) for member in members]
    return Networks(len(files), lambda batch: pack.run(files, "logits", {"input": batch}))


def segment(pack: Pack, data: NoduleInput, members: Sequence[int] | None = None) -> Mask:
    """Return the mask at the point: the members' mean, or that of some of them."""
    chosen = range(pack.members) if members is None else members
    return mask_from(probability_maps(networks_of(pack, chosen), data).mean(0), data)


def _as_deployed(pack: Pack, nodule: Nodule) -> NoduleInput:
    """Return a nodule with the mask of the segmentation members that never saw its patient."""
    return crop_input(nodule, _predicted(pack, nodule))


@lru_cache(maxsize=4096)
def _predicted(pack: Pack, nodule: Nodule) -> Mask:
    return segment(pack, crop_input(nodule), _unseen(pack, nodule.patient))


def _unseen(pack: Pack, patient: str) -> list[int] | None:
    """Return the members that never saw a patient; all (None) when each did."""
    digest = patient_digest(patient)
    return [k for k in range(pack.members) if digest not in pack.member(k)["seen"]] or None


register(NoduleSegmentation())
register(NoduleMalignancy())
