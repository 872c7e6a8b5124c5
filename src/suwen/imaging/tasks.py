"""The two questions about a lung nodule on CT: what are its borders, and how suspicious is it?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from suwen.core.codes import BENIGN, MALIGNANCY_PROBABILITY, PULMONARY_NODULE, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import Case, Finding
from suwen.core.registry import register
from suwen.imaging import findings as said
from suwen.imaging import locate, perturbations, saliency
from suwen.imaging.data import Nodule
from suwen.imaging.examples import by_threshold, crop_input, crop_of, examples_of
from suwen.imaging.malignancy import domain_with_size, scores_of
from suwen.imaging.nodule import DOMAIN_NAMES, Mask, NoduleInput, domain_of
from suwen.imaging.patches import Floats
from suwen.imaging.segmentation import WEIGHTS, Networks, mask_from, probability_maps
from suwen.lifecycle import explain, packs, say
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.task import (
    Array,
    Choice,
    Examples,
    Output,
    Reads,
    Sample,
)
from suwen.lifecycle.task import (
    Mask as MaskAnswer,
)

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
    after: tuple[str, ...] = ()
    datasets = ("lidc_voi",)
    perturbations = (
        perturbations.NOISE,
        perturbations.SOFT,
        perturbations.SHARP,
        perturbations.THICK,
        perturbations.MOVED,
        perturbations.OFFSET,
    )
    domain_names = DOMAIN_NAMES
    recipe = Recipe(
        epochs=24, patience=24, batch_size=48, learning_rate=4e-3, weight_decay=1e-2, dropout=0.1
    )

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return one sample for each given point; see `locate`."""
        return locate.located(case)

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Return every nodule with the readers' mask."""
        return by_threshold(examples_of(data, crop_input, lambda nodule: crop_of(nodule).mask))

    def fit(
        self, train: Examples, valid: Examples, recipe: Recipe, folder: Path
    ) -> Mapping[str, Any]:
        """Train one member."""
        from suwen.imaging import fit_segmentation

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


class NoduleMalignancy:
    """How probable it is that at least two of four radiologists find the nodule suspicious."""

    name = MALIGNANCY
    title = Text(en="Lung nodule: probability of malignancy", zh="肺结节：恶性概率")
    reads = READS
    answers = Choice((BENIGN, MALIGNANCY_PROBABILITY))
    after = (SEGMENTATION,)
    datasets = ("lidc_voi", "lidc_voi_reader_masks")
    perturbations = NoduleSegmentation.perturbations
    domain_names = DOMAIN_NAMES
    explanations = ("cam", "occlusion")
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
        from suwen.imaging import fit_malignancy

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
    digest = patient_digest(nodule.patient)
    unseen = [k for k in range(pack.members) if digest not in pack.member(k)["seen"]]
    return segment(pack, crop_input(nodule), unseen or None)


register(NoduleSegmentation())
register(NoduleMalignancy())
