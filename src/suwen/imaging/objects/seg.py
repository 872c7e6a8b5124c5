"""DICOM Segmentation of the masks of findings, on the slices of the source series.

Each finding with a `mask` attachment (NIfTI in the patient frame, on any grid) becomes one segment
with its tracking identifier. The mask is resampled to each source slice by that slice's own plane,
so that uneven, tilted and oblique series stay right.

Reference: DICOM PS3.3 2024e section A.51 (Segmentation IOD).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.metadata import version
from io import BytesIO
from typing import Any, Final

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from scipy import ndimage

from suwen.core.codes import NODULE, SNOMED
from suwen.core.errors import BadInput
from suwen.core.nouns import Finding
from suwen.imaging.objects.coding import MANUFACTURER, MODEL, algorithm, concept
from suwen.imaging.reading.assembly import Series
from suwen.imaging.reading.geometry import Slice
from suwen.imaging.reading.instance import headers_for
from suwen.imaging.reading.nifti import read_nifti
from suwen.imaging.reading.uids import uid_from
from suwen.imaging.volumes.volume import Volume

INSIDE: Final = 0.5
"""Interpolated mask value from which a pixel belongs to the segment."""
SERIES_NUMBER: Final = 9001
_COLOURS: Final = ((255, 96, 64), (64, 176, 255), (96, 220, 96), (255, 200, 64), (200, 96, 255))
DEVICE: Final = {"software_versions": version("suwen"), "device_serial_number": "0"}
"""What objects that name their device say of it."""

MODULES: Final = "patient, study, frame of reference and image plane modules"
"""What an object on the planes of a series copies from it."""

Bits = NDArray[np.bool_]


def segmentation(
    series: Series,
    findings: Sequence[Finding],
    blob: Callable[[str], bytes] | None = None,
    created: datetime | None = None,
) -> bytes:
    """Return a binary DICOM SEG with one segment a finding that has a mask.

    Parameters
    ----------
    series
        The source series (`CaseSeries.source`).
    findings
        Findings; those without a mask on this series are passed over.
    blob
        Returns stored bytes by SHA-256, for attachments that no longer hold their data.
    created
        When the content was made; now when not given. Equal input then gives equal bytes.

    Raises
    ------
    BadInput
        No mask meets the series, or its headers lack what a SEG must copy.
    """
    drawn: list[tuple[Finding, Bits]] = []
    for finding in findings:
        mask = attached(finding, "mask", blob)
        if mask is not None:
            bits = on_slices(series.slices, mask)
            if bits.any():
                drawn.append((finding, bits))
    if not drawn:
        raise BadInput(
            "no mask that meets the series",
            "a finding with a mask attachment in the series' frame of reference",
            "segment the nodule first",
        )
    seed = f"seg {series.series_uid} {series.part} " + " ".join(one.id for one, _ in drawn)
    with headers_for("a segmentation", MODULES):
        return _encode(series, drawn, seed, created)


def attached(
    finding: Finding, role: str, blob: Callable[[str], bytes] | None = None
) -> Volume | None:
    """Return the volume attached to a finding under a role; None where there is none."""
    for attachment in finding.attachments:
        if attachment.role == role:
            data = attachment.data
            if data is None and blob is not None:
                data = blob(attachment.digest)
            return read_nifti(data) if data is not None else None
    return None


def on_slices(slices: Sequence[Slice], mask: Volume) -> Bits:
    """Return the mask on the pixel grid of each slice, shape (slices, rows, columns).

    Linear interpolation with threshold one half; for a mask so thin that no slice reaches it, any
    touch counts.
    """
    solid = Volume((mask.values.astype(np.float32) > 0).astype(np.float32), mask.affine)
    shares = sampled_on(slices, solid)
    bits: Bits = shares >= INSIDE
    return bits if bits.any() else shares > 0


def sampled_on(slices: Sequence[Slice], volume: Volume) -> NDArray[np.float32]:
    """Return values on the pixel grid of each slice, shape (slices, rows, columns).

    Linear interpolation by each slice's own plane; zero where the volume is zero or ends.
    """
    first = slices[0].instance
    found = np.zeros((len(slices), first.rows, first.columns), dtype=np.float32)
    values = np.pad(volume.values.astype(np.float32), 1)
    corners = _corners(volume)
    inverse = np.linalg.inv(volume.affine)
    for index, one in enumerate(slices):
        height = (corners - one.position) @ one.normal
        if height.min() > 0 or height.max() < 0:
            continue
        plane = np.stack([one.down * one.spacing[0], one.across * one.spacing[1]], axis=1)
        pixels = (corners - one.position) @ plane / np.array(one.spacing) ** 2
        low = np.maximum(np.floor(pixels.min(axis=0)).astype(int), 0)
        high = np.minimum(np.ceil(pixels.max(axis=0)).astype(int) + 1, found.shape[1:])
        if np.any(low >= high):
            continue
        rows, columns = np.mgrid[low[0] : high[0], low[1] : high[1]]
        points = np.stack([rows, columns], axis=-1) @ plane.T + one.position
        at = points @ inverse[:3, :3].T + inverse[:3, 3] + 1  # one voxel of padding
        box = found[index, low[0] : high[0], low[1] : high[1]]
        box[:] = ndimage.map_coordinates(values, np.moveaxis(at, -1, 0), order=1)
    return found


def _corners(mask: Volume) -> NDArray[np.float64]:
    """Return the corners (8, 3) in mm of the box around what is not zero, one voxel wider."""
    places = np.argwhere(mask.values != 0)
    if not len(places):
        return np.full((8, 3), np.inf)
    low, high = places.min(axis=0) - 1.0, places.max(axis=0) + 1.0
    grid = np.stack(np.meshgrid(*zip(low, high, strict=True), indexing="ij"), axis=-1)
    return mask.to_point(grid.reshape(-1, 3))


def _encode(
    series: Series,
    drawn: Sequence[tuple[Finding, Bits]],
    seed: str,
    created: datetime | None,
) -> bytes:
    used = np.any([bits.any(axis=(1, 2)) for _, bits in drawn], axis=0)
    source, kept = _source(series, used)
    frames = np.stack([bits[kept] for _, bits in drawn], axis=-1)
    segment_descriptions = [
        _describe(number, finding) for number, (finding, _) in enumerate(drawn, start=1)
    ]
    document = hd.seg.Segmentation(
        source_images=source,
        pixel_array=frames,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=segment_descriptions,
        **origin(seed, SERIES_NUMBER),
        **DEVICE,
        content_label="NODULES",
        content_description="Nodules segmented by software",
        series_description="Nodule segmentation (software, unverified)",
    )
    if created is not None:
        stamp(document, created, seed)
    return encoded(document)


def _source(series: Series, used: Bits) -> tuple[list[Dataset], NDArray[np.intp]]:
    """Return the source headers, and for each the index of its slice in the stack.

    Single-frame: only the slices a mask touches. Multi-frame: all frames in stored order.
    """
    first = series.slices[0].instance
    if first.frames > 1:
        order = sorted(range(len(series.slices)), key=lambda n: series.slices[n].frame)
        if len(order) != first.frames or len(set(series.instance_uids)) != 1:
            raise ValueError("one stack in one multi-frame object is needed")
        return [first.referable], np.array(order, dtype=np.intp)
    kept = np.flatnonzero(used)
    return [series.slices[int(index)].instance.referable for index in kept], kept


def _describe(number: int, finding: Finding) -> hd.seg.SegmentDescription:
    name, release = algorithm(finding.pack)
    code = finding.code if finding.code.system == SNOMED else NODULE
    label = finding.tracking.label if finding.tracking else f"{code.name.en} {number}"
    rgb = np.array(_COLOURS[(number - 1) % len(_COLOURS)], dtype=np.uint8)
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=label[:64],
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=concept(code),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=name,
            family=codes.DCM.ArtificialIntelligence,
            version=release,
            source=MANUFACTURER,
        ),
        tracking_uid=tracking_uid(finding),
        tracking_id=label[:64],
        anatomic_regions=[concept(finding.site)] if finding.site else [codes.SCT.Lung],
        display_color=hd.color.CIELabColor.from_rgb(*(int(part) for part in rgb)),
    )


def tracking_uid(finding: Finding) -> str:
    """Return the lesion's tracking UID; derived from the finding when it has none."""
    return finding.tracking.uid if finding.tracking else uid_from(f"tracking {finding.id}")


