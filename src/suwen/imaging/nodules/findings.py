"""What the two tasks say: measures with intervals, evidence in the patient frame, pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from suwen.core.codes import (
    EQUIVALENT_DIAMETER,
    LONGEST_DIAMETER,
    PULMONARY_NODULE,
    VOLUME,
    Code,
    Text,
)
from suwen.core.nouns import (
    Attachment,
    Band,
    Evidence,
    Explanation,
    Finding,
    ImageRegion,
    Interval,
    Measure,
    Point,
    Tracking,
)
from suwen.imaging.nodules.saliency import on_whole, seen_volume
from suwen.imaging.pictures.key_images import key_image
from suwen.imaging.reading.nifti import write_nifti
from suwen.imaging.reading.problem import joined
from suwen.imaging.volumes.nodule import (
    Mask,
    NoduleInput,
    box_of,
    equivalent_diameter_mm,
    longest_diameter_mm,
    site_of,
    volume_mm3,
)
from suwen.imaging.volumes.patches import Floats
from suwen.imaging.volumes.volume import Volume
from suwen.lifecycle.examples import Sample
from suwen.lifecycle.pack import Pack

NIFTI: Final = "application/x-nifti+gzip"
PNG: Final = "image/png"
RAISES: Final = "key-image-saliency"
LOWERS: Final = "key-image-saliency-against"
"""Roles of the key image under what raised, or lowered, the probability."""

NOTHING_HERE: Final = Text(
    en="Nothing within 6 mm of the given point looks like a nodule to this pack.",
    zh="标注点 6 mm 范围内未见该模型可识别的结节。",
)
REACHES_END: Final = Text(
    en="The nodule reaches the end of the volume; the measures are lower bounds.",
    zh="结节到达图像边缘，测量值为下限。",
)
MEASURED: Final = Text(
    en="Segmented and measured; the intervals hold the readers' consensus measure for 95 % of the "
    "nodules of patients a member was not trained on.",
    zh="已分割并测量；区间在未参与训练的患者中可覆盖 95 % 结节的医师一致测量值。",
)


def abstain(task: str, pack: Pack, code: Code, sample: Sample, reason: Text) -> Finding:
    """Return the finding that nothing is said, and why."""
    data: NoduleInput = sample.data
    return Finding(
        task=task,
        pack=pack.identity,
        code=code,
        band=Band.ABSTAIN,
        reason=reason,
        evidence=sample.evidence,
        tracking=tracking_of(data),
    )


def tracking_of(data: NoduleInput) -> Tracking | None:
    """Return the identity of the lesion; None for a development example."""
    return Tracking(uid=data.uid, label=data.label) if data.uid else None


def measures_of(mask: Mask, volume: Volume, settings: Sequence[Mapping[str, Any]]) -> list[Measure]:
    """Return volume and diameters with their intervals.

    Each member knows the ratios between its measures and the readers' on patients it was not
    trained on (2.5th and 97.5th percentile, as logarithms); their means give the interval.
    """
    mm3 = volume_mm3(mask, volume)
    values = (
        (LONGEST_DIAMETER, longest_diameter_mm(mask, volume), "mm", "longest_ratio", 1.0),
        (EQUIVALENT_DIAMETER, equivalent_diameter_mm(mm3), "mm", "volume_ratio", 1 / 3),
        (VOLUME, mm3, "mm3", "volume_ratio", 1.0),
    )
    found = []
    for code, value, unit, ratio, power in values:
        low, high = np.mean([one[ratio] for one in settings], axis=0)
        interval = Interval(
            value=value,
            low=value * float(np.exp(power * min(low, 0.0))),
            high=value * float(np.exp(power * max(high, 0.0))),
        )
        found.append(Measure(code=code, interval=interval, unit=unit))
    return found


def region_of(mask: Mask, data: NoduleInput, before: Sequence[Evidence]) -> ImageRegion:
    """Return the box around a mask in the patient frame, in the series of the earlier evidence."""
    low, high = box_of(mask)
    corners = np.array([low - 0.5, high + 0.5])
    grid = np.stack(np.meshgrid(*corners.T, indexing="ij"), axis=-1).reshape(-1, 3)
    points = data.volume.to_point(grid)
    middle = np.argwhere(mask).mean(0)
    centre = data.volume.to_point(middle)
    ends = bool(low[0] == 0 or high[0] == len(mask) - 1)
    given = next((one for one in before if isinstance(one, ImageRegion)), None)
    named = _named(given) | {
        "centre": _point(centre),
        "low": _point(points.min(0)),
        "high": _point(points.max(0)),
    }
    if data.slice_uids:
        named["instance_uid"] = data.slice_uids[round(float(middle[0]))]
    note = given.note if given else None
    return ImageRegion(**named, note=joined(note, REACHES_END if ends else None))


def _named(given: ImageRegion | None) -> dict[str, Any]:
    names = ("record", "study_uid", "series_uid", "frame_of_reference_uid", "instance_uid")
    return {name: getattr(given, name) if given else "" for name in names}


def _point(values: Any) -> Point:
    x, y, z = (round(float(value), 3) for value in values)
    return x, y, z


def segmentation_finding(
    task: str, pack: Pack, sample: Sample, mask: Mask, settings: Sequence[Mapping[str, Any]]
) -> Finding:
    """Return the finding of a mask that is not empty."""
    data: NoduleInput = sample.data
    region = region_of(mask, data, sample.evidence)
    others = tuple(one for one in sample.evidence if not isinstance(one, ImageRegion))
    written = write_nifti(Volume(mask.astype(np.uint8), data.volume.affine))
    return Finding(
        task=task,
        pack=pack.identity,
        code=PULMONARY_NODULE,
        band=Band.RULE_IN,
        reason=joined(MEASURED, data.where),
        measures=tuple(measures_of(mask, data.volume, settings)),
        evidence=(region, *others),
        attachments=(
            Attachment.of("mask", NIFTI, written),
            Attachment.of("key-image", PNG, key_image(data.volume, mask)),
        ),
        tracking=tracking_of(data),
        site=site_of(data.side, data.lobe),
    )


def with_nodule(
    finding: Finding, sample: Sample, explained: tuple[Floats | None, Explanation]
) -> Finding:
    """Return the finding of a scored nodule with its identity and its explanation's pictures.

    The pictures are there only when the explanation passed its checks.
    """
    data: NoduleInput = sample.data
    relevance, explanation = explained
    attachments: tuple[Attachment, ...] = ()
    mask, probability = data.mask, finding.probability
    shown = explanation.hidden_because is None
    if shown and relevance is not None and mask is not None and probability is not None:
        raised = probability.value >= 0.5
        picture = key_image(data.volume, mask, on_whole(data, relevance if raised else -relevance))
        attachments = (
            Attachment.of("saliency", NIFTI, write_nifti(seen_volume(data, relevance))),
            Attachment.of(RAISES if raised else LOWERS, PNG, picture),
        )
    return finding.model_copy(
        update={
            "explanations": (explanation,),
            "attachments": attachments,
            "tracking": tracking_of(data),
            "site": site_of(data.side, data.lobe),
        }
    )


def with_box(sample: Sample) -> Sample:
    """Return a development example with the box of its mask as evidence; others as they are."""
    data: NoduleInput = sample.data
    if sample.evidence or data.mask is None or not data.mask.any():
        return sample
    return replace(sample, evidence=(region_of(data.mask, data, ()),))
