"""What there is to answer about in a Case: one sample for each point of a CT series.

Points are given by people or marked by the search of the CT; what is marked near a given point is
that point. A small volume of interest is answered about at its middle. On a whole CT on which
nothing is given and nothing marked the tasks abstain and ask for a point.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from scipy import ndimage

from suwen.core.codes import Text
from suwen.core.errors import BadInput
from suwen.core.nouns import (
    Band,
    Case,
    Evidence,
    Finding,
    ImageRegion,
    Point,
    RecordValue,
    Reference,
    Tracking,
)
from suwen.imaging.anatomy import situs
from suwen.imaging.anatomy.lobes import NOT_WHOLE
from suwen.imaging.case.points import POINT_PATH, GivenPoint, points_in
from suwen.imaging.case.series import CaseSeries, answered_volumes
from suwen.imaging.nodules.data import centre_of
from suwen.imaging.reading.nifti import read_nifti
from suwen.imaging.reading.problem import joined
from suwen.imaging.reading.uids import uid_from
from suwen.imaging.volumes.nodule import NoduleInput, Position, cut_around, is_axial, place_in
from suwen.imaging.volumes.volume import Volume
from suwen.lifecycle.examples import Sample

INTEREST_MM: Final = 80.0
"""A CT series narrower than this in-plane is a volume of interest around one nodule."""
BODY_HU: Final = -300.0
MODALITY: Final = "CT"
SAME_MM: Final = 6.0
"""A mark this close to a given point, or within its own radius, is what the person pointed at."""
AROUND_MM: Final = 5.0
"""Half the edge of the box that stands for a point before anything is segmented."""

NEEDS_POINT: Final = Text(
    en="A whole CT without a point and without a mark of the search, which does not rule out a "
    "nodule: a person can give a place.",
    zh="整幅 CT 未给出标注点，也无搜索标记，但不能据此排除结节：可由医生指定位置。",
)
NOT_AXIAL: Final = Text(
    en="The slices do not lie across the body; the pack was validated on axial slices only.",
    zh="该序列不是横断位，模型包仅在横断位上验证过。",
)
OUTSIDE: Final = Text(
    en="The given point lies outside the images.", zh="给出的标注点在图像范围之外。"
)
UNREADABLE: Final = Text(en="The pixels of the series cannot be read.", zh="该序列的像素无法读取。")
MARKED: Final = Text(
    en="Marked by the search, not by a person: what is measured and scored holds if it is a "
    "nodule. The score was validated on nodules alone.",
    zh="由搜索标记，未经医生确认：仅当其确为结节时，测量与评分才有意义。评分仅在结节上验证过。",
)
MIDDLE_TAKEN: Final = Text(
    en="No point was given; the series is a small volume of interest, so its middle was taken.",
    zh="未给出标注点；该序列为小范围感兴趣区，故取其中心。",
)
NO_LUNGS: Final = Text(
    en="No lungs are seen on this CT, so it is not answered about: the packs know lung nodules "
    "only.",
    zh="该 CT 上未见肺，故不作答：模型包仅适用于肺结节。",
)
NOT_AT_LUNG: Final = Text(
    en="The given point lies outside the lungs (more than 20 mm away), so it is not answered "
    "about: the packs know lung nodules only.",
    zh="标注点在肺外（距离超过 20 mm），故不作答：模型包仅适用于肺结节。",
)
WHOLE_MM: Final = (60.0, 160.0, 160.0)
"""A CT at least this large along (z, y, x) shows enough to look for lungs."""
AT_LUNG_MM: Final = 20.0
"""How far from a lung a point may lie: consolidation and a nodule at the hilum are not aerated."""
NO_MASK: Final = Text(
    en="The nodule was not segmented, so it is not scored.", zh="结节未能分割，故不给出评分。"
)


def located(case: Case, marked: Sequence[Finding] = ()) -> list[Sample]:
    """Return a sample for each point in each CT series of the Case; see the module's text.

    `marked` are the findings of the search.
    """
    series_list = [one for one in answered_volumes(case) if one.modality == MODALITY]
    found = [sample for series in series_list for sample in _given(case, series)]
    found += [sample for series in series_list for sample in _marked(series, marked, found)]
    found += [
        sample
        for series in series_list
        if not any(sample.key.partition("@")[0] == series.series_uid for sample in found)
        for sample in _middle(series)
    ]
    if not found and series_list:
        chests = [one for one in series_list if not_chest(one) is None]
        why = NEEDS_POINT if chests else NO_LUNGS
        found.append(_refused(chests[0] if chests else series_list[0], why))
    return found


def not_chest(series: CaseSeries) -> Text | None:
    """Say why a whole CT shows no chest; None where it does, or is too small to tell."""
    try:
        return None if not shows_whole(series.volume) or series.lungs.found else NO_LUNGS
    except BadInput:
        return UNREADABLE


def shows_whole(volume: Volume) -> bool:
    """Say whether an axial CT is large enough to look for lungs on it."""
    size = np.array(volume.values.shape) * volume.spacing
    return is_axial(volume) and bool(np.all(size >= WHOLE_MM))


def _outside_lungs(series: CaseSeries, point: Point) -> Text | None:
    """Say why a point of a whole CT is not answered about; None at a lung, or on a part."""
    if not shows_whole(series.volume):
        return None
    if not series.lungs.found:
        return NO_LUNGS
    near = series.lungs.holds(np.array([point]), AT_LUNG_MM)[0]
    return None if near else NOT_AT_LUNG


def given_in(case: Case, series: CaseSeries) -> list[tuple[GivenPoint, Tracking]]:
    """Return the points a person gave in a series, each with the identity its nodule has.

    Raises
    ------
    BadInput
        A point record is incomplete, or pixels that are needed cannot be read.
    """
    return [
        (given, identity_of(series.series_uid, given.point, number))
        for number, given in enumerate(points_in(case, series), start=1)
    ]


def identity_of(series_uid: str, point: Point, number: int) -> Tracking:
    """Return the identity of the nodule at a place: its UID follows from the place alone."""
    return Tracking(uid=uid_from(f"nodule {_key(series_uid, point)}"), label=f"Nodule {number}")


def _key(series_uid: str, point: Point) -> str:
    """Return what tells a nodule of a series apart from others: its place."""
    x, y, z = (round(value, 1) + 0.0 for value in point)
    return f"{series_uid}@{x:.1f},{y:.1f},{z:.1f}"


def _given(case: Case, series: CaseSeries) -> Iterator[Sample]:
    try:
        points = given_in(case, series)
    except BadInput:
        return  # pixels that cannot be read: `_middle` says so
    beside = tuple(given.reference for given, _ in points)
    for given, tracking in points:
        pointed = RecordValue(record=given.reference, path=POINT_PATH)
        yield _sample(series, given.point, tracking, evidence=(pointed,), inputs=beside)


def _marked(
    series: CaseSeries, marked: Sequence[Finding], given: Sequence[Sample]
) -> Iterator[Sample]:
    """Yield a sample for each strong mark in a series that is not near a given point."""
    points = [one.data.point for one in given if one.key.partition("@")[0] == series.series_uid]
    for finding in marked:
        place = next((one for one in finding.evidence if isinstance(one, ImageRegion)), None)
        if finding.band is not Band.RULE_IN or finding.tracking is None:
            continue  # weaker marks wait for a person; what says how the search went is no mark
        if place is None or place.series_uid != series.series_uid:
            continue
        reach = reach_of(place.high[0] - place.low[0])
        if all(math.dist(place.centre, point) > reach for point in points):
            rests_on = (f"Finding/{finding.id}",)
            yield _sample(series, place.centre, finding.tracking, note=MARKED, inputs=rests_on)


def reach_of(wide: float) -> float:
    """Return how near a point has to be to a mark of this diameter to be the same place, in mm."""
    return max(SAME_MM, wide / 2)


def _middle(series: CaseSeries) -> Iterator[Sample]:
    try:
        volume = series.volume
    except BadInput:
        yield _refused(series, UNREADABLE)
        return
    _, height, width = np.array(volume.values.shape) * volume.spacing
    if max(height, width) < INTEREST_MM:
        middle = centre_of(volume)
        tracking = identity_of(series.series_uid, middle, 1)
        yield _sample(series, middle, tracking, note=MIDDLE_TAKEN)


def _sample(
    series: CaseSeries,
    point: Point,
    tracking: Tracking,
    *,
    note: Text | None = None,
    evidence: tuple[Evidence, ...] = (),
    inputs: tuple[Reference, ...] = (),
) -> Sample:
    """Return the sample of a point; `inputs` are what else decides it beside the series."""
    key = _key(series.series_uid, point)
    inputs = (series.reference, *series.blobs, *inputs)
    if (refused := _why_not(series, point)) is not None:
        known = refused is not UNREADABLE
        return _refused(series, refused, key if known else "", inputs if known else ())
    position = position_of(series, point)
    where = region(series, point, point, joined(note, position.text))
    near = cut_around(series.volume, point)
    data = NoduleInput(
        volume=near,
        point=point,
        slice_uids=slice_uids(series, near),
        uid=tracking.uid,
        label=tracking.label,
        side=position.side,
        lobe=position.lobe,
        where=position.text,
    )
    return Sample(key, data, (where, *evidence), inputs)


def _why_not(series: CaseSeries, point: Point) -> Text | None:
    """Say why nothing is answered about a point of a series; None when nothing speaks against."""
    try:
        volume = series.volume
    except BadInput:
        return UNREADABLE
    if not volume.holds(point):
        return OUTSIDE
    return _outside_lungs(series, point) if is_axial(volume) else NOT_AXIAL


def _refused(
    series: CaseSeries, why: Text, key: str = "", inputs: tuple[Reference, ...] = ()
) -> Sample:
    nothing = NoduleInput(Volume(np.zeros((1, 1, 1), np.float32), np.eye(4)), (0, 0, 0))
    data = NoduleInput(nothing.volume, nothing.point, refusal=why)
    return Sample(key or series.series_uid, data, (), inputs or (series.reference, *series.blobs))


def region(series: CaseSeries, low: Point, high: Point, note: Text | None = None) -> ImageRegion:
    """Return the evidence for a box in a series (a point when `low` is `high`)."""
    centre = tuple((a + b) / 2 for a, b in zip(low, high, strict=True))
    x, y, z = centre
    grown = AROUND_MM if low == high else 0.0
    return ImageRegion(
        record=series.reference,
        study_uid=series.study_uid,
        series_uid=series.series_uid,
        frame_of_reference_uid=series.frame_of_reference_uid,
        centre=(x, y, z),
        low=(low[0] - grown, low[1] - grown, low[2] - grown),
        high=(high[0] + grown, high[1] + grown, high[2] + grown),
        instance_uid=series.instance_at((x, y, z)),
        note=joined(note, series.remark),
    )


def slice_uids(series: CaseSeries, volume: Volume) -> tuple[str, ...]:
    """Return the SOP Instance UID of each slice of a part of the series."""
    middle = (np.array(volume.values.shape[1:]) - 1) / 2
    places = volume.to_point(
        np.array([[z, *middle] for z in range(len(volume.values))], dtype=float)
    )
    return tuple(series.instance_at((float(x), float(y), float(z))) for x, y, z in places)


def position_of(series: CaseSeries, point: Point) -> Position:
    """Return where in the lungs a point of a CT lies: the lobe where both lungs are seen whole.

    Neither side nor lobe is named where left and right look exchanged.
    """
    if not shows_whole(series.volume):
        return Position(side_of(series.volume, point), text=NOT_WHOLE)
    if series.mirrored:
        return Position(text=situs.MIRRORED)
    found = series.lobes.at(point)
    return found if found.side else Position(side_of(series.volume, point), text=found.text)


def side_of(volume: Volume, point: Point) -> str:
    """Return `left` or `right` where the slice shows the whole chest, otherwise an empty text.

    The side is that of the point relative to the middle of the body in its slice.
    """
    _, height, width = np.array(volume.values.shape) * volume.spacing
    if min(height, width) < 2 * INTEREST_MM:
        return ""
    z = int(np.clip(round(float(volume.to_index(point)[0])), 0, len(volume.values) - 1))
    body = ndimage.binary_opening(volume.values[z][::2, ::2] > BODY_HU, iterations=2)
    if not body.any():
        return ""
    y, x = np.argwhere(body).mean(0) * 2
    middle = volume.to_point(np.array([float(z), y, x]))
    return "left" if point[0] > middle[0] else "right"


def segmented(case: Case, earlier: Sequence[Finding]) -> list[Sample]:
    """Return a sample for each earlier segmentation finding, with the mask it found."""
    series_of = {one.series_uid: one for one in answered_volumes(case) if one.modality == MODALITY}
    found = []
    for finding in earlier:
        place = next((one for one in finding.evidence if isinstance(one, ImageRegion)), None)
        series = series_of.get(place.series_uid) if place else None
        if finding.band is Band.ABSTAIN or place is None or series is None:
            found.append(_passed_on(finding, series_of))
        else:
            found.append(_with_mask(case, finding, series, place))
    return found


def _passed_on(finding: Finding, series_of: dict[str, CaseSeries]) -> Sample:
    """Abstain for the reason for which the segmentation did."""
    nothing = Volume(np.zeros((1, 1, 1), np.float32), np.eye(4))
    tracking = finding.tracking
    data = NoduleInput(
        nothing,
        (0, 0, 0),
        refusal=finding.reason or NO_MASK,
        uid=tracking.uid if tracking else "",
        label=tracking.label if tracking else "",
    )
    inputs = tuple(dict.fromkeys(one.reference for one in series_of.values()))
    return Sample(f"finding {finding.id}", data, finding.evidence, inputs)


def _with_mask(case: Case, finding: Finding, series: CaseSeries, place: ImageRegion) -> Sample:
    attached = next(one for one in finding.attachments if one.role == "mask")
    mask = read_nifti(attached.data if attached.data is not None else case.blob(attached.digest))
    whole = series.volume
    start = np.round(whole.to_index(mask.affine[:3, 3])).astype(int)
    box = tuple(slice(a, a + n) for a, n in zip(start, mask.values.shape, strict=True))
    near = Volume(whole.values[box], mask.affine)
    if near.values.shape != mask.values.shape:
        raise BadInput(
            "a mask that does not lie on the grid of its series",
            "the mask of the segmentation finding on the same series",
            "segment the nodule again",
        )
    tracking = finding.tracking
    x, y, z = place.centre
    side, lobe = place_in(finding.site)
    data = NoduleInput(
        volume=near,
        point=(x, y, z),
        mask=np.asarray(mask.values) > 0,
        slice_uids=slice_uids(series, near),
        uid=tracking.uid if tracking else "",
        label=tracking.label if tracking else "",
        side=side,
        lobe=lobe,
    )
    inputs = (series.reference, *series.blobs)
    given = [one for one in finding.evidence if isinstance(one, RecordValue)]
    return Sample(
        f"{series.series_uid}@{x:.1f},{y:.1f},{z:.1f}",
        data,
        finding.evidence,
        (*inputs, *(one.record for one in given)),
    )