def origin(seed: str, series_number: int) -> dict[str, Any]:
    """Return what every object written here says of where it comes from; one series each."""
    return {
        "series_instance_uid": uid_from(f"series {seed}"),
        "series_number": series_number,
        "sop_instance_uid": uid_from(f"instance {seed}"),
        "instance_number": 1,
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MODEL,
    }


def stamp(document: Dataset, moment: datetime, seed: str) -> None:
    """Replace the clock times and the random UID that highdicom writes, for equal bytes."""
    day, time = moment.strftime("%Y%m%d"), moment.strftime("%H%M%S")
    fixed = {
        "ContentDate": day,
        "SeriesDate": day,
        "InstanceCreationDate": day,
        "ContentTime": time,
        "SeriesTime": time,
        "InstanceCreationTime": time,
        "ContributionDateTime": day + time,
        "DimensionOrganizationUID": uid_from(f"dimensions {seed}"),
    }
    for element in document.iterall():
        if element.keyword in fixed:
            element.value = fixed[element.keyword]


def encoded(document: Dataset) -> bytes:
    """Return the file's bytes with all text in UTF-8, whatever the source was written in."""
    document.SpecificCharacterSet = "ISO_IR 192"
    stream = BytesIO()
    document.save_as(stream)
    return stream.getvalue()
