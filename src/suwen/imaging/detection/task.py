"""Where on a chest CT are nodules? Marks on labelled single slices and on whole CTs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from suwen.core.codes import MARKS, NODULE_SEARCH, PULMONARY_NODULE, WEAK_MARKS, Code, Text
from suwen.core.errors import BadInput
from suwen.core.nouns import (
    Band,
    Case,
    Finding,
    ImageRegion,
    Interval,
    Measure,
    Status,
    Tracking,
)
from suwen.core.registry import register
from suwen.imaging.anatomy.lungs import Lungs
from suwen.imaging.case.series import answered_volumes
from suwen.imaging.detection import attacked
from suwen.imaging.detection.detector import DETECTION, marks_of, networks_of, slice_maps
from suwen.imaging.detection.mark_saliency import ExplainedMarks, explained
from suwen.imaging.detection.scan import ScanInput, labelled, places_of, scan_of, whole_region
from suwen.imaging.detection.whole_ct import Searches
from suwen.imaging.learning import perturbations
from suwen.imaging.nodules.data import LUNG_SLICES
from suwen.imaging.nodules.locate import given_in, identity_of, reach_of
from suwen.imaging.nodules.lung_slices import SLICES_SOURCE, read_slices
from suwen.imaging.reading.problem import joined
from suwen.imaging.reading.tags import tag_columns
from suwen.imaging.volumes.patches import LUNG_WINDOW, Floats
from suwen.imaging.volumes.volume import Volume
from suwen.lifecycle import say
from suwen.lifecycle.data import DataFolders
from suwen.lifecycle.examples import Examples, Output, Sample
from suwen.lifecycle.kinds import Answers, Places
from suwen.lifecycle.pack import Pack
from suwen.lifecycle.recipe import Recipe
from suwen.lifecycle.run import abstention
from suwen.lifecycle.task import Perturbation, Reads

MOST_SHOWN: Final = 15
"""The strongest marks of a CT that are shown; a reader looks at no longer list."""
LUNG_HU: Final = -500.0
SEARCHES: Final = Searches()
_ZONES: Final = {
    "upper": Text(en="upper third of the lung", zh="肺上三分之一"),
    "middle": Text(en="middle third of the lung", zh="肺中三分之一"),
    "lower": Text(en="lower third of the lung", zh="肺下三分之一"),
}
NO_LUNGS: Final = Text(
    en="No lungs were found on this CT, so it was not searched.",
    zh="该 CT 上未找到肺，故未进行搜索。",
)


class NoduleDetection(ExplainedMarks):
    """Places that look like a nodule, each with its probability, diameter and side."""

    name = DETECTION
    title = Text(en="Lung nodules: search of a chest CT", zh="肺结节：胸部 CT 搜索")
    reads: tuple[Reads, ...] = (
        Reads("ImagingStudy", "CT", Text(en="Chest CT, axial slices", zh="胸部 CT 横断位")),
    )
    answers: Answers = Places(PULMONARY_NODULE, Text(en="slice", zh="层"))
    after: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ("luna16_slices",)
    searches = True
    """Takes long on a whole CT, so a diagnosis includes it only where `SUWEN_SEARCH` says so."""
    perturbations: tuple[Perturbation, ...] = perturbations.ON_SLICE
    attack_unit = "HU"
    attack_strengths: tuple[float, ...] = (5.0, 10.0, 25.0)
    domain_names: Final = {
        "lung_cm2": Text(en="The lungs' area in the slice (cm2)", zh="该层肺面积（cm2）"),
        "lung_hu": Text(en="The median value inside the lungs (HU)", zh="肺内 CT 值中位数（HU）"),
        "body_hu": Text(en="The median value of the body (HU)", zh="体部 CT 值中位数（HU）"),
    }
    recipe = Recipe(
        folds=3,
        epochs=18,
        patience=18,
        batch_size=16,
        learning_rate=2e-3,
        weight_decay=2e-2,
        dropout=0.1,
    )

    def samples(self, case: Case, earlier: Sequence[Finding]) -> list[Sample]:
        """Return one sample for each CT series that shows a whole chest."""
        found = []
        for series in answered_volumes(case):
            if series.modality != "CT" or (data := scan_of(series)) is None:
                continue
            try:
                points = given_in(case, series)
            except BadInput:
                points = []  # the tasks that answer about a point say so
            data = replace(data, given=tuple((one.point, tracking) for one, tracking in points))
            beside = (one.reference for one, _ in points)
            inputs = (series.reference, *series.blobs, *beside)
            found.append(Sample(series.series_uid, data, (whole_region(series, data),), inputs))
        return found

    def examples(self, data: DataFolders, dataset: str) -> Examples:
        """Return the labelled slices.

        Raises
        ------
        BadInput
            No picture of the tables is there.
        """
        slices = read_slices(data)
        if not slices:
            raise BadInput(
                "images.csv names no picture that is there", "images/ beside it", "unpack it whole"
            )
        counts = np.array([int((one.places[:, 3] > 0).sum()) for one in slices])
        return Examples(
            source=SLICES_SOURCE,
            keys=tuple(one.name for one in slices),
            groups=np.array([one.patient for one in slices]),
            labels=counts,
            load=lambda i: Sample(slices[i].name, labelled(slices[i])),
            truth=lambda i: places_of(slices[i]),
            columns={"split": np.array([one.split for one in slices])},
            tags=tag_columns(data.find(LUNG_SLICES), [one.name for one in slices]),
            floor_marks={"difference of Gaussians": lambda i: blobs(slices[i].hu)},
        )

    def fit(
        self, train: Examples, valid: Examples, recipe: Recipe, folder: Path
    ) -> Mapping[str, Any]:
        """Train one member."""
        from suwen.imaging.detection import fit as fit_detection

        return fit_detection.fit(train, valid, recipe, folder)

    def predict(self, pack: Pack, sample: Sample, members: Sequence[int] | None = None) -> Output:
        """Return the marks: logit, place (x, y, z) in mm (LPS), diameter in mm."""
        data: ScanInput = sample.data
        nothing = np.zeros(0)
        if data.refusal is not None:
            domain = dict.fromkeys(pack.guard.ranges, 0.0)
            return Output(nothing, domain, marks=np.zeros((0, 5)))
        chosen = list(range(pack.members)) if members is None else list(members)
        volume = data.volume
        if len(volume.values) == 1:
            flat = np.asarray(volume.values[0], np.float32)
            marks = marks_of(slice_maps(networks_of(pack, chosen), flat, volume.spacing[1:]))
            index = marks[:, [2, 1]] / volume.spacing[1:]
            points = volume.to_point(np.column_stack([np.zeros(len(marks)), index]))
            placed = np.column_stack([marks[:, 0], points, marks[:, 3]])
            return Output(nothing, domain_of(flat, volume), marks=placed)
        found = SEARCHES.of(volume, pack.sha256, chosen, lambda some: networks_of(pack, some))
        domain = dict.fromkeys(pack.guard.ranges, 0.0)
        if found.lungs.found:
            flat = np.asarray(volume.values[fullest(found.lungs, volume)], np.float32)
            domain = domain_of(flat, volume)
        return Output(nothing, domain, marks=found.marks, parts={"lungs": found.lungs})

    def findings(self, pack: Pack, sample: Sample, output: Output) -> list[Finding]:
        """Return a finding for each mark that is shown, or why the CT was not searched.

        Of a whole CT at most `MOST_SHOWN` are shown, the strongest; those from the stricter
        threshold on are in the rule-in band, and only they are explained here, and measured and
        scored by the tasks that come after. One more finding says that it was searched and how many
        places were marked, also when there is none.
        """
        data: ScanInput = sample.data
        lungs: Lungs | None = output.parts.get("lungs")
        reasons = [data.refusal] if data.refusal else pack.guard.reasons(output.domain)
        if lungs is not None and not lungs.found:
            reasons = [NO_LUNGS]
        if reasons:
            return [abstention(self, pack, sample, reasons)]
        marked = say.marked(self, pack, sample, output)
        told = []
        if len(data.volume.values) > 1:
            marked = marked[:MOST_SHOWN]
            told = [_searched(self, pack, sample, [found for _, found in marked])]
        ratio = np.mean([pack.member(k)["diameter_ratio"] for k in range(pack.members)], axis=0)
        marked = explained(self, pack, sample, marked)
        known = identities(sample, [mark for mark, _ in marked])
        return told + [
            _placed(found, mark, tracking, sample, lungs, ratio)
            for (mark, found), tracking in zip(marked, known, strict=True)
        ]

    def attack_input(self, pack: Pack, sample: Sample) -> Floats:
        """Return the labelled slice in HU, shape (1, y, x)."""
        return np.asarray(sample.data.volume.values, dtype=np.float32)

    def with_input(self, pack: Pack, sample: Sample, values: Floats) -> Sample:
        """Return the sample with those voxels replaced."""
        return replace(sample, data=sample.data.with_values(values))

    def harm_gradient(
        self,
        pack: Pack,
        sample: Sample,
        values: Floats,
        members: Sequence[int],
        truth: NDArray[np.float64],
    ) -> Floats:
        """Return the slope of false marks against true places, per HU of each voxel."""
        data = sample.data.with_values(values)
        return attacked.marks_gradient(pack, data, members, truth)


def identities(sample: Sample, marks: Sequence[NDArray[np.float64]]) -> list[Tracking]:
    """Return whose each mark is: the strongest at a point that a person gave is that nodule."""
    free = list(sample.data.given)
    number = len(free)
    found = []
    for mark in marks:
        near = [one for one in free if math.dist(one[0], mark[1:4]) <= reach_of(float(mark[4]))]
        if near:
            same = min(near, key=lambda one: math.dist(one[0], mark[1:4]))
            free.remove(same)
            found.append(same[1])
            continue
        number += 1
        x, y, z = (float(value) for value in mark[1:4])
        found.append(identity_of(sample.key, (x, y, z), number))
    return found


def domain_of(flat: Floats, volume: Volume) -> dict[str, float]:
    """Return what the guard looks at in one slice (y, x) in HU."""
    low, high = LUNG_WINDOW
    flat = np.clip(flat, low, high)
    body = ndimage.binary_fill_holes(ndimage.binary_opening(flat > LUNG_HU, iterations=2))
    lung = ndimage.binary_erosion(body) & (flat < LUNG_HU)
    soft = body & (flat >= LUNG_HU)
    area = float(lung.sum()) * volume.spacing[1] * volume.spacing[2] / 100
    return {
        "lung_cm2": area,
        "lung_hu": float(np.median(flat[lung])) if lung.any() else 0.0,
        "body_hu": float(np.median(flat[soft])) if soft.any() else 0.0,
    }


def fullest(lungs: Lungs, volume: Volume) -> int:
    """Return the number of the slice that shows the most lung."""
    level = int((lungs.labels > 0).sum((1, 2)).argmax())
    point = lungs.grid.to_point(np.array([float(level), 0.0, 0.0]))
    return int(np.clip(round(float(volume.to_index(point)[0])), 0, len(volume.values) - 1))


def blobs(hu: Floats) -> NDArray[np.float64]:
    """Return what a difference of Gaussians marks on a slice with 1 mm pixels, no learning.

    Bright round spots of 3 to 20 mm surrounded by something dark. Source: Lowe, IJCV 60:91-110,
    2004 (scale-space extrema).
    """
    image = np.clip(hu, -1000, 200)
    widths = np.array([1.2 * 1.4**k for k in range(7)])
    blurred = np.stack([ndimage.gaussian_filter(image, float(width)) for width in widths])
    contrast = blurred[:-1] - blurred[1:]
    peak = (contrast == ndimage.maximum_filter(contrast, (3, 5, 5))) & (contrast > 20)
    around = ndimage.uniform_filter((image < -600).astype(np.float32), 25)
    level, y, x = np.nonzero(peak & (around > 0.35)[None])
    found = [contrast[level, y, x] / 100, x, y, np.zeros(len(x)), 2 * np.sqrt(2) * widths[level]]
    return np.asarray(np.column_stack(found), dtype=np.float64)


def _region(series_evidence: ImageRegion, mark: NDArray[np.float64], uid: str) -> ImageRegion:
    x, y, z, wide = (round(float(value), 2) for value in mark[1:5])
    half = wide / 2
    return series_evidence.model_copy(
        update={
            "centre": (x, y, z),
            "low": (x - half, y - half, z - half),
            "high": (x + half, y + half, z + half),
            "instance_uid": uid or series_evidence.instance_uid,
        }
    )


def _searched(
    task: NoduleDetection, pack: Pack, sample: Sample, marks: Sequence[Finding]
) -> Finding:
    """Return the finding that a CT was searched, with what that is worth."""
    thresholds = pack.answers.place_thresholds
    share, alarms = thresholds.measured_sensitivity, thresholds.measured_false_alarms
    slices = len(sample.data.volume.values)
    worth = Text(
        en=f"All {slices} slices were searched; the strongest marks are shown, at most "
        f"{MOST_SHOWN}. On single slices in validation such marks found {share:.0%} of the "
        f"nodules, with {alarms:.2f} false alarms per slice; on whole CTs this was not measured. "
        "Weaker marks are mostly false alarms and are not measured until a person points there. "
        "Where nothing is marked there may still be a nodule.",
        zh=f"共搜索 {slices} 层，仅显示最强的标记，至多 {MOST_SHOWN} 处。在单层验证中，此类标记检出"
        f" {share:.0%} 的结节，每层假阳性 {alarms:.2f} 个；整幅 CT 上未经测量。"
        "较弱的标记多为假阳性，经医生点选后才测量。未标记处仍可能有结节。",
    )
    strong = sum(found.band is Band.RULE_IN for found in marks)
    return Finding(
        task=task.name,
        pack=pack.identity,
        code=NODULE_SEARCH,
        status=Status.SUGGESTED,
        band=Band.GREY,
        reason=worth,
        measures=(_count(MARKS, strong), _count(WEAK_MARKS, len(marks) - strong)),
        evidence=sample.evidence,
    )


def _count(code: Code, number: int) -> Measure:
    value = float(number)
    return Measure(code=code, interval=Interval(value=value, low=value, high=value), unit="1")


def _placed(
    found: Finding,
    mark: NDArray[np.float64],
    tracking: Tracking,
    sample: Sample,
    lungs: Lungs | None,
    ratio: NDArray[np.float64],
) -> Finding:
    """Return the finding of one mark with its place, size, lobe and identity.

    `ratio` are the ends of log(true diameter / diameter of the mark) for 95 % of found nodules.
    """
    data: ScanInput = sample.data
    x, y, z = (float(value) for value in mark[1:4])
    wide = float(mark[4])
    last = len(data.volume.values) - 1
    level = int(np.clip(round(float(data.volume.to_index((x, y, z))[0])), 0, last))
    low, high = wide * np.exp([min(float(ratio[0]), 0.0), max(float(ratio[1]), 0.0)])
    update: dict[str, Any] = {"status": Status.SUGGESTED}
    whole = next((one for one in sample.evidence if isinstance(one, ImageRegion)), None)
    if whole is not None:
        uid = data.slice_uids[level]
        region = _region(whole, mark, uid)
        zone = _ZONES.get(lungs.zone((x, y, z))) if lungs else None
        place_in = _where(level, last + 1, zone, (wide, float(low), float(high)))
        position = data.position((x, y, z))
        note = joined(place_in, position.text, whole.note)
        update |= {
            "evidence": (region.model_copy(update={"note": note}),),
            "tracking": tracking,
            "site": position.site,
        }
    return found.model_copy(update=update)


def _where(level: int, count: int, zone: Text | None, wide: tuple[float, float, float]) -> Text:
    """Say the slice, the third of the lung and about how large the mark is, with its interval."""
    size = f"{wide[0]:.0f} mm ({wide[1]:.0f}-{wide[2]:.0f} mm)"
    third = zone or Text(en="in or at a lung", zh="肺内或肺旁")
    return Text(
        en=f"Slice {level + 1} of {count}, {third.en}, about {size} wide.",
        zh=f"第 {level + 1} 层（共 {count} 层），{third.zh}，直径约 {size}。",
    )


register(NoduleDetection())
